/* Graphs and their direct execution against the layers' formulas, computed in double one output at
 * a time. */
#include "networks.h"

#include "runtime/direct.h"
#include "runtime/direct_plan.h"
#include "runtime/workers.h"

static void set_random_clamp(struct ebjr_layer *layer, uint64_t *seed)
{
    static const float lows[] = {-INFINITY, 0, 0, -0.5f, -INFINITY, 0.1f};
    static const float highs[] = {INFINITY, INFINITY, 6, 0.5f, 0.4f, 0.9f};
    size_t which = random_below(seed, COUNT(lows));
    layer->low = lows[which];
    layer->high = highs[which];
}

static size_t below(uint64_t *seed, size_t bound)
{
    return random_below(seed, bound);
}

/* One that fits its input; a pool's padding is at most half the window. */
static struct ebjr_window random_window(const struct ebjr_shape *in, bool is_pool, uint64_t *seed)
{
    size_t sides[2] = {in->height, in->width};
    struct ebjr_window window;
    for (int side = 0; side < 2; side++) {
        size_t kernel, dilation, padding;
        do {
            kernel = 1 + below(seed, below(seed, 8) ? 4 : 8);
            dilation = 1 + (below(seed, 4) == 0 ? below(seed, 3) : 0);
            padding = below(seed, is_pool ? ((kernel - 1) * dilation + 1) / 2 + 1 : 5);
        } while (sides[side] + 2 * padding < (kernel - 1) * dilation + 1);
        window.kernel[side] = kernel;
        window.dilation[side] = dilation;
        window.padding[side] = padding;
        window.stride[side] = 1 + (below(seed, 3) == 0 ? below(seed, 3) : 0);
    }
    if (below(seed, 3) == 0 && !is_pool) /* the usual kind */
        for (int side = 0; side < 2; side++) {
            window.kernel[side] = 2 * below(seed, 3) + 1;
            window.padding[side] = window.kernel[side] / 2;
            window.dilation[side] = window.stride[side] = 1;
        }
    return window;
}

static void append_random_convolution(struct ebjr_graph *graph, size_t from, uint64_t *seed)
{
    const struct ebjr_shape *in = &graph->layers[from].shape;
    size_t groups = 1, channels = 1 + below(seed, 15);
    if (below(seed, 3) == 0) {
        groups = below(seed, 2) ? in->channels : 1 + below(seed, 4);
        while (in->channels % groups != 0)
            groups--;
        channels = groups * (1 + below(seed, 3));
    }
    struct ebjr_window window = random_window(in, false, seed);
    struct ebjr_layer layer = new_convolution(graph, from, channels, groups, &window, seed);
    if (below(seed, 2))
        set_random_clamp(&layer, seed);
    append(graph, layer);
}

/* Two layers of the same height and width, and of as many channels where `same`; SIZE_MAX: none. */
static size_t find_partner(const struct ebjr_graph *graph, size_t from, bool same, uint64_t *seed)
{
    const struct ebjr_shape *shape = &graph->layers[from].shape;
    for (size_t tries = 0; tries < 20; tries++) {
        size_t other = below(seed, graph->count);
        const struct ebjr_shape *candidate = &graph->layers[other].shape;
        if (candidate->height == shape->height && candidate->width == shape->width &&
            (!same || candidate->channels == shape->channels) && candidate->channels < 60)
            return other;
    }
    return SIZE_MAX;
}

static void append_random_layer(struct ebjr_graph *graph, uint64_t *seed)
{
    size_t from = below(seed, 3) ? graph->count - 1 : below(seed, graph->count);
    const struct ebjr_shape *in = &graph->layers[from].shape;
    struct ebjr_layer layer;
    size_t other;
    switch (below(seed, 10)) {
    case 0:
        layer = new_scale(graph, from, seed);
        set_random_clamp(&layer, seed);
        break;
    case 1:
        layer = new_layer(EBJR_LAYER_CLAMP, from, SIZE_MAX);
        set_random_clamp(&layer, seed);
        break;
    case 2:
        other = find_partner(graph, from, true, seed);
        if (other == SIZE_MAX)
            return;
        layer = new_layer(EBJR_LAYER_ADD, from, other);
        set_random_clamp(&layer, seed);
        break;
    case 3:
    case 4:
        other = find_partner(graph, from, false, seed);
        if (other == SIZE_MAX || in->channels > 60)
            return;
        layer = new_layer(EBJR_LAYER_CONCATENATE, from, other);
        break;
    case 5:
        layer = new_layer(below(seed, 2) ? EBJR_LAYER_MAX_POOL : EBJR_LAYER_AVERAGE_POOL, from,
                          SIZE_MAX);
        layer.window = random_window(in, true, seed);
        layer.window.dilation[0] = layer.window.dilation[1] = 1;
        for (int side = 0; side < 2; side++)
            if (layer.window.padding[side] > layer.window.kernel[side] / 2)
                layer.window.padding[side] = layer.window.kernel[side] / 2;
        layer.counts_padding = below(seed, 2);
        break;
    default: append_random_convolution(graph, from, seed); return;
    }
    assert_true(ebjr_graph_append(graph, &layer) == 0 || layer.inputs == NULL);
}

