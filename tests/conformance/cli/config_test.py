#!/usr/bin/env python3
"""`ringmain config` and `ringmain topic alter`: settings are shown with source and default, changed, and survive."""
import signal

from cli import CliTest, TemporaryBus, main


def by_name(outcome):
    return {each["name"]: each for each in outcome.objects}


class Configs(CliTest):
    def test_a_topics_settings_are_shown_with_source_and_default(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "retention.ms=5000"))
            shown = by_name(self.done(bus.run("config", "describe", "--topic", "a", "--json")))
            self.assertEqual({key: shown["retention.ms"][key] for key in ("value", "default", "source", "read_only")},
                             {"value": "5000", "default": "604800000", "source": "topic", "read_only": False})
            self.assertEqual((shown["flush.ms"]["value"], shown["flush.ms"]["source"]), ("10", "default"))
            self.assertTrue(shown["slot.bytes"]["read_only"])
            self.assertTrue(all(each["documentation"] for each in shown.values()))
            lines = self.done(bus.run("config", "describe", "--topic", "a")).lines
            self.assertEqual(lines[0].split(), ["SETTING", "VALUE", "DEFAULT", "SOURCE", "FIXED"])
            retention, = [line for line in lines if line.startswith("retention.ms ")]
            self.assertRegex(retention, r"5000 \(5s\) +604800000 \(7d\) +topic +no")
            self.assertRegex(next(line for line in lines if line.startswith("slot.bytes ")), r"4259840 \(4\.\d MiB\).*yes")
            one, = self.done(bus.run("config", "describe", "--topic", "a", "flush.ms", "--json")).objects
            self.assertEqual(one["name"], "flush.ms")
            self.failed(bus.run("config", "describe", "--topic", "a", "no.such"), "no.such")
            self.failed(bus.run("config", "describe", "--topic", "missing"), "missing")

    def test_settings_are_set_and_unset(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.assertEqual(self.done(bus.run("config", "set", "--topic", "a", "retention.ms=5000", "flush.ms=7")).out, b"")
            shown = by_name(self.done(bus.run("config", "set", "--topic", "a", "retention.bytes=-1", "--json")))
            self.assertEqual([(name, each["value"]) for name, each in shown.items()], [("retention.bytes", "-1")])
            described, = self.done(bus.run("topic", "describe", "a", "--json")).objects
            self.assertEqual(described["configs"], {"retention.ms": "5000", "flush.ms": "7", "retention.bytes": "-1"})
            shown = by_name(self.done(bus.run("config", "unset", "--topic", "a", "retention.ms", "flush.ms", "--json")))
            self.assertEqual({name: each["source"] for name, each in shown.items()},
                             {"retention.ms": "default", "flush.ms": "default"})

    def test_topic_alter_changes_all_or_nothing(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "flush.ms=7"))
            self.assertEqual(self.done(bus.run("topic", "alter", "a", "--config", "retention.ms=5000", "--delete-config", "flush.ms",
                                               "--json")).objects, [{"name": "a", "configs": {"retention.ms": "5000"}}])
            self.failed(bus.run("topic", "alter", "a", "--config", "retention.ms=1", "--config", "slot.bytes=131072"),
                        "slot.bytes", "cannot become")
            self.failed(bus.run("topic", "alter", "a", "--config", "no.such=1"), "no.such")
            self.failed(bus.run("topic", "alter", "a", "--config", "retention.ms=long"), "retention.ms=long")
            self.failed(bus.run("topic", "alter", "missing", "--config", "retention.ms=1"), "missing")
            described, = self.done(bus.run("topic", "describe", "a", "--json")).objects
            self.assertEqual(described["configs"], {"retention.ms": "5000"})
            self.assertEqual(self.done(bus.run("topic", "alter", "a", "--delete-config", "retention.ms")).out, b"")

    def test_what_changed_holds_at_once_and_after_a_restart(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"x" * 200 + b"\n"))
            self.done(bus.run("topic", "alter", "a", "--config", "max.message.bytes=100"))
            self.failed(bus.run("produce", "a", stdin=b"x" * 200 + b"\n"), "100")
            bus.end_brokers()
            self.failed(bus.run("produce", "a", stdin=b"x" * 200 + b"\n"), "100")
            self.done(bus.run("topic", "alter", "a", "--delete-config", "max.message.bytes"))
            self.done(bus.run("produce", "a", stdin=b"y" * 200 + b"\n"))
            self.assertEqual(self.consume(bus, "a"), [b"x" * 200, b"y" * 200])

    def test_a_brokers_settings_are_shown_and_fixed(self):
        with TemporaryBus() as bus:
            bus.start_broker("--config", "num.partitions=3", "--config", "broker.id=4")
            shown = by_name(self.done(bus.run("config", "describe", "--json")))
            self.assertEqual((shown["num.partitions"]["value"], shown["num.partitions"]["source"], shown["num.partitions"]["default"]),
                             ("3", "broker_start", "1"))
            self.assertEqual(by_name(self.done(bus.run("config", "describe", "--broker", 4, "--json"))), shown)
            self.failed(bus.run("config", "describe", "--broker", 5), "broker '5'", "broker 4")
            self.failed(bus.run("config", "set", "num.partitions=5"), "fixed while it runs")
            self.failed(bus.run("config", "unset", "num.partitions"), "fixed while it runs")

    def test_wrong_usage(self):
        with TemporaryBus() as bus:
            for arguments in (("config",), ("config", "set"), ("config", "unset"), ("config", "set", "--topic", "a"),
                              ("config", "describe", "--topic", "a", "--broker", "1"), ("config", "describe", "--broker", "x"),
                              ("topic", "alter"), ("topic", "alter", "a"), ("topic", "alter", "a", "--config", "no-equals-sign"),
                              ("config", "set", "--topic", "a", "no-equals-sign")):
                with self.subTest(arguments=arguments):
                    self.wrong_usage(bus.run(*arguments))
            self.assertFalse(bus.path.exists(), "nothing was started")


