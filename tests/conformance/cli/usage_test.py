#!/usr/bin/env python3
"""What every command keeps: --help with an example, exit codes, data on stdout and all else on stderr."""
import json
import os
import re
import subprocess

from cli import RINGMAIN, CliTest, TemporaryBus, main


def subcommands(help_text):
    """The names below "Subcommands:"."""
    if "\nSubcommands:\n" not in help_text:
        return []
    block = help_text.split("\nSubcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z][a-z-]*)", block, re.MULTILINE)


class Usage(CliTest):
    def test_every_command_has_a_help_with_an_example(self):
        with TemporaryBus() as bus:
            waiting, seen = [()], []
            while waiting:
                command = waiting.pop()
                seen.append(command)
                with self.subTest(command=command):
                    help_text = self.done(bus.run(*command, "--help")).out.decode()
                    self.assertRegex(help_text, r"(?m)^Example:")
                    self.assertRegex(help_text.split("Example:")[1], rf"ringmain {' '.join(command)}".strip())
                    waiting += [(*command, name) for name in subcommands(help_text)]
            for command in (("broker",), ("topic", "create"), ("topic", "list"), ("topic", "describe"), ("topic", "delete"),
                            ("topic", "add-partitions"), ("topic", "alter"), ("topic", "trim"), ("config", "describe"),
                            ("config", "set"), ("config", "unset"), ("group", "list"), ("group", "describe"), ("group", "reset"),
                            ("group", "delete"), ("produce",), ("consume",), ("log", "dump"), ("log", "verify"),
                            ("log", "locks"), ("top",), ("perf", "latency"), ("perf", "throughput")):
                self.assertIn(command, seen)
            self.assertFalse(bus.path.exists(), "help needs no bus")

    def test_a_closed_standard_descriptor_is_an_error_and_nothing_else_takes_its_place(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"1234567\n"))  # eight bytes: what an eventfd would take
            for redirection, command in (("<&-", "produce a"), (">&-", "consume a --exit-at-end")):
                with self.subTest(command=command):
                    done = subprocess.run(["sh", "-c", f'exec "$0" {command} {redirection}', RINGMAIN], env=bus.environment,
                                          stdin=subprocess.PIPE, capture_output=True, text=True)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("Bad file descriptor", done.stderr)

    def test_version_names_the_program(self):
        with TemporaryBus() as bus:
            self.assertRegex(self.done(bus.run("--version")).out.decode(), r"^ringmain \S+ \(\S+\)\n$")
            for arguments in (("--version", "--json"), ("--json", "--version")):
                version = json.loads(self.done(bus.run(*arguments)).out)
                self.assertEqual(version.keys(), {"version", "commit"})

    def test_help_names_the_options_that_every_command_has(self):
        with TemporaryBus() as bus:
            for command, is_remote in ((("topic", "create"), True), (("produce",), True), (("group", "reset"), True),
                                       (("log", "dump"), False), (("top",), False), (("perf", "cold"), False)):
                with self.subTest(command=command):
                    footer = self.done(bus.run(*command, "--help")).out.decode().splitlines()[-1]
                    self.assertIn("--bus, ", footer)
                    self.assertEqual("--bootstrap" in footer, is_remote)

    def test_wrong_usage_is_exit_2_and_one_line_that_points_to_help(self):
        wrong = [
            (), ("nonsense",), ("topic",), ("topic", "nonsense"), ("log",), ("perf", "nonsense"),
            ("--nonsense", "topic", "list"), ("topic", "list", "--nonsense"), ("topic", "create"), ("produce",), ("consume",),
            ("log", "dump"), ("log", "verify"), ("topic", "create", "a", "b"),
            ("topic", "create", "a", "--partitions", "0"), ("topic", "create", "a", "--partitions", "-1"),
            ("topic", "create", "a", "--partitions", "many"), ("topic", "create", "a", "--partitions", "1.5"),
            ("topic", "create", "a", "--partitions", "99999999999999999999"), ("topic", "create", "a", "--partitions", ""),
            ("topic", "create", "a", "--replication-factor", "0"), ("topic", "add-partitions", "a"),
            ("topic", "add-partitions", "a", "--partitions", "0"), ("produce", "a", "--acks", "2"), ("produce", "a", "--acks", ""),
            ("produce", "a", "--partition", "-1"), ("produce", "a", "--partitioner", "best"),
            ("produce", "a", "--partition", "0", "--partitioner", "random"), ("consume", "a", "--max", "-1"),
            ("consume", "a", "--partition", "x"), ("consume", "a", "--wait", "long"), ("consume", "a", "--group", ""),
            ("consume", "a", "--from", ""), ("topic", "list", "--bootstrap", ""),
            ("topic", "list", "--bootstrap", "host"), ("topic", "list", "--bootstrap", "host:99999"),
            ("topic", "list", "--bootstrap", ":9092"), ("topic", "list", "--bootstrap", "a:1,b"),
            ("broker", "--listen", "host"), ("broker", "--listen", "127.0.0.1:99999"),
        ]
        with TemporaryBus() as bus:
            for arguments in wrong:
                with self.subTest(arguments=arguments):
                    self.wrong_usage(bus.run(*arguments), "--help")
            self.assertFalse(bus.path.exists(), "nothing was started")

    def test_values_that_the_command_itself_judges_are_wrong_usage_too(self):
        wrong = [
            ("topic", "create", "a", "--config", "no-equals-sign"), ("topic", "create", "a", "--config", "=x"),
            ("produce", "a", "--header", "no-equals-sign"), ("produce", "a", "--key-separator", "\\q"),
            ("consume", "a", "--from", "yesterday"), ("consume", "a", "--from", "@yesterday"), ("consume", "a", "--from", "-"),
            ("consume", "a", "--from", "1x"), ("consume", "a", "--from", "--5"), ("consume", "a", "--format", "%q"),
            ("consume", "a", "--format", "%"), ("consume", "a", "--format", "\\q"), ("top", "--once", "--interval", "often"),
            ("consume", "a", "--group", "g", "--partition", "0"), ("consume", "a", "--group", "g", "--from", "3"),
            ("consume", "a", "--assignor", "range"),
        ]
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            for arguments in wrong:
                with self.subTest(arguments=arguments):
                    self.wrong_usage(bus.run(*arguments))

    def test_the_options_of_all_commands_stand_before_or_behind_the_command(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "here"))
            elsewhere = bus.folder / "elsewhere"
            for arguments in (("--bus", elsewhere, "--json", "topic", "list"), ("topic", "--bus", elsewhere, "list", "--json"),
                              ("topic", "list", "--bus", elsewhere, "--json")):
                self.assertEqual(self.done(bus.run(*arguments)).out, b"")
            self.assertEqual(self.done(bus.run("topic", "list", "--json", RINGMAIN_BUS=str(elsewhere))).out, b"")
            self.assertEqual(len(self.done(bus.run("topic", "list", "--json")).objects), 1)

    def test_a_reader_that_goes_away_ends_a_command_quietly(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"x" * 1000 + b"\n" + b"line\n" * 100000))
            consumer = bus.start("consume", "a", "--from", "earliest", "--exit-at-end")
            consumer.stdout.read(10)
            consumer.stdout.close()
            self.assertEqual((consumer.wait(), consumer.stderr.read()), (0, b""))

    def test_an_output_that_is_full_is_a_failure(self):
        with TemporaryBus() as bus, open("/dev/full", "wb") as full:
            self.done(bus.run("topic", "create", "a"))
            for arguments in (("topic", "list"), ("topic", "list", "--json"), ("--help",)):
                process = subprocess.run([RINGMAIN, *arguments], env=bus.environment, stdout=full, stderr=subprocess.PIPE,
                                         stdin=subprocess.DEVNULL, check=False)
                self.assertEqual(process.returncode, 1, arguments)
                self.assertRegex(process.stderr, rb"\Aringmain: [^\n]*standard output[^\n]*\n\Z", arguments)

    def test_stdin_that_cannot_be_read_is_a_failure(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            folder = os.open(bus.folder, os.O_RDONLY)
            process = subprocess.run([RINGMAIN, "produce", "a"], env=bus.environment, stdin=folder, capture_output=True, check=False)
            os.close(folder)
            self.assertEqual(process.returncode, 1)
            self.assertIn(b"standard input", process.stderr)


if __name__ == "__main__":
    main()