static void append_head(struct ebjr_graph *graph, uint64_t *seed)
{
    size_t last = graph->count - 1;
    const struct ebjr_shape *in = &graph->layers[last].shape;
    size_t classes = 2 + below(seed, 70);
    if (below(seed, 4) == 0) { /* a convolution as wide as its input */
        struct ebjr_window window = {{in->height, in->width}, {1, 1}, {0, 0}, {1, 1}};
        append(graph, new_convolution(graph, last, classes, 1, &window, seed));
        return;
    }
    if (below(seed, 2)) {
        struct ebjr_layer pool = new_layer(EBJR_LAYER_AVERAGE_POOL, last, SIZE_MAX);
        pool.window.kernel[0] = in->height;
        pool.window.kernel[1] = in->width;
        last = append(graph, pool);
    }
    if (below(seed, 2))
        last = append(graph, new_layer(EBJR_LAYER_FLATTEN, last, SIZE_MAX));
    struct ebjr_layer hidden = new_linear(graph, last, 1 + below(seed, 100), seed);
    hidden.low = 0;
    last = append(graph, hidden);
    append(graph, new_linear(graph, last, classes, seed));
}

static void make_random(struct ebjr_graph *graph, uint64_t *seed)
{
    static const size_t sides[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 32};
    size_t height = sides[below(seed, COUNT(sides))];
    size_t width = below(seed, 2) ? height : sides[below(seed, COUNT(sides))];
    start_graph(graph, 1 + below(seed, 4), height, width);
    for (size_t layers = 1 + below(seed, 12); layers > 0; layers--)
        append_random_layer(graph, seed);
    append_head(graph, seed);
}

static double largest(const double *values, size_t count)
{
    double most = 1;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) /* the largest of a window that is all padding is not */
            most = fmax(most, fabs(values[i]));
    return most;
}

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

static void test_simplify_keeps_the_function(void **state)
{
    (void)state;
    size_t before = 0, after = 0;
    for (uint64_t number = 0; number < 300; number++) {
        uint64_t seed = number * 6700417 + 11;
        struct ebjr_graph graph = {0};
        make_random(&graph, &seed);
        float *input = random_floats(&seed, size_of(&graph.layers[0].shape), 1, 0);
        double *expected = compute_graph(&graph, input);
        before += graph.count;
        assert_done(ebjr_graph_simplify(&graph));
        assert_done(ebjr_graph_check(&graph));
        after += graph.count;
        double *found = compute_graph(&graph, input);
        size_t classes = graph.layers[graph.count - 1].shape.channels;
        for (size_t i = 0; i < classes; i++)
            assert_true(fabs(found[i] - expected[i]) <= 1e-5 * largest(expected, classes));
        free(input);
        free(expected);
        free(found);
        ebjr_graph_clear(&graph);
    }
    assert_true(after < before);
}

