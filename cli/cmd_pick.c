/* ebjr pick: the operating point under budgets. */
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/detection_pick.h"
#include "cli/pick.h"
#include "cli/pick_sorted.h"
#include "cli/pick_stages.h"
#include "runtime/policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double DEFAULT_TUNE_ON = 0.2;
static const uint64_t ORDER_SEED = 0x6f726465; /* another shuffle than the split's */

bool pick_is_joint(const struct pick_request *request)
{
    return strncmp(request->fit.answer, "average", 7) == 0;
}

bool pick_tests_drop(const struct pick_request *request)
{
    bool by_harm =
        request->bound ? strcmp(request->bound, "clopper-pearson") == 0 : !pick_is_joint(request);
    return !request->plain && request->limit[EBJR_MAX_DROP] && !by_harm;
}

static bool needs_tuning(const struct pick_request *request)
{
    return strcmp(request->fit.score, "auto") == 0 || strcmp(request->fit.score, "learned") == 0 ||
           request->fit.temperature || request->fit.per_class ||
           strcmp(request->fit.answer, "average") == 0 ||
           (!request->plain && request->limit[EBJR_MIN_ACCURACY]) || pick_tests_drop(request);
}

/* --calibrate-on and --test-on are fractions, or names of stored data sets. */
static int parse_parts(double fraction[PARTS], struct pick_work *work, struct pick_request *request)
{
    for (int p = 0; p < PARTS; p++) {
        const char *text = request->part[p];
        fraction[p] = NAN;
        if (!text || ebjr_number_parse(&fraction[p], text) == 0)
            continue;
        fraction[p] = NAN;
        if (p == TUNING)
            return ebjr_error_set(EBJR_EINVAL, "--tune-on is a fraction, not '%s'", text);
        if (p == TEST) {
            work->test_dataset = text;
            fraction[p] = 0;
        } else if (request->cascade.dataset) {
            return ebjr_error_set(EBJR_EINVAL, "either --calibrate-on NAME or --dataset NAME");
        } else {
            request->cascade.dataset = text;
        }
    }
    return 0;
}

/* What is not said: a fifth for tuning where something is tuned, nothing for test, the rest for
 * calibration. */
static int complete_fractions(struct pick_work *work, struct pick_request *request)
{
    double *fraction = work->parts.fraction;
    int status = parse_parts(fraction, work, request);
    if (status)
        return status;
    double tuning = needs_tuning(request) ? DEFAULT_TUNE_ON : 0;
    work->parts.seed = request->split_seed;
    if (isnan(fraction[TUNING]) && !isnan(fraction[CALIBRATION]) && isnan(fraction[TEST])) {
        fraction[TUNING] = tuning;
        fraction[TEST] = 1 - tuning - fraction[CALIBRATION];
    }
    if (isnan(fraction[TUNING]))
        fraction[TUNING] = tuning;
    if (isnan(fraction[TEST]))
        fraction[TEST] = 0;
    if (isnan(fraction[CALIBRATION]))
        fraction[CALIBRATION] = 1 - fraction[TUNING] - fraction[TEST];
    double sum = 0;
    for (int p = 0; p < PARTS; p++) {
        fraction[p] = fabs(fraction[p]) < 1e-12 ? 0 : fraction[p];
        sum += fraction[p];
        if (!(fraction[p] >= 0 && fraction[p] <= 1))
            return ebjr_error_set(EBJR_EINVAL,
                                  "--tune-on, --calibrate-on and --test-on are "
                                  "fractions that sum to at most 1 (%s %.3g)",
                                  tuning > 0 ? "0.2 goes to tuning; this leaves" : "got",
                                  fraction[p]);
    }
    if (sum > 1 + 1e-9)
        return ebjr_error_set(EBJR_EINVAL, "--tune-on, --calibrate-on and --test-on sum to more "
                                           "than 1");
    if (needs_tuning(request) && fraction[TUNING] == 0)
        return ebjr_error_set(EBJR_EINVAL, "what is asked for is fitted on tuning samples: "
                                           "--tune-on must be above 0");
    return 0;
}

