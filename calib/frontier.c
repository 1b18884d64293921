#include "calib/frontier.h"

#include "base/error.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ebjr_offer_dominates(struct ebjr_offer a, struct ebjr_offer b)
{
    return a.cost <= b.cost && a.accuracy >= b.accuracy &&
           (a.cost < b.cost || a.accuracy > b.accuracy);
}

/* By rising cost, and of one cost the most accurate first. */
static int compare_offers(const void *first, const void *second)
{
    const struct ebjr_offer *a = first, *b = second;
    int order = (a->cost > b->cost) - (a->cost < b->cost);
    return order ? order : (a->accuracy < b->accuracy) - (a->accuracy > b->accuracy);
}

static int sorted_copy(struct ebjr_offer **out, const struct ebjr_offer *offers, size_t n)
{
    *out = malloc((n ? n : 1) * sizeof **out);
    if (!*out)
        return ebjr_error_memory();
    if (n > 0) {
        memcpy(*out, offers, n * sizeof **out);
        qsort(*out, n, sizeof **out, compare_offers);
    }
    return 0;
}

/* The offers of the front without repetition, by rising cost and accuracy: an offer is on it if it
 * is more accurate than all before it. Returns how many there are, moved to the beginning. */
static size_t keep_front(struct ebjr_offer *sorted, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || sorted[i].accuracy > sorted[kept - 1].accuracy)
            sorted[kept++] = sorted[i];
    return kept;
}

int ebjr_frontier_mark(uint8_t *front, const struct ebjr_offer *offers, size_t n)
{
    struct ebjr_offer *best;
    int status = sorted_copy(&best, offers, n);
    if (status)
        return status;
    size_t count = keep_front(best, n);
    for (size_t i = 0; i < n; i++) {
        const struct ebjr_offer *found =
            bsearch(&offers[i], best, count, sizeof *best, compare_offers);
        front[i] = found != NULL;
    }
    free(best);
    return 0;
}

int ebjr_frontier_hypervolume(double *out, const struct ebjr_offer *offers, size_t n, double cost,
                              double accuracy)
{
    struct ebjr_offer *best;
    double area = 0, box = cost * (1 - accuracy);
    int status = sorted_copy(&best, offers, n);
    if (status)
        return status;
    size_t count = keep_front(best, n);
    for (size_t i = 0; i < count && best[i].cost < cost; i++) {
        double end = i + 1 < count ? fmin(best[i + 1].cost, cost) : cost;
        area += (end - fmax(best[i].cost, 0)) * fmax(best[i].accuracy - accuracy, 0);
    }
    *out = cost > 0 && accuracy < 1 ? area / box : NAN;
    free(best);
    return 0;
}

int ebjr_tradeoff_curve_make(struct ebjr_tradeoff_curve *out, const struct ebjr_offer *offers,
                             size_t n)
{
    *out = (struct ebjr_tradeoff_curve){0};
    if (n == 0)
        return ebjr_error_set(EBJR_EINVAL, "a curve needs a point");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(offers[i].cost) || !isfinite(offers[i].accuracy))
            return ebjr_error_set(EBJR_EINVAL,
                                  "point %zu has a cost or accuracy that is not finite", i);
    int status = sorted_copy(&out->offers, offers, n);
    for (size_t i = 0; !status && i < n; i++)
        if (i == 0 || out->offers[i].cost > out->offers[out->count - 1].cost)
            out->offers[out->count++] = out->offers[i];
    return status;
}

void ebjr_tradeoff_curve_free(struct ebjr_tradeoff_curve *curve)
{
    free(curve->offers);
    *curve = (struct ebjr_tradeoff_curve){0};
}

