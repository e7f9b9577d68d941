#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that the build, the demo and the tests need. Changes nothing else on the system.
#
#   scripts/install-deps.sh [--list] [build] [demo] [test] [bench]     default: all groups
#
# As root, or as a user with sudo; needs neither when everything is there already.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
report_failures

# The libraries and programs, the ROMIO component (which needs make, patch and the source package's tools), HDF5 aside.
# shellcheck disable=SC2034  # read by its name in main()
build_packages=(
    g++ cmake ninja-build make pkg-config ccache python3
    libopenmpi-dev openmpi-bin libfabric-dev librocksdb-dev
    libcli11-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libsodium-dev libxxhash-dev
    dpkg-dev patch xz-utils bzip2 help2man
)
# The parallel HDF5 program of the demo, and the tools that look at its file.
# shellcheck disable=SC2034  # read by its name in main()
demo_packages=(libhdf5-openmpi-dev hdf5-tools)
# The second compiler, the sanitizers' and the fuzzer's runtime, the checkers, the test framework.
# shellcheck disable=SC2034  # read by its name in main()
test_packages=(
    clang clang-tidy clang-format libclang-rt-14-dev
    libgtest-dev libgmock-dev libbenchmark-dev libjemalloc2 libmimalloc2.0 git
)
# The micro-benchmarks' framework, the plots of orfa-bench report, the disk's limit.
# shellcheck disable=SC2034  # read by its name in main()
bench_packages=(libbenchmark-dev python3-matplotlib fio)

usage() {
    sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

main() {
    local list_only=no group
    local -a groups=() packages=()
    for group in "$@"; do
        case "$group" in
            --list) list_only=yes ;;
            -h | --help) usage && return 0 ;;
            build | demo | test | bench) groups+=("$group") ;;
            *) die "unknown argument '$group' (build, demo, test, bench, --list)" ;;
        esac
    done
    ((${#groups[@]} > 0)) || groups=(build demo test bench)
    for group in "${groups[@]}"; do
        local -n of_group="${group}_packages"
        packages+=("${of_group[@]}")
    done
    if [[ "$list_only" == yes ]]; then
        printf '%s\n' "${packages[@]}"
        return 0
    fi
    need_packages "${packages[@]}"
    say "All ${#packages[@]} packages (${groups[*]}) are installed."
}

main "$@"
