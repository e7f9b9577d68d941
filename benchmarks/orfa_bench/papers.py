# SPDX-License-Identifier: MIT
"""orfa-bench papers: figures of the reports that ORFA goes back to, measured anew, on one page beside what they said."""
import argparse
import html
import json
import os
import sys
import tempfile

from . import launch, limits, page as frame, systems
from .main import default_programs

MIB = 1 << 20

DESCRIPTION = """Measures figures of the ORFA reports (RR-2003-56, RR-2004-24, and that of 2005) on this machine, and makes one HTML
page of them with what the reports found. Registration is charged at a price (--price), since it costs nothing here."""

EPILOG = """examples:
  orfa-bench papers --out papers                    papers/papers.html and papers/results.jsonl
  orfa-bench papers --out papers --figures clients  one of them

figures: registration (copying against registering), cache (the registration cache, registering each time,
copying), parts (where the time of one request goes), buffered (direct access against access through
buffers), clients (bandwidth over the number of clients). Starts its own servers, and takes six minutes.

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
    with systems.cluster(options.bin, 2, True, variables) as cluster:
        command = [os.path.join(options.bin, "orfa-bench-registration"), "--parts", parts, "--price", options.price,
                   "--repeat", str(options.repeats), "--seconds", "0.1"]
        return launch.json_lines(command, {**os.environ, **launch.base_environment(), **variables, **cluster}, 300)


def measure_registration(options, samples):
    for line in priced(options, "prices"):
        samples.add("registration", {"line": line["what"].replace("_", " "), "x": line["bytes"], "values": line["seconds"]["all"]})


def measure_cache(options, samples):
    for line in priced(options, "bandwidth"):
        if "bytes_per_second" in line:
            samples.add("cache", {"line": f"{line['direction']}, {line['way']}", "x": line["bytes"],
                                  "values": line["bytes_per_second"]["all"]})


def request_parts(options, environment, *words):
    """orfa-bench-parts' lines, with one server."""
    with systems.cluster(options.bin, 1, True) as cluster:
        command = [os.path.join(options.bin, "orfa-bench-parts"), "--seconds", "0.3", *words]
        for _ in range(options.repeats):
            yield from launch.json_lines(command, {**os.environ, **cluster, **environment}, 120)


TRANSPORTS = {"local": "on one host", "ofi": "over TCP"}
PARTS = ("client", "network", "server", "store", "whole")


def measure_parts(options, samples):
    for line in request_parts(options, {}):
        for part in PARTS:
            samples.add("parts", {"line": f"{line['direction']} {TRANSPORTS[line['transport']]}, {part}", "x": line["bytes"],
                                  "values": [max(line["us"][part], 0)]})


SIZES = (4096, 16384, 65536, 262144, MIB)


def measure_buffered(options, samples):
    def add(direction, line, size, rate):
        samples.add("buffered", {"line": f"{direction}, {line}", "x": size, "values": [rate]})

    sizes = ",".join(map(str, SIZES))
    for line, stage_max in (("ORFA, direct", "0"), ("ORFA, through buffers", str(MIB))):
        # Without messages' payload, which has a buffer at either end in both cases.
        environment = {"ORFA_STAGE_MAX": stage_max, "ORFA_INLINE_MAX": "0"}
        for found in request_parts(options, environment, "--transport", "local", "--sizes", sizes):
            add(found["direction"], line, found["bytes"], found["bytes"] / found["us"]["whole"] * 1e6)
    with tempfile.TemporaryDirectory(prefix="orfa-papers-", dir=options.out) as folder:
        for _ in range(options.repeats):
            for line, direct in (("local disk, O_DIRECT", "1"), ("local disk, page cache", "0")):
                for size in SIZES:
                    for direction in ("write", "read"):
                        rate = limits.fio(folder, direction, f"--bs={size}", "--size=64M", f"--direct={direct}", "--ioengine=psync",
                                          "--invalidate=0", "--runtime=1")
                        add(direction, line, size, rate)


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
    "parts": (measure_parts, "Where the time of one request goes", "us", "bytes",
              "2005, equations 1 to 3: T = client + network + server + disk, and client = storage call (0 to 50 us) + data (1 to 100 "
              "us) + control (0.1 to 1 us); 8 us of the network are GM's latency, 4 us MX's. Here the network is what is left when the "
              "others are taken away: it has the copy from one process to the other, and waking up. The store is memory."),
    "buffered": (measure_buffered, "Direct access against access through buffers", "B/s", "bytes",
                 "2004, figure 6, and 2005, figure 14: a kernel client that moved each page through the page cache took 77 us a page "
                 "with GM (54 with MX); going past it saved 0.9 us a page and side, 20 % of a small request's latency. There is no "
                 "kernel client here. Instead: ORFA's one copy between processes, which the kernel makes page by page, beside "
                 "what it does by default up to 1 MiB, two copies in user space through shared memory; and this machine's disk with O_DIRECT beside its page "
                 "cache (writes end when they are in the cache). One process and one hot buffer."),
    "clients": (measure_clients, "Bandwidth over the number of clients, 64 KiB a request", "B/s", "clients",
                "2005, figure 9: with GM, whose messages nobody expected, 233 of 250 MB/s with 92 clients (93 %) fell to 163 MB/s with "
                "184 (65 %). Here servers fetch the data when they are ready for them, so the curve should stay flat."),
}