/* Which bound certifies the drop; the answer is known by then. */
static int choose_bound(struct pick_work *work, const struct pick_request *request)
{
    work->bound = work->answer_weight < 1 ? EBJR_BETTING : EBJR_CLOPPER_PEARSON;
    if (!request->bound)
        return 0;
    if (request->plain || !request->limit[EBJR_MAX_DROP])
        return ebjr_error_set(EBJR_EINVAL, "--bound says how --max-drop is certified");
    return ebjr_bound_find(&work->bound, request->bound);
}

static void free_work(struct pick_work *work)
{
    parts_free(&work->parts);
    for (int p = 0; p < PARTS; p++)
        ebjr_sorter_free(work->sorter[p]);
    free(work->score);
    free(work->joint);
    ebjr_router_clear(&work->router);
    ebjr_pick_free(&work->pick);
    cascade_free(&work->cascade);
    cascade_free(&work->test_cascade);
}

/* The test part may be of a data set of its own. */
static int find_cascades(struct pick_work *work, const struct pick_request *request)
{
    struct cascade *other = &work->test_cascade;
    struct cascade_request named = request->cascade;
    named.dataset = work->test_dataset;
    int status = cascade_find(&work->cascade, &request->cascade);
    if (status || !work->test_dataset)
        return status;
    status = cascade_find(other, &named);
    const struct ebjr_stored_run *a = &other->student_run, *b = &work->cascade.student_run;
    if (!status && (a->classes != b->classes || strcmp(a->class_map, b->class_map) != 0 ||
                    strcmp(a->preprocessing, b->preprocessing) != 0))
        return ebjr_error_set(EBJR_EINVAL,
                              "--test-on %s: '%s' has other outputs there, or another "
                              "preprocessing, than on the data set of the calibration",
                              work->test_dataset, other->student.name);
    if (!status && strcmp(other->dataset.sha256, work->cascade.dataset.sha256) == 0)
        return ebjr_error_set(EBJR_EINVAL, "--test-on %s: that is the data set of the calibration",
                              work->test_dataset);
    return status;
}

static int load_test(struct pick_work *work)
{
    struct cascade *cascade = &work->test_cascade;
    struct part *part = &work->parts.part[TEST];
    int status = cascade_read(cascade);
    double *score = malloc(cascade->n * sizeof *score);
    uint8_t *joint = malloc(cascade->n);
    if (!status && (!score || !joint))
        status = ebjr_error_memory();
    if (!status)
        status = fit_scores(score, cascade, &work->router);
    if (!status) {
        fit_joint_correct(joint, cascade, work->answer_weight);
        part_free(part);
        status = part_fill(part, cascade, score, joint, work->answer_weight < 1);
    }
    for (size_t i = 0; !status && i < cascade->n; i++)
        work->advantage[TEST] +=
            ((double)cascade->teacher_correct[i] - (double)joint[i]) / (double)cascade->n;
    free(score);
    free(joint);
    return status;
}

/* A drop is below the teacher alone, whoever answers the deferred samples. */
static void find_advantages(struct pick_work *work)
{
    const struct cascade *cascade = &work->cascade;
    for (int p = 0; p < PARTS; p++) {
        double sum = 0, n = (double)work->parts.part[p].samples.n;
        for (size_t i = 0; i < cascade->n; i++)
            if (work->parts.mask[p][i])
                sum += (double)cascade->teacher_correct[i] - (double)work->joint[i];
        work->advantage[p] = n > 0 ? sum / n : 0;
    }
}

/* From the cascade to the samples of each part: split, fit, score. */
static int prepare(struct pick_work *work, const struct pick_request *request)
{
    struct cascade *cascade = &work->cascade;
    int status = cascade_read(cascade);
    if (!status)
        status = parts_split(&work->parts, cascade);
    if (!status)
        status = fit_router(&work->router, &work->answer_weight, cascade, &request->fit,
                            work->parts.mask[TUNING], work->parts.mask[CALIBRATION]);
    if (status)
        return status;
    work->score = malloc(cascade->n * sizeof *work->score);
    work->joint = malloc(cascade->n);
    if (!work->score || !work->joint)
        return ebjr_error_memory();
    status = fit_scores(work->score, cascade, &work->router);
    if (status)
        return status;
    fit_joint_correct(work->joint, cascade, work->answer_weight);
    status = parts_fill(&work->parts, cascade, work->score, work->joint, work->answer_weight < 1);
    if (!status)
        find_advantages(work);
    if (!status && work->test_dataset)
        status = load_test(work);
    return status;
}

