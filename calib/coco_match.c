#include "calib/coco_match.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double area_range[EBJR_COCO_AREAS][2] = {
    {0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

static bool is_within(double area, int range)
{
    return area >= area_range[range][0] && area <= area_range[range][1];
}

bool ebjr_coco_is_wanted(const struct ebjr_object *object, int area)
{
    return !object->crowd && is_within(object->area, area);
}

/* 0.5, 0.55, ..., 0.95 as numpy's linspace rounds them. */
static double least_overlap(int t)
{
    const double step = (0.95 - 0.5) / (EBJR_COCO_OVERLAPS - 1);
    return t == EBJR_COCO_OVERLAPS - 1 ? 0.95 : t * step + 0.5;
}

static double area_of(const struct ebjr_box *box)
{
    return box->width * box->height;
}

static double overlap_of(const struct ebjr_box *detection, const struct ebjr_object *object)
{
    const struct ebjr_box *box = &object->box;
    double width =
        fmin(detection->x + detection->width, box->x + box->width) - fmax(detection->x, box->x);
    double height =
        fmin(detection->y + detection->height, box->y + box->height) - fmax(detection->y, box->y);
    if (width <= 0 || height <= 0)
        return 0;
    double shared = width * height;
    double own = area_of(detection);
    return shared / (object->crowd ? own : own + area_of(box) - shared);
}

void ebjr_coco_room_free(struct ebjr_coco_room *room)
{
    free(room->overlap);
    free(room->order);
    free(room->flags);
    *room = (struct ebjr_coco_room){0};
}

static int make_room(struct ebjr_coco_room *room, size_t detections, size_t objects)
{
    if (objects > 0 && detections > SIZE_MAX / sizeof(double) / objects)
        return ebjr_error_memory();
    if (room->overlaps < detections * objects) {
        free(room->overlap);
        room->overlaps = 2 * detections * objects;
        room->overlap = malloc(room->overlaps * sizeof *room->overlap);
    }
    if (room->objects < objects) {
        free(room->order);
        free(room->flags);
        room->objects = 2 * objects;
        room->order = malloc(room->objects * sizeof *room->order);
        room->flags = malloc(2 * room->objects);
    }
    bool failed = (room->overlaps > 0 && !room->overlap) ||
                  (room->objects > 0 && (!room->order || !room->flags));
    if (!failed)
        return 0;
    ebjr_coco_room_free(room);
    return ebjr_error_memory();
}

/* The object that a detection gets; `count`: none. Those that are wanted come first in `order`, and
 * an unwanted one is taken only where no wanted one is. */
static size_t best_object(const double *overlap, const size_t *order, const uint8_t *wanted,
                          const uint8_t *taken, const struct ebjr_object *const *objects,
                          size_t count, double least)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        size_t at = order[i];
        if (taken[at] && !objects[at]->crowd)
            continue;
        if (best < count && wanted[best] && !wanted[at])
            break;
        if (overlap[at] < least)
            continue;
        least = overlap[at];
        best = at;
    }
    return best;
}

static void match_at(struct ebjr_coco_match *out, const struct ebjr_detection *const *detections,
                     size_t detection_count, const struct ebjr_object *const *objects,
                     size_t object_count, struct ebjr_coco_room *room, int area, int t)
{
    uint8_t *wanted = room->flags, *taken = room->flags + room->objects;
    const uint16_t bit = (uint16_t)(1 << t);
    if (object_count > 0)
        memset(taken, 0, object_count);
    for (size_t i = 0; i < detection_count; i++) {
        size_t best = best_object(room->overlap + i * object_count, room->order, wanted, taken,
                                  objects, object_count, least_overlap(t));
        bool matched = best < object_count;
        bool right = matched && wanted[best];
        bool counted = matched ? wanted[best] : is_within(area_of(&detections[i]->box), area);
        if (matched)
            taken[best] = 1;
        out[i].right[area] |= right ? bit : 0;
        out[i].counted[area] |= counted ? bit : 0;
    }
}

/* Stable: the wanted ones first. */
static void order_objects(struct ebjr_coco_room *room, const struct ebjr_object *const *objects,
                          size_t count, int area)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        room->flags[i] = ebjr_coco_is_wanted(objects[i], area);
    for (int wanted = 1; wanted >= 0; wanted--)
        for (size_t i = 0; i < count; i++)
            if (room->flags[i] == wanted)
                room->order[used++] = i;
}

int ebjr_coco_match(struct ebjr_coco_match *out, const struct ebjr_detection *const *detections,
                    size_t detection_count, const struct ebjr_object *const *objects,
                    size_t object_count, struct ebjr_coco_room *room)
{
    int status = make_room(room, detection_count, object_count);
    if (status)
        return status;
    memset(out, 0, detection_count * sizeof *out);
    for (size_t i = 0; i < detection_count; i++)
        for (size_t j = 0; j < object_count; j++)
            room->overlap[i * object_count + j] = overlap_of(&detections[i]->box, objects[j]);
    for (int area = 0; area < EBJR_COCO_AREAS; area++) {
        order_objects(room, objects, object_count, area);
        for (int t = 0; t < EBJR_COCO_OVERLAPS; t++)
            match_at(out, detections, detection_count, objects, object_count, room, area, t);
    }
    return 0;
}
