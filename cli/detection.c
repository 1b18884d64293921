#include "cli/detection.h"

#include "base/error.h"
#include "base/text.h"
#include "calib/coco_sweep.h"

#include <stdlib.h>
#include <string.h>

static int read_store(struct detection *out)
{
    ebjr_store *store = NULL;
    const struct cascade *cascade = out->cascade;
    int status = ebjr_store_open(&store, cascade->db, EBJR_STORE_READ);
    if (!status)
        status = ebjr_truth_read(&out->truth, store, &cascade->dataset);
    if (!status)
        status = ebjr_detection_read(&out->student, store, &cascade->student_run, true);
    if (!status)
        status = ebjr_detection_read(&out->teacher, store, &cascade->teacher_run, false);
    ebjr_store_close(store);
    return status;
}

/* Detections may be of categories that no object is of. */
static size_t count_categories(const struct detection *detection)
{
    const struct ebjr_detections *both[] = {&detection->student.detections,
                                            &detection->teacher.detections};
    size_t categories = detection->truth.truth.categories;
    for (size_t m = 0; m < ROWS(both); m++)
        for (size_t i = 0; i < both[m]->count; i++)
            if (both[m]->items[i].category >= categories)
                categories = (size_t)both[m]->items[i].category + 1;
    return categories;
}

struct ebjr_truth detection_truth(const struct detection *detection)
{
    struct ebjr_truth truth = detection->truth.truth;
    truth.categories = count_categories(detection);
    return truth;
}

int detection_load(struct detection *out, struct cascade *cascade)
{
    *out = (struct detection){.cascade = cascade};
    int status = read_store(out);
    if (status)
        return status;
    struct ebjr_truth truth = detection_truth(out);
    status = ebjr_coco_new(&out->coco, &truth, &out->student.detections, &out->teacher.detections);
    bool known = cascade->student_latency != NULL; /* from an earlier call */
    return status || known ? status : cascade_read_timing(cascade);
}

void detection_free(struct detection *detection)
{
    ebjr_stored_truth_free(&detection->truth);
    ebjr_stored_detections_free(&detection->student);
    ebjr_stored_detections_free(&detection->teacher);
    ebjr_coco_free(detection->coco);
    *detection = (struct detection){0};
}

int detection_select_scores(const struct ebjr_image_score **first, size_t *count, const char *name)
{
    if (strcmp(name, "all") == 0) {
        *first = ebjr_image_score_list(count);
        return 0;
    }
    *count = 1;
    return ebjr_image_score_find(first, name);
}

int detection_figure_find(enum ebjr_coco_figure *out, const char *name)
{
    const char *names[EBJR_COCO_FIGURES];
    size_t at;
    for (int i = 0; i < EBJR_COCO_FIGURES; i++)
        names[i] = ebjr_coco_name((enum ebjr_coco_figure)i);
    int status =
        ebjr_name_find(&at, EBJR_ENOTFOUND, "figure of detectors", name, names, EBJR_COCO_FIGURES);
    if (!status)
        *out = (enum ebjr_coco_figure)at;
    return status;
}

/* What each image gains by itself: the first order of what any set of them does. */
static void score_oracle(double *scores, const struct detection *detection)
{
    double teacher = ebjr_coco_figure(detection->coco, EBJR_COCO_AP);
    for (size_t i = 0; i < detection->cascade->n; i++) {
        ebjr_coco_move(detection->coco, i, true);
        scores[i] = ebjr_coco_figure(detection->coco, EBJR_COCO_AP) - teacher;
        ebjr_coco_move(detection->coco, i, false);
    }
}

int detection_score(double *scores, const struct detection *detection,
                    const struct ebjr_image_score *score)
{
    if (score->kind == EBJR_SCORE_ORACLE) {
        score_oracle(scores, detection);
        return 0;
    }
    int status = ebjr_image_score_evaluate(scores, score, &detection->student.detections,
                                           detection->cascade->n, &detection->cascade->options);
    return status ? ebjr_error_context(status, "'%s'", detection->cascade->student.name) : 0;
}

int detection_sweep(struct detection_curve *out, const struct detection *detection,
                    const double *scores, const enum ebjr_coco_figure *figures, size_t figure_count)
{
    const struct cascade *cascade = detection->cascade;
    size_t n = cascade->n;
    *out = (struct detection_curve){.figures = NULL};
    int status = ebjr_coco_points(&out->curve, scores, n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(&out->latency, &out->curve, scores, cascade->student_latency,
                                    cascade->teacher_latency, n);
    if (!status) {
        out->figures = malloc(figure_count * out->curve.count * sizeof *out->figures);
        status = out->figures ? 0 : ebjr_error_memory();
    }
    if (!status)
        status = ebjr_coco_sweep(out->figures, detection->coco, figures, figure_count, &out->curve,
                                 scores);
    return status;
}

void detection_curve_free(struct detection_curve *curve)
{
    ebjr_curve_free(&curve->curve);
    ebjr_latency_curve_free(&curve->latency);
    free(curve->figures);
    curve->figures = NULL;
}

double detection_area(const struct ebjr_curve *curve, const double *figure)
{
    double area = 0;
    for (size_t k = 1; k < curve->count; k++)
        area += (double)(curve->points[k].student - curve->points[k - 1].student) *
                (figure[k] + figure[k - 1]) / 2;
    return area / (double)curve->n;
}
