#include "cli/pick_stages.h"

#include "base/error.h"
#include "calib/certify.h"
#include "calib/stages.h"
#include "runtime/policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* k models as k - 1 cascades, each of one stage before the last and the last. */
struct chain {
    size_t k;
    char *names;
    const char *model[EBJR_STAGES];
    const struct ebjr_score *score;
    struct cascade pairs[EBJR_STAGES];
    double *scores[EBJR_STAGES];
    struct ebjr_stages stages;
    bool known;           /* FLOPs */
    int64_t last_correct; /* samples that the last model has right */
};

struct found {
    bool feasible;
    struct ebjr_stages_point point;
    struct ebjr_figures figures;
};

static int split_names(struct chain *chain, const char *models)
{
    chain->names = strdup(models);
    if (!chain->names)
        return ebjr_error_memory();
    for (char *at = chain->names; at; chain->k++) {
        if (chain->k == EBJR_STAGES)
            return ebjr_error_set(EBJR_EINVAL, "--stages: at most %d", EBJR_STAGES);
        chain->model[chain->k] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = 0;
    }
    return chain->k >= 2 ? 0 : ebjr_error_set(EBJR_EINVAL, "--stages: two or more, as a,b,c");
}

static int load(struct chain *chain, const struct stages_request *request)
{
    int status = split_names(chain, request->models);
    if (!status)
        status = ebjr_score_find(&chain->score, request->score);
    if (!status && chain->score->kind != EBJR_SCORE_LOGITS)
        status =
            ebjr_error_set(EBJR_EINVAL, "no router can compute the score %s", chain->score->name);
    for (size_t j = 0; !status && j + 1 < chain->k; j++) {
        struct cascade_request pair = request->cascade;
        struct cascade *cascade = &chain->pairs[j];
        pair.student = chain->model[j];
        pair.teacher = chain->model[chain->k - 1];
        status = cascade_load(cascade, &pair);
        if (!status && strcmp(cascade->dataset.sha256, chain->pairs[0].dataset.sha256) != 0)
            status = ebjr_error_set(EBJR_EINVAL, "the stages were not run on one data set; choose "
                                                 "with --dataset");
        if (!status && !(chain->scores[j] = malloc(cascade->n * sizeof(double))))
            status = ebjr_error_memory();
        if (!status)
            status = cascade_score(chain->scores[j], cascade, chain->score);
    }
    return status;
}

/* FLOPs where all are known; else one a stage, so that fewer stages are cheaper. */
static void fill_stages(struct chain *chain)
{
    struct ebjr_stages *stages = &chain->stages;
    const struct cascade *first = &chain->pairs[0];
    bool known = !isnan(first->teacher_flops);
    stages->k = chain->k;
    stages->n = first->n;
    for (size_t j = 0; j + 1 < chain->k; j++) {
        stages->score[j] = chain->scores[j];
        stages->correct[j] = chain->pairs[j].student_correct;
        stages->cost[j] = chain->pairs[j].student_flops;
        known &= !isnan(stages->cost[j]);
    }
    stages->correct[chain->k - 1] = first->teacher_correct;
    stages->cost[chain->k - 1] = first->teacher_flops;
    chain->known = known;
    for (size_t j = 0; !known && j < chain->k; j++)
        stages->cost[j] = 1;
    for (size_t i = 0; i < stages->n; i++)
        chain->last_correct += first->teacher_correct[i];
}

static void figures_of(struct ebjr_figures *out, const struct chain *chain,
                       const struct ebjr_stages_point *point)
{
    double n = (double)chain->stages.n;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->value[b] = NAN;
    out->value[EBJR_MIN_ACCURACY] = (double)point->correct / n;
    out->value[EBJR_MAX_DROP] = (double)(chain->last_correct - point->correct) / n;
    out->value[EBJR_MAX_FLOPS] = chain->known ? point->cost : NAN;
    out->value[EBJR_MAX_TEACHER_RATE] = (double)point->answered[chain->k - 1] / n;
}

/* The front is sorted by cost: the first that meets the budgets is the cheapest, the last the most
 * accurate. */
