# SPDX-License-Identifier: MIT
"""Figures as people read them: bytes, bandwidths, rates, times. Units are binary (1 MiB = 1048576 bytes)."""

SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def digits(value):
    """Three significant digits, never in powers of ten: 0.123, 4.56, 78.9, 1,234."""
    if value == 0:
        return "0"
    for limit, decimals in ((0.0995, 3), (0.995, 2), (9.995, 2), (99.95, 1)):
        if abs(value) < limit:
            return f"{value:.{decimals}f}"
    return f"{value:,.0f}"


def size(number):
    """A size in the largest unit that leaves it whole: 4 KiB, 1.5 MiB, 47,008 B."""
    for unit, name in SIZES:
        if number >= unit and number % (unit // 2) == 0:
            return f"{number / unit:g} {name}"
    return f"{number:,} B"


# unit of a figure -> (size, name) of what it is written in, largest first
SCALES = {
    "B/s": ((1 << 30, "GiB/s"), (1 << 20, "MiB/s"), (1 << 10, "KiB/s"), (1, "B/s")),
    "op/s": ((1e6, "M/s"), (1e3, "k/s"), (1, "/s")),
    "us": ((1e6, "s"), (1e3, "ms"), (1, "us")),
}


def scale(value, unit):
    """(divisor, name) of the unit in which a figure of this size is written: 2e9 B/s is some GiB/s."""
    for divisor, name in SCALES[unit]:
        if value >= 0.976 * divisor:  # 1000 MiB/s is 0.98 GiB/s
            break
    return divisor, name


def quantity(value, unit):
    """A figure with its unit, which is "B/s", "op/s" or "us": 5.43 GiB/s, 253 k/s."""
    divisor, name = scale(value, unit)
    return f"{digits(value / divisor)} {name}"


def share(ratio):
    """A part of a limit: 0.57, <.01."""
    return f"{ratio:.2f}" if ratio >= 0.005 else "<.01"


def percent(share):
    """A signed change: 0.123 is +12 %."""
    return f"{share * 100:+.0f} %"


def tick(value, unit):
    """A round figure on an axis: 10 us, 0."""
    divisor, name = scale(value, unit)
    return f"{value / divisor:g} {name}" if value else "0"


def count(number, thing, things=None):
    """1 file, 2 files."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
