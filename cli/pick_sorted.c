#include "cli/pick_sorted.h"

#include "base/error.h"
#include "cli/memory.h"
#include "db/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_auto(const struct pick_request *request)
{
    return strcmp(request->fit.score, "auto") == 0;
}

/* What of the request cannot be had from sorted samples; NULL: nothing. */
static const char *what_needs_arrays(const struct pick_work *work,
                                     const struct pick_request *request)
{
    if (work->cascade.is_timed || work->test_cascade.is_timed)
        return "stored latencies (--no-latency leaves them out)";
    if (strcmp(request->fit.score, "learned") == 0)
        return "a learned router";
    if (request->fit.temperature)
        return "--fit-temperature";
    if (request->fit.per_class)
        return "--per-class";
    if (pick_is_joint(request))
        return "a joint answer";
    return pick_tests_drop(request) ? "a --bound that goes through the samples in their order"
                                    : NULL;
}

/* Bytes a sample: outputs, masks, the parts' copies and their curve; all scores beside each other;
 * the percentiles of latency. */
static double needed_of(const struct cascade *cascade, const struct pick_request *request)
{
    static const double PLAIN = 80, SCORES = 40, LATENCY = 200, TESTED = 26;
    bool learned = strcmp(request->fit.score, "learned") == 0;
    bool fitted = is_auto(request) || learned || request->fit.temperature || request->fit.per_class;
    double each = PLAIN + fitted * SCORES + cascade->is_timed * LATENCY;
    if (pick_tests_drop(request))
        each += TESTED;
    if (learned)
        each += (double)(ebjr_router_feature_count(cascade->classes) * sizeof(double));
    if (request->cascade.teacher_logits || request->cascade.logits == LOGITS_HELD)
        each += (double)((1 + request->cascade.teacher_logits) * cascade->classes * sizeof(float));
    return each * (double)cascade->n;
}

int pick_fits(bool *fits, struct pick_work *work, const struct pick_request *request,
              const struct sort_memory *memory)
{
    struct cascade *cascade = &work->cascade;
    double needed = needed_of(cascade, request), logits;
    if (work->test_dataset)
        needed += needed_of(&work->test_cascade, request);
    *fits = needed <= memory->most;
    logits = (double)cascade->n * (double)cascade->classes * sizeof(float);
    if (request->cascade.logits == LOGITS_OFTEN && needed + logits > memory->most)
        cascade->held = 0;
    const char *what = *fits ? NULL : what_needs_arrays(work, request);
    return what ? sort_memory_refuse(memory, needed, what) : 0;
}

static int read_labels(struct cascade *cascade)
{
    ebjr_store *store = NULL;
    cascade->labels = malloc(cascade->n * sizeof *cascade->labels);
    int status = cascade->labels ? ebjr_store_open(&store, cascade->db, EBJR_STORE_READ)
                                 : ebjr_error_memory();
    if (!status)
        status = ebjr_label_read(cascade->labels, store, &cascade->dataset);
    ebjr_store_close(store);
    return status;
}

/* Masks of the parts; none where all samples are for calibration. */
static int split(struct pick_work *work, const struct sort_memory *memory)
{
    static const double SPLIT = 26; /* bytes a sample, while parts are dealt */
    struct cascade *cascade = &work->cascade;
    struct sort_memory room = {fmax(memory->most, memory_free()), 0};
    if (work->parts.fraction[CALIBRATION] == 1 && !work->parts.mix)
        return 0;
    if (SPLIT * (double)cascade->n > room.most)
        return sort_memory_refuse(&room, SPLIT * (double)cascade->n,
                                  "a split of so many samples (a named --score, no accuracy and "
                                  "no --test-on need none)");
    int status = read_labels(cascade);
    if (!status)
        status = parts_split(&work->parts, cascade);
    free(cascade->labels);
    cascade->labels = NULL;
    return status;
}

/* The score of the largest area under the deferral curve on the tuning samples, whose sorted
 * samples are kept. */
static int choose_score(struct pick_work *work, const struct sort_memory *memory)
{
    struct sort_target targets[CASCADE_SCORES] = {{0}};
    double best = -INFINITY;
    size_t count, chosen = 0;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    while (count > 0 && scores[count - 1].kind != EBJR_SCORE_LOGITS)
        count--; /* random and oracle are the last */
    for (size_t i = 0; i < count; i++)
        targets[i] = (struct sort_target){i, work->parts.mask[TUNING], NULL};
    int status = sort_rows(targets, count, &work->cascade, scores, count, memory);
    for (size_t i = 0; !status && i < count; i++) {
        double area;
        status = ebjr_sorter_deferral_area(&area, targets[i].sorter);
        if (!status && area > best) {
            best = area;
            chosen = i;
        }
    }
    work->router.score = &scores[chosen];
    for (size_t i = 0; i < count; i++) {
        if (i == chosen)
            work->sorter[TUNING] = targets[i].sorter;
        else
            ebjr_sorter_free(targets[i].sorter);
    }
    return status;
}

static int name_score(struct pick_work *work, const struct pick_request *request)
{
    int status = ebjr_score_find(&work->router.score, request->fit.score);
    return status ? status : fit_check_score(work->router.score);
}

/* The parts that are not sorted yet, in one pass. */
static int sort_parts(struct pick_work *work, const struct sort_memory *memory)
{
    struct sort_target targets[PARTS];
    size_t count = 0, part[PARTS];
    for (size_t p = 0; p < PARTS; p++) {
        bool is_empty = p != CALIBRATION && work->parts.fraction[p] == 0;
        if (is_empty || work->sorter[p])
            continue;
        part[count] = p;
        targets[count++] = (struct sort_target){0, work->parts.mask[p], NULL};
    }
    int status = sort_rows(targets, count, &work->cascade, work->router.score, 1, memory);
    for (size_t t = 0; t < count; t++)
        work->sorter[part[t]] = targets[t].sorter;
    return status;
}

static int sort_test(struct pick_work *work, const struct sort_memory *memory)
{
    struct sort_target target = {0, NULL, NULL};
    int status = sort_rows(&target, 1, &work->test_cascade, work->router.score, 1, memory);
    ebjr_sorter_free(work->sorter[TEST]);
    work->sorter[TEST] = target.sorter;
    return status;
}

int pick_sorted_prepare(struct pick_work *work, const struct pick_request *request,
                        const struct sort_memory *memory)
{
    work->answer_weight = 1;
    work->router = (struct ebjr_router){.options = work->cascade.options};
    int status = fit_check_answer(request->fit.answer);
    if (!status && !is_auto(request))
        status = name_score(work, request);
    if (!status)
        status = split(work, memory);
    if (!status && is_auto(request))
        status = choose_score(work, memory);
    if (!status)
        status = sort_parts(work, memory);
    if (!status && work->test_dataset)
        status = sort_test(work, memory);
    for (int p = 0; !status && p < PARTS; p++) {
        struct ebjr_curve totals = {0};
        if (work->sorter[p])
            ebjr_sorter_totals(&totals, work->sorter[p]);
        work->parts.part[p].samples.n = (size_t)totals.n;
    }
    return status;
}

int pick_sorted_test(struct ebjr_curve *totals, struct ebjr_point *point, double threshold,
                     struct pick_work *work)
{
    ebjr_sorter_totals(totals, work->sorter[TEST]);
    return ebjr_sorter_at(point, threshold, work->sorter[TEST]);
}
