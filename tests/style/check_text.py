#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if a source file lacks its licence line or is longer than a file of one idea may be."""
import pathlib
import subprocess
import sys

LONGEST = 600  # lines
SOURCES = {".c", ".cpp", ".h", ".hpp", ".py", ".sh", ".cmake"}

root = pathlib.Path(sys.argv[1])
listed = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, check=False)
if listed.returncode != 0:
    print("not a git checkout: skipped")
    sys.exit(77)
bad = False
for name in listed.stdout.splitlines():
    path = root / name
    if path.suffix not in SOURCES or not path.exists():
        continue
    lines = path.read_text().splitlines()
    if not any("SPDX-License-Identifier: MIT" in line for line in lines[:3]):
        print(f"{name}: no SPDX line at its top")
        bad = True
    if len(lines) > LONGEST:
        print(f"{name}: {len(lines)} lines, more than {LONGEST}")
        bad = True
sys.exit(bad)
