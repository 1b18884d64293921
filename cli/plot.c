#include "cli/plot.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/fit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a kind takes beside the cascade. */
enum { COST = 1, SCORE = 2, SCORES = 4, THRESHOLD = 8, POLICY = 16, MAX_P99 = 32 };

struct plot_kind {
    const char *name;
    unsigned takes;
    bool wants_threshold;
    int (*draw)(const struct plot_work *work);
};

static const struct plot_kind kinds[] = {
    {"tradeoff", COST | SCORES | THRESHOLD | POLICY, false, plot_tradeoff},
    {"explorer", SCORE | THRESHOLD | POLICY, false, plot_explorer},
    {"histogram", SCORE | THRESHOLD | POLICY, false, plot_histogram},
    {"reliability", POLICY, false, plot_reliability},
    {"risk-coverage", SCORES | THRESHOLD | POLICY, false, plot_risk_coverage},
    {"classes", SCORE | THRESHOLD | POLICY, true, plot_classes},
    {"latency", SCORE | THRESHOLD | POLICY, false, plot_latency},
    {"qps", MAX_P99, false, plot_load},
};

const char *plot_kind_help(void)
{
    return "tradeoff (default): accuracy against cost, a curve a score\n"
           "explorer: accuracy, student share, FLOPs and latency against the threshold\n"
           "histogram: a score, where the student is right and where it is wrong\n"
           "reliability: accuracy against confidence, of student and teacher\n"
           "risk-coverage: how often the student is wrong where it is surest\n"
           "classes: harm and help of each class at a threshold, the most harmed first\n"
           "latency: how latencies are distributed, of both models, of the cascade at a\n"
           "threshold, and of what ebjr bench measured last of a cascade of the two\n"
           "qps: p50 and p99 against requests a second, from what ebjr bench measured";
}

const char *plot_kind_name(size_t i)
{
    return i < ROWS(kinds) ? kinds[i].name : NULL;
}

