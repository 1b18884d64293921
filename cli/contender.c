#include "cli/contender.h"

#include "base/error.h"
#include "calib/binomial.h"
#include "calib/summary.h"
#include "calib/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARES = 101, MOST_SCORES = 16, MOST_POINTS = 3 };

const char *contender_kind_name(const struct contender *contender)
{
    switch (contender->kind) {
    case CONTENDER_CASCADE: return "cascade";
    case CONTENDER_MODEL: return "model";
    default: return ebjr_family_name(contender->family);
    }
}

int contender_name(struct contender *out, const char *first, const char *between,
                   const char *second, const char *last)
{
    const char *comma = *last ? ", " : "";
    size_t size = strlen(first) + strlen(between) + strlen(second) + strlen(last) + 3;
    out->name = malloc(size);
    if (!out->name)
        return ebjr_error_memory();
    snprintf(out->name, size, "%s%s%s%s%s", first, between, second, comma, last);
    return 0;
}

int contender_allocate(struct contender *out, size_t offers, size_t points)
{
    out->offers = malloc(offers * sizeof *out->offers);
    out->points = malloc(points * sizeof *out->points);
    return out->offers && out->points ? 0 : ebjr_error_memory();
}

int contender_check_flops(double flops, const char *model)
{
    return flops > 0 ? 0
                     : ebjr_error_set(EBJR_EINVAL,
                                      "the FLOPs of '%s' are unknown, and so is what it costs; "
                                      "import it with --flops N",
                                      model);
}

/* Clopper and Pearson's interval: each end may fail in half of the cases. */
static struct named_offer measured(const char *name, double cost, int64_t correct, int64_t n,
                                   double level)
{
    double delta = (1 - level) / 2;
    return (struct named_offer){.name = name,
                                .offer = {cost, (double)correct / (double)n},
                                .low = ebjr_binomial_lower(correct, n, delta),
                                .high = ebjr_binomial_upper(correct, n, delta),
                                .latency = NAN,
                                .depth = EBJR_UNKNOWN};
}

int contender_best_score(const struct ebjr_score **out, const struct cascade *cascade)
{
    const struct ebjr_bootstrap fewest = {39, 1, 0.95}; /* the estimates are wanted */
    const double *columns[MOST_SCORES];
    struct ebjr_interval areas[MOST_SCORES];
    size_t count, best = 0;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    while (count > 0 && scores[count - 1].kind != EBJR_SCORE_LOGITS)
        count--; /* random and oracle are the last */
    double *values = malloc(count * cascade->n * sizeof *values);
    int status = values ? cascade_scores(values, cascade, scores, count) : ebjr_error_memory();
    for (size_t i = 0; i < count; i++)
        columns[i] = values + i * cascade->n;
    if (!status)
        status = ebjr_bootstrap_compare(areas, NULL, ebjr_deferral_area, columns, count, 0,
                                        cascade->student_correct, cascade->teacher_correct,
                                        cascade->n, &fewest);
    for (size_t i = 1; !status && i < count; i++)
        best = areas[i].estimate > areas[best].estimate ? i : best;
    free(values);
    *out = &scores[best];
    return status;
}

double contender_mean_latency(const double *latency, size_t n)
{
    double sum = latency ? 0 : NAN;
    for (size_t i = 0; latency && i < n; i++)
        sum += latency[i];
    return sum / (double)n;
}

/* The mean of what the student takes, and the teacher where it is called. */
static double mean_latency(const struct cascade *cascade, const double *score, double threshold)
{
    double sum = 0;
    if (!cascade->student_latency)
        return NAN;
    for (size_t i = 0; i < cascade->n; i++)
        sum +=
            cascade->student_latency[i] + (score[i] >= threshold ? 0 : cascade->teacher_latency[i]);
    return sum / (double)cascade->n;
}

static void add_point(struct contender *out, const char *name, const struct cascade *cascade,
                      const struct ebjr_curve *curve, const struct ebjr_point *point,
                      const double *score, double level)
{
    int64_t correct = curve->teacher_correct + point->help - point->harm;
    double cost = ebjr_point_cost(curve, point, cascade->student_flops, cascade->teacher_flops);
    struct named_offer offer = measured(name, cost, correct, curve->n, level);
    offer.latency = mean_latency(cascade, score, point->threshold);
    out->points[out->point_count++] = offer;
}

