/* What a policy decides and promises, in words. */
#include "base/text.h"
#include "calib/bound.h"
#include "calib/budget.h"
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *report_number(char out[CELL], enum column_kind kind, double value)
{
    struct column column = {.kind = kind};
    struct value real = {.real = value, .missing = isnan(value)};
    return cell_readable(out, &column, &real);
}

static enum column_kind kind_of(enum ebjr_budget budget)
{
    bool is_fraction =
        budget == EBJR_MIN_ACCURACY || budget == EBJR_MAX_DROP || budget == EBJR_MAX_TEACHER_RATE;
    return is_fraction ? COLUMN_FRACTION : COLUMN_REAL;
}

/* "the cascade's accuracy is at least 94.00 %"; the limit comes between the two. */
static const struct {
    const char *before, *after;
} statements[EBJR_BUDGETS] = {
    [EBJR_MIN_ACCURACY] = {"the cascade is right on at least ", " of samples"},
    [EBJR_MAX_DROP] = {"the cascade's accuracy is at most ",
                       " (of all samples) below the teacher's"},
    [EBJR_MAX_FLOPS] = {"a sample takes at most ", " FLOPs on the mean"},
    [EBJR_MAX_TEACHER_RATE] = {"at most ", " of samples go to the teacher"},
    [EBJR_MAX_LATENCY] = {"a sample takes at most ", " ns on the mean"},
    [EBJR_MAX_P95] = {"at most 5 % of samples take longer than ", " ns"},
    [EBJR_MAX_P99] = {"at most 1 % of samples take longer than ", " ns"},
};

static void write_router(const struct report *report)
{
    FILE *page = report->page;
    const struct ebjr_policy *policy = &report->policy;
    const struct ebjr_router *router = &policy->stages[0].router;
    char threshold[EBJR_NUMBER_TEXT];
    ebjr_number_format(threshold, policy->stages[0].threshold);
    if (router->learned)
        ebjr_report_paragraph(page,
                              "The student answers where a learned score, a weighted sum of all "
                              "scores of its output, is at least %s; the teacher answers the rest.",
                              threshold);
    else
        ebjr_report_paragraph(page,
                              "The student answers where its %s, %s, is at least %s; the teacher "
                              "answers the rest.",
                              router->score->name, router->score->formula, threshold);
    if (router->classes > 0)
        ebjr_report_paragraph(page, "From the score an offset of the predicted class is taken "
                                    "first.");
    if (router->options.temperature != 1)
        ebjr_report_paragraph(page, "Logits are divided by a temperature of %.6g first.",
                              router->options.temperature);
    if (policy->answer_weight < 1)
        ebjr_report_paragraph(page,
                              "Deferred samples are answered by both models together; the teacher "
                              "has a weight of %.6g.",
                              policy->answer_weight);
}

static void write_statement(const struct report *report, enum ebjr_budget budget)
{
    const struct ebjr_policy *policy = &report->policy;
    char limit[CELL], found[CELL];
    report_number(limit, kind_of(budget), policy->limit[budget]);
    report_number(found, kind_of(budget), policy->expected[budget]);
    ebjr_report_item(report->page, "%s%s%s (on the calibration samples: %s; --%s)",
                     statements[budget].before, limit, statements[budget].after, found,
                     ebjr_budget_name(budget));
}

/* The budgets that are certified, or those that are not. Returns how many they are. */
static int write_statements(const struct report *report, bool certified, const char *opening)
{
    const struct ebjr_policy *policy = &report->policy;
    int count = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        if (isnan(policy->limit[b]) || (policy->certified >> b & 1) != (unsigned)certified)
            continue;
        if (count++ == 0) {
            ebjr_report_paragraph(report->page, "%s", opening);
            fputs("<ul>\n", report->page);
        }
        write_statement(report, (enum ebjr_budget)b);
    }
    if (count > 0)
        fputs("</ul>\n", report->page);
    return count;
}

static void write_promise(const struct report *report)
{
    const struct ebjr_policy *policy = &report->policy;
    char opening[512];
    snprintf(opening, sizeof opening,
             "Certified: with a probability of at least %.6g %% over the draw of the %lld "
             "calibration samples, all of this holds for new samples of the same kind:",
             100 * (1 - policy->delta), (long long)policy->calibration_n);
    int certified = write_statements(report, true, opening);
    int plain = write_statements(report, false,
                                 "Not certified: this held on the calibration samples, which the "
                                 "threshold was chosen on, and on new ones it may not:");
    if (certified + plain == 0)
        ebjr_report_paragraph(report->page, "The policy has no budgets, and promises nothing.");
    if (policy->certified >> EBJR_MAX_DROP & 1 &&
        strcmp(policy->drop_bound, ebjr_bound_name(EBJR_CLOPPER_PEARSON)) == 0)
        ebjr_report_paragraph(report->page,
                              "The drop is bounded by the harm: samples on which the student "
                              "answers, wrong, where the teacher is right. They are counted, so "
                              "the bound is exact (Clopper and Pearson); the drop is no more, for "
                              "where the student is right and the teacher wrong it is less.");
    else if (policy->certified >> EBJR_MAX_DROP & 1)
        ebjr_report_paragraph(report->page, "The drop itself is bounded, by %s.",
                              policy->drop_bound);
}

/* Do the figures of this report come of samples that the threshold was chosen on? */
static void write_samples(const struct report *report)
{
    const struct ebjr_policy *policy = &report->policy;
    bool is_same = strcmp(policy->dataset_sha256, report->cascade.dataset.sha256) == 0;
    ebjr_report_paragraph(
        report->page,
        "It was picked on '%s': %lld samples chose the threshold (calibration), "
        "%lld fitted what comes before it (tuning), %lld were kept back (test).%s%s",
        policy->dataset, (long long)policy->calibration_n, (long long)policy->tuning_n,
        (long long)policy->test_n,
        *policy->class_weights ? " They were thinned to a mix of classes: " : "",
        policy->class_weights);
    ebjr_report_paragraph(report->page,
                          is_same ? "All figures of this report are of the whole data set, most of "
                                    "which had a part in choosing the threshold: they may flatter "
                                    "it a little. The certificate allows for that."
                                  : "The figures of this report are of another data set.");
    ebjr_report_paragraph(report->page, "No certificate outlives a change of the data. ebjr check "
                                        "says whether new outputs still fit the policy.");
}

static void write_advice(const struct report *report)
{
    char *command = report_command(report, "pick");
    ebjr_report_paragraph(report->page,
                          "No policy was named. One that costs at most half a point of accuracy, "
                          "with a certificate, is picked by");
    ebjr_report_command(report->page, "%s --max-drop 0.005 --out policy.json",
                        command ? command : "ebjr pick");
    free(command);
    ebjr_report_paragraph(report->page, "and ebjr report --policy policy.json tells what it does: "
                                        "its operating point, its certificate, each class.");
}

bool report_policy_is_plain(const struct report *report)
{
    const struct ebjr_router *router = &report->policy.stages[0].router;
    return report->has_policy && !router->learned && router->classes == 0 &&
           report->policy.answer_weight >= 1;
}

void report_policy(const struct report *report)
{
    if (!report->has_policy) {
        write_advice(report);
        return;
    }
    write_router(report);
    write_promise(report);
    write_samples(report);
}
