# What the tests of manual, README and examples share: a scratch folder with a copy of proj.db, and
# nothing left mounted behind them.

setup_scratch() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp /usr/share/proj/proj.db app.db
    mkdir mnt
}

# Mounts with bats' own descriptors closed: a daemon that kept them would keep bats waiting.
mount_app() {
    dbsnapfs "$@" app.db mnt 3>&- 4>&-
}

unmount_all() {
    local at
    cd /
    while read -r at; do
        fusermount3 -u "$at" || fusermount3 -uz "$at"
    done < <(awk -v top="$BATS_TEST_TMPDIR/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo)
}
