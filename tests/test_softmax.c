/* Sums over rows of logits, against long double; the same bits from every set of instructions. */
#include "base/parallel.h"
#include "base/softmax.h"
#include "support.h"

#include <float.h>
#include <math.h>

/* The library chooses instructions by the processor; this copy has what every processor has. */
#define EBJR_SOFTMAX_PLAIN
#define ebjr_logits_largest plain_logits_largest
#define ebjr_top_two plain_top_two
#define ebjr_softmax_sums plain_softmax_sums
#define ebjr_logits_spread plain_logits_spread
#define ebjr_logits_power_sum plain_logits_power_sum
#include "base/softmax.c"
#undef ebjr_logits_largest
#undef ebjr_top_two
#undef ebjr_softmax_sums
#undef ebjr_logits_spread
#undef ebjr_logits_power_sum

enum { ALL = EBJR_SOFTMAX_MOMENTS | EBJR_SOFTMAX_EXPS, MOST = 2500 };

static double random_unit(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

static double random_normal(uint64_t *seed)
{
    return sqrt(-2 * log1p(-random_unit(seed))) * cos(2 * M_PI * random_unit(seed));
}

static struct ebjr_softmax sums_of(const float *logits, size_t n, double temperature)
{
    struct ebjr_softmax sums;
    ebjr_softmax_sums(&sums, logits, n, ebjr_top_two(logits, n).first, temperature, ALL);
    return sums;
}

static void assert_relative(double value, long double expected, long double error)
{
    if (!(fabsl(value - expected) <= error * fabsl(expected)))
        fail_msg("%.17g, not %.20Lg: off by %.3Lg, not %.3Lg", value, expected,
                 fabsl(value / expected - 1), error);
}

/* `rest` of two logits is one exponential. */
static void assert_exponential(float logit, double temperature)
{
    const float logits[] = {logit, 0};
    long double x = (long double)logit / temperature;
    assert_relative(sums_of(logits, 2, temperature).rest, expl(x), (2 - x) * 0x1p-51L);
}

static void exponentials_keep_their_bound(void **state)
{
    (void)state;
    static const double temperatures[] = {1, 0.1, 7.3, 1e3};
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        double temperature = temperatures[i % 4];
        float logit = (float)(-707.0 * temperature * (double)(i + 1) / 200000);
        assert_exponential(logit, temperature);
        assert_exponential((float)(-temperature * pow(10, -8 + 10 * random_unit(&seed))),
                           temperature);
    }
    /* about the halves, where the rounding of y turns */
    for (int n = 0; n < 1020; n++)
        for (int step = -2; step <= 2; step++)
            assert_exponential((float)(-(n + 0.5) * log(2)) * (1 + (float)step * FLT_EPSILON), 1);
}

static void what_is_far_below_is_nothing(void **state)
{
    (void)state;
    static const double temperatures[] = {1, 1e-3, 1e-310, 1e300};
    for (size_t i = 0; i < COUNT(temperatures); i++) {
        const float logits[] = {3e38F, -3e38F, 3e38F};
        struct ebjr_softmax sums = sums_of(logits, 3, temperatures[i]);
        double far = temperatures[i] < 1e299 ? 0 : 1;
        assert_true(sums.rest == 1 + far && sums.squares == 1 + far);
        assert_true(fabs(sums.weighted) < 1e-200);
    }
    const float apart[] = {0, -1e30F, -800};
    struct ebjr_softmax sums = sums_of(apart, 3, 1);
    assert_true(sums.rest == 0 && sums.weighted == 0 && sums.squares == 0);
    assert_relative(sums.exps, 2 + expl(1), 1e-15L);
}

static void draw(float *logits, size_t n, double spread, uint64_t *seed)
{
    for (size_t k = 0; k < n; k++)
        logits[k] = (float)(spread * random_normal(seed));
    if (n > 3 && random_below(seed, 4) == 0)
        logits[n - 1] = logits[random_below(seed, n)]; /* a tie, now and then of the largest */
}

static size_t draw_size(uint64_t *seed)
{
    static const size_t edges[] = {1, 2, 31, 32, 33, 1000, 1023, 1024, 1025, 1056, 2048, MOST};
    return random_below(seed, 2) ? edges[random_below(seed, COUNT(edges))]
                                 : 1 + random_below(seed, 200);
}

static void sums_are_those_of_long_double(void **state)
{
    (void)state;
    need_long_double();
    static float logits[MOST];
    static const double temperatures[] = {1, 0.2, 30}, spreads[] = {0.01, 3, 50};
    uint64_t seed = 2;
    for (int round = 0; round < 1000; round++) {
        size_t n = draw_size(&seed);
        double temperature = temperatures[random_below(&seed, 3)];
        draw(logits, n, spreads[random_below(&seed, 3)], &seed);
        long double top = logits[0], sum = 0, weighted = 0, squares = 0, exps = 0, error = 0;
        for (size_t k = 0; k < n; k++)
            top = fmaxl(top, logits[k]);
        for (size_t k = 0; k < n; k++) {
            long double x = (logits[k] - top) / temperature, e = expl(x);
            sum += e;
            weighted += e * x;
            error += e * -x * (3 - x) * 0x1p-51L;
            squares += e * e;
        }
        for (size_t k = 0; k < n; k++)
            exps += expl(expl((logits[k] - top) / temperature) / sum);
        struct ebjr_softmax sums = sums_of(logits, n, temperature);
        assert_true(sums.top == (double)top);
        assert_relative(1 + sums.rest, sum, 3e-15L);
        assert_true(fabsl(sums.weighted - weighted) <= error + 1e-15L * fabsl(weighted));
        assert_relative(1 + sums.squares, squares, 3e-15L);
        assert_relative(sums.exps, exps, 3e-15L);
    }
}

