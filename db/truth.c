#include "db/truth.h"

#include "base/array.h"
#include "base/error.h"
#include "db/class_name.h"
#include "db/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ebjr_stored_truth_free(struct ebjr_stored_truth *truth)
{
    free(truth->images);
    free(truth->objects);
    *truth = (struct ebjr_stored_truth){0};
}

static int check_object(const struct ebjr_truth *truth, size_t i)
{
    const struct ebjr_object *object = &truth->objects[i];
    const struct ebjr_box *box = &object->box;
    if (object->image >= truth->images || (i > 0 && object->image < object[-1].image))
        return ebjr_error_set(EBJR_EFORMAT,
                              "object %zu is in image %lu; objects come in the order of images, of "
                              "which there are %zu",
                              i, (unsigned long)object->image, truth->images);
    if (object->category >= EBJR_CLASS_NAMES)
        return ebjr_error_set(EBJR_EFORMAT, "object %zu is of category %lu; %d is the last", i,
                              (unsigned long)object->category, EBJR_CLASS_NAMES - 1);
    if (!isfinite(box->x) || !isfinite(box->y) || !isfinite(box->width) || !isfinite(box->height) ||
        !isfinite(object->area))
        return ebjr_error_set(EBJR_EFORMAT,
                              "object %zu, in image %lu: its box or area is not finite", i,
                              (unsigned long)object->image);
    return 0;
}

static int hash_image(ebjr_hash *hash, const struct ebjr_image *image)
{
    const int64_t length = (int64_t)strlen(image->file);
    const int64_t head[] = {image->number, image->width, image->height, length};
    int status = ebjr_hash_update(hash, head, sizeof head);
    return status ? status : ebjr_hash_update(hash, image->file, (size_t)length);
}

static int hash_object(ebjr_hash *hash, const struct ebjr_object *object)
{
    const int64_t integers[] = {object->image, object->category};
    const double reals[] = {object->box.x + 0.0, object->box.y + 0.0, object->box.width + 0.0,
                            object->box.height + 0.0, object->area + 0.0}; /* SQLite keeps no -0 */
    const unsigned char crowd = object->crowd;
    int status = ebjr_hash_update(hash, integers, sizeof integers);
    if (!status)
        status = ebjr_hash_update(hash, reals, sizeof reals);
    return status ? status : ebjr_hash_update(hash, &crowd, sizeof crowd);
}

int ebjr_truth_hash(char out[EBJR_HASH_TEXT], const struct ebjr_stored_truth *stored)
{
    const struct ebjr_truth *truth = &stored->truth;
    const int64_t counts[] = {(int64_t)truth->images, (int64_t)truth->count};
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (!status)
        status = ebjr_hash_update(hash, counts, sizeof counts);
    for (size_t i = 0; !status && i < truth->images; i++)
        status = hash_image(hash, &stored->images[i]);
    for (size_t i = 0; !status && i < truth->count; i++) {
        status = check_object(truth, i);
        if (!status)
            status = hash_object(hash, &truth->objects[i]);
    }
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}

static void bind_known(sqlite3_stmt *statement, int parameter, int64_t value)
{
    if (value == EBJR_UNKNOWN)
        sqlite3_bind_null(statement, parameter);
    else
        sqlite3_bind_int64(statement, parameter, value);
}

static int insert(ebjr_store *store, sqlite3_stmt *statement)
{
    int step = sqlite3_step(statement);
    sqlite3_reset(statement);
    return step == SQLITE_DONE ? 0 : ebjr_store_failure(store, "store images and objects");
}

static int insert_images(ebjr_store *store, int64_t dataset_id,
                         const struct ebjr_stored_truth *truth)
{
    sqlite3_stmt *statement = NULL;
    int status =
        ebjr_store_prepare(&statement, store, "INSERT INTO image VALUES (?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; !status && i < truth->truth.images; i++) {
        const struct ebjr_image *image = &truth->images[i];
        sqlite3_bind_int64(statement, 1, dataset_id);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)i);
        sqlite3_bind_int64(statement, 3, image->number);
        sqlite3_bind_text(statement, 4, image->file, -1, SQLITE_STATIC);
        bind_known(statement, 5, image->width);
        bind_known(statement, 6, image->height);
        status = insert(store, statement);
    }
    sqlite3_finalize(statement);
    return status;
}

