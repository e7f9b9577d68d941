# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Configuring and building a preset of CMakePresets.json, and what runs under mpirun. Sourced after common.sh.

# What the compilers may use at once.
build_jobs() { printf '%s\n' "${ORFA_JOBS:-$(nproc)}"; }

# build_dir PRESET: where the preset builds.
build_dir() {
    if [[ "$1" == default ]]; then
        printf '%s\n' "$ORFA_TREE/build"
    else
        printf '%s\n' "$ORFA_TREE/build-$1"
    fi
}

# cached PRESET VARIABLE: what an earlier configuration chose; empty if there was none.
cached() {
    local cache
    cache="$(build_dir "$1")/CMakeCache.txt"
    [[ -r "$cache" ]] || return 0
    sed -n "s/^$2:[A-Z]*=//p" "$cache"
}

# configure PRESET [OPTION...]: afresh when the folder was built from a tree that stood elsewhere.
configure() {
    local preset="$1" dir home
    local -a options=("${@:2}")
    dir="$(build_dir "$preset")"
    home="$(cached "$preset" CMAKE_HOME_DIRECTORY)"
    if [[ -n "$home" && "$home" != "$ORFA_TREE" ]]; then
        options+=(--fresh)
    fi
    (cd -- "$ORFA_TREE" && quietly "$dir/log/configure.log" "configuring $preset" cmake --preset "$preset" "${options[@]}")
}

# Passes a build's output on to a log; on a terminal, shows how far it is.
watched() {
    local log="$1" code=0
    shift
    if [[ -t 2 ]]; then
        "$@" 2>&1 | tee -- "$log" | awk '/^\[[0-9]+\/[0-9]+\]/ { printf "\r    %s ", $1 > "/dev/stderr" }' || code=$?
        printf '\r%20s\r' '' >&2
    else
        "$@" >"$log" 2>&1 || code=$?
    fi
    return "$code"
}

# build PRESET [TARGET...]: all targets, or the named ones.
build() {
    local preset="$1" dir log code=0
    local -a options=()
    shift
    dir="$(build_dir "$preset")"
    log="$dir/log/build.log"
    if (($# > 0)); then
        options=(--target "$@")
    fi
    watched "$log" cmake --build "$dir" --parallel "$(build_jobs)" "${options[@]}" || code=$?
    if ((code != 0)); then
        # Ninja's own summary comes last; the compiler's words are before it.
        grep -A 12 -E '^FAILED: |error:' -- "$log" | head -n 60 >&2 || true
        say "${0##*/}: error: building $preset failed (exit $code), log: $log"
    fi
    return "$code"
}

# For programs under mpirun on this machine: more ranks than processors, which wait without keeping the servers from
# running; Open MPI's own transport within the host; root allowed where we are root (a container).
mpi_environment() {
    export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader
    if ((EUID == 0)); then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# bounded SECONDS COMMAND...: no command here may hang.
bounded() {
    local seconds="$1" code=0
    shift
    timeout --kill-after=10 "$seconds" "$@" || code=$?
    if ((code == 124 || code == 137)); then
        say "${0##*/}: not done within $seconds s: $*"
    fi
    return "$code"
}
