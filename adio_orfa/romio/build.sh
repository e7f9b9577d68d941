#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds mca_io_orfa.so, the Open MPI io component that takes ORFA's files, out of the installed Open MPI's
# own ROMIO source and the driver beside this script, against the installed development headers.
#
#   build.sh OPENMPI_SOURCE_TREE BUILD_DIR LIB_DIR OUTPUT.so
#
# LIB_DIR holds liborfa_collective.a and liborfa.a, which go into the component with hidden names. The source tree is only
# read. ROMIO is configured and compiled once (about 15 s) and again only when the tree's ROMIO, the patch
# or the compiler changed; a change of the driver compiles only the driver. All paths may contain spaces.
#
#   CC=, CXX=                the compilers (default gcc, g++)
#   ORFA_ADIO_CFLAGS=        more flags for the driver (sanitizers)
#   ORFA_ADIO_LINK_FLAGS=    more flags for the link: what liborfa.a needs beside libc, libstdc++ and threads
#   ORFA_ADIO_LIBRARIES=     the client's archives, when they are not those of LIB_DIR; one per line
#   ORFA_ADIO_JOBS=          compilers at once (default 2)
set -euo pipefail

here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
root="$(cd -- "$here/../.." && pwd -P)"
scratch=""
trap '[[ -z "$scratch" ]] || rm -rf -- "$scratch"' EXIT

die() {
    printf 'build.sh: error: %s\n' "$*" >&2
    exit 1
}

