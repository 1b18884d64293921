/* The sections of a report, in order. Tables come from the functions that print them for the other
 * commands. */
#include "base/error.h"
#include "cli/eval_report.h"
#include "cli/ls_latency.h"
#include "cli/ls_run.h"
#include "cli/report.h"
#include "cli/slices.h"
#include "cli/uncertainty.h"
#include "version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct output table_of(const struct report *report, const char *caption)
{
    return (struct output){FORMAT_HTML, report->page, caption, false};
}

struct picture {
    const char *kind, *cost, *caption;
};

static int write_pictures(struct report *report, const struct picture *pictures, size_t count)
{
    int status = 0;
    ebjr_report_figures_begin(report->page);
    for (size_t i = 0; !status && i < count; i++)
        status = report_picture(report, pictures[i].kind, pictures[i].cost, pictures[i].caption);
    ebjr_report_figures_end(report->page);
    return status;
}

/* "42.20 % of the teacher's" */
static void write_cost(FILE *page, const char *name, const char *unit, double cost, double teacher)
{
    char figure[CELL], part[CELL], value[CELL + 8], remark[128];
    snprintf(value, sizeof value, "%s%s", report_number(figure, COLUMN_REAL, cost), unit);
    snprintf(remark, sizeof remark, "a sample; %s of the teacher's",
             report_number(part, COLUMN_FRACTION, cost / teacher));
    if (!isnan(cost) && teacher > 0)
        ebjr_report_fact(page, name, value, remark);
}

static double mean_latency(const struct report *report, bool is_teacher)
{
    const struct cascade *cascade = &report->cascade;
    double sum = 0;
    for (size_t i = 0; cascade->student_latency && i < cascade->n; i++) {
        bool is_deferred = report->rule.scores[i] < report->rule.threshold;
        sum += is_teacher ? 0 : cascade->student_latency[i];
        sum += is_teacher || is_deferred ? cascade->teacher_latency[i] : 0;
    }
    return cascade->student_latency ? sum / (double)cascade->n : NAN;
}

/* What the policy makes of the two models, at a glance. */
static void write_glance(const struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    char value[CELL], of_teacher[CELL], remark[128];
    struct ebjr_curve counts;
    struct ebjr_point point;
    rule_point(&counts, &point, &report->rule, cascade);
    double n = (double)counts.n, teacher = 0;
    for (size_t i = 0; i < cascade->n; i++)
        teacher += cascade->teacher_correct[i];
    ebjr_report_facts_begin(report->page);
    report_number(value, COLUMN_FRACTION, ebjr_point_accuracy(&counts, &point));
    snprintf(remark, sizeof remark, "the teacher alone: %s",
             report_number(of_teacher, COLUMN_FRACTION, teacher / n));
    ebjr_report_fact(report->page, "accuracy", value, remark);
    report_number(value, COLUMN_FRACTION, (n - (double)point.student) / n);
    ebjr_report_fact(report->page, "teacher rate", value, "of samples ask the teacher");
    write_cost(report->page, "FLOPs", "",
               ebjr_point_cost(&counts, &point, cascade->student_flops, cascade->teacher_flops),
               cascade->teacher_flops);
    write_cost(report->page, "mean latency", " ns", mean_latency(report, false),
               mean_latency(report, true));
    ebjr_report_facts_end(report->page);
}

static int write_policy(struct report *report)
{
    if (report->has_policy)
        write_glance(report);
    report_policy(report);
    return 0;
}

static int write_explorer(struct report *report)
{
    ebjr_report_explorer(report->page);
    return 0;
}

static int write_point(struct report *report)
{
    return eval_report(&report->cascade, &report->rule,
                       table_of(report, "The cascade at the policy's threshold (ebjr eval)"));
}

