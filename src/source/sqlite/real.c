/*
 * A REAL as SQL that gives exactly this REAL again.
 *
 * SQLite's reading of decimal numbers is not always right in the last bit, and differs between
 * versions; so each text is read back before it is used. What no text gives is written as
 * an integer that has all the bits, times or divided by powers of two: those are read and computed
 * without rounding.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "source/sqlite/database.h"

#define MANTISSA_BITS 53
/* 2^62 is the largest power of two in an INTEGER. */
#define POWER_BITS 62

static bool same_bits(double a, double b)
{
    uint64_t a_bits = 0, b_bits = 0;

    memcpy(&a_bits, &a, sizeof(a));
    memcpy(&b_bits, &b, sizeof(b));
    return a_bits == b_bits;
}

/* What SQLite makes of the text: CAST reads it as the parser does. */
static int read_back(struct database *database, const char *text, double *ret_real, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc, r;

    buf_add_text(&database->sql, "SELECT CAST(?1 AS REAL)");
    r = database_take(database, &stmt, err);
    if (r < 0)
        return r;
    rc = sqlite3_bind_text(stmt, 1, text, -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_real = sqlite3_column_double(stmt, 0);
    else
        r = database_fail(database, rc, err);
    database_give(database, stmt);
    return r;
}

static void add_product(double real, struct buf *out)
{
    int exponent;
    double mantissa = frexp(real, &exponent);
    int64_t integer = (int64_t)ldexp(mantissa, MANTISSA_BITS);
    int left;
    char sign;

    exponent -= MANTISSA_BITS;
    sign = exponent < 0 ? '/' : '*';
    left = exponent < 0 ? -exponent : exponent;
    buf_addf(out, "(%lld.0", (long long)integer);
    while (left > 0) {
        int bits = left < POWER_BITS ? left : POWER_BITS;

        buf_addf(out, "%c%lld.0", sign, (long long)(INT64_C(1) << bits));
        left -= bits;
    }
    buf_add_text(out, ")");
}

int database_real_sql(struct database *database, double real, struct buf *out, struct err *err)
{
    static const int digits[] = {15, 17, 16, 18, 19, 20};
    char text[64];

    if (isinf(real)) {
        buf_add_text(out, real < 0 ? "-9e999" : "9e999");
        return 0;
    }
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        double back = 0;
        int r, len = snprintf(text, sizeof(text), "%.*g", digits[i], real);

        if (!strpbrk(text, ".e"))
            snprintf(text + len, sizeof(text) - (size_t)len, ".0");
        /* Mostly the C library tells that this many digits are not enough. */
        if (!same_bits(strtod(text, NULL), real))
            continue;
        r = read_back(database, text, &back, err);
        if (r < 0)
            return r;
        if (same_bits(back, real)) {
            buf_add_text(out, text);
            return 0;
        }
    }
    add_product(real, out);
    return 0;
}
