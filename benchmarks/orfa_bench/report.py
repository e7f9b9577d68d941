# SPDX-License-Identifier: MIT
"""orfa-bench report: one HTML page out of a run's folder, that needs nothing but itself."""
import argparse
import html
import itertools
import json
import os
import sys

from . import heatmap, limits, measured, page as frame, sorting, statistics, words

SHOWN = 8  # lines of a list before the rest is folded away

DESCRIPTION = """Makes one HTML page out of what `orfa-bench run --out DIR` measured: a summary that shows at a
glance where a system falls off, bars with limits, curves, latencies, the environment, and all figures.
The page holds its plots and style itself: it can be mailed, and read without a network."""

EPILOG = """examples:
  orfa-bench run --systems orfa=orfa:/b,ufs=ufs:/dev/shm/b --suite quick --out today
  orfa-bench report today                      writes today/report.html
  orfa-bench report today --output /tmp/a.html

What to look at: first the notices at the top (wrong data, spreads too wide to conclude from), then the
red cells of the summary; each leads to its workload's plots.

exit code: 0 written, 1 not (no run in DIR, no matplotlib), 2 wrong use; failed measurements are named on
the page and do not change it"""


def fold(items, tag="li"):
    """A list of which the first SHOWN stand open."""
    lines = [f"<{tag}>{item}</{tag}>" for item in items]
    text = f"<ul>{''.join(lines[:SHOWN])}</ul>"
    if len(lines) > SHOWN:
        text += f"<details><summary>{len(lines) - SHOWN} more</summary><ul>{''.join(lines[SHOWN:])}</ul></details>"
    return text


def notice(kind, title, text):
    return f'<div class="notice {kind}" role="note"><h2>{html.escape(title)}</h2>{text}</div>'


def failure_lines(failures, names):
    """A line for each case of a system, with the words of its first failure."""
    found = {}
    for failure in failures:
        found.setdefault((failure.system, failure.case), []).append(failure)
    return fold(f"<b>{html.escape(system)}</b>: {html.escape(names[case])}, round {all_of_it[0].round}: "
                f"{html.escape(all_of_it[0].text)}"
                + (f"; and {words.count(len(all_of_it) - 1, 'more round')}" if len(all_of_it) > 1 else "")
                for (system, case), all_of_it in found.items())


def wide_lines(figures, names):
    return fold(f"<b>{html.escape(figure.system)}</b>: {html.escape(names[figure.case])}: "
                f"{range_text(figure.summary, figure.unit)} around {words.quantity(figure.summary.median, figure.unit)}"
                for figure in figures)


def doubts(run):
    """What keeps figures from being concluded from: HTML list items."""
    figures = [figure for figure in run.figures if figure.samples]
    wide = sorted((figure for figure in figures if figure.summary.wide), key=lambda figure: -figure.summary.relative_spread)
    if wide:
        yield (f"<b>Spread too wide to conclude in {len(wide)} of {words.count(len(figures), 'figure')}.</b> More rounds "
               f"(<code>--repeats</code>) or a quieter machine would help.{wide_lines(wide, sorting.full_names(run))}")
    single = sum(len(figure.samples) == 1 for figure in figures)
    if single:
        yield (f"<b>{words.count(single, 'figure')} measured once only.</b> Nothing is known of their spread: differences may be "
               "chance.")
    load, cores = (run.environment.get("loadavg_at_start") or [0])[0], run.environment.get("cores")
    if cores and load > cores / 2:
        yield (f"<b>The machine was busy when it began (load {load:.1f} on {words.count(cores, 'processor')}).</b> Ratios tell more "
               "than figures.")
    if run.skipped:
        yield "<b>Left out, as it has no meaning there:</b>" + fold(
            f"{html.escape(', '.join(filter(None, key)))}: {html.escape(text)}" for key, text in run.skipped.items())
    for key, text in run.limit_errors.items():
        yield f"<b>Limit {html.escape(measured.limit_title(key))} not measured:</b> {html.escape(text)}"


def notices(run):
    """What must be known before any figure is believed; wrong data first."""
    parts = []
    names = sorting.full_names(run)
    wrong = [failure for failure in run.failures if failure.wrong_data]
    failed = [failure for failure in run.failures if not failure.wrong_data]
    if wrong:
        parts.append(notice("bad", f"Wrong data: {words.count(len(wrong), 'measurement')} failed verification",
                            failure_lines(wrong, names)))
    if failed:
        parts.append(notice("bad", f"{words.count(len(failed), 'measurement')} brought no figure", failure_lines(failed, names)))
    if not run.figures:
        parts.append(notice("warn", "No measurements", "<p>The run ended before it measured anything.</p>"))
    found = list(doubts(run))
    if found:
        parts.append(notice("warn", "Before you conclude", fold(found)))
    return "".join(parts)


def summary(run):
    tables = [table for table in (heatmap.against_limits(run), heatmap.against_fastest(run)) if table]
    if not tables:
        return '<p class="note">Nothing to compare: no limits, and fewer than two systems.</p>'
    found = heatmap.cliffs(run)
    falls = fold(map(html.escape, found)) if found else (
        f'<p class="note">Nothing is below {heatmap.CLIFF:g} of its limit or far behind another system.</p>')
    return (f'{heatmap.legend_html()}<div class="beside"><div>{"".join(map(heatmap.table_html, tables))}</div>'
            f'<div class="falls"><h3>Where it falls off</h3>{falls}</div></div>')


