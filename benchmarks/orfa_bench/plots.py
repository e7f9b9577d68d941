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
SERIES = 6  # colours; more systems than that take them again, with other markers
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

ROW, HEAD, GAP, TOP = 17, 19, 9, 26  # points: a bar, the line above a group, the space below it, the plot's title
NAME = 18  # characters of a system's name


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
    # The style is for every element of the page; page.css has it for plots.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", svg)
    for variable, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    # style="font: 9.5px 'DejaVu Sans', ...; text-anchor: end"
    svg = re.sub(r"font: ((?:bold |italic )?[\d.]+px) [^;\"]*", r"font: \1 var(--font)", svg)
    label = html.escape(description, quote=True)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def canvas(title, rows, left, right, bottom=24):
    """A figure WIDTH points wide with one pair of axes, `rows` points high, within these margins (points)."""
    height = rows + TOP + bottom
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, rows / height))
    figure.text(4 / WIDTH, 1 - 4 / height, title, va="top", ha="left", weight="bold")
    axes.set_axisbelow(True)
    if bottom < 30:  # rows of text instead of a y axis
        axes.yaxis.set_major_locator(NullLocator())
        axes.spines["left"].set_visible(False)
    axes.grid()
    return figure, axes


def write_head(figure, text, y):
    """The line above a group that begins `y` points below the top of the axes."""
    height = figure.get_figheight() * 72
    figure.text(4 / WIDTH, 1 - (TOP + y + HEAD - 5) / height, shorten(text, 80), va="baseline", ha="left", color=SOFT, size=9)


def write_name(axes, name, y):
    axes.text(-0.015, y, shorten(name, NAME), va="center", ha="right", transform=axes.get_yaxis_transform(), size=9)


def write_value(axes, text, y):
    """Beside the axes, where no bar can reach it."""
    axes.text(1.015, y, text, va="center", ha="left", transform=axes.get_yaxis_transform(), size=9)


# --- bars ---------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Bar:
    series: int  # place of the system in the run: its colour
    name: str
    summary: object = None  # statistics.Summary, in the plot's unit; None: not measured
    limit: tuple = None  # (name, value)
    problem: str = ""  # written instead of a bar


@dataclasses.dataclass(frozen=True)
class Group:
    label: str
    bars: list

def largest(groups):
    """What an axis must reach to show all of it."""
    values = [bar.summary.high for group in groups for bar in group.bars if bar.summary]
    return max(values + [bar.limit[1] for group in groups for bar in group.bars if bar.limit], default=0)


def value_label(bar, unit):
    """The figure, its share of the limit, and the spread where that is too wide."""
    text = words.quantity(bar.summary.median, unit)
    text += f", {words.share(bar.summary.median / bar.limit[1])}" if bar.limit else ""
    return text + (f" ±{bar.summary.relative_spread * 50:.0f} %" if bar.summary.wide else "")


def bars(name, title, groups, unit, reach):
    """Horizontal bars, a line per system, a group per kind of call; a mark across each bar is its limit, and the second number beside it
    the share of that. `reach` is the axis's end, so that plots side by side can share it."""
    everything = [bar for group in groups for bar in group.bars]
    left = min(max(len(bar.name) for bar in everything), NAME) * 5.9 + 12
    right = 4 + 5.6 * max((len(value_label(bar, unit)) for bar in everything if bar.summary), default=10)
    rows = sum(len(group.bars) * ROW + HEAD + GAP for group in groups)
    divisor, unit_name = words.scale(reach, unit)
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(title, rows, left, right)
        axes.set(ylim=(rows, 0), xlim=(0, reach / divisor * 1.03 or 1))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} {unit_name}" if value else "0"))
        y = 0
        for group in groups:
            write_head(figure, group.label, y)
            y += HEAD
            for bar in group.bars:
                draw_bar(axes, bar, y + ROW / 2 - 1, unit, divisor)
                y += ROW
            y += GAP
        return to_svg(figure, name, f"{title}: bars of {', '.join(group.label for group in groups)}")


def draw_bar(axes, bar, y, unit, divisor):
    write_name(axes, bar.name, y)
    if bar.limit:
        axes.plot([bar.limit[1] / divisor] * 2, [y - ROW / 2, y + ROW / 2], color=LIMIT, linewidth=2.2, zorder=4)
    if not bar.summary:
        axes.text(0.01, y, bar.problem, va="center", ha="left", transform=axes.get_yaxis_transform(), size=9, color=BAD)
        return
    axes.barh(y, bar.summary.median / divisor, height=ROW - 5, color=series_colour(bar.series), linewidth=0,
              alpha=0.45 if bar.summary.wide else 1)
    if bar.summary.count > 1:
        low, high = bar.summary.low / divisor, bar.summary.high / divisor
        for xs, ys in (([low, high], [y, y]), ([low, low], [y - 3, y + 3]), ([high, high], [y - 3, y + 3])):
            axes.plot(xs, ys, color=INK, linewidth=1.1, zorder=5)
    write_value(axes, value_label(bar, unit), y)


