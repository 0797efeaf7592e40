/*
 * Numbers as people read and write them.
 */
#ifndef DBSNAPFS_UTIL_TEXT_H
#define DBSNAPFS_UTIL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_BYTES 32

/* "412 B", "1.4 KiB", "23.1 MiB", "1.0 GiB" */
void text_bytes(uint64_t bytes, char ret_text[TEXT_BYTES]);
/* "0.42 s", "3.1 s", "2 min 05 s", "1 h 02 min" */
void text_duration(int64_t ns, char ret_text[TEXT_BYTES]);
/* "64", "64K", "64M", "2G": -EINVAL or -ERANGE otherwise */
int text_parse_bytes(const char *text, uint64_t *ret_bytes);
/* a whole decimal number and nothing behind it */
int text_parse_u64(const char *text, uint64_t *ret_value);

#endif
