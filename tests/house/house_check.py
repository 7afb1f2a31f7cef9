#!/usr/bin/env python3
"""Holds the source tree to the rules of the house; prints each breach as file:line: what, and what to do.

Usage: house_check.py [ROOT]      exit 0: all kept, 1: breaches, 2: the tree cannot be read

The rules (their names are the words in brackets that end a message):
  declared    every folder of src/ that has sources is a ringmain_module() in src/CMakeLists.txt, and once
  layer       a module USES only modules that are declared above it
  cycle       no module reaches itself through USES
  include     src/: an #include of another module needs that module in the includer's own USES list;
              include/: nothing from src/; tools/: only modules that tools/CMakeLists.txt links
  spelling    src/: a quoted #include starts with its module (or ringmain/), so that it can be held to a list
  says-what   headers and scripts start with a comment that says what they are
  length      a source file under src/ has at most MAX_LINES lines
  leftover    no marks for work left undone
It reads text only, so it runs on a tree that does not build. house_check_test.py plants a breach
of each rule and fails if it is not caught.
"""
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

MAX_LINES = 450  # longer files have become the place that coordinates everything: split by idea
MIN_WORDS = 3    # fewer words than this do not say what a file is

CODE = {".hpp", ".h", ".cpp", ".cc", ".c"}
HEADERS = {".hpp", ".h"}
SOURCES = CODE | {".py", ".schema", ".sh", ".js", ".mjs", ".css", ".html", ".cmake", ".pml"}
PROSE = {".md"}
TREES = ("src", "include", "tools", "tests", "bench", "docs")
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__", ".git", ".cache"}
# Spelled in halves, so that this file keeps its own rule.
LEFTOVER = re.compile(r"\b(" + "TO" + "DO|" + "FIX" + r"ME)\b")
INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")


@dataclass(frozen=True, order=True)
class Breach:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message} [{self.rule}]"


@dataclass
class Module:
    name: str
    line: int
    uses: list


@dataclass(frozen=True)
class Include:
    path: str     # of the includer, below the root
    line: int
    quoted: bool
    target: str   # what stands between the quotes or brackets

    @property
    def first(self):
        return self.target.split("/", 1)[0] if "/" in self.target else None


def without_comments(cmake_text):
    """CMake text with its comments blanked; line numbers stay."""
    return re.sub(r"#[^\n]*", "", cmake_text)


def parse_modules(text):
    """The ringmain_module() calls of src/CMakeLists.txt, in their order."""
    text = without_comments(text)
    modules = []
    for call in re.finditer(r"(?<![\w])ringmain_module\s*\(([^)]*)\)", text):
        if re.search(r"(function|macro)\s*\(\s*$", text[:call.start()]):
            continue
        words = call.group(1).split()
        if not words:
            continue
        uses, keyword = [], None
        for word in words[1:]:
            if word in ("USES", "LINKS"):
                keyword = word
            elif keyword == "USES":
                uses.append(word)
        modules.append(Module(words[0], text.count("\n", 0, call.start()) + 1, uses))
    return modules


def parse_links(text):
    """The modules that a CMakeLists.txt links, as ringmain_NAME, without their own uses."""
    names = set()
    for call in re.finditer(r"target_link_libraries\s*\(([^)]*)\)", without_comments(text)):
        names.update(word[len("ringmain_"):] for word in call.group(1).split()
                     if word.startswith("ringmain_"))
    return names


def reachable(names, uses):
    """`names` and everything that they use, directly or through others."""
    seen, left = set(), list(names)
    while left:  # ends: each name enters `seen` once
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left.extend(uses.get(name, ()))
    return seen


def find_cycle(uses):
    """One cycle as a list of names whose first and last are equal, or None."""
    state = {}  # name -> "open" while on the path, "done" after

    def visit(name, path):
        state[name] = "open"
        for used in uses.get(name, ()):
            if state.get(used) == "open":
                return path[path.index(used):] + [used]
            if used in uses and used not in state:
                cycle = visit(used, path + [used])
                if cycle:
                    return cycle
        state[name] = "done"
        return None

    for name in uses:
        if name not in state:
            cycle = visit(name, [name])
            if cycle:
                return cycle
    return None


class Tree:
    """The files below a root, read once."""

    def __init__(self, root):
        self.root = Path(root)
        self.texts = {}  # path below the root -> text
        for top in TREES:
            for folder, folders, files in os.walk(self.root / top):
                folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
                for name in sorted(files):
                    path = Path(folder, name)
                    if self._is_text(path):
                        key = path.relative_to(self.root).as_posix()
                        self.texts[key] = path.read_text(encoding="utf-8", errors="replace")

    @staticmethod
    def _is_text(path):
        if path.is_symlink() or not path.is_file():
            return False
        if path.suffix in SOURCES | PROSE or path.name == "CMakeLists.txt":
            return True
        if path.suffix:
            return False
        with path.open("rb") as file:  # a script without a suffix
            return file.read(2) == b"#!"

    def below(self, *tops, suffixes=None):
        for path, text in self.texts.items():
            if path.split("/", 1)[0] in tops and (suffixes is None or Path(path).suffix in suffixes):
                yield path, text

    def includes(self, top):
        for path, text in self.below(top, suffixes=CODE):
            for number, line in enumerate(text.splitlines(), 1):
                found = INCLUDE.match(line)
                if found:
                    yield Include(path, number, found.group(1) == '"', found.group(2))


