#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if a folder includes one it may not depend on. Run by ctest as style.layers."""
import pathlib
import re
import sys

# folder -> what it may include, as folders or single files.
MAY_INCLUDE = {
    "common": set(),
    "protocol": {"common"},
    "fabric": {"common"},
    "rpc": {"protocol", "fabric", "common"},
    "client": {"rpc", "protocol", "fabric", "common"},
    "client/cli": {"client/orfa.h", "common"},
    "server": {"rpc", "protocol", "fabric", "common"},
    "collective": {"client/orfa.h", "protocol", "common"},
    "adio_orfa": {"client/orfa.h", "collective/orfa_coll.h"},
}
INCLUDE = re.compile(r'#include "([\w/]+\.(?:h|hpp))"')


def folder_of(path: str) -> str:
    """The longest folder of MAY_INCLUDE that holds this file."""
    parts = path.split("/")[:-1]
    while parts and "/".join(parts) not in MAY_INCLUDE:
        parts.pop()
    return "/".join(parts)


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    bad = checked = 0
    for top in sorted({folder.split("/")[0] for folder in MAY_INCLUDE}):
        for path in sorted((root / top).rglob("*.[hc]*")):
            if path.suffix not in {".h", ".hpp", ".c", ".cpp"}:
                continue
            checked += 1
            name = str(path.relative_to(root))
            own = folder_of(name)
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                if not found or "/" not in found[1]:
                    continue  # a header of ROMIO's or of the same folder
                target = found[1]
                allowed = MAY_INCLUDE[own]
                if folder_of(target) == own or target in allowed or folder_of(target) in allowed:
                    continue
                if not (root / target).exists():
                    continue  # not ours
                print(f"{name}:{number}: {own}/ may not include {target}")
                bad += 1
    if checked < 50:
        print(f"only {checked} files found: wrong folder?")
        bad += 1
    return int(bad != 0)


sys.exit(main())
