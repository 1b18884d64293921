#include "cli/fit.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "calib/average.h"
#include "calib/classwise.h"
#include "calib/logistic.h"
#include "calib/summary.h"
#include "calib/temperature.h"
#include "cli/cascade_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double RIDGE = 1;          /* penalty of the learned router */
static const double CLASS_PRIOR = 50;   /* disagreements that pull a class's offset to 0 */
static const double CLASS_SHARE = 0.75; /* the operating point that offsets are fitted for */

struct routing {
    const struct cascade_rows *rows;
    const struct ebjr_router *router;
    double *scores;
};

static void route(void *context, size_t from, size_t to)
{
    const struct routing *routing = context;
    size_t classes = routing->rows->cascade->classes;
    for (size_t i = from; i < to; i++)
        routing->scores[i] =
            ebjr_router_score(routing->router, routing->rows->logits + i * classes, classes);
}

int fit_scores(double *scores, const struct cascade *cascade, const struct ebjr_router *router)
{
    struct cascade_rows rows;
    int more = 0, status = cascade_rows_open(&rows, cascade, ROWS_LOGITS, 0);
    while (!status && (more = cascade_rows_next(&rows)) > 0) {
        struct routing routing = {&rows, router, scores + rows.first};
        ebjr_parallel(route, &routing, rows.count, cascade_least_rows(cascade));
        cascade_never_other(routing.scores, &rows);
    }
    cascade_rows_close(&rows);
    return status ? status : more;
}

/* What is fitted from: a cascade, and whether the answer to a deferred sample is right. */
struct data {
    const struct cascade *cascade;
    const uint8_t *deferred; /* [n] */
};

/* The rows with use[i] != 0 of scores and correctness, together. */
struct subset {
    size_t n;
    double *score;
    uint8_t *student, *teacher;
};

static void subset_free(struct subset *subset)
{
    free(subset->score);
    free(subset->student);
    free(subset->teacher);
    *subset = (struct subset){0};
}

static int subset_take(struct subset *out, const double *score, const struct data *data,
                       const uint8_t *use)
{
    const struct cascade *cascade = data->cascade;
    *out = (struct subset){.score = malloc(cascade->n * sizeof *out->score),
                           .student = malloc(cascade->n),
                           .teacher = malloc(cascade->n)};
    if (!out->score || !out->student || !out->teacher) {
        subset_free(out);
        return ebjr_error_memory();
    }
    for (size_t i = 0; i < cascade->n; i++) {
        if (!use[i])
            continue;
        out->score[out->n] = score[i];
        out->student[out->n] = cascade->student_correct[i];
        out->teacher[out->n++] = data->deferred[i];
    }
    return 0;
}

/* The area under the deferral curve on the rows with use[i] != 0. */
static int area(double *out, const double *score, const struct data *data, const uint8_t *use)
{
    static const struct ebjr_bootstrap once = {.resamples = 3, .seed = 1, .level = 0.5};
    struct subset subset;
    struct ebjr_interval value;
    int status = subset_take(&subset, score, data, use);
    if (status)
        return status;
    const double *scores[] = {subset.score};
    status = ebjr_bootstrap_compare(&value, NULL, ebjr_deferral_area, scores, 1, 0, subset.student,
                                    subset.teacher, subset.n, &once);
    if (!status)
        *out = value.estimate;
    subset_free(&subset);
    return status;
}

/* The plain score of the largest area on the tuning samples, of those that read logits. */
static int best_plain(const struct ebjr_score **out, const struct data *data,
                      const struct ebjr_score_options *options, const uint8_t *use)
{
    const struct cascade *cascade = data->cascade;
    size_t count;
    double best = -INFINITY;
    const struct ebjr_score *scores = *out = ebjr_score_list(&count);
    struct cascade scored = *cascade;
    scored.options = *options;
    double *values = calloc(cascade->n, count * sizeof *values);
    int status = values ? cascade_scores(values, &scored, scores, count) : ebjr_error_memory();
    for (size_t i = 0; !status && i < count; i++) {
        double found;
        if (scores[i].kind != EBJR_SCORE_LOGITS)
            continue;
        status = area(&found, values + i * cascade->n, data, use);
        if (!status && found > best) {
            best = found;
            *out = &scores[i];
        }
    }
    free(values);
    return status;
}

