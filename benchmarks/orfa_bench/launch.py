# SPDX-License-Identifier: MIT
"""Starting programs that may hang or crash, bounded in time, with nothing left behind."""
import json
import os
import re
import signal
import subprocess
import threading
import time


class Ended:
    """What became of a program. `reason` is None when all went well."""

    def __init__(self, reason, errors):
        self.reason, self.errors = reason, errors


def session_of(pid):
    """Of a process that still runs, else None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else int(fields[3])
    except (OSError, IndexError, ValueError):
        return None


def end_session(session, grace_s=5):
    """Ends all processes of a session: mpirun gives each rank a process group of its own, so that killpg won't do."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + grace_s
        signalled = set()
        while time.monotonic() < deadline:
            alive = {int(name) for name in os.listdir("/proc") if name.isdigit() and session_of(name) == session}
            if not alive:
                return
            for pid in alive - signalled:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            signalled |= alive
            time.sleep(0.02)


def run(command, environment, seconds, on_line):
    """Runs a program in a session of its own and gives each line of its standard output to on_line as it comes. It is ended when
    it has printed none for `seconds`."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
    errors = []
    listener = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    listener.start()
    watchdog = Watchdog(seconds, lambda: end_session(process.pid))
    try:
        for line in process.stdout:
            watchdog.calm()
            on_line(line)
        code = process.wait()
    finally:
        watchdog.stop()
        end_session(process.pid)
        process.wait()
        listener.join(timeout=5)
    text = "".join(errors)
    if watchdog.bitten:
        return Ended(f"not done within {seconds} s", text)
    return Ended(None if code == 0 else why_it_failed(code, text), text)


class Watchdog:
    """Calls `bite` once when nobody has calmed it for `seconds`."""

    def __init__(self, seconds, bite):
        self.seconds, self.bite, self.bitten = seconds, bite, False
        self.changed = threading.Condition()
        self.deadline = time.monotonic() + seconds  # None: stopped
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        with self.changed:
            while self.deadline is not None and time.monotonic() < self.deadline:
                self.changed.wait(self.deadline - time.monotonic())
            self.bitten = self.deadline is not None
        if self.bitten:
            self.bite()

    def set(self, deadline):
        with self.changed:
            self.deadline = deadline
            self.changed.notify()

    def calm(self):
        self.set(time.monotonic() + self.seconds)

    def stop(self):
        self.set(None)
        self.thread.join()


def why_it_failed(code, errors):
    """One line: the program's own words, if there are some."""
    said = re.search(r"^orfa-bench-mpi: (.*)$", errors, re.MULTILINE)
    if said:
        return said[1]
    crashed = re.search(r"exited on signal (\d+ \([^)]*\))", errors)
    if crashed:
        return f"a rank died of signal {crashed[1]}"
    lines = [line for line in errors.splitlines() if line.strip(" -")]
    return f"exit code {code}" + (f": {lines[0]}" if lines else "")


def json_lines(command, environment, seconds):
    """The objects that a program prints, one a line; RuntimeError when it fails."""
    objects = []
    ended = run(command, environment, seconds, lambda line: objects.append(json.loads(line)) if line.startswith("{") else None)
    if ended.reason:
        raise RuntimeError(f"{os.path.basename(command[0])}: {ended.reason}")
    return objects


def list_workloads(programs, suite, selection):
    """The workloads of this build with their cases in a suite; `selection`: options of orfa-bench-mpi that choose cases."""
    command = [os.path.join(programs, "orfa-bench-mpi"), "--list", "--json", "--suite", suite, *selection]
    return json_lines(command, {**os.environ, **base_environment()}, 60)


def base_environment():
    """More ranks than processors, which wait without keeping the servers from running; what the user set stays."""
    wanted = {"OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    if "OMPI_MCA_btl" not in os.environ and "SLURM_JOB_ID" not in os.environ:
        wanted["OMPI_MCA_btl"] = "self,vader"
    if os.geteuid() == 0:
        wanted.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return {name: value for name, value in wanted.items() if name not in os.environ}
