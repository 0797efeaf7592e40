#!/usr/bin/env bats
# A backup entry: the same bytes by every way there is to read it, and no way to change it.

load helper

# A backup that is made of full blocks and of deltas; of few rows where each row's files are copied.
setup() {
    local rows=4000
    [[ ! $BATS_TEST_DESCRIPTION =~ ^(cp -r|tar|rsync) ]] || rows=400
    setup_scratch
    make_db app.db "${JOURNAL:-wal}" $rows
    dbsnapfs app.db mnt
    command_line 'backup note=first'
    sqlite3 app.db 'UPDATE item SET body = randomblob(90) WHERE id BETWEEN '"$((rows / 4)) AND $((rows / 4 + rows / 40))"
    command_line 'backup note=second'
    entry=mnt/backups/$(readlink mnt/backups/latest)
    sum=$(sha256sum <"$entry/database.sqlite")
}
teardown() { teardown_scratch; }

same() { [ "$(sha256sum <"$1")" = "$sum" ] && [ "$(stat -c %s "$1")" -eq "$(stat -c %s "$entry/database.sqlite")" ]; }

@test "an entry has database.sqlite, database.sql, schema.sql, manifest.json, SHA256SUMS, tables, views and changes" {
    [ "$(ls -A "$entry")" = $'SHA256SUMS\nchanges\ndatabase.sql\ndatabase.sqlite\nmanifest.json\nschema.sql\ntables\nviews' ]
}

