#!/usr/bin/env python3
"""kafka-python (pure Python) and confluent-kafka (librdkafka) against a broker: produce, and read by assignment.

Usage: python_clients_test.py RINGMAIN
"""
import sys
import unittest

from bus import Bus

RINGMAIN = sys.argv.pop(1)

try:
    import kafka
except ImportError:
    kafka = None
try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

FOREVER_MS = 3_600_000  # a hang is the test runner's to end


class PythonClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bus = Bus(RINGMAIN).__enter__()
        cls.addClassCleanup(cls.bus.__exit__)

    @unittest.skipIf(kafka is None, "python3-kafka is not installed")
    def test_kafka_python_writes_and_reads(self):
        self.bus.run("topic", "create", "by-kafka-python", "--partitions", "2")
        producer = kafka.KafkaProducer(bootstrap_servers=self.bus.address, acks="all", compression_type="gzip")
        sent = [producer.send("by-kafka-python", key=str(i).encode(), value=f"value {i}".encode(), partition=i % 2,
                              headers=[("n", str(i).encode())]) for i in range(500)]
        producer.flush()
        self.assertEqual([f.get().offset for f in sent[::2]], list(range(250)))
        producer.close()
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.bus.address, consumer_timeout_ms=FOREVER_MS)
        partitions = [kafka.TopicPartition("by-kafka-python", p) for p in (0, 1)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        seen = {}
        while len(seen) < 500:
            record = next(consumer)
            seen[int(record.key)] = (record.partition, record.offset, record.value.decode(), record.headers)
        self.assertEqual(seen, {i: (i % 2, i // 2, f"value {i}", [("n", str(i).encode())]) for i in range(500)})
        self.assertEqual(consumer.end_offsets(partitions), {p: 250 for p in partitions})
        self.assertEqual(consumer.beginning_offsets(partitions), {p: 0 for p in partitions})
        consumer.close()

    @unittest.skipIf(confluent_kafka is None, "python3-confluent-kafka is not installed")
    def test_confluent_kafka_writes_and_reads(self):
        offsets = {}
        failures = []

        def delivered(error, message):
            if error:
                failures.append(str(error))
            else:
                offsets[int(message.key())] = message.offset()

        producer = confluent_kafka.Producer({"bootstrap.servers": self.bus.address, "acks": "all", "compression.type": "zstd"})
        for i in range(2000):
            producer.produce("by-confluent", key=str(i), value=f"value {i}", partition=0, on_delivery=delivered)
            producer.poll(0)
        producer.flush()
        self.assertEqual(failures, [])
        self.assertEqual(sorted(offsets.values()), list(range(2000)))
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.bus.address, "group.id": "none", "enable.auto.commit": False})
        consumer.assign([confluent_kafka.TopicPartition("by-confluent", 0, 0)])
        seen = []
        while len(seen) < 2000:
            message = consumer.poll(1)
            if message is not None:
                self.assertIsNone(message.error())
                seen.append((message.offset(), message.value().decode()))
        self.assertEqual(seen, [(offsets[i], f"value {i}") for i in sorted(offsets, key=offsets.get)])
        self.assertEqual(consumer.get_watermark_offsets(confluent_kafka.TopicPartition("by-confluent", 0)), (0, 2000))
        consumer.close()


if __name__ == "__main__":
    unittest.main()
