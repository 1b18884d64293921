/* Makes the state that coco.c counts in: matches both models, sorts their detections. */
#include "calib/coco_state.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64, BITS = EBJR_COCO_AREAS + 3, ALL_OVERLAPS = (1 << EBJR_COCO_OVERLAPS) - 1 };

static int check_box(const char *noun, size_t at, const struct ebjr_box *box)
{
    if (isfinite(box->x) && isfinite(box->y) && isfinite(box->width) && isfinite(box->height) &&
        box->width >= 0 && box->height >= 0)
        return 0;
    return ebjr_error_set(EBJR_EINVAL, "%s %zu: its box is %g, %g, %g wide, %g high", noun, at,
                          box->x, box->y, box->width, box->height);
}

static int check_place(const char *noun, size_t at, const struct ebjr_truth *truth, uint32_t image,
                       uint32_t category)
{
    if (image < truth->images && category < truth->categories)
        return 0;
    return ebjr_error_set(
        EBJR_EINVAL, "%s %zu: image %u, category %u: there are %zu images and %zu categories", noun,
        at, (unsigned)image, (unsigned)category, truth->images, truth->categories);
}

static int check_objects(const struct ebjr_truth *truth)
{
    int status = 0;
    for (size_t i = 0; !status && i < truth->count; i++) {
        const struct ebjr_object *object = &truth->objects[i];
        status = check_place("object", i, truth, object->image, object->category);
        if (!status)
            status = check_box("object", i, &object->box);
        if (!status && !(isfinite(object->area) && object->area >= 0))
            status = ebjr_error_set(EBJR_EINVAL, "object %zu: its area is %g", i, object->area);
    }
    return status;
}

static int check_detections(const char *whose, const struct ebjr_detections *detections,
                            const struct ebjr_truth *truth)
{
    int status = 0;
    for (size_t i = 0; !status && i < detections->count; i++) {
        const struct ebjr_detection *detection = &detections->items[i];
        status = check_place("detection", i, truth, detection->image, detection->category);
        if (!status)
            status = check_box("detection", i, &detection->box);
        if (!status && !isfinite(detection->score))
            status =
                ebjr_error_set(EBJR_EINVAL, "detection %zu: its score is %g", i, detection->score);
    }
    return status ? ebjr_error_context(status, "%s", whose) : 0;
}
static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* Ends in the order of the array, so that qsort is stable. */
static int compare_objects(const void *left, const void *right)
{
    const struct ebjr_object *a = *(const struct ebjr_object *const *)left;
    const struct ebjr_object *b = *(const struct ebjr_object *const *)right;
    int order = compare_numbers(a->category, b->category);
    order = order ? order : compare_numbers(a->image, b->image);
    return order ? order : (a > b) - (a < b);
}

static int compare_detections(const void *left, const void *right)
{
    const struct ebjr_detection *a = *(const struct ebjr_detection *const *)left;
    const struct ebjr_detection *b = *(const struct ebjr_detection *const *)right;
    int order = compare_numbers(a->category, b->category);
    order = order ? order : compare_numbers(a->image, b->image);
    order = order ? order : compare_numbers(b->score, a->score);
    return order ? order : (a > b) - (a < b);
}

/* A detection on its way to a place. */
struct entry {
    double score;
    uint32_t image;
    uint16_t rank; /* within its image and category, by descending score */
    bool student;
    struct ebjr_coco_match match;
};

/* No two entries are of the same image, model and rank. */
static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = compare_numbers(b->score, a->score);
    order = order ? order : compare_numbers(a->image, b->image);
    order = order ? order : compare_numbers(a->student, b->student);
    return order ? order : compare_numbers(a->rank, b->rank);
}

/* Pointers to `count` items of `size` bytes each, in order; the caller frees. NULL: no memory. */
static const void **sorted(const void *items, size_t size, size_t count,
                           int (*compare)(const void *, const void *))
{
    const void **out = malloc((count + 1) * sizeof *out);
    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++)
        out[i] = (const char *)items + i * size;
    qsort(out, count, sizeof *out, compare);
    return out;
}

/* One model's detections and the objects, both by category, image and, of detections, score. */
struct pass {
    const struct ebjr_detection **detections;
    const struct ebjr_object **objects;
    size_t detection_count, object_count;
    size_t next, object; /* the first of each that is not yet matched */
    struct ebjr_coco_room room;
    bool student;
};

/* Where the detections that are of one image and category end. */
static size_t group_end(const struct pass *pass)
{
    const struct ebjr_detection *head = pass->detections[pass->next];
    size_t end = pass->next + 1;
    while (end < pass->detection_count && pass->detections[end]->image == head->image &&
           pass->detections[end]->category == head->category)
        end++;
    return end;
}

static bool is_before(const struct ebjr_object *object, const struct ebjr_detection *detection)
{
    return object->category != detection->category ? object->category < detection->category
                                                   : object->image < detection->image;
}

