#!/bin/sh
# Backs a database up before a deploy, checks the backup, and stops the deploy if there is no good one:
#
#     before-deploy.sh /srv/app.db ./migrate.sh --to 42
#
# The exit status is the deploy's, or 1 when it was not begun. If the deploy fails, it is said how to
# get the database as it was; nothing is put back by itself.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: before-deploy.sh DATABASE COMMAND [ARGUMENT...]" >&2
    exit 2
fi
database=$1
shift

# "NAME SIZE in TIME, ..."; why it failed, or is not good, has gone to standard error.
if ! result=$(dbsnapfs backup "$database" check note="before $*"); then
    echo "before-deploy: no good backup, no deploy" >&2
    exit 1
fi
backup=${result%% *}
echo "before-deploy: $result"

status=0
"$@" || status=$?
if [ "$status" -ne 0 ]; then
    {
        echo "before-deploy: failed with status $status: $*"
        echo "before-deploy: the database as it was before:"
        echo "    dbsnapfs extract $database $backup $database.before"
    } >&2
fi
exit "$status"
