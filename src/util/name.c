/*
 * Names made of data as file names.
 *
 * An encoder goes through the bytes a UTF-8 character at a time and writes each as it is
 * or as %XX. It remembers the last place where the name could be cut so that the mark of a
 * cut name still fits, which is never within a character or an escape. The decoder turns
 * %XX back and then encodes the result: only if that gives the same name was it one of
 * ours. So every datum has exactly one name, and `%41` is not a second one for `A`.
 */
#include "dbsnapfs/util/name.h"

#include <errno.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "dbsnapfs/util/hash.h"
#include "dbsnapfs/util/utf8.h"

#define NAME_BYTES 255
#define NAME_EMPTY "%~"
#define NAME_CUT_BYTES 18 /* "%~" and 16 digits */

/* How many bytes at `p` may stand as they are: 0 if the first is to be escaped. */
static size_t name_plain(const unsigned char *p, size_t len, bool first)
{
    size_t count = utf8_length(p, len);
    if (count == 1 && (p[0] < 0x20 || p[0] == 0x7f || p[0] == '/' || p[0] == '%'))
        return 0;
    if (first && p[0] == '.')
        return 0;
    if (count == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return 0; /* U+0080 to U+009F */
    return count;
}

int name_encode(const void *bytes, size_t len, struct buf *out)
{
    const unsigned char *p = bytes;
    size_t start = out->len, cut = out->len, at = 0;

    if (len == 0)
        buf_add_text(out, NAME_EMPTY);
    while (at < len) {
        size_t count = name_plain(p + at, len - at, at == 0);
        if (count > 0)
            buf_add(out, p + at, count);
        else
            buf_addf(out, "%%%02X", p[at]);
        at += count > 0 ? count : 1;
        if (out->failed)
            return -ENOMEM;
        if (out->len - start <= NAME_BYTES - NAME_CUT_BYTES)
            cut = out->len;
        if (out->len - start > NAME_BYTES) {
            out->len = cut;
            buf_addf(out, "%%~%016llx", (unsigned long long)hash_bytes(HASH_START, p, len));
            break;
        }
    }
    return buf_error(out);
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

/* %XX to bytes; -EINVAL for a % before anything else. */
static int name_unescape(const char *name, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c == '%') {
            int high = hex_digit(name[i + 1]);
            int low = high < 0 ? -1 : hex_digit(name[i + 2]);
            if (low < 0)
                return -EINVAL;
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        buf_add_char(out, c);
    }
    return buf_error(out);
}

int name_decode(const char *name, struct buf *out)
{
    size_t len = strlen(name);
    if (strcmp(name, NAME_EMPTY) == 0)
        return 0;
    if (len == 0 || len > NAME_BYTES)
        return -EINVAL;
    if (name_is_cut(name, len))
        return -ENAMETOOLONG;

    struct buf bytes = BUF_INIT, again = BUF_INIT;
    int r = name_unescape(name, len, &bytes);
    if (r == 0)
        r = name_encode(bytes.data, bytes.len, &again);
    if (r == 0 && (again.len != len || memcmp(again.data, name, len) != 0))
        r = -EINVAL;
    if (r == 0) {
        buf_add(out, bytes.data, bytes.len);
        r = buf_error(out);
    }
    buf_free(&bytes);
    buf_free(&again);
    return r;
}