@test "cp copies a whole, sound database" {
    cp "$entry/database.sqlite" copy.db
    same copy.db
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "cp -r of all backups copies each" {
    cp -r mnt/backups copies
    diff -r mnt/backups copies
}

@test "tar takes the sizes that stat says" {
    tar -C "$entry" -cf entry.tar .
    tar -C "$entry" --compare -f entry.tar
    mkdir out
    tar -C out -xf entry.tar
    same out/database.sqlite
    tar tvf entry.tar | awk '$6 == "./database.sqlite" { print $3 }' | grep -qx "$(stat -c %s "$entry/database.sqlite")"
}

@test "rsync -a copies all, and nothing the second time" {
    rsync -a "$entry/" out/
    same out/database.sqlite
    [ -z "$(rsync -a --itemize-changes "$entry/" out/)" ]
    [ -z "$(rsync -a --checksum --itemize-changes "$entry/" out/)" ]
}

@test "dd at odd offsets and lengths reads the same bytes" {
    cp "$entry/database.sqlite" copy.db
    for place in '1 1' '4095 2' '4097 8191' '65535 65537' '100003 12345' '0 99999'; do
        read -r skip count <<<"$place"
        cmp <(dd if="$entry/database.sqlite" bs=64K iflag=skip_bytes,count_bytes skip="$skip" count="$count" status=none) \
            <(dd if=copy.db bs=64K iflag=skip_bytes,count_bytes skip="$skip" count="$count" status=none)
    done
}

@test "dd backwards by single blocks reads the same bytes" {
    cp "$entry/database.sqlite" copy.db
    /usr/bin/python3 - "$entry/database.sqlite" copy.db <<'END'
import os, sys
a, b = (os.open(name, os.O_RDONLY) for name in sys.argv[1:])
size = os.fstat(b).st_size
for at in range(size - 1000, 0, -3777):
    assert os.pread(a, 1000, at) == os.pread(b, 1000, at), at
assert os.pread(a, 10, size) == b''
assert os.pread(a, 10, size + 5000) == b''
assert len(os.pread(a, 100, size - 7)) == 7
END
}

@test "mmap reads the same bytes" {
    [ "$(/usr/bin/python3 -c '
import hashlib, mmap, sys
with open(sys.argv[1], "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
    print(hashlib.sha256(m).hexdigest())' "$entry/database.sqlite")" = "${sum%% *}" ]
}

@test "direct reads give the same bytes" {
    [ "$(dd if="$entry/database.sqlite" iflag=direct bs=64K status=none | sha256sum)" = "$sum" ]
}

@test "ten readers at once read the same bytes" {
    pids=()
    for i in 1 2 3 4 5 6 7 8 9 10; do
        sha256sum <"$entry/database.sqlite" >"sum.$i" 3>&- 4>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    [ "$(sort -u sum.*)" = "$sum" ]
}

@test "a fresh mount reads the same bytes" {
    name=$(readlink mnt/backups/latest)
    umount mnt
    eventually gone "$(daemon_pid)"
    dbsnapfs -o ro app.db mnt
    same "mnt/backups/$name/database.sqlite"
}

@test "sha256sum -c SHA256SUMS passes" {
    (cd "$entry" && sha256sum -c SHA256SUMS)
    grep -q database.sqlite "$entry/SHA256SUMS"
}

@test "manifest.json says what stat and SQLite say" {
    db=$entry/database.sqlite
    jq -e --argjson size "$(stat -c %s "$db")" --argjson pages "$(sqlite3 "$db" 'PRAGMA page_count')" \
        --argjson page "$(sqlite3 "$db" 'PRAGMA page_size')" --arg name "${entry##*/}" \
        '.database_bytes == $size and .page_count == $pages and .page_size == $page and
         .name == $name and .note == "second" and .settings.journal_mode == "wal"' "$entry/manifest.json"
}

@test "the second backup stored the changed blocks only" {
    jq -e '.changed_blocks < .block_count / 2 and .stored_bytes < .database_bytes / 4' "$entry/manifest.json"
}

@test "an entry's time is its start, in its name and its manifest" {
    at=$(stat -c %Y "$entry")
    [ "$(date -u -d "@$at" +%Y-%m-%dT%H-%M-%SZ)" = "${entry##*/}" ] ||
        [ "$(date -u -d "@$at" +%Y-%m-%dT%H-%M-%SZ)-2" = "${entry##*/}" ]
    [ "$(jq -r .backup_time "$entry/manifest.json")" = "$(date -u -d "@$at" +%Y-%m-%dT%H:%M:%SZ)" ]
    [ "$(stat -c %Y "$entry/database.sqlite")" -eq "$at" ]
}

@test "schema.sql makes the schema again" {
    sqlite3 again.db <"$entry/schema.sql"
    [ "$(sqlite3 again.db .schema)" = "$(sqlite3 app.db .schema)" ]
}

@test "the image is what the shell's .backup makes" {
    sqlite3 app.db '.backup peer.db'
    # The change counter (25th to 28th byte) and what goes with it are set by each writer.
    cmp <(tail -c +101 "$entry/database.sqlite") <(tail -c +101 peer.db)
    cmp <(head -c 24 "$entry/database.sqlite") <(head -c 24 peer.db) || {
        # The shell's copy is not in WAL mode: bytes 19 and 20.
        [ "$(cmp -l <(head -c 24 "$entry/database.sqlite") <(head -c 24 peer.db) | awk '{ print $1 }' | xargs)" = '19 20' ]
    }
}

@test "nothing below backups can be written, made, renamed or removed" {
    for attempt in "rm -f $entry/database.sqlite" "truncate -s 0 $entry/database.sqlite" \
        "touch $entry/x" "mkdir $entry/x" "mv $entry/schema.sql $entry/x" "chmod 600 $entry/schema.sql" \
        "chown 1:1 $entry" "touch -d 2020-01-01 $entry" "rmdir $entry" "ln $entry/schema.sql $entry/x" \
        "touch mnt/backups/x" "rm -f mnt/backups/latest" "cp app.db $entry/database.sqlite"; do
        run $attempt
        if [ "$status" -eq 0 ] || ! [[ $output =~ 'Read-only file system'|'Permission denied'|'not permitted' ]]; then
            echo "$attempt: $status: $output"
            return 1
        fi
    done
    same "$entry/database.sqlite"
}

@test "a write to the database file is refused by SQLite" {
    run sqlite3 "$entry/database.sqlite" 'DELETE FROM item'
    [ "$status" -ne 0 ]
    [[ $output == *readonly* ]]
    same "$entry/database.sqlite"
}

@test "sqlite3 answers in place for a database in WAL mode" {
    [ "$(sqlite3 "$entry/database.sqlite" 'PRAGMA journal_mode')" = wal ]
    [ "$(sqlite3 "$entry/database.sqlite" 'SELECT count(*) FROM item')" -eq 4000 ]
    [ "$(sqlite3 "$entry/database.sqlite" 'PRAGMA integrity_check')" = ok ]
}

@test "sqlite3 answers in place for a database in rollback mode" {
    make_db old.db delete
    dbsnapfs backup old.db
    mkdir old
    dbsnapfs old.db old
    [ "$(sqlite3 old/backups/latest/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
    [ "$(sqlite3 old/backups/latest/database.sqlite 'PRAGMA integrity_check')" = ok ]
}

@test "Python's sqlite3 answers in place" {
    [ "$(/usr/bin/python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT count(*), max(name) FROM item").fetchone(), db.execute("PRAGMA integrity_check").fetchone()[0])
' "$entry/database.sqlite")" = "(4000, 'item 999') ok" ]
}

@test "ATTACH compares a backup with the live database" {
    sqlite3 app.db 'DELETE FROM item WHERE id = 77'
    [ "$(sqlite3 app.db "ATTACH '$entry/database.sqlite' AS old;
        SELECT id FROM old.item EXCEPT SELECT id FROM main.item")" -eq 77 ]
}

@test "-wal and -shm answer look-ups as empty files and stand in no listing" {
    for companion in wal shm; do
        [ "$(stat -c '%s %a' "$entry/database.sqlite-$companion")" = '0 400' ]
        [ -z "$(cat "$entry/database.sqlite-$companion")" ]
    done
    [ -z "$(find mnt \( -name rows -o -name by \) -prune -o \( -name '*-wal' -o -name '*-shm' \) -print)" ]
    [ ! -e "$entry/database.sqlite-journal" ]
}

@test "names that are not there are ENOENT" {
    for name in backups/2020-01-01T00-00-00Z backups/nothing "backups/${entry##*/}x" frob \
        "${entry#mnt/}/frob" "backups/$(printf 'a%.0s' {1..255})"; do
        run stat "mnt/$name"
        [ "$status" -eq 1 ]
        [[ $output == *'No such file or directory'* ]]
    done
}

@test "an old backup stays as it is while new ones come" {
    old=$(backups | head -n 1)
    before=$(sha256sum <"mnt/backups/$old/database.sqlite")
    for _ in 1 2 3 4 5; do
        sqlite3 app.db 'UPDATE item SET body = randomblob(95) WHERE id % 3 = 0'
        command_line backup
    done
    [ "$(sha256sum <"mnt/backups/$old/database.sqlite")" = "$before" ]
    same "$entry/database.sqlite"
    [ "$(backups | wc -l)" -eq 7 ]
}

@test "a file of a backup that is open goes on being readable when others come" {
    exec 5<"$entry/database.sqlite"
    head -c 5000 <&5 >part
    count_up
    command_line backup
    cat <&5 >>part
    exec 5<&-
    same part
}

@test "pages of 512 and of 65536 bytes come back as they were" {
    for size in 512 65536; do
        sqlite3 "p$size.db" "PRAGMA page_size = $size" 'CREATE TABLE t (a)' \
            'WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000) INSERT INTO t SELECT hex(i) FROM c'
        dbsnapfs backup "p$size.db"
        dbsnapfs extract "p$size.db" latest "c$size.db"
        [ "$(sqlite3 "c$size.db" 'PRAGMA integrity_check; PRAGMA page_size')" = $'ok\n'"$size" ]
        [ "$(sqlite3 "c$size.db" .sha3sum)" = "$(sqlite3 "p$size.db" .sha3sum)" ]
    done
}