static int fit_learned(struct ebjr_router *router, const struct cascade *cascade,
                       const uint8_t *use)
{
    size_t count = ebjr_router_feature_count(cascade->classes), used = 0;
    struct ebjr_logistic model;
    double *features = malloc(cascade->n * count * sizeof *features);
    if (!features)
        return ebjr_error_memory();
    for (size_t i = 0; i < cascade->n; i++, used += count)
        ebjr_router_features(features + used, cascade->logits + i * cascade->classes,
                             cascade->classes, &router->options);
    int status = ebjr_logistic_fit(&model, features, cascade->student_correct, use, cascade->n,
                                   count, RIDGE);
    free(features);
    if (status)
        return ebjr_error_context(status, "the learned router");
    router->learned = true;
    router->intercept = model.intercept;
    memcpy(router->weight, model.weight, count * sizeof *router->weight);
    return 0;
}

static int fit_offsets(struct ebjr_router *router, const struct data *data, const uint8_t *use)
{
    const struct cascade *cascade = data->cascade;
    double *scores = malloc(cascade->n * sizeof *scores);
    double *offset = calloc(cascade->classes, sizeof *offset);
    int status = scores && offset ? 0 : ebjr_error_memory();
    if (!status)
        status = fit_scores(scores, cascade, router);
    if (!status)
        status = ebjr_classwise_fit(offset, scores, cascade->predictions, cascade->student_correct,
                                    data->deferred, use, cascade->n, cascade->classes, CLASS_SHARE,
                                    CLASS_PRIOR);
    free(scores);
    if (status) {
        free(offset);
        return status;
    }
    router->offset = offset;
    router->classes = cascade->classes;
    return 0;
}

/* Does what was fitted beat the best plain score where neither was fitted? */
static int compare(const struct ebjr_router *router, const struct ebjr_score *plain,
                   const struct data *data, const uint8_t *held_out)
{
    const struct cascade *cascade = data->cascade;
    static const struct ebjr_bootstrap options = {.resamples = 1000, .seed = 1, .level = 0.95};
    struct ebjr_router unfitted = {.score = plain, .options = data->cascade->options};
    struct subset a = {0}, b = {0};
    struct ebjr_interval values[2], differences[2];
    double *scores = malloc(cascade->n * sizeof *scores);
    if (!scores)
        return ebjr_error_memory();
    int status = fit_scores(scores, cascade, &unfitted);
    if (!status)
        status = subset_take(&a, scores, data, held_out);
    if (!status) {
        status = fit_scores(scores, cascade, router);
        if (!status)
            status = subset_take(&b, scores, data, held_out);
        const double *both[] = {a.score, b.score};
        if (!status)
            status = ebjr_bootstrap_compare(values, differences, ebjr_deferral_area, both, 2, 0,
                                            a.student, a.teacher, a.n, &options);
        subset_free(&a);
        subset_free(&b);
    }
    free(scores);
    if (status)
        return status;
    say("on held-out samples the fitted router's area under the deferral curve is %.4f, that of %s "
        "%.4f: difference %+.4f [%+.4f, %+.4f] at 95 %%; %s",
        values[1].estimate, plain->name, values[0].estimate, differences[1].estimate,
        differences[1].low, differences[1].high,
        differences[1].low > 0    ? "it beats the best plain score"
        : differences[1].high < 0 ? "it is worse: use the plain score"
                                  : "it does not beat the best plain score");
    return 0;
}

