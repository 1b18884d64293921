/*
 * A class mix: which share of the traffic each group of classes has, where it is not that of the
 * stored samples. "0-3=0.7" says that classes 0 to 3 together are 70 % of it; classes that no group
 * names share the rest. Within a group, classes keep their proportions.
 */
#ifndef EBJR_CLI_CLASS_MIX_H
#define EBJR_CLI_CLASS_MIX_H

#include "cli/table.h"

#include <stddef.h>
#include <stdint.h>

enum { CLASS_MIX_GROUPS = 32 };

struct class_mix {
    size_t count; /* of groups; 0: no mix */
    struct {
        int32_t first, last; /* classes; the rest: -1, -1 */
        double share;
    } group[CLASS_MIX_GROUPS];
};

/* Errors: EBJR_EINVAL. */
int class_mix_parse(struct class_mix *out, const char *text);

/* The group of a label. */
size_t class_mix_group(const struct class_mix *mix, int32_t label);

/* "0-3", "rest". */
void class_mix_name(char *out, size_t size, const struct class_mix *mix, size_t group);

/*
 * Thins samples to the mix: keep[n] becomes 1 for as many of each group, drawn by a seeded shuffle,
 * as the mix asks for and the scarcest group allows. What is left is a sample of the mix, for which
 * every count and every certificate holds as it is. Errors: EBJR_EINVAL a group with a share has no
 * samples; EBJR_ENOMEM.
 */
int class_mix_thin(uint8_t *keep, const struct class_mix *mix, const int32_t *labels, size_t n,
                   uint64_t seed);

#endif
