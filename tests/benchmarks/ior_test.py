#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of what run-ior.sh makes of configurations and of IOR's words; and of a real run, where there is an IOR.

    ior_test.py              the tests that need no IOR
    ior_test.py --real BIN   a short run of every configuration on ufs:, checked; BIN has the built programs. Skipped without IOR.
"""
import contextlib
import glob
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "benchmarks"))
from orfa_bench import ior, measured  # noqa: E402

MIB = 1 << 20
SCRIPT = os.path.join(ROOT, "scripts/run-ior.sh")
TWO_RUNS = """# what it is for
IOR START
api=MPIIO   # a remark
transferSize=64k
blockSize=64k
segmentCount=1000
repetitions=5
RUN
collective=1
--mpiio.useFileView=1
RUN
IOR STOP
"""


def summary(accesses, **parameters):
    """IOR's JSON as version 4 writes it, what isn't read left out."""
    return json.dumps({"Version": "4.1.0", "tests": [{
        "TestID": 0, "Parameters": {"transferSize": 65536, "blockSize": 65536, "segmentCount": 100, **parameters},
        "Options": {"tasks": 4, "type": "independent"},
        "Results": [{"access": access, "bwMiB": mib, "totalTime": 0.0501} for access, mib in accesses]}]})


class Configurations(unittest.TestCase):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False, encoding="utf-8") as file:
            file.write(TWO_RUNS)
        self.addCleanup(os.unlink, file.name)
        self.runs = ior.Configuration(file.name).runs

    def test_each_run_has_the_directives_before_it(self):
        first, second = self.runs
        self.assertEqual(first["api"], "MPIIO")
        self.assertNotIn("collective", first)
        self.assertEqual(second, {**first, "collective": "1", "--mpiio.useFileView": "1"})

    def test_what_it_is_called_tells_runs_apart(self):
        self.assertEqual([ior.described(run) for run in self.runs], [
            {"form": "independent", "parameters": {"transfer": 65536}},
            {"form": "collective", "parameters": {"transfer": 65536, "useFileView": "1"}}])

    def test_shrinking_keeps_the_pattern(self):
        self.assertEqual(ior.shrunk(self.runs[0], 8), {**self.runs[0], "segmentCount": "125", "repetitions": "2"})
        large = {**self.runs[0], "blockSize": "3m", "segmentCount": "1"}
        self.assertEqual(ior.shrunk(large, 7)["blockSize"], str(6 * 65536))
        self.assertEqual(ior.shrunk(large, 1000000)["blockSize"], "65536")
        self.assertEqual(ior.shrunk(self.runs[0], 1)["segmentCount"], "1000")

    def test_all_of_ours_are_understood_and_explain_themselves(self):
        paths = glob.glob(os.path.join(ROOT, "ior-configs/*.conf"))
        self.assertGreaterEqual(len(paths), 8)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                comment = file.read().split("IOR START")[0]
            self.assertIn("# Measures: ", comment, path)
            self.assertIn("# Look at: ", comment, path)
            runs = ior.Configuration(path).runs
            self.assertTrue(runs, path)
            described = [json.dumps(ior.described(run)) for run in runs]
            self.assertEqual(len(set(described)), len(runs), f"{path}: runs that the results would mix up")
            for run in runs:
                ior.shrunk(run, 4)


class Results(unittest.TestCase):
    plain = {"api": "MPIIO", "transferSize": "64k", "blockSize": "64k"}
    checking = {**plain, "checkWrite": "1", "checkRead": "1"}

    def test_time_is_that_of_iors_bandwidth_the_last_time(self):
        cold = [("write", 1.0), ("read", 2.0)]
        write, read = ior.measurements(summary(cold + [("write", 100.0), ("read", 50.0)]), self.plain, "")
        self.assertEqual((write["phase"], read["phase"]), ("write", "read"))
        self.assertEqual(write["bytes"], 4 * 100 * 65536)
        self.assertAlmostEqual(write["bytes"] / write["seconds"] / MIB, 100)
        self.assertAlmostEqual(read["bytes"] / read["seconds"] / MIB, 50)
        self.assertEqual((write["operations"], write["transfer_bytes"], write["ranks"]), (400, 65536, 4))

    def test_only_what_was_checked_is_verified(self):
        self.assertIsNone(next(ior.measurements(summary([("write", 1.0)]), self.plain, ""))["verified"])
        self.assertTrue(next(ior.measurements(summary([("write", 1.0)]), self.checking, ""))["verified"])

    def test_wrong_data_has_no_figure(self):
        log = "\nWARNING: Incorrect data on write (40 errors found).\n\nUsed Time Stamp 1795273743 (0x6b01b40f) for Data Signature\n"
        record = next(ior.measurements(summary([("write", 1.0)]), self.checking, log))
        self.assertEqual((record["verified"], record["seconds"], record["error"]),
                         (False, None, "Incorrect data on write (40 errors found)"))

    def test_what_is_no_summary_is_refused(self):
        for text in ("", "{}", '{"tests": []}', summary([]), summary([("write", 1.0)])[:-5]):
            with self.assertRaises(ValueError):
                list(ior.measurements(text, self.plain, ""))

    def test_iors_complaint_is_found(self):
        log = "WARNING: Backend\nERROR: block size must be a multiple of transfer size, (ior.c:1505)\nMPI_ABORT was invoked\n"
        self.assertEqual(ior.complaint(log), "block size must be a multiple of transfer size")
        self.assertIsNone(ior.complaint("WARNING: nothing of note\n"))


class Command(unittest.TestCase):
    def run_script(self, *arguments, **environment):
        return subprocess.run(["bash", SCRIPT, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
                              check=False)

    def test_without_ior_it_says_how_to_get_one(self):
        done = self.run_script("--systems", "a=ufs:/nowhere/a", "--out", "/nowhere/out", IOR="/nowhere/ior")
        self.assertEqual(done.returncode, 77)
        self.assertIn("IOR=/nowhere/ior is no program", done.stderr)
        self.assertIn("spack install ior", done.stderr)
        self.assertIn("./bootstrap", done.stderr)

    def test_help_needs_no_ior(self):
        done = self.run_script("--help", IOR="/nowhere/ior")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--shrink", done.stdout)

    def test_wrong_use_is_code_2(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments in (["--systems", "a=ufs:/x", "--configs", "nosuch"], ["--systems", "nonsense"],
                              ["--systems", "a=ufs:/x", "--shrink", "0"]):
                self.assertEqual(self.run_script(*arguments, "--out", os.path.join(folder, "out"), IOR="true").returncode, 2)


class Real(unittest.TestCase):
    """With an IOR. `programs` is set by --real."""
    programs = None

    def test_every_configuration_runs_on_ufs(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out")
            with contextlib.redirect_stdout(io.StringIO()):
                code = ior.main(["--systems", f"ufs=ufs:{folder}/b", "--out", out, "--shrink", "64", "--repeats", "1", "--no-limits",
                                 "--bin", self.programs])
            run = measured.load(out)
            self.assertEqual([failure.text for failure in run.failures], [])
            self.assertEqual(code, 0)
            self.assertEqual({figure.case.workload for figure in run.figures},
                             {f"ior-{os.path.basename(path)[:-5]}" for path in glob.glob(os.path.join(ROOT, "ior-configs/*.conf"))})
            self.assertEqual(glob.glob(f"{folder}/b*"), [], "files are left")


def main():
    if sys.argv[1:2] == ["--real"]:
        if not shutil.which(os.environ.get("IOR", "ior")):
            print("no IOR (IOR=, or ior in PATH): skipped")
            return 77
        Real.programs = sys.argv[2]
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(Real)
    else:
        suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(cases)
                                   for cases in (Configurations, Results, Command))
    return not unittest.TextTestRunner().run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
