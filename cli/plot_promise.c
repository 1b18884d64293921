#include "cli/plot_promise.h"

#include "calib/bound.h"
#include "calib/budget.h"

#include <string.h>

static bool is_certified(const struct ebjr_policy *policy, enum ebjr_budget budget)
{
    return policy && policy->certified >> budget & 1;
}

/* Is the drop bounded by harm? */
static bool is_by_harm(const struct ebjr_policy *policy)
{
    return strcmp(policy->drop_bound, ebjr_bound_name(EBJR_CLOPPER_PEARSON)) == 0;
}

static void write_budget(char *out, size_t size, enum ebjr_budget budget, double limit)
{
    struct ebjr_unit count = ebjr_unit_of_count(limit), time = ebjr_unit_of_time(limit);
    switch (budget) {
    case EBJR_MIN_ACCURACY: snprintf(out, size, "accuracy >= %.5g %%", 100 * limit); break;
    case EBJR_MAX_DROP:
        snprintf(out, size, "accuracy at most %.4g point%s below the teacher", 100 * limit,
                 100 * limit == 1 ? "" : "s");
        break;
    case EBJR_MAX_FLOPS:
        snprintf(out, size, "FLOPs <= %.4g%s", limit / count.divisor, count.name);
        break;
    case EBJR_MAX_TEACHER_RATE: snprintf(out, size, "teacher rate <= %.4g %%", 100 * limit); break;
    default:
        snprintf(out, size, "%s <= %.4g %s", budget == EBJR_MAX_P95 ? "p95" : "p99",
                 limit / time.divisor, time.name);
    }
}

/* "accuracy >= 94.2 % and FLOPs <= 130M, with 95 % confidence" */
static void write_budgets(char *out, size_t size, const struct ebjr_policy *policy,
                          unsigned budgets)
{
    size_t used = 0;
    out[0] = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        if (!(budgets >> b & 1))
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s", used ? " and " : "");
        write_budget(out + used, size - used, b, policy->limit[b]);
        used = strlen(out);
    }
    snprintf(out + used, size - used, ", with %.4g %% confidence", 100 * (1 - policy->delta));
}

/* A policy does not say by which convention its FLOPs were counted, but its own point tells. */
static bool is_of_convention(const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    const struct ebjr_policy *policy = work->policy;
    double flops =
        cascade->student_flops + policy->expected[EBJR_MAX_TEACHER_RATE] * cascade->teacher_flops;
    return fabs(policy->expected[EBJR_MAX_FLOPS] - flops) <= 1e-6 * flops;
}

static bool is_cost(const struct plot_work *work, const char *cost)
{
    return strcmp(work->request->cost ? work->request->cost : "flops", cost) == 0;
}

void promise_tradeoff(struct ebjr_region *out, char text[PROMISE_TEXT],
                      const struct plot_work *work, double teacher_accuracy)
{
    const struct ebjr_policy *policy = work->policy;
    unsigned budgets = 0;
    *out = (struct ebjr_region)EBJR_REGION_ALL;
    if (is_certified(policy, EBJR_MIN_ACCURACY)) {
        out->y_low = 100 * policy->limit[EBJR_MIN_ACCURACY];
        budgets |= 1U << EBJR_MIN_ACCURACY;
    }
    if (is_certified(policy, EBJR_MAX_DROP)) {
        out->y_low = fmax(out->y_low, 100 * (teacher_accuracy - policy->limit[EBJR_MAX_DROP]));
        budgets |= 1U << EBJR_MAX_DROP;
    }
    if (is_certified(policy, EBJR_MAX_FLOPS) && is_cost(work, "flops") && is_of_convention(work)) {
        out->x_high = policy->limit[EBJR_MAX_FLOPS];
        budgets |= 1U << EBJR_MAX_FLOPS;
    }
    if (is_certified(policy, EBJR_MAX_TEACHER_RATE) && is_cost(work, "teacher-rate")) {
        out->x_high = 100 * policy->limit[EBJR_MAX_TEACHER_RATE];
        budgets |= 1U << EBJR_MAX_TEACHER_RATE;
    }
    if (!budgets)
        return;
    int used = snprintf(text, PROMISE_TEXT, "certified, ");
    write_budgets(text + used, PROMISE_TEXT - (size_t)used, policy, budgets);
    out->text = text;
}

void promise_thresholds(struct ebjr_region *out, char text[PROMISE_TEXT],
                        const struct plot_work *work, const struct ebjr_axis *axis)
{
    const struct ebjr_policy *policy = work->policy;
    *out = (struct ebjr_region)EBJR_REGION_ALL;
    text[0] = 0;
    if (!policy || !policy->certified)
        return;
    double threshold = work->rule.threshold, at = ebjr_axis_position(axis, threshold);
    bool stricter = true, looser = true; /* covered */
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        bool only_here = b == EBJR_MIN_ACCURACY || (b == EBJR_MAX_DROP && !is_by_harm(policy));
        if (!is_certified(policy, b))
            continue;
        stricter &= b == EBJR_MAX_DROP && !only_here;
        looser &= b != EBJR_MAX_DROP && !only_here;
    }
    int used =
        stricter || looser
            ? snprintf(text, PROMISE_TEXT,
                       "thresholds %s %.6g, all certified: ", stricter ? ">=" : "<=", threshold)
            : snprintf(text, PROMISE_TEXT, "certified at %.6g alone: ", threshold);
    write_budgets(text + used, PROMISE_TEXT - (size_t)used, policy, policy->certified);
    if (stricter)
        out->x_low = at;
    else if (looser)
        out->x_high = at;
    out->text = stricter || looser ? text : NULL;
}

void promise_latency(struct ebjr_region *out, char text[PROMISE_TEXT], const struct plot_work *work)
{
    const struct ebjr_policy *policy = work->policy;
    bool is_p99 = is_certified(policy, EBJR_MAX_P99);
    enum ebjr_budget budget = is_p99 ? EBJR_MAX_P99 : EBJR_MAX_P95;
    *out = (struct ebjr_region)EBJR_REGION_ALL;
    if (!is_certified(policy, budget))
        return;
    out->x_high = policy->limit[budget];
    out->y_high = is_p99 ? 0.99 : 0.95;
    int used = snprintf(text, PROMISE_TEXT, "certified, ");
    write_budgets(text + used, PROMISE_TEXT - (size_t)used, policy, 1U << budget);
    out->text = text;
}

double promise_harm(const struct plot_work *work)
{
    bool is_bounded = is_certified(work->policy, EBJR_MAX_DROP) && is_by_harm(work->policy);
    return is_bounded ? work->policy->limit[EBJR_MAX_DROP] : NAN;
}
