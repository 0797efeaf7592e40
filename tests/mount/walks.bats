#!/usr/bin/env bats
# rows/ of every table, walked through to its end: each row of the database has one directory, with
# each column in it.

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

walk() { "$DBSNAPFS_TOP/tests/table/walk.py" "$@"; }

# Every file below has as many bytes as stat says. Prints how many files there were.
sizes() {
    /usr/bin/python3 - "$1" <<'END'
import os, sys
files = 0
for top, folders, names in os.walk(os.fsencode(sys.argv[1])):
    if top.endswith(b'/wide'):
        folders.remove(b'rows')  # 2,000 columns: each look-up takes milliseconds
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

@test "proj.db: each row has one directory, with all its columns" {
    proj
    walk app.db mnt/backups/latest/tables ellipsoid prime_meridian celestial_body metadata
    walk app.db mnt/live/tables ellipsoid prime_meridian celestial_body metadata
}

@test "oddities in UTF-8: each row has one directory in a backup, with all its columns" {
    odd --blob-bytes 70000
    walk app.db mnt/backups/latest/tables
}

@test "oddities in UTF-8: each row has one directory in live/, with all its columns" {
    odd --blob-bytes 70000
    walk app.db mnt/live/tables
}

@test "oddities in UTF-16le: each row has one directory, with all its columns" {
    odd --encoding UTF-16le --blob-bytes 70000
    walk app.db mnt/backups/latest/tables
}

@test "each file of the oddities' backup has the size that stat says, and is read by tar" {
    odd --blob-bytes 70000
    [ "$(sizes mnt/backups/latest/)" -gt 1500 ]
    tar -C mnt/backups/latest -cf out.tar . 2>err
    [ ! -s err ] || { cat err; false; }
}
