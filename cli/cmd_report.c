/* ebjr report: all there is to say of a stored cascade, as one HTML file. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/policy_cascade.h"
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A policy names its models itself; those that were named as well must be the same ones. */
static int check_model(const char *asked, const char *option, const struct ebjr_stored_model *model)
{
    bool is_head = asked && strncmp(asked, model->sha256, strlen(asked)) == 0;
    if (!asked || is_head || strcmp(asked, model->name) == 0)
        return 0;
    return ebjr_error_set(EBJR_EINVAL, "the policy is of '%s'; leave out --%s %s", model->name,
                          option, asked);
}

static int load_cascade(struct report *report, const struct cascade_request *asked)
{
    const char *policy = report->request->policy;
    return policy ? policy_cascade(&report->cascade, &report->policy, asked, policy)
                  : cascade_load(&report->cascade, asked);
}

/* With the teacher's logits for its reliability; a specialised student has no teacher with logits
 * like its own, and comes without. */
static int load_outputs(struct report *report)
{
    struct cascade_request asked = report->request->cascade;
    asked.teacher_logits = true;
    int status = load_cascade(report, &asked);
    if (status != EBJR_EINVAL)
        return status;
    cascade_free(&report->cascade);
    asked.teacher_logits = false;
    asked.logits = LOGITS_HELD;
    return load_cascade(report, &asked);
}

/* The policy's own temperature and precision are those of the whole report. */
static int apply_policy(struct report *report)
{
    const struct cascade_request *asked = &report->request->cascade;
    struct cascade *cascade = &report->cascade;
    int status = check_model(asked->student, "student", &cascade->student);
    if (!status)
        status = check_model(asked->teacher, "teacher", &cascade->teacher);
    if (!status) {
        cascade->options = report->policy.stages[0].router.options;
        cascade->options.seed = (uint64_t)asked->seed;
        status = rule_of_policy(&report->rule, cascade, &report->policy);
    }
    report->has_policy = !status;
    return status;
}

static int check_score(const char *name)
{
    const struct ebjr_score *score;
    int status = name ? ebjr_score_find(&score, name) : 0;
    if (!status && name && score->kind != EBJR_SCORE_LOGITS)
        status = ebjr_error_set(EBJR_EINVAL, "--score %s: no router can compute it", name);
    return status;
}

static int load(struct report *report)
{
    const struct report_request *request = report->request;
    if (!request->policy && !(request->cascade.student && request->cascade.teacher))
        return ebjr_error_set(EBJR_EINVAL, "wanted: --student and --teacher, or --policy");
    if (!request->policy && cascade_is_of_detectors(&request->cascade)) {
        struct cascade_request asked = request->cascade;
        asked.detectors = true;
        return cascade_find(&report->cascade, &asked);
    }
    int status = request->policy ? ebjr_policy_load(&report->policy, request->policy) : 0;
    if (!status)
        status = check_score(request->score);
    if (!status)
        status = load_outputs(report);
    if (!status && request->policy)
        status = apply_policy(report);
    return status;
}

/* The file beside the target that becomes it when all is written. */
static int open_beside(FILE **out, char beside[PATH_MAX], const char *path)
{
    if (snprintf(beside, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
        return ebjr_error_set(EBJR_EINVAL, "--out %.64s... is too long", path);
    int descriptor = mkstemp(beside);
    *out = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!*out)
        return ebjr_error_set(EBJR_EIO, "cannot write %s: %s", path, strerror(errno));
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    return 0;
}

static int close_beside(FILE *file, const char *beside, const char *path, int status)
{
    bool failed = ferror(file);
    failed |= fclose(file) != 0;
    if (!status && (failed || rename(beside, path) != 0))
        status = ebjr_error_set(EBJR_EIO, "cannot write %s: %s", path, strerror(errno));
    if (status)
        unlink(beside);
    return status;
}

static int write_file(struct report *report)
{
    const struct report_request *request = report->request;
    const struct cascade *cascade = &report->cascade;
    char beside[PATH_MAX];
    if (request->title)
        snprintf(report->title, sizeof report->title, "%s", request->title);
    else
        snprintf(report->title, sizeof report->title, "%s: %s to %s", cascade->dataset.name,
                 cascade->student.name, cascade->teacher.name);
    int status = open_beside(&report->page, beside, request->out);
    if (status)
        return status;
    status = report_pictures_begin(report);
    if (!status)
        status = report_write(report);
    report_pictures_end(report);
    return close_beside(report->page, beside, request->out, status);
}

/* What a page is worth waiting for; 40 is the least that a 95 % interval needs. */
static size_t default_resamples(const struct cascade *cascade)
{
    const size_t most = 1000, least = 40, samples = cascade->is_detection ? 1000000 : 20000000;
    size_t affordable = samples / cascade->n;
    return affordable > most ? most : affordable < least ? least : affordable;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct report_request request = {
        .cascade = CASCADE_REQUEST, .out = "report.html", .bootstrap = {.level = 0.95}};
    int64_t resamples = 0, seed = 1;
    const struct option_row rows[] = {
        CASCADE_ROWS(request.cascade, false),
        {"policy", OPTION_TEXT, &request.policy, "FILE",
         "what ebjr pick decided: its point, its certificate and each class are told", false},
        {"baselines", OPTION_LIST, &request.baselines, "FILE",
         "published results to compare with (ebjr compare); may be given again", false},
        {"score", OPTION_TEXT, &request.score, "NAME",
         "that the slider opens with (default: the policy's, or the best)", false},
        {"resamples", OPTION_INTEGER, &resamples, "N",
         "of the bootstrap (default 1000, as elsewhere, of up to 20,000 samples; of more,\n"
         "as many as make 20 million, but 40 at least; a million images of detectors)",
         false},
        {"bootstrap-seed", OPTION_INTEGER, &seed, "N", "of the bootstrap (default 1)", false},
        {"title", OPTION_TEXT, &request.title, "TEXT",
         "of the report (default: data set and models)", false},
        {"out", OPTION_TEXT, &request.out, "FILE", "(default: report.html)", false},
    };
    struct report report = {.request = &request};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.bootstrap.seed = (uint64_t)seed;
    status = load(&report);
    if (!status) {
        cascade_warn(&report.cascade);
        request.bootstrap.resamples =
            resamples ? (size_t)resamples : default_resamples(&report.cascade);
        status = write_file(&report);
    }
    if (!status)
        printf("%s\n", request.out);
    rule_free(&report.rule);
    ebjr_policy_clear(&report.policy);
    cascade_free(&report.cascade);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_report = {
    "report", "one HTML file about a stored cascade, to read and to send",
    "The file needs nothing else: pictures, tables and a slider over all thresholds are in it. "
    "Its\n"
    "tables are those of eval, sweep --summary, compare and ls. Pictures are drawn by gnuplot; "
    "where that\n"
    "is missing, the report has none.\n\n"
    "Examples:\n"
    "  ebjr report --db cifar10.db --student small --teacher large --out cifar10.html\n"
    "  ebjr report --db cifar10.db --policy policy.json --title \"CIFAR-10\"\n",
    run};