static int insert_objects(ebjr_store *store, int64_t dataset_id, const struct ebjr_truth *truth)
{
    sqlite3_stmt *statement = NULL;
    int64_t place = 0;
    int status = ebjr_store_prepare(&statement, store,
                                    "INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; !status && i < truth->count; i++) {
        const struct ebjr_object *object = &truth->objects[i];
        place = i > 0 && object->image == object[-1].image ? place + 1 : 0;
        sqlite3_bind_int64(statement, 1, dataset_id);
        sqlite3_bind_int64(statement, 2, object->image);
        sqlite3_bind_int64(statement, 3, place);
        sqlite3_bind_int64(statement, 4, object->category);
        sqlite3_bind_double(statement, 5, object->box.x);
        sqlite3_bind_double(statement, 6, object->box.y);
        sqlite3_bind_double(statement, 7, object->box.width);
        sqlite3_bind_double(statement, 8, object->box.height);
        sqlite3_bind_double(statement, 9, object->area);
        sqlite3_bind_int(statement, 10, object->crowd);
        status = insert(store, statement);
    }
    sqlite3_finalize(statement);
    return status;
}

int ebjr_truth_put(ebjr_store *store, struct ebjr_stored_dataset *dataset,
                   const struct ebjr_stored_truth *truth)
{
    struct ebjr_stored_dataset record = *dataset;
    bool fresh = false;
    snprintf(record.kind, sizeof record.kind, EBJR_COCO_KIND);
    record.samples = (int64_t)truth->truth.images;
    int status = ebjr_truth_hash(record.sha256, truth);
    if (!status)
        status = ebjr_store_begin(store);
    if (status)
        return status;
    status = ebjr_stored_dataset_add(&fresh, store, &record);
    if (!status && fresh)
        status = insert_images(store, record.id, truth);
    if (!status && fresh)
        status = insert_objects(store, record.id, &truth->truth);
    status = ebjr_store_end(store, status);
    if (!status)
        *dataset = record;
    return status;
}

static bool read_known(int64_t *out, sqlite3_stmt *statement, int column)
{
    const bool known = sqlite3_column_type(statement, column) != SQLITE_NULL;
    *out = EBJR_UNKNOWN;
    return !known || (ebjr_column_integer(out, statement, column) && *out != EBJR_UNKNOWN);
}

/* Whether the row is the image that follows those before it. */
static bool read_image(struct ebjr_image *out, sqlite3_stmt *row, size_t expected)
{
    int64_t index;
    if (!ebjr_column_integer(&index, row, 0) || index != (int64_t)expected ||
        !ebjr_column_integer(&out->number, row, 1) || sqlite3_column_type(row, 2) != SQLITE_TEXT ||
        !read_known(&out->width, row, 3) || !read_known(&out->height, row, 4))
        return false;
    const char *file = (const char *)sqlite3_column_text(row, 2);
    snprintf(out->file, sizeof out->file, "%s", file ? file : "");
    return strlen(out->file) == (size_t)sqlite3_column_bytes(row, 2);
}

/* Whether the row is an object that may follow the one before it. */
static bool read_object(struct ebjr_object *out, int64_t *place, sqlite3_stmt *row,
                        const struct ebjr_object *before)
{
    int64_t image, category, crowd, last = *place;
    if (!ebjr_column_integer(&image, row, 0) || !ebjr_column_integer(place, row, 1) ||
        !ebjr_column_integer(&category, row, 2) || !ebjr_column_integer(&crowd, row, 8))
        return false;
    *out = (struct ebjr_object){
        .image = (uint32_t)image, .category = (uint32_t)category, .crowd = crowd != 0};
    return out->image == image && out->category == category && out->crowd == crowd &&
           *place == (before && before->image == image ? last + 1 : 0) &&
           ebjr_column_real(&out->box.x, row, 3) && ebjr_column_real(&out->box.y, row, 4) &&
           ebjr_column_real(&out->box.width, row, 5) &&
           ebjr_column_real(&out->box.height, row, 6) && ebjr_column_real(&out->area, row, 7);
}

