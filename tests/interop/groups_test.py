#!/usr/bin/env python3
"""Groups of Kafka clients: members of different libraries share a topic, and offsets outlive everybody.

Usage: groups_test.py RINGMAIN
"""
import subprocess
import sys
import threading
import time
import unittest

import confluent_kafka
import kafka

from bus import Bus
from members import kafka_python, librdkafka, poll

RINGMAIN = sys.argv.pop(1)
PARTITIONS = 4


class Groups(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, ["group.initial.rebalance.delay.ms=50", "group.min.session.timeout.ms=100"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.run("topic", "create", "t", "--partitions", str(PARTITIONS))
        self.sent = 0

    def send(self, count):
        for partition in range(PARTITIONS):
            lines = "".join(f"{partition}-{self.sent + i}\n" for i in range(count))
            self.bus.kcat("-P", "-t", "t", "-p", str(partition), text=lines)
        self.sent += count

    def expected(self, first=0):
        return sorted(f"{partition}-{i}" for partition in range(PARTITIONS) for i in range(first, self.sent))

    def until(self, done, *members):
        """Polls each in a thread of its own: one that joins waits for the others. Gives what each has read."""
        read = [[] for _ in members]
        over = threading.Event()

        def follow(values, member):
            while not over.is_set():
                values.extend(value for _, value in poll(member))

        threads = [threading.Thread(target=follow, args=pair) for pair in zip(read, members)]
        for thread in threads:
            thread.start()
        while not done(read):
            time.sleep(0.01)
        over.set()
        for thread in threads:
            thread.join()
        return read

    def until_all(self, first, *members):
        return self.until(lambda read: len(set(sum(read, []))) >= len(self.expected(first)), *members)

    def test_offsets_committed_by_one_library_are_read_by_another_and_outlive_the_broker(self):
        self.send(5)
        first = librdkafka(self)
        read, = self.until_all(0, first)
        self.assertEqual(sorted(read), self.expected())
        first.commit(asynchronous=False)
        first.close()
        self.send(3)
        second = kafka_python(self)
        read, = self.until_all(5, second)
        self.assertEqual(sorted(read), self.expected(5))
        second.commit()
        second.close()
        port = int(self.bus.address.rsplit(":", 1)[1])
        self.bus.kill()
        self.bus.start(port)
        self.send(2)
        third = librdkafka(self)
        read, = self.until_all(8, third)
        self.assertEqual(sorted(read), self.expected(8))

    def test_members_of_two_libraries_share_the_partitions_and_one_that_leaves_is_replaced(self):
        self.send(1)
        members = [librdkafka(self, **{"partition.assignment.strategy": "range"}), kafka_python(self)]

        def shared(_):
            owned = [len(members[0].assignment()), len(members[1].assignment())]
            return sum(owned) == PARTITIONS and all(owned)

        self.until(shared, *members)
        members[1].close()
        self.until(lambda _: len(members[0].assignment()) == PARTITIONS, members[0])

    def test_a_killed_member_is_replaced_after_its_session(self):
        self.send(1)
        code = f"""
import confluent_kafka
member = confluent_kafka.Consumer({{"bootstrap.servers": "{self.bus.address}", "group.id": "g", "session.timeout.ms": 1000,
                                    "heartbeat.interval.ms": 100}})
member.subscribe(["t"])
while not member.assignment():
    member.poll(0.05)
print("in", flush=True)
while True:
    member.poll(0.05)
"""
        doomed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        self.addCleanup(doomed.stdout.close)
        self.assertEqual(doomed.stdout.readline(), b"in\n")
        doomed.kill()
        doomed.wait()
        survivor = librdkafka(self)
        self.until(lambda _: len(survivor.assignment()) == PARTITIONS, survivor)

    def test_cooperative_members_keep_what_they_can(self):
        self.send(1)
        settings = {"partition.assignment.strategy": "cooperative-sticky"}
        first = librdkafka(self, **settings)
        self.until(lambda _: len(first.assignment()) == PARTITIONS, first)
        second = librdkafka(self, **settings)
        self.until(lambda _: len(second.assignment()) == PARTITIONS // 2 == len(first.assignment()), first, second)

    def test_groups_are_listed_and_deleted(self):
        self.send(1)
        member = kafka_python(self)
        self.until_all(0, member)
        member.commit()
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.bus.address)
        self.addCleanup(admin.close)
        self.assertIn(("g", "consumer"), admin.list_consumer_groups())
        described, = admin.describe_consumer_groups(["g"])
        self.assertEqual((described.group, described.state, len(described.members)), ("g", "Stable", 1))
        offsets = admin.list_consumer_group_offsets("g")
        self.assertEqual(sorted(offset.offset for offset in offsets.values()), [1] * PARTITIONS)
        member.close()
        (name, error), = admin.delete_consumer_groups(["g"])
        self.assertEqual((name, error.errno), ("g", 0))
        self.assertNotIn(("g", "consumer"), admin.list_consumer_groups())

    def test_a_compacted_topic_takes_batches_record_by_record(self):
        self.bus.run("topic", "create", "c", "--config", "cleanup.policy=compact")
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address, "compression.codec": "zstd", "linger.ms": 50})
        failed = []
        for i in range(2000):
            producer.produce("c", key=f"k{i % 10}", value=f"v{i}", headers=[("h", str(i))],
                             on_delivery=lambda error, message: failed.append(error) if error else None)
        producer.flush()
        self.assertEqual(failed, [])
        seen = self.bus.kcat("-C", "-e", "-q", "-t", "c", "-f", "%o %k %s %h\\n").splitlines()
        self.assertEqual(seen, [f"{i} k{i % 10} v{i} h={i}" for i in range(2000)])
        producer.produce("c", value="no key", on_delivery=lambda error, message: failed.append(error))
        producer.flush()
        self.assertEqual(failed[0].code(), confluent_kafka.KafkaError.INVALID_RECORD)


if __name__ == "__main__":
    unittest.main()
