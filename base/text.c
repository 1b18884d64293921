#include "base/text.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double suffix_factor(const char *suffix)
{
    static const struct {
        char letter;
        double factor;
    } known[] = {{'k', 1e3}, {'K', 1e3}, {'M', 1e6}, {'G', 1e9}, {'T', 1e12}};

    if (!*suffix)
        return 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (*suffix == known[i].letter && !suffix[1])
            return known[i].factor;
    return 0;
}

int ebjr_number_parse(double *out, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    double factor = suffix_factor(end);
    if (end == text || factor == 0 || isnan(value))
        return ebjr_error_set(EBJR_EINVAL, "'%s' is not a number (examples: 0.95, 1.3e8, 130M)",
                              text);
    *out = value * factor;
    return 0;
}

int ebjr_integer_parse(int64_t *out, const char *text, int64_t lowest, int64_t highest)
{
    double value;
    int status = ebjr_number_parse(&value, text);
    if (status)
        return status;
    /* 2^53 bounds the integers a double holds exactly */
    if (value != floor(value) || fabs(value) > 9007199254740992.0 || value < (double)lowest ||
        value > (double)highest)
        return ebjr_error_set(EBJR_EINVAL, "'%s' is not a whole number from %lld to %lld", text,
                              (long long)lowest, (long long)highest);
    *out = (int64_t)value;
    return 0;
}

const char *ebjr_number_format(char out[EBJR_NUMBER_TEXT], double value)
{
    if (isnan(value))
        return strcpy(out, "nan");
    for (int digits = 15; digits <= 17; digits++) {
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
