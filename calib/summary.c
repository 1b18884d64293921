#include "calib/summary.h"

#include <math.h>

/* A tie group, or all samples: its weight, and how much of it each model has right. */
struct group {
    double weight, student, teacher;
};

static void group_add(struct group *group, const struct ebjr_ranked *ranked, size_t i)
{
    group->weight += ranked->weight[i];
    group->student += ranked->weight[i] * ranked->student[i];
    group->teacher += ranked->weight[i] * ranked->teacher[i];
}

static struct group all_of(const struct ebjr_ranked *ranked)
{
    struct group all = {0};
    for (size_t i = 0; i < ranked->n; i++)
        group_add(&all, ranked, i);
    return all;
}

/* The tie group that begins at a sample. Returns where the next one begins. */
static size_t group_from(struct group *group, const struct ebjr_ranked *ranked, size_t begin)
{
    *group = (struct group){0};
    do
        group_add(group, ranked, begin);
    while (!ranked->group_end[begin++]);
    return begin;
}

/* The tie group that ends before a place in the order. Returns where it begins. */
static size_t group_before(struct group *group, const struct ebjr_ranked *ranked, size_t end)
{
    *group = (struct group){0};
    do
        group_add(group, ranked, --end);
    while (end > 0 && !ranked->group_end[end - 1]);
    return end;
}

/*
 * The teacher takes samples from the end of the order. G(C), the right answers that the cascade has
 * more than the student alone when the teacher has taken a weight of C, goes along the chord of
 * every group; this is the integral of G over C = 0 .. total, in trapezoids.
 */
static double gained_area(const struct ebjr_ranked *ranked)
{
    struct group group;
    double area = 0, gained = 0;
    for (size_t end = ranked->n; end > 0;) {
        end = group_before(&group, ranked, end);
        double gain = group.teacher - group.student;
        area += group.weight * (gained + gain / 2);
        gained += gain;
    }
    return area;
}

double ebjr_deferral_area(const struct ebjr_ranked *ranked)
{
    double total = ranked->total;
    return (all_of(ranked).student * total + gained_area(ranked)) / (total * total);
}

double ebjr_average_gap_recovered(const struct ebjr_ranked *ranked)
{
    struct group all = all_of(ranked);
    double gap = all.teacher - all.student;
    return gap > 0 ? gained_area(ranked) / (gap * ranked->total) : NAN;
}

/* The first group at whose end G(C) >= recovered * gap holds the crossing, for G begins at 0. G is
 * whole, and 0.07 * 100 is a little above 7 in doubles: so much is forgiven. */
double ebjr_call_rate_for(const struct ebjr_ranked *ranked, double recovered)
{
    struct group all = all_of(ranked), group;
    double gap = all.teacher - all.student, wanted = recovered * gap;
    double enough = wanted * (1 - 1e-12), taken = 0, gained = 0;
    if (!(gap > 0))
        return NAN;
    if (enough <= 0)
        return 0;
    for (size_t end = ranked->n; end > 0;) {
        end = group_before(&group, ranked, end);
        double gain = group.teacher - group.student;
        if (gained + gain >= enough)
            return (taken + group.weight * fmin((wanted - gained) / gain, 1)) / ranked->total;
        taken += group.weight;
        gained += gain;
    }
    return NAN;
}

double ebjr_call_rate_for_half(const struct ebjr_ranked *ranked)
{
    return ebjr_call_rate_for(ranked, 0.5);
}

double ebjr_call_rate_for_four_fifths(const struct ebjr_ranked *ranked)
{
    return ebjr_call_rate_for(ranked, 0.8);
}

/* The mean over k = 1 .. total of (wrong among the first k) / k. Cut at random, a group has the
 * same part of its first samples wrong as of all. */
double ebjr_risk_coverage_area(const struct ebjr_ranked *ranked)
{
    struct group group;
    double area = 0, answered = 0, wrong = 0;
    for (size_t begin = 0; begin < ranked->n;) {
        begin = group_from(&group, ranked, begin);
        double group_wrong = group.weight - group.student;
        for (double k = 1; k <= group.weight; k++)
            area += (wrong + k * (group_wrong / group.weight)) / (answered + k);
        answered += group.weight;
        wrong += group_wrong;
    }
    return area / ranked->total;
}

double ebjr_correctness_auroc(const struct ebjr_ranked *ranked)
{
    struct group group;
    double pairs = 0, right = 0, wrong = 0;
    for (size_t begin = 0; begin < ranked->n;) {
        begin = group_from(&group, ranked, begin);
        double group_wrong = group.weight - group.student;
        pairs += group_wrong * (right + group.student / 2);
        right += group.student;
        wrong += group_wrong;
    }
    return right > 0 && wrong > 0 ? pairs / (right * wrong) : NAN;
}

double ebjr_hypervolume(const struct ebjr_ranked *ranked)
{
    struct group group;
    double area = 0, gained = 0, best = 0;
    for (size_t end = ranked->n; end > 0;) {
        end = group_before(&group, ranked, end);
        area += group.weight * best;
        gained += group.teacher - group.student;
        best = fmax(best, gained);
    }
    double room = ranked->total - all_of(ranked).student;
    return room > 0 ? area / (room * ranked->total) : NAN;
}
