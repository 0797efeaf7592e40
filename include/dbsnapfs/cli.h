/*
 * A person's terminal: options, verbs, progress bar.
 */
#ifndef DBSNAPFS_CLI_H
#define DBSNAPFS_CLI_H

/* Runs the program; returns its exit status: 0, 1 for failure, 2 for usage. */
int cli_main(int argc, char **argv);

#endif
