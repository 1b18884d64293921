/* Graphs and their direct execution against the layers' formulas, computed in double one output at
 * a time. */
#include "random_network.h"

#include "runtime/direct.h"
#include "runtime/direct_plan.h"
#include "runtime/workers.h"

static void assert_near(const float *found, const double *expected, size_t count, double tolerance)
{
    double limit = tolerance * largest(expected, count);
    for (size_t i = 0; i < count; i++)
        if (found[i] != expected[i] && !(fabs(found[i] - expected[i]) <= limit)) {
            print_error("output %zu of %zu: %.9g instead of %.9g\n", i, count, found[i],
                        expected[i]);
            fail();
        }
}

/* Rounding of some tens of layers, in float. */
static const double rounding = 3e-5;

static double *compute_batch(const struct ebjr_graph *graph, const float *inputs, size_t batch)
{
    size_t pixels = size_of(&graph->layers[0].shape);
    size_t classes = graph->layers[graph->count - 1].shape.channels;
    double *out = calloc(batch * classes, sizeof *out);
    assert_non_null(out);
    for (size_t s = 0; s < batch; s++) {
        double *logits = compute_graph(graph, inputs + s * pixels);
        memcpy(out + s * classes, logits, classes * sizeof *out);
        free(logits);
    }
    return out;
}

/* With every set of instructions that this CPU has. */
static void check_graph(const struct ebjr_graph *graph, size_t batch, size_t threads,
                        uint64_t *seed)
{
    size_t classes = graph->layers[graph->count - 1].shape.channels;
    float *inputs = random_floats(seed, batch * size_of(&graph->layers[0].shape), 1, 0);
    float *logits = calloc(batch * classes, sizeof *logits);
    double *expected = compute_batch(graph, inputs, batch);
    const struct ebjr_kernels *kernels;
    for (size_t rank = 0; (kernels = ebjr_kernels_find(rank)); rank++) {
        ebjr_direct *direct;
        assert_done(ebjr_direct_compile_for(&direct, graph, batch, threads, kernels));
        for (int turn = 0; turn < 2; turn++) { /* nothing of the turn before is in the way */
            memset(logits, 0xff, batch * classes * sizeof *logits);
            assert_done(ebjr_direct_forward(direct, logits, inputs, batch));
            for (size_t s = 0; s < batch; s++)
                assert_near(logits + s * classes, expected + s * classes, classes, rounding);
        }
        ebjr_direct_free(direct);
    }
    free(inputs);
    free(logits);
    free(expected);
}

static void test_random_graphs(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 400; number++) {
        uint64_t seed = number * 7919 + 1;
        struct ebjr_graph graph = {0};
        make_random(&graph, &seed);
        size_t batch = number % 8 ? 1 + below(&seed, 3) : 1 + below(&seed, 17);
        size_t threads = 1 + below(&seed, 3);
        if (number % 2)
            assert_done(ebjr_graph_simplify(&graph));
        check_graph(&graph, batch, threads, &seed);
        ebjr_graph_clear(&graph);
    }
}

/* Every pixel of one layer's output, as the features of a flatten. */
static void check_layer(struct ebjr_graph *graph, uint64_t *seed)
{
    append(graph, new_layer(EBJR_LAYER_FLATTEN, graph->count - 1, SIZE_MAX));
    check_graph(graph, 1 + below(seed, 2), 1, seed);
    ebjr_graph_clear(graph);
}

static void test_convolutions(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 300; number++) {
        uint64_t seed = number * 104729 + 5;
        struct ebjr_graph graph = {0};
        start_graph(&graph, 1 + below(&seed, 9), 1 + below(&seed, 20), 1 + below(&seed, 40));
        append_random_convolution(&graph, 0, &seed);
        check_layer(&graph, &seed);
    }
}

