#include "cli/detection_pick.h"

#include "base/error.h"
#include "base/text.h"
#include "calib/coco_pick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 1000 };

/* What is of classifiers alone. */
static int check_request(const struct pick_request *request)
{
    const struct {
        const char *option;
        bool given;
    } options[] = {
        {"fit-temperature", request->fit.temperature},
        {"per-class", request->fit.per_class},
        {"answer", strcmp(request->fit.answer, "teacher") != 0},
        {"tune-on", request->part[TUNING]},
        {"calibrate-on", request->part[CALIBRATION]},
        {"test-on", request->part[TEST]},
        {"class-weights", request->class_weights},
        {"bound", request->bound},
        {"out", request->out},
    };
    for (size_t i = 0; i < ROWS(options); i++)
        if (options[i].given)
            return ebjr_error_set(EBJR_EINVAL, "--%s is not for detectors", options[i].option);
    return 0;
}

static int parse(struct ebjr_coco_pick_request *out, const struct pick_request *request,
                 const struct cascade *cascade)
{
    *out = (struct ebjr_coco_pick_request){
        .student_flops = cascade->student_flops,
        .teacher_flops = cascade->teacher_flops,
        .certify = !request->plain,
        .delta = request->delta,
        .split_seed = (uint64_t)request->split_seed,
        .bootstrap = {.resamples = RESAMPLES, .seed = (uint64_t)request->split_seed, .level = 0.9}};
    int status = pick_parse_limits(out->limit, request);
    if (!status)
        status = pick_check_delta(request);
    if (!status)
        status = pick_parse_objective(&out->objective, request, cascade);
    if (!status)
        status = detection_figure_find(&out->figure, request->metric ? request->metric : "ap");
    return status;
}

static unsigned certified_budgets(const struct ebjr_coco_pick *pick)
{
    unsigned set = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        set |= (unsigned)!isnan(pick->bound[b]) << b;
    return set;
}

