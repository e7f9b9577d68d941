# SPDX-License-Identifier: MIT
"""orfa-bench papers: figures of the reports that ORFA goes back to, measured anew, on one page beside what they said."""
import argparse
import html
import json
import os
import string
import sys

from . import launch, systems
from .main import default_programs

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20

DESCRIPTION = """Measures figures of the ORFA reports (RR-2003-56, RR-2004-24, and that of 2005) on this machine, and makes one HTML
page of them with what the reports found. Registration is charged at a price (--price), since it costs nothing here."""

EPILOG = """examples:
  orfa-bench papers --out papers                    papers/papers.html and papers/results.jsonl
  orfa-bench papers --out papers --figures clients  one of them

figures: registration (copying against registering), cache (the registration cache, registering each time,
copying), clients (bandwidth over the number of clients). Starts its own servers, and takes three minutes.

exit code: 0 all measured, 1 something was not (the page says what), 2 wrong use"""

CLIENTS = (1, 2, 4, 8, 16, 32)
PER_CLIENT = 64 << 20  # bytes that all of them move together, times the clients' share


class Samples:
    """The lines of a run, as they come; also in DIR/results.jsonl."""

    def __init__(self, folder):
        self.file = open(os.path.join(folder, "results.jsonl"), "w", encoding="utf-8")
        self.found = []

    def add(self, figure, line):
        self.found.append({"figure": figure, **line})
        json.dump(self.found[-1], self.file)
        self.file.write("\n")
        self.file.flush()