/* Wide enough for Winograd's filtering to pay; heights that its 4 rows do not divide, and sums. */
static void test_winograd(void **state)
{
    (void)state;
    size_t used = 0;
    for (uint64_t number = 0; number < 60; number++) {
        uint64_t seed = number * 2147483647 + 9;
        size_t groups = 1 + below(&seed, 2), wide = 2 * below(&seed, 3) + 1;
        size_t channels = groups * (12 + below(&seed, 20));
        struct ebjr_window window = {{3, wide}, {1, 1}, {1, wide / 2}, {1, 1}};
        struct ebjr_graph graph = {0};
        start_graph(&graph, groups * (12 + below(&seed, 20)), 5 + below(&seed, 16),
                    3 + below(&seed, 34));
        append_random_convolution(&graph, 0, &seed); /* leaves something where zeros belong */
        size_t first = append(&graph, new_convolution(&graph, 0, channels, groups, &window, &seed));
        size_t second =
            append(&graph, new_convolution(&graph, first, channels, groups, &window, &seed));
        struct ebjr_layer sum = new_layer(EBJR_LAYER_ADD, first, second);
        sum.low = 0;
        append(&graph, sum);
        append(&graph, new_layer(EBJR_LAYER_FLATTEN, graph.count - 1, SIZE_MAX));
        struct ebjr_direct_plan plan;
        assert_done(ebjr_direct_plan_make(&plan, &graph));
        for (size_t i = 0; i < plan.step_count; i++)
            used += plan.steps[i].is_winograd;
        ebjr_direct_plan_clear(&plan);
        check_graph(&graph, 1, 1, &seed);
        ebjr_graph_clear(&graph);
    }
    assert_true(used > 60); /* of 120 */
}

static void test_pools(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 300; number++) {
        uint64_t seed = number * 15485863 + 3;
        struct ebjr_graph graph = {0};
        start_graph(&graph, 1 + below(&seed, 3), 1 + below(&seed, 20), 1 + below(&seed, 40));
        struct ebjr_layer pool =
            new_layer(number % 2 ? EBJR_LAYER_MAX_POOL : EBJR_LAYER_AVERAGE_POOL, 0, SIZE_MAX);
        const struct ebjr_shape *in = &graph.layers[0].shape;
        if (number % 5 == 0 && in->height > 1 && in->width > 1)
            pool.window = (struct ebjr_window){{2, 2}, {2, 2}, {0, 0}, {1, 1}};
        else
            pool.window = random_window(in, true, &seed);
        pool.counts_padding = below(&seed, 2);
        if (pool.kind == EBJR_LAYER_AVERAGE_POOL && !pool.counts_padding) /* no window of padding */
            pool.window.dilation[0] = pool.window.dilation[1] = 1;
        if (ebjr_graph_append(&graph, &pool) == 0)
            check_layer(&graph, &seed);
        ebjr_graph_clear(&graph);
    }
}

/* Blocks of bottleneck layers as DenseNet-BC has them. */
static void make_dense(struct ebjr_graph *graph, size_t growth, size_t layers, uint64_t *seed)
{
    struct ebjr_window one = {{1, 1}, {1, 1}, {0, 0}, {1, 1}};
    struct ebjr_window three = {{3, 3}, {1, 1}, {1, 1}, {1, 1}};
    start_graph(graph, 3, 16, 16);
    size_t at = append(graph, new_convolution(graph, 0, 2 * growth, 1, &three, seed));
    for (size_t i = 0; i < layers; i++) {
        struct ebjr_layer norm = new_scale(graph, at, seed);
        norm.low = 0;
        size_t new = append(graph, norm);
        new = append(graph, new_convolution(graph, new, 4 * growth, 1, &one, seed));
        norm = new_scale(graph, new, seed);
        norm.low = 0;
        new = append(graph, norm);
        new = append(graph, new_convolution(graph, new, growth, 1, &three, seed));
        at = append(graph, new_layer(EBJR_LAYER_CONCATENATE, at, new));
    }
    struct ebjr_layer pool = new_layer(EBJR_LAYER_AVERAGE_POOL, at, SIZE_MAX);
    pool.window.kernel[0] = pool.window.kernel[1] = 16;
    at = append(graph, pool);
    append(graph, new_linear(graph, at, 10, seed));
}

