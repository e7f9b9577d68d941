#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of orfa-bench report on runs made up for them: what the page says, and that it stands alone."""
import contextlib
import html.parser
import io
import os
import re
import sys
import tempfile
import unittest

try:
    import matplotlib  # noqa: F401  pylint: disable=unused-import
except ModuleNotFoundError:
    print("no matplotlib (python3-matplotlib): skipped")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../benchmarks"), HERE]
from orfa_bench import heatmap, measured, report, sorting, workload_plots  # noqa: E402
from synthetic import everything, limit, limit_of, measurement, rate_rounds, rounds, write_run  # noqa: E402

VOID = {"meta", "br", "link", "img"}


class Page(html.parser.HTMLParser):
    """Reads a page and notes what a browser would fetch, ids, and tags that don't match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.fetched, self.plots = [], [], [], [], [], 0
        self.text = ""
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.plots += tag == "svg"
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("src", "srcset", "data"):
            if name in attributes:
                self.fetched.append(attributes[name])
        for name in ("href", "xlink:href"):
            if attributes.get(name):
                (self.links if attributes[name].startswith("#") else self.fetched).append(attributes[name])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data + "\n"


class Reported(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "run")

    def load(self, lines, systems=("orfa",), **environment):
        return measured.load(write_run(self.folder, lines, systems, **environment), limit_of)

    def page(self, lines, systems=("orfa",), **environment):
        """The page's source, and what was found in it; every page must be well-formed and stand alone."""
        source = report.page(self.load(lines, systems, **environment))
        page = Page(source)
        self.assertEqual(page.wrong, [])
        self.assertEqual(page.fetched, [], "a page fetches nothing")
        self.assertEqual(len(page.ids), len(set(page.ids)), "no id twice")
        self.assertLessEqual({link[1:] for link in page.links}, set(page.ids), "every link leads somewhere")
        self.assertNotIn("@import", source)
        self.assertEqual(re.findall(r"url\((?!#)[^)]*\)", source), [])
        # Colours that matplotlib was given must all have become the page's.
        self.assertNotRegex(source, "#0a0b[0-9a-f]{2}")
        self.assertNotRegex(re.sub(r"<style>.*?</style>", "", source, count=1, flags=re.S), r"fill: #|stroke: #")
        return source, page


class Pages(Reported):
    def test_a_run_with_everything(self):
        systems = ["orfa", "tcp", "ufs"]
        _, page = self.page(everything(systems), systems)
        # contiguous: bars of 2 phases and sizes of 6; records 2; vector 2; tiles 2 + 2 + 2; random 2 + 2; metadata 5 + 5; clients 1 + 1
        self.assertEqual(page.plots, 8 + 2 + 2 + 6 + 4 + 10 + 2)
        for words in ("Over the size of a transfer", "Over the number of ranks", "Over the number of servers",
                      "Over the number of clients", "Against the machine's limits", "Against the fastest system", "Where it falls off"):
            self.assertIn(words, page.text)

    def test_one_system_without_limits_has_no_heat_map(self):
        _, page = self.page(rounds("records", "orfa", [1, 1.1, 1.2]))
        self.assertNotIn("Against", page.text)
        self.assertIn("Nothing to compare", page.text)
        self.assertEqual(page.plots, 1)

    def test_six_systems_with_long_names(self):
        systems = [f"a-file-system-whose-name-is-long-{number}" for number in range(6)]
        source, page = self.page(everything(systems, samples=2), systems)
        for system in systems:
            self.assertIn(system, page.text)
        self.assertIn("var(--series-5)", source)

    def test_eight_systems_take_colours_again(self):
        systems = [f"s{number}" for number in range(8)]
        lines = [line for system in systems for size in (4096, 8192) for line in rounds("w", system, [1, 2], transfer_bytes=size)]
        self.assertEqual(self.page(lines, systems)[1].plots, 2)

    def test_nothing_measured(self):
        self.assertIn("No measurements", self.page([])[1].text)

    def test_names_are_escaped(self):
        name = "<b>&\"'</b>"
        source, page = self.page(rounds(name, name, [1, None], parameters={name: name}), [name])
        self.assertNotIn("<b>&\"", source)
        self.assertIn(name, page.text)

    def test_zero_latencies_and_huge_figures(self):
        latency = {"p50": 0, "p90": 0.5, "p99": None, "max": 4e9}
        self.page(rounds("w", "orfa", [1e-9, 1e-8, 1e6], latency_us=latency) + rounds("v", "orfa", [1e6, 1], latency_us=None))


