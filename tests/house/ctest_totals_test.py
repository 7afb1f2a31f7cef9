#!/usr/bin/env python3
"""Tests of ctest_totals.py: what must never be counted as a pass.

The reports are written as ctest 3.25 writes them.
"""
import unittest

from ctest_totals import count

RUN = '<testcase name="a" status="run"/>'
FAIL = '<testcase name="b" status="fail"><failure message=""/></testcase>'
SKIP = ('<testcase name="c" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'
        "<system-out>[  SKIPPED ] S.skip</system-out></testcase>")
SKIP_AFTER_FAILURE = SKIP.replace("S.skip", "S.skip\n[  FAILED  ] S.skip")
NOT_BUILT = '<testcase name="d" status="notrun"><skipped message="Unable to find executable"/></testcase>'
NO_FIXTURE = '<testcase name="e" status="notrun"><skipped message="Fixture dependency failed"/></testcase>'
DISABLED = '<testcase name="f" status="disabled"/>'
UNKNOWN = '<testcase name="g" status="new"/>'


def report(*cases):
    return f"<?xml version='1.0'?><testsuite>{''.join(cases)}</testsuite>".encode()


class Totals(unittest.TestCase):
    def totals(self, text, exit_code):
        return count(text, exit_code)[:3]

    def test_tests_that_ran_and_passed_are_counted(self):
        self.assertEqual(count(report(RUN, RUN), 0), (2, 0, 0, []))

    def test_a_failed_test_is_counted_once_and_named(self):
        self.assertEqual(count(report(RUN, FAIL), 8), (1, 1, 0, ["b failed"]))

    def test_a_failed_test_is_shown_with_the_end_of_its_output(self):
        output = "\n".join(f"line {i}" for i in range(100))
        failed = FAIL.replace("</testcase>", f"<system-out>{output}</system-out></testcase>")
        self.assertEqual(count(report(failed), 8)[3], ["b failed", *(f"  | line {i}" for i in range(60, 100))])

    def test_a_skipped_test_is_named(self):
        self.assertEqual(count(report(RUN, SKIP), 0), (1, 0, 1, ["c was skipped"]))

    def test_a_failed_test_counts_even_if_ctest_says_all_is_well(self):
        self.assertEqual(self.totals(report(RUN, FAIL), 0), (1, 1, 0))

    def test_a_skipped_or_disabled_test_is_not_a_pass(self):
        self.assertEqual(self.totals(report(RUN, SKIP, DISABLED), 0), (1, 0, 2))

    def test_a_test_that_failed_before_it_skipped_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN, SKIP_AFTER_FAILURE), 0), (1, 1, 0))

    def test_a_test_that_was_not_built_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN, NOT_BUILT), 8), (1, 1, 0))

    def test_a_test_whose_fixture_failed_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN, NO_FIXTURE), 8), (1, 1, 0))

    def test_an_unknown_status_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN, UNKNOWN), 0), (1, 1, 0))

    def test_a_missing_report_is_a_failure(self):
        self.assertEqual(self.totals(None, 0), (0, 1, 0))

    def test_an_empty_report_is_a_failure(self):
        self.assertEqual(self.totals(b"", 0), (0, 1, 0))
        self.assertEqual(self.totals(report(), 0), (0, 1, 0))

    def test_a_report_of_nothing_but_skipped_tests_is_a_failure(self):
        self.assertEqual(self.totals(report(SKIP, DISABLED), 0), (0, 1, 2))

    def test_a_truncated_report_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN)[:-5], 0), (0, 1, 0))

    def test_a_ctest_that_fails_beside_passing_tests_is_a_failure(self):
        self.assertEqual(self.totals(report(RUN), 1), (1, 1, 0))


if __name__ == "__main__":
    unittest.main()
