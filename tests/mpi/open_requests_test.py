#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A collective open costs as many server requests on 24 ranks as on 2.

    open_requests_test.py ORFA OPEN_CLOSE [RANKS...]

ORFA is the orfa program, OPEN_CLOSE a program that opens and closes a file on all ranks.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_mpi_test import mpi_environment, parse_exports  # noqa: E402

ORFA, PROGRAM = sys.argv[1:3]
RANKS = [int(word) for word in sys.argv[3:]] or [2, 24]
NAME = f"open-requests-{os.getpid()}"


def orfa(*arguments, **options):
    return subprocess.run([ORFA, *arguments], check=True, stdout=subprocess.PIPE, timeout=60, text=True, **options).stdout


def requests():
    """All that the servers have served so far; asking is served too."""
    status = json.loads(orfa("cluster", "status", "--name", NAME, "--json"))
    return sum(server["requests"] for server in status["servers"])


def cost(ranks, environment):
    asking = -requests() + requests()
    before = requests()
    subprocess.run(["mpirun", "-np", str(ranks), PROGRAM, "orfa:/file"], check=True, timeout=120, env=environment)
    return requests() - before - asking


def main():
    with tempfile.TemporaryDirectory(prefix="orfa-open-") as scratch:
        exports = parse_exports(orfa("cluster", "start", "--servers", "4", "--memory", "--name", NAME,
                                     "--memory-limit", "64M"))
        try:
            environment = {**os.environ, **mpi_environment("orfa:", scratch, scratch), **exports}
            cost(RANKS[0], environment)  # makes the file
            costs = [cost(ranks, environment) for ranks in RANKS]
        finally:
            orfa("cluster", "stop", "--name", NAME)
    print("requests for an open and a close:", ", ".join(f"{n} on {r} ranks" for n, r in zip(costs, RANKS)))
    if len(set(costs)) != 1:
        sys.exit("the number of requests grows with the ranks")


main()
