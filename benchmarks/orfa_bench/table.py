# SPDX-License-Identifier: MIT
"""A run's figures as a table for people."""
from . import limits, statistics

MIB = 1 << 20


def size(number):
    for unit, word in ((1 << 30, "G"), (MIB, "M"), (1 << 10, "K")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{word}"
    return str(number)


def parameter(name, value):
    return f"{name} {size(value) if isinstance(value, int) else value}"


def medians_of_limits(records):
    """(name, direction) -> bytes per second."""
    samples = {}
    for record in records:
        if record["kind"] == "limit" and record["bytes_per_second"]:
            samples.setdefault((record["name"], record["direction"]), []).append(record["bytes_per_second"])
    return {key: statistics.median(values) for key, values in samples.items()}


def key_of(record):
    shown = [parameter(name, value) for name, value in record["parameters"].items() if name not in ("bytes", "rewrite")]
    return (record["workload"], ", ".join(shown), record["form"], record["phase"])


def cell(records, machine):
    """One case on one system: median, half the range of the rounds, ratio to the limit; a failure is told instead of any figure."""
    if not records:
        return "-"
    if any(record["error"] for record in records):
        return "FAILED"
    per_second = [(record["bytes"] / MIB if record["bytes"] else record["operations"]) / record["seconds"] for record in records]
    middle = statistics.median(per_second)
    spread = f"±{(max(per_second) - min(per_second)) / 2 / middle:3.0%}" if len(per_second) > 1 else ""
    words = f"{middle:,.0f} {'MiB/s' if records[0]['bytes'] else 'op/s'} {spread}"
    held_against = limits.limit_of(records[0], machine)
    return words + (f" {middle * MIB / held_against[1]:5.2f}x" if held_against else " " * 7)


def aligned(rows, left):
    """Lines of columns; the first `left` ones are aligned to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(text.ljust(width) if column < left else text.rjust(width)
                             for column, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def figures(records, systems):
    machine = medians_of_limits(records)
    cases = {}
    for record in records:
        if record["kind"] == "measurement" and (record["error"] or not record["warmup"]):
            cases.setdefault(key_of(record), {}).setdefault(record["system"], []).append(record)
    rows = [["workload", "variant", "form", "phase", *systems]]
    before = None
    for key, of_system in cases.items():
        name = key[0] if key[0] != before else ""
        before = key[0]
        rows.append([name, *key[1:], *(cell(of_system.get(system), machine) for system in systems)])
    return aligned(rows, 4)


def machine_limits(records):
    rows = [[f"{name} ({direction})" if direction != "both" else name, f"{rate / MIB:,.0f} MiB/s"]
            for (name, direction), rate in medians_of_limits(records).items()]
    reasons = {(record["name"], record["direction"]): record["error"] for record in records
               if record["kind"] == "limit" and record["error"]}
    rows += [[f"{name} ({direction})", f"not measured: {why}"] for (name, direction), why in reasons.items()]
    return aligned(rows, 1) if rows else []


def of_run(records, systems):
    """The whole text."""
    lines = figures(records, systems)
    skipped = {(record["workload"], record["reason"]) for record in records if record["kind"] == "skipped"}
    lines += [f"  {workload}: skipped: {reason}" for workload, reason in sorted(skipped)]
    known = machine_limits(records)
    if known:
        lines += ["", "  What this machine can do:", *known]
    return "\n".join(lines)