/* n equal probabilities of all sizes, alone and beside one that leaves them little: both ways of
 * summing exp(p), and where they meet. */
static void sums_of_exps_keep_their_bound(void **state)
{
    (void)state;
    need_long_double();
    static float logits[MOST];
    for (size_t n = 1; n <= 600; n++) {
        for (int step = 0; step <= 40; step++) {
            long double sum = 0, exps = 0;
            for (size_t k = 0; k < n; k++)
                logits[k] = k == n / 3 ? (float)step / 4 : 0;
            for (size_t k = 0; k < n; k++)
                sum += expl(logits[k]);
            for (size_t k = 0; k < n; k++)
                exps += expl(expl(logits[k]) / sum);
            assert_relative(sums_of(logits, n, 1).exps, exps, 4 * 0x1p-53L);
        }
    }
}

static void the_two_largest_are_found(void **state)
{
    (void)state;
    static float logits[MOST];
    uint64_t seed = 3;
    for (int round = 0; round < 2000; round++) {
        size_t n = draw_size(&seed), best = 0;
        draw(logits, n, 2, &seed);
        for (size_t k = 1; k < n; k++)
            best = logits[k] > logits[best] ? k : best;
        float second = -INFINITY;
        for (size_t k = 0; k < n; k++)
            second = k != best && logits[k] > second ? logits[k] : second;
        struct ebjr_top top = ebjr_top_two(logits, n);
        assert_true(top.first == logits[best] && top.second == second);
        assert_true(ebjr_logits_largest(logits, n) == logits[best]);
    }
}

static void powers_are_those_of_long_double(void **state)
{
    (void)state;
    need_long_double();
    static float logits[MOST];
    uint64_t seed = 4;
    for (int round = 0; round < 500; round++) {
        size_t n = draw_size(&seed);
        unsigned power = 1 + (unsigned)random_below(&seed, round % 2 ? 8 : 300);
        draw(logits, n, 5, &seed);
        long double mean = 0, lowest = logits[0], scale = 1e-3L, sum = 0;
        for (size_t k = 0; k < n; k++) {
            mean += logits[k] / (long double)n;
            lowest = fminl(lowest, logits[k]);
        }
        struct ebjr_spread spread = ebjr_logits_spread(logits, n);
        assert_true(fabsl(spread.mean - mean) <= 1e-14L);
        assert_true(spread.lowest == (double)lowest);
        for (size_t k = 0; k < n; k++)
            scale = fmaxl(scale, fabsl(logits[k] - (long double)spread.mean));
        for (size_t k = 0; k < n; k++)
            sum += powl(fabsl(logits[k] - (long double)spread.mean) / (double)scale, power);
        assert_relative(ebjr_logits_power_sum(logits, n, spread.mean, (double)scale, power), sum,
                        power * 1e-15L);
    }
}

static void every_processor_gives_the_same_bits(void **state)
{
    (void)state;
    static float logits[MOST];
    uint64_t seed = 5;
    for (int round = 0; round < 2000; round++) {
        size_t n = draw_size(&seed);
        unsigned wanted = (unsigned)random_below(&seed, 4);
        struct ebjr_softmax ours, plain;
        draw(logits, n, 4, &seed);
        struct ebjr_top a = ebjr_top_two(logits, n), b = plain_top_two(logits, n);
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(plain_logits_largest(logits, n) == b.first);
        ebjr_softmax_sums(&ours, logits, n, a.first, 1.7, wanted);
        plain_softmax_sums(&plain, logits, n, a.first, 1.7, wanted);
        assert_memory_equal(&ours, &plain, sizeof ours);
        struct ebjr_spread s = ebjr_logits_spread(logits, n), t = plain_logits_spread(logits, n);
        assert_memory_equal(&s, &t, sizeof s);
        assert_true(ebjr_logits_power_sum(logits, n, s.mean, 3, 1 + wanted) ==
                    plain_logits_power_sum(logits, n, s.mean, 3, 1 + wanted));
    }
}

static void nothing_and_no_number_do_not_crash(void **state)
{
    (void)state;
    static const float odd[] = {NAN, 1, INFINITY, -INFINITY, NAN};
    for (size_t n = 0; n <= COUNT(odd); n++) {
        struct ebjr_softmax sums = sums_of(odd, n, 1);
        (void)sums;
        ebjr_logits_power_sum(odd, n, 0, 1, 4);
    }
}

/* parallel.h */

static void count_up(void *context, size_t from, size_t to)
{
    uint8_t *seen = context;
    for (size_t i = from; i < to; i++)
        seen[i]++;
}

static void each_row_is_worked_on_once(void **state)
{
    (void)state;
    static const size_t least[] = {0, 1, 3, 1000};
    static uint8_t seen[301];
    for (size_t n = 0; n < COUNT(seen); n++) {
        memset(seen, 0, sizeof seen);
        ebjr_parallel(count_up, seen, n, least[n % 4]);
        for (size_t i = 0; i < COUNT(seen); i++)
            assert_int_equal(seen[i], i < n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponentials_keep_their_bound),
        cmocka_unit_test(what_is_far_below_is_nothing),
        cmocka_unit_test(sums_are_those_of_long_double),
        cmocka_unit_test(sums_of_exps_keep_their_bound),
        cmocka_unit_test(the_two_largest_are_found),
        cmocka_unit_test(powers_are_those_of_long_double),
        cmocka_unit_test(every_processor_gives_the_same_bits),
        cmocka_unit_test(nothing_and_no_number_do_not_crash),
        cmocka_unit_test(each_row_is_worked_on_once),
    };
    return cmocka_run_group_tests_name("softmax", tests, make_scratch, remove_scratch);
}
