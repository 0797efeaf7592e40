#!/usr/bin/env bats
# README.md against the program: the tour runs and prints what stands there, names lead somewhere.

load support

page=$DBSNAPFS_TOP/README.md

setup() { setup_scratch; }
teardown() { unmount_all; }

@test "the tour of the README runs and prints what stands there" {
    mkdir tour
    cd tour
    run /usr/bin/python3 "$DBSNAPFS_TOP/tests/docs/readme.py" "$page" 3>&- 4>&-
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the README's tree is the mount's" {
    mount_app
    echo backup >mnt/control
    awk '/^MOUNTPOINT/ { on = 1; next } /^```/ { on = 0 } on' "$page" >tree
    find mnt -mindepth 1 ! -name '2*Z' -printf '%f\n' | sort -u >there
    # Each name of the mount stands in the README's tree ...
    while read -r name; do
        grep -qwF -- "$name" tree
    done <there
    # ... and the first name of each line of that tree is one of the mount's.
    sed -n 's/.*── \([A-Za-z0-9.-]*\).*/\1/p' tree | grep -v '^2' >names
    [ "$(wc -l <names)" -gt 10 ]
    while read -r name; do
        grep -qxF -- "$name" there
    done <names
}

@test "the README's links and folders exist" {
    while read -r link; do
        [ -e "$DBSNAPFS_TOP/$link" ]
    done < <(grep -oE '\]\([^)]+\)' "$page" | tr -d '])(')
}

@test "the targets of make that the README names are there" {
    make -C "$DBSNAPFS_TOP" help >known
    while read -r target; do
        grep -qE "make $target\b" known
    done < <(grep -oE 'make [a-z]+' "$page" | sed 's/make //' | grep -vxE 'sees|it' | sort -u)
}

@test "a database is restored as the README says" {
    dbsnapfs backup app.db
    sqlite3 app.db .sha3sum >before
    sqlite3 app.db 'DELETE FROM usage'
    awk '/^## Restoring/ { part = 1 } part && /^```$/ { exit } on; part && /^```sh/ { on = 1 }' "$page" |
        sed "s|/srv/|$PWD/|g; /systemctl/d" >script
    [ "$(wc -l <script)" -eq 4 ]
    bash -e script
    sqlite3 app.db .sha3sum | cmp - before
}
