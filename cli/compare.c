#include "cli/compare.h"

#include "base/error.h"
#include "cli/detection_contender.h"
#include "cli/published.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_contender(struct comparison *comparison, struct contender **out)
{
    struct contender *grown =
        realloc(comparison->contenders, (comparison->count + 1) * sizeof *grown);
    if (!grown)
        return ebjr_error_memory();
    comparison->contenders = grown;
    *out = &grown[comparison->count++];
    **out = (struct contender){0};
    return 0;
}

/* All that comes from the store is on one data set. */
static int take_dataset(struct comparison *comparison, const struct cascade *cascade)
{
    if (!*comparison->dataset) {
        snprintf(comparison->dataset, sizeof comparison->dataset, "%s", cascade->dataset.name);
        snprintf(comparison->metric, sizeof comparison->metric, "%s",
                 cascade->is_detection ? "mAP" : "top-1 accuracy");
        comparison->convention = cascade->convention;
        return 0;
    }
    if (strcmp(comparison->dataset, cascade->dataset.name) == 0)
        return 0;
    return ebjr_error_set(EBJR_EINVAL,
                          "'%s' was run on '%s', others here on '%s'; choose with "
                          "--dataset",
                          cascade->student.name, cascade->dataset.name, comparison->dataset);
}

static int choose_score(const struct ebjr_score **out, const struct cascade *cascade,
                        const char *name)
{
    bool best = !name || strcmp(name, "auto") == 0;
    int status = best ? contender_best_score(out, cascade) : ebjr_score_find(out, name);
    if (!status && best)
        say("note: of all scores %s does best on these samples, and is chosen on them (--score "
            "names one)",
            (*out)->name);
    return status;
}

static int take_classifiers(struct contender *out, struct cascade *cascade, const char *score_name,
                            double threshold, const struct ebjr_bootstrap *options)
{
    const struct ebjr_score *score = NULL;
    int status = cascade_read(cascade);
    if (!status)
        status = choose_score(&score, cascade, score_name);
    return status ? status : contender_of_cascade(out, cascade, score, threshold, options);
}

static int add_cascade(struct comparison *comparison, const struct compare_request *request,
                       const struct cascade_request *named, const char *score, double threshold)
{
    struct cascade cascade = {0};
    struct cascade_request asked = *named;
    struct contender *contender = NULL;
    asked.detectors = true;
    int status = cascade_find(&cascade, &asked);
    if (!status)
        status = take_dataset(comparison, &cascade);
    if (!status)
        status = add_contender(comparison, &contender);
    if (!status) {
        cascade_warn(&cascade);
        status =
            cascade.is_detection
                ? contender_of_detectors(contender, &cascade, score, threshold, &request->bootstrap)
                : take_classifiers(contender, &cascade, score, threshold, &request->bootstrap);
    }
    cascade_free(&cascade);
    return status;
}

/* "small,large" or "small,large,msp" */
static int add_listed(struct comparison *comparison, const struct compare_request *request,
                      const char *text)
{
    char names[1024];
    struct cascade_request named = request->cascade;
    const char *score = request->score;
    if (snprintf(names, sizeof names, "%s", text) >= (int)sizeof names)
        return ebjr_error_set(EBJR_EINVAL, "--cascade %.64s... is too long", text);
    char *teacher = strchr(names, ',');
    if (!teacher || teacher == names || !teacher[1])
        return ebjr_error_set(EBJR_EINVAL,
                              "--cascade is STUDENT,TEACHER or STUDENT,TEACHER,SCORE, "
                              "not '%s'",
                              text);
    *teacher++ = 0;
    char *last = strchr(teacher, ',');
    if (last) {
        *last++ = 0;
        score = last;
    }
    named.student = names;
    named.teacher = teacher;
    return add_cascade(comparison, request, &named, score, NAN);
}

/* A model is loaded as a cascade of itself. */
static int add_model(struct comparison *comparison, const struct compare_request *request,
                     const char *name)
{
    struct cascade cascade = {0};
    struct cascade_request named = request->cascade;
    struct contender *contender = NULL;
    named.student = named.teacher = name;
    named.detectors = true;
    int status = cascade_find(&cascade, &named);
    if (!status)
        status = take_dataset(comparison, &cascade);
    if (!status)
        status = add_contender(comparison, &contender);
    if (!status && cascade.is_detection) {
        status = contender_of_detector(contender, &cascade, &request->bootstrap);
        cascade_free(&cascade);
        return status;
    }
    if (!status)
        status = cascade_read(&cascade);
    if (!status)
        status = contender_of_model(contender, &cascade, request->bootstrap.level);
    cascade_free(&cascade);
    return status;
}

static int add_stored(struct comparison *comparison, const struct compare_request *request)
{
    int status = 0;
    if (request->cascade.student)
        status =
            add_cascade(comparison, request, &request->cascade, request->score, request->threshold);
    for (size_t i = 0; !status && i < request->cascades.count; i++)
        status = add_listed(comparison, request, request->cascades.items[i]);
    for (size_t i = 0; !status && i < request->models.count; i++)
        status = add_model(comparison, request, request->models.items[i]);
    return status;
}

