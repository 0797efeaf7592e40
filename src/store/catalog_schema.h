/*
 * The catalog's tables. backup_entries is for others to read too: SQLAlchemy's DateTime reads
 * backup_time as it stands.
 */
#ifndef DBSNAPFS_STORE_CATALOG_SCHEMA_H
#define DBSNAPFS_STORE_CATALOG_SCHEMA_H

#define CATALOG_APPLICATION_ID "0x64627366" /* "dbsf" */

static const char catalog_schema[] = "CREATE TABLE repository(\n"
                                     "  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
                                     "  repo_id BLOB NOT NULL,\n"
                                     "  seed INTEGER NOT NULL\n"
                                     ");\n"
                                     "CREATE TABLE backup_entries(\n"
                                     "  id INTEGER PRIMARY KEY,\n"
                                     "  backup_time DATETIME NOT NULL,\n"
                                     "  name TEXT NOT NULL UNIQUE,\n"
                                     "  started_ns INTEGER NOT NULL,\n"
                                     "  finished_ns INTEGER NOT NULL,\n"
                                     "  page_size INTEGER NOT NULL,\n"
                                     "  block_size INTEGER NOT NULL,\n"
                                     "  image_bytes INTEGER NOT NULL,\n"
                                     "  block_count INTEGER NOT NULL,\n"
                                     "  changed_blocks INTEGER NOT NULL,\n"
                                     "  delta_blocks INTEGER NOT NULL,\n"
                                     "  stored_bytes INTEGER NOT NULL,\n"
                                     "  digest BLOB NOT NULL,\n"
                                     "  note TEXT NOT NULL,\n"
                                     "  source TEXT NOT NULL,\n"
                                     "  settings TEXT NOT NULL,\n"
                                     "  checked_ns INTEGER NOT NULL DEFAULT 0,\n"
                                     "  check_result TEXT NOT NULL DEFAULT '',\n"
                                     "  sha256 TEXT NOT NULL DEFAULT ''\n"
                                     ");\n"
                                     "CREATE TABLE segments(\n"
                                     "  id INTEGER PRIMARY KEY REFERENCES backup_entries(id),\n"
                                     "  first_frame INTEGER NOT NULL,\n"
                                     "  frame_count INTEGER NOT NULL,\n"
                                     "  index_offset INTEGER NOT NULL,\n"
                                     "  bytes INTEGER NOT NULL\n"
                                     ");\n"
                                     "CREATE TABLE map_shards(\n"
                                     "  shard INTEGER NOT NULL,\n"
                                     "  backup_id INTEGER NOT NULL,\n"
                                     "  kind INTEGER NOT NULL,\n"
                                     "  offset INTEGER NOT NULL,\n"
                                     "  PRIMARY KEY (shard, backup_id)\n"
                                     ") WITHOUT ROWID;\n"
                                     "PRAGMA application_id = " CATALOG_APPLICATION_ID ";\n"
                                     "PRAGMA user_version = 1;\n";

/* Not among the above, since a catalog may be without it: made with the first fact. */
static const char catalog_facts[] = "CREATE TABLE IF NOT EXISTS facts(\n"
                                    "  backup_id INTEGER NOT NULL,\n"
                                    "  kind TEXT NOT NULL,\n"
                                    "  value BLOB NOT NULL,\n"
                                    "  PRIMARY KEY (backup_id, kind)\n"
                                    ") WITHOUT ROWID;\n";

#endif
