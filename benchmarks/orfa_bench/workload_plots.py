# SPDX-License-Identifier: MIT
"""Which plots a workload gets: bars always, curves where sizes or scales were swept, percentiles where latencies were taken."""
import dataclasses
import html
import itertools

from . import heatmap, plots, sorting, words

NO_TIME = 0.01  # microseconds: where a latency below the clock's steps stands on a logarithmic scale


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
            return plots.Bar(place, system, limit=figure.limit, problem="wrong data")
        if not figure.samples:
            return plots.Bar(place, system, problem="failed")
        return plots.Bar(place, system, figure.summary, figure.limit)

    def bars(self):
        """A plot for each phase; bandwidths share their scale."""
        cases = sorting.at_usual_size(self.usual)
        labels = sorting.labels(cases)
        systems = self.systems_of(cases)
        units = {case: next((figure.unit for figure in self.figures[case].values() if figure.samples), "op/s") for case in cases}
        panels = []
        for phase in heatmap.ordered_phases(cases):
            members = [case for case in cases if case.phase == phase]
            for unit in dict.fromkeys(units[case] for case in members):
                panels.append((phase, unit, [plots.Group(labels[case], [self.bar(case, *system) for system in systems])
                                             for case in members if units[case] == unit]))
        reach = max((plots.largest(groups) for _, unit, groups in panels if unit == "B/s"), default=0)
        return [plots.bars(self.name(), phase or "all", groups, unit, reach if unit == "B/s" else plots.largest(groups))
                for phase, unit, groups in panels]

    def limits_note(self):
        """Which marks the bars have: "process_vm 8.39 GiB/s (orfa); tcp 3.17 GiB/s (tcp)"; whose, only where that differs."""
        cases = sorting.at_usual_size(self.usual)
        everywhere = {(system, case.phase) for case in cases for system in self.figures[case]}
        found = {}  # limit -> (system, phase)
        for system, case in itertools.product([name for _, name in self.systems_of(cases)], cases):
            figure = self.figures[case].get(system)
            if figure and figure.limit:
                found.setdefault(figure.limit, {})[system, case.phase] = True
        texts = []
        for (name, value), places in found.items():
            systems, phases = ({place[part]: True for place in places} for part in (0, 1))
            whose = [] if len(systems) == len({system for system, _ in everywhere}) else list(systems)
            whose += [] if len(phases) == len({phase for _, phase in everywhere}) else list(phases)
            texts.append(f"{name} {words.quantity(value, 'B/s')}" + (f" ({', '.join(whose)})" if whose else ""))
        return f"Limits (thick marks, and the second number as a share of them): {'; '.join(texts)}." if texts else ""

    # --- curves

    def curve_plot(self, title, cases, x_of, x_label, x_words):
        lines = []
        for place, system in self.systems_of(cases):
            good = [(x_of(case), figure) for case in cases if (figure := self.figures[case].get(system))
                    and figure.samples and not figure.wrong_data]
            if good:
                unit = good[0][1].unit
                lines.append(plots.Curve(place, system, [(x, figure.summary) for x, figure in good],
                                         [(x, figure.limit[1]) for x, figure in good if figure.limit]))
        return plots.curves(self.name(), title, lines, unit, x_label, x_words) if lines else None

    def series_plots(self, cases, x_of, without_x, x_label, x_words):
        """A plot for each series of cases that differ in `x_of` only, which `without_x` takes out of a case."""
        result = []
        for key, members in sorting.series(cases, lambda case: sorting.without(without_x(case), sorting.AMOUNT), x_of):
            parts = (key.phase, sorting.FORMS.get(key.form, key.form), sorting.variant(key, self.varying),
                     words.size(key.transfer_bytes) if key.transfer_bytes else "")
            result.append(self.curve_plot(", ".join(filter(None, parts)), members, x_of, x_label, x_words))
        return [plot for plot in result if plot]

    def curves(self, cases, attribute, x_label, x_words):
        return self.series_plots(cases, lambda case: getattr(case, attribute),
                                 lambda case: dataclasses.replace(case, **{attribute: 0}), x_label, x_words)

    def client_curves(self):
        """`clients` is a parameter of a workload's own."""
        cases = [case for case in self.cases if (case.parameter("clients") or "").isdigit()]
        return self.series_plots(cases, lambda case: int(case.parameter("clients")),
                                 lambda case: sorting.without(case, "clients"), "clients", str)

    # --- latencies

    def latencies(self):
        labels = sorting.labels(self.usual)
        by_phase = {}
        for case in self.usual:
            members = []
            for place, system in self.systems_of([case]):
                figure = self.figures[case][system]
                found = {name: max(figure.latency(name).median, NO_TIME) for name in plots.PERCENTILES if figure.latency(name)}
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
    if sizes:
        note += f", {words.size(sorting.usual_size(section.usual))} a call"
        note += ", other sizes below" if len(sizes) > 1 else ""
    question = (run.environment.get("questions") or {}).get(workload)
    parts = [f'<section id="{heatmap.anchor(workload)}"><h2>{html.escape(workload)}</h2>',
             f"<p>{html.escape(question)}</p>" if question else "",
             f'<p class="note">{html.escape(f"{note}. {section.limits_note()}")}</p>',
             f'<div class="plots">{"".join(section.bars())}</div>']
    swept = (grid("Over the size of a transfer", section.curves(section.usual, "transfer_bytes", "bytes a call", words.size))
             + grid("Over the number of ranks", section.curves(cases, "ranks", "ranks", str))
             + grid("Over the number of servers", section.curves(cases, "servers", "servers", str))
             + grid("Over the number of clients", section.client_curves()))
    if swept:
        parts.append(legend(section.systems_of(cases)) + swept)
    parts.append(grid("Latency: p50 (dot), p90 and p99 (bars), worst (ring)", section.latencies()))
    return "".join(parts) + "</section>"