/* A convolution for each of a layer's two, and nothing else: no copies, no scales. */
static void test_dense_blocks_copy_nothing(void **state)
{
    (void)state;
    enum { LAYERS = 5 };
    for (size_t growth = 1; growth < 9; growth++) {
        uint64_t seed = growth;
        struct ebjr_graph graph = {0};
        make_dense(&graph, growth, LAYERS, &seed);
        assert_done(ebjr_graph_simplify(&graph));
        struct ebjr_direct_plan plan;
        assert_done(ebjr_direct_plan_make(&plan, &graph));
        assert_int_equal(plan.step_count, 1 + 2 * LAYERS + 2);
        ebjr_direct_plan_clear(&plan);
        check_graph(&graph, 2, 1, &seed);
        ebjr_graph_clear(&graph);
    }
}

/* The same bits for a sample whatever the batch, its place there, the threads, and the call. */
static void test_logits_do_not_depend_on_company(void **state)
{
    (void)state;
    enum { SAMPLES = 23, CLASSES = 10, PIXELS = 3 * 16 * 16 };
    uint64_t seed = 99;
    struct ebjr_graph graph = {0};
    make_dense(&graph, 6, 4, &seed);
    assert_done(ebjr_graph_simplify(&graph));
    float *inputs = random_floats(&seed, SAMPLES * PIXELS, 1, 0);
    float alone[SAMPLES * CLASSES], logits[SAMPLES * CLASSES];
    ebjr_direct *single;
    assert_done(ebjr_direct_compile(&single, &graph, 1, 1));
    for (size_t s = 0; s < SAMPLES; s++)
        assert_done(ebjr_direct_forward(single, alone + s * CLASSES, inputs + s * PIXELS, 1));
    ebjr_direct_free(single);
    for (size_t threads = 1; threads <= 4; threads++)
        for (size_t batch = 1; batch <= SAMPLES; batch += 3) {
            ebjr_direct *direct;
            assert_done(ebjr_direct_compile(&direct, &graph, batch, threads));
            for (size_t count = 0; count <= SAMPLES; count += 1 + count / 3) {
                size_t first = SAMPLES - count;
                memset(logits, 0, sizeof logits);
                assert_done(ebjr_direct_forward(direct, logits, inputs + first * PIXELS, count));
                assert_memory_equal(logits, alone + first * CLASSES,
                                    count * CLASSES * sizeof *logits);
            }
            ebjr_direct_free(direct);
        }
    free(inputs);
    ebjr_graph_clear(&graph);
}

static void test_compile_refuses(void **state)
{
    (void)state;
    uint64_t seed = 1;
    ebjr_direct *direct = NULL;
    struct ebjr_graph graph = {0};
    assert_refused(ebjr_direct_compile(&direct, &graph, 1, 1), EBJR_EINVAL, "computes nothing");
    start_graph(&graph, 4, 8, 8);
    append(&graph, new_layer(EBJR_LAYER_CLAMP, 0, SIZE_MAX));
    assert_refused(ebjr_direct_compile(&direct, &graph, 1, 1), EBJR_EINVAL, "no vector");
    append(&graph, new_linear(&graph, 1, 3, &seed));
    assert_refused(ebjr_direct_compile(&direct, &graph, 0, 1), EBJR_EINVAL, "at least 1");
    assert_refused(ebjr_direct_compile(&direct, &graph, 1, 0), EBJR_EINVAL, "at least 1");
    assert_refused(ebjr_direct_compile(&direct, &graph, 1, SIZE_MAX), EBJR_EINVAL, "at most");
    graph.layers[1].shape.height = 9;
    assert_refused(ebjr_direct_compile(&direct, &graph, 1, 1), EBJR_EINVAL, "its shape");
    assert_null(direct);
    ebjr_graph_clear(&graph);
}

