# SPDX-License-Identifier: MIT
"""Which plots a workload gets: bars always, curves where sizes or scales were swept, percentiles where latencies were taken."""
import dataclasses
import html
import itertools

from . import heatmap, plots, sorting, words


class Section:
    """The plots of one workload. `numbers` makes ids for the whole page."""

    def __init__(self, run, cases, numbers):
        self.run, self.cases, self.numbers = run, cases, numbers
        self.figures = run.by_case()
        self.usual = sorting.at_usual_scale(run, cases)
        self.varying = sorting.varying_parameters(cases)

    def name(self):
        return f"p{next(self.numbers)}"

    def systems_of(self, cases):
        """(place of the system, its name) for those that take part."""
        found = {system for case in cases for system in self.figures[case]}
        return [(place, system) for place, system in enumerate(self.run.systems) if system in found]

    # --- bars

    def bar(self, case, place, system):
        figure = self.figures[case].get(system)
        if not figure:
            return plots.Bar(place, system, problem="not measured")
        if figure.wrong_data:
            return plots.Bar(place, system, problem="wrong data")
        if not figure.samples:
            return plots.Bar(place, system, problem="failed")
        return plots.Bar(place, system, figure.summary)

    def group(self, case, label, systems):
        limits = [figure.limit for figure in self.figures[case].values() if figure.limit]
        # Systems may have different limits (one copies, another goes through TCP): a mark for all would be wrong then.
        limit = limits[0] if limits and all(other == limits[0] for other in limits) else None
        return plots.Group(label, [self.bar(case, place, system) for place, system in systems], limit)

    def bars(self):
        units = {case: next((figure.unit for figure in self.figures[case].values() if figure.samples), "op/s") for case in self.usual}
        labels = sorting.labels(self.usual)
        systems = self.systems_of(self.usual)
        reach = {}
        panels = []
        for phase in heatmap.ordered_phases(self.usual):
            for unit in dict.fromkeys(units[case] for case in self.usual if case.phase == phase):
                groups = [self.group(case, labels[case], systems) for case in self.usual
                          if case.phase == phase and units[case] == unit]
                reach[unit] = max(reach.get(unit, 0), plots.largest(groups))
                panels.append((phase, unit, groups))
        return [plots.bars(self.name(), phase or "all", groups, unit, reach[unit]) for phase, unit, groups in panels]

    # --- curves

    def curve_plot(self, key_words, cases, x_of, x_label, x_words):
        lines = []
        limits = {}
        unit = "op/s"
        for place, system in self.systems_of(cases):
            points = []
            for case in cases:
                figure = self.figures[case].get(system)
                if figure and figure.samples and not figure.wrong_data:
                    unit = figure.unit
                    points.append((x_of(case), figure.summary))
                    if figure.limit:
                        limits.setdefault(figure.limit[0], {})[x_of(case)] = figure.limit[1]
            if points:
                lines.append(plots.Curve(place, system, points))
        if not lines:
            return None
        limit = sorted(next(iter(limits.values())).items()) if len(limits) == 1 else ()
        return plots.curves(self.name(), key_words, lines, unit, x_label, x_words, limit)

    def curves(self, cases, attribute, x_label, x_words):
        """A plot for each series of cases that differ in `attribute` only."""
        def x_of(case):
            return getattr(case, attribute)

        result = []
        for key, members in sorting.series(cases, lambda case: dataclasses.replace(case, **{attribute: 0}), x_of):
            title = ", ".join(part for part in (key.phase, sorting.FORMS.get(key.form, key.form),
                                                sorting.variant(key, self.varying)) if part)
            if attribute != "transfer_bytes" and key.transfer_bytes:
                title += f", {words.size(key.transfer_bytes)}"
            result.append(self.curve_plot(title, members, x_of, x_label, x_words))
        return [plot for plot in result if plot]

    def client_curves(self):
        """`clients` is a parameter of a workload's own."""
        cases = [case for case in self.cases if (case.parameter("clients") or "").isdigit()]

        def x_of(case):
            return int(case.parameter("clients"))

        def without_clients(case):
            return dataclasses.replace(case, parameters=tuple(pair for pair in case.parameters if pair[0] != "clients"))

        return [plot for key, members in sorting.series(cases, without_clients, x_of)
                if (plot := self.curve_plot(" ".join(filter(None, (key.phase, sorting.FORMS.get(key.form, key.form)))), members, x_of,
                                            "clients", str))]

    # --- latencies

    def latencies(self):
        labels = sorting.labels(self.usual)
        by_phase = {}
        for case in self.usual:
            members = []
            for place, system in self.systems_of([case]):
                figure = self.figures[case][system]
                found = {name: figure.latency(name).median for name in plots.PERCENTILES if figure.latency(name)}
                if found and not figure.wrong_data:
                    members.append(plots.Latency(place, system, found))
            if members:
                by_phase.setdefault(case.phase, []).append((labels[case], members))
        return [plots.latencies(self.name(), f"latency of {phase or 'a call'}", groups) for phase, groups in by_phase.items()]


def grid(title, drawings):
    if not drawings:
        return ""
    return f"<h3>{html.escape(title)}</h3><div class=\"plots\">{''.join(drawings)}</div>"


def legend(systems):
    """The systems' colours and markers; needed where lines aren't labelled."""
    items = "".join(f'<span><b style="color: var(--series-{place % plots.SERIES})">'
                    f"{plots.MARKER_SIGNS[place % len(plots.MARKER_SIGNS)]}</b> {html.escape(name)}</span>"
                    for place, name in systems)
    return f'<p class="legend">{items}<span>- - limit</span></p>'


def section_html(run, workload, cases, numbers=None):
    section = Section(run, cases, numbers or itertools.count(1))
    sizes = {case.transfer_bytes for case in cases if case.transfer_bytes}
    ranks, servers = sorting.usual_scale(run, cases)
    note = f"{words.count(ranks, 'rank')}, {words.count(servers, 'server')}"
    note += f", {words.size(next(iter(sizes)))} a call" if len(sizes) == 1 else ""
    parts = [f'<section id="{heatmap.anchor(workload)}"><h2>{html.escape(workload)}</h2><p class="note">{note}</p>',
             f'<div class="plots">{"".join(section.bars())}</div>']
    swept = (grid("Over the size of a transfer", section.curves(section.usual, "transfer_bytes", "bytes a call", words.size))
             + grid("Over the number of ranks", section.curves(cases, "ranks", "ranks", str))
             + grid("Over the number of servers", section.curves(cases, "servers", "servers", str))
             + grid("Over the number of clients", section.client_curves()))
    if swept:
        parts.append(legend(section.systems_of(cases)) + swept)
    parts.append(grid("Latency: p50 (dot), p90 and p99 (bars), worst (ring)", section.latencies()))
    return "".join(parts) + "</section>"
