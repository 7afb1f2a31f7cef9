#!/usr/bin/env python3
"""--bootstrap: topic, config, group and consume over TCP, and what is said of peers that are no broker."""
import signal
import socket
import threading

from cli import CliTest, TemporaryBus, main


class Remote:
    """A broker of the test's own, asked over TCP by commands that could not find its bus."""

    def __init__(self, bus, *arguments):
        self.bus = bus
        self.broker = bus.start("broker", "--bus", bus.path, "--listen", "127.0.0.1:0", *arguments)
        self.address = self.broker.stdout.readline().decode().split()[-1]

    def run(self, *arguments, stdin=b""):
        return self.bus.run(*arguments, "--bootstrap", self.address, stdin=stdin, RINGMAIN_BUS="/nowhere", RINGMAIN_PROGRAM="/nowhere")

    def start(self, *arguments):
        return self.bus.start(*arguments, "--bootstrap", self.address, RINGMAIN_BUS="/nowhere", RINGMAIN_PROGRAM="/nowhere")


class Bootstrap(CliTest):
    def test_topics(self):
        with TemporaryBus() as bus:
            remote = Remote(bus)
            self.done(remote.run("topic", "create", "a", "--partitions", 2, "--config", "flush.ms=7"))
            self.failed(remote.run("topic", "create", "a"), "topic a", "exist")
            self.assertEqual(self.done(remote.run("topic", "list", "--json")).objects, [{"name": "a", "partitions": 2}])
            self.done(remote.run("topic", "add-partitions", "a", "--partitions", 3))
            self.done(bus.run("produce", "a", "--partition", 1, "--acks", "all", stdin=b"x\n" * 5))
            self.assertEqual(self.done(remote.run("topic", "trim", "a", "--partition", 1, "--before", "-2", "--json")).objects,
                             [{"topic": "a", "partition": 1, "start_offset": 3}])
            described, = self.done(remote.run("topic", "describe", "a", "--json")).objects
            self.assertEqual(described["configs"], {"flush.ms": "7"})
            self.assertGreater(described["partitions"][1].pop("disk_bytes"), 0)
            self.assertEqual(described["partitions"][1], {"partition": 1, "leader": 1, "start_offset": 3, "end_offset": 5,
                                                          "durable_offset": None, "storage": None, "memory_bytes": None})
            self.done(remote.run("topic", "alter", "a", "--delete-config", "flush.ms"))
            self.assertIn("all at their defaults", self.done(remote.run("topic", "describe", "a")).out.decode())
            self.done(remote.run("topic", "delete", "a"))
            self.failed(remote.run("topic", "describe", "a"), "topic a")

    def test_settings_and_groups(self):
        with TemporaryBus() as bus:
            remote = Remote(bus, "--config", "broker.id=7")
            self.done(remote.run("topic", "create", "a"))
            self.done(remote.run("config", "set", "--topic", "a", "retention.ms=5000"))
            one, = self.done(remote.run("config", "describe", "--topic", "a", "retention.ms", "--json")).objects
            self.assertEqual((one["value"], one["default"], one["source"]), ("5000", "604800000", "topic"))
            self.done(remote.run("config", "unset", "--topic", "a", "retention.ms"))
            shown = {each["name"]: each["value"] for each in self.done(remote.run("config", "describe", "--json")).objects}
            self.assertEqual(shown["broker.id"], "7")
            self.done(remote.run("group", "reset", "g", "--to", "earliest", "--topic", "a", "--execute"))
            self.assertEqual([each["group"] for each in self.done(remote.run("group", "list", "--json")).objects], ["g"])
            self.assertEqual(self.done(remote.run("group", "describe", "g", "--json")).objects[0]["partitions"][0]["current_offset"], 0)
            self.done(remote.run("group", "delete", "g"))

    def test_consume(self):
        with TemporaryBus() as bus:
            remote = Remote(bus)
            self.done(bus.run("topic", "create", "a", "--partitions", 2))
            self.done(bus.run("produce", "a", "--partition", 1, "--key-separator", ":", "--header", "h=1", stdin=b"k:x\nk:y\nk:z\n"))
            self.done(bus.run("produce", "a", "--partition", 0, "--compression", "zstd", stdin=b"packed\n" * 3))

            def read(*arguments):
                return self.done(remote.run("consume", "a", "--exit-at-end", "--format", "%p:%o:%k:%s:%h\\n", *arguments)).out.decode().split("\n")[:-1]

            self.assertEqual(sorted(read()), ["0:0::packed:", "0:1::packed:", "0:2::packed:", "1:0:k:x:h=1", "1:1:k:y:h=1", "1:2:k:z:h=1"])
            self.assertEqual(read("--partition", 1, "--from", 1), ["1:1:k:y:h=1", "1:2:k:z:h=1"])
            self.assertEqual(read("--partition", 0, "--from", "-1"), ["0:2::packed:"])
            self.assertEqual(read("--partition", 1, "--from", "@0", "--max", 1), ["1:0:k:x:h=1"])
            self.assertEqual(read("--partition", 1, "--from", "@2099-01-01"), [])
            first, *_ = self.done(remote.run("consume", "a", "--partition", 1, "--from", "earliest", "--max", 1, "--json")).objects
            self.assertEqual((first["key"], first["value"], first["headers"]), ("k", "x", [{"key": "h", "value": "1"}]))
            self.failed(remote.run("consume", "nothing"), "nothing", "topic")
            self.failed(remote.run("consume", "a", "--partition", 2), "partition 2")
            for wait in ("spin", "yield"):
                self.wrong_usage(remote.run("consume", "a", "--wait", wait), "--wait", wait, "shared memory")
            self.done(remote.run("consume", "a", "--wait", "sleep", "--exit-at-end"))

    def test_a_member_of_a_group_goes_on_when_its_topic_is_deleted(self):
        with TemporaryBus() as bus:
            remote = Remote(bus, "--config", "group.initial.rebalance.delay.ms=0")
            self.done(bus.run("topic", "create", "a"))
            self.done(bus.run("produce", "a", stdin=b"x\n"))
            member = remote.start("consume", "a", "--group", "g", "--from", "earliest")
            self.assertEqual(member.stdout.readline(), b"x\n")
            self.done(bus.run("topic", "delete", "a"))
            member.send_signal(signal.SIGTERM)  # it commits what it printed, of a topic that is not there
            self.assertEqual((member.communicate(), member.returncode), ((b"", b""), 0))

    def test_consume_in_a_group(self):
        with TemporaryBus() as bus:
            remote = Remote(bus, "--config", "group.initial.rebalance.delay.ms=0")
            self.done(bus.run("topic", "create", "a", "--partitions", 2))
            for partition in (0, 1):
                self.done(bus.run("produce", "a", "--partition", partition, stdin=b"x\n" * 5))

            def read(*arguments):
                return self.done(remote.run("consume", "a", "--group", "g", "--from", "earliest", *arguments)).out.split()

            self.assertEqual(len(read("--max", 4)), 4)
            self.assertEqual(len(read("--exit-at-end", "--assignor", "cooperative-sticky")), 6, "from where the group has come to")
            self.assertEqual(read("--exit-at-end"), [])
            described, = self.done(remote.run("group", "describe", "g", "--json")).objects
            self.assertEqual([each["current_offset"] for each in described["partitions"]], [5, 5])
            self.assertEqual(described["state"], "Empty", "it has left")

    def test_a_bus_and_a_broker_elsewhere_exclude_each_other(self):
        with TemporaryBus() as bus:
            self.wrong_usage(bus.run("topic", "list", "--bus", bus.path, "--bootstrap", "localhost:9092"), "--bus", "--bootstrap")

    def test_commands_that_need_shared_memory_say_so(self):
        with TemporaryBus() as bus:
            for command in (("top", "--once"), ("log", "locks"), ("broker",), ("perf", "latency")):
                with self.subTest(command=command):
                    self.wrong_usage(bus.run(*command, "--bootstrap", "localhost:9092"), "--bootstrap", "shared memory")
            self.assertFalse(bus.path.exists(), "nothing was started")


