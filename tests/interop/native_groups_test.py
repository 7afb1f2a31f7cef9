#!/usr/bin/env python3
"""Native members in groups, alone and beside Kafka clients: who dies is replaced at once, who stops is fenced, and nothing
committed is read twice.

Usage: native_groups_test.py RINGMAIN
"""
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import unittest

from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from bus import Bus
from members import commit, kafka_python, librdkafka, native, poll

RINGMAIN = sys.argv.pop(1)
PARTITIONS = 4


class NativeGroups(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, ["group.initial.rebalance.delay.ms=50", "group.min.session.timeout.ms=100"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.run("topic", "create", "t", "--partitions", str(PARTITIONS))

    def send(self, value):
        for partition in range(PARTITIONS):
            self.bus.kcat("-P", "-t", "t", "-p", str(partition), text=f"{value}\n")

    def stop_next_broker(self):
        """The one that clients have started."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(self.bus.folder / "bus" / "broker.sock"))
            pid, = struct.unpack("i8x", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        process = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        select.select([process], [], [])  # its end: it writes until then
        os.close(process)

    @staticmethod
    def until(done):
        while not done():
            time.sleep(0.01)

    def everybody_reads(self, *members):
        """Sends until each of the members reads some of the partitions, and together all."""
        for number in range(1 << 30):
            value = f"round-{number}"
            self.send(value)
            self.until(lambda: sum(len(member.partitions(value)) for member in members) >= PARTITIONS)
            if all(member.partitions(value) for member in members):
                return

    def test_what_was_printed_is_committed_and_the_next_goes_on_there(self):
        self.send("a")
        first = native(self, RINGMAIN, "--max", "3")
        first.finish()
        self.assertEqual(len(first.lines), 3)
        second = native(self, RINGMAIN, "--exit-at-end")
        second.finish()
        self.assertEqual(sorted(first.lines + second.lines), [f"{partition} a" for partition in range(PARTITIONS)])
        self.send("b")
        third = native(self, RINGMAIN)
        self.until(lambda: len(third.lines) == PARTITIONS)
        third.process.terminate()
        third.finish()
        self.assertEqual(third.partitions("b"), {"0", "1", "2", "3"})
        fourth = native(self, RINGMAIN, "--exit-at-end")
        fourth.finish()
        self.assertEqual(fourth.lines, [])

    def test_a_member_that_is_killed_is_replaced_at_once(self):
        first, second = native(self, RINGMAIN), native(self, RINGMAIN)
        self.everybody_reads(first, second)
        second.process.kill()
        second.process.wait()
        self.send("after")
        self.until(lambda: len(first.partitions("after")) == PARTITIONS)

    def test_members_go_on_when_the_broker_is_killed_and_commits_are_kept(self):
        first, second = native(self, RINGMAIN), native(self, RINGMAIN)
        self.everybody_reads(first, second)
        sent = [f"{partition} m{number}" for partition in range(PARTITIONS) for number in range(40)]

        def send():
            for number in range(40):
                for partition in range(PARTITIONS):
                    self.bus.run("produce", "t", "--partition", str(partition), text=f"m{number}\n")

        sender = threading.Thread(target=send)
        sender.start()
        self.until(lambda: len(first.lines) + len(second.lines) > 40)
        self.bus.kill()  # the members start the next one
        sender.join()
        self.addCleanup(self.stop_next_broker)
        self.until(lambda: set(sent) <= set(first.lines + second.lines))
        for member in (first, second):
            member.leave()
        everything = first.lines + second.lines
        self.assertEqual(sorted(line for line in everything if line in set(sent)), sorted(sent))  # once each
        rest = native(self, RINGMAIN, "--exit-at-end")
        rest.finish()
        self.assertEqual(rest.lines, [])

    def share(self, make_other, *arguments):
        """A native member and another one, which leaves and comes back."""
        other, own = make_other(), native(self, RINGMAIN, *arguments)
        read = []

        def shared():
            read.extend(f"{partition} {value}" for partition, value in poll(other))
            return len(other.assignment()) == PARTITIONS // 2

        self.until(shared)
        self.send("both")
        self.until(lambda: shared() is not None and sum(line.endswith("both") for line in read + own.lines) == PARTITIONS)
        self.assertEqual(sorted(read + own.lines), [f"{partition} both" for partition in range(PARTITIONS)])
        commit(other)
        other.close()
        self.send("native")
        self.until(lambda: len(own.partitions("native")) == PARTITIONS)
        own.leave()
        self.assertEqual(len(own.partitions("both")), PARTITIONS // 2)  # the other's commits were kept
        self.send("last")
        other = make_other()
        last = []
        while len(last) < PARTITIONS:
            last += [value for _, value in poll(other)]
        self.assertEqual(last, ["last"] * PARTITIONS)  # and the native one's

    def share_with_librdkafka(self, strategy, *arguments):
        self.share(lambda: librdkafka(self, **{"partition.assignment.strategy": strategy}), *arguments)

    def test_native_and_librdkafka_members_share_by_range(self):
        self.share_with_librdkafka("range,roundrobin")

    def test_native_and_librdkafka_members_share_by_roundrobin(self):
        self.share_with_librdkafka("roundrobin", "--assignor", "roundrobin")

    def test_native_and_librdkafka_members_share_cooperatively(self):
        self.share_with_librdkafka("cooperative-sticky", "--assignor", "cooperative-sticky")

    def test_native_and_kafka_python_members_share_by_range(self):
        self.share(lambda: kafka_python(self))

    def test_native_and_kafka_python_members_share_by_roundrobin(self):
        self.share(lambda: kafka_python(self, partition_assignment_strategy=[RoundRobinPartitionAssignor]), "--assignor", "roundrobin")


if __name__ == "__main__":
    unittest.main()
