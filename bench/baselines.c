#include "bench/baselines.h"

#include "base/error.h"
#include "base/records.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column {
    DATASET,
    METRIC,
    METHOD,
    FAMILY,
    VARIANT,
    POINT,
    COST,
    COST_UNIT,
    CONVENTION,
    ACCURACY,
    COST_ERROR,
    ACCURACY_ERROR,
    SOURCE,
    HOW_READ,
    COLUMNS
};

static const struct {
    const char *name;
    bool may_be_empty;
} columns[COLUMNS] = {
    [DATASET] = {"dataset", false},
    [METRIC] = {"metric", false},
    [METHOD] = {"method", false},
    [FAMILY] = {"family", false},
    [VARIANT] = {"variant", true},
    [POINT] = {"point", true},
    [COST] = {"cost", false},
    [COST_UNIT] = {"cost_unit", false},
    [CONVENTION] = {"convention", false},
    [ACCURACY] = {"accuracy", false},
    [COST_ERROR] = {"cost_error", true},
    [ACCURACY_ERROR] = {"accuracy_error", true},
    [SOURCE] = {"source", false},
    [HOW_READ] = {"how_read", false},
};

static const char *const families[EBJR_FAMILIES] = {"routed", "budgeted-batch", "anytime",
                                                    "adaptive", "static"};
static const char *const conventions[] = {"unknown", "op-counter", "mac2"};
static const char *const metrics[] = {"top-1 accuracy", "mAP"};
static const char *const units[] = {"flops", "macs"};

#define COUNT(names) (sizeof(names) / sizeof *(names))

const char *ebjr_family_name(enum ebjr_family family)
{
    return families[family];
}

/* A record on its way to a point. */
struct row {
    const ebjr_records *records;
    const char *path;
    int place[COLUMNS];
};

static const char *field(const struct row *row, enum column column)
{
    return ebjr_records_field(row->records, (size_t)row->place[column]);
}

static int wrong(const struct row *row, enum column column, const char *what)
{
    return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: %s '%.64s' %s", row->path,
                          (long long)ebjr_records_line(row->records), columns[column].name,
                          field(row, column), what);
}

static int take_name(int *out, const struct row *row, enum column column, const char *const *names,
                     size_t count)
{
    char what[160] = "is none of ";
    size_t used = strlen(what);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(field(row, column), names[i]) == 0) {
            *out = (int)i;
            return 0;
        }
        snprintf(what + used, sizeof what - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used = strlen(what);
    }
    return wrong(row, column, what);
}

static int take_number(double *out, const struct row *row, enum column column)
{
    *out = 0;
    if (!*field(row, column))
        return 0;
    int status = ebjr_number_parse(out, field(row, column));
    if (status || !isfinite(*out))
        return wrong(row, column, "is not a finite number");
    return *out < 0 ? wrong(row, column, "is below 0") : 0;
}

static int take_cost(struct ebjr_baseline *out, const struct row *row)
{
    int unit = 0;
    int status = take_name(&unit, row, COST_UNIT, units, COUNT(units));
    if (!status)
        status = take_number(&out->flops, row, COST);
    if (!status)
        status = take_number(&out->flops_error, row, COST_ERROR);
    if (unit == 1) {
        out->flops *= 2;
        out->flops_error *= 2;
    }
    if (!status && !(out->flops > 0 && isfinite(out->flops)))
        status = wrong(row, COST, "is no cost of a sample");
    return status;
}

static int take_accuracy(struct ebjr_baseline *out, const struct row *row)
{
    int status = take_number(&out->accuracy, row, ACCURACY);
    if (!status)
        status = take_number(&out->accuracy_error, row, ACCURACY_ERROR);
    if (!status && out->accuracy > 100)
        status = wrong(row, ACCURACY, "is above 100 per cent");
    if (!status && out->accuracy <= 1)
        status = wrong(row, ACCURACY, "is in per cent, not a fraction");
    if (!status && out->accuracy_error > 100)
        status = wrong(row, ACCURACY_ERROR, "is above 100 points");
    out->accuracy /= 100;
    out->accuracy_error /= 100;
    return status;
}

/* One copy of a record's texts, which the point then points into. */
static int take_texts(struct ebjr_baseline *out, char **texts, const struct row *row)
{
    const struct {
        enum column column;
        const char **target;
    } wanted[] = {{DATASET, &out->dataset},  {METRIC, &out->metric}, {METHOD, &out->method},
                  {VARIANT, &out->variant},  {POINT, &out->point},   {SOURCE, &out->source},
                  {HOW_READ, &out->how_read}};
    size_t size = 0;
    for (size_t i = 0; i < COUNT(wanted); i++)
        size += strlen(field(row, wanted[i].column)) + 1;
    char *at = *texts = malloc(size);
    if (!at)
        return ebjr_error_memory();
    for (size_t i = 0; i < COUNT(wanted); i++) {
        const char *text = field(row, wanted[i].column);
        size_t length = strlen(text) + 1;
        *wanted[i].target = memcpy(at, text, length);
        at += length;
    }
    return 0;
}

