# SPDX-License-Identifier: MIT
"""The report's summary: one table cell for each case, system and phase, coloured by how much of its limit was reached."""
import dataclasses
import html

from . import sorting, words

# Upper ends of the colours' ranges; the last colour has none. Logarithmic where cliffs are.
STEPS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
CLIFF = 0.3  # a ratio below this is named
BEHIND = 1 / 3  # so is a figure below this share of the fastest system's


def step(ratio):
    return sum(ratio >= end for end in STEPS)


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows`: (workload, label, {(system, column): (Figure, ratio or None)})."""
    title: str
    note: str
    systems: list
    columns: list
    rows: list


def ordered_phases(cases):
    """Write before read, the others as they come."""
    phases = list(dict.fromkeys(case.phase for case in cases))
    return sorted(phases, key=lambda phase: (["write", "read"] + phases).index(phase))


def column_of_phase(case):
    """Most workloads write and read; what few do shares a column, and is named in the row."""
    return case.phase if case.phase in ("write", "read") else "other"


def build(run, wanted, ratio_of, title, note, column_of=column_of_phase):
    """A row for each case of those that `wanted(figures)` takes; cases that differ in their columns only share it. None without
    any."""
    rows, columns = [], []
    by_case = run.by_case()
    for workload, all_cases in sorting.workloads(run).items():
        cases = [case for case in sorting.at_usual_scale(run, all_cases) if wanted(by_case[case])]
        names = sorting.labels(cases)
        by_label = {}
        for case in cases:
            column = column_of(case)
            label = names[case] if case.phase == column else ", ".join(filter(None, (case.phase, names[case])))
            cells = by_label.setdefault(label, {})
            for system, figure in by_case[case].items():
                cells[system, column] = (figure, ratio_of(figure, by_case[case]))
            columns.append(column)
        rows += [(workload, label, cells) for label, cells in by_label.items()]
    columns = sorted(set(columns), key=("write", "read", "other", "").index)
    return Table(title, note, run.systems, columns, rows) if rows else None


def against_limits(run):
    return build(run, lambda figures: any(figure.limit for figure in figures.values()),
                 lambda figure, _: figure.ratio, "Against the machine's limits",
                 "Each figure as a share of what this machine can do at most for such a transfer, measured in the same run.")


def best_of(figures):
    return max((figure.summary.median for figure in figures.values() if figure.samples and not figure.wrong_data), default=0)


def against_fastest(run):
    """For what has no limit, as names have none. Only with two systems or more: one is always its own best."""
    if len(run.systems) < 2:
        return None
    return build(run, lambda figures: not any(figure.limit for figure in figures.values()),
                 lambda figure, others: (figure.summary.median / best_of(others)
                                           if figure.samples and best_of(others) else None),
                 "Against the fastest system",
                 "These have no limit to be held against: each figure as a share of the fastest system's.", lambda _: "")


# --- HTML ---------------------------------------------------------------------------------------------------------------

def cell_html(found):
    if not found:
        return '<td class="none" title="not measured">·</td>'
    figure, ratio = found
    if figure.failures and (figure.wrong_data or not figure.samples):
        sign = "wrong" if figure.wrong_data else "failed"
        return f'<td class="failed" title="{html.escape(figure.failures[0].text, quote=True)}">{sign}</td>'
    summary = figure.summary
    title = words.quantity(summary.median, figure.unit)
    title += f", {words.quantity(summary.low, figure.unit)} to {words.quantity(summary.high, figure.unit)}"
    if figure.limit:
        title += f"; limit: {figure.limit[0]} {words.quantity(figure.limit[1], 'B/s')}"
    if ratio is None:
        return f'<td class="none" title="{html.escape(title)}">?</td>'
    mark = '<span class="wide" title="spread too wide to conclude">~</span>' if summary.wide else ""
    return f'<td class="heat-{step(ratio)}" title="{html.escape(title)}">{mark}{html.escape(words.share(ratio))}</td>'


def table_html(table):
    by_system = {system: [column for column in table.columns if any((system, column) in cells for _, _, cells in table.rows)]
                 for system in table.systems}
    columns = [(system, column) for system, its_columns in by_system.items() for column in its_columns]
    heads = "".join(f'<th colspan="{len(its_columns)}" class="system">{html.escape(system)}</th>'
                    for system, its_columns in by_system.items() if its_columns)
    second = "".join(f"<th>{html.escape(column)}</th>" for _, column in columns)
    parts = [f'<h3>{html.escape(table.title)}</h3><p class="note">{html.escape(table.note)}</p>',
             f'<div class="scroll"><table class="heat"><thead><tr><th></th>{heads}</tr>',
             f"<tr><th></th>{second}</tr>" if any(table.columns) else "", "</thead>"]
    last = None
    for workload, label, cells in table.rows:
        if workload != last:
            parts.append(f'<tr class="workload"><th colspan="{len(columns) + 1}"><a href="#{anchor(workload)}">'
                         f"{html.escape(workload)}</a></th></tr>")
            last = workload
        row = "".join(cell_html(cells.get(column)) for column in columns)
        parts.append(f"<tr><th>{html.escape(label or 'all')}</th>{row}</tr>")
    parts.append("</table></div>")
    return "".join(parts)


def legend_html():
    edges = [f"below {STEPS[0]:g}", *(f"{low:g} to {high:g}" for low, high in zip(STEPS, STEPS[1:])), f"{STEPS[-1]:g} and more"]
    cells = "".join(f'<span class="heat-{index}">{edge}</span>' for index, edge in enumerate(edges))
    return f'<p class="legend heat-legend">{cells}</p>'


def anchor(workload):
    return "workload-" + "".join(letter if letter.isalnum() else "-" for letter in workload)


# --- what the colours say, in words ---------------------------------------------------------------------------------------

def cliffs(run):
    """Sentences about figures far below their limit or far behind another system, whatever of the spread is true: the worst of
    each workload on each system, worst first."""
    names = sorting.full_names(run)
    worst = {}
    for case, figures in run.by_case().items():
        good = [figure for figure in figures.values() if figure.samples and not figure.wrong_data]
        for figure in good:
            value = f"{figure.system}: {names[case]}: {words.quantity(figure.summary.median, figure.unit)}"
            fastest = max(good, key=lambda other: other.summary.median)
            found = []
            if figure.limit and figure.summary.high < CLIFF * figure.limit[1]:
                found.append((figure.ratio, f"{value}, {words.digits(figure.ratio)} of its limit ({figure.limit[0]})"))
            if figure.summary.high < BEHIND * fastest.summary.low:
                behind = figure.summary.median / fastest.summary.median
                found.append((behind, f"{value}, {words.digits(behind)} of what {fastest.system} reaches"))
            key = (case.workload, figure.system)
            if found:
                worst[key] = min(found + [worst.get(key, found[0])])
    return [sentence for _, sentence in sorted(worst.values())]
