#!/usr/bin/env bats
# dbsnapfs-format(5) against real repositories: decode.py knows the page and no source file.

load support

page=$DBSNAPFS_TOP/man/dbsnapfs-format.5
decode=$DBSNAPFS_TOP/tests/docs/decode.py

setup() { setup_scratch; }
teardown() { unmount_all; }

# Decodes every backup by the page and holds each against what the program gives.
decode_all() {
    local id name count=0
    while IFS='|' read -r id name; do
        /usr/bin/python3 "$decode" app.db.backups "$id" decoded
        dbsnapfs cat app.db "backups/$name/database.sqlite" | cmp - decoded
        count=$((count + 1))
    done < <(sqlite3 app.db.backups/catalog.sqlite 'SELECT id, name FROM backup_entries')
    [ "$count" -gt 1 ]
}

# Changes some pages a little, one entirely, and makes the database grow.
change() {
    sqlite3 app.db "UPDATE ellipsoid SET name = name || ' $1' WHERE code % 7 = 0;
        UPDATE usage SET scope_code = scope_code + $1 WHERE code % 400 = $1;
        CREATE TABLE IF NOT EXISTS noise(bytes BLOB);
        INSERT INTO noise SELECT randomblob(9000) FROM ellipsoid LIMIT 5;
        DELETE FROM alias_name WHERE code % 50 = $1"
}

@test "the example in the page has the bytes and checksums that it describes" {
    /usr/bin/python3 "$decode" --example <"$page"
}

@test "the decoded image has the content of the original database" {
    dbsnapfs backup app.db
    /usr/bin/python3 "$decode" app.db.backups 1 decoded
    [ "$(sqlite3 decoded .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
    # Byte for byte but for counters in the header, which SQLite's backup sets.
    cmp -l app.db decoded | awk '!($1 >= 25 && $1 <= 28 || $1 >= 41 && $1 <= 44 ||
        $1 >= 93 && $1 <= 100) { exit 1 }'
}

@test "twenty backups, deltas among them, are decoded, each as it was" {
    for i in $(seq 20); do
        change "$i"
        sqlite3 app.db .sha3sum >"sum.$i"
        dbsnapfs backup app.db
    done
    [ "$(sqlite3 app.db.backups/catalog.sqlite 'SELECT sum(delta_blocks) > 0,
        sum(kind = 1 AND backup_id > 1) > 0 FROM backup_entries, map_shards')" = '1|1' ]
    decode_all
    for i in 1 9 20; do
        /usr/bin/python3 "$decode" app.db.backups "$i" decoded
        sqlite3 decoded .sha3sum | cmp - "sum.$i"
    done
}

@test "pages of 512 bytes and of 64 KiB, and a change between them, are decoded" {
    sqlite3 app.db 'PRAGMA page_size = 512; VACUUM'
    dbsnapfs backup app.db
    change 1
    dbsnapfs backup app.db
    sqlite3 app.db 'PRAGMA page_size = 65536; VACUUM'
    dbsnapfs backup app.db
    change 2
    dbsnapfs backup app.db
    decode_all
}

@test "a database that shrinks and grows again is decoded" {
    change 1
    dbsnapfs backup app.db
    sqlite3 app.db 'DROP TABLE noise; DELETE FROM usage; VACUUM'
    dbsnapfs backup app.db
    change 2
    sqlite3 app.db 'INSERT INTO noise SELECT randomblob(4000) FROM alias_name LIMIT 900'
    dbsnapfs backup app.db
    decode_all
}

@test "a repository without compression is decoded" {
    dbsnapfs -o compress=none backup app.db
    change 1
    dbsnapfs -o compress=none backup app.db
    decode_all
}
