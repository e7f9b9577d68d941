#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""orfa-bench hit-rate: what it makes of the ranks' lines, and one small case for real.

    hit_rate_test.py --bin BUILD/bin
"""
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "benchmarks"))
from orfa_bench import hit_rate  # noqa: E402

BIN = sys.argv[sys.argv.index("--bin") + 1]
CASE = ("--workloads", "contiguous", "--form", "independent", "--ranks", "2", "--servers", "1", "--repeat", "4", "--price", "0:0")


class HitRate(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([os.path.join(BIN, "orfa-bench"), "hit-rate", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=200, check=False)

    def test_ranks_are_added_up(self):
        line = "12:00 1 info client x.cpp:1 at the end: 9 requests, 1 bytes read, 2 written; registration cache: {} hits, {} misses, " \
               "{} invalidated; {} bytes copied instead\n"
        self.assertEqual(hit_rate.counted(line.format(90, 3, 1, 0) + "other\n" + line.format(10, 2, 0, 5)),
                         {"hits": 100, "misses": 5, "invalidated": 1, "bytes_copied": 5})
        self.assertIsNone(hit_rate.counted("nothing of the kind"))

    def test_large_transfers_are_looked_up_and_small_ones_need_nothing(self):
        done = self.run_it(*CASE, "--at-least", "0", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        large, small = (json.loads(line) for line in done.stdout.splitlines())
        self.assertGreater(large["first"]["misses"], 0)
        self.assertGreater(large["later"]["hits"], 100)
        self.assertGreater(large["hit_rate"], large["hit_rate_with_first"])
        self.assertIsNone(small["hit_rate"])

    def test_a_rate_that_is_not_reached_is_a_failure(self):
        done = self.run_it(*CASE, "--at-least", "1.01")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("misses", done.stdout)

    def test_wrong_use(self):
        self.assertEqual(self.run_it("--workloads", "nonsense").returncode, 2)


unittest.main(argv=sys.argv[:1])
