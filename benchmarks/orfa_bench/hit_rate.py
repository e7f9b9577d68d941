# SPDX-License-Identifier: MIT
"""orfa-bench hit-rate: how often the suite's workloads find their memory registered already, on a network where registering costs
something."""
import argparse
import json
import os
import re
import sys

from . import launch, systems
from .main import default_programs

DESCRIPTION = """Runs workloads over libfabric at a pretended price of registering memory, with servers that pay it, too, and counts
what the ranks' registration caches did. A line for each case: what had to be registered the first time, and the hit rate of the
times after that, which is that of a program that goes on."""

EPILOG = """examples:
  orfa-bench hit-rate                                       contiguous and HDF5 workloads of the quick suite
  orfa-bench hit-rate --workloads records --price verbs --copy auto

Each case runs once in one launch, and once and --repeat times in another, as a program's checkpoints do, out of memory that stays with the program
(--fresh-memory: is given back to the system and taken anew each time). By default nothing is copied instead of being registered
(--copy 0), so that each transfer which needs registered memory counts. Small transfers travel in messages and need none.

exit code: 0 every case reached --at-least, 1 one did not, or failed, 2 wrong use"""

COUNTERS = re.compile(r"registration cache: (\d+) hits, (\d+) misses, (\d+) invalidated; (\d+) bytes copied")


def counted(text):
    """The sums of what the ranks said at their end, or None when none said anything."""
    lines = [tuple(map(int, found)) for found in COUNTERS.findall(text)]
    return dict(zip(("hits", "misses", "invalidated", "bytes_copied"), map(sum, zip(*lines)))) if lines else None


def counters_of(options, environment, workload, index, repeat):
    """Of a launch that does a case `repeat` times; RuntimeError when it fails."""
    command = ["mpirun", "-np", str(options.ranks), os.path.join(options.bin, "orfa-bench-mpi"), f"orfa:/hit-rate-{os.getpid()}",
               f"{workload['workload']}:{index}", "--suite", options.suite, "--repeat", str(repeat),
               *(("--fresh-memory",) if options.fresh_memory else ()), *selection(options)]
    ended = launch.run(command, environment, 300, lambda line: None)
    found = counted(ended.errors)
    if ended.reason or found is None:
        raise RuntimeError(ended.reason or "no rank told its counters")
    return found


def rate(counters):
    """None when nothing was looked up."""
    looked_up = counters["hits"] + counters["misses"]
    return counters["hits"] / looked_up if looked_up else None


def measure(options, environment, workload, index):
    """One case: the counters of its first time, of the later ones, and their hit rates."""
    first = counters_of(options, environment, workload, index, 1)
    both = counters_of(options, environment, workload, index, options.repeat + 1)
    later = {name: both[name] - first[name] for name in both}
    return {"workload": workload["workload"], **workload["cases"][index], "first": first, "later": later,
            "hit_rate": rate(later), "hit_rate_with_first": rate(both)}


def percent(share):
    return "none needed" if share is None else f"{100 * share:.2f} %"


def described(case):
    parameters = " ".join(f"{name}={value}" for name, value in case["parameters"].items())
    return (f"{case['workload']:<15} {case['form']:<12} {parameters:<42} first {case['first']['misses']:>5} misses; later "
            f"{case['later']['hits']:>7} hits {case['later']['misses']:>5} misses {case['later']['invalidated']:>4} invalidated, "
            f"{percent(case['hit_rate'])} (with the first {percent(case['hit_rate_with_first'])})")


def parse(argv):
    parser = argparse.ArgumentParser(prog="orfa-bench hit-rate", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default="contiguous,hdf5-flash,hdf5-hyperslab", help="with commas (contiguous and HDF5)")
    parser.add_argument("--suite", default="quick", choices=["quick", "full", "io500"], help="which variants (quick)")
    parser.add_argument("--form", help="only these forms")
    parser.add_argument("--repeat", type=int, default=100, help="times after the first (100)")
    parser.add_argument("--fresh-memory", action="store_true", help="give memory back to the system after each time")
    parser.add_argument("--ranks", type=int, default=4, help="MPI processes (4)")
    parser.add_argument("--servers", type=int, default=2, help="ORFA servers (2)")
    parser.add_argument("--price", default="gm2004", help="of registering, see docs/registration.md (gm2004)")
    parser.add_argument("--copy", default="0", help="ORFA_REGISTRATION_COPY: what is copied instead (0: nothing)")
    parser.add_argument("--at-least", type=float, default=0.99, metavar="SHARE", help="hit rate that is good enough (0.99)")
    parser.add_argument("--json", action="store_true", help="lines of JSON")
    parser.add_argument("--bin", default=default_programs(), metavar="DIR", help="where the programs are")
    return parser.parse_args(argv)


def selection(options):
    return ["--form", options.form] if options.form else []


def chosen(options):
    """(workload, number of a case) of all that is to be run."""
    known = {workload["workload"]: workload for workload in launch.list_workloads(options.bin, options.suite, selection(options))}
    names = options.workloads.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no such workload: {', '.join(unknown)} (orfa-bench list shows them)")
    return [(known[name], index) for name in names for index in range(len(known[name]["cases"]))]


def main(argv):
    options = parse(argv)
    try:
        cases = chosen(options)
    except ValueError as error:
        print(f"orfa-bench hit-rate: error: {error}", file=sys.stderr)
        return 2
    price = {"ORFA_TRANSPORT": "ofi", "ORFA_REGISTRATION_PRICE": options.price, "ORFA_REGISTRATION_CHECK": "off",
             "ORFA_REGISTRATION_COPY": options.copy}
    good = True
    with systems.cluster(options.bin, options.servers, True, price) as cluster:
        system = systems.System("orfa", "orfa:/hit-rate", {**price, "ORFA_LOG": "client:info"})
        for workload, index in cases:
            try:
                case = measure(options, system.variables(cluster), workload, index)
            except RuntimeError as error:
                print(f"orfa-bench hit-rate: {workload['workload']}, case {index}: {error}", file=sys.stderr)
                good = False
                continue
            print(json.dumps(case) if options.json else described(case), flush=True)
            good = good and (case["hit_rate"] is None or case["hit_rate"] >= options.at_least)
    return 0 if good else 1
