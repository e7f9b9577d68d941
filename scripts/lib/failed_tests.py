#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says which tests of a stage failed, with the lines of each where its trouble begins, or else its last.

    failed_tests.py STAGE RESULTS

RESULTS is what `ctest --output-junit` writes. Prints nothing when all tests passed.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

# Together with a summary this stays within the hundred lines that are kept of a long log.
MOST_TESTS = 4
MOST_LINES = 18
MOST_COLUMNS = 240
# How GoogleTest, the sanitizers, Python and this project's programs begin to tell of a failure.
TROUBLE = re.compile(r": Failure$|runtime error: |ERROR: |WARNING: ThreadSanitizer|^Traceback|[Ee]rror: ")


def failed_tests(results):
    """(name, seconds, output) of each test case that failed."""
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        if case.find("failure") is not None:
            yield case.get("name", "?"), case.get("time", "?"), case.findtext("system-out", "")


def telling(output):
    """The lines of OUTPUT, MOST_LINES at most, that say most of a failure."""
    lines = output.rstrip().splitlines()
    first = next((at for at, line in enumerate(lines) if TROUBLE.search(line)), len(lines))
    first = max(0, min(first, len(lines) - MOST_LINES))
    return [line[:MOST_COLUMNS] for line in lines[first : first + MOST_LINES]]


def main(stage, results):
    failed = list(failed_tests(results))
    for name, seconds, output in failed[:MOST_TESTS]:
        print(f"\n--- {stage}: {name} failed after {seconds} s:")
        for line in telling(output):
            print(f"    {line}")
    for name, _, _ in failed[MOST_TESTS:]:
        print(f"--- {stage}: {name} failed too")


if __name__ == "__main__":
    main(*sys.argv[1:])
