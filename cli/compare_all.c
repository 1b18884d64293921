/* What is said of each contender among all: its summary, its points, who dominates it. */
#include "base/error.h"
#include "cli/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Every offer there is, of one contender after another, and which of them nothing dominates. */
struct field {
    struct ebjr_offer *offers;
    uint8_t *front;
    size_t count;
};

static int field_make(struct field *out, const struct comparison *comparison)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->count; i++)
        count += comparison->contenders[i].offer_count;
    *out = (struct field){.offers = malloc(count * sizeof *out->offers), .front = malloc(count)};
    if (!out->offers || !out->front)
        return ebjr_error_memory();
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        for (size_t j = 0; j < contender->offer_count; j++)
            out->offers[out->count++] = contender->offers[j];
    }
    return ebjr_frontier_mark(out->front, out->offers, out->count);
}

static void field_free(struct field *field)
{
    free(field->offers);
    free(field->front);
}

static const struct column summary_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},
    {"kind", COLUMN_TEXT, 14, false, NULL},
    {"offers", COLUMN_INTEGER, 6, false, NULL},
    {"on_front", COLUMN_INTEGER, 0, false, NULL},
    {"least_flops", COLUMN_REAL, 12, false, NULL},
    {"most_flops", COLUMN_REAL, 12, false, NULL},
    {"best_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"hypervolume", COLUMN_REAL, 0, false, NULL},
    {"common_from", COLUMN_REAL, 12, true, NULL},
    {"common_to", COLUMN_REAL, 12, true, NULL},
    {"mean_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"reference_mean", COLUMN_FRACTION, 0, false, NULL},
    {"beyond_band", COLUMN_FLAG, 0, false, NULL},
    {"apgr", COLUMN_REAL, 8, false, NULL},
    {"apgr_low", COLUMN_REAL, 8, true, NULL},
    {"apgr_high", COLUMN_REAL, 8, true, NULL},
    {"cpt50", COLUMN_FRACTION, 8, false, NULL},
    {"cpt50_low", COLUMN_FRACTION, 8, true, NULL},
    {"cpt50_high", COLUMN_FRACTION, 8, true, NULL},
    {"cpt80", COLUMN_FRACTION, 8, false, NULL},
    {"cpt80_low", COLUMN_FRACTION, 8, true, NULL},
    {"cpt80_high", COLUMN_FRACTION, 8, true, NULL},
};

/* Means over the costs that a contender and the reference share, and whether the one is above the
 * other wherever in their bands the curves lie. */
struct means {
    double from, to, contender, reference;
    bool is_defined, beyond;
};

static struct means means_of(const struct contender *contender, const struct contender *reference)
{
    struct means means = {NAN, NAN, NAN, NAN, false, false};
    double from, to;
    ebjr_common_costs(&from, &to, &contender->curve, &reference->curve);
    if (contender == reference || !(from < to))
        return means;
    means = (struct means){.from = from,
                           .to = to,
                           .contender = ebjr_mean_accuracy(&contender->curve, from, to),
                           .reference = ebjr_mean_accuracy(&reference->curve, from, to),
                           .is_defined = true};
    means.beyond = ebjr_mean_accuracy(&reference->low, from, to) >
                       ebjr_mean_accuracy(&contender->high, from, to) ||
                   ebjr_mean_accuracy(&contender->low, from, to) >
                       ebjr_mean_accuracy(&reference->high, from, to);
    return means;
}

static struct value flag_value(bool flag, bool is_defined)
{
    return (struct value){.integer = flag, .missing = !is_defined};
}

static int print_summary_row(struct table *table, const struct comparison *comparison,
                             const struct contender *contender, const uint8_t *front)
{
    const struct contender *reference = &comparison->contenders[comparison->reference];
    const struct ebjr_tradeoff_curve *curve = &contender->curve, *box = &reference->curve;
    struct means means = means_of(contender, reference);
    double best = 0, hypervolume;
    int64_t on_front = 0;
    int status =
        ebjr_frontier_hypervolume(&hypervolume, contender->offers, contender->offer_count,
                                  box->offers[box->count - 1].cost, box->offers[0].accuracy);
    for (size_t i = 0; i < contender->offer_count; i++) {
        best = fmax(best, contender->offers[i].accuracy);
        on_front += front[i];
    }
    struct value values[ROWS(summary_columns)] = {
        text_value(contender->name),
        text_value(contender_kind_name(contender)),
        integer_value((int64_t)contender->offer_count),
        integer_value(on_front),
        real_value(curve->offers[0].cost),
        real_value(curve->offers[curve->count - 1].cost),
        real_value(best),
        real_value(hypervolume),
        real_value(means.from),
        real_value(means.to),
        real_value(means.contender),
        real_value(means.reference),
        flag_value(means.beyond, means.is_defined),
    };
    const struct ebjr_interval *intervals[] = {&contender->apgr, &contender->cpt50,
                                               &contender->cpt80};
    for (size_t i = 0; i < ROWS(intervals); i++) {
        values[13 + 3 * i] = real_value(intervals[i]->estimate);
        values[14 + 3 * i] = real_value(intervals[i]->low);
        values[15 + 3 * i] = real_value(intervals[i]->high);
    }
    if (!status)
        table_row(table, values);
    return status;
}

int compare_print_summary(const struct comparison *comparison, struct output output)
{
    struct field field;
    struct table table = {output, summary_columns, ROWS(summary_columns), 0, false};
    int status = field_make(&field, comparison);
    const uint8_t *front = field.front;
    if (!status)
        table_begin(&table);
    for (size_t i = 0; !status && i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        status = print_summary_row(&table, comparison, contender, front);
        front += contender->offer_count;
    }
    field_free(&field);
    return status ? status : table_end(&table);
}

static const struct column point_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},   {"kind", COLUMN_TEXT, 14, false, NULL},
    {"point", COLUMN_TEXT, 18, false, NULL},       {"flops", COLUMN_REAL, 12, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL}, {"low", COLUMN_FRACTION, 9, false, NULL},
    {"high", COLUMN_FRACTION, 9, false, NULL},     {"latency_ns", COLUMN_REAL, 12, false, NULL},
};

