# SPDX-License-Identifier: MIT
"""What a run measured, read back from its folder and put together by case and system."""
import dataclasses
import json
import os

from . import statistics

WARMUP_NOTE = " (in a pass that warms up)"


class Unreadable(Exception):
    """The folder holds no run, or one that isn't understood."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What was done, whoever did it: the figures of two systems, or of two runs, for one case can be compared."""
    workload: str
    form: str
    phase: str
    transfer_bytes: int
    ranks: int
    servers: int
    parameters: tuple  # sorted (name, value as text)

    def parameter(self, name):
        return dict(self.parameters).get(name)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A round that brought no figure. `wrong_data`: the bytes read were not those written."""
    case: Case
    system: str
    round: int
    wrong_data: bool
    text: str


class Figure:
    """All rounds of one case on one system. `samples` are in `unit`: "B/s", or "op/s" where no bytes are moved."""

    def __init__(self, case, system):
        self.case, self.system = case, system
        self.unit = "op/s"
        self.samples = []
        self.latencies = {}  # "p50", "p90", "p99", "max" -> microseconds, one a round
        self.failures = []
        self.limit = None  # (name, B/s)

    @property
    def summary(self):
        return statistics.summarize(self.samples) if self.samples else None

    @property
    def wrong_data(self):
        return any(failure.wrong_data for failure in self.failures)

    @property
    def ratio(self):
        """Median to limit; None without one of them."""
        return self.summary.median / self.limit[1] if self.samples and self.limit else None

    def latency(self, name):
        return statistics.summarize(self.latencies[name]) if self.latencies.get(name) else None

    def add(self, line):
        """One measurement that brought a figure."""
        if line.get("bytes"):
            self.unit = "B/s"
            self.samples.append(line["bytes"] / line["seconds"])
        elif line.get("operations"):
            self.samples.append(line["operations"] / line["seconds"])
        for name, value in (line.get("latency_us") or {}).items():
            if value is not None:
                self.latencies.setdefault(name, []).append(value)


class Run:
    """`figures` in the order in which they were measured first; `limits`: (name, direction) -> summary in B/s."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.figures = []
        self.limits = {}
        self.limit_errors = {}  # the same key -> why it wasn't measured
        self.skipped = {}  # (system, workload, form) -> why it has no meaning there

    @property
    def systems(self):
        """Names, as the environment lists them; those that only the results know come last."""
        names = [system["name"] for system in self.environment.get("systems", [])]
        return list(dict.fromkeys(names + [figure.system for figure in self.figures]))

    @property
    def failures(self):
        """Wrong bytes first."""
        return sorted((failure for figure in self.figures for failure in figure.failures),
                      key=lambda failure: not failure.wrong_data)

    def by_case(self):
        """case -> {system: figure}, in the order measured."""
        cases = {}
        for figure in self.figures:
            cases.setdefault(figure.case, {})[figure.system] = figure
        return cases


def case_of(line, environment):
    transfer = int(line.get("transfer_bytes") or 0)
    # A parameter that is the size of a call under the workload's own name for it says nothing more, and would keep sizes
    # apart that belong on one curve.
    parameters = tuple(sorted((name, value if isinstance(value, str) else json.dumps(value, sort_keys=True))
                              for name, value in (line.get("parameters") or {}).items() if value != transfer or not transfer))
    return Case(line["workload"], line.get("form") or "none", line.get("phase") or "", transfer,
                int(line.get("ranks") or environment.get("ranks") or 0),
                int(line.get("servers") or environment.get("servers") or 0), parameters)


def failure_of(line, case):
    """None when the measurement is good."""
    wrong = line.get("verified") is False
    if not wrong and not line.get("error") and line.get("seconds"):
        return None
    text = line.get("error") or ("read other bytes than were written" if wrong else "no time was taken")
    return Failure(case, line["system"], int(line.get("round") or 0), wrong,
                   text + (WARMUP_NOTE if line.get("warmup") else ""))


def read_lines(path):
    """The objects of a JSON lines file. A last line that was cut short (the run was killed) is left out."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            if number < len(lines):
                raise Unreadable(f"{path}:{number}: not JSON: {error}") from None


def limit_title(key):
    """A key of Run.limits in words."""
    name, direction = key
    return name if direction == "both" else f"{name} ({direction})"


def load(folder, limit_of=None):
    """The run in `folder`. `limit_of(line, limits)` names the limit of a measurement, as limits.limit_of does: (name, B/s) or
    None, where `limits` has a median in B/s for each (name, direction)."""
    try:
        with open(os.path.join(folder, "environment.json"), encoding="utf-8") as file:
            run = Run(folder, json.load(file))
        lines = list(read_lines(os.path.join(folder, "results.jsonl")))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{folder} is not the folder of a run: {error}") from None

    limits = {}
    figures = {}
    firsts = {}
    for line in lines:
        if line.get("kind") == "limit":
            key = (line["name"], line.get("direction") or "both")
            if line.get("bytes_per_second"):
                limits.setdefault(key, []).append(line["bytes_per_second"])
            else:
                run.limit_errors[key] = line.get("error") or "not measured"
        elif line.get("kind") == "skipped":
            key = (line.get("system") or "", line.get("workload") or "", line.get("form") or "")
            run.skipped[key] = line.get("reason") or "no reason given"
        elif line.get("kind") == "measurement":
            try:
                case = case_of(line, run.environment)
                figure = figures.setdefault((case, line["system"]), Figure(case, line["system"]))
            except KeyError as error:
                raise Unreadable(f"{folder}: a measurement without {error}") from None
            firsts.setdefault((case, line["system"]), line)
            failure = failure_of(line, case)
            if failure:
                figure.failures.append(failure)
            elif not line.get("warmup"):
                figure.add(line)
    run.figures = list(figures.values())
    run.limits = {key: statistics.summarize(samples) for key, samples in limits.items()}
    medians = {key: summary.median for key, summary in run.limits.items()}
    if limit_of:
        for key, figure in figures.items():
            if figure.unit == "B/s":
                figure.limit = limit_of(firsts[key], medians)
    return run