class Notices(Reported):
    def test_wrong_data_comes_first_and_shows_no_figure(self):
        lines = [measurement("btio", "ufs", None, verified=None, error="no HDF5 here")]
        lines += rounds("records", "ufs", [1, 9, None]) + rounds("records", "orfa", [2, 2, 2])
        source, page = self.page(lines, ["orfa", "ufs"])
        wrong = page.text.index("Wrong data: 1 measurement failed verification")
        self.assertLess(wrong, page.text.index("1 measurement brought no figure"))
        self.assertLess(wrong, page.text.index("Before you conclude"))
        self.assertLess(wrong, page.text.index("Summary"))
        self.assertIn("file offset 4096, rank 2: expected 0x17, found 0x00", page.text)
        self.assertIn("no HDF5 here", page.text)
        self.assertIn("wrong data", source[source.index('<section id="workload-records">'):])
        self.assertNotIn("9.00 GiB/s", page.text[page.text.index("Summary"):], "what was measured beside wrong data is not shown")

    def test_a_case_that_is_always_wrong_has_one_line(self):
        text = self.page(rounds("records", "orfa", [None, None, None]) + rounds("tiles", "orfa", [None, 1, 1]))[1].text
        self.assertIn("Wrong data: 4 measurements failed verification", text)
        self.assertEqual(text.count("expected 0x17, found 0x00; and 2 more rounds"), 1)
        self.assertEqual(text.count("expected 0x17, found 0x00"), 2)

    def test_a_wrong_byte_in_a_warm_up_round_counts(self):
        lines = rounds("records", "orfa", [2, 2, 2]) + [measurement("records", "orfa", None, warmup=True)]
        self.assertIn("failed verification", self.page(lines)[1].text)

    def test_wide_spreads_are_named_and_narrow_ones_are_not(self):
        lines = rounds("wide", "orfa", [1, 2, 3]) + rounds("narrow", "orfa", [1, 1.1, 1.2])
        text = self.page(lines)[1].text
        self.assertIn("Spread too wide to conclude in 1 of 2 figures.", text)
        listed = text[text.index("Spread too wide"):text.index("Summary")]
        self.assertIn("wide, write, independent: 1.00 GiB/s to 3.00 GiB/s around 2.00 GiB/s", listed)
        self.assertNotIn("narrow", listed)

    def test_a_quiet_run_has_no_notices(self):
        self.assertNotIn('class="notice', self.page(rounds("records", "orfa", [1, 1.1, 1.2]))[0])

    def test_a_busy_machine_single_rounds_skipped_workloads_and_missing_limits_are_named(self):
        lines = [limit("disk_read", None), {"kind": "skipped", "workload": "btio", "form": "collective", "system": "ufs", "reason": "4 ranks"}]
        text = self.page(lines + rounds("records", "orfa", [1]), loadavg_at_start=[5.5, 1, 1])[1].text
        self.assertIn("The machine was busy when it began (load 5.5 on 2 processors).", text)
        self.assertIn("1 figure measured once only.", text)
        self.assertIn("Limit disk_read not measured:", text)
        self.assertIn("ufs, btio, collective", text)


