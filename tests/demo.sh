#!/bin/bash
# tests/demo.sh [DATABASE]: a tour of dbsnapfs on a copy of a real database, each command shown as
# one would type it. Nothing stays behind: the copy, the mount and the repository live in a
# temporary folder that is removed at the end, however it ends.
set -euo pipefail

fail() {
    echo "demo: $*" >&2
    exit 1
}

cd "$(dirname "$0")/.."
program=${DBSNAPFS:-$PWD/build/release/dbsnapfs}
[ -x "$program" ] || fail "$program is not built: run make first"
database=${1:-/usr/share/proj/proj.db}
[ -r "$database" ] || fail "$database: no such database, or not readable"
database=$(realpath -- "$database")

if [ ! -c /dev/fuse ]; then
    fail "there is no /dev/fuse: run 'modprobe fuse' as root;" \
        "a container needs --device /dev/fuse --cap-add SYS_ADMIN"
fi
if ! (: <>/dev/fuse) 2>/dev/null; then
    fail "/dev/fuse may not be opened by $(id -un): run the demo as root," \
        "or 'chmod 666 /dev/fuse' as root"
fi

PATH=$(dirname "$(realpath -- "$program")"):$PATH
folder=$(mktemp -d "${TMPDIR:-/tmp}/dbsnapfs-demo.XXXXXX")

# Asks the kernel's list: a mount whose daemon died cannot be asked itself.
mounted() {
    grep -qF " $folder/mnt " /proc/self/mountinfo
}

clean_up() {
    cd /
    if mounted; then
        fusermount3 -u "$folder/mnt" 2>/dev/null || fusermount3 -uz "$folder/mnt" || true
    fi
    # Below a mount that will not go, removing files would delete backups.
    if mounted; then
        echo "demo: $folder/mnt is still mounted; unmount it and remove $folder" >&2
    else
        rm -rf --one-file-system -- "$folder"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() {
    printf '\n# %s\n' "$*"
}

# Shows a command and runs it; the demo ends if it fails. A second argument is the status that is right.
run() {
    local status=0
    printf '$ %s\n' "$1"
    eval "$1" || status=$?
    [ "$status" -eq "${2:-0}" ] || fail "failed with status $status: $1"
}

# Shows and runs SQL in the sqlite3 shell, quoted as a person would.
run_sql() {
    case $2 in
    *[\"\$\`\\!]*) run "sqlite3 $1 '${2//\'/\'\\\'\'}'" ;;
    *) run "sqlite3 $1 \"$2\"" ;;
    esac
}

# A path as a person would type it: in quotes where it needs them.
word() {
    case $1 in
    *[!A-Za-z0-9/._,%+@=-]*) printf "'%s'" "${1//\'/\'\\\'\'}" ;;
    *) printf %s "$1" ;;
    esac
}

cd "$folder"
mkdir mnt
sqlite3 -readonly "$database" '.backup app.db'

say "Mount the database. The repository is made beside it."
run 'dbsnapfs app.db mnt'
run 'ls -F mnt'