# --- curves -------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Curve:
    series: int
    name: str
    points: list  # (x, Summary), x ascending
    limit: list = ()  # (x, value), x ascending


def set_scale(axes, lowest, highest):
    """Logarithmic where the figures span much: a linear one would show the large ones only."""
    if highest > 20 * lowest:
        axes.set_yscale("log")
        axes.set_ylim(lowest / 1.5, highest * 1.5)
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 3) if highest < 2000 * lowest else (1,), numticks=9))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, highest * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(5))


def curves(name, title, lines, unit, x_label, x_words):
    """Figures over a size or a number; `x_words` makes an x into text. Limits are dashed, in the system's colour where systems have
    different ones."""
    figures = [value for line in lines for _, summary in line.points for value in (summary.low, summary.high)]
    figures += [value for line in lines for _, value in line.limit]
    divisor, unit_name = words.scale(max(figures), unit)
    ticks = sorted({x for line in lines for x, _ in line.points})
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(title, 180, 66, 14, bottom=40)
        axes.set_xscale("log", base=2)
        set_scale(axes, min((value for value in figures if value > 0), default=divisor) / divisor, max(figures) / divisor)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} {unit_name}" if value else "0"))
        axes.xaxis.set_major_locator(FixedLocator(ticks[::-(-len(ticks) // 7)]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: x_words(int(value + 0.5))))
        axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
        axes.set_xlabel(x_label)
        same = len({tuple(line.limit) for line in lines}) == 1
        for line in lines:
            draw_curve(axes, line, divisor, LIMIT if same else series_colour(line.series))
        return to_svg(figure, name, f"{title}: curves of {', '.join(line.name for line in lines)} over {x_label}")


def draw_curve(axes, line, divisor, limit_colour):
    xs = [x for x, _ in line.points]
    colour = series_colour(line.series)
    axes.fill_between(xs, [one.low / divisor for _, one in line.points], [one.high / divisor for _, one in line.points], color=colour,
                      alpha=0.16, linewidth=0)
    axes.plot(xs, [one.median / divisor for _, one in line.points], color=colour, linewidth=1.7, marker=series_marker(line.series),
              markersize=5)
    if line.limit:
        axes.plot([x for x, _ in line.limit], [value / divisor for _, value in line.limit], color=limit_colour, linewidth=1.5,
                  linestyle=(0, (5, 3)))


# --- latencies ----------------------------------------------------------------------------------------------------------

PERCENTILES = ("p50", "p90", "p99", "max")


@dataclasses.dataclass(frozen=True)
class Latency:
    series: int
    name: str
    medians: dict  # some of PERCENTILES -> microseconds


def latencies(name, title, groups):
    """Groups of (label, [Latency]): from p50 (dot) over p90 and p99 (bars) to the worst (ring), on a logarithmic scale."""
    everything = [member for _, members in groups for member in members]
    values = [value for member in everything for value in member.medians.values()]
    left, right = min(max(len(member.name) for member in everything), NAME) * 5.9 + 12, 100
    rows = sum(len(members) * ROW + HEAD + GAP for _, members in groups)
    with matplotlib.rc_context(STYLE):
        figure, axes = canvas(title, rows, left, right)
        figure.text((WIDTH - right + 5) / WIDTH, 1 - 4 / (figure.get_figheight() * 72), "p50 / p99", va="top", ha="left", color=SOFT,
                    size=9)
        axes.set_xscale("log")
        axes.set(ylim=(rows, 0), xlim=(min(values) / 1.4, max(values) * 1.6))
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if max(values) < 30 * min(values) else (1,), numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.tick(value, "us")))
        y = 0
        for label, members in groups:
            write_head(figure, label, y)
            y += HEAD
            for member in members:
                draw_latency(axes, member, y + ROW / 2 - 1)
                y += ROW
            y += GAP
        return to_svg(figure, name, f"{title}: latency percentiles")


def draw_latency(axes, member, y):
    colour = series_colour(member.series)
    write_name(axes, member.name, y)
    found = [(key, member.medians[key]) for key in PERCENTILES if key in member.medians]
    axes.plot([found[0][1], found[-1][1]], [y, y], color=colour, linewidth=1.2)
    usual = [value for key, value in found if key != "max"]
    if usual:
        axes.plot([usual[0], usual[-1]], [y, y], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
    for key, value in found:
        if key == "p50":
            axes.plot(value, y, marker="o", color=colour, markersize=6)
        elif key == "max":
            axes.plot(value, y, marker="o", color=colour, markersize=5, markerfacecolor="none")
        else:
            axes.plot([value, value], [y - 4, y + 4], color=colour, linewidth=1.8)
    write_value(axes, " / ".join(words.quantity(member.medians[key], "us") for key in ("p50", "p99") if key in member.medians), y)