class Deaths(CliTest):
    """The broker dies while it changes a topic: the old settings hold, or the new ones, never both."""

    def altered_under(self, fault):
        """What holds after a broker died there, and another took over."""
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--partitions", 2, "--config", "max.message.bytes=1000"))
            for partition in (0, 1):
                self.done(bus.run("produce", "a", "--partition", partition, stdin=b"x\n"))
            bus.end_brokers()
            broker = bus.start_broker(RINGMAIN_FAULT=f"{fault}:kill")
            for partition in (0, 1):  # both are open
                self.consume(bus, "a", "--partition", partition)
            self.done(bus.run("topic", "alter", "a", "--config", "max.message.bytes=100"))  # the next broker is asked again
            self.assertEqual(broker.wait(), -signal.SIGKILL)
            for partition in (0, 1):
                self.failed(bus.run("produce", "a", "--partition", partition, stdin=b"x" * 200 + b"\n"), "100")
                self.done(bus.run("produce", "a", "--partition", partition, stdin=b"y" * 50 + b"\n"))
                self.assertEqual(self.consume(bus, "a", "--partition", partition), [b"x", b"y" * 50])
            return True

    def test_before_the_catalogue_has_it(self):
        self.assertTrue(self.altered_under("catalogue.put"))

    def test_when_only_the_catalogue_has_it(self):
        self.assertTrue(self.altered_under("catalogue.was_put"))

    def test_when_one_partition_was_told(self):
        self.assertTrue(self.altered_under("topics.told_settings"))

    def test_nothing_has_changed_for_a_client_that_does_not_ask_again(self):
        for fault, expected in (("catalogue.put", {"max.message.bytes": "1000"}), ("catalogue.was_put", {"max.message.bytes": "100"})):
            with self.subTest(fault=fault), TemporaryBus() as bus:
                self.done(bus.run("topic", "create", "a", "--config", "max.message.bytes=1000"))
                bus.end_brokers()
                broker = bus.start("broker", "--bus", bus.path, "--listen", "127.0.0.1:0", RINGMAIN_FAULT=f"{fault}:kill")
                address = broker.stdout.readline().decode().split()[-1]
                self.failed(bus.run("topic", "alter", "a", "--config", "max.message.bytes=100", "--bootstrap", address), address)
                self.assertEqual(broker.wait(), -signal.SIGKILL)
                described, = self.done(bus.run("topic", "describe", "a", "--json")).objects
                self.assertEqual(described["configs"], expected)


if __name__ == "__main__":
    main()
