#!/usr/bin/env python3
"""Administration by clients that are not ours, and `ringmain config` and `ringmain group` beside members of theirs.

Usage: admin_test.py RINGMAIN
"""
import json
import sys
import threading
import unittest

import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient, ConfigResource
from kafka.admin import ConfigResource as PythonResource, ConfigResourceType

from bus import Bus

RINGMAIN = sys.argv.pop(1)

TOPIC_SOURCE, PRESET_SOURCE = 1, 5  # DescribeConfigs: where a value comes from


class Administration(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, ["group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=3"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.run("topic", "create", "t", "--partitions", "2", "--config", "flush.ms=7")

    def overrides(self, topic="t"):
        return json.loads(self.bus.run("topic", "describe", topic, "--json"))["configs"]

    def librdkafka(self):
        return AdminClient({"bootstrap.servers": self.bus.address})

    def alter(self, admin, settings, topic="t", **options):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=settings)
        return admin.alter_configs([resource], **options)[resource].result()

    def settings(self, admin, topic="t"):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return admin.describe_configs([resource])[resource].result()

    # ---- librdkafka

    def test_librdkafka_replaces_a_topics_settings(self):
        admin = self.librdkafka()
        self.alter(admin, {"retention.ms": "5000"})
        self.assertEqual(self.overrides(), {"retention.ms": "5000"}, "AlterConfigs replaces: flush.ms is at its default again")
        settings = self.settings(admin)
        retention = settings["retention.ms"]
        self.assertEqual((retention.value, retention.source, retention.is_default, retention.is_read_only),
                         ("5000", TOPIC_SOURCE, False, False))
        self.assertEqual({name: (synonym.value, synonym.source) for name, synonym in retention.synonyms.items()},
                         {"retention.ms": ("604800000", PRESET_SOURCE)})  # by name: the last one stays
        self.assertEqual((settings["flush.ms"].value, settings["flush.ms"].is_default), ("10", True))
        self.assertTrue(settings["slot.bytes"].is_read_only)

    def test_librdkafka_is_told_what_is_wrong(self):
        admin = self.librdkafka()
        for settings, code in (({"retention.ms": "soon"}, confluent_kafka.KafkaError.INVALID_CONFIG),
                               ({"slot.bytes": "131072"}, confluent_kafka.KafkaError.INVALID_CONFIG),
                               ({"no.such.setting": "1"}, confluent_kafka.KafkaError.INVALID_CONFIG)):
            with self.assertRaises(confluent_kafka.KafkaException) as caught:
                self.alter(admin, settings)
            self.assertEqual(caught.exception.args[0].code(), code)
            self.assertIn(next(iter(settings)), caught.exception.args[0].str())
        with self.assertRaises(confluent_kafka.KafkaException) as caught:
            self.alter(admin, {"retention.ms": "5"}, topic="missing")
        self.assertEqual(caught.exception.args[0].code(), confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART)
        self.alter(admin, {"retention.ms": "5"}, validate_only=True)
        self.assertEqual(self.overrides(), {"flush.ms": "7"})

    def test_a_changed_limit_holds_for_clients_that_are_connected(self):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address})
        reports = []

        def send(size):
            producer.produce("t", value=b"x" * size, partition=0, on_delivery=lambda error, _: reports.append(error and error.code()))
            producer.flush()

        send(5000)
        self.bus.run("topic", "alter", "t", "--config", "max.message.bytes=1000")
        send(5000)
        send(500)
        self.bus.run("topic", "alter", "t", "--config", "max.message.bytes=9000")
        send(5000)
        self.assertEqual(reports, [None, confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE, None, None])

    def test_timestamps_become_the_brokers_for_clients_that_are_connected(self):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address})
        times = []

        def send():
            producer.produce("t", value=b"x", partition=0, timestamp=1000, on_delivery=lambda _, message: times.append(message.timestamp()))
            producer.flush()

        send()
        self.bus.run("topic", "alter", "t", "--config", "message.timestamp.type=LogAppendTime")
        send()
        self.assertEqual(times[0], (confluent_kafka.TIMESTAMP_CREATE_TIME, 1000))
        stored = [int(line) for line in self.bus.kcat("-C", "-e", "-q", "-t", "t", "-p", "0", "-f", "%T\\n").split()]
        self.assertEqual(stored[0], 1000)
        self.assertGreater(stored[1], 1_600_000_000_000)

    # ---- kafka-python

    def python(self):
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.bus.address)
        self.addCleanup(admin.close)
        return admin

    def test_kafka_python_alters_and_describes(self):
        admin = self.python()
        done = admin.alter_configs([PythonResource(ConfigResourceType.TOPIC, "t", configs={"retention.ms": "6000"})])
        self.assertEqual([resource[0] for resource in done.resources], [0])
        self.assertEqual(self.overrides(), {"retention.ms": "6000"})
        refused = admin.alter_configs([PythonResource(ConfigResourceType.TOPIC, "t", configs={"retention.ms": "soon"})])
        (code, message, *_), = refused.resources
        self.assertEqual(code, 40)
        self.assertIn("retention.ms=soon", message)
        described, = admin.describe_configs([PythonResource(ConfigResourceType.TOPIC, "t", configs={"retention.ms": None})])
        (_, _, _, name, configs), = described.resources
        self.assertEqual((name, configs[0][0], configs[0][1]), ("t", "retention.ms", "6000"))

    def test_kafka_python_describes_the_cluster(self):
        cluster = self.python().describe_cluster()
        host, port = self.bus.address.rsplit(":", 1)
        self.assertEqual([(broker["node_id"], broker["host"], broker["port"]) for broker in cluster["brokers"]], [(1, host, int(port))])
        self.assertEqual(cluster["controller_id"], 1)

    # ---- groups with members of theirs

    def member(self):
        """A member that has been given its partitions, and is polled until the test ends it."""
        member = kafka.KafkaConsumer("t", bootstrap_servers=self.bus.address, group_id="g", client_id="theirs",
                                     auto_offset_reset="earliest", enable_auto_commit=False)
        read = []
        while not member.assignment():
            read += [record.offset for records in member.poll(50).values() for record in records]
        return member, read

    def described(self):
        return json.loads(self.bus.run("group", "describe", "g", "--json"))

    def test_a_member_is_described_with_its_offsets_and_lag(self):
        for partition, count in ((0, 5), (1, 3)):
            self.bus.kcat("-P", "-t", "t", "-p", str(partition), text="x\n" * count)
        member, read = self.member()
        self.addCleanup(member.close)
        while len(read) < 8:
            read += [record.offset for records in member.poll(50).values() for record in records]
        member.commit({kafka.TopicPartition("t", 0): kafka.OffsetAndMetadata(2, "")})
        group = self.described()
        self.assertEqual((group["state"], group["protocol_type"], group["protocol"]), ("Stable", "consumer", "range"))
        only, = group["members"]
        self.assertEqual((only["client_id"], only["host"]), ("theirs", "/127.0.0.1"))
        self.assertEqual(only["partitions"], [{"topic": "t", "partition": 0}, {"topic": "t", "partition": 1}])
        self.assertEqual([(each["partition"], each["current_offset"], each["end_offset"], each["lag"]) for each in group["partitions"]],
                         [(0, 2, 5, 3), (1, None, 3, None)])
        self.assertEqual({each["member_id"] for each in group["partitions"]}, {only["member_id"]})
        self.assertIn("theirs", self.bus.run("group", "describe", "g"))

    def test_offsets_are_reset_once_the_members_have_gone_and_the_next_ones_begin_there(self):
        self.bus.kcat("-P", "-t", "t", "-p", "0", text="x\n" * 9)
        member, _ = self.member()
        member.commit({kafka.TopicPartition("t", 0): kafka.OffsetAndMetadata(9, "")})
        over = threading.Event()

        def stay():
            while not over.is_set():
                member.poll(50)

        thread = threading.Thread(target=stay)
        thread.start()
        refused = self.bus.fails("group", "reset", "g", "--to", "earliest", "--execute")
        self.assertIn("1 member", refused)
        self.assertIn("members", self.bus.fails("group", "delete", "g"))
        over.set()
        thread.join()
        member.close()
        self.bus.run("group", "reset", "g", "--to", "4", "--execute")
        self.assertEqual([each["current_offset"] for each in self.described()["partitions"]], [4])
        following, read = self.member()
        self.addCleanup(following.close)
        while len(read) < 5:
            read += [record.offset for records in following.poll(50).values() for record in records]
        self.assertEqual(read, [4, 5, 6, 7, 8])


if __name__ == "__main__":
    unittest.main()
