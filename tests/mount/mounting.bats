#!/usr/bin/env bats
# Mounting and unmounting, and what the mount looks like before anything is done with it.

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

@test "the command returns when the mount is ready" {
    setup_mount
    [ "$(ls mnt)" = $'README.txt\nbackups\ncontrol\nhistory\nlive\nlog\nstatus\nstatus.json\ntables' ]
}

@test "the command says nothing when all is well" {
    make_db app.db
    run dbsnapfs app.db mnt
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the repository is made beside the database, for its owner only" {
    setup_mount
    [ "$(stat -c %a app.db.backups)" = 700 ]
    run find app.db.backups -type f -perm /077
    [ -z "$output" ]
}

@test "files are 0400, directories 0500 and control is 0600" {
    setup_mount
    command_line backup
    [ "$(find mnt -type d ! -perm 500)" = '' ]
    [ "$(find mnt -type f ! -perm 400)" = mnt/control ]
    [ "$(stat -c %a mnt/control)" = 600 ]
}

@test "everything belongs to the user who mounted" {
    setup_mount
    command_line backup
    [ -z "$(find mnt ! -uid "$(id -u)" -o ! -gid "$(id -g)")" ]
}

@test "findmnt shows the source and the type fuse.dbsnapfs" {
    setup_mount
    [ "$(findmnt -no SOURCE,FSTYPE --raw mnt)" = 'app.db fuse.dbsnapfs' ]
}

@test "the kernel checks permissions and ignores devices and set-user-id" {
    setup_mount
    options=,$(findmnt -no OPTIONS mnt),
    [[ $options == *,default_permissions,* ]]
    [[ $options == *,nosuid,* ]]
    [[ $options == *,nodev,* ]]
}

@test "README.txt names the mount point, the database and the repository" {
    setup_mount
    grep -qF "$WORK/mnt/control" mnt/README.txt
    grep -qxF "    $WORK/app.db" mnt/README.txt
    grep -qxF "    $WORK/app.db.backups" mnt/README.txt
}

@test "README.txt has as many bytes as ls says" {
    setup_mount
    [ "$(wc -c <mnt/README.txt)" -eq "$(stat -c %s mnt/README.txt)" ]
}

@test "df shows the file system of the repository" {
    setup_mount
    [ "$(df --output=size mnt | tail -n 1)" = "$(df --output=size app.db.backups | tail -n 1)" ]
}

@test "fusermount3 -u ends the mount and its process" {
    setup_mount
    pid=$(daemon_pid)
    fusermount3 -u mnt
    eventually gone "$pid"
    unmounted mnt
    [ -z "$(ls mnt)" ]
}

@test "umount ends the mount and its process" {
    setup_mount
    pid=$(daemon_pid)
    umount mnt
    eventually gone "$pid"
}

@test "SIGTERM unmounts" {
    setup_mount
    pid=$(daemon_pid)
    kill -TERM "$pid"
    eventually gone "$pid"
    unmounted mnt
}

@test "SIGINT and SIGHUP unmount" {
    make_db app.db
    for signal in INT HUP; do
        dbsnapfs app.db mnt
        pid=$(daemon_pid)
        kill -"$signal" "$pid"
        eventually gone "$pid"
        unmounted mnt
    done
}

@test "SIGTERM unmounts although a file is open, and its reader gets an error" {
    setup_mount
    command_line backup
    exec 5<mnt/backups/latest/database.sqlite
    pid=$(daemon_pid)
    kill -TERM "$pid"
    eventually gone "$pid"
    unmounted mnt
    run cat <&5
    [ "$status" -ne 0 ]
    exec 5<&-
}

@test "it can be mounted again at once after unmounting" {
    make_db app.db
    for _ in 1 2 3 4 5; do
        dbsnapfs app.db mnt
        command_line backup
        fusermount3 -u mnt
        eventually gone "$(daemon_pid)"
    done
    dbsnapfs app.db mnt
    [ "$(backups | wc -l)" -eq 5 ]
}

@test "what comes right behind fusermount3 -u has the repository" {
    make_db app.db
    for _ in {1..12}; do
        dbsnapfs app.db mnt
        fusermount3 -u mnt
        dbsnapfs backup -q app.db
        dbsnapfs app.db mnt
        fusermount3 -u mnt
        dbsnapfs repair -q app.db
    done
    dbsnapfs app.db mnt
    [ "$(backups | wc -l)" -eq 12 ]
}