static bool is_beside(const struct ebjr_object *object, const struct ebjr_detection *detection)
{
    return object->category == detection->category && object->image == detection->image;
}

/* Matches the next group; entries[*count] on are its first EBJR_COCO_MOST detections. */
static int match_group(struct pass *pass, struct entry *entries, size_t *count)
{
    struct ebjr_coco_match matches[EBJR_COCO_MOST];
    const struct ebjr_detection *const *group = pass->detections + pass->next;
    size_t end = group_end(pass), size = end - pass->next, object_end;
    size = size < EBJR_COCO_MOST ? size : EBJR_COCO_MOST;
    while (pass->object < pass->object_count && is_before(pass->objects[pass->object], *group))
        pass->object++;
    object_end = pass->object;
    while (object_end < pass->object_count && is_beside(pass->objects[object_end], *group))
        object_end++;
    int status = ebjr_coco_match(matches, group, size, pass->objects + pass->object,
                                 object_end - pass->object, &pass->room);
    for (size_t i = 0; !status && i < size; i++)
        entries[(*count)++] = (struct entry){.score = group[i]->score,
                                             .image = group[i]->image,
                                             .rank = (uint16_t)i,
                                             .student = pass->student,
                                             .match = matches[i]};
    pass->next = end;
    pass->object = object_end;
    return status;
}

static void write_area(struct ebjr_coco *coco, struct ebjr_coco_area *out,
                       const struct entry *entries, size_t count, int area)
{
    out->specials = coco->specials + coco->special_count;
    for (size_t i = 0; i < count; i++) {
        uint16_t right = entries[i].match.right[area], counted = entries[i].match.counted[area];
        if (right == 0 && counted == ALL_OVERLAPS)
            out->plain[i / WORD] |= (uint64_t)1 << i % WORD;
        else if (counted != 0)
            out->specials[out->special_count++] = (struct ebjr_coco_special){
                .at = (uint32_t)i, .rank = entries[i].rank, .right = right, .counted = counted};
    }
    coco->special_count += out->special_count;
}

static uint64_t *take_words(struct ebjr_coco *coco, size_t count)
{
    uint64_t *words = coco->bits + coco->word_count;
    coco->word_count += count;
    return words;
}

static bool is_tied(const struct entry *a, const struct entry *b)
{
    return a->score == b->score && a->image == b->image && a->student == b->student;
}

static void write_category(struct ebjr_coco *coco, uint32_t c, const struct entry *entries,
                           size_t count)
{
    struct ebjr_coco_category *category = &coco->categories[c];
    size_t words = count / WORD + 1;
    category->active = take_words(coco, words);
    category->teacher = take_words(coco, words);
    category->tied = take_words(coco, words);
    for (int area = 0; area < EBJR_COCO_AREAS; area++) {
        category->areas[area].plain = take_words(coco, words);
        write_area(coco, &category->areas[area], entries, count, area);
    }
    category->image = coco->image + coco->detection_count;
    coco->detection_count += count;
    for (size_t i = 0; i < count; i++) {
        const uint64_t bit = (uint64_t)1 << i % WORD;
        category->teacher[i / WORD] |= entries[i].student ? 0 : bit;
        category->tied[i / WORD] |= i > 0 && is_tied(&entries[i - 1], &entries[i]) ? bit : 0;
        category->image[i] = entries[i].image;
        coco->places[coco->place_end[entries[i].image]++] =
            (struct ebjr_coco_place){c, (uint32_t)i};
    }
    memcpy(category->active, category->teacher, words * sizeof *category->active);
}

/* A category after the other: both models' detections matched, sorted and written. */
static int match_all(ebjr_coco *coco, struct pass passes[2], struct entry *entries)
{
    int status = 0;
    for (uint32_t c = 0; !status && c < coco->category_count; c++) {
        size_t count = 0;
        for (int p = 0; p < 2; p++)
            while (!status && passes[p].next < passes[p].detection_count &&
                   passes[p].detections[passes[p].next]->category == c)
                status = match_group(&passes[p], entries, &count);
        if (!status) {
            qsort(entries, count, sizeof *entries, compare_entries);
            write_category(coco, c, entries, count);
        }
    }
    return status;
}

/* Room for the places of each image, all of its detections being kept. */
static void count_places(ebjr_coco *coco, const struct pass passes[2])
{
    size_t sum = 0;
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < passes[p].detection_count; i++)
            coco->place_end[passes[p].detections[i]->image]++;
    for (size_t i = 0; i < coco->images; i++) {
        size_t count = coco->place_end[i];
        coco->place_first[i] = coco->place_end[i] = sum;
        sum += count;
    }
}