class Summaries(Reported):
    def test_cells_have_the_ratio_to_the_limit(self):
        run = self.load([limit("memcpy", 10)] + rounds("records", "orfa", [1, 2.5, 3]) + rounds("records", "ufs", [9.5, 9.6, 9.7]))
        (_, label, cells), = heatmap.against_limits(run).rows
        self.assertEqual(label, "independent")
        self.assertAlmostEqual(cells["orfa", "write"][1], 0.25)
        self.assertIn("heat-3", heatmap.cell_html(cells["orfa", "write"]))
        self.assertIn("~", heatmap.cell_html(cells["orfa", "write"]))
        self.assertIn("heat-7", heatmap.cell_html(cells["ufs", "write"]))
        self.assertNotIn("~", heatmap.cell_html(cells["ufs", "write"]))
        self.assertIn("·", heatmap.cell_html(cells.get(("ufs", "read"))))

    def test_what_has_no_limit_is_held_against_the_fastest(self):
        run = self.load([limit("memcpy", 10)] + rate_rounds("names", "orfa", [100, 100, 100], phase="create")
                        + rate_rounds("names", "ufs", [400, 400, 400], phase="create"), ["orfa", "ufs"])
        self.assertIsNone(heatmap.against_limits(run))
        (_, label, cells), = heatmap.against_fastest(run).rows
        self.assertEqual(label, "create")
        self.assertEqual([cells[system, ""][1] for system in ("orfa", "ufs")], [0.25, 1])

    def test_a_cliff_is_named_with_the_worst_of_its_workload_only(self):
        run = self.load([limit("memcpy", 10)]
                        + [line for size, speed in ((4096, 0.1), (16384, 0.2), (1 << 20, 9))
                           for line in rounds("contiguous", "orfa", [speed] * 3, transfer_bytes=size)]
                        + rounds("records", "orfa", [5, 5, 5]) + rounds("noisy", "orfa", [0.1, 1, 4]))
        self.assertEqual(heatmap.cliffs(run), ["orfa: contiguous, write, independent, 4 KiB: 102 MiB/s, 0.010 of its limit (memcpy)"])

    def test_a_wide_spread_hides_no_cliff_that_all_of_it_is_below(self):
        run = self.load([limit("memcpy", 10)] + rounds("noisy", "orfa", [0.1, 1, 2.9]) + rounds("noise", "orfa", [0.1, 1, 3.1]))
        self.assertEqual(heatmap.cliffs(run), ["orfa: noisy, write, independent: 1.00 GiB/s, 0.10 of its limit (memcpy)"])

    def test_far_behind_another_system_is_a_cliff_without_a_limit(self):
        run = self.load(rounds("records", "orfa", [5, 5, 5]) + rounds("records", "ufs", [1, 1, 1]) + rounds("tiles", "ufs", [4, 4, 4])
                        + rounds("tiles", "orfa", [5, 5, 5]))
        self.assertEqual(heatmap.cliffs(run), ["ufs: records, write, independent: 1.00 GiB/s, 0.20 of what orfa reaches"])

    def test_scaling_cases_stay_out_of_the_heat_map(self):
        lines = [line for ranks in (1, 2, 4) for line in rounds("tiles", "orfa", [ranks] * 3, ranks=ranks)]
        self.assertEqual(len(heatmap.against_limits(self.load([limit("memcpy", 10)] + lines)).rows), 1)


    def test_phases_other_than_write_and_read_share_a_column(self):
        run = self.load([limit("memcpy", 10)] + [line for phase in ("write", "read", "rewrite", "append")
                                                 for line in rounds("w", "orfa", [1, 1, 1], phase=phase)])
        table = heatmap.against_limits(run)
        self.assertEqual(table.columns, ["write", "read", "other"])
        self.assertEqual([(label, [column for _, column in cells]) for _, label, cells in table.rows],
                         [("independent", ["write", "read"]), ("rewrite, independent", ["other"]), ("append, independent", ["other"])])


