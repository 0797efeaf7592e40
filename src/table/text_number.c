/*
 * Numbers as text, without the C library where that is slow.
 *
 * Most REALs that people store are short decimals. If a double times 10^k is near an integer n
 * below 10^15, and n / 10^k is this double again, then n with its point moved is the text of at
 * most 15 digits that "%.15g" gives: the division rounds correctly, as both numbers are exact, and
 * decimals of 15 digits survive the way through a double.
 *
 * Where no k does, 17 digits are needed. A double from 10^-4 to 10^15 is an integer of 53 bits
 * divided by a power of two; times a power of ten that fits into 128 bits, and is rounded there as
 * "%.17g" rounds. All else has an exponent in its text, and is left to the C library.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/buf.h"
#include "table/text_internal.h"

#define LEAST_PLAIN 1e-4
#define END_OF_PLAIN 1e15 /* and of what has 15 digits */
#define SHORT_DECIMALS 18 /* 10^-4 times 10^19 has 16 digits */
#define MANTISSA_BITS 53

/* All of these are exact. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

/* A plain number below bounds[i] has 20 - i decimals among its 17 digits. Which side the bounds are
 * on does not matter: they are short. */
static const double bounds[] = {1e-3, 1e-2, 1e-1, 1e0, 1e1,  1e2,  1e3,  1e4,  1e5,
                                1e6,  1e7,  1e8,  1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
#define MOST_DECIMALS 20

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static size_t put_digits(uint64_t number, char *to)
{
    char digits[20];
    char *at = digits + sizeof(digits);
    size_t len;

    for (; number >= 100; number /= 100) {
        at -= 2;
        memcpy(at, pairs + number % 100 * 2, 2);
    }
    if (number >= 10) {
        at -= 2;
        memcpy(at, pairs + number * 2, 2);
    } else {
        *--at = (char)('0' + number);
    }
    len = (size_t)(digits + sizeof(digits) - at);
    memcpy(to, at, len);
    return len;
}

size_t text_put_integer(int64_t integer, char to[TEXT_NUMBER_BYTES])
{
    if (integer >= 0)
        return put_digits((uint64_t)integer, to);
    *to = '-';
    return 1 + put_digits(-(uint64_t)integer, to + 1);
}

/* number / 10^decimals, without zeros at the end but for one behind the point. */
static size_t put_scaled(uint64_t number, unsigned decimals, char *to)
{
    char digits[20];
    size_t len = put_digits(number, digits);
    size_t whole = len > decimals ? len - decimals : 0;
    size_t at = 0;

    if (whole > 0) {
        memcpy(to, digits, whole);
        at = whole;
    } else {
        to[at++] = '0';
    }
    to[at++] = '.';
    if (decimals == 0) {
        to[at++] = '0';
        return at;
    }
    for (size_t i = len; i < decimals; i++)
        to[at++] = '0';
    memcpy(to + at, digits + whole, len - whole);
    at += len - whole;
    while (to[at - 1] == '0' && to[at - 2] != '.')
        at--;
    return at;
}

/* Is it a decimal of 15 digits? 0 if not. */
static size_t put_short(double size, unsigned decimals, char *to)
{
    for (unsigned k = 0; k <= decimals; k++) {
        double scaled = size * powers[k];
        uint64_t number;

        if (scaled >= END_OF_PLAIN)
            break;
        number = (uint64_t)(scaled + 0.5);
        /* Far from an integer, compared with what a product is rounded by. */
        if (fabs(scaled - (double)number) > scaled * 0x1p-51)
            continue;
        if ((double)number / powers[k] == size)
            return put_scaled(number, k, to);
    }
    return 0;
}

static size_t put_by_library(double size, char *to)
{
    int len = snprintf(to, TEXT_NUMBER_BYTES - 1, "%.15g", size);

    if (strtod(to, NULL) != size)
        len = snprintf(to, TEXT_NUMBER_BYTES - 1, "%.17g", size);
    if (!strpbrk(to, ".e")) {
        memcpy(to + len, ".0", 2);
        len += 2;
    }
    return (size_t)len;
}

/* A plain number that needs 17 digits. */
static size_t put_long(double size, char *to)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    int exponent;
    wide product = (wide)(uint64_t)ldexp(frexp(size, &exponent), MANTISSA_BITS);
    wide half = (wide)1 << (MANTISSA_BITS - exponent - 1);
    wide rest;
    unsigned decimals = MOST_DECIMALS;
    uint64_t number;

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]) && size >= bounds[i]; i++)
        decimals--;
    for (unsigned i = 0; i < decimals; i++)
        product *= 10;
    number = (uint64_t)(product >> (MANTISSA_BITS - exponent));
    rest = product & (half * 2 - 1);
    if (rest > half || (rest == half && number % 2 == 1))
        number++;
    return put_scaled(number, decimals, to);
#else
    return put_by_library(size, to);
#endif
}

size_t text_put_decimal(double real, unsigned decimals, char to[TEXT_NUMBER_BYTES])
{
    double size = fabs(real);
    size_t sign = real < 0, len;

    if (size < LEAST_PLAIN || !(size < END_OF_PLAIN))
        return 0;
    *to = '-';
    len = put_short(size, decimals, to + sign);
    return len > 0 ? sign + len : 0;
}

size_t text_put_real(double real, char to[TEXT_NUMBER_BYTES])
{
    double size = fabs(real);
    size_t sign = signbit(real) ? 1 : 0, len = 0;

    *to = '-';
    if (isinf(real)) {
        memcpy(to + sign, "inf", 3);
        return sign + 3;
    }
    if (size == 0 || (size >= LEAST_PLAIN && size < END_OF_PLAIN)) {
        len = put_short(size, SHORT_DECIMALS, to + sign);
        if (len == 0)
            len = put_long(size, to + sign);
    } else {
        len = put_by_library(size, to + sign);
    }
    return sign + len;
}

void text_integer(int64_t integer, struct buf *out)
{
    char text[TEXT_NUMBER_BYTES];

    buf_add(out, text, text_put_integer(integer, text));
}

void text_real(double real, struct buf *out)
{
    char text[TEXT_NUMBER_BYTES];

    buf_add(out, text, text_put_real(real, text));
}