def lines_of(name, samples):
    """{plot: {line: [(x, Summary)]}} of a figure; the times of registration become microseconds."""
    from . import statistics  # pylint: disable=import-outside-toplevel
    factor = 1e6 if name == "registration" else 1  # its samples are seconds
    found = {}
    for sample in samples:
        if sample["figure"] == name and sample["values"]:
            first, found_comma, rest = sample["line"].partition(", ")  # "write, cache": a line of the plot for writes
            part, line = (first, rest) if found_comma else ("", first)
            points = found.setdefault(part, {}).setdefault(line, {})
            points.setdefault(sample["x"], []).extend(value * factor for value in sample["values"])
    return {part: {line: [(x, statistics.summarize(values)) for x, values in points.items()] for line, points in lines.items()}
            for part, lines in found.items()}


def plot(name, samples, number):
    """The plots of a figure, and a table of what they show: HTML."""
    from . import plots, words  # pylint: disable=import-outside-toplevel
    _, title, unit, x_label, _ = FIGURES[name]
    x_words = words.size if x_label == "bytes" else str
    drawings, rows = "", ""
    for place, (part, lines) in enumerate(lines_of(name, samples).items()):
        curves = [plots.Curve(index, line, sorted(points, key=lambda point: point[0]))
                  for index, (line, points) in enumerate(lines.items())]
        legend = " &nbsp; ".join(f'<span style="color:var(--series-{curve.series})">{plots.MARKER_SIGNS[curve.series]}</span> '
                                 f"{html.escape(curve.name)}" for curve in curves)
        drawing = plots.curves(f"paper-{number}-{place}", part[:1].upper() + part[1:] or title, curves, unit, x_label, x_words)
        drawings += f"<div><p>{legend}</p>{drawing}</div>"
        rows += "".join(f"<tr><td>{html.escape(f'{part} {curve.name}'.strip())}</td><td>{x_words(x)}</td>"
                        f"<td>{words.quantity(one.median, unit)}</td></tr>" for curve in curves for x, one in curve.points)
    if not drawings:
        return "<p>Nothing was measured.</p>"
    return f'<div class="plots">{drawings}</div><details><summary>Figures</summary><table>{rows}</table></details>'


def page(options, samples, problems):
    sections = []
    for number, name in enumerate(options.figures):
        trouble = f'<div class="notice bad"><p>{html.escape(problems[name])}</p></div>' if name in problems else ""
        sections.append(f'<section id="{name}"><h2>{html.escape(FIGURES[name][1])}</h2><p><b>The report:</b> '
                        f"{html.escape(FIGURES[name][4])}</p>{trouble}{plot(name, samples.found, number)}</section>")
    return frame.page("Figures of the ORFA reports, measured anew", f"<span>Registration at the price {html.escape(options.price)}</span>",
                      "".join(sections), "Made by orfa-bench papers.")


def parse(argv):
    parser = argparse.ArgumentParser(prog="orfa-bench papers", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results; must be new or empty")
    parser.add_argument("--figures", default=",".join(FIGURES), help="only these, with commas")
    parser.add_argument("--price", default="gm2004", help="of registering, see docs/registration.md (gm2004)")
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
