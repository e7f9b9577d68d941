#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the machine's own apt sources into ones of source packages only.

    source_entries.py OUTPUT_DIR SOURCES_LIST SOURCES_DIR

Reads SOURCES_LIST and the *.list and *.sources files of SOURCES_DIR, and writes them as `deb-src` into OUTPUT_DIR
(sources.list, entries.sources). Options such as signed-by stay as they are. Entries that can't be of the distribution
itself (another suite's name, no component `main`) are left out, so that an unreachable third-party archive does not get
in the way; when that leaves nothing, all are taken. Prints the number of entries.
"""
import os
import re
import shlex
import sys

ROLLING = ["stable", "oldstable", "oldoldstable", "testing", "unstable", "sid"]
POCKETS = r"([-/](updates|security|proposed-updates|backports|backports-sloppy))?"


def codename(path="/etc/os-release"):
    """The release's name ("bookworm"), or None."""
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.strip().partition("=")
                if key == "VERSION_CODENAME" and value:
                    return shlex.split(value)[0]
    except OSError:
        pass
    return None


def is_distribution(suite, components, release):
    names = "|".join(re.escape(name) for name in ROLLING + ([release] if release else []))
    return "main" in components and re.fullmatch(f"({names}){POCKETS}", suite) is not None


def parse_one_line(text):
    """Entries of the one-line format: (suite, components, the line as deb-src)."""
    entries = []
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        match = re.fullmatch(r"deb(?:-src)?\s+(\[[^\]]*\]\s+)?((?:\[[^\]]*\]|\S)+)\s+(\S+)((?:\s+\S+)*)", line)
        if not match or match[2].startswith("cdrom:"):
            continue
        options, uri, suite, components = match[1] or "", match[2], match[3], match[4].split()
        # A third-party archive's `arch=` does not concern source packages and is kept: apt ignores it for them.
        entries.append((suite, components, f"deb-src {options}{uri} {suite} {' '.join(components)}".rstrip()))
    return entries


def split_stanzas(text):
    """Deb822 stanzas as lists of (field, value); a value keeps its further lines."""
    stanza = []
    for line in text.splitlines() + [""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza = []
        elif line[0] in " \t" and stanza:
            stanza[-1] = (stanza[-1][0], stanza[-1][1] + "\n" + line)
        elif ":" in line:
            field, value = line.split(":", 1)
            stanza.append((field.strip(), value.strip()))


def parse_deb822(text):
    """Entries of the deb822 format: (suites, components, fields)."""
    entries = []
    for stanza in split_stanzas(text):
        fields = {field.lower(): value for field, value in stanza}
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off"):
            continue
        if not {"types", "uris", "suites"} <= fields.keys() or "cdrom:" in fields["uris"]:
            continue
        entries.append((fields["suites"].split(), fields.get("components", "").split(), stanza))
    return entries


def render_stanza(stanza, suites):
    lines = []
    for field, value in stanza:
        if field.lower() == "types":
            value = "deb-src"
        elif field.lower() == "suites":
            value = " ".join(suites)
        lines.append(f"{field}:{'' if value.startswith(chr(10)) else ' '}{value}")
    return "\n".join(lines) + "\n"


def read_sources(sources_list, sources_dir):
    """All enabled entries of the machine: (one-line ones, deb822 ones)."""
    one_line, deb822 = [], []
    paths = [sources_list] if os.path.isfile(sources_list) else []
    if os.path.isdir(sources_dir):
        paths += sorted(os.path.join(sources_dir, name) for name in os.listdir(sources_dir))
    for path in paths:
        if path != sources_list and not path.endswith((".list", ".sources")):
            continue
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError as error:
            print(f"warning: {path}: {error.strerror}", file=sys.stderr)
            continue
        if path.endswith(".sources"):
            deb822 += parse_deb822(text)
        else:
            one_line += parse_one_line(text)
    return one_line, deb822


def select(one_line, deb822, release):
    """The lines and the stanzas to write."""
    lines = [line for suite, components, line in one_line if is_distribution(suite, components, release)]
    stanzas = []
    for suites, components, stanza in deb822:
        kept = [suite for suite in suites if is_distribution(suite, components, release)]
        if kept:
            stanzas.append(render_stanza(stanza, kept))
    if not lines and not stanzas:
        lines = [line for _, _, line in one_line]
        stanzas = [render_stanza(stanza, suites) for suites, _, stanza in deb822]
    return list(dict.fromkeys(lines)), list(dict.fromkeys(stanzas))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    output, sources_list, sources_dir = sys.argv[1:]
    lines, stanzas = select(*read_sources(sources_list, sources_dir), codename())
    for name, parts, joint in (("sources.list", lines, "\n"), ("entries.sources", stanzas, "\n")):
        with open(os.path.join(output, name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(joint.join(parts) + "\n")
    print(len(lines) + len(stanzas))


if __name__ == "__main__":
    main()
