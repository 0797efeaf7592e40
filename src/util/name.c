/*
 * Names made of data as file names.
 *
 * An encoder goes through the bytes a UTF-8 character at a time and writes each as it is
 * or as %XX. It remembers the last place where the name could be cut so that the mark of a
 * cut name still fits, which is never within a character or an escape. The decoder turns
 * %XX back and then encodes the result: only if that gives the same name was it one of
 * ours. So every datum has exactly one name, and `%41` is not a second one for `A`.
 *
 * The hash in a cut name is of the data; of several parts, or of one with a kind, each is
 * hashed behind its kind and its length, so that what was joined cannot be taken for another.
 */
#include "dbsnapfs/util/name.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/hash.h"
#include "dbsnapfs/util/utf8.h"

#define NAME_EMPTY "%~"
#define NAME_CUT_BYTES 18 /* "%~" and 16 digits */
#define NAME_KIND_BYTES 16

/* How many bytes at `p` may stand as they are: 0 if the first is to be escaped. */
static size_t name_plain(const unsigned char *p, size_t len, bool first, bool joined)
{
    size_t count = utf8_length(p, len);
    if (count == 1 && (p[0] < 0x20 || p[0] == 0x7f || p[0] == '/' || p[0] == '%'))
        return 0;
    if ((first && p[0] == '.') || (joined && p[0] == ','))
        return 0;
    if (count == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return 0; /* U+0080 to U+009F */
    return count;
}

/* Behind each piece: false when the name is over its end. */
static bool name_fits(struct name_writer *writer)
{
    size_t len = writer->out->len - writer->start;
    if (len <= writer->most - NAME_CUT_BYTES)
        writer->cut = writer->out->len;
    return !writer->out->failed && len <= writer->most;
}

static bool name_put(struct name_writer *writer, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t at = 0; at < len;) {
        bool first = writer->out->len == writer->start;
        size_t count = name_plain(p + at, len - at, first, writer->count > 1);
        if (count > 0)
            buf_add(writer->out, p + at, count);
        else
            buf_addf(writer->out, "%%%02X", p[at]);
        at += count > 0 ? count : 1;
        if (!name_fits(writer))
            return false;
    }
    return true;
}

static bool name_put_part(struct name_writer *writer, const struct name_part *part)
{
    if (writer->done > 0)
        buf_add_char(writer->out, ',');
    if (part->kind)
        buf_addf(writer->out, part->bytes ? "%%~%s~" : "%%~%s", part->kind);
    return name_fits(writer) && name_put(writer, part->bytes, part->len);
}

static void name_hash(struct name_writer *writer, const struct name_part *part)
{
    if (writer->count > 1 || part->kind) {
        char head[64];
        int len =
            snprintf(head, sizeof(head), "%.20s:%zu:", part->kind ? part->kind : "", part->len);
        writer->hash = hash_bytes(writer->hash, head, (size_t)len);
    }
    writer->hash = hash_bytes(writer->hash, part->bytes, part->len);
}

void name_begin(struct name_writer *writer, size_t count, size_t most, struct buf *out)
{
    *writer = (struct name_writer){
        .out = out,
        .start = out->len,
        .cut = out->len,
        .most = most,
        .count = count,
        .whole = true,
        .hash = HASH_START,
    };
}

void name_add(struct name_writer *writer, const struct name_part *part)
{
    name_hash(writer, part);
    writer->whole = writer->whole && name_put_part(writer, part);
    writer->done++;
}

int name_end(struct name_writer *writer)
{
    struct buf *out = writer->out;
    if (out->failed)
        return -ENOMEM;
    if (!writer->whole) {
        out->len = writer->cut;
        buf_addf(out, "%%~%016llx", (unsigned long long)writer->hash);
    } else if (out->len == writer->start) {
        buf_add_text(out, NAME_EMPTY);
    }
    return buf_error(out);
}

int name_encode_parts(const struct name_part *parts, size_t count, size_t most, struct buf *out)
{
    struct name_writer writer;
    name_begin(&writer, count, most, out);
    for (size_t i = 0; i < count; i++)
        name_add(&writer, &parts[i]);
    return name_end(&writer);
}