/* Of objects by category. */
static void write_objects(ebjr_coco *coco, const struct ebjr_object *const *objects, size_t count)
{
    size_t next = 0;
    for (uint32_t c = 0; c < coco->category_count; c++) {
        struct ebjr_coco_category *category = &coco->categories[c];
        struct ebjr_coco_object *first = coco->objects + coco->object_count;
        for (; next < count && objects[next]->category == c; next++) {
            uint32_t areas = 0;
            for (int area = 0; area < EBJR_COCO_AREAS; area++)
                areas |= (uint32_t)ebjr_coco_is_wanted(objects[next], area) << area;
            for (int area = 0; area < EBJR_COCO_AREAS; area++)
                category->areas[area].wanted += areas >> area & 1;
            if (areas)
                first[category->object_count++] =
                    (struct ebjr_coco_object){objects[next]->image, areas};
        }
        category->objects = first;
        category->stale = EBJR_COCO_ALL_STALE;
        coco->object_count += category->object_count;
    }
}

static int allocate(ebjr_coco *coco, const struct ebjr_truth *truth, size_t detections)
{
    size_t words = BITS * (detections / WORD + truth->categories + 1);
    coco->images = truth->images;
    coco->category_count = truth->categories;
    coco->categories = calloc(truth->categories + 1, sizeof *coco->categories);
    coco->student = calloc(truth->images + 1, sizeof *coco->student);
    coco->places = calloc(detections + 1, sizeof *coco->places);
    coco->place_first = calloc(truth->images + 1, sizeof *coco->place_first);
    coco->place_end = calloc(truth->images + 1, sizeof *coco->place_end);
    coco->bits = calloc(words, sizeof *coco->bits);
    coco->specials = calloc(detections + 1, EBJR_COCO_AREAS * sizeof *coco->specials);
    coco->image = calloc(detections + 1, sizeof *coco->image);
    coco->objects = calloc(truth->count + 1, sizeof *coco->objects);
    bool failed = !coco->categories || !coco->student || !coco->places || !coco->place_first ||
                  !coco->place_end || !coco->bits || !coco->specials || !coco->image ||
                  !coco->objects;
    return failed ? ebjr_error_memory() : 0;
}

static int open_pass(struct pass *out, const struct ebjr_detections *detections,
                     const struct ebjr_object **objects, size_t object_count, bool student)
{
    *out = (struct pass){.objects = objects,
                         .object_count = object_count,
                         .detection_count = detections->count,
                         .student = student};
    out->detections = (const struct ebjr_detection **)sorted(
        detections->items, sizeof *detections->items, detections->count, compare_detections);
    return out->detections ? 0 : ebjr_error_memory();
}

static int make(ebjr_coco *coco, const struct ebjr_truth *truth,
                const struct ebjr_detections *student, const struct ebjr_detections *teacher)
{
    const size_t detections = student->count + teacher->count;
    struct pass passes[2] = {{0}, {0}};
    struct entry *entries = malloc((detections + 1) * sizeof *entries);
    const struct ebjr_object **objects = (const struct ebjr_object **)sorted(
        truth->objects, sizeof *truth->objects, truth->count, compare_objects);
    int status = entries && objects ? allocate(coco, truth, detections) : ebjr_error_memory();
    if (!status)
        status = open_pass(&passes[0], student, objects, truth->count, true);
    if (!status)
        status = open_pass(&passes[1], teacher, objects, truth->count, false);
    if (!status) {
        count_places(coco, passes);
        write_objects(coco, objects, truth->count);
        status = match_all(coco, passes, entries);
    }
    for (int p = 0; p < 2; p++) {
        free(passes[p].detections);
        ebjr_coco_room_free(&passes[p].room);
    }
    free(objects);
    free(entries);
    return status;
}

int ebjr_coco_check(const struct ebjr_truth *truth, const struct ebjr_detections *student,
                    const struct ebjr_detections *teacher)
{
    int status = check_objects(truth);
    if (!status)
        status = check_detections("the student's", student, truth);
    if (!status)
        status = check_detections("the teacher's", teacher, truth);
    if (!status && (student->count > UINT32_MAX / 2 || teacher->count > UINT32_MAX / 2))
        status = ebjr_error_set(EBJR_EINVAL, "%zu and %zu detections: at most %u each",
                                student->count, teacher->count, (unsigned)(UINT32_MAX / 2));
    return status;
}

int ebjr_coco_new(ebjr_coco **out, const struct ebjr_truth *truth,
                  const struct ebjr_detections *student, const struct ebjr_detections *teacher)
{
    int status = ebjr_coco_check(truth, student, teacher);
    if (status)
        return status;
    ebjr_coco *coco = calloc(1, sizeof *coco);
    if (!coco)
        return ebjr_error_memory();
    status = make(coco, truth, student, teacher);
    if (status) {
        ebjr_coco_free(coco);
        return status;
    }
    *out = coco;
    return 0;
}

void ebjr_coco_free(ebjr_coco *coco)
{
    if (!coco)
        return;
    free(coco->categories);
    free(coco->student);
    free(coco->places);
    free(coco->place_first);
    free(coco->place_end);
    free(coco->bits);
    free(coco->specials);
    free(coco->image);
    free(coco->objects);
    free(coco);
}
