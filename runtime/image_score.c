#include "runtime/image_score.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

static double energy_max(const struct ebjr_image_row *row)
{
    double largest = row->energy[0];
    for (size_t d = 1; d < row->count; d++)
        largest = fmax(largest, row->energy[d]);
    return largest;
}

static double energy_mean(const struct ebjr_image_row *row)
{
    double sum = 0;
    for (size_t d = 0; d < row->count; d++)
        sum += row->energy[d];
    return sum / (double)row->count;
}

static double confidence_sum(const struct ebjr_image_row *row)
{
    double sum = 0;
    for (size_t d = 0; d < row->count; d++)
        sum += row->items[d].score;
    return sum;
}

/* Where all confidences are 0, no detection weighs more than another. */
static double energy_weighted(const struct ebjr_image_row *row)
{
    double sum = 0, weight = confidence_sum(row);
    for (size_t d = 0; d < row->count; d++)
        sum += row->items[d].score * row->energy[d];
    return weight > 0 ? sum / weight : energy_mean(row);
}

static double confidence_max(const struct ebjr_image_row *row)
{
    double largest = row->items[0].score;
    for (size_t d = 1; d < row->count; d++)
        largest = fmax(largest, row->items[d].score);
    return largest;
}

static double confidence_mean(const struct ebjr_image_row *row)
{
    return confidence_sum(row) / (double)row->count;
}

static double few(const struct ebjr_image_row *row)
{
    return -confidence_sum(row);
}

static double certain(const struct ebjr_image_row *row)
{
    double variance = 0;
    for (size_t d = 0; d < row->count; d++)
        variance += row->items[d].score * (1 - row->items[d].score);
    return -variance;
}

static const struct ebjr_image_score scores[] = {
    {"energy-max", "max e", EBJR_SCORE_LOGITS, energy_max},
    {"energy-mean", "mean e", EBJR_SCORE_LOGITS, energy_mean},
    {"energy-weighted", "sum s e / sum s", EBJR_SCORE_LOGITS, energy_weighted},
    {"confidence-max", "max s", EBJR_SCORE_LOGITS, confidence_max},
    {"confidence-mean", "mean s", EBJR_SCORE_LOGITS, confidence_mean},
    {"few", "-sum s", EBJR_SCORE_LOGITS, few},
    {"certain", "-sum s (1 - s)", EBJR_SCORE_LOGITS, certain},
    {"random", "uniform", EBJR_SCORE_RANDOM, NULL},
    {"oracle", "AP gained by this image alone", EBJR_SCORE_ORACLE, NULL},
};
enum { SCORES = sizeof scores / sizeof *scores };

const struct ebjr_image_score *ebjr_image_score_list(size_t *count)
{
    *count = SCORES;
    return scores;
}

int ebjr_image_score_find(const struct ebjr_image_score **out, const char *name)
{
    const char *names[SCORES];
    size_t at;
    for (size_t i = 0; i < SCORES; i++)
        names[i] = scores[i].name;
    int status = ebjr_name_find(&at, EBJR_EINVAL, "score of images", name, names, SCORES);
    if (!status)
        *out = &scores[at];
    return status;
}

static double of_confidence(double confidence)
{
    static const double LEAST = 0x1p-53;
    return -log(fmax(1 - confidence, LEAST));
}

static int energies(double *out, const struct ebjr_detections *detections,
                    const struct ebjr_score_options *options)
{
    const struct ebjr_score *energy;
    int status = ebjr_score_find(&energy, "energy");
    for (size_t d = 0; !status && d < detections->count; d++) {
        const struct ebjr_detection *item = &detections->items[d];
        if (!(item->score >= 0 && item->score <= 1))
            status = ebjr_error_set(EBJR_EINVAL,
                                    "image %u (counted from 0): a detection has the confidence "
                                    "%g, which must lie within 0..1",
                                    (unsigned)item->image, item->score);
        else
            out[d] = detections->logits
                         ? ebjr_score_evaluate(energy, detections->logits + d * detections->classes,
                                               detections->classes, options)
                         : of_confidence(item->score);
    }
    return status;
}

int ebjr_image_score_evaluate(double *out, const struct ebjr_image_score *score,
                              const struct ebjr_detections *detections, size_t images,
                              const struct ebjr_score_options *options)
{
    if (score->kind == EBJR_SCORE_RANDOM)
        return ebjr_score_random(out, images, options->seed);
    double *energy = malloc((detections->count + 1) * sizeof *energy);
    int status = energy ? energies(energy, detections, options) : ebjr_error_memory();
    size_t next = 0;
    for (size_t image = 0; !status && image < images; image++) {
        struct ebjr_image_row row = {detections->items + next, energy + next, 0};
        while (next < detections->count && detections->items[next].image == image)
            row.count++, next++;
        out[image] = row.count > 0 ? score->of_row(&row) : 0;
    }
    free(energy);
    return status;
}
