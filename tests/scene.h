/* Images with objects, and detections, that tests of the store put into it: all from a seed. */
#ifndef EBJR_TESTS_SCENE_H
#define EBJR_TESTS_SCENE_H

#include "db/class_name.h"
#include "db/detection.h"
#include "db/internal.h"
#include "db/truth.h"
#include "support.h"

#include <math.h>

enum { IMAGES = 40, OBJECTS = 90, DETECTIONS = 300, CLASSES = 5, CATEGORIES = 91, LATE = 59 };

/* things to store */

static inline double a_coordinate(uint64_t *seed)
{
    return (double)random_below(seed, 64000) / 100;
}

static inline struct ebjr_box a_box(uint64_t *seed)
{
    return (struct ebjr_box){a_coordinate(seed), a_coordinate(seed), a_coordinate(seed),
                             a_coordinate(seed)};
}

/* Which image each of `count` things is in: ordered, and some images have none. */
static inline void spread(uint32_t *image, size_t count, uint64_t *seed)
{
    size_t at = 0, left = count;
    for (uint32_t i = 0; i < IMAGES; i++) {
        size_t share = i + 1 == IMAGES ? left : random_below(seed, 2 * count / IMAGES + 1);
        if (i % 7 == 3)
            share = 0;
        for (; share > 0 && left > 0; share--, left--)
            image[at++] = i;
    }
}

struct scene {
    struct ebjr_image images[IMAGES];
    struct ebjr_object objects[OBJECTS];
    struct ebjr_stored_truth truth; /* of both */
};

static inline void fill_scene(struct scene *scene)
{
    uint64_t seed = 21;
    uint32_t image[OBJECTS];
    memset(scene, 0, sizeof *scene);
    for (int i = 0; i < IMAGES; i++) {
        scene->images[i] = (struct ebjr_image){
            .number = 139 + 17 * i, .width = 640, .height = i % 5 ? 480 : EBJR_UNKNOWN};
        if (i % 4)
            snprintf(scene->images[i].file, sizeof scene->images[i].file, "%012d.jpg", i);
    }
    spread(image, OBJECTS, &seed);
    for (int i = 0; i < OBJECTS; i++)
        scene->objects[i] =
            (struct ebjr_object){.image = image[i],
                                 .category = (uint32_t)random_below(&seed, CATEGORIES),
                                 .box = a_box(&seed),
                                 .area = a_coordinate(&seed),
                                 .crowd = random_below(&seed, 8) == 0};
    scene->objects[3].box.x = -0.0;
    scene->truth = (struct ebjr_stored_truth){
        .images = scene->images,
        .objects = scene->objects,
        .truth = {.images = IMAGES, .objects = scene->objects, .count = OBJECTS}};
}

struct answers {
    struct ebjr_detection items[DETECTIONS];
    float logits[DETECTIONS][CLASSES];
};

static inline void fill_answers(struct answers *answers, uint64_t seed)
{
    uint32_t image[DETECTIONS];
    spread(image, DETECTIONS, &seed);
    for (int i = 0; i < DETECTIONS; i++) {
        answers->items[i] =
            (struct ebjr_detection){.image = image[i],
                                    .category = (uint32_t)random_below(&seed, CATEGORIES),
                                    .box = a_box(&seed),
                                    .score = (double)random_below(&seed, 1000) / 1000};
        for (int k = 0; k < CLASSES; k++)
            answers->logits[i][k] = (float)random_below(&seed, 2000) / 100 - 10;
    }
    answers->items[5].score = -0.0;
}

/* Those in images first .. end-1. */
static inline struct ebjr_detections part_of(const struct answers *answers, uint32_t first,
                                             uint32_t end, size_t classes)
{
    size_t from = 0, to;
    while (from < DETECTIONS && answers->items[from].image < first)
        from++;
    to = from;
    while (to < DETECTIONS && answers->items[to].image < end)
        to++;
    return (struct ebjr_detections){.items = answers->items + from,
                                    .count = to - from,
                                    .logits = classes ? answers->logits[from] : NULL,
                                    .classes = classes};
}

static inline ebjr_store *open_store(const char *name)
{
    ebjr_store *store = NULL;
    assert_done(ebjr_store_open(&store, scratch_path(name), EBJR_STORE_CREATE));
    assert_done(ebjr_store_execute(store, "PRAGMA synchronous = OFF")); /* no power cuts */
    return store;
}

