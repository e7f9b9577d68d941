# SPDX-License-Identifier: MIT
"""The report's plots: data in, an <svg> element out, drawn by matplotlib.

Colours in a plot are names of the page's CSS variables, so that one drawing serves the light and the dark page: matplotlib is
given a made-up colour for each (INK and so on), which becomes var(--name) in the finished SVG. Text stays text, in the page's
font; matplotlib measures it in DejaVu Sans, which is wider than what browsers take, so what fits there fits here.

A plot is WIDTH points wide: the page sets two side by side, or one on a narrow screen, where its text is still legible.
"""
import dataclasses
import html
import io
import re

import matplotlib
matplotlib.use("svg")
# pylint: disable=wrong-import-position  (the backend comes first)
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from . import words

WIDTH = 440  # points
SERIES = 6  # colours and markers; more systems than that take them again with other markers
MARKERS = "os^Dv*PX"
MARKER_SIGNS = "●■▲◆▼★✚✖"  # the same, for the page's legend

# name of the CSS variable -> the colour that stands for it in matplotlib
COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(
    ["ink", "soft", "grid", "limit", "bad"] + [f"series-{index}" for index in range(SERIES)])}
INK, SOFT, GRID, LIMIT, BAD = (COLOURS[name] for name in ("ink", "soft", "grid", "limit", "bad"))

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9.5, "svg.fonttype": "none", "svg.hashsalt": "orfa-bench",
    "text.color": INK, "axes.edgecolor": GRID, "axes.labelcolor": SOFT, "axes.linewidth": 0.8, "axes.facecolor": "none",
    "figure.facecolor": "none", "savefig.facecolor": "none", "xtick.color": SOFT, "ytick.color": SOFT, "grid.color": GRID,
    "grid.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "xtick.major.size": 3, "ytick.major.size": 3,
}

ROW, HEAD, GAP = 17, 19, 9  # points: a bar, the line above a group, the space below it


def series_colour(index):
    return COLOURS[f"series-{index % SERIES}"]


def series_marker(index):
    return MARKERS[index % len(MARKERS)]


def shorten(text, characters):
    return text if len(text) <= characters else text[:characters - 1] + "…"


def to_svg(figure, name, description):
    """`name` makes the ids of this plot unlike those of all others on the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", svg)
    for variable, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    # style="font: 9.5px 'DejaVu Sans', ...; text-anchor: end"
    svg = re.sub(r"font: ((?:bold |italic )?[\d.]+px) [^;\"]*", r"font: \1 var(--font)", svg)
    label = html.escape(description, quote=True)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def canvas(height, left, right, top, bottom):
    """A figure of WIDTH x height points with one pair of axes inside these margins (points)."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - top - bottom) / height))
    return figure, axes


# --- bars ---------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Bar:
    series: int  # place of the system in the run: its colour
    name: str
    summary: object = None  # statistics.Summary, in the plot's unit; None: not measured
    problem: str = ""  # written instead of a bar


@dataclasses.dataclass(frozen=True)
class Group:
    label: str
    bars: list
    limit: tuple = None  # (name, value)


def largest(groups):
    """What an axis must reach to show all of it."""
    values = [value for group in groups for bar in group.bars if bar.summary for value in (bar.summary.median, bar.summary.high)]
    return max(values + [group.limit[1] for group in groups if group.limit], default=0)


def value_label(summary, unit):
    text = words.quantity(summary.median, unit)
    return text + (f" ±{summary.relative_spread * 50:.0f} %" if summary.wide else "")


def bars(name, title, groups, unit, reach):
    """Horizontal bars, a line per system, a group per kind of call; the limit is a mark across its group. `reach` is the axis's end, so
    that plots side by side can share it."""
    longest = max((len(bar.name) for group in groups for bar in group.bars), default=0)
    left = min(longest, 18) * 5.9 + 12
    right = 112 if any(bar.summary and bar.summary.wide for group in groups for bar in group.bars) else 70
    rows = sum(len(group.bars) * ROW + HEAD + GAP for group in groups)
    with matplotlib.rc_context(STYLE):
        top, bottom = 24, 24
        figure, axes = canvas(rows + top + bottom, left, right, top, bottom)
        figure.text(4 / WIDTH, 1 - 4 / (rows + top + bottom), title, va="top", ha="left", weight="bold")
        axes.set(ylim=(rows, 0), xlim=(0, reach * 1.03 or 1))
        axes.yaxis.set_major_locator(NullLocator())
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.quantity(value, unit) if value else "0"))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        y = 0
        for group in groups:
            label = group.label
            if group.limit:
                label += f"  |  limit: {group.limit[0]} {words.quantity(group.limit[1], unit)}"
            figure.text(4 / WIDTH, 1 - (top + y + HEAD - 5) / (rows + top + bottom), shorten(label, 78), va="baseline", ha="left",
                        color=SOFT, size=9)
            y += HEAD
            if group.limit:
                axes.plot([group.limit[1]] * 2, [y - 1, y + len(group.bars) * ROW - 1], color=LIMIT, linewidth=2.2, zorder=4)
            for bar in group.bars:
                draw_bar(axes, bar, y + ROW / 2 - 1, unit)
                y += ROW
            y += GAP
        return to_svg(figure, name, f"{title}: bars of {words.count(len(groups), 'group')}")