def priced(options, parts):
    """orfa-bench-registration's lines, with servers that pay the same price."""
    variables = {"ORFA_REGISTRATION_PRICE": options.price, "ORFA_REGISTRATION_CHECK": "off"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        with systems.cluster(options.bin, 2, True) as cluster:
            command = [os.path.join(options.bin, "orfa-bench-registration"), "--parts", parts, "--price", options.price,
                       "--repeat", str(options.repeats), "--seconds", "0.1"]
            return launch.json_lines(command, {**os.environ, **launch.base_environment(), **cluster}, 300)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def measure_registration(options, samples):
    for line in priced(options, "prices"):
        samples.add("registration", {"line": line["what"], "x": line["bytes"], "values": line["seconds"]["all"]})


def measure_cache(options, samples):
    for line in priced(options, "bandwidth"):
        if "bytes_per_second" in line:
            samples.add("cache", {"line": f"{line['direction']}, {line['way']}", "x": line["bytes"],
                                  "values": line["bytes_per_second"]["all"]})


def measure_clients(options, samples):
    program = os.path.join(options.bin, "orfa-bench-mpi")
    with systems.cluster(options.bin, 4, True) as cluster:
        for system in systems.parse("same-host=orfa:/p,TCP=orfa:/p+ORFA_TRANSPORT=ofi"):
            for clients in CLIENTS:
                command = ["mpirun", "-np", str(clients), program, f"{system.path}-{os.getpid()}", "contiguous", "--form", "independent",
                           "--set", "transfer=64K", "--set", f"bytes={max(PER_CLIENT // clients, MIB)}", "--repeat",
                           str(options.repeats + 1), "--json"]
                lines = [line for line in launch.json_lines(command, system.variables(cluster), 120)
                         if line.get("kind") == "measurement" and line.get("seconds")]
                for phase in ("write", "read"):
                    values = [line["bytes"] / line["seconds"] for line in lines if line["phase"] == phase]
                    samples.add("clients", {"line": f"{phase}, {system.name}", "x": clients, "values": values[1:]})


# name -> (measures it, title, unit, x axis, what the report found)
FIGURES = {
    "registration": (measure_registration, "Copying against registering memory", "us", "bytes",
                     "2004, figure 3a: below some 64 KiB registering is dearer than copying, and deregistering is dearest of "
                     "all, up to milliseconds on GM."),
    "cache": (measure_cache, "A registration cache, registering each time, and copying", "B/s", "bytes",
              "2004, figure 3b: the cache gains more than 25 % on registering each time; copying equals it for small requests and "
              "loses for large ones."),
    "clients": (measure_clients, "Bandwidth over the number of clients, 64 KiB a request", "B/s", "clients",
                "2005, figure 9: with GM, whose messages nobody expected, 233 of 250 MB/s with 92 clients (93 %) fell to 163 MB/s with "
                "184 (65 %). Here servers fetch the data when they are ready for them, so the curve should stay flat."),
}


def lines_of(name, samples):
    """{plot: {line: [(x, Summary)]}} of a figure; the times of registration become microseconds."""
    from . import statistics  # pylint: disable=import-outside-toplevel
    factor = 1e6 if FIGURES[name][2] == "us" else 1
    found = {}
    for sample in samples:
        if sample["figure"] == name and sample["values"]:
            first, found_comma, rest = sample["line"].partition(", ")  # "write, cache": a line of the plot for writes
            part, line = (first, rest) if found_comma else ("", first)
            summary = statistics.summarize([value * factor for value in sample["values"]])
            found.setdefault(part, {}).setdefault(line, []).append((sample["x"], summary))
    return found


def plot(name, samples, number):
    """The plots of a figure, and a table of what they show: HTML."""
    from . import plots, words  # pylint: disable=import-outside-toplevel
    _, title, unit, x_label, _ = FIGURES[name]
    x_words = words.size if x_label == "bytes" else str
    drawings, rows = "", ""
    for part, lines in lines_of(name, samples).items():
        curves = [plots.Curve(index, line, sorted(points, key=lambda point: point[0]))
                  for index, (line, points) in enumerate(lines.items())]
        legend = " &nbsp; ".join(f'<span style="color:var(--series-{curve.series})">{plots.MARKER_SIGNS[curve.series]}</span> '
                                 f"{html.escape(curve.name.replace('_', ' '))}" for curve in curves)
        drawing = plots.curves(f"paper-{number}-{part}", part.capitalize() or title, curves, unit, x_label, x_words)
        drawings += f"<div><p>{legend}</p>{drawing}</div>"
        rows += "".join(f"<tr><td>{html.escape(f'{part} {curve.name}'.strip())}</td><td>{x_words(x)}</td>"
                        f"<td>{words.quantity(one.median, unit)}</td></tr>" for curve in curves for x, one in curve.points)
    if not drawings:
        return "<p>Nothing was measured.</p>"
    return f'<div class="plots">{drawings}</div><details><summary>Figures</summary><table>{rows}</table></details>'


def page(options, samples, problems):
    with open(os.path.join(HERE, "page.css"), encoding="utf-8") as file:
        style = file.read()
    sections = []
    for number, name in enumerate(options.figures):
        trouble = f'<div class="notice bad"><p>{html.escape(problems[name])}</p></div>' if name in problems else ""
        sections.append(f'<section id="{name}"><h2>{html.escape(FIGURES[name][1])}</h2><p><b>The report:</b> '
                        f"{html.escape(FIGURES[name][4])}</p>{trouble}{plot(name, samples.found, number)}</section>")
    template = string.Template('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-'
                               'width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>ORFA: figures of the '
                               "reports</title><style>$style</style></head><body><header><h1>Figures of the ORFA reports, measured anew"
                               '</h1><p class="facts">Registration at the price $price.</p></header><main>$sections</main></body></html>\n')
    return template.substitute(style=style, price=html.escape(options.price), sections="".join(sections))


def parse(argv):
    parser = argparse.ArgumentParser(prog="orfa-bench papers", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; must be new or empty")
    parser.add_argument("--figures", default=",".join(FIGURES), help="only these, with commas")
    parser.add_argument("--price", default="gm2004", help="of registering: gm2004, verbs, or PAGE_NS:DEREGISTER_NS (gm2004)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--bin", default=default_programs(), metavar="DIR", help="where the programs are")
    options = parser.parse_args(argv)
    options.figures = options.figures.split(",")
    unknown = [name for name in options.figures if name not in FIGURES]
    if unknown:
        parser.error(f"no such figure: {', '.join(unknown)}")
    os.makedirs(options.out, exist_ok=True)
    if os.listdir(options.out):
        parser.error(f"{options.out} is not empty")
    return options


def main(argv):
    options = parse(argv)
    samples, problems = Samples(options.out), {}
    for name in options.figures:
        print(f"measuring {name} ...", file=sys.stderr)
        try:
            FIGURES[name][0](options, samples)
        except (RuntimeError, OSError) as error:
            problems[name] = str(error)
            print(f"orfa-bench papers: {name}: {error}", file=sys.stderr)
    output = os.path.join(options.out, "papers.html")
    try:
        text = page(options, samples, problems)
    except ModuleNotFoundError as error:
        print(f"orfa-bench papers: error: {error.name} is missing; on Debian: apt install python3-matplotlib", file=sys.stderr)
        return 1
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    print(output)
    return 1 if problems else 0
