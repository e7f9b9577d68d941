#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""orfa-bench run, whole: a tiny suite on a file system, what it writes, and what it says when bytes are wrong, a program
crashes or hangs.

    run_test.py --bin BUILD/bin [OnUfs] [OnOrfa] [Parts]
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "benchmarks"))
TINY = ["--set", "bytes=256K", "--set", "files=50", "--set", "blocks=8"]
WANTED = {"kind", "workload", "form", "phase", "system", "round", "warmup", "ranks", "servers", "transfer_bytes", "bytes", "seconds",
          "operations", "latency_us", "verified", "error", "parameters"}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="orfa-bench-test-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = os.path.join(self.folder, "out")

    def run_bench(self, systems, *arguments, warm_up=False, **environment):
        """(exit code, standard output, standard error) of a run; its records are in self.records then."""
        command = [os.path.join(OPTIONS.bin, "orfa-bench"), "run", "--systems", systems, "--out", self.out, "--no-limits",
                   "--repeats", "1", "--times", "1", "--timeout", "60", *([] if warm_up else ["--no-warm-up"]), *arguments]
        # Short, for Open MPI's sockets; what a killed mpirun leaves goes with it.
        variables = {**os.environ, "TMPDIR": self.folder, **environment}
        variables.pop("ORFA_SERVERS", None)
        done = subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=400, check=False)
        self.records = []
        if os.path.exists(os.path.join(self.out, "results.jsonl")):
            with open(os.path.join(self.out, "results.jsonl"), encoding="utf-8") as file:
                self.records = [json.loads(line) for line in file]
        return done.returncode, done.stdout, done.stderr

    def measurements(self, **wanted):
        return [record for record in self.records if record["kind"] == "measurement"
                and all(record[key] == value for key, value in wanted.items())]

    def ufs(self, name="ufs"):
        return f"{name}=ufs:{self.folder}/{name}"

    def check_all_good(self, systems):
        """Every workload left figures on each of the systems, all verified."""
        listed = subprocess.run([os.path.join(OPTIONS.bin, "orfa-bench"), "list", "--json"], capture_output=True, text=True,
                                timeout=60, check=True)
        for workload in (json.loads(line) for line in listed.stdout.splitlines()):
            for system in systems:
                for case in workload["cases"]:
                    found = self.measurements(workload=workload["workload"], form=case["form"], system=system, warmup=False)
                    self.assertTrue(found, (workload["workload"], case, system))
        for record in self.measurements():
            self.assertLessEqual(WANTED, set(record))
            self.assertIsNone(record["error"])
            self.assertIs(record["verified"], True)
            self.assertGreater(record["seconds"], 0)
            self.assertGreater(record["operations"], 0)


