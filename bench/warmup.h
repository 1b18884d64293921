/*
 * Warm-up: calls that are not counted, until their times are flat.
 *
 * Calls are looked at in windows, each of at least `calls` calls and `window_ns`, and by the median
 * of the (last 64) calls in it, which a single slow one does not move. The times are flat when the
 * medians of the last four windows lie within `tolerance` of the least of them, or within what the
 * scatter of single calls explains, and do not rise or fall throughout: a slow drift whose four
 * steps are small is no end of it (four exchangeable medians would be so ordered once in 12 times,
 * which costs one more window). It is given up after `most_ns`, so the least it takes is four
 * windows, the most is `most_ns` and a call.
 */
#ifndef EBJR_BENCH_WARMUP_H
#define EBJR_BENCH_WARMUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_warmup_rule {
    size_t calls;
    int64_t window_ns, most_ns; /* most_ns 0: no warm-up */
    double tolerance;           /* 0.05: 5 % */
};

/* 5 calls, 50 ms, 10 s, 5 %. */
extern const struct ebjr_warmup_rule ebjr_warmup_defaults;

enum { EBJR_WARMUP_WINDOWS = 4, EBJR_WARMUP_RECENT = 64 };

struct ebjr_warmup {
    struct ebjr_warmup_rule rule;
    int64_t recent[EBJR_WARMUP_RECENT]; /* of the window at hand */
    size_t calls;
    int64_t window_ns, total_ns;
    int64_t medians[EBJR_WARMUP_WINDOWS]; /* the newest last */
    size_t windows;
    double scatter; /* of a median, from the newest window: its standard error */
    bool flat;      /* how it ended */
};

void ebjr_warmup_start(struct ebjr_warmup *out, const struct ebjr_warmup_rule *rule);

/* Another call took ns. Whether the warm-up is over. */
bool ebjr_warmup_add(struct ebjr_warmup *warmup, int64_t ns);

#ifdef __cplusplus
}
#endif
#endif