static int take_point(struct ebjr_baseline *out, const struct row *row)
{
    int family = 0, convention = 0, metric = 0;
    for (int i = 0; i < COLUMNS; i++)
        if (!columns[i].may_be_empty && !*field(row, (enum column)i))
            return wrong(row, (enum column)i, "must not be empty");
    int status = take_name(&metric, row, METRIC, metrics, COUNT(metrics));
    if (!status)
        status = take_name(&family, row, FAMILY, families, COUNT(families));
    if (!status)
        status = take_name(&convention, row, CONVENTION, conventions, COUNT(conventions));
    if (!status)
        status = take_cost(out, row);
    if (!status)
        status = take_accuracy(out, row);
    if (status)
        return status;
    out->family = (enum ebjr_family)family;
    out->convention = (enum ebjr_baseline_convention)convention;
    return 0;
}

static int grow(struct ebjr_baselines *out)
{
    if (out->count & (out->count - 1)) /* room for the next power of two is there */
        return 0;
    size_t room = out->count ? 2 * out->count : 1;
    struct ebjr_baseline *points = realloc(out->points, room * sizeof *points);
    if (!points)
        return ebjr_error_memory();
    out->points = points;
    char **texts = realloc(out->texts, room * sizeof *texts);
    if (!texts)
        return ebjr_error_memory();
    out->texts = texts;
    return 0;
}

static int take(struct ebjr_baselines *out, const struct row *row)
{
    struct ebjr_baseline point = {0};
    int status = take_point(&point, row);
    if (!status)
        status = grow(out);
    if (!status)
        status = take_texts(&point, &out->texts[out->count], row);
    if (!status)
        out->points[out->count++] = point;
    return status;
}

static int find_columns(struct row *row)
{
    for (int i = 0; i < COLUMNS; i++)
        if ((row->place[i] = ebjr_records_find(row->records, columns[i].name)) < 0)
            return ebjr_error_set(EBJR_EFORMAT,
                                  "%s, line 1: the column %s is missing; "
                                  "bench/baselines/README.md describes the columns",
                                  row->path, columns[i].name);
    return 0;
}

/* Forgets all points but the first ones. */
static void cut(struct ebjr_baselines *baselines, size_t count)
{
    while (baselines->count > count)
        free(baselines->texts[--baselines->count]);
}

int ebjr_baselines_read(struct ebjr_baselines *out, const char *path)
{
    ebjr_records *records;
    size_t before = out->count;
    int status = ebjr_records_open(&records, path), more = 0;
    if (status)
        return status;
    struct row row = {.records = records, .path = path};
    status = find_columns(&row);
    while (!status && (more = ebjr_records_next(records)) > 0)
        status = take(out, &row);
    if (!status)
        status = more;
    if (!status && out->count == before)
        status = ebjr_error_set(EBJR_EFORMAT, "%s, line 1: no points follow the header", path);
    if (status)
        cut(out, before);
    ebjr_records_close(records);
    return status;
}

void ebjr_baselines_free(struct ebjr_baselines *baselines)
{
    cut(baselines, 0);
    free(baselines->points);
    free(baselines->texts);
    *baselines = (struct ebjr_baselines){0};
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

int ebjr_baseline_compare_curves(const struct ebjr_baseline *a, const struct ebjr_baseline *b)
{
    int order = compare_numbers(a->family, b->family);
    if (!order)
        order = strcmp(a->method, b->method);
    return order ? order : strcmp(a->variant, b->variant);
}

static int compare_points(const void *first, const void *second)
{
    const struct ebjr_baseline *a = first, *b = second;
    int order = ebjr_baseline_compare_curves(a, b);
    if (!order)
        order = compare_numbers(a->flops, b->flops);
    if (!order)
        order = compare_numbers(a->accuracy, b->accuracy);
    if (!order)
        order = strcmp(a->point, b->point);
    if (!order)
        order = compare_numbers(a->accuracy_error, b->accuracy_error);
    return order;
}

/* texts[i] is no longer that of points[i], which nobody needs it to be. */
void ebjr_baselines_sort(struct ebjr_baselines *baselines)
{
    if (baselines->count > 0)
        qsort(baselines->points, baselines->count, sizeof *baselines->points, compare_points);
}