static int write_scores(struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    bool has_flops = !isnan(cascade->student_flops) && !isnan(cascade->teacher_flops);
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    ebjr_report_paragraph(
        report->page,
        "A score is a number that a sample gets from the student's output; where it is high, the "
        "student answers. The deferral area is the cascade's mean accuracy over teacher rates 0 to "
        "1: the higher, the better the score tells which samples to defer. from best is the "
        "difference from the best score that a router can compute, with its 95 %% interval on the "
        "same %zu resamples; where it differs, the difference is real. apgr, cpt50 and cpt80 are "
        "RouteLLM's: the mean part of the accuracy gap recovered, and the teacher rates that "
        "recover 50 %% and 80 %% of it. aurc and auroc judge how well a score tells the student's "
        "right answers from its wrong ones.",
        report->request->bootstrap.resamples);
    int status = uncertainty_print_summary(
        &report->best, cascade, scores, count, &report->request->bootstrap,
        table_of(report, "Scores, the best first (ebjr sweep --summary)"));
    const struct picture pictures[] = {
        {"tradeoff", has_flops ? "flops" : "teacher-rate",
         "Accuracy against cost, a curve a score. Random is the line to beat, oracle the bound."},
        {"risk-coverage", NULL,
         "How often the student is wrong among the samples that a score is surest of."}};
    return status ? status : write_pictures(report, pictures, ROWS(pictures));
}

static int write_outputs(struct report *report)
{
    static const struct picture pictures[] = {
        {"histogram", NULL,
         "The score of the samples that the student has right, and of those it has wrong."},
        {"reliability", NULL, "How often each model is right, against how sure it says it is."}};
    return write_pictures(report, pictures, ROWS(pictures));
}

static int write_classes(struct report *report)
{
    ebjr_report_paragraph(
        report->page, "What the policy's threshold does to each class. Intervals are exact "
                      "(Clopper and Pearson) and hold all together with a probability of 95 %%, "
                      "where the threshold was not chosen on the same samples. Harm: the "
                      "student answered, wrong, and the teacher is right; help: the other way "
                      "round.");
    int status = slices_report(&report->cascade, &report->rule, "class", 0.05,
                               table_of(report, "Classes (ebjr eval --by class)"));
    static const struct picture pictures[] = {
        {"classes", NULL, "Harm and help of each class, the most harmed first."}};
    return status ? status : write_pictures(report, pictures, ROWS(pictures));
}

static int write_measurements(struct report *report)
{
    ebjr_store *store;
    int status = ebjr_store_open(&store, report->request->cascade.db, EBJR_STORE_READ);
    if (!status)
        status = ls_print_measurements(
            store, &report->cascade,
            table_of(report, "What was measured, in ns (ebjr ls --measurements)"));
    ebjr_store_close(store);
    return status;
}

static int write_latency(struct report *report)
{
    static const struct picture pictures[] = {
        {"qps", NULL, "Latency under load: percentiles against requests a second."},
        {"tradeoff", "latency", "Accuracy against the mean latency of a sample, a curve a score."},
        {"latency", NULL,
         "How latencies are distributed; the slow few have as much room as the many."}};
    bool is_known = report->cascade.student_latency != NULL;
    int status = write_measurements(report);
    if (!is_known)
        ebjr_report_paragraph(report->page,
                              "Latencies of both models are not stored, so the cascade's are not "
                              "known: ebjr bench --each measures them.");
    return status ? status : write_pictures(report, pictures, is_known ? ROWS(pictures) : 1);
}

static void take_note(void *context, const char *text)
{
    ebjr_report_item(context, "%s", text);
}

static int write_run(struct report *report, ebjr_store *store, const char *caption,
                     const struct ebjr_stored_run *run, const struct ebjr_stored_model *model)
{
    struct output output = table_of(report, caption);
    output.details = true;
    struct table table = ls_run_table(output, false);
    table.single = true;
    table_begin(&table);
    int status = ls_run_row(&table, store, run, model, &report->cascade.dataset);
    return status ? status : table_end(&table);
}

static int write_runs(struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    ebjr_store *store;
    int status = ebjr_store_open(&store, report->request->cascade.db, EBJR_STORE_READ);
    fputs("<div class=\"pair\">\n", report->page);
    if (!status)
        status = write_run(report, store, "The student's run (ebjr ls)", &cascade->student_run,
                           &cascade->student);
    if (!status)
        status = write_run(report, store, "The teacher's run (ebjr ls)", &cascade->teacher_run,
                           &cascade->teacher);
    fputs("</div>\n", report->page);
    ebjr_store_close(store);
    return status;
}

