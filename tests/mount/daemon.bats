#!/usr/bin/env bats
# The mount's process: killed in the middle of its work, and idle.

load helper

setup() { setup_scratch; }
teardown() { teardown_scratch; }

processor_time() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

wake_ups() { awk '/^voluntary/ { n += $2 } END { print n }' "/proc/$1"/task/*/status; }

# Is the newest backup checked and measured?
nothing_to_do() {
    jq -e '.last_check.result == "ok" and .checking == null and .measuring == null' mnt/status.json
}

# Kills the mount when a backup gets to a fault probe.
kill_at() {
    make_db app.db
    dbsnapfs backup app.db note=whole
    sqlite3 app.db 'UPDATE item SET body = randomblob(100)'
    DBSNAPFS_PROBE=$1:stop dbsnapfs app.db mnt
    pid=$(daemon_pid)
    sh -c 'echo backup >mnt/control' 2>/dev/null 3>&- 4>&- &
    echo_pid=$!
    eventually stopped "$pid"
    kill -KILL "$pid"
    eventually gone "$pid"
    ended "$echo_pid"
    [ "$status" -ne 0 ]
}

# After that, without any command: what was finished is there and whole, and the next one works.
works_again() {
    dbsnapfs app.db mnt
    [ "$(backups | wc -l)" -eq "$1" ]
    (cd "mnt/backups/$(backups | head -n 1)" && sha256sum -c SHA256SUMS)
    command_line backup
    [ "$(backups | wc -l)" -eq $(($1 + 1)) ]
    (cd mnt/backups/latest && sha256sum -c SHA256SUMS)
    [ "$(sqlite3 mnt/backups/latest/database.sqlite .sha3sum)" = "$(sqlite3 app.db .sha3sum)" ]
    command_line verify
    [[ $(said) == 'ok '*' no damage' ]]
    [ "$(find app.db.backups/segments -name '*.seg' | wc -l)" -eq $(($1 + 1)) ]
}

@test "SIGKILL while a segment is written leaves the finished backups and no half one" {
    kill_at storage-write
    umount -l mnt
    works_again 1
}

@test "SIGKILL before the commit leaves the finished backups and no half one" {
    kill_at segment-commit
    umount -l mnt
    works_again 1
}

@test "SIGKILL after the segment has its name leaves a backup that is whole" {
    kill_at catalog-commit
    umount -l mnt
    works_again 2
}

@test "a mount whose process was killed says what to do" {
    setup_mount
    pid=$(daemon_pid)
    kill -KILL "$pid"
    eventually gone "$pid"
    refused 1 'mnt: a mount lies there whose program has died: unmount it first (fusermount3 -u)' \
        dbsnapfs app.db mnt
    fusermount3 -u mnt
    dbsnapfs app.db mnt
    command_line backup
}

@test "verbs work after the mount's process was killed" {
    setup_mount
    command_line backup
    pid=$(daemon_pid)
    kill -KILL "$pid"
    eventually gone "$pid"
    dbsnapfs backup app.db
    [ "$(dbsnapfs list app.db | wc -l)" -eq 3 ]
}

@test "SIGTERM during a backup undoes it and unmounts" {
    make_db app.db
    DBSNAPFS_PROBE=storage-write:stop dbsnapfs app.db mnt
    pid=$(daemon_pid)
    sh -c 'echo backup >mnt/control' 2>/dev/null 3>&- 4>&- &
    echo_pid=$!
    eventually stopped "$pid"
    kill -TERM "$pid"
    kill -CONT "$pid"
    ended "$echo_pid"
    eventually gone "$pid"
    unmounted mnt
    # Cancelled, or just done when the signal came; never half.
    dbsnapfs app.db mnt
    [ "$(backups | wc -l)" -eq "$(find app.db.backups/segments -name '*.seg' | wc -l)" ]
    command_line verify
}

@test "an idle mount uses no processor time" {
    setup_mount
    command_line backup
    ls -lR mnt >/dev/null
    eventually nothing_to_do
    pid=$(daemon_pid)
    sleep 0.5
    before=$(processor_time "$pid")
    woken=$(wake_ups "$pid")
    sleep 2
    [ "$(processor_time "$pid")" -eq "$before" ]
    [ $(($(wake_ups "$pid") - woken)) -le 2 ]
}

@test "a hundred backups and listings leave no descriptors open" {
    setup_mount
    command_line backup
    eventually nothing_to_do
    pid=$(daemon_pid)
    before=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
    for _ in {1..100}; do
        echo backup
    done >mnt/control
    find mnt \( -path '*-*/tables/*/rows' -o -name by \) -prune -o -type f -exec cat {} + >/dev/null
    eventually nothing_to_do
    few() { [ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -le $((before + 4)) ]; }
    eventually few
}
