#include "calib/coco_state.h"

#include <float.h>
#include <math.h>

enum { RECALLS = 101, WORD = 64 };

static const struct {
    int area;
    uint16_t most;
} settings[EBJR_COCO_SETTINGS] = {{0, EBJR_COCO_MOST},
                                  {1, EBJR_COCO_MOST},
                                  {2, EBJR_COCO_MOST},
                                  {3, EBJR_COCO_MOST},
                                  {0, 1},
                                  {0, 10}};

static const int setting_of[EBJR_COCO_FIGURES] = {0, 0, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3};

const char *ebjr_coco_name(enum ebjr_coco_figure figure)
{
    static const char *const names[EBJR_COCO_FIGURES] = {
        "ap",  "ap50", "ap75",  "ap-small", "ap-medium", "ap-large",
        "ar1", "ar10", "ar100", "ar-small", "ar-medium", "ar-large"};
    return names[figure];
}

/* Precision at the j-th right detection is j over the detections counted up to it, with the small
 * term by which pycocotools keeps a division by zero away. */
static double precision_after(size_t right, uint64_t counted)
{
    return (double)right / ((double)counted + DBL_EPSILON);
}

/* The mean over r of the highest precision at recall >= r. precision[right] is that at right
 * detections, between which it only falls; it is made the envelope. */
static double average_precision(double *precision, size_t right, uint32_t wanted)
{
    double sum = 0;
    size_t at = 1;
    for (size_t j = right; j-- > 1;)
        precision[j - 1] = fmax(precision[j - 1], precision[j]);
    for (int r = 0; r < RECALLS; r++) {
        double recall = r == RECALLS - 1 ? 1.0 : r * 0.01;
        while (at <= right && (double)at / wanted < recall)
            at++;
        if (at > right)
            break;
        sum += precision[at - 1];
    }
    return sum / RECALLS;
}

/* How many bits of `active & plain` come before a place; asked for ever later ones. */
struct tally {
    const uint64_t *active, *plain;
    size_t word;
    uint64_t before; /* bits of the words before `word` */
};

static uint64_t tally_to(struct tally *tally, uint32_t at)
{
    for (; tally->word < at / WORD; tally->word++)
        tally->before +=
            (uint64_t)__builtin_popcountll(tally->active[tally->word] & tally->plain[tally->word]);
    uint64_t below = ((uint64_t)1 << at % WORD) - 1;
    return tally->before + (uint64_t)__builtin_popcountll(tally->active[tally->word] &
                                                          tally->plain[tally->word] & below);
}

static bool is_active(const struct ebjr_coco_category *category, uint32_t at)
{
    return category->active[at / WORD] >> at % WORD & 1;
}

/* With fewer detections an image than all only recall means something: plain ones are not left out.
 */
static void count(struct ebjr_coco *coco, struct ebjr_coco_category *category, int setting)
{
    const struct ebjr_coco_area *area = &category->areas[settings[setting].area];
    struct ebjr_coco_counts *out = &category->counts[setting];
    struct tally plain = {category->active, area->plain, 0, 0};
    size_t right[EBJR_COCO_OVERLAPS] = {0};
    uint64_t counted[EBJR_COCO_OVERLAPS] = {0};
    for (size_t i = 0; i < area->special_count; i++) {
        const struct ebjr_coco_special *special = &area->specials[i];
        if (!is_active(category, special->at) || special->rank >= settings[setting].most)
            continue;
        uint64_t before = special->right ? tally_to(&plain, special->at) : 0;
        for (unsigned bits = special->counted; bits; bits &= bits - 1) {
            int t = __builtin_ctz(bits);
            counted[t]++;
            if (!(special->right >> t & 1))
                continue;
            double *precision = coco->precision + (size_t)t * coco->most_wanted;
            precision[right[t]] = precision_after(right[t] + 1, before + counted[t]);
            right[t]++;
        }
    }
    for (int t = 0; t < EBJR_COCO_OVERLAPS; t++) {
        out->precision[t] = average_precision(coco->precision + (size_t)t * coco->most_wanted,
                                              right[t], area->wanted);
        out->recall[t] = (double)right[t] / area->wanted;
    }
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

static double mean_over(const double *values, int first, int last)
{
    double sum = 0;
    for (int t = first; t <= last; t++)
        sum += values[t];
    return sum / (last - first + 1);
}

double ebjr_coco_figure(ebjr_coco *coco, enum ebjr_coco_figure figure)
{
    const int setting = setting_of[figure];
    const bool is_recall = figure >= EBJR_COCO_AR1;
    const int first = figure == EBJR_COCO_AP75 ? 5 : 0;
    const int last = figure == EBJR_COCO_AP75   ? 5
                     : figure == EBJR_COCO_AP50 ? 0
                                                : EBJR_COCO_OVERLAPS - 1;
    double sum = 0;
    size_t categories = 0;
    for (size_t c = 0; c < coco->category_count; c++) {
        struct ebjr_coco_category *category = &coco->categories[c];
        if (category->areas[settings[setting].area].wanted == 0)
            continue;
        if (category->stale & 1u << setting)
            count(coco, category, setting);
        category->stale &= ~(1u << setting);
        const struct ebjr_coco_counts *counts = &category->counts[setting];
        sum += mean_over(is_recall ? counts->recall : counts->precision, first, last);
        categories++;
    }
    return categories ? sum / (double)categories : NAN;
}
