#include "runtime/coco_file.h"

#include "base/array.h"
#include "base/error.h"
#include "runtime/json_lists.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double largest_length = 1e9, largest_whole = 9007199254740992.0; /* 2^53 */

/* Fields of an element. */

static int number(double *out, const json_t *value, const char *what)
{
    *out = json_number_value(value);
    if (json_is_number(value))
        return 0;
    return ebjr_error_set(EBJR_EFORMAT, "its %s is %s", what, value ? "no number" : "missing");
}

/* Some programs write whole numbers as 7.0. */
static int whole(int64_t *out, const json_t *value, const char *what, int64_t lowest,
                 int64_t highest)
{
    double real;
    int status = number(&real, value, what);
    if (status)
        return status;
    if (json_is_integer(value))
        *out = json_integer_value(value);
    else if (real == floor(real) && fabs(real) <= largest_whole)
        *out = (int64_t)real;
    else
        return ebjr_error_set(EBJR_EFORMAT, "its %s is %g, no whole number", what, real);
    if (*out >= lowest && *out <= highest)
        return 0;
    return ebjr_error_set(EBJR_EFORMAT, "its %s is %lld, not within %lld and %lld", what,
                          (long long)*out, (long long)lowest, (long long)highest);
}

static int box(struct ebjr_box *out, const json_t *element)
{
    static const char *const names[] = {"x", "y", "width", "height"};
    const json_t *list = json_object_get(element, "bbox");
    double *const targets[] = {&out->x, &out->y, &out->width, &out->height};
    int status = 0;
    if (json_array_size(list) != 4)
        return ebjr_error_set(EBJR_EFORMAT, "its bbox is %s",
                              list ? "no list of 4 numbers" : "missing");
    for (size_t i = 0; !status && i < 4; i++) {
        double lowest = i < 2 ? -largest_length : 0;
        status = number(targets[i], json_array_get(list, i), names[i]);
        if (!status && !(*targets[i] >= lowest && *targets[i] <= largest_length))
            status = ebjr_error_set(EBJR_EFORMAT, "the %s of its bbox is %g, not within %g and %g",
                                    names[i], *targets[i], lowest, largest_length);
    }
    return status;
}

/* Images by their numbers. */

static int compare_images(const void *left, const void *right)
{
    int64_t a = ((const struct ebjr_image *)left)->number;
    int64_t b = ((const struct ebjr_image *)right)->number;
    return (a > b) - (a < b);
}

static int find_image(uint32_t *out, const struct ebjr_stored_truth *truth, int64_t number)
{
    const struct ebjr_image wanted = {.number = number};
    const struct ebjr_image *found =
        bsearch(&wanted, truth->images, truth->truth.images, sizeof wanted, compare_images);
    if (!found)
        return ebjr_error_set(EBJR_EFORMAT, "no image has the id %lld", (long long)number);
    *out = (uint32_t)(found - truth->images);
    return 0;
}

/* Rows that begin with the number of their image, and what else there is of each. */
struct column {
    char *bytes;
    size_t size; /* of an element */
};

static uint32_t image_of(const struct column *rows, size_t at)
{
    uint32_t image;
    memcpy(&image, rows->bytes + at * rows->size, sizeof image);
    return image;
}

static void swap(const struct column *column, size_t i, size_t j)
{
    char *a = column->bytes + i * column->size, *b = column->bytes + j * column->size;
    for (size_t k = 0; k < column->size; k++) {
        char kept = a[k];
        a[k] = b[k];
        b[k] = kept;
    }
}

/* Brings columns[0] into the order of its images, what is of one image staying in its order, and
 * the others with it. */
static int order_by_image(const struct column *columns, size_t column_count, size_t count,
                          size_t images)
{
    size_t *next = calloc(images + 1, sizeof *next), *place = malloc((count + 1) * sizeof *place);
    if (!next || !place) {
        free(next);
        free(place);
        return ebjr_error_memory();
    }
    for (size_t i = 0; i < count; i++)
        next[image_of(columns, i) + 1]++;
    for (size_t i = 0; i < images; i++)
        next[i + 1] += next[i];
    for (size_t i = 0; i < count; i++)
        place[i] = next[image_of(columns, i)]++;
    for (size_t i = 0; i < count; i++)
        while (place[i] != i) {
            size_t j = place[i];
            for (size_t c = 0; c < column_count; c++)
                swap(&columns[c], i, j);
            place[i] = place[j];
            place[j] = j;
        }
    free(next);
    free(place);
    return 0;
}

/* An instances file. */

struct instances {
    struct ebjr_stored_truth *out;
    struct ebjr_class_names *names;
    int64_t *numbers; /* of the objects' images, which may come later in the file */
    size_t image_room, object_room, number_room;
};

