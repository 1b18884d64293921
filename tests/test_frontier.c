#include "calib/frontier.h"
#include "support.h"

#include <math.h>

enum { MOST = 40, ROUNDS = 2000 };

/* Offers on a coarse grid, so that costs, accuracies and whole offers coincide. */
static size_t random_offers(struct ebjr_offer *out, uint64_t *seed)
{
    size_t count = 1 + random_below(seed, MOST), grid = 2 + random_below(seed, 12);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct ebjr_offer){1 + (double)random_below(seed, grid),
                                     (double)random_below(seed, grid) / (double)grid};
    return count;
}

static void shuffle(struct ebjr_offer *offers, size_t count, uint64_t *seed)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(seed, i);
        struct ebjr_offer kept = offers[i - 1];
        offers[i - 1] = offers[j];
        offers[j] = kept;
    }
}

/* dominance and the front */

static void test_dominance(void **state)
{
    (void)state;
    static const struct ebjr_offer cheap = {1, 0.5}, dear = {2, 0.5}, good = {1, 0.6},
                                   best = {0.5, 0.9};
    assert_true(ebjr_offer_dominates(cheap, dear));
    assert_true(ebjr_offer_dominates(good, cheap));
    assert_true(ebjr_offer_dominates(best, good));
    assert_false(ebjr_offer_dominates(dear, cheap));
    assert_false(ebjr_offer_dominates(cheap, cheap));
    assert_false(ebjr_offer_dominates(dear, good));
    assert_false(ebjr_offer_dominates((struct ebjr_offer){3, 0.7}, good));
    assert_false(ebjr_offer_dominates(good, (struct ebjr_offer){3, 0.7}));
}

static bool is_dominated(const struct ebjr_offer *offers, size_t count, size_t i)
{
    for (size_t j = 0; j < count; j++)
        if (offers[j].cost <= offers[i].cost && offers[j].accuracy >= offers[i].accuracy &&
            (offers[j].cost != offers[i].cost || offers[j].accuracy != offers[i].accuracy))
            return true;
    return false;
}

static void test_front(void **state)
{
    (void)state;
    struct ebjr_offer offers[MOST];
    uint8_t front[MOST];
    uint64_t seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = random_offers(offers, &seed);
        assert_done(ebjr_frontier_mark(front, offers, count));
        for (size_t i = 0; i < count; i++)
            assert_int_equal(front[i], !is_dominated(offers, count, i));
    }
    assert_done(ebjr_frontier_mark(front, offers, 0));
}

/* the hypervolume */

/* The part of a grid's cells, whose sides divide all costs and accuracies, that an offer
 * dominates. */
static double volume_by_cells(const struct ebjr_offer *offers, size_t count, double cost,
                              double accuracy, size_t grid)
{
    double filled = 0, width = 0.5, height = 1.0 / (double)(2 * grid);
    for (double x = 0; x + width / 2 < cost; x += width)
        for (double y = accuracy; y + height / 2 < 1; y += height) {
            bool inside = false;
            for (size_t i = 0; i < count && !inside; i++)
                inside = offers[i].cost <= x + width / 2 && offers[i].accuracy >= y + height / 2;
            filled += inside;
        }
    return filled * width * height / (cost * (1 - accuracy));
}

static void test_hypervolume(void **state)
{
    (void)state;
    uint64_t seed = 2;
    struct ebjr_offer offers[MOST];
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + random_below(&seed, MOST), grid = 2 + random_below(&seed, 6);
        for (size_t i = 0; i < count; i++)
            offers[i] = (struct ebjr_offer){1 + (double)random_below(&seed, grid),
                                            (double)random_below(&seed, grid) / (double)grid};
        double cost = 1 + (double)random_below(&seed, grid + 2) / 2, found;
        double accuracy = (double)random_below(&seed, grid) / (double)grid;
        assert_done(ebjr_frontier_hypervolume(&found, offers, count, cost, accuracy));
        double expected = volume_by_cells(offers, count, cost, accuracy, grid);
        assert_true(fabs(found - expected) < 1e-9);
    }
}

static void test_hypervolume_of_nothing(void **state)
{
    (void)state;
    static const struct ebjr_offer offer = {2, 0.5};
    double volume;
    assert_done(ebjr_frontier_hypervolume(&volume, &offer, 1, 1, 0));
    assert_true(volume == 0);
    assert_done(ebjr_frontier_hypervolume(&volume, &offer, 1, 4, 0.6));
    assert_true(volume == 0);
    assert_done(ebjr_frontier_hypervolume(&volume, &offer, 1, 4, 0));
    assert_true(volume == 0.25);
    assert_done(ebjr_frontier_hypervolume(&volume, &offer, 1, 0, 0.5));
    assert_true(isnan(volume));
    assert_done(ebjr_frontier_hypervolume(&volume, &offer, 1, 4, 1));
    assert_true(isnan(volume));
}

/* curves */

