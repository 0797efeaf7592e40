/* What a catalog says may come from anywhere: lengths and numbers are believed as far as they fit. */
#include "service/fact_text.h"

#include <ctype.h>

bool fact_take_number(const char **at, const char *end, char mark, uint64_t *ret_number)
{
    const char *from = *at;
    uint64_t number = 0;

    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (*at == from || *at == end || **at != mark)
        return false;
    ++*at;
    *ret_number = number;
    return true;
}

bool fact_take_signed(const char **at, const char *end, char mark, int64_t *ret_number)
{
    bool negative = *at < end && **at == '-';
    uint64_t number;

    if (negative)
        ++*at;
    if (!fact_take_number(at, end, mark, &number) || number > INT64_MAX)
        return false;
    *ret_number = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

bool fact_take_name(const char **at, const char *end, char mark, const char **ret_name,
                    size_t *ret_len)
{
    uint64_t len = 0;

    if (!fact_take_number(at, end, ':', &len) || len >= (size_t)(end - *at) || (*at)[len] != mark)
        return false;
    *ret_name = *at;
    *ret_len = (size_t)len;
    *at += len + 1;
    return true;
}
