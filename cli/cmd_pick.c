/* ebjr pick: the operating point under budgets. */
#include "base/error.h"
#include "base/text.h"
#include "calib/pick.h"
#include "cli/cascade.h"
#include "cli/commands.h"
#include "cli/fit.h"
#include "cli/parts.h"
#include "cli/table.h"
#include "runtime/policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct cascade_request cascade;
    struct fit_request fit;
    const char *limit[EBJR_BUDGETS];
    const char *minimize, *maximize, *out, *format;
    bool plain;
    double delta, fraction[PARTS]; /* NaN: not said */
    int64_t split_seed;
};

struct work {
    struct cascade cascade;
    struct ebjr_router router;
    double answer_weight;
    double *score;
    uint8_t *joint; /* [n] correctness of the answer to deferred samples */
    struct parts parts;
    struct ebjr_pick pick;
    struct ebjr_figures test; /* at the choice */
};

static const double DEFAULT_TUNE_ON = 0.2;

/* "20ms", "1.5us", "3e6": nanoseconds. */
static int parse_duration(double *out, const char *text)
{
    static const struct {
        const char *suffix;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    char number[64];
    size_t length = strlen(text);
    for (size_t i = 0; i < ROWS(units); i++) {
        size_t tail = strlen(units[i].suffix);
        if (length <= tail || length - tail >= sizeof number ||
            strcmp(text + length - tail, units[i].suffix) != 0)
            continue;
        snprintf(number, sizeof number, "%.*s", (int)(length - tail), text);
        int status = ebjr_number_parse(out, number);
        *out *= units[i].ns;
        return status;
    }
    return ebjr_number_parse(out, text);
}

static int parse_limits(double *limit, const struct request *request)
{
    bool any = false;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        bool is_time = b == EBJR_MAX_LATENCY || b == EBJR_MAX_P95 || b == EBJR_MAX_P99;
        limit[b] = NAN;
        if (!request->limit[b])
            continue;
        any = true;
        int status = is_time ? parse_duration(&limit[b], request->limit[b])
                             : ebjr_number_parse(&limit[b], request->limit[b]);
        if (status)
            return ebjr_error_context(status, "--%s", ebjr_budget_name(b));
        bool is_fraction =
            b == EBJR_MIN_ACCURACY || b == EBJR_MAX_DROP || b == EBJR_MAX_TEACHER_RATE;
        if (is_fraction && !(limit[b] >= 0 && limit[b] <= 1))
            return ebjr_error_set(EBJR_EINVAL, "--%s is a fraction, 0 to 1 (0.95, not 95)",
                                  ebjr_budget_name(b));
    }
    if (!any)
        return ebjr_error_set(EBJR_EINVAL, "no budget is given: --max-drop 0.01, --max-flops 130M, "
                                           "--max-p99 20ms, ...; --help lists them");
    return 0;
}

