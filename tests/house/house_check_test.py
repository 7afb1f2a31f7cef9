#!/usr/bin/env python3
"""The canary of the house test: plants a breach of each rule in a temporary tree and demands that it is caught.

Each test starts from a tree that keeps every rule and changes one thing.
"""
import re
import tempfile
import unittest
from pathlib import Path

import house_check

CLEAN = {
    "src/CMakeLists.txt": """# ringmain_module(comment USES nothing)
function(ringmain_module name)
endfunction()
ringmain_module(base LINKS fmt)
ringmain_module(os
  USES base  # below
  LINKS rt)
ringmain_module(net USES base os)
ringmain_module(log USES base os)
""",
    "src/base/a.hpp": "// What a module gives.\n#include <vector>\n#include \"ringmain/error.hpp\"\n",
    "src/os/b.hpp": "// What b offers here.\n#include \"base/a.hpp\"\n#include \"os/c.hpp\"\n",
    "src/os/c.hpp": "// What c offers here.\n#include <net/if.h>\n",
    "src/log/d.cpp": "#include \"base/a.hpp\"\n#include \"os/b.hpp\"\n",
    "include/ringmain/error.hpp": "// Errors of the API.\n#include <string>\n",
    "include/ringmain/bus.hpp": "// The bus, opened once.\n#include \"ringmain/error.hpp\"\n",
    "tools/CMakeLists.txt": "target_link_libraries(ringmain PRIVATE ringmain_log fmt)\n",
    "tools/main.cpp": "#include \"command.hpp\"\n#include \"log/d.hpp\"\n#include \"os/b.hpp\"\n",
    "tools/command.hpp": "// One command each file.\n",
    "tools/run": "#!/bin/sh\n# Runs all of it.\n",
}


def planted(changes):
    """The breaches of the clean tree with `changes` (path -> text), as (path, line, rule)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, **changes}.items():
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        breaches, _, _ = house_check.check(root)
        return [(b.path, b.line, b.rule) for b in breaches]


def declarations(old, new):
    return {"src/CMakeLists.txt": CLEAN["src/CMakeLists.txt"].replace(old, new)}


class HouseCheck(unittest.TestCase):
    def test_a_clean_tree_has_no_breach(self):
        self.assertEqual(planted({}), [])

    def test_an_include_of_a_module_that_is_not_in_uses_is_caught(self):
        self.assertEqual(planted({"src/os/c.hpp": "// What c offers here.\n\n#include \"log/d.hpp\"\n"}),
                         [("src/os/c.hpp", 3, "include")])

    def test_what_is_only_used_through_another_module_is_caught(self):
        changes = declarations("ringmain_module(log USES base os)", "ringmain_module(log USES os)")
        self.assertEqual(planted(changes), [("src/log/d.cpp", 1, "include")])

    def test_angle_brackets_do_not_hide_an_include(self):
        self.assertEqual(planted({"src/base/e.cpp": "#include <os/b.hpp>\n"}), [("src/base/e.cpp", 1, "include")])

    def test_odd_spacing_does_not_hide_an_include(self):
        self.assertEqual(planted({"src/base/e.cpp": "  #  include   \"os/b.hpp\"\n"}),
                         [("src/base/e.cpp", 1, "include")])

    def test_a_cycle_is_caught(self):
        rules = {(line, rule) for _, line, rule in planted(declarations("ringmain_module(base LINKS fmt)",
                                                                       "ringmain_module(base USES log)"))}
        self.assertEqual(rules, {(4, "cycle"), (4, "layer")})

    def test_a_module_that_uses_itself_is_caught(self):
        rules = {rule for _, _, rule in planted(declarations("USES base os)\nringmain_module(log",
                                                             "USES net)\nringmain_module(log"))}
        self.assertEqual(rules, {"cycle", "layer"})

    def test_a_use_of_a_module_declared_below_is_caught(self):
        self.assertEqual(planted(declarations("net USES base os", "net USES base os log")),
                         [("src/CMakeLists.txt", 8, "layer")])

    def test_a_use_of_an_unknown_module_is_caught(self):
        self.assertEqual(planted(declarations("net USES base os", "net USES base os nowhere")),
                         [("src/CMakeLists.txt", 8, "layer")])

    def test_a_module_declared_twice_is_caught(self):
        self.assertEqual(planted(declarations("ringmain_module(net", "ringmain_module(base)\nringmain_module(net")),
                         [("src/CMakeLists.txt", 8, "declared")])

    def test_a_folder_that_is_not_declared_is_caught(self):
        self.assertEqual(planted({"src/stray/x.cpp": "int x;\n", "src/stray/y.cpp": "int y;\n"}),
                         [("src/stray/x.cpp", 1, "declared")])

    def test_a_file_outside_any_module_is_caught(self):
        self.assertEqual(planted({"src/x.cpp": "int x;\n"}), [("src/x.cpp", 1, "declared")])

    def test_a_public_header_that_includes_from_src_is_caught(self):
        self.assertEqual(planted({"include/ringmain/bus.hpp": "// The bus, opened once.\n#include \"os/b.hpp\"\n"}),
                         [("include/ringmain/bus.hpp", 2, "include")])

    def test_a_quoted_include_without_its_module_is_caught(self):
        self.assertEqual(planted({"src/os/e.cpp": "#include \"c.hpp\"\n"}), [("src/os/e.cpp", 1, "spelling")])

    def test_a_tool_that_includes_an_unlinked_module_is_caught(self):
        self.assertEqual(planted({"tools/net.cpp": "#include \"net/loop.hpp\"\n"}), [("tools/net.cpp", 1, "include")])

    def test_a_header_without_a_first_comment_is_caught(self):
        self.assertEqual(planted({"src/base/e.hpp": "#pragma once\n// Too late to say it.\n"}),
                         [("src/base/e.hpp", 1, "says-what")])

    def test_a_first_comment_that_says_nothing_is_caught(self):
        self.assertEqual(planted({"src/base/e.hpp": "//===----\n"}), [("src/base/e.hpp", 1, "says-what")])

    def test_a_script_without_a_first_comment_is_caught(self):
        self.assertEqual(planted({"tools/run": "#!/bin/sh\nset -e\n"}), [("tools/run", 2, "says-what")])

    def test_a_file_of_the_longest_length_passes_and_one_line_more_is_caught(self):
        longest = "int x;\n" * house_check.MAX_LINES
        self.assertEqual(planted({"src/base/e.cpp": longest}), [])
        self.assertEqual(planted({"src/base/e.cpp": longest + "int y;\n"}),
                         [("src/base/e.cpp", house_check.MAX_LINES + 1, "length")])

    def test_a_leftover_is_caught(self):
        for mark in ("TO" + "DO", "FIX" + "ME"):
            self.assertEqual(planted({"src/base/e.cpp": f"int x;\n// {mark}: later\n"}),
                             [("src/base/e.cpp", 2, "leftover")])

    def test_every_rule_of_the_manual_has_a_test_here(self):
        rules = re.findall(r"^  ([a-z-]+) {2,}\w", house_check.__doc__, re.MULTILINE)
        self.assertEqual(len(rules), 8)
        tests = Path(__file__).read_text(encoding="utf-8")
        for rule in rules:
            self.assertIn(f'"{rule}")', tests)


if __name__ == "__main__":
    unittest.main()
