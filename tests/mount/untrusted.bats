#!/usr/bin/env bats
# Databases that were made on purpose to do harm: nothing comes of them but an error where they are
# damaged. The rest can be read, the daemon lives and keeps to its memory, and nothing is changed,
# neither in the database nor beside it.

# shellcheck disable=SC2030,SC2031 # each test sets what it uses

load helper

setup() {
    setup_scratch
    mkdir tmp
    export SQLITE_TMPDIR=$WORK/tmp # would show files that are left there
}
teardown() { teardown_scratch; }

MOST_KIB=$((300 * 1024))
SLIM_KIB=$((64 * 1024))
LOOK=$DBSNAPFS_TOP/tests/table/look.py

harm() { "$DBSNAPFS_TOP/tests/table/harm.py" "$@"; }
look() { timeout 300 "$LOOK" "$@"; }

# within SECONDS COMMAND...: may fail, and is interrupted after so many seconds; that ends it.
within() {
    local began=$SECONDS
    timeout -s INT "$@" >/dev/null 2>err || true
    [ $((SECONDS - began)) -lt $(($1 + 4)) ] || { echo "is not interrupted: $*"; false; }
}

# mount_harm KIND: app.db made so, mounted; its fingerprint kept.
mount_harm() {
    harm "$1" app.db
    sha256sum app.db >app.sum
    dbsnapfs app.db mnt
    pid=$(daemon_pid)
}

# Another database takes its place.
replace_harm() {
    mv next.db app.db
    sha256sum app.db >app.sum
}

# Everything below live/ and, if there is one, the latest backup can be looked at.
look_everywhere() {
    look mnt/live/
    [ ! -e mnt/backups/latest ] || look mnt/backups/latest/
}

# There is a backup, or it is said why there cannot be one.
try_backup() { command_line backup 2>err || [[ $(said) == error:\ * ]]; }

# The table that nothing is wrong with.
good() {
    local top
    for top in "$@"; do
        [ "$(cat "$top/tables/good/count")" = 3 ]
        [ "$(sed -n '2{s/\r//;p}' "$top/tables/good/rows.csv")" = "1,\"one\",x'01'" ]
        [ "$(cat "$top/tables/good/rows/2/name")" = two ]
    done
}

alive() {
    [ "$(daemon_pid)" = "$pid" ]
    kill -0 "$pid"
    local peak
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status")
    case $DBSNAPFS in
    */asan/* | */tsan/*) ;; # a sanitizer keeps what was freed
    *) [ "$peak" -lt "$MOST_KIB" ] || { echo "$peak KiB of memory"; false; } ;;
    esac
}

# What the daemon holds now, all of it wanted.
slim() {
    local resident
    resident=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
    case $DBSNAPFS in
    */asan/* | */tsan/*) ;;
    *) [ "$resident" -lt "$SLIM_KIB" ] || { echo "holds $resident KiB of memory"; false; } ;;
    esac
}

# What is open in the daemon and has no name any more, outside the repository.
nameless() {
    find "/proc/$pid/fd" -lname '*(deleted)' ! -lname "$WORK/app.db*" -printf '%l\n' 2>/dev/null
}

unharmed() {
    local beside
    alive
    sha256sum --quiet -c app.sum
    beside=$(find . -mindepth 1 -maxdepth 1 ! -name app.db ! -name app.sum ! -name app.db.backups ! -name mnt \
        ! -name tmp ! -name err ! -name harm.c ! -name harm.so)
    beside+=$(ls -A tmp; nameless)
    [ -z "$beside" ] || { echo "there is $beside"; false; }
}

# An extension that would leave a file if it was loaded.
make_extension() {
    printf '%s\n' '#include <stdio.h>' \
        'int sqlite3_extension_init(void *db, char **error, const void *api)' \
        '{ (void)db, (void)error, (void)api; FILE *f = fopen("harmed", "w"); return f ? fclose(f) : 0; }' \
        'int sqlite3_harm_init(void *d, char **e, const void *a) { return sqlite3_extension_init(d, e, a); }' >harm.c
    "${CC:-cc}" -shared -fPIC -o harm.so harm.c
}

@test "views cannot call functions that have side effects" {
    make_extension
    mount_harm functions_in_views
    command_line backup
    look_everywhere
    good mnt/live mnt/backups/latest
    for top in mnt/live mnt/backups/latest; do
        for view in v_load_extension v_load_extension_entry w_load_extension v_writefile v_readfile v_edit \
            v_tokenizer v_tokenizer_read v_collation v_shell w_zipfile pragma_view; do
            run cat "$top/views/$view/rows.csv"
            [ "$status" -ne 0 ]
        done
    done
    unharmed
}

@test "defaults, generated columns, checks, indexes and triggers cannot call them either" {
    make_extension
    mount_harm functions_in_tables
    try_backup
    look_everywhere
    unharmed
}

@test "virtual tables of modules that read files, or are not there, hinder nothing" {
    mount_harm modules
    command_line backup
    look_everywhere
    good mnt/live mnt/backups/latest
    for top in mnt/live mnt/backups/latest; do
        run ! grep -qs root:x "$top"/tables/*/rows.*
    done
    unharmed
}

