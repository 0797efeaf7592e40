/*
 * Renderings, read in pieces.
 */
#include "table/reading_support.h"

#include <check.h>

#include "dbsnapfs/util/err.h"

struct rendering *reading_rows(const char *name, enum text_form form)
{
    struct rendering *rendering = NULL;
    struct err err = ERR_INIT;

    ck_assert_int_eq(rendering_rows(name, form, &rendering, &err), 0);
    return rendering;
}

struct rendering_reader *reading_new(const struct opened *opened, struct rendering *rendering)
{
    struct rendering_reader *reader = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(rendering_reader_new(rendering, opened->database, &reader, &err) == 0, "%s",
                  err.text);
    return reader;
}

void reading_piece(struct rendering_reader *reader, uint64_t offset, size_t len, struct buf *out)
{
    struct err err = ERR_INIT;
    size_t got = 0;
    char *to;

    buf_clear(out);
    to = buf_reserve(out, len);
    ck_assert_ptr_nonnull(to);
    ck_assert_msg(rendering_read(reader, offset, to, len, &got, &err) == 0, "%s", err.text);
    ck_assert_uint_le(got, len);
    out->len = got;
    to[got] = '\0';
}

void reading_whole(struct rendering_reader *reader, size_t step, struct buf *out)
{
    struct buf piece = BUF_INIT;

    buf_clear(out);
    do {
        reading_piece(reader, out->len, step, &piece);
        buf_add(out, piece.data, piece.len);
    } while (piece.len == step);
    buf_free(&piece);
}

void reading_text(const struct opened *opened, struct rendering *rendering, struct buf *out)
{
    struct rendering_reader *reader = reading_new(opened, rendering);

    reading_whole(reader, 1 << 16, out);
    ck_assert_uint_eq(rendering_known_bytes(rendering), out->len);
    rendering_reader_free(reader);
    rendering_unref(rendering);
}

struct rendering_work reading_work(const struct rendering_reader *reader)
{
    struct rendering_work work;

    rendering_work(reader, &work);
    return work;
}
