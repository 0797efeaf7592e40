/*
 * Places that a mount or a copied file must not take.
 */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <stdbool.h>

struct err;

/* Is `path` the directory `dir` or below it? Both absolute, without "." and "..". */
bool place_is_within(const char *path, const char *dir);

/* The path without symbolic links; of one that does not exist, with its last names as they
 * are. Heap string. */
int place_resolve(const char *path, char **ret_path, struct err *err);

/* Refuses a mount point that is missing, no directory, or holds the repository or the database,
 * or lies in them. `ret_mount` gets its resolved path, `ret_repo` that of the repository. */
int place_check_mount(const char *mount, const char *database, const char *repo, char **ret_mount,
                      char **ret_repo, struct err *err);

/* Refuses to put a file where programs have a database open, as far as that can be told: at
 * `database` itself if it exists, beside a left-over -wal or -journal, or under a lock. */
int place_check_restore(const char *dest, const char *database, struct err *err);

#endif