# Sets table (as SQL writes it) and directory (as the mount calls it) to the first that has rows and a
# column outside of its key, if there is one that is not too large to read in a moment.
choose_table() {
    local name quoted path rows
    table=
    while IFS= read -r name; do
        quoted="\"${name//\"/\"\"}\""
        path=${name//%/%25}
        path=${path//\//%2F}
        [ -d "mnt/tables/$path" ] || continue
        rows=$(sqlite3 -readonly app.db "SELECT count(*) FROM (SELECT 1 FROM $quoted LIMIT 100001)")
        [ "$rows" -gt 0 ] || continue
        [ -z "$table" ] || [ "$rows" -le 100000 ] || continue
        table=$quoted
        directory=$path
        [ "$rows" -gt 100000 ] || break
    done < <(sqlite3 -readonly app.db "SELECT t.name FROM pragma_table_list AS t
        WHERE t.type = 'table' AND t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'
        AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk = 0)")
    [ -n "$table" ] || fail "$database: no table with rows to change"
}

# What changes between the two backups: a row or a few, and one that goes.
if [ "$(basename "$database")" = proj.db ]; then
    directory=ellipsoid
    row=mnt/tables/ellipsoid/rows/EPSG,7030
    changes="UPDATE ellipsoid SET name = 'Earth, roughly' WHERE code = 7030;
             DELETE FROM prime_meridian WHERE name = 'Oslo'"
    query="SELECT name, semi_major_axis FROM ellipsoid WHERE code = 7030"
else
    choose_table
    row=$(find "mnt/tables/$directory/rows" -mindepth 1 -print -quit)
    column=$(sqlite3 -readonly app.db "SELECT '\"' || replace(name, '\"', '\"\"') || '\"'
        FROM pragma_table_info($table) WHERE pk = 0 ORDER BY type <> 'TEXT' LIMIT 1")
    # Rows are found by rowid, or by the key of a table that has none.
    key=$(sqlite3 -readonly app.db "SELECT CASE WHEN (SELECT wr FROM pragma_table_list($table)) = 0
        THEN 'rowid' ELSE group_concat('\"' || replace(name, '\"', '\"\"') || '\"') END
        FROM pragma_table_info($table) WHERE pk > 0")
    changes="UPDATE OR IGNORE $table SET $column = $column || '!' WHERE ($key) IN
                 (SELECT $key FROM $table ORDER BY $key LIMIT 3);
             DELETE FROM $table WHERE ($key) IN (SELECT $key FROM $table ORDER BY $key DESC LIMIT 1)"
    query="SELECT count(*) FROM $table"
fi
say "A table is a directory, and so is a row. A value is a file."
run "ls -F $(word "mnt/tables/$directory")"
run "cat $(word "mnt/tables/$directory/count")"
run "cut -c 1-120 $(word "$row/row.json")"

say "Back it up."
run 'echo backup > mnt/control'
run 'cat mnt/control'
run 'ls -F mnt/backups mnt/backups/latest/'
first=$(readlink mnt/backups/latest)

say "Time passes: rows change and go."
sqlite3 -readonly app.db .sha3sum >then.sum
sleep 1
run_sql app.db "$changes"

say "Back it up again: it costs what changed."
run 'echo backup > mnt/control'
run 'cat mnt/control'
second=$(readlink mnt/backups/latest)
[ "$first" != "$second" ] || fail "the second backup has the name of the first, $first"
run 'du -sh --apparent-size app.db app.db.backups'

say "What changed? In the last backup, between the old one and now, and in the life of a row."
run 'cat mnt/backups/latest/changes/summary'
rows=$(word "tables/$directory/rows.csv")
run "diff -a mnt/backups/$first/$rows mnt/$rows | cut -c 1-120" 1
run "ls $(word "mnt/history/$directory/${row##*/}")"
[ "$directory" != ellipsoid ] || run "grep . mnt/history/ellipsoid/EPSG,7030/*/name"

say "Query the old backup where it lies, and the live database."
run_sql "mnt/backups/$first/database.sqlite" "$query"
run_sql app.db "$query"

say "Restore a copy: what its checksum says, and the content that the database had then."
run "(cd mnt/backups/$first && sha256sum -c SHA256SUMS)"
run "cp mnt/backups/$first/database.sqlite restored.db"
run "sqlite3 restored.db 'PRAGMA integrity_check'"
[ "$(sqlite3 -readonly restored.db .sha3sum)" = "$(cat then.sum)" ] ||
    fail "the restored copy differs from the database as it was at the first backup"
echo "# (its content has the checksum that the database had then: $(cut -c 1-16 then.sum)...)"

say "Unmount. The backups are there without a mount too."
run 'fusermount3 -u mnt'
run 'dbsnapfs list app.db'
