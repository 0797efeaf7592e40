#!/usr/bin/env bats
# Tables as files, over everything that SQLite lets in: each text is read back by readers that share
# no code with its writer, and by the tools that people use on files.

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

readers() { "$DBSNAPFS_TOP/tests/table/readers.py" "$@"; }

@test "proj.db: independent readers get every table's rows, live" {
    proj
    readers app.db mnt/live/tables
}

@test "proj.db: independent readers get every table's rows, in a backup" {
    proj
    readers app.db mnt/backups/latest/tables
}

@test "proj.db: database.sql makes an equal database, live and in a backup" {
    proj
    readers --dump app.db mnt/live/database.sql
    readers --dump app.db mnt/backups/latest/database.sql
    cmp mnt/live/database.sql mnt/backups/latest/database.sql
}

@test "oddities in UTF-8: independent readers get every table's rows, live and in a backup" {
    odd
    readers app.db mnt/live/tables
    readers app.db mnt/backups/latest/tables
}

@test "oddities in UTF-8: database.sql makes an equal database, live and in a backup" {
    odd
    readers --dump app.db mnt/live/database.sql
    readers --dump app.db mnt/backups/latest/database.sql
}

@test "oddities in UTF-16le: independent readers get every table's rows, live and in a backup" {
    odd --encoding UTF-16le --page-size 1024 --journal delete
    readers app.db mnt/live/tables
    readers app.db mnt/backups/latest/tables
}

@test "oddities in UTF-16le: database.sql makes an equal database, live and in a backup" {
    odd --encoding UTF-16le --page-size 65536
    readers --dump app.db mnt/live/database.sql
    readers --dump app.db mnt/backups/latest/database.sql
}

@test "oddities in UTF-16be: independent readers get every table's rows in a backup" {
    odd --encoding UTF-16be --page-size 512 --blob-bytes 70000
    readers app.db mnt/backups/latest/tables
    readers --dump app.db mnt/backups/latest/database.sql
}

@test "every table has a directory whose name can be typed, and views stand among the views" {
    odd --blob-bytes 1000
    for name in 'a table' 'quo"te' "it's" a%2Fb %2F %2E %2E. %2Ehidden a.b %252F %25 😀 É é new%0Aline \
        tab%09stop -rf 'end ' %~ '[x]' '*' '~' order select; do
        [ -s "mnt/backups/latest/tables/$name/schema.sql" ]
        [ -s "mnt/live/tables/$name/rows.csv" ]
    done
    [ -d mnt/live/views/odd%2Fview ]
    [ -d mnt/live/views/%2E.. ]
    [ ! -e mnt/live/tables/staff_names ]
    [ "$(sqlite3 app.db "SELECT count(*) FROM sqlite_schema WHERE type = 'view'")" -eq "$(find mnt/live/views -mindepth 1 -maxdepth 1 | wc -l)" ]
}

@test "a broken view is there, says why it cannot be read, and hinders nothing" {
    odd --blob-bytes 1000
    for view in broken_table broken_function broken_column broken_circle; do
        for top in live backups/latest; do
            grep -q "CREATE VIEW $view" "mnt/$top/views/$view/schema.sql"
            run cat "mnt/$top/views/$view/rows.csv"
            [ "$status" -ne 0 ]
        done
    done
    # The others can be read.
    for view in staff_names odd%2Fview named of_views values_view no_rows_view 'select from'; do
        [ -s "mnt/live/views/$view/rows.csv" ]
        cmp "mnt/live/views/$view/rows.csv" "mnt/backups/latest/views/$view/rows.csv"
    done
    tr -d '\r' <mnt/live/views/values_view/rows.csv | tail -n +2 | diff - <(printf '1,"a"\n2.5,x%s\n,inf\n' "'00'")
}

