# SPDX-License-Identifier: MIT
"""orfa-bench compare: what became faster and slower from one run to another."""
import argparse
import dataclasses
import json
import sys

from . import limits, measured, sorting, statistics, words

DESCRIPTION = """Compares two runs of the suite, case by case and system by system, and names what became slower or faster."""

EPILOG = """A change counts when the medians differ by more than --threshold and the spreads of the two runs
don't overlap (the lowest to the highest round; the quartiles with 8 rounds and more). Where medians
differ but spreads overlap, or something was measured once only, nothing has been shown: such figures
are listed as unclear. What failed before and works now is an improvement; the other way round, a
regression.

Two runs differ by more than the spread within one of them when the machine was in another mood.
--relative compares each figure's ratio to its limit of the same run instead of the figure, which takes
out what became slower of the machine as a whole.

examples:
  orfa-bench compare before after
  orfa-bench compare before after --system orfa --threshold 10
  orfa-bench compare before after --json | jq '.worse[]'

exit code: 0 no regression, 1 a regression, 2 wrong use or no run in a folder"""

KINDS = ("broken", "worse", "better", "mended", "unclear", "same", "gone", "new")
TITLES = {"broken": "Broken: worked before, fails now", "worse": "Slower", "better": "Faster",
          "mended": "Mended: failed before, works now", "unclear": "Unclear: neither a change nor its absence is shown",
          "gone": "Measured before, not now", "new": "Measured now, not before"}
REGRESSIONS = ("broken", "worse")


@dataclasses.dataclass(frozen=True)
class Finding:
    """`metric`: "bandwidth", "rate", "p50", or "ratio" of a bandwidth to its limit. Summaries are None where there are none."""
    kind: str
    system: str
    case: measured.Case
    metric: str
    unit: str
    old: statistics.Summary = None
    new: statistics.Summary = None
    share: float = None
    reason: str = ""

    def sentence(self, name):
        """`name`: the case's words."""
        name = f"{self.system}: {name}" + (", median latency" if self.metric == "p50" else "")
        if self.share is None:
            return f"{name}: {self.reason}" if self.reason else name
        return f"{name}: {self.text(self.old)} -> {self.text(self.new)} ({words.percent(self.share)}; {self.reason})"

    def text(self, one):
        def value(number):
            return words.digits(number) if self.unit == "ratio" else words.quantity(number, self.unit)
        return value(one.median) + (f" [{value(one.low)} to {value(one.high)}]" if one.count > 1 else "")

    def to_json(self):
        def summary(one):
            return {**dataclasses.asdict(one), "relative_spread": one.relative_spread} if one else None
        return {"system": self.system, **dataclasses.asdict(self.case), "parameters": dict(self.case.parameters),
                "metric": self.metric, "unit": self.unit, "old": summary(self.old), "new": summary(self.new), "change": self.share,
                "reason": self.reason}


def works(figure):
    return bool(figure.samples) and not figure.failures


def scaled(figure, relative):
    """(metric, unit, summary) of a figure that works."""
    if relative and figure.limit:
        return "ratio", "ratio", statistics.summarize([sample / figure.limit[1] for sample in figure.samples])
    return ("bandwidth" if figure.unit == "B/s" else "rate"), figure.unit, figure.summary


def compare_figures(old, new, threshold, relative):
    """The findings of one case on one system in both runs."""
    if not works(new):
        text = new.failures[0].text if new.failures else "no figure"
        kind = "broken" if works(old) else "same"
        return [Finding(kind, new.system, new.case, "", "", reason=text)]
    if not works(old):
        return [Finding("mended", new.system, new.case, "", "", reason="works now; before: " + (
            old.failures[0].text if old.failures else "no figure"))]
    both_relative = relative and bool(old.limit) and bool(new.limit)
    metric, unit, before = scaled(old, both_relative)
    after = scaled(new, both_relative)[2]
    change = statistics.change(before, after, threshold)
    found = [Finding(change.verdict, new.system, new.case, metric, unit, before, after, change.share, change.reason)]
    before, after = old.latency("p50"), new.latency("p50")
    if before and after:
        change = statistics.change(before, after, threshold, more_is_better=False)
        found.append(Finding(change.verdict, new.system, new.case, "p50", "us", before, after, change.share, change.reason))
    return found


