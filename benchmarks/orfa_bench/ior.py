# SPDX-License-Identifier: MIT
"""Runs IOR's configurations on systems side by side, and writes what IOR says as `orfa-bench run` writes its own figures.

IOR repeats a run before it goes on to the next; that would show one system a quiet minute and the other a busy one. Each run of
a configuration is therefore a launch of its own, and the systems take turns, as in `orfa-bench run`. A launch does it twice and
the second time counts: IOR's times include the open, and the first one of a process connects to servers and loads libraries.
"""
import argparse
import json
import os
import re
import sys
import tempfile

from . import environment, launch, limits, run, systems

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20

EPILOG = """SYSTEMS is NAME=PATH[+VARIABLE=VALUE...],... as for `orfa-bench run`:
  scripts/run-ior.sh --systems orfa=orfa:/b,ufs=ufs:/dev/shm/b --out ior-today
  orfa-bench report ior-today

Figures are IOR's own: its bytes by its time, which has open and close in it, of the second repetition of a launch. Records without a check have "verified": null.

exit code: 0 measured, 1 a run failed or read wrong data, 2 wrong use, 77 there is no IOR"""


class Configuration:
    """A file of ior-configs/. `runs`: the directives in force at each RUN, name -> value, in the file's order; `measures`: the
    comment that says what it measures."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.workload = f"ior-{self.name}"
        self.runs = []
        directives = {}
        with open(path, encoding="utf-8") as file:
            text = file.read()
            found = re.search(r"^# Measures: (.*(?:\n# (?!Look at:).*)*)", text, re.MULTILINE)
            self.measures = found[1].replace("\n# ", " ") if found else ""
            for line in text.splitlines():
                line = line.split("#", 1)[0].strip()
                if line.lower() == "run":
                    self.runs.append(dict(directives))
                elif "=" in line:
                    name, value = line.split("=", 1)
                    directives[name.strip()] = value.strip()


def size_of(text):
    """IOR's sizes: 47008, 4k, 1m, 2g."""
    found = re.fullmatch(r"(\d+)([kmgt]?)", text.lower())
    if not found:
        raise ValueError(f"not a size: {text}")
    return int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[found[2]]