def list_table(heads, rows):
    """`heads`: (text, "number" or "text"); `rows`: (class of the row, texts)."""
    head = "".join(f'<th class="{kind}">{html.escape(text)}</th>' for text, kind in heads)
    body = "".join(f'<tr class="{css}">' + "".join(f'<td class="{kind}">{html.escape(text)}</td>'
                                                   for text, (_, kind) in zip(texts, heads)) + "</tr>"
                   for css, texts in rows)
    return f'<div class="scroll"><table class="list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def range_text(one, unit):
    return f"{words.quantity(one.low, unit)} to {words.quantity(one.high, unit)}" if one.count > 1 else "-"


def limits_table(run):
    rows = [("", [measured.limit_title(key), words.quantity(one.median, "B/s"), range_text(one, "B/s"), str(one.count)])
            for key, one in run.limits.items()]
    heads = [("limit", "text"), ("median", "number"), ("spread", "number"), ("rounds", "number")]
    return list_table(heads, rows) if rows else '<p class="note">None was measured.</p>'


def figures_table(run):
    heads = [("workload", "text"), ("form", "text"), ("phase", "text"), ("a call", "number"), ("ranks", "number"),
             ("servers", "number"), ("parameters", "text"), ("system", "text"), ("median", "number"), ("spread", "number"),
             ("rounds", "number"), ("of limit", "number"), ("p50 / p99", "number"), ("", "text")]
    rows = []
    for figure in run.figures:
        case, one = figure.case, figure.summary
        latency = [words.quantity(figure.latency(name).median, "us") for name in ("p50", "p99") if figure.latency(name)]
        good = one and not figure.wrong_data
        remark = "wrong data" if figure.wrong_data else "failed" if figure.failures else "spread too wide" if one and one.wide else ""
        rows.append(("wrong" if figure.failures else "", [
            case.workload, case.form, case.phase, words.size(case.transfer_bytes) if case.transfer_bytes else "", str(case.ranks),
            str(case.servers), ", ".join(f"{name} {value}" for name, value in case.parameters), figure.system,
            words.quantity(one.median, figure.unit) if good else "-", range_text(one, figure.unit) if good else "-",
            str(len(figure.samples)), words.digits(figure.ratio) if good and figure.ratio is not None else "", " / ".join(latency),
            remark]))
    return f"<details><summary>{words.count(len(rows), 'line')}</summary>{list_table(heads, rows)}</details>"


def environment_table(environment):
    rows = []
    for name, value in environment.items():
        if name == "systems":
            continue
        if name == "memory_bytes" and isinstance(value, int):
            value = f"{value / (1 << 30):.1f} GiB"
        elif name == "command" and isinstance(value, list):
            value = " ".join(value)
        elif not isinstance(value, str):
            value = json.dumps(value)
        rows.append(("", [name.replace("_", " "), value]))
    parts = [list_table([("", "text"), ("", "text")], rows)]
    systems = [("", [system["name"], system.get("path") or "",
                     " ".join(f"{name}={value}" for name, value in (system.get("environment") or {}).items()),
                     " ".join(f"{name}={value}" for name, value in (system.get("hints_in_force") or {}).items())])
               for system in environment.get("systems", [])]
    if systems:
        parts.append("<h3>Systems</h3>" + list_table(
            [("system", "text"), ("path", "text"), ("environment", "text"), ("hints in force", "text")], systems))
    return "".join(parts)


def facts(run):
    environment = run.environment
    found = [environment.get("started"), environment.get("cpu"),
             words.count(environment["cores"], "processor") if environment.get("cores") else None,
             words.count(environment["ranks"], "rank") if environment.get("ranks") else None,
             words.count(environment["servers"], "server") if environment.get("servers") else None,
             words.count(environment["repeats"], "round") if environment.get("repeats") else None,
             f"revision {environment['git_revision']}" if environment.get("git_revision") else None]
    return " ".join(f"<span>{html.escape(str(fact))}</span>" for fact in found if fact)


def page(run):
    # Only this needs matplotlib, which is slow to load and may be missing.
    from . import workload_plots  # pylint: disable=import-outside-toplevel
    numbers = itertools.count(1)
    workloads = sorting.workloads(run)
    content = frame.template("report.html").substitute(
        notices=notices(run), summary=summary(run),
        contents="".join(f'<a href="#{heatmap.anchor(name)}">{html.escape(name)}</a>' for name in workloads),
        workloads="".join(workload_plots.section_html(run, name, cases, numbers) for name, cases in workloads.items()),
        limits=limits_table(run), environment=environment_table(run.environment), table=figures_table(run),
        spread_rule=f"from the lowest to the highest round, or with {statistics.FEW} rounds and more the quartiles",
        wide=f"{statistics.WIDE * 100:.0f} %")
    suite = run.environment.get("suite")
    return frame.page(f"MPI-IO benchmark: {', '.join(run.systems) or 'no system'}" + (f" ({suite})" if suite else ""), facts(run),
                      content, f"Made by orfa-bench report from {os.path.basename(os.path.abspath(run.folder))}.")


def main(argv):
    parser = argparse.ArgumentParser(prog="orfa-bench report", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", help="what `orfa-bench run --out` wrote")
    parser.add_argument("--output", metavar="FILE", help="the page (DIR/report.html); - is standard output")
    options = parser.parse_args(argv)
    try:
        run = measured.load(options.folder, limits.limit_of)
        text = page(run)
    except measured.Unreadable as error:
        print(f"orfa-bench report: error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"orfa-bench report: error: {error.name} is missing; on Debian: apt install python3-matplotlib", file=sys.stderr)
        return 1
    if options.output == "-":
        sys.stdout.write(text)
        return 0
    output = options.output or os.path.join(options.folder, "report.html")
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        print(f"orfa-bench report: error: {error}", file=sys.stderr)
        return 1
    print(output)
    return 0
