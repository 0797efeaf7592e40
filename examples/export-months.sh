#!/bin/sh
# Exports a table as it was at the end of each month, from the last backup of the month:
#
#     export-months.sh /mnt/app orders /srv/reports
#     ls /srv/reports            orders-2026-09.csv  orders-2026-10.csv  orders-2026-11.csv
#
# TABLE is as `ls` shows it below tables/. Files that are there are made anew; each is there whole or
# as it was before. A backup that has no such table is named and passed over. The exit status is 1 if
# nothing was exported.
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: export-months.sh MOUNTPOINT TABLE [DIRECTORY]" >&2
    exit 2
fi
backups=$1/backups
table=$2
directory=${3:-.}
if [ ! -d "$backups" ]; then
    echo "export-months: $1 is not a mount of dbsnapfs" >&2
    exit 1
fi

status=1
month_of() {
    date=${1%%T*}
    echo "${date%-*}"
}

# export_last NAME: the table in this backup, which is its month's last.
export_last() {
    file=$directory/$table-$(month_of "$1").csv
    if [ ! -e "$backups/$1/tables/$table" ]; then
        echo "export-months: $1 has no table $table" >&2
        return
    fi
    cp "$backups/$1/tables/$table/rows.csv" "$file.new"
    chmod u+w "$file.new"
    mv "$file.new" "$file"
    echo "$file from $1"
    status=0
}

# Names are times, so their order is that of time; -V puts ...Z-10 behind ...Z-9. No names of ours
# have blanks in them.
names=$(find "$backups" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V)
last=
for name in $names; do
    if [ -n "$last" ] && [ "$(month_of "$name")" != "$(month_of "$last")" ]; then
        export_last "$last"
    fi
    last=$name
done
[ -z "$last" ] || export_last "$last"
[ $status -eq 0 ] || echo "export-months: there is no backup with a table $table" >&2
exit $status
