#include "cli/sweep_table.h"

#include <math.h>
#include <stdio.h>

enum { LATENCIES = 4 };

bool sweep_is_kept(struct sweep_thinning *thinning, const struct ebjr_point *point)
{
    double share = (double)thinning->next / (double)(thinning->points + 1);
    if (thinning->points == 0 || point->student == 0 || point->student == thinning->n)
        return true;
    if ((double)point->student < share * (double)thinning->n)
        return false;
    while ((double)point->student >=
           (double)thinning->next / (double)(thinning->points + 1) * (double)thinning->n)
        thinning->next++;
    return true;
}

static void add_columns(struct sweep_table *table, const struct column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table->columns[table->table.count++] = columns[i];
}

static void add_figures(struct sweep_table *table, const struct sweep_figure *figures)
{
    for (size_t i = 0; i < table->figure_count; i++) {
        char *name = table->names[i];
        snprintf(name, sizeof table->names[i], "%s", figures[i].name);
        for (char *at = name; *at; at++)
            if (*at == '-')
                *at = '_';
        struct column column = {name, figures[i].is_fraction ? COLUMN_FRACTION : COLUMN_REAL, 0,
                                false, NULL};
        add_columns(table, &column, 1);
    }
}

void sweep_table_begin(struct sweep_table *out, const struct cascade *cascade, int64_t points,
                       const struct sweep_figure *figures, size_t figure_count,
                       struct output output)
{
    static const struct column place[] = {
        {"score", COLUMN_TEXT, 14, false, NULL},
        {"threshold", COLUMN_REAL, 12, false, NULL},
        {"student_share", COLUMN_FRACTION, 0, false, NULL},
        {"teacher_rate", COLUMN_FRACTION, 0, true, NULL},
    };
    static const struct column accuracy = {"accuracy", COLUMN_FRACTION, 0, false, NULL};
    static const struct column flops = {"flops", COLUMN_REAL, 12, false, NULL};
    static const struct column changes[] = {
        {"harm", COLUMN_INTEGER, 8, false, NULL},
        {"help", COLUMN_INTEGER, 8, false, NULL},
    };
    static const struct column latencies[LATENCIES] = {
        {"latency_ns", COLUMN_REAL, 12, false, NULL},
        {"p50_ns", COLUMN_REAL, 12, true, NULL},
        {"p95_ns", COLUMN_REAL, 12, false, NULL},
        {"p99_ns", COLUMN_REAL, 12, false, NULL},
    };
    *out = (struct sweep_table){.cascade = cascade,
                                .points = points,
                                .figure_count = figure_count,
                                .graded = !cascade->is_detection};
    out->table = (struct table){.output = output, .columns = out->columns};
    add_columns(out, place, ROWS(place));
    if (out->graded)
        add_columns(out, &accuracy, 1);
    else
        add_figures(out, figures);
    add_columns(out, &flops, 1);
    if (out->graded) {
        add_columns(out, changes, ROWS(changes));
        add_figures(out, figures);
    }
    if (cascade->is_timed)
        add_columns(out, latencies, LATENCIES);
    table_begin(&out->table);
}

static size_t add_reals(struct value *values, size_t at, const double *reals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[at++] = real_value(reals[i]);
    return at;
}

void sweep_table_point(struct sweep_table *table, const char *score, const struct ebjr_curve *curve,
                       const struct ebjr_point *point, const double *latency, const double *figures)
{
    const struct cascade *cascade = table->cascade;
    struct value values[ROWS(table->columns)];
    size_t at = 0;
    values[at++] = text_value(score);
    values[at++] = real_value(point->threshold);
    values[at++] = real_value(ebjr_point_share(curve, point));
    values[at++] = real_value((double)(curve->n - point->student) / (double)curve->n);
    if (table->graded)
        values[at++] = real_value(ebjr_point_accuracy(curve, point));
    else
        at = add_reals(values, at, figures, table->figure_count);
    values[at++] =
        real_value(ebjr_point_cost(curve, point, cascade->student_flops, cascade->teacher_flops));
    if (table->graded) {
        values[at++] = integer_value(point->harm);
        values[at++] = integer_value(point->help);
        at = add_reals(values, at, figures, table->figure_count);
    }
    if (cascade->is_timed)
        add_reals(values, at, latency, LATENCIES);
    table_row(&table->table, values);
}

void sweep_table_curve(struct sweep_table *table, const char *score, const struct ebjr_curve *curve,
                       const struct ebjr_latency_curve *latency, const double *figures)
{
    struct sweep_thinning thinning = {curve->n, table->points, 1};
    for (size_t i = 0; i < curve->count; i++) {
        double times[LATENCIES] = {NAN, NAN, NAN, NAN}, here[SWEEP_FIGURES];
        if (!sweep_is_kept(&thinning, &curve->points[i]))
            continue;
        if (latency->count) {
            times[0] = latency->mean[i];
            times[1] = latency->p50[i];
            times[2] = latency->p95[i];
            times[3] = latency->p99[i];
        }
        for (size_t k = 0; k < table->figure_count; k++)
            here[k] = figures[k * curve->count + i];
        sweep_table_point(table, score, curve, &curve->points[i], times, here);
    }
}

int sweep_table_end(struct sweep_table *table)
{
    return table_end(&table->table);
}