static const struct plot_kind *kind_of(const struct plot_request *request)
{
    for (size_t i = 0; i < ROWS(kinds); i++)
        if (strcmp(request->kind ? request->kind : kinds[0].name, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}

bool plot_wants_teacher_logits(const struct plot_request *request)
{
    const struct plot_kind *kind = kind_of(request);
    return kind && kind->draw == plot_reliability;
}

bool plot_wants_cascade(const struct plot_request *request)
{
    const struct plot_kind *kind = kind_of(request);
    return !kind || kind->draw != plot_load;
}

static int unknown_kind(const struct plot_request *request)
{
    char list[256] = "";
    for (size_t i = 0; i < ROWS(kinds); i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s",
                 i == 0                ? ""
                 : i + 1 < ROWS(kinds) ? ", "
                                       : " or ",
                 kinds[i].name);
    }
    return ebjr_error_set(EBJR_EINVAL, "--kind is %s, not '%s'", list, request->kind);
}

/* "--cost is of --kind tradeoff" */
static int check_option(const struct plot_kind *kind, bool is_given, const char *option,
                        unsigned takes)
{
    char list[256] = "";
    if (!is_given || (kind->takes & takes))
        return 0;
    for (size_t i = 0; i < ROWS(kinds); i++) {
        size_t used = strlen(list);
        if (kinds[i].takes & takes)
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", kinds[i].name);
    }
    return ebjr_error_set(EBJR_EINVAL, "--%s is of --kind %s, not of %s", option, list, kind->name);
}

/* Beside a policy, which says all of it itself. */
static int check_policy(const struct plot_request *request, const struct plot_kind *kind)
{
    const struct cascade_request *cascade = &request->cascade;
    if (cascade->student || cascade->teacher || !isnan(request->threshold) ||
        (request->score && !(kind->takes & SCORES)))
        return ebjr_error_set(EBJR_EINVAL, "a --policy says models, score and threshold itself");
    if (cascade->temperature != 1)
        return ebjr_error_set(EBJR_EINVAL, "a --policy says the temperature itself");
    return 0;
}

static int check_cost(const char *cost)
{
    static const char *const costs[] = {"flops", "latency", "teacher-rate"};
    for (size_t i = 0; i < ROWS(costs); i++)
        if (!cost || strcmp(cost, costs[i]) == 0)
            return 0;
    return ebjr_error_set(EBJR_EINVAL, "--cost is flops, latency or teacher-rate, not '%s'", cost);
}

/* What the person asks for, none beside a policy. A threshold is of one score that a router can
 * compute. */
static int find_scores(const struct ebjr_score **scores, size_t *count,
                       const struct plot_request *request, const struct plot_kind *kind,
                       bool has_policy)
{
    bool is_many = kind->takes & SCORES;
    *count = 0;
    if (!request->score && has_policy)
        return 0;
    int status = cascade_select_scores(scores, count,
                                       request->score ? request->score
                                       : is_many      ? "all"
                                                      : "energy");
    if (status || has_policy)
        return status;
    bool is_one = *count == 1 && (*scores)->kind == EBJR_SCORE_LOGITS;
    if (!is_many && !is_one)
        return ebjr_error_set(EBJR_EINVAL, "--kind %s is of one score of the logits, not '%s'",
                              kind->name, request->score);
    if (!isnan(request->threshold) && !is_one)
        return ebjr_error_set(EBJR_EINVAL, "--threshold marks a point of one --score");
    return 0;
}

int plot_check(const struct plot_request *request)
{
    const struct plot_kind *kind = kind_of(request);
    const struct ebjr_score *scores;
    size_t count;
    bool has_threshold = !isnan(request->threshold);
    if (!kind)
        return unknown_kind(request);
    int status = check_cost(request->cost);
    if (!status)
        status = check_option(kind, request->cost, "cost", COST);
    if (!status)
        status = check_option(kind, request->score, "score", SCORE | SCORES);
    if (!status)
        status = check_option(kind, has_threshold, "threshold", THRESHOLD);
    if (!status)
        status = check_option(kind, request->policy, "policy", POLICY);
    if (!status)
        status = check_option(kind, request->max_p99, "max-p99", MAX_P99);
    if (!status && request->policy)
        status = check_policy(request, kind);
    if (!status && !request->policy && !(request->cascade.student && request->cascade.teacher))
        status = ebjr_error_set(EBJR_EINVAL, "wanted: --student and --teacher%s",
                                kind->takes & POLICY ? ", or --policy" : "");
    if (!status && kind->wants_threshold && !request->policy && !has_threshold)
        status = ebjr_error_set(EBJR_EINVAL, "--kind %s wants --score and --threshold, or --policy",
                                kind->name);
    return status ? status : find_scores(&scores, &count, request, kind, request->policy);
}

int plot_target(struct plot_target *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    out->name = slash ? slash + 1 : path;
    snprintf(out->directory, sizeof out->directory, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (slash == path)
        snprintf(out->directory, sizeof out->directory, "/");
    if (!*out->name || strlen(out->name) > 200)
        return ebjr_error_set(EBJR_EINVAL, "--out %s: give the picture a name, without ending",
                              path);
    if (mkdir(out->directory, 0777) != 0 && errno != EEXIST)
        return ebjr_error_set(EBJR_EIO, "cannot make %s: %s", out->directory, strerror(errno));
    return 0;
}

static int apply_rule(struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    struct rule *rule = &work->rule;
    rule->scores = malloc(cascade->n * sizeof *rule->scores);
    rule->answer = malloc(cascade->n);
    if (!rule->scores || !rule->answer)
        return ebjr_error_memory();
    if (work->policy) {
        const struct ebjr_policy_stage *stage = &work->policy->stages[0];
        rule->score = stage->router.learned ? "learned" : stage->router.score->name;
        rule->threshold = stage->threshold;
        fit_joint_correct(rule->answer, cascade, work->policy->answer_weight);
        return fit_scores(rule->scores, cascade, &stage->router);
    }
    rule->score = work->scores->name;
    /* in float32, as ebjr eval compares */
    rule->threshold = cascade->options.precision == EBJR_FLOAT32
                          ? (double)(float)work->request->threshold
                          : work->request->threshold;
    memcpy(rule->answer, cascade->teacher_correct, cascade->n);
    return cascade_score(rule->scores, cascade, work->scores);
}

static void find_heading(struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    if (work->request->title)
        snprintf(work->heading, sizeof work->heading, "%s", work->request->title);
    else if (cascade)
        snprintf(work->heading, sizeof work->heading, "%s: %s to %s", cascade->dataset.name,
                 cascade->student.name, cascade->teacher.name);
}

int plot_draw(const struct plot_request *request, const struct cascade *cascade,
              const struct ebjr_policy *policy)
{
    const struct plot_kind *kind = kind_of(request);
    struct plot_work work = {.request = request, .cascade = cascade, .policy = policy};
    if (!kind)
        return unknown_kind(request);
    int status = find_scores(&work.scores, &work.count, request, kind, policy);
    if (!status)
        status = plot_target(&work.target, request->out ? request->out : kind->name);
    find_heading(&work);
    if (!status && cascade)
        status = apply_rule(&work);
    if (!status && kind->wants_threshold && isnan(work.rule.threshold))
        status = ebjr_error_set(EBJR_EINVAL, "the picture of %s wants a threshold", kind->name);
    if (!status)
        status = kind->draw(&work);
    free(work.rule.scores);
    free(work.rule.answer);
    return status;
}

/* A policy whose router is one of the scores, as it is. */
static bool is_plain(const struct ebjr_policy *policy)
{
    const struct ebjr_router *router = &policy->stages[0].router;
    return !router->learned && router->classes == 0 && policy->answer_weight == 1;
}

int plot_each_score(const struct plot_work *work, plot_add_score *add, void *context)
{
    const struct cascade *cascade = work->cascade;
    const struct ebjr_policy *policy = work->policy;
    double *values = malloc(cascade->n * sizeof *values);
    int status = values ? 0 : ebjr_error_memory();
    if (!status && policy)
        status = add(context, work->rule.score, work->rule.scores, work->rule.answer);
    for (size_t i = 0; !status && i < work->count; i++) {
        const struct ebjr_score *score = &work->scores[i];
        if (score->kind != EBJR_SCORE_LOGITS ||
            (policy && is_plain(policy) && strcmp(score->name, work->rule.score) == 0))
            continue;
        status = cascade_score(values, cascade, score);
        if (!status)
            status = add(context, score->name, values, cascade->teacher_correct);
    }
    free(values);
    return status;
}

/* The least upper bounds of runtime/score.h. */
double plot_score_bound(const struct plot_work *work)
{
    static const char *const probabilities[] = {"msp", "margin", "gini"};
    const char *score = work->rule.score;
    if (work->policy && !is_plain(work->policy))
        return NAN;
    for (size_t i = 0; i < ROWS(probabilities); i++)
        if (strcmp(score, probabilities[i]) == 0)
            return 1;
    if (strcmp(score, "entropy") == 0)
        return 0;
    if (strcmp(score, "softmax-energy") == 0)
        return log((double)work->cascade->classes - 1 + exp(1));
    return NAN;
}

const char *plot_rule_text(char out[128], const struct plot_work *work)
{
    snprintf(out, 128, "%s >= %.6g", work->rule.score, work->rule.threshold);
    return out;
}
