/*
 * Names of data: the first byte says whether the rest is a name that somebody typed, or data that
 * is to be named, and the second how many parts and of what columns.
 *
 * A name that is taken is the only one of what it says, and whatever is named can be found by its
 * name.
 */
#include "fuzz.h"

#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/source/schema.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/name.h"
#include "table/key_internal.h"

#define MOST_PARTS 8

static const struct column columns[] = {
    {.name = "none", .type = "", .affinity = AFFINITY_BLOB},
    {.name = "blob", .type = "BLOB", .affinity = AFFINITY_BLOB},
    {.name = "text", .type = "TEXT", .affinity = AFFINITY_TEXT},
    {.name = "integer", .type = "INTEGER", .affinity = AFFINITY_INTEGER},
    {.name = "real", .type = "REAL", .affinity = AFFINITY_REAL},
    {.name = "numeric", .type = "NUMERIC", .affinity = AFFINITY_NUMERIC},
};

static void must(int condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "name: %s\n", what);
        abort();
    }
}

static const struct column *column_of(uint8_t selector, size_t i)
{
    return &columns[(selector / MOST_PARTS + i) % (sizeof(columns) / sizeof(columns[0]))];
}

static bool parts_equal(const struct name_part *a, const struct name_part *b)
{
    return !a->kind == !b->kind && (!a->kind || strcmp(a->kind, b->kind) == 0) &&
           !a->bytes == !b->bytes && a->len == b->len &&
           (!a->bytes || !b->bytes || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static void must_be_a_file_name(const struct buf *name, size_t most)
{
    const char *text = buf_text(name);

    must(name->len > 0 && name->len <= most && strlen(text) == name->len, "a name's length");
    must(!strchr(text, '/') && text[0] != '.', "a name that is a path");
    for (const char *c = text; *c; c++)
        must((unsigned char)*c >= 0x20 && *c != 0x7f, "a control character in a name");
}

/* What a part says is a value, and that value's part is the same again if it says so plainly. */
static void fuzz_part(const struct column *column, const struct name_part *part)
{
    char digits[KEY_DIGITS];
    struct value value, again;
    struct name_part named;

    if (key_part_value(column, part, &value) < 0)
        return;
    key_part(column, &value, digits, &named);
    must(part->kind || parts_equal(part, &named), "a value with two plain names");
    must(key_part_value(column, &named, &again) == 0, "a value that its own name is not for");
    must(value_equal(&value, &again), "a name that is for another value");
}

static void fuzz_decode(uint8_t selector, const uint8_t *bytes, size_t len)
{
    size_t count = selector % MOST_PARTS + 1;
    struct name_decoded decoded;
    struct buf name = BUF_INIT, again = BUF_INIT;
    int r;

    buf_add(&name, bytes, len);
    r = name_decode_parts(buf_text(&name), count, &decoded);
    must(r < 0 || (decoded.count > 0 && decoded.count <= count), "parts that were not asked for");
    if (r == 0) {
        must(decoded.count == count, "parts that are missing");
        must(name_encode_parts(decoded.parts, count, NAME_BYTES, &again) == 0 &&
                 strcmp(buf_text(&again), buf_text(&name)) == 0,
             "a second name for the same");
        for (size_t i = 0; i < count; i++)
            fuzz_part(column_of(selector, i), &decoded.parts[i]);
    } else if (r == 1) {
        struct value value;

        (void)key_part_beginning(column_of(selector, decoded.count - 1),
                                 &decoded.parts[decoded.count - 1], &value);
    }
    buf_free(&again);
    (void)name_decode(buf_text(&name), &again);
    buf_free(&again);
    buf_free(&name);
}

/* Parts are parted by 0xfe here; one that begins with 0xfd is a number of eight bytes. */
static void value_of(const uint8_t *bytes, size_t len, struct value *ret_value)
{
    int64_t number = 0;

    *ret_value = (struct value){.kind = VALUE_TEXT, .bytes = (const char *)bytes, .len = len};
    if (len == 0)
        ret_value->bytes = "";
    if (len == 1 && bytes[0] == 0xfd)
        *ret_value = (struct value){.kind = VALUE_NULL};
    if (len >= 2 && bytes[0] == 0xfd) {
        memcpy(&number, bytes + 2, len - 2 < sizeof(number) ? len - 2 : sizeof(number));
        *ret_value = (struct value){.kind = VALUE_INTEGER, .integer = number};
        if (bytes[1] % 4 == 1) {
            ret_value->kind = VALUE_REAL;
            memcpy(&ret_value->real, &number, sizeof(number));
            if (ret_value->real != ret_value->real) /* SQLite has no NaN */
                ret_value->real = 0;
        } else if (bytes[1] % 4 == 2) {
            *ret_value = (struct value){
                .kind = VALUE_BLOB, .bytes = (const char *)bytes + 2, .len = len - 2};
        }
    }
}

/* A name that is not cut leads back to each of its values; a cut one to those that are whole in it, or
 * to how the first begins. */
static void must_lead_back(const struct buf *name, uint8_t selector, const struct value *values,
                           size_t count)
{
    struct name_decoded decoded;
    int r = name_decode_parts(buf_text(name), count, &decoded);
    size_t whole = r == 1 ? decoded.count - 1 : count;
    struct value value;

    must(r >= 0, "a name that cannot be read back");
    for (size_t i = 0; i < whole; i++) {
        must(key_part_value(column_of(selector, i), &decoded.parts[i], &value) == 0,
             "a part that is no value");
        must(value_equal(&value, &values[i]), "a part that is another value");
    }
    if (r == 1 && whole == 0) {
        must(key_part_beginning(column_of(selector, 0), &decoded.parts[0], &value) == 0,
             "a beginning that is none");
        must(key_value_begins(&values[0], &value), "a beginning that is another's");
    }
}

static void fuzz_encode(uint8_t selector, const uint8_t *bytes, size_t len)
{
    char digits[MOST_PARTS][KEY_DIGITS];
    struct name_part parts[MOST_PARTS];
    struct value values[MOST_PARTS];
    struct buf name = BUF_INIT;
    size_t count = 0;

    for (size_t at = 0; count < MOST_PARTS && at <= len; count++) {
        const uint8_t *end = len > at ? memchr(bytes + at, 0xfe, len - at) : NULL;
        size_t part_len = end ? (size_t)(end - (bytes + at)) : len - at;

        value_of(bytes + at, part_len, &values[count]);
        key_part(column_of(selector, count), &values[count], digits[count], &parts[count]);
        at += part_len + 1;
    }
    must(name_encode_parts(parts, count, NAME_BYTES, &name) == 0, "out of memory");
    must_be_a_file_name(&name, NAME_BYTES);
    must_lead_back(&name, selector, values, count);
    buf_clear(&name);
    must(name_encode_parts(parts, count, 32 + selector % 200u, &name) == 0, "out of memory");
    must_be_a_file_name(&name, 32 + selector % 200u);
    buf_free(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    if (bytes[0] % 2)
        fuzz_decode(bytes[1], bytes + 2, len - 2);
    else
        fuzz_encode(bytes[1], bytes + 2, len - 2);
    return 0;
}
