#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an MPI call costs on the wire, counted by the servers: requests, bytes of requests, and copies of data.

    wire_cost.py ORFA WIRE_COST            the test: neither grows with the number of pieces
    wire_cost.py ORFA WIRE_COST --table    the table of docs/performance.md

ORFA is the orfa program, WIRE_COST the MPI program that makes the calls (mpiio/wire_cost.c). The cost of a call is
the difference between a run of nine and a run of one.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_mpi_test import mpi_environment, parse_exports  # noqa: E402

ORFA, PROGRAM = sys.argv[1:3]
NAME = f"wire-cost-{os.getpid()}"
CALLS = 8
# Name in the table, pattern, pieces of a rank's call, bytes of a piece.
TABLE = [
    ("contiguous, 1 MiB", "contiguous", 1, 1 << 20),
    ("vector, 8 KiB pieces, 1 MiB", "vector", 128, 8192),
    ("vector, 16 B pieces, 1 MiB", "vector", 65536, 16),
    ("vector, 16 B pieces, 16 MiB", "vector", 1048576, 16),
    ("3-D subarray, 128 x 128 rows of 256 B", "subarray", 16384, 256),
    ("3-D subarray, 1024 x 1024 rows of 16 B", "subarray", 1048576, 16),
    ("records of 47,008 B", "records", 1, 47008),
]


def orfa(*arguments):
    return subprocess.run([ORFA, *arguments], check=True, stdout=subprocess.PIPE, timeout=60, text=True).stdout


def counted():
    """Requests, bytes of requests, bytes copied, and file bytes written and read, of all servers so far."""
    servers = json.loads(orfa("cluster", "status", "--name", NAME, "--json"))["servers"]
    keys = ("requests", "request_bytes", "bytes_copied", "bytes_written", "bytes_read")
    return [sum(server[key] for server in servers) for key in keys]


def run(environment, ranks, pattern, pieces, piece, calls, options):
    before = counted()
    subprocess.run(["mpirun", "-np", str(ranks), PROGRAM, "orfa:/file", pattern, str(pieces), str(piece), str(calls),
                    *options], check=True, timeout=120, env=environment, stdout=subprocess.DEVNULL)
    return [after - start for start, after in zip(before, counted())]


def cost(environment, ranks, pattern, pieces, piece, *options):
    """Of one call of one rank: requests, bytes of requests, copies of each byte between program and store."""
    one = run(environment, ranks, pattern, pieces, piece, 1, options)
    many = run(environment, ranks, pattern, pieces, piece, 1 + CALLS, options)
    requests, request_bytes, copied, written, read = ((b - a) / (CALLS * ranks) for a, b in zip(one, many))
    return [requests, request_bytes, copied / (written + read)]


def table(environment):
    print("| a rank's call | independent: requests | their bytes | copies | collective: requests | their bytes | copies |")
    print("|---|---|---|---|---|---|---|")
    for name, pattern, pieces, piece in TABLE:
        cells = []
        for options in ([], ["--collective=1"]):
            requests, request_bytes, copies = cost(environment, 4, pattern, pieces, piece, *options)
            cells += [f"{requests:.1f}", f"{request_bytes:,.0f}", f"{copies:.1f}"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def check(environment):
    """A thousand times as many pieces, over the same servers, cost the same; data are copied no more often than needed."""
    bad = 0
    for name, bytes_of_call, most in (("4 KiB", 4096, 3), ("1 MiB", 1 << 20, 2), ("16 MiB", 16 << 20, 1)):
        for options in ([], ["--read=1"]):
            copies = cost(environment, 2, "contiguous", 1, bytes_of_call, *options)[2]
            print(" ".join([name, *options]) + f": each byte is copied {copies:.2f} times")
            if not 0.5 < copies < most + 0.1:
                print(f"FAIL: more than {most}, or none")
                bad += 1
    for pattern in ("vector", "subarray"):
        for options in ([], ["--read=1"]):
            few = cost(environment, 2, pattern, 1024, 16 * 256, *options)
            many = cost(environment, 2, pattern, 1048576, 16, *options)
            words = " ".join([pattern, *options])
            print(f"{words}: 1024 pieces: {few[0]:.1f} requests of {few[1]:.0f} bytes; "
                  f"1048576: {many[0]:.1f} of {many[1]:.0f}")
            # Half a request: that data leave the first server is told once or twice a file.
            if few[0] < 1 or many[0] > few[0] + 0.5 or many[1] > few[1] * 1.1:
                print("FAIL: the cost grows with the pieces")
                bad += 1
    return bad


def check_in_place(environment):
    """What is there already is read and written without requests, and copied once."""
    mapped = json.loads(orfa("cluster", "status", "--name", NAME, "--json"))["servers"][0]["memory_mapped"]
    if mapped == 0:
        print("in place: not possible on this machine")
        return 0
    bad = 0
    for pattern, pieces, piece in (("contiguous", 1, 4096), ("contiguous", 1, 1 << 20), ("vector", 1024, 4096)):
        requests, _, copies = cost(environment, 2, pattern, pieces, piece, "--read=1")
        print(f"in place, {pattern} of {piece} B read: {requests:.2f} requests a call, each byte is copied {copies:.2f} times")
        if requests > 0.5 or not 0.9 < copies < 1.1:
            print("FAIL: more than half a request, or more than one copy")
            bad += 1
    return bad


def main():
    with tempfile.TemporaryDirectory(prefix="orfa-wire-") as scratch:
        exports = parse_exports(orfa("cluster", "start", "--servers", "4", "--memory", "--name", NAME,
                                     "--memory-limit", "256M"))
        try:
            in_place = {**os.environ, **mpi_environment("orfa:", scratch, scratch), **exports}
            requests = {**in_place, "ORFA_IN_PLACE": "0"}
            if "--table" in sys.argv:
                table(requests)
                return 0
            return 1 if check(requests) + check_in_place(in_place) else 0
        finally:
            orfa("cluster", "stop", "--name", NAME)


sys.exit(main())
