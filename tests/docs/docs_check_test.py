#!/usr/bin/env python3
"""The canary of docs_check.py: plants a breach of each rule in a temporary tree, and fails if one is not caught."""
import tempfile
import unittest
from pathlib import Path

import docs_check

TREE = {
    "README.md": "# Bus\nSee [pages](docs/architecture.md#modules).\n```\nprintf x | ringmain topic create events --partitions 4\n```\n",
    "docs/architecture.md": "# Architecture\n## Modules\n| module | uses | job |\n|---|---|---|\n| `base` | | all |\n| `log` | `base` | appends |\n",
    "docs/configuration.md": "## Topics\n| setting | default |\n|---|---|\n| `full.policy` | `block` |\n\n"
                             "## Broker\n| setting | default |\n|---|---|\n| `bus.group` | (empty) |\n\n"
                             "## Producer\n| setting | default |\n|---|---|\n| `acks` | `1` |\n\n"
                             "## Producer over TCP\n| setting | default |\n|---|---|\n| `retries` | `3` |\n\n"
                             "## Consumer\n| setting | default |\n|---|---|\n| `max.poll.records` | `500` |\n| `client.id` | (empty) |\n\n"
                             "## Environment\n| variable | default |\n|---|---|\n| `RINGMAIN_BUS`, `HOME` | none |\n",
    "src/CMakeLists.txt": "function(ringmain_module name)\nendfunction()\nringmain_module(base LINKS fmt)\nringmain_module(log USES base LINKS rt)\n",
    "src/partition/topic_config.cpp": '      {"full.policy", "block", ConfigKind::choice,\n',
    "src/broker/broker_config.cpp": '      {"bus.group", "", ConfigType::string,\n',
    "src/client/producer.cpp": 'settings_(config, "producer", {"acks"}); settings_.choice("acks", "1", {"0", "1"})',
    "src/client/remote_producer_settings.cpp": 'settings_(config, "producer", {"retries"}); settings_.number("retries", 3, 0)',
    "src/client/group_settings.cpp": "",
    "src/client/fetch_settings.cpp": "",
    "src/client/consumer.cpp": 'settings_(config, "consumer",\n  {"max.poll.records", "client.id"}); settings_.number("max.poll.records", 5\'00, 1)',
    "src/client/bus.cpp": 'std::getenv("RINGMAIN_BUS"); std::getenv("HOME")',
}
COMMANDS = {(): {"topic", "produce"}, ("topic",): {"create", "list"}}
HELP = "Usage: x\n\nOptions:\n  --bus TEXT  where\n\nSubcommands:\n  topic                       Create\n  produce                     Send\n\nExample:\n  ringmain topic\n"


class DocsCheck(unittest.TestCase):
    def breaches(self, **changes):
        """Of the sound tree with texts replaced, by file: [(old, new)]."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in TREE.items():
                for old, new in changes.get(path, []):
                    self.assertIn(old, text)
                    text = text.replace(old, new)
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            return docs_check.check(root, lambda words: COMMANDS.get(words, set()))

    def assert_caught(self, path, old, new, rule):
        breaches = self.breaches(**{path: [(old, new)]})
        self.assertEqual([breach.rule for breach in breaches], [rule], breaches)

    def test_a_sound_tree_has_no_breach(self):
        self.assertEqual(self.breaches(), [])

    def test_links(self):
        self.assert_caught("README.md", "docs/architecture.md", "docs/gone.md", "link")
        self.assert_caught("README.md", "#modules", "#layers", "link")

    def test_commands(self):
        self.assert_caught("README.md", "topic create", "topic make", "command")
        self.assert_caught("README.md", "See", "See `ringmain dev` and", "command")
        self.assert_caught("README.md", "printf x | ringmain topic", "A=b build/ringmain topics", "command")

    def test_settings(self):
        page = "docs/configuration.md"
        self.assert_caught(page, "| `full.policy` | `block` |\n", "", "setting")
        self.assert_caught(page, "`500`", "`5`", "setting")
        self.assert_caught(page, "(empty) |\n\n## P", "none |\n\n## P", "setting")
        self.assert_caught(page, "`RINGMAIN_BUS`, `HOME`", "`RINGMAIN_BUS`", "setting")
        self.assert_caught(page, "| `acks` | `1` |\n", "| `acks` | `1` |\n| `linger.ms` | `5` |\n", "setting")

    def test_modules(self):
        page = "docs/architecture.md"
        self.assert_caught(page, "| `log` | `base` |", "| `log` | |", "module")
        self.assert_caught(page, "| `base` | | all |\n", "", "module")
        self.assert_caught("src/CMakeLists.txt", "ringmain_module(log USES base LINKS rt)\n", "", "module")

    def test_names_of_subcommands_are_read_from_the_help(self):
        self.assertEqual(docs_check.subcommands_in_help(HELP), {"topic", "produce"})


if __name__ == "__main__":
    unittest.main()
