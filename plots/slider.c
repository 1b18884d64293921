#include "plots/slider.h"

#include "base/error.h"
#include "base/text.h"
#include "plots/html.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* How many samples the cascade has right. */
static int64_t right_at(const struct ebjr_curve *curve, size_t i)
{
    return curve->teacher_correct + curve->points[i].help - curve->points[i].harm;
}

struct span {
    int64_t low, high;
};

/* From the least to the most right answers of any point of any curve. */
static struct span span_of(const struct ebjr_slider *explorer)
{
    struct span span = {INT64_MAX, INT64_MIN};
    for (size_t s = 0; s < explorer->count; s++) {
        const struct ebjr_curve *curve = explorer->series[s].curve;
        for (size_t i = 0; i < curve->count; i++) {
            int64_t right = right_at(curve, i);
            span.low = right < span.low ? right : span.low;
            span.high = right > span.high ? right : span.high;
        }
    }
    return span;
}

/* What is kept of a curve: indices of its points, ascending. */
struct kept {
    size_t *index, count;
};

static size_t most_accurate(const struct ebjr_curve *curve)
{
    size_t best = 0;
    for (size_t i = 1; i < curve->count; i++)
        if (right_at(curve, i) > right_at(curve, best))
            best = i;
    return best;
}

/* Two points i < j of a curve are within a pixel of each other. */
static bool is_near(const struct ebjr_curve *curve, const struct span *span, size_t i, size_t j)
{
    double x = (double)(curve->points[j].student - curve->points[i].student) / (double)curve->n;
    double y = (double)llabs(right_at(curve, j) - right_at(curve, i));
    double height = (double)(span->high - span->low);
    return x * EBJR_SLIDER_WIDTH <= 1 && y * EBJR_SLIDER_HEIGHT <= height;
}

static int thin(struct kept *kept, const struct ebjr_slider_series *series, const struct span *span)
{
    const struct ebjr_curve *curve = series->curve;
    size_t best = most_accurate(curve), last = 0;
    kept->count = 0;
    kept->index = malloc(curve->count * sizeof *kept->index);
    if (!kept->index)
        return ebjr_error_memory();
    for (size_t i = 0; i < curve->count; i++) {
        bool must = i == 0 || i + 1 == curve->count || i == series->mark || i == best;
        if (must || !is_near(curve, span, last, i))
            kept->index[kept->count++] = last = i;
    }
    return 0;
}

enum field { STUDENT, HARM, HELP, LATENCY_SUM, P50, P95, P99 };

static int64_t field_at(const struct ebjr_slider_series *series, enum field field, size_t i)
{
    const struct ebjr_point *point = &series->curve->points[i];
    const struct ebjr_latency_curve *latency = series->latency;
    switch (field) {
    case STUDENT: return point->student;
    case HARM: return point->harm;
    case HELP: return point->help;
    case LATENCY_SUM: return llround(latency->mean[i] * (double)series->curve->n);
    case P50: return llround(latency->p50[i]);
    case P95: return llround(latency->p95[i]);
    case P99: return llround(latency->p99[i]);
    }
    return 0;
}

static void write_field(FILE *file, const char *name, const struct ebjr_slider_series *series,
                        const struct kept *kept, enum field field)
{
    int64_t before = 0;
    fprintf(file, ",\n\"%s\":[", name);
    for (size_t k = 0; k < kept->count; k++) {
        int64_t value = field_at(series, field, kept->index[k]);
        fprintf(file, k ? ",%lld" : "%lld", (long long)(value - before));
        before = value;
    }
    fputc(']', file);
}

/* JSON knows no infinity; the first threshold is one. */
static void write_number(FILE *file, double value)
{
    char text[EBJR_NUMBER_TEXT];
    fputs(isfinite(value) ? ebjr_number_format(text, value) : "null", file);
}

static void write_thresholds(FILE *file, const struct ebjr_curve *curve, const struct kept *kept)
{
    fputs(",\n\"threshold\":[", file);
    for (size_t k = 0; k < kept->count; k++) {
        fputs(k ? "," : "", file);
        write_number(file, curve->points[kept->index[k]].threshold);
    }
    fputc(']', file);
}

static void write_series(FILE *file, const struct ebjr_slider_series *series,
                         const struct kept *kept)
{
    static const struct {
        const char *name;
        enum field field;
    } fields[] = {{"student", STUDENT}, {"harm", HARM}, {"help", HELP}, {"latency", LATENCY_SUM},
                  {"p50", P50},         {"p95", P95},   {"p99", P99}};
    size_t count = series->latency->count ? 7 : 3;
    fputs("{\"name\":", file);
    ebjr_html_json(file, series->name);
    fputs(",\"option\":", file);
    if (series->option)
        ebjr_html_json(file, series->option);
    else
        fputs("null", file);
    fprintf(file, ",\"teacherCorrect\":%lld,\"points\":%zu,\"mark\":",
            (long long)series->curve->teacher_correct, series->curve->count);
    size_t mark = 0;
    while (mark < kept->count && kept->index[mark] != series->mark)
        mark++;
    if (mark < kept->count)
        fprintf(file, "%zu", mark);
    else
        fputs("null", file);
    write_thresholds(file, series->curve, kept);
    for (size_t i = 0; i < count; i++)
        write_field(file, fields[i].name, series, kept, fields[i].field);
    fputc('}', file);
}

int ebjr_slider_write(FILE *file, const struct ebjr_slider *explorer)
{
    const struct ebjr_curve *curve = explorer->series[0].curve;
    struct span span = span_of(explorer);
    fputs("{\"student\":", file);
    ebjr_html_json(file, explorer->student);
    fputs(",\"teacher\":", file);
    ebjr_html_json(file, explorer->teacher);
    fputs(",\"command\":", file);
    ebjr_html_json(file, explorer->command);
    fputs(",\"studentFlops\":", file);
    write_number(file, explorer->student_flops);
    fputs(",\"teacherFlops\":", file);
    write_number(file, explorer->teacher_flops);
    fprintf(file,
            ",\"n\":%lld,\"studentCorrect\":%lld,\"right\":[%lld,%lld],\"width\":%d,\"height\":%d,"
            "\"first\":%zu,\"series\":[",
            (long long)curve->n, (long long)curve->student_correct, (long long)span.low,
            (long long)span.high, EBJR_SLIDER_WIDTH, EBJR_SLIDER_HEIGHT, explorer->first);
    int status = 0;
    for (size_t s = 0; !status && s < explorer->count; s++) {
        struct kept kept;
        status = thin(&kept, &explorer->series[s], &span);
        if (status)
            break;
        fputs(s ? ",\n" : "\n", file);
        write_series(file, &explorer->series[s], &kept);
        free(kept.index);
    }
    fputs("]}\n", file);
    return status;
}
