# SPDX-License-Identifier: MIT
"""Measures systems side by side. In each round every system gets a launch that makes passes over all cases as long as its share of
the time lasts, so that a slow minute of the machine meets all systems, and a slow second one pass. The first pass of a launch warms
up: it is recorded, and does not count."""
import json
import os
import sys
import time

from . import environment, launch, limits, systems, table

DEFAULT_BYTES = {"quick": "32M", "full": "64M", "io500": "128M"}
DEFAULT_ROUNDS = {"quick": 5, "full": 5, "io500": 5}
DEFAULT_SECONDS = {"quick": 110, "full": 1200, "io500": 600}  # of each system, in all rounds together


class Progress:
    """Says on a terminal what runs, and how long the rest takes if the other launches are like those before."""

    def __init__(self, rounds, launches):
        self.rounds, self.launches = rounds, launches
        self.begin = time.monotonic()
        self.done = 0

    def step(self, turn, name):
        if sys.stderr.isatty():
            self.say(f"round {turn} of {self.rounds}: {name}{self.left()}")

    def left(self):
        if not self.done:
            return ""
        spent = time.monotonic() - self.begin
        rest = max(spent / self.done * self.launches - spent, 0)
        return f" ({rest / 60:.0f} min left)" if rest >= 90 else f" ({rest:.0f} s left)"

    def launched(self):
        self.done += 1

    @staticmethod
    def say(text):
        sys.stderr.write("\r\x1b[K" + text)
        sys.stderr.flush()


class Results:
    """results.jsonl, line by line as they come; errors.log, the whole words of what failed."""

    def __init__(self, folder):
        self.folder = folder
        self.file = open(os.path.join(folder, "results.jsonl"), "w", encoding="utf-8")
        self.records = []

    def add(self, record):
        self.records.append(record)
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()

    def add_failure(self, record, words):
        self.add(record)
        with open(os.path.join(self.folder, "errors.log"), "a", encoding="utf-8") as file:
            file.write(f"--- {record['system']}: {record['workload']} {record['form']} {record['parameters']}\n{words}\n")

    @property
    def failures(self):
        return [record for record in self.records if record["kind"] == "measurement" and record["error"]]


class Launch:
    """What one launch on a system has printed so far."""

    def __init__(self, warms_up, on_begin):
        self.warms_up = warms_up  # with its first pass
        self.on_begin = on_begin  # is given the name of each workload that begins
        self.last = None  # (workload, number of the case) that began last
        self.found = {}  # (does not count, what is measured) -> its records, in the order of the passes

    def take(self, line):
        if not line.startswith("{"):
            return
        record = json.loads(line)
        if record["kind"] == "begin":
            self.last = record["workload"], record["case"]
            self.on_begin(record["workload"])
            return
        key = record["kind"], record["workload"], record["form"], json.dumps(record["parameters"]), record.get("phase")
        self.found.setdefault((self.warms_up and record["pass"] == 0, *key), []).append(record)


class Bench:
    def __init__(self, options, under_test, cluster, results):
        self.options, self.systems, self.cluster, self.results = options, under_test, cluster, results
        self.dropped = set()  # (system, workload, case) that crashed or hung: not tried again

    def command(self, system, cases, turn):
        options = self.options
        numbers = {}
        for workload, case in cases:
            numbers.setdefault(workload, []).append(str(case))
        words = ["mpirun", "-np", str(options.ranks), os.path.join(options.bin, "orfa-bench-mpi"), f"{system.path}-{os.getpid()}",
                 *(f"{workload}:{','.join(chosen)}" for workload, chosen in numbers.items()), "--json", "--suite", options.suite,
                 "--bytes", options.bytes, "--seed", str(turn), *passes(options), *selection(options)]
        words += [word for hint in options.hint for word in ("--hint", hint)]
        return words + (["--sync"] if options.sync else [])

    def measure(self, system, workloads, turn, on_begin):
        """One launch. Where a case crashes or hangs there is another one without it, and of the first only what failed is kept."""
        while True:
            cases = [(workload["workload"], case) for workload in workloads for case in range(len(workload["cases"]))
                     if (system.name, workload["workload"], case) not in self.dropped]
            if not cases:
                return
            launched = Launch(not self.options.no_warm_up, on_begin)
            ended = launch.run(self.command(system, cases, turn), system.variables(self.cluster), self.options.timeout, launched.take)
            for key, records in launched.found.items():
                if ended.reason is None or one_of(records).get("error"):
                    self.results.add(self.placed(one_of(records), system, turn, key[0]))
            if ended.reason is None:
                return
            # With a system that can't be used at all no case begins.
            for name, case in [launched.last] if launched.last else cases:
                self.dropped.add((system.name, name, case))
                described = next(workload for workload in workloads if workload["workload"] == name)["cases"][case]
                record = self.error_record(name, described, ended.reason)
                self.results.add_failure(self.placed(record, system, turn, False), ended.errors)
            system.remove_files()

    def placed(self, record, system, turn, warmup):
        return {**record, "system": system.name, "reach": system.reach, "round": turn, "warmup": warmup,
                "servers": self.options.servers if system.is_orfa else 0}

    def error_record(self, workload, case, reason):
        return {"kind": "measurement", "workload": workload, **case, "phase": "",
                "ranks": self.options.ranks, "transfer_bytes": 0, "bytes": 0, "seconds": None, "operations": 0,
                "latency_us": None, "verified": None, "error": reason}

    def whole(self, workloads):
        options = self.options
        progress = Progress(options.repeats, options.repeats * len(self.systems))
        for turn in range(1, options.repeats + 1):
            if not options.no_limits:
                progress.step(turn, "limits of this machine")
                for record in limits.measure(options, turn):
                    self.results.add(record)
            for system in self.systems:
                self.measure(system, workloads, turn,
                             lambda name, turn=turn, system=system: progress.step(turn, f"{name} on {system.name}"))
                progress.launched()
        if sys.stderr.isatty():
            Progress.say("")