static int changed(const char *what, size_t place)
{
    return ebjr_error_set(EBJR_ESTORE,
                          "its %s changed since they were written, the first at place %zu; ebjr "
                          "verify looks closer",
                          what, place);
}

static int read_images(struct ebjr_stored_truth *out, ebjr_store *store, int64_t dataset_id)
{
    sqlite3_stmt *row = NULL;
    size_t *count = &out->truth.images, room = 0;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &row, store,
        "SELECT idx, number, file, width, height FROM image WHERE dataset_id = ? ORDER BY idx");
    if (!status)
        sqlite3_bind_int64(row, 1, dataset_id);
    while (!status && (step = sqlite3_step(row)) == SQLITE_ROW) {
        status = ebjr_array_reserve(&out->images, &room, *count, 1, sizeof *out->images);
        if (!status && !read_image(&out->images[*count], row, *count))
            status = changed("images", *count);
        ++*count;
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read images");
    sqlite3_finalize(row);
    return status;
}

static int read_objects(struct ebjr_stored_truth *out, ebjr_store *store, int64_t dataset_id)
{
    sqlite3_stmt *row = NULL;
    size_t *count = &out->truth.count, room = 0;
    int64_t place = 0;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(&row, store,
                                    "SELECT idx, place, category, x, y, width, height, area, crowd "
                                    "FROM object WHERE dataset_id = ? ORDER BY idx, place");
    if (!status)
        sqlite3_bind_int64(row, 1, dataset_id);
    while (!status && (step = sqlite3_step(row)) == SQLITE_ROW) {
        status = ebjr_array_reserve(&out->objects, &room, *count, 1, sizeof *out->objects);
        if (!status && !read_object(&out->objects[*count], &place, row,
                                    *count ? &out->objects[*count - 1] : NULL))
            status = changed("objects", *count);
        ++*count;
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read objects");
    sqlite3_finalize(row);
    out->truth.objects = out->objects;
    return status;
}

static int check_hash(const struct ebjr_stored_truth *truth,
                      const struct ebjr_stored_dataset *dataset)
{
    char sha256[EBJR_HASH_TEXT];
    int status = ebjr_truth_hash(sha256, truth);
    if (status == EBJR_EFORMAT || (!status && strcmp(sha256, dataset->sha256) != 0))
        status = ebjr_error_set(EBJR_ESTORE, "its images or objects changed since they were "
                                             "written");
    return status;
}

static int count_categories(struct ebjr_stored_truth *out, ebjr_store *store,
                            const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_class_names names;
    int status = ebjr_class_names_read(&names, store, dataset);
    if (status)
        return status;
    out->truth.categories = names.count;
    ebjr_class_names_free(&names);
    for (size_t i = 0; i < out->truth.count; i++)
        if (out->objects[i].category >= out->truth.categories)
            out->truth.categories = (size_t)out->objects[i].category + 1;
    return 0;
}

int ebjr_truth_read(struct ebjr_stored_truth *out, ebjr_store *store,
                    const struct ebjr_stored_dataset *dataset)
{
    *out = (struct ebjr_stored_truth){0};
    if (strcmp(dataset->kind, EBJR_COCO_KIND) != 0)
        return ebjr_error_set(EBJR_EINVAL, "data set '%s' has labels, no objects in images",
                              dataset->name);
    int status = read_images(out, store, dataset->id);
    if (!status)
        status = read_objects(out, store, dataset->id);
    if (!status)
        status = check_hash(out, dataset);
    if (!status)
        status = count_categories(out, store, dataset);
    if (status)
        ebjr_stored_truth_free(out);
    return status == EBJR_ESTORE
               ? ebjr_error_context(status, "%s: data set '%s'", store->path, dataset->name)
               : status;
}
