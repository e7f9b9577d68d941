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


def bandwidth(bytes_per_second):
    for unit, name in SIZES[1:]:
        if bytes_per_second >= 0.995 * unit:
            return f"{digits(bytes_per_second / unit)} {name}/s"
    return f"{digits(bytes_per_second)} B/s"


def rate(per_second):
    """Operations a second: 253 k/s."""
    for unit, name in ((1e6, "M/s"), (1e3, "k/s")):
        if per_second >= 0.9995 * unit:
            return f"{digits(per_second / unit)} {name}"
    return f"{digits(per_second)} /s"


def microseconds(value):
    for unit, name in ((1e6, "s"), (1e3, "ms")):
        if value >= 0.9995 * unit:
            return f"{digits(value / unit)} {name}"
    return f"{digits(value)} us"


def quantity(value, unit):
    """A figure with its unit; `unit` is one of those in measured.py."""
    return {"B/s": bandwidth, "op/s": rate, "us": microseconds}[unit](value)


def percent(share):
    """A signed change: 0.123 is +12 %."""
    return f"{share * 100:+.0f} %"


def times(ratio):
    return f"{digits(ratio)}x"


def count(number, thing, things=None):
    """1 file, 2 files."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
