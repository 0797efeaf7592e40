#!/bin/sh
# Installs the Debian packages of the groups named: build demo check lint bench fuzz.
# Prints nothing and calls no apt-get when all of them are there.
set -eu

packages=
for group; do
    case $group in
    build)
        packages="$packages gcc libc6-dev make pkg-config libfuse3-dev fuse3 libsqlite3-dev
            zlib1g-dev libjansson-dev libxxhash-dev libssl-dev libdeflate-dev
            libzstd-dev"
        ;;
    demo) packages="$packages proj-data sqlite3" ;;
    check)
        packages="$packages check bats sqlite3 python3 python3-sqlalchemy proj-data sqlite3-doc
            rsync attr python3-xxhash mandoc systemd jq parallel"
        ;;
    lint)
        packages="$packages clang-format clang-tidy cppcheck shellcheck mandoc universal-ctags"
        ;;
    bench)
        packages="$packages restic borgbackup bup squashfs-tools squashfuse zstd sqlite3"
        ;;
    fuzz) packages="$packages clang libclang-rt-dev" ;;
    *)
        echo "deps: no group \"$group\": build, demo, check, lint, bench or fuzz" >&2
        exit 2
        ;;
    esac
done

missing=
for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: this is not Debian (no apt-get): install what these packages hold:$missing" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    sudo=
    echo "deps: installing$missing"
elif command -v sudo >/dev/null; then
    sudo=sudo
    echo "deps: installing through sudo:$missing"
else
    echo "deps: not root and no sudo: as root, run  apt-get install$missing" >&2
    exit 1
fi

apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

apt update
# shellcheck disable=SC2086 # one word a package
apt install -y --no-install-recommends $missing
