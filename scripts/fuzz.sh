#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the fuzz targets (preset asan: clang, libFuzzer, sanitizers) and runs each for a time.
#
#   scripts/fuzz.sh [--in-all] [SECONDS [TARGET...]]     default: 60 seconds each, all targets
#
# With --in-all, each target gets its part of the seconds.
# Inputs that were found worth keeping stay in build-asan/corpus/TARGET, those that crash in
# build-asan/crashes/TARGET.
set -euo pipefail

source_dir=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
build_dir=$source_dir/build-asan
in_all=no
if [[ "${1:-}" == --in-all ]]; then
    in_all=yes
    shift
fi
seconds=${1:-60}
shift || true

(cd -- "$source_dir" && cmake --preset asan >/dev/null)
cmake --build "$build_dir" --target fuzz_targets >"$build_dir/fuzz-build.log" 2>&1 || {
    grep -A 12 -E '^FAILED: |error:' "$build_dir/fuzz-build.log" >&2
    exit 1
}
targets=("$@")
if ((${#targets[@]} == 0)); then
    for program in "$build_dir"/fuzz/*_libfuzzer; do
        name=${program##*/}
        targets+=("${name%_libfuzzer}")
    done
fi
if [[ "$in_all" == yes ]]; then
    seconds=$((seconds / ${#targets[@]} + 1))
fi

for target in "${targets[@]}"; do
    program=$build_dir/fuzz/${target}_libfuzzer
    corpus=$build_dir/corpus/$target
    crashes=$build_dir/crashes/$target
    log=$build_dir/fuzz-$target.log
    mkdir -p "$corpus" "$crashes"
    "$program" --write-seeds "$corpus"
    if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz.sh: $target failed; its input is in $crashes, its words in $log" >&2
        exit 1
    fi
    units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$target: ${units:-0} inputs in $seconds s, nothing found"
done
