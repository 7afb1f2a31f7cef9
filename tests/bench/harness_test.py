#!/usr/bin/env python3
"""Runs the comparison's harness with tiny counts: it measures, names failures, and leaves nothing behind.

Usage: harness_test.py BENCH_COMPARE RINGMAIN
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BENCH_COMPARE, RINGMAIN = sys.argv[1:3] if len(sys.argv) > 2 else ("", "")
TINY = ["--runs", "1", "--seconds", "0.01", "--sizes", "32,1k"]
HAS_TWO_CORES = len(os.sched_getaffinity(0)) > 1


def command_lines_with(text):
    """Processes that name it in their command line; zombies have none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        if text in line and int(folder.name) != os.getpid():
            found.append(line)
    return found


def wait_until(is_true):
    while not is_true():
        time.sleep(0.01)


@unittest.skipUnless(HAS_TWO_CORES, "two processes that spin need two cores")
class Harness(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ringmain-bench-test."))
        self.data, self.out = self.folder / "data", self.folder / "out"
        self.data.mkdir()
        self.addCleanup(shutil.rmtree, self.folder)

    def arguments(self, *more, ringmain=RINGMAIN):
        return [BENCH_COMPARE, "--ringmain", ringmain, "--dir", str(self.data), "--out", str(self.out), *more]

    def run_compare(self, *more, **options):
        return subprocess.run(self.arguments(*more, **options), capture_output=True, text=True)

    def results(self):
        return json.loads((self.out / "compare.json").read_text())["results"]

    def expect_nothing_left(self):
        self.assertEqual([], list(self.data.iterdir()))
        wait_until(lambda: not command_lines_with(str(self.data)))

    def test_measures_each_size_of_each_and_writes_all_reports(self):
        outcome = self.run_compare("--only", "ringmain,pipe,limits", *TINY)
        self.assertEqual(0, outcome.returncode, outcome.stderr)
        measured = {(r["rival"], r["name"], r["size"]) for r in self.results()}
        for rival in ("ringmain", "pipe", "limits"):
            for name in ("latency", "throughput"):
                for size in (32, 1024):
                    self.assertIn((rival, name, size), measured)
            self.assertIn((rival, "latency on a schedule", 1024), measured)
        for result in self.results():
            figures = result["latency_ns"]["p50"] if result["latency_ns"] else result["records_per_s"]
            self.assertGreater(figures, 0, result)
            self.assertEqual("limit: raw shared memory", result["limit"]["name"])
        self.assertEqual(outcome.stdout, (self.out / "compare.md").read_text())
        self.assertIn("| pipe |", outcome.stdout)
        for plot in ("latency-32.svg", "latency-1024.svg", "scheduled.svg", "throughput.svg"):
            self.assertTrue((self.out / plot).read_text().startswith("<svg"), plot)
        self.expect_nothing_left()

    def test_measures_a_log_beside_the_disk(self):
        outcome = self.run_compare("--only", "ringmain-log,disk-limit", *TINY)
        self.assertEqual(0, outcome.returncode, outcome.stderr)
        measured = {(r["rival"], r["name"], r["size"]) for r in self.results()}
        for rival in ("ringmain-log", "disk-limit"):
            for name in ("durable latency", "durable throughput"):
                self.assertIn((rival, name, 1024), measured)
        self.expect_nothing_left()

    def test_a_contestant_that_fails_is_named_and_does_not_stop_the_others(self):
        outcome = self.run_compare("--only", "ringmain,pipe", *TINY, ringmain="/bin/false")
        self.assertEqual(1, outcome.returncode)
        self.assertIn("the Ringmain broker ended instead of getting ready", outcome.stderr)
        self.assertIn("| Ringmain | failed: the Ringmain broker ended", outcome.stdout)
        self.assertEqual({"pipe"}, {r["rival"] for r in self.results()})
        self.expect_nothing_left()

    def test_a_stop_signal_ends_every_process_and_removes_every_folder(self):
        for stop in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(self.arguments("--only", "ringmain", "--seconds", "1000", "--sizes", "64"),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            broker = f"--bus {self.data}"
            wait_until(lambda: command_lines_with(broker) or process.poll() is not None)
            process.send_signal(stop)
            _, errors = process.communicate()
            self.assertEqual(1, process.returncode, errors)
            self.assertIn("interrupted", errors)
            self.expect_nothing_left()

    def test_a_killed_harness_takes_all_its_processes_along(self):
        process = subprocess.Popen(self.arguments("--only", "ringmain", "--seconds", "1000", "--sizes", "64"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The harness, its two processes, and the broker.
        wait_until(lambda: len(command_lines_with(str(self.data))) == 4 or process.poll() is not None)
        self.assertIsNone(process.poll())
        # Its folders stay: nobody is left who could remove them. The one outside ours is named by the broker alone.
        memory = [found.group(1) for line in command_lines_with(str(self.data)) if (found := re.search(r"--shm (\S+)/bus", line))]
        process.kill()
        process.wait()
        wait_until(lambda: not command_lines_with(str(self.data)))
        for folder in memory:
            shutil.rmtree(folder)

    def test_wrong_usage_is_told_apart(self):
        for arguments, says in ((["--only", "nobody"], "there is no 'nobody'"), (["--sizes", "4"], "--sizes"),
                                (["--cores", "0"], "--cores"), (["--nonsense"], "nonsense")):
            outcome = self.run_compare(*arguments)
            self.assertEqual(2, outcome.returncode, arguments)
            self.assertIn(says, outcome.stdout + outcome.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