/* Asked alone, the teacher costs what it costs, without the student before it. */
static void add_teacher(struct contender *out, const struct cascade *cascade,
                        const struct ebjr_curve *curve, double level)
{
    struct named_offer offer =
        measured("teacher alone", cascade->teacher_flops, curve->teacher_correct, curve->n, level);
    offer.latency = contender_mean_latency(cascade->teacher_latency, cascade->n);
    offer.depth = cascade->teacher_run.depth;
    out->points[out->point_count++] = offer;
}

static int take_curve(struct contender *out, const struct cascade *cascade, const double *score,
                      double threshold, double level)
{
    struct ebjr_curve curve;
    struct ebjr_point mark;
    int status =
        ebjr_sweep(&curve, score, cascade->student_correct, cascade->teacher_correct, cascade->n);
    if (status)
        return status;
    status = contender_allocate(out, curve.count, MOST_POINTS);
    for (size_t i = 0; !status && i < curve.count; i++)
        out->offers[out->offer_count++] =
            (struct ebjr_offer){ebjr_point_cost(&curve, &curve.points[i], cascade->student_flops,
                                                cascade->teacher_flops),
                                ebjr_point_accuracy(&curve, &curve.points[i])};
    if (!status) {
        add_point(out, "student alone", cascade, &curve, &curve.points[curve.count - 1], score,
                  level);
        out->points[0].depth = cascade->student_run.depth;
        if (!isnan(threshold)) {
            ebjr_sweep_at(&mark, threshold, score, cascade->student_correct,
                          cascade->teacher_correct, cascade->n);
            add_point(out, "operating point", cascade, &curve, &mark, score, level);
        }
        add_teacher(out, cascade, &curve, level);
        status = ebjr_tradeoff_curve_make(&out->curve, out->offers, out->offer_count);
    }
    ebjr_curve_free(&curve);
    return status;
}

int contender_take_band(struct contender *out, const struct cascade *cascade,
                        const struct ebjr_band *band)
{
    struct ebjr_offer *low = malloc(2 * band->count * sizeof *low);
    if (!low)
        return ebjr_error_memory();
    struct ebjr_offer *high = low + band->count;
    for (size_t i = 0; i < band->count; i++) {
        double cost = cascade->student_flops + (1 - band->share[i]) * cascade->teacher_flops;
        low[i] = (struct ebjr_offer){cost, band->low[i]};
        high[i] = (struct ebjr_offer){cost, band->high[i]};
    }
    int status = ebjr_tradeoff_curve_make(&out->low, low, band->count);
    if (!status)
        status = ebjr_tradeoff_curve_make(&out->high, high, band->count);
    free(low);
    return status;
}

static int take_band(struct contender *out, const struct cascade *cascade, const double *score,
                     const struct ebjr_bootstrap *options)
{
    struct ebjr_band band;
    int status = ebjr_bootstrap_band(&band, score, cascade->student_correct,
                                     cascade->teacher_correct, cascade->n, SHARES, options);
    if (status)
        return status;
    status = contender_take_band(out, cascade, &band);
    ebjr_band_free(&band);
    return status;
}

static int take_statistics(struct contender *out, const struct cascade *cascade,
                           const double *score, const struct ebjr_bootstrap *options)
{
    const struct {
        struct ebjr_interval *target;
        ebjr_statistic *statistic;
    } wanted[] = {{&out->apgr, ebjr_average_gap_recovered},
                  {&out->cpt50, ebjr_call_rate_for_half},
                  {&out->cpt80, ebjr_call_rate_for_four_fifths}};
    int status = 0;
    for (size_t i = 0; !status && i < ROWS(wanted); i++)
        status = ebjr_bootstrap_compare(wanted[i].target, NULL, wanted[i].statistic, &score, 1, 0,
                                        cascade->student_correct, cascade->teacher_correct,
                                        cascade->n, options);
    return status;
}