static int size_of_image(int64_t *out, const json_t *element, const char *key)
{
    const json_t *value = json_object_get(element, key);
    *out = EBJR_UNKNOWN;
    return value ? whole(out, value, key, 1, INT32_MAX) : 0;
}

static int take_image(void *context, const json_t *element)
{
    struct instances *self = context;
    struct ebjr_image image = {0};
    const json_t *file = json_object_get(element, "file_name");
    int status = whole(&image.number, json_object_get(element, "id"), "id", INT64_MIN, INT64_MAX);
    if (!status)
        status = size_of_image(&image.width, element, "width");
    if (!status)
        status = size_of_image(&image.height, element, "height");
    if (!status && file && !json_is_string(file))
        status = ebjr_error_set(EBJR_EFORMAT, "its file_name is no text");
    if (!status && json_string_length(file) >= sizeof image.file)
        status = ebjr_error_set(EBJR_EFORMAT, "its file_name has %zu bytes; %zu are the most",
                                json_string_length(file), sizeof image.file - 1);
    if (!status)
        status = ebjr_array_reserve(&self->out->images, &self->image_room, self->out->truth.images,
                                    1, sizeof image);
    if (status)
        return status;
    if (file)
        memcpy(image.file, json_string_value(file), json_string_length(file));
    self->out->images[self->out->truth.images++] = image;
    return 0;
}

static int area_of(double *out, const json_t *element, const struct ebjr_box *box)
{
    const json_t *value = json_object_get(element, "area");
    *out = box->width * box->height;
    int status = value ? number(out, value, "area") : 0;
    if (!status && !(*out >= 0))
        status = ebjr_error_set(EBJR_EFORMAT, "its area is %g", *out);
    return status;
}

static int crowd_of(bool *out, const json_t *element)
{
    const json_t *value = json_object_get(element, "iscrowd");
    int64_t crowd = 0;
    int status = value ? whole(&crowd, value, "iscrowd", 0, 1) : 0;
    *out = crowd != 0;
    return status;
}

static int take_annotation(void *context, const json_t *element)
{
    struct instances *self = context;
    size_t count = self->out->truth.count;
    struct ebjr_object object = {0};
    int64_t number, category;
    int status =
        whole(&number, json_object_get(element, "image_id"), "image_id", INT64_MIN, INT64_MAX);
    if (!status)
        status = whole(&category, json_object_get(element, "category_id"), "category_id", 0,
                       EBJR_CLASS_NAMES - 1);
    if (!status)
        status = box(&object.box, element);
    if (!status)
        status = area_of(&object.area, element, &object.box);
    if (!status)
        status = crowd_of(&object.crowd, element);
    if (!status)
        status =
            ebjr_array_reserve(&self->out->objects, &self->object_room, count, 1, sizeof object);
    if (!status)
        status = ebjr_array_reserve(&self->numbers, &self->number_room, count, 1, sizeof number);
    if (status)
        return status;
    object.category = (uint32_t)category;
    self->numbers[count] = number;
    self->out->objects[count] = object;
    self->out->truth.count++;
    return 0;
}

static int take_category(void *context, const json_t *element)
{
    struct instances *self = context;
    const char *name = json_string_value(json_object_get(element, "name"));
    int64_t id;
    int status = whole(&id, json_object_get(element, "id"), "id", 0, EBJR_CLASS_NAMES - 1);
    if (status)
        return status;
    if (!name)
        return ebjr_error_set(EBJR_EFORMAT, "it has no name");
    if (ebjr_class_name(self->names, id))
        return ebjr_error_set(EBJR_EFORMAT, "another has the id %lld", (long long)id);
    status = ebjr_class_names_set(self->names, id, name);
    return status == EBJR_EINVAL ? EBJR_EFORMAT : status;
}

static int order_images(struct ebjr_stored_truth *truth)
{
    size_t count = truth->truth.images;
    if (count == 0)
        return ebjr_error_set(EBJR_EFORMAT, "it has no images");
    qsort(truth->images, count, sizeof *truth->images, compare_images);
    for (size_t i = 1; i < count; i++)
        if (truth->images[i].number == truth->images[i - 1].number)
            return ebjr_error_set(EBJR_EFORMAT, "two images have the id %lld",
                                  (long long)truth->images[i].number);
    return 0;
}

