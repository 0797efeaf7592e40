/*
 * The pages of a backup that belong to its b-trees, those of tables and of indexes.
 */
#ifndef DBSNAPFS_SOURCE_SQLITE_TREE_PAGES_H
#define DBSNAPFS_SOURCE_SQLITE_TREE_PAGES_H

struct bitmap;
struct err;
struct page_reader;

/* Adds their numbers. Reads the schema and all interior pages, and of leaves one in each tree. A tree
 * that makes no sense, or cannot be read, is left out. */
int tree_pages_find(struct page_reader *reader, struct bitmap *pages, struct err *err);

#endif
