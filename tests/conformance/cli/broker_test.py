#!/usr/bin/env python3
"""`ringmain broker`, brokers that clients start, and what a user meets when one dies or cannot work."""
import grp
import os
import signal
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from cli import RINGMAIN, CliTest, TemporaryBus, end, main


class Brokers(CliTest):
    def test_a_broker_says_where_it_listens_and_ends_by_a_signal(self):
        with TemporaryBus() as bus:
            for number in (signal.SIGTERM, signal.SIGINT):
                broker = bus.start("broker", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0")
                lines = [broker.stdout.readline() for _ in range(2)]
                for line in lines:
                    self.assertRegex(line, rb"^listening on 127\.0\.0\.1:\d+\n$")
                broker.send_signal(number)
                self.assertEqual(broker.stdout.read(), b"")
                self.assertEqual(broker.wait(), 0)
            broker = bus.start("broker", "--listen", "127.0.0.1:0", "--json")
            self.assertRegex(broker.stdout.readline(), rb'^\{"pid":%d,"listeners":\["127\.0\.0\.1:\d+"\]\}\n$' % broker.pid)

    def test_a_signal_to_the_broker_keeps_every_record(self):
        with TemporaryBus() as bus:
            broker = bus.start_broker()
            for storage in ("memory", "disk"):
                self.done(bus.run("topic", "create", storage, "--config", f"storage={storage}"))
                self.done(bus.run("produce", storage, stdin=b"kept\n"))
            broker.terminate()
            broker.stdout.read()
            self.assertEqual(broker.wait(), 0)
            for storage in ("memory", "disk"):
                self.assertEqual(self.consume(bus, storage), [b"kept"])

    def test_a_second_broker_is_refused_and_told_who_is_there(self):
        with TemporaryBus() as bus:
            first = bus.start_broker()
            self.failed(bus.run("broker"), str(bus.path), str(first.pid))
            self.assertIsNone(first.poll())

    def test_an_address_in_use_or_none_is_named(self):
        with TemporaryBus() as bus, TemporaryBus() as other:
            broker = bus.start("broker", "--listen", "127.0.0.1:0")
            address = broker.stdout.readline().decode().split()[-1]
            for arguments in (("--listen", address), ("--listen", "nowhere"), ("--listen", "127.0.0.1:99999")):
                outcome = other.run("broker", *arguments)
                self.assertIn(outcome.code, (1, 2), outcome)
                self.assertEqual(outcome.out, b"", outcome)
                self.assertIn(arguments[1], outcome.err.decode().splitlines()[-1], outcome)

    def test_settings_of_a_broker_are_checked(self):
        with TemporaryBus() as bus:
            self.failed(bus.run("broker", "--config", "no.such.setting=1"), "no.such.setting")
            self.failed(bus.run("broker", "--config", "num.partitions=none"), "num.partitions")
            self.wrong_usage(bus.run("broker", "--config", "no-equals-sign"))
            self.failed(bus.run("broker", "--config-file", bus.folder / "missing.toml"), "missing.toml")
            bad = bus.folder / "bad.toml"
            bad.write_text("num.partitions = = 3\n")
            self.failed(bus.run("broker", "--config-file", bad), "bad.toml")
            good = bus.folder / "good.toml"
            good.write_text("[num]\npartitions = 3\n")
            bus.start_broker("--config-file", good)
            self.assertEqual(self.done(bus.run("topic", "create", "a", "--json")).objects, [{"name": "a", "partitions": 3}])

    def test_no_autostart_needs_a_broker(self):
        with TemporaryBus() as bus:
            for arguments in (("topic", "list"), ("produce", "a"), ("consume", "a"), ("top", "--once"), ("log", "locks")):
                with self.subTest(arguments=arguments):
                    self.failed(bus.run(*arguments, "--no-autostart"), str(bus.path))
            self.assertEqual(bus.brokers(), [])
            bus.start_broker()
            self.done(bus.run("topic", "list", "--no-autostart"))

    def test_clients_of_one_bus_share_one_broker(self):
        with TemporaryBus() as bus:
            for i in range(3):
                self.done(bus.run("topic", "create", f"t{i}", "--config", "storage=memory"))
            self.assertEqual(len(bus.brokers()), 1)

    def test_producing_and_consuming_go_on_when_the_broker_is_killed(self):
        with TemporaryBus() as bus:
            for storage, acks in (("memory", "1"), ("disk", "all")):
                with self.subTest(storage=storage):
                    topic = storage
                    self.done(bus.run("topic", "create", topic, "--config", f"storage={storage}"))
                    producer = bus.start("produce", topic, "--report", "--acks", acks)
                    consumer = bus.start("consume", topic, "--from", "earliest", "--max", "6")
                    for i in range(3):
                        producer.stdin.write(b"before %d\n" % i)
                        self.assertEqual(producer.stdout.readline(), b"0 %d\n" % i)
                    bus_brokers = [pid for pid in bus.brokers() if pid not in (producer.pid, consumer.pid)]
                    for pid in bus_brokers:
                        end(pid, signal.SIGKILL)
                    for i in range(3):
                        producer.stdin.write(b"after %d\n" % i)
                        self.assertEqual(producer.stdout.readline(), b"0 %d\n" % (3 + i))
                    producer.stdin.close()
                    self.assertEqual((producer.wait(), producer.stderr.read()), (0, b""))
                    expected = [b"before 0", b"before 1", b"before 2", b"after 0", b"after 1", b"after 2"]
                    self.assertEqual(consumer.stdout.read().splitlines(), expected)
                    self.assertEqual((consumer.wait(), consumer.stderr.read()), (0, b""))
                    self.assertEqual(self.consume(bus, topic), expected)

    def test_locks_and_top_show_who_is_there(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("topic", "create", "b"))
            producer = bus.start("produce", "a", "--report")
            producer.stdin.write(b"x\n")
            producer.stdout.readline()
            consumer = bus.start("consume", "a", "--from", "earliest")
            consumer.stdout.readline()
            locks = {(each["topic"], each["partition"]): each for each in self.done(bus.run("log", "locks", "--json")).objects}
            self.assertEqual([each["pid"] for each in locks["a", 0]["producers"]], [producer.pid])
            self.assertEqual([each["pid"] for each in locks["a", 0]["readers"]], [consumer.pid])
            self.assertEqual(locks["a", 0]["in_the_way"], [])
            text = self.done(bus.run("log", "locks", "a")).out.decode()
            self.assertIn(str(producer.pid), text)
            self.assertIn("Nobody is in the way.", text)
            rows = {each["topic"]: each for each in self.done(bus.run("top", "--once", "--interval", "10ms", "--json")).objects}
            self.assertEqual([rows["a"][name] for name in ("start_offset", "end_offset", "producers", "max_lag")], [0, 1, 1, 0])
            header, *lines = self.done(bus.run("top", "--once", "--interval", "10ms")).lines
            self.assertEqual(header.split()[:4], ["TOPIC", "PARTITION", "START", "END"])
            self.assertIn(["a", "0", "0", "1"], [line.split()[:4] for line in lines])


class Surroundings(CliTest):
    def test_a_bus_that_cannot_be_made_is_named(self):
        with TemporaryBus() as bus:
            a_file = bus.folder / "a-file"
            a_file.write_text("x")
            for path, named in ((a_file, a_file), (a_file / "bus", a_file), ("/proc/no/such/bus", "/proc/no")):
                with self.subTest(path=path):
                    self.failed(bus.run("--bus", path, "topic", "list"), str(named))

    def test_a_folder_for_memory_that_cannot_be_made_is_named(self):
        with TemporaryBus() as bus:
            self.failed(bus.run("broker", "--shm", "/proc/no/such/folder"), "/proc/no")
            self.failed(bus.run("broker", RINGMAIN_SHM="/proc/no/such/folder"), "/proc/no")

    def test_a_folder_for_memory_that_is_on_a_disk_is_taken_with_a_warning(self):
        with TemporaryBus(parent="/var/tmp") as bus:
            for parent in (bus.folder, bus.shm):
                kind = subprocess.run(["stat", "-f", "-c", "%T", parent], capture_output=True, text=True, check=True).stdout
                if kind.strip() not in ("tmpfs", "ext2/ext3", "xfs", "btrfs"):
                    continue
                folder, is_warned = parent / "memory", kind.strip() != "tmpfs"
                broker = bus.start("broker", "--shm", folder, "--listen", "127.0.0.1:0")
                broker.stdout.readline()
                broker.terminate()
                self.assertEqual(b"not on a tmpfs" in broker.stderr.read(), is_warned)
                self.assertEqual(broker.wait(), 0)

    def test_memory_of_a_bus_that_is_damaged_is_an_error_that_names_it(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"x\n"))
            bus.end_brokers()
            memory, = bus.shm.rglob("*-0.log")
            content = bytearray(memory.read_bytes())
            for at, value in ((0, b"NOTOURS!"), (8, struct.pack("<I", 99)), (20, b"\xff\xff\xff\xff"), (4096, b"\xff" * 8),
                              (4096 + 64, b"\xff" * 16)):
                with self.subTest(at=at):
                    damaged = bytearray(content)
                    damaged[at:at + len(value)] = value
                    memory.write_bytes(damaged)
                    outcome = bus.run("consume", "a", "--from", "earliest", "--exit-at-end")
                    self.assertEqual((outcome.code, outcome.out), (1, b""), outcome)
                    self.complained(outcome)
                    outcome = bus.run("log", "verify", memory)
                    self.complained(outcome, str(memory))
                    self.assertEqual(outcome.code, 1)
                    bus.end_brokers()
            memory.write_bytes(content)
            self.assertEqual(self.consume(bus, "a"), [b"x"])

    def test_memory_that_is_used_up_is_a_failure_that_says_so(self):
        # The fault point of the allocation stands in for a full tmpfs.
        with TemporaryBus() as bus:
            bus.start_broker(RINGMAIN_FAULT="os.allocate:enospc:40+")
            self.done(bus.run("topic", "create", "first", "--config", "storage=memory"))
            self.done(bus.run("produce", "first", stdin=b"x\n"))
            for i in range(100):
                self.done(bus.run("topic", "create", f"t{i}"))
                outcome = bus.run("topic", "describe", f"t{i}")  # asks for its memory
                if outcome.code != 0:
                    break
            self.failed(outcome, str(bus.shm), "No space left")
            self.assertEqual(self.consume(bus, "first"), [b"x"], "what is there can be read")