(($# == 4)) || die "usage: build.sh OPENMPI_SOURCE_TREE BUILD_DIR LIB_DIR OUTPUT.so"
tree="$1" build="$2" lib_dir="$3" output="$4"
cc="${CC:-gcc}" cxx="${CXX:-g++}" jobs="${ORFA_ADIO_JOBS:-2}"
component=ompi/mca/io/romio321

[[ -f "$tree/$component/romio/configure" ]] ||
    die "$tree is no Open MPI 4.1 release source ($component/romio/configure is not there)"
mapfile -t includes < <(mpicc --showme:incdirs | tr ' ' '\n')
mapfile -t mpi_dirs < <(mpicc --showme:libdirs | tr ' ' '\n')
((${#includes[@]} > 0)) || die "mpicc --showme:incdirs tells nothing: is libopenmpi-dev installed?"
mkdir -p -- "$build" "$(dirname -- "$output")"
build="$(cd -- "$build" && pwd -P)"

# ROMIO's files that this component takes as they are (after the patch). Its strided I/O, its flattening and
# its other file systems are not among them: io_orfa_common.c says what stands in their place.
common_files=(
    ad_aggregate ad_close ad_darray ad_delete ad_done ad_done_fake ad_end ad_hints ad_init ad_iopen ad_open
    ad_read_coll ad_subarray ad_wait_fake ad_write_coll cb_config_list error greq_fns malloc strfns system_hints utils
)

# --- 1. ROMIO, once ------------------------------------------------------------------------------------------

romio_key() {
    (
        cd -- "$tree/$component"
        find . -type f \( -name '*.[ch]' -o -name '*.in' -o -name configure \) -not -path './romio/test/*' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
        sha256sum <"$here/patch_romio.py"
        sha256sum <"$here/build.sh"
        "$cc" --version
        printf '%s\n' "$cc" "${includes[@]}"
    ) | sha256sum | cut -d' ' -f1
}

# Configures a patched copy in a folder without spaces (autoconf and libtool can't have them).
configure_romio() {
    local parent="${TMPDIR:-/tmp}" flags=()
    [[ "$parent" != *[[:space:]]* ]] || parent=/tmp
    scratch="$(mktemp -d -- "$parent/orfa-romio.XXXXXX")"
    mkdir -p -- "$scratch/ompi/mca/io"
    ln -s -- "$(cd -- "$tree" && pwd -P)/config" "$scratch/config" # configure looks for an Open MPI around it
    cp -r -- "$tree/$component" "$scratch/ompi/mca/io/"
    chmod -R u+w -- "$scratch/ompi"
    # A release ships one made elsewhere, which would win over the one made here.
    rm -f -- "$scratch/$component/romio/include/mpio.h" "$scratch/$component/romio/adio/include/romioconf.h"
    python3 "$here/patch_romio.py" "$scratch/$component" || die "the patch does not fit $tree"
    for dir in "${includes[@]}"; do flags+=("-I$dir"); done
    if ! (
        cd -- "$scratch/$component/romio"
        ./configure FROM_OMPI=yes CC="$cc" CFLAGS='-O2 -fPIC' CPPFLAGS="${flags[*]}" --enable-shared --disable-static \
            --disable-aio --disable-weak-symbols --disable-f77 --disable-f90 --with-file-system=testfs
    ) >"$build/configure.log" 2>&1; then
        tail -n 30 -- "$build/configure.log" >&2
        die "ROMIO's configure failed; log: $build/configure.log"
    fi
    # Configure wants one file system; this component has only ours.
    sed -i 's/^#define ROMIO_TESTFS .*/#undef ROMIO_TESTFS/' "$scratch/$component/romio/adio/include/romioconf.h"
}

compile_romio() {
    local romio="$scratch/$component/romio" objects="$scratch/objects" sources=() name
    mkdir -p -- "$objects"
    for name in "$romio"/mpi-io/*.c; do
        [[ "${name##*/}" =~ ^io(req|test|wait) ]] || sources+=("$name")
    done
    sources+=("$romio"/mpi-io/glue/openmpi/*.c "$scratch/$component"/src/*_{module,file_open,file_read,file_write}.c)
    for name in "${common_files[@]}"; do sources+=("$romio/adio/common/$name.c"); done
    # shellcheck disable=SC2016  # the inner shell expands them
    if ! printf '%s\0' "${sources[@]}" |
        xargs -0 -P "$jobs" -I{} "$here/compile.sh" "$objects" "$cc" {} -O2 -w -fPIC -fvisibility=hidden \
            "${romio_flags[@]}" "-I$romio/adio/include" "-I$romio/include" "-I$romio/mpi-io" "-I$romio/.." \
            "-I$here" "${system_includes[@]}" >"$build/romio.log" 2>&1; then
        tail -n 30 -- "$build/romio.log" >&2
        die "compiling ROMIO failed; log: $build/romio.log"
    fi
    rm -rf -- "$build/romio"
    mkdir -p -- "$build/romio/include/romio/adio" "$build/romio/include/romio/include"
    ar rcs "$build/romio/libromio.a" "$objects"/*.o
    cp -r -- "$romio/adio/include" "$build/romio/include/romio/adio/"
    cp -- "$romio"/include/*.h "$romio"/mpi-io/*.h "$build/romio/include/romio/include/"
    cp -- "$scratch/$component"/src/*.h "$build/romio/include/"
}

romio_flags=(-DHAVE_CONFIG_H -DHAVE_ROMIOCONF_H -DOMPI_BUILDING=1)
system_includes=()
for dir in "${includes[@]}"; do system_includes+=(-isystem "$dir"); done
key="$(romio_key)"
if [[ "$(cat -- "$build/romio/key" 2>/dev/null)" != "$key" ]]; then
    printf 'building ROMIO for the orfa component from %s\n' "$tree" >&2
    rm -rf -- "$build/romio" "$build/driver"
    configure_romio
    compile_romio
    printf '%s\n' "$key" >"$build/romio/key"
fi

# --- 2. The driver -------------------------------------------------------------------------------------------

warnings=(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror)
include="$build/romio/include"
mkdir -p -- "$build/driver"
read -r -a more_cflags <<<"${ORFA_ADIO_CFLAGS:-}"
driver_flags=(
    "-ffile-prefix-map=$root/="
    -std=gnu11 -O2 -g -fPIC -fvisibility=hidden "${warnings[@]}" "${romio_flags[@]}" "${more_cflags[@]}"
    "-I$here" "-I$root" -isystem "$include" -isystem "$include/romio/adio/include" -isystem "$include/romio/include"
    "${system_includes[@]}"
)
flags_key="$(printf '%s\n' "$cc" "${driver_flags[@]}" | sha256sum)"
[[ "$(cat -- "$build/driver/flags" 2>/dev/null)" == "$flags_key" ]] || rm -f -- "$build"/driver/*.o
newest_header="$(find "$here" "$root/adio_orfa" "$root/client/orfa.h" "$root/collective/orfa_coll.h" -maxdepth 1 -name '*.h' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)"
stale=()
for source in "$root"/adio_orfa/*.c "$here"/*.c; do
    object="$build/driver/$(basename -- "$source" .c).o"
    [[ "$object" -nt "$source" && "$object" -nt "$newest_header" ]] || stale+=("$source")
done
if ((${#stale[@]} > 0)); then
    printf '%s\0' "${stale[@]}" |
        xargs -0 -P "$jobs" -I{} "$here/compile.sh" "$build/driver" "$cc" {} "${driver_flags[@]}" ||
        die "compiling the driver failed"
fi
printf '%s\n' "$flags_key" >"$build/driver/flags"

# --- 3. The component ----------------------------------------------------------------------------------------

libraries=()
if [[ -n "${ORFA_ADIO_LIBRARIES:-}" ]]; then
    mapfile -t libraries <<<"$ORFA_ADIO_LIBRARIES"
else
    libraries=("$lib_dir/liborfa_collective.a" "$lib_dir/liborfa.a")
fi
read -r -a link_flags <<<"${ORFA_ADIO_LINK_FLAGS:-}"
link_key="$(printf '%s\n' "$cxx" "${libraries[@]}" "${link_flags[@]}" | sha256sum)"
up_to_date() {
    local input
    [[ -f "$output" && "$(cat -- "$build/link" 2>/dev/null)" == "$link_key" ]] || return 1
    for input in "$build"/driver/*.o "$build/romio/libromio.a" "$here/exports.map" "${libraries[@]}"; do
        [[ -f "$input" ]] || die "$input is not there"
        [[ ! "$input" -nt "$output" ]] || return 1
    done
}
if up_to_date; then
    touch -- "$output" # so that make and ninja see it too
    exit 0
fi
search=()
for dir in "${mpi_dirs[@]}"; do search+=("-L$dir"); done
# nodelete: the client may have a thread and thread-local data when MPI_Finalize closes its components.
"$cxx" -shared -o "$output.new" "$build"/driver/*.o "$build/romio/libromio.a" \
    -Wl,--start-group "${libraries[@]}" -Wl,--end-group "-Wl,--version-script=$here/exports.map" \
    -Wl,--exclude-libs,ALL -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,-z,defs -Wl,--gc-sections \
    "${link_flags[@]}" "${search[@]}" -lmpi -lopen-rte -lopen-pal -lpthread ||
    die "linking the component failed"
mv -f -- "$output.new" "$output"
printf '%s\n' "$link_key" >"$build/link"