class Labels(Reported):
    def labels(self, *changes):
        run = self.load([line for change in changes for line in rounds("w", "orfa", [1], **change)])
        return list(sorting.labels(sorting.workloads(run)["w"]).values())

    def test_say_no_more_than_tells_them_apart(self):
        self.assertEqual(self.labels({"parameters": {"api": "direct", "files": 1000}}, {"parameters": {"api": "mpiio", "files": 200}}),
                         ["independent, api direct", "independent, api mpiio"])
        self.assertEqual(self.labels({"transfer_bytes": 4096}, {"transfer_bytes": 8192}), ["independent, 4 KiB", "independent, 8 KiB"])

    def test_leave_out_what_only_phases_differ_in(self):
        self.assertEqual(self.labels({"phase": "write", "transfer_bytes": 4096}, {"phase": "read", "transfer_bytes": 8192}),
                         ["independent", "independent"])

    def test_name_ranks_and_servers_where_they_vary(self):
        self.assertEqual(self.labels({"ranks": 1}, {"ranks": 4}, {"servers": 1}),
                         ["independent, 1 rank, 4 servers", "independent, 4 ranks, 4 servers", "independent, 4 ranks, 1 server"])


class Curves(Reported):
    def curve_titles(self, lines, attribute):
        run = self.load(lines)
        cases = sorting.workloads(run)["w"]
        section = workload_plots.Section(run, cases, iter(range(100)))
        found = []
        section.curve_plot = lambda title, members, *_: found.append((title, [getattr(case, attribute) for case in members]))
        section.curves(cases, attribute, "", str)
        return found

    def test_a_size_under_the_workloads_own_name_makes_one_curve(self):
        lines = [line for size in (8192, 4096) for line in rounds("w", "orfa", [1], transfer_bytes=size,
                                                                  parameters={"transfer": size, "bytes": size * 1000})]
        self.assertEqual(self.curve_titles(lines, "transfer_bytes"), [("write, independent", [4096, 8192])])

    def test_other_parameters_make_curves_of_their_own(self):
        lines = [line for size in (4096, 8192) for strip in (16, 32)
                 for line in rounds("w", "orfa", [1], transfer_bytes=size, parameters={"strip": strip})]
        self.assertEqual([title for title, _ in self.curve_titles(lines, "transfer_bytes")],
                         ["write, independent, strip 16", "write, independent, strip 32"])

    def test_single_sizes_make_none(self):
        self.assertEqual(self.curve_titles(rounds("w", "orfa", [1, 2]), "transfer_bytes"), [])

    def test_cases_that_differ_in_the_amount_only_have_different_labels(self):
        run = self.load([line for amount in (1 << 20, 1 << 30) for line in rounds("w", "orfa", [1], parameters={"bytes": amount})])
        self.assertEqual(len(set(sorting.labels(sorting.workloads(run)["w"]).values())), 2)


class Reading(Reported):
    def test_a_killed_runs_last_line_is_left_out(self):
        write_run(self.folder, rounds("w", "orfa", [1, 2]))
        with open(os.path.join(self.folder, "results.jsonl"), "a", encoding="utf-8") as file:
            file.write('{"kind": "measurement", "work')
        self.assertEqual(measured.load(self.folder).figures[0].summary.count, 2)

    def test_garbage_is_refused_with_its_place(self):
        write_run(self.folder, [])
        with open(os.path.join(self.folder, "results.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"kind": "limit", "name": "tcp"}\nnot json\n{}\n')
        with self.assertRaisesRegex(measured.Unreadable, "results.jsonl:2: not JSON"):
            measured.load(self.folder)

    def test_the_command_writes_the_page_or_says_why_not(self):
        write_run(self.folder, rounds("w", "orfa", [1, 2]))
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            self.assertEqual(report.main([self.folder]), 0)
            self.assertEqual(report.main([self.folder + "-missing"]), 1)
        with open(output.getvalue().strip(), encoding="utf-8") as file:
            self.assertIn("<svg", file.read())
        self.assertIn("is not the folder of a run", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