/* The first offer that costs as much or more; count where there is none. */
static size_t first_from(const struct ebjr_tradeoff_curve *curve, double cost)
{
    size_t low = 0, high = curve->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (curve->offers[middle].cost < cost)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum ebjr_range ebjr_accuracy_at(double *accuracy, const struct ebjr_tradeoff_curve *curve,
                                 double cost)
{
    size_t next = first_from(curve, cost);
    if (next == curve->count) {
        *accuracy = curve->offers[next - 1].accuracy;
        return EBJR_ABOVE;
    }
    struct ebjr_offer b = curve->offers[next];
    if (b.cost == cost) {
        *accuracy = b.accuracy;
        return EBJR_WITHIN;
    }
    if (next == 0) {
        *accuracy = NAN;
        return EBJR_BELOW;
    }
    struct ebjr_offer a = curve->offers[next - 1];
    *accuracy = a.accuracy + (b.accuracy - a.accuracy) * ((cost - a.cost) / (b.cost - a.cost));
    return EBJR_WITHIN;
}

enum ebjr_range ebjr_cost_at(double *cost, const struct ebjr_tradeoff_curve *curve, double accuracy)
{
    const struct ebjr_offer *offers = curve->offers;
    *cost = offers[0].cost;
    if (offers[0].accuracy >= accuracy)
        return offers[0].accuracy > accuracy ? EBJR_BELOW : EBJR_WITHIN;
    for (size_t i = 1; i < curve->count; i++) {
        struct ebjr_offer a = offers[i - 1], b = offers[i];
        if (b.accuracy < accuracy)
            continue;
        *cost = b.accuracy == accuracy ? b.cost
                                       : a.cost + (b.cost - a.cost) * ((accuracy - a.accuracy) /
                                                                       (b.accuracy - a.accuracy));
        return EBJR_WITHIN;
    }
    *cost = NAN;
    return EBJR_ABOVE;
}

double ebjr_mean_accuracy(const struct ebjr_tradeoff_curve *curve, double from, double to)
{
    struct ebjr_offer a = {from, 0}, b;
    double area = 0;
    if (!(from < to) || from < curve->offers[0].cost || to > curve->offers[curve->count - 1].cost)
        return NAN;
    ebjr_accuracy_at(&a.accuracy, curve, from);
    for (size_t i = first_from(curve, from); a.cost < to; i++) {
        b = curve->offers[i];
        if (b.cost > to) {
            b.cost = to;
            ebjr_accuracy_at(&b.accuracy, curve, to);
        }
        area += (b.cost - a.cost) * (a.accuracy + b.accuracy) / 2;
        a = b;
    }
    return area / (to - from);
}

void ebjr_common_costs(double *from, double *to, const struct ebjr_tradeoff_curve *a,
                       const struct ebjr_tradeoff_curve *b)
{
    *from = fmax(a->offers[0].cost, b->offers[0].cost);
    *to = fmin(a->offers[a->count - 1].cost, b->offers[b->count - 1].cost);
}

/* Intervals on their way: neighbours with one leader are one. */
struct leads {
    struct ebjr_lead *items;
    size_t count;
};

static void add_lead(struct leads *leads, double from, double to, double difference)
{
    int leader = (difference > 0) - (difference < 0);
    struct ebjr_lead *last = leads->count ? &leads->items[leads->count - 1] : NULL;
    if (!(from < to))
        return;
    if (last && last->leader == leader)
        last->to = to;
    else
        leads->items[leads->count++] = (struct ebjr_lead){from, to, leader};
}

/* A piece on which the difference goes in a line from d to e. */
static void add_piece(struct leads *leads, double from, double to, double d, double e)
{
    if ((d < 0 && e > 0) || (d > 0 && e < 0)) {
        double crossing = fmin(fmax(from + (to - from) * (d / (d - e)), from), to);
        add_lead(leads, from, crossing, d);
        add_lead(leads, crossing, to, e);
    } else {
        add_lead(leads, from, to, d != 0 ? d : e);
    }
}

/* The cost of the offer at `i` or, past the last, none: infinity. */
static double cost_of(const struct ebjr_tradeoff_curve *curve, size_t i)
{
    return i < curve->count ? curve->offers[i].cost : INFINITY;
}

/* What rounding alone may make of two equal accuracies is no difference. */
static double difference_at(const struct ebjr_tradeoff_curve *a,
                            const struct ebjr_tradeoff_curve *b, double cost)
{
    double of_a, of_b;
    ebjr_accuracy_at(&of_a, a, cost);
    ebjr_accuracy_at(&of_b, b, cost);
    double difference = of_a - of_b;
    return fabs(difference) > 8 * DBL_EPSILON * fmax(fabs(of_a), fabs(of_b)) ? difference : 0;
}

int ebjr_leads(struct ebjr_lead **out, size_t *count, const struct ebjr_tradeoff_curve *a,
               const struct ebjr_tradeoff_curve *b)
{
    double from, to;
    struct leads leads = {malloc(2 * (a->count + b->count) * sizeof *leads.items), 0};
    if (!leads.items)
        return ebjr_error_memory();
    ebjr_common_costs(&from, &to, a, b);
    size_t i = first_from(a, from), j = first_from(b, from);
    double d = from < to ? difference_at(a, b, from) : 0;
    while (from < to) {
        i += cost_of(a, i) <= from;
        j += cost_of(b, j) <= from;
        double next = fmin(fmin(cost_of(a, i), cost_of(b, j)), to);
        double e = difference_at(a, b, next);
        add_piece(&leads, from, next, d, e);
        from = next;
        d = e;
    }
    *out = leads.items;
    *count = leads.count;
    return 0;
}
