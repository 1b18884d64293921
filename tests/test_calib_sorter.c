/* Sweeps and picks of samples that memory does not hold, beside those that it does: bit by bit. */
#include "base/spill.h"
#include "calib/pick.h"
#include "calib/sorter.h"
#include "calib/summary.h"
#include "support.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

enum { MOST = 4000, CASES = 600 };

struct samples {
    size_t n;
    double score[MOST];
    uint8_t student[MOST], teacher[MOST];
};

static double uniform(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

/* Of many kinds: any bits, few levels with both zeros, in order already, some that the student must
 * not answer. */
static void make(struct samples *out, uint64_t *seed)
{
    size_t kind = random_below(seed, 5), levels = 1 + random_below(seed, 40);
    double right = uniform(seed), apart = uniform(seed) * 0.3;
    out->n = 1 + random_below(seed, random_below(seed, 8) ? 300 : MOST);
    for (size_t i = 0; i < out->n; i++) {
        double *score = &out->score[i];
        do
            *score = double_of(random_bits(seed));
        while (!isfinite(*score));
        if (kind == 1)
            *score = ((double)random_below(seed, levels) - (double)(levels / 2)) *
                     (random_below(seed, 2) ? 1 : -1);
        if (kind == 2)
            *score = uniform(seed);
        if (kind == 3)
            *score = (double)i * (random_below(seed, 9) ? 1 : 0);
        if (kind == 4)
            *score = random_below(seed, 4) ? 1 - 1e-9 * uniform(seed) : EBJR_NEVER;
        out->student[i] = uniform(seed) < right;
        out->teacher[i] = uniform(seed) < apart ? !out->student[i] : out->student[i];
    }
}

/* In so little memory that there are many runs, or in enough for one. */
static size_t some_memory(uint64_t *seed, size_t n)
{
    size_t least = (size_t)sqrt((double)n * 360 * 17) + 400;
    return least + (random_below(seed, 3) ? random_below(seed, 500) : random_below(seed, 20 * n + 1));
}

static ebjr_sorter *sort(const struct samples *samples, size_t from, size_t to, uint64_t *seed)
{
    ebjr_sorter *sorter;
    assert_done(ebjr_sorter_new(&sorter, to - from, some_memory(seed, to - from), NULL));
    for (size_t i = from; i < to; i++)
        assert_done(
            ebjr_sorter_add(sorter, samples->score[i], samples->student[i], samples->teacher[i]));
    return sorter;
}

static void assert_same_point(const struct ebjr_point *a, const struct ebjr_point *b)
{
    assert_int_equal(bits_of(a->threshold), bits_of(b->threshold));
    assert_int_equal(a->student, b->student);
    assert_int_equal(a->harm, b->harm);
    assert_int_equal(a->help, b->help);
}

static void check_curve(ebjr_sorter *sorter, const struct ebjr_curve *curve)
{
    struct ebjr_curve totals;
    struct ebjr_point point;
    assert_done(ebjr_sorter_begin(sorter));
    ebjr_sorter_totals(&totals, sorter);
    assert_int_equal(totals.n, curve->n);
    assert_int_equal(totals.student_correct, curve->student_correct);
    assert_int_equal(totals.teacher_correct, curve->teacher_correct);
    for (size_t i = 0; i < curve->count; i++) {
        assert_int_equal(ebjr_sorter_next(&point, sorter), 1);
        assert_same_point(&point, &curve->points[i]);
    }
    assert_int_equal(ebjr_sorter_next(&point, sorter), 0);
    assert_int_equal(ebjr_sorter_next(&point, sorter), 0);
}

static void test_same_curve(void **state)
{
    (void)state;
    uint64_t seed = 1;
    static struct samples samples;
    for (int c = 0; c < CASES; c++) {
        struct ebjr_curve curve;
        make(&samples, &seed);
        assert_done(ebjr_sweep(&curve, samples.score, samples.student, samples.teacher, samples.n));
        ebjr_sorter *sorter = sort(&samples, 0, samples.n, &seed);
        check_curve(sorter, &curve);
        check_curve(sorter, &curve); /* again */
        for (int t = 0; t < 4; t++) {
            struct ebjr_point point, expected;
            double threshold = t ? samples.score[random_below(&seed, samples.n)] : uniform(&seed);
            ebjr_sweep_at(&expected, threshold, samples.score, samples.student, samples.teacher,
                          samples.n);
            assert_done(ebjr_sorter_at(&point, threshold, sorter));
            assert_same_point(&point, &expected);
        }
        ebjr_sorter_free(sorter);
        ebjr_curve_free(&curve);
    }
}

static void test_same_area(void **state)
{
    (void)state;
    static struct samples samples;
    const struct ebjr_bootstrap once = {.resamples = 3, .seed = 1, .level = 0.5};
    uint64_t seed = 2;
    for (int c = 0; c < CASES; c++) {
        double area;
        struct ebjr_interval value;
        make(&samples, &seed);
        const double *scores[] = {samples.score};
        assert_done(ebjr_bootstrap_compare(&value, NULL, ebjr_deferral_area, scores, 1, 0,
                                           samples.student, samples.teacher, samples.n, &once));
        ebjr_sorter *sorter = sort(&samples, 0, samples.n, &seed);
        assert_done(ebjr_sorter_deferral_area(&area, sorter));
        assert_int_equal(bits_of(area), bits_of(value.estimate));
        ebjr_sorter_free(sorter);
    }
}

/* Budgets of all kinds, many of them out of reach. */
static void make_request(struct ebjr_pick_request *out, uint64_t *seed)
{
    static const enum ebjr_budget budgets[] = {EBJR_MIN_ACCURACY, EBJR_MAX_DROP, EBJR_MAX_FLOPS,
                                               EBJR_MAX_TEACHER_RATE};
    *out = (struct ebjr_pick_request){.certify = random_below(seed, 3) != 0,
                                      .delta = 0.01 + 0.4 * uniform(seed),
                                      .student_flops = 1,
                                      .teacher_flops = 10,
                                      .bound = EBJR_CLOPPER_PEARSON};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->limit[b] = NAN;
    out->objective = (enum ebjr_objective[]){EBJR_MINIMIZE_FLOPS, EBJR_MINIMIZE_TEACHER_RATE,
                                             EBJR_MAXIMIZE_ACCURACY}[random_below(seed, 3)];
    for (size_t i = 1 + random_below(seed, 3); i > 0; i--) {
        enum ebjr_budget budget = budgets[random_below(seed, COUNT(budgets))];
        double limit = budget == EBJR_MAX_DROP    ? 0.2 * uniform(seed) - 0.02
                       : budget == EBJR_MAX_FLOPS ? 12 * uniform(seed)
                                                  : uniform(seed);
        out->limit[budget] = limit;
    }
}

static void check_figures(const double *a, const double *b)
{
    for (int i = 0; i < EBJR_BUDGETS; i++)
        assert_true(bits_of(a[i]) == bits_of(b[i]) || (isnan(a[i]) && isnan(b[i])));
}

/* Chosen point and neighbours, where there are some. */
static void check_pick(const struct ebjr_pick *a, const struct ebjr_pick *b)
{
    const struct ebjr_choice *x = &a->choice, *y = &b->choice;
    assert_int_equal(x->feasible, y->feasible);
    assert_int_equal(x->binding, y->binding);
    assert_int_equal(x->conflict, y->conflict);
    assert_int_equal(a->certified, b->certified);
    assert_int_equal(a->uncertified, b->uncertified);
    check_figures(x->reachable, y->reachable);
    if (!x->feasible)
        return;
    check_figures(x->figures.value, y->figures.value);
    for (int step = -1; step <= 1; step++) {
        size_t i = x->index + (size_t)step, j = y->index + (size_t)step;
        assert_int_equal(i < a->curve.count, j < b->curve.count);
        if (i < a->curve.count)
            assert_same_point(&a->curve.points[i], &b->curve.points[j]);
    }
}

static void test_same_pick(void **state)
{
    (void)state;
    static struct samples all;
    uint64_t seed = 3;
    int feasible = 0, tested = 0;
    for (int c = 0; c < 4 * CASES; c++) {
        struct ebjr_pick pick, expected;
        struct ebjr_pick_request request;
        make(&all, &seed);
        make_request(&request, &seed);
        size_t cut = random_below(&seed, all.n);
        struct ebjr_samples tuning = {cut, all.score, all.student, all.teacher, NULL, NULL, NULL};
        struct ebjr_samples calibration = {
            all.n - cut, all.score + cut, all.student + cut, all.teacher + cut, NULL, NULL, NULL};
        ebjr_sorter *tune = sort(&all, 0, cut, &seed);
        ebjr_sorter *calibrate = sort(&all, cut, all.n, &seed);
        int status = ebjr_pick(&expected, &calibration, &tuning, &request);
        assert_int_equal(ebjr_pick_sorted(&pick, calibrate, tune, &request), status);
        if (!status) {
            check_pick(&pick, &expected);
            feasible += pick.choice.feasible;
            tested += pick.choice.feasible && pick.certified & 1U << EBJR_MIN_ACCURACY;
            ebjr_pick_free(&pick);
            ebjr_pick_free(&expected);
        }
        ebjr_sorter_free(tune);
        ebjr_sorter_free(calibrate);
    }
    assert_true(feasible > CASES && tested > CASES / 10);
}

static void test_refusals(void **state)
{
    (void)state;
    ebjr_sorter *sorter;
    struct ebjr_pick pick;
    struct ebjr_pick_request request = {.certify = true, .delta = 0.1, .bound = EBJR_BETTING};
    assert_refused(ebjr_sorter_new(&sorter, 1000, 300, NULL), EBJR_EINVAL, "are enough");
    assert_refused(ebjr_sorter_new(&sorter, 1, 16, NULL), EBJR_EINVAL, "cannot be sorted");
    assert_done(ebjr_sorter_new(&sorter, 2, 1000, NULL));
    assert_refused(ebjr_sorter_begin(sorter), EBJR_EINVAL, "no samples");
    assert_done(ebjr_sorter_add(sorter, 1, 1, 0));
    assert_refused(ebjr_sorter_add(sorter, NAN, 1, 0), EBJR_EINVAL, "sample 1: its score is");
    assert_done(ebjr_sorter_add(sorter, 2, 1, 0));
    assert_refused(ebjr_sorter_add(sorter, 3, 1, 0), EBJR_EINVAL, "more than the 2");
    assert_refused(ebjr_pick_sorted(&pick, sorter, NULL, &request), EBJR_EINVAL, "clopper-pearson");
    ebjr_sorter_free(sorter);
    ebjr_sorter_free(NULL);
}

/* The memory that an error asks for is enough, and a little less is not. */
static void test_memory_that_is_enough(void **state)
{
    (void)state;
    for (size_t n = 1; n < 3000000; n = 3 * n + 1) {
        ebjr_sorter *sorter;
        double enough = 0;
        assert_status(ebjr_sorter_new(&sorter, n, n > 100 ? 400 : 0, NULL), EBJR_EINVAL);
        const char *told = strstr(ebjr_error_last(), "memory; ");
        assert_non_null(told);
        assert_int_equal(sscanf(told, "memory; %lf", &enough), 1);
        assert_done(ebjr_sorter_new(&sorter, n, (size_t)enough, NULL));
        ebjr_sorter_free(sorter);
    }
}

static void test_spill(void **state)
{
    (void)state;
    ebjr_spill *spill;
    char read[5];
    assert_refused(ebjr_spill_new(&spill, scratch_path("none")), EBJR_EIO, "TMPDIR");
    assert_done(ebjr_spill_new(&spill, scratch));
    assert_done(ebjr_spill_append(spill, "12345", 5));
    assert_done(ebjr_spill_append(spill, "678", 3));
    assert_done(ebjr_spill_read(read, spill, 3, 5));
    assert_memory_equal(read, "45678", 5);
    assert_refused(ebjr_spill_read(read, spill, 4, 5), EBJR_EIO, "too early");
    ebjr_spill_free(spill);
    assert_int_equal(rmdir(scratch), 0); /* it left nothing */
    assert_int_equal(make_scratch(NULL), 0);
}

/* A limit on the size of files is a disk that is full after so many bytes. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit before, little = {4096, 0};
    ebjr_sorter *sorter;
    int status = 0;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    assert_done(ebjr_sorter_new(&sorter, 100000, 60000, NULL));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    for (int i = 0; !status && i < 100000; i++)
        status = ebjr_sorter_add(sorter, i, 1, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_status(status, EBJR_EIO);
    assert_non_null(strstr(ebjr_error_last(), "cannot grow beyond 4096 bytes"));
    ebjr_sorter_free(sorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_curve),
        cmocka_unit_test(test_same_area),
        cmocka_unit_test(test_same_pick),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_that_is_enough),
        cmocka_unit_test(test_spill),
        cmocka_unit_test(test_full_disk),
    };
    signal(SIGXFSZ, SIG_IGN); /* the write fails instead */
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