static int search_front(struct found *out, const struct chain *chain,
                        const struct stages_request *request)
{
    struct ebjr_stages_point *front;
    size_t count;
    struct ebjr_stages stages = chain->stages;
    double n = (double)stages.n, rate = request->limit[EBJR_MAX_TEACHER_RATE];
    if (!isnan(rate)) /* (n - least) / n is compared with the limit as a double below */
        stages.least_before = (int64_t)ceil(n - rate * n - 1e-6);
    int status = ebjr_stages_front(&front, &count, &stages);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        struct ebjr_figures figures;
        figures_of(&figures, chain, &front[i]);
        if (ebjr_budgets_missed(&figures, request->limit))
            continue;
        if (out->feasible && request->objective != EBJR_MAXIMIZE_ACCURACY)
            break;
        *out = (struct found){true, front[i], figures};
    }
    free(front);
    return 0;
}

/*
 * A certificate for the drop. Where stage j answers, wrong, and the last is right, sample i has
 * score_j >= t_j; so harm <= sum_j h_j, h_j = P(score_j >= t_j, j wrong, last right), whether or
 * not the sample reaches stage j. Each h_j grows as t_j gets looser: with limit / (k-1) and delta /
 * (k-1) for each, all of it holds with probability >= 1 - delta.
 */
static int certify(struct found *out, const struct chain *chain,
                   const struct stages_request *request)
{
    double threshold[EBJR_STAGES] = {0}, parts = (double)(chain->k - 1);
    const struct ebjr_stages *stages = &chain->stages;
    for (size_t j = 0; j + 1 < chain->k; j++) {
        struct ebjr_curve curve;
        int status = ebjr_sweep(&curve, stages->score[j], stages->correct[j],
                                stages->correct[chain->k - 1], stages->n);
        if (status)
            return status;
        if (curve.points[curve.count - 1].threshold == EBJR_NEVER)
            curve.count--;
        threshold[j] = curve
                           .points[ebjr_certify_harm(&curve, request->limit[EBJR_MAX_DROP] / parts,
                                                     request->delta / parts)]
                           .threshold;
        ebjr_curve_free(&curve);
    }
    out->feasible = true;
    ebjr_stages_at(&out->point, stages, threshold);
    figures_of(&out->figures, chain, &out->point);
    return 0;
}

static int check_budgets(const struct stages_request *request)
{
    static const int timed[] = {EBJR_MAX_LATENCY, EBJR_MAX_P95, EBJR_MAX_P99};
    for (size_t i = 0; i < ROWS(timed); i++)
        if (!isnan(request->limit[timed[i]]))
            return ebjr_error_set(EBJR_EINVAL, "--%s is known to cascades of two stages only",
                                  ebjr_budget_name(timed[i]));
    bool only_drop =
        !isnan(request->limit[EBJR_MAX_DROP]) && isnan(request->limit[EBJR_MIN_ACCURACY]) &&
        isnan(request->limit[EBJR_MAX_FLOPS]) && isnan(request->limit[EBJR_MAX_TEACHER_RATE]);
    if (!request->plain && !only_drop)
        return ebjr_error_set(EBJR_EINVAL, "with --stages the certificate covers --max-drop alone; "
                                           "other budgets take --plain");
    return 0;
}

static const struct column columns[] = {
    {"status", COLUMN_TEXT, 10, false, NULL},      {"stage", COLUMN_INTEGER, 0, false, NULL},
    {"model", COLUMN_TEXT, 20, false, NULL},       {"score", COLUMN_TEXT, 14, false, NULL},
    {"threshold", COLUMN_REAL, 12, false, NULL},   {"answered", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 9, false, NULL}, {"drop", COLUMN_FRACTION, 9, false, NULL},
    {"flops", COLUMN_REAL, 12, false, NULL},       {"certified", COLUMN_FLAG, 0, false, NULL},
    {"delta", COLUMN_REAL, 0, false, NULL},        {"n", COLUMN_INTEGER, 8, false, NULL},
};

