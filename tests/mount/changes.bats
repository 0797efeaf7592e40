#!/usr/bin/env bats
# changes/: what differs between a backup and the one before it, as rows, as a patch and as numbers.

# shellcheck disable=SC2030,SC2031,SC2231 # each test sets what it uses

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

# first <<SQL: app.db made of it, mounted, and its first backup. Then: second SQL, as often as it
# takes: changes the database, backs it up again, and checks changes/ of that backup against the two
# databases. What changed is in $changed.
first() {
    sqlite3 app.db >/dev/null
    dbsnapfs app.db mnt
    command_line backup
}

second() {
    cp --remove-destination mnt/backups/latest/database.sqlite before.db
    sqlite3 -bail app.db "$1"
    command_line backup
    cp --remove-destination mnt/backups/latest/database.sqlite after.db
    changes=mnt/backups/latest/changes
    run "$DBSNAPFS_TOP/tests/table/changed.py" before.db after.db $changes
    echo "$output"
    [ "$status" -eq 0 ]
    changed=${lines[-1]#changed:}
}

shop() {
    first <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
INSERT INTO users VALUES (1, 'Ada', x'00'), (2, 'Bo "B"', NULL), (3, 'Cy', x'ff'), (4, '', x'');
CREATE INDEX users_name ON users (name);
CREATE TABLE prices (country TEXT, item TEXT, price REAL, PRIMARY KEY (country, item)) WITHOUT ROWID;
INSERT INTO prices VALUES ('de', 'tea', 2.5), ('de', 'cake', 0.1), ('fr', 'tea', 3);
CREATE TABLE log (line TEXT);
INSERT INTO log VALUES ('one'), ('two'), ('two');
CREATE TABLE still (id INTEGER PRIMARY KEY, x);
INSERT INTO still VALUES (1, 1);
END
}

@test "inserted, updated and deleted rows of several tables are told, and nothing of others" {
    shop
    second "INSERT INTO users VALUES (9, 'new', x'0102'), (-1, 'minus', NULL);
        UPDATE users SET name = 'Ada L.' WHERE id = 1; DELETE FROM users WHERE id IN (2, 3);
        UPDATE prices SET price = 2.75 WHERE item = 'tea'; INSERT INTO log VALUES ('three')"
    [ "$changed" = ' log prices users' ]
    [ "$(LC_ALL=C ls $changes)" = $'log.csv\nlog.sql\nprices.csv\nprices.sql\nsummary\nusers.csv\nusers.sql' ]
    tr -d '\r' <$changes/users.csv >users.csv
    [ "$(head -n 1 users.csv)" = '"op","key","before.id","before.name","before.photo","after.id","after.name","after.photo"' ]
    grep -Fx "\"update\",\"1\",1,\"Ada\",x'00',1,\"Ada L.\",x'00'" users.csv
    grep -Fx '"delete","2",2,"Bo ""B""",,,,' users.csv
    grep -Fx "\"insert\",\"9\",,,,9,\"new\",x'0102'" users.csv
}

@test "rows come in the order of their keys" {
    shop
    second "INSERT INTO users VALUES (9, 'new', NULL), (-1, 'minus', NULL); DELETE FROM users WHERE id = 3;
        UPDATE users SET photo = x'05' WHERE id IN (1, 4)"
    [ "$(tail -n +2 $changes/users.csv | tr -d '"' | awk -F , '{ print $1, $2, $3 $6 }')" = $'insert -1 -1\nupdate 1 11\ndelete 3 3\nupdate 4 44\ninsert 9 9' ]
}

@test "an update of the key is a row that went and one that came" {
    shop
    second 'UPDATE users SET id = 20 WHERE id = 2'
    [ "$(tail -n +2 $changes/users.csv | cut -d , -f 1 | tr -d '"')" = $'delete\ninsert' ]
}

@test "a value that only changes its kind is a change" {
    first <<<"CREATE TABLE t (id INTEGER PRIMARY KEY, x);
        INSERT INTO t VALUES (1, 1), (2, '1'), (3, ''), (4, NULL), (5, 0.0), (6, 'a'), (7, 7)"
    second "UPDATE t SET x = CASE id WHEN 1 THEN '1' WHEN 2 THEN 1.0 WHEN 3 THEN NULL WHEN 4 THEN x''
        WHEN 5 THEN -0.0 WHEN 6 THEN x'61' ELSE x END"
    [ "$(tail -n +2 $changes/t.csv | wc -l)" -eq 6 ]
}

@test "a change that is undone before the next backup is none" {
    shop
    second 'UPDATE users SET name = name || name; INSERT INTO log VALUES (4); DELETE FROM log WHERE line = 4;
        UPDATE users SET name = substr(name, 1, length(name) / 2); INSERT INTO still VALUES (2, 2)'
    [ "$changed" = ' still' ]
}

@test "a backup of the same content has no changes" {
    shop
    second 'SELECT 1'
    [ -z "$changed" ]
    [ "$(ls $changes)" = summary ]
    second 'VACUUM; REINDEX'
    [ -z "$changed" ]
    [ -z "$(find $changes -name '*.csv' -size +0)" ]
}

@test "a table of text without a key is followed by rowid" {
    shop
    second "DELETE FROM log WHERE rowid = 2; UPDATE log SET line = 'TWO' WHERE rowid = 3"
    [ "$(tail -n +2 $changes/log.csv | tr -d '\r')" = $'"delete","2","two",\n"update","3","two","TWO"' ]
}

@test "tables that are new, gone and changed in their columns" {
    shop
    second "CREATE TABLE fresh (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO fresh VALUES (1, 'a'), (2, 'b');
        CREATE INDEX fresh_x ON fresh (x); DROP TABLE still;
        ALTER TABLE users ADD COLUMN mail TEXT DEFAULT 'none'; UPDATE users SET mail = 'a@b' WHERE id = 1"
    [ "$changed" = ' fresh still users' ]
    [ "$(tail -n +2 $changes/fresh.csv | wc -l)" -eq 2 ]
    [ "$(tail -n +2 $changes/still.csv | wc -l)" -eq 1 ]
    head -n 1 $changes/users.csv | grep -q 'after.mail'
}

@test "a new index, a new trigger and another order of columns" {
    shop
    second 'CREATE INDEX log_line ON log (line);
        CREATE TRIGGER no_users BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, stop); END -- the end;
        ; DROP INDEX users_name'
    [ "$changed" = ' log users' ]
    second "CREATE TABLE p (item TEXT, country TEXT, price REAL, PRIMARY KEY (item, country));
        INSERT INTO p SELECT item, country, price FROM prices; DROP TABLE prices; ALTER TABLE p RENAME TO prices"
    [ "$changed" = ' prices' ]
}

@test "a patch makes no trigger do anything, and breaks no foreign key" {
    first <<'END'
CREATE TABLE parent (id INTEGER PRIMARY KEY, x);
CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE);
CREATE TABLE audit (id INTEGER PRIMARY KEY, what);
CREATE TRIGGER said AFTER UPDATE ON parent BEGIN INSERT INTO audit (what) VALUES ('update ' || new.x); END;
CREATE TRIGGER kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'never'); END;
INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO child VALUES (1, 1), (2, 2), (3, 3);
END
    second "PRAGMA foreign_keys = ON; UPDATE parent SET x = upper(x); DELETE FROM parent WHERE id = 2;
        INSERT INTO child VALUES (5, 3)"
    [ "$changed" = ' audit child parent' ]
    # Also where each program turns them on.
    cp --remove-destination before.db again.db
    cat $changes/*.sql | sed '1i PRAGMA foreign_keys = ON;' | sqlite3 again.db
    [ "$(sqlite3 again.db .sha3sum)" = "$(sqlite3 after.db .sha3sum)" ]
}

@test "unique values that change places" {
    first <<<"CREATE TABLE seats (id INTEGER PRIMARY KEY, place TEXT UNIQUE NOT NULL);
        INSERT INTO seats VALUES (1, 'window'), (2, 'aisle'), (3, 'middle');
        CREATE TABLE word (w TEXT PRIMARY KEY COLLATE NOCASE, n) WITHOUT ROWID;
        INSERT INTO word VALUES ('a', 1), ('b', 2)"
    second "UPDATE seats SET place = id; UPDATE seats SET place = CASE id WHEN 1 THEN 'aisle' WHEN 2 THEN 'middle'
        ELSE 'window' END; UPDATE word SET w = 'A' WHERE w = 'a'"
    [ "$changed" = ' seats word' ]
}

@test "generated columns, strict tables, and every value" {
    first <<'END'
CREATE TABLE g (id INTEGER PRIMARY KEY, a TEXT, v AS (upper(a)), s AS (length(a)) STORED);
INSERT INTO g (id, a) VALUES (1, 'x'), (2, 'yy');
CREATE TABLE s (k ANY PRIMARY KEY, r REAL, b BLOB) STRICT, WITHOUT ROWID;
INSERT INTO s VALUES (1, 0.5, x'00'), ('1', 1e999, NULL), (x'31', 5e-324, x'');
END
    second "UPDATE g SET a = 'it''s' || char(10) || char(0) || 'end' WHERE id = 2; INSERT INTO g (id, a) VALUES (3, NULL);
        UPDATE s SET r = -1e999 WHERE k = '1'; UPDATE s SET r = 1.7976931348623157e308 WHERE k = 1;
        DELETE FROM s WHERE k = x'31'; INSERT INTO s VALUES (-9223372036854775808, 0.1, x'0a0d27'), ('a,b', 1e23, NULL)"
    [ "$changed" = ' g s' ]
}

@test "oddities that change" {
    "$DBSNAPFS_TOP/tests/table/oddities.py" --blob-bytes 300000 app.db
    dbsnapfs app.db mnt
    command_line backup
    second "$(cat <<'END'
UPDATE "a/b" SET note = 'changed';
INSERT INTO ".." (note) VALUES ('new');
DELETE FROM "it's";
UPDATE "order" SET "select" = 'other';
UPDATE k_pair SET v = v + 100 WHERE a = 'a,b';
DELETE FROM k_pair_backwards WHERE a = '';
INSERT INTO wr_mixed VALUES (7, 'n', x'00', -1e999), (7, 'n', x'', 0.25);
UPDATE wr_nocase SET v = 'x' WHERE k = 'A';
UPDATE generated SET b = 'three' WHERE a = 3;
UPDATE strictly SET a = x'ff' WHERE x = 2;
UPDATE wide SET c1999 = 'new' WHERE rowid = 1;
UPDATE big SET b = zeroblob(10) WHERE id = 1;
INSERT INTO no_rows VALUES (1, 'one');
DELETE FROM one_null WHERE rowid = 1;
UPDATE visit SET who = 4 WHERE id = 1;
END
    )"
    [ -f "$changes/a%2Fb.csv" ]
    [ -f "$changes/%2E..sql" ]
    [ -f "$changes/it's.sql" ]
}

@test "rows of 100 MB can be compared" {
    sqlite3 app.db "CREATE TABLE f (name TEXT PRIMARY KEY, data BLOB, mime TEXT); CREATE TABLE g (id INTEGER PRIMARY KEY);
        INSERT INTO f VALUES ('a', zeroblob(100000000), 'x')"
    dbsnapfs app.db mnt
    command_line backup
    sqlite3 app.db "DELETE FROM f; INSERT INTO f VALUES ('b', zeroblob(100000000), 'x'); INSERT INTO g VALUES (1)"
    command_line backup
    [ "$(awk 'NR > 2' mnt/backups/latest/changes/summary)" = \
        $'         1          0          1  f\n         1          0          0  g' ]
    grep -q '^REPLACE INTO "g"' mnt/backups/latest/changes/g.sql
}

@test "the changes of a large table are found without reading all of it" {
    first <<'END'
PRAGMA journal_mode = wal;
CREATE TABLE many (id INTEGER PRIMARY KEY, t TEXT, b BLOB);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200000)
INSERT INTO many SELECT i, 'row ' || i, randomblob(100) FROM c;
END
    second "UPDATE many SET t = 'changed' WHERE id % 50000 = 7; DELETE FROM many WHERE id = 100; INSERT INTO many (t) VALUES ('last')"
    timeout 2 cat "$changes/summary" "$changes/many.csv" "$changes/many.sql" >/dev/null
}

@test "each backup is compared with the one before it" {
    shop
    second "UPDATE users SET name = 'two' WHERE id = 1"
    two=$changes/../../$(readlink mnt/backups/latest)/changes
    cp -r "$two" kept
    second "UPDATE users SET name = 'three' WHERE id = 1; DELETE FROM log"
    second 'INSERT INTO log VALUES (9)'
    [ "$changed" = ' log' ]
    diff -r "$two" kept
    umount mnt
    eventually gone "$(daemon_pid)"
    dbsnapfs app.db mnt
    diff -r "$two" kept
}

@test "the first backup has nothing to be compared with, and says so" {
    shop
    changes=mnt/backups/latest/changes
    [ -d $changes ]
    [ -s $changes/summary ]
    cp -r $changes copied
    diff -r $changes copied
}

@test "sizes of changes are what is read" {
    shop
    second "UPDATE users SET photo = randomblob(100000) WHERE id = 1; INSERT INTO log VALUES ('x'); ALTER TABLE still ADD y"
    tar -C $changes -cf out.tar . 2>err
    [ ! -s err ]
    for file in $changes/*; do
        [ "$(stat -c %s "$file")" -eq "$(wc -c <"$file")" ]
    done
}

@test "changes are the same without a mount" {
    shop
    second "UPDATE users SET name = 'two' WHERE id = 1"
    for file in summary users.csv users.sql; do
        cp $changes/$file .
    done
    umount mnt
    eventually gone "$(daemon_pid)"
    for file in summary users.csv users.sql; do
        dbsnapfs cat app.db "backups/latest/changes/$file" | cmp - $file
    done
}
