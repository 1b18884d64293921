#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_latency.h"
#include "cli/plot.h"
#include "plots/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Measurements that one line goes through: of one thing, executed in one way. */
struct group {
    const struct ebjr_stored_measurement *first;
    char name[1024];
    struct ebjr_load_point *points;
    size_t count;
};

struct load {
    struct ebjr_stored_model student, teacher;
    struct ebjr_stored_dataset dataset;
    struct ebjr_stored_measurement *measurements; /* those that are drawn */
    size_t count;
    struct group *groups; /* [count] */
    size_t group_count;
};

static void load_free(struct load *load)
{
    for (size_t i = 0; i < load->group_count; i++)
        free(load->groups[i].points);
    free(load->groups);
    free(load->measurements);
}

static bool is_drawn(const struct load *load, const struct ebjr_stored_measurement *measurement)
{
    if (strcmp(measurement->scenario, "server") != 0 || !(measurement->qps > 0) ||
        measurement->samples < 1)
        return false;
    if (measurement->model_id == EBJR_UNKNOWN)
        return measurement_is_of(measurement, load->student.name, load->teacher.name);
    return measurement->model_id == load->student.id || measurement->model_id == load->teacher.id;
}

/* Keeps what is drawn, and says on which data set. */
static int choose(struct load *load, ebjr_store *store, const char *dataset)
{
    struct ebjr_stored_dataset *datasets = NULL;
    size_t all = 0, known = 0;
    int64_t id = 0;
    int status = ebjr_stored_measurement_list(&load->measurements, &all, store);
    if (!status)
        status = ebjr_stored_dataset_list(&datasets, &known, store);
    if (!status && dataset)
        status = ebjr_stored_dataset_find(&load->dataset, store, dataset);
    if (!status && dataset)
        id = load->dataset.id;
    for (size_t i = 0; !status && i < all; i++) {
        const struct ebjr_stored_measurement *measurement = &load->measurements[i];
        if (!is_drawn(load, measurement) || (dataset && measurement->dataset_id != id))
            continue;
        if (id && measurement->dataset_id != id)
            status = ebjr_error_set(EBJR_EINVAL, "they were measured on several data sets; choose "
                                                 "with --dataset");
        id = measurement->dataset_id;
        load->measurements[load->count++] = *measurement;
    }
    for (size_t i = 0; i < known; i++)
        if (datasets[i].id == id)
            load->dataset = datasets[i];
    free(datasets);
    if (!status && load->count == 0)
        status = ebjr_error_set(EBJR_ENOTFOUND,
                                "%s holds no latencies of these models under load: ebjr bench "
                                "--scenario server measures them",
                                ebjr_store_path(store));
    return status;
}

static bool is_one_group(const struct ebjr_stored_measurement *a,
                         const struct ebjr_stored_measurement *b)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no group without its first */
    return a->model_id == b->model_id && a->batch == b->batch && a->threads == b->threads &&
           strcmp(a->subject, b->subject) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->plan, b->plan) == 0;
}

static struct group *group_of(struct load *load, const struct ebjr_stored_measurement *measurement)
{
    for (size_t i = 0; i < load->group_count; i++)
        if (is_one_group(load->groups[i].first, measurement))
            return &load->groups[i];
    struct group *group = &load->groups[load->group_count];
    group->points = malloc(load->count * sizeof *group->points);
    if (!group->points)
        return NULL;
    group->first = measurement;
    load->group_count++;
    return group;
}

/* Points ascend; of two at the same rate the newer counts. */
static void insert_point(struct group *group, struct ebjr_load_point point)
{
    size_t at = group->count;
    while (at > 0 && group->points[at - 1].qps > point.qps)
        at--;
    if (at > 0 && group->points[at - 1].qps == point.qps) {
        group->points[at - 1] = point;
        return;
    }
    memmove(&group->points[at + 1], &group->points[at],
            (group->count - at) * sizeof *group->points);
    group->points[at] = point;
    group->count++;
}

