#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the IOR configurations of ior-configs/ on file systems side by side.
#
#   scripts/run-ior.sh --systems orfa=orfa:/b,ufs=ufs:/dev/shm/b --out DIR [OPTION...]     --help shows the options
#
# IOR is `ior` in PATH, or what IOR= names. Results are those of an orfa-bench run: `orfa-bench report DIR` makes a page of them.
# Exit code 77: there is no IOR.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"

no_ior() {
    cat >&2 <<END
run-ior.sh: there is no IOR: $1.
Debian has no package of it. With Spack:

    spack install ior ^openmpi && spack load ior

or from source, with Debian's autoconf, automake, pkg-config and libopenmpi-dev (and libhdf5-openmpi-dev for hdf5.conf):

    git clone https://github.com/hpc/ior && cd ior && ./bootstrap
    ./configure CC=mpicc --with-mpiio --with-hdf5 CPPFLAGS="\$(pkg-config --cflags hdf5-openmpi)" \\
        LDFLAGS="\$(pkg-config --libs-only-L hdf5-openmpi)"
    make && export IOR="\$PWD/src/ior"

It must use the MPI that ORFA's component was built for.
END
    exit 77
}

main() {
    local argument ior="${IOR:-ior}"
    for argument in "$@"; do
        case "$argument" in
            -h | --help) ior=true ;; # needs none
        esac
    done
    if ! have "$ior"; then
        [[ -z "${IOR:-}" ]] || no_ior "IOR=$IOR is no program"
        no_ior "no ior in PATH, and IOR= is not set"
    fi
    PYTHONPATH="$ORFA_TREE/benchmarks${PYTHONPATH:+:$PYTHONPATH}" IOR="$ior" exec /usr/bin/python3 -m orfa_bench.ior "$@"
}

main "$@"
