#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""orfa-bench papers: one figure measured for real, and the page for lines that are made up.

    papers_test.py --bin BUILD/bin
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "benchmarks"))
try:
    import matplotlib  # noqa: F401  pylint: disable=unused-import
except ModuleNotFoundError:
    print("skipped: no matplotlib")
    sys.exit(77)
from orfa_bench import papers  # noqa: E402

BIN = sys.argv[sys.argv.index("--bin") + 1]


class Papers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="orfa-papers-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_it(self, *arguments):
        return subprocess.run([os.path.join(BIN, "orfa-bench"), "papers", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=200, check=False)

    def test_a_figure_is_measured_and_drawn_beside_what_the_report_said(self):
        out = os.path.join(self.folder, "out")
        done = self.run_it("--out", out, "--figures", "registration", "--repeats", "1", "--price", "1000:5000")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(out, "results.jsonl"), encoding="utf-8") as file:
            samples = [json.loads(line) for line in file]
        self.assertEqual({sample["line"] for sample in samples}, {"copy", "register", "register and deregister"})
        for sample in samples:
            self.assertGreater(min(sample["values"]), 0)
        with open(os.path.join(out, "papers.html"), encoding="utf-8") as file:
            page = file.read()
        for part in ("<svg", "figure 3a", "1000:5000", "register and deregister"):
            self.assertIn(part, page)
        self.assertNotIn("http://", page.replace("http://www.w3.org", ""))

    def test_writes_and_reads_have_plots_of_their_own(self):
        samples = [{"figure": "cache", "line": f"{direction}, {way}", "x": size, "values": [size * 1000.0, size * 1100.0]}
                   for direction in ("write", "read") for way in ("cache", "copy") for size in (4096, 65536)]
        html = papers.plot("cache", samples, 0)
        self.assertEqual(html.count("<svg"), 2)
        self.assertIn("64 KiB", html)

    def test_rounds_of_a_point_are_one_figure(self):
        samples = [{"figure": "parts", "line": "write over TCP, client", "x": 4096, "values": [value]} for value in (3.0, 1.0, 2.0)]
        (size, summary), = papers.lines_of("parts", samples)["write over TCP"]["client"]
        self.assertEqual((size, summary.count, summary.median), (4096, 3, 2.0))

    def test_the_parts_of_a_request_add_up(self):
        out = os.path.join(self.folder, "out")
        done = self.run_it("--out", out, "--figures", "parts", "--repeats", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(out, "results.jsonl"), encoding="utf-8") as file:
            samples = [json.loads(line) for line in file]
        found = {}
        for sample in samples:
            kind, part = sample["line"].split(", ")
            found.setdefault((kind, sample["x"]), {})[part] = sample["values"][0]
        self.assertEqual({kind for kind, _ in found}, {f"{way} {how}" for way in ("write", "read") for how in ("on one host", "over TCP")})
        for parts in found.values():
            self.assertEqual(set(parts), {"client", "network", "server", "store", "whole"})
            self.assertLess(max(parts["client"], parts["server"], parts["store"]), parts["whole"])
            self.assertGreaterEqual(sum(parts.values()) * 1.001, 2 * parts["whole"])

    def test_what_was_not_measured_is_said(self):
        self.assertIn("Nothing was measured", papers.plot("clients", [], 0))

    def test_wrong_use(self):
        self.assertEqual(self.run_it("--out", self.folder, "--figures", "nonsense").returncode, 2)
        with open(os.path.join(self.folder, "something"), "w", encoding="utf-8"):
            pass
        self.assertIn("is not empty", self.run_it("--out", self.folder).stderr)
        self.assertIn("figures:", self.run_it("--help").stdout)


unittest.main(argv=sys.argv[:1])
