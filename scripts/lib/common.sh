# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What every script here may use: messages, failing clearly, root rights, Debian packages. Sourced, never run.
#
# Words for people go to standard error, so that a script's standard output stays free for its result.

# Where the source tree is, whatever the caller's working directory (may contain spaces).
# shellcheck disable=SC2034  # read by the scripts that source this file
ORFA_TREE="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)"

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n==> %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }

die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Makes an unexpected failure name its place: `set -e` alone stops without a word.
report_failures() {
    set -o errtrace
    trap 'printf "%s: error: line %d failed (exit %d): %s\n" "${BASH_SOURCE[0]##*/}" "$LINENO" "$?" "$BASH_COMMAND" >&2' ERR
}

have() { command -v -- "$1" >/dev/null 2>&1; }

# cache_dir: the folder for what is fetched or derived and can be thrown away.
cache_dir() { printf '%s\n' "${ORFA_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:?HOME is not set; set ORFA_CACHE_DIR}/.cache}/orfa}"; }

# quietly LOG WHAT COMMAND...: runs COMMAND with its output in LOG; a failure shows the end of LOG and returns its code.
quietly() {
    local log="$1" what="$2" code=0
    shift 2
    mkdir -p -- "$(dirname -- "$log")"
    "$@" >"$log" 2>&1 || code=$?
    if ((code != 0)); then
        say "--- the last lines of $log"
        tail -n 40 -- "$log" >&2
        printf '%s: error: %s failed (exit %d), log: %s\n' "${0##*/}" "$what" "$code" "$log" >&2
    fi
    return "$code"
}

# with_retries TRIES COMMAND...: again after 2, 4, 8 ... seconds, until it works or TRIES are used up.
with_retries() {
    local tries="$1" try code delay=2
    shift
    for ((try = 1; ; try++)); do
        code=0
        "$@" || code=$?
        ((code == 0)) && return 0
        ((try >= tries)) && return "$code"
        warn "try $try of $tries failed (exit $code), again in $delay s"
        sleep "$delay"
        delay=$((delay * 2))
    done
}

# as_root COMMAND...: as it is for root, through sudo for anyone else.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif ! have sudo; then
        say "${0##*/}: error: this needs root rights and there is no sudo; as root, run: $*"
        return 1
    elif [[ -t 0 ]]; then
        sudo -- "$@"
    else
        # Nobody is there to type a password: fail at once rather than wait for one.
        sudo -n -- "$@"
    fi
}

# missing_packages NAME...: those that aren't installed and configured, one per line.
missing_packages() {
    local name state
    local -A installed=()
    # It fails when it doesn't know one of them, and tells of the others all the same.
    while IFS=' ' read -r name state; do
        [[ "$state" != ?i ]] || installed["$name"]=yes
    done < <(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        [[ -n "${installed["$name"]:-}" ]] || printf '%s\n' "$name"
    done
}

# Waits for another apt or dpkg that holds the lock; the retries around it cover the lists' lock, which has no such option.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >&2
}

# need_packages NAME...: installs those that are missing. Asks for nothing and needs no root when none is.
need_packages() {
    local -a missing
    have dpkg-query || die "this is not a Debian system; install by hand what these packages hold: $*"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) && return 0
    step "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    if [[ -z "${ORFA_APT_UPDATED:-}" ]]; then
        with_retries 5 apt_get update || die "apt-get update failed"
        ORFA_APT_UPDATED=1
    fi
    with_retries 4 apt_get install --no-install-recommends "${missing[@]}" ||
        die "could not install: ${missing[*]}"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) || die "apt-get reported success, but these are still missing: ${missing[*]}"
}
