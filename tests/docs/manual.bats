#!/usr/bin/env bats
# dbsnapfs(1) against the program: it names what --help names and nothing else, its examples run, its
# error lines are the program's.

load support

page=$DBSNAPFS_TOP/man/dbsnapfs.1

setup() { setup_scratch; }
teardown() { unmount_all; }

# The first words of the lines of one part of --help, such as "Verbs".
help_names() {
    dbsnapfs --help | awk -v part="$1" '/^[A-Z]/ { on = index($0, part) == 1 } on && /^  / { print $1 }'
}

# The lines of the page from one heading to the next.
section() {
    awk -v head="$1" '/^\.S[hs] / { on = substr($0, 5) == head } on' "$page"
}

# The n-th display of a part.
display() {
    section "$1" | awk -v n="$2" '/^\.Bd/ { i++; on = 1; next } /^\.Ed/ { on = 0 } on && i == n'
}

example() { display EXAMPLES "$1"; }

@test "the pages have no warnings" {
    run mandoc -T lint -W warning "$DBSNAPFS_TOP"/man/*.[1-8]
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the page has the options that --help has" {
    # -o and -V, then --json and what stands behind a short name.
    dbsnapfs --help | awk '/^Options/ { on = 1 } /^Mount/ { on = 0 } on' |
        grep -oE '^  -\w|--[a-z]+' | tr -d ' ' | sort >helped
    section Options | sed -n 's/^\.It //p' | sed 's/Ns.*//' | grep -oE 'Fl (-[a-z]+|\w)' |
        sed 's/Fl /-/' | sort >written
    [ -s helped ]
    diff helped written
}

@test "the page has the mount options that --help has" {
    help_names 'Mount options' | sed 's/=.*//' | sort >helped
    section 'Mount options' | sed -n 's/^\.It //p' | tr ',' '\n' | grep -oE '^( ?Cm)? ?[a-z_-]+' |
        sed 's/ *Cm *//; s/ //g' | sort >written
    [ -s helped ]
    diff helped written
}

@test "the page has the verbs that --help has, and control's help" {
    { help_names Verbs; echo help; } | sort >helped
    section COMMANDS | sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' | grep -vxE 'note|if|check|wait|nowait' |
        sort >written
    diff helped written
}

@test "the page has the keys of every command" {
    for verb in backup verify cancel; do
        dbsnapfs help "$verb" | sed -n 's/^  \([a-z-]*\).*/\1/p' | sort >helped
        section COMMANDS | grep "^\.It Cm $verb" | grep -oE 'Op Cm [a-z-]+' | sed 's/Op Cm //' |
            sort >written
        diff helped written
    done
}

@test "the page has the usage of the other verbs" {
    for verb in list show cat extract repair; do
        dbsnapfs help "$verb" | sed -n '1s/^Usage: dbsnapfs //p' | tr '[:upper:]' '[:lower:]' >helped
        section COMMANDS | grep "^\.It Cm $verb" | sed 's/^\.It Cm //; s/ Ar//g; s/Oo \([a-z]*\) Oc/[\1]/
            s/Op \([a-z]*\)/[\1]/' >written
        diff helped written
    done
}

@test "the keys and verbs that control names are those of the page" {
    mount_app
    echo help >mnt/control
    sed -n 's/^\([a-z]*\).*/\1/p' mnt/control | grep -vxE 'ok|' | sort >helped
    { sed -n 's/^\.It Cm \(backup\|verify\|cancel\|help\).*/\1/p' "$page"; } | sort -u >written
    diff helped written
}

