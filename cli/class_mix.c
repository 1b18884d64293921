#include "cli/class_mix.h"

#include "base/error.h"
#include "base/text.h"
#include "calib/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int malformed(const char *text)
{
    return ebjr_error_set(EBJR_EINVAL,
                          "--class-weights: '%s' is not CLASSES=SHARE,... (example: "
                          "0-3=0.7)",
                          text);
}

/* "0-3=0.7" or "5=0.1" */
static int parse_group(struct class_mix *out, const char *item)
{
    char text[64];
    int64_t first, last;
    double share;
    snprintf(text, sizeof text, "%s", item);
    char *equals = strchr(text, '='), *dash;
    if (!equals || out->count + 1 == CLASS_MIX_GROUPS)
        return malformed(item);
    *equals = 0;
    dash = strchr(text, '-');
    if (dash)
        *dash = 0;
    if (ebjr_integer_parse(&first, text, 0, INT32_MAX) != 0 ||
        ebjr_integer_parse(&last, dash ? dash + 1 : text, first, INT32_MAX) != 0 ||
        ebjr_number_parse(&share, equals + 1) != 0 || !(share >= 0 && share <= 1))
        return malformed(item);
    for (size_t g = 0; g < out->count; g++)
        if (first <= out->group[g].last && last >= out->group[g].first)
            return ebjr_error_set(EBJR_EINVAL, "--class-weights: '%s' names a class twice", item);
    out->group[out->count].first = (int32_t)first;
    out->group[out->count].last = (int32_t)last;
    out->group[out->count++].share = share;
    return 0;
}

int class_mix_parse(struct class_mix *out, const char *text)
{
    double rest = 1;
    *out = (struct class_mix){0};
    while (true) {
        char item[64];
        size_t length = strcspn(text, ",");
        if (length >= sizeof item)
            return malformed(text);
        snprintf(item, sizeof item, "%.*s", (int)length, text);
        int status = parse_group(out, item);
        if (status)
            return status;
        rest -= out->group[out->count - 1].share;
        if (!text[length])
            break;
        text += length + 1;
    }
    if (rest < -1e-9)
        return ebjr_error_set(EBJR_EINVAL, "--class-weights: the shares sum to more than 1");
    out->group[out->count].first = out->group[out->count].last = -1;
    out->group[out->count++].share = rest > 1e-9 ? rest : 0;
    return 0;
}

size_t class_mix_group(const struct class_mix *mix, int32_t label)
{
    for (size_t g = 0; g + 1 < mix->count; g++)
        if (label >= mix->group[g].first && label <= mix->group[g].last)
            return g;
    return mix->count - 1;
}

void class_mix_name(char *out, size_t size, const struct class_mix *mix, size_t group)
{
    int32_t first = mix->group[group].first, last = mix->group[group].last;
    if (first < 0)
        snprintf(out, size, "rest");
    else if (first == last)
        snprintf(out, size, "%d", first);
    else
        snprintf(out, size, "%d-%d", first, last);
}

/* The total that the scarcest group allows: min n_g / share_g. */
static int total_of(double *out, const struct class_mix *mix, const size_t *available)
{
    char name[32];
    *out = INFINITY;
    for (size_t g = 0; g < mix->count; g++) {
        if (mix->group[g].share == 0)
            continue;
        if (available[g] == 0) {
            class_mix_name(name, sizeof name, mix, g);
            return ebjr_error_set(EBJR_EINVAL,
                                  "--class-weights: no sample has a class of %s, "
                                  "which is to have %g of the traffic",
                                  name, mix->group[g].share);
        }
        *out = fmin(*out, (double)available[g] / mix->group[g].share);
    }
    return 0;
}

int class_mix_thin(uint8_t *keep, const struct class_mix *mix, const int32_t *labels, size_t n,
                   uint64_t seed)
{
    size_t available[CLASS_MIX_GROUPS] = {0};
    double total;
    int32_t *stratum = malloc(n * sizeof *stratum);
    int8_t *part = malloc(n);
    int status = stratum && part ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < n; i++)
        available[class_mix_group(mix, labels[i])]++;
    if (!status)
        status = total_of(&total, mix, available);
    memset(keep, 0, n);
    for (size_t g = 0; !status && g < mix->count; g++) {
        if (mix->group[g].share == 0)
            continue;
        double fraction = fmin(1, total * mix->group[g].share / (double)available[g]);
        /* strata: the classes of the group, and all others, which are not looked at */
        for (size_t i = 0; i < n; i++)
            stratum[i] = class_mix_group(mix, labels[i]) == g ? labels[i] + 1 : 0;
        status = ebjr_split(part, stratum, n, &fraction, 1, seed);
        for (size_t i = 0; !status && i < n; i++)
            keep[i] |= stratum[i] > 0 && part[i] == 0;
    }
    free(stratum);
    free(part);
    return status;
}