int compare_print_points(const struct comparison *comparison, struct output output)
{
    struct table table = {output, point_columns, ROWS(point_columns), 0, false};
    table_begin(&table);
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        for (size_t j = 0; j < contender->point_count; j++) {
            const struct named_offer *point = &contender->points[j];
            struct value values[] = {
                text_value(contender->name),       text_value(contender_kind_name(contender)),
                text_value(point->name),           real_value(point->offer.cost),
                real_value(point->offer.accuracy), real_value(point->low),
                real_value(point->high),           real_value(point->latency),
            };
            table_row(&table, values);
        }
    }
    return table_end(&table);
}

static const struct column dominance_columns[] = {
    {"contender", COLUMN_TEXT, 44, false, NULL},   {"kind", COLUMN_TEXT, 14, false, NULL},
    {"point", COLUMN_TEXT, 18, false, NULL},       {"flops", COLUMN_REAL, 12, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL}, {"on_front", COLUMN_FLAG, 0, false, NULL},
    {"dominated_by", COLUMN_TEXT, 0, false, NULL},
};

static bool dominates(const struct contender *contender, struct ebjr_offer offer)
{
    for (size_t i = 0; i < contender->offer_count; i++)
        if (ebjr_offer_dominates(contender->offers[i], offer))
            return true;
    return false;
}

/* "small > large, msp; RANet, released figure": of other contenders, and of itself. */
static int name_dominators(char **out, bool *any, const struct comparison *comparison,
                           struct ebjr_offer offer)
{
    size_t size;
    FILE *names = open_memstream(out, &size);
    *any = false;
    if (!names)
        return ebjr_error_memory();
    for (size_t i = 0; i < comparison->count; i++)
        if (dominates(&comparison->contenders[i], offer)) {
            fprintf(names, "%s%s", *any ? "; " : "", comparison->contenders[i].name);
            *any = true;
        }
    return fclose(names) == 0 ? 0 : ebjr_error_memory();
}

int compare_print_dominance(const struct comparison *comparison, struct output output)
{
    struct table table = {output, dominance_columns, ROWS(dominance_columns), 0, false};
    int status = 0;
    table_begin(&table);
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        for (size_t j = 0; !status && j < contender->point_count; j++) {
            const struct named_offer *point = &contender->points[j];
            char *names = NULL;
            bool any;
            status = name_dominators(&names, &any, comparison, point->offer);
            struct value values[] = {
                text_value(contender->name),
                text_value(contender_kind_name(contender)),
                text_value(point->name),
                real_value(point->offer.cost),
                real_value(point->offer.accuracy),
                integer_value(!any),
                text_value(names),
            };
            if (!status)
                table_row(&table, values);
            free(names);
        }
    }
    return status ? status : table_end(&table);
}