@test "the examples with a mount run" {
    sqlite3 app.db .tables >tables
    example 1 | sed 's/^dbsnapfs .*/& 3>\&- 4>\&-/' >script
    [ "$(wc -l <script)" -eq 8 ]
    run bash -e script
    [ "$status" -eq 0 ]
    [[ $output == *'ok 2'*latest*ellipsoid* ]]
    [ "$(sqlite3 restored.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "the examples without a mount run" {
    example 2 >script
    [ "$(wc -l <script)" -eq 5 ]
    run bash -e script
    [ "$status" -eq 0 ]
    [[ $output == *'before the upgrade'*'no damage'*'CREATE TABLE'* ]]
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "the examples with tables run" {
    mount_app
    echo backup >mnt/control
    sqlite3 app.db "DELETE FROM ellipsoid WHERE name = 'WGS 84'"
    example 3 >script
    [ "$(wc -l <script)" -eq 6 ]
    run bash script
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == 449*'< "EPSG",7030,"WGS 84"'*rows.csv:\"EPSG\",7030*'-> ../../../backups/'* ]]
    cmp mnt/backups/latest/tables/ellipsoid/rows.csv mnt/tables/ellipsoid/rows.csv
}

@test "the lines for cron and fstab are those of examples/" {
    grep -qxF "$(example 4)" "$DBSNAPFS_TOP/examples/cron"
    [[ $(example 5) =~ ^/srv/app.db\ +/mnt/app\ +fuse.dbsnapfs\  ]]
    grep -q '^/srv/app.db  /mnt/app  fuse.dbsnapfs  nofail' "$DBSNAPFS_TOP/examples/fstab"
}

@test "systemd finds nothing wrong with the unit" {
    example 6 | sed "s|/usr/local/bin/dbsnapfs|$DBSNAPFS|" >app-backups.service
    run systemd-analyze verify ./app-backups.service
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "a database is restored as the page says" {
    dbsnapfs backup app.db
    sqlite3 app.db .sha3sum >before
    sqlite3 app.db 'DELETE FROM usage'
    display RESTORING 1 | sed "s|/srv/|$PWD/|g; /systemctl/d" >script
    [ "$(wc -l <script)" -eq 5 ]
    run bash -e script
    [ "$status" -eq 0 ]
    [[ $output == *ok ]]
    sqlite3 app.db .sha3sum | cmp - before
}

@test "what is copied out as the page says can be written" {
    rm app.db # in which every row would be copied
    sqlite3 app.db 'CREATE TABLE usage (id INTEGER PRIMARY KEY); INSERT INTO usage VALUES (1)'
    mount_app
    echo backup >mnt/control
    display RESTORING 2 >script
    [ "$(wc -l <script)" -eq 2 ]
    run bash -e script
    [ "$status" -eq 0 ]
    [ "$(stat -c %a restored.db)" = 600 ]
    [ -f copy/tables/usage/schema.sql ]
    run find restored.db copy ! -type l ! -perm -u+w
    [ -z "$output" ]
    cp mnt/backups/latest/database.sqlite plain.db
    cp -r mnt/backups/latest/ plain
    [ "$(stat -c %a plain.db plain/tables)" = $'400\n500' ]
    chmod -R u+w plain
}

@test "no command is lost in an empty mount point, as the page says" {
    display 'When nothing is mounted' 1 >script
    run bash -e script
    [ "$status" -ne 0 ]
    [ -z "$(ls -A mnt)" ]
    chmod 0 mnt
    chmod 711 .
    run setpriv --reuid=nobody --regid=nogroup --clear-groups bash -c 'echo backup >mnt/control'
    [ "$status" -ne 0 ]
    mount_app
    run bash -e script
    [ "$status" -eq 0 ]
    [ -n "$(readlink mnt/backups/latest)" ]
    umount mnt
    [ -z "$(ls -A mnt)" ]
}

@test "the error lines of the page are the program's" {
    section DIAGNOSTICS | sed -n 's/^\.It "\(.*\)"/\1/p' >lines
    [ "$(wc -l <lines)" -gt 9 ]
    while read -r line; do
        case $line in
        'No space left on device' | 'no such table: '* | 'unsafe use of '*) continue ;; # libraries'
        esac
        # Up to where a number or name comes.
        grep -aqF -- "$(sed 's/ -wal.*//; s/ [N0-9].*//; s/ \.\.\..*//' <<<"$line")" "$DBSNAPFS"
    done <lines
}
