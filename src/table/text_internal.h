/*
 * What the three forms share, and how long their values are.
 */
#ifndef DBSNAPFS_TABLE_TEXT_INTERNAL_H
#define DBSNAPFS_TABLE_TEXT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dbsnapfs/table/text.h"

/* ---- numbers: written at `to`, without a NUL; the length is returned ---- */

#define TEXT_NUMBER_BYTES 40

size_t text_put_integer(int64_t integer, char to[TEXT_NUMBER_BYTES]);
size_t text_put_real(double real, char to[TEXT_NUMBER_BYTES]);

/* The same text if it has at most 15 digits, so many of them behind the point, and no exponent;
 * else 0. Not for -0.0 and infinity. */
size_t text_put_decimal(double real, unsigned decimals, char to[TEXT_NUMBER_BYTES]);

void text_integer(int64_t integer, struct buf *out);

/* With so few decimals SQLite reads the double that is meant, whether it computes with 64 bits or
 * more: n / 10^4 is never so near the middle between two doubles that rounding twice, first to 64
 * bits, matters. */
#define TEXT_SQL_DECIMALS 4

/* ---- bytes ---- */

size_t text_count(const char *bytes, size_t len, char c);

/* In quotes, with each quote inside doubled. */
void text_quoted(const char *bytes, size_t len, char quote, struct buf *out);
uint64_t text_quoted_length(const char *bytes, size_t len, char quote);

/* A BLOB as x'…'; lower case. */
#define TEXT_HEX_HEAD "x'"
#define TEXT_HEX_TAIL "'"
void text_hex(const void *bytes, size_t len, struct buf *out);
void text_hex_digits(const void *bytes, size_t len, struct buf *out);
uint64_t text_hex_length(size_t len);

/* The same in JSON. */
#define TEXT_BASE64_HEAD "{\"base64\":\""
#define TEXT_BASE64_TAIL "\"}"
void text_base64_digits(const void *bytes, size_t len, struct buf *out);

/* ---- how long the texts would be; a BLOB's value needs no bytes ---- */

uint64_t text_csv_length(const struct value *value);
uint64_t text_json_length(const struct value *value);

/* What every row's text has besides its values, and what the rows have around them: head and tail. */
uint64_t row_text_fixed_bytes(const struct row_text *text);
uint64_t row_text_around_bytes(const struct row_text *text);

/* ---- SQL ---- */

/* The database's encoding, asked for when a value first needs it. */
struct text_encoding {
    bool known, utf16, big_endian;
};

int text_sql_add(struct database *database, struct text_encoding *encoding,
                 const struct value *value, struct buf *out, struct err *err);
int text_sql_length(struct database *database, struct text_encoding *encoding,
                    const struct value *value, uint64_t *ret_bytes, struct err *err);

#endif
