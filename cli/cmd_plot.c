/* ebjr plot: pictures of a cascade. */
#include "base/error.h"
#include "cli/cascade_latency.h"
#include "cli/commands.h"
#include "cli/detection_plot.h"
#include "cli/plot.h"

#include <string.h>

static int load_cascade(struct cascade *cascade, const struct ebjr_policy *policy,
                        const struct plot_request *request)
{
    return request->policy ? policy_cascade(cascade, policy, &request->cascade, request->policy)
                           : cascade_load(cascade, &request->cascade);
}

/* The cascade, and the policy where one is given. A specialised student has no teacher with logits
 * like its own: then it comes alone. */
static int load(struct cascade *cascade, struct ebjr_policy *policy, struct plot_request *request)
{
    bool *logits = &request->cascade.teacher_logits;
    int status = request->policy ? ebjr_policy_load(policy, request->policy) : 0;
    if (status)
        return status;
    *logits = plot_wants_teacher_logits(request);
    if (*logits)
        request->cascade.logits = LOGITS_HELD;
    status = load_cascade(cascade, policy, request);
    if (status == EBJR_EINVAL && *logits) {
        *logits = false;
        cascade_free(cascade);
        status = load_cascade(cascade, policy, request);
    }
    if (!status && request->policy)
        cascade->options = policy->stages[0].router.options;
    return status;
}

/* What is drawn must be known. */
static void warn(const struct plot_request *request, const struct cascade *cascade,
                 const struct ebjr_policy *policy)
{
    const char *kind = request->kind ? request->kind : plot_kind_name(0);
    if (strcmp(kind, "latency") == 0)
        cascade_warn_of_latencies(cascade);
    else if (strcmp(kind, "tradeoff") == 0 || strcmp(kind, "explorer") == 0)
        cascade_warn(cascade);
    if (request->policy && strcmp(policy->dataset_sha256, cascade->dataset.sha256) != 0)
        say("note: the policy was made on '%s': what it certifies is of samples like those",
            policy->dataset);
}

static int draw(struct plot_request *request)
{
    struct cascade cascade = {0};
    struct ebjr_policy policy = {0};
    if (!plot_wants_cascade(request))
        return plot_draw(request, NULL, NULL);
    int status = load(&cascade, &policy, request);
    if (!status) {
        warn(request, &cascade, &policy);
        status = plot_draw(request, &cascade, request->policy ? &policy : NULL);
    }
    ebjr_policy_clear(&policy);
    cascade_free(&cascade);
    return status;
}

static int draw_detectors(struct plot_request *request)
{
    struct cascade cascade = {0};
    request->cascade.detectors = true;
    int status = cascade_find(&cascade, &request->cascade);
    if (!status)
        status = detection_plot(request, &cascade);
    if (!status)
        cascade_warn(&cascade);
    cascade_free(&cascade);
    return status;
}

static bool is_of_detectors(const struct plot_request *request)
{
    return !request->policy && request->cascade.student && request->cascade.teacher &&
           cascade_is_of_detectors(&request->cascade);
}

static void print_files(const struct plot_request *request)
{
    static const char *const endings[] = {"svg", "png", "pdf", "gp", "dat"};
    for (size_t i = 0; i < ROWS(endings); i++)
        printf("%s.%s\n", request->out, endings[i]);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct plot_request request = PLOT_REQUEST;
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, false),
        {"kind", OPTION_TEXT, &request.kind, "NAME", plot_kind_help(), false},
        {"policy", OPTION_TEXT, &request.policy, "FILE",
         "what ebjr pick decided, instead of models, score and threshold: marks its\n"
         "operating point and shades what it certifies",
         false},
        {"score", OPTION_TEXT, &request.score, "NAME",
         "one score, or all (default: all where a picture compares them, else energy)", false},
        {"threshold", OPTION_NUMBER, &request.threshold, "T",
         "marks the operating point of a single score", false},
        {"cost", OPTION_TEXT, &request.cost, "NAME",
         "of a trade-off: flops (default), latency (the mean, from stored latencies),\n"
         "teacher-rate",
         false},
        {"max-p99", OPTION_TEXT, &request.max_p99, "TIME",
         "of --kind qps: draws this budget (20ms)", false},
        {"title", OPTION_TEXT, &request.title, "TEXT",
         "of the picture (default: data set and models)", false},
        {"out", OPTION_TEXT, &request.out, "PATH", "without ending (default: the kind)", false},
    };
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    bool detectors = is_of_detectors(&request);
    status = detectors ? 0 : plot_check(&request);
    if (!request.out)
        request.out = request.kind ? request.kind : plot_kind_name(0);
    if (!status)
        status = detectors ? draw_detectors(&request) : draw(&request);
    if (status)
        return fail(command, status);
    print_files(&request);
    return EXIT_DONE;
}

const struct command command_plot = {
    "plot", "pictures of a cascade as SVG, PNG and PDF",
    "Writes PATH.dat and PATH.gp, and draws PATH.svg, PATH.png and PATH.pdf from them with "
    "gnuplot;\n"
    "prints their names. The picture is redrawn from the two alone: cd DIRECTORY && gnuplot "
    "NAME.gp\n\n"
    "What is shaded, the picture says in words. Of a policy that is the part of a trade-off that\n"
    "keeps what is certified, the thresholds that its certificate covers (explorer), the "
    "percentile\n"
    "it certifies (latency); else, where the student answers.\n\n"
    "Of detectors: the trade-off, of AP.\n\n"
    "Examples:\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --out pictures/cifar10\n"
    "  ebjr plot --db cifar10.db --policy policy.json --score all --out pictures/certified\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --cost latency\n"
    "  ebjr plot --db cifar10.db --policy policy.json --kind explorer\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --kind classes \\\n"
    "            --score msp --threshold 0.98\n"
    "  ebjr plot --db cifar10.db --student small --teacher large --kind qps --max-p99 20ms\n",
    run};
