#include "runtime/tune.h"

#include "base/answer.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "base/parallel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIALS = 64,
    ROUNDS = 7,
    WARM_UP_CALLS = 2, /* in which libtorch profiles and rewrites a graph */
    USUAL_BATCH = 32,
    LARGEST_BATCH = 128,
    FINALISTS = 2 /* plans tried with other batches */
};

static const double slice_ns = 1e7; /* of one plan in one round */
static const double step_ns = 2e9;  /* what one step may take by a slow model */
static const double hopeless = 2.5; /* times the fastest: not looked at again */
static const size_t other_batches[] = {8, LARGEST_BATCH};

struct search {
    ebjr_model *model;
    const struct ebjr_tune_request *request;
    size_t classes, size;      /* of one output, one input */
    size_t samples, largest;   /* compared; the largest batch */
    float *inputs;             /* [largest] */
    float *reference, *logits; /* [max(samples, largest)][classes] */
    double scale;              /* the largest |reference| */
    struct ebjr_candidate *trials;
    double times[TRIALS][ROUNDS];
    size_t count;
};

static double now(void)
{
    return (double)ebjr_monotonic_ns();
}

/* All `samples`, in batches of the plan. */
static int answer(struct search *search, float *logits)
{
    size_t batch = ebjr_model_plan(search->model)->batch;
    int status = 0;
    for (size_t i = 0; !status && i < search->samples; i += batch) {
        size_t left = search->samples - i;
        status = ebjr_model_forward(search->model, logits + i * search->classes,
                                    search->request->inputs + i * search->size,
                                    left < batch ? left : batch);
    }
    return status;
}

/* A slow model is compared on fewer samples, in smaller batches. */
static int measure_scale(struct search *search)
{
    const struct ebjr_tune_request *request = search->request;
    struct ebjr_plan plan = {EBJR_PLAN_AS_LOADED, EBJR_DTYPE_FLOAT32, 1, request->threads};
    float *logits = malloc(search->classes * sizeof *logits);
    if (!logits)
        return ebjr_error_memory();
    double took = 0;
    int status = ebjr_model_prepare(search->model, &plan);
    for (int i = 0; !status && i < WARM_UP_CALLS; i++) {
        double start = now();
        status = ebjr_model_forward(search->model, logits, request->inputs, 1);
        took = now() - start;
    }
    free(logits);
    double affordable = fmax(1, step_ns / fmax(took, 1));
    search->samples = (size_t)fmin(affordable, (double)request->count);
    search->largest = request->batch ? request->batch : LARGEST_BATCH;
    while (!request->batch && (double)search->largest > affordable)
        search->largest /= 2;
    return status;
}

static int allocate(struct search *search)
{
    size_t rows = search->samples > search->largest ? search->samples : search->largest;
    search->inputs = malloc(search->largest * search->size * sizeof(float));
    search->reference = malloc(search->samples * search->classes * sizeof(float));
    search->logits = malloc(rows * search->classes * sizeof(float));
    if (!search->inputs || !search->reference || !search->logits)
        return ebjr_error_memory();
    for (size_t i = 0; i < search->largest; i++)
        memcpy(search->inputs + i * search->size,
               search->request->inputs + i % search->request->count * search->size,
               search->size * sizeof(float));
    return 0;
}

static int take_reference(struct search *search)
{
    size_t batch = search->largest < USUAL_BATCH ? search->largest : USUAL_BATCH;
    struct ebjr_plan plan = {EBJR_PLAN_AS_LOADED, EBJR_DTYPE_FLOAT32, batch,
                             search->request->threads};
    int status = ebjr_model_prepare(search->model, &plan);
    if (!status)
        status = answer(search, search->reference);
    for (size_t i = 0; !status && i < search->samples * search->classes; i++)
        search->scale = fmax(search->scale, fabsf(search->reference[i]));
    return status;
}

