#!/usr/bin/env python3
"""`ringmain perf`: small runs of every measurement. What they print is held to its names, units and sense; no figure is judged."""
import os
import xml.etree.ElementTree as ElementTree

from cli import CliTest, TemporaryBus, main

PERCENTILES = ["min", "p50", "p90", "p99", "p999", "p9999", "max"]
RECORD = {"name", "size", "count", "commit", "cpu", "kernel"}


class Perf(CliTest):
    def setUp(self):
        self.bus = self.enterContext(TemporaryBus())

    def measure(self, *arguments):
        """The objects of a measurement; each says what was measured, where."""
        outcome = self.bus.run("perf", *arguments, "--json")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertTrue(outcome.objects, outcome)
        for result in outcome.objects:
            self.assertLessEqual(RECORD, result.keys(), outcome)
            self.assertGreater(result["count"], 0)
        return outcome.objects

    def assert_percentiles(self, latency):
        values = [latency[name] for name in PERCENTILES]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[0], 0)

    def assert_latency(self, result):
        self.assert_percentiles(result["latency_ns"])
        self.assert_percentiles(result["limit"]["latency_ns"])

    def assert_rate(self, result):
        for figures in (result, result["limit"]):
            self.assertGreater(figures["bytes_per_s"], 0)
        self.assertGreater(result["records_per_s"], 0)

    def test_latency_with_its_files(self):
        histogram, plot = self.bus.folder / "latency.csv", self.bus.folder / "latency.svg"
        for wait in ("spin", "yield", "sleep"):
            with self.subTest(wait=wait):
                result, = self.measure("latency", "--count", 500, "--wait", wait, "--histogram", histogram, "--plot", plot)
                self.assertEqual((result["name"], result["size"], result["count"]), ("latency", 64, 500))
                self.assert_latency(result)
                self.assertGreater(len(histogram.read_text().splitlines()), 2)
                self.assertTrue(ElementTree.parse(plot).getroot().tag.endswith("svg"))

    def test_latency_on_a_schedule(self):
        result, = self.measure("latency", "--count", 500, "--rate", 10000, "--size", 256)
        self.assertEqual(result["size"], 256)
        self.assert_latency(result)

    def test_throughput(self):
        for arguments in ((), ("--exclusive",), ("--batch", 16), ("--producers", 2), ("--consumers", 2)):
            with self.subTest(arguments=arguments):
                result, = self.measure("throughput", "--count", 20000, *arguments)
                self.assertEqual((result["name"], result["count"]), ("throughput", 20000))
                self.assert_rate(result)

    def test_durable(self):
        results = self.measure("durable", "--mode", "latency,throughput,publish", "--count", 300, "--rate", 20000)
        self.assertEqual([result["name"] for result in results], ["durable", "publish"])
        durable, publish = results
        self.assert_latency(durable)
        self.assert_rate(durable)
        self.assert_latency(publish)

    def test_recover(self):
        for arguments in (("--bytes", "16MiB"), ("--bytes", "16MiB", "--keep-memory"), ("--partitions", 3)):
            with self.subTest(arguments=arguments):
                self.measure("recover", "--dir", self.bus.folder, *arguments)
        self.assertEqual(sorted(os.listdir(self.bus.folder)), [], "it leaves nothing behind")

    def test_cold(self):
        for arguments in ((), ("--with-producer",)):
            with self.subTest(arguments=arguments):
                self.measure("cold", "--bytes", "32MiB", *arguments)

    def test_a_record_that_does_not_fit_is_refused(self):
        for command in ("latency", "throughput", "durable", "cold"):
            with self.subTest(command=command):
                outcome = self.bus.run("perf", command, "--size", "1GiB", "--count" if command != "cold" else "--runs", 1)
                self.assertIn(outcome.code, (1, 2), outcome)
                self.assertTrue(outcome.err.startswith(b"ringmain: "), outcome)


if __name__ == "__main__":
    main()
