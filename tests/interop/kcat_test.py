#!/usr/bin/env python3
"""kcat, which is librdkafka, against a broker: what it produces it reads again, and so it is with native records.

Usage: kcat_test.py RINGMAIN
"""
import subprocess
import sys
import time
import unittest

from bus import Bus
from wire import CODECS, codecs_of

RINGMAIN = sys.argv.pop(1)
READ = ("-C", "-e", "-q", "-X", "check.crcs=true")


def lines(count, width=100):
    return [f"{i:08d}-{'x' * width}" for i in range(count)]


class Kcat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bus = Bus(RINGMAIN, ["num.partitions=1"]).__enter__()
        cls.addClassCleanup(cls.bus.__exit__)

    def produce(self, topic, values, *options):
        self.bus.kcat("-P", "-t", topic, "-p", "0", *options, text="\n".join(values) + "\n")

    def consume(self, topic, *options):
        return self.bus.kcat(*READ, "-t", topic, "-p", "0", "-o", "beginning", *options).splitlines()

    def test_reads_what_it_wrote_in_every_codec(self):
        values = lines(5000)
        for codec in CODECS:
            with self.subTest(codec=codec):
                self.produce(f"codec-{codec}", values, "-z", codec)
                self.assertEqual(self.consume(f"codec-{codec}"), values)
                self.assertEqual(set(codecs_of(self.bus.address, f"codec-{codec}")), {codec})

    def test_makes_topics_by_asking_for_them(self):
        self.produce("made-by-asking", ["first"])
        self.assertIn("made-by-asking", self.bus.run("topic", "list"))

    def test_keeps_keys_headers_nulls_and_times(self):
        self.bus.kcat("-P", "-t", "dressed", "-p", "0", "-K", ":", "-Z", "-H", "from=test", text="k1:v1\nk2:\n")
        seen = self.bus.kcat(*READ, "-t", "dressed", "-o", "beginning", "-f", "%o %k %S %h\\n").splitlines()
        self.assertEqual(seen, ["0 k1 2 from=test", "1 k2 -1 from=test"])

    def test_acknowledges_at_every_level(self):
        for acks in ("0", "1", "all"):
            with self.subTest(acks=acks):
                self.produce(f"acks-{acks}", lines(100), "-X", f"acks={acks}")
                self.assertEqual(self.await_count(f"acks-{acks}", 100), lines(100))

    def await_count(self, topic, count):
        seen = []
        while len(seen) < count:  # acks=0 says nothing: they are on their way
            seen = self.consume(topic)
        return seen

    def test_starts_where_it_is_told(self):
        self.produce("offsets", lines(100))
        self.assertEqual(self.consume("offsets", "-o", "90"), lines(100)[90:])
        tail = self.bus.kcat(*READ, "-t", "offsets", "-p", "0", "-o", "-5").splitlines()
        self.assertEqual(tail, lines(100)[95:])

    def test_finds_offsets_by_time(self):
        self.produce("times", ["early"])
        stamp = int(self.bus.kcat(*READ, "-t", "times", "-o", "beginning", "-f", "%T\\n").splitlines()[0])
        query = self.bus.kcat("-Q", "-t", f"times:0:{stamp}")
        self.assertIn("times [0] offset 0", query)
        self.assertIn("times [0] offset -1", self.bus.kcat("-Q", "-t", f"times:0:{stamp + 3_600_000}"))

    def test_reads_native_records(self):
        self.bus.run("topic", "create", "native")
        self.bus.run("produce", "native", text="\n".join(lines(3000)) + "\n")
        self.assertEqual(self.consume("native"), lines(3000))

    def test_reads_native_and_kafka_records_in_one_order(self):
        self.bus.run("topic", "create", "mixed")
        expected = []
        for i in range(5):
            values = [f"{i}-{j}" for j in range(20)]
            expected += values
            if i % 2:
                self.produce("mixed", values)
            else:
                self.bus.run("produce", "mixed", text="\n".join(values) + "\n")
        self.assertEqual(self.consume("mixed"), expected)

    def test_stamps_the_time_of_the_append_where_the_topic_says_so(self):
        self.bus.run("topic", "create", "stamped", "--config", "message.timestamp.type=LogAppendTime")
        before = time.time_ns() // 1_000_000
        self.bus.kcat("-P", "-t", "stamped", "-p", "0", text="a\n")
        stamps = self.bus.kcat(*READ, "-t", "stamped", "-p", "0", "-o", "beginning", "-f", "%T %s\n").split()
        self.assertEqual(stamps[1:], ["a"])
        self.assertGreaterEqual(int(stamps[0]), before)
        dump = self.bus.kcat(*READ, "-t", "stamped", "-p", "0", "-o", "beginning", "-J")
        self.assertIn('"tstype":"logappend"', dump)

    def test_reads_what_is_on_disk_only(self):
        self.bus.run("topic", "create", "cold", "--config", "slot.bytes=65536", "--config", "memory.budget.bytes=131072")
        values = lines(20_000)
        self.produce("cold", values, "-X", "acks=all", "-X", "batch.size=8000")
        self.assertEqual(self.consume("cold"), values)
        self.assertEqual(self.consume("cold", "-o", "17"), values[17:])

    def test_waits_for_records_that_come_later(self):
        self.produce("polled", ["before"])
        reader = subprocess.Popen(["kcat", "-b", self.bus.address, "-C", "-u", "-q", "-t", "polled", "-p", "0", "-o", "beginning",
                                   "-c", "3"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(reader.stdout.readline(), "before\n")
        self.produce("polled", ["by kcat"])
        self.assertEqual(reader.stdout.readline(), "by kcat\n")
        self.bus.run("produce", "polled", text="by a native producer\n")
        self.assertEqual(reader.stdout.readline(), "by a native producer\n")
        self.assertEqual(reader.wait(), 0)
        reader.stdout.close()

    def test_is_told_that_a_single_producer_topic_is_not_for_it(self):
        self.bus.run("topic", "create", "lone", "--config", "single.producer=true", "--config", "storage=memory")
        done = subprocess.run(["kcat", "-b", self.bus.address, "-P", "-t", "lone", "-p", "0"], input="a\n", capture_output=True,
                              text=True)
        self.assertIn("olicy", done.stderr)


class AfterADeath(unittest.TestCase):
    def test_records_are_there_when_the_broker_was_killed(self):
        with Bus(RINGMAIN) as bus:
            bus.kcat("-P", "-t", "kept", "-p", "0", "-z", "lz4", text="\n".join(lines(1000)) + "\n")
            port = bus.address.rsplit(":", 1)[1]
            bus.kill()
            bus.start(port)
            bus.kcat("-P", "-t", "kept", "-p", "0", text="after\n")
            seen = bus.kcat(*READ, "-t", "kept", "-p", "0", "-o", "beginning").splitlines()
            self.assertEqual(seen, lines(1000) + ["after"])


class AfterAPowerCut(unittest.TestCase):
    def test_records_on_disk_are_there_when_memory_is_gone(self):
        with Bus(RINGMAIN) as bus:
            for codec in CODECS:
                bus.kcat("-P", "-t", "kept", "-p", "0", "-z", codec, "-X", "acks=all", text="\n".join(lines(500)) + "\n")
            bus.kill()
            bus.lose_memory()
            bus.start()
            bus.kcat("-P", "-t", "kept", "-p", "0", text="after\n")
            seen = bus.kcat(*READ, "-t", "kept", "-p", "0", "-o", "beginning").splitlines()
            self.assertEqual(seen, lines(500) * len(CODECS) + ["after"])
            self.assertIn("sound", bus.run("log", "verify", "kept-0"))


class AtEveryStepOfAnAppend(unittest.TestCase):
    def test_a_broker_that_dies_leaves_a_log_that_goes_on(self):
        for place in ("log.announced", "log.added", "log.claimed", "broker.written", "broker.published"):
            with self.subTest(place=place), Bus(RINGMAIN) as bus:
                bus.kcat("-P", "-t", "kept", "-p", "0", text="before\n")
                bus.stop()
                bus.start(fault=f"{place}:kill")
                subprocess.run(["kcat", "-b", bus.address, "-P", "-t", "kept", "-p", "0", "-X", "message.timeout.ms=1000"],
                               input="at the death\n", capture_output=True, text=True)
                self.assertEqual(bus.await_death(), -9)
                bus.start()
                bus.kcat("-P", "-t", "kept", "-p", "0", text="after\n")
                bus.run("produce", "kept", text="native\n")
                seen = bus.kcat(*READ, "-t", "kept", "-p", "0", "-o", "beginning").splitlines()
                published = ["at the death"] if place == "broker.published" else []
                self.assertEqual(seen, ["before", *published, "after", "native"])


if __name__ == "__main__":
    unittest.main()
