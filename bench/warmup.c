#include "bench/warmup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ebjr_warmup_rule ebjr_warmup_defaults = {5, 50000000, 10000000000, 0.05};

void ebjr_warmup_start(struct ebjr_warmup *out, const struct ebjr_warmup_rule *rule)
{
    *out = (struct ebjr_warmup){.rule = *rule};
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median of the window, and its standard error: of m normal calls with standard deviation s,
 * which is the interquartile range / 1.349, it is 1.2533 s / sqrt(m). */
static int64_t summarise(double *scatter, struct ebjr_warmup *warmup)
{
    size_t count = warmup->calls < EBJR_WARMUP_RECENT ? warmup->calls : EBJR_WARMUP_RECENT;
    const int64_t *sorted = warmup->recent;
    qsort(warmup->recent, count, sizeof *warmup->recent, compare);
    size_t quarter = count / 4;
    double range = (double)(sorted[count - 1 - quarter] - sorted[quarter]);
    *scatter = 1.2533 / 1.349 * range / sqrt((double)count);
    return sorted[count / 2];
}

static bool is_flat(const struct ebjr_warmup *warmup)
{
    const int64_t *medians = warmup->medians;
    int64_t least = medians[0], most = medians[0];
    int rises = 0, falls = 0;
    if (warmup->windows < EBJR_WARMUP_WINDOWS)
        return false;
    for (size_t i = 1; i < EBJR_WARMUP_WINDOWS; i++) {
        least = medians[i] < least ? medians[i] : least;
        most = medians[i] > most ? medians[i] : most;
        rises += medians[i] > medians[i - 1];
        falls += medians[i] < medians[i - 1];
    }
    /* four medians rarely (5 %) spread over more than 3.6 of their standard errors (Tukey's range)
     */
    double allowed = fmax(warmup->rule.tolerance * (double)least, 3.6 * warmup->scatter);
    return (double)(most - least) <= allowed && rises < EBJR_WARMUP_WINDOWS - 1 &&
           falls < EBJR_WARMUP_WINDOWS - 1;
}

static void close_window(struct ebjr_warmup *warmup)
{
    memmove(warmup->medians, warmup->medians + 1,
            (EBJR_WARMUP_WINDOWS - 1) * sizeof *warmup->medians);
    warmup->medians[EBJR_WARMUP_WINDOWS - 1] = summarise(&warmup->scatter, warmup);
    warmup->windows++;
    warmup->calls = 0;
    warmup->window_ns = 0;
}

bool ebjr_warmup_add(struct ebjr_warmup *warmup, int64_t ns)
{
    const struct ebjr_warmup_rule *rule = &warmup->rule;
    warmup->recent[warmup->calls++ % EBJR_WARMUP_RECENT] = ns;
    warmup->window_ns += ns;
    warmup->total_ns += ns;
    if (warmup->calls >= rule->calls && warmup->window_ns >= rule->window_ns) {
        close_window(warmup);
        warmup->flat = is_flat(warmup);
    }
    return warmup->flat || warmup->total_ns >= rule->most_ns;
}
