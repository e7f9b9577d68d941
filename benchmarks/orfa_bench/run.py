# SPDX-License-Identifier: MIT
"""Measures systems side by side: each workload runs on one system after the other, round after round, so that a slow minute of
the machine meets all of them. The first round warms up: it is recorded, and does not count."""
import json
import os
import sys
import time

from . import environment, launch, limits, systems, table

DEFAULT_BYTES = {"quick": "32M", "full": "64M", "io500": "128M"}
DEFAULT_REPEATS = {"quick": 3, "full": 5, "io500": 5}
DEFAULT_TIMES = {"quick": 3, "full": 1, "io500": 1}  # in each launch: quick cases take some 20 ms, less than a launch


class Progress:
    """Says on a terminal what runs, and how long the rest takes if the other steps are like those of the last round."""

    def __init__(self, repeats, steps):
        self.repeats, self.steps = repeats, steps
        self.seconds = {}  # step -> of its last time
        self.done = 0

    def step(self, turn, name):
        if sys.stderr.isatty():
            self.say(f"round {turn} of {self.repeats}: {name}{self.left()}")

    def left(self):
        if not self.seconds:
            return ""
        known = self.seconds.values()
        rest = sum(known) / len(known) * (self.steps - self.done)
        return f" ({rest / 60:.0f} min left)" if rest >= 90 else f" ({rest:.0f} s left)"

    def finished(self, key, seconds):
        self.seconds[key] = seconds
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


class Bench:
    def __init__(self, options, under_test, cluster, results):
        self.options, self.systems, self.cluster, self.results = options, under_test, cluster, results
        self.dropped = set()  # (system, workload, case) that crashed or hung: not tried again

    def command(self, system, workload, cases, turn):
        options = self.options
        words = ["mpirun", "-np", str(options.ranks), os.path.join(options.bin, "orfa-bench-mpi"),
                 f"{system.path}-{os.getpid()}", workload["workload"], "--json", "--suite", options.suite, "--bytes", options.bytes,
                 "--seed", str(turn + 1), "--repeat", str(options.times), "--case", ",".join(str(case) for case in cases), *selection(options)]
        words += [word for hint in options.hint for word in ("--hint", hint)]
        return words + (["--sync"] if options.sync else [])

    def measure(self, system, workload, turn):
        """All cases of a workload on a system, once. A case that crashes or hangs costs itself; the next ones get a new launch."""
        name = workload["workload"]
        cases = [case for case in range(len(workload["cases"])) if (system.name, name, case) not in self.dropped]
        while cases:
            begun, found = [], {}

            def take(line):
                if not line.startswith("{"):
                    return
                record = json.loads(line)
                if record["kind"] == "begin":
                    begun.append(record["case"])
                else:
                    same = (record["kind"], record["form"], json.dumps(record["parameters"]), record.get("phase"))
                    found.setdefault(same, []).append(record)

            ended = launch.run(self.command(system, workload, cases, turn), system.variables(self.cluster), self.options.timeout, take)
            for records in found.values():
                self.results.add(self.placed(one_of(records), system, turn))
            if ended.reason is None:
                return
            failed = begun[-1] if begun else cases[0]
            self.dropped.add((system.name, name, failed))
            self.results.add_failure(self.placed(self.error_record(workload, failed, ended.reason), system, turn), ended.errors)
            system.remove_files()
            cases = [case for case in cases if case > failed]

    def placed(self, record, system, turn):
        return {**record, "system": system.name, "reach": system.reach, "round": turn, "warmup": turn == 0,
                "servers": self.options.servers if system.is_orfa else 0}

    def error_record(self, workload, case, reason):
        return {"kind": "measurement", "workload": workload["workload"], **workload["cases"][case], "phase": "",
                "ranks": self.options.ranks, "transfer_bytes": 0, "bytes": 0, "seconds": None, "operations": 0,
                "latency_us": None, "verified": None, "error": reason}

    def whole(self, workloads):
        options = self.options
        rounds = range(1 if options.no_warm_up else 0, options.repeats + 1)  # 0 warms up
        progress = Progress(options.repeats, len(rounds) * (len(workloads) * len(self.systems) + 1))
        for turn in rounds:
            begin = time.monotonic()
            if not options.no_limits:
                progress.step(turn, "limits of this machine")
                for record in limits.measure(options, turn):
                    self.results.add(record)
            progress.finished("limits", time.monotonic() - begin)
            for workload in workloads:
                for system in self.systems:
                    begin = time.monotonic()
                    progress.step(turn, f"{workload['workload']} on {system.name}")
                    self.measure(system, workload, turn)
                    progress.finished((workload["workload"], system.name), time.monotonic() - begin)
        if sys.stderr.isatty():
            Progress.say("")


def one_of(records):
    """Of what a launch did several times: what failed, or else the one with the median time."""
    failed = [record for record in records if record.get("error")]
    return failed[0] if failed else sorted(records, key=lambda record: record.get("seconds") or 0)[(len(records) - 1) // 2]


def selection(options):
    """What chooses and changes cases, for the MPI program."""
    words = [word for text in options.set for word in ("--set", text)]
    return words + (["--form", options.form] if options.form else [])


def choose(options):
    """The workloads that have a case in this run."""
    known = launch.list_workloads(options.bin, options.suite, selection(options))
    wanted = options.workloads.split(",") if options.workloads else [workload["workload"] for workload in known]
    unknown = set(wanted) - {workload["workload"] for workload in known}
    if unknown:
        raise ValueError(f"no such workload: {', '.join(sorted(unknown))} (orfa-bench list shows them)")
    chosen = [workload for workload in known if workload["workload"] in wanted and workload["cases"]]
    if not chosen:
        raise ValueError("nothing to run: no workload has such a case in this suite")
    return chosen


def prepare(options):
    options.repeats = options.repeats or DEFAULT_REPEATS[options.suite]
    options.times = options.times or DEFAULT_TIMES[options.suite]
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
    workloads = choose(options)
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