/* The most accurate offer at a cost; NaN where there is none. */
static double best_at(const struct ebjr_offer *offers, size_t count, double cost)
{
    double best = NAN;
    for (size_t i = 0; i < count; i++)
        if (offers[i].cost == cost)
            best = fmax(best, offers[i].accuracy);
    return best;
}

/* The nearest costs at or below, and at or above. */
static void neighbours(double *below, double *above, const struct ebjr_offer *offers, size_t count,
                       double cost)
{
    *below = -INFINITY;
    *above = INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (offers[i].cost <= cost)
            *below = fmax(*below, offers[i].cost);
        if (offers[i].cost >= cost)
            *above = fmin(*above, offers[i].cost);
    }
}

static void test_accuracy_at(void **state)
{
    (void)state;
    struct ebjr_offer offers[MOST];
    struct ebjr_tradeoff_curve curve;
    uint64_t seed = 3;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = random_offers(offers, &seed);
        double cost = (double)random_below(&seed, 60) / 4, below, above, found;
        assert_done(ebjr_tradeoff_curve_make(&curve, offers, count));
        enum ebjr_range range = ebjr_accuracy_at(&found, &curve, cost);
        neighbours(&below, &above, offers, count, cost);
        double low = best_at(offers, count, below), high = best_at(offers, count, above);
        if (isinf(below)) {
            assert_int_equal(range, EBJR_BELOW);
            assert_true(isnan(found));
        } else if (isinf(above)) {
            assert_int_equal(range, EBJR_ABOVE);
            assert_true(found == low);
        } else {
            double part = above > below ? (cost - below) / (above - below) : 0;
            assert_int_equal(range, EBJR_WITHIN);
            assert_true(fabs(found - ((1 - part) * low + part * high)) < 1e-12);
        }
        ebjr_tradeoff_curve_free(&curve);
    }
}

/* Nothing cheaper reaches the accuracy, and the cost does. */
static void test_cost_at(void **state)
{
    (void)state;
    struct ebjr_offer offers[MOST];
    struct ebjr_tradeoff_curve curve;
    uint64_t seed = 4;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = random_offers(offers, &seed);
        double wanted = (double)random_below(&seed, 50) / 48, cost, reached, cheapest = INFINITY;
        double best = 0;
        assert_done(ebjr_tradeoff_curve_make(&curve, offers, count));
        enum ebjr_range range = ebjr_cost_at(&cost, &curve, wanted);
        for (size_t i = 0; i < count; i++) {
            cheapest = fmin(cheapest, offers[i].cost);
            best = fmax(best, offers[i].accuracy);
        }
        if (best < wanted) {
            assert_int_equal(range, EBJR_ABOVE);
            assert_true(isnan(cost));
        } else {
            double first = best_at(offers, count, cheapest);
            assert_int_equal(range, first > wanted ? EBJR_BELOW : EBJR_WITHIN);
            ebjr_accuracy_at(&reached, &curve, cost);
            assert_true(reached >= wanted - 1e-12);
            assert_true(range == EBJR_WITHIN || cost == cheapest);
            for (double less = cheapest; less < cost - 1e-9; less += 0.01) {
                ebjr_accuracy_at(&reached, &curve, less);
                assert_true(reached < wanted + 1e-12);
            }
        }
        ebjr_tradeoff_curve_free(&curve);
    }
}

