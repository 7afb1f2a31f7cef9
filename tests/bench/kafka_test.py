#!/usr/bin/env python3
"""Runs bench_kafka with tiny counts: it measures all of its figures, says what is wrong, and leaves nothing behind.

Usage: kafka_test.py BENCH_KAFKA RINGMAIN
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH_KAFKA, RINGMAIN = sys.argv[1:3]
TINY = ["--runs", "1", "--count", "1000", "--round-trips", "50", "--connections", "5", "--idle-seconds", "0.1"]


class BenchKafka(unittest.TestCase):
    def run_bench(self, *more, ringmain=RINGMAIN):
        with tempfile.TemporaryDirectory(prefix="ringmain-bench-test.") as folder:
            done = subprocess.run([BENCH_KAFKA, "--ringmain", ringmain, "--dir", folder, *TINY, *more], capture_output=True, text=True)
            self.assertEqual(os.listdir(folder), [])
        return done

    def test_all_figures_are_there(self):
        done = self.run_bench("--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        figures = json.loads(done.stdout)
        for what in ("produce", "fetch"):
            self.assertGreater(figures[what]["records_per_s"], 0)
            self.assertGreater(figures[what]["broker_cpu_ns_per_record"], 0)
            self.assertGreater(figures[what]["client_cpu_ns_per_record"], 0)
        for who in ("librdkafka", "bare", "limit"):
            self.assertGreater(figures["round_trip_ns"][who]["p50"], 0)
        self.assertEqual(figures["idle"]["connections"], 5)

    def test_only_what_is_asked_for_and_as_text(self):
        done = self.run_bench("--only", "produce")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("produce, acks=1", done.stdout)
        self.assertNotIn("fetch", done.stdout)

    def test_what_is_wrong_is_said(self):
        self.assertEqual(self.run_bench("--only", "everything").returncode, 2)
        self.assertEqual(self.run_bench("--cores", "0").returncode, 2)
        done = self.run_bench(ringmain="/bin/false")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ended instead of getting ready", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