static int parse_objective(enum ebjr_objective *out, const struct request *request,
                           const struct cascade *cascade)
{
    static const char *const names[] = {"flops", "latency", "teacher-rate"};
    if (request->minimize && request->maximize)
        return ebjr_error_set(EBJR_EINVAL, "either --minimize or --maximize");
    if (request->maximize) {
        *out = EBJR_MAXIMIZE_ACCURACY;
        return strcmp(request->maximize, "accuracy") == 0
                   ? 0
                   : ebjr_error_set(EBJR_EINVAL, "--maximize knows accuracy only");
    }
    if (!request->minimize) {
        /* a demand on accuracy is met as cheaply as can be; a cap on cost is used to the full */
        bool demands = request->limit[EBJR_MIN_ACCURACY] || request->limit[EBJR_MAX_DROP];
        bool known = !isnan(cascade->student_flops) && !isnan(cascade->teacher_flops);
        *out = !demands ? EBJR_MAXIMIZE_ACCURACY
               : known  ? EBJR_MINIMIZE_FLOPS
                        : EBJR_MINIMIZE_TEACHER_RATE;
        return 0;
    }
    for (size_t i = 0; i < ROWS(names); i++) {
        if (strcmp(request->minimize, names[i]) == 0) {
            *out = (enum ebjr_objective)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "--minimize is flops, latency or teacher-rate, not '%s'",
                          request->minimize);
}

static const char *objective_text(enum ebjr_objective objective)
{
    static const char *const texts[] = {"minimize flops", "minimize latency",
                                        "minimize teacher-rate", "maximize accuracy"};
    return texts[objective];
}

static bool needs_tuning(const struct request *request)
{
    return strcmp(request->fit.score, "auto") == 0 || strcmp(request->fit.score, "learned") == 0 ||
           request->fit.temperature || request->fit.per_class ||
           strcmp(request->fit.answer, "average") == 0 ||
           (!request->plain && request->limit[EBJR_MIN_ACCURACY]);
}

/* What is not said: a fifth for tuning where something is tuned, nothing for test, the rest for
 * calibration. */
static int complete_fractions(struct parts *parts, const struct request *request)
{
    double *fraction = parts->fraction;
    parts->seed = request->split_seed;
    memcpy(fraction, request->fraction, PARTS * sizeof *fraction);
    if (isnan(fraction[TEST]))
        fraction[TEST] =
            isnan(fraction[CALIBRATION]) || !isnan(fraction[TUNING])
                ? 0
                : 1 - fraction[CALIBRATION] - (needs_tuning(request) ? DEFAULT_TUNE_ON : 0);
    if (isnan(fraction[TUNING]))
        fraction[TUNING] = needs_tuning(request) ? DEFAULT_TUNE_ON : 0;
    if (isnan(fraction[CALIBRATION]))
        fraction[CALIBRATION] = 1 - fraction[TUNING] - fraction[TEST];
    for (int p = 0; p < PARTS; p++) {
        if (fabs(fraction[p]) < 1e-12)
            fraction[p] = 0;
        if (!(fraction[p] >= 0 && fraction[p] <= 1))
            return ebjr_error_set(EBJR_EINVAL,
                                  "--tune-on, --calibrate-on and --test-on are "
                                  "fractions that sum to at most 1 (%s %.3g)",
                                  needs_tuning(request) ? "0.2 goes to tuning; this leaves" : "got",
                                  fraction[p]);
    }
    if (fraction[TUNING] + fraction[CALIBRATION] + fraction[TEST] > 1 + 1e-9)
        return ebjr_error_set(EBJR_EINVAL, "--tune-on, --calibrate-on and --test-on sum to more "
                                           "than 1");
    if (needs_tuning(request) && fraction[TUNING] == 0)
        return ebjr_error_set(EBJR_EINVAL, "what is asked for is fitted on tuning samples: "
                                           "--tune-on must be above 0");
    return 0;
}

static void free_work(struct work *work)
{
    parts_free(&work->parts);
    free(work->score);
    free(work->joint);
    ebjr_router_clear(&work->router);
    ebjr_pick_free(&work->pick);
    cascade_free(&work->cascade);
}

/* From the cascade to the samples of each part: split, fit, score. */
static int prepare(struct work *work, const struct request *request)
{
    struct cascade *cascade = &work->cascade;
    int status = parts_split(&work->parts, cascade);
    if (!status)
        status = fit_router(&work->router, &work->answer_weight, cascade, &request->fit,
                            work->parts.mask[TUNING], work->parts.mask[CALIBRATION]);
    if (status)
        return status;
    work->score = malloc(cascade->n * sizeof *work->score);
    work->joint = malloc(cascade->n);
    if (!work->score || !work->joint)
        return ebjr_error_memory();
    fit_scores(work->score, cascade, &work->router);
    fit_joint_correct(work->joint, cascade, work->answer_weight);
    return parts_fill(&work->parts, cascade, work->score, work->joint);
}

/* What the chosen threshold does on the test samples, which had no part in it. */
static int evaluate_test(struct work *work)
{
    const struct ebjr_samples *test = &work->parts.part[TEST].samples;
    const struct cascade *cascade = &work->cascade;
    struct ebjr_point point;
    struct ebjr_latency_curve latency = {0};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        work->test.value[b] = NAN;
    if (!work->pick.choice.feasible || test->n == 0)
        return 0;
    double threshold = work->pick.curve.points[work->pick.choice.index].threshold;
    ebjr_sweep_at(&point, threshold, test->score, test->student_correct, test->teacher_correct,
                  test->n);
    struct ebjr_curve curve = {.n = (int64_t)test->n, .count = 1, .points = &point};
    for (size_t i = 0; i < test->n; i++)
        curve.teacher_correct += test->teacher_correct[i];
    int status = test->student_latency
                     ? ebjr_latency_sweep(&latency, &curve, test->score, test->student_latency,
                                          test->teacher_latency, test->n)
                     : 0;
    if (!status) {
        struct ebjr_costs costs = {cascade->student_flops, cascade->teacher_flops,
                                   latency.count ? &latency : NULL};
        ebjr_figures_at(&work->test, &curve, 0, &costs);
    }
    ebjr_latency_curve_free(&latency);
    return status;
}

/* "max-drop max-flops" */
static const char *budget_list(char out[256], unsigned set)
{
    out[0] = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        size_t used = strlen(out);
        if (set >> b & 1)
            snprintf(out + used, 256 - used, "%s%s", used ? " " : "", ebjr_budget_name(b));
    }
    return out;
}

