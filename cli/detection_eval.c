#include "cli/detection_eval.h"

#include "base/error.h"
#include "calib/coco_bootstrap.h"
#include "calib/coco_sweep.h"
#include "calib/measured.h"
#include "cli/cascade_latency.h"

#include <math.h>
#include <stdlib.h>

static const struct ebjr_bootstrap bootstrap = {.resamples = 400, .seed = 1, .level = 0.95};

struct evaluation {
    struct detection detection;
    double *scores;
    size_t kept;
    double student, teacher; /* AP of each alone */
    double figures[EBJR_COCO_FIGURES];
    struct ebjr_interval ap, drop;
    struct ebjr_measured_summary latency; /* NaN where not stored */
};

static int measure(struct evaluation *out, double threshold)
{
    struct detection *detection = &out->detection;
    const struct cascade *cascade = detection->cascade;
    size_t n = cascade->n;
    out->teacher = ebjr_coco_figure(detection->coco, EBJR_COCO_AP);
    ebjr_coco_move_to(detection->coco, out->scores, -INFINITY);
    out->student = ebjr_coco_figure(detection->coco, EBJR_COCO_AP);
    ebjr_coco_move_to(detection->coco, out->scores, threshold);
    for (size_t i = 0; i < n; i++)
        out->kept += out->scores[i] >= threshold;
    for (int f = 0; f < EBJR_COCO_FIGURES; f++)
        out->figures[f] = ebjr_coco_figure(detection->coco, (enum ebjr_coco_figure)f);
    return ebjr_coco_uncertainty(&out->ap, &out->drop, detection->coco, EBJR_COCO_AP, &bootstrap);
}

static int time_it(struct evaluation *out, double threshold)
{
    const struct cascade *cascade = out->detection.cascade;
    size_t n = cascade->student_latency ? cascade->n : 0;
    double *latency = malloc((n + 1) * sizeof *latency);
    if (!latency)
        return ebjr_error_memory();
    if (n > 0)
        cascade_latencies(latency, cascade, out->scores, threshold);
    int status = ebjr_measured_summarise(&out->latency, latency, n);
    free(latency);
    return status;
}

