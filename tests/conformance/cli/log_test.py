#!/usr/bin/env python3
"""`ringmain log dump`, `verify` and `repair`: sound logs are sound, each kind of damage is found at its place, and what can be
proved outlives a repair."""
import os
import random
import re
import shutil
import signal
import struct
from pathlib import Path

from cli import CliTest, TemporaryBus, main

SLOT = 65536  # bytes of a segment: small, so that few records make many
HEAD = 256
PROVED_UNITS_AT = 104


def crc32c_table():
    table = []
    for i in range(256):
        value = i
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc32c_table()


def crc32c(data, value=0):
    value ^= 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def seal(head):
    """A head's second checksum, over all but itself, as docs/formats/log-file.md says."""
    head[68:72] = struct.pack("<I", crc32c(bytes(head[72:HEAD]), crc32c(bytes(head[:68]))))
    return head


class LogTest(CliTest):
    """A log of several files, made once: each test damages a copy."""

    @classmethod
    def setUpClass(cls):
        bus = cls.enterClassContext(TemporaryBus())
        cls.bus = bus
        for arguments, stdin in (
                (("topic", "create", "events", "--config", "storage=disk", "--config", f"slot.bytes={SLOT}", "--config",
                  f"segment.bytes={2 * SLOT}"), b""),
                (("produce", "events", "--acks", "all", "--key-separator", ":", "--header", "h=1"),
                 b"".join(b"%d:%s\n" % (i, b"x" * 100) for i in range(2500)))):
            outcome = bus.run(*arguments, stdin=stdin)
            assert outcome.code == 0, outcome
        cls.memory = next(bus.shm.rglob("*-0.log"))
        bus.end_brokers()  # a clean stop: indexes are written, and the heads prove all
        cls.original = bus.log_folder("events")
        cls.names = sorted(path.name for path in cls.original.glob("*.log"))
        assert len(cls.names) >= 3, cls.names

    def setUp(self):
        self.folder = self.bus.folder / "copy" / self.original.name
        shutil.rmtree(self.folder.parent, ignore_errors=True)
        shutil.copytree(self.original, self.folder)

    def verify(self, path=None):
        """The object that verify prints; its exit code and its line on stderr agree with that."""
        path = path or self.folder
        outcome = self.bus.run("log", "verify", path, "--json")
        found, = outcome.objects
        self.assertEqual(outcome.code, 0 if found["ok"] else 1, outcome)
        text = self.bus.run("log", "verify", path)
        self.assertEqual(text.code, outcome.code, text)
        if found["ok"]:
            self.assertEqual(outcome.err, b"", outcome)
            self.assertRegex(text.out.decode().splitlines()[-1], r": sound: \d+ files, \d+ segments, \d+ records, .* in \d+\.\d+ s$")
        else:
            damage = found["damage"]
            self.failed(text, damage["file"], f"byte {damage['position']}", damage["what"])
        return found

    def sound(self, path=None):
        found = self.verify(path)
        self.assertTrue(found["ok"], found)
        return found

    def damaged(self, file, *words, position=None, offset=None, path=None):
        found = self.verify(path)
        self.assertFalse(found["ok"], found)
        damage = found["damage"]
        self.assertEqual(Path(damage["file"]).name, file, damage)
        if position is not None:
            self.assertEqual(damage["position"], position, damage)
        if offset is not None:
            self.assertEqual(damage["offset"], offset, damage)
        for word in words:
            self.assertIn(word, damage["what"], damage)
        return damage

    def change(self, name, at, value):
        with open(self.folder / name, "r+b") as file:
            file.seek(at)
            file.write(value)

    def flip(self, name, at):
        with open(self.folder / name, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x40]))

    def frames(self, name):
        """The frames of a log file by dump: offset, position, size, segment, timestamp, checksum."""
        return [each for each in self.done(self.bus.run("log", "dump", self.folder / name, "--json")).objects if each["kind"] == "frame"]


