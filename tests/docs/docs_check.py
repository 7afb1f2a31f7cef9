#!/usr/bin/env python3
"""Holds README.md and docs/ to the tree and to the program; prints each breach as page: what.

Usage: docs_check.py ROOT RINGMAIN      exit 0: all true, 1: breaches

The rules (their names are the words in brackets that end a message):
  link      a relative link leads to a file or folder that is there, and its #anchor to a heading
  command   a subcommand that a page names is one that the program knows
  setting   docs/configuration.md has each setting and environment variable of the code, with its default, and no other
  module    the table of modules in docs/architecture.md equals src/CMakeLists.txt
docs_check_test.py plants a breach of each rule and fails if it is not caught.
"""
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```([\w+-]*)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`([^`\n]+)`")
# A command line: perhaps with variables, a pipe or a folder before it.
COMMAND = re.compile(r"(?:^|[|;&]\s*|\$ )(?:\w+=\S+ )*(?:[\w./-]+/)?ringmain((?: +[\w-]+)*)")
EMPTY = "(empty)"  # how the page writes a default of no characters


@dataclass(frozen=True)
class Block:
    language: str
    text: str


@dataclass(frozen=True, order=True)
class Breach:
    page: str
    rule: str
    message: str

    def __str__(self):
        return f"{self.page}: {self.message} [{self.rule}]"


def pages(root):
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def code_blocks(text):
    return [Block(language, body) for language, body in FENCE.findall(text)]


def without_code(text):
    return INLINE_CODE.sub("", FENCE.sub("", text))


# ---- links

def anchors(text):
    """The anchors of a page's headings, as the usual renderers make them."""
    names = set()
    for heading in re.findall(r"^#+ +(.*?)\s*$", FENCE.sub("", text), re.MULTILINE):
        names.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return names


def link_breaches(root):
    for page in pages(root):
        for target in LINK.findall(without_code(page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue  # another site
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield Breach(str(page.relative_to(root)), "link", f"there is no {target}")
            elif anchor and anchor not in anchors(file.read_text()):
                yield Breach(str(page.relative_to(root)), "link", f"{target}: there is no such heading")


# ---- commands

def subcommands_in_help(help_text):
    """The names in the list that CLI11 heads "Subcommands:"."""
    _, _, listed = help_text.partition("Subcommands:\n")
    return set(re.findall(r"^  ([a-z][\w-]*)", listed.split("\n\n")[0], re.MULTILINE))


def ask_program(program):
    @lru_cache(maxsize=None)
    def subcommands(words):
        answer = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True)
        return frozenset(subcommands_in_help(answer.stdout))
    return subcommands


def named_commands(text):
    """The words behind `ringmain` in code, e.g. ("topic", "create", "events")."""
    lines = [line for block in code_blocks(text) if block.language not in ("cpp", "cmake")
             for line in block.text.splitlines()]
    lines += INLINE_CODE.findall(FENCE.sub("", text))
    for line in lines:
        for words in COMMAND.findall(line.strip()):
            names = []
            for word in words.split():
                if word.startswith("-"):
                    break
                names.append(word)
            if names:
                yield tuple(names)


def command_breaches(root, subcommands):
    for page in pages(root):
        for words in named_commands(page.read_text()):
            known = ()
            for word in words:
                choices = subcommands(known)
                if not choices:
                    break  # the rest are arguments
                if word not in choices:
                    yield Breach(str(page.relative_to(root)), "command", f"there is no `ringmain {' '.join(words)}`")
                    break
                known += (word,)


# ---- settings

def table_rows(text, heading):
    """First and second column of the first table under a heading; code marks are taken off."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    rows = {}
    for line in section.group(1).splitlines() if section else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 2 or set(cells[0]) <= set("- "):
            if rows:
                break  # the table has ended
            continue
        for name in INLINE_CODE.findall(cells[0]):
            rows[name] = cells[1].strip("`")
    return rows


def listed_settings(source):
    """{"name", "default", ...} entries of a settings() list."""
    return dict(re.findall(r'^\s*\{"([a-z][a-z.]+)",\s*"([^"]*)"', source, re.MULTILINE))


def client_settings(source):
    """The names given to the ConfigReader, with the default that each is read with."""
    known = re.search(r'settings_\(config, "\w+",\s*\{([^}]*)\}', source)
    names = re.findall(r'"([^"]+)"', known.group(1)) if known else []
    defaults = {}
    for name, text, number in re.findall(
            r'(?:choice|number|text|milliseconds)\(\s*"([^"]+)",\s*(?:"([^"]*)"|([\d\']+))', source):
        defaults[name] = text or number.replace("'", "")
    return {name: defaults.get(name, "") for name in names}


def environment_variables(root):
    names = set()
    for source in (root / "src").rglob("*.cpp"):
        names.update(re.findall(r'getenv\("(\w+)"\)', source.read_text()))
    return names


def setting_breaches(root):
    page = "docs/configuration.md"
    text = (root / page).read_text()

    def read(path):
        return (root / path).read_text()

    sources = {
        "Topics": listed_settings(read("src/partition/topic_config.cpp")),
        "Broker": listed_settings(read("src/broker/broker_config.cpp")),
        "Producer": client_settings(read("src/client/producer.cpp")),
        "Producer over TCP": client_settings(read("src/client/remote_producer_settings.cpp")),
        "Consumer": client_settings(read("src/client/consumer.cpp") + read("src/client/group_settings.cpp") +
                                    read("src/client/fetch_settings.cpp")),
        "Environment": {name: None for name in environment_variables(root)},
    }
    for heading, settings in sources.items():
        rows = table_rows(text, heading)
        if not settings:
            yield Breach(page, "setting", f"the code of '{heading}' has no settings: has their list moved?")
        for name, default in settings.items():
            if name not in rows:
                yield Breach(page, "setting", f"'{heading}' lacks {name}")
            elif default is not None and rows[name] != (default or EMPTY):
                yield Breach(page, "setting", f"'{heading}' says that {name} is {rows[name]}; the code says {default or EMPTY}")
        for name in rows.keys() - settings.keys():
            yield Breach(page, "setting", f"'{heading}' has {name}, the code has not")


# ---- modules

def declared_modules(cmake_text):
    modules = {}
    for call in re.findall(r"^ringmain_module\(([^)]*)\)", cmake_text, re.MULTILINE):
        words = call.split()
        uses = words[words.index("USES") + 1:] if "USES" in words else []
        modules[words[0]] = tuple(uses[:uses.index("LINKS")] if "LINKS" in uses else uses)
    return modules


def module_breaches(root):
    page = "docs/architecture.md"
    declared = declared_modules((root / "src/CMakeLists.txt").read_text())
    rows = {name: tuple(cell.replace("`", "").split())
            for name, cell in table_rows((root / page).read_text(), "Modules").items()}
    for name in sorted(declared.keys() | rows.keys()):
        if name not in rows:
            yield Breach(page, "module", f"the table lacks {name}")
        elif name not in declared:
            yield Breach(page, "module", f"the table has {name}, src/CMakeLists.txt has not")
        elif rows[name] != declared[name]:
            yield Breach(page, "module", f"{name} uses {' '.join(declared[name])}; the table says {' '.join(rows[name])}")


def check(root, subcommands):
    return sorted({*link_breaches(root), *command_breaches(root, subcommands), *setting_breaches(root), *module_breaches(root)})


def main():
    root, program = Path(sys.argv[1]).resolve(), sys.argv[2]
    breaches = check(root, ask_program(program))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
