#!/usr/bin/env python3
"""Clients that lie, stop halfway, or never read: they lose their connection, and nobody else notices.

Usage: hostile_clients_test.py RINGMAIN
"""
import struct
import sys
import unittest

from bus import Bus
from wire import API_VERSIONS, FETCH, PRODUCE, answer, connect, fetch_body, produce_body, request, text

RINGMAIN = sys.argv.pop(1)
REQUEST_MAX = 2 << 20
RECORD = "r" * 100_000

TOPIC = "loot"


class HostileClients(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, [f"socket.request.max.bytes={REQUEST_MAX}"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.kcat("-P", "-t", "loot", "-p", "0", text=(RECORD + "\n") * 20)

    def connect(self):
        connection = connect(self.bus.address)
        self.addCleanup(connection.close)
        return connection

    def assert_closed(self, connection):
        try:
            self.assertEqual(connection.recv(1), b"")
        except ConnectionResetError:
            pass

    def assert_others_are_unharmed(self):
        seen = self.bus.kcat("-C", "-e", "-q", "-t", "loot", "-p", "0", "-o", "beginning").splitlines()
        self.assertEqual(seen, [RECORD] * 20)

    def test_sizes_that_cannot_be(self):
        for size in (-1, -(2 ** 31), REQUEST_MAX + 1, 2 ** 31 - 1):
            with self.subTest(size=size):
                connection = self.connect()
                connection.sendall(struct.pack(">i", size) + b"x" * 100)
                self.assert_closed(connection)
        self.assertIn("closing the connection", self.bus.log())
        self.assert_others_are_unharmed()

    def test_versions_that_nobody_knows(self):
        for key, version in ((PRODUCE, 50), (FETCH, 3), (FETCH, 99), (9999, 0)):
            with self.subTest(key=key, version=version):
                connection = self.connect()
                connection.sendall(request(key, version, b""))
                self.assert_closed(connection)
        self.assert_others_are_unharmed()

    def test_counts_that_the_request_has_no_bytes_for(self):
        for body in (struct.pack(">hhii", -1, 1, 1000, 2 ** 31 - 1), struct.pack(">hhii", -1, 1, 1000, -2),
                     struct.pack(">hhii", -1, 1, 1000, 1) + text("loot") + struct.pack(">iii", 1, 0, 2 ** 31 - 1)):
            connection = self.connect()
            connection.sendall(request(PRODUCE, 7, body))
            self.assert_closed(connection)
        self.assert_others_are_unharmed()

    def test_a_wrong_checksum_is_named(self):
        batch = bytearray(61 + 10)
        struct.pack_into(">qiib", batch, 0, 0, len(batch) - 12, 0, 2)
        connection = self.connect()
        connection.sendall(request(PRODUCE, 7, produce_body(bytes(batch), TOPIC)))
        body = answer(connection)
        code = struct.unpack_from(">h", body, 4 + 4 + 2 + 4 + 4 + 4)[0]
        self.assertEqual(code, 2)
        connection.sendall(request(API_VERSIONS, 0, b""))
        self.assertTrue(answer(connection), "the connection goes on")

    def test_acks_0_and_a_wrong_batch_end_the_connection(self):
        connection = self.connect()
        connection.sendall(request(PRODUCE, 7, produce_body(b"no batch", TOPIC, acks=0)))
        self.assert_closed(connection)
        self.assert_others_are_unharmed()

    def test_requests_that_stop_halfway(self):
        whole = request(FETCH, 4, fetch_body(TOPIC))
        for size in range(1, len(whole), 5):
            connection = self.connect()
            connection.sendall(whole[:size])
            connection.close()
        self.assert_others_are_unharmed()

    def test_clients_that_go_while_they_wait(self):
        for _ in range(50):
            connection = self.connect()
            connection.sendall(request(FETCH, 4, fetch_body(TOPIC, offset=20, wait_ms=3_600_000)))
            connection.close()
        self.bus.run("produce", "loot", text="more\n")
        waiting = self.connect()
        waiting.sendall(request(FETCH, 4, fetch_body(TOPIC, offset=20, wait_ms=3_600_000)))
        self.assertIn(b"more", answer(waiting))

    def test_a_client_that_never_reads_holds_little_memory(self):
        before = self.resident_bytes()
        deaf = [self.connect() for _ in range(4)]
        for connection in deaf:
            connection.setblocking(False)
            try:
                for _ in range(300):  # 600 MB, if all were answered
                    connection.send(request(FETCH, 4, fetch_body(TOPIC, max_bytes=REQUEST_MAX)))
            except BlockingIOError:
                pass
        self.assert_others_are_unharmed()  # and by then the broker has seen the requests before
        self.assertLess(self.resident_bytes() - before, 64 << 20)

    def test_many_clients_that_never_read_hold_little_memory(self):
        self.bus = Bus(RINGMAIN, ["connections.memory.max.bytes=33554432"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.bus.kcat("-P", "-t", TOPIC, "-p", "0", text=(RECORD + "\n") * 100)
        before = self.resident_bytes()
        deaf = [self.connect() for _ in range(100)]
        for connection in deaf:  # 1 GB, if all were answered
            connection.sendall(request(FETCH, 4, fetch_body(TOPIC, max_bytes=50 << 20)) * 2)
            connection.sendall(struct.pack(">i", 50 << 20) + b"x" * 1000)
        seen = self.bus.kcat("-C", "-e", "-q", "-t", TOPIC, "-p", "0", "-o", "beginning").splitlines()
        self.assertEqual(seen, [RECORD] * 100)
        self.assertLess(self.resident_bytes() - before, 64 << 20)

    def test_a_topic_that_goes_while_a_client_waits(self):
        connection = self.connect()
        connection.sendall(request(FETCH, 4, fetch_body(TOPIC, offset=20, wait_ms=3_600_000)))
        self.bus.run("topic", "delete", "loot")
        body = answer(connection)
        code = struct.unpack_from(">h", body, 4 + 4 + 4 + 2 + 4 + 4 + 4)[0]
        self.assertEqual(code, 3)

    def test_a_broker_that_stops_while_a_client_waits(self):
        connection = self.connect()
        connection.sendall(request(FETCH, 4, fetch_body(TOPIC, offset=20, wait_ms=3_600_000)))
        connection.sendall(request(API_VERSIONS, 0, b""))
        self.bus.stop()
        self.assert_closed(connection)

    def resident_bytes(self):
        with open(f"/proc/{self.bus.broker.pid}/status") as status:
            anonymous = next(line for line in status if line.startswith("RssAnon"))
        return int(anonymous.split()[1]) * 1024


if __name__ == "__main__":
    unittest.main()