static bool is_weighed(double *weight, const char *answer)
{
    return strncmp(answer, "average:", 8) == 0 && ebjr_number_parse(weight, answer + 8) == 0 &&
           *weight >= 0 && *weight <= 1;
}

int fit_check_answer(const char *answer)
{
    double weight;
    bool known = strcmp(answer, "teacher") == 0 || strcmp(answer, "average") == 0;
    return known || is_weighed(&weight, answer)
               ? 0
               : ebjr_error_set(EBJR_EINVAL,
                                "--answer is teacher, average, or average:W with W in 0..1, "
                                "not '%s'",
                                answer);
}

static int fit_answer(double *weight, const struct cascade *cascade, const char *answer,
                      const uint8_t *use)
{
    int status = fit_check_answer(answer);
    *weight = 1;
    if (status || is_weighed(weight, answer) || strcmp(answer, "teacher") == 0)
        return status;
    status = ebjr_average_fit(weight, cascade->logits, cascade->teacher_logits, cascade->labels,
                              use, cascade->n, cascade->classes);
    if (!status)
        say("the joint answer weighs the teacher's probabilities %.2f, the student's %.2f", *weight,
            1 - *weight);
    return status;
}

int fit_check_score(const struct ebjr_score *score)
{
    return score->kind == EBJR_SCORE_LOGITS
               ? 0
               : ebjr_error_set(EBJR_EINVAL, "%s is drawn for comparison; no router can compute it",
                                score->name);
}

/* Everything but the answer. */
static int fit_score(struct ebjr_router *router, const struct data *data,
                     const struct fit_request *request, const uint8_t *use, const uint8_t *held_out)
{
    const struct cascade *cascade = data->cascade;
    const struct ebjr_score *plain = NULL;
    bool is_auto = strcmp(request->score, "auto") == 0;
    bool is_learned = strcmp(request->score, "learned") == 0;
    bool is_fitted = is_learned || request->temperature || request->per_class;
    int status = 0;
    if (cascade->is_specialised && (request->temperature || request->per_class))
        return ebjr_error_set(EBJR_EINVAL, "--fit-temperature and --per-class are not for "
                                           "specialised students");
    if (is_fitted || is_auto)
        status = best_plain(&plain, data, &cascade->options, use);
    if (!status && request->temperature) {
        say("fitting a temperature to the tuning samples' logits");
        status = ebjr_temperature_fit(&router->options.temperature, cascade->logits,
                                      cascade->labels, use, cascade->n, cascade->classes);
        if (!status)
            say("temperature %.4f", router->options.temperature);
    }
    if (status)
        return status;
    if (is_learned)
        status = fit_learned(router, cascade, use);
    else if (is_auto)
        router->score = plain;
    else
        status = ebjr_score_find(&router->score, request->score);
    if (!status && !is_learned)
        status = fit_check_score(router->score);
    if (!status && request->per_class)
        status = fit_offsets(router, data, use);
    if (!status && is_fitted)
        status = compare(router, plain, data, held_out);
    return status;
}

int fit_router(struct ebjr_router *router, double *answer_weight, const struct cascade *cascade,
               const struct fit_request *request, const uint8_t *use, const uint8_t *held_out)
{
    uint8_t *deferred = malloc(cascade->n);
    *router = (struct ebjr_router){.options = cascade->options};
    int status =
        deferred ? fit_answer(answer_weight, cascade, request->answer, use) : ebjr_error_memory();
    if (!status) {
        struct data data = {cascade, deferred};
        fit_joint_correct(deferred, cascade, *answer_weight);
        status = fit_score(router, &data, request, use, held_out);
    }
    free(deferred);
    return status;
}

void fit_joint_correct(uint8_t *correct, const struct cascade *cascade, double answer_weight)
{
    if (answer_weight < 1)
        ebjr_average_correct(correct, cascade->logits, cascade->teacher_logits, cascade->labels,
                             cascade->n, cascade->classes, answer_weight);
    else
        memcpy(correct, cascade->teacher_correct, cascade->n);
}
