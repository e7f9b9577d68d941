#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one MPI program on a fresh ORFA cluster (or on ROMIO's ufs: driver) and judges it.

    run_mpi_test.py --row romio.simple --programs BUILD/tests/mpi --orfa BUILD/bin/orfa      a row of suites.txt
    run_mpi_test.py --np 4 --timeout 60 --name mine -- ./program -fname {file}                any other program
    run_mpi_test.py --all --prefix ufs: --programs BUILD/tests/mpi                            every row, as a table

A command may be several programs on one cluster: `a && b`, or `a ; b` when a's exit code doesn't matter (quote the sign).
In the arguments {dir} is a folder of the file system under test and {file} a file in it that isn't there yet.
A program passes when it exits with 0, prints every --expect and prints no --refuse (regular expressions) in the time
given. Whatever happens, its processes are ended and the servers are stopped.

Exit code: 0 passed, 1 failed, 77 skipped (the reason is printed), 2 wrong use or a cluster that didn't start.
"""
import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PASSED, FAILED, WRONG_USE, SKIPPED = 0, 1, 2, 77
ORFA_DIR = "/t"

# How a kind of program says that it went well: (all of these, none of these).
JUDGES = {
    "no-errors": ([r"^ No Errors$"], [r"[Ee]rror:", r"Found \d+ errors"]),
    "exit-code": ([], []),
    "data-correct": ([r"[Dd]ata read back is correct"], [r"^error:", r"readbuf="]),
    "datarep": ([r"external32 datarep is BIG ENDIAN", r"native datarep is"], []),
    "bandwidth": ([r"[Rr]ead bandwidth"], []),
    "hdf5": ([], [r"\*FAILED\*", r"HDF5-DIAG", r"tests? detected \d+ errors", r"Assertion"]),
}


class Row:
    """One line of suites.txt."""

    FIELDS = 8

    def __init__(self, line):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != self.FIELDS:
            raise ValueError(f"{len(fields)} fields instead of {self.FIELDS}: {line}")
        self.name, processes, timeout, self.judge, self.ufs, self.orfa, self.command, self.note = fields
        self.processes, self.timeout = int(processes), int(timeout)
        if self.judge not in JUDGES:
            raise ValueError(f"unknown judge '{self.judge}': {line}")

    @property
    def suite(self):
        return self.name.split(".", 1)[0]


def read_rows(path=os.path.join(HERE, "suites.txt")):
    with open(path, encoding="utf-8") as lines:
        return [Row(line) for line in (raw.strip() for raw in lines) if line and not line.startswith("#")]


def session_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rsplit(")", 1)[1].split()[3])
    except (OSError, IndexError, ValueError):
        return None


def end_session(session, grace_s=5):
    """Ends every process of a session. (Open MPI puts each rank into a process group of its own, so one killpg won't do.)"""
    for number, limit_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
        deadline = time.monotonic() + limit_s
        signalled = False
        while True:
            alive = [int(name) for name in os.listdir("/proc") if name.isdigit() and session_of(name) == session]
            alive = [pid for pid in alive if not is_dead(pid)]
            if not alive:
                return
            if not signalled:
                for pid in alive:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                signalled = number == signal.SIGTERM
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)


def is_dead(pid):
    """Gone, or a zombie that nobody has waited for yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Cluster:
    """ORFA servers of this test alone."""

    def __init__(self, orfa, servers, options):
        self.orfa, self.servers, self.options = orfa, servers, options
        self.name = f"test-{os.getpid()}-{time.monotonic_ns() % 1000000:06d}"

    def start(self):
        """Returns the variables that programs need."""
        command = [self.orfa, "cluster", "start", "--servers", str(self.servers), "--memory", "--name", self.name]
        started = subprocess.run(command + self.options, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                 timeout=60, check=False)
        if started.returncode != 0:
            raise RuntimeError(f"{shlex.join(command + self.options)} exited with {started.returncode}")
        return parse_exports(started.stdout)

    def stop(self):
        try:
            stopped = subprocess.run([self.orfa, "cluster", "stop", "--name", self.name], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, timeout=60, check=False)
            return stopped.returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False


def parse_exports(text):
    """{name: value} of shell lines `export NAME=value`, the value quoted as a shell would."""
    variables = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] != "export" or any("=" not in word for word in words[1:]):
            raise RuntimeError(f"cluster start printed something else than export lines: {line}")
        variables.update(word.split("=", 1) for word in words[1:])
    return variables


def mpi_environment(prefix, directory, scratch):
    """What every run has in common, beside the cluster's own variables."""
    variables = {
        "ROMIO_FSTYPE_FORCE": prefix,
        "HDF5_PARAPREFIX": directory,
        "TMPDIR": scratch,  # Open MPI's session folder: short enough for sockets, and gone with us
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_btl": "self,vader",
        "OMPI_MCA_orte_abort_print_stack": "0",
    }
    # Without ORFA's component, a stock one would take the names for local files, and a test could pass on the wrong ones.
    variables["OMPI_MCA_io"] = "^ompio,romio321" if prefix == "orfa:" else "romio321"
    return variables


