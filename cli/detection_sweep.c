#include "cli/detection_sweep.h"

#include "base/error.h"
#include "calib/coco_bootstrap.h"
#include "cli/sweep_table.h"
#include "cli/uncertainty.h"

#include <math.h>
#include <stdlib.h>

enum { SHARES = 21, MOST_SCORES = 16 };

struct work {
    const struct detection_sweep *sweep;
    struct detection detection;
    enum ebjr_coco_figure figures[SWEEP_FIGURES];
    size_t figure_count;
    double *scores; /* [images] */
};

static int choose_figures(struct work *work)
{
    const struct option_list *names = work->sweep->metrics;
    int status = 0;
    if (names->count > SWEEP_FIGURES)
        return ebjr_error_set(EBJR_EINVAL, "--metric: at most %d", SWEEP_FIGURES);
    work->figures[0] = EBJR_COCO_AP;
    for (size_t i = 0; !status && i < names->count; i++)
        status = detection_figure_find(&work->figures[i], names->items[i]);
    work->figure_count = names->count > 0 ? names->count : 1;
    return status ? ebjr_error_context(status, "--metric") : 0;
}

static int print_points(struct work *work, const struct ebjr_image_score *scores, size_t count)
{
    struct sweep_table table;
    struct sweep_figure figures[SWEEP_FIGURES];
    int status = 0;
    for (size_t f = 0; f < work->figure_count; f++)
        figures[f] = (struct sweep_figure){ebjr_coco_name(work->figures[f]), true};
    sweep_table_begin(&table, work->detection.cascade, work->sweep->points, figures,
                      work->figure_count, work->sweep->output);
    for (size_t i = 0; !status && i < count; i++) {
        struct detection_curve curve = {.figures = NULL};
        status = detection_score(work->scores, &work->detection, &scores[i]);
        if (!status)
            status = detection_sweep(&curve, &work->detection, work->scores, work->figures,
                                     work->figure_count);
        if (!status)
            sweep_table_curve(&table, scores[i].name, &curve.curve, &curve.latency, curve.figures);
        detection_curve_free(&curve);
    }
    return status ? status : sweep_table_end(&table);
}

static int print_bands(struct work *work, const struct ebjr_image_score *scores, size_t count)
{
    struct table table;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        struct ebjr_band band;
        status = detection_score(work->scores, &work->detection, &scores[i]);
        if (!status)
            status = ebjr_coco_band(&band, work->detection.coco, work->figures[0], work->scores,
                                    SHARES, &work->sweep->bootstrap);
        if (!status) {
            if (i == 0)
                uncertainty_band_begin(&table, work->sweep->output);
            uncertainty_band_rows(&table, work->detection.cascade, scores[i].name, &band);
            ebjr_band_free(&band);
        }
    }
    return status ? status : table_end(&table);
}

/* One score, judged by its curve. */
struct standing {
    const char *score;
    double area, best, best_share; /* the highest figure, and where */
};

static int compare_standings(const void *left, const void *right)
{
    const struct standing *a = left, *b = right;
    return (a->area < b->area) - (a->area > b->area);
}

static struct standing standing_of(const char *score, const struct detection_curve *curve)
{
    struct standing out = {score, detection_area(&curve->curve, curve->figures), -INFINITY, NAN};
    for (size_t k = 0; k < curve->curve.count; k++)
        if (curve->figures[k] > out.best) {
            out.best = curve->figures[k];
            out.best_share = ebjr_point_share(&curve->curve, &curve->curve.points[k]);
        }
    return out;
}

static int print_summary(struct work *work, const struct ebjr_image_score *scores, size_t count)
{
    static const struct column columns[] = {
        {"score", COLUMN_TEXT, 18, false, NULL},
        {"deferral_area", COLUMN_FRACTION, 0, false, NULL},
        {"above_line", COLUMN_FRACTION, 0, false, NULL},
        {"best", COLUMN_FRACTION, 9, false, NULL},
        {"best_share", COLUMN_FRACTION, 0, false, NULL},
        {"student", COLUMN_FRACTION, 9, false, NULL},
        {"teacher", COLUMN_FRACTION, 9, false, NULL},
    };
    struct table table = {work->sweep->output, columns, ROWS(columns), 0, false};
    struct standing standings[MOST_SCORES] = {{0}};
    double student = NAN, teacher = NAN;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        struct detection_curve curve = {.figures = NULL};
        status = detection_score(work->scores, &work->detection, &scores[i]);
        if (!status)
            status = detection_sweep(&curve, &work->detection, work->scores, work->figures, 1);
        if (!status) {
            standings[i] = standing_of(scores[i].name, &curve);
            teacher = curve.figures[0];
            student = curve.figures[curve.curve.count - 1];
        }
        detection_curve_free(&curve);
    }
    if (status)
        return status;
    qsort(standings, count, sizeof *standings, compare_standings);
    table_begin(&table);
    for (size_t i = 0; i < count; i++) {
        struct value values[] = {text_value(standings[i].score),
                                 real_value(standings[i].area),
                                 real_value(standings[i].area - (student + teacher) / 2),
                                 real_value(standings[i].best),
                                 real_value(standings[i].best_share),
                                 real_value(student),
                                 real_value(teacher)};
        table_row(&table, values);
    }
    return table_end(&table);
}

int detection_sweep_print(struct cascade *cascade, const struct detection_sweep *sweep)
{
    static int (*const views[])(struct work *, const struct ebjr_image_score *,
                                size_t) = {print_points, print_bands, print_summary};
    struct work work = {.sweep = sweep};
    const struct ebjr_image_score *scores;
    size_t count;
    int status = choose_figures(&work);
    if (!status)
        status = detection_select_scores(&scores, &count, sweep->score);
    if (!status)
        status = detection_load(&work.detection, cascade);
    if (!status) {
        cascade_warn(cascade);
        work.scores = malloc(cascade->n * sizeof *work.scores);
        status = work.scores ? views[sweep->view](&work, scores, count) : ebjr_error_memory();
    }
    free(work.scores);
    detection_free(&work.detection);
    return status;
}