static int write_provenance(struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    bool is_mac2 = strcmp(cascade->convention, "mac2") == 0;
    ebjr_report_paragraph(report->page, "FLOPs are counted by the convention %s: %s.",
                          cascade->convention,
                          is_mac2 ? "2 x multiply-adds of convolutions and linears only"
                                  : "2 x the count of the original script's op_counter");
    if (!cascade->is_detection)
        ebjr_report_paragraph(
            report->page,
            "Scores are computed in %s from stored float32 logits, at temperature "
            "%.6g; pnorm has p = %.6g, random the seed %llu.",
            cascade->options.precision == EBJR_FLOAT32 ? "float32" : "double",
            cascade->options.temperature, cascade->options.p,
            (unsigned long long)cascade->options.seed);
    fputs("<ul>\n", report->page);
    cascade_notes(cascade, &(struct note_target){take_note, report->page});
    fputs("</ul>\n", report->page);
    return write_runs(report);
}

enum need { ALWAYS, WITH_POLICY, WITH_BASELINES };
enum audience { CLASSIFIERS = 1, DETECTORS = 2, ALL = CLASSIFIERS | DETECTORS };

static const struct {
    struct ebjr_report_section title;
    int (*write)(struct report *report);
    enum need need;
    enum audience audience;
} sections[] = {
    {{"policy", "Policy"}, write_policy, ALWAYS, CLASSIFIERS},
    {{"explore", "Explore thresholds"}, write_explorer, ALWAYS, CLASSIFIERS},
    {{"point", "Operating point"}, write_point, WITH_POLICY, CLASSIFIERS},
    {{"scores", "Scores ranked"}, write_scores, ALWAYS, CLASSIFIERS},
    {{"outputs", "Scores of right and wrong answers"}, write_outputs, ALWAYS, CLASSIFIERS},
    {{"classes", "Class by class"}, write_classes, WITH_POLICY, CLASSIFIERS},
    {{"latency", "Latency"}, write_latency, ALWAYS, CLASSIFIERS},
    {{"detectors", "Both detectors"}, report_detectors, ALWAYS, DETECTORS},
    {{"image-scores", "Scores ranked"}, report_image_scores, ALWAYS, DETECTORS},
    {{"comparison", "Beside published results"}, report_comparison, WITH_BASELINES, ALL},
    {{"provenance", "What was run"}, write_provenance, ALWAYS, ALL},
};

static bool is_there(const struct report *report, size_t section)
{
    enum need need = sections[section].need;
    if (!(sections[section].audience & (report->cascade.is_detection ? DETECTORS : CLASSIFIERS)))
        return false;
    return need == ALWAYS || (need == WITH_POLICY && report->has_policy) ||
           (need == WITH_BASELINES && report->request->baselines.count > 0);
}

static int write_end(struct report *report)
{
    struct report_explorer explorer;
    if (report->cascade.is_detection)
        return ebjr_report_end(report->page, NULL, "ebjr " EBJR_VERSION);
    int status = report_explorer_make(&explorer, report);
    if (!status)
        status = ebjr_report_end(report->page, &explorer.explorer, "ebjr " EBJR_VERSION);
    report_explorer_free(&explorer);
    return status;
}

int report_write(struct report *report)
{
    const struct cascade *cascade = &report->cascade;
    struct ebjr_report_section titles[ROWS(sections)];
    char subtitle[1024];
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < ROWS(sections); i++)
        if (is_there(report, i))
            titles[count++] = sections[i].title;
    snprintf(subtitle, sizeof subtitle, "Student: %s. Teacher: %s. %zu %s of %s.",
             cascade->student.name, cascade->teacher.name, cascade->n,
             cascade->is_detection ? "images" : "samples", cascade->dataset.name);
    ebjr_report_begin(report->page, report->title, subtitle, titles, count);
    for (size_t i = 0; !status && i < ROWS(sections); i++) {
        if (!is_there(report, i))
            continue;
        ebjr_report_section_begin(report->page, &sections[i].title);
        status = sections[i].write(report);
        ebjr_report_section_end(report->page);
    }
    return status ? status : write_end(report);
}