def folder_that_everybody_may_pass(test):
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents)):
            return folder
    return test.skipTest("no folder for temporary files lets other users pass")


class OtherUsers(CliTest):
    def test_a_bus_without_rights_is_named(self):
        if os.geteuid() != 0:
            self.skipTest("only root can run a command as somebody else")
        with TemporaryBus(parent=folder_that_everybody_may_pass(self)) as bus:
            self.done(bus.run("topic", "create", "a"))
            bus.folder.chmod(0o755)
            program = bus.folder / "ringmain"  # where the other user may read it
            program.write_bytes(Path(RINGMAIN).read_bytes())
            program.chmod(0o755)
            nobody = 65534
            for arguments in (("topic", "list"), ("consume", "a"), ("log", "dump", str(bus.path)), ("log", "verify", str(bus.path))):
                with self.subTest(arguments=arguments):
                    process = subprocess.run([program, *arguments], env=bus.environment, user=nobody, group=nobody, extra_groups=[],
                                             stdin=subprocess.DEVNULL, capture_output=True, check=False)
                    self.assertEqual((process.returncode, process.stdout), (1, b""), process)
                    self.assertRegex(process.stderr.decode(), rf"\Aringmain: [^\n]*{bus.path}[^\n]*\n\Z")


class BusOfAGroup(CliTest):
    def test_members_of_the_buss_group_may_use_it_and_nobody_else(self):
        if os.geteuid() != 0:
            self.skipTest("only root can run a command as somebody else")
        group = grp.getgrnam("games")
        with TemporaryBus(parent=folder_that_everybody_may_pass(self)) as bus:
            bus.start_broker("--config", f"bus.group={group.gr_name}")
            bus.folder.chmod(0o755)
            program = bus.folder / "ringmain"  # where the other users may read it
            program.write_bytes(Path(RINGMAIN).read_bytes())
            program.chmod(0o755)

            def run(gid, *arguments, stdin=b""):
                return subprocess.run([program, *arguments], env=bus.environment, user=65534, group=gid, extra_groups=[],
                                      input=stdin, capture_output=True, check=False)

            for arguments, stdin, printed in ((("topic", "create", "a"), b"", b""),
                                              (("produce", "a", "--acks", "all"), b"one\n", b""),
                                              (("consume", "a", "--from", "earliest", "--exit-at-end"), b"", b"one\n")):
                with self.subTest(arguments=arguments):
                    member = run(group.gr_gid, *arguments, stdin=stdin)
                    self.assertEqual((member.returncode, member.stdout, member.stderr), (0, printed, b""), member)
                    other = run(65534, *arguments, stdin=stdin)
                    self.assertEqual((other.returncode, other.stdout), (1, b""), other)
                    self.assertIn(b"Permission denied", other.stderr)