/* What the chosen threshold does on the test samples, which had no part in it. */
static int evaluate_test(struct pick_work *work)
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
    struct ebjr_curve curve = {.n = (int64_t)test->n};
    int status = 0;
    if (work->sorter[TEST]) {
        status = pick_sorted_test(&curve, &point, threshold, work);
    } else {
        ebjr_sweep_at(&point, threshold, test->score, test->student_correct, test->teacher_correct,
                      test->n);
        for (size_t i = 0; i < test->n; i++)
            curve.teacher_correct += test->teacher_correct[i];
    }
    curve.points = &point;
    curve.count = 1;
    if (!status && test->student_latency)
        status = ebjr_latency_sweep(&latency, &curve, test->score, test->student_latency,
                                    test->teacher_latency, test->n);
    if (!status) {
        struct ebjr_costs costs = {cascade->student_flops, cascade->teacher_flops,
                                   latency.count ? &latency : NULL};
        ebjr_figures_at(&work->test, &curve, 0, &costs);
    }
    ebjr_latency_curve_free(&latency);
    return status;
}

static void fill_stage(struct ebjr_policy_stage *stage, const struct ebjr_stored_model *model)
{
    snprintf(stage->model, sizeof stage->model, "%s", model->name);
    snprintf(stage->sha256, sizeof stage->sha256, "%s", model->sha256);
}

static int save(const struct pick_work *work, const struct pick_request *request,
                const double *limit)
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
    snprintf(policy.class_weights, sizeof policy.class_weights, "%s",
             request->class_weights ? request->class_weights : "");
    snprintf(policy.stages[0].class_map, sizeof policy.stages[0].class_map, "%s",
             cascade->student_run.class_map);
    policy.stages[0].router = work->router; /* lent: the policy is not cleared */
    policy.stages[0].threshold = pick->curve.points[pick->choice.index].threshold;
    snprintf(policy.dataset, sizeof policy.dataset, "%s", cascade->dataset.name);
    snprintf(policy.dataset_sha256, sizeof policy.dataset_sha256, "%s", cascade->dataset.sha256);
    snprintf(policy.preprocessing, sizeof policy.preprocessing, "%s",
             cascade->student_run.preprocessing);
    if (pick->certified >> EBJR_MAX_DROP & 1)
        snprintf(policy.drop_bound, sizeof policy.drop_bound, "%s", ebjr_bound_name(work->bound));
    memcpy(policy.limit, limit, sizeof policy.limit);
    memcpy(policy.expected, pick->choice.figures.value, sizeof policy.expected);
    policy.expected[EBJR_MAX_DROP] += work->advantage[CALIBRATION];
    return ebjr_policy_save(&policy, request->out);
}

