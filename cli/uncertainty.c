#include "cli/uncertainty.h"

#include "base/error.h"
#include "calib/summary.h"
#include "calib/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARES = 101, MOST_SCORES = 16 };

static const struct column band_columns[] = {
    {"score", COLUMN_TEXT, 14, false, NULL},  {"student_share", COLUMN_FRACTION, 0, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},  {"accuracy", COLUMN_FRACTION, 9, false, NULL},
    {"low", COLUMN_FRACTION, 9, false, NULL}, {"high", COLUMN_FRACTION, 9, false, NULL},
};

void uncertainty_band_begin(struct table *out, struct output output)
{
    *out = (struct table){output, band_columns, ROWS(band_columns), 0, false};
    table_begin(out);
}

void uncertainty_band_rows(struct table *table, const struct cascade *cascade, const char *score,
                           const struct ebjr_band *band)
{
    for (size_t i = 0; i < band->count; i++) {
        double share = band->share[i];
        struct value values[] = {
            text_value(score),
            real_value(share),
            real_value(cascade->student_flops + (1 - share) * cascade->teacher_flops),
            real_value(band->accuracy[i]),
            real_value(band->low[i]),
            real_value(band->high[i]),
        };
        table_row(table, values);
    }
}

int uncertainty_print_bands(const struct cascade *cascade, const struct ebjr_score *scores,
                            size_t count, const struct ebjr_bootstrap *options,
                            struct output output)
{
    struct table table;
    double *values = malloc(cascade->n * sizeof *values);
    int status = values ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < count; i++) {
        struct ebjr_band band;
        status = cascade_score(values, cascade, &scores[i]);
        if (!status)
            status = ebjr_bootstrap_band(&band, values, cascade->student_correct,
                                         cascade->teacher_correct, cascade->n, SHARES, options);
        if (!status) {
            if (i == 0)
                uncertainty_band_begin(&table, output);
            uncertainty_band_rows(&table, cascade, scores[i].name, &band);
            ebjr_band_free(&band);
        }
    }
    free(values);
    return status ? status : table_end(&table);
}

static const struct column summary_columns[] = {
    {"score", COLUMN_TEXT, 14, false, NULL},
    {"deferral_area", COLUMN_REAL, 0, false, NULL},
    {"deferral_area_low", COLUMN_REAL, 0, true, NULL},
    {"deferral_area_high", COLUMN_REAL, 0, true, NULL},
    {"from_best", COLUMN_REAL, 12, false, NULL},
    {"from_best_low", COLUMN_REAL, 13, false, NULL},
    {"from_best_high", COLUMN_REAL, 14, false, NULL},
    {"differs", COLUMN_FLAG, 0, false, NULL},
    {"apgr", COLUMN_REAL, 9, false, NULL},
    {"apgr_low", COLUMN_REAL, 9, true, NULL},
    {"apgr_high", COLUMN_REAL, 9, true, NULL},
    {"cpt50", COLUMN_FRACTION, 8, false, NULL},
    {"cpt50_low", COLUMN_FRACTION, 8, true, NULL},
    {"cpt50_high", COLUMN_FRACTION, 8, true, NULL},
    {"cpt80", COLUMN_FRACTION, 8, false, NULL},
    {"cpt80_low", COLUMN_FRACTION, 8, true, NULL},
    {"cpt80_high", COLUMN_FRACTION, 8, true, NULL},
    {"aurc", COLUMN_REAL, 9, false, NULL},
    {"aurc_low", COLUMN_REAL, 9, true, NULL},
    {"aurc_high", COLUMN_REAL, 9, true, NULL},
    {"auroc", COLUMN_REAL, 9, false, NULL},
    {"auroc_low", COLUMN_REAL, 9, true, NULL},
    {"auroc_high", COLUMN_REAL, 9, true, NULL},
    {"hypervolume", COLUMN_REAL, 0, false, NULL},
    {"hypervolume_low", COLUMN_REAL, 0, true, NULL},
    {"hypervolume_high", COLUMN_REAL, 0, true, NULL},
};