class Sound(LogTest):
    def test_a_log_after_a_clean_stop_is_sound(self):
        found = self.sound()
        self.assertEqual((found["partition"], found["files"], found["records"], found["notes"], found["damage"]),
                         ("events-0", len(self.names), 2500, [], None))
        self.assertGreaterEqual(found["segments"], len(self.names))

    def test_every_kind_of_path_is_taken(self):
        log_files = [self.folder / name for name in self.names]
        self.assertEqual(sum(self.sound(path)["records"] for path in log_files), 2500)
        for suffix in (".index", ".timeindex"):
            self.sound(log_files[0].with_suffix(suffix))
            alone = self.bus.folder / f"alone{suffix}"
            shutil.copy(log_files[0].with_suffix(suffix), alone)
            self.sound(alone)
        copy = self.bus.folder / "a-copy"
        shutil.copy(log_files[0], copy)
        self.assertGreater(self.sound(copy)["records"], 0)
        self.assertGreater(self.sound(self.memory)["records"], 0)
        self.assertEqual(self.sound(self.bus.path)["records"], 2500)
        self.assertEqual(self.sound("events-0")["records"], 2500)
        self.assertEqual(self.sound(f"{self.folder}/")["records"], 2500)

    def test_a_path_that_holds_no_log_is_named(self):
        with TemporaryBus() as bus:
            nothing = bus.folder / "nothing"
            nothing.mkdir()
            text = bus.folder / "text"
            text.write_text("no log\n")
            for path in (nothing, text, bus.folder / "missing", "missing-0", "/dev/null", "/dev/zero"):
                for command in ("dump", "verify"):
                    with self.subTest(path=path, command=command):
                        self.failed(bus.run("log", command, path), str(path).removesuffix("-0"))

    def test_dump_prints_segments_and_frames(self):
        objects = self.done(self.bus.run("log", "dump", self.folder, "--json")).objects
        self.assertEqual(sum(each["kind"] == "log_file" for each in objects), len(self.names))
        segments = [each for each in objects if each["kind"] == "segment"]
        self.assertEqual([each["segment"] for each in segments], list(range(len(segments))))
        frames = [each for each in objects if each["kind"] == "frame" and each["type"] == "record"]
        self.assertEqual([each["offset"] for each in frames], list(range(2500)))
        self.assertEqual({each["checksum"] for each in frames}, {"good"})
        self.assertEqual({each["value_size"] for each in frames}, {100})
        times = [each["timestamp_ns"] for each in frames]
        self.assertEqual((segments[0]["smallest_timestamp_ns"], segments[-1]["largest_timestamp_ns"]), (min(times), max(times)))
        entries = [each for each in objects if each["kind"] == "entry"]
        places = {(each["offset"], each["position"]) for each in frames}
        self.assertGreater(len(entries), 10)
        self.assertTrue(all((each["offset"], each["position"]) in places for each in entries))
        text = self.done(self.bus.run("log", "dump", self.folder)).out.decode()
        self.assertEqual(len(re.findall(r"\brecord\b.*\bgood$", text, re.MULTILINE)), 2500)

    def test_a_log_that_is_written_meanwhile_is_sound(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "busy", "--config", "storage=disk", "--config", f"slot.bytes={SLOT}",
                              "--config", f"segment.bytes={4 * SLOT}", "--config", "flush.ms=1"))
            producer = bus.start("produce", "busy", "--report", "--acks", "all")
            producer.stdin.write(b"first\n")
            producer.stdout.readline()  # now its files are there
            records = []
            for i in range(10):
                producer.stdin.write(b"".join(b"%d:%d:%s\n" % (i, k, b"y" * 200) for k in range(200)))
                found, = self.done(bus.run("log", "verify", "busy-0", "--json")).objects
                records.append(found["records"])
                for _ in range(200):
                    producer.stdout.readline()
            producer.stdin.close()
            self.assertEqual(producer.wait(), 0)
            found, = self.done(bus.run("log", "verify", "busy-0", "--json")).objects
            self.assertEqual(records, sorted(records))
            self.assertEqual(found["records"], 2001)

    def test_a_log_whose_broker_was_killed_is_sound(self):
        with TemporaryBus() as bus:
            self.done(bus.run("topic", "create", "a", "--config", "storage=disk", "--config", f"slot.bytes={SLOT}"))
            for _ in range(3):
                self.done(bus.run("produce", "a", "--acks", "all", stdin=b"x" * 1000 + b"\n" + b"line\n" * 1000))
                bus.end_brokers(signal.SIGKILL)
                self.done(bus.run("log", "verify", "a-0"))
            self.done(bus.run("topic", "list"))  # recovers
            bus.end_brokers()
            found, = self.done(bus.run("log", "verify", "a-0", "--json")).objects
            self.assertEqual(found["records"], 3003)


