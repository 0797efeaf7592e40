# What the tests of the mounted program share: a scratch folder that every user may enter, small
# databases, namespaces for what must not be seen outside, and nothing mounted, running or lying
# about behind any test. A sanitizer's report of any process makes its test fail.

# shellcheck disable=SC2154 # status, output and lines are those of run

bats_require_minimum_version 1.5.0

PATH=$(dirname "$DBSNAPFS"):$PATH

setup_scratch() {
    export WORK
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/dbsnapfs-mount.XXXXXX")
    chmod 755 "$WORK"
    cd "$WORK" || return 1
    mkdir mnt
    export ASAN_OPTIONS="$ASAN_OPTIONS:log_path=$WORK/sanitizer"
    export UBSAN_OPTIONS="$UBSAN_OPTIONS:log_path=$WORK/sanitizer"
    export TSAN_OPTIONS="$TSAN_OPTIONS:log_path=$WORK/sanitizer"
}

teardown_scratch() {
    local bad=0
    cd /
    unmount_all
    end_processes || bad=1
    if compgen -G "$WORK/sanitizer*" >/dev/null; then
        cat "$WORK"/sanitizer*
        bad=1
    fi
    rm -rf --one-file-system "$WORK" || bad=1
    return $bad
}

unmount_all() {
    local at
    while read -r at; do
        at=$(printf %b "$at") # a space is \040
        umount "$at" 2>/dev/null || umount -l "$at"
    done < <(awk -v top="$WORK/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

# The ids of what this test started and still runs, known by the environment it was given. They get
# time to end by themselves, as an unmounted daemon does.
test_processes() {
    local file
    while read -r file; do
        file=${file%/environ}
        case $(readlink "$file/exe") in
        */dbsnapfs | */python3* | */sqlite3 | */sleep) echo "${file#/proc/}" ;;
        esac
    done < <(grep -lszxF "WORK=$WORK" /proc/[0-9]*/environ)
}

end_processes() {
    local id
    eventually no_processes && return 0
    for id in $(test_processes); do
        kill -KILL "$id" 2>/dev/null
    done
    eventually no_processes
}

no_processes() { [ -z "$(test_processes)" ]; }

# As a user would type it, without bats' own descriptors: a daemon that kept them would keep bats.
dbsnapfs() { command dbsnapfs "$@" 3>&- 4>&-; }

# Waits for a command to succeed; only ever as long as it takes.
eventually() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

# refused STATUS TEXT COMMAND...: ends with that status, and one line that holds TEXT.
refused() {
    local want=$1 text=$2
    shift 2
    run "$@"
    if [ "$status" -ne "$want" ] || [[ $output != *"$text"* ]] || [ ${#lines[@]} -ne 1 ]; then
        echo "wanted status $want and one line with: $text"
        echo "got status $status: $output"
        return 1
    fi
}

# make_db FILE [JOURNAL_MODE [ROWS]]: two counters that agree in every committed state, and rows.
make_db() {
    sqlite3 "$1" >/dev/null <<END
PRAGMA journal_mode = ${2:-wal};
CREATE TABLE counter (n INTEGER);
CREATE TABLE mirror (n INTEGER);
INSERT INTO counter VALUES (0);
INSERT INTO mirror VALUES (0);
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, body BLOB);
CREATE INDEX item_name ON item (name);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${3:-500})
INSERT INTO item SELECT i, 'item ' || i, randomblob(100) FROM c;
END
}

count_up() { sqlite3 "${1:-app.db}" 'UPDATE counter SET n = n + 1; UPDATE mirror SET n = n + 1'; }

# A WAL database, mounted.
setup_mount() {
    make_db app.db wal
    dbsnapfs "$@" app.db mnt
}

command_line() { echo "$1" >mnt/control; }

# What `control` says: the first line.
said() { head -n 1 mnt/control; }

# control_refuses ERROR TEXT LINE: the write fails with the C library's words for ERROR, and
# `control` says why.
control_refuses() {
    run bash -c 'printf "%s\n" "$1" >mnt/control' bash "$3"
    if [ "$status" -eq 0 ] || [[ $output != *"$1"* ]] || [[ $(said) != "error: "*"$2"* ]]; then
        echo "status $status: $output; control: $(said)"
        return 1
    fi
}

# Waits for a child and sets `status` to its exit status.
ended() {
    status=0
    wait "$1" || status=$?
}

# The names of all backups, oldest first.
backups() { find mnt/backups -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V; }

daemon_pid() { cut -d ' ' -f 1 "${1:-app.db.backups}/lock"; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
stopped() { grep -q '^State:.T' "/proc/$1/status"; }
mounted() { findmnt "$1" >/dev/null; }
unmounted() { ! mounted "$1"; }

# private <<END: runs a script with mounts and processes of its own, which end with it.
private() {
    cat >"$WORK/private.sh"
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        bash -eu "$WORK/private.sh" 3>&- 4>&-
}

# For scripts of private(): mount(8) finds the program in /usr/local/bin.
# shellcheck disable=SC2016 # the script expands it
export INSTALL='mount -t tmpfs none /usr/local/bin; ln -s "$DBSNAPFS" /usr/local/bin/dbsnapfs'

# odd [OPTION...]: the database of oddities, mounted and backed up.
odd() {
    "$DBSNAPFS_TOP/tests/table/oddities.py" "$@" app.db
    dbsnapfs app.db mnt
    command_line backup
}

# proj: the same with proj.db.
proj() {
    cp /usr/share/proj/proj.db app.db
    dbsnapfs app.db mnt
    command_line backup
}
