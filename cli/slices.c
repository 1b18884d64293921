#include "cli/slices.h"

#include "base/error.h"
#include "calib/slices.h"
#include "runtime/class_map.h"
#include "runtime/integer_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column slice_columns[] = {
    {"group", COLUMN_INTEGER, 6, false, NULL},
    {"n", COLUMN_INTEGER, 8, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_rate_low", COLUMN_FRACTION, 0, true, NULL},
    {"teacher_rate_high", COLUMN_FRACTION, 0, true, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL},
    {"accuracy_low", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy_high", COLUMN_FRACTION, 0, false, NULL},
    {"harm", COLUMN_FRACTION, 8, false, NULL},
    {"harm_low", COLUMN_FRACTION, 0, false, NULL},
    {"harm_high", COLUMN_FRACTION, 0, false, NULL},
    {"help", COLUMN_FRACTION, 8, false, NULL},
    {"help_low", COLUMN_FRACTION, 0, true, NULL},
    {"help_high", COLUMN_FRACTION, 0, true, NULL},
    {"name", COLUMN_TEXT, 0, false, NULL}, /* only where classes have names */
};

/* names: NULL where groups are no classes, or classes have none. */
static int print_slices(const struct ebjr_slice *slices, size_t count, int32_t first,
                        const struct ebjr_class_names *names, struct output output)
{
    struct table table = {output, slice_columns, ROWS(slice_columns) - (names ? 0 : 1), 0, false};
    table_begin(&table);
    for (size_t i = 0; i < count; i++) {
        const struct ebjr_slice *slice = &slices[i];
        const struct ebjr_interval *intervals[] = {&slice->teacher_rate, &slice->accuracy,
                                                   &slice->harm, &slice->help};
        struct value values[ROWS(slice_columns)] = {integer_value(slice->group + first),
                                                    integer_value(slice->n)};
        for (size_t k = 0; k < ROWS(intervals); k++) {
            values[2 + 3 * k] = real_value(intervals[k]->estimate);
            values[3 + 3 * k] = real_value(intervals[k]->low);
            values[4 + 3 * k] = real_value(intervals[k]->high);
        }
        if (names) {
            const char *name = ebjr_class_name(names, slice->group + first);
            values[ROWS(slice_columns) - 1] = text_value(name ? name : "");
        }
        table_row(&table, values);
    }
    return table_end(&table);
}

/* The group of each sample: its label, the student's prediction, or a number from a file. */
static int read_groups(int32_t **out, const struct cascade *cascade, const char *by)
{
    int64_t count;
    bool is_class = strcmp(by, "class") == 0;
    if (!is_class && strcmp(by, "prediction") != 0) {
        int status = ebjr_labels_read(out, &count, by);
        if (!status && count != (int64_t)cascade->n) {
            free(*out);
            status = ebjr_error_set(EBJR_EFORMAT, "%s holds %lld groups for %zu samples", by,
                                    (long long)count, cascade->n);
        }
        return status;
    }
    *out = malloc(cascade->n * sizeof **out);
    if (!*out)
        return ebjr_error_memory();
    /* predictions may be "other", -1; groups are not negative */
    for (size_t i = 0; i < cascade->n; i++)
        (*out)[i] = is_class ? cascade->labels[i] : cascade->predictions[i] - EBJR_OTHER;
    return 0;
}

/* Every slice with its n, and intervals that hold for all of them together. */
int slices_report(const struct cascade *cascade, const struct rule *rule, const char *by,
                  double delta, struct output output)
{
    bool is_prediction = strcmp(by, "prediction") == 0;
    bool is_named = cascade->names.count > 0 && (is_prediction || strcmp(by, "class") == 0);
    struct ebjr_slice *slices = NULL;
    size_t count;
    int32_t *group;
    int status = read_groups(&group, cascade, by);
    if (status)
        return status;
    uint8_t *keep = malloc(cascade->n);
    if (!keep)
        status = ebjr_error_memory();
    for (size_t i = 0; !status && i < cascade->n; i++)
        keep[i] = rule->scores[i] >= rule->threshold;
    if (!status)
        status = ebjr_slices(&slices, &count, group, keep, cascade->student_correct, rule->answer,
                             cascade->n, delta);
    if (!status)
        status = print_slices(slices, count, is_prediction ? EBJR_OTHER : 0,
                              is_named ? &cascade->names : NULL, output);
    free(slices);
    free(keep);
    free(group);
    return status;
}

static const struct column mix_columns[] = {
    {"classes", COLUMN_TEXT, 10, false, NULL},
    {"n", COLUMN_INTEGER, 8, false, NULL},
    {"traffic", COLUMN_FRACTION, 9, false, NULL},
    {"student_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},
};

/* Sums over samples; means once they are divided by n. */
struct tally {
    double n, student, teacher, cascade, deferred;
};

static void tally_add(struct tally *tally, const struct cascade *cascade, const struct rule *rule,
                      size_t i)
{
    bool keeps = rule->scores[i] >= rule->threshold;
    tally->n++;
    tally->student += cascade->student_correct[i];
    tally->teacher += cascade->teacher_correct[i];
    tally->cascade += keeps ? cascade->student_correct[i] : rule->answer[i];
    tally->deferred += !keeps;
}

static void tally_scale(struct tally *sum, const struct tally *tally, double factor)
{
    sum->student += factor * tally->student;
    sum->teacher += factor * tally->teacher;
    sum->cascade += factor * tally->cascade;
    sum->deferred += factor * tally->deferred;
}

static void print_tally(struct table *table, const struct cascade *cascade, const char *name,
                        const struct tally *tally, double n, double traffic)
{
    struct value values[] = {
        text_value(name),
        integer_value((int64_t)tally->n),
        real_value(traffic),
        real_value(tally->student / n),
        real_value(tally->teacher / n),
        real_value(tally->cascade / n),
        real_value(tally->deferred / n),
        real_value(cascade->student_flops + tally->deferred / n * cascade->teacher_flops),
    };
    table_row(table, values);
}

int slices_report_mix(const struct cascade *cascade, const struct rule *rule,
                      const struct class_mix *mix, struct output output)
{
    struct tally groups[CLASS_MIX_GROUPS] = {{0}}, all = {0}, mixed = {.n = (double)cascade->n};
    struct table table = {output, mix_columns, ROWS(mix_columns), 0, false};
    char name[32];
    for (size_t i = 0; i < cascade->n; i++) {
        tally_add(&groups[class_mix_group(mix, cascade->labels[i])], cascade, rule, i);
        tally_add(&all, cascade, rule, i);
    }
    for (size_t g = 0; g < mix->count; g++) {
        class_mix_name(name, sizeof name, mix, g);
        if (groups[g].n == 0 && mix->group[g].share > 0)
            return ebjr_error_set(EBJR_EINVAL, "--class-weights: no sample has a class of %s",
                                  name);
        if (groups[g].n > 0)
            tally_scale(&mixed, &groups[g], mix->group[g].share / groups[g].n);
    }
    table_begin(&table);
    for (size_t g = 0; g < mix->count; g++) {
        class_mix_name(name, sizeof name, mix, g);
        if (groups[g].n > 0)
            print_tally(&table, cascade, name, &groups[g], groups[g].n, mix->group[g].share);
    }
    print_tally(&table, cascade, "as stored", &all, all.n, NAN);
    print_tally(&table, cascade, "the mix", &mixed, 1, 1);
    return table_end(&table);
}