static int add_measurement(struct load *load, ebjr_store *store,
                           const struct ebjr_stored_measurement *measurement)
{
    struct ebjr_measured_summary summary;
    struct group *group = group_of(load, measurement);
    int status = group ? measurement_summarise(&summary, store, measurement) : ebjr_error_memory();
    if (!status)
        insert_point(group, (struct ebjr_load_point){measurement->qps, summary.p50, summary.p99});
    return status;
}

static const char *subject_of(const struct load *load, const struct group *group)
{
    int64_t id = group->first->model_id;
    return id == EBJR_UNKNOWN       ? group->first->subject
           : id == load->student.id ? load->student.name
                                    : load->teacher.name;
}

/* The subject, and how it was executed where the subject alone does not tell. */
static void name_groups(struct load *load)
{
    for (size_t i = 0; i < load->group_count; i++) {
        struct group *group = &load->groups[i];
        const struct ebjr_stored_measurement *first = group->first;
        const char *subject = subject_of(load, group);
        size_t alike = 0;
        for (size_t j = 0; j < load->group_count; j++)
            alike += strcmp(subject_of(load, &load->groups[j]), subject) == 0;
        if (alike == 1)
            snprintf(group->name, sizeof group->name, "%s", subject);
        else
            snprintf(group->name, sizeof group->name, "%s (%s, %s, batch %lld)", subject,
                     first->device, first->plan, (long long)first->batch);
    }
}

/* The student's groups come first, then the teacher's, then the cascades'. */
static int fill(struct load *load, ebjr_store *store)
{
    int status = 0;
    const int64_t order[] = {load->student.id, load->teacher.id, EBJR_UNKNOWN};
    load->groups = calloc(load->count, sizeof *load->groups);
    if (!load->groups)
        return ebjr_error_memory();
    for (size_t k = 0; k < ROWS(order); k++)
        for (size_t i = 0; !status && i < load->count; i++)
            if (load->measurements[i].model_id == order[k])
                status = add_measurement(load, store, &load->measurements[i]);
    name_groups(load);
    return status;
}

static int draw(const struct load *load, const struct plot_work *work, double most_p99)
{
    char heading[1024];
    struct ebjr_load_series *series = calloc(load->group_count, sizeof *series);
    if (!series)
        return ebjr_error_memory();
    for (size_t i = 0; i < load->group_count; i++) {
        const struct group *group = &load->groups[i];
        series[i] = (struct ebjr_load_series){group->name, group->points, group->count};
    }
    snprintf(heading, sizeof heading, "%s: %s to %s", load->dataset.name, load->student.name,
             load->teacher.name);
    struct ebjr_load_plot plot = {*work->heading ? work->heading : heading, series,
                                  load->group_count, most_p99};
    int status = ebjr_load_draw(&plot, work->target.directory, work->target.name);
    free(series);
    return status;
}

int plot_load(const struct plot_work *work)
{
    const struct cascade_request *asked = &work->request->cascade;
    const char *budget = work->request->max_p99;
    struct load load = {0};
    ebjr_store *store = NULL;
    double most_p99 = NAN;
    int status = budget ? ebjr_time_parse(&most_p99, budget) : 0;
    if (!status && most_p99 <= 0)
        status = ebjr_error_set(EBJR_EINVAL, "--max-p99 is a time above 0");
    if (!status)
        status = ebjr_store_open(&store, asked->db, EBJR_STORE_READ);
    if (!status)
        status = ebjr_stored_model_find(&load.student, store, asked->student);
    if (!status)
        status = ebjr_stored_model_find(&load.teacher, store, asked->teacher);
    if (!status)
        status = choose(&load, store, asked->dataset);
    if (!status)
        status = fill(&load, store);
    ebjr_store_close(store);
    if (!status)
        status = draw(&load, work, most_p99);
    load_free(&load);
    return status;
}
