/*
 * dbsnapfs: a SQLite database's time machine, as a file system.
 */
#include "dbsnapfs/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
