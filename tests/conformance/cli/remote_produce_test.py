#!/usr/bin/env python3
"""`ringmain produce --bootstrap`: the options of `produce`, over TCP, and what becomes of them when the broker fails."""
import select
import signal

from bootstrap_test import Remote
from cli import CliTest, TemporaryBus, main


def numbers(count, first=0):
    return b"".join(b"%d\n" % i for i in range(first, first + count))


class RemoteProduce(CliTest):
    def setUp(self):
        self.bus = self.enterContext(TemporaryBus())
        self.remote = Remote(self.bus)

    def test_records_come_out_in_order_whatever_the_acknowledgement_and_the_compression(self):
        for options in (["--acks", "0"], ["--acks", "1"], ["--acks", "all"], ["--linger", "2ms"],
                        *(["--compression", codec] for codec in ("none", "gzip", "snappy", "lz4", "zstd"))):
            with self.subTest(options=options):
                topic = options[0][2:] + options[1]
                self.done(self.remote.run("topic", "create", topic))
                out = self.done(self.remote.run("produce", topic, *options, "--report", stdin=numbers(2000))).out
                offsets = [-1] * 2000 if options == ["--acks", "0"] else range(2000)
                self.assertEqual(out, b"".join(b"0 %d\n" % offset for offset in offsets))
                # With acks=0 they may come yet: no end is asked for.
                self.assertEqual(self.done(self.bus.run("consume", topic, "--from", "earliest", "--max", 2000)).out, numbers(2000))

    def test_keys_headers_partitions_and_partitioners(self):
        self.done(self.remote.run("topic", "create", "a", "--partitions", 10))
        self.done(self.remote.run("produce", "a", "--partition", 3, "--key-separator", ":", "--header", "lang=en", "--header", "empty=",
                                  stdin=b"k:v\nno key\n:\n"))
        self.assertEqual(self.consume(self.bus, "a", "--format", "%p %K %k %S %s %h\\n"),
                         [b"3 1 k 1 v lang=en,empty=", b"3 -1  6 no key lang=en,empty=", b"3 0  0  lang=en,empty="])
        lines = b"".join(b"k%d:%d\n" % (i, i) for i in range(100))
        for partitioner in ("murmur2", "crc32"):
            self.done(self.remote.run("topic", "create", f"tcp-{partitioner}", "--partitions", 10))
            self.done(self.bus.run("topic", "create", f"shm-{partitioner}", "--partitions", 10))
            options = ("--partitioner", partitioner, "--key-separator", ":")
            self.done(self.remote.run("produce", f"tcp-{partitioner}", *options, stdin=lines))
            self.done(self.bus.run("produce", f"shm-{partitioner}", *options, stdin=lines))
            placed = [sorted(self.consume(self.bus, f"{way}-{partitioner}", "--format", "%k %p\\n")) for way in ("tcp", "shm")]
            self.assertEqual(*placed)

    def test_json_reports(self):
        self.done(self.remote.run("topic", "create", "a"))
        self.assertEqual(self.done(self.remote.run("produce", "a", "--report", "--json", stdin=b"a\nb\n")).objects,
                         [{"partition": 0, "offset": 0}, {"partition": 0, "offset": 1}])

    def test_a_record_is_reported_at_once_when_no_input_comes(self):
        self.done(self.remote.run("topic", "create", "a"))
        producer = self.remote.start("produce", "a", "--report", "--acks", "all")
        for offset in range(3):
            producer.stdin.write(b"line\n")
            self.assertEqual(producer.stdout.readline(), b"0 %d\n" % offset)
        producer.stdin.close()
        self.assertEqual(producer.wait(), 0)

    def test_a_topic_that_is_not_there_is_made(self):
        self.assertEqual(self.done(self.remote.run("produce", "new", "--report", stdin=b"x\n")).out, b"0 0\n")
        self.assertEqual(self.consume(self.bus, "new"), [b"x"])

    def test_what_is_refused(self):
        self.done(self.remote.run("topic", "create", "a", "--config", "max.message.bytes=100"))
        self.failed(self.remote.run("produce", "a", stdin=b"fits\n" + b"x" * 101 + b"\n"), "line 2", "a-0")
        self.failed(self.remote.run("produce", "a", stdin=b"x" * 2_000_000 + b"\n"), "line 1", "max.request.size")
        self.failed(self.remote.run("produce", "a", "--partition", 7, stdin=b"x\n"), "partition 7")
        self.failed(self.remote.run("produce", "no topic", stdin=b"x\n"), "no topic")
        self.wrong_usage(self.remote.run("produce", "a", "--durability", "memory", stdin=b"x\n"), "--durability", "--acks all")


class RemoteTroubles(CliTest):
    def test_a_topic_that_the_broker_does_not_make(self):
        with TemporaryBus() as bus:
            remote = Remote(bus, "--config", "auto.create.topics.enable=false")
            self.failed(remote.run("produce", "nothing", stdin=b"x\n"), "line 1", "nothing", "create it first")

    def test_a_broker_that_is_killed_and_started_again(self):
        with TemporaryBus() as bus:
            remote = Remote(bus)
            self.done(remote.run("topic", "create", "a"))
            producer = remote.start("produce", "a", "--acks", "all", "--report")
            producer.stdin.write(b"before\n")
            self.assertEqual(producer.stdout.readline(), b"0 0\n")
            bus.end_brokers(signal.SIGKILL)
            producer.stdin.write(b"meanwhile\n")
            port = remote.address.rpartition(":")[2]
            again = bus.start("broker", "--bus", bus.path, "--listen", f"127.0.0.1:{port}")
            self.assertTrue(again.stdout.readline())
            self.assertEqual(producer.stdout.readline(), b"0 1\n")
            producer.stdin.write(b"after\n")
            producer.stdin.close()
            self.assertEqual(producer.stdout.readline(), b"0 2\n")
            self.assertEqual(producer.wait(), 0)
            self.assertEqual(self.consume(bus, "a"), [b"before", b"meanwhile", b"after"])

    def test_a_signal_ends_it_though_the_broker_does_not_answer(self):
        with TemporaryBus() as bus:
            remote = Remote(bus)
            self.done(remote.run("topic", "create", "a"))
            producer = remote.start("produce", "a", "--report")
            producer.stdin.write(b"before\n")
            self.assertEqual(producer.stdout.readline(), b"0 0\n")
            remote.broker.send_signal(signal.SIGSTOP)
            try:
                producer.stdin.write(b"never acknowledged\n")
                self.assertEqual(select.select([producer.stdout], [], [], 0.2)[0], [])
                producer.send_signal(signal.SIGTERM)
                self.assertEqual(producer.wait(), 1)
                complaint = producer.stderr.read().decode()
                self.assertIn("stopped with 1 record(s) not acknowledged", complaint)
            finally:
                remote.broker.send_signal(signal.SIGCONT)

    def test_a_signal_ends_it_cleanly(self):
        with TemporaryBus() as bus:
            remote = Remote(bus)
            self.done(remote.run("topic", "create", "a"))
            producer = remote.start("produce", "a", "--report")
            producer.stdin.write(b"line\n")
            self.assertEqual(producer.stdout.readline(), b"0 0\n")
            producer.send_signal(signal.SIGINT)
            self.assertEqual(producer.wait(), 0)
            self.assertEqual(producer.stderr.read(), b"")


if __name__ == "__main__":
    main()
