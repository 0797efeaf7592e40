/*
 * JSON (RFC 8259): only what must be escaped is. TEXT that is not UTF-8 cannot be a string, and is
 * an object with its bytes, as BLOBs are.
 */
#include <math.h>
#include <string.h>

#include "dbsnapfs/source/database.h"
#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/utf8.h"
#include "table/text_internal.h"

#define TEXT_HEAD "{\"text\":\""
#define OBJECT_TAIL TEXT_BASE64_TAIL
#define REAL_HEAD "{\"real\":\""
#define PADDING 64                 /* among the digits of base64 */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes more than one a byte has as an escape. */
static const unsigned char more[256] = {
    5, 5, 5, 5, 5, 5, 5, 5, 1, 1, 1, 5, 1, 1, 5, 5,         5,
    5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, ['"'] = 1, ['\\'] = 1,
};

static size_t escaped_length(const unsigned char *bytes, size_t len)
{
    size_t length = len;

    for (size_t i = 0; i < len; i++)
        length += more[bytes[i]];
    return length;
}

static char *put_escape(unsigned char c, char *to)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "btn-fr"; /* from 8 on */

    *to++ = '\\';
    if (c >= 0x20) {
        *to++ = (char)c;
    } else if (more[c] == 1) {
        *to++ = letters[c - 8];
    } else {
        *to++ = 'u';
        *to++ = '0';
        *to++ = '0';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return to;
}

/* UTF-8, without quotes. */
static void add_escaped(const unsigned char *bytes, size_t len, struct buf *out)
{
    size_t length = escaped_length(bytes, len);
    char *to = buf_reserve(out, length);

    if (!to)
        return;
    if (length == len && len > 0)
        memcpy(to, bytes, len);
    for (size_t i = 0; length != len && i < len; i++) {
        if (more[bytes[i]] == 0)
            *to++ = (char)bytes[i];
        else
            to = put_escape(bytes[i], to);
    }
    out->len += length;
    out->data[out->len] = '\0';
}

void text_json_string(const char *text, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = strlen(text);

    buf_add_char(out, '"');
    while (len > 0) {
        size_t count = utf8_length(p, len);

        if (count > 0)
            add_escaped(p, count, out);
        else
            buf_add_text(out, REPLACEMENT);
        count += count == 0;
        p += count;
        len -= count;
    }
    buf_add_char(out, '"');
}

/* https://www.rfc-editor.org/rfc/rfc4648#section-4 */
void text_base64_digits(const void *bytes, size_t len, struct buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const unsigned char *p = bytes;
    char *to = buf_reserve(out, (len + 2) / 3 * 4);

    if (!to)
        return;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned bits = (unsigned)p[i] << 16;

        bits |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
        bits |= left > 2 ? p[i + 2] : 0;
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = digits[left > 1 ? bits >> 6 & 63 : PADDING];
        *to++ = digits[left > 2 ? bits & 63 : PADDING];
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

static void add_bytes(const char *head, const struct value *value, struct buf *out)
{
    buf_add_text(out, head);
    text_base64_digits(value->bytes, value->len, out);
    buf_add_text(out, OBJECT_TAIL);
}

static uint64_t bytes_length(const char *head, size_t len)
{
    return strlen(head) + (len + 2) / 3 * 4 + strlen(OBJECT_TAIL);
}

void text_json_value(const struct value *value, struct buf *out)
{
    switch (value->kind) {
    case VALUE_NULL:
        buf_add_text(out, "null");
        break;
    case VALUE_INTEGER:
        text_integer(value->integer, out);
        break;
    case VALUE_REAL:
        if (isinf(value->real))
            buf_add_text(out, REAL_HEAD);
        text_real(value->real, out);
        if (isinf(value->real))
            buf_add_text(out, OBJECT_TAIL);
        break;
    case VALUE_TEXT:
        if (!utf8_valid(value->bytes, value->len)) {
            add_bytes(TEXT_HEAD, value, out);
            break;
        }
        buf_add_char(out, '"');
        add_escaped(value->bytes, value->len, out);
        buf_add_char(out, '"');
        break;
    case VALUE_BLOB:
        add_bytes(TEXT_BASE64_HEAD, value, out);
        break;
    }
}

uint64_t text_json_length(const struct value *value)
{
    char number[TEXT_NUMBER_BYTES];

    switch (value->kind) {
    case VALUE_INTEGER:
        return text_put_integer(value->integer, number);
    case VALUE_REAL:
        return text_put_real(value->real, number) +
               (isinf(value->real) ? strlen(REAL_HEAD) + strlen(OBJECT_TAIL) : 0);
    case VALUE_TEXT:
        return utf8_valid(value->bytes, value->len) ? escaped_length(value->bytes, value->len) + 2
                                                    : bytes_length(TEXT_HEAD, value->len);
    case VALUE_BLOB:
        return bytes_length(TEXT_BASE64_HEAD, value->len);
    default:
        return strlen("null");
    }
}
