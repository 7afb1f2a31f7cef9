#!/usr/bin/env python3
"""`ringmain produce` and `ringmain consume`: what goes in comes out, by every option."""
import base64
import signal
import time

from cli import CliTest, TemporaryBus, main

LONGEST_LINE = 16 << 20  # a quarter of the largest slot: no topic takes more


def numbers(count, first=0):
    return b"".join(b"%d\n" % i for i in range(first, first + count))


class RoundTrips(CliTest):
    def test_records_come_out_in_order_whatever_the_acknowledgement_and_the_storage(self):
        with TemporaryBus() as bus:
            for storage in ("memory", "disk"):
                for acks in ("0", "1", "all"):
                    with self.subTest(storage=storage, acks=acks):
                        topic = f"{storage}-{acks}"
                        self.done(bus.run("topic", "create", topic, "--config", f"storage={storage}"))
                        self.assertEqual(self.done(bus.run("produce", topic, "--acks", acks, stdin=numbers(2000))).out, b"")
                        self.assertEqual(b"\n".join(self.consume(bus, topic)) + b"\n", numbers(2000))

    def test_batches_of_every_compression_come_out_as_they_went_in(self):
        with TemporaryBus() as bus:
            for options in (["--linger", "2ms"], *(["--compression", codec] for codec in ("none", "gzip", "snappy", "lz4", "zstd")),
                            ["--compression", "zstd", "--linger", "1s", "--acks", "all"]):
                with self.subTest(options=options):
                    topic = "-".join(options).replace("--", "").replace("-", ".")
                    self.done(bus.run("topic", "create", topic))
                    out = self.done(bus.run("produce", topic, *options, "--report", stdin=numbers(2000))).out
                    self.assertEqual(out, b"".join(b"0 %d\n" % i for i in range(2000)))
                    self.assertEqual(b"\n".join(self.consume(bus, topic)) + b"\n", numbers(2000))

    def test_a_batch_goes_and_is_reported_when_linger_is_over_and_no_input_comes(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            producer = bus.start("produce", "a", "--linger", "20ms", "--report")
            for offset in range(3):
                producer.stdin.write(b"line\n")
                producer.stdin.flush()
                self.assertEqual(producer.stdout.readline(), b"0 %d\n" % offset)
            producer.stdin.close()
            self.assertEqual(producer.wait(), 0)

    def test_lines_become_records_byte_for_byte(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            sent = [b"", b" ", b"a\rb", b"\0", b"\xff\xfe", "gr\u00fc\u00df".encode(), b"", b"x" * 100000, b"last, without a line break"]
            self.done(bus.run("produce", "a", stdin=b"\n".join(sent)))
            got = self.done(bus.run("consume", "a", "--from", "earliest", "--exit-at-end", "--format", "%S:%s|")).out
            self.assertEqual(got, b"".join(b"%d:%s|" % (len(line), line) for line in sent))

    def test_no_input_sends_nothing(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", "--report"))
            self.assertEqual(self.consume(bus, "a"), [])

    def test_keys_and_headers(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            lines = b"k::v\nno key\n::empty key\nempty value::\nk::a::b\n"
            self.done(bus.run("produce", "a", "--key-separator", "::", "--header", "lang=en", "--header", "empty=", "--header",
                              "eq=a=b", stdin=lines))
            self.assertEqual(self.consume(bus, "a", "--format", "%K %k %S %s %h\\n"),
                             [b"1 k 1 v lang=en,empty=,eq=a=b", b"-1  6 no key lang=en,empty=,eq=a=b",
                              b"0  9 empty key lang=en,empty=,eq=a=b", b"11 empty value 0  lang=en,empty=,eq=a=b",
                              b"1 k 4 a::b lang=en,empty=,eq=a=b"])
            self.done(bus.run("topic", "create", "tab"))
            self.done(bus.run("produce", "tab", "--key-separator", "\\t", stdin=b"k\tv\n"))
            self.assertEqual(self.consume(bus, "tab", "--format", "%k=%s\\n"), [b"k=v"])

    def test_json_tells_null_empty_text_and_bytes_apart(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            before_ms = time.time() * 1000
            self.done(bus.run("produce", "a", "--key-separator", ":", "--header", "h=1", stdin=b"null key\n:\n\xff:\xfe\n"))
            null_key, empty, binary = self.done(bus.run("consume", "a", "--exit-at-end", "--json")).objects
            self.assertEqual((null_key["key"], null_key["value"]), (None, "null key"))
            self.assertEqual((empty["key"], empty["value"]), ("", ""))
            self.assertEqual([base64.b64decode(binary[name]) for name in ("key_base64", "value_base64")], [b"\xff", b"\xfe"])
            self.assertEqual([record["offset"] for record in (null_key, empty, binary)], [0, 1, 2])
            self.assertEqual((null_key["topic"], null_key["partition"]), ("a", 0))
            self.assertIn("headers", null_key)
            milliseconds = [int(line) for line in self.consume(bus, "a", "--format", "%T\\n")]
            self.assertGreater(milliseconds[0], before_ms - 1000)

    def test_format_has_kcats_tokens(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", "--key-separator", ":", "--header", "h=1", stdin=b"k:v\n"))
            self.assertEqual(self.done(bus.run("consume", "a", "--exit-at-end", "--format", "%t %p %o %k %s %S %h %%\\t\\x41\\n")).out,
                             b"a 0 0 k v 1 h=1 %\tA\n")
            self.assertEqual(self.done(bus.run("consume", "a", "--exit-at-end", "--format", "")).out, b"")

    def test_partitions_and_partitioners(self):
        with TemporaryBus() as bus:
            for partitioner in ("murmur2", "crc32", "round-robin", "random", "sticky"):
                with self.subTest(partitioner=partitioner):
                    self.done(bus.run("topic", "create", partitioner, "--partitions", 4))
                    self.done(bus.run("produce", partitioner, "--partitioner", partitioner, "--key-separator", ":",
                                      stdin=b"".join(b"k%d:%d\n" % (i % 8, i) for i in range(400))))
                    records = [line.split() for line in self.consume(bus, partitioner, "--format", "%p %k %s\\n")]
                    self.assertEqual(sorted(int(record[2]) for record in records), list(range(400)))
                    homes = {(record[0], record[1]) for record in records}
                    if partitioner in ("murmur2", "crc32"):
                        self.assertEqual(len(homes), 8, "each key has one partition")
                    if partitioner == "round-robin":
                        counts = [sum(record[0] == b"%d" % p for record in records) for p in range(4)]
                        self.assertEqual(counts, [100] * 4)
            self.done(bus.run("topic", "create", "a", "--partitions", 3))
            self.done(bus.run("produce", "a", "--partition", 2, stdin=numbers(3)))
            self.assertEqual(self.consume(bus, "a", "--format", "%p\\n"), [b"2"] * 3)
            self.failed(bus.run("produce", "a", "--partition", 3, stdin=b"x\n"), "partition 3")
            self.failed(bus.run("consume", "a", "--partition", 3, "--exit-at-end"), "partition 3")

    def test_murmur2_puts_keys_where_kafkas_java_producer_does(self):
        # From Kafka's own UtilsTest: murmur2 of these keys, cut to positive, of 1000 partitions.
        expected = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
                    b"a-little-bit-longer-string": -1486304829}
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--partitions", 10))
            self.done(bus.run("produce", "a", "--key-separator", ":", stdin=b"".join(key + b":x\n" for key in expected)))
            got = dict(line.split()[::-1] for line in self.consume(bus, "a", "--format", "%p %k\\n"))
            self.assertEqual(got, {key: b"%d" % ((value & 0x7FFFFFFF) % 10) for key, value in expected.items()})

    def test_report_names_partition_and_offset_in_input_order(self):
        with TemporaryBus() as bus:
            for storage in ("memory", "disk"):
                for acks in ("0", "1", "all"):
                    with self.subTest(storage=storage, acks=acks):
                        topic = f"{storage}-{acks}"
                        self.done(bus.run("topic", "create", topic, "--partitions", 3, "--config", f"storage={storage}"))
                        report = self.done(bus.run("produce", topic, "--acks", acks, "--report", "--partitioner", "round-robin",
                                                   stdin=numbers(3000))).lines
                        self.assertEqual(len(report), 3000)
                        where = {line: value for value, line in enumerate(report)}
                        records = self.consume(bus, topic, "--format", "%p %o %s\\n")
                        self.assertEqual(len(records), 3000)
                        for record in records:
                            partition, offset, value = record.decode().split()
                            self.assertEqual(where[f"{partition} {offset}"], int(value))
            self.done(bus.run("topic", "create", "json"))
            self.assertEqual(self.done(bus.run("produce", "json", "--report", "--json", stdin=b"a\nb\n")).objects,
                             [{"partition": 0, "offset": 0}, {"partition": 0, "offset": 1}])

    def test_report_is_flushed_at_once(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "storage=disk"))
            for acks in ("1", "all"):
                producer = bus.start("produce", "a", "--report", "--acks", acks)
                for _ in range(3):
                    producer.stdin.write(b"x\n")
                    self.assertRegex(producer.stdout.readline(), rb"^0 \d+\n$")
                producer.stdin.close()
                self.assertEqual(producer.wait(), 0)

    def test_a_record_that_is_too_large_ends_the_command_and_what_was_sent_is_a_prefix(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "max.message.bytes=100"))
            for acks in ("0", "1", "all"):
                self.failed(bus.run("produce", "a", "--acks", acks, stdin=b"fits\n" + b"x" * 101 + b"\nnever sent\n"), "line 2", "101")
            self.assertEqual(self.consume(bus, "a"), [b"fits"] * 3)
            outcome = bus.run("produce", "a", "--report", stdin=b"fits\n" + b"x" * 101 + b"\nnever sent\n")
            self.assertEqual((outcome.code, outcome.out), (1, b"0 3\n"))
            self.complained(outcome, "line 2")

    def test_lines_as_long_as_any_record_and_longer(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "slot.bytes=67108864", "--config", "max.message.bytes=16777000"))
            longest = b"x" * 16777000
            self.done(bus.run("produce", "a", stdin=longest + b"\n"))
            self.assertEqual(self.consume(bus, "a"), [longest])
            self.failed(bus.run("produce", "a", stdin=b"before\n" + b"y" * (2 * LONGEST_LINE)), "line 2")
            self.assertEqual(self.consume(bus, "a", "--format", "%S\\n"), [b"16777000", b"6"])


class Positions(CliTest):
    def setUp(self):
        self.bus = self.enterContext(TemporaryBus())
        self.done(self.bus.run("topic", "create", "a", "--partitions", 2))
        for partition, count in ((0, 10), (1, 4)):
            self.done(self.bus.run("produce", "a", "--partition", partition, stdin=numbers(count)))

    def values(self, *arguments):
        lines = self.done(self.bus.run("consume", "a", "--exit-at-end", "--format", "%p:%s\\n", *arguments)).lines
        return {p: [int(line[2:]) for line in lines if line.startswith(f"{p}:")] for p in (0, 1)}

    def test_from_says_where_to_start_in_each_partition(self):
        everything = {0: list(range(10)), 1: list(range(4))}
        self.assertEqual(self.values(), everything)
        self.assertEqual(self.values("--from", "earliest"), everything)
        self.assertEqual(self.values("--from", "0"), everything)
        self.assertEqual(self.values("--from", "latest"), {0: [], 1: []})
        self.assertEqual(self.values("--from", "3"), {0: list(range(3, 10)), 1: [3]})
        self.assertEqual(self.values("--from", "99"), {0: [], 1: []})
        self.assertEqual(self.values("--from", "-2"), {0: [8, 9], 1: [2, 3]})
        self.assertEqual(self.values("--from", "-6"), {0: [4, 5, 6, 7, 8, 9], 1: [0, 1, 2, 3]})
        self.assertEqual(self.values("--from", "-0"), {0: [], 1: []})
        self.assertEqual(self.values("--from", "9223372036854775807"), {0: [], 1: []})
        self.assertEqual(self.values("--partition", "1"), {0: [], 1: [0, 1, 2, 3]})
        self.assertEqual(self.values("--partition", "1", "--partition", "0"), everything)

    def test_from_a_time(self):
        times = [int(line) for line in self.done(self.bus.run("consume", "a", "--exit-at-end", "--format", "%T\\n")).lines]
        while time.time() * 1000 <= max(times) + 50:  # the next records shall be of a later time
            pass
        cut_ms = max(times) + 25
        self.done(self.bus.run("produce", "a", "--partition", 0, stdin=b"100\n101\n"))
        self.assertEqual(self.values("--from", f"@{cut_ms}"), {0: [100, 101], 1: []})
        iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(cut_ms // 1000)) + f".{cut_ms % 1000:03}Z"
        self.assertEqual(self.values("--from", f"@{iso}"), {0: [100, 101], 1: []})
        self.assertEqual(self.values("--from", "@0"), {0: [*range(10), 100, 101], 1: [0, 1, 2, 3]})
        self.assertEqual(self.values("--from", "@2100-01-01"), {0: [], 1: []})

    def test_max_stops_after_so_many(self):
        def count(*arguments):
            return len(self.done(self.bus.run("consume", "a", "--from", "earliest", *arguments)).lines)
        self.assertEqual(count("--max", 3), 3)
        self.assertEqual(count("--max", 0), 0)
        self.assertEqual(count("--max", 14), 14)
        self.assertEqual(count("--max", 99, "--exit-at-end"), 14)

    def test_exit_at_end_of_an_empty_topic_ends_at_once(self):
        self.done(self.bus.run("topic", "create", "empty", "--partitions", 3))
        for source in ("earliest", "latest", "0", "-5", "@0"):
            self.assertEqual(self.done(self.bus.run("consume", "empty", "--exit-at-end", "--from", source)).out, b"")

    def test_every_wait_strategy_reads_what_comes(self):
        for wait in ("spin", "yield", "sleep"):
            consumer = self.bus.start("consume", "a", "--wait", wait, "--from", "latest", "--max", "2", "--partition", "0")
            while consumer.poll() is None:  # when it stands at the end is not told: send until it has its two
                self.done(self.bus.run("produce", "a", "--partition", 0, stdin=b"new\n"))
            self.assertEqual((consumer.returncode, consumer.stdout.read()), (0, b"new\nnew\n"))


class Signals(CliTest):
    def test_a_signal_ends_consume_cleanly(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"one\ntwo\n"))
            for number in (signal.SIGINT, signal.SIGTERM):
                for wait in ("spin", "yield", "sleep"):
                    with self.subTest(signal=number, wait=wait):
                        consumer = bus.start("consume", "a", "--from", "earliest", "--wait", wait)
                        self.assertEqual(consumer.stdout.readline() + consumer.stdout.readline(), b"one\ntwo\n")
                        consumer.send_signal(number)
                        out, err = consumer.communicate()
                        self.assertEqual((consumer.returncode, out, err), (0, b"", b""))

    def test_two_signals_at_once_are_one_request(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"one\n"))
            consumer = bus.start("consume", "a", "--group", "g", "--from", "earliest")
            self.assertEqual(consumer.stdout.readline(), b"one\n")
            for number in (signal.SIGTERM, signal.SIGINT):  # as timeout(1) does: to the process, and then to its group
                consumer.send_signal(number)
            out, err = consumer.communicate()
            self.assertEqual((consumer.returncode, out, err), (0, b"", b""))
            described, = self.done(bus.run("group", "describe", "g", "--json")).objects
            self.assertEqual((described["state"], described["total_lag"]), ("Empty", 0))

    def test_a_signal_ends_produce_with_all_that_was_acknowledged_kept(self):
        with TemporaryBus() as bus:
            for number in (signal.SIGINT, signal.SIGTERM):
                for storage, acks in (("memory", "1"), ("disk", "1"), ("disk", "all")):
                    with self.subTest(signal=number, storage=storage, acks=acks):
                        topic = f"{storage}-{acks}-{int(number)}"
                        self.done(bus.run("topic", "create", topic, "--config", f"storage={storage}"))
                        producer = bus.start("produce", topic, "--acks", acks, "--report")
                        producer.stdin.write(numbers(100) + b"half a line")
                        reported = b"".join(producer.stdout.readline() for _ in range(100))
                        producer.send_signal(number)
                        rest = producer.stdout.read()
                        self.assertEqual((producer.wait(), producer.stderr.read(), rest), (0, b"", b""))
                        self.assertEqual(reported, b"".join(b"0 %d\n" % i for i in range(100)))
                        self.assertEqual(b"\n".join(self.consume(bus, topic)) + b"\n", numbers(100))

    def test_a_signal_in_the_middle_of_a_stream_loses_nothing_that_was_reported(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "storage=disk"))
            producer = bus.start("produce", "a", "--acks", "all", "--report")
            producer.stdin.write(numbers(10000))  # fits into a pipe
            first = producer.stdout.readline()
            producer.send_signal(signal.SIGINT)
            reported = (first + producer.stdout.read()).splitlines()
            self.assertEqual((producer.wait(), producer.stderr.read()), (0, b""))
            kept = self.consume(bus, "a")
            self.assertGreaterEqual(len(kept), len(reported))
            self.assertEqual(kept, numbers(len(kept)).splitlines())

    def test_a_signal_ends_top(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"x\n"))
            for number in (signal.SIGINT, signal.SIGTERM):
                top = bus.start("top", "--interval", "10ms", "--json")
                top.stdout.readline()
                top.send_signal(number)
                top.stdout.read()
                self.assertEqual((top.wait(), top.stderr.read()), (0, b""))


if __name__ == "__main__":
    main()
