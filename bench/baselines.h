/*
 * Published results of other methods, read from CSV. The columns and how to add a file are in
 * bench/baselines/README.md; what is per cent there is a fraction here, and every cost is in FLOPs
 * = 2 x multiply-adds.
 */
#ifndef EBJR_BENCH_BASELINES_H
#define EBJR_BENCH_BASELINES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a method spends its cost. Results of one method in two families are not of one curve. */
enum ebjr_family {
    EBJR_FAMILY_ROUTED,         /* a cascade: each sample to one of several models */
    EBJR_FAMILY_BUDGETED_BATCH, /* early exits by thresholds that meet a mean cost */
    EBJR_FAMILY_ANYTIME,        /* every sample stops at one cost */
    EBJR_FAMILY_ADAPTIVE,       /* one network that leaves parts of itself out */
    EBJR_FAMILY_STATIC,         /* single models */
    EBJR_FAMILIES
};

/* "routed", "budgeted-batch", ... */
const char *ebjr_family_name(enum ebjr_family family);

enum ebjr_baseline_convention { /* of FLOPs, as runtime/flops.h has them */
                                EBJR_BASELINE_UNKNOWN,
                                EBJR_BASELINE_OP_COUNTER,
                                EBJR_BASELINE_MAC2
};

struct ebjr_baseline {
    const char *dataset, *metric; /* "CIFAR-10", "top-1 accuracy" or "mAP" */
    const char *method, *variant; /* points of one dataset, method, family and variant: a curve */
    const char *point;            /* its own name, or "" */
    enum ebjr_family family;
    enum ebjr_baseline_convention convention;
    double flops;                       /* a sample, 2 x multiply-adds, > 0 */
    double accuracy;                    /* 0 .. 1 */
    double flops_error, accuracy_error; /* of reading, >= 0; 0: as printed */
    const char *source, *how_read;
};

struct ebjr_baselines {
    struct ebjr_baseline *points;
    size_t count;
    char **texts; /* what the points point to, one a point */
};

/*
 * Adds the points of a file to *out, which begins as {0}; on failure *out is as it was. The caller
 * frees with ebjr_baselines_free. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_ENOMEM; EBJR_EFORMAT, with
 * file and line: those of ebjr_records_next, a column that is missing, no points at all, a field
 * that must be filled, a family, unit, metric or convention that is unknown, a number that is not
 * finite or cannot be meant.
 */
int ebjr_baselines_read(struct ebjr_baselines *out, const char *path);
void ebjr_baselines_free(struct ebjr_baselines *baselines);

/* Which curve comes first: by family, then method, then variant; 0: points of one curve. */
int ebjr_baseline_compare_curves(const struct ebjr_baseline *a, const struct ebjr_baseline *b);

/* Puts them in an order that does not depend on the one they came in: by curve, cost,
 * accuracy, name; points that still tie say the same but for their source. */
void ebjr_baselines_sort(struct ebjr_baselines *baselines);

#ifdef __cplusplus
}
#endif
#endif
