/*
 * A database, its service and the tree over it, in a folder of its own.
 */
#ifndef TESTS_UNIT_VIEW_SUPPORT_H
#define TESTS_UNIT_VIEW_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "dbsnapfs/tree.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/err.h"

struct service;

struct stage {
    char folder[64];
    char database[96];
    struct service *service;
    struct node *root;
};

/* With a table `users` of `rows` rows; -1: an empty file; -2: none at all. */
void stage_set(struct stage *stage, int rows);
void stage_clear(struct stage *stage);
void stage_sql(const struct stage *stage, const char *sql);

/* A command through the service; it must succeed. */
void stage_command(const struct stage *stage, const char *line);

struct node *stage_node(const struct stage *stage, const char *path);
struct node_attr stage_attr(const struct stage *stage, const char *path);
/* Appends the content, read in pieces of `piece` bytes. */
void stage_read(const struct stage *stage, const char *path, size_t piece, struct buf *out);
/* Whether there is such a path. */
bool stage_has(const struct stage *stage, const char *path);
/* "name name/ name@ …", listed with room for `room` entries at a time. */
void stage_list(const struct stage *stage, const char *path, size_t room, struct buf *out);
/* The same of a directory that is at hand; ends with its error, or 0. */
int stage_list_node(struct node *node, size_t room, struct buf *out, struct err *err);

#endif
