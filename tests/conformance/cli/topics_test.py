#!/usr/bin/env python3
"""`ringmain topic`: create, list, describe, delete, add-partitions."""
from cli import CliTest, TemporaryBus, main


class Topics(CliTest):
    def test_create_is_silent_for_people_and_shows_the_topic_to_machines(self):
        with TemporaryBus() as bus:
            self.assertEqual(self.done(bus.run("topic", "create", "plain")).out, b"")
            self.assertEqual(self.done(bus.run("topic", "create", "wide", "--partitions", 3, "--json")).objects,
                             [{"name": "wide", "partitions": 3}])
            self.assertEqual(self.done(bus.run("topic", "list", "--json")).objects,
                             [{"name": "plain", "partitions": 1}, {"name": "wide", "partitions": 3}])
            listed = self.done(bus.run("topic", "list")).lines
            self.assertEqual([line.split() for line in listed], [["TOPIC", "PARTITIONS"], ["plain", "1"], ["wide", "3"]])

    def test_an_empty_bus_lists_nothing(self):
        with TemporaryBus() as bus:
            self.assertEqual(self.done(bus.run("topic", "list", "--json")).out, b"")
            self.assertEqual(self.done(bus.run("topic", "list")).lines, ["TOPIC  PARTITIONS"])
            self.assertEqual(self.done(bus.run("topic", "describe", "--json")).out, b"")

    def test_a_name_can_be_taken_once(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--partitions", 2))
            self.failed(bus.run("topic", "create", "a"), "topic a", "exist", "--if-not-exists")
            self.done(bus.run("topic", "create", "a", "--if-not-exists"))
            self.done(bus.run("topic", "create", "a", "--partitions", 7, "--if-not-exists"))
            self.assertEqual(self.done(bus.run("topic", "create", "a", "--if-not-exists", "--json")).objects,
                             [{"name": "a", "partitions": 2}])

    def test_bad_names_are_refused_and_named(self):
        with TemporaryBus() as bus:
            for name in ("", ".", "..", "a b", "a/b", "caf\u00e9", "a\nb", "x" * 250):
                with self.subTest(name=name):
                    self.failed(bus.run("topic", "create", name), "name")
            for name in ("x" * 249, "a.b_c-1", "-0", "0"):
                with self.subTest(name=name):
                    self.done(bus.run("topic", "create", "--", name))
            self.assertEqual(len(self.done(bus.run("topic", "list", "--json")).objects), 4)

    def test_settings_are_checked(self):
        with TemporaryBus() as bus:
            self.failed(bus.run("topic", "create", "a", "--config", "no.such.setting=1"), "no.such.setting")
            for pair in ("slot.bytes=1", "slot.bytes=many", "storage=tape", "full.policy=", "max.message.bytes=-1",
                         "memory.budget.bytes=99999999999999999999999", "single.producer=perhaps"):
                with self.subTest(pair=pair):
                    self.failed(bus.run("topic", "create", "a", "--config", pair), pair.split("=")[0])
            self.failed(bus.run("topic", "create", "a", "--replication-factor", 3), "replication")
            self.failed(bus.run("topic", "create", "a", "--partitions", 2147483647), "partition")
            self.assertEqual(self.done(bus.run("topic", "list", "--json")).out, b"", "nothing half-made is left")

    def test_describe_shows_offsets_storage_and_what_differs_from_the_defaults(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "kept", "--partitions", 2, "--config", "storage=disk", "--config", "flush.ms=5"))
            self.done(bus.run("topic", "create", "light", "--config", "storage=memory"))
            self.done(bus.run("produce", "kept", "--partition", 1, "--acks", "all", stdin=b"one\ntwo\n"))
            self.done(bus.run("produce", "light", stdin=b"one\n"))
            kept, light = self.done(bus.run("topic", "describe", "--json")).objects
            self.assertEqual((kept["name"], kept["configs"]), ("kept", {"flush.ms": "5", "storage": "disk"}))
            for partition, end in zip(kept["partitions"], (0, 2), strict=True):
                self.assertGreater(partition.pop("memory_bytes"), 0)
                self.assertEqual(partition.pop("disk_bytes") > 0, end > 0)
                self.assertEqual(partition, {"partition": 1 if end else 0, "leader": 1, "start_offset": 0, "end_offset": end,
                                             "durable_offset": end, "storage": "healthy"})
            self.assertEqual(light["configs"], {"storage": "memory"})
            self.assertEqual([(p["end_offset"], p["durable_offset"], p["storage"]) for p in light["partitions"]], [(1, None, "memory")])
            text = self.done(bus.run("topic", "describe", "kept")).lines
            self.assertIn(["1", "1", "0", "2", "2", "healthy"], [line.split()[:6] for line in text])
            self.assertTrue(any("storage=disk" in line for line in text), text)

    def test_a_topic_that_is_not_there_is_named(self):
        with TemporaryBus() as bus:
            self.failed(bus.run("topic", "describe", "missing"), "missing")
            self.failed(bus.run("topic", "delete", "missing"), "missing")
            self.failed(bus.run("topic", "add-partitions", "missing", "--partitions", 3), "missing")
            self.failed(bus.run("produce", "missing", stdin=b"x\n"), "missing")
            self.failed(bus.run("consume", "missing", "--exit-at-end"), "missing")
            self.failed(bus.run("log", "locks", "missing"), "missing")
            self.assertEqual(self.done(bus.run("topic", "list", "--json")).out, b"", "none of these creates it")

    def test_delete_takes_the_records_and_the_files(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "storage=disk"))
            self.done(bus.run("produce", "a", "--acks", "all", stdin=b"old\n"))
            files = bus.log_folder("a")
            self.assertTrue(files.is_dir())
            self.done(bus.run("topic", "delete", "a"))
            self.assertFalse(files.exists())
            self.failed(bus.run("consume", "a", "--exit-at-end"), "topic a")
            self.done(bus.run("topic", "create", "a"))
            self.assertEqual(self.consume(bus, "a"), [])
            self.assertEqual(self.done(bus.run("topic", "delete", "a", "--json")).objects, [{"name": "a", "deleted": True}])

    def test_deleting_a_topic_ends_those_who_use_it_with_an_error(self):
        with TemporaryBus() as bus:
            for wait in ("spin", "yield", "sleep"):
                with self.subTest(wait=wait):
                    self.done(bus.run("topic", "create", "a"))
                    producer = bus.start("produce", "a", "--report")
                    consumer = bus.start("consume", "a", "--from", "earliest", "--wait", wait)
                    producer.stdin.write(b"x\n")
                    self.assertEqual((producer.stdout.readline(), consumer.stdout.readline()), (b"0 0\n", b"x\n"))
                    self.done(bus.run("topic", "delete", "a"))
                    producer.stdin.write(b"y\n")
                    for child in (producer, consumer):
                        self.assertEqual((child.wait(), child.stdout.read()), (1, b""))
                        self.assertRegex(child.stderr.read(), rb"\Aringmain: [^\n]*topic '?a'?[^\n]*\n\Z")

    def test_partitions_can_only_be_added(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--partitions", 2))
            self.done(bus.run("produce", "a", "--partition", 1, stdin=b"stays\n"))
            self.assertEqual(self.done(bus.run("topic", "add-partitions", "a", "--partitions", 4, "--json")).objects,
                             [{"name": "a", "partitions": 4}])
            self.failed(bus.run("topic", "add-partitions", "a", "--partitions", 4), "topic a")
            self.failed(bus.run("topic", "add-partitions", "a", "--partitions", 1), "topic a", "in all")
            self.done(bus.run("produce", "a", "--partition", 3, stdin=b"new\n"))
            self.assertEqual(self.consume(bus, "a", "--format", "%p %s\\n"), [b"1 stays", b"3 new"])

    def test_topics_and_records_outlive_the_broker(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--partitions", 2, "--config", "max.message.bytes=1000"))
            self.done(bus.run("produce", "a", "--partition", 0, stdin=b"kept\n"))
            bus.end_brokers()
            described, = self.done(bus.run("topic", "describe", "a", "--json")).objects
            self.assertEqual(described["configs"], {"max.message.bytes": "1000"})
            self.assertEqual(self.consume(bus, "a"), [b"kept"])


if __name__ == "__main__":
    main()
