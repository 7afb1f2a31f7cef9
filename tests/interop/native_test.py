#!/usr/bin/env python3
"""Native consumers read what Kafka clients wrote: every codec, in memory and from disk, from any place in a batch.

Usage: native_test.py RINGMAIN
"""
import shutil
import sys
import unittest

import confluent_kafka

from bus import Bus
from wire import CODECS

RINGMAIN = sys.argv.pop(1)
RECORDS = 100


class Native(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, ["log.cleaner.backoff.ms=50"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.run("topic", "create", "t")

    def send(self, codec, first, key=True):
        """One batch, whose records have times a second apart."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address, "compression.codec": codec, "linger.ms": 200,
                                             "batch.num.messages": RECORDS})
        for i in range(first, first + RECORDS):
            producer.produce("t", key=f"k{i}" if key else None, value=f"v{i}", headers=[("a", str(i)), ("b", "x")],
                             timestamp=1_000_000_000_000 + i * 1000)
        producer.flush()

    def read(self, start="earliest", fmt="%o %k %s %T %h\\n"):
        return self.bus.run("consume", "t", "--from", start, "--exit-at-end", "--format", fmt).splitlines()

    @staticmethod
    def expected(first, last):
        return [f"{i} k{i} v{i} {1_000_000_000_000 + i * 1000} a={i},b=x" for i in range(first, last)]

    def send_all(self):
        for number, codec in enumerate(CODECS):
            self.send(codec, number * RECORDS)
        self.bus.run("produce", "t", "--key-separator", ":", text="k:native\n")
        return len(CODECS) * RECORDS

    def check_all(self, count):
        records = self.read()
        self.assertEqual(records[:count], self.expected(0, count))
        self.assertEqual(self.read(fmt="%o %k %s\\n")[count:], [f"{count} k native"])
        for start in (1, RECORDS - 1, RECORDS, RECORDS + 1, count - 1):
            with self.subTest(start=start):
                self.assertEqual(self.read(str(start))[:count - start], self.expected(start, count))
        for wanted in (0, 7, RECORDS + 7, count - 1):
            with self.subTest(time_of=wanted):
                at = f"@{1_000_000_000_000 + wanted * 1000 - 999}"
                self.assertEqual(self.read(at)[:count - wanted], self.expected(wanted, count))

    def test_batches_of_every_codec_in_memory(self):
        self.check_all(self.send_all())

    def test_batches_of_every_codec_from_disk(self):
        count = self.send_all()
        self.bus.stop()
        for entry in self.bus.shm.iterdir():  # as a reboot does
            shutil.rmtree(entry)
        self.bus.start()
        self.check_all(count)

    def test_null_keys_and_values(self):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address, "linger.ms": 200})
        for key, value in ((None, "v"), ("k", None), (None, None), ("", "")):
            producer.produce("t", key=key, value=value)
        producer.flush()
        self.assertEqual(self.read(fmt="%K %S\\n"), ["-1 1", "1 -1", "-1 -1", "0 0"])

    def test_kafka_clients_read_what_a_producer_over_tcp_sends(self):
        text = "".join(f"k{i}:v{i}\n" for i in range(1000)) + "no key\n"
        for codec in CODECS:
            with self.subTest(codec=codec):
                self.bus.run("topic", "create", f"by-{codec}")
                self.bus.run("produce", f"by-{codec}", "--bootstrap", self.bus.address, "--compression", codec, "--key-separator", ":",
                             "--header", "a=1", text=text)
                consumer = confluent_kafka.Consumer({"bootstrap.servers": self.bus.address, "group.id": "none", "check.crcs": True})
                consumer.assign([confluent_kafka.TopicPartition(f"by-{codec}", 0, 0)])
                seen = []
                while len(seen) < 1001:
                    message = consumer.poll(1)
                    if message is not None:
                        self.assertIsNone(message.error())
                        seen.append((message.offset(), message.key(), message.value(), message.headers()))
                consumer.close()
                self.assertEqual(seen[:1000], [(i, b"k%d" % i, b"v%d" % i, [("a", b"1")]) for i in range(1000)])
                self.assertEqual(seen[1000], (1000, None, b"no key", [("a", b"1")]))

    def test_a_log_of_many_files_is_read_from_disk_by_all(self):
        self.bus.run("topic", "create", "m", "--config", "slot.bytes=65536", "--config", "segment.bytes=131072", "--config",
                     "max.message.bytes=16000")
        lines = [f"{i:08d}-{'x' * 80}" for i in range(20000)]
        half = len(lines) // 2
        self.bus.kcat("-P", "-t", "m", "-X", "batch.size=15000", text="\n".join(lines[:half]) + "\n")
        self.bus.run("produce", "m", text="\n".join(lines[half:]) + "\n")
        self.bus.stop()
        for entry in self.bus.shm.iterdir():
            shutil.rmtree(entry)
        self.bus.start()
        self.assertGreater(len(list((self.bus.folder / "bus" / "log").glob("m-0.*/*.log"))), 10)
        self.assertEqual(self.bus.kcat("-C", "-e", "-q", "-t", "m").splitlines(), lines)
        self.assertEqual(self.bus.run("consume", "m", "--from", "earliest", "--exit-at-end").splitlines(), lines)

    def test_a_compacted_topic_keeps_the_last_value_of_each_key(self):
        self.bus.run("topic", "create", "c", "--config", "cleanup.policy=compact", "--config", "min.cleanable.dirty.ratio=0",
                     "--config", "slot.bytes=65536", "--config", "segment.bytes=131072", "--config", "max.message.bytes=16000")
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address, "compression.codec": "lz4", "linger.ms": 20,
                                             "batch.size": 15000})
        last = {}
        for i in range(20000):
            producer.produce("c", key=f"k{i % 7}", value=f"{i}")
            last[f"k{i % 7}"] = f"{i}"
        producer.flush()
        seen = []
        while not 0 < len(seen) < 10000:
            seen = [line.split() for line in self.bus.kcat("-C", "-e", "-q", "-t", "c", "-f", "%k %s\\n").splitlines()]
        self.assertEqual(dict(seen), last)
        native = self.bus.run("consume", "c", "--from", "earliest", "--exit-at-end", "--format", "%k %s\\n").splitlines()
        self.assertEqual(dict(line.split() for line in native), last)

    def test_a_log_of_batches_is_sound(self):
        self.send_all()
        self.bus.stop()
        self.assertIn("sound", self.bus.run("log", "verify", str(self.bus.folder / "bus")))


if __name__ == "__main__":
    unittest.main()
