#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Brings the source of the *installed* Open MPI or parallel HDF5 and prints where the tree is.
#
#   scripts/fetch-sources.sh openmpi|hdf5 [--print]
#
# Standard output is the tree's path and nothing else. --print fetches nothing: it prints the path if the tree is there
# already and fails if it isn't. The tree is kept in ${ORFA_CACHE_DIR:-~/.cache/orfa}/sources and must not be changed.
#
#   ORFA_OPENMPI_SOURCE=, ORFA_HDF5_SOURCE=   a tarball or a tree to take instead
#
# The Debian source package comes through a private apt configuration derived from the machine's own (its archives,
# keyrings, proxies, credentials), so no file of the system is changed and no root is needed. apt checks the signatures.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/common.sh"
report_failures

sources_dir="$(cache_dir)/sources"
apt_dir="$(cache_dir)/apt"
scratch=""
trap '[[ -z "$scratch" ]] || rm -rf -- "$scratch"' EXIT

# --- what each source is -----------------------------------------------------------------------------------------------

describe() {
    case "$1" in
        openmpi)
            title="Open MPI"
            packages=(libopenmpi3 libopenmpi3t64 libopenmpi40 openmpi-bin libopenmpi-dev)
            override="${ORFA_OPENMPI_SOURCE:-}" override_name=ORFA_OPENMPI_SOURCE
            needed=(VERSION ompi/mca/io/romio321/romio/configure ompi/mca/io/romio321/romio/test)
            ;;
        hdf5)
            title="HDF5"
            packages=(libhdf5-openmpi-dev)
            override="${ORFA_HDF5_SOURCE:-}" override_name=ORFA_HDF5_SOURCE
            needed=(src/H5public.h test/h5test.c testpar/testphdf5.c)
            ;;
        *) die "unknown source '$1' (openmpi, hdf5)" ;;
    esac
}

# The upstream version that a tree says it is.
tree_version() {
    case "$1" in
        openmpi) awk -F= '/^(major|minor|release)=/ { v = v (v == "" ? "" : ".") $2 } END { print v }' "$2/VERSION" ;;
        hdf5) awk '/^#define H5_VERS_(MAJOR|MINOR|RELEASE)[ \t]/ { v = v (v == "" ? "" : ".") $3 } END { print v }' "$2/src/H5public.h" ;;
    esac
}

# The upstream version that is installed; empty if it can't be told.
installed_version() {
    case "$1" in
        openmpi)
            if have ompi_info; then
                ompi_info --version | sed -n 's/^Open MPI v\([0-9.]*\).*/\1/p'
            fi
            ;;
        hdf5)
            local header
            for header in /usr/include/hdf5/openmpi/H5public.h /usr/include/H5public.h; do
                if [[ -r "$header" ]]; then
                    awk '/^#define H5_VERS_(MAJOR|MINOR|RELEASE)[ \t]/ { v = v (v == "" ? "" : ".") $3 } END { print v }' "$header"
                    return
                fi
            done
            ;;
    esac
}

# check_tree NAME TREE WHERE: fails with a clear message when TREE isn't the source of what is installed.
check_tree() {
    local name="$1" tree="$2" where="$3" file of_tree installed
    for file in "${needed[@]}"; do
        [[ -e "$tree/$file" ]] || die "$where is not a source tree of $title: it has no $file"
    done
    of_tree="$(tree_version "$name" "$tree")"
    [[ -n "$of_tree" ]] || die "$where does not tell its version"
    installed="$(installed_version "$name")"
    if [[ -z "$installed" ]]; then
        die "$title is not installed, so its source can't be compared with it (scripts/install-deps.sh installs it)"
    fi
    [[ "$of_tree" == "$installed" ]] ||
        die "$where is $title $of_tree, but $title $installed is installed: the versions must be the same"
}

# --- given by the user -------------------------------------------------------------------------------------------------

