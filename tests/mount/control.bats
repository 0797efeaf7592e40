#!/usr/bin/env bats
# Commands written to `control`, what they return, and what status and log say of them.

load helper

setup() {
    setup_scratch
    setup_mount
}
teardown() { teardown_scratch; }

# A program that holds the database exclusively until its standard input ends, so that a backup has
# to wait: the way to have one running for as long as a test likes.
hold_database() {
    sqlite3 app.db 'PRAGMA journal_mode = delete' >/dev/null
    mkfifo release
    sqlite3 app.db 3>&- 4>&- <release >held &
    exec 5>release
    printf '%s\n' 'BEGIN EXCLUSIVE;' "SELECT 'held';" >&5
    eventually grep -q held held
}

release_database() {
    echo 'COMMIT;' >&5
    exec 5>&-
}

running() { jq -e '.running.verb == "backup"' mnt/status.json; }
idle() { jq -e '.running == null' mnt/status.json; }

@test "echo backup takes a backup and returns 0" {
    echo backup >mnt/control
    [ "$(backups | wc -l)" -eq 1 ]
    [[ $(said) =~ ^ok\ 2[0-9T-]*Z\  ]]
}

@test "a line without a newline is run when the file is closed" {
    printf backup >mnt/control
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "a command that comes in pieces is one command" {
    { printf back; printf 'up no'; printf 'te=pieces\n'; } >mnt/control
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = pieces ]
}

@test "a line that several processes write is one command" {
    { printf 'backup note='; true | true; echo abc | tr b x; } >mnt/control
    [ "$(backups | wc -l)" -eq 1 ]
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = axc ]
}

@test "several lines run in order" {
    printf 'backup note=first\n\n# a comment\nbackup note=second\nbackup note=third' >mnt/control
    mapfile -t names < <(backups)
    [ ${#names[@]} -eq 3 ]
    [ "$(jq -r .note "mnt/backups/${names[0]}/manifest.json")" = first ]
    [ "$(jq -r .note "mnt/backups/${names[2]}/manifest.json")" = third ]
}

@test "several lines stop at the first failure" {
    run sh -c "printf 'backup\nfrob\nbackup\n' >mnt/control"
    [ "$status" -ne 0 ]
    [ "$(backups | wc -l)" -eq 1 ]
    [[ $(said) == 'error: unknown command "frob"'* ]]
}

@test "a note keeps its quotes, blanks and letters" {
    echo "backup note='it is \"Grüße\"  \$HOME'" >mnt/control
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = "it is \"Grüße\"  \$HOME" ]
    printf '%s\n' 'backup note="it'\''s a \"b\" \\ c"' >mnt/control
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = "it's a \"b\" \\ c" ]
    echo 'backup note=a\ b' >mnt/control
    [ "$(jq -r .note mnt/backups/latest/manifest.json)" = 'a b' ]
}