static int pick(struct pick_work *work, struct pick_request *request)
{
    struct output output;
    struct ebjr_pick_request wanted = {.certify = !request->plain, .delta = request->delta};
    struct sort_memory memory;
    bool fits = true;
    int status = output_parse(&output, request->format);
    if (!status)
        status = sort_memory_parse(&memory, request->memory);
    if (!status)
        status = pick_parse_limits(wanted.limit, request);
    if (!status)
        status = pick_check_delta(request);
    if (!status)
        status = complete_fractions(work, request);
    if (!status && request->class_weights) {
        status = class_mix_parse(&work->mix, request->class_weights);
        work->parts.mix = &work->mix;
    }
    if (!status)
        status = find_cascades(work, request);
    if (!status)
        status = pick_parse_objective(&wanted.objective, request, &work->cascade);
    if (!status)
        status = pick_fits(&fits, work, request, &memory);
    if (!status)
        status = fits ? prepare(work, request) : pick_sorted_prepare(work, request, &memory);
    if (!status)
        status = choose_bound(work, request);
    if (status)
        return status;
    cascade_warn(&work->cascade);
    wanted.advantage = work->advantage[CALIBRATION];
    wanted.bound = work->bound;
    wanted.order_seed = (uint64_t)request->split_seed ^ ORDER_SEED;
    wanted.student_flops = work->cascade.student_flops;
    wanted.teacher_flops = work->cascade.teacher_flops;
    status = fits ? ebjr_pick(&work->pick, &work->parts.part[CALIBRATION].samples,
                              &work->parts.part[TUNING].samples, &wanted)
                  : ebjr_pick_sorted(&work->pick, work->sorter[CALIBRATION], work->sorter[TUNING],
                                     &wanted);
    if (!status)
        status = evaluate_test(work);
    if (!status)
        status = pick_print(work, request, wanted.objective, output);
    if (status)
        return status;
    pick_explain(work, wanted.limit, request);
    if (work->pick.choice.feasible && request->out)
        status = save(work, request, wanted.limit);
    return status;
}

/* What a cascade of more than two stages does not know. */
static int check_chain(const struct pick_request *request)
{
    bool fitted = request->fit.temperature || request->fit.per_class ||
                  strcmp(request->fit.answer, "teacher") != 0;
    bool parted = request->part[TUNING] || request->part[CALIBRATION] || request->part[TEST];
    if (request->cascade.student || request->cascade.teacher || fitted)
        return ebjr_error_set(EBJR_EINVAL, "--stages names all models, and is used with plain "
                                           "scores and the last model's answer");
    if (parted)
        return ebjr_error_set(EBJR_EINVAL, "--tune-on, --calibrate-on and --test-on are not for "
                                           "--stages");
    if (request->class_weights || request->bound || request->memory)
        return ebjr_error_set(EBJR_EINVAL, "%s is not for --stages",
                              request->bound           ? "--bound"
                              : request->class_weights ? "--class-weights"
                                                       : "--sort-memory");
    if ((request->minimize && strcmp(request->minimize, "flops") != 0) ||
        (request->maximize && strcmp(request->maximize, "accuracy") != 0) ||
        (request->minimize && request->maximize))
        return ebjr_error_set(EBJR_EINVAL,
                              "with --stages: --minimize flops or --maximize accuracy");
    return 0;
}

static int pick_chain(bool *feasible, const struct pick_request *request)
{
    double limit[EBJR_BUDGETS];
    bool demands = request->limit[EBJR_MIN_ACCURACY] || request->limit[EBJR_MAX_DROP];
    bool cheapest = request->minimize || (demands && !request->maximize);
    struct stages_request wanted = {
        .cascade = request->cascade,
        .models = request->stages,
        .score = strcmp(request->fit.score, "auto") == 0 ? "msp" : request->fit.score,
        .limit = limit,
        .objective = cheapest ? EBJR_MINIMIZE_FLOPS : EBJR_MAXIMIZE_ACCURACY,
        .plain = request->plain,
        .delta = request->delta,
        .out = request->out};
    int status = check_chain(request);
    if (!status)
        status = output_parse(&wanted.output, request->format);
    if (!status)
        status = pick_parse_limits(limit, request);
    if (!status)
        status = pick_check_delta(request);
    return status ? status : pick_stages(feasible, &wanted);
}

