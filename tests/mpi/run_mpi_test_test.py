#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of run_mpi_test.py, with a stand-in for the orfa program that writes down how it was called."""
import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run_mpi_test  # noqa: E402

FAKE_ORFA = """#!/bin/sh
echo "$@" >> "{log}"
if [ "$1 $2" = "cluster start" ]; then
    echo "words for people" >&2
    echo "export ORFA_SERVERS=fake:1,fake:2"
    echo "export ORFA_FAKE='some where'"
    exit {start_code}
fi
"""


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="orfa runner ")  # with a space on purpose
        self.addCleanup(self.folder.cleanup)
        self.log = os.path.join(self.folder.name, "log")

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def run_it(self, *arguments, start_code=0):
        orfa = self.write("orfa", FAKE_ORFA.format(log=self.log, start_code=start_code))
        return subprocess.run([sys.executable, os.path.join(HERE, "run_mpi_test.py"), "--orfa", orfa, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)

    def calls(self):
        with open(self.log, encoding="utf-8") as file:
            return [line.split(" --name")[0] for line in file.read().splitlines()]

    def test_program_gets_the_clusters_variables_and_names_on_orfa(self):
        show = self.write("show", "#!/bin/sh\necho \"$ORFA_SERVERS $ROMIO_FSTYPE_FORCE $HDF5_PARAPREFIX $1\"\n")
        run = self.run_it("--np", "1", "--expect", "^fake:1,fake:2 orfa: /t /t/file$", "--", show, "{file}")
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertEqual(self.calls(), ["cluster start --servers 4 --memory", "mkdir orfa:/t", "cluster stop"])

    def test_hanging_ranks_are_ended_and_the_cluster_is_stopped(self):
        pids = os.path.join(self.folder.name, "pids")
        hang = self.write("hang", f"#!/bin/sh\ntrap '' TERM\necho $$ >> '{pids}'\nwhile :; do sleep 1; done\n")
        begin = time.monotonic()
        run = self.run_it("--np", "2", "--timeout", "2", "--", hang)
        self.assertEqual(run.returncode, 1, run.stdout)
        self.assertIn("HANG", run.stdout)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(self.calls()[-1], "cluster stop")
        with open(pids, encoding="utf-8") as file:
            ranks = file.read().split()
        self.assertEqual(len(ranks), 2)
        for rank in ranks:
            self.assertTrue(run_mpi_test.is_dead(rank), f"rank {rank} still runs")

    def test_missing_text_is_a_failure_in_spite_of_exit_code_0(self):
        run = self.run_it("--np", "1", "--judge", "no-errors", "--", "/bin/echo", "Found 2 errors")
        self.assertEqual(run.returncode, 1, run.stdout)

    def test_crash_is_told_from_failure(self):
        crash = self.write("crash", "#!/bin/sh\nkill -SEGV $$\n")
        run = self.run_it("--np", "1", "--", crash)
        self.assertIn("CRASH", run.stdout)

    def test_exit_code_before_a_semicolon_is_ignored_and_before_and_is_not(self):
        self.assertEqual(self.run_it("--np", "1", "--", "/bin/false", ";", "/bin/true").returncode, 0)
        self.assertEqual(self.run_it("--np", "1", "--", "/bin/false", "&&", "/bin/true").returncode, 1)

    def test_cluster_that_does_not_start_is_an_error_and_is_stopped(self):
        run = self.run_it("--np", "1", "--", "/bin/true", start_code=3)
        self.assertEqual(run.returncode, 2, run.stdout)
        self.assertEqual(self.calls()[-1], "cluster stop")

    def test_skipped_row_exits_77_with_the_reason(self):
        run = self.run_it("--row", "romio.external32", "--programs", self.folder.name)
        self.assertEqual(run.returncode, 77, run.stdout)
        self.assertIn("fopen", run.stdout)


class Table(unittest.TestCase):
    def test_every_row_reads(self):
        rows = run_mpi_test.read_rows()
        self.assertGreater(len(rows), 40)
        self.assertEqual(len({row.name for row in rows}), len(rows))
        for row in rows:
            self.assertIn(row.ufs, ("pass", "fail", "crash", "hang"), row.name)
            self.assertIn(row.orfa, ("pass", "later", "skip", "large"), row.name)
            if row.orfa != "pass":
                self.assertTrue(row.note, f"{row.name} is not run and does not say why")

    def test_exports_are_read_as_a_shell_would(self):
        self.assertEqual(run_mpi_test.parse_exports("export A=b\nexport C='d e' F=g\n"), {"A": "b", "C": "d e", "F": "g"})
        with self.assertRaises(RuntimeError):
            run_mpi_test.parse_exports("starting 4 servers\n")


if __name__ == "__main__":
    unittest.main()
