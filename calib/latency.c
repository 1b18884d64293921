#include "calib/latency.h"

#include "base/error.h"
#include "calib/order.h"
#include "calib/quantile.h"

#include <math.h>
#include <stdlib.h>

/* A number and the sample it belongs to; ties keep the order of the samples. */
struct keyed {
    uint64_t key;
    size_t index;
};

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/*
 * Fenwick's tree: node i holds the count of ranks (i - lowbit(i), i]. Adding and finding the k-th
 * smallest present rank take O(log size).
 */
struct counter {
    int64_t *node; /* [size + 1], 1-based */
    size_t size, top;
};

static void counter_add(struct counter *counter, size_t rank, int64_t by)
{
    for (size_t i = rank + 1; i <= counter->size; i += i & -i)
        counter->node[i] += by;
}

static size_t counter_find(const struct counter *counter, int64_t k)
{
    size_t at = 0;
    for (size_t step = counter->top; step > 0; step >>= 1) {
        if (at + step <= counter->size && counter->node[at + step] < k) {
            at += step;
            k -= counter->node[at];
        }
    }
    return at;
}

/* The walk along a curve: which samples move at each point, and where their latencies rank. */
struct walk {
    size_t n;
    size_t *order;       /* [n] samples by descending score */
    double *value;       /* [2n] all possible latencies, ascending */
    size_t *fast, *slow; /* [n] ranks of S_i and of S_i + T_i in `value` */
    struct counter counter;
};

static void walk_free(struct walk *walk)
{
    free(walk->order);
    free(walk->value);
    free(walk->fast);
    free(walk->slow);
    free(walk->counter.node);
}

static int check(const double *student, const double *teacher, size_t n)
{
    if (n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples");
    for (size_t i = 0; i < n; i++)
        if (!(student[i] >= 0) || !(teacher[i] >= 0) || !isfinite(student[i] + teacher[i]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: latencies are finite and not negative",
                                  i);
    return 0;
}

static int walk_start(struct walk *walk, const double *score, const double *student,
                      const double *teacher, size_t n)
{
    struct keyed *keyed = malloc(2 * n * sizeof *keyed);
    *walk = (struct walk){.n = n};
    walk->order = malloc(n * sizeof *walk->order);
    walk->value = calloc(2 * n, sizeof *walk->value);
    walk->fast = calloc(n, sizeof *walk->fast);
    walk->slow = calloc(n, sizeof *walk->slow);
    walk->counter.node = calloc(2 * n + 1, sizeof *walk->counter.node);
    if (!keyed || !walk->order || !walk->value || !walk->fast || !walk->slow ||
        !walk->counter.node) {
        free(keyed);
        return ebjr_error_memory();
    }
    for (size_t i = 0; i < n; i++)
        keyed[i] = (struct keyed){ebjr_key_of(score[i]), i};
    qsort(keyed, n, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < n; i++)
        walk->order[i] = keyed[i].index;

    for (size_t i = 0; i < n; i++) { /* keys descend; of the negative they ascend */
        keyed[i] = (struct keyed){ebjr_key_of(-student[i]), i};
        keyed[n + i] = (struct keyed){ebjr_key_of(-(student[i] + teacher[i])), n + i};
    }
    qsort(keyed, 2 * n, sizeof *keyed, compare_keyed);
    for (size_t rank = 0; rank < 2 * n; rank++) {
        size_t index = keyed[rank].index;
        walk->value[rank] = -ebjr_key_score(keyed[rank].key);
        if (index < n)
            walk->fast[index] = rank;
        else
            walk->slow[index - n] = rank;
    }
    free(keyed);

    walk->counter.size = 2 * n;
    for (walk->counter.top = 1; walk->counter.top * 2 <= 2 * n; walk->counter.top *= 2)
        continue;
    for (size_t i = 0; i < n; i++)
        counter_add(&walk->counter, walk->slow[i], 1);
    return 0;
}

static double walk_quantile(const struct walk *walk, double q)
{
    int64_t rank = ebjr_quantile_rank((int64_t)walk->n, q);
    return walk->value[counter_find(&walk->counter, rank)];
}

int ebjr_latency_sweep(struct ebjr_latency_curve *out, const struct ebjr_curve *curve,
                       const double *score, const double *student, const double *teacher, size_t n)
{
    struct walk walk = {0};
    size_t count = curve->count, moved = 0;
    *out = (struct ebjr_latency_curve){.count = count};
    int status = check(student, teacher, n);
    if (status)
        return status;
    out->mean = malloc(4 * count * sizeof *out->mean);
    status = out->mean ? walk_start(&walk, score, student, teacher, n) : ebjr_error_memory();
    if (status) {
        walk_free(&walk);
        ebjr_latency_curve_free(out);
        return status;
    }
    out->p50 = out->mean + count;
    out->p95 = out->p50 + count;
    out->p99 = out->p95 + count;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += student[i] + teacher[i];
    for (size_t i = 0; i < count; i++) {
        for (; moved < (size_t)curve->points[i].student; moved++) {
            size_t sample = walk.order[moved];
            counter_add(&walk.counter, walk.slow[sample], -1);
            counter_add(&walk.counter, walk.fast[sample], 1);
            sum -= teacher[sample];
        }
        out->mean[i] = sum / (double)n;
        out->p50[i] = walk_quantile(&walk, 0.50);
        out->p95[i] = walk_quantile(&walk, 0.95);
        out->p99[i] = walk_quantile(&walk, 0.99);
    }
    walk_free(&walk);
    return 0;
}

void ebjr_latency_curve_free(struct ebjr_latency_curve *curve)
{
    free(curve->mean); /* the others stand in the same block */
    *curve = (struct ebjr_latency_curve){0};
}

int ebjr_latency_exceeding(int64_t *exceeding, const struct ebjr_curve *curve, const double *score,
                           const double *student, const double *teacher, size_t n, double limit)
{
    struct keyed *keyed = malloc(n * sizeof *keyed);
    int64_t slow = 0;
    size_t moved = 0;
    if (!keyed)
        return ebjr_error_memory();
    for (size_t i = 0; i < n; i++) {
        keyed[i] = (struct keyed){ebjr_key_of(score[i]), i};
        slow += student[i] + teacher[i] > limit;
    }
    qsort(keyed, n, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < curve->count; i++) {
        for (; moved < (size_t)curve->points[i].student; moved++) {
            size_t sample = keyed[moved].index;
            slow -= student[sample] + teacher[sample] > limit;
            slow += student[sample] > limit;
        }
        exceeding[i] = slow;
    }
    free(keyed);
    return 0;
}
