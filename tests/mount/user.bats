#!/usr/bin/env bats
# As an ordinary user: with a /dev/fuse that may be opened, without, and without permissions.

load helper

setup() {
    setup_scratch
    install -m 755 "$DBSNAPFS" program
    mkdir home
    make_db home/app.db
    mkdir home/mnt
    chown -R nobody: home
    # For the sanitizers' reports.
    chmod 1777 .
}
teardown() { teardown_scratch; }

as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@" 3>&- 4>&-; }

# Scripts of private() that need a device which everybody may open.
export DEVICE='mknod -m 666 fuse c 10 229 && mount --bind fuse /dev/fuse'

@test "an ordinary user mounts, backs up, restores and unmounts" {
    run private <<'END'
eval "$DEVICE"
cd home
setpriv --reuid=nobody --regid=nogroup --clear-groups bash -eu <<'USER'
../program app.db mnt
echo backup >mnt/control
sqlite3 mnt/backups/latest/database.sqlite 'SELECT count(*) FROM item'
cp mnt/backups/latest/database.sqlite copy.db
sqlite3 copy.db 'PRAGMA integrity_check'
stat -c %U mnt mnt/control app.db.backups copy.db | sort -u
fusermount3 -u mnt
USER
END
    [ "$status" -eq 0 ]
    [ "$output" = $'500\nok\nnobody' ]
}

@test "a /dev/fuse that may not be opened is a clear line" {
    run private <<'END'
mknod -m 600 fuse c 10 229
mount --bind fuse /dev/fuse
cd home
setpriv --reuid=nobody --regid=nogroup --clear-groups ../program app.db mnt
END
    [ "$status" -eq 1 ]
    [[ $output == 'dbsnapfs: /dev/fuse cannot be opened by this user: ask an administrator'* ]]
    [ ${#lines[@]} -eq 1 ]
}

@test "verbs work without any /dev/fuse" {
    cd home
    as_nobody ../program backup app.db
    as_nobody ../program extract app.db latest copy.db
    [ "$(sqlite3 copy.db 'PRAGMA integrity_check')" = ok ]
}

@test "allow_other that fuse.conf does not allow is a clear line" {
    run private <<'END'
eval "$DEVICE"
: >fuse.conf
mount --bind fuse.conf /etc/fuse.conf
cd home
setpriv --reuid=nobody --regid=nogroup --clear-groups ../program -o allow_other app.db mnt
END
    [ "$status" -eq 1 ]
    [[ $output == *user_allow_other* ]]
    [ ${#lines[@]} -eq 1 ]
}

@test "a mount point that the user may not write is a clear line" {
    run private <<'END'
eval "$DEVICE"
mkdir roots
cd home
setpriv --reuid=nobody --regid=nogroup --clear-groups ../program app.db ../roots
END
    [ "$status" -eq 1 ]
    [[ $output == *roots* ]]
    [ ${#lines[@]} -eq 1 ]
}

@test "a database that the user may not read" {
    chown root: home/app.db
    chmod 600 home/app.db
    refused 1 "$WORK/home/app.db: permission denied; run as a user who may read and write it" as_nobody ./program backup home/app.db
    refused 1 "$WORK/home/app.db: permission denied; run as a user who may read and write it" as_nobody ./program home/app.db home/mnt
    [ ! -e home/app.db.backups ]
}

@test "a directory where the repository cannot be made" {
    make_db old.db delete
    chmod 755 .
    refused 1 "$WORK/old.db.backups: cannot make the repository: Permission denied; -o repo=PATH puts it elsewhere" \
        as_nobody ./program backup old.db
    refused 1 '/proc/repo: cannot make the repository: No such file or directory; -o repo=PATH puts it elsewhere' \
        dbsnapfs -o repo=/proc/repo old.db mnt
    as_nobody ./program backup old.db -o repo=home/repo
    chmod 1777 .
}

@test "a WAL database in a directory that the user may not write" {
    make_db roots.db wal
    rm -f roots.db-wal roots.db-shm
    chmod 644 roots.db
    chmod 755 .
    refused 1 'in WAL mode, but its -wal file is missing' as_nobody ./program backup roots.db -o repo=home/repo
    [ ! -e roots.db-wal ]
    chmod 1777 .
}

@test "a repository of another user" {
    dbsnapfs backup home/app.db
    chmod 700 home/app.db.backups
    refused 1 "$WORK/home/app.db.backups" as_nobody ./program list home/app.db
    refused 1 "$WORK/home/app.db.backups" as_nobody ./program backup home/app.db
}

@test "root's backup of a user's database leaves files that the user can go on with" {
    dbsnapfs backup home/app.db
    rm -f home/app.db-journal
    as_nobody sqlite3 home/app.db 'UPDATE counter SET n = n + 1; SELECT n FROM counter' >n
    [ "$(cat n)" -eq 1 ]
}