static const struct column columns[] = {
    {"status", COLUMN_TEXT, 0, false, NULL},
    {"score", COLUMN_TEXT, 0, false, NULL},
    {"temperature", COLUMN_REAL, 0, true, NULL},
    {"threshold", COLUMN_REAL, 0, false, "(the student answers where score >= threshold)"},
    {"student_share", COLUMN_FRACTION, 0, false, NULL},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"drop", COLUMN_FRACTION, 0, false, "below the teacher"},
    {"flops", COLUMN_REAL, 0, false, "a sample"},
    {"latency_ns", COLUMN_REAL, 0, false, "mean"},
    {"p95_ns", COLUMN_REAL, 0, false, NULL},
    {"p99_ns", COLUMN_REAL, 0, false, NULL},
    {"certified", COLUMN_FLAG, 0, false, NULL},
    {"certified_budgets", COLUMN_TEXT, 0, false, NULL},
    {"uncertified_budgets", COLUMN_TEXT, 0, false, NULL},
    {"delta", COLUMN_REAL, 0, false, NULL},
    {"delta_each", COLUMN_REAL, 0, true, NULL},
    {"objective", COLUMN_TEXT, 0, false, NULL},
    {"binding", COLUMN_TEXT, 0, false, NULL},
    {"n", COLUMN_INTEGER, 0, false, "calibration samples"},
    {"tuning_n", COLUMN_INTEGER, 0, false, NULL},
    {"stricter_threshold", COLUMN_REAL, 0, true, NULL},
    {"looser_threshold", COLUMN_REAL, 0, true, NULL},
    {"stricter_accuracy", COLUMN_FRACTION, 0, true, NULL},
    {"looser_accuracy", COLUMN_FRACTION, 0, true, NULL},
    {"answer_weight", COLUMN_REAL, 0, true, NULL},
    {"test_n", COLUMN_INTEGER, 0, false, NULL},
    {"test_accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"test_drop", COLUMN_FRACTION, 0, false, NULL},
    {"test_teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"test_flops", COLUMN_REAL, 0, false, NULL},
    {"test_latency_ns", COLUMN_REAL, 0, false, NULL},
    {"test_p95_ns", COLUMN_REAL, 0, false, NULL},
    {"test_p99_ns", COLUMN_REAL, 0, false, NULL},
};

/* The candidate `step` places further along the curve, or NaN. */
static struct value neighbour(const struct ebjr_pick *pick, int step, bool accuracy)
{
    size_t at = pick->choice.index + (size_t)step;
    if (!pick->choice.feasible || at >= pick->curve.count)
        return real_value(NAN);
    const struct ebjr_point *point = &pick->curve.points[at];
    return real_value(accuracy ? ebjr_point_accuracy(&pick->curve, point) : point->threshold);
}

static int print(const struct work *work, const struct request *request,
                 enum ebjr_objective objective, enum format format)
{
    char certified[256], uncertified[256], binding[256];
    const struct ebjr_pick *pick = &work->pick;
    const struct ebjr_choice *choice = &pick->choice;
    struct ebjr_figures figures = choice->figures;
    double threshold = NAN;
    for (int b = 0; !choice->feasible && b < EBJR_BUDGETS; b++)
        figures.value[b] = NAN;
    if (choice->feasible)
        threshold = pick->curve.points[choice->index].threshold;
    const double *value = figures.value, *test = work->test.value;
    struct value values[] = {
        text_value(choice->feasible ? "feasible" : "infeasible"),
        text_value(work->router.learned ? "learned" : work->router.score->name),
        real_value(work->router.options.temperature),
        real_value(threshold),
        real_value(1 - value[EBJR_MAX_TEACHER_RATE]),
        real_value(value[EBJR_MAX_TEACHER_RATE]),
        real_value(value[EBJR_MIN_ACCURACY]),
        real_value(value[EBJR_MAX_DROP]),
        real_value(value[EBJR_MAX_FLOPS]),
        real_value(value[EBJR_MAX_LATENCY]),
        real_value(value[EBJR_MAX_P95]),
        real_value(value[EBJR_MAX_P99]),
        integer_value(choice->feasible && pick->certified && !pick->uncertified),
        text_value(budget_list(certified, choice->feasible ? pick->certified : 0)),
        text_value(budget_list(uncertified, choice->feasible ? pick->uncertified : 0)),
        real_value(request->plain ? NAN : request->delta),
        real_value(pick->delta_each),
        text_value(objective_text(objective)),
        text_value(budget_list(binding, choice->feasible ? choice->binding : choice->conflict)),
        integer_value((int64_t)work->parts.part[CALIBRATION].samples.n),
        integer_value((int64_t)work->parts.part[TUNING].samples.n),
        neighbour(pick, -1, false),
        neighbour(pick, 1, false),
        neighbour(pick, -1, true),
        neighbour(pick, 1, true),
        real_value(work->answer_weight),
        integer_value((int64_t)work->parts.part[TEST].samples.n),
        real_value(test[EBJR_MIN_ACCURACY]),
        real_value(test[EBJR_MAX_DROP]),
        real_value(test[EBJR_MAX_TEACHER_RATE]),
        real_value(test[EBJR_MAX_FLOPS]),
        real_value(test[EBJR_MAX_LATENCY]),
        real_value(test[EBJR_MAX_P95]),
        real_value(test[EBJR_MAX_P99]),
    };
    struct table table = {format, columns, ROWS(columns), 0, true};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

/* Where a tail budget lies between what the student takes and what both take, it is a cap on the
 * teacher rate: of the deferred samples a share `slow` is over it, and only 1 - q may be. */
static void explain_tail(const struct work *work, enum ebjr_budget budget, double limit, double q)
{
    const struct ebjr_samples *samples = &work->parts.part[CALIBRATION].samples;
    size_t over_both = 0, over_student = 0;
    if (isnan(limit) || !samples->student_latency)
        return;
    for (size_t i = 0; i < samples->n; i++) {
        over_student += samples->student_latency[i] > limit;
        over_both += samples->student_latency[i] + samples->teacher_latency[i] > limit;
    }
    double n = (double)samples->n, fast = (double)over_student / n, slow = (double)over_both / n;
    if (slow <= 1 - q || fast > 1 - q)
        return;
    say("note: %.3g %% of the samples would be over --%s if the teacher answered them, %.3g %% if "
        "the student did: it allows a teacher rate of about %.3g %%",
        100 * slow, ebjr_budget_name(budget), 100 * fast, 100 * (1 - q - fast) / (slow - fast));
}

static void explain(const struct work *work, const double *limit, const struct request *request)
{
    const struct ebjr_pick *pick = &work->pick;
    char list[256];
    if (request->plain)
        say("note: a plain pick: it promises nothing about new samples (leave out --plain for a "
            "certificate)");
    else if (pick->uncertified)
        say("note: --max-latency has no certificate: a mean of unbounded times cannot be bounded");
    explain_tail(work, EBJR_MAX_P95, limit[EBJR_MAX_P95], 0.95);
    explain_tail(work, EBJR_MAX_P99, limit[EBJR_MAX_P99], 0.99);
    if (pick->choice.feasible)
        return;
    say("infeasible: no threshold meets %s%s", budget_list(list, pick->choice.conflict),
        request->plain ? "" : " with a certificate");
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        char number[EBJR_NUMBER_TEXT];
        if (!isnan(limit[b]))
            say("  --%s %s: the best any threshold has on these samples is %.6g",
                ebjr_budget_name(b), ebjr_number_format(number, limit[b]),
                pick->choice.reachable[b]);
    }
}

static void fill_stage(struct ebjr_policy_stage *stage, const struct ebjr_stored_model *model)
{
    snprintf(stage->model, sizeof stage->model, "%s", model->name);
    snprintf(stage->sha256, sizeof stage->sha256, "%s", model->sha256);
}

static int save(const struct work *work, const struct request *request, const double *limit)
{
    const struct cascade *cascade = &work->cascade;
    const struct ebjr_pick *pick = &work->pick;
    struct ebjr_policy policy = {.stage_count = 2,
                                 .answer_weight = work->answer_weight,
                                 .classes = cascade->classes,
                                 .certified = pick->certified,
                                 .delta = request->plain ? NAN : request->delta,
                                 .tuning_n = (int64_t)work->parts.part[TUNING].samples.n,
                                 .calibration_n = (int64_t)work->parts.part[CALIBRATION].samples.n,
                                 .test_n = (int64_t)work->parts.part[TEST].samples.n,
                                 .tune_on = work->parts.fraction[TUNING],
                                 .calibrate_on = work->parts.fraction[CALIBRATION],
                                 .test_on = work->parts.fraction[TEST],
                                 .seed = request->split_seed};
    fill_stage(&policy.stages[0], &cascade->student);
    fill_stage(&policy.stages[1], &cascade->teacher);
    policy.stages[0].router = work->router; /* lent: the policy is not cleared */
    policy.stages[0].threshold = pick->curve.points[pick->choice.index].threshold;
    snprintf(policy.dataset, sizeof policy.dataset, "%s", cascade->dataset.name);
    snprintf(policy.dataset_sha256, sizeof policy.dataset_sha256, "%s", cascade->dataset.sha256);
    snprintf(policy.preprocessing, sizeof policy.preprocessing, "%s",
             cascade->student_run.preprocessing);
    memcpy(policy.limit, limit, sizeof policy.limit);
    memcpy(policy.expected, pick->choice.figures.value, sizeof policy.expected);
    return ebjr_policy_save(&policy, request->out);
}

static int pick(struct work *work, const struct request *request)
{
    enum format format;
    struct ebjr_pick_request wanted = {.certify = !request->plain, .delta = request->delta};
    int status = format_parse(&format, request->format);
    if (!status)
        status = parse_limits(wanted.limit, request);
    if (!status && !(request->delta > 0 && request->delta < 1))
        status = ebjr_error_set(EBJR_EINVAL, "--delta lies between 0 and 1");
    if (!status)
        status = complete_fractions(&work->parts, request);
    if (!status)
        status = cascade_load(&work->cascade, &request->cascade);
    if (!status)
        status = parse_objective(&wanted.objective, request, &work->cascade);
    if (!status)
        status = prepare(work, request);
    if (status)
        return status;
    cascade_warn(&work->cascade);
    wanted.student_flops = work->cascade.student_flops;
    wanted.teacher_flops = work->cascade.teacher_flops;
    status = ebjr_pick(&work->pick, &work->parts.part[CALIBRATION].samples,
                       &work->parts.part[TUNING].samples, &wanted);
    if (!status)
        status = evaluate_test(work);
    if (!status)
        status = print(work, request, wanted.objective, format);
    if (status)
        return status;
    explain(work, wanted.limit, request);
    if (work->pick.choice.feasible && request->out)
        status = save(work, request, wanted.limit);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.cascade = CASCADE_REQUEST,
                              .fit = {.score = "auto", .answer = "teacher"},
                              .delta = 0.05,
                              .fraction = {NAN, NAN, NAN},
                              .split_seed = 1};
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, true),
        {"min-accuracy", OPTION_TEXT, &request.limit[EBJR_MIN_ACCURACY], "A",
         "of the cascade, 0..1", false},
        {"max-drop", OPTION_TEXT, &request.limit[EBJR_MAX_DROP], "E",
         "of accuracy below the teacher's, 0..1", false},
        {"max-flops", OPTION_TEXT, &request.limit[EBJR_MAX_FLOPS], "N", "mean of a sample (130M)",
         false},
        {"max-teacher-rate", OPTION_TEXT, &request.limit[EBJR_MAX_TEACHER_RATE], "R", "0..1",
         false},
        {"max-latency", OPTION_TEXT, &request.limit[EBJR_MAX_LATENCY], "TIME",
         "mean of a sample (20ms, 500us)", false},
        {"max-p95", OPTION_TEXT, &request.limit[EBJR_MAX_P95], "TIME", "95 % within it", false},
        {"max-p99", OPTION_TEXT, &request.limit[EBJR_MAX_P99], "TIME", "99 % within it", false},
        {"minimize", OPTION_TEXT, &request.minimize, "WHAT",
         "flops, latency or teacher-rate (default where accuracy is demanded: flops)", false},
        {"maximize", OPTION_TEXT, &request.maximize, "WHAT",
         "accuracy (default where only costs are capped)", false},
        {"delta", OPTION_NUMBER, &request.delta, "D",
         "all certified budgets hold with probability 1 - D (default 0.05)", false},
        {"plain", OPTION_FLAG, &request.plain, NULL, "no certificate", false},
        {"score", OPTION_TEXT, &request.fit.score, "NAME",
         "of ebjr sweep --help; learned: logistic regression on all of them; auto\n"
         "(default): the best on the tuning samples",
         false},
        {"fit-temperature", OPTION_FLAG, &request.fit.temperature, NULL,
         "fit T by the student's likelihood", false},
        {"per-class", OPTION_FLAG, &request.fit.per_class, NULL,
         "fit an offset for each predicted class, shrunk to 0", false},
        {"answer", OPTION_TEXT, &request.fit.answer, "HOW",
         "to deferred samples: teacher (default), average (of both models'\n"
         "probabilities, weight fitted), average:W (teacher's weight W)",
         false},
        {"tune-on", OPTION_NUMBER, &request.fraction[TUNING], "F",
         "share of the samples for what is fitted (default 0.2 where needed)", false},
        {"calibrate-on", OPTION_NUMBER, &request.fraction[CALIBRATION], "F",
         "share for the threshold (default: what is left)", false},
        {"test-on", OPTION_NUMBER, &request.fraction[TEST], "F",
         "share that only checks the result (default 0, or what --calibrate-on leaves)", false},
        {"split-seed", OPTION_INTEGER, &request.split_seed, "N", "of the split (default 1)", false},
        {"out", OPTION_TEXT, &request.out, "FILE", "where to write the policy (JSON)", false},
        FORMAT_ROW(&request.format),
    };
    struct work work = {0};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.cascade.teacher_logits = strncmp(request.fit.answer, "average", 7) == 0;
    status = pick(&work, &request);
    bool feasible = work.pick.choice.feasible;
    free_work(&work);
    return status ? fail(command, status) : feasible ? EXIT_DONE : EXIT_INFEASIBLE;
}

const struct command command_pick = {
    "pick", "the operating point under budgets, certified",
    "Budgets may be combined. The samples are split, stratified by label: tuning samples choose "
    "the\n"
    "score and fit what is fitted, calibration samples the threshold, test samples only check.\n\n"
    "Certified (the default): the budgets hold on new samples of the same kind with probability\n"
    "1 - delta over the draw of the calibration samples; several budgets share delta "
    "(Bonferroni).\n"
    "  --max-drop                      harm is bounded (Clopper-Pearson, monotone: RCPS)\n"
    "  --min-accuracy                  fixed-sequence tests (Learn then Test), exact binomial\n"
    "  --max-teacher-rate, --max-flops exact binomial bound of the teacher rate\n"
    "  --max-p95, --max-p99            exact binomial bound of the share that is over\n"
    "  --max-latency                   no certificate\n\n"
    "Exit code 3: no threshold meets the budgets; stderr says which cannot be met together.\n\n"
    "Example:\n"
    "  ebjr pick --db cifar10.db --student small --teacher large --max-drop 0.01 \\\n"
    "            --test-on 0.3 --out policy.json\n",
    run};
