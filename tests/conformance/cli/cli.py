"""Runs the real `ringmain` on buses of its own. Shared by the tests in this folder.

Each test file is run as: FILE_test.py RINGMAIN [FILTER]. A bus has temporary folders, on disk and on the system's tmpfs;
at its end they go, and so does every process that names them in its command line.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RINGMAIN = sys.argv[1] if len(sys.argv) > 1 else ""
SKIPPED = 77  # ctest takes this exit code for a skipped test


class Outcome:
    """What a command left: exit code, and bytes on both outputs."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __str__(self):
        return f"ringmain {' '.join(map(str, self.arguments))}: exit {self.code}\nout: {self.out[:2000]}\nerr: {self.err[:2000]}"

    @property
    def lines(self):
        return self.out.decode().splitlines()

    @property
    def objects(self):
        """JSON: one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class TemporaryBus:
    """A bus for a with statement: no process and no file of it is left behind."""

    def __init__(self, parent=None, **environment):
        self.parent, self.extra = parent, environment

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ringmain-cli.", dir=self.parent))
        tmpfs = Path("/dev/shm")
        self.shm = Path(tempfile.mkdtemp(prefix="ringmain-cli.", dir=tmpfs if os.access(tmpfs, os.W_OK) else None))
        self.path = self.folder / "bus"
        self.children = []
        self.environment = dict(os.environ, RINGMAIN_BUS=str(self.path), RINGMAIN_SHM=str(self.shm),
                                RINGMAIN_PROGRAM=RINGMAIN, **self.extra)
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()  # what is still running was started for this bus alone
            child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                stream.close()
        for pid in self.brokers():
            end(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)

    def run(self, *arguments, stdin=b"", **environment):
        process = subprocess.run([RINGMAIN, *map(str, arguments)], input=stdin, env=dict(self.environment, **environment),
                                 capture_output=True, check=False)
        return Outcome(arguments, process.returncode, process.stdout, process.stderr)

    def start(self, *arguments, **environment):
        """A process whose three streams are pipes."""
        child = subprocess.Popen([RINGMAIN, *map(str, arguments)], env=dict(self.environment, **environment), bufsize=0,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.children.append(child)
        return child

    def start_broker(self, *arguments, **environment):
        """A broker of the test's own, once it serves."""
        child = self.start("broker", "--bus", self.path, "--listen", "127.0.0.1:0", *arguments, **environment)
        first = child.stdout.readline()
        if not first:
            raise AssertionError(f"the broker did not start: {child.stderr.read()}")
        return child

    def brokers(self):
        """Processes that name this bus in their command line. The name is used once."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command_line = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
            if os.fsencode(self.folder) in command_line:
                found.append(int(entry.name))
        return found

    def end_brokers(self, with_signal=signal.SIGTERM):
        for pid in self.brokers():
            end(pid, with_signal)

    def log_folder(self, topic, partition=0):
        """Where a partition's log files are."""
        return next((self.path / "log").glob(f"{topic}-{partition}.*"))


def end(pid, with_signal):
    """Signals a process, and waits until it has ended: the pidfd turns readable then."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, with_signal)
        select.select([process], [], [])
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


class CliTest(unittest.TestCase):
    def done(self, outcome):
        """It did its job, and had nothing to complain of."""
        self.assertEqual((outcome.code, outcome.err), (0, b""), outcome)
        return outcome

    def failed(self, outcome, *words, code=1):
        """It failed with one line on stderr that has these words, and printed no data."""
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(outcome.out, b"", outcome)
        return self.complained(outcome, *words)

    def complained(self, outcome, *words):
        lines = outcome.err.decode().splitlines()
        self.assertEqual(len(lines), 1, outcome)
        self.assertTrue(lines[0].startswith("ringmain: "), outcome)
        for word in words:
            self.assertIn(word, lines[0], outcome)
        return lines[0]

    def wrong_usage(self, outcome, *words):
        return self.failed(outcome, *words, code=2)

    def consume(self, bus, topic, *arguments):
        """Everything that is in a topic, as lines."""
        return self.done(bus.run("consume", topic, "--from", "earliest", "--exit-at-end", *arguments)).out.splitlines()


def main():
    """Runs the tests of the file, or those that a filter names; all of them skipped counts as skipped."""
    patterns = ["-k", sys.argv[2]] if len(sys.argv) > 2 else []
    program = unittest.main(argv=[sys.argv[0], "-v", *patterns], exit=False)
    result = program.result
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    sys.exit(SKIPPED if len(result.skipped) == result.testsRun else 0)