class Run:
    """What became of one program."""

    def __init__(self, verdict, reason, seconds, output=""):
        self.verdict, self.reason, self.seconds, self.output = verdict, reason, seconds, output


def execute(command, environment, cwd, timeout_s, output_path):
    """Runs a command to its end or to the time limit. Returns its exit code, or None when time was up."""
    with open(output_path, "wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_session(process.pid)
            process.poll()


def execute_steps(mpirun, steps, names, environment, cwd, timeout_s):
    """Runs programs one after the other; the exit code that counts is the first bad one of a step that has to succeed."""
    deadline = time.monotonic() + timeout_s
    output, code = "", 0
    for words, must_succeed in steps:
        arguments = [word.format(**names) for word in words]
        output_path = os.path.join(cwd, ".output")
        link_beside(arguments[0], cwd)
        code = execute([*mpirun, *arguments], environment, cwd, max(1.0, deadline - time.monotonic()), output_path)
        with open(output_path, encoding="utf-8", errors="replace") as file:
            output += file.read()
        if code is None or (code != 0 and must_succeed):
            break
    return code, output


def link_beside(program, cwd):
    """t_cache_image starts itself from its working directory."""
    link = os.path.join(cwd, os.path.basename(program))
    if os.path.isabs(program) and not os.path.lexists(link):
        os.symlink(program, link)


def split_steps(words):
    """`a x ; b y && c` as [([a, x], False), ([b, y], True), ([c], True)]: the exit code of what stands before a ; is ignored."""
    steps, step = [], []
    for word in words:
        if word in (";", "&&"):
            steps.append((step, word == "&&"))
            step = []
        else:
            step.append(word)
    return steps + [(step, True)]


def describe_exit(code, output):
    crash = re.search(r"exited on signal (\d+) \(([^)]*)\)", output)
    if crash:
        return "crash", f"a rank died of signal {crash[1]} ({crash[2]})"
    if code > 128:  # mpirun's message about it does not always come out
        return "crash", f"a rank died of signal {code - 128}"
    return "fail", f"exit code {code}"


def judge(code, output, expect, refuse, timeout_s):
    """(verdict, reason): pass, fail, crash or hang."""
    if code is None:
        return "hang", f"not finished within {timeout_s} s"
    if code != 0:
        return describe_exit(code, output)
    for pattern in expect:
        if not re.search(pattern, output, re.MULTILINE):
            return "fail", f"exit code 0, but its output lacks /{pattern}/"
    for pattern in refuse:
        found = re.search(f".*(?:{pattern}).*", output, re.MULTILINE)
        if found:
            return "fail", f"exit code 0, but it printed: {found[0].strip()}"
    return "pass", ""


def run_program(options, name, processes, timeout_s, expect, refuse, steps):
    """One test on its own cluster, from the start of the servers to their stop."""
    scratch = tempfile.mkdtemp(prefix="orfa-mpi-")
    cluster, local_dir = None, None
    begin = time.monotonic()
    try:
        variables = {}
        if options.prefix == "orfa:" and not options.no_cluster:
            cluster = Cluster(options.orfa, options.servers, options.cluster_option)
            variables = cluster.start()
        directory = options.dir or (ORFA_DIR if options.prefix == "orfa:" else None)
        if directory is None:
            directory = local_dir = tempfile.mkdtemp(prefix="orfa-mpi-", dir="/dev/shm")
        environment = {**os.environ, **mpi_environment(options.prefix, directory, scratch), **variables}
        if cluster:
            made = subprocess.run([options.orfa, "mkdir", f"orfa:{directory}"], env=environment, timeout=30, check=False)
            if made.returncode != 0:
                raise RuntimeError(f"orfa mkdir orfa:{directory} exited with {made.returncode}")
        # Some programs write beside their test files, too: let that be in memory, and gone with the rest.
        cwd = os.path.join(local_dir or scratch, "cwd")
        os.mkdir(cwd)
        mpirun = ["mpirun", "-np", str(processes), *options.mpirun_option]
        begin = time.monotonic()
        code, output = execute_steps(mpirun, steps, {"dir": directory, "file": f"{directory}/file"}, environment, cwd, timeout_s)
        return Run(*judge(code, output, expect, refuse, timeout_s), time.monotonic() - begin, output)
    finally:
        if cluster and not cluster.stop():
            print(f"warning: {name}: the cluster {cluster.name} could not be stopped", file=sys.stderr)
        for path in (scratch, local_dir):
            if path:
                shutil.rmtree(path, ignore_errors=True)


def row_steps(row, programs):
    folder = os.path.join(os.path.abspath(programs), row.suite)
    return [([os.path.join(folder, words[0]), *words[1:]], must) for words, must in split_steps(shlex.split(row.command))]


def skip_reason(options, row):
    """Why a row isn't run here, or None."""
    expected = row.orfa if options.prefix == "orfa:" else row.ufs
    if row.orfa.startswith("large") and not options.large:
        return f"needs several GB of memory (--large runs it): {row.note}"
    if options.prefix == "orfa:" and expected.split(":")[0] in ("later", "skip"):
        return row.note or expected
    return None


def run_row(options, row):
    reason = skip_reason(options, row)
    if reason and not options.force:
        return Run("skip", reason, 0.0)
    steps = row_steps(row, options.programs)
    for words, _ in steps:
        if not os.access(words[0], os.X_OK):
            return Run("fail", f"{words[0]} was not built", 0.0)
    expect, refuse = JUDGES[row.judge]
    return run_program(options, row.name, row.processes, options.timeout or row.timeout, expect, refuse, steps)


def report(name, run, lines):
    if run.verdict not in ("pass", "skip") and run.output:
        tail = run.output.splitlines()[-lines:]
        print(f"--- the last {len(tail)} lines of {name}", *tail, "---", sep="\n")
    reason = f": {run.reason}" if run.reason else ""
    print(f"{run.verdict.upper():5} {name} ({run.seconds:.1f} s){reason}", flush=True)


def run_all(options):
    """Every row, as a table; the expected verdict of ufs: is compared."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for row in read_rows():
        if not re.search(options.filter, row.name):
            continue
        run = run_row(options, row)
        report(row.name, run, options.lines)
        wanted = row.ufs if options.prefix != "orfa:" else "pass"
        if run.verdict == "skip":
            counts["skipped"] += 1
        elif run.verdict == wanted:
            counts["passed"] += 1
        else:
            counts["failed"] += 1
            print(f"      expected: {wanted}")
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return FAILED if counts["failed"] else PASSED


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", help="run this row of suites.txt")
    parser.add_argument("--all", action="store_true", help="run all rows of suites.txt")
    parser.add_argument("--filter", default="", help="with --all: only rows whose name has this (a regular expression)")
    parser.add_argument("--force", action="store_true", help="also run rows marked skip or later")
    parser.add_argument("--large", action="store_true", help="also run rows that need several GB")
    parser.add_argument("--programs", help="folder that holds the built suites (romio/, hdf5/)")
    parser.add_argument("--np", type=int, default=4, help="ranks (4)")
    parser.add_argument("--timeout", type=int, help="seconds until the program counts as hung (60, or the row's)")
    parser.add_argument("--prefix", default="orfa:", choices=["orfa:", "ufs:"], help="ROMIO driver (orfa:)")
    parser.add_argument("--name", default="test", help="the test's name in messages")
    parser.add_argument("--orfa", default=os.path.join(HERE, "../../build/bin/orfa"), help="the orfa program")
    parser.add_argument("--servers", type=int, default=4, help="servers to start (4)")
    parser.add_argument("--cluster-option", action="append", default=[], help="more for `orfa cluster start`")
    parser.add_argument("--mpirun-option", action="append", default=[], help="more for mpirun")
    parser.add_argument("--no-cluster", action="store_true", help="start no servers (a running cluster is in the environment)")
    parser.add_argument("--dir", help="folder for the files (orfa: /t; ufs: a fresh one in /dev/shm)")
    parser.add_argument("--judge", choices=sorted(JUDGES), default="exit-code", help="how to judge the output")
    parser.add_argument("--expect", action="append", default=[], help="regular expression that must be printed")
    parser.add_argument("--refuse", action="append", default=[], help="regular expression that must not be printed")
    parser.add_argument("--lines", type=int, default=60, help="lines of a failed program's output to show (60)")
    parser.add_argument("command", nargs="*", help="-- program and arguments")
    options = parser.parse_args()
    if (options.row is not None) + options.all + bool(options.command) != 1:
        parser.error("one of --row, --all or a command is needed")
    if not options.command and not options.programs:
        parser.error("--row and --all need --programs")
    options.orfa = os.path.abspath(options.orfa)
    return options


def run_options(options):
    if options.all:
        return run_all(options)
    if options.row:
        row = next((row for row in read_rows() if row.name == options.row), None)
        if row is None:
            print(f"suites.txt has no row '{options.row}'", file=sys.stderr)
            return WRONG_USE
        name, run = row.name, run_row(options, row)
    else:
        expect, refuse = JUDGES[options.judge]
        program = [os.path.abspath(options.command[0]) if os.path.exists(options.command[0]) else options.command[0]]
        name, run = options.name, run_program(options, options.name, options.np, options.timeout or 60,
                                              expect + options.expect, refuse + options.refuse,
                                              split_steps(program + options.command[1:]))
    report(name, run, options.lines)
    return {"pass": PASSED, "skip": SKIPPED}.get(run.verdict, FAILED)


def main():
    # A SIGTERM (a stopped ctest) must still end the ranks and the servers.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    options = parse_arguments()
    if options.prefix == "orfa:" and not os.access(options.orfa, os.X_OK):
        print(f"there is no orfa program at {options.orfa} (--orfa names it)", file=sys.stderr)
        return WRONG_USE
    try:
        return run_options(options)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE


if __name__ == "__main__":
    sys.exit(main())
