#include "calib/coco_bootstrap.h"
#include "calib/coco_state.h"

#include <math.h>

enum { WORD = 64, ALL_OVERLAPS = (1 << EBJR_COCO_OVERLAPS) - 1 };

/* The counts that a figure is the mean of. */
static const struct {
    int setting, first, last; /* at overlaps first .. last */
} parts[EBJR_COCO_FIGURES] = {{0, 0, 9}, {0, 0, 0}, {0, 5, 5}, {1, 0, 9}, {2, 0, 9}, {3, 0, 9},
                              {4, 0, 9}, {5, 0, 9}, {0, 0, 9}, {1, 0, 9}, {2, 0, 9}, {3, 0, 9}};

const char *ebjr_coco_name(enum ebjr_coco_figure figure)
{
    static const char *const names[EBJR_COCO_FIGURES] = {
        "ap",  "ap50", "ap75",  "ap-small", "ap-medium", "ap-large",
        "ar1", "ar10", "ar100", "ar-small", "ar-medium", "ar-large"};
    return names[figure];
}

void ebjr_coco_move(ebjr_coco *coco, size_t image, bool to_student)
{
    if (coco->student[image] == to_student)
        return;
    coco->student[image] = to_student;
    for (size_t i = coco->place_first[image]; i < coco->place_end[image]; i++) {
        const struct ebjr_coco_place *place = &coco->places[i];
        struct ebjr_coco_category *category = &coco->categories[place->category];
        category->active[place->at / WORD] ^= (uint64_t)1 << place->at % WORD;
        category->stale = EBJR_COCO_ALL_STALE;
    }
}

/* Of one category. */
static double value_of(const struct ebjr_coco_counts *counts, enum ebjr_coco_figure figure)
{
    const int first = parts[figure].first, last = parts[figure].last;
    const double *values = figure < EBJR_COCO_AR1 ? counts->precision : counts->recall;
    double sum = 0;
    for (int t = first; t <= last; t++)
        sum += values[t];
    return sum / (last - first + 1);
}

double ebjr_coco_figure(ebjr_coco *coco, enum ebjr_coco_figure figure)
{
    const int setting = parts[figure].setting;
    double sum = 0;
    size_t categories = 0;
    for (size_t c = 0; c < coco->category_count; c++) {
        struct ebjr_coco_category *category = &coco->categories[c];
        struct ebjr_coco_counts *counts = &category->counts[setting];
        if (category->stale & 1u << setting)
            ebjr_coco_count(counts, category, setting, ALL_OVERLAPS, category->active, NULL);
        category->stale &= ~(1u << setting);
        if (counts->wanted == 0)
            continue;
        sum += value_of(counts, figure);
        categories++;
    }
    return categories ? sum / (double)categories : NAN;
}

double ebjr_coco_weighted(const ebjr_coco *coco, enum ebjr_coco_figure figure,
                          const uint32_t *weight, bool teacher)
{
    const int first = parts[figure].first, last = parts[figure].last;
    const unsigned overlaps = (2u << last) - (1u << first);
    double sum = 0;
    size_t categories = 0;
    for (size_t c = 0; c < coco->category_count; c++) {
        const struct ebjr_coco_category *category = &coco->categories[c];
        struct ebjr_coco_counts counts;
        ebjr_coco_count(&counts, category, parts[figure].setting, overlaps,
                        teacher ? category->teacher : category->active, weight);
        if (counts.wanted == 0)
            continue;
        sum += value_of(&counts, figure);
        categories++;
    }
    return categories ? sum / (double)categories : NAN;
}