/* In the order of the columns; the first decides the ranking. */
static ebjr_statistic *const statistics[] = {
    ebjr_deferral_area,      ebjr_average_gap_recovered,
    ebjr_call_rate_for_half, ebjr_call_rate_for_four_fifths,
    ebjr_risk_coverage_area, ebjr_correctness_auroc,
    ebjr_hypervolume,
};
enum { STATISTICS = ROWS(statistics) };

struct summary {
    double *scores[MOST_SCORES];
    struct ebjr_interval values[STATISTICS][MOST_SCORES];
    struct ebjr_interval from_best[MOST_SCORES];
    size_t order[MOST_SCORES]; /* the best first */
    size_t best;               /* that a router can compute */
};

static int compute(struct summary *summary, const struct cascade *cascade,
                   const struct ebjr_score *scores, size_t count,
                   const struct ebjr_bootstrap *options)
{
    struct ebjr_interval values[STATISTICS * MOST_SCORES];
    const double *const *columns = (const double *const *)summary->scores;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        summary->scores[i] = malloc(cascade->n * sizeof *summary->scores[i]);
        status = summary->scores[i] ? cascade_score(summary->scores[i], cascade, &scores[i])
                                    : ebjr_error_memory();
    }
    if (!status)
        status = ebjr_bootstrap_statistics(values, statistics, STATISTICS, columns, count,
                                           cascade->student_correct, cascade->teacher_correct,
                                           cascade->n, options);
    for (size_t s = 0; !status && s < STATISTICS; s++)
        memcpy(summary->values[s], values + s * count, count * sizeof *values);
    return status;
}

/* By the first statistic, and then, on the same resamples, the differences from the best that a
 * router can compute (the oracle cannot be one). */
static int rank(struct summary *summary, const struct cascade *cascade,
                const struct ebjr_score *scores, size_t count, const struct ebjr_bootstrap *options)
{
    struct ebjr_interval again[MOST_SCORES];
    const double *const *columns = (const double *const *)summary->scores;
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        for (; place > 0 && summary->values[0][summary->order[place - 1]].estimate <
                                summary->values[0][i].estimate;
             place--)
            summary->order[place] = summary->order[place - 1];
        summary->order[place] = i;
    }
    while (best + 1 < count && scores[summary->order[best]].kind != EBJR_SCORE_LOGITS)
        best++;
    summary->best = summary->order[best];
    return ebjr_bootstrap_compare(again, summary->from_best, statistics[0], columns, count,
                                  summary->best, cascade->student_correct, cascade->teacher_correct,
                                  cascade->n, options);
}

static void print_row(struct table *table, const struct summary *summary, size_t i,
                      const char *name)
{
    const struct ebjr_interval *area = &summary->values[0][i], *gap = &summary->from_best[i];
    struct value values[ROWS(summary_columns)] = {
        text_value(name),          real_value(area->estimate),
        real_value(area->low),     real_value(area->high),
        real_value(gap->estimate), real_value(gap->low),
        real_value(gap->high),     integer_value(gap->low > 0 || gap->high < 0),
    };
    for (size_t s = 1; s < STATISTICS; s++) {
        const struct ebjr_interval *value = &summary->values[s][i];
        values[8 + 3 * (s - 1)] = real_value(value->estimate);
        values[9 + 3 * (s - 1)] = real_value(value->low);
        values[10 + 3 * (s - 1)] = real_value(value->high);
    }
    table_row(table, values);
}

int uncertainty_print_summary(size_t *best, const struct cascade *cascade,
                              const struct ebjr_score *scores, size_t count,
                              const struct ebjr_bootstrap *options, struct output output)
{
    struct summary summary = {.scores = {NULL}};
    struct table table = {output, summary_columns, ROWS(summary_columns), 0, false};
    int status = compute(&summary, cascade, scores, count, options);
    if (!status)
        status = rank(&summary, cascade, scores, count, options);
    if (!status) {
        table_begin(&table);
        for (size_t i = 0; i < count; i++)
            print_row(&table, &summary, summary.order[i], scores[summary.order[i]].name);
        status = table_end(&table);
    }
    if (best)
        *best = summary.best;
    for (size_t i = 0; i < count; i++)
        free(summary.scores[i]);
    return status;
}
