# SPDX-License-Identifier: MIT
"""What a run's figures depend on beside the systems: the machine, the libraries, the state of the tree."""
import datetime
import os
import platform
import re
import subprocess
import sys

from . import launch

HERE = os.path.dirname(os.path.abspath(__file__))


def output_of(*command):
    """The first line that a command prints; None when there is no such program or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().split("\n")[0] or None


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def version_of_package(*names):
    """By pkg-config, the first one that it knows."""
    return next((version for name in names if (version := output_of("pkg-config", "--modversion", name))), None)


def hints_in_force(system, options, cluster):
    """What MPI_File_get_info says of a file of a system; a text when it can't be asked."""
    command = ["mpirun", "-np", "1", os.path.join(options.bin, "orfa-bench-mpi"), f"{system.path}-{os.getpid()}", "--show-hints"]
    for hint in options.hint:
        command += ["--hint", hint]
    try:
        return launch.json_lines(command, system.variables(cluster), options.timeout)[0]["hints"]
    except (RuntimeError, IndexError, ValueError) as error:
        return {"error": str(error)}


def describe(options, systems, cluster):
    """The object of environment.json."""
    return {
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": sys.argv,
        "suite": options.suite,
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory_bytes(),
        "kernel": platform.release(),
        "mpi": output_of("mpirun", "--version"),
        "libfabric": version_of_package("libfabric"),
        "hdf5": version_of_package("hdf5-openmpi"),
        "compiler": output_of("c++", "--version"),
        "git_revision": output_of("git", "-C", HERE, "describe", "--always", "--dirty"),
        "loadavg_at_start": list(os.getloadavg()),
        "systems": [{**system.described(), "hints_in_force": hints_in_force(system, options, cluster)} for system in systems],
        "ranks": options.ranks,
        "servers": options.servers,
        "repeats": options.repeats,
    }
