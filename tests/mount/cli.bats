#!/usr/bin/env bats
# The verbs on the command line, with a mount and without one.

# shellcheck disable=SC2154 # stderr is that of run

load helper

setup() {
    setup_scratch
    make_db app.db
}
teardown() { teardown_scratch; }

@test "backup takes a backup without a mount, and says which" {
    run dbsnapfs backup app.db note='by hand'
    [ "$status" -eq 0 ]
    [[ $output =~ ^2[0-9T-]*Z\  ]]
    [ "$(dbsnapfs show app.db --json | jq -r .note)" = 'by hand' ]
}

@test "backup --quiet says nothing" {
    run dbsnapfs backup --quiet app.db
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "backup goes through the mount that there is" {
    dbsnapfs app.db mnt
    dbsnapfs backup app.db note="it's \"quoted\""
    [ "$(backups | wc -l)" -eq 1 ]
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = "it's \"quoted\"" ]
    [ "$(jq .commands.done mnt/status.json)" -eq 1 ]
}

@test "a failure that the mount reports is one line and status 1" {
    dbsnapfs app.db mnt
    rm app.db
    refused 1 "$WORK/app.db: no such file" dbsnapfs backup app.db
}

@test "list shows a line for each backup" {
    dbsnapfs backup app.db note=one
    dbsnapfs backup app.db note=two
    run dbsnapfs list app.db
    [ "$status" -eq 0 ]
    [ ${#lines[@]} -eq 3 ]
    [[ ${lines[0]} == NAME*SIZE*NOTE ]]
    [[ ${lines[2]} == *two ]]
}

@test "list says of a backup that nobody has checked that it is not yet" {
    dbsnapfs backup app.db
    dbsnapfs list app.db | grep -q '  not yet$'
    dbsnapfs verify app.db deep
    dbsnapfs list app.db | grep -q '  ok$'
}

@test "list --json is an array of manifests" {
    dbsnapfs backup app.db note=one
    dbsnapfs backup app.db note=two
    dbsnapfs list app.db --json | jq -e 'map(.note) == ["one", "two"]'
}

@test "list of a database without backups says so" {
    refused 1 'there is no repository, so no backup yet' dbsnapfs list app.db
}

@test "list of no backups is an empty array" {
    dbsnapfs app.db mnt
    dbsnapfs list app.db --json | jq -e '. == []'
}

@test "show shows what manifest.json has" {
    dbsnapfs app.db mnt
    dbsnapfs backup app.db note=shown
    diff <(dbsnapfs show app.db latest --json | jq -S 'del(.checked, .check_result)') \
        <(jq -S 'del(.checked, .check_result)' mnt/backups/latest/manifest.json)
    dbsnapfs show app.db | grep -q shown
}

@test "cat prints a file of the tree" {
    dbsnapfs backup app.db
    dbsnapfs cat app.db backups/latest/database.sqlite >copy.db
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
    dbsnapfs cat app.db status | grep -q '^backups  *1'
    hint="no such file or directory; paths begin at the mount's root, such as backups/latest/schema.sql"
    for path in frob latest mnt/tables /mnt/app/tables/item/count; do
        refused 1 "$path: $hint" dbsnapfs list app.db "$path"
        refused 1 "$path: $hint" dbsnapfs cat app.db "$path"
    done
    run dbsnapfs cat app.db tables/frob
    [[ $output == *frob* && $output != *root* ]]
    refused 1 'backups/latest: is a directory; ' dbsnapfs cat app.db backups/latest
}

# The same names as in the mount, in the tree's order.
same_names() {
    local directory
    for directory in "$@"; do
        diff <(dbsnapfs list app.db "$directory" | sort) <(find "mnt/$directory/" -mindepth 1 -maxdepth 1 \
            \( -type d -printf '%f/\n' -o -printf '%f\n' \) | sort)
    done
}

@test "list prints the names in a directory of the tree" {
    sqlite3 app.db 'CREATE TABLE many(id INTEGER PRIMARY KEY); CREATE TABLE none(x);' \
        'CREATE TABLE ".a ""b""/c"(x);' \
        'INSERT INTO many SELECT value FROM generate_series(1, 30000)'
    dbsnapfs app.db mnt
    dbsnapfs backup app.db
    same_names . backups backups/latest live live/tables backups/latest/tables tables/counter tables/counter/rows/1 \
        backups/latest/changes history
    umount mnt
    diff <(dbsnapfs list app.db backups/latest/tables/many/rows | tr -d /) <(seq 30000)
    diff <(dbsnapfs list app.db live/tables/many/rows | tr -d /) <(seq 30000)
    [ -z "$(dbsnapfs list app.db tables/none/rows)" ]
    [ "$(dbsnapfs list app.db status)" = status ]
    dbsnapfs list app.db tables/many/rows --json | jq -e 'length == 30000 and .[6] == {name: "7", kind: "directory"}'
    dbsnapfs list app.db tables/none/rows --json | jq -e '. == []'
    dbsnapfs list app.db tables --json | jq -e 'map(.name) | index("%2Ea \"b\"%2Fc")'
    dbsnapfs list app.db backups --json | jq -e 'last == {name: "latest", kind: "link"}'
    refused 1 'tables/frob: frob: no such table' dbsnapfs list app.db tables/frob
    [ "$(dbsnapfs list app.db tables/many/rows | head -n 1)" = 1/ ]
}

@test "extract copies a database out" {
    dbsnapfs backup app.db
    dbsnapfs extract app.db latest copy.db
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "extract copies a named file, and a whole entry" {
    dbsnapfs backup app.db
    dbsnapfs extract app.db latest schema.sql s.sql
    grep -q 'CREATE TABLE counter' s.sql
    dbsnapfs extract app.db latest . out
    (cd out && sha256sum -c SHA256SUMS)
}

@test "extract works while the database is mounted, and when it is lost" {
    dbsnapfs app.db mnt
    dbsnapfs backup app.db
    dbsnapfs extract app.db latest one.db
    umount mnt
    sum=$(sqlite3 app.db .sha3sum)
    rm app.db
    dbsnapfs extract app.db latest two.db
    cmp one.db two.db
    [ "$(sqlite3 two.db .sha3sum)" = "$sum" ]
}

@test "extract refuses to replace a file, and replaces it with --force" {
    dbsnapfs backup app.db
    echo precious >copy.db
    refused 1 'copy.db exists already; --force replaces it' dbsnapfs extract app.db latest copy.db
    [ "$(cat copy.db)" = precious ]
    dbsnapfs extract --force app.db latest copy.db
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
}

@test "extract refuses the live database, --force or not, by any name" {
    dbsnapfs backup app.db
    ln -s app.db other.db
    sum=$(sha256sum <app.db)
    for name in app.db other.db; do
        refused 1 "$name is the live database" dbsnapfs extract --force app.db latest "$name"
    done
    [ "$(sha256sum <app.db)" = "$sum" ]
}

@test "extract refuses to write beside a -wal or a -journal" {
    dbsnapfs backup app.db
    for kind in wal journal; do
        touch "copy.db-$kind"
        refused 1 "copy.db-$kind lies beside it" dbsnapfs extract --force app.db latest copy.db
        rm "copy.db-$kind"
    done
    [ ! -e copy.db ]
}

@test "extract that fails leaves no file" {
    dbsnapfs backup app.db
    refused 1 'there is no backup frob' dbsnapfs extract app.db frob copy.db
    run dbsnapfs extract app.db latest missing/copy.db
    [ "$status" -eq 1 ]
    [ -z "$(find . -name 'copy*')" ]
}

# damage_table FILE TABLE: a page in the middle of the table is none any more.
damage_table() {
    local page
    page=$(sqlite3 "$1" "SELECT pageno FROM dbstat WHERE name = '$2' AND pagetype = 'leaf' LIMIT 1 OFFSET 6")
    printf '\377\377\377\377\377\377\377\377' |
        dd of="$1" bs=1 seek=$(((page - 1) * 4096)) conv=notrunc status=none
}

@test "extract takes out all that can be read of a damaged database, and names the rest" {
    make_db bad.db delete 3000
    sqlite3 bad.db 'DROP INDEX item_name; CREATE VIEW counters AS SELECT n FROM counter'
    damage_table bad.db item
    dbsnapfs backup bad.db
    run --separate-stderr dbsnapfs extract bad.db latest . out
    [ "$status" -eq 1 ]
    [[ $output == 'out: '*' in '*', but 6 paths could not be read' ]]
    [ "$(sed -E 's/^(dbsnapfs: [^:]+): the backup: the database is damaged.*/\1/' <<<"$stderr" | LC_ALL=C sort)" = "\
dbsnapfs: database.sql
dbsnapfs: tables/item/count
dbsnapfs: tables/item/rows
dbsnapfs: tables/item/rows.csv
dbsnapfs: tables/item/rows.ndjson
dbsnapfs: tables/item/rows.sql" ]
    (cd out && sha256sum -c SHA256SUMS)
    [ "$(cat out/tables/counter/rows/1/n)" = 0 ]
    [ "$(cat out/tables/mirror/count)" = 1 ]
    [ "$(cat out/views/counters/count)" = 1 ]
    [ "$(cat out/tables/item/rows/1/name)" = 'item 1' ]
    run find out/tables/item -name 'rows.*' -o -name count
    [ -z "$output" ]
    refused 1 'tables/item/rows.csv: the backup: the database is damaged' \
        dbsnapfs extract bad.db latest tables/item/rows.csv rows.csv
    [ ! -e rows.csv ]
}

@test "extract --json says what was made, and what could not be read" {
    dbsnapfs backup app.db
    mkdir folder
    dbsnapfs extract --json app.db latest folder >said.json
    jq -e --argjson bytes "$(stat -c %s folder/database.sqlite)" '.ok and .bytes == $bytes and .seconds >= 0 and
        .destination == "folder/database.sqlite" and .unread == []' said.json
    make_db bad.db delete 3000
    sqlite3 bad.db 'DROP INDEX item_name'
    damage_table bad.db item
    dbsnapfs backup bad.db
    run --separate-stderr dbsnapfs extract --json --quiet bad.db latest tables 'o"ut'
    [ "$status" -eq 1 ]
    jq -e --argjson bytes "$(find 'o"ut' -type f -printf '%s\n' | jq -s add)" \
        '.ok == false and .destination == "o\"ut" and .bytes == $bytes' <<<"$output"
    [ "$(jq -r '.unread[] | .path' <<<"$output" | LC_ALL=C sort)" = "\
tables/item/count
tables/item/rows
tables/item/rows.csv
tables/item/rows.ndjson
tables/item/rows.sql" ]
    jq -e '.unread | all(.error | startswith("the backup: the database is damaged"))' <<<"$output"
}

@test "extract of a whole entry leaves nothing where there is no room for it" {
    dbsnapfs backup app.db
    mkdir small
    mount -t tmpfs -o size=16k none small
    refused 1 'database.sqlite: No space left on device' dbsnapfs extract app.db latest . small/out
    [ -z "$(ls -A small)" ]
}

@test "verify finds no damage where there is none" {
    dbsnapfs backup app.db
    run dbsnapfs verify app.db
    [ "$status" -eq 0 ]
    [[ $output == '1 backup, '*' no damage' ]]
    dbsnapfs verify app.db --json | jq -e .ok
}

@test "verify names the damaged segment, and reading says so" {
    dbsnapfs backup app.db
    segment=$(find app.db.backups/segments -name '*.seg')
    size=$(stat -c %s "$segment")
    printf 'XXXXXXXX' | dd of="$segment" bs=1 seek=$((size / 3)) conv=notrunc status=none
    run dbsnapfs verify app.db
    [ "$status" -eq 1 ]
    [[ $output == *"${segment##*/}"* ]]
    [[ $output == *damaged* ]]
    dbsnapfs verify app.db --json 2>/dev/null | jq -e '.ok == false and .code == "EBADMSG"'
    dbsnapfs app.db mnt
    run sha256sum mnt/backups/latest/database.sqlite
    [ "$status" -ne 0 ]
    [[ $output == *'Input/output error'* ]]
}

@test "a backup after damage stores everything anew, and can be restored" {
    sqlite3 app.db 'CREATE TABLE filler AS SELECT randomblob(100) AS b FROM generate_series(1, 5000)'
    dbsnapfs backup app.db
    segment=$(find app.db.backups/segments -name '*.seg')
    printf 'XXXXXXXX' | dd of="$segment" bs=1 seek=$(($(stat -c %s "$segment") / 2)) conv=notrunc status=none
    run dbsnapfs verify app.db
    [ "$status" -eq 1 ]
    count_up
    dbsnapfs backup app.db
    dbsnapfs extract app.db latest copy.db
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
    run dbsnapfs list app.db
    [[ ${lines[1]} == *DAMAGED* ]]
    [[ ${lines[2]} != *DAMAGED* ]]
}

@test "backup check and verify deep tell a sound database from one that is stored well" {
    dbsnapfs backup app.db check
    dbsnapfs verify app.db deep | grep -q 'no damage, and SQLite finds none'
    [[ $(dbsnapfs list app.db) == *' ok'* ]]
    page=$(sqlite3 app.db "SELECT rootpage FROM sqlite_schema WHERE name = 'mirror'")
    printf 'XXXXXXXX' | dd of=app.db bs=4096 seek=$((page - 1)) conv=notrunc status=none
    refused 1 'was taken, but is not good: SQLite: ' dbsnapfs backup app.db check
    dbsnapfs verify app.db
    dbsnapfs verify app.db latest
    [[ $(dbsnapfs list app.db | tail -n 1) == *DAMAGED* ]]
    run dbsnapfs verify app.db deep
    [ "$status" -eq 1 ]
    [[ $output == *'1 backup is not good'* ]]
    [[ $output == *': SQLite: '* ]]
}

@test "repair makes a lost catalog again" {
    dbsnapfs backup app.db note=one
    dbsnapfs backup app.db note=two
    before=$(dbsnapfs list app.db --json | jq -S 'map(del(.checked, .check_result))')
    rm app.db.backups/catalog.sqlite*
    refused 1 'catalog' dbsnapfs list app.db
    dbsnapfs repair app.db
    [ "$(dbsnapfs list app.db --json | jq -S 'map(del(.checked, .check_result))')" = "$before" ]
    dbsnapfs extract app.db latest copy.db
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
}

@test "repair is refused while the database is mounted" {
    dbsnapfs app.db mnt
    refused 1 "in use by process $(daemon_pid) mount at $WORK/mnt" dbsnapfs repair app.db
}

@test "backup --json says what happened, with and without a mount" {
    dbsnapfs backup --json app.db | jq -e '.ok and .code == null'
    dbsnapfs app.db mnt
    dbsnapfs backup --json app.db | jq -e '.ok and .code == null'
    rm app.db
    run --separate-stderr dbsnapfs backup --json app.db
    [ "$status" -eq 1 ]
    jq -e '.ok == false and .code == "ENOENT"' <<<"$output"
}

@test "--help and --version" {
    run dbsnapfs --help
    [ "$status" -eq 0 ]
    for word in backup list show cat extract verify repair umask= 'Usage: '; do
        [[ $output == *"$word"* ]]
    done
    run dbsnapfs --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^dbsnapfs\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run dbsnapfs help extract
    [ "$status" -eq 0 ]
    [[ $output == *'SOURCE BACKUP [PATH] DEST'* ]]
    diff <(dbsnapfs help) <(dbsnapfs help help)
}

@test "a wrong command line is status 2" {
    refused 2 'nothing to do' dbsnapfs
    refused 2 'no database is named' dbsnapfs backup
    refused 2 'neither a verb' dbsnapfs app.db
    refused 2 'no verb and no database is called ls; see dbsnapfs --help' dbsnapfs ls app.db
    refused 2 'no verb and no database is called ls' dbsnapfs ls app.db backups
    refused 2 'unexpected: x' dbsnapfs app.db mnt x
    refused 2 'colour' dbsnapfs backup app.db colour=red
    refused 2 'usage: dbsnapfs extract' dbsnapfs extract app.db
    refused 2 'usage: dbsnapfs list' dbsnapfs list
    refused 2 'no verb is called frob' dbsnapfs help frob
    [ ! -e app.db.backups ]
}

@test "a full standard output is a failure" {
    dbsnapfs backup app.db
    run bash -c 'dbsnapfs list app.db >/dev/full'
    [ "$status" -eq 1 ]
    [[ $output == *'No space left'* ]]
}

# A program that holds the database exclusively until its standard input ends.
hold_database() {
    sqlite3 app.db 'PRAGMA journal_mode = delete' >/dev/null
    mkfifo release
    sqlite3 app.db 3>&- 4>&- <release >held &
    exec 5>release
    printf '%s\n' 'BEGIN EXCLUSIVE;' "SELECT 'held';" >&5
    eventually grep -q held held
}

runs() { [[ $(readlink "/proc/$1/exe") == */dbsnapfs ]]; }

@test "SIGINT during a backup leaves nothing, and is status 130" {
    hold_database
    command env --default-signal=INT dbsnapfs backup app.db 2>errors 3>&- 4>&- 5>&- &
    pid=$!
    eventually runs "$pid"
    kill -INT "$pid"
    ended "$pid"
    exec 5>&-
    [ "$status" -eq 130 ]
    [ -z "$(find . -name '*.seg')" ]
    dbsnapfs backup app.db
}

@test "SIGINT while a segment is written leaves a whole backup or none" {
    sqlite3 app.db 'UPDATE item SET body = randomblob(3000)'
    DBSNAPFS_PROBE=storage-write:stop command env --default-signal=INT dbsnapfs backup app.db \
        2>errors 3>&- 4>&- &
    pid=$!
    eventually stopped "$pid"
    kill -INT "$pid"
    kill -CONT "$pid"
    ended "$pid"
    [ "$status" -eq 130 ] || [ "$status" -eq 0 ]
    whole=$((status == 0))
    [ "$(find app.db.backups/segments -name '*.seg' | wc -l)" -eq "$whole" ]
    dbsnapfs backup app.db
    [ "$(dbsnapfs list app.db --json | jq length)" -eq $((whole + 1)) ]
    dbsnapfs verify app.db
}

@test "SIGINT reaches a backup that the mount does" {
    dbsnapfs app.db mnt
    hold_database
    command env --default-signal=INT dbsnapfs backup app.db 2>errors 3>&- 4>&- 5>&- &
    pid=$!
    eventually jq -e '.running.verb == "backup"' mnt/status.json
    kill -INT "$pid"
    ended "$pid"
    [ "$status" -eq 130 ]
    exec 5>&-
    eventually jq -e '.running == null' mnt/status.json
    [ -z "$(backups)" ]
}

@test "cat and list of what is live need no repository, and make none" {
    make_db big.db wal 20000
    [ "$(dbsnapfs list big.db live/tables)" = $'counter/\nmirror/\nitem/' ]
    [ "$(dbsnapfs list big.db tables)" = $'counter/\nmirror/\nitem/' ]
    [ "$(dbsnapfs cat big.db live/tables/item/count)" -eq 20000 ]
    [ "$(dbsnapfs cat big.db /tables/item/rows/7/name)" = 'item 7' ]
    [ "$(dbsnapfs cat big.db live/tables/item/rows.csv | wc -l)" -eq 20001 ]
    dbsnapfs cat big.db live/database.sqlite >copy.db
    [ "$(sqlite3 copy.db .sha3sum)" = "$(sqlite3 big.db .sha3sum)" ]
    [ ! -e big.db.backups ]
    refused 1 "no repository, so no backup yet; -o repo=PATH names one that is elsewhere" \
        dbsnapfs cat big.db backups/latest/schema.sql
    refused 1 "no repository, so no backup yet; -o repo=PATH names one that is elsewhere" dbsnapfs list big.db livestock
    refused 1 "$WORK/none.db: no such file" dbsnapfs cat none.db live/schema.sql
}
