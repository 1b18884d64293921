/* Precision and recall of one category, in one walk down its detections. */
#include "calib/coco_state.h"

#include <float.h>

enum { RECALLS = 101, WORD = 64 };

static const struct {
    int area;
    uint16_t most; /* detections of an image */
} settings[EBJR_COCO_SETTINGS] = {{0, EBJR_COCO_MOST},
                                  {1, EBJR_COCO_MOST},
                                  {2, EBJR_COCO_MOST},
                                  {3, EBJR_COCO_MOST},
                                  {0, 1},
                                  {0, 10}};

/* At one overlap. Recalls 0, 0.01, ... that are reached grow with the right ones; best[r] is the
 * highest precision seen while r was the last of them. */
struct tally {
    int64_t right, counted; /* plain ones are not counted here */
    int reached;
    double best[RECALLS];
};

struct count {
    const struct ebjr_coco_category *category;
    const struct ebjr_coco_area *area;
    const uint64_t *active;
    const uint32_t *weight;
    unsigned overlaps;
    uint16_t most;
    size_t word;             /* of the bits of plain, active detections, */
    uint64_t left;           /* of which these come after the */
    int64_t before;          /* plain ones counted so far */
    int64_t needed[RECALLS]; /* right ones for that recall */
    struct tally tallies[EBJR_COCO_OVERLAPS];
};

static int64_t times(const struct count *count, size_t at)
{
    return count->weight ? count->weight[count->category->image[at]] : 1;
}

static int64_t times_of_bits(const struct count *count, uint64_t bits)
{
    int64_t sum = 0;
    if (!count->weight)
        return __builtin_popcountll(bits);
    for (; bits; bits &= bits - 1)
        sum += times(count, count->word * WORD + (size_t)__builtin_ctzll(bits));
    return sum;
}

/* How many plain detections come before a place; asked for ever later ones. */
static int64_t plain_before(struct count *count, size_t at)
{
    while (count->word < at / WORD) {
        count->before += times_of_bits(count, count->left);
        count->word++;
        count->left = count->active[count->word] & count->area->plain[count->word];
    }
    uint64_t bits = count->left & (((uint64_t)1 << at % WORD) - 1);
    count->before += times_of_bits(count, bits);
    count->left ^= bits;
    return count->before;
}

/* A detection, or w copies of it side by side: of these the last has the highest precision, since
 * (j + 1) / (k + 1) >= j / k. The small term is that by which pycocotools keeps a division by zero
 * away. */
static inline void take(struct count *count, const struct ebjr_coco_special *special,
                        int64_t before, int64_t w)
{
    for (unsigned bits = special->counted & count->overlaps; bits; bits &= bits - 1) {
        const int t = __builtin_ctz(bits);
        struct tally *tally = &count->tallies[t];
        tally->counted += w;
        if (!(special->right >> t & 1))
            continue;
        tally->right += w;
        while (tally->reached + 1 < RECALLS && count->needed[tally->reached + 1] <= tally->right)
            tally->reached++;
        double precision = (double)tally->right / ((double)(before + tally->counted) + DBL_EPSILON);
        double *best = &tally->best[tally->reached];
        *best = *best > precision ? *best : precision;
    }
}

static bool is_set(const uint64_t *bits, size_t at)
{
    return bits[at / WORD] >> at % WORD & 1;
}

static bool is_tied(const struct ebjr_coco_category *category, size_t at)
{
    return is_set(category->tied, at) || is_set(category->tied, at + 1);
}

/* Detections of one image and score, from special i on: a copy of the image has them all, in their
 * order, before the next copy has. Returns the first special that is none of them. */
static size_t take_tied(struct count *count, size_t i, int64_t w)
{
    const struct ebjr_coco_special *specials = count->area->specials;
    const uint64_t *tied = count->category->tied, *plain = count->area->plain;
    size_t from = specials[i].at, to = from + 1, end = i;
    while (is_set(tied, from))
        from--;
    while (is_set(tied, to))
        to++;
    while (end < count->area->special_count && specials[end].at < to)
        end++;
    int64_t before = plain_before(count, from);
    for (int64_t copy = 0; copy < w; copy++) {
        size_t next = i;
        for (size_t at = from; at < to; at++) {
            if (next < end && specials[next].at == at) {
                if (specials[next].rank < count->most)
                    take(count, &specials[next], before, 1);
                next++;
            }
            before += is_set(plain, at);
        }
    }
    return end;
}

static void take_all(struct count *count)
{
    const struct ebjr_coco_area *area = count->area;
    for (size_t i = 0; i < area->special_count;) {
        const struct ebjr_coco_special *special = &area->specials[i];
        const int64_t w = is_set(count->active, special->at) ? times(count, special->at) : 0;
        if (w > 1 && is_tied(count->category, special->at)) {
            i = take_tied(count, i, w);
            continue;
        }
        if (w > 0 && special->rank < count->most)
            take(count, special, special->right ? plain_before(count, special->at) : 0, w);
        i++;
    }
}

static int64_t wanted_of(const struct ebjr_coco_category *category, int area,
                         const uint32_t *weight)
{
    int64_t sum = 0;
    if (!weight)
        return category->areas[area].wanted;
    for (size_t i = 0; i < category->object_count; i++)
        if (category->objects[i].areas >> area & 1)
            sum += weight[category->objects[i].image];
    return sum;
}

static void find_needed(int64_t needed[RECALLS], int64_t wanted)
{
    for (int r = 0; r < RECALLS; r++) {
        const double recall = r == RECALLS - 1 ? 1.0 : r * 0.01;
        int64_t right = (int64_t)(recall * (double)wanted);
        while (right > 0 && (double)(right - 1) / (double)wanted >= recall)
            right--;
        while ((double)right / (double)wanted < recall)
            right++;
        needed[r] = right;
    }
}

/* The mean over r of the highest precision at recall >= r. */
static double average_precision(const double best[RECALLS])
{
    double sum = 0, highest = 0;
    for (int r = RECALLS - 1; r >= 0; r--) {
        highest = best[r] > highest ? best[r] : highest;
        sum += highest;
    }
    return sum / RECALLS;
}

void ebjr_coco_count(struct ebjr_coco_counts *out, const struct ebjr_coco_category *category,
                     int setting, unsigned overlaps, const uint64_t *active, const uint32_t *weight)
{
    const struct ebjr_coco_area *area = &category->areas[settings[setting].area];
    struct count count = {.category = category,
                          .area = area,
                          .active = active,
                          .weight = weight,
                          .overlaps = overlaps,
                          .most = settings[setting].most,
                          .left = active[0] & area->plain[0]};
    out->wanted = wanted_of(category, settings[setting].area, weight);
    if (out->wanted == 0)
        return;
    find_needed(count.needed, out->wanted);
    take_all(&count);
    for (int t = 0; t < EBJR_COCO_OVERLAPS; t++) {
        out->precision[t] = average_precision(count.tallies[t].best);
        out->recall[t] = (double)count.tallies[t].right / (double)out->wanted;
    }
}
