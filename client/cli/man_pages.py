#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes manual pages out of --help: of each program, and of each of its commands (orfa-cp.1).

    man_pages.py --help2man PROGRAM --version VERSION --output FOLDER PROGRAM...
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import tempfile


def help_of(program, words):
    """With the program found by its name alone, which is what its help then says."""
    done = subprocess.run([program.name, *words, "--help"], executable=program, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=30)
    return done.stdout


def subcommands(text):
    block = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  (\w[\w-]*) ", block[1], re.M) if block else []


def marked(text):
    """Indented lines outside the lists are examples, which help2man knows by a leading '$'."""
    lines = []
    in_list = False
    for line in text.splitlines():
        if re.fullmatch(r"(Positionals|Options|Subcommands):", line):
            in_list = True
        elif not line.startswith(" "):
            in_list = False
        if line.startswith("  ") and not in_list:
            if lines and lines[-1] and not lines[-1].startswith("  $ "):
                lines.append("")  # or help2man takes them for a list
            line = "  $ " + line[2:]
        lines.append(line)
    return "\n".join(lines) + "\n"


def make_page(options, program, words, text):
    name = "-".join([program.name, *words])
    summary = text.splitlines()[0].rstrip(".")
    summary = summary.removeprefix(program.name).strip().split(". ")[0]
    with tempfile.TemporaryDirectory() as folder:
        # help2man runs a program: this one says what we have.
        speaker = pathlib.Path(folder) / name
        speaker.write_text(f"#!/bin/sh\ncat <<'END_OF_HELP'\n{marked(text)}END_OF_HELP\n")
        speaker.chmod(0o700)
        subprocess.run([options.help2man, "--no-info", "--locale=C", f"--name={summary}",
                        f"--version-string={options.version}", f"--source=ORFA {options.version}",
                        f"--output={options.output / name}.1", shlex.quote(str(speaker))],
                       check=True, timeout=60)


def make_pages(options, program, words=()):
    text = help_of(program, words)
    make_page(options, program, words, text)
    for name in subcommands(text):
        make_pages(options, program, (*words, name))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--help2man", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("programs", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for old in options.output.glob("*.1"):
        old.unlink()
    for program in options.programs:
        make_pages(options, program)


main()
