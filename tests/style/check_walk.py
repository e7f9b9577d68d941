#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if docs/walk.md names a file or a symbol that is gone, leaves a step out of its numbering, or
if it or README.md promises another number of files than it has, or is longer than a walk may be."""
import pathlib
import re
import sys

LONGEST = 9  # files on the way of a request
NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()

root = pathlib.Path(sys.argv[1])
walk = (root / "docs/walk.md").read_text()
steps = re.findall(r"^(\d+)\. `([\w/.]+):([\w:~]+)`", walk, re.M)
files = {path for _, path, _ in steps}
bad = []
for _, path, symbol in steps:
    file = root / path
    if not file.exists() or not re.search(rf"\b{re.escape(symbol)}\b", file.read_text()):
        bad.append(f"docs/walk.md: no {symbol} in {path}")
if [int(number) for number, _, _ in steps] != list(range(1, len(steps) + 1)) or not steps:
    bad.append("docs/walk.md: the steps are not numbered 1, 2, 3 ...")
if len(files) > LONGEST:
    bad.append(f"docs/walk.md: a request passes {len(files)} files, more than {LONGEST}")
for name, text in (("docs/walk.md", walk), ("README.md", (root / "README.md").read_text())):
    promised = re.search(rf"\b({'|'.join(NUMBERS)}) files\b", text)
    if not promised or NUMBERS.index(promised[1]) != len(files):
        bad.append(f"{name}: the walk has {len(files)} files, it doesn't say so")
print("\n".join(bad))
sys.exit(bool(bad))