class Damaged(LogTest):
    def test_a_flipped_bit_in_a_frame_is_found_at_that_frame(self):
        for name in self.names:
            for frame in random.Random(1).sample(self.frames(name), 3):
                with self.subTest(name=name, frame=frame):
                    self.setUp()
                    self.flip(name, frame["position"] + frame["size"] - 1)
                    self.damaged(name, "checksum", position=frame["position"], offset=frame["offset"])

    def test_dump_shows_a_bad_frame_and_goes_on_behind_it(self):
        before = self.frames(self.names[0])
        hit = before[5]
        self.flip(self.names[0], hit["position"] + 40)
        after = self.frames(self.names[0])
        self.assertEqual([each["offset"] for each in after], [each["offset"] for each in before])
        self.assertEqual([each["offset"] for each in after if each["checksum"] == "bad"], [hit["offset"]])

    def test_each_field_of_a_head_counts(self):
        name = self.names[0]
        for at in (3, 9, 25, 29, 33, 41, 49, 53, 57, 65, 69, 73, 81, 89, 97, 101, 105, 109, 113, 121, 129, 137, HEAD - 1):
            with self.subTest(at=at):
                self.flip(name, at)
                found, = self.bus.run("log", "verify", self.folder / name, "--json").objects
                self.assertFalse(found["ok"], found)
                self.flip(name, at)
        self.sound()

    def test_a_head_in_the_middle_of_a_file(self):
        self.flip(self.names[0], SLOT + 20)
        self.damaged(self.names[0], "head", position=SLOT)

    def test_a_file_that_was_cut_off(self):
        os.truncate(self.folder / self.names[0], SLOT + 1000)
        self.damaged(self.names[0])
        os.truncate(self.folder / self.names[0], 100)
        self.damaged(self.names[0])
        os.truncate(self.folder / self.names[0], 0)
        self.verify()

    def test_a_file_that_is_missing_is_a_gap(self):
        (self.folder / self.names[1]).unlink()
        self.damaged(self.names[2], "missing", position=0)

    def test_a_file_that_was_renamed(self):
        (self.folder / self.names[1]).rename(self.folder / "00000000000000000007.log")
        self.damaged("00000000000000000007.log", "renamed")

    def test_a_file_of_another_partition(self):
        with TemporaryBus() as other:
            self.done(other.run("topic", "create", "other", "--config", "storage=disk"))
            self.done(other.run("produce", "other", "--acks", "all", stdin=b"x\n"))
            other.end_brokers()
            shutil.copy(other.log_folder("other") / self.names[0], self.folder / self.names[0])
        self.damaged(self.names[0], "belongs to partition")

    def test_a_folder_of_another_topic(self):
        renamed = self.folder.with_name("events-0." + "0" * 32)
        self.folder.rename(renamed)
        self.damaged(self.names[0], "belongs to", path=renamed)

    def test_a_folder_with_a_name_of_its_own_is_taken_as_it_is(self):
        renamed = self.folder.with_name("backup")
        self.folder.rename(renamed)
        found = self.sound(renamed)
        self.assertEqual(found["records"], 2500)
        self.assertTrue(any("TOPIC-PARTITION" in note for note in found["notes"]), found)

    def test_a_head_that_proves_more_than_there_is(self):
        path = self.folder / self.names[-1]
        head = bytearray(path.read_bytes()[:HEAD])
        units, = struct.unpack_from("<I", head, PROVED_UNITS_AT)
        struct.pack_into("<I", head, PROVED_UNITS_AT, units + 1)
        self.change(self.names[-1], 0, seal(head))
        self.damaged(self.names[-1])

    def test_frames_that_are_gone_below_what_the_head_proves(self):
        frames = self.frames(self.names[-1])
        self.change(self.names[-1], frames[3]["position"], bytes(64))
        self.damaged(self.names[-1], "no frame is there", position=frames[3]["position"], offset=frames[3]["offset"])

    def test_a_torn_tail_is_a_note(self):
        name = self.names[-1]
        frames = self.frames(name)
        last_segment = [each for each in frames if each["segment"] == frames[-1]["segment"]]
        at = last_segment[0]["position"] // SLOT * SLOT
        head = bytearray((self.folder / name).read_bytes()[at:at + HEAD])
        flags, = struct.unpack_from("<I", head, 100)
        struct.pack_into("<I", head, 100, flags & ~1)  # open
        struct.pack_into("<II", head, PROVED_UNITS_AT, HEAD // 32, 0)  # proves nothing
        self.change(name, at, seal(head))
        for kind in (".index", ".timeindex"):
            (self.folder / name).with_suffix(kind).unlink()
        whole = self.sound()
        self.assertEqual((whole["records"], whole["notes"]), (2500, []))
        self.flip(name, last_segment[-1]["position"] + 50)
        torn = self.sound()
        self.assertEqual(torn["records"], 2499)
        self.assertTrue(any(f"torn tail at offset {last_segment[-1]['offset']}" in note for note in torn["notes"]), torn)

    def test_an_index_is_held_to_the_log(self):
        for suffix, entry_bytes in ((".index", 8), (".timeindex", 16)):
            index = self.names[0].replace(".log", suffix)
            sound = (self.folder / index).read_bytes()
            changes = {
                "a flipped bit": sound[:70] + bytes([sound[70] ^ 1]) + sound[71:],
                "cut off": sound[:-3],
                "empty": b"",
                "only a head": sound[:64],
                "no index": b"x" * 500,
            }
            moved = bytearray(sound)  # an entry one frame off, with a right checksum
            at = 64 + entry_bytes - 8
            relative, = struct.unpack_from("<I", moved, at)
            struct.pack_into("<I", moved, at, relative + 1)
            moved[12:16] = struct.pack("<I", crc32c(bytes(moved[16:]), crc32c(bytes(moved[:12]))))
            changes["moved"] = bytes(moved)
            for what, content in changes.items():
                with self.subTest(what=what, index=index):
                    (self.folder / index).write_bytes(content)
                    damage = self.damaged(index)
                    self.assertIn("lost", damage["what"] + "no record is lost" * (what == "empty"))
            (self.folder / index).unlink()
            self.sound()  # readers do without
            (self.folder / index).write_bytes(sound)
            self.sound()

    def test_files_of_other_people_and_half_made_ones_are_notes(self):
        for name in ("notes.txt", "00000000000000000000.log.new", "00000000000000099999.index"):
            (self.folder / name).write_bytes(b"whatever")
        found = self.sound()
        self.assertEqual(len(found["notes"]), 3, found)

    def test_the_first_damage_is_reported(self):
        for name in self.names:
            frame = self.frames(name)[1]
            self.flip(name, frame["position"] + 40)
        self.damaged(self.names[0])

    def test_no_bytes_make_either_command_crash(self):
        seed = int(os.environ.get("RINGMAIN_SEED", random.randrange(1 << 30)))
        chance = random.Random(seed)
        sources = [self.original / self.names[0], self.original / self.names[0].replace(".log", ".index"),
                   self.original / self.names[0].replace(".log", ".timeindex"), self.memory]
        target = self.bus.folder / "victim"
        for turn in range(int(os.environ.get("RINGMAIN_RUNS", 20))):
            content = bytearray(chance.choice(sources).read_bytes())
            for _ in range(chance.choice((1, 3, 30))):
                at = chance.randrange(chance.choice((64, 512, 8192, len(content))))
                at = min(at, len(content) - 8)
                content[at:at + 8] = chance.choice((b"\xff" * 8, bytes(8), chance.randbytes(8)))
            del content[chance.choice((len(content), chance.randrange(len(content) + 1))):]
            target.write_bytes(content)
            for command in ("dump", "verify"):
                with self.subTest(seed=seed, turn=turn, command=command):
                    outcome = self.bus.run("log", command, target)
                    self.assertIn(outcome.code, (0, 1), outcome)
                    if outcome.code == 1:
                        self.complained(outcome)


class Repaired(LogTest):
    def records(self):
        """Offset and key of every record that dump finds."""
        objects = self.done(self.bus.run("log", "dump", self.folder, "--json")).objects
        return {each["offset"]: each["checksum"] for each in objects if each["kind"] == "frame" and each["type"] == "record"}

    def repair(self, *arguments, path=None):
        found, = self.done(self.bus.run("log", "repair", path or self.folder, "--skip-damage", "--json", *arguments)).objects
        return found

    def expect_lost(self, *ranges):
        """Says first what it would do, then does it; verify is content, and all other records are there."""
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        said = self.bus.run("log", "repair", self.folder, "--json")
        self.assertEqual(said.code, 1, said)
        self.complained(said, "--skip-damage", str(self.folder))
        self.assertEqual({path.name: path.read_bytes() for path in self.folder.iterdir()}, before)
        would, = said.objects
        found = self.repair()
        self.assertEqual((would["lost"], would["changed"]), (found["lost"], found["changed"]))
        self.assertEqual((would["repaired"], found["repaired"]), (False, True))
        self.assertEqual([(each["from_offset"], each["to_offset"]) for each in found["lost"]], list(ranges), found)
        self.sound()
        lost = {offset for first, end in ranges for offset in range(first, end if end is not None else 2500)}
        self.assertEqual(self.records(), {offset: "good" for offset in range(2500) if offset not in lost})
        for kept in found["kept"]:
            self.assertEqual(Path(kept).read_bytes(), before[Path(kept).name.removesuffix(".damaged")])
        return found

    def test_a_sound_log_is_left_alone(self):
        for arguments in ((), ("--skip-damage",)):
            self.assertIn(b"nothing is damaged", self.done(self.bus.run("log", "repair", self.folder, *arguments)).out)
        self.assertFalse(self.folder.with_name(self.folder.name + ".damaged").exists())

    def test_a_record_in_each_file(self):
        hit = [(name, self.frames(name)[7]) for name in self.names]
        for name, frame in hit:
            self.flip(name, frame["position"] + frame["size"] - 1)
        found = self.expect_lost(*((frame["offset"], frame["offset"] + 1) for _, frame in hit))
        self.assertEqual([Path(each["file"]).name for each in found["lost"]], self.names)
        self.assertEqual([each["position"] for each in found["lost"]], [frame["position"] for _, frame in hit])
        self.assertEqual(len(found["kept"]), len(self.names))

    def test_the_text_says_what_is_lost_where(self):
        frame = self.frames(self.names[0])[7]
        self.flip(self.names[0], frame["position"] + 40)
        said = self.bus.run("log", "repair", self.folder)
        self.assertEqual(said.code, 1, said)
        self.assertIn(f"events-0: offsets {frame['offset']} to {frame['offset']} (1) would be lost", said.out.decode())
        done = self.done(self.bus.run("log", "repair", self.folder, "--skip-damage")).out.decode()
        self.assertRegex(done, rf"events-0: offsets 7 to 7 \(1\) lost: \d+ bytes at byte {frame['position']} of .*{self.names[0]}")
        self.assertIn("the damaged file is kept", done)

    def test_heads(self):
        for at in (0, SLOT):
            self.change(self.names[0], at, b"\x55" * HEAD)
        self.expect_lost()

    def test_a_file_that_is_missing(self):
        frames = self.frames(self.names[1])
        (self.folder / self.names[1]).unlink()
        found = self.expect_lost((frames[0]["offset"], frames[-1]["offset"] + 1))
        self.assertEqual(found["kept"], [])

    def test_a_first_file_of_rubbish(self):
        end = self.frames(self.names[1])[0]["offset"]
        (self.folder / self.names[0]).write_bytes(b"\x55" * 2 * SLOT)
        self.expect_lost((0, end))

    def test_files_of_another_partition_are_refused(self):
        renamed = self.folder.with_name("events-1." + self.folder.name.split(".")[1])
        self.folder.rename(renamed)
        self.failed(self.bus.run("log", "repair", renamed, "--skip-damage"), "belongs to partition")

    def test_what_is_no_partition_is_named(self):
        self.failed(self.bus.run("log", "repair", "missing-0"), "missing-0")
        self.failed(self.bus.run("log", "repair", self.bus.folder), str(self.bus.folder))

    def test_no_bytes_make_it_crash_and_a_second_repair_finds_nothing(self):
        seed = int(os.environ.get("RINGMAIN_SEED", random.randrange(1 << 30)))
        chance = random.Random(seed)
        for turn in range(int(os.environ.get("RINGMAIN_RUNS", 10))):
            self.setUp()
            for _ in range(chance.choice((1, 3, 10))):
                content = chance.choice((bytes(8), chance.randbytes(8), bytes(5000), chance.randbytes(70000)))
                self.change(chance.choice(self.names), chance.choice((0, SLOT, chance.randrange(2 * SLOT))), content)
            with self.subTest(seed=seed, turn=turn):
                outcome = self.bus.run("log", "repair", self.folder, "--skip-damage")
                self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
                self.sound()
                self.done(self.bus.run("log", "repair", self.folder))


class BusWithDamage(CliTest):
    """A bus whose disk flipped bits: the damage is named, others are served, and after a repair all the rest is read."""

    def produce(self, bus, *topics):
        for topic in topics:
            self.done(bus.run("topic", "create", topic, "--config", "storage=disk", "--config", f"slot.bytes={SLOT}", "--config",
                              f"segment.bytes={2 * SLOT}"))
            self.done(bus.run("produce", topic, "--acks", "all", stdin=b"".join(b"%d %s\n" % (i, b"x" * 100) for i in range(2500))))

    def lines(self, *lost):
        return [b"%d %s" % (i, b"x" * 100) for i in range(2500) if i not in lost]

    def flip(self, bus, topic, offset):
        """A bit of the body of a record, on disk."""
        frame, = (each for each in bus.run("log", "dump", bus.log_folder(topic), "--json").objects
                  if each["kind"] == "frame" and each["offset"] == offset)
        path = sorted(path for path in bus.log_folder(topic).glob("*.log") if int(path.stem) <= offset)[-1]
        with open(path, "r+b") as file:
            file.seek(frame["position"] + 60)
            byte = file.read(1)[0]
            file.seek(frame["position"] + 60)
            file.write(bytes([byte ^ 4]))
        return path

    def test_a_record_in_the_middle_of_a_full_segment(self):
        with TemporaryBus() as bus:
            self.produce(bus, "hit", "sound")
            bus.end_brokers()
            shutil.rmtree(bus.shm)
            bus.shm.mkdir()
            path = self.flip(bus, "hit", 100)
            broken = bus.run("consume", "hit", "--from", "earliest", "--exit-at-end")
            self.complained(broken, "100", str(path))
            self.assertEqual(self.consume(bus, "sound"), self.lines())
            self.failed(bus.run("log", "repair", "hit-0", "--skip-damage"), "stop the broker first")
            bus.end_brokers()
            found, = self.done(bus.run("log", "repair", "hit-0", "--skip-damage", "--json")).objects
            self.assertEqual([(each["from_offset"], each["to_offset"], each["file"]) for each in found["lost"]], [(100, 101, str(path))])
            self.assertEqual(self.consume(bus, "hit"), self.lines(100))
            self.assertEqual(self.consume(bus, "sound"), self.lines())
            self.done(bus.run("produce", "hit", "--acks", "all", stdin=b"later\n"))
            self.assertEqual(self.consume(bus, "hit"), self.lines(100) + [b"later"])
            bus.end_brokers()
            self.done(bus.run("log", "verify", bus.path))

    def test_a_missing_file_keeps_its_partition_from_starting_and_no_other(self):
        with TemporaryBus() as bus:
            self.produce(bus, "hit", "sound")
            bus.end_brokers()
            shutil.rmtree(bus.shm)
            bus.shm.mkdir()
            first, second, third = sorted(bus.log_folder("hit").glob("*.log"))[:3]
            second.unlink()
            broken = bus.run("consume", "hit", "--from", "earliest", "--exit-at-end")
            self.complained(broken, "hit-0", third.name, "ringmain log repair")
            self.assertEqual(self.consume(bus, "sound"), self.lines())
            bus.end_brokers()
            self.done(bus.run("log", "repair", "hit-0", "--skip-damage"))
            self.assertEqual(self.consume(bus, "hit"), self.lines(*range(int(second.stem), int(third.stem))))

    def test_shared_memory_that_outlived_goes_on_with_the_repaired_files(self):
        with TemporaryBus() as bus:
            self.produce(bus, "hit")
            bus.end_brokers(signal.SIGKILL)
            self.flip(bus, "hit", 100)
            self.done(bus.run("log", "repair", "hit-0", "--skip-damage"))
            self.done(bus.run("produce", "hit", "--acks", "all", stdin=b"later\n"))
            self.assertEqual(self.consume(bus, "hit"), self.lines(100) + [b"later"])
            bus.end_brokers()
            self.done(bus.run("log", "verify", bus.path))


if __name__ == "__main__":
    main()
