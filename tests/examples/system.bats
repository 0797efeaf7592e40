#!/usr/bin/env bats
# The files of examples/ that cron, mount and systemd read: checked by these where they can be, and
# their commands run.

load support

setup() { setup_scratch; }
teardown() { unmount_all; }

# The commands of the crontab, for the database here.
cron_commands() {
    sed -n "s|^[0-9][0-9 *]*  app  \(.*\)|\1|p" "$EXAMPLES/cron" | sed "s|/srv/app.db|$PWD/app.db|"
}

# The units, for the program under test and with folders here instead of /run.
install_units() {
    local unit
    mkdir -p units run
    for unit in "$EXAMPLES"/*.service "$EXAMPLES"/*.timer; do
        sed "s|/usr/local/bin/dbsnapfs|$DBSNAPFS|" "$unit" >"units/$(basename "$unit")"
    done
}

# What a unit's ExecStart is for the database here, as systemd would expand it.
exec_start() {
    mkdir -p run/app
    sed -n 's/^ExecStart=//p' "units/$1" |
        sed "s|%f|$PWD/app.db|; s|/run/dbsnapfs/%i|$PWD/run/app|"
}

@test "the crontab's commands back up and check, silently, in cron's environment" {
    [ "$(cron_commands | wc -l)" -eq 2 ]
    while read -r command; do
        run env -i PATH="$(dirname "$DBSNAPFS"):/usr/bin:/bin" sh -c "$command"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    done < <(cron_commands; cron_commands)
    [ "$(dbsnapfs list app.db | wc -l)" -eq 2 ]
}

@test "a crontab's command that fails says why" {
    rm app.db
    run sh -c "$(cron_commands | head -n 1)"
    [ "$status" -eq 1 ]
    [[ $output == *"$PWD/app.db: no such file"* ]]
}

@test "systemd finds nothing wrong with the units" {
    install_units
    run systemd-analyze verify --man=no units/*
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the units' commands mount and back up" {
    install_units
    sh -c "$(exec_start dbsnapfs@.service) 3>&- 4>&-"
    sh -c "$(exec_start dbsnapfs-backup@.service)"
    [ -e run/app/backups/latest/database.sqlite ]
    grep -q '"done": 1' run/app/status.json
    sh -c "$(exec_start dbsnapfs-backup@.service)" | grep -q '^skipped'
}

@test "the lines of fstab mount with mount(8)" {
    dbsnapfs backup -o repo="$PWD/look.backups" app.db
    mkdir look
    sed "s|^/srv/app.db|$PWD/app.db|; s| /mnt/app | $PWD/mnt |; s| /mnt/look | $PWD/look |
         s|repo=/backup/app|repo=$PWD/look.backups|" "$EXAMPLES/fstab" >fstab
    # mount(8) looks in /usr/local/bin, which is another one here for as long as this takes.
    cat >script <<'END'
set -e
mount -t tmpfs none /usr/local/bin
ln -s "$DBSNAPFS" /usr/local/bin/dbsnapfs
mount --fstab fstab "$PWD/mnt"
echo backup >mnt/control
stat -c %a mnt mnt/control
mount --fstab fstab "$PWD/look"
ls look/backups/latest/database.sqlite
! echo backup 2>/dev/null >look/control
umount look mnt
END
    run unshare -m sh script 3>&- 4>&-
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 550 ]
    [ "${lines[1]}" = 640 ]
}
