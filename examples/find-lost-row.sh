#!/bin/sh
# Finds the newest backup in which a row still existed, and prints the row:
#
#     find-lost-row.sh /mnt/app "SELECT * FROM users WHERE id = 42"
#
# Walks through the backups of a mount from the newest to the oldest and asks each, where it lies,
# with sqlite3. A backup in which the query fails (there was no such table yet) is named and passed
# over. The exit status is 0 if the row was found, 1 if it was not.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: find-lost-row.sh MOUNTPOINT QUERY" >&2
    exit 2
fi
backups=$1/backups
query=$2
if [ ! -d "$backups" ]; then
    echo "find-lost-row: $1 is not a mount of dbsnapfs" >&2
    exit 1
fi

# Names are times, so their order is that of time; -V puts ...Z-10 behind ...Z-9. No names of ours
# have blanks in them.
names=$(find "$backups" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -rV)
for name in $names; do
    if ! rows=$(sqlite3 -readonly -line "$backups/$name/database.sqlite" "$query" 2>&1); then
        echo "find-lost-row: $name: $rows" >&2
        continue
    fi
    if [ -n "$rows" ]; then
        echo "$name has it:"
        echo "$rows"
        exit 0
    fi
done
echo "find-lost-row: no backup has it" >&2
exit 1
