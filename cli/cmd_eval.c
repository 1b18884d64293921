/* ebjr eval: one threshold, the report of the original script. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/detection_eval.h"
#include "cli/eval_report.h"
#include "cli/policy_cascade.h"
#include "cli/slices.h"

#include <math.h>

/* A threshold typed by hand often comes from a script in float32. (That of a policy is the score of
 * a sample, which always lies on it.) */
static void warn_of_near(const struct rule *rule, const struct cascade *cascade)
{
    int64_t near = eval_count_near(rule->scores, cascade->n, rule->threshold);
    if (near > 0 && cascade->options.precision == EBJR_DOUBLE)
        say("note: %lld sample%s within float32 rounding of the threshold; a script that computes "
            "in float32 may route %s the other way (--precision float32 does so)",
            (long long)near, near == 1 ? " lies" : "s lie", near == 1 ? "it" : "them");
}

struct request {
    struct cascade_request cascade;
    const char *score, *policy, *by, *class_weights;
    double threshold; /* NaN: not given */
    double delta;
    struct output output;
};

static int apply_score(struct rule *rule, struct cascade *cascade, const struct request *request)
{
    const struct ebjr_score *score;
    int status = ebjr_score_find(&score, request->score);
    if (!status)
        status = cascade_read(cascade);
    return status ? status : rule_of_score(rule, cascade, score, request->threshold);
}

static int apply_policy(struct rule *rule, struct cascade *cascade, struct ebjr_policy *policy,
                        const struct request *request)
{
    int status = policy_load_cascade(policy, cascade, &request->cascade, request->policy);
    return status ? status : rule_of_policy(rule, cascade, policy);
}

static int report(struct cascade *cascade, const struct rule *rule, const struct request *request)
{
    struct class_mix mix;
    int status = request->class_weights ? class_mix_parse(&mix, request->class_weights) : 0;
    if (status)
        return status;
    cascade_warn(cascade);
    status = request->class_weights ? slices_report_mix(cascade, rule, &mix, request->output)
             : request->by
                 ? slices_report(cascade, rule, request->by, request->delta, request->output)
                 : eval_report(cascade, rule, request->output);
    if (!request->policy)
        warn_of_near(rule, cascade);
    return status;
}

static int eval_classifiers(struct cascade *cascade, const struct request *request)
{
    struct ebjr_policy policy = {0};
    struct rule rule = {0};
    int status = request->policy ? apply_policy(&rule, cascade, &policy, request)
                                 : apply_score(&rule, cascade, request);
    if (!status)
        status = report(cascade, &rule, request);
    rule_free(&rule);
    ebjr_policy_clear(&policy);
    return status;
}

static int eval_detectors(struct cascade *cascade, const struct request *request)
{
    if (request->by || request->class_weights)
        return ebjr_error_set(EBJR_EINVAL, "--by and --class-weights are for classifiers");
    return detection_eval_print(cascade, request->score, request->threshold, request->output);
}

static int check_request(const struct request *request)
{
    bool named = request->cascade.student && request->cascade.teacher && request->score &&
                 !isnan(request->threshold);
    bool any = request->cascade.student || request->cascade.teacher || request->score ||
               !isnan(request->threshold);
    if (request->policy && any)
        return ebjr_error_set(EBJR_EINVAL, "a --policy says models, score and threshold itself");
    if (request->class_weights && request->by)
        return ebjr_error_set(EBJR_EINVAL, "either --by or --class-weights");
    if (!request->policy && !named)
        return ebjr_error_set(EBJR_EINVAL, "wanted: --student, --teacher, --score and --threshold, "
                                           "or --policy");
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.cascade = CASCADE_REQUEST, .threshold = NAN, .delta = 0.05};
    const char *format = NULL;
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, false),
        {"score", OPTION_TEXT, &request.score, "NAME", "ebjr sweep --help lists them", false},
        {"threshold", OPTION_NUMBER, &request.threshold, "T",
         "the student answers where score >= T", false},
        {"policy", OPTION_TEXT, &request.policy, "FILE",
         "what ebjr pick decided, instead of models, score and threshold", false},
        {"by", OPTION_TEXT, &request.by, "WHAT",
         "a row for each slice: class, prediction (the student's), or a FILE with a group\n"
         "number a sample (.npy, or one a line)",
         false},
        {"class-weights", OPTION_TEXT, &request.class_weights, "MIX",
         "a row for each group of classes, and for the traffic they make up: 0-3=0.7\n"
         "(the other classes share the rest)",
         false},
        {"delta", OPTION_NUMBER, &request.delta, "D",
         "the slices' intervals hold all together with probability 1 - D (default 0.05)", false},
        FORMAT_ROW(&format),
    };
    struct cascade cascade = {0};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&request.output, format);
    if (!status)
        status = check_request(&request);
    if (!status && !request.policy) {
        request.cascade.detectors = true;
        status = cascade_find(&cascade, &request.cascade);
    }
    if (!status)
        status = cascade.is_detection ? eval_detectors(&cascade, &request)
                                      : eval_classifiers(&cascade, &request);
    cascade_free(&cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_eval = {
    "eval", "the cascade at one threshold, from the store",
    "Intervals of slices are exact (Clopper and Pearson), two-sided, shared by Bonferroni. They "
    "hold\n"
    "where the threshold was not chosen on the same samples.\n\n"
    "Example:\n"
    "  ebjr eval --db cifar10.db --student small --teacher large --score softmax-energy \\\n"
    "            --threshold 2.46\n"
    "  ebjr eval --db cifar10.db --policy policy.json --dataset another-test-set\n",
    run};
