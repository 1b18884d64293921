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

/* Bit b: budget b is asked for and not met by the point. */
static unsigned violations(const struct ebjr_search *search, const struct ebjr_figures *figures,
                           unsigned blocked)
{
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

void ebjr_search_begin(struct ebjr_search *out, const double *limit, enum ebjr_objective objective)
{
    *out = (struct ebjr_search){
        .limit = limit, .objective = objective, .best = INFINITY, .fewest = EBJR_BUDGETS + 1};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->choice.reachable[b] = NAN;
}

int ebjr_search_check(const struct ebjr_search *search, const struct ebjr_figures *figures)
{
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if (!isnan(search->limit[b]) && isnan(figures->value[b]))
            return ebjr_error_set(EBJR_EINVAL, "--%s: the %s of these models are not stored",
                                  names[b], b == EBJR_MAX_FLOPS ? "FLOPs" : "latencies");
    if (isnan(loss(figures, search->objective)))
        return ebjr_error_set(EBJR_EINVAL,
                              "the objective needs the %s of both models, which are not stored; "
                              "--minimize teacher-rate needs none",
                              search->objective == EBJR_MINIMIZE_LATENCY ? "latencies" : "FLOPs");
    return 0;
}

bool ebjr_search_first(struct ebjr_search *search, size_t index, const struct ebjr_figures *figures,
                       unsigned blocked)
{
    struct ebjr_choice *choice = &search->choice;
    double value = loss(figures, search->objective);
    for (int b = 0; b < EBJR_BUDGETS; b++)
        choice->reachable[b] = is_lower_bound(b) ? fmax(choice->reachable[b], figures->value[b])
                                                 : fmin(choice->reachable[b], figures->value[b]);
    /* points come by growing student share: the later of equals is the larger share */
    if (violations(search, figures, blocked) != 0 || !(value <= search->best))
        return false;
    search->best = value;
    choice->feasible = true;
    choice->index = index;
    choice->figures = *figures;
    return true;
}

/* Of all points that would serve the objective better than the chosen one, those that violate the
 * fewest budgets say what binds. */
static void take_binding(struct ebjr_search *search, const struct ebjr_figures *figures,
                         unsigned set)
{
    int size = __builtin_popcount(set);
    if (loss(figures, search->objective) >= search->best || size == 0 || size > search->fewest)
        return;
    search->choice.binding = size < search->fewest ? set : search->choice.binding | set;
    search->fewest = size;
}

static unsigned asked(const struct ebjr_search *search)
{
    unsigned set = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        set |= isnan(search->limit[b]) ? 0 : 1U << b;
    return set;
}

void ebjr_search_second(struct ebjr_search *search, const struct ebjr_figures *figures,
                        unsigned blocked)
{
    unsigned set = violations(search, figures, blocked), met = asked(search) & ~set;
    if (search->choice.feasible) {
        take_binding(search, figures, set);
        return;
    }
    for (int b = 0; b < EBJR_BUDGETS; b++)
        for (int c = 0; c < EBJR_BUDGETS; c++)
            search->together[b][c] |= (met >> b & 1) && (met >> c & 1);
}

/* The single budget that no point meets; else a pair that none meets together; else all. */
void ebjr_search_end(struct ebjr_search *search)
{
    unsigned set = asked(search);
    if (search->choice.feasible)
        return;
    search->choice.conflict = set;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        for (int c = b + 1; c < EBJR_BUDGETS; c++)
            if ((set >> b & 1) && (set >> c & 1) && !search->together[b][c])
                search->choice.conflict = 1U << b | 1U << c;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if ((set >> b & 1) && !search->together[b][b])
            search->choice.conflict = 1U << b;
}

int ebjr_choose(struct ebjr_choice *out, const struct ebjr_curve *curve,
                const struct ebjr_costs *costs, const double *limit, enum ebjr_objective objective,
                const uint8_t *blocked)
{
    struct ebjr_search search;
    struct ebjr_figures figures;
    ebjr_search_begin(&search, limit, objective);
    ebjr_figures_at(&figures, curve, 0, costs);
    int status = ebjr_search_check(&search, &figures);
    for (size_t i = 0; !status && i < curve->count; i++) {
        ebjr_figures_at(&figures, curve, i, costs);
        ebjr_search_first(&search, i, &figures, blocked ? blocked[i] : 0);
    }
    for (size_t i = 0; !status && i < curve->count; i++) {
        ebjr_figures_at(&figures, curve, i, costs);
        ebjr_search_second(&search, &figures, blocked ? blocked[i] : 0);
    }
    if (!status)
        ebjr_search_end(&search);
    *out = search.choice;
    return status;
}
