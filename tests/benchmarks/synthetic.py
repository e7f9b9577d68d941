# SPDX-License-Identifier: MIT
"""Runs made up for the tests: folders as `orfa-bench run` writes them, with figures that are known beforehand."""
import json
import os

GIB = 1 << 30
SEED = 20030117


class Noise:
    """Numbers around 1 that are the same in each run of the tests."""

    def __init__(self, seed=SEED):
        self.state = seed

    def around(self, spread):
        """Between 1 - spread / 2 and 1 + spread / 2."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return 1 + spread * ((self.state >> 33) / (1 << 31) - 0.5)


def environment(systems, **changes):
    result = {"started": "2026-05-04T10:11:12+0200", "command": ["orfa-bench", "run"], "suite": "quick", "cpu": "Some CPU @ 2.60GHz",
              "cores": 2, "memory_bytes": 24 * GIB, "kernel": "6.1.0", "mpi": "Open MPI 4.1.4", "libfabric": "1.17.0",
              "hdf5": "1.10.8", "compiler": "g++ 12.2.0", "git_revision": "0123abc", "loadavg_at_start": [0.1, 0.2, 0.3],
              "systems": [{"name": name, "path": f"{name}:/b", "environment": {}, "hints_in_force": {}} for name in systems],
              "ranks": 4, "servers": 4, "repeats": 5}
    return {**result, **changes}


def measurement(workload, system, gib_per_second, **changes):
    """One line; `gib_per_second` None is a failed verification."""
    line = {"kind": "measurement", "workload": workload, "form": "independent", "phase": "write", "system": system, "round": 0,
            "warmup": False, "ranks": 4, "servers": 4, "transfer_bytes": 1 << 20, "bytes": GIB, "operations": 1024,
            "seconds": 1 / gib_per_second if gib_per_second else None, "latency_us": None, "verified": True, "error": None,
            "parameters": {}}
    if gib_per_second is None:
        line.update(verified=False, error="file offset 4096, rank 2: expected 0x17, found 0x00")
    return {**line, **changes}


def rounds(workload, system, samples, **changes):
    return [measurement(workload, system, sample, round=number, **changes) for number, sample in enumerate(samples)]


def rate_rounds(workload, system, samples, **changes):
    """`samples` are operations a second."""
    return [measurement(workload, system, 1, round=number, form="none", bytes=0, operations=1000, seconds=1000 / sample, transfer_bytes=0,
                        **changes) for number, sample in enumerate(samples)]


def limit(name, gib_per_second, direction="both", number=0):
    return {"kind": "limit", "name": name, "direction": direction, "round": number, "error": None if gib_per_second else "no such tool",
            "bytes_per_second": gib_per_second * GIB if gib_per_second else None}


def write_run(folder, lines, systems=("orfa",), **changes):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "environment.json"), "w", encoding="utf-8") as file:
        json.dump(environment(systems, **changes), file)
    with open(os.path.join(folder, "results.jsonl"), "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
    return folder


def limit_of(line, limits):
    """Stands for the driver's own table: one limit for everything that moves bytes."""
    key = ("memcpy", "both")
    return (key[0], limits[key]) if key in limits else None


# --- a run with a bit of everything -----------------------------------------------------------------------------------------

def everything(systems, spread=0.1, samples=5):
    """All kinds of workloads on these systems; the first is fastest, and each has its cliffs."""
    noise = Noise()

    def several(base):
        return [base * noise.around(spread) for _ in range(samples)]

    lines = [limit(name, base * noise.around(0.05), number=number) for number in range(samples)
             for name, base in (("memcpy", 13), ("process_vm", 8.4), ("tcp", 3.2))]
    lines += [limit("ufs_4k", base, direction) for direction, base in (("write", 2.9), ("read", 8.5))]
    for place, system in enumerate(systems):
        speed = 1 / (1 + 0.6 * place)
        for form, factor in (("independent", 1), ("collective", 0.8), ("nonblocking", 0.95)):
            for phase, more in (("write", 5), ("read", 6.5)):
                for power in range(12, 27, 2):
                    size = 1 << power
                    lines += rounds("contiguous", system, several(factor * more * speed * size / (size + 30000)), form=form, phase=phase,
                                    transfer_bytes=size)
                lines += rounds("records", system, several(more * speed * (0.08 if form == "independent" and place else 0.5)), form=form,
                                phase=phase, transfer_bytes=47008)
        for phase, more in (("write", 3), ("read", 4)):
            for strip in (16, 256, 4096):
                lines += rounds("vector-strided", system, several(more * speed * strip / (strip + 500)), phase=phase,
                                parameters={"strip": strip, "holes": True})
            for ranks in (1, 2, 4, 8):
                lines += rounds("tiles", system, several(more * speed * ranks / (ranks + 1)), phase=phase, ranks=ranks)
            for servers in (1, 2, 4):
                lines += rounds("tiles", system, several(more * speed * servers / (servers + 1)), phase=phase, servers=servers)
            latency = {"p50": 3 / speed, "p90": 7 / speed, "p99": 30 / speed, "max": 900 / speed}
            lines += rounds("random-small", system, several(0.6 * speed), phase=phase, transfer_bytes=4096, latency_us=latency)
        for phase, base in (("create", 50e3), ("stat", 200e3), ("open", 120e3), ("unlink", 60e3), ("readdir", 900)):
            for shared in ("own directory", "shared directory"):
                latency = {"p50": 1e6 / base, "p90": 1.5e6 / base, "p99": 6e6 / base, "max": 5e7 / base}
                lines += rate_rounds("metadata", system, several(base * speed), phase=phase, latency_us=latency,
                                     parameters={"directory": shared})
        for clients in (1, 8, 64):
            lines += rounds("clients", system, several(speed * clients / (clients + 4)), parameters={"clients": clients})
    return lines
