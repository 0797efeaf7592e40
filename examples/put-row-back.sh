#!/bin/bash
# Finds a row that was deleted, in the newest backup that still has it or in one that is named, and
# prints the SQL that puts it back:
#
#     put-row-back.sh /mnt/app users 42                     look at it first
#     put-row-back.sh /mnt/app users 42 | sqlite3 /srv/app.db
#     put-row-back.sh /mnt/app users 42 2026-11-22T03-00-00Z | sqlite3 /srv/app.db
#
# TABLE and KEY are as `ls` shows them below tables/ and rows/. All values come back as they were,
# BLOBs and the kinds of numbers too. Which backup it is goes to standard error. The exit status is 1,
# and nothing is printed, if no backup has the row or if it is still there.
set -euo pipefail

if [ $# -lt 3 ] || [ $# -gt 4 ]; then
    echo "usage: put-row-back.sh MOUNTPOINT TABLE KEY [BACKUP]" >&2
    exit 2
fi
mountpoint=$1 table=$2 key=$3 named=${4-}
row=tables/$table/rows/$key

fail() {
    echo "put-row-back: $*" >&2
    exit 1
}

# Prints the directory of the newest backup that has the row. Names are times, so their order is
# that of time; -V puts ...Z-10 behind ...Z-9.
find_backup() {
    local name
    if [ -n "$named" ]; then
        [ ! -d "$mountpoint/backups/$named/$row" ] || realpath "$mountpoint/backups/$named"
        return
    fi
    while read -r name; do
        if [ -d "$mountpoint/backups/$name/$row" ]; then
            echo "$mountpoint/backups/$name"
            return
        fi
    done < <(find "$mountpoint/backups" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -rV)
}

# A string of SQL.
text() { printf "'%s'" "${1//\'/\'\'}"; }

# The name that a directory's name stands for.
decoded() {
    local name=${1//\\/\\\\}
    printf %b "${name//%/\\x}"
}

[ -d "$mountpoint/backups" ] || fail "$mountpoint is not a mount of dbsnapfs"
[ ! -d "$mountpoint/live/$row" ] || fail "$table has the row $key, nothing is to be put back"
backup=$(find_backup)
[ -n "$backup" ] || fail "no backup${named:+ $named} has $table's row $key"
echo "put-row-back: $table's row $key as it was at ${backup##*/}" >&2

# row.json says each value's kind; a value that JSON cannot hold is in its column's file, and so is
# every BLOB. Generated columns make themselves; a row that is named by its rowid gets it back.
sqlite3 -bail :memory: "
CREATE TABLE given AS SELECT
    $(text "$backup/$row/") AS folder,
    $(text "$(decoded "$table")") AS table_name,
    CAST(readfile($(text "$backup/$row/row.json")) AS TEXT) AS row,
    CAST(readfile($(text "$backup/tables/$table/columns.json")) AS TEXT) AS columns;

CREATE TABLE named AS SELECT j.id, key AS name, type, atom, value,
    folder || CASE WHEN key LIKE '.%' THEN '%2E' || substr(escaped, 2) ELSE escaped END AS file
FROM given, json_each(row) AS j, (SELECT id AS escaped_id,
    replace(replace(key, '%', '%25'), '/', '%2F') AS escaped FROM given, json_each(row))
WHERE escaped_id = j.id AND key NOT IN (
    SELECT json_extract(c.value, '\$.name') FROM given, json_each(columns) AS c
    WHERE coalesce(json_extract(c.value, '\$.generated'), 0) <> 0);

CREATE TABLE written AS SELECT id, name, CASE
    WHEN type = 'text' AND CAST(atom AS BLOB) = readfile(file) THEN quote(atom)
    WHEN type = 'text' OR value ->> 'text' IS NOT NULL THEN 'CAST(' || quote(readfile(file)) || ' AS TEXT)'
    WHEN value ->> 'real' IS NOT NULL THEN replace(value ->> 'real', 'inf', '9e999')
    WHEN type = 'object' THEN quote(readfile(file))
    ELSE quote(atom) END AS sql
FROM named;

INSERT INTO written SELECT -1, 'rowid', $(text "$key") FROM given
WHERE $(text "$key") NOT GLOB '*[^-0-9]*' AND NOT EXISTS (SELECT 1 FROM json_each(columns) AS c
    WHERE coalesce(json_extract(c.value, '\$.primary_key'), 0) <> 0);

SELECT 'INSERT INTO \"' || replace(table_name, '\"', '\"\"') || '\" ('
    || group_concat('\"' || replace(name, '\"', '\"\"') || '\"', ', ') || ') VALUES ('
    || group_concat(sql, ', ') || ');'
FROM given, (SELECT name, sql FROM written ORDER BY id);"