static int pick_pair(bool *feasible, struct pick_request *request)
{
    struct pick_work work = {0};
    if (!request->cascade.student || !request->cascade.teacher)
        return ebjr_error_set(EBJR_EINVAL, "wanted: --student and --teacher, or --stages");
    if (cascade_is_of_detectors(&request->cascade))
        return detection_pick(feasible, request);
    int status = pick(&work, request);
    *feasible = work.pick.choice.feasible;
    free_work(&work);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct pick_request request = {.cascade = CASCADE_REQUEST,
                                   .fit = {.score = "auto", .answer = "teacher"},
                                   .delta = 0.05,

                                   .split_seed = 1};
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, false),
        {"stages", OPTION_TEXT, &request.stages, "A,B,C",
         "instead of --student and --teacher: a cascade of more models, first to last", false},
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
        {"bound", OPTION_TEXT, &request.bound, "NAME",
         "that certifies --max-drop: clopper-pearson (of harm; default), betting (of the\n"
         "drop itself; default for a joint answer) or hoeffding-bentkus (the same, far weaker)",
         false},
        {"plain", OPTION_FLAG, &request.plain, NULL, "no certificate", false},
        {"score", OPTION_TEXT, &request.fit.score, "NAME",
         "of ebjr sweep --help; learned: logistic regression on all of them; auto\n"
         "(default): the best on the tuning samples; of detectors " DETECTION_SCORE,
         false},
        {"fit-temperature", OPTION_FLAG, &request.fit.temperature, NULL,
         "fit T by the student's likelihood", false},
        {"per-class", OPTION_FLAG, &request.fit.per_class, NULL,
         "fit an offset for each predicted class, shrunk to 0", false},
        {"answer", OPTION_TEXT, &request.fit.answer, "HOW",
         "to deferred samples: teacher (default), average (of both models'\n"
         "probabilities, weight fitted), average:W (teacher's weight W)",
         false},
        {"tune-on", OPTION_TEXT, &request.part[TUNING], "F",
         "share of the samples for what is fitted (default 0.2 where needed)", false},
        {"calibrate-on", OPTION_TEXT, &request.part[CALIBRATION], "F",
         "share for the threshold (default: what is left), or the name of a stored data set",
         false},
        {"test-on", OPTION_TEXT, &request.part[TEST], "F",
         "share that only checks the result (default 0, or what --calibrate-on leaves),\n"
         "or the name of another stored data set",
         false},
        {"class-weights", OPTION_TEXT, &request.class_weights, "MIX",
         "shares of the traffic, where they are not those of the samples: 0-3=0.7 (the\n"
         "other classes share the rest); samples are thinned to it",
         false},
        {"metric", OPTION_TEXT, &request.metric, "NAME",
         "of detectors: the figure that stands in the place of accuracy (default ap;\n"
         "ebjr sweep --metric help lists them)",
         false},
        {"split-seed", OPTION_INTEGER, &request.split_seed, "N", "of the split (default 1)", false},
        {"out", OPTION_TEXT, &request.out, "FILE", "where to write the policy (JSON)", false},
        SORT_ROWS(request.memory, request.cascade.untimed),
        FORMAT_ROW(&request.format),
    };
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.cascade.teacher_logits = pick_is_joint(&request);
    if (strcmp(request.fit.score, "learned") == 0 || request.fit.temperature)
        request.cascade.logits = LOGITS_HELD;
    bool feasible = false;
    status = request.stages ? pick_chain(&feasible, &request) : pick_pair(&feasible, &request);
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
    "  --max-drop                      harm is bounded (Clopper-Pearson, monotone: RCPS);\n"
    "                                  with a joint answer, or --bound: fixed-sequence tests of\n"
    "                                  the drop itself, by betting or Hoeffding-Bentkus\n"
    "  --min-accuracy                  fixed-sequence tests (Learn then Test), exact binomial\n"
    "  --max-teacher-rate, --max-flops exact binomial bound of the teacher rate\n"
    "  --max-p95, --max-p99            exact binomial bound of the share that is over\n"
    "  --max-latency                   no certificate\n\n"
    "Of detectors, accuracy is AP (--metric), a mean over categories of areas under ranked lists, "
    "not\n"
    "a count of right images: half of the images propose thresholds, the other half tests them by\n"
    "the bootstrap over images, whose promise holds as their number grows (calib/coco_pick.h).\n\n"
    "With --stages the drop is certified as the sum of the stages' harms, delta and limit shared\n"
    "between them; plain, the Pareto front of all thresholds is searched.\n\n"
    "Exit code 3: no threshold meets the budgets; stderr says which cannot be met together.\n\n"
    "Example:\n"
    "  ebjr pick --db cifar10.db --student small --teacher large --max-drop 0.01 \\\n"
    "            --test-on 0.3 --out policy.json\n",
    run};
