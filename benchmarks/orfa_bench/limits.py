# SPDX-License-Identifier: MIT
"""What the machine can do, measured in the rounds of a run; and which of that a measurement is held against."""
import json
import os
import shutil
import subprocess
import tempfile

from . import launch

MIB = 1 << 20

# What orfa-bench-limits measures -> our name and direction.
MEASURED = {
    "memory_copy": ("memcpy", "both"),
    "process_vm_readv": ("process_vm", "both"),
    "tcp_stream": ("tcp", "write"),
    "tcp_stream_reverse": ("tcp", "read"),
    "ufs_4k_write": ("ufs_4k", "write"),
    "ufs_4k_read": ("ufs_4k", "read"),
    "ufs_huge_write": ("ufs_huge", "write"),
    "ufs_huge_read": ("ufs_huge", "read"),
}

# How a system's bytes travel (System.reach) -> the limit of its writes and of its reads. Both are those of one copy or one
# stream each way; a system that copies less can come out above 1.
LIMIT_OF_REACH = {
    "local": (("memcpy", "both"), ("memcpy", "both")),
    "tcp": (("tcp", "write"), ("tcp", "read")),
    "tmpfs": (("ufs_4k", "write"), ("ufs_4k", "read")),
    "disk": (("disk_write", "write"), ("disk_read", "read")),
}
READING = {"read", "rewrite"}  # neither makes new pages


def limit_of(measurement, limits):
    """(name, bytes per second) of what a measurement can't be expected to pass, or None where there is no such figure: it moves
    no bytes (names, opens), or the limit was not measured. `limits`: (name, direction) -> bytes per second."""
    if not measurement.get("bytes"):
        return None
    keys = LIMIT_OF_REACH.get(measurement.get("reach"))
    if not keys:
        return None
    key = keys[1 if measurement.get("phase") in READING else 0]
    return (key[0], limits[key]) if limits.get(key) else None


def limit(name, direction, turn, rate, error=None, **more):
    return {"kind": "limit", "name": name, "direction": direction, "round": turn, "bytes_per_second": rate, "error": error, **more}


def measure(options, turn):
    """The limit records of one round."""
    command = [os.path.join(options.bin, "orfa-bench-limits"), "--json", "--processes", str(options.ranks), "--bytes", "256M"]
    try:
        results = launch.json_lines(command, dict(os.environ), 90)
    except RuntimeError as error:
        yield from (limit(name, direction, turn, None, str(error)) for name, direction in MEASURED.values())
        results = []
    for result in results:
        name, direction = MEASURED[result["limit"]]
        if "error" in result:
            yield limit(name, direction, turn, None, result["error"])
            continue
        # What the machine can do is the better of one process and as many as there are ranks.
        rates = {1: result["one_mib_s"]["median"], result["processes"]: result["several_mib_s"]["median"]}
        best = max(rates, key=rates.get)
        yield limit(name, direction, turn, rates[best] * MIB, processes=best)
        if name == "tcp":  # no limit, but what people compare with
            yield limit("tcp_one", direction, turn, rates[1] * MIB, processes=1)
    yield from disk(options.disk or options.out, turn)


def disk(folder, turn):
    """By fio, past the page cache."""
    if not shutil.which("fio"):
        for direction in ("write", "read"):
            yield limit(f"disk_{direction}", direction, turn, None, "fio is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="orfa-bench-", dir=folder) as scratch:
        for direction in ("write", "read"):
            try:
                rate = fio(scratch, direction, "--bs=1M", "--size=512M", "--direct=1", "--ioengine=libaio", "--iodepth=8", "--runtime=10")
                yield limit(f"disk_{direction}", direction, turn, rate)
            except RuntimeError as error:
                yield limit(f"disk_{direction}", direction, turn, None, str(error))


def fio(folder, direction, *words):
    """Bytes per second that fio reads or writes in a folder; RuntimeError when it can't."""
    command = ["fio", "--name=limit", f"--directory={folder}", f"--rw={direction}", *words, "--output-format=json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, stdin=subprocess.DEVNULL)
        return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0][direction]["bw_bytes"]
    except (OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise RuntimeError(f"fio: {reason.strip().splitlines()[0]}") from error
