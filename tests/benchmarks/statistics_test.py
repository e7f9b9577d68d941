#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of the driver's statistics: medians, spreads, what may be concluded."""
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../benchmarks"))
from orfa_bench import statistics, words  # noqa: E402


class Percentiles(unittest.TestCase):
    def test_between_two_samples_is_interpolated(self):
        self.assertEqual(statistics.percentile([30, 10, 20, 40], 0.5), 25)
        self.assertEqual(statistics.percentile([1, 2, 3, 4, 5], 0.25), 2)
        self.assertAlmostEqual(statistics.percentile([0, 10], 0.9), 9)

    def test_ends_are_the_smallest_and_the_largest(self):
        self.assertEqual(statistics.percentile([7, 3, 5], 0), 3)
        self.assertEqual(statistics.percentile([7, 3, 5], 1), 7)
        self.assertEqual(statistics.percentile([4], 0.99), 4)

    def test_median_is_not_the_mean(self):
        self.assertEqual(statistics.median([1, 2, 1000]), 2)


class Spread(unittest.TestCase):
    def test_few_samples_have_their_range(self):
        one = statistics.summarize([5, 1, 3, 4, 9])
        self.assertEqual((one.count, one.median, one.low, one.high), (5, 4, 1, 9))

    def test_many_samples_have_their_quartiles(self):
        one = statistics.summarize([1, 2, 3, 4, 5, 6, 7, 8, 1000])
        self.assertEqual((one.count, one.median, one.low, one.high), (9, 5, 3, 7))

    def test_seven_samples_are_few_and_eight_are_not(self):
        self.assertEqual(statistics.summarize([1, 2, 3, 4, 5, 6, 100]).high, 100)
        self.assertLess(statistics.summarize([1, 2, 3, 4, 5, 6, 7, 100]).high, 8)

    def test_one_sample_has_no_known_spread(self):
        one = statistics.summarize([3.5])
        self.assertEqual((one.median, one.low, one.high), (3.5, 3.5, 3.5))
        self.assertIsNone(one.relative_spread)
        self.assertFalse(one.wide)

    def test_no_samples_are_refused(self):
        with self.assertRaises(ValueError):
            statistics.summarize([])

    def test_width_is_told_relative_to_the_median(self):
        self.assertAlmostEqual(statistics.summarize([90, 100, 110]).relative_spread, 0.2)
        self.assertFalse(statistics.summarize([90, 100, 110]).wide)
        self.assertTrue(statistics.summarize([80, 100, 115]).wide)
        self.assertEqual(statistics.summarize([0, 0, 1]).relative_spread, math.inf)


class Changes(unittest.TestCase):
    def verdict(self, old, new, threshold=0.15, **options):
        return statistics.change(statistics.summarize(old), statistics.summarize(new), threshold, **options).verdict

    def test_apart_and_beyond_the_threshold_is_a_change(self):
        self.assertEqual(self.verdict([100, 101, 102], [80, 81, 82]), "worse")
        self.assertEqual(self.verdict([100, 101, 102], [130, 131, 132]), "better")

    def test_less_is_better_of_latencies(self):
        self.assertEqual(self.verdict([100, 101, 102], [80, 81, 82], more_is_better=False), "better")
        self.assertEqual(self.verdict([100, 101, 102], [130, 131, 132], more_is_better=False), "worse")

    def test_apart_but_below_the_threshold_is_none(self):
        self.assertEqual(self.verdict([100, 101, 102], [90, 91, 92]), "same")
        self.assertEqual(self.verdict([100, 101, 102], [90, 91, 92], threshold=0.05), "worse")

    def test_within_the_spread_is_not_known(self):
        self.assertEqual(self.verdict([60, 100, 110], [50, 70, 75]), "unclear")

    def test_touching_spreads_overlap(self):
        self.assertEqual(self.verdict([100, 120, 140], [60, 80, 100]), "unclear")
        self.assertEqual(self.verdict([100, 120, 140], [60, 80, 99]), "worse")

    def test_measured_once_is_not_known_either(self):
        self.assertEqual(self.verdict([100], [50]), "unclear")
        self.assertEqual(self.verdict([100], [99]), "same")

    def test_share_is_what_the_median_gained(self):
        self.assertAlmostEqual(statistics.change(statistics.summarize([100]), statistics.summarize([125]), 0.1).share, 0.25)


class Words(unittest.TestCase):
    def test_three_digits_in_the_unit_that_fits(self):
        self.assertEqual(words.quantity(5.434 * (1 << 30), "B/s"), "5.43 GiB/s")
        self.assertEqual(words.quantity(812.4 * (1 << 20), "B/s"), "812 MiB/s")
        self.assertEqual(words.quantity(1001 * (1 << 20), "B/s"), "0.98 GiB/s")
        self.assertEqual(words.quantity(253_000, "op/s"), "253 k/s")
        self.assertEqual(words.quantity(12, "op/s"), "12.0 /s")
        self.assertEqual(words.quantity(4.1, "us"), "4.10 us")
        self.assertEqual(words.quantity(4100, "us"), "4.10 ms")
        self.assertEqual(words.quantity(0, "B/s"), "0 B/s")

    def test_digits_do_not_jump_at_a_power_of_ten(self):
        self.assertEqual([words.digits(value) for value in (0.0994, 0.0996, 0.996, 9.996, 99.96, 1234.4)],
                         ["0.099", "0.10", "1.00", "10.0", "100", "1,234"])

    def test_sizes_are_whole(self):
        self.assertEqual([words.size(value) for value in (1, 4096, 47008, 1 << 20, 3 << 19, 1 << 40)],
                         ["1 B", "4 KiB", "47,008 B", "1 MiB", "1.5 MiB", "1 TiB"])


if __name__ == "__main__":
    unittest.main()