static const struct ebjr_interval undefined = {NAN, NAN, NAN};

struct contender contender_new(enum contender_kind kind, enum ebjr_family family)
{
    return (struct contender){
        .kind = kind, .family = family, .apgr = undefined, .cpt50 = undefined, .cpt80 = undefined};
}

int contender_of_cascade(struct contender *out, const struct cascade *cascade,
                         const struct ebjr_score *score, double threshold,
                         const struct ebjr_bootstrap *options)
{
    *out = contender_new(CONTENDER_CASCADE, EBJR_FAMILY_ROUTED);
    int status = contender_check_flops(cascade->student_flops, cascade->student.name);
    if (!status)
        status = contender_check_flops(cascade->teacher_flops, cascade->teacher.name);
    if (status)
        return status;
    double *values = malloc(cascade->n * sizeof *values);
    status = values ? cascade_score(values, cascade, score) : ebjr_error_memory();
    if (!status)
        status =
            contender_name(out, cascade->student.name, " > ", cascade->teacher.name, score->name);
    if (!status)
        status = take_curve(out, cascade, values, threshold, options->level);
    if (!status)
        status = take_band(out, cascade, values, options);
    if (!status)
        status = take_statistics(out, cascade, values, options);
    free(values);
    return status;
}

int contender_take_points(struct contender *out)
{
    size_t n = out->offer_count = out->point_count;
    struct ebjr_offer *ends = malloc(n * sizeof *ends);
    if (!ends)
        return ebjr_error_memory();
    for (size_t i = 0; i < n; i++)
        out->offers[i] = out->points[i].offer;
    int status = ebjr_tradeoff_curve_make(&out->curve, out->offers, n);
    for (size_t i = 0; i < n; i++)
        ends[i] = (struct ebjr_offer){out->offers[i].cost, out->points[i].low};
    if (!status)
        status = ebjr_tradeoff_curve_make(&out->low, ends, n);
    for (size_t i = 0; i < n; i++)
        ends[i].accuracy = out->points[i].high;
    if (!status)
        status = ebjr_tradeoff_curve_make(&out->high, ends, n);
    free(ends);
    return status;
}

int contender_of_model(struct contender *out, const struct cascade *cascade, double level)
{
    int64_t correct = 0;
    *out = contender_new(CONTENDER_MODEL, EBJR_FAMILY_STATIC);
    int status = contender_check_flops(cascade->student_flops, cascade->student.name);
    if (!status)
        status = contender_name(out, cascade->student.name, "", "", "");
    if (!status)
        status = contender_allocate(out, 1, 1);
    if (status)
        return status;
    for (size_t i = 0; i < cascade->n; i++)
        correct += cascade->student_correct[i];
    out->points[out->point_count++] =
        measured("", cascade->student_flops, correct, (int64_t)cascade->n, level);
    out->points[0].latency = contender_mean_latency(cascade->student_latency, cascade->n);
    out->points[0].depth = cascade->student_run.depth;
    return contender_take_points(out);
}

int contender_of_baselines(struct contender *out, const struct ebjr_baseline *points, size_t count)
{
    *out = contender_new(CONTENDER_BASELINE, points->family);
    int status = contender_name(out, points->method, "", "", points->variant);
    if (!status)
        status = contender_allocate(out, count, count);
    for (size_t i = 0; !status && i < count; i++)
        out->points[out->point_count++] =
            (struct named_offer){.name = points[i].point,
                                 .offer = {points[i].flops, points[i].accuracy},
                                 .low = points[i].accuracy - points[i].accuracy_error,
                                 .high = points[i].accuracy + points[i].accuracy_error,
                                 .latency = NAN,
                                 .depth = EBJR_UNKNOWN};
    return status ? status : contender_take_points(out);
}

void contender_free(struct contender *contender)
{
    free(contender->name);
    free(contender->offers);
    free(contender->points);
    ebjr_tradeoff_curve_free(&contender->curve);
    ebjr_tradeoff_curve_free(&contender->low);
    ebjr_tradeoff_curve_free(&contender->high);
    *contender = (struct contender){0};
}
