/* The picture of a comparison. */
#include "base/error.h"
#include "cli/compare.h"
#include "cli/plot.h"
#include "plots/comparison.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is drawn, with the arrays that it points into. */
struct drawing {
    struct ebjr_comparison plot;
    struct ebjr_comparison_cascade *cascades;
    struct ebjr_comparison_series *series;
    struct ebjr_comparison_label *labels; /* of all cascades */
    struct ebjr_offer *offers;            /* of all series */
    const char **names;
};

static int drawing_make(struct drawing *out, const struct comparison *comparison)
{
    size_t points = 0;
    for (size_t i = 0; i < comparison->count; i++)
        points += comparison->contenders[i].point_count;
    *out = (struct drawing){
        .cascades = calloc(comparison->count, sizeof *out->cascades),
        .series = calloc(comparison->count, sizeof *out->series),
        .labels = calloc(points, sizeof *out->labels),
        .offers = calloc(points, sizeof *out->offers),
        .names = calloc(points, sizeof *out->names),
    };
    return out->cascades && out->series && out->labels && out->offers && out->names
               ? 0
               : ebjr_error_memory();
}

static void drawing_free(struct drawing *drawing)
{
    free(drawing->cascades);
    free(drawing->series);
    free(drawing->labels);
    free(drawing->offers);
    free(drawing->names);
}

static void add_cascade(struct drawing *drawing, struct ebjr_comparison_label *labels,
                        const struct contender *contender)
{
    for (size_t i = 0; i < contender->point_count; i++) {
        const struct named_offer *point = &contender->points[i];
        labels[i] = (struct ebjr_comparison_label){point->offer, point->name,
                                                   strcmp(point->name, "operating point") == 0};
    }
    drawing->cascades[drawing->plot.cascade_count++] =
        (struct ebjr_comparison_cascade){.name = contender->name,
                                         .offers = contender->curve.offers,
                                         .count = contender->curve.count,
                                         .low = contender->low.offers,
                                         .high = contender->high.offers,
                                         .band_count = contender->low.count,
                                         .labels = labels,
                                         .label_count = contender->point_count};
}

/* A method has one colour in all of its families. */
static size_t colour_of(const struct drawing *drawing, const char *name)
{
    size_t next = drawing->plot.cascade_count;
    for (size_t i = 0; i < drawing->plot.series_count; i++) {
        if (strcmp(drawing->series[i].name, name) == 0)
            return drawing->series[i].colour;
        if (drawing->series[i].colour >= next)
            next = drawing->series[i].colour + 1;
    }
    return next;
}

static void add_series(struct drawing *drawing, size_t first, const struct contender *contender,
                       const char *name)
{
    for (size_t i = 0; i < contender->point_count; i++) {
        drawing->offers[first + i] = contender->points[i].offer;
        drawing->names[first + i] = contender->points[i].name;
    }
    drawing->series[drawing->plot.series_count] =
        (struct ebjr_comparison_series){.name = name,
                                        .colour = colour_of(drawing, name),
                                        .kind = contender->family,
                                        .kind_name = contender_kind_name(contender),
                                        .offers = drawing->offers + first,
                                        .labels = drawing->names + first,
                                        .count = contender->point_count};
    drawing->plot.series_count++;
}

/* In the key: with the variant where there are few. */
static const char *name_of(const struct comparison *comparison, const struct contender *contender,
                           const struct ebjr_baseline *first)
{
    enum { FEW = 6 };
    bool all = contender->kind != CONTENDER_BASELINE || comparison->count <= FEW;
    return all ? contender->name : first->method;
}

static void fill(struct drawing *drawing, const struct comparison *comparison)
{
    size_t first = 0, baseline = 0;
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contender *contender = &comparison->contenders[i];
        if (contender->kind == CONTENDER_CASCADE)
            add_cascade(drawing, drawing->labels + first, contender);
        else
            add_series(drawing, first, contender,
                       name_of(comparison, contender, comparison->baselines.points + baseline));
        baseline += contender->kind == CONTENDER_BASELINE ? contender->point_count : 0;
        first += contender->point_count;
    }
    drawing->plot.cascades = drawing->cascades;
    drawing->plot.series = drawing->series;
}

static int draw(const struct drawing *drawing, const struct comparison *comparison,
                const struct compare_request *request)
{
    char cost[160], accuracy[64];
    struct ebjr_comparison plot = drawing->plot;
    struct plot_target target;
    bool op_counter = comparison->convention && strcmp(comparison->convention, "mac2") != 0;
    bool published = comparison->baselines.count > 0;
    snprintf(cost, sizeof cost, "FLOPs a sample (%s%s)",
             published || !op_counter ? "2 x multiply-adds" : "op-counter",
             published && op_counter ? "; here op-counter" : "");
    snprintf(accuracy, sizeof accuracy, "%s (%%)", comparison->metric);
    plot.title = request->title ? request->title : comparison->dataset;
    plot.cost_label = cost;
    plot.accuracy_label = accuracy;
    int status = plot_target(&target, request->plot);
    if (status)
        return status;
    size_t outside = ebjr_comparison_window_of(&plot).outside;
    if (outside > 0)
        say("note: %zu published points cost more than the picture shows, which ends where the "
            "cascades do",
            outside);
    return ebjr_comparison_draw(&plot, target.directory, target.name);
}

int compare_draw(const struct comparison *comparison, const struct compare_request *request)
{
    struct drawing drawing;
    int status = drawing_make(&drawing, comparison);
    if (!status) {
        fill(&drawing, comparison);
        status = draw(&drawing, comparison, request);
    }
    drawing_free(&drawing);
    return status;
}
