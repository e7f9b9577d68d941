#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if docs/walk.md names a file or a symbol that is gone, or is longer than it promises."""
import pathlib
import re
import sys

LONGEST = 8  # files on the way of a request

root = pathlib.Path(sys.argv[1])
steps = re.findall(r"^\d+\. `([\w/.]+):([\w:~]+)`", (root / "docs/walk.md").read_text(), re.M)
bad = not steps
for path, symbol in steps:
    file = root / path
    if not file.exists() or not re.search(rf"\b{re.escape(symbol)}\b", file.read_text()):
        print(f"docs/walk.md: no {symbol} in {path}")
        bad = True
if len({path for path, _ in steps}) > LONGEST:
    print(f"docs/walk.md: a request passes {len(steps)} files, more than {LONGEST}")
    bad = True
sys.exit(bool(bad))