static int order_objects(struct instances *self)
{
    struct ebjr_stored_truth *truth = self->out;
    const struct column objects = {(char *)truth->objects, sizeof *truth->objects};
    for (size_t i = 0; i < truth->truth.count; i++) {
        struct ebjr_object *object = &truth->objects[i];
        int status = find_image(&object->image, truth, self->numbers[i]);
        if (!status && !ebjr_class_name(self->names, object->category))
            status = ebjr_error_set(EBJR_EFORMAT, "no category has the id %u",
                                    (unsigned)object->category);
        if (status)
            return ebjr_error_context(status, "annotations[%zu]", i);
    }
    return order_by_image(&objects, 1, truth->truth.count, truth->truth.images);
}

int ebjr_coco_truth_read(struct ebjr_stored_truth *out, struct ebjr_class_names *names,
                         const char *path)
{
    struct instances self = {.out = out, .names = names};
    struct ebjr_json_list lists[] = {{"images", take_image, false},
                                     {"annotations", take_annotation, false},
                                     {"categories", take_category, false}};
    *out = (struct ebjr_stored_truth){0};
    *names = (struct ebjr_class_names){0};
    int status = ebjr_json_lists_read(path, lists, sizeof lists / sizeof *lists, &self);
    if (!status) {
        status = order_images(out);
        if (!status && names->count == 0)
            status = ebjr_error_set(EBJR_EFORMAT, "it has no categories");
        if (!status)
            status = order_objects(&self);
        if (status)
            ebjr_error_context(status, "%s", path);
    }
    out->truth.objects = out->objects;
    out->truth.categories = names->count;
    free(self.numbers);
    if (status) {
        ebjr_stored_truth_free(out);
        ebjr_class_names_free(names);
    }
    return status;
}

/* A results file. */

struct results {
    struct ebjr_stored_detections *out;
    const struct ebjr_stored_truth *truth;
    size_t item_room, logit_room;
};

static int take_logits(struct results *self, const json_t *list)
{
    struct ebjr_detections *detections = &self->out->detections;
    size_t classes = json_array_size(list), used = detections->count * detections->classes;
    if (list && classes == 0)
        return ebjr_error_set(EBJR_EFORMAT, "its logits are no list of numbers");
    if (detections->count > 0 && classes != detections->classes)
        return ebjr_error_set(EBJR_EFORMAT, "it has %zu logits, but those before it %zu", classes,
                              detections->classes);
    detections->classes = classes;
    int status = classes > 0 ? ebjr_array_reserve(&self->out->logits, &self->logit_room, used,
                                                  classes, sizeof(float))
                             : 0;
    for (size_t i = 0; !status && i < classes; i++) {
        double logit;
        status = number(&logit, json_array_get(list, i), "logit");
        if (!status && fabs(logit) > FLT_MAX)
            status = ebjr_error_set(EBJR_EFORMAT, "the logit %zu is %g, beyond float32", i, logit);
        if (!status)
            self->out->logits[used + i] = (float)logit;
    }
    return status;
}

static int take_category_of(uint32_t *out, const struct results *self, const json_t *element)
{
    int64_t category;
    int status = whole(&category, json_object_get(element, "category_id"), "category_id", 0,
                       (int64_t)self->truth->truth.categories - 1);
    if (!status)
        *out = (uint32_t)category;
    return status;
}

static int take_detection(void *context, const json_t *element)
{
    struct results *self = context;
    struct ebjr_detections *detections = &self->out->detections;
    struct ebjr_detection item;
    int64_t number_of_image;
    int status = whole(&number_of_image, json_object_get(element, "image_id"), "image_id",
                       INT64_MIN, INT64_MAX);
    if (!status)
        status = find_image(&item.image, self->truth, number_of_image);
    if (!status)
        status = take_category_of(&item.category, self, element);
    if (!status)
        status = box(&item.box, element);
    if (!status)
        status = number(&item.score, json_object_get(element, "score"), "score");
    if (!status)
        status = take_logits(self, json_object_get(element, "logits"));
    if (!status)
        status = ebjr_array_reserve(&self->out->items, &self->item_room, detections->count, 1,
                                    sizeof item);
    if (!status)
        self->out->items[detections->count++] = item;
    return status;
}

int ebjr_coco_detections_read(struct ebjr_stored_detections *out, const char *path,
                              const struct ebjr_stored_truth *truth)
{
    struct results self = {.out = out, .truth = truth};
    struct ebjr_json_list list = {NULL, take_detection, false};
    *out = (struct ebjr_stored_detections){0};
    int status = ebjr_json_lists_read(path, &list, 1, &self);
    const struct column columns[] = {
        {(char *)out->items, sizeof *out->items},
        {(char *)out->logits, out->detections.classes * sizeof(float)}};
    if (!status)
        status = order_by_image(columns, out->logits ? 2 : 1, out->detections.count,
                                truth->truth.images);
    out->detections.items = out->items;
    out->detections.logits = out->logits;
    if (status)
        ebjr_stored_detections_free(out);
    return status;
}