def passes(options):
    """How often a launch does its cases, for the MPI program: the first pass, which warms up, and at least one more."""
    first = 0 if options.no_warm_up else 1
    if options.times:
        return ["--repeat", str(options.times + first)]
    return ["--repeat", str(1 + first), "--seconds", f"{options.seconds / options.repeats:.1f}"]


def one_of(records):
    """Of what a launch did several times: what failed, or else the one with the median time."""
    failed = [record for record in records if record.get("error")]
    if failed:
        return failed[0]
    median = sorted(records, key=lambda record: record.get("seconds") or 0)[(len(records) - 1) // 2]
    return {**median, "times": len(records)}


def selection(options):
    """What chooses and changes cases, for the MPI program."""
    words = [word for text in options.set for word in ("--set", text)]
    return words + (["--form", options.form] if options.form else [])


def choose(options):
    """The workloads that have a case in this run, and what share of the suite's cases they are."""
    known = launch.list_workloads(options.bin, options.suite, selection(options))
    wanted = options.workloads.split(",") if options.workloads else [workload["workload"] for workload in known]
    unknown = set(wanted) - {workload["workload"] for workload in known}
    if unknown:
        raise ValueError(f"no such workload: {', '.join(sorted(unknown))} (orfa-bench list shows them)")
    chosen = [workload for workload in known if workload["workload"] in wanted and workload["cases"]]
    if not chosen:
        raise ValueError("nothing to run: no workload has such a case in this suite")
    return chosen, cases_of(chosen) / cases_of(known)


def cases_of(workloads):
    return sum(len(workload["cases"]) for workload in workloads)


def prepare(options):
    options.repeats = options.repeats or DEFAULT_ROUNDS[options.suite]
    options.bytes = options.bytes or DEFAULT_BYTES[options.suite]
    options.bin = os.path.abspath(options.bin)
    if not os.access(os.path.join(options.bin, "orfa-bench-mpi"), os.X_OK):
        raise ValueError(f"there is no orfa-bench-mpi in {options.bin} (--bin says where; without MPI it isn't built)")
    os.makedirs(options.out, exist_ok=True)
    if os.listdir(options.out):
        raise ValueError(f"{options.out} is not empty")


def main(options):
    """Exit code: 0 everything was measured, 1 something failed (the table and the results say what)."""
    under_test = systems.parse(options.systems)
    prepare(options)
    workloads, share = choose(options)
    options.seconds = options.seconds or DEFAULT_SECONDS[options.suite] * share
    results = Results(options.out)
    begin = time.monotonic()
    with systems.cluster(options.bin, options.servers, any(system.is_orfa for system in under_test)) as cluster:
        with open(os.path.join(options.out, "environment.json"), "w", encoding="utf-8") as file:
            questions = {workload["workload"]: workload["question"] for workload in workloads}
            json.dump({**environment.describe(options, under_test, cluster), "questions": questions}, file, indent=1)
            file.write("\n")
        try:
            Bench(options, under_test, cluster, results).whole(workloads)
        finally:
            for system in under_test:
                system.remove_files()
    print(f"{options.ranks} ranks, suite {options.suite}, medians of {options.repeats} rounds with half their range, and the ratio "
          f"to what the machine can do ({time.monotonic() - begin:.0f} s)\n")
    print(table.of_run(results.records, [system.name for system in under_test]))
    return tell_failures(results.failures)


def tell_failures(failures):
    told = dict.fromkeys(f"{record['system']}: {record['workload']} {record['form']} {json.dumps(record['parameters'])}: "
                         f"{record['error']}" for record in failures)
    for text in told:
        print(f"orfa-bench: failed: {text}", file=sys.stderr)
    return int(bool(told))