def compare(old_run, new_run, threshold, relative=False, systems=None):
    """All findings, in the order of the new run; what is gone comes last."""
    before = {(figure.case, figure.system): figure for figure in old_run.figures}
    after = {(figure.case, figure.system): figure for figure in new_run.figures}
    findings = []
    for key, figure in after.items():
        if key in before:
            findings += compare_figures(before[key], figure, threshold, relative)
        else:
            findings.append(Finding("new", figure.system, figure.case, "", ""))
    findings += [Finding("gone", figure.system, figure.case, "", "") for key, figure in before.items() if key not in after]
    return [finding for finding in findings if not systems or finding.system in systems]


def machine_changes(old_run, new_run, threshold):
    """Sentences on what the machine itself can do now and could before."""
    result = []
    for name, new in new_run.limits.items():
        old = old_run.limits.get(name)
        change = statistics.change(old, new, threshold) if old else None
        if change and change.verdict != "same":
            figures = " -> ".join(words.quantity(one.median, "B/s") for one in (old, new))
            result.append(f"{measured.limit_title(name)}: {figures} ({words.percent(change.share)})")
    return result


def print_text(findings, machine, relative, names):
    """`names`: case -> its words."""
    if machine:
        print("The machine's own limits are not what they were" + ("" if relative else " (--relative takes that out)") + ":")
        print("".join(f"  {sentence}\n" for sentence in machine))
    for kind in KINDS:
        chosen = [finding for finding in findings if finding.kind == kind]
        if chosen and kind != "same":
            # The largest changes first.
            chosen.sort(key=lambda finding: -abs(finding.share or 0))
            print(TITLES[kind] + ":")
            print("".join(f"  {finding.sentence(names[finding.case])}\n" for finding in chosen))
    counts = {kind: sum(finding.kind == kind for finding in findings) for kind in KINDS}
    print(f"{words.count(len(findings), 'comparison')}: {counts['broken'] + counts['worse']} regressions, "
          f"{counts['better'] + counts['mended']} improvements, {counts['same']} the same, {counts['unclear']} unclear")


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="orfa-bench compare", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="DIR1", help="the run before")
    parser.add_argument("new", metavar="DIR2", help="the run after")
    parser.add_argument("--threshold", type=float, default=15, metavar="PERCENT",
                        help="a smaller change of the median is none (%(default)s: nine in ten of two runs' on a quiet machine stay within that)")
    parser.add_argument("--system", action="append", metavar="NAME", help="only this system (may be repeated)")
    parser.add_argument("--relative", action="store_true", help="compare ratios to the same run's limits where there are limits")
    parser.add_argument("--json", action="store_true", help="all findings as one JSON object, by kind")
    options = parser.parse_args(argv)
    if not options.threshold >= 0:
        parser.error("--threshold must not be negative")
    return options


def main(argv):
    options = parse_arguments(argv)
    threshold = options.threshold / 100
    try:
        old, new = (measured.load(folder, limits.limit_of) for folder in (options.old, options.new))
    except measured.Unreadable as error:
        print(f"orfa-bench compare: error: {error}", file=sys.stderr)
        return 2
    findings = compare(old, new, threshold, options.relative, options.system)
    if not findings:
        print("orfa-bench compare: error: nothing was measured" + (" on these systems" if options.system else ""), file=sys.stderr)
        return 2
    machine = machine_changes(old, new, threshold)
    if options.json:
        by_kind = {kind: [finding.to_json() for finding in findings if finding.kind == kind] for kind in KINDS}
        print(json.dumps({"threshold": threshold, "relative": options.relative, "machine": machine, **by_kind}, indent=1))
    else:
        print_text(findings, machine, options.relative, {**sorting.full_names(old), **sorting.full_names(new)})
    return int(any(finding.kind in REGRESSIONS for finding in findings))
