#!/usr/bin/env bats
# The daemon's memory while names are looked up, many more than it remembers; and that nobody who
# uses one of them notices that it was forgotten.

load helper

setup() {
    setup_scratch
    sqlite3 app.db 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);
        WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 130000)
        INSERT INTO item SELECT i, i FROM c'
}
teardown() { teardown_scratch; }

# With these the daemon remembers 1,000 names, not 50,000; and by name it tells the kernel what to
# forget as it does before Linux 6.18, which does not know the notice.
few_inodes() { export DBSNAPFS_PROBE=few-inodes:EIO; }
few_inodes_by_name() { export DBSNAPFS_PROBE=few-inodes-by-name:EIO; }

# Before that the kernel does not forget directories when it is asked.
forgets_directories() { [ "$(printf '%s\n6.18\n' "$(uname -r)" | sort -V | head -n 1)" = 6.18 ]; }

# look_up FIRST LAST: rows by their keys.
look_up() {
    /usr/bin/python3 -c 'import os, sys
for i in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    os.lstat("mnt/live/tables/item/rows/%d" % i)' "$@"
}

# look_up_columns FIRST LAST: 100 files a row.
look_up_columns() {
    /usr/bin/python3 -c 'import os, sys
for i in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    for c in range(100):
        os.lstat("mnt/live/tables/wide/rows/%d/c%d" % (i, c))' "$@"
}

resident() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$(daemon_pid)/status"; }

# grows_less KIB COMMAND...: the daemon's memory does not by more than that.
grows_less() {
    local before after
    before=$(resident)
    "${@:2}"
    after=$(resident)
    echo "$before, then $after KiB"
    case $DBSNAPFS in
    */asan/* | */tsan/*) ;; # a sanitizer keeps what was freed
    *) [ $((after - before)) -lt "$1" ] ;;
    esac
}

# What is used while it would be its turn to be forgotten is where and what it was.
unnoticed() {
    /usr/bin/python3 - <<'END'
import os
rows = os.path.abspath('mnt/live/tables/item/rows')
names = [rows + '/3', rows + '/4', rows + '/5/name', rows + '/6']
numbers = [os.lstat(name).st_ino for name in names]
os.chdir(rows + '/1')
folder = os.open(rows + '/2', os.O_RDONLY | os.O_DIRECTORY)
path = os.open(rows + '/6', os.O_PATH)
with open(rows + '/5/name') as file:
    for i in range(7, 5000):
        os.lstat(rows + '/%d/name' % i)
    assert os.getcwd() == rows + '/1', os.getcwd()
    assert os.readlink('/proc/self/cwd') == rows + '/1'
    assert os.listdir('.') == os.listdir(rows + '/1')
    with open('name') as name:
        assert name.read() == '1'
    assert os.getcwd() == rows + '/1', os.getcwd()
    assert os.path.samefile('.', rows + '/1')
    assert os.readlink('/proc/self/fd/%d' % folder) == rows + '/2'
    assert os.path.samestat(os.fstat(folder), os.stat(rows + '/2'))
    assert 'name' in os.listdir(folder)
    assert os.readlink('/proc/self/fd/%d' % path) == rows + '/6'
    assert os.readlink('/proc/self/fd/%d' % file.fileno()) == rows + '/5/name'
    assert os.path.samestat(os.fstat(file.fileno()), os.stat(rows + '/5/name'))
    assert file.read() == '5'
assert [os.lstat(name).st_ino for name in names] == numbers
END
}

@test "memory does not grow with the rows that are looked up" {
    local most=6144 # KiB; 16 MiB if all were remembered
    forgets_directories || most=24576
    dbsnapfs app.db mnt
    look_up 1 60000
    grows_less "$most" look_up 60001 130000
}

@test "memory does not grow with the rows' files that are looked up, with an older kernel either" {
    local columns
    columns=$(printf ', c%d DEFAULT 1' {0..99})
    sqlite3 app.db "CREATE TABLE wide (id INTEGER PRIMARY KEY$columns);
        INSERT INTO wide (id) SELECT id FROM item LIMIT 400"
    few_inodes_by_name
    dbsnapfs app.db mnt
    look_up_columns 1 100
    grows_less 3072 look_up_columns 101 400 # 6 MiB if all were remembered
}

@test "who uses a file or a folder does not notice that others are forgotten" {
    few_inodes
    dbsnapfs app.db mnt
    unnoticed
}

@test "who uses a file or a folder does not notice it with an older kernel either" {
    few_inodes_by_name
    dbsnapfs app.db mnt
    unnoticed
}

@test "a walk in which names are forgotten meets every name once, and no loop" {
    few_inodes
    sqlite3 app.db 'DELETE FROM item WHERE id > 10000'
    dbsnapfs app.db mnt
    find mnt/live/tables/item/rows -name name -size -2 -printf '%i\n' >numbers 2>err
    [ ! -s err ] || { cat err; false; }
    [ "$(sort -u numbers | wc -l)" -eq 10000 ]
}

@test "two walks at once, in which names are forgotten, say the same" {
    few_inodes
    sqlite3 app.db 'DELETE FROM item WHERE id > 3000'
    dbsnapfs app.db mnt
    find mnt/live/ -printf '%i %p\n' >one 2>err &
    find mnt/live/ -printf '%i %p\n' >two 2>err.two
    wait $!
    cat err err.two
    [ ! -s err ]
    [ ! -s err.two ]
    cmp one two
}

@test "a mount ends while names are forgotten" {
    local walker pid
    few_inodes
    dbsnapfs app.db mnt
    pid=$(daemon_pid)
    look_up 1 130000 2>err 3>&- &
    walker=$!
    look_up 50000 53000
    kill -TERM "$pid"
    eventually gone "$pid"
    unmounted mnt
    ended "$walker"
    [ "$status" -ne 0 ]
}