# A database with a table of each kind of key and relation, and few rows.
small() {
    sqlite3 app.db >/dev/null <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
INSERT INTO users VALUES (1, 'Ada', x'00ff'), (2, 'Bo', NULL), (3, 'a/b', randomblob(70000));
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id REFERENCES users, total REAL);
INSERT INTO orders VALUES (10, 1, 9.5), (11, 1, 0.1), (12, 2, 1e300), (13, 99, NULL);
CREATE INDEX orders_user ON orders (user_id);
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent REFERENCES tree);
CREATE INDEX tree_parent ON tree (parent);
INSERT INTO tree VALUES (1, 2), (2, 1), (3, 3);
CREATE TABLE "odd/.." (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO "odd/.." VALUES ('x', '..'), ('.', '/'), ('', 'a,b');
CREATE TABLE nobody (x TEXT PRIMARY KEY);
INSERT INTO nobody VALUES (NULL), (NULL), ('needle in it');
CREATE VIRTUAL TABLE words USING fts5 (body);
INSERT INTO words VALUES ('needle again');
CREATE VIEW both AS SELECT name, total FROM users JOIN orders ON user_id = users.id;
END
    dbsnapfs app.db mnt
    command_line backup
}

# Every file below has as many bytes as stat says. Prints how many files there were.
sizes() {
    /usr/bin/python3 - "$1" <<'END'
import os, sys
files = 0
for top, _, names in os.walk(os.fsencode(sys.argv[1])):
    for path in (os.path.join(top, name) for name in names):
        if os.path.islink(path):
            continue
        size = os.stat(path).st_size
        with open(path, 'rb') as f:
            got = len(f.read())
            assert got == os.fstat(f.fileno()).st_size == size, (path, got, size)
        files += 1
print(files)
END
}

@test "each file of a backup and of live/ has the size that stat says" {
    small
    [ "$(sizes mnt/backups/latest/)" -gt 60 ]
    [ "$(sizes mnt/live/)" -gt 60 ]
}

@test "tar's listing has the sizes that are read, and what it extracts is equal" {
    small
    tar -C mnt/backups/latest -cf - . | tar tvf - >/dev/null
    tar -C mnt/backups/latest -cf out.tar . 2>err
    [ ! -s err ] || { cat err; false; }
    tar -C mnt/backups/latest --compare -f out.tar
    mkdir out
    tar -C out -xf out.tar
    diff -r --no-dereference mnt/backups/latest/ out
    (cd out && sha256sum --quiet -c SHA256SUMS)
}

@test "tar of live/ is read without a complaint" {
    small
    tar -C mnt/live -cf out.tar . 2>err
    [ ! -s err ] || { cat err; false; }
    mkdir out
    tar -C out -xf out.tar
    diff -r --no-dereference mnt/live/tables out/tables
}

@test "rsync -a copies a backup with its tables, and nothing the second time" {
    small
    rsync -a mnt/backups/latest/ out/
    diff -r --no-dereference mnt/backups/latest/ out
    [ -z "$(rsync -a --checksum --itemize-changes mnt/backups/latest/ out/)" ]
}

@test "cp -r copies a backup with its tables" {
    small
    cp -r mnt/backups/latest/ out
    diff -r --no-dereference mnt/backups/latest/ out
}

@test "grep -r finds a value in every form that shows it" {
    small
    grep -rl 'needle in it' mnt/backups/latest/tables >found
    for name in rows.csv rows.ndjson rows.sql; do
        grep -qx "mnt/backups/latest/tables/nobody/$name" found
    done
    grep -q '^mnt/backups/latest/tables/nobody/rows/.*/x$' found
    grep -q '^mnt/backups/latest/tables/nobody/rows/.*/row.json$' found
    grep -rlq 'needle in it' mnt/live/tables/nobody
}

@test "find sees each thing once, with its kind" {
    small
    for top in mnt/backups/latest/ mnt/live/; do
        find "$top" >all
        [ "$(sort -u all | wc -l)" -eq "$(wc -l <all)" ]
        [ -z "$(find "$top" ! -type f ! -type d ! -type l)" ]
        # The one row that is referred to and is not there.
        [ -z "$(find "$top" -xtype l ! -path '*/orders/rows/13/*')" ]
        find "$top" -name '*.row' -type l | grep -q .
    done
}

