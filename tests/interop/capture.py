"""A go-between that writes down what Kafka clients and the broker say to each other.

Tests of this folder do so if RINGMAIN_CAPTURE names a file: of each client, request and version they keep one message each way.
    RINGMAIN_CAPTURE=captured.txt ctest --test-dir build/release -L interop -E hostile -j1
A line: request|response, the API's key, its version, the client, the bytes behind the frame's size. tests/golden has what came of
that.
"""
import os
import socket
import struct
import threading
from pathlib import Path

LONG, TOO_LONG = 600, 5000  # bytes: the longest one that is not long is kept, or else the shortest
LIBRARIES = ("rdkafka", "kafkajs", "platformatic", "kafka-python")  # by the names they give themselves


def frames(connection):
    """The frames that come, without their sizes, until the connection ends."""
    stream = connection.makefile("rb")
    while True:
        size = stream.read(4)
        if len(size) < 4:
            return
        frame = stream.read(struct.unpack(">i", size)[0])
        yield frame


def better(one, other):
    """Of two messages that are alike, the one to keep."""
    return max(one, other, key=lambda frame: len(frame) if len(frame) <= LONG else -len(frame))


class GoBetween:
    """Listens at `address`, and passes all on to the broker, whose address may change."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.broker = None
        self.seen = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            try:
                host, port = self.broker.split(":")
                broker = socket.create_connection((host, int(port)))
            except OSError:
                client.close()
                continue
            asked = {}  # what was asked under which correlation id
            threading.Thread(target=self.forward, args=(client, broker, lambda frame, a=asked: self.request(frame, a)), daemon=True).start()
            threading.Thread(target=self.forward, args=(broker, client, lambda frame, a=asked: self.response(frame, a)), daemon=True).start()

    def forward(self, source, sink, note):
        try:
            for frame in frames(source):
                note(frame)
                sink.sendall(struct.pack(">i", len(frame)) + frame)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def request(self, frame, asked):
        if len(frame) < 10:
            return
        api, version, correlation, length = struct.unpack(">hhih", frame[:10])
        client_id = frame[10:10 + max(length, 0)].decode(errors="replace")
        for client in LIBRARIES:
            if client_id.startswith(client):
                asked[correlation] = (api, version, client)
                self.keep(("request", api, version, client), frame)

    def response(self, frame, asked):
        about = asked.pop(struct.unpack(">i", frame[:4])[0], None)
        if about:
            self.keep(("response", *about), frame)

    def keep(self, what, frame):
        if len(frame) <= TOO_LONG:
            with self.lock:
                self.seen[what] = better(self.seen.get(what, frame), frame)

    def close(self):
        self.listener.close()
        path = Path(os.environ["RINGMAIN_CAPTURE"])
        before = path.read_text().splitlines() if path.exists() else []
        for kind, api, version, client, frame in map(str.split, before):
            self.keep((kind, int(api), int(version), client), bytes.fromhex(frame))
        with self.lock:
            lines = [(api, version, f"{kind} {api} {version} {client} {frame.hex()}\n")
                     for (kind, api, version, client), frame in self.seen.items()]
        path.write_text("".join(line for _, _, line in sorted(lines)))
