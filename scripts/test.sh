#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the tests, from a bare Debian 12 on: sets up, builds, tests. A second run reuses what is built.
#
#   scripts/test.sh             all tests of the default build, with ROMIO's and HDF5's own test programs
#   scripts/test.sh --quick     the same without the MPI suites
#   scripts/test.sh --ci        what continuous integration runs: format, default, asan, fuzz and tsan
#   scripts/test.sh STAGE...    these stages:
#       default   gcc, warnings are errors; all tests
#       quick     gcc; all tests but the MPI suites
#       clang     clang with its thread-safety analysis; headers stand alone; unit tests
#       asan      clang, AddressSanitizer and UndefinedBehaviorSanitizer; unit, wire, fabric and integration tests
#       tsan      clang, ThreadSanitizer; the same tests
#       fuzz      every fuzz target, a minute for all of them together
#       format    clang-format finds nothing to change
#       tidy      clang-tidy finds nothing in the files changed since ORFA_TIDY_BASE (the commit before this one)
#
# As root or as a user with sudo, from any folder. ORFA_JOBS limits compilers and tests at once. Exit code 0 when every
# stage passed.
set -euo pipefail
scripts="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
# shellcheck source=scripts/lib/common.sh
source "$scripts/lib/common.sh"
# shellcheck source=scripts/lib/build.sh
source "$scripts/lib/build.sh"

all_stages=(format default asan fuzz tsan)
fuzz_seconds="${ORFA_FUZZ_SECONDS:-60}"

# --- what stages share -------------------------------------------------------------------------------------------------

# Where a stage leaves the results of its tests, for the summary.
results_of() { printf '%s\n' "$ORFA_TREE/build/log/results-$1.xml"; }

# run_ctest PRESET [OPTION...]: within a stage, whose name is in `stage`. ctest's closing lines are the last that a stage
# prints.
run_ctest() {
    local dir results
    dir="$(build_dir "$1")"
    results="$(results_of "$stage")"
    shift
    mkdir -p -- "$(dirname -- "$results")"
    mpi_environment
    ctest --test-dir "$dir" --output-on-failure --output-junit "$results" --no-tests=error --timeout 600 \
        --parallel "$(build_jobs)" "$@"
}

# The two trees come with the Debian archive's help once and are kept.
configure_with_sources() {
    local preset="$1" openmpi hdf5
    openmpi="$("$scripts/fetch-sources.sh" openmpi)"
    hdf5="$("$scripts/fetch-sources.sh" hdf5)"
    configure "$preset" -DBUILD_TESTING=ON "-DORFA_OPENMPI_TREE=$openmpi" "-DORFA_HDF5_TREE=$hdf5"
}

# The project's own sources of these endings, NUL-separated.
sources_of() {
    local -a names=()
    local ending
    for ending in "$@"; do
        names+=(-o -name "*.$ending")
    done
    (cd -- "$ORFA_TREE" && find adio_orfa benchmarks client collective common demo docs fabric protocol rpc server tests \
        -type f \( "${names[@]:1}" \) -print0)
}

# --- stages ------------------------------------------------------------------------------------------------------------

stage_default() {
    configure_with_sources default
    build default
    run_ctest default
}

stage_quick() {
    configure_with_sources default
    build default
    run_ctest default --label-exclude mpi
}

stage_clang() {
    configure clang -DBUILD_TESTING=ON
    build clang all all_verify_interface_header_sets
    run_ctest clang --label-regex unit
}

sanitized() {
    configure "$1" -DBUILD_TESTING=ON
    build "$1"
    run_ctest "$1" --label-regex '^(unit|wire|fabric|integration)$'
}

stage_asan() {
    export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
    sanitized asan
}

stage_tsan() {
    export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}"
    sanitized tsan
}

stage_fuzz() {
    bounded $((fuzz_seconds + 1800)) "$scripts/fuzz.sh" --in-all "$fuzz_seconds"
}

stage_format() {
    sources_of c h cpp hpp | (cd -- "$ORFA_TREE" && xargs -0 clang-format --dry-run -Werror)
    say "clang-format finds nothing to change."
}

# Those that differ from the base commit, uncommitted ones too; all without a base.
changed_sources() {
    local base="${ORFA_TIDY_BASE:-HEAD~1}"
    if ! git -C "$ORFA_TREE" rev-parse --quiet --verify "$base^{commit}" >/dev/null 2>&1; then
        sources_of cpp
        return
    fi
    {
        git -C "$ORFA_TREE" diff -z --name-only --diff-filter=d "$base" -- '*.cpp'
        git -C "$ORFA_TREE" ls-files -z --others --exclude-standard -- '*.cpp'
    } | sort -zu
}

stage_tidy() {
    local dir file
    local -a files=()
    dir="$(build_dir tidy)"
    configure tidy -DBUILD_TESTING=ON
    # Only what the build compiles: a test that some library switches on has no entry.
    while IFS= read -r -d '' file; do
        if grep -qF "/$file\"" "$dir/compile_commands.json"; then
            files+=("$file")
        fi
    done < <(changed_sources)
    if ((${#files[@]} > 0)); then
        printf '%s\0' "${files[@]}" | (cd -- "$ORFA_TREE" &&
            xargs -0 -n 1 -P "$(build_jobs)" clang-tidy -p "$dir" --quiet --warnings-as-errors='*')
    fi
    say "clang-tidy finds nothing in ${#files[@]} changed files."
}

# --- the whole ---------------------------------------------------------------------------------------------------------

main() {
    local argument stage code begin failed=0
    local -a stages=() summary=()
    for argument in "$@"; do
        case "$argument" in
            --quick) stages+=(quick) ;;
            --ci) stages+=("${all_stages[@]}") ;;
            default | quick | clang | asan | tsan | fuzz | format | tidy) stages+=("$argument") ;;
            -h | --help) sed -n '3,20s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && return 0 ;;
            *) die "unknown argument '$argument' (--quick, --ci, --help or stages: ${all_stages[*]} quick)" ;;
        esac
    done
    ((${#stages[@]} > 0)) || stages=(default)
    begin=$SECONDS
    "$scripts/install-deps.sh"

    for stage in "${stages[@]}"; do
        step "Stage $stage"
        local start=$SECONDS
        rm -f -- "$(results_of "$stage")"
        # Not in a condition: there, a failing command inside would not end the stage.
        set +e
        (
            set -e
            report_failures
            "stage_$stage"
        )
        code=$?
        set -e
        summary+=("$(printf '%-8s %s  %4d s' "$stage" "$( ((code == 0)) && echo passed || echo FAILED)" $((SECONDS - start)))")
        ((code == 0)) || failed=$((failed + 1))
    done

    # What failed is far above by now: said once more, where a log's last lines are all that one sees.
    for stage in "${stages[@]}"; do
        if [[ -s "$(results_of "$stage")" ]]; then
            python3 "$scripts/lib/failed_tests.py" "$stage" "$(results_of "$stage")" >&2 || true
        fi
    done
    step "Summary ($((SECONDS - begin)) s)"
    printf '    %s\n' "${summary[@]}" >&2
    ((failed == 0)) || die "$failed of ${#stages[@]} stages failed"
}

main "$@"
