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

# Paths of the mount, one a line, with the database's own names called what the README calls them.
generic() {
    sed -E 's#20[0-9]{2}-[0-9-]+T[0-9-]+Z(-[0-9]+)?#BACKUP#g; s#/tables/[^/]+#/tables/TABLE#
        s#/views/[^/]+#/views/VIEW#; s#/changes/.*\.(csv|sql)$#/changes/TABLE.\1#
        s#/history/[^/]+#/history/TABLE#; s#(/history/TABLE)/[^/]+#\1/KEY#; s#/rows/[^/]+#/rows/KEY#
        s#/referenced-by/[^/]+#/referenced-by/TABLE.COLUMN#; s#/by/[^/]+/[^/]+#/by/COLUMN/VALUE#
        s#(/TABLE.COLUMN|/VALUE)/.*#\1/KEY#; s#/KEY/[^/]+\.row$#/KEY/COLUMN.row#
        s#/KEY/[a-z_]+$#/KEY/COLUMN#'
}

# The names that these paths are made of.
names() {
    tr / '\n' | grep . | sort -u
}

@test "the README's tree is the mount's" {
    mount_app
    echo backup >mnt/control
    sqlite3 app.db "UPDATE ellipsoid SET name = 'oops' WHERE code = 7030;
        DELETE FROM prime_meridian WHERE code = 8913"
    echo backup >mnt/control
    # Everything but rows, of which one will do.
    {
        find mnt \( -name rows -o -name by \) -print -prune -o -print
        find mnt/live/tables/ellipsoid/rows/EPSG,7030 mnt/live/tables/ellipsoid/by/auth_name/PROJ
        find mnt/history/ellipsoid/EPSG,7030 mnt/history/prime_meridian/EPSG,8913
    } | sed '/^mnt$/d' | generic | sed 's|^mnt/||' | names >there
    [ "$(wc -l <there)" -gt 30 ]
    # Names stand two blanks apart in a line of the README's tree, and more in front of what they are.
    awk '/^MOUNTPOINT/ { on = 1 } /^```/ { on = 0 } on' "$page" |
        sed -n 's/.*── //p' | sed 's/   .*//; s/ -> [^ ]*//; s/  /\n/g' | generic | names >written
    diff there written
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

@test "the commands of README.txt run as they stand" {
    mount_app
    sed -n "s#^    \(.*$PWD/mnt.*\)#\1#p" mnt/README.txt | grep -v '^ *echo help' >script
    [ "$(wc -l <script)" -gt 20 ]
    # Where names have to be put in.
    sed -i 's/TABLE/ellipsoid/g; s/KEY/EPSG,7030/; s/TEXT/Airy/; s/BACKUP/latest/' script
    # The row to take back has to be lost; the first command is to back up.
    sed -i "1a sqlite3 app.db 'DELETE FROM ellipsoid WHERE name LIKE \"%Airy%\"'" script
    while read -r line; do
        echo "$line"
        # diff ends with 1, as there are changes.
        bash -c "$line" </dev/null >out 2>err || [[ $line == diff\ * ]]
        [ ! -s err ]
        [ -s out ] || [[ $line =~ ^(echo|cp|fusermount3|sqlite3\ app|diff.*schema)|\|\ sqlite3 ]]
    done <script
    [ "$(sqlite3 app.db "SELECT count(*) > 0 FROM ellipsoid WHERE name LIKE '%Airy%'")" -eq 1 ]
}
