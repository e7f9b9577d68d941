# SPDX-License-Identifier: MIT
"""The systems under test: how each one's files are named, and the environment that selects it."""
import contextlib
import glob
import os
import re
import shlex
import subprocess

from . import launch


class System:
    def __init__(self, name, path, environment):
        self.name, self.path, self.environment = name, path, environment

    @property
    def prefix(self):
        """Of the ROMIO driver, with its colon; empty when the name has none."""
        found = re.match(r"[a-z0-9]+:", self.path)
        return found[0] if found else ""

    @property
    def is_orfa(self):
        return self.prefix == "orfa:"

    @property
    def local_path(self):
        return None if self.is_orfa else self.path[len(self.prefix):]

    @property
    def reach(self):
        """What its bytes must pass: local (another process' memory), tcp, tmpfs or disk. It decides on the limit."""
        if self.is_orfa:
            transport = self.environment.get("ORFA_TRANSPORT", os.environ.get("ORFA_TRANSPORT", "auto"))
            return "tcp" if transport == "ofi" else "local"
        return "tmpfs" if file_system_of(os.path.dirname(self.local_path)) == "tmpfs" else "disk"

    def variables(self, cluster):
        """The whole environment of a launch."""
        selected = dict(os.environ)
        for name in ("OMPI_MCA_io", "ROMIO_FSTYPE_FORCE"):
            selected.pop(name, None)
        selected.update(launch.base_environment())
        if self.is_orfa:
            # Without ORFA's component the stock ones would take the name for a local file's.
            selected.update(cluster, OMPI_MCA_io="^ompio,romio321")
        elif self.prefix:
            selected["OMPI_MCA_io"] = "romio321"
        selected.update(self.environment)
        return selected

    def remove_files(self):
        """What a crash left; servers of our own go with all they have."""
        if self.local_path:
            for name in glob.glob(glob.escape(self.local_path) + "-*"):
                with contextlib.suppress(OSError):
                    if not os.path.isdir(name):
                        os.unlink(name)

    def described(self):
        return {"name": self.name, "path": self.path, "environment": self.environment, "reach": self.reach}


def file_system_of(folder):
    """The type of the file system that holds a folder, as /proc/mounts calls it."""
    folder = os.path.realpath(folder or ".")
    best, kind = "", "unknown"
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            point, found = line.split()[1:3]
            if (folder == point or folder.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
                best, kind = point, found
    return kind


def parse(text):
    """The list of --systems, `name=path+VARIABLE=value+...` with commas between. A + or , in a value is not possible."""
    systems = []
    for part in text.split(","):
        first, *variables = part.split("+")
        name, found, path = first.partition("=")
        if not found or not path or not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"--systems: '{part}' is not name=path[+VARIABLE=value...]")
        if any("=" not in variable for variable in variables):
            raise ValueError(f"--systems: '{part}': what follows a + must be VARIABLE=value")
        if name in (system.name for system in systems):
            raise ValueError(f"--systems: two are called '{name}'")
        systems.append(System(name, path, dict(variable.split("=", 1) for variable in variables)))
    return systems


@contextlib.contextmanager
def cluster(programs, servers, needed, environment=()):
    """The variables that reach the servers: none for the user's own cluster; else one is started, with these variables beside
    our own, and stopped in the end."""
    if not needed or os.environ.get("ORFA_SERVERS"):
        yield {}
        return
    orfa, name = os.path.join(programs, "orfa"), f"bench-{os.getpid()}"
    try:
        started = subprocess.run([orfa, "cluster", "start", "--servers", str(servers), "--memory", "--name", name],
                                 env={**os.environ, **dict(environment)}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        if started.returncode != 0:
            raise RuntimeError(f"no ORFA servers: {started.stderr.strip()}")
        words = [word for line in started.stdout.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
        yield dict(word.split("=", 1) for word in words)
    finally:
        subprocess.run([orfa, "cluster", "stop", "--name", name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60, check=False)