/* Every point is of one data set and one metric. */
static int check_baselines(struct comparison *comparison)
{
    const struct ebjr_baseline *first = comparison->baselines.points;
    for (size_t i = 1; i < comparison->baselines.count; i++) {
        const struct ebjr_baseline *point = &first[i];
        if (strcmp(point->dataset, first->dataset) != 0 ||
            strcmp(point->metric, first->metric) != 0)
            return ebjr_error_set(EBJR_EINVAL,
                                  "baselines on %s (%s) and on %s (%s) cannot be compared; name "
                                  "files of one data set",
                                  first->dataset, first->metric, point->dataset, point->metric);
    }
    if (*comparison->metric && strcmp(comparison->metric, first->metric) != 0)
        return ebjr_error_set(EBJR_EINVAL, "the store has %s, the baselines %s", comparison->metric,
                              first->metric);
    if (*comparison->dataset && strcmp(comparison->dataset, first->dataset) != 0)
        say("note: the store's data set is '%s', the baselines' %s; whether they are one, you know",
            comparison->dataset, first->dataset);
    snprintf(comparison->dataset, sizeof comparison->dataset, "%s", first->dataset);
    snprintf(comparison->metric, sizeof comparison->metric, "%s", first->metric);
    return 0;
}

/* Says where costs were not counted in one way. */
static void warn_of_conventions(const struct comparison *comparison)
{
    size_t counted[3] = {0};
    for (size_t i = 0; i < comparison->baselines.count; i++)
        counted[comparison->baselines.points[i].convention]++;
    if (!comparison->convention)
        return;
    bool mac2 = strcmp(comparison->convention, "mac2") == 0;
    size_t other = counted[mac2 ? EBJR_BASELINE_OP_COUNTER : EBJR_BASELINE_MAC2];
    if (other + counted[EBJR_BASELINE_UNKNOWN] == 0)
        return;
    say("note: FLOPs here are counted by %s, those of %zu baselines by %s, and %zu do not say; "
        "op-counter counts a few per cent more",
        comparison->convention, other, mac2 ? "op-counter" : "mac2",
        counted[EBJR_BASELINE_UNKNOWN]);
}

static int add_baselines(struct comparison *comparison, const struct compare_request *request)
{
    struct ebjr_baselines *baselines = &comparison->baselines;
    struct contender *contender = NULL;
    int status = 0;
    for (size_t i = 0; !status && i < request->baselines.count; i++) {
        char path[PATH_MAX];
        status = published_find(path, request->baselines.items[i]);
        if (!status)
            status = ebjr_baselines_read(baselines, path);
    }
    if (status || baselines->count == 0)
        return status;
    ebjr_baselines_sort(baselines);
    status = check_baselines(comparison);
    for (size_t i = 0, end; !status && i < baselines->count; i = end) {
        const struct ebjr_baseline *first = &baselines->points[i];
        for (end = i + 1; end < baselines->count; end++)
            if (ebjr_baseline_compare_curves(first, &baselines->points[end]) != 0)
                break;
        status = add_contender(comparison, &contender);
        if (!status)
            status = contender_of_baselines(contender, first, end - i);
    }
    if (!status)
        warn_of_conventions(comparison);
    return status;
}

static int find_reference(struct comparison *comparison, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; name && i < comparison->count; i++)
        if (strcmp(comparison->contenders[i].name, name) == 0) {
            comparison->reference = i;
            found++;
        }
    if (!name || found == 1)
        return 0;
    return found ? ebjr_error_set(EBJR_EINVAL,
                                  "--reference '%s' is the name of %zu here, of different families",
                                  name, found)
                 : ebjr_error_set(EBJR_EINVAL,
                                  "--reference '%s' is not compared here; the column contender has "
                                  "the names",
                                  name);
}

int comparison_load(struct comparison *out, const struct compare_request *request)
{
    *out = (struct comparison){0};
    int status = add_stored(out, request);
    if (!status)
        status = add_baselines(out, request);
    if (!status && out->count == 0)
        status = ebjr_error_set(EBJR_EINVAL, "there is nothing to compare: name --baselines, or "
                                             "--db with --student and --teacher");
    return status ? status : find_reference(out, request->reference);
}

void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++)
        contender_free(&comparison->contenders[i]);
    free(comparison->contenders);
    ebjr_baselines_free(&comparison->baselines);
    *comparison = (struct comparison){0};
}

static const struct {
    const char *name;
    int (*print)(const struct comparison *comparison, struct output output);
} views[] = {
    {"summary", compare_print_summary},
    {"points", compare_print_points},
    {"dominance", compare_print_dominance},
    {"equal-cost", compare_print_equal_cost},
    {"equal-accuracy", compare_print_equal_accuracy},
    {"wins", compare_print_wins},
};

static size_t view_of(const char *name)
{
    size_t i = 0;
    while (i < ROWS(views) && strcmp(views[i].name, name) != 0)
        i++;
    return i;
}

int comparison_check_view(const char *name)
{
    return view_of(name) < ROWS(views)
               ? 0
               : ebjr_error_set(EBJR_EINVAL,
                                "--what is summary, points, dominance, equal-cost, equal-accuracy "
                                "or wins, not '%s'",
                                name);
}

int comparison_print(const struct comparison *comparison, const char *view, struct output output)
{
    return views[view_of(view)].print(comparison, output);
}
