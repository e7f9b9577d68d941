#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds HDF5's parallel test programs from its source tree, against the installed parallel HDF5. A second run builds nothing.
#
#   tests/mpi/hdf5/build.sh HDF5_TREE OUTPUT_DIR
set -euo pipefail
here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
# shellcheck source=scripts/lib/common.sh
source "$here/../../../scripts/lib/common.sh"
report_failures

(($# == 2)) || die "usage: build.sh HDF5_TREE OUTPUT_DIR"
sources="$1"
output="$2"
[[ -f "$sources/testpar/testphdf5.c" ]] || die "$1 is not a source tree of HDF5: it has no testpar/testphdf5.c"
have mpicc || die "there is no mpicc (scripts/install-deps.sh installs it)"
pkg-config --exists hdf5-openmpi || die "there is no parallel HDF5 (scripts/install-deps.sh demo installs it)"

sources="$(cd -- "$sources" && pwd -P)"
mkdir -p -- "$output"
cd -- "$output"
# Other sources than last time: their older time stamps would not tell make.
if [[ "$(readlink tree || true)" != "$sources" ]]; then
    find . -maxdepth 1 -type f -delete
    ln -sfn -- "$sources" tree
fi
cmp -s -- "$here/programs.mk" programs.mk || cp -- "$here/programs.mk" programs.mk
quietly "$PWD/build.log" "building HDF5's parallel test programs" make -j"${ORFA_JOBS:-2}" -f programs.mk || exit 1
