#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of scripts/lib/failed_tests.py: what a stage's summary says of its failed tests."""
import contextlib
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
import failed_tests  # noqa: E402

PASSED = '<testcase name="fine" time="0.1" status="run"><system-out>Error: not one</system-out></testcase>'
SKIPPED = '<testcase name="left" time="0" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'


def failed(name, output):
    return f'<testcase name="{name}" time="2.5" status="fail"><failure message=""/><system-out>{output}</system-out></testcase>'


class FailedTests(unittest.TestCase):
    def said(self, *cases):
        with tempfile.TemporaryDirectory() as folder:
            results = os.path.join(folder, "results.xml")
            with open(results, "w", encoding="utf-8") as file:
                file.write(f'<?xml version="1.0"?><testsuite>{"".join(cases)}</testsuite>')
            with contextlib.redirect_stdout(io.StringIO()) as out:
                failed_tests.main("asan", results)
        return out.getvalue()

    def test_nothing_is_said_of_tests_that_passed_or_were_skipped(self):
        self.assertEqual(self.said(PASSED, SKIPPED), "")

    def test_a_failure_is_told_from_where_the_trouble_begins(self):
        output = "\n".join(["before"] * 50 + ["a.cpp:7: Failure", "Expected: 1"] + ["after"] * 50)
        lines = self.said(PASSED, failed("bad", output)).strip().splitlines()
        self.assertEqual(lines[:3], ["--- asan: bad failed after 2.5 s:", "    a.cpp:7: Failure", "    Expected: 1"])
        self.assertEqual(len(lines), 1 + failed_tests.MOST_LINES)

    def test_without_a_known_word_the_last_lines_are_told(self):
        self.assertTrue(self.said(failed("hung", "\n".join(str(i) for i in range(100)))).endswith("    98\n    99\n"))

    def test_long_lines_and_many_failures_are_cut_short(self):
        said = self.said(*(failed(f"bad{i}", "x" * 5000) for i in range(9)))
        self.assertLess(len(said), 3000)
        self.assertIn("--- asan: bad8 failed too\n", said)


if __name__ == "__main__":
    unittest.main()
