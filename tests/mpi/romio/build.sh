#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds ROMIO's own test programs (the C ones) from a source tree of Open MPI 4.1. A second run builds nothing.
#
#   tests/mpi/romio/build.sh OPENMPI_TREE OUTPUT_DIR
set -euo pipefail
here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
# shellcheck source=scripts/lib/common.sh
source "$here/../../../scripts/lib/common.sh"
report_failures

(($# == 2)) || die "usage: build.sh OPENMPI_TREE OUTPUT_DIR"
sources="$1/ompi/mca/io/romio321/romio/test"
output="$2"
[[ -f "$sources/simple.c" ]] || die "$1 has no ROMIO test programs (ompi/mca/io/romio321/romio/test)"
have mpicc || die "there is no mpicc (scripts/install-deps.sh installs it)"

sources="$(cd -- "$sources" && pwd -P)"
mkdir -p -- "$output"
cd -- "$output"
# Other sources than last time: their older time stamps would not tell make.
if [[ "$(readlink src || true)" != "$sources" ]]; then
    find . -maxdepth 1 -type f -delete
    ln -sfn -- "$sources" src
fi
for file in programs.mk mpi1.h; do
    cmp -s -- "$here/$file" "$file" || cp -- "$here/$file" "$file"
done
quietly "$PWD/build.log" "building ROMIO's test programs" make -j"${ORFA_JOBS:-2}" -f programs.mk || exit 1