/* Does the plan that the model is prepared with give the same answers? */
static int compare(struct search *search, struct ebjr_candidate *trial)
{
    /* a whole batch, though it takes inputs twice: what is timed is compared */
    int status =
        search->samples < trial->plan.batch
            ? ebjr_model_forward(search->model, search->logits, search->inputs, trial->plan.batch)
            : answer(search, search->logits);
    if (status)
        return status;
    trial->max_difference = 0;
    trial->samples = (int64_t)search->samples;
    for (size_t i = 0; i < search->samples; i++) {
        const float *expected = search->reference + i * search->classes;
        const float *got = search->logits + i * search->classes;
        for (size_t k = 0; k < search->classes; k++)
            if (!(fabs((double)got[k] - expected[k]) <= trial->max_difference))
                trial->max_difference = fabs((double)got[k] - expected[k]); /* NaN stays */
        trial->changed += ebjr_logits_argmax(got, search->classes) !=
                          ebjr_logits_argmax(expected, search->classes);
    }
    if (trial->plan.dtype != EBJR_DTYPE_FLOAT32)
        return 0;
    if (trial->changed > 0)
        return ebjr_error_set(EBJR_EMODEL, "%lld of %lld predictions differ",
                              (long long)trial->changed, (long long)trial->samples);
    if (!(trial->max_difference <= EBJR_PLAN_TOLERANCE * search->scale))
        return ebjr_error_set(EBJR_EMODEL, "a logit differs by %.3g, of %.3g at most",
                              trial->max_difference, search->scale);
    return 0;
}

/* ns a sample over one slice of time, by the plan that the model is prepared with. */
static int time_slice(struct search *search, double *ns)
{
    size_t batch = ebjr_model_plan(search->model)->batch, calls = 0;
    double start = now(), end;
    int status = 0;
    do {
        status = ebjr_model_forward(search->model, search->logits, search->inputs, batch);
        end = now();
        calls++;
    } while (!status && end - start < slice_ns);
    *ns = (end - start) / (double)(calls * batch);
    return status;
}

/* Timed, and found to give the same answers. */
static bool is_fine(const struct ebjr_candidate *trial)
{
    return !isnan(trial->ns) && !isnan(trial->max_difference);
}

/* The fastest plan that is slower than `than` (NULL: of all). */
static const struct ebjr_candidate *next_fastest(const struct search *search,
                                                 const struct ebjr_candidate *than, size_t count)
{
    const struct ebjr_candidate *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct ebjr_candidate *trial = &search->trials[i];
        if (is_fine(trial) && (!than || trial->ns > than->ns) && (!best || trial->ns < best->ns))
            best = trial;
    }
    return best;
}

static const struct ebjr_candidate *fastest(const struct search *search)
{
    return next_fastest(search, NULL, search->count);
}

/* One call after a warm-up tells a plan that is far from the fastest; the others are compared, so
 * that nothing slow is compared in vain, and timed properly later. */
static int first_try(struct search *search, struct ebjr_candidate *trial)
{
    const struct ebjr_candidate *best = fastest(search);
    double start = now(), took = 0;
    int status = ebjr_model_prepare(search->model, &trial->plan);
    for (int i = 0; !status && i <= WARM_UP_CALLS && (i < 2 || now() - start < step_ns); i++) {
        took = now();
        status =
            ebjr_model_forward(search->model, search->logits, search->inputs, trial->plan.batch);
        took = now() - took;
    }
    double ns = took / (double)trial->plan.batch;
    if (!status && (!best || ns < hopeless * best->ns || took < slice_ns))
        status = time_slice(search, &ns);
    if (!status && (!best || ns < hopeless * best->ns))
        status = compare(search, trial);
    trial->ns = ns;
    return status;
}

static int tell(const struct search *search, size_t done, size_t total)
{
    const struct ebjr_tune_request *request = search->request;
    if (request->progress &&
        request->progress(request->context, (int64_t)done, (int64_t)total) != 0)
        return ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    return 0;
}

/* A plan that fails is no failure of the search. */
static int try_plan(struct search *search, const struct ebjr_plan *plan)
{
    if (search->count == TRIALS)
        return 0;
    struct ebjr_candidate *trial = &search->trials[search->count++];
    *trial = (struct ebjr_candidate){.plan = *plan, .ns = NAN, .max_difference = NAN};
    int status = first_try(search, trial);
    if (status) {
        snprintf(trial->note, sizeof trial->note, "%s", ebjr_error_last());
        trial->ns = NAN;
    }
    return tell(search, search->count, search->count + ROUNDS);
}

/* On a GPU the host's threads have no part in it. */
static size_t thread_counts(size_t out[2], const struct search *search)
{
    size_t all = ebjr_processors();
    if (search->request->threads > 0 || ebjr_model_device(search->model)->cuda) {
        out[0] = search->request->threads;
        return 1;
    }
    out[0] = 1;
    out[1] = all;
    return all > 1 ? 2 : 1;
}

