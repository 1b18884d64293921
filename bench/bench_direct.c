/* Milliseconds a sample of direct execution, for networks of known shape with random weights:
 * bench_direct [THREADS [SECONDS]]. */
#include "base/error.h"
#include "base/monotonic.h"
#include "runtime/direct.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    return 1e-9 * (double)ebjr_monotonic_ns();
}

/* What this process worked: where others have the machine, the wall says less. */
static double worked(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float random_float(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (float)(state >> 8) / 8388608 - 1;
}

static float *random_floats(size_t count, float scale, float shift)
{
    float *out = malloc(count * sizeof *out);
    if (!out)
        abort();
    for (size_t i = 0; i < count; i++)
        out[i] = shift + scale * random_float();
    return out;
}

static size_t append(struct ebjr_graph *graph, struct ebjr_layer layer, size_t from, size_t other)
{
    size_t given[2] = {from, other};
    layer.input_count = other == SIZE_MAX ? graph->count > 0 : 2;
    layer.inputs = malloc(sizeof given);
    if (!layer.inputs)
        abort();
    memcpy(layer.inputs, given, sizeof given);
    if (ebjr_graph_append(graph, &layer) != 0) {
        fprintf(stderr, "bench_direct: %s\n", ebjr_error_last());
        exit(1);
    }
    return graph->count - 1;
}

static size_t convolution(struct ebjr_graph *graph, size_t from, size_t channels, size_t kernel,
                          size_t stride, size_t groups, float low)
{
    size_t sums = graph->layers[from].shape.channels / groups * kernel * kernel;
    struct ebjr_layer layer = {
        .kind = EBJR_LAYER_CONVOLUTION,
        .shape = {channels, 0, 0},
        .window = {{kernel, kernel}, {stride, stride}, {kernel / 2, kernel / 2}, {1, 1}},
        .groups = groups,
        .weight = random_floats(channels * sums, 1.7f / sqrtf((float)sums), 0),
        .bias = random_floats(channels, 0.1f, 0),
        .low = low,
        .high = INFINITY,
    };
    return append(graph, layer, from, SIZE_MAX);
}

static size_t scale(struct ebjr_graph *graph, size_t from)
{
    size_t channels = graph->layers[from].shape.channels;
    struct ebjr_layer layer = {
        .kind = EBJR_LAYER_SCALE,
        .weight = random_floats(channels, 0.3f, 1),
        .bias = random_floats(channels, 0.1f, 0),
        .low = 0,
        .high = INFINITY,
    };
    return append(graph, layer, from, SIZE_MAX);
}

static size_t pool(struct ebjr_graph *graph, enum ebjr_layer_kind kind, size_t from, size_t kernel)
{
    struct ebjr_layer layer = {.kind = kind,
                               .window = {{kernel, kernel}, {kernel, kernel}, {0, 0}, {1, 1}}};
    return append(graph, layer, from, SIZE_MAX);
}

static size_t linear(struct ebjr_graph *graph, size_t from, size_t outputs, float low)
{
    const struct ebjr_shape *in = &graph->layers[from].shape;
    size_t inputs = in->channels * in->height * in->width;
    struct ebjr_layer layer = {
        .kind = EBJR_LAYER_LINEAR,
        .shape = {outputs, 1, 1},
        .weight = random_floats(outputs * inputs, 1.7f / sqrtf((float)inputs), 0),
        .bias = random_floats(outputs, 0.1f, 0),
        .low = low,
        .high = INFINITY,
    };
    return append(graph, layer, from, SIZE_MAX);
}

static size_t start(struct ebjr_graph *graph, size_t side)
{
    return append(graph, (struct ebjr_layer){.kind = EBJR_LAYER_INPUT, .shape = {3, side, side}}, 0,
                  SIZE_MAX);
}

static size_t dense_layer(struct ebjr_graph *graph, size_t at, size_t growth)
{
    size_t new = convolution(graph, scale(graph, at), 4 * growth, 1, 1, 1, -INFINITY);
    new = convolution(graph, scale(graph, new), growth, 3, 1, 1, -INFINITY);
    return append(graph, (struct ebjr_layer){.kind = EBJR_LAYER_CONCATENATE}, at, new);
}

static void densenet(struct ebjr_graph *graph, size_t depth, size_t growth)
{
    size_t at = convolution(graph, start(graph, 32), 2 * growth, 3, 1, 1, -INFINITY);
    for (int block = 0; block < 3; block++) {
        for (size_t layers = (depth - 4) / 6; layers > 0; layers--)
            at = dense_layer(graph, at, growth);
        if (block == 2)
            break;
        size_t half = graph->layers[at].shape.channels / 2;
        at = convolution(graph, scale(graph, at), half, 1, 1, 1, -INFINITY);
        at = pool(graph, EBJR_LAYER_AVERAGE_POOL, at, 2);
    }
    linear(graph, pool(graph, EBJR_LAYER_AVERAGE_POOL, scale(graph, at), 8), 10, -INFINITY);
}

static void student(struct ebjr_graph *graph)
{
    densenet(graph, 52, 6);
}

static void teacher(struct ebjr_graph *graph)
{
    densenet(graph, 64, 12);
}

static size_t residual(struct ebjr_graph *graph, size_t at, size_t channels, size_t stride)
{
    size_t shortcut = at;
    if (stride != 1 || graph->layers[at].shape.channels != channels)
        shortcut = convolution(graph, at, channels, 1, stride, 1, -INFINITY);
    size_t new = convolution(graph, at, channels, 3, stride, 1, 0);
    new = convolution(graph, new, channels, 3, 1, 1, -INFINITY);
    struct ebjr_layer sum = {.kind = EBJR_LAYER_ADD, .low = 0, .high = INFINITY};
    return append(graph, sum, new, shortcut);
}

/* Stages of `blocks` residual blocks, of twice the channels each. */
static void resnet(struct ebjr_graph *graph, size_t first, size_t stages, size_t blocks)
{
    size_t at = convolution(graph, start(graph, 32), first, 3, 1, 1, 0);
    for (size_t stage = 0; stage < stages; stage++)
        for (size_t block = 0; block < blocks; block++)
            at = residual(graph, at, first << stage, stage > 0 && block == 0 ? 2 : 1);
    at = pool(graph, EBJR_LAYER_AVERAGE_POOL, at, graph->layers[at].shape.height);
    linear(graph, at, 10, -INFINITY);
}

static void resnet20(struct ebjr_graph *graph)
{
    resnet(graph, 16, 3, 3);
}

static void resnet18(struct ebjr_graph *graph)
{
    resnet(graph, 64, 4, 2);
}

static void vgg11(struct ebjr_graph *graph)
{
    static const size_t channels[] = {64, 128, 256, 256, 512, 512, 512, 512};
    size_t at = start(graph, 32);
    for (size_t i = 0; i < 8; i++) {
        at = convolution(graph, at, channels[i], 3, 1, 1, 0);
        if (i < 2 || i % 2)
            at = pool(graph, EBJR_LAYER_MAX_POOL, at, 2);
    }
    linear(graph, linear(graph, at, 512, 0), 10, -INFINITY);
}

/* Inverted residuals at 32x32, in MobileNet-v2's proportions. */
static void mobile(struct ebjr_graph *graph)
{
    static const size_t channels[] = {16, 24, 24, 32, 32, 64, 64, 96, 160};
    size_t at = convolution(graph, start(graph, 32), 32, 3, 1, 1, 0);
    for (size_t i = 0; i < 9; i++) {
        size_t wide = 6 * graph->layers[at].shape.channels;
        bool strides = i == 3 || i == 5 || i == 8;
        size_t new = convolution(graph, at, wide, 1, 1, 1, 0);
        new = convolution(graph, new, wide, 3, strides ? 2 : 1, wide, 0);
        at = convolution(graph, new, channels[i], 1, 1, 1, -INFINITY);
    }
    at = pool(graph, EBJR_LAYER_AVERAGE_POOL, at, graph->layers[at].shape.height);
    linear(graph, at, 10, -INFINITY);
}

static void mlp(struct ebjr_graph *graph)
{
    size_t at = start(graph, 32);
    for (int i = 0; i < 3; i++)
        at = linear(graph, at, 1024, 0);
    linear(graph, at, 10, -INFINITY);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double multiplications(const struct ebjr_graph *graph)
{
    double sum = 0;
    for (size_t i = 1; i < graph->count; i++) {
        const struct ebjr_layer *layer = &graph->layers[i];
        const struct ebjr_shape *in = &graph->layers[layer->inputs[0]].shape, *out = &layer->shape;
        double outputs = (double)out->channels * (double)out->height * (double)out->width;
        size_t inputs = in->channels / layer->groups;
        if (layer->kind == EBJR_LAYER_CONVOLUTION)
            sum += outputs * (double)inputs *
                   (double)(layer->window.kernel[0] * layer->window.kernel[1]);
        else if (layer->kind == EBJR_LAYER_LINEAR)
            sum += outputs * (double)(in->channels * in->height * in->width);
    }
    return sum;
}

static void measure(const char *name, const struct ebjr_graph *graph, size_t batch, size_t threads,
                    double seconds)
{
    enum { MOST = 100000 };
    static double times[MOST];
    const struct ebjr_shape *shape = &graph->layers[0].shape;
    size_t pixels = shape->channels * shape->height * shape->width, count = 0;
    float *inputs = random_floats(batch * pixels, 1, 0);
    float *logits = random_floats(batch * graph->layers[graph->count - 1].shape.channels, 0, 0);
    ebjr_direct *direct;
    if (ebjr_direct_compile(&direct, graph, batch, threads) != 0) {
        fprintf(stderr, "bench_direct: %s\n", ebjr_error_last());
        exit(1);
    }
    double start = now(), work = worked();
    while (count < MOST && (count < 3 || now() - start < seconds)) {
        double begin = now();
        ebjr_direct_forward(direct, logits, inputs, batch);
        times[count++] = (now() - begin) * 1e3 / (double)batch;
    }
    work = (worked() - work) * 1e3 / (double)(batch * count);
    qsort(times, count, sizeof *times, compare);
    double rate = 2e-6 * multiplications(graph) / work;
    printf("%-10s %5zu %7zu %9.3f %9.3f %9.3f %9.1f %8.1f\n", name, batch, threads, times[0],
           times[count / 2], work, rate, (double)ebjr_direct_memory(direct) / 1048576);
    fflush(stdout);
    ebjr_direct_free(direct);
    free(inputs);
    free(logits);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(struct ebjr_graph *graph);
    } networks[] = {
        {"student", student}, {"teacher", teacher}, {"resnet20", resnet20}, {"resnet18", resnet18},
        {"vgg11", vgg11},     {"mobile", mobile},   {"mlp", mlp},
    };
    size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
    char version[64];
    ebjr_direct_version(version, sizeof version);
    printf("%s\n%-10s %5s %7s %9s %9s %9s %9s %8s\n", version, "network", "batch", "threads",
           "least ms", "median ms", "cpu ms", "GFLOP/s", "MiB");
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        struct ebjr_graph graph = {0};
        networks[i].make(&graph);
        if (ebjr_graph_simplify(&graph) != 0)
            return 1;
        for (size_t batch = 1; batch <= 64; batch *= 64)
            measure(networks[i].name, &graph, batch, threads, seconds);
        ebjr_graph_clear(&graph);
    }
    return 0;
}