@test "diff -r finds no difference between live/ and a backup of it, and then the one there is" {
    small
    diff -r --no-dereference mnt/live/tables mnt/backups/latest/tables
    diff -r --no-dereference mnt/live/views mnt/backups/latest/views
    cmp mnt/live/database.sql mnt/backups/latest/database.sql
    sqlite3 app.db "UPDATE users SET name = 'Eve' WHERE id = 2"
    run diff -rq --no-dereference mnt/backups/latest/tables mnt/live/tables
    [ "$status" -eq 1 ]
    [[ $output == *'tables/users/rows.csv '* ]]
    [[ $output == *'tables/users/rows/2/name '* ]]
    [[ $output != *'tables/orders'* ]]
}

@test "plain diff -r, which follows links, ends where nothing refers to anything" {
    sqlite3 app.db "CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    dbsnapfs app.db mnt
    command_line backup
    diff -r mnt/live/tables mnt/backups/latest/tables
}

@test "cat without a mount gives the bytes that the mount gives" {
    small
    name=$(readlink mnt/backups/latest)
    for path in backups/latest/tables/users/rows.csv backups/latest/tables/users/rows.ndjson \
        "backups/$name/tables/orders/rows.sql" backups/latest/tables/users/rows/3/photo \
        backups/latest/tables/orders/rows/10/user_id.row/row.json backups/latest/database.sql \
        backups/latest/tables/odd%2F../columns.json live/tables/users/count live/views/both/rows.csv; do
        mkdir -p "$(dirname "with/$path")"
        cat "mnt/$path" >"with/$path"
        dbsnapfs cat app.db "$path" | cmp - "with/$path" # through the mount
    done
    umount mnt
    eventually gone "$(daemon_pid)"
    (cd with && find . -type f -printf '%P\n') >paths
    [ "$(wc -l <paths)" -eq 9 ]
    while read -r path; do
        dbsnapfs cat app.db "$path" | cmp - "with/$path"
    done <paths
}

# No file's BLOB was in its memory.
took_little_memory() {
    local peak
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$(daemon_pid)/status")
    echo "$peak KiB"
    case $DBSNAPFS in
    */asan/* | */tsan/*) ;; # a sanitizer keeps what was freed
    *) [ "$peak" -lt $((80 * 1024)) ] ;;
    esac
}

@test "a BLOB of 100 MB is a file like any other, and never in memory" {
    local top form
    "$DBSNAPFS_TOP/tests/table/oddities.py" --blob-bytes 100000000 big.db
    sqlite3 app.db "ATTACH 'big.db' AS big; CREATE TABLE big (id INTEGER PRIMARY KEY, b BLOB);
        INSERT INTO main.big SELECT id, b FROM big.big WHERE id = 1"
    sqlite3 app.db "SELECT writefile('want', b) FROM big"
    dbsnapfs app.db mnt
    command_line backup
    cmp want mnt/backups/latest/tables/big/rows/1/b
    cmp want mnt/live/tables/big/rows/1/b
    [ "$(stat -c %s mnt/live/tables/big/rows/1/b)" -eq 100000000 ]
    tail -c 1003 mnt/live/tables/big/rows.csv | head -c 1000 | tr A-F a-f >last
    [ "$(tail -c 500 want | od -An -v -tx1 | tr -d ' \n')" = "$(cat last)" ]
    for top in mnt/live mnt/backups/latest; do
        for form in rows.csv rows.ndjson rows.sql rows/1/row.json; do
            [ "$(wc -c <$top/tables/big/$form)" -eq "$(cat $top/tables/big/$form | wc -c)" ]
        done
        jq -r .b.base64 $top/tables/big/rows.ndjson | base64 -d | cmp - want
        jq -r .b.base64 $top/tables/big/rows/1/row.json | base64 -d | cmp - want
        sqlite3 :memory: 'CREATE TABLE big (id, b)' ".read $top/tables/big/rows.sql" "SELECT writefile('again', b) FROM big"
        cmp again want
    done
    took_little_memory
}
