#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Shows ORFA at work, from a bare Debian 12 on: sets up, builds, starts four servers, runs an MPI-IO and a parallel HDF5
# program on them through the stock Open MPI, looks at their files, measures, stops the servers.
#
#   scripts/demo.sh
#
# As root or as a user with sudo, from any folder; a second run reuses the build. ORFA_JOBS limits the compilers.
set -euo pipefail
scripts="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
# shellcheck source=scripts/lib/common.sh
source "$scripts/lib/common.sh"
# shellcheck source=scripts/lib/build.sh
source "$scripts/lib/build.sh"

dir="$(build_dir default)"
bin="$dir/bin"
orfa="$bin/orfa"
cluster="demo-$$"
scratch=""
started=no
step_name="" step_number=0 step_start=0

# --- steps -------------------------------------------------------------------------------------------------------------

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

# run_step NAME COMMAND...: says what it does and how long that took.
run_step() {
    step_name="$1"
    step_number=$((step_number + 1))
    step_start="$EPOCHREALTIME"
    printf '\n==> %d. %s\n' "$step_number" "$step_name"
    shift
    "$@"
    printf '    (%s s)\n' "$(seconds_since "$step_start")"
    step_name=""
}

# Whatever happens: no server stays, no file stays, and a failure names its step.
finish() {
    local code=$?
    trap - EXIT
    if ((code != 0)) && [[ -n "$step_name" ]]; then
        printf '\ndemo.sh: FAILED in step %d: %s (exit code %d)\n' "$step_number" "$step_name" "$code" >&2
    fi
    if [[ "$started" == yes ]]; then
        bounded 30 "$orfa" cluster stop --name "$cluster" >&2 || code=$((code == 0 ? 1 : code))
    fi
    [[ -z "$scratch" ]] || rm -rf -- "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# show COMMAND...: prints the command as one would type it, then runs it.
show() {
    printf '    $'
    printf ' %s' "${@/#$bin\//}"
    printf '\n'
    "$@"
}

install_packages() { "$scripts/install-deps.sh" build demo; }

fetch_openmpi() { openmpi_tree="$("$scripts/fetch-sources.sh" openmpi)"; }

build_all() {
    # Tests stay switched on where test.sh has switched them on: the two share the folder.
    local tests
    tests="$(cached default BUILD_TESTING)"
    [[ -x "$orfa" ]] || printf '    (the first time, this takes some minutes)\n'
    configure default "-DORFA_OPENMPI_TREE=$openmpi_tree" "-DBUILD_TESTING=${tests:-OFF}"
    build default orfa_cli orfa-server orfa_adio mpi_io_demo hdf5_demo orfa-bench-mpi orfa-bench-limits
    printf '    in %s\n' "$dir"
}

start_servers() {
    local exports
    started=yes
    exports="$(bounded 60 "$orfa" cluster start --servers 4 --memory --name "$cluster")"
    eval "$exports"
    show "$orfa" mkdir -p orfa:/demo
}

# on_orfa PROGRAM FILE: four ranks of a program that knows nothing of ORFA.
on_orfa() {
    # shellcheck disable=SC2016  # shown as it is typed
    printf '    $ ROMIO_FSTYPE_FORCE=orfa: mpirun -np 4 %s %s\n' "${1##*/}" "$2"
    ROMIO_FSTYPE_FORCE=orfa: bounded 60 mpirun -np 4 "$@"
}

look_at_files() {
    cd -- "$scratch"
    show "$orfa" ls -l orfa:/demo
    show "$orfa" layout orfa:/demo/field.h5
    show "$orfa" cp orfa:/demo/field.h5 field.h5
    show h5ls -r field.h5
    # sed reads to the end, as head would not: no broken pipe.
    show h5dump -H field.h5 | sed -n '1,24p'
    printf '    ...\n'
    # Two of the values, by a program that knows neither ORFA nor MPI.
    show h5dump -m %.2f -d /fields/chunked -s 63,127,126 -c 1,1,2 field.h5 | sed -n '1p; s/^ *\((63,.*\)/   \1/p'
    cd -- "$ORFA_TREE"
}

# Both transports of the servers that run, and ROMIO's driver for local files on tmpfs.
compare() {
    bounded 180 "$bin/orfa-bench" run --systems "orfa=orfa:/b,tcp=orfa:/b+ORFA_TRANSPORT=ofi,ufs=ufs:/dev/shm/orfa-$cluster" \
        --workloads contiguous,vector-strided --form independent --set transfer=1M --set strip=64K --set bytes=32M \
        --repeats 2 --times 3 --out "$scratch/results"
}

stop_servers() {
    bounded 30 "$orfa" cluster stop --name "$cluster"
    started=no
}

main() {
    if (($# > 0)); then
        sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        [[ "$1" == -h || "$1" == --help ]] && exit 0 || exit 2
    fi
    local begin="$EPOCHREALTIME" built
    run_step "Packages" install_packages
    run_step "ROMIO's source: the installed Open MPI's" fetch_openmpi
    run_step "Build" build_all
    built="$EPOCHREALTIME"
    scratch="$(mktemp -d -- "${TMPDIR:-/tmp}/orfa-demo.XXXXXX")"
    mpi_environment
    run_step "Four servers on this host, files in memory" start_servers
    run_step "An MPI-IO program, four ranks" on_orfa "$dir/demo/mpi_io_demo" /demo/values
    run_step "A parallel HDF5 program, four ranks" on_orfa "$dir/demo/hdf5_demo" /demo/field.h5
    run_step "Their files, seen from outside" look_at_files
    run_step "Bandwidth of one shared file, four ranks" compare
    run_step "Stop the servers" stop_servers
    printf '\nAll done in %s s (%s s after the build).\n' "$(seconds_since "$begin")" "$(seconds_since "$built")"
}

main "$@"
