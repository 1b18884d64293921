#include "calib/classwise.h"

#include "base/error.h"

#include <gsl/gsl_interp.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * The model. Let d_i = student right - teacher right, in {-1, 0, 1}, and x_i the score, from here
 * on less the operating point's and divided by the range of the scores. For a class c
 *
 *   E[d | x, c] = b(x - o_c),   b a nondecreasing curve common to all classes.
 *
 * Given b, the offset balances the class's books (calibration in the large):
 *
 *   f_c(o) = sum_{i in c} w_i (d_i - b(x_i - o)) = 0,
 *
 * f_c does not fall with o, so bisection finds it. It is an unbiased estimating equation whatever
 * the weights w_i >= 0, as each term has mean 0 at o = o_c. They are 1 at the operating point and
 * fall linearly with the distance in rank to 0 at WINDOW: a class whose curve has another shape is
 * fitted where it matters. One number is fitted to all of a class's samples in the window, which is
 * far less noisy than a class's own curve where it crosses a level.
 *
 * Given the offsets, b is the isotonic regression of d on x - o_c over all samples. Without offsets
 * it is a blur of shifted curves, so both are repeated; ROUNDS is where little moves any more.
 *
 * A common constant in all o_c is the threshold's business: their mean, weighted by samples, is
 * taken off. Then each is shrunk by m_c / (m_c + prior), as a normal mean of m_c observations under
 * a prior worth `prior` of them (Efron & Morris 1975). Only disagreements, d != 0, tell anything,
 * so m_c = W_c r, W_c the weights of the class, r the share of disagreements over all classes; the
 * class's own share would count a class without harm as one that nothing is known of.
 */
enum { ROUNDS = 3, HALVINGS = 50 };
static const double window = 0.5;

struct sample {
    double x, weight;
    int32_t class;
    int balance;
};

/* The samples by class, the first of class c at start[c]. */
struct samples {
    struct sample *at;
    size_t *start; /* [classes + 1] */
    size_t n, classes;
    double low, high, unit; /* of x, and the range of the scores in their own unit */
    double disagreement;
};

/* A piece of the curve: `count` samples with mean place x and mean balance sum / count. */
struct piece {
    double x;
    int64_t sum, count;
};

struct curve {
    struct piece *piece; /* [n], scratch */
    double *x, *level;   /* [n] */
    size_t count;
};

static int by_x(const void *a, const void *b)
{
    double left = ((const struct sample *)a)->x, right = ((const struct sample *)b)->x;
    return (left > right) - (left < right);
}

static int by_class(const void *a, const void *b)
{
    int32_t left = ((const struct sample *)a)->class, right = ((const struct sample *)b)->class;
    return left != right ? (left > right) - (left < right) : by_x(a, b);
}

static int by_place(const void *a, const void *b)
{
    double left = ((const struct piece *)a)->x, right = ((const struct piece *)b)->x;
    return (left > right) - (left < right);
}

static struct piece joined(struct piece a, struct piece b)
{
    int64_t count = a.count + b.count;
    return (struct piece){.x = a.x + (b.x - a.x) * ((double)b.count / (double)count),
                          .sum = a.sum + b.sum,
                          .count = count};
}

/* mean(a) >= mean(b), in whole numbers */
static bool falls(struct piece a, struct piece b)
{
    return a.sum * b.count >= b.sum * a.count;
}

/* Isotonic regression by pooling adjacent violators (Ayer et al. 1955), linear between the places
 * of the pieces. Equal places are one piece from the start. */
static void fit_curve(struct curve *self, const struct samples *samples, const double *offset)
{
    struct piece *piece = self->piece;
    size_t n = samples->n, count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sample *sample = &samples->at[i];
        piece[i] = (struct piece){sample->x - offset[sample->class], sample->balance, 1};
    }
    qsort(piece, n, sizeof *piece, by_place);
    for (size_t i = 0; i < n;) {
        struct piece next = piece[i++];
        while (i < n && piece[i].x == next.x)
            next = joined(next, piece[i++]);
        while (count > 0 && falls(piece[count - 1], next))
            next = joined(piece[--count], next);
        piece[count++] = next;
    }
    self->count = count;
    for (size_t k = 0; k < count; k++) {
        self->x[k] = piece[k].x;
        self->level[k] = (double)piece[k].sum / (double)piece[k].count;
    }
}

static double level_at(const struct curve *self, double x)
{
    size_t last = self->count - 1;
    if (x <= self->x[0])
        return self->level[0];
    if (x >= self->x[last])
        return self->level[last];
    size_t k = gsl_interp_bsearch(self->x, x, 0, last);
    double part = (x - self->x[k]) / (self->x[k + 1] - self->x[k]);
    return self->level[k] + part * (self->level[k + 1] - self->level[k]);
}

/* f_c(o): what the class has gained beyond what the curve, moved by o, lets expect. */
static double surplus(const struct curve *curve, const struct samples *samples, size_t class,
                      double offset)
{
    double sum = 0;
    for (size_t i = samples->start[class]; i < samples->start[class + 1]; i++) {
        const struct sample *sample = &samples->at[i];
        if (sample->weight > 0)
            sum += sample->weight * (sample->balance - level_at(curve, sample->x - offset));
    }
    return sum;
}

static double solve(const struct curve *curve, const struct samples *samples, size_t class)
{
    double low = samples->low, high = samples->high;
    for (int k = 0; k < HALVINGS; k++) {
        double middle = (low + high) / 2;
        if (surplus(curve, samples, class, middle) > 0)
            high = middle;
        else
            low = middle;
    }
    return (low + high) / 2;
}

static double weight_of(const struct samples *samples, size_t class)
{
    double sum = 0;
    for (size_t i = samples->start[class]; i < samples->start[class + 1]; i++)
        sum += samples->at[i].weight;
    return sum;
}