class OtherPeers(CliTest):
    def serve(self, answer):
        """The address of somebody who answers each connection so."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=run, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def ask(self, bus, address):
        return bus.run("topic", "list", "--bootstrap", address)

    def test_nobody_listens(self):
        with TemporaryBus() as bus, socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # bound, and nobody listens
            address = f"127.0.0.1:{unused.getsockname()[1]}"
            self.failed(self.ask(bus, address), "nobody listens", address)
            self.assertFalse(bus.path.exists(), "no broker is started instead")

    def test_a_host_that_is_not_found(self):
        with TemporaryBus() as bus:
            self.failed(self.ask(bus, "no-such-host.invalid:9092"), "no-such-host.invalid")

    def test_what_is_no_address(self):
        with TemporaryBus() as bus:
            for text in ("localhost", "localhost:", "localhost:99999", ":9092", "localhost:0"):
                with self.subTest(text=text):
                    self.wrong_usage(self.ask(bus, text), text, "HOST:PORT")

    def test_a_peer_that_is_no_kafka_broker(self):
        with TemporaryBus() as bus:
            web = self.serve(lambda connection: (connection.recv(1000), connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
            self.failed(self.ask(bus, web), web, "Kafka broker")
            rude = self.serve(lambda connection: None)
            self.failed(self.ask(bus, rude), rude, "Kafka broker")
            zero = self.serve(lambda connection: (connection.recv(1000), connection.sendall(bytes(4))))
            self.failed(self.ask(bus, zero), zero, "Kafka broker")


if __name__ == "__main__":
    main()
