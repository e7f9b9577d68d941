# SPDX-License-Identifier: MIT
"""The command line of orfa-bench."""
import argparse
import importlib
import json
import os
import signal
import sys

SYSTEMS_HELP = """\
--systems NAME=PATH[+VARIABLE=VALUE...],...
  PATH is the beginning of the files' names, as MPI_File_open takes it: orfa:/b and ufs:/dev/shm/b name a
  ROMIO driver by its prefix, /dev/shm/b is for Open MPI to choose (with +OMPI_MCA_io=ompio: OMPIO). Variables
  are environment for that system alone. For orfa: paths servers are started and stopped, unless ORFA_SERVERS
  names a cluster."""


def add_run(commands, common):
    parser = commands.add_parser("run", parents=[common], help="measure systems side by side", epilog=SYSTEMS_HELP,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", required=True, help="what to compare, see below")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; must be new or empty")
    parser.add_argument("--workloads", help="only these, with commas (default: all)")
    parser.add_argument("--form", help="only these forms: independent, collective, nonblocking, none")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter, in all variants")
    parser.add_argument("--hint", action="append", default=[], metavar="KEY=VALUE", help="an MPI hint, at every open")
    parser.add_argument("--bytes", help="bytes of each rank, where a variant doesn't say (quick: 32M, full: 64M, io500: 128M)")
    parser.add_argument("--sync", action="store_true", help="count MPI_File_sync to the time of a write")
    parser.add_argument("--ranks", type=int, default=4, help="MPI processes (4)")
    parser.add_argument("--servers", type=int, default=4, help="servers of an own ORFA cluster (4)")
    parser.add_argument("--repeats", type=int, help="rounds, each with a launch on every system (5)")
    parser.add_argument("--seconds", type=float, help="for each system, in all rounds together: its launches do all cases again and "
                        "again, of which the median counts, as long as that lasts (all workloads of quick: 110, full: 1200, io500: 600)")
    parser.add_argument("--times", type=int, help="that each launch does each case, instead of --seconds")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="that a case may take (120)")
    parser.add_argument("--disk", metavar="DIR", help="folder on the disk whose limit is measured (default: --out)")
    parser.add_argument("--no-warm-up", action="store_true", help="count also the first time that a launch does a case")
    parser.add_argument("--no-limits", action="store_true", help="don't measure what the machine can do")


def parse_arguments(arguments):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--bin", default=default_programs(), metavar="DIR", help="where orfa and orfa-bench-mpi are")
    common.add_argument("--suite", default="quick", choices=["quick", "full", "io500"], help="which variants (quick)")
    parser = argparse.ArgumentParser(prog="orfa-bench", description="Which access pattern is slow on this MPI-IO stack, and by "
                                     "how much: runs workloads on several file systems in turn, beside what the machine can do.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_run(commands, common)
    listing = commands.add_parser("list", parents=[common], help="show the workloads and what they answer")
    listing.add_argument("--json", action="store_true", help="one line of JSON per workload, with its cases")
    # Those of these are their own; they need libraries that run doesn't.
    for name, text in (("report", "make a page of a run's results"), ("compare", "name what two runs differ in"),
                       ("papers", "measure figures of the ORFA reports anew"),
                       ("hit-rate", "count what the registration cache does for workloads")):
        other = commands.add_parser(name, help=text, add_help=False)
        other.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def default_programs():
    """ORFA_BENCH_BIN is set by the script that starts this package."""
    return os.environ.get("ORFA_BENCH_BIN", os.path.join(os.path.dirname(__file__), "..", "..", "build", "bin"))


def show_list(options):
    from . import launch
    for workload in launch.list_workloads(options.bin, options.suite, []):
        if options.json:
            print(json.dumps(workload))
        elif workload["cases"]:
            print(f"{workload['workload']} ({len(workload['cases'])} cases)\n    {workload['question']}\n    {workload['origin']}")
    return 0


def main(arguments=None):
    # A SIGTERM must still stop ranks and servers.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in ("report", "compare", "papers", "hit-rate"):
        return importlib.import_module(f"orfa_bench.{arguments[0].replace('-', '_')}").main(arguments[1:])
    options = parse_arguments(arguments)
    try:
        if options.command == "list":
            return show_list(options)
        from . import run
        return run.main(options)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"orfa-bench: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