static int print(const struct found *found, const struct chain *chain,
                 const struct stages_request *request)
{
    struct table table = {request->output, columns, ROWS(columns), 0, false};
    double n = (double)chain->stages.n;
    const double *figure = found->figures.value;
    bool ok = found->feasible;
    table_begin(&table);
    for (size_t j = 0; j < chain->k; j++) {
        bool is_last = j + 1 == chain->k;
        struct value values[] = {
            text_value(ok ? "feasible" : "infeasible"),
            integer_value((int64_t)j + 1),
            text_value(is_last ? chain->pairs[0].teacher.name : chain->pairs[j].student.name),
            text_value(is_last ? NULL : chain->score->name),
            real_value(ok && !is_last ? found->point.threshold[j] : NAN),
            real_value(ok ? (double)found->point.answered[j] / n : NAN),
            real_value(ok ? figure[EBJR_MIN_ACCURACY] : NAN),
            real_value(ok ? figure[EBJR_MAX_DROP] : NAN),
            real_value(ok ? figure[EBJR_MAX_FLOPS] : NAN),
            integer_value(ok && !request->plain),
            real_value(request->plain ? NAN : request->delta),
            integer_value((int64_t)chain->stages.n),
        };
        table_row(&table, values);
    }
    return table_end(&table);
}

static int save(const struct found *found, const struct chain *chain,
                const struct stages_request *request)
{
    const struct cascade *first = &chain->pairs[0];
    struct ebjr_policy policy = {.stage_count = chain->k,
                                 .answer_weight = 1,
                                 .classes = first->classes,
                                 .certified = request->plain ? 0 : 1U << EBJR_MAX_DROP,
                                 .delta = request->plain ? NAN : request->delta,
                                 .calibration_n = (int64_t)first->n,
                                 .calibrate_on = 1};
    for (size_t j = 0; j < chain->k; j++) {
        struct ebjr_policy_stage *stage = &policy.stages[j];
        bool is_last = j + 1 == chain->k;
        const struct ebjr_stored_model *model =
            is_last ? &first->teacher : &chain->pairs[j].student;
        snprintf(stage->model, sizeof stage->model, "%s", model->name);
        snprintf(stage->sha256, sizeof stage->sha256, "%s", model->sha256);
        stage->router.score = chain->score;
        stage->router.options = first->options;
        if (!is_last)
            snprintf(stage->class_map, sizeof stage->class_map, "%s",
                     chain->pairs[j].student_run.class_map);
        stage->threshold = found->point.threshold[j];
    }
    snprintf(policy.dataset, sizeof policy.dataset, "%s", first->dataset.name);
    snprintf(policy.dataset_sha256, sizeof policy.dataset_sha256, "%s", first->dataset.sha256);
    snprintf(policy.preprocessing, sizeof policy.preprocessing, "%s",
             first->student_run.preprocessing);
    memcpy(policy.limit, request->limit, sizeof policy.limit);
    memcpy(policy.expected, found->figures.value, sizeof policy.expected);
    return ebjr_policy_save(&policy, request->out);
}

int pick_stages(bool *feasible, const struct stages_request *request)
{
    struct chain chain = {0};
    struct found found = {0};
    int status = check_budgets(request);
    if (!status)
        status = load(&chain, request);
    if (!status) {
        fill_stages(&chain);
        if (!chain.known && !isnan(request->limit[EBJR_MAX_FLOPS]))
            status = ebjr_error_set(EBJR_EINVAL, "--max-flops: FLOPs of a stage are unknown");
    }
    if (!status) {
        status = request->plain ? search_front(&found, &chain, request)
                                : certify(&found, &chain, request);
    }
    if (!status)
        status = print(&found, &chain, request);
    if (!status && found.feasible && request->out)
        status = save(&found, &chain, request);
    if (!status && !found.feasible)
        complain("infeasible: no point of the Pareto front meets the budgets");
    for (size_t j = 0; j + 1 < chain.k; j++) {
        cascade_free(&chain.pairs[j]);
        free(chain.scores[j]);
    }
    free(chain.names);
    *feasible = found.feasible;
    return status;
}
