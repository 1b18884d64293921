#include "calib/coco_part.h"

#include "base/error.h"

#include <stdlib.h>

/* The new number of each image, and of how many there are. */
static uint32_t *number(size_t *count, const int8_t *part, int8_t which, size_t images)
{
    uint32_t *out = malloc((images + 1) * sizeof *out);
    *count = 0;
    for (size_t i = 0; out && i < images; i++) {
        out[i] = (uint32_t)*count;
        *count += part[i] == which;
    }
    return out;
}

static int copy_detections(struct ebjr_detections *out, const struct ebjr_detections *all,
                           const int8_t *part, int8_t which, const uint32_t *numbers)
{
    struct ebjr_detection *items = malloc((all->count + 1) * sizeof *items);
    size_t count = 0;
    if (!items)
        return ebjr_error_memory();
    for (size_t i = 0; i < all->count; i++)
        if (part[all->items[i].image] == which) {
            items[count] = all->items[i];
            items[count++].image = numbers[all->items[i].image];
        }
    *out = (struct ebjr_detections){.items = items, .count = count};
    return 0;
}

static int copy_truth(struct ebjr_truth *out, const struct ebjr_truth *all, const int8_t *part,
                      int8_t which, const uint32_t *numbers)
{
    struct ebjr_object *objects = malloc((all->count + 1) * sizeof *objects);
    if (!objects)
        return ebjr_error_memory();
    out->categories = all->categories;
    out->objects = objects;
    for (size_t i = 0; i < all->count; i++)
        if (part[all->objects[i].image] == which) {
            objects[out->count] = all->objects[i];
            objects[out->count++].image = numbers[all->objects[i].image];
        }
    return 0;
}

static int copy_score(struct ebjr_coco_images *out, const struct ebjr_coco_images *all,
                      const int8_t *part, int8_t which)
{
    double *score = malloc((all->truth.images + 1) * sizeof *score);
    size_t count = 0;
    if (!score)
        return ebjr_error_memory();
    for (size_t i = 0; i < all->truth.images; i++)
        if (part[i] == which)
            score[count++] = all->score[i];
    out->score = score;
    return 0;
}

int ebjr_coco_part(struct ebjr_coco_images *out, const struct ebjr_coco_images *all,
                   const int8_t *part, int8_t which)
{
    *out = (struct ebjr_coco_images){0};
    uint32_t *numbers = number(&out->truth.images, part, which, all->truth.images);
    int status =
        numbers ? copy_truth(&out->truth, &all->truth, part, which, numbers) : ebjr_error_memory();
    if (!status)
        status = copy_detections(&out->student, &all->student, part, which, numbers);
    if (!status)
        status = copy_detections(&out->teacher, &all->teacher, part, which, numbers);
    if (!status)
        status = copy_score(out, all, part, which);
    free(numbers);
    return status;
}

void ebjr_coco_part_free(struct ebjr_coco_images *part)
{
    free((void *)part->truth.objects);
    free((void *)part->student.items);
    free((void *)part->teacher.items);
    free((void *)part->score);
    *part = (struct ebjr_coco_images){0};
}