def check_modules(tree, modules):
    where = "src/CMakeLists.txt"
    seen = {}
    for module in modules:
        if module.name in seen:
            yield Breach(where, module.line, "declared",
                         f"module {module.name} is declared twice, first in line "
                         f"{seen[module.name].line}: keep one")
        for used in module.uses:
            if used not in seen:
                yield Breach(where, module.line, "layer",
                             f"{module.name} USES {used}, which is not declared above it: declare "
                             f"{used} higher up if it is the lower module, else drop the use")
        seen.setdefault(module.name, module)

    cycle = find_cycle({module.name: module.uses for module in seen.values()})
    if cycle:
        yield Breach(where, seen[cycle[0]].line, "cycle",
                     f"modules in a cycle: {' -> '.join(cycle)}: move what both need into a lower module")

    told = set()
    for path, _ in tree.below("src", suffixes=SOURCES):
        parts = path.split("/")
        if len(parts) == 2:
            yield Breach(path, 1, "declared", "a source file outside any module: move it into a "
                         "folder of src/ that src/CMakeLists.txt declares")
        elif parts[1] not in seen and parts[1] not in told:
            told.add(parts[1])
            yield Breach(path, 1, "declared", f"folder src/{parts[1]} is no declared module: add "
                         f"ringmain_module({parts[1]} USES ...) to {where}")


def check_src_includes(tree, modules):
    uses = {module.name: set(module.uses) for module in modules}
    for include in tree.includes("src"):
        parts = include.path.split("/")
        own = parts[1] if len(parts) > 2 else None
        if own not in uses:
            continue  # check_modules has named the folder already
        target = module_of(include, tree, uses)
        if target is not None:
            if target != own and target not in uses[own]:
                yield Breach(include.path, include.line, "include",
                             f'module {own} includes "{include.target}" but does not use {target}: add '
                             f"{target} to the USES of {own} in src/CMakeLists.txt if {target} is the "
                             f"lower module, else turn the dependency round")
        elif include.quoted and include.first != "ringmain":
            yield Breach(include.path, include.line, "spelling",
                         f'"{include.target}" names no module: write "module/file.hpp" for our own '
                         f"headers and <...> for other people's")


def check_public_includes(tree, modules):
    names = {module.name for module in modules}
    for include in tree.includes("include"):
        if module_of(include, tree, names) is not None:
            yield Breach(include.path, include.line, "include",
                         f'the public API includes "{include.target}" from src/: users get include/ '
                         f"alone, so declare here what they need and define it in src/client")
        elif include.quoted and include.first != "ringmain":
            yield Breach(include.path, include.line, "spelling",
                         f'"{include.target}": public headers include each other as "ringmain/..."')


def check_tool_includes(tree, modules):
    uses = {module.name: module.uses for module in modules}
    linked = reachable(parse_links(tree.texts.get("tools/CMakeLists.txt", "")), uses)
    for include in tree.includes("tools"):
        if include.quoted and (tree.root / include.path).parent.joinpath(include.target).is_file():
            continue  # a header of the tools themselves
        target = module_of(include, tree, uses)
        if target is not None and target not in linked:
            yield Breach(include.path, include.line, "include",
                         f'tools include "{include.target}" but tools/CMakeLists.txt does not link '
                         f"ringmain_{target}: link it, or go through a module that is linked")


def module_of(include, tree, names):
    """The module that an include names, or None. <net/if.h> is the system's unless src/net/if.h exists."""
    if include.first not in names:
        return None
    if include.quoted or (tree.root / "src" / include.target).is_file():
        return include.first
    return None


def check_first_comments(tree):
    for path, text in tree.below("src", "include", "tools", "tests", "bench"):
        suffix = Path(path).suffix
        lines = text.splitlines()
        script = bool(lines) and lines[0].startswith("#!")
        if suffix not in HEADERS and not script:
            continue
        first = next((line.strip() for line in lines[1 if script else 0:] if line.strip()), "")
        marks = ("//", "/*") if suffix in HEADERS else ("#", '"""', "//", "/*")
        words = re.findall(r"\w+", first) if first.startswith(marks) else []
        if len(words) < MIN_WORDS:
            yield Breach(path, 2 if script else 1, "says-what",
                         "does not start with a comment that says what the file is: add one, with the "
                         "thread or process that runs it and what it must never do")


def check_lengths(tree):
    for path, text in tree.below("src", suffixes=SOURCES):
        count = len(text.splitlines())
        if count > MAX_LINES:
            yield Breach(path, MAX_LINES + 1, "length",
                         f"{count} lines, more than {MAX_LINES}: split it by idea, one file for each")


def check_leftovers(tree):
    for path, text in tree.below(*TREES):
        for number, line in enumerate(text.splitlines(), 1):
            found = LEFTOVER.search(line)
            if found:
                yield Breach(path, number, "leftover",
                             f"{found.group(0)}: do it now, or write it up as an issue and delete the line")


def check(root):
    """All breaches below `root`, sorted. Raises FileNotFoundError if it is not a source tree."""
    declarations = Path(root) / "src" / "CMakeLists.txt"
    modules = parse_modules(declarations.read_text(encoding="utf-8"))
    tree = Tree(root)
    breaches = []
    breaches.extend(check_modules(tree, modules))
    breaches.extend(check_src_includes(tree, modules))
    breaches.extend(check_public_includes(tree, modules))
    breaches.extend(check_tool_includes(tree, modules))
    breaches.extend(check_first_comments(tree))
    breaches.extend(check_lengths(tree))
    breaches.extend(check_leftovers(tree))
    return sorted(breaches), len(modules), len(tree.texts)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    try:
        breaches, modules, files = check(root)
    except OSError as error:
        print(f"house_check: cannot read the source tree at {root}: {error}", file=sys.stderr)
        return 2
    if modules == 0:
        print(f"house_check: no ringmain_module() found in {root}/src/CMakeLists.txt: the rules "
              f"would hold nothing; has the function a new name?", file=sys.stderr)
        return 2
    for breach in breaches:
        print(breach)
    print(f"{len(breaches)} breaches in {files} files, {modules} modules")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
