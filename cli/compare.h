/* Contenders on one data set, and what is said of them: each view is one table. */
#ifndef EBJR_CLI_COMPARE_H
#define EBJR_CLI_COMPARE_H

#include "cli/contender.h"
#include "cli/table.h"

/* What a person asks of ebjr compare. */
struct compare_request {
    struct cascade_request cascade; /* db, student, teacher are NULL where they were not given */
    const char *score, *what, *reference, *title, *plot;
    double threshold; /* NaN: none */
    struct option_list cascades, models, baselines;
    struct ebjr_bootstrap bootstrap;
};

struct comparison {
    struct contender *contenders; /* cascades, models, then baselines by family and name */
    size_t count, reference;
    struct ebjr_baselines baselines; /* what the contenders' texts point into */
    char dataset[256], metric[32];   /* "CIFAR-10", "top-1 accuracy" */
    const char *convention;          /* of the store's FLOPs; NULL: there is no store */
};

/* Reads the store and the baselines. Freed by comparison_free, also after an error. */
int comparison_load(struct comparison *out, const struct compare_request *request);
void comparison_free(struct comparison *comparison);

/* The view of that name. Errors: EBJR_EINVAL there is none. */
int comparison_check_view(const char *name);
int comparison_print(const struct comparison *comparison, const char *view, struct output output);

/* The views: of each contender, and of each against the reference. */
int compare_print_summary(const struct comparison *comparison, struct output output);
int compare_print_points(const struct comparison *comparison, struct output output);
int compare_print_dominance(const struct comparison *comparison, struct output output);
int compare_print_equal_cost(const struct comparison *comparison, struct output output);
int compare_print_equal_accuracy(const struct comparison *comparison, struct output output);
int compare_print_wins(const struct comparison *comparison, struct output output);

/* PATH.dat, .gp, .svg and .png. */
int compare_draw(const struct comparison *comparison, const struct compare_request *request);

#endif
