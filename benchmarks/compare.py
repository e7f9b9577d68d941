#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares ORFA with ROMIO's ufs: driver on tmpfs and with what the machine can do, all in one run.

    compare.py [--quick] [--bin build/bin] [--json FILE]

Systems take turns (A B C A B C ...), so that a slow minute of the machine meets all of them; figures are medians. Every byte
that is read is checked by the programs; a wrong one ends the run. --quick takes seconds and shows bandwidths only.
Without ORFA_SERVERS in the environment it starts four servers of its own and stops them at the end.

Exit code: 0 measured (also when a ratio falls short: the table says so), 1 a program failed, 2 wrong use.
"""
import argparse
import contextlib
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
RECORD = 47008  # IO500's "hard" record


class Failed(Exception):
    """A program failed, hung or read a wrong byte."""


class System:
    """A file system under test: how its files are named, and the environment that selects it."""

    def __init__(self, key, title, file, environment):
        self.key, self.title, self.file, self.environment = key, title, file, environment


def say(text, end="\n"):
    print(text, file=sys.stderr, end=end, flush=True)


def mpi_environment():
    """More ranks than processors, which wait without keeping the servers from running."""
    environment = dict(os.environ)
    for name in ("OMPI_MCA_io", "ROMIO_FSTYPE_FORCE", "ORFA_TRANSPORT"):
        environment.pop(name, None)
    environment.update(OMPI_MCA_mpi_yield_when_idle="1", OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_btl="self,vader")
    if os.geteuid() == 0:
        environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return environment


def run(command, environment, seconds):
    """Standard output of a command that must succeed in time."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()  # mpirun ends its ranks
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise Failed(f"not done within {seconds} s: {shlex.join(command)}") from None
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        raise Failed(f"exit code {process.returncode}: {shlex.join(command)}\n{errors.strip()}\n{output.strip()}")
    return output


def results(command, environment, seconds):
    return [json.loads(line) for line in run(command, environment, seconds).splitlines() if line.startswith("{")]


class Figures:
    """Samples by name."""

    def __init__(self):
        self.samples = {}

    def add(self, name, values):
        self.samples.setdefault(name, []).extend(values)

    def median(self, name):
        values = self.samples.get(name)
        return statistics.median(values) if values else None

    def to_json(self):
        return {name: {"median": statistics.median(values), "min": min(values), "max": max(values), "all": values}
                for name, values in self.samples.items()}


class Bench:
    def __init__(self, options, systems):
        self.options, self.systems = options, systems
        self.environment = mpi_environment()
        self.load = os.getloadavg()[0]
        self.figures = Figures()

    def program(self, name):
        return os.path.join(self.options.bin, name)

    def mpi(self, system, patterns, transfer="1M", block=None, timeout=180):
        """One launch of the MPI program: a sample for each pattern."""
        options = self.options
        command = ["mpirun", "-np", str(options.ranks), self.program("orfa-bench-mpi"), system.file, "--json", "--repeat", "1",
                   "--pattern", ",".join(patterns), "--transfer", transfer, "--block", str(block or options.block)]
        for result in results(command, {**self.environment, **system.environment}, timeout):
            for way in ("write", "read"):
                self.figures.add(f"{system.key}.{result['pattern']}.{way}", result[f"{way}_mib_s"]["all"])

    def limits(self):
        command = [self.program("orfa-bench-limits"), "--json", "--processes", str(self.options.ranks),
                   "--bytes", str(min(self.options.block * self.options.ranks, 512 * MIB))]
        for result in results(command, self.environment, 60):
            for count in ("one", "several"):
                self.figures.add(f"limit.{result['limit']}.{count}", result[f"{count}_mib_s"]["all"])

    def small(self, system):
        command = [self.program("orfa-bench-small"), "--json"]
        for result in results(command, {**self.environment, **system.environment}, 60):
            for name, value in result["figures"].items():
                self.figures.add(f"{system.key}.small.{name}", [value])

    def metadata(self, system):
        command = [self.program("orfa-bench-metadata"), "--json"]
        for result in results(command, {**self.environment, **system.environment}, 60):
            for name, value in result["figures"].items():
                self.figures.add(f"{system.key}.metadata.{name}", [value])

    def measure(self):
        options = self.options
        patterns = ["contiguous", "vector"] if options.quick else ["contiguous", "records", "records-view", "vector"]
        start = time.monotonic()
        for turn in range(options.repeat):
            if sys.stderr.isatty():
                say(f"\r  round {turn + 1} of {options.repeat} ({time.monotonic() - start:.0f} s) ", end="")
            self.limits()
            for system in self.systems:
                self.mpi(system, patterns)
                if not options.quick and system.key != "ufs":
                    self.small(system)
                    self.metadata(system)
        if sys.stderr.isatty():
            say("\r" + " " * 40 + "\r", end="")
        return time.monotonic() - start