/* convolution-scale-clamp, a dense layer's concatenations, an identity, something nobody reads. */
static void test_simplify_removes(void **state)
{
    (void)state;
    uint64_t seed = 17;
    struct ebjr_graph graph = {0};
    struct ebjr_window one = {{1, 1}, {1, 1}, {0, 0}, {1, 1}};
    start_graph(&graph, 3, 4, 4);
    size_t at = append(&graph, new_convolution(&graph, 0, 5, 1, &one, &seed));
    at = append(&graph, new_scale(&graph, at, &seed));
    struct ebjr_layer relu = new_layer(EBJR_LAYER_CLAMP, at, SIZE_MAX);
    relu.low = 0;
    at = append(&graph, relu);
    append(&graph, new_convolution(&graph, at, 7, 1, &one, &seed)); /* not read */
    size_t first = append(&graph, new_layer(EBJR_LAYER_CONCATENATE, 0, at));
    size_t second = append(&graph, new_layer(EBJR_LAYER_CONCATENATE, first, at));
    at = append(&graph, new_layer(EBJR_LAYER_CLAMP, second, SIZE_MAX)); /* of nothing */
    append(&graph, new_linear(&graph, at, 2, &seed));
    assert_done(ebjr_graph_simplify(&graph));
    assert_int_equal(graph.count, 4); /* input, convolution, concatenation, linear */
    assert_int_equal(graph.layers[1].kind, EBJR_LAYER_CONVOLUTION);
    assert_true(graph.layers[1].low == 0 && graph.layers[1].high == INFINITY);
    assert_int_equal(graph.layers[2].input_count, 3);
    assert_int_equal(graph.layers[2].inputs[0], 0);
    assert_int_equal(graph.layers[2].inputs[1], 1);
    assert_int_equal(graph.layers[2].inputs[2], 1);
    assert_int_equal(graph.layers[3].inputs[0], 2);
    ebjr_graph_clear(&graph);
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

static void assert_append_refused(struct ebjr_graph *graph, struct ebjr_layer layer,
                                  const char *words)
{
    size_t count = graph->count;
    assert_refused(ebjr_graph_append(graph, &layer), EBJR_EINVAL, words);
    assert_int_equal(graph->count, count);
    assert_null(layer.inputs);
    assert_null(layer.weight);
}

static struct ebjr_layer bare_convolution(size_t channels, size_t kernel, size_t padding)
{
    struct ebjr_layer layer = new_layer(EBJR_LAYER_CONVOLUTION, 0, SIZE_MAX);
    layer.shape.channels = channels;
    layer.window = (struct ebjr_window){{kernel, kernel}, {1, 1}, {padding, padding}, {1, 1}};
    layer.weight = calloc(1, sizeof(float));
    layer.bias = calloc(1, sizeof(float));
    return layer;
}

static void test_append_refuses(void **state)
{
    (void)state;
    struct ebjr_graph graph = {0};
    assert_append_refused(&graph, new_layer(EBJR_LAYER_CLAMP, 0, SIZE_MAX), "the input");
    start_graph(&graph, 4, 8, 8);
    assert_append_refused(&graph, new_layer(EBJR_LAYER_INPUT, 0, 0), "the input");
    assert_append_refused(&graph, new_layer(EBJR_LAYER_CLAMP, 1, SIZE_MAX), "not before it");
    assert_append_refused(&graph, new_layer(EBJR_LAYER_ADD, 0, SIZE_MAX), "number of inputs");
    assert_append_refused(&graph, new_layer((enum ebjr_layer_kind)77, 0, SIZE_MAX), "no such kind");
    assert_append_refused(&graph, new_layer(EBJR_LAYER_SCALE, 0, SIZE_MAX), "missing");
    struct ebjr_layer layer = new_layer(EBJR_LAYER_CLAMP, 0, SIZE_MAX);
    layer.low = 2;
    layer.high = 1;
    assert_append_refused(&graph, layer, "clamp");
    assert_append_refused(&graph, bare_convolution(4, 9, 0), "window does not fit");
    assert_append_refused(&graph, bare_convolution(4, 0, 0), "window does not fit");
    assert_append_refused(&graph, bare_convolution(4, SIZE_MAX, 1), "window does not fit");
    assert_append_refused(&graph, bare_convolution(4, 1, SIZE_MAX / 2), "window does not fit");
    assert_append_refused(&graph, bare_convolution(SIZE_MAX / 2, 3, 1), "more than memory");
    assert_append_refused(&graph, bare_convolution(0, 3, 1), "empty");
    layer = bare_convolution(4, 3, 1);
    layer.window.stride[1] = 0;
    assert_append_refused(&graph, layer, "window does not fit");
    layer = bare_convolution(4, 3, 1);
    layer.window.dilation[0] = SIZE_MAX / 2 + 1;
    assert_append_refused(&graph, layer, "window does not fit");
    layer = bare_convolution(4, 3, 1);
    layer.groups = 3;
    assert_append_refused(&graph, layer, "groups");
    layer = bare_convolution(4, 3, 1);
    layer.groups = 0;
    assert_append_refused(&graph, layer, "groups");
    layer = new_layer(EBJR_LAYER_MAX_POOL, 0, SIZE_MAX);
    layer.window.padding[0] = 1;
    assert_append_refused(&graph, layer, "window does not fit");
    append(&graph, new_layer(EBJR_LAYER_FLATTEN, 0, SIZE_MAX));
    assert_append_refused(&graph, new_layer(EBJR_LAYER_ADD, 0, 1), "differ in shape");
    assert_append_refused(&graph, new_layer(EBJR_LAYER_CONCATENATE, 0, 1), "differ in height");
    ebjr_graph_clear(&graph);
    layer = new_layer(EBJR_LAYER_INPUT, 0, 0);
    layer.shape = (struct ebjr_shape){SIZE_MAX / 2, SIZE_MAX / 2, 4};
    assert_append_refused(&graph, layer, "more than memory");
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
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_simplify_keeps_the_function),
        cmocka_unit_test(test_simplify_removes),
        cmocka_unit_test(test_dense_blocks_copy_nothing),
        cmocka_unit_test(test_logits_do_not_depend_on_company),
        cmocka_unit_test(test_append_refuses),
        cmocka_unit_test(test_compile_refuses),
        cmocka_unit_test(test_compile_of_too_much),
        cmocka_unit_test(test_not_a_number_stays),
        cmocka_unit_test(test_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