int name_encode(const void *bytes, size_t len, struct buf *out)
{
    const struct name_part part = {NULL, bytes, len};
    return name_encode_parts(&part, 1, NAME_BYTES, out);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool name_is_cut(const char *name, size_t len)
{
    return len > NAME_BYTES - NAME_CUT_BYTES && len <= NAME_BYTES &&
           strncmp(name + len - NAME_CUT_BYTES, "%~", 2) == 0 &&
           strspn(name + len - (NAME_CUT_BYTES - 2), "0123456789abcdef") == NAME_CUT_BYTES - 2;
}

/* Where the parts of a name go while it is decoded: behind what is there. */
struct name_reader {
    struct name_decoded *decoded;
    size_t used;
};

static char *name_room(struct name_reader *reader)
{
    return reader->decoded->bytes + reader->used;
}

/* "%~kind~" or all of "%~kind", if the name has one here: its length. */
static size_t name_read_kind(struct name_reader *reader, const char *name, size_t len,
                             struct name_part *part)
{
    if (len < 3 || strncmp(name, "%~", 2) != 0)
        return 0;
    size_t letters = strspn(name + 2, "abcdefghijklmnopqrstuvwxyz");
    bool alone = letters + 2 >= len;
    if (letters == 0 || letters > NAME_KIND_BYTES || (!alone && name[letters + 2] != '~'))
        return 0;
    letters = alone ? len - 2 : letters;
    part->kind = name_room(reader);
    memcpy(name_room(reader), name + 2, letters);
    name_room(reader)[letters] = '\0';
    reader->used += letters + 1;
    part->bytes = alone ? NULL : "";
    return alone ? len : letters + 3;
}

/* %XX to bytes; -EINVAL for a % before anything else. */
static int name_read_bytes(struct name_reader *reader, const char *name, size_t len,
                           struct name_part *part)
{
    if (len > 0)
        part->bytes = name_room(reader);
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(name[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(name[i + 2]);
            if (low < 0)
                return -EINVAL;
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        reader->decoded->bytes[reader->used++] = c;
        part->len++;
    }
    return 0;
}

static int name_read_parts(struct name_reader *reader, const char *name, size_t len, size_t count)
{
    struct name_decoded *decoded = reader->decoded;
    int r = 0;
    for (size_t at = 0; r == 0; at++) {
        size_t part_len = count > 1 ? strcspn(name + at, ",") : len;
        struct name_part *part = &decoded->parts[decoded->count++];
        if (part_len > len - at)
            part_len = len - at;
        *part = (struct name_part){NULL, "", 0};
        size_t kind_len = name_read_kind(reader, name + at, part_len, part);
        r = name_read_bytes(reader, name + at + kind_len, part_len - kind_len, part);
        at += part_len;
        if (at == len)
            break;
        if (decoded->count == count)
            r = -EINVAL;
    }
    return r;
}

/* Is the name what encoding its parts gives? */
static int name_check(const char *name, const struct name_decoded *decoded)
{
    struct buf again = BUF_INIT;
    int r = name_encode_parts(decoded->parts, decoded->count, NAME_BYTES, &again);
    if (r == 0 && strcmp(buf_text(&again), name) != 0)
        r = -EINVAL;
    buf_free(&again);
    return r;
}

int name_decode_parts(const char *name, size_t count, struct name_decoded *ret_decoded)
{
    struct name_reader reader = {ret_decoded, 0};
    size_t len = strlen(name);
    bool cut = name_is_cut(name, len);
    ret_decoded->count = 0;
    if (len == 0 || len > NAME_BYTES || count == 0)
        return -EINVAL;
    if (cut)
        len -= NAME_CUT_BYTES;
    else if (strcmp(name, NAME_EMPTY) == 0)
        len = 0;
    int r = name_read_parts(&reader, name, len, count);
    if (r < 0 || cut)
        return r < 0 ? r : 1;
    return ret_decoded->count == count ? name_check(name, ret_decoded) : -EINVAL;
}

int name_decode(const char *name, struct buf *out)
{
    struct name_decoded decoded;
    int r = name_decode_parts(name, 1, &decoded);
    if (r == 0 && decoded.parts[0].kind)
        r = -EINVAL;
    if (r != 0)
        return r > 0 ? -ENAMETOOLONG : r;
    buf_add(out, decoded.parts[0].bytes, decoded.parts[0].len);
    return buf_error(out);
}
