#include "calib/budget.h"

#include "base/error.h"

#include <math.h>

static const char *const names[EBJR_BUDGETS] = {"min-accuracy",     "max-drop",    "max-flops",
                                                "max-teacher-rate", "max-latency", "max-p95",
                                                "max-p99"};

const char *ebjr_budget_name(enum ebjr_budget budget)
{
    return names[budget];
}

void ebjr_figures_at(struct ebjr_figures *out, const struct ebjr_curve *curve, size_t index,
                     const struct ebjr_costs *costs)
{
    const struct ebjr_point *point = &curve->points[index];
    const struct ebjr_latency_curve *latency = costs->latency;
    double n = (double)curve->n;
    out->value[EBJR_MIN_ACCURACY] = ebjr_point_accuracy(curve, point);
    out->value[EBJR_MAX_DROP] = (double)(point->harm - point->help) / n;
    out->value[EBJR_MAX_FLOPS] =
        ebjr_point_cost(curve, point, costs->student_flops, costs->teacher_flops);
    out->value[EBJR_MAX_TEACHER_RATE] = (double)(curve->n - point->student) / n;
    out->value[EBJR_MAX_LATENCY] = latency ? latency->mean[index] : NAN;
    out->value[EBJR_MAX_P95] = latency ? latency->p95[index] : NAN;
    out->value[EBJR_MAX_P99] = latency ? latency->p99[index] : NAN;
}

static bool is_lower_bound(enum ebjr_budget budget)
{
    return budget == EBJR_MIN_ACCURACY;
}

unsigned ebjr_budgets_missed(const struct ebjr_figures *figures, const double *limit)
{
    unsigned set = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        double value = figures->value[b];
        bool met = is_lower_bound(b) ? value >= limit[b] : value <= limit[b];
        if (!isnan(limit[b]) && !met)
            set |= 1U << b;
    }
    return set;
}

/* One search: what it looks at, and by which rules. */
struct search {
    const struct ebjr_curve *curve;
    const struct ebjr_costs *costs;
    const double *limit;
    const uint8_t *blocked;
    enum ebjr_objective objective;
};

/* Bit b: budget b is asked for and not met by the point. */
static unsigned violations(const struct search *search, size_t index,
                           const struct ebjr_figures *figures)
{
    unsigned blocked = search->blocked ? search->blocked[index] : 0;
    return blocked | ebjr_budgets_missed(figures, search->limit);
}

/* What the objective makes as small as it can. */
static double loss(const struct ebjr_figures *figures, enum ebjr_objective objective)
{
    switch (objective) {
    case EBJR_MINIMIZE_FLOPS: return figures->value[EBJR_MAX_FLOPS];
    case EBJR_MINIMIZE_LATENCY: return figures->value[EBJR_MAX_LATENCY];
    case EBJR_MINIMIZE_TEACHER_RATE: return figures->value[EBJR_MAX_TEACHER_RATE];
    case EBJR_MAXIMIZE_ACCURACY: return -figures->value[EBJR_MIN_ACCURACY];
    }
    return NAN;
}

static int check_known(const struct search *search)
{
    struct ebjr_figures figures;
    ebjr_figures_at(&figures, search->curve, 0, search->costs);
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if (!isnan(search->limit[b]) && isnan(figures.value[b]))
            return ebjr_error_set(EBJR_EINVAL, "--%s: the %s of these models are not stored",
                                  names[b], b == EBJR_MAX_FLOPS ? "FLOPs" : "latencies");
    if (isnan(loss(&figures, search->objective)))
        return ebjr_error_set(EBJR_EINVAL,
                              "the objective needs the %s of both models, which are not stored; "
                              "--minimize teacher-rate needs none",
                              search->objective == EBJR_MINIMIZE_LATENCY ? "latencies" : "FLOPs");
    return 0;
}

/* Of all points that would serve the objective better than the chosen one, those that violate the
 * fewest budgets say what binds. */
static void find_binding(struct ebjr_choice *choice, const struct search *search)
{
    double chosen = loss(&choice->figures, search->objective);
    int fewest = EBJR_BUDGETS + 1;
    for (size_t i = 0; i < search->curve->count; i++) {
        struct ebjr_figures figures;
        ebjr_figures_at(&figures, search->curve, i, search->costs);
        unsigned set = violations(search, i, &figures);
        int size = __builtin_popcount(set);
        if (loss(&figures, search->objective) >= chosen || size == 0 || size > fewest)
            continue;
        choice->binding = size < fewest ? set : choice->binding | set;
        fewest = size;
    }
}

/* The single budget that no point meets; else a pair that none meets together; else all. */
static void find_conflict(struct ebjr_choice *choice, const struct search *search)
{
    bool together[EBJR_BUDGETS][EBJR_BUDGETS] = {{false}};
    unsigned asked = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        asked |= isnan(search->limit[b]) ? 0 : 1U << b;
    for (size_t i = 0; i < search->curve->count; i++) {
        struct ebjr_figures figures;
        ebjr_figures_at(&figures, search->curve, i, search->costs);
        unsigned met = asked & ~violations(search, i, &figures);
        for (int b = 0; b < EBJR_BUDGETS; b++)
            for (int c = 0; c < EBJR_BUDGETS; c++)
                together[b][c] |= (met >> b & 1) && (met >> c & 1);
    }
    choice->conflict = asked;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        for (int c = b + 1; c < EBJR_BUDGETS; c++)
            if ((asked >> b & 1) && (asked >> c & 1) && !together[b][c])
                choice->conflict = 1U << b | 1U << c;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if ((asked >> b & 1) && !together[b][b])
            choice->conflict = 1U << b;
}

int ebjr_choose(struct ebjr_choice *out, const struct ebjr_curve *curve,
                const struct ebjr_costs *costs, const double *limit, enum ebjr_objective objective,
                const uint8_t *blocked)
{
    struct search search = {curve, costs, limit, blocked, objective};
    double best = INFINITY;
    *out = (struct ebjr_choice){.feasible = false};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->reachable[b] = NAN;
    int status = check_known(&search);
    if (status)
        return status;
    for (size_t i = 0; i < curve->count; i++) {
        struct ebjr_figures figures;
        ebjr_figures_at(&figures, curve, i, costs);
        for (int b = 0; b < EBJR_BUDGETS; b++)
            out->reachable[b] = is_lower_bound(b) ? fmax(out->reachable[b], figures.value[b])
                                                  : fmin(out->reachable[b], figures.value[b]);
        /* points come by growing student share: the later of equals is the larger share */
        if (violations(&search, i, &figures) == 0 && loss(&figures, objective) <= best) {
            best = loss(&figures, objective);
            out->feasible = true;
            out->index = i;
            out->figures = figures;
        }
    }
    if (out->feasible)
        find_binding(out, &search);
    else
        find_conflict(out, &search);
    return 0;
}