/* Values that could each be had, but not with the padding, the phases or the other values. */
static void test_compile_of_too_much(void **state)
{
    (void)state;
    static const struct ebjr_window windows[] = {
        {{1, 1}, {SIZE_MAX, SIZE_MAX}, {0, 0}, {1, 1}},
        {{2, 2}, {1, 1}, {1, 1}, {(size_t)1 << 40, (size_t)1 << 40}},
        {{1, 1}, {(size_t)1 << 40, (size_t)1 << 40}, {(size_t)1 << 45, (size_t)1 << 45}, {1, 1}},
        {{3, 3},
         {(size_t)1 << 33, (size_t)1 << 33},
         {(size_t)1 << 50, (size_t)1 << 50},
         {(size_t)1 << 49, (size_t)1 << 49}},
    };
    for (size_t i = 0; i < COUNT(windows); i++) {
        uint64_t seed = 1;
        ebjr_direct *direct = NULL;
        struct ebjr_graph graph = {0};
        start_graph(&graph, 1, 3, 3);
        struct ebjr_layer layer = new_convolution(&graph, 0, 1, 1, &windows[i], &seed);
        if (ebjr_graph_append(&graph, &layer) == 0) {
            append(&graph, new_layer(EBJR_LAYER_FLATTEN, 1, SIZE_MAX));
            assert_refused(ebjr_direct_compile(&direct, &graph, 1, 1), EBJR_ENOMEM, NULL);
        }
        assert_null(direct);
        ebjr_graph_clear(&graph);
    }
}

static void test_not_a_number_stays(void **state)
{
    (void)state;
    uint64_t seed = 4;
    struct ebjr_graph graph = {0};
    struct ebjr_window three = {{3, 3}, {1, 1}, {1, 1}, {1, 1}};
    start_graph(&graph, 1, 6, 6);
    struct ebjr_layer layer = new_convolution(&graph, 0, 4, 1, &three, &seed);
    layer.low = 0;
    layer.high = 6;
    size_t at = append(&graph, layer);
    layer = new_layer(EBJR_LAYER_MAX_POOL, at, SIZE_MAX);
    layer.window.kernel[0] = layer.window.kernel[1] = 6;
    at = append(&graph, layer);
    append(&graph, new_linear(&graph, at, 2, &seed));
    float input[36] = {0}, logits[2];
    input[14] = NAN;
    for (size_t rank = 0; ebjr_kernels_find(rank); rank++) {
        ebjr_direct *direct;
        assert_done(ebjr_direct_compile_for(&direct, &graph, 1, 1, ebjr_kernels_find(rank)));
        assert_done(ebjr_direct_forward(direct, logits, input, 1));
        assert_true(isnan(logits[0]) && isnan(logits[1]));
        input[14] = 0; /* and does not stay behind */
        assert_done(ebjr_direct_forward(direct, logits, input, 1));
        assert_true(isfinite(logits[0]) && isfinite(logits[1]));
        input[14] = NAN;
        ebjr_direct_free(direct);
    }
    ebjr_graph_clear(&graph);
}

enum { MOST_WORKERS = 5 };

static void count_visit(void *context, size_t worker)
{
    size_t *visits = context;
    visits[worker]++;
}

static void test_workers(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (size_t count = 1; count <= MOST_WORKERS; count++) {
        ebjr_workers *workers;
        size_t visits[MOST_WORKERS] = {0}, expected[MOST_WORKERS] = {0};
        assert_done(ebjr_workers_start(&workers, count));
        for (int turn = 0; turn < 300; turn++) {
            size_t needed = 1 + below(&seed, count);
            for (size_t i = 0; i < needed; i++)
                expected[i]++;
            ebjr_workers_run(workers, needed, count_visit, visits);
            assert_memory_equal(visits, expected, sizeof visits);
        }
        ebjr_workers_stop(workers);
    }
    ebjr_workers_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_dense_blocks_copy_nothing),
        cmocka_unit_test(test_logits_do_not_depend_on_company),
        cmocka_unit_test(test_compile_refuses),
        cmocka_unit_test(test_compile_of_too_much),
        cmocka_unit_test(test_not_a_number_stays),
        cmocka_unit_test(test_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