@test "virtual tables whose content their modules never wrote hinder nothing" {
    mount_harm contents_of_modules
    command_line backup
    look_everywhere
    good mnt/live mnt/backups/latest
    unharmed
}

@test "readers of views that never end or eat memory can stop, and the rest goes on" {
    mount_harm endless
    command_line backup
    for view in mnt/live/views/*/ mnt/backups/latest/views/*/; do
        within 1 head -c 300000000 "$view/rows.csv"
        [ "$(timeout 5 cat mnt/live/tables/good/count)" = 3 ]
        [ -z "$(nameless)" ] || { echo "$view: $(nameless)"; false; }
        alive || { echo "after $view"; false; }
        eventually slim
    done
    good mnt/live mnt/backups/latest
    unharmed
}

@test "eight readers of endless views keep nobody else from reading" {
    mount_harm endless
    command_line backup
    local readers=()
    for view in rows no_row distinct sorted grouped united aggregated counted; do
        timeout 20 cat "mnt/live/views/e_$view/rows.csv" >/dev/null 2>&1 3>&- 4>&- &
        readers+=($!)
    done
    for _ in 1 2 3; do
        good mnt/live mnt/backups/latest
        command_line backup
    done
    kill "${readers[@]}" 2>/dev/null || true
    wait "${readers[@]}" || true
    eventually slim
    unharmed
}

@test "a view that never ends is an error after a minute" {
    mount_harm endless
    start=$SECONDS
    run timeout 150 cat mnt/live/views/e_no_row/count
    [ "$status" -eq 1 ]
    [ $((SECONDS - start)) -lt 100 ]
    unharmed
}

@test "the memory of large values in one table is not held against other tables and views" {
    local columns reader
    columns=$(printf ', c%d' {1..120})
    sqlite3 app.db "CREATE TABLE f (id INTEGER PRIMARY KEY, t TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY$columns);
        CREATE VIEW v AS SELECT * FROM u; INSERT INTO u (id, c1) VALUES (1, 'x');
        INSERT INTO f VALUES (1, printf('%.140000000c', 'x'))"
    dbsnapfs app.db mnt
    command_line backup
    (while :; do cat mnt/live/tables/f/rows.csv mnt/backups/latest/tables/f/rows.csv >/dev/null 2>&1 || :; done) 3>&- 4>&- &
    reader=$!
    for _ in {1..10}; do
        for top in mnt/live mnt/backups/latest; do
            [ "$(wc -l <$top/tables/u/rows.csv)" -eq 2 ]
            [ "$(wc -l <$top/views/v/rows.csv)" -eq 2 ]
            [ "$(cat $top/tables/u/rows/1/c1)" = x ]
        done
    done
    kill "$reader"
    wait "$reader" || true
}

@test "expressions, joins and views within each other are refused or read, and take no stack" {
    mount_harm deep
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        for view in brackets sums functions selects unions columns joins long d0 d1 d10 d100 d400 d1000; do
            within 20 "$LOOK" "$top/views/$view/"
            alive || { echo "after $view"; false; }
        done
        [ "$(cat $top/views/d1/count)" = 3 ]
    done
    good mnt/live mnt/backups/latest
    unharmed
}

@test "views that each ask the one before them twice hinder nothing" {
    mount_harm doubling
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        start=$SECONDS
        good "$top"
        [ "$(tr -d '\r' <$top/views/b3/rows.csv)" = $'"x"\n1' ]
        [ $((SECONDS - start)) -lt 15 ]
        within 2 cat "$top/views/b39/count"
    done
    unharmed
}

# each_crafted EXPRESSION: databases of these kinds, each in the place of the one before it; behind
# all that, one that is sound.
each_crafted() {
    local kind
    mount_harm nothing
    for kind in $(harm | grep -E "$1"); do
        harm "$kind" next.db
        replace_harm
        look_at_it || { echo "$kind: $(said)"; false; }
    done
    harm nothing next.db
    replace_harm
    command_line backup
    good mnt/live mnt/backups/latest
}

# At what is live, and at its backup if there can be one.
look_at_it() {
    look mnt/live/ || return
    if command_line backup 2>err; then
        look mnt/backups/latest/ || return
    else
        [[ $(said) == error:\ * ]] || return
    fi
    unharmed
}

@test "crafted root pages, trees and overflow chains give an error, one after another" {
    each_crafted '^(schema_(root|index|without)|tree_|overflow_|payload_)'
}

@test "crafted names give an error or what SQLite makes of them, one after another" {
    each_crafted '^schema_(name|twice|kind|trigger|sequence|stat|schema|temp|many|other)'
}

@test "crafted SQL gives an error or what SQLite makes of it, one after another" {
    each_crafted '^schema_(no_|attach|two|null|blob|as_|call|deep)'
}

