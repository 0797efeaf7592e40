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
# and nothing is printed, if no backup has the row or if it is still there. Needs python3.
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

[ -d "$mountpoint/backups" ] || fail "$mountpoint is not a mount of dbsnapfs"
[ ! -d "$mountpoint/live/$row" ] || fail "$table has the row $key, nothing is to be put back"
backup=$(find_backup)
[ -n "$backup" ] || fail "no backup${named:+ $named} has $table's row $key"
echo "put-row-back: $table's row $key as it was at ${backup##*/}" >&2

# row.json has every column under its own name, with its value and of which kind that is; a BLOB, and
# text that is not UTF-8, in base64. Generated columns make themselves; a row that is named by its
# rowid gets it back. What a literal cannot hold is a cast of its bytes, in the database's encoding.
exec python3 - "$backup" "$table" "$key" <<'END'
import base64
import json
import re
import sys
import urllib.parse

backup, table, key = sys.argv[1:]
lossless = {"encoding": "utf-8", "errors": "surrogateescape"}
sys.stdout.reconfigure(**lossless)


class Number(str):
    """The digits as they stand: no double comes between, and -0.0 keeps its sign."""


def load(path):
    with open(f"{backup}/{path}", **lossless) as file:
        return json.load(file, parse_int=Number, parse_float=Number)


def name(text):
    return '"' + text.replace('"', '""') + '"'


def text(given):
    literal = given.decode("utf-8", "surrogatepass")
    if not re.search("[\0\r\ufffe\uffff\ud800-\udfff]", literal):
        return "'" + literal.replace("'", "''") + "'"
    if encoding != "UTF-8":
        given = literal.encode(encoding, "surrogatepass")
    return f"CAST(x'{given.hex()}' AS TEXT)"


def value(given):
    if given is None:
        return "NULL"
    if isinstance(given, Number):
        return given
    if isinstance(given, str):
        return text(given.encode())
    if "base64" in given:
        return f"x'{base64.b64decode(given['base64']).hex()}'"
    if "real" in given:
        return given["real"].replace("inf", "9e999")
    given = base64.b64decode(given["text"])
    try:
        return text(given)
    except UnicodeDecodeError:  # which a database of UTF-16 cannot hold
        return f"CAST(x'{given.hex()}' AS TEXT)"


if re.search("%~[0-9a-f]{16}$", table):
    sys.exit(f"put-row-back: the table's name is cut; take the row from {backup}/tables/{table}/rows.sql")
encoding = load("manifest.json")["settings"]["encoding"]
columns = load(f"tables/{table}/columns.json")
row = load(f"tables/{table}/rows/{key}/row.json")

values = {c["name"]: value(row[c["name"]]) for c in columns if not c["generated"]}
rowid = re.fullmatch("%~rowid~(-?[0-9]+)", key)
if not rowid and all(c["primary_key"] is None for c in columns):
    rowid = re.fullmatch("(-?[0-9]+)", key)
taken = {c["name"].lower() for c in columns}
aliases = [alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken]
if rowid and aliases:
    values[aliases[0]] = rowid[1]
target = "" if table == "%~" else urllib.parse.unquote(table, **lossless)
print(f"INSERT INTO {name(target)} ({', '.join(map(name, values))}) VALUES ({', '.join(values.values())});")
END