class SmallTmpfs(CliTest):
    """A real tmpfs that fills up."""

    def setUp(self):
        self.bus = self.enterContext(TemporaryBus())

    def mount(self, folder):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "ringmain-cli", folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"may not mount a tmpfs: {mounted.stderr.decode().strip()}")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", folder], check=False))

    def test_a_tmpfs_that_is_full_stops_the_producer_with_an_error_and_keeps_what_was_sent(self):
        bus = self.bus
        self.mount(bus.shm)
        self.done(bus.run("topic", "create", "a", "--config", "full.policy=block", "--config", "memory.budget.bytes=67108864"))
        reader = bus.start("consume", "a", "--from", "earliest")  # keeps its memory: it is never read
        os.kill(reader.pid, signal.SIGSTOP)
        producer = bus.start("produce", "a", "--report")
        reports = []
        threads = [threading.Thread(target=feed, args=(producer.stdin,)),
                   threading.Thread(target=lambda: reports.append(producer.stdout.read()))]
        for thread in threads:
            thread.start()
        waiting = 0
        while not waiting and producer.poll() is None:
            rows = self.done(bus.run("top", "--once", "--interval", "1ms", "--json")).objects
            waiting = sum(row["waiting_producers"] for row in rows)  # no row: the producer has not begun yet
        producer.send_signal(signal.SIGINT)
        self.assertEqual(producer.wait(), 1)
        self.assertRegex(producer.stderr.read(), rb"\Aringmain: cannot send line \d+ to topic 'a': [^\n]*(tmpfs|memory)[^\n]*\n\Z")
        for thread in threads:
            thread.join()
        reported = len(reports[0].splitlines())
        self.assertGreater(reported, 0)
        os.kill(reader.pid, signal.SIGKILL)
        got = self.consume(bus, "a", "--format", "%o\\n")
        self.assertGreaterEqual(len(got), reported)
        self.assertEqual([int(offset) for offset in got], list(range(len(got))))

    def test_a_topic_that_finds_no_room_is_refused(self):
        self.mount(self.bus.shm)
        self.done(self.bus.run("topic", "create", "first"))
        self.done(self.bus.run("produce", "first", stdin=b"x\n"))
        for i in range(200):
            self.done(self.bus.run("topic", "create", f"t{i}", "--partitions", 8))
            outcome = self.bus.run("topic", "describe", f"t{i}")  # asks for its memory
            if outcome.code != 0:
                break
        self.failed(outcome, str(self.bus.shm), "full", "free some")
        self.assertEqual(self.consume(self.bus, "first"), [b"x"])

    def test_a_disk_that_is_full_is_told_by_produce_and_describe_and_everything_is_there_when_it_has_room(self):
        bus = self.bus
        bus.path.mkdir(mode=0o700)
        self.mount(bus.path)  # as the disk of the bus
        self.done(bus.run("topic", "create", "a", "--config", "storage=disk", "--config", "slot.bytes=1048576",
                          "--config", "segment.bytes=1048576"))
        lines = b"".join(b"%d:%s\n" % (i, b"x" * 990) for i in range(16000))
        outcome = bus.run("produce", "a", "--acks", "all", "--report", stdin=lines)
        self.assertEqual(outcome.code, 1, outcome)
        self.complained(outcome, "a-0", "full")
        acknowledged = len(outcome.lines)
        self.assertGreater(acknowledged, 0)
        partition, = self.done(bus.run("topic", "describe", "a", "--json")).objects[0]["partitions"]
        self.assertEqual(partition["storage"], "full")
        self.assertGreaterEqual(partition["durable_offset"], acknowledged)
        self.assertEqual(subprocess.run(["mount", "-o", "remount,size=64m", bus.path], check=False).returncode, 0)
        while partition["storage"] != "healthy" or partition["durable_offset"] < partition["end_offset"]:
            partition, = self.done(bus.run("topic", "describe", "a", "--json")).objects[0]["partitions"]
        kept = self.consume(bus, "a")
        self.assertEqual(kept, lines.splitlines()[:len(kept)])
        self.assertGreaterEqual(len(kept), acknowledged)
        found, = self.done(bus.run("log", "verify", "a-0", "--json")).objects
        self.assertEqual(found["records"], len(kept))


def feed(stream):
    """Writes until the other end goes."""
    try:
        while True:
            stream.write(b"x" * 999 + b"\n")
    except (BrokenPipeError, ValueError):
        pass


if __name__ == "__main__":
    main()
