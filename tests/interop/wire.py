"""Kafka requests byte by byte, for what no client library would send, or would not show."""
import socket
import struct

PRODUCE, FETCH, API_VERSIONS = 0, 1, 18
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


def request(key, version, body, correlation=1):
    message = struct.pack(">hhih", key, version, correlation, 4) + b"test" + body
    return struct.pack(">i", len(message)) + message


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def produce_body(records, topic, acks=1):
    """Of versions 3 to 8."""
    return (struct.pack(">hhii", -1, acks, 1000, 1) + text(topic) + struct.pack(">ii", 1, 0) +
            struct.pack(">i", len(records)) + records)


def fetch_body(topic, offset=0, wait_ms=0, max_bytes=1 << 20):
    """Of version 4."""
    return (struct.pack(">iiiib", -1, wait_ms, 1, max_bytes, 0) + struct.pack(">i", 1) + text(topic) +
            struct.pack(">iiqi", 1, 0, offset, max_bytes))


def exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise AssertionError("the connection ended")
        data += part
    return data


def answer(connection):
    """The next response, from its correlation id on."""
    return exactly(connection, struct.unpack(">i", exactly(connection, 4))[0])


def codecs_of(address, topic):
    """The codec of each batch in partition 0, of one fetch from its start."""
    with connect(address) as connection:
        connection.sendall(request(FETCH, 4, fetch_body(topic, max_bytes=64 << 20)))
        body = answer(connection)
    at = 4 + 4 + 4 + 2 + len(topic) + 4 + 4 + 2 + 8 + 8 + 4  # up to the records' size
    at += 4
    codecs = []
    while at < len(body):
        length, = struct.unpack_from(">i", body, at + 8)
        attributes, = struct.unpack_from(">h", body, at + 21)
        codecs.append(CODECS[attributes & 7])
        at += 12 + length
    return codecs