@test "what comes right behind a SIGTERM has the repository" {
    make_db app.db
    for _ in {1..12}; do
        dbsnapfs app.db mnt
        kill -TERM "$(daemon_pid)"
        dbsnapfs backup -q app.db
    done
    [ "$(dbsnapfs list app.db | wc -l)" -eq 13 ]
}

@test "a mount that cannot be seen, and does not end, is named after a while" {
    make_db app.db
    dbsnapfs app.db mnt
    run private <<'END'
mount -t tmpfs none mnt
touch mnt/control
dbsnapfs backup -q app.db
END
    [ "$status" -eq 1 ]
    [[ $output == *"$WORK/mnt is mounted and does the work, but cannot be asked: $WORK/mnt/control: No such file"* ]]
    command_line backup
}

@test "with -f it stays in the foreground, and SIGUSR1 prints progress" {
    make_db app.db
    command dbsnapfs -f app.db mnt 2>errors 3>&- 4>&- &
    pid=$!
    eventually mounted mnt
    eventually [ -e mnt/status ]
    [ "$(daemon_pid)" -eq "$pid" ]
    kill -USR1 "$pid"
    eventually grep -qx 'dbsnapfs: nothing is running' errors
    kill -TERM "$pid"
    wait "$pid"
    unmounted mnt
}

@test "SIGUSR1 does no harm in the background" {
    setup_mount
    kill -USR1 "$(daemon_pid)"
    command_line backup
    [[ $(said) == 'ok 2'* ]]
}

@test "a relative, an absolute and a URL source are the same" {
    make_db app.db
    for source in app.db "$WORK/app.db" sqlite:///app.db "sqlite:///$WORK/app.db"; do
        dbsnapfs "$source" mnt
        command_line backup
        grep -qx "source       $WORK/app.db" mnt/status
        umount mnt
        eventually gone "$(daemon_pid)"
    done
    [ -d app.db.backups ]
}

@test "a database and a mount point with spaces, quotes and commas in their names" {
    mkdir "it's a, \"dir\""
    make_db "it's a, \"dir\"/my, db.sqlite"
    mkdir "my, mnt"
    dbsnapfs "it's a, \"dir\"/my, db.sqlite" 'my, mnt'
    echo backup >'my, mnt/control'
    [ "$(sqlite3 'my, mnt/backups/latest/database.sqlite' 'SELECT count(*) FROM item')" -eq 500 ]
    jq -e . 'my, mnt/status.json'
}

@test "-o repo= puts the repository elsewhere" {
    setup_mount -o repo=elsewhere
    command_line backup
    [ -e elsewhere/catalog.sqlite ]
    [ ! -e app.db.backups ]
}

@test "-o may stand behind, and several times" {
    make_db app.db
    dbsnapfs backup app.db --repo=elsewhere
    dbsnapfs app.db mnt -o repo=elsewhere -o ro
    mounted mnt
    [[ ,$(findmnt -no OPTIONS mnt), == *,ro,* ]]
}

@test "-o ro without a repository is refused, and makes none" {
    make_db app.db
    refused 1 'app.db.backups: there is no repository, so no backup yet' dbsnapfs -o ro app.db mnt
    unmounted mnt
    [ ! -e app.db.backups ]
}