class OnUfs(Case):
    def test_every_workload_runs_and_is_verified(self):
        code, said, errors = self.run_bench(self.ufs(), *TINY)
        self.assertEqual(code, 0, errors)
        self.check_all_good(["ufs"])
        self.assertIn("records", said)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("ufs")], [])

    def test_three_ranks_leave_out_what_needs_a_square(self):
        code, said, errors = self.run_bench(self.ufs(), "--set", "bytes=64K", "--ranks", "3", "--workloads",
                                            "btio,blocks3d,tiles,nested-strided,producer-consumer,vector-strided")
        self.assertEqual(code, 0, errors)
        self.assertIn("btio: skipped: needs a square number of ranks", said)
        self.assertEqual(self.measurements(workload="btio"), [])
        self.assertTrue(self.measurements(workload="producer-consumer", verified=True))

    def test_the_environment_is_recorded(self):
        code, _, errors = self.run_bench(self.ufs(), "--workloads", "records", "--set", "bytes=64K", "--form", "independent",
                                         "--hint", "cb_nodes=1")
        self.assertEqual(code, 0, errors)
        with open(os.path.join(self.out, "environment.json"), encoding="utf-8") as file:
            environment = json.load(file)
        for key in ("started", "command", "cpu", "cores", "memory_bytes", "kernel", "mpi", "loadavg_at_start", "ranks", "repeats"):
            self.assertTrue(environment[key], key)
        self.assertEqual(environment["suite"], "quick")
        self.assertEqual(environment["systems"][0]["hints_in_force"]["cb_nodes"], "1")

    def test_systems_take_turns_and_the_first_pass_of_a_launch_does_not_count(self):
        code, _, errors = self.run_bench(f"{self.ufs('a')},{self.ufs('b')}", "--workloads", "records,contiguous", "--set", "bytes=64K",
                                         "--form", "independent", "--repeats", "2", "--times", "3", warm_up=True)
        self.assertEqual(code, 0, errors)
        order = [(record["round"], record["system"], record["warmup"], record["times"])
                 for record in self.measurements(workload="records", phase="write")]
        self.assertEqual(order, [(turn, system, warmup, times) for turn in (1, 2) for system in ("a", "b")
                                 for warmup, times in ((True, 1), (False, 3))])
        self.assertTrue(self.measurements(workload="contiguous", warmup=False))

    def test_a_launch_goes_on_while_its_time_lasts(self):
        code, _, errors = self.run_bench(self.ufs(), "--workloads", "records", "--set", "bytes=64K", "--form", "independent",
                                         "--times", "0", "--seconds", "2")
        self.assertEqual(code, 0, errors)
        self.assertGreater(self.measurements(phase="write")[0]["times"], 3)

    def test_a_case_that_crashes_costs_the_others_nothing(self):
        # mpirun itself dies while that case runs.
        crashing = os.path.join(self.folder, "mpirun")
        with open(crashing, "w", encoding="utf-8") as file:
            file.write(f'''#!/bin/sh
case "$*" in
*records:0,*)
    echo '{{"kind": "begin", "workload": "records", "case": 0}}'
    kill -SEGV $$;;
esac
PATH="$REAL_PATH" exec mpirun "$@"
''')
        os.chmod(crashing, 0o755)
        code, _, errors = self.run_bench(self.ufs(), "--workloads", "records,random", "--set", "bytes=64K", "--repeats", "2", "--times", "1",
                                         PATH=f"{self.folder}:{os.environ['PATH']}", REAL_PATH=os.environ["PATH"])
        self.assertEqual(code, 1)
        failed = [record for record in self.measurements() if record["error"]]
        self.assertEqual([(record["workload"], record["form"], record["round"]) for record in failed], [("records", "independent", 1)], errors)
        for form in ("independent", "collective"):
            found = [(record["round"], record["verified"]) for record in self.measurements(workload="records", form=form, phase="read")]
            self.assertEqual(found, [] if form == "independent" else [(1, True), (2, True)])
        self.assertTrue(self.measurements(workload="random", verified=True, round=1))

    def test_a_system_that_cannot_be_reached_fails_and_the_other_goes_on(self):
        code, said, errors = self.run_bench(f"bad=ufs:{self.folder}/no/such/folder/x,{self.ufs()}", "--set", "bytes=64K",
                                            "--workloads", "records", "--form", "independent")
        self.assertEqual(code, 1)
        self.assertIn("FAILED", said)
        self.assertRegex(errors, r"failed: bad: records independent .*opening .*no/such/folder")
        self.assertEqual(len(self.measurements(system="bad")), 1, "not tried again")
        self.assertTrue(self.measurements(system="ufs", verified=True, warmup=False))

    def test_a_hang_is_ended_and_recorded(self):
        # mpirun itself waits for a file that nobody writes.
        waiting = os.path.join(self.folder, "mpirun")
        with open(waiting, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\n[ "$1" = --version ] || exec sleep 1000\n')
        os.chmod(waiting, 0o755)
        code, _, errors = self.run_bench(self.ufs(), "--workloads", "records", "--form", "independent", "--timeout", "2",
                                         PATH=f"{self.folder}:{os.environ['PATH']}")
        self.assertEqual(code, 1)
        self.assertIn("not done within 2 s", errors)

    def test_wrong_words_are_refused(self):
        for arguments in (["--workloads", "no-such"], ["--set", "no-equals"]):
            code, _, errors = self.run_bench(self.ufs(), *arguments)
            self.assertEqual(code, 2, arguments)
            self.assertIn("orfa-bench: error:", errors)
        self.assertEqual(self.run_bench("nonsense")[0], 2)


class OnOrfa(Case):
    SYSTEMS = "orfa=orfa:/b,tcp=orfa:/b+ORFA_TRANSPORT=ofi"

    def test_every_workload_runs_and_is_verified(self):
        code, _, errors = self.run_bench(self.SYSTEMS, *TINY, "--servers", "2")
        self.assertEqual(code, 0, errors)
        self.check_all_good(["orfa", "tcp"])

    def test_a_wrong_byte_is_found_and_located_and_gives_no_bandwidth(self):
        # Byte 70,000 of each server's share, of which the first holds the file's first stripe of 1 MiB.
        code, said, errors = self.run_bench("orfa=orfa:/b", "--workloads", "contiguous,records,vector-strided,random",
                                            "--form", "independent", "--set", "bytes=512K", ORFA_TEST_CORRUPT="70000")
        self.assertEqual(code, 1)
        self.assertIn("FAILED", said)
        found = re.findall(r"failed: orfa: (\S+) .*wrong byte at file offset (\d+), found by rank (\d+): "
                           r"expected 0x(..), found 0x(..)", errors)
        self.assertEqual({name for name, *_ in found}, {"contiguous", "records", "vector-strided", "random"})
        for name, offset, rank, expected, got in found:
            self.assertEqual(int(offset), 70000, name)
            self.assertLess(int(rank), 4)
            self.assertEqual(int(expected, 16) ^ int(got, 16), 1, "the lowest bit")
        for record in self.measurements():
            self.assertIs(record["verified"], False)
            self.assertIsNone(record["seconds"])
            self.assertIn("wrong byte at file offset 70000", record["error"])


class Parts(unittest.TestCase):
    def test_systems_are_parsed(self):
        from orfa_bench import systems
        orfa, plain = systems.parse("tcp=orfa:/b+ORFA_TRANSPORT=ofi+A=b=c,ompio=/dev/shm/c+OMPI_MCA_io=ompio")
        self.assertEqual((orfa.name, orfa.path, orfa.environment), ("tcp", "orfa:/b", {"ORFA_TRANSPORT": "ofi", "A": "b=c"}))
        self.assertEqual((orfa.prefix, orfa.reach), ("orfa:", "tcp"))
        self.assertEqual((plain.prefix, plain.local_path, plain.reach), ("", "/dev/shm/c", "tmpfs"))
        self.assertEqual(plain.variables({})["OMPI_MCA_io"], "ompio")
        self.assertEqual(orfa.variables({"ORFA_SERVERS": "h:1"})["ORFA_SERVERS"], "h:1")
        for wrong in ("", "orfa", "=x", "a=x,a=y", "a=x+y", "a b=x"):
            with self.assertRaises(ValueError, msg=wrong):
                systems.parse(wrong)

    def test_limits_follow_how_bytes_travel(self):
        from orfa_bench import limits
        known = {("memcpy", "both"): 8.0, ("tcp", "write"): 3.0, ("tcp", "read"): 4.0, ("ufs_4k", "read"): 9.0}
        measured = {"bytes": 1, "phase": "write", "reach": "local"}
        self.assertEqual(limits.limit_of(measured, known), ("memcpy", 8.0))
        self.assertEqual(limits.limit_of({**measured, "reach": "tcp"}, known), ("tcp", 3.0))
        self.assertEqual(limits.limit_of({**measured, "reach": "tcp", "phase": "read"}, known), ("tcp", 4.0))
        self.assertIsNone(limits.limit_of({**measured, "reach": "tmpfs"}, known), "not measured")
        self.assertIsNone(limits.limit_of({**measured, "bytes": 0}, known), "names have no bandwidth")

    def test_what_a_launch_did_several_times_is_one_figure_and_a_failure_hides_behind_none(self):
        from orfa_bench import run
        good = [{"seconds": seconds, "error": None} for seconds in (0.3, 0.1, 0.2)]
        self.assertEqual(run.one_of(good)["seconds"], 0.2)
        self.assertEqual(run.one_of(good[:1])["seconds"], 0.3)
        self.assertEqual(run.one_of([*good, {"seconds": None, "error": "wrong byte"}])["error"], "wrong byte")
        self.assertEqual(run.one_of([{"kind": "skipped"}] * 3), {"kind": "skipped", "times": 3})

    def test_the_table_shows_medians_ratios_and_failures(self):
        from orfa_bench import table
        base = {"kind": "measurement", "workload": "w", "form": "none", "phase": "write", "parameters": {"transfer": 4096},
                "bytes": 1 << 20, "operations": 1, "reach": "local", "warmup": False, "error": None}
        records = [{**base, "system": "a", "seconds": seconds} for seconds in (0.1, 0.01, 0.02)]
        records.append({**base, "system": "a", "seconds": 100, "warmup": True})
        records.append({**base, "system": "b", "seconds": None, "error": "no"})
        records.append({"kind": "limit", "name": "memcpy", "direction": "both", "bytes_per_second": 100 << 20, "error": None})
        text = table.of_run(records, ["a", "b"])
        row = next(line for line in text.splitlines() if "transfer 4K" in line)
        self.assertIn("50 MiB/s", row)
        self.assertIn("0.50x", row)
        self.assertIn("FAILED", row)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    OPTIONS, REST = parser.parse_known_args()
    OPTIONS.bin = os.path.abspath(OPTIONS.bin)
    unittest.main(argv=[sys.argv[0], *REST])