def draw_bar(axes, bar, y, unit):
    beside = axes.get_yaxis_transform()  # x as a share of the axes' width, y in data
    axes.text(-0.015, y, shorten(bar.name, 18), va="center", ha="right", transform=beside, size=9)
    if not bar.summary:
        axes.text(0.01, y, bar.problem, va="center", ha="left", transform=beside, size=9, color=BAD)
        return
    colour = series_colour(bar.series)
    axes.barh(y, bar.summary.median, height=ROW - 5, color=colour, linewidth=0, alpha=0.45 if bar.summary.wide else 1)
    if bar.summary.count > 1:
        axes.plot([bar.summary.low, bar.summary.high], [y, y], color=INK, linewidth=1.1, zorder=5)
        for end in (bar.summary.low, bar.summary.high):
            axes.plot([end, end], [y - 3, y + 3], color=INK, linewidth=1.1, zorder=5)
    axes.text(1.015, y, value_label(bar.summary, unit), va="center", ha="left", transform=beside, size=9)


# --- curves -------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Curve:
    series: int
    name: str
    points: list  # (x, Summary), x ascending


def curves(name, title, lines, unit, x_label, x_words, limit=()):
    """Figures over a size or a number, on a logarithmic scale of both where the figures span much. `limit`: (x, value) points;
    `x_words` makes an x into text."""
    values = [value for line in lines for _, summary in line.points for value in (summary.low, summary.high)]
    values += [value for _, value in limit]
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(250, 66, 14, 28, 42)
        figure.text(4 / WIDTH, 1 - 4 / 250, title, va="top", ha="left", weight="bold")
        axes.set_xscale("log", base=2)
        lowest = min((value for value in values if value > 0), default=1)
        if max(values) > 20 * lowest:
            axes.set_yscale("log")
            axes.set_ylim(lowest / 1.5, max(values) * 1.5)
            axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 3) if max(values) < 2000 * lowest else (1,), numticks=9))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.set_ylim(0, max(values) * 1.08)
            axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.quantity(value, unit) if value else "0"))
        ticks = sorted({x for line in lines for x, _ in line.points})
        step = -(-len(ticks) // 7)
        axes.xaxis.set_major_locator(FixedLocator(ticks[::step]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: x_words(int(value + 0.5))))
        axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
        axes.set_xlabel(x_label)
        axes.grid()
        axes.set_axisbelow(True)
        for line in lines:
            xs = [x for x, _ in line.points]
            colour = series_colour(line.series)
            axes.fill_between(xs, [s.low for _, s in line.points], [s.high for _, s in line.points], color=colour, alpha=0.16,
                              linewidth=0)
            axes.plot(xs, [s.median for _, s in line.points], color=colour, linewidth=1.7, marker=series_marker(line.series),
                      markersize=5)
        if limit:
            axes.plot(*zip(*limit), color=LIMIT, linewidth=1.5, linestyle=(0, (5, 3)))
        return to_svg(figure, name, f"{title}: curves of {', '.join(line.name for line in lines)} over {x_label}")


# --- latencies ----------------------------------------------------------------------------------------------------------

PERCENTILES = ("p50", "p90", "p99", "max")


@dataclasses.dataclass(frozen=True)
class Latency:
    series: int
    name: str
    medians: dict  # some of PERCENTILES -> microseconds


def latencies(name, title, groups):
    """Groups of (label, [Latency]): from p50 (filled) over p90 and p99 (bars) to the worst (open), on a logarithmic scale."""
    everything = [value for _, members in groups for member in members for value in member.medians.values()]
    longest = max(len(member.name) for _, members in groups for member in members)
    left, right, top, bottom = min(longest, 18) * 5.9 + 12, 96, 24, 26
    rows = sum(len(members) * ROW + HEAD + GAP for _, members in groups)
    with matplotlib.rc_context(STYLE):
        height = rows + top + bottom
        figure, axes = canvas(height, left, right, top, bottom)
        figure.text(4 / WIDTH, 1 - 4 / height, title, va="top", ha="left", weight="bold")
        figure.text((WIDTH - right + 5) / WIDTH, 1 - 4 / height, "p50 / p99", va="top", ha="left", color=SOFT, size=9)
        axes.set_xscale("log")
        axes.set(ylim=(rows, 0), xlim=(min(everything) / 1.4, max(everything) * 1.6))
        axes.yaxis.set_major_locator(NullLocator())
        axes.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.microseconds(value)))
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        y = 0
        for label, members in groups:
            figure.text(4 / WIDTH, 1 - (top + y + HEAD - 5) / height, shorten(label, 78), va="baseline", ha="left", color=SOFT,
                        size=9)
            y += HEAD
            for member in members:
                draw_latency(axes, member, y + ROW / 2 - 1)
                y += ROW
            y += GAP
        return to_svg(figure, name, f"{title}: latency percentiles")


def draw_latency(axes, member, y):
    beside = axes.get_yaxis_transform()
    colour = series_colour(member.series)
    axes.text(-0.015, y, shorten(member.name, 18), va="center", ha="right", transform=beside, size=9)
    found = [(key, member.medians[key]) for key in PERCENTILES if key in member.medians]
    if not found:
        return
    axes.plot([found[0][1], found[-1][1]], [y, y], color=colour, linewidth=1.2)
    upto = [value for key, value in found if key != "max"]
    if upto:
        axes.plot([upto[0], upto[-1]], [y, y], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
    for key, value in found:
        if key == "p50":
            axes.plot(value, y, marker="o", color=colour, markersize=6)
        elif key == "max":
            axes.plot(value, y, marker="o", color=colour, markersize=5, markerfacecolor="none")
        else:
            axes.plot([value, value], [y - 4, y + 4], color=colour, linewidth=1.8)
    texts = [words.microseconds(member.medians[key]) for key in ("p50", "p99") if key in member.medians]
    axes.text(1.015, y, " / ".join(texts), va="center", ha="left", transform=beside, size=9)