static void test_mean_accuracy(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    struct ebjr_offer offers[MOST];
    struct ebjr_tradeoff_curve curve;
    uint64_t seed = 5;
    for (int round = 0; round < 60; round++) {
        size_t count = random_offers(offers, &seed);
        assert_done(ebjr_tradeoff_curve_make(&curve, offers, count));
        double first = curve.offers[0].cost, last = curve.offers[curve.count - 1].cost, sum = 0;
        double from = first + (last - first) * 0.13, to = first + (last - first) * 0.91;
        for (size_t i = 0; i < STEPS; i++) {
            double accuracy;
            ebjr_accuracy_at(&accuracy, &curve, from + (to - from) * ((double)i + 0.5) / STEPS);
            sum += accuracy;
        }
        if (from < to)
            assert_true(fabs(ebjr_mean_accuracy(&curve, from, to) - sum / STEPS) < 1e-3);
        assert_true(isnan(ebjr_mean_accuracy(&curve, first, first)));
        assert_true(isnan(ebjr_mean_accuracy(&curve, first - 1, last)));
        assert_true(isnan(ebjr_mean_accuracy(&curve, first, last + 1)));
        ebjr_tradeoff_curve_free(&curve);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct ebjr_tradeoff_curve curve;
    const struct ebjr_offer endless = {INFINITY, 0.5}, unknown = {1, NAN};
    assert_refused(ebjr_tradeoff_curve_make(&curve, NULL, 0), EBJR_EINVAL, "point");
    assert_refused(ebjr_tradeoff_curve_make(&curve, &endless, 1), EBJR_EINVAL, "finite");
    assert_refused(ebjr_tradeoff_curve_make(&curve, &unknown, 1), EBJR_EINVAL, "finite");
    ebjr_tradeoff_curve_free(&curve);
}

/* who is ahead */

static double gap_at(const struct ebjr_tradeoff_curve *a, const struct ebjr_tradeoff_curve *b,
                     double cost)
{
    double of_a, of_b;
    ebjr_accuracy_at(&of_a, a, cost);
    ebjr_accuracy_at(&of_b, b, cost);
    return of_a - of_b;
}

/* The intervals cover what both have, differ from their neighbours, and say what the curves do. */
static void check_leads(const struct ebjr_tradeoff_curve *a, const struct ebjr_tradeoff_curve *b)
{
    struct ebjr_lead *leads, *swapped;
    size_t count, swapped_count;
    double from, to;
    ebjr_common_costs(&from, &to, a, b);
    assert_done(ebjr_leads(&leads, &count, a, b));
    assert_done(ebjr_leads(&swapped, &swapped_count, b, a));
    assert_int_equal(count, swapped_count);
    assert_int_equal(count > 0, from < to);
    for (size_t i = 0; i < count; i++) {
        const struct ebjr_lead *lead = &leads[i];
        assert_true(lead->from == (i ? leads[i - 1].to : from));
        assert_true(lead->from < lead->to);
        assert_true(i == 0 || lead->leader != leads[i - 1].leader);
        assert_true(swapped[i].leader == -lead->leader);
        assert_true(fabs(swapped[i].to - lead->to) < 1e-9);
        for (int k = 1; k < 50; k++) {
            double gap = gap_at(a, b, lead->from + (lead->to - lead->from) * k / 50);
            assert_true(lead->leader ? lead->leader * gap > -1e-9 : fabs(gap) < 1e-9);
        }
    }
    assert_true(count == 0 || leads[count - 1].to == to);
    free(leads);
    free(swapped);
}

static void test_leads(void **state)
{
    (void)state;
    struct ebjr_offer offers[MOST], others[MOST];
    struct ebjr_tradeoff_curve a, b;
    uint64_t seed = 6;
    for (int round = 0; round < ROUNDS; round++) {
        assert_done(ebjr_tradeoff_curve_make(&a, offers, random_offers(offers, &seed)));
        assert_done(ebjr_tradeoff_curve_make(&b, others, random_offers(others, &seed)));
        check_leads(&a, &b);
        check_leads(&a, &a);
        ebjr_tradeoff_curve_free(&a);
        ebjr_tradeoff_curve_free(&b);
    }
}

static void test_one_crossing(void **state)
{
    (void)state;
    const struct ebjr_offer rising[] = {{0, 0}, {4, 1}}, falling[] = {{1, 0.75}, {5, -0.25}};
    struct ebjr_tradeoff_curve a, b;
    struct ebjr_lead *leads;
    size_t count;
    assert_done(ebjr_tradeoff_curve_make(&a, rising, 2));
    assert_done(ebjr_tradeoff_curve_make(&b, falling, 2));
    assert_done(ebjr_leads(&leads, &count, &a, &b));
    assert_int_equal(count, 2);
    assert_true(leads[0].from == 1 && leads[0].to == 2 && leads[0].leader == -1);
    assert_true(leads[1].from == 2 && leads[1].to == 4 && leads[1].leader == 1);
    free(leads);
    ebjr_tradeoff_curve_free(&a);
    ebjr_tradeoff_curve_free(&b);
}

/* the order of input */

static void test_order(void **state)
{
    (void)state;
    struct ebjr_offer offers[MOST], shuffled[MOST];
    struct ebjr_tradeoff_curve curve, other;
    uint8_t front[MOST];
    uint64_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = random_offers(offers, &seed), kept = 0, other_kept = 0;
        double volume, other_volume;
        memcpy(shuffled, offers, count * sizeof *offers);
        shuffle(shuffled, count, &seed);
        assert_done(ebjr_tradeoff_curve_make(&curve, offers, count));
        assert_done(ebjr_tradeoff_curve_make(&other, shuffled, count));
        assert_int_equal(curve.count, other.count);
        assert_memory_equal(curve.offers, other.offers, curve.count * sizeof *offers);
        assert_done(ebjr_frontier_hypervolume(&volume, offers, count, 9, 0.25));
        assert_done(ebjr_frontier_hypervolume(&other_volume, shuffled, count, 9, 0.25));
        assert_true(volume == other_volume);
        assert_done(ebjr_frontier_mark(front, offers, count));
        for (size_t i = 0; i < count; i++)
            kept += front[i];
        assert_done(ebjr_frontier_mark(front, shuffled, count));
        for (size_t i = 0; i < count; i++)
            other_kept += front[i];
        assert_int_equal(kept, other_kept);
        ebjr_tradeoff_curve_free(&curve);
        ebjr_tradeoff_curve_free(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dominance),     cmocka_unit_test(test_front),
        cmocka_unit_test(test_hypervolume),   cmocka_unit_test(test_hypervolume_of_nothing),
        cmocka_unit_test(test_accuracy_at),   cmocka_unit_test(test_cost_at),
        cmocka_unit_test(test_mean_accuracy), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_leads),         cmocka_unit_test(test_one_crossing),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
