#include "base/text.h"

#include "base/error.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The power of ten that a suffix stands for; -1 where it is none. */
static int suffix_exponent(const char *suffix)
{
    static const struct {
        const char *suffix;
        int exponent;
    } known[] = {{"", 0}, {"k", 3}, {"K", 3}, {"M", 6}, {"G", 9}, {"T", 12}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(suffix, known[i].suffix) == 0)
            return known[i].exponent;
    return -1;
}

static int not_a_number(const char *text)
{
    return ebjr_error_set(EBJR_EINVAL, "'%s' is not a number (examples: 0.95, 1.3e8, 130M)", text);
}

/* "130.187k" is read as 130.187e3, rounded once; "1e2k", which has an exponent, as 1e2 * 1e3. */
int ebjr_number_parse(double *out, const char *text)
{
    char *end, decimal[64];
    double value = strtod(text, &end);
    int exponent = suffix_exponent(end);
    if (end == text || exponent < 0 || isnan(value))
        return not_a_number(text);
    size_t length = (size_t)(end - text);
    bool has_exponent = memchr(text, 'e', length) || memchr(text, 'E', length);
    if (exponent > 0 && !has_exponent && length < sizeof decimal - 4) {
        snprintf(decimal, sizeof decimal, "%.*se%d", (int)length, text, exponent);
        value = strtod(decimal, NULL);
    } else if (exponent > 0) {
        value *= pow(10, exponent);
    }
    if (isinf(value) && !strpbrk(text, "iI"))
        return ebjr_error_set(EBJR_EINVAL, "'%s' is too large a number", text);
    *out = value;
    return 0;
}

/* *out: the unit's nanoseconds; *length: of the text before the unit. */
static void split_unit(double *out, size_t *length, const char *text)
{
    static const struct {
        const char *suffix;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    size_t whole = strlen(text);
    *out = 1;
    *length = whole;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t tail = strlen(units[i].suffix);
        if (whole > tail && strcmp(text + whole - tail, units[i].suffix) == 0) {
            *out = units[i].ns;
            *length = whole - tail;
            return;
        }
    }
}

int ebjr_time_parse(double *out, const char *text)
{
    char number[64];
    double unit, value;
    size_t length;
    split_unit(&unit, &length, text);
    if (length >= sizeof number)
        return ebjr_error_set(EBJR_EINVAL, "'%.40s...' is not a time (examples: 20ms, 1.5us)",
                              text);
    snprintf(number, sizeof number, "%.*s", (int)length, text);
    int status = ebjr_number_parse(&value, number);
    if (status)
        return status;
    if (value < 0 || (isinf(value * unit) && isfinite(value)))
        return ebjr_error_set(EBJR_EINVAL, "'%s' is no time: it must be 0 or more, below 1e308 ns",
                              text);
    *out = value * unit;
    return 0;
}

int ebjr_integer_parse(int64_t *out, const char *text, int64_t lowest, int64_t highest)
{
    static const double most_exact = 9007199254740992.0; /* 2^53: doubles beyond skip integers */
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    bool is_integer = end != text && !*end && errno == 0;
    if (!is_integer) {
        double value;
        int status = ebjr_number_parse(&value, text);
        if (status)
            return status;
        is_integer = value == floor(value) && fabs(value) < most_exact;
        integer = is_integer ? (long long)value : 0;
    }
    if (!is_integer || integer < lowest || integer > highest)
        return ebjr_error_set(EBJR_EINVAL, "'%s' is not a whole number from %lld to %lld", text,
                              (long long)lowest, (long long)highest);
    *out = integer;
    return 0;
}

const char *ebjr_number_format(char out[EBJR_NUMBER_TEXT], double value)
{
    if (isnan(value))
        return memcpy(out, "nan", sizeof "nan");
    /* up to 15 digits tell every normal double of so many digits from its neighbours */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(out, EBJR_NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return out;
}

enum { NAME_LIMIT = 64 };

/* Levenshtein's distance, one row of the table at a time. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_LIMIT + 1];
    size_t columns = strlen(b);
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < columns; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[columns];
}

const char *ebjr_name_nearest(const char *name, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t length = strlen(name);
    size_t best = length / 2 + 1;
    if (length > NAME_LIMIT)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > NAME_LIMIT)
            continue;
        size_t distance = edit_distance(name, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

int ebjr_name_find(size_t *out, int code, const char *noun, const char *name,
                   const char *const *candidates, size_t count)
{
    for (*out = 0; *out < count; ++*out)
        if (strcmp(name, candidates[*out]) == 0)
            return 0;
    const char *nearest = ebjr_name_nearest(name, candidates, count);
    return ebjr_error_set(code, "there is no %s '%s'%s%s%s", noun, name,
                          nearest ? "; did you mean '" : "", nearest ? nearest : "",
                          nearest ? "'?" : "");
}