static int try_modes(struct search *search)
{
    size_t threads[2], choices = thread_counts(threads, search);
    size_t usual = search->largest < USUAL_BATCH ? search->largest : USUAL_BATCH;
    int status = 0;
    for (int mode = 0; mode < EBJR_PLAN_MODES; mode++)
        for (size_t i = 0; !status && i < choices; i++) {
            struct ebjr_plan plan = {(enum ebjr_plan_mode)mode, search->request->dtype,
                                     search->request->batch ? search->request->batch : usual,
                                     threads[i]};
            if (search->request->mode == mode ||
                (search->request->mode < 0 && ebjr_model_offers(search->model, plan.mode)))
                status = try_plan(search, &plan);
        }
    return status;
}

/* The fastest plans, with other batches. */
static int try_batches(struct search *search)
{
    const struct ebjr_candidate *finalist = NULL;
    size_t count = search->count;
    int status = 0;
    for (int i = 0; !status && !search->request->batch && i < FINALISTS; i++) {
        finalist = next_fastest(search, finalist, count);
        if (!finalist)
            break;
        for (size_t j = 0; !status && j < sizeof other_batches / sizeof *other_batches; j++) {
            struct ebjr_plan plan = finalist->plan;
            plan.batch = other_batches[j];
            if (plan.batch <= search->largest)
                status = try_plan(search, &plan);
        }
    }
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The plans in question take turns. */
static int time_rounds(struct search *search)
{
    const struct ebjr_candidate *best = fastest(search);
    bool timed[TRIALS] = {false};
    int status = 0;
    if (!best)
        return 0;
    for (size_t i = 0; i < search->count; i++)
        timed[i] = is_fine(&search->trials[i]) && search->trials[i].ns <= hopeless * best->ns;
    for (size_t round = 0; !status && round < ROUNDS; round++) {
        for (size_t i = 0; !status && i < search->count; i++) {
            if (!timed[i])
                continue;
            status = ebjr_model_prepare(search->model, &search->trials[i].plan);
            if (!status)
                status = time_slice(search, &search->times[i][round]);
        }
        if (!status)
            status = tell(search, search->count + round + 1, search->count + ROUNDS);
    }
    for (size_t i = 0; !status && i < search->count; i++)
        if (timed[i]) {
            qsort(search->times[i], ROUNDS, sizeof(double), ascending);
            search->trials[i].ns = search->times[i][ROUNDS / 2];
        }
    return status;
}

static int choose(struct search *search)
{
    const struct ebjr_candidate *best = fastest(search);
    if (!best)
        return ebjr_error_set(EBJR_EMODEL, "no plan works: %s: %s",
                              ebjr_plan_mode_name(search->trials[0].plan.mode),
                              search->trials[0].note);
    search->trials[best - search->trials].chosen = true;
    int status = ebjr_model_prepare(search->model, &best->plan);
    if (!status)
        ebjr_model_trim(search->model);
    return status;
}

static int run(struct search *search)
{
    int status = measure_scale(search);
    if (!status)
        status = allocate(search);
    if (!status)
        status = take_reference(search);
    if (!status)
        status = try_modes(search);
    if (!status)
        status = try_batches(search);
    if (!status)
        status = time_rounds(search);
    return status ? status : choose(search);
}

int ebjr_tune(struct ebjr_candidate **out, size_t *count, ebjr_model *model,
              const struct ebjr_tune_request *request)
{
    if (request->count == 0)
        return ebjr_error_set(EBJR_EINVAL, "plans are compared on inputs, and there are none");
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return ebjr_error_memory();
    const struct ebjr_shape *shape = ebjr_model_shape(model);
    search->model = model;
    search->request = request;
    search->classes = ebjr_model_describe(model)->classes;
    search->size = shape->channels * shape->height * shape->width;
    search->trials = calloc(TRIALS, sizeof *search->trials);
    int status = search->trials ? run(search) : ebjr_error_memory();
    if (status) {
        free(search->trials);
    } else {
        *out = search->trials;
        *count = search->count;
    }
    free(search->inputs);
    free(search->reference);
    free(search->logits);
    free(search);
    return status;
}