def table(header, rows):
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(str(row[column])) for row in [header] + rows) for column in range(len(header))]
    lines = []
    for row in [header] + rows:
        cells = [str(row[0]).ljust(widths[0])] + [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    lines.insert(1, "  " + "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def number(value):
    return "-" if value is None else f"{value:,.0f}"


def ratio(value, base):
    return "-" if not value or not base else f"{value / base:.2f}x"


TITLES = {"contiguous": "contiguous", "records": "records", "records-view": "records, view", "vector": "strided view"}


def bandwidth_table(bench, patterns):
    header = ["MiB/s (ratio to ufs)"] + [f"{TITLES[pattern]} {way}" for pattern in patterns for way in ("write", "read")]
    rows = []
    for system in bench.systems:
        row = [system.title]
        for pattern in patterns:
            for way in ("write", "read"):
                value = bench.figures.median(f"{system.key}.{pattern}.{way}")
                base = bench.figures.median(f"ufs.{pattern}.{way}")
                row.append(number(value) + (f" ({ratio(value, base)})" if system.key != "ufs" else "        "))
        rows.append(row)
    return table(header, rows)


def limits_table(bench):
    names = [("memory_copy", "copy within a process"), ("process_vm_readv", "copy between processes"),
             ("tcp_stream", "TCP stream over loopback"), ("tcp_stream_reverse", "TCP stream, other way")]
    rows = [[title] + [number(bench.figures.median(f"limit.{name}.{count}")) for count in ("one", "several")]
            for name, title in names]
    return table(["this machine's limits, MiB/s", "one", f"{bench.options.ranks} at once"], rows)


# What is asked for: words, figure, the figure it is compared with (or None: the number itself), the least ratio.
TARGETS = [
    ("same host, contiguous write / ufs", "orfa.contiguous.write", "ufs.contiguous.write", 2.0),
    ("same host, contiguous read / ufs", "orfa.contiguous.read", "ufs.contiguous.read", 0.6),
    ("TCP, contiguous write / TCP stream", "tcp.contiguous.write", "limit.tcp_stream.one", 0.7),
    ("TCP, contiguous read / TCP stream", "tcp.contiguous.read", "limit.tcp_stream_reverse.one", 0.7),
    ("same host, records write / contiguous", "orfa.records.write", "orfa.contiguous.write", 0.6),
    ("same host, records read / contiguous", "orfa.records.read", "orfa.contiguous.read", 0.6),
    ("same host, 4 KiB writes a second", "orfa.small.writes_per_s", None, 120000),
    ("same host, creates a second", "orfa.metadata.creates_per_s", None, 20000),
]


def targets_table(bench):
    rows = []
    for words, name, base, least in TARGETS:
        value = bench.figures.median(name)
        if value is None:
            continue
        reached = value / bench.figures.median(base) if base else value
        wanted = f"{least:.1f}x" if base else number(least)
        rows.append([words, f"{reached:.2f}x" if base else number(reached), wanted, "met" if reached >= least else "SHORT"])
    return table(["target", "measured", "at least", ""], rows)


def small_table(bench):
    rows = []
    for system in bench.systems:
        prefix = f"{system.key}.small."
        for name in sorted(key for key in bench.figures.samples if key.startswith(prefix)):
            rows.append([f"{system.title}: {name[len(prefix):]}", f"{bench.figures.median(name):,.1f}"])
        prefix = f"{system.key}.metadata."
        for name in sorted(key for key in bench.figures.samples if key.startswith(prefix)):
            rows.append([f"{system.title}: {name[len(prefix):]}", f"{bench.figures.median(name):,.0f}"])
    return table(["small requests, names", "median"], rows)


@contextlib.contextmanager
def cluster(options):
    """The variables of the servers under test: the caller's cluster, or one of our own while this lasts."""
    if os.environ.get("ORFA_SERVERS"):
        yield {}
        return
    orfa = os.path.join(options.bin, "orfa")
    name = f"compare-{os.getpid()}"
    try:
        text = run([orfa, "cluster", "start", "--servers", str(options.servers), "--memory", "--name", name],
                   dict(os.environ), 60)
        words = [word for line in text.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
        yield dict(word.split("=", 1) for word in words)
    finally:
        run([orfa, "cluster", "stop", "--name", name], dict(os.environ), 60)


def environment_of_run():
    def first_line(command):
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.split("\n")[0]
        except OSError:
            return ""

    return {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "kernel": platform.release(), "processors": os.cpu_count(),
            "load": os.getloadavg(), "mpi": first_line(["mpirun", "--version"]),
            "revision": first_line(["git", "-C", HERE, "describe", "--always", "--dirty"])}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds: contiguous and strided bandwidth only")
    parser.add_argument("--bin", default=os.path.join(HERE, "..", "build", "bin"), help="folder of the programs")
    parser.add_argument("--json", metavar="FILE", help="write all samples there")
    parser.add_argument("--repeat", type=int, help="rounds (5, quick: 2)")
    parser.add_argument("--block-mib", type=int, help="MiB per rank (256, quick: 32)")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--servers", type=int, default=4, help="servers of an own cluster")
    parser.add_argument("--ufs-dir", default="/dev/shm", help="where the ufs: driver's file goes (tmpfs)")
    options = parser.parse_args()
    options.repeat = options.repeat or (2 if options.quick else 5)
    options.block = (options.block_mib or (32 if options.quick else 256)) * MIB
    options.bin = os.path.abspath(options.bin)
    return options


def fit(options):
    """A container's /dev/shm may be small: all systems get what fits."""
    room = shutil.disk_usage(options.ufs_dir).free * 3 // 4 // options.ranks // MIB * MIB
    if room < MIB:
        raise Failed(f"{options.ufs_dir} has no room for {options.ranks} MiB")
    if room < options.block:
        say(f"  {options.ufs_dir} has room for {room // MIB} MiB per rank only: all systems get that")
        options.block = room


def report(bench, seconds):
    options = bench.options
    print(f"  {options.ranks} ranks, {options.block * options.ranks // MIB} MiB in all, 1 MiB a call, one shared file; "
          f"medians of {options.repeat}; every byte checked "
          f"({seconds:.0f} s)\n")
    if bench.load > os.cpu_count() / 2:
        print(f"  note: other programs kept this machine busy (load {bench.load:.1f} at the start): trust ratios little\n")
    if options.quick:
        print(bandwidth_table(bench, ["contiguous", "vector"]))
    else:
        print(bandwidth_table(bench, ["contiguous", "vector"]) + "\n")
        print(bandwidth_table(bench, ["records", "records-view"]) + f"\n  (records of {RECORD:,} bytes in turn)\n")
        print(small_table(bench))
    print("\n" + limits_table(bench))
    if not options.quick:
        print("\n" + targets_table(bench))
    if options.json:
        record = {"environment": environment_of_run(), "ranks": options.ranks, "block": options.block,
                  "repeat": options.repeat, "figures": bench.figures.to_json()}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")


def main():
    options = parse_arguments()
    local_file = os.path.join(options.ufs_dir, f"orfa-compare-{os.getpid()}")
    try:
        fit(options)
        with cluster(options) as variables:
            remote_file = f"orfa:/compare-{os.getpid()}"
            bench = Bench(options, [
                System("orfa", "orfa, same host", remote_file, {**variables, "ORFA_TRANSPORT": "local"}),
                System("tcp", "orfa, TCP forced", remote_file, {**variables, "ORFA_TRANSPORT": "ofi"}),
                System("ufs", "ufs on tmpfs", f"ufs:{local_file}", {"OMPI_MCA_io": "romio321"}),
            ])
            report(bench, bench.measure())
    except Failed as failure:
        say(f"\ncompare.py: error: {failure}")
        return 1
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(local_file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
