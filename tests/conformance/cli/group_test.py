#!/usr/bin/env python3
"""`ringmain group`: list, describe, reset, delete. With members: tests/interop/admin_test.py."""
from cli import CliTest, TemporaryBus, main


class Groups(CliTest):
    def bus_with_records(self, bus):
        self.done(bus.run("topic", "create", "a", "--partitions", 2))
        self.done(bus.run("topic", "create", "b"))
        for partition in (0, 1):
            self.done(bus.run("produce", "a", "--partition", partition, stdin=b"x\n" * 10))

    def offsets(self, bus, group="g"):
        described, = self.done(bus.run("group", "describe", group, "--json")).objects
        return {(each["topic"], each["partition"]): each["current_offset"] for each in described["partitions"]}

    def test_a_bus_without_groups(self):
        with TemporaryBus() as bus:
            self.assertEqual(self.done(bus.run("group", "list", "--json")).out, b"")
            self.assertEqual(self.done(bus.run("group", "list")).lines, ["GROUP  STATE  TYPE"])
            self.failed(bus.run("group", "describe", "g"), "no group g", "group list")
            self.failed(bus.run("group", "delete", "g"), "no group g")
            self.failed(bus.run("group", "reset", "g", "--to", "earliest"), "group g", "--topic")
            self.assertEqual(self.done(bus.run("topic", "list", "--json")).out, b"", "looking makes no topic")

    def test_a_reset_shows_what_it_would_do_and_does_it_when_told(self):
        with TemporaryBus() as bus:
            self.bus_with_records(bus)
            for arguments in ((), ("--dry-run",)):
                shown = bus.run("group", "reset", "g", "--to", 4, "--topic", "a", *arguments)
                self.assertEqual((shown.code, [line.split() for line in shown.lines]),
                                 (0, [["TOPIC", "PARTITION", "CURRENT", "NEW"], ["a", "0", "-", "4"], ["a", "1", "-", "4"]]))
                self.complained(shown, "nothing was changed", "--execute")
            self.assertEqual(self.done(bus.run("group", "list", "--json")).out, b"")
            done = self.done(bus.run("group", "reset", "g", "--to", 4, "--topic", "a", "--execute", "--json"))
            self.assertEqual(done.objects, [{"group": "g", "topic": "a", "partition": partition, "current_offset": None,
                                             "new_offset": 4, "executed": True} for partition in (0, 1)])
            self.assertEqual(self.done(bus.run("group", "list", "--json")).objects,
                             [{"group": "g", "state": "Empty", "protocol_type": ""}])
            self.assertEqual(self.offsets(bus), {("a", 0): 4, ("a", 1): 4})

    def test_places_to_reset_to(self):
        with TemporaryBus() as bus:
            self.bus_with_records(bus)
            self.done(bus.run("group", "reset", "g", "--to", 5, "--topic", "a", "--topic", "b", "--execute"))
            self.assertEqual(self.offsets(bus), {("a", 0): 5, ("a", 1): 5, ("b", 0): 0}, "b ends at 0")
            for to, expected in (("earliest", (0, 0)), ("latest", (10, 10)), ("-3", (7, 7)), ("-300", (0, 0)), ("7", (7, 7)),
                                 ("700", (10, 10)), ("@0", (0, 0)), ("@4000-01-01", (10, 10))):
                with self.subTest(to=to):
                    self.done(bus.run("group", "reset", "g", "--to", to, "--execute"))
                    self.assertEqual(self.offsets(bus), {("a", 0): expected[0], ("a", 1): expected[1], ("b", 0): 0})
            self.done(bus.run("group", "reset", "g", "--to", "earliest", "--topic", "a:1", "--execute"))
            self.assertEqual(self.offsets(bus), {("a", 0): 10, ("a", 1): 0, ("b", 0): 0})

    def test_describe_shows_offsets_and_lag(self):
        with TemporaryBus() as bus:
            self.bus_with_records(bus)
            self.done(bus.run("group", "reset", "g", "--to", 4, "--topic", "a:1", "--execute"))
            described, = self.done(bus.run("group", "describe", "g", "--json")).objects
            self.assertEqual(described, {"group": "g", "state": "Empty", "protocol_type": "", "protocol": "", "total_lag": 6,
                                         "members": [], "partitions": [{"topic": "a", "partition": 1, "current_offset": 4,
                                                                        "end_offset": 10, "lag": 6, "member_id": None}]})
            lines = [line.split() for line in self.done(bus.run("group", "describe", "g")).lines]
            self.assertIn(["Total", "lag:", "6"], lines)
            self.assertIn(["a", "1", "4", "10", "6", "-", "-", "-"], lines)

    def test_offsets_and_groups_are_deleted_and_outlive_the_broker(self):
        with TemporaryBus() as bus:
            self.bus_with_records(bus)
            self.done(bus.run("group", "reset", "g", "--to", 4, "--topic", "a", "--execute"))
            bus.end_brokers()
            self.assertEqual(self.offsets(bus), {("a", 0): 4, ("a", 1): 4})
            self.assertEqual(self.done(bus.run("group", "delete", "g", "--topic", "a:0", "--json")).objects,
                             [{"group": "g", "topic": "a", "partition": 0, "deleted": True}])
            self.assertEqual(self.offsets(bus), {("a", 1): 4})
            self.assertEqual(self.done(bus.run("group", "delete", "g", "--json")).objects, [{"group": "g", "deleted": True}])
            self.failed(bus.run("group", "describe", "g"), "no group g")
            self.failed(bus.run("group", "delete", "g", "--topic", "a"), "group g")

    def test_what_is_not_there_is_named(self):
        with TemporaryBus() as bus:
            self.bus_with_records(bus)
            self.failed(bus.run("group", "reset", "g", "--to", "latest", "--topic", "missing", "--execute"), "missing")
            self.failed(bus.run("group", "reset", "g", "--to", "latest", "--topic", "a:9", "--execute"), "partition 9")
            self.assertEqual(self.done(bus.run("group", "list", "--json")).out, b"")

    def test_wrong_usage(self):
        with TemporaryBus() as bus:
            for arguments in (("group",), ("group", "describe"), ("group", "delete"), ("group", "reset", "g"),
                              ("group", "reset", "g", "--to", "latest", "--dry-run", "--execute")):
                with self.subTest(arguments=arguments):
                    self.wrong_usage(bus.run(*arguments), "--help")
            self.wrong_usage(bus.run("group", "reset", "g", "--to", "yesterday"), "yesterday")
            self.assertFalse(bus.path.exists(), "nothing was started")
            self.wrong_usage(bus.run("group", "reset", "g", "--to", "latest", "--topic", "a:x"), "a:x")


if __name__ == "__main__":
    main()