# Unpacks a tarball once, under a name that its path, size and time give. Sets tree. (Not printed: a subshell would not
# tidy up after a failure.)
tree_of_tarball() {
    local name="$1" tarball="$2" key top
    local -a entries
    key="$(stat -c '%n %s %Y' -- "$(realpath -- "$tarball")" | sha256sum | cut -c1-16)"
    tree="$sources_dir/$name-given-$key"
    [[ ! -d "$tree" ]] || return 0
    [[ "$print_only" == no ]] || die "--print: $override_name=$tarball is not unpacked yet; without --print it is"
    scratch="$(mktemp -d -- "$sources_dir/.unpack.XXXXXX")"
    tar -xf "$tarball" -C "$scratch" >&2 || die "$override_name=$tarball can't be unpacked"
    mapfile -d '' -t entries < <(find "$scratch" -mindepth 1 -maxdepth 1 -print0)
    top="$scratch"
    if ((${#entries[@]} == 1)) && [[ -d "${entries[0]}" ]]; then
        top="${entries[0]}"
    fi
    check_tree "$name" "$top" "$override_name=$tarball"
    mv -T -- "$top" "$tree"
    rm -rf -- "$scratch"
    scratch=""
}

use_override() {
    local name="$1"
    if [[ -d "$override" ]]; then
        tree="$(cd -- "$override" && pwd -P)"
    elif [[ -f "$override" ]]; then
        tree_of_tarball "$name" "$override"
    else
        die "$override_name=$override: no such file or folder"
    fi
    check_tree "$name" "$tree" "$override_name=$override"
    printf '%s\n' "$tree"
}

# --- from the Debian archive -------------------------------------------------------------------------------------------

# The version of the source package that the installed binary package was built from (so without "+b1").
source_version() {
    local package version
    for package in "${packages[@]}"; do
        if [[ -z "$(missing_packages "$package")" ]]; then
            version="$(dpkg-query -W -f='${source:Version}' "$package")"
            printf '%s\n' "$version"
            return 0
        fi
    done
    die "$title is not installed from Debian packages (none of ${packages[*]}); give its source with $override_name="
}

# Writes the private configuration: the machine's ways to fetch (Acquire, Dir::Etc), our folders, and no hooks.
write_apt_config() {
    local config="$1" empty="$apt_dir/empty" entries sourcelist='' sourceparts=''
    mkdir -p -- "$apt_dir/lists/partial" "$apt_dir/archives/partial" "$apt_dir/sources.d" "$empty"
    eval "$(apt-config shell sourcelist Dir::Etc::sourcelist/f sourceparts Dir::Etc::sourceparts/d)"
    entries="$(python3 "$ORFA_TREE/scripts/lib/source_entries.py" "$apt_dir/sources.d" "$sourcelist" "$sourceparts")"
    ((entries > 0)) || die "the machine's apt sources name no archive; give the source with $override_name="
    {
        # Lists appear as `Name:: "value"`; values of these sections hold no double quotes.
        apt-config dump --format '%F "%v";%n' Acquire
        apt-config dump --format '%F "%v";%n' Dir::Etc
        printf '%s "%s";\n' \
            Dir::Etc::main /dev/null Dir::Etc::parts "$empty" \
            Dir::Etc::sourcelist "$apt_dir/sources.d/sources.list" Dir::Etc::sourceparts "$apt_dir/sources.d" \
            Dir::State "$apt_dir" Dir::State::lists "$apt_dir/lists" Dir::State::status /var/lib/dpkg/status \
            Dir::Cache "$apt_dir" Dir::Cache::pkgcache "" Dir::Cache::srcpkgcache "" Dir::Cache::archives "$apt_dir/archives" Dir::Log "$apt_dir" \
            APT::Update::Error-Mode any
        if ((EUID == 0)); then
            # apt's own user can't enter a cache below root's home.
            printf 'APT::Sandbox::User "root";\n'
        fi
    } >"$config"
}

# One try: with the lists as they are, if there are any, else with fresh ones.
download() {
    local package="$1" version="$2"
    if compgen -G "$apt_dir/lists/*Sources*" >/dev/null && apt-get source --download-only --only-source "$package=$version"; then
        return 0
    fi
    # One archive of several may be out of reach and another hold the package: try whatever update says.
    apt-get update || true
    apt-get source --download-only --only-source "$package=$version"
}

fetch_package() {
    local name="$1" version="$2" tree="$3" log="$apt_dir/$1.log" dsc
    { have apt-get && have dpkg-source; } || die "apt-get and dpkg-source (package dpkg-dev) are needed"
    step "Fetching the source package $name $version"
    mkdir -p -- "$apt_dir"
    scratch="$(mktemp -d -- "$sources_dir/.fetch.XXXXXX")"
    # Readable by us alone: proxies may carry a password.
    (umask 077 && : >"$scratch/apt.conf")
    write_apt_config "$scratch/apt.conf"
    mkdir -- "$scratch/download"
    (
        export APT_CONFIG="$scratch/apt.conf"
        cd -- "$scratch/download"
        with_retries 4 quietly "$log" "fetching $name $version" download "$name" "$version"
    ) || die "could not fetch the source package $name $version from the machine's own archives; $override_name= takes a tarball or a tree instead"
    dsc="$(find "$scratch/download" -name '*.dsc' -print -quit)"
    [[ -n "$dsc" ]] || die "apt-get reported success but brought no .dsc file, see $log"
    # apt has checked the archive's signature and the files' sums; the .dsc's own signature needs the developers' keyring.
    quietly "$log" "unpacking ${dsc##*/}" dpkg-source -x "$dsc" "$scratch/tree" || exit 1
    check_tree "$name" "$scratch/tree" "the source package $name $version"
    mv -T -- "$scratch/tree" "$tree"
    rm -rf -- "$scratch"
    scratch=""
    say "The source is in $tree"
}

main() {
    local name='' argument title override override_name tree version print_only=no
    local -a packages needed
    for argument in "$@"; do
        case "$argument" in
            --print) print_only=yes ;;
            -h | --help) sed -n '3,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && return 0 ;;
            *)
                [[ -z "$name" ]] || die "one source at a time, not '$name' and '$argument'"
                name="$argument"
                ;;
        esac
    done
    [[ -n "$name" ]] || die "which source? (openmpi, hdf5)"
    describe "$name"

    mkdir -p -- "$sources_dir" || die "can't make the cache folder $sources_dir (ORFA_CACHE_DIR names another)"
    # One at a time: a second script waits and then finds the tree.
    exec {lock}>"$sources_dir/.lock"
    flock "$lock"

    if [[ -n "$override" ]]; then
        use_override "$name"
        return
    fi
    version="$(source_version)" || exit 1
    tree="$sources_dir/$name-$version"
    if [[ ! -d "$tree" ]]; then
        [[ "$print_only" == no ]] || die "--print: $tree is not there yet; without --print it is fetched"
        fetch_package "$name" "$version" "$tree"
    fi
    check_tree "$name" "$tree" "$tree"
    printf '%s\n' "$tree"
}

main "$@"