@test "if-changed skips when nothing changed, and that is a success" {
    command_line backup
    command_line 'backup if-changed'
    [[ $(said) == 'ok skipped: '* ]]
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "if-changed backs up when something changed, in the WAL only" {
    command_line backup
    sqlite3 app.db 'PRAGMA wal_autocheckpoint = 0; UPDATE counter SET n = 7'
    command_line 'backup if-changed'
    [[ $(said) == 'ok 2'* ]]
    [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT n FROM counter')" -eq 7 ]
}

@test "wait=no returns at once and the result goes to status and log" {
    hold_database
    command_line 'backup wait=no note=later'
    eventually running
    [ -z "$(backups)" ]
    release_database
    eventually grep -q 'backup ok .*note="later"' mnt/log
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "a command waits for the one that runs" {
    hold_database
    command_line 'backup wait=no'
    eventually running
    sh -c 'echo backup >mnt/control' 3>&- 4>&- 5>&- &
    second=$!
    eventually jq -e '.waiting == 1' mnt/status.json
    release_database
    wait $second
    [ "$(backups | wc -l)" -eq 2 ]
}

@test "nowait fails with EBUSY while another command runs" {
    hold_database
    command_line 'backup wait=no'
    eventually running
    control_refuses 'Device or resource busy' 'running' 'backup nowait'
    release_database
    eventually idle
}

@test "nowait works when nothing runs" {
    command_line 'backup nowait'
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "cancel stops the backup that runs, whose writer gets ECANCELED" {
    hold_database
    bash -c 'echo backup >mnt/control' 2>errors 3>&- 4>&- 5>&- &
    writer=$!
    eventually running
    command_line cancel
    ended "$writer"
    [ "$status" -ne 0 ]
    grep -q 'Operation canceled' errors
    release_database
    [ -z "$(backups)" ]
    command_line backup
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "cancel is fine when nothing runs" {
    command_line cancel
    [[ $(said) == 'ok nothing'* ]]
}

@test "an interrupt of the writing program cancels the command" {
    hold_database
    env --default-signal=INT sh -c 'echo backup >mnt/control' 3>&- 4>&- 5>&- &
    writer=$!
    eventually running
    kill -INT $writer
    ended "$writer"
    [ "$status" -ne 0 ]
    eventually idle
    release_database
    [ -z "$(backups)" ]
    [ "$(find app.db.backups/segments -type f | wc -l)" -eq 0 ]
}

@test "killing the writing program cancels the command" {
    hold_database
    sh -c 'echo backup >mnt/control' 3>&- 4>&- 5>&- &
    writer=$!
    eventually running
    kill -KILL $writer
    eventually idle
    release_database
    [ -z "$(backups)" ]
}

@test "the tree answers while a backup runs" {
    command_line backup
    hold_database
    command_line 'backup wait=no'
    eventually running
    sha256sum mnt/backups/latest/database.sqlite
    grep -q '^now  *backup' mnt/status
    cat mnt/log mnt/control mnt/README.txt >/dev/null
    release_database
    eventually idle
}

@test "an unknown command is EINVAL and names those that are known" {
    control_refuses 'Invalid argument' 'unknown command "frob"; known: backup, verify, cancel, help' frob
}

@test "an unknown key is EINVAL and nothing is done" {
    control_refuses 'Invalid argument' 'colour' 'backup colour=red'
    control_refuses 'Invalid argument' 'if-changed' 'backup if-changed=maybe'
    control_refuses 'Invalid argument' 'wait' 'backup wait=perhaps'
    control_refuses 'Invalid argument' 'note' 'backup note'
    [ -z "$(backups)" ]
}

@test "an unclosed quote is EINVAL" {
    control_refuses 'Invalid argument' 'a quote (") is opened and not closed' 'backup note="abc'
}

@test "a NUL byte is EINVAL" {
    run bash -c "printf 'backup note=a\\0b\\n' >mnt/control"
    [ "$status" -ne 0 ]
    [[ $output == *'Invalid argument'* ]]
    [ "$(said)" = 'error: control: a command cannot hold a NUL byte' ]
    [ -z "$(backups)" ]
}

@test "a command of a megabyte is E2BIG" {
    { printf 'backup note='; head -c 1000000 /dev/zero | tr '\0' a; } >long
    run sh -c 'cat long >mnt/control'
    [ "$status" -ne 0 ]
    [[ $output == *'Argument list too long'* ]]
    [ "$(said)" = 'error: control: a command is longer than 65536 bytes' ]
    [ -z "$(backups)" ]
}

@test "random bytes do no harm" {
    head -c 20000 /dev/urandom | sh -c 'cat >mnt/control' 2>/dev/null || true
    command_line backup
    [ "$(backups | wc -l)" -eq 1 ]
}

@test "empty writes and truncations do nothing" {
    : >mnt/control
    printf '\n\n' >mnt/control
    truncate -s 0 mnt/control
    [ -z "$(backups)" ]
    [ ! -s mnt/log ]
}

@test "help lists the commands" {
    command_line help
    for verb in backup verify cancel help; do
        grep -q "^$verb" mnt/control
    done
}

@test "cron's sh -c gets the result as its exit status" {
    env -i PATH=/usr/bin:/bin sh -c "echo backup > $WORK/mnt/control"
    run env -i PATH=/usr/bin:/bin sh -c "echo backup colour=red > $WORK/mnt/control"
    [ "$status" -ne 0 ]
    [ -n "$output" ]
}

@test "a program that writes and reads through one descriptor finds its own result" {
    run /usr/bin/python3 - <<'END'
import errno, os
fd = os.open('mnt/control', os.O_RDWR)
os.write(fd, b'backup note=mine\n')
print(os.pread(fd, 1000, 0).decode().split()[0])
try:
    os.write(fd, b'frob\n')
except OSError as e:
    print(errno.errorcode[e.errno])
print(os.pread(fd, 1000, 0).decode().split()[0])
END
    [ "$status" -eq 0 ]
    [ "$output" = $'ok\nEINVAL\nerror:' ]
}

@test "verify reads everything back" {
    command_line backup
    command_line backup
    command_line verify
    [[ $(said) == 'ok 2 backups, '*' no damage' ]]
    command_line 'verify latest'
    [[ $(said) == 'ok 1 backup, '*' no damage' ]]
}

@test "verify of a backup that is not there is ENOENT" {
    command_line backup
    control_refuses 'No such file' 2020-01-01T00-00-00Z 'verify 2020-01-01T00-00-00Z'
}

@test "the log has a line for each operation, good or bad, oldest first" {
    command_line 'backup note="one two"'
    control_refuses 'Invalid argument' frob frob
    command_line 'backup if-changed'
    command_line verify
    cat mnt/log
    [ "$(cut -d ' ' -f 2,3 mnt/log)" = $'backup ok\ncontrol error:\nbackup ok\nverify ok' ]
    grep -q 'backup ok skipped: ' mnt/log
    grep -q 'note="one two"' mnt/log
    [ "$(grep -cE '^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z ' mnt/log)" -eq 4 ]
}

@test "a command with control characters cannot forge log lines" {
    run sh -c "printf 'frob\\r\\033[2Jbackup ok\\n' >mnt/control"
    [ "$status" -ne 0 ]
    [ "$(wc -l <mnt/log)" -eq 1 ]
    run grep -P '[\x00-\x08\x0b-\x1f]' mnt/log
    [ "$status" -eq 1 ]
}

@test "status.json is JSON and right, before and after a backup" {
    jq -e '.backups == 0 and .last_backup == null and .last_error == null and .running == null' \
        mnt/status.json
    jq -e --arg work "$WORK" '.source == $work + "/app.db" and .mount_point == $work + "/mnt" and
        .repository == $work + "/app.db.backups" and .read_only == false' mnt/status.json
    command_line backup
    jq -e --arg name "$(readlink mnt/backups/latest)" --argjson size "$(stat -Lc %s mnt/backups/latest/database.sqlite)" \
        '.backups == 1 and .last_backup.name == $name and .last_backup.image_bytes == $size and
         .logical_bytes == $size and .commands.done == 1 and .commands.failed == 0' mnt/status.json
}

@test "status.json and status name the last error" {
    control_refuses 'Invalid argument' frob frob
    jq -e '.last_error.code == "EINVAL" and (.last_error.message | test("frob")) and
        .commands.failed == 1' mnt/status.json
    grep -q '^last error .*unknown command "frob"' mnt/status
}

@test "a backup is checked in the background, and status says so" {
    command_line backup
    eventually jq -e '.last_check.result == "ok"' mnt/status.json
    [ "$(jq -r .last_check.backup mnt/status.json)" = "$(readlink mnt/backups/latest)" ]
    eventually jq -e '.check_result == "ok"' mnt/backups/latest/manifest.json
}

@test "a new backup and latest are there for every process at once" {
    for i in 1 2 3 4 5 6; do
        count_up
        ls mnt/backups/latest/ >/dev/null 2>&1 || [ "$i" -eq 1 ]
        command_line "backup note=$i"
        [ "$(backups | wc -l)" -eq "$i" ]
        [ "$(jq -r .note mnt/backups/latest/manifest.json)" = "$i" ]
        [ "$(sqlite3 mnt/backups/latest/database.sqlite 'SELECT n FROM counter')" -eq "$i" ]
        [ "$(readlink mnt/backups/latest)" = "$(backups | tail -n 1)" ]
    done
}

@test "a name that was looked up before it was there is found when it is" {
    run stat mnt/backups/latest
    [ "$status" -ne 0 ]
    command_line backup
    stat mnt/backups/latest/database.sqlite
}

@test "a second backup in the same second has a name of its own" {
    printf 'backup\nbackup\nbackup\nbackup\n' >mnt/control
    [ "$(backups | wc -l)" -eq 4 ]
    [ "$(backups | grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z(-[2-4])?$')" -eq 4 ]
}

@test "control cannot be removed or replaced, and nothing can be made beside it" {
    for attempt in 'rm -f mnt/control' 'mv mnt/control mnt/x' 'touch mnt/x' 'mkdir mnt/x' \
        'ln -s a mnt/x' 'ln mnt/log mnt/x' 'mv app.db mnt/x'; do
        run $attempt
        [ "$status" -ne 0 ]
    done
    [ -e app.db ]
}
