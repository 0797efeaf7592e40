# shellcheck source=../docs/support.bash
. "$DBSNAPFS_TOP/tests/docs/support.bash"
export EXAMPLES=$DBSNAPFS_TOP/examples
