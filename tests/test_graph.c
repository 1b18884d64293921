/* Graphs: what may be appended, and that a simpler one computes the same. */
#include "random_network.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_refuses),
        cmocka_unit_test(test_simplify_keeps_the_function),
        cmocka_unit_test(test_simplify_removes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
