/* How ebjr pick says what it found. */
#include "base/text.h"
#include "cli/pick.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *pick_objective_text(enum ebjr_objective objective)
{
    static const char *const texts[] = {"minimize flops", "minimize latency",
                                        "minimize teacher-rate", "maximize accuracy"};
    return texts[objective];
}

const char *pick_budget_list(char out[256], unsigned set)
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
    {"bound", COLUMN_TEXT, 0, false, NULL},
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

/* Of the drop where that is certified; all other budgets are counts, bounded exactly. */
static const char *bound_text(const struct ebjr_pick *pick, enum ebjr_bound bound)
{
    bool of_drop = pick->certified >> EBJR_MAX_DROP & 1;
    if (!pick->choice.feasible || !pick->certified)
        return NULL;
    return ebjr_bound_name(of_drop ? bound : EBJR_CLOPPER_PEARSON);
}

/* The candidate `step` places further along the curve, or NaN. */
static struct value neighbour(const struct ebjr_pick *pick, int step, bool accuracy)
{
    size_t at = pick->choice.index + (size_t)step;
    if (!pick->choice.feasible || at >= pick->curve.count)
        return real_value(NAN);
    const struct ebjr_point *point = &pick->curve.points[at];
    return real_value(accuracy ? ebjr_point_accuracy(&pick->curve, point) : point->threshold);
}

int pick_print(const struct pick_work *work, const struct pick_request *request,
               enum ebjr_objective objective, struct output output)
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
        real_value(choice->feasible
                       ? ebjr_point_share(&pick->curve, &pick->curve.points[choice->index])
                       : NAN),
        real_value(value[EBJR_MAX_TEACHER_RATE]),
        real_value(value[EBJR_MIN_ACCURACY]),
        real_value(value[EBJR_MAX_DROP] + work->advantage[CALIBRATION]),
        real_value(value[EBJR_MAX_FLOPS]),
        real_value(value[EBJR_MAX_LATENCY]),
        real_value(value[EBJR_MAX_P95]),
        real_value(value[EBJR_MAX_P99]),
        integer_value(choice->feasible && pick->certified && !pick->uncertified),
        text_value(pick_budget_list(certified, choice->feasible ? pick->certified : 0)),
        text_value(pick_budget_list(uncertified, choice->feasible ? pick->uncertified : 0)),
        text_value(bound_text(pick, work->bound)),
        real_value(request->plain ? NAN : request->delta),
        real_value(pick->delta_each),
        text_value(pick_objective_text(objective)),
        text_value(
            pick_budget_list(binding, choice->feasible ? choice->binding : choice->conflict)),
        integer_value((int64_t)work->parts.part[CALIBRATION].samples.n),
        integer_value((int64_t)work->parts.part[TUNING].samples.n),
        neighbour(pick, -1, false),
        neighbour(pick, 1, false),
        neighbour(pick, -1, true),
        neighbour(pick, 1, true),
        real_value(work->answer_weight),
        integer_value((int64_t)work->parts.part[TEST].samples.n),
        real_value(test[EBJR_MIN_ACCURACY]),
        real_value(test[EBJR_MAX_DROP] + work->advantage[TEST]),
        real_value(test[EBJR_MAX_TEACHER_RATE]),
        real_value(test[EBJR_MAX_FLOPS]),
        real_value(test[EBJR_MAX_LATENCY]),
        real_value(test[EBJR_MAX_P95]),
        real_value(test[EBJR_MAX_P99]),
    };
    struct table table = {output, columns, ROWS(columns), 0, true};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

/* Where a tail budget lies between what the student takes and what both take, it is a cap on the
 * teacher rate: of the deferred samples a share `slow` is over it, and only 1 - q may be. */
static void explain_tail(const struct pick_work *work, enum ebjr_budget budget, double limit,
                         double q)
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

void pick_explain(const struct pick_work *work, const double *limit,
                  const struct pick_request *request)
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
    complain("infeasible: no threshold meets %s%s", pick_budget_list(list, pick->choice.conflict),
             request->plain ? "" : " with a certificate");
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        char number[EBJR_NUMBER_TEXT];
        if (!isnan(limit[b]))
            complain("  --%s %s: the best any threshold has on these samples is %.6g",
                     ebjr_budget_name(b), ebjr_number_format(number, limit[b]),
                     pick->choice.reachable[b] +
                         (b == EBJR_MAX_DROP ? work->advantage[CALIBRATION] : 0));
    }
}