static inline struct ebjr_stored_dataset put_scene(ebjr_store *store, const struct scene *scene)
{
    struct ebjr_stored_dataset dataset = {.name = "val", .path = "/data/instances.json"};
    assert_done(ebjr_truth_put(store, &dataset, &scene->truth));
    return dataset;
}

/* A run over images first .. first+count-1. */
static inline struct ebjr_stored_run put_shard(ebjr_store *store, const char *model_name,
                                               int64_t classes, int64_t first, int64_t count)
{
    struct scene scene;
    struct ebjr_stored_model model = {.kind = "import"};
    fill_scene(&scene);
    struct ebjr_stored_dataset dataset = put_scene(store, &scene);
    snprintf(model.name, sizeof model.name, "%s", model_name);
    snprintf(model.sha256, sizeof model.sha256, "of %s", model_name);
    assert_done(ebjr_stored_model_put(store, &model));
    struct ebjr_stored_run run = {.model_id = model.id,
                                  .dataset_id = dataset.id,
                                  .dtype = "float32",
                                  .classes = classes,
                                  .first = first,
                                  .samples = count};
    assert_done(ebjr_stored_run_put(store, &run));
    return run;
}

static inline struct ebjr_stored_run put_run(ebjr_store *store, const char *model_name,
                                             int64_t classes)
{
    return put_shard(store, model_name, classes, 0, IMAGES);
}

/* Appends the images before `end` that the run does not have. */
static inline int append(ebjr_store *store, struct ebjr_stored_run *run,
                         const struct answers *answers, uint32_t end)
{
    const int64_t first = run->first + run->done;
    struct ebjr_detections part = part_of(answers, (uint32_t)first, end, (size_t)run->classes);
    return ebjr_detection_append(store, run, &part, end - first);
}

static inline struct ebjr_stored_run run_of(ebjr_store *store, const char *model_name)
{
    struct ebjr_stored_model model;
    struct ebjr_stored_run *runs, found = {0};
    size_t count;
    assert_done(ebjr_stored_model_find(&model, store, model_name));
    assert_done(ebjr_stored_run_list(&runs, &count, store));
    for (size_t i = 0; i < count; i++)
        if (runs[i].model_id == model.id)
            found = runs[i];
    free(runs);
    assert_int_equal(found.model_id, model.id);
    return found;
}

static inline void assert_same_box(const struct ebjr_box *a, const struct ebjr_box *b)
{
    assert_true(a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height);
}

static inline void assert_same_scene(const struct ebjr_stored_truth *read,
                                     const struct scene *scene)
{
    assert_int_equal(read->truth.images, IMAGES);
    assert_int_equal(read->truth.count, OBJECTS);
    assert_ptr_equal(read->truth.objects, read->objects);
    for (int i = 0; i < IMAGES; i++) {
        assert_int_equal(read->images[i].number, scene->images[i].number);
        assert_int_equal(read->images[i].width, scene->images[i].width);
        assert_int_equal(read->images[i].height, scene->images[i].height);
        assert_string_equal(read->images[i].file, scene->images[i].file);
    }
    for (int i = 0; i < OBJECTS; i++) {
        const struct ebjr_object *a = &read->objects[i], *b = &scene->objects[i];
        assert_int_equal(a->image, b->image);
        assert_int_equal(a->category, b->category);
        assert_same_box(&a->box, &b->box);
        assert_true(a->area == b->area);
        assert_int_equal(a->crowd, b->crowd);
    }
}

static inline void assert_same_detections(const struct ebjr_stored_detections *read,
                                          const struct ebjr_detections *expected)
{
    const struct ebjr_detections *found = &read->detections;
    assert_int_equal(found->count, expected->count);
    assert_ptr_equal(found->items, read->items);
    assert_int_equal(found->classes, expected->classes);
    assert_int_equal(found->logits != NULL, expected->logits != NULL);
    for (size_t i = 0; i < found->count; i++) {
        assert_int_equal(found->items[i].image, expected->items[i].image);
        assert_int_equal(found->items[i].category, expected->items[i].category);
        assert_same_box(&found->items[i].box, &expected->items[i].box);
        assert_true(found->items[i].score == expected->items[i].score);
    }
    if (found->logits)
        assert_memory_equal(found->logits, expected->logits,
                            found->count * found->classes * sizeof(float));
}

#endif
