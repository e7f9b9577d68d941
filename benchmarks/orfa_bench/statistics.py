# SPDX-License-Identifier: MIT
"""Medians with their spread, and what can be concluded from two of them.

The spread of few samples is their whole range, as quartiles of five numbers are hardly more than two of them; from FEW samples
on it is the quartiles, so that one bad round doesn't hide everything else. Nothing here assumes a distribution: figures of a
busy machine have a long tail on one side.
"""
import dataclasses
import math

FEW = 8  # fewer samples than this: the range; else the quartiles
WIDE = 0.30  # a spread of more than this share of the median is too wide to conclude from


@dataclasses.dataclass(frozen=True)
class Summary:
    """`low` to `high` is the spread around `median`; all in the samples' unit."""
    count: int
    median: float
    low: float
    high: float

    @property
    def relative_spread(self):
        """The width of the spread as a share of the median; None when measured once: then nothing is known of it."""
        if self.count < 2:
            return None
        return (self.high - self.low) / self.median if self.median else math.inf

    @property
    def wide(self):
        return self.relative_spread is not None and self.relative_spread > WIDE

    def overlaps(self, other):
        return self.low <= other.high and other.low <= self.high


def percentile(samples, share):
    """The value below which `share` (0 to 1) of the samples lie, interpolated between two of them."""
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(samples):
    return percentile(samples, 0.5)


def summarize(samples):
    """ValueError without samples."""
    if not samples:
        raise ValueError("no samples")
    if len(samples) < FEW:
        return Summary(len(samples), median(samples), min(samples), max(samples))
    return Summary(len(samples), median(samples), percentile(samples, 0.25), percentile(samples, 0.75))


@dataclasses.dataclass(frozen=True)
class Change:
    """From one run to another. `share` is what the median gained: 0.1 is 10 % more."""
    share: float
    verdict: str  # "better", "worse", "same", "unclear"
    reason: str


def change(old, new, threshold, more_is_better=True):
    """Compares two summaries of the same thing.

    A change counts when the medians differ by more than `threshold` (a share) and the spreads don't overlap. Medians that
    differ by more while the spreads overlap, or with one sample on a side, are "unclear": neither a change nor its absence has
    been shown.
    """
    share = new.median / old.median - 1 if old.median else math.inf
    if abs(share) <= threshold:
        return Change(share, "same", "below the threshold")
    if old.count < 2 or new.count < 2:
        return Change(share, "unclear", "measured once: nothing is known of the spread")
    if old.overlaps(new):
        return Change(share, "unclear", "within the spread")
    return Change(share, "better" if (share > 0) == more_is_better else "worse", "beyond the spread")