static void centre_and_shrink(double *offset, const struct samples *samples, double prior)
{
    double sum = 0, total = 0;
    for (size_t c = 0; c < samples->classes; c++) {
        double weight = weight_of(samples, c);
        sum += weight * offset[c];
        total += weight;
    }
    for (size_t c = 0; c < samples->classes; c++) {
        double told = weight_of(samples, c) * samples->disagreement;
        offset[c] = told > 0 ? (offset[c] - sum / total) * (told / (told + prior)) : 0;
    }
}

/* All offsets stay 0 where the curve is one piece: it tells no score from another. */
static void fit(double *offset, struct curve *curve, const struct samples *samples, double prior)
{
    for (int round = 0; round < ROUNDS; round++) {
        fit_curve(curve, samples, offset);
        if (curve->count == 1)
            return;
        for (size_t c = 0; c < samples->classes; c++)
            offset[c] = solve(curve, samples, c);
        centre_and_shrink(offset, samples, prior);
    }
}

/* Ranks are middles, (i + 1/2)/n from below, of the whole group where scores are equal; the
 * operating point is the rank 1 - share. samples->at is in order of x. */
static void weigh(struct samples *samples, double share)
{
    double all = 0, disagreed = 0;
    for (size_t first = 0, end; first < samples->n; first = end) {
        for (end = first + 1; end < samples->n && samples->at[end].x == samples->at[first].x; end++)
            ;
        double rank = (double)(first + end) / 2 / (double)samples->n;
        double weight = fmax(0, 1 - fabs(rank - (1 - share)) / window);
        for (size_t i = first; i < end; i++) {
            samples->at[i].weight = weight;
            all += weight;
            disagreed += weight * (samples->at[i].balance != 0);
        }
    }
    samples->disagreement = all > 0 ? disagreed / all : 0;
}

static int measure(struct samples *samples, double share)
{
    struct sample *at = samples->at;
    size_t n = samples->n, below = (size_t)((1 - share) * (double)n + 0.5);
    qsort(at, n, sizeof *at, by_x);
    double threshold = at[below < n ? below : n - 1].x;
    samples->unit = at[n - 1].x - at[0].x;
    if (!isfinite(samples->unit))
        return ebjr_error_set(EBJR_EINVAL, "the scores from %g to %g are too far apart", at[0].x,
                              at[n - 1].x);
    weigh(samples, share);
    for (size_t i = 0; samples->unit > 0 && i < n; i++)
        at[i].x = (at[i].x - threshold) / samples->unit;
    samples->low = at[0].x;
    samples->high = at[n - 1].x;
    return 0;
}

static void group(struct samples *samples)
{
    qsort(samples->at, samples->n, sizeof *samples->at, by_class);
    for (size_t c = 0, i = 0; c <= samples->classes; c++) {
        while (i < samples->n && (size_t)samples->at[i].class < c)
            i++;
        samples->start[c] = i;
    }
}

static void release(struct samples *samples, struct curve *curve)
{
    free(samples->at);
    free(samples->start);
    free(curve->piece);
    free(curve->x);
    free(curve->level);
}

static int reserve(struct samples *samples, struct curve *curve, size_t n, size_t classes)
{
    samples->at = calloc(n, sizeof *samples->at);
    samples->start = calloc(classes + 1, sizeof *samples->start);
    samples->classes = classes;
    curve->piece = calloc(n, sizeof *curve->piece);
    curve->x = calloc(n, sizeof *curve->x);
    curve->level = calloc(n, sizeof *curve->level);
    bool complete = samples->at && samples->start && curve->piece && curve->x && curve->level;
    return complete ? 0 : ebjr_error_memory();
}

static int add(struct samples *samples, double score, int32_t class, int balance, size_t i)
{
    if (!isfinite(score))
        return ebjr_error_set(EBJR_EINVAL, "sample %zu: its score is %g", i, score);
    if (class < 0 || (size_t) class >= samples->classes)
        return ebjr_error_set(EBJR_EINVAL,
                              "sample %zu: its prediction is %d, not one of %zu classes", i,
                              (int)class, samples->classes);
    samples->at[samples->n++] = (struct sample){.x = score, .class = class, .balance = balance};
    return 0;
}

static size_t count_used(const uint8_t *use, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !use || use[i];
    return count;
}

int ebjr_classwise_fit(double *offset, const double *score, const int32_t *prediction,
                       const uint8_t *student_correct, const uint8_t *teacher_correct,
                       const uint8_t *use, size_t n, size_t classes, double share, double prior)
{
    struct samples samples = {0};
    struct curve curve = {0};
    size_t count = count_used(use, n);
    for (size_t c = 0; c < classes; c++)
        offset[c] = 0;
    if (!(share >= 0 && share <= 1))
        return ebjr_error_set(EBJR_EINVAL, "the student's share is %g; give one in [0, 1]", share);
    if (!(prior >= 0) || !isfinite(prior))
        return ebjr_error_set(EBJR_EINVAL, "the prior is %g; give a number >= 0", prior);
    if (count == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to fit offsets to");
    int status = reserve(&samples, &curve, count, classes);
    for (size_t i = 0; !status && i < n; i++) {
        int balance = (student_correct[i] != 0) - (teacher_correct[i] != 0);
        if (!use || use[i])
            status = add(&samples, score[i], prediction[i], balance, i);
    }
    if (!status)
        status = measure(&samples, share);
    if (!status) {
        group(&samples);
        fit(offset, &curve, &samples, prior);
        for (size_t c = 0; c < classes; c++)
            offset[c] *= samples.unit;
    }
    release(&samples, &curve);
    return status;
}
