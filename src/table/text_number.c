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
#define FEW_DECIMALS 3    /* tried one after another */
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

/* Is it number / 10^decimals, with a number of at most 15 digits? */
static bool is_decimal(double size, unsigned decimals, uint64_t *ret_number)
{
    double scaled = size * powers[decimals];
    uint64_t number;

    if (scaled >= END_OF_PLAIN)
        return false;
    number = (uint64_t)(scaled + 0.5);
    /* Far from an integer, compared with what a product is rounded by? */
    if (fabs(scaled - (double)number) > scaled * 0x1p-51)
        return false;
    *ret_number = number;
    return (double)number / powers[decimals] == size;
}

/* With so few decimals at most; 0 if it has more. */
static size_t put_short(double size, unsigned decimals, char *to)
{
    uint64_t number;

    for (unsigned k = 0; k <= decimals; k++)
        if (is_decimal(size, k, &number))
            return put_scaled(number, k, to);
    return 0;
}

static size_t put_by_library(double size, char *to)
{
    int len = snprintf(to, TEXT_NUMBER_BYTES - 1, "%.15g", size);

    if (strtod(to, NULL) != size)
        len = snprintf(to, TEXT_NUMBER_BYTES - 1, "%.17g", size);
    if (!strpbrk(to, ".e")) {
        to[len++] = '.';
        to[len++] = '0';
    }
    return (size_t)len;
}

/* 17 digits, so many of them behind the point. */
static size_t put_long(double size, unsigned decimals, char *to)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    int exponent;
    wide product = (wide)(uint64_t)ldexp(frexp(size, &exponent), MANTISSA_BITS);
    wide half = (wide)1 << (MANTISSA_BITS - exponent - 1);
    wide rest;
    uint64_t number;

    for (unsigned i = 0; i < decimals; i++)
        product *= 10;
    number = (uint64_t)(product >> (MANTISSA_BITS - exponent));
    rest = product & (half * 2 - 1);
    if (rest > half || (rest == half && number % 2 == 1))
        number++;
    return put_scaled(number, decimals, to);
#else
    (void)decimals;
    return put_by_library(size, to);
#endif
}

static size_t put_plain(double size, char *to)
{
    unsigned decimals = MOST_DECIMALS;
    uint64_t number;
    size_t len = put_short(size, FEW_DECIMALS, to);

    if (len > 0)
        return len;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]) && size >= bounds[i]; i++)
        decimals--;
    /* What has fewer digits than 15 has zeros behind them. */
    if (is_decimal(size, decimals - 2, &number))
        return put_scaled(number, decimals - 2, to);
    return put_long(size, decimals, to);
}

size_t text_put_decimal(double real, unsigned decimals, char to[TEXT_NUMBER_BYTES])
{
    double size = fabs(real);
    size_t sign = real < 0, len;

    if (signbit(real) ? size < LEAST_PLAIN : size < LEAST_PLAIN && size > 0)
        return 0;
    if (!(size < END_OF_PLAIN))
        return 0;
    *to = '-';
    len = put_short(size, decimals, to + sign);
    return len > 0 ? sign + len : 0;
}

size_t text_put_real(double real, char to[TEXT_NUMBER_BYTES])
{
    double size = fabs(real);
    size_t sign = signbit(real) ? 1 : 0;

    *to = '-';
    if (isinf(real)) {
        for (const char *c = "inf"; *c; c++)
            to[sign++] = *c;
        return sign;
    }
    if (size == 0 || (size >= LEAST_PLAIN && size < END_OF_PLAIN))
        return sign + put_plain(size, to + sign);
    return sign + put_by_library(size, to + sign);
}

void text_integer(int64_t integer, struct buf *out)
{
    char *to = buf_reserve(out, TEXT_NUMBER_BYTES);

    if (!to)
        return;
    out->len += text_put_integer(integer, to);
    out->data[out->len] = '\0';
}

void text_real(double real, struct buf *out)
{
    char *to = buf_reserve(out, TEXT_NUMBER_BYTES);

    if (!to)
        return;
    out->len += text_put_real(real, to);
    out->data[out->len] = '\0';
}
