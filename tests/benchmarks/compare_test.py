#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of orfa-bench compare on runs made up for them."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../benchmarks"), HERE]
from orfa_bench import compare, measured  # noqa: E402
from synthetic import limit, limit_of, measurement, rate_rounds, rounds, write_run  # noqa: E402

QUIET = [1.00, 1.01, 1.02]


class Compared(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.old, self.new = (os.path.join(folder.name, name) for name in ("old", "new"))

    def write(self, old, new):
        write_run(self.old, old)
        write_run(self.new, new)

    def kinds(self, threshold=0.15, **options):
        runs = [measured.load(folder, limit_of) for folder in (self.old, self.new)]
        return [finding.kind for finding in compare.compare(*runs, threshold, **options)]

    def command(self, *arguments):
        """(exit code, standard output, standard error)"""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = compare.main([self.old, self.new, *arguments])
        return code, output.getvalue(), errors.getvalue()


class Findings(Compared):
    def test_a_run_against_itself_is_the_same(self):
        lines = rounds("records", "orfa", QUIET) + rate_rounds("metadata", "orfa", [100, 300, 200], phase="create")
        self.write(lines, lines)
        self.assertEqual(self.kinds(), ["same", "same"])

    def test_slower_beyond_the_spread_is_a_regression(self):
        self.write(rounds("records", "orfa", QUIET), rounds("records", "orfa", [0.5, 0.51, 0.52]))
        self.assertEqual(self.kinds(), ["worse"])

    def test_slower_within_the_spread_is_not(self):
        self.write(rounds("records", "orfa", [0.6, 1, 1.4]), rounds("records", "orfa", [0.4, 0.7, 0.8]))
        self.assertEqual(self.kinds(), ["unclear"])

    def test_rates_and_latencies_are_compared_too(self):
        slow = {"p50": 30, "p90": 40, "p99": 50, "max": 60}
        fast = {"p50": 3, "p90": 4, "p99": 5, "max": 60}
        self.write(rate_rounds("metadata", "orfa", [100, 101, 102], phase="create", latency_us=slow),
                   rate_rounds("metadata", "orfa", [200, 201, 202], phase="create", latency_us=slow)
                   + rounds("random", "orfa", QUIET, latency_us=fast))
        self.assertEqual(self.kinds(), ["better", "same", "new"])
        self.write(rounds("random", "orfa", QUIET, latency_us=slow), rounds("random", "orfa", QUIET, latency_us=fast))
        self.assertEqual(self.kinds(), ["same", "better"])

    def test_wrong_data_now_is_broken_and_before_is_mended(self):
        good, bad = rounds("records", "orfa", QUIET), rounds("records", "orfa", [1, None, 1])
        self.write(good, bad)
        self.assertEqual(self.kinds(), ["broken"])
        self.write(bad, good)
        self.assertEqual(self.kinds(), ["mended"])
        self.write(bad, bad)
        self.assertEqual(self.kinds(), ["same"])

    def test_systems_ranks_sizes_and_parameters_are_kept_apart(self):
        changes = ({}, {"ranks": 8}, {"transfer_bytes": 4096}, {"form": "collective"}, {"phase": "read"}, {"parameters": {"strip": 16}})
        old = [line for change in changes for line in rounds("records", "orfa", QUIET, **change)]
        new = [line for change in changes[1:] for line in rounds("records", "orfa", QUIET, **change)]
        new += rounds("records", "orfa", [0.1, 0.1, 0.1]) + rounds("records", "ufs", [9, 9, 9])
        self.write(old, new)
        self.assertEqual(sorted(self.kinds()), ["new"] + ["same"] * 5 + ["worse"])
        self.assertEqual(self.kinds(systems=["ufs"]), ["new"])

    def test_warm_up_rounds_do_not_count(self):
        cold = [measurement("records", "orfa", 0.01, warmup=True) for _ in range(5)]
        self.write(rounds("records", "orfa", QUIET), cold + rounds("records", "orfa", QUIET))
        self.assertEqual(self.kinds(), ["same"])

    def test_relative_takes_out_what_the_machine_lost(self):
        self.write([limit("memcpy", 10)] * 3 + rounds("records", "orfa", QUIET),
                   [limit("memcpy", 5)] * 3 + rounds("records", "orfa", [sample / 2 for sample in QUIET]))
        self.assertEqual(self.kinds(), ["worse"])
        self.assertEqual(self.kinds(relative=True), ["same"])


class Command(Compared):
    def test_exit_code_tells_of_a_regression(self):
        good, slow = rounds("records", "orfa", QUIET), rounds("records", "orfa", [0.5, 0.51, 0.52])
        self.write(good, slow)
        code, output, _ = self.command()
        self.assertEqual(code, 1)
        self.assertIn("orfa: records, write, independent: 1.01 GiB/s [1.00 GiB/s to 1.02 GiB/s] -> 522 MiB/s", output)
        self.write(slow, good)
        self.assertEqual(self.command()[0], 0)
        self.write(good, rounds("records", "orfa", [1, None, 1]))
        self.assertEqual(self.command()[0], 1)
        self.assertEqual(self.command("--threshold", "60")[0], 1)

    def test_threshold_is_in_percent(self):
        self.write(rounds("records", "orfa", QUIET), rounds("records", "orfa", [0.5, 0.51, 0.52]))
        self.assertEqual(self.command("--threshold", "60")[0], 0)

    def test_json_has_every_finding(self):
        self.write(rounds("records", "orfa", QUIET) + rounds("tiles", "orfa", QUIET), rounds("records", "orfa", [0.5, 0.51, 0.52]))
        code, output, _ = self.command("--json")
        result = json.loads(output)
        self.assertEqual(code, 1)
        self.assertEqual({kind: len(found) for kind, found in result.items() if isinstance(found, list) and found},
                         {"worse": 1, "gone": 1})
        self.assertEqual(result["worse"][0]["workload"], "records")
        self.assertAlmostEqual(result["worse"][0]["change"], 0.51 / 1.01 - 1)

    def test_a_change_of_the_machine_itself_is_named(self):
        self.write([limit("tcp", 3)] * 3 + rounds("records", "orfa", QUIET), [limit("tcp", 1)] * 3 + rounds("records", "orfa", QUIET))
        self.assertIn("tcp: 3.00 GiB/s -> 1.00 GiB/s (-67 %)", self.command()[1])

    def test_wrong_use_is_code_2(self):
        self.write(rounds("records", "orfa", QUIET), [])
        os.unlink(os.path.join(self.new, "environment.json"))
        code, _, errors = self.command()
        self.assertEqual(code, 2)
        self.assertIn("is not the folder of a run", errors)
        self.write(rounds("records", "orfa", QUIET), rounds("records", "orfa", QUIET))
        self.assertEqual(self.command("--system", "nobody")[0], 2)


if __name__ == "__main__":
    unittest.main()
