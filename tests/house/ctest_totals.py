#!/usr/bin/env python3
"""Counts the results of one ctest run for tools/test, so that nothing but a test that ran and passed counts as passed.

Usage: ctest_totals.py JUNIT_XML CTEST_EXIT_CODE     prints "PASSED FAILED SKIPPED", then what failed

What failed is named with the end of its output, and what was skipped by its name: the end of a long log is what people see.

A run is never all right by default: a missing or broken report, a report without a passed test,
and a ctest that failed for a reason that no test shows, are a failure each. ctest itself calls
a skipped test passed; here it is neither.
"""
import sys
import xml.etree.ElementTree as ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
LAST_LINES = 40  # of a failed test's output


def outcome(case):
    """What one <testcase> of ctest's report came to. Whatever is not known is a failure."""
    status = case.get("status")
    children = {child.tag for child in case}
    if status == "run" and not children & {"failure", "error", "skipped"}:
        return PASSED
    skipped = case.find("skipped")
    if status == "notrun" and skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        # googletest prints this beside a skip when an expectation failed before it.
        return FAILED if "[  FAILED  ]" in (case.findtext("system-out") or "") else SKIPPED
    if status == "disabled":
        return SKIPPED
    return FAILED


def report_on(case, kind):
    """The lines that a reader of the totals wants to see of a test that did not pass."""
    name = case.get("name", "a test without a name")
    if kind == PASSED:
        return []
    if kind == SKIPPED:
        return [f"{name} was skipped"]
    output = (case.findtext("system-out") or "").splitlines()
    return [f"{name} failed", *(f"  | {line}" for line in output[-LAST_LINES:])]


def count(report, exit_code):
    """(passed, failed, skipped, problems) of a report's text (None if there is none) and ctest's exit code."""
    try:
        cases = list(ElementTree.fromstring(report).iter("testcase")) if report else []
    except ElementTree.ParseError as error:
        return 0, 1, 0, [f"ctest's report cannot be read: {error}"]
    outcomes = [outcome(case) for case in cases]
    passed, failed, skipped = (outcomes.count(kind) for kind in (PASSED, FAILED, SKIPPED))
    problems = [line for case, kind in zip(cases, outcomes) for line in report_on(case, kind)]
    if passed == 0 and failed == 0:
        failed += 1
        problems.append("no test ran")
    elif exit_code != 0 and failed == 0:
        failed += 1
        problems.append(f"ctest failed with exit code {exit_code}, though no test did")
    return passed, failed, skipped, problems


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(sys.argv[1], "rb") as file:
            report = file.read()
    except OSError:
        report = None
    passed, failed, skipped, problems = count(report, int(sys.argv[2]))
    print(passed, failed, skipped)
    for problem in problems:
        print(problem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