static int print(const struct evaluation *evaluation, const char *score, double threshold,
                 struct output output)
{
    static const struct column columns[] = {
        {"dataset", COLUMN_TEXT, 0, false, NULL},
        {"student", COLUMN_TEXT, 0, false, NULL},
        {"teacher", COLUMN_TEXT, 0, false, NULL},
        {"n", COLUMN_INTEGER, 0, false, "images"},
        {"score", COLUMN_TEXT, 0, false, NULL},
        {"threshold", COLUMN_REAL, 0, false, "(the student answers where score >= threshold)"},
        {"student_share", COLUMN_FRACTION, 0, false, NULL},
        {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
        {"ap", COLUMN_FRACTION, 0, false, "of the cascade, as all that follow"},
        {"ap_low", COLUMN_FRACTION, 0, false, "95 % bootstrap interval over images"},
        {"ap_high", COLUMN_FRACTION, 0, false, NULL},
        {"ap50", COLUMN_FRACTION, 0, false, NULL},
        {"ap75", COLUMN_FRACTION, 0, false, NULL},
        {"ap_small", COLUMN_FRACTION, 0, false, NULL},
        {"ap_medium", COLUMN_FRACTION, 0, false, NULL},
        {"ap_large", COLUMN_FRACTION, 0, false, NULL},
        {"ar1", COLUMN_FRACTION, 0, false, NULL},
        {"ar10", COLUMN_FRACTION, 0, false, NULL},
        {"ar100", COLUMN_FRACTION, 0, false, NULL},
        {"ar_small", COLUMN_FRACTION, 0, false, NULL},
        {"ar_medium", COLUMN_FRACTION, 0, false, NULL},
        {"ar_large", COLUMN_FRACTION, 0, false, NULL},
        {"student_ap", COLUMN_FRACTION, 0, false, "of the student alone"},
        {"teacher_ap", COLUMN_FRACTION, 0, false, "of the teacher alone"},
        {"drop", COLUMN_FRACTION, 0, false, "of AP, below the teacher"},
        {"drop_low", COLUMN_FRACTION, 0, false, "95 % bootstrap interval over images"},
        {"drop_high", COLUMN_FRACTION, 0, false, NULL},
        {"flops", COLUMN_REAL, 0, false, "an image, of the cascade"},
        {"student_flops", COLUMN_REAL, 0, false, "an image"},
        {"teacher_flops", COLUMN_REAL, 0, false, "an image"},
        {"latency_ns", COLUMN_REAL, 0, false, "the mean of an image, of the cascade"},
        {"p95_ns", COLUMN_REAL, 0, false, NULL},
        {"p99_ns", COLUMN_REAL, 0, false, NULL},
    };
    enum { LATENCY_COLUMNS = 3 };
    const struct cascade *cascade = evaluation->detection.cascade;
    const double *figures = evaluation->figures;
    double n = (double)cascade->n, share = (double)evaluation->kept / n;
    struct table table = {
        output, columns, ROWS(columns) - (cascade->student_latency ? 0 : LATENCY_COLUMNS), 0, true};
    struct value values[] = {
        text_value(cascade->dataset.name),
        text_value(cascade->student.name),
        text_value(cascade->teacher.name),
        integer_value((int64_t)cascade->n),
        text_value(score),
        real_value(threshold),
        real_value(share),
        real_value((n - (double)evaluation->kept) / n),
        real_value(figures[EBJR_COCO_AP]),
        real_value(evaluation->ap.low),
        real_value(evaluation->ap.high),
        real_value(figures[EBJR_COCO_AP50]),
        real_value(figures[EBJR_COCO_AP75]),
        real_value(figures[EBJR_COCO_AP_SMALL]),
        real_value(figures[EBJR_COCO_AP_MEDIUM]),
        real_value(figures[EBJR_COCO_AP_LARGE]),
        real_value(figures[EBJR_COCO_AR1]),
        real_value(figures[EBJR_COCO_AR10]),
        real_value(figures[EBJR_COCO_AR100]),
        real_value(figures[EBJR_COCO_AR_SMALL]),
        real_value(figures[EBJR_COCO_AR_MEDIUM]),
        real_value(figures[EBJR_COCO_AR_LARGE]),
        real_value(evaluation->student),
        real_value(evaluation->teacher),
        real_value(evaluation->teacher - figures[EBJR_COCO_AP]),
        real_value(evaluation->drop.low),
        real_value(evaluation->drop.high),
        real_value(cascade->student_flops +
                   (n - (double)evaluation->kept) / n * cascade->teacher_flops),
        real_value(cascade->student_flops),
        real_value(cascade->teacher_flops),
        real_value(evaluation->latency.mean),
        real_value(evaluation->latency.p95),
        real_value(evaluation->latency.p99),
    };
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

int detection_eval_print(struct cascade *cascade, const char *score_name, double threshold,
                         struct output output)
{
    struct evaluation evaluation = {.kept = 0};
    const struct ebjr_image_score *score;
    int status = ebjr_image_score_find(&score, score_name);
    if (!status)
        status = detection_load(&evaluation.detection, cascade);
    if (!status && !(evaluation.scores = malloc(cascade->n * sizeof *evaluation.scores)))
        status = ebjr_error_memory();
    if (!status)
        status = detection_score(evaluation.scores, &evaluation.detection, score);
    if (!status)
        status = measure(&evaluation, threshold);
    if (!status)
        status = time_it(&evaluation, threshold);
    if (!status) {
        cascade_warn(cascade);
        status = print(&evaluation, score->name, threshold, output);
    }
    free(evaluation.scores);
    detection_free(&evaluation.detection);
    return status;
}

static void print_model(struct table *table, const struct detection *detection, const char *name)
{
    struct value values[EBJR_COCO_FIGURES + 1] = {text_value(name)};
    for (int f = 0; f < EBJR_COCO_FIGURES; f++)
        values[f + 1] = real_value(ebjr_coco_figure(detection->coco, (enum ebjr_coco_figure)f));
    table_row(table, values);
}

int detection_print_models(const struct detection *detection, struct output output)
{
    static const char *const names[EBJR_COCO_FIGURES] = {
        "ap",  "ap50", "ap75",  "ap_small", "ap_medium", "ap_large",
        "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"};
    struct column columns[EBJR_COCO_FIGURES + 1] = {{"model", COLUMN_TEXT, 20, false, NULL}};
    for (int f = 0; f < EBJR_COCO_FIGURES; f++)
        columns[f + 1] = (struct column){names[f], COLUMN_FRACTION, 0, false, NULL};
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    print_model(&table, detection, detection->cascade->teacher.name);
    for (size_t i = 0; i < detection->cascade->n; i++)
        ebjr_coco_move(detection->coco, i, true);
    print_model(&table, detection, detection->cascade->student.name);
    for (size_t i = 0; i < detection->cascade->n; i++)
        ebjr_coco_move(detection->coco, i, false);
    return table_end(&table);
}