static int print(const struct ebjr_coco_pick *pick, const struct ebjr_coco_pick_request *wanted,
                 const struct pick_request *request, const char *score, struct output output)
{
    static const struct column columns[] = {
        {"status", COLUMN_TEXT, 0, false, NULL},
        {"score", COLUMN_TEXT, 0, false, NULL},
        {"threshold", COLUMN_REAL, 0, false, "(the student answers where score >= threshold)"},
        {"student_share", COLUMN_FRACTION, 0, false, NULL},
        {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
        {"metric", COLUMN_TEXT, 0, false, NULL},
        {"value", COLUMN_FRACTION, 0, false, "of the metric"},
        {"drop", COLUMN_FRACTION, 0, false, "of the metric, below the teacher"},
        {"flops", COLUMN_REAL, 0, false, "an image"},
        {"latency_ns", COLUMN_REAL, 0, false, "mean"},
        {"p95_ns", COLUMN_REAL, 0, false, NULL},
        {"p99_ns", COLUMN_REAL, 0, false, NULL},
        {"certified", COLUMN_FLAG, 0, false, NULL},
        {"certified_budgets", COLUMN_TEXT, 0, false, NULL},
        {"certified_value", COLUMN_FRACTION, 0, false, "at least"},
        {"certified_drop", COLUMN_FRACTION, 0, false, "at most"},
        {"certified_teacher_rate", COLUMN_FRACTION, 0, false, "at most"},
        {"certified_flops", COLUMN_REAL, 0, false, "at most"},
        {"delta", COLUMN_REAL, 0, false, NULL},
        {"delta_each", COLUMN_REAL, 0, true, NULL},
        {"objective", COLUMN_TEXT, 0, false, NULL},
        {"binding", COLUMN_TEXT, 0, false, NULL},
        {"n", COLUMN_INTEGER, 0, false, "images that the figures are of"},
        {"tested", COLUMN_INTEGER, 0, false, "thresholds that were proposed"},
    };
    char certified[256], binding[256];
    const double *value = pick->figures.value, *bound = pick->bound;
    unsigned set = certified_budgets(pick);
    bool ok = pick->feasible;
    struct value values[] = {
        text_value(ok ? "feasible" : "infeasible"),
        text_value(score),
        real_value(ok ? pick->threshold : NAN),
        real_value(ok ? 1 - value[EBJR_MAX_TEACHER_RATE] : NAN),
        real_value(ok ? value[EBJR_MAX_TEACHER_RATE] : NAN),
        text_value(ebjr_coco_name(wanted->figure)),
        real_value(ok ? value[EBJR_MIN_ACCURACY] : NAN),
        real_value(ok ? value[EBJR_MAX_DROP] : NAN),
        real_value(ok ? value[EBJR_MAX_FLOPS] : NAN),
        real_value(ok ? value[EBJR_MAX_LATENCY] : NAN),
        real_value(ok ? value[EBJR_MAX_P95] : NAN),
        real_value(ok ? value[EBJR_MAX_P99] : NAN),
        integer_value(ok && set),
        text_value(pick_budget_list(certified, ok ? set : 0)),
        real_value(ok ? bound[EBJR_MIN_ACCURACY] : NAN),
        real_value(ok ? bound[EBJR_MAX_DROP] : NAN),
        real_value(ok ? bound[EBJR_MAX_TEACHER_RATE] : NAN),
        real_value(ok ? bound[EBJR_MAX_FLOPS] : NAN),
        real_value(request->plain ? NAN : request->delta),
        real_value(pick->delta_each),
        text_value(pick_objective_text(wanted->objective)),
        text_value(pick_budget_list(binding, ok ? pick->binding : pick->conflict)),
        integer_value((int64_t)pick->images),
        integer_value((int64_t)pick->tested),
    };
    struct table table = {output, columns, ROWS(columns), 0, true};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

static void explain(const struct ebjr_coco_pick *pick, const struct ebjr_coco_pick_request *wanted)
{
    char list[256], number[EBJR_NUMBER_TEXT];
    if (!wanted->certify)
        say("note: a plain pick: it promises nothing about new images (leave out --plain for a "
            "certificate)");
    else
        say("note: what is certified of %s rests on the bootstrap over images, which holds as "
            "their "
            "number grows",
            ebjr_coco_name(wanted->figure));
    if (pick->feasible)
        return;
    complain("infeasible: no threshold meets %s%s", pick_budget_list(list, pick->conflict),
             wanted->certify ? " with a certificate" : "");
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if (!isnan(wanted->limit[b]))
            complain("  --%s %s: the best any threshold has on these images is %.6g",
                     ebjr_budget_name(b), ebjr_number_format(number, wanted->limit[b]),
                     pick->reachable[b]);
}

int detection_pick(bool *feasible, const struct pick_request *request)
{
    struct cascade cascade = {0};
    struct detection detection = {.cascade = NULL};
    struct cascade_request asked = request->cascade;
    struct ebjr_coco_pick_request wanted;
    struct ebjr_coco_pick pick = {.feasible = false};
    const struct ebjr_image_score *score;
    const char *name = request->fit.score;
    struct output output;
    double *scores = NULL;
    asked.detectors = true;
    asked.teacher_logits = false;
    int status = output_parse(&output, request->format);
    if (!status)
        status = check_request(request);
    if (!status)
        status = ebjr_image_score_find(&score, strcmp(name, "auto") == 0 ? DETECTION_SCORE : name);
    if (!status && score->kind != EBJR_SCORE_LOGITS)
        status = ebjr_error_set(EBJR_EINVAL, "no router can compute '%s'", score->name);
    if (!status)
        status = cascade_find(&cascade, &asked);
    if (!status)
        status = parse(&wanted, request, &cascade);
    if (!status)
        status = detection_load(&detection, &cascade);
    if (!status && !(scores = malloc(cascade.n * sizeof *scores)))
        status = ebjr_error_memory();
    if (!status)
        status = detection_score(scores, &detection, score);
    if (!status) {
        struct ebjr_truth truth = detection_truth(&detection);
        cascade_warn(&cascade);
        wanted.student_latency = cascade.student_latency;
        wanted.teacher_latency = cascade.teacher_latency;
        status = ebjr_coco_pick(&pick, &truth, &detection.student.detections,
                                &detection.teacher.detections, scores, &wanted);
    }
    if (!status)
        status = print(&pick, &wanted, request, score->name, output);
    if (!status)
        explain(&pick, &wanted);
    *feasible = pick.feasible;
    free(scores);
    detection_free(&detection);
    cascade_free(&cascade);
    return status;
}
