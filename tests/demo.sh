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

# Shows a command and runs it; the demo ends if it fails.
run() {
    printf '$ %s\n' "$1"
    eval "$1" || fail "failed with status $?: $1"
}

# Shows and runs SQL in the sqlite3 shell, quoted as a person would.
run_sql() {
    case $2 in
    *[\"\$\`\\!]*) run "sqlite3 $1 '${2//\'/\'\\\'\'}'" ;;
    *) run "sqlite3 $1 \"$2\"" ;;
    esac
}

cd "$folder"
mkdir mnt
sqlite3 -readonly "$database" '.backup app.db'

# What changes between the two backups: a row or a few, and a few that go.
if [ "$(basename "$database")" = proj.db ]; then
    table=ellipsoid
    changes="UPDATE ellipsoid SET name = 'Earth, roughly' WHERE auth_name = 'EPSG' AND code = 7030;
             DELETE FROM alias_name WHERE table_name = 'ellipsoid'"
    query="SELECT name, semi_major_axis FROM ellipsoid WHERE auth_name = 'EPSG' AND code = 7030"
else
    # Any other database: the first table that has row numbers, rows and a column outside its key.
    candidates="SELECT t.name FROM pragma_table_list AS t WHERE t.type = 'table' AND t.wr = 0
        AND t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'
        AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk = 0)"
    table=
    while IFS= read -r candidate; do
        [ -n "$(sqlite3 -readonly app.db "SELECT 1 FROM $candidate LIMIT 1")" ] || continue
        table=$candidate
        break
    done < <(sqlite3 -readonly app.db \
        "SELECT '\"' || replace(name, '\"', '\"\"') || '\"' FROM ($candidates)")
    [ -n "$table" ] || fail "$database: no table with rows to change"
    column=$(sqlite3 -readonly app.db "SELECT '\"' || replace(name, '\"', '\"\"') || '\"'
        FROM pragma_table_info($table) WHERE pk = 0 ORDER BY type <> 'TEXT' LIMIT 1")
    changes="UPDATE OR IGNORE $table SET $column = $column || '!' WHERE rowid IN
                 (SELECT rowid FROM $table ORDER BY rowid LIMIT 3);
             DELETE FROM $table WHERE rowid = (SELECT max(rowid) FROM $table)"
    query="SELECT count(*) FROM $table"
fi

say "Mount the database. The repository is made beside it."
run 'dbsnapfs app.db mnt'
run 'ls -F mnt mnt/live'
run 'head -n 4 mnt/live/schema.sql'

say "Back it up."
run 'echo backup > mnt/control'
run 'cat mnt/control'
run 'ls -l mnt/backups'
first=$(readlink mnt/backups/latest)
run "ls -F mnt/backups/$first"
run 'head -n 12 mnt/backups/latest/manifest.json'
run 'du -sh --apparent-size app.db app.db.backups'

say "Time passes: rows change and go."
sqlite3 -readonly app.db .sha3sum >then.sum
run_sql app.db "$changes"

say "Back it up again: it costs what changed."
run 'echo backup > mnt/control'
run 'cat mnt/control'
run 'ls mnt/backups'
second=$(readlink mnt/backups/latest)
[ "$first" != "$second" ] || fail "the second backup has the name of the first, $first"
run 'du -sh --apparent-size app.db app.db.backups'
run 'cat mnt/status'

say "Query the old backup where it lies, and the live database."
run_sql "mnt/backups/$first/database.sqlite" "$query"
run_sql app.db "$query"

say "Every file of a backup matches its checksum."
run "(cd mnt/backups/$first && sha256sum -c --quiet SHA256SUMS) && echo all match"

say "Restore a copy: the same bytes, and the same content as the database had then."
run "cp mnt/backups/$first/database.sqlite restored.db"
run "cmp mnt/backups/$first/database.sqlite restored.db && echo same bytes"
run "sqlite3 restored.db 'PRAGMA integrity_check'"
[ "$(sqlite3 -readonly restored.db .sha3sum)" = "$(cat then.sum)" ] ||
    fail "the restored copy differs from the database as it was at the first backup"
echo "# (its content has the checksum that the database had then: $(cut -c 1-16 then.sum)...)"

say "Unmount. The backups are there without a mount too."
run 'fusermount3 -u mnt'
run 'dbsnapfs list app.db'
