#!/usr/bin/env python3
"""The first program that a newcomer sees: printed alike everywhere, short, and it runs as the page says.

Usage: first_program_test.py ROOT PROGRAM RINGMAIN
  PROGRAM   built from docs/examples/first.cpp
  RINGMAIN  the ringmain command, which the program starts as its broker

Bus and shared memory are temporary folders of this run; they go at its end, and so does the broker.
"""
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from docs_check import code_blocks

MAX_LINES = 20  # a program that fits on a screen, with the page around it

ROOT = Path(sys.argv[1])
PROGRAM = sys.argv[2]
RINGMAIN = sys.argv[3]
SOURCE = (ROOT / "docs/examples/first.cpp").read_text()


def program_of(page):
    """The first C++ block of a page."""
    return next(block.text for block in code_blocks((ROOT / page).read_text()) if block.language == "cpp")


class TemporaryBus:
    """A bus for a with statement: no process and no file of it is left behind."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ringmain-docs."))
        tmpfs = Path("/dev/shm")
        self.shm = Path(tempfile.mkdtemp(prefix="ringmain-docs.", dir=tmpfs if os.access(tmpfs, os.W_OK) else None))
        self.environment = dict(os.environ, RINGMAIN_BUS=str(self.folder / "bus"), RINGMAIN_SHM=str(self.shm),
                                RINGMAIN_PROGRAM=RINGMAIN)
        return self

    def __exit__(self, *_):
        for pid in self.processes():
            stop(pid)
        shutil.rmtree(self.folder)
        shutil.rmtree(self.shm)

    def processes(self):
        """Those that name this bus in their command line: its broker. The name is used once."""
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

    def run(self):
        return subprocess.run([PROGRAM], env=self.environment, capture_output=True, text=True, check=False)


def stop(pid):
    """Asks a process to end, and waits until it has: the pidfd turns readable then."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        select.select([process], [], [])
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


class FirstProgram(unittest.TestCase):
    def test_readme_and_page_print_the_program_that_is_built(self):
        for page in ("README.md", "docs/first-program.md"):
            self.assertEqual(program_of(page), SOURCE, f"{page} prints another program than docs/examples/first.cpp")

    def test_it_is_short(self):
        self.assertLessEqual(len(SOURCE.splitlines()), MAX_LINES)

    def test_it_does_what_the_page_says(self):
        printed = [block.text for block in code_blocks((ROOT / "docs/first-program.md").read_text())][1]
        with TemporaryBus() as bus:
            first = bus.run()
            self.assertEqual((first.returncode, first.stderr, first.stdout), (0, "", printed))
            second = bus.run()  # the log outlives the program
            self.assertEqual((second.returncode, second.stderr), (0, ""))
            self.assertEqual(second.stdout, printed + "2 en hello\n3 fr bonjour\n")
            self.assertEqual(len(bus.processes()), 1, "one broker serves both runs")
        self.assertEqual(bus.processes(), [])
        self.assertFalse(bus.folder.exists() or bus.shm.exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
