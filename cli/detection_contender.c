#include "cli/detection_contender.h"

#include "base/error.h"
#include "calib/coco_bootstrap.h"
#include "calib/coco_sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARES = 21, MOST_POINTS = 3 };

static const enum ebjr_coco_figure ap = EBJR_COCO_AP;

/* scores[images] of the one named, or of the one that does best. */
static int choose_score(const struct ebjr_image_score **out, double *scores,
                        const struct detection *detection, const char *name)
{
    size_t count;
    double best = -INFINITY;
    const struct ebjr_image_score *all = ebjr_image_score_list(&count);
    int status = 0;
    *out = all;
    if (name && strcmp(name, "auto") != 0) {
        status = ebjr_image_score_find(out, name);
        return status ? status : detection_score(scores, detection, *out);
    }
    for (size_t i = 0; !status && i < count; i++) {
        struct detection_curve curve = {.figures = NULL};
        if (all[i].kind != EBJR_SCORE_LOGITS)
            continue;
        status = detection_score(scores, detection, &all[i]);
        if (!status)
            status = detection_sweep(&curve, detection, scores, &ap, 1);
        double area = status ? NAN : detection_area(&curve.curve, curve.figures);
        if (!status && area > best) {
            best = area;
            *out = &all[i];
        }
        detection_curve_free(&curve);
    }
    if (status)
        return status;
    say("note: of all scores %s does best on these images, and is chosen on them (--score names "
        "one)",
        (*out)->name);
    return detection_score(scores, detection, *out);
}

/* The cascade at a threshold, with its interval. */
static int add_point(struct contender *out, const char *name, const struct detection *detection,
                     const double *scores, double threshold, const struct ebjr_bootstrap *options)
{
    const struct cascade *cascade = detection->cascade;
    struct ebjr_interval figure = {NAN, NAN, NAN}, drop;
    size_t n = cascade->n, deferred = 0;
    double deferred_latency = cascade->student_latency ? 0 : NAN;
    for (size_t i = 0; i < n; i++) {
        bool keeps = scores[i] >= threshold;
        deferred += !keeps;
        if (!keeps && cascade->teacher_latency)
            deferred_latency += cascade->teacher_latency[i];
    }
    ebjr_coco_move_to(detection->coco, scores, threshold);
    int status = ebjr_coco_uncertainty(&figure, &drop, detection->coco, EBJR_COCO_AP, options);
    double rate = (double)deferred / (double)n;
    out->points[out->point_count++] = (struct named_offer){
        .name = name,
        .offer = {cascade->student_flops + rate * cascade->teacher_flops, figure.estimate},
        .low = figure.low,
        .high = figure.high,
        .latency =
            contender_mean_latency(cascade->student_latency, n) + deferred_latency / (double)n,
        .depth = EBJR_UNKNOWN};
    ebjr_coco_move_to(detection->coco, scores, INFINITY);
    return status;
}

/* Asked alone, the teacher costs what it costs, without the student before it. */
static int add_teacher(struct contender *out, const struct detection *detection,
                       const double *scores, const struct ebjr_bootstrap *options)
{
    const struct cascade *cascade = detection->cascade;
    int status = add_point(out, "teacher alone", detection, scores, INFINITY, options);
    struct named_offer *point = &out->points[out->point_count - 1];
    point->offer.cost = cascade->teacher_flops;
    point->latency = contender_mean_latency(cascade->teacher_latency, cascade->n);
    point->depth = cascade->teacher_run.depth;
    return status;
}

static int take_curve(struct contender *out, const struct detection *detection,
                      const double *scores)
{
    const struct cascade *cascade = detection->cascade;
    struct detection_curve curve = {.figures = NULL};
    int status = detection_sweep(&curve, detection, scores, &ap, 1);
    if (!status)
        status = contender_allocate(out, curve.curve.count, MOST_POINTS);
    for (size_t i = 0; !status && i < curve.curve.count; i++)
        out->offers[out->offer_count++] =
            (struct ebjr_offer){ebjr_point_cost(&curve.curve, &curve.curve.points[i],
                                                cascade->student_flops, cascade->teacher_flops),
                                curve.figures[i]};
    if (!status)
        status = ebjr_tradeoff_curve_make(&out->curve, out->offers, out->offer_count);
    detection_curve_free(&curve);
    return status;
}

static int take_points(struct contender *out, const struct detection *detection,
                       const double *scores, double threshold, const struct ebjr_bootstrap *options)
{
    int status = add_point(out, "student alone", detection, scores, -INFINITY, options);
    out->points[0].depth = detection->cascade->student_run.depth;
    if (!status && !isnan(threshold))
        status = add_point(out, "operating point", detection, scores, threshold, options);
    return status ? status : add_teacher(out, detection, scores, options);
}

static int take_band(struct contender *out, const struct detection *detection, const double *scores,
                     const struct ebjr_bootstrap *options)
{
    struct ebjr_band band;
    int status = ebjr_coco_band(&band, detection->coco, EBJR_COCO_AP, scores, SHARES, options);
    if (status)
        return status;
    status = contender_take_band(out, detection->cascade, &band);
    ebjr_band_free(&band);
    return status;
}

int contender_of_detectors(struct contender *out, struct cascade *cascade, const char *score_name,
                           double threshold, const struct ebjr_bootstrap *options)
{
    struct detection detection = {.cascade = NULL};
    const struct ebjr_image_score *score = NULL;
    double *scores = NULL;
    *out = contender_new(CONTENDER_CASCADE, EBJR_FAMILY_ROUTED);
    int status = contender_check_flops(cascade->student_flops, cascade->student.name);
    if (!status)
        status = contender_check_flops(cascade->teacher_flops, cascade->teacher.name);
    if (!status)
        status = detection_load(&detection, cascade);
    if (!status && !(scores = malloc(cascade->n * sizeof *scores)))
        status = ebjr_error_memory();
    if (!status)
        status = choose_score(&score, scores, &detection, score_name);
    if (!status)
        status =
            contender_name(out, cascade->student.name, " > ", cascade->teacher.name, score->name);
    if (!status)
        status = take_curve(out, &detection, scores);
    if (!status)
        status = take_points(out, &detection, scores, threshold, options);
    if (!status)
        status = take_band(out, &detection, scores, options);
    free(scores);
    detection_free(&detection);
    return status;
}

int contender_of_detector(struct contender *out, struct cascade *cascade,
                          const struct ebjr_bootstrap *options)
{
    struct detection detection = {.cascade = NULL};
    struct ebjr_interval figure, drop;
    *out = contender_new(CONTENDER_MODEL, EBJR_FAMILY_STATIC);
    int status = contender_check_flops(cascade->student_flops, cascade->student.name);
    if (!status)
        status = detection_load(&detection, cascade);
    if (!status)
        status = ebjr_coco_uncertainty(&figure, &drop, detection.coco, EBJR_COCO_AP, options);
    if (!status)
        status = contender_name(out, cascade->student.name, "", "", "");
    if (!status)
        status = contender_allocate(out, 1, 1);
    if (!status) {
        out->points[out->point_count++] = (struct named_offer){
            .name = "",
            .offer = {cascade->student_flops, figure.estimate},
            .low = figure.low,
            .high = figure.high,
            .latency = contender_mean_latency(cascade->student_latency, cascade->n),
            .depth = cascade->student_run.depth};
        status = contender_take_points(out);
    }
    detection_free(&detection);
    return status;
}
