/*
 * Values that outlive the cursor they came from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/source/database.h"

int value_copy(const struct value *value, struct value *ret_copy)
{
    char *bytes = NULL;

    if (value->kind == VALUE_TEXT || value->kind == VALUE_BLOB) {
        bytes = malloc(value->len + 1);
        if (!bytes)
            return -ENOMEM;
        if (value->len > 0)
            memcpy(bytes, value->bytes, value->len);
        bytes[value->len] = '\0';
    }
    *ret_copy = *value;
    ret_copy->bytes = bytes;
    return 0;
}

void value_free(struct value *value)
{
    void *bytes = NULL;

    /* free() takes no const, and a cast would take it away in silence. */
    memcpy(&bytes, &value->bytes, sizeof(bytes));
    free(bytes);
    *value = (struct value){.kind = VALUE_NULL};
}

static uint64_t bits_of(double real)
{
    uint64_t bits = 0;

    memcpy(&bits, &real, sizeof(real));
    return bits;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_REAL:
        return bits_of(a->real) == bits_of(b->real);
    default:
        return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
    }
}