def shrunk(directives, factor):
    """The same run for one launch, with less data: smaller blocks, or fewer where a block is one call."""
    block, transfer = size_of(directives["blockSize"]), size_of(directives["transferSize"])
    result = dict(directives, repetitions="2")
    if block > transfer:
        result["blockSize"] = str(max(block // factor // transfer, 1) * transfer)
    else:
        result["segmentCount"] = str(max(int(directives["segmentCount"]) // factor, 1))
    return result


def text_of(directives):
    return "IOR START\n" + "".join(f"{name}={value}\n" for name, value in directives.items()) + "RUN\nIOR STOP\n"


def described(directives):
    """Directives -> what a measurement says of them: form and parameters."""
    parameters = {"transfer": size_of(directives["transferSize"])}
    if directives["api"] != "MPIIO":
        parameters["api"] = directives["api"]
    if directives.get("randomOffset") == "1":
        parameters["order"] = "random"
    # Options of IOR's back ends: --mpiio.useFileView
    parameters.update({name.split(".", 1)[1]: value for name, value in directives.items() if name.startswith("--")})
    return {"form": "collective" if directives.get("collective") == "1" else "independent", "parameters": parameters}


def checked(directives):
    return "1" in (directives.get("checkWrite"), directives.get("checkRead"))


def wrong_data(log):
    """IOR's own words; None when its checks found nothing wrong. It doesn't tell where: orfa-bench's own workloads do."""
    return "; ".join(re.findall(r"Incorrect data on \w+ \(-?\d+ errors found\)", log)) or None


def complaint(log):
    """What IOR says of why it gave up; None when it didn't."""
    found = re.search(r"^ERROR: (.*?),? *\(.*:\d+\)$", log, re.MULTILINE)
    return found[1] if found else None


def measurements(summary, directives, log):
    """The records of one launch out of IOR's JSON summary, of the last repetition of each access; ValueError where it isn't one."""
    try:
        test = json.loads(summary)["tests"][0]
        parameters = test["Parameters"]
        tasks = test["Options"]["tasks"]
        total = parameters["blockSize"] * parameters["segmentCount"] * tasks
        last = {result["access"]: float(result["bwMiB"]) for result in test["Results"]}
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"IOR's summary is not understood: {type(error).__name__}: {error}") from None
    if not last:
        raise ValueError("IOR measured nothing")
    wrong = wrong_data(log)
    for access, mib_per_second in last.items():
        yield {"phase": access, "ranks": tasks, "transfer_bytes": parameters["transferSize"], "bytes": total,
               "seconds": None if wrong or not mib_per_second else total / MIB / mib_per_second,
               "operations": total // parameters["transferSize"], "latency_us": None,
               "verified": not wrong if checked(directives) else None, "error": wrong, **described(directives)}


class Session:
    """One folder of results."""

    def __init__(self, options, results):
        self.options, self.results = options, results

    def launch_ior(self, system, directives, cluster):
        """(reason or None, IOR's summary, what IOR said)"""
        with tempfile.TemporaryDirectory(prefix="launch-", dir=self.options.out) as scratch:
            script, summary = (os.path.join(scratch, name) for name in ("run.conf", "summary.json"))
            with open(script, "w", encoding="utf-8") as file:
                file.write(text_of(directives))
            said = []
            command = ["mpirun", "-np", str(self.options.ranks), self.options.ior, "-o", f"{system.path}-{os.getpid()}-ior",
                       "-O", "summaryFormat=JSON", "-O", f"summaryFile={summary}", "-f", script]
            ended = launch.run(command, system.variables(cluster), self.options.timeout, said.append)
            text = ""
            if os.path.exists(summary):
                with open(summary, encoding="utf-8") as file:
                    text = file.read()
            return ended.reason, text, "".join(said) + ended.errors

    def measure(self, configuration, directives, system, cluster, turn):
        """The records of one run of a configuration on one system go into the results, good or not."""
        record = {"kind": "measurement", "workload": configuration.workload, "system": system.name, "round": turn,
                  "warmup": turn == 0, "servers": self.options.servers if system.is_orfa else 0}
        if not checked(directives):
            record["reach"] = system.reach  # what it is held against: a run that checks is no bandwidth
        reason, summary, log = self.launch_ior(system, directives, cluster)
        try:
            if reason and not wrong_data(log):
                raise ValueError(complaint(log) or reason)
            for measurement in measurements(summary, directives, log):
                self.results.add({**record, **measurement})
        except ValueError as error:
            system.remove_files()
            self.results.add({**record, **described(directives), "phase": "", "ranks": self.options.ranks, "transfer_bytes": 0,
                              "bytes": 0, "seconds": None, "operations": 0, "latency_us": None, "verified": None,
                              "error": str(error)})

    def whole(self, configurations, under_test, cluster):
        for turn in range(self.options.repeats + 1):
            if not self.options.no_limits:
                for record in limits.measure(self.options, turn):
                    self.results.add(record)
            for configuration in configurations:
                for number, directives in enumerate(configuration.runs, 1):
                    for system in under_test:
                        if sys.stderr.isatty():
                            run.Progress.say(f"round {turn} of {self.options.repeats}: {configuration.name}, run {number}, "
                                             f"on {system.name}")
                        self.measure(configuration, shrunk(directives, self.options.shrink), system, cluster, turn)
        if sys.stderr.isatty():
            run.Progress.say("")


def find_configurations(folder, names):
    known = sorted(name[:-len(".conf")] for name in os.listdir(folder) if name.endswith(".conf"))
    wanted = names.split(",") if names else known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no such configuration: {', '.join(unknown)}; there are {', '.join(known)}")
    return [Configuration(os.path.join(folder, name + ".conf")) for name in wanted]


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="run-ior.sh", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Runs the configurations of ior-configs/ with IOR on systems side by side; the "
                                     "results are those of an orfa-bench run, for orfa-bench report and compare.")
    parser.add_argument("--systems", required=True, help="what to compare, see below")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; must be new or empty")
    parser.add_argument("--configs", metavar="NAMES", help="only these files of ior-configs/, without .conf, with commas (all)")
    parser.add_argument("--ranks", type=int, default=4, help="MPI processes (4)")
    parser.add_argument("--servers", type=int, default=4, help="servers of an own ORFA cluster (4)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count (5); one more warms up")
    parser.add_argument("--shrink", type=int, default=1, metavar="N", help="a part of the data only: 1/N (1)")
    parser.add_argument("--timeout", type=int, default=300, metavar="SECONDS", help="of each mpirun (300)")
    parser.add_argument("--bin", default=os.path.join(HERE, "../../build/bin"), metavar="DIR",
                        help="where orfa and orfa-bench-limits are")
    parser.add_argument("--disk", metavar="DIR", help="folder on the disk whose limit is measured (default: --out)")
    parser.add_argument("--no-limits", action="store_true", help="don't measure what the machine can do")
    options = parser.parse_args(argv)
    for name in ("ranks", "servers", "repeats", "shrink", "timeout"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    options.out = os.path.abspath(options.out)
    options.suite, options.hint, options.bin = "ior", [], os.path.abspath(options.bin)
    options.ior = os.environ.get("IOR", "ior")
    return options


def main(argv):
    options = parse_arguments(argv)
    try:
        configurations = find_configurations(os.path.join(HERE, "../../ior-configs"), options.configs)
        under_test = systems.parse(options.systems)
        os.makedirs(options.out, exist_ok=True)
        if os.listdir(options.out):
            raise ValueError(f"{options.out} is not empty")
    except (ValueError, OSError) as error:
        print(f"run-ior.sh: error: {error}", file=sys.stderr)
        return 2
    results = run.Results(options.out)
    try:
        with systems.cluster(options.bin, options.servers, any(system.is_orfa for system in under_test)) as cluster:
            with open(os.path.join(options.out, "environment.json"), "w", encoding="utf-8") as file:
                questions = {configuration.workload: f"Measures {configuration.measures}" for configuration in configurations}
                json.dump({**environment.describe(options, under_test, cluster), "questions": questions}, file, indent=1)
            Session(options, results).whole(configurations, under_test, cluster)
    except (RuntimeError, OSError) as error:
        print(f"run-ior.sh: error: {error}", file=sys.stderr)
        return 1
    print(run.table.of_run(results.records, [system.name for system in under_test]))
    return run.tell_failures(results.failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