# assert_changes TABLE: the latest backup's changes/ tells of `good`, of which one row is another, and of
# TABLE no more than that it cannot be read, without harm to anything else there.
assert_changes() {
    local changes=mnt/backups/latest/changes file
    timeout 60 cat $changes/summary >said
    [ "$(awk '$1 == "-" { print $2, $3, $4, $5 }' said)" = "- - $1 (unreadable:" ]
    grep -qx ' *0 *1 *0  good' said
    [ "$(tail -n +2 $changes/good.csv | tr -d '\r')" = "\"update\",\"1\",1,\"one\",x'01',1,\"new\",x'01'" ]
    grep -q "'new'" $changes/good.sql
    ls -l $changes >/dev/null
    for file in "$changes/$1.csv" "$changes/$1.sql"; do
        [ "$(stat -c %s "$file")" = 0 ]
        run timeout 60 cat "$file"
        [ "$status" -eq 1 ]
        [[ $output == *'Input/output error' ]]
    done
    rm said
}

# How often the log tells of it.
told() { grep -c " sizes error: $(readlink mnt/backups/latest): changes: " mnt/log; }
told_once() { [ "$(told)" = 1 ]; }

@test "a table that gets damaged is told in changes/, and the others are compared" {
    local kind
    mount_harm nothing
    command_line backup
    for kind in tree_circle tree_without_end payload_huge; do
        harm nothing next.db
        replace_harm
        command_line backup
        harm "$kind" next.db
        sqlite3 next.db "UPDATE good SET name = 'new' WHERE id = 1"
        replace_harm
        command_line backup
        assert_changes large || { echo "$kind"; false; }
        eventually told_once
        look mnt/backups/latest/
        unharmed
    done
    command_line backup
    [ "$(tail -n +3 mnt/backups/latest/changes/summary)" = 'nothing changed' ]
    good_but_for_the_first mnt/backups/latest
}

good_but_for_the_first() { [ "$(cat "$1/tables/good/count" "$1/tables/good/rows/1/name")" = $'3\nnew' ]; }

@test "a block that gets damaged in the repository harms the changes of its table alone" {
    local segment
    harm nothing app.db
    sqlite3 app.db "CREATE TABLE noise (id INTEGER PRIMARY KEY, body);
        INSERT INTO noise SELECT id, randomblob(900) FROM large"
    dbsnapfs backup app.db
    sqlite3 app.db "UPDATE good SET name = 'new' WHERE id = 1; UPDATE noise SET body = randomblob(900)"
    dbsnapfs backup app.db
    sha256sum app.db >app.sum
    segment=$(find app.db.backups/segments -name '*.seg' | sort | tail -n 1)
    turn_bit "$segment" $(($(stat -c %s "$segment") / 2))
    dbsnapfs app.db mnt
    pid=$(daemon_pid)
    assert_changes noise
    eventually told_once
    look mnt/backups/latest/
    unharmed
}

@test "names of the schema leave the mount's directories by no path" {
    mount_harm schema_name_of_path
    command_line backup
    for top in mnt/live mnt/backups/latest; do
        [ "$(find "$top/views" -mindepth 1 -maxdepth 1 -printf '%f\n')" = %2E.%2F..%2F..%2Fharmed ] ||
            [ "$(find "$top/views" -mindepth 1 -maxdepth 1 -printf '%f\n')" = %2E.%2F..%2Fharmed ]
    done
    unharmed
}

@test "turned bits in pages of every kind are an error or other content, and nothing worse" {
    mount_harm nothing
    for ((seed = 1; seed <= ${FLIPS:-32}; seed++)); do
        harm nothing next.db
        harm --flip "$seed" next.db
        replace_harm
        look_at_it || { echo "seed $seed: $(said)"; false; }
    done
}

@test "what is damaged in the repository is an error there, and the rest has its bytes" {
    local segment bytes refused=0
    mount_harm nothing
    command_line backup
    cp -r mnt/backups/latest/ want
    umount mnt
    eventually gone "$pid"
    cp -r app.db.backups sound
    segment=$(find app.db.backups/segments -name '*.seg')
    bytes=$(stat -c %s "$segment")
    for i in {1..8}; do
        rm -r app.db.backups
        cp -r sound app.db.backups
        turn_bit "$segment" $((bytes * i / 9))
        dbsnapfs app.db mnt || continue
        pid=$(daemon_pid)
        if [ -e mnt/backups/latest/ ]; then
            look --rows 40 --same-as "$WORK/want" mnt/backups/latest/ >said
            alive
            [ "$(awk '{ print $3 }' said)" -eq 0 ] || refused=$((refused + 1))
        fi
        umount mnt
        eventually gone "$pid"
    done
    [ "$refused" -gt 0 ]
}

turn_bit() {
    /usr/bin/python3 - "$@" <<'END'
import sys
with open(sys.argv[1], 'r+b') as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 0x10]))
END
}