@test "-o ro shows the backups and takes none" {
    make_db app.db
    dbsnapfs backup app.db
    dbsnapfs -o ro app.db mnt
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
    refused 2 'Read-only file system' sh -c 'echo backup >mnt/control'
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "-o ro stands beside a mount that writes, and sees its backups" {
    setup_mount
    mkdir look
    dbsnapfs -o ro app.db look
    command_line backup
    cmp look/backups/latest/database.sqlite mnt/backups/latest/database.sqlite
}

@test "umask, uid and gid change what stat shows" {
    setup_mount -o umask=027,uid=1234,gid=2345
    [ "$(stat -c '%a %u %g' mnt/status)" = '440 1234 2345' ]
    [ "$(stat -c %a mnt/live)" = 550 ]
    [ "$(stat -c %a mnt/control)" = 640 ]
}

@test "another user cannot enter without allow_other" {
    setup_mount -o umask=0
    run setpriv --reuid=65534 --regid=65534 --clear-groups ls mnt
    [ "$status" -ne 0 ]
    [[ $output == *'Permission denied'* ]]
}

@test "allow_other with a umask lets another user read" {
    setup_mount -o allow_other,umask=022
    command_line backup
    [ "$(setpriv --reuid=65534 --regid=65534 --clear-groups sqlite3 \
        mnt/backups/latest/database.sqlite 'SELECT count(*) FROM item')" -eq 500 ]
    run setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'echo backup >mnt/control'
    [ "$status" -ne 0 ]
    [[ $output == *'Permission denied'* ]]
}

@test "allow_other alone keeps the modes, so another user reads nothing" {
    setup_mount -o allow_other
    run setpriv --reuid=65534 --regid=65534 --clear-groups cat mnt/README.txt
    [ "$status" -ne 0 ]
    [[ $output == *'Permission denied'* ]]
}

@test "mount -t fuse.dbsnapfs mounts with the options of mount(8)" {
    make_db app.db
    run private <<'END'
eval "$INSTALL"
mount -t fuse.dbsnapfs -o nofail,_netdev,noatime,x-systemd.automount,nodev,exec "$WORK/app.db" "$WORK/mnt"
echo backup >mnt/control
findmnt -no FSTYPE mnt
umount mnt
END
    [ "$status" -eq 0 ]
    [ "$output" = fuse.dbsnapfs ]
}

@test "mount(8) passes on why it failed" {
    echo hello >app.db
    run private <<'END'
eval "$INSTALL"
mount -t fuse.dbsnapfs "$WORK/app.db" "$WORK/mnt"
END
    [ "$status" -ne 0 ]
    [[ $output == *"$WORK/app.db: not a SQLite database"* ]]
}

@test "an fstab line with a URL and spaces in its paths" {
    mkdir 'my data' 'my mnt'
    make_db 'my data/app.db'
    printf '%s %s fuse.dbsnapfs %s 0 0\n' "sqlite:///$WORK/my\040data/app.db" \
        "$WORK/my\040mnt" \
        noauto,nofail,users,noexec,_netdev,x-systemd.requires=network.target,umask=027 >fstab
    run private <<'END'
eval "$INSTALL"
mount --fstab fstab "$WORK/my mnt"
echo backup >'my mnt/control'
ls 'my mnt/backups' | wc -l
stat -c %a 'my mnt'
umount 'my mnt'
END
    [ "$status" -eq 0 ]
    [ "$output" = $'2\n550' ]
    [ -e 'my data/app.db.backups/catalog.sqlite' ]
}

@test "mount -r and mount -w are -o ro and -o rw" {
    make_db app.db
    dbsnapfs backup app.db
    run private <<'END'
eval "$INSTALL"
mount -t fuse.dbsnapfs -r "$WORK/app.db" "$WORK/mnt"
findmnt -no OPTIONS mnt | cut -d , -f 1
umount mnt
mount -t fuse.dbsnapfs -w "$WORK/app.db" "$WORK/mnt"
echo backup >mnt/control
umount mnt
END
    [ "$status" -eq 0 ]
    [ "$output" = ro ]
}

@test "an unknown option is refused with status 2, and nothing is mounted" {
    make_db app.db
    refused 2 'unknown option: -o frob' dbsnapfs -o frob app.db mnt
    refused 2 'unknown option: -z' dbsnapfs -z app.db mnt
    refused 2 'unknown option: --frob' dbsnapfs --frob app.db mnt
    unmounted mnt
    [ ! -e app.db.backups ]
}

@test "option values that make no sense are refused with status 2" {
    make_db app.db
    refused 2 'umask=999' dbsnapfs -o umask=999 app.db mnt
    refused 2 'uid=root' dbsnapfs -o uid=root app.db mnt
    refused 2 'cache=much' dbsnapfs -o cache=much app.db mnt
    refused 2 'frob' dbsnapfs -o compress=frob app.db mnt
    refused 2 'repo' dbsnapfs -o repo app.db mnt
    unmounted mnt
}
