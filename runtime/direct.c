#include "runtime/direct.h"

#include "base/error.h"
#include "runtime/direct_plan.h"
#include "runtime/workers.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct ebjr_direct {
    struct ebjr_direct_plan plan;
    const struct ebjr_kernels *kernels;
    ebjr_workers *workers;
    size_t threads;
    size_t together; /* samples that go through the steps at a time */
    size_t memory;
    float **blocks; /* a thread each: `together` samples' */
    void **allocations;
};

/* A call in progress. Whoever is free takes the next samples. */
struct call {
    const ebjr_direct *direct;
    float *logits;
    const float *inputs;
    size_t count, share;
    atomic_size_t next;
};

/*
 * Samples go through the steps together so that a step's weights are fetched once for all of them,
 * as long as there is more to weights than to what samples leave in the cache: measured, one sample
 * at a time is the fastest where the two are alike.
 */
static size_t choose_together(const struct ebjr_direct_plan *plan, size_t share)
{
    enum { MOST = 6 };
    size_t together = plan->weight_bytes / (2 * plan->floats * sizeof(float));
    if (together > MOST)
        together = MOST;
    if (together > share)
        together = share;
    return together > 0 ? together : 1;
}

/* Blocks stand on whole cache lines. Zeros, so that no garbage that a kernel reads in passing is a
 * slow number. */
static int allocate(ebjr_direct *direct)
{
    enum { LINE = 64 };
    size_t bytes;
    direct->blocks = calloc(direct->threads, sizeof *direct->blocks);
    direct->allocations = calloc(direct->threads, sizeof *direct->allocations);
    if (!direct->blocks || !direct->allocations ||
        __builtin_mul_overflow(direct->plan.floats, direct->together * sizeof(float), &bytes) ||
        bytes > PTRDIFF_MAX - LINE)
        return ebjr_error_memory();
    for (size_t i = 0; i < direct->threads; i++) {
        direct->allocations[i] = calloc(1, bytes + LINE);
        if (!direct->allocations[i])
            return ebjr_error_memory();
        size_t past = (uintptr_t)direct->allocations[i] % LINE;
        char *start = direct->allocations[i];
        direct->blocks[i] = (void *)(start + (LINE - past) % LINE);
    }
    direct->memory = direct->plan.weight_bytes + direct->threads * bytes;
    return 0;
}

int ebjr_direct_compile_for(ebjr_direct **out, const struct ebjr_graph *graph, size_t batch,
                            size_t threads, const struct ebjr_kernels *kernels)
{
    enum { MOST_THREADS = 4096 };
    if (batch == 0 || threads == 0 || threads > MOST_THREADS)
        return ebjr_error_set(EBJR_EINVAL,
                              "a batch of %zu and %zu threads: at least 1 of each, and at most %d "
                              "threads",
                              batch, threads, MOST_THREADS);
    int status = ebjr_graph_check(graph);
    if (status)
        return status;
    ebjr_direct *direct = calloc(1, sizeof *direct);
    if (!direct)
        return ebjr_error_memory();
    direct->kernels = kernels;
    direct->threads = threads;
    status = ebjr_direct_plan_make(&direct->plan, graph);
    if (!status) {
        direct->together = choose_together(&direct->plan, (batch - 1) / threads + 1);
        status = allocate(direct);
    }
    if (!status)
        status = ebjr_workers_start(&direct->workers, threads);
    if (status) {
        ebjr_direct_free(direct);
        return status;
    }
    *out = direct;
    return 0;
}

int ebjr_direct_compile(ebjr_direct **out, const struct ebjr_graph *graph, size_t batch,
                        size_t threads)
{
    return ebjr_direct_compile_for(out, graph, batch, threads, ebjr_kernels_find(0));
}

void ebjr_direct_free(ebjr_direct *direct)
{
    if (!direct)
        return;
    ebjr_workers_stop(direct->workers);
    for (size_t i = 0; direct->allocations && i < direct->threads; i++)
        free(direct->allocations[i]);
    free(direct->allocations);
    free(direct->blocks);
    ebjr_direct_plan_clear(&direct->plan);
    free(direct);
}

static void forward(const ebjr_direct *direct, float *block, float *logits, const float *inputs,
                    size_t count)
{
    const struct ebjr_direct_plan *plan = &direct->plan;
    size_t pixels = plan->input_channels * plan->input.height * plan->input.width;
    for (size_t s = 0; s < count; s++)
        ebjr_layout_fill(&plan->input, plan->input_channels,
                         block + s * plan->floats + plan->input_place, inputs + s * pixels);
    for (size_t i = 0; i < plan->step_count; i++)
        ebjr_step_run(&plan->steps[i], direct->kernels, block, plan->floats, count);
    for (size_t s = 0; s < count; s++)
        for (size_t c = 0; c < plan->classes; c++)
            logits[s * plan->classes + c] =
                block[s * plan->floats + plan->output_place + c * plan->output_plane];
}

static void take_part(void *context, size_t worker)
{
    struct call *call = context;
    const ebjr_direct *direct = call->direct;
    const struct ebjr_direct_plan *plan = &direct->plan;
    size_t pixels = plan->input_channels * plan->input.height * plan->input.width;
    for (;;) {
        size_t first = atomic_fetch_add(&call->next, call->share);
        if (first >= call->count)
            return;
        size_t left = call->count - first;
        forward(direct, direct->blocks[worker], call->logits + first * plan->classes,
                call->inputs + first * pixels, left < call->share ? left : call->share);
    }
}

int ebjr_direct_forward(ebjr_direct *direct, float *logits, const float *inputs, size_t count)
{
    if (count == 0)
        return 0;
    size_t even = (count - 1) / direct->threads + 1;
    struct call call = {
        .direct = direct,
        .logits = logits,
        .inputs = inputs,
        .count = count,
        .share = even < direct->together ? even : direct->together,
    };
    size_t parts = (count - 1) / call.share + 1;
    ebjr_workers_run(direct->workers, parts < direct->threads ? parts : direct->threads, take_part,
                     &call);
    return 0;
}

size_t ebjr_direct_memory(const ebjr_direct *direct)
{
    return direct->memory;
}

void ebjr_direct_version(char *out, size_t size)
{
    snprintf(out, size, "direct, %s", ebjr_kernels_find(0)->name);
}
