/* Images, objects and detections: what of them is stored, refused, and found when it was changed.
 */
#include "base/hash.h"
#include "db/output.h"
#include "scene.h"
#include "store_support.h"

static void name_some_categories(ebjr_store *store, struct ebjr_stored_dataset *dataset)
{
    struct ebjr_class_names names = {0};
    assert_done(ebjr_class_names_set(&names, 1, "person"));
    assert_done(ebjr_class_names_set(&names, 90, "toothbrush"));
    assert_done(ebjr_class_names_put(store, dataset, &names));
    ebjr_class_names_free(&names);
}

/* Four runs: with logits in several chunks, without in one, one that is not done, and one that has
 * not begun. */
static int make_stores(void **state)
{
    struct scene scene;
    struct answers student, teacher;
    if (make_scratch(state) != 0)
        return -1;
    ebjr_store *store = open_store("whole");
    fill_scene(&scene);
    fill_answers(&student, 31);
    fill_answers(&teacher, 32);
    struct ebjr_stored_run run = put_run(store, "student", CLASSES);
    for (uint32_t end = 4; end <= IMAGES; end += 12) /* image 3, which has none, ends a chunk */
        assert_done(append(store, &run, &student, end));
    run = put_run(store, "teacher", 0);
    assert_done(append(store, &run, &teacher, IMAGES));
    run = put_run(store, "late", CLASSES);
    assert_done(append(store, &run, &student, 10));
    put_run(store, "idle", 0);
    struct ebjr_stored_dataset dataset = put_scene(store, &scene);
    name_some_categories(store, &dataset);
    ebjr_store_close(store);
    return 0;
}

/* truth.h */

static void truth_comes_back(void **state)
{
    (void)state;
    struct scene scene;
    struct ebjr_stored_truth read;
    ebjr_store *store = open_store("truth");
    fill_scene(&scene);
    struct ebjr_stored_dataset dataset = put_scene(store, &scene);
    assert_string_equal(dataset.kind, EBJR_COCO_KIND);
    assert_int_equal(dataset.samples, IMAGES);
    assert_done(ebjr_truth_read(&read, store, &dataset));
    assert_same_scene(&read, &scene);
    assert_int_equal(read.truth.categories, CATEGORIES); /* that of 300 random ones, 90 comes */
    ebjr_stored_truth_free(&read);

    struct ebjr_stored_dataset again = put_scene(store, &scene);
    assert_int_equal(again.id, dataset.id);
    ebjr_store_close(store);
    assert_answer(scratch_path("truth"), "SELECT count(*) FROM object", "90");
    assert_answer(scratch_path("truth"), "SELECT count(*) FROM image", "40");
    assert_false(is_found_damaged(scratch_path("truth")));
}

static void names_count_as_categories(void **state)
{
    (void)state;
    struct scene scene;
    struct ebjr_stored_truth read;
    struct ebjr_class_names names = {0};
    ebjr_store *store = open_store("names");
    fill_scene(&scene);
    for (int i = 0; i < OBJECTS; i++)
        scene.objects[i].category %= 10;
    struct ebjr_stored_dataset dataset = put_scene(store, &scene);
    assert_done(ebjr_truth_read(&read, store, &dataset));
    assert_int_equal(read.truth.categories, 10);
    ebjr_stored_truth_free(&read);
    assert_done(ebjr_class_names_set(&names, 20, "elephant"));
    assert_done(ebjr_class_names_put(store, &dataset, &names));
    ebjr_class_names_free(&names);
    assert_done(ebjr_truth_read(&read, store, &dataset));
    assert_int_equal(read.truth.categories, 21);
    ebjr_stored_truth_free(&read);
    ebjr_store_close(store);
}

/* As truth.h and detection.h lay rows out, a number at a time. */

static void hash_integer(ebjr_hash *hash, int64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> 8 * i);
    assert_done(ebjr_hash_update(hash, bytes, sizeof bytes));
}

static void hash_real(ebjr_hash *hash, double value)
{
    hash_integer(hash, value == 0 ? 0 : (int64_t)bits_of(value));
}

static void hash_box(ebjr_hash *hash, const struct ebjr_box *box)
{
    hash_real(hash, box->x);
    hash_real(hash, box->y);
    hash_real(hash, box->width);
    hash_real(hash, box->height);
}

static void truth_has_the_hash_of_its_layout(void **state)
{
    (void)state;
    struct scene scene;
    char expected[EBJR_HASH_TEXT], found[EBJR_HASH_TEXT];
    ebjr_hash *hash;
    fill_scene(&scene);
    assert_done(ebjr_hash_new(&hash));
    hash_integer(hash, IMAGES);
    hash_integer(hash, OBJECTS);
    for (int i = 0; i < IMAGES; i++) {
        const struct ebjr_image *image = &scene.images[i];
        hash_integer(hash, image->number);
        hash_integer(hash, image->width);
        hash_integer(hash, image->height);
        hash_integer(hash, (int64_t)strlen(image->file));
        assert_done(ebjr_hash_update(hash, image->file, strlen(image->file)));
    }
    for (int i = 0; i < OBJECTS; i++) {
        const struct ebjr_object *object = &scene.objects[i];
        hash_integer(hash, object->image);
        hash_integer(hash, object->category);
        hash_box(hash, &object->box);
        hash_real(hash, object->area);
        assert_done(ebjr_hash_update(hash, object->crowd ? "\1" : "\0", 1));
    }
    assert_done(ebjr_hash_finish(hash, expected));
    ebjr_hash_free(hash);
    assert_done(ebjr_truth_hash(found, &scene.truth));
    assert_string_equal(found, expected);
}

static void truth_that_is_none_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct ebjr_stored_dataset dataset = {.name = "val"};
    ebjr_store *store = open_store("no-truth");
    fill_scene(&scene);
    struct ebjr_object *object = &scene.objects[7], kept = *object;
    const struct {
        struct ebjr_object object;
        const char *words;
    } cases[] = {
        {{.image = IMAGES}, "object 7 is in image 40"},
        {{.image = kept.image ? 0 : 39}, "order of images"},
        {{.image = kept.image, .category = EBJR_CLASS_NAMES}, "category 1048576"},
        {{.image = kept.image, .box.x = NAN}, "not finite"},
        {{.image = kept.image, .box.height = INFINITY}, "not finite"},
        {{.image = kept.image, .area = NAN}, "not finite"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        *object = cases[i].object;
        assert_refused(ebjr_truth_put(store, &dataset, &scene.truth), EBJR_EFORMAT, cases[i].words);
    }
    *object = kept;
    put_scene(store, &scene);
    object->category ^= 1;
    assert_refused(ebjr_truth_put(store, &dataset, &scene.truth), EBJR_EEXIST, "another data set");
    ebjr_store_close(store);
    assert_answer(scratch_path("no-truth"), "SELECT count(*) FROM image", "40");
}

static void images_without_objects(void **state)
{
    (void)state;
    struct scene scene;
    struct ebjr_stored_truth read;
    ebjr_store *store = open_store("no-objects");
    fill_scene(&scene);
    scene.truth.objects = NULL;
    scene.truth.truth = (struct ebjr_truth){.images = IMAGES};
    struct ebjr_stored_dataset dataset = put_scene(store, &scene);
    assert_done(ebjr_truth_read(&read, store, &dataset));
    assert_int_equal(read.truth.images, IMAGES);
    assert_int_equal(read.truth.count + read.truth.categories, 0);
    ebjr_stored_truth_free(&read);
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path("no-objects")));
}

/* detection.h */

static void assert_read(const char *model_name, bool logits, const struct answers *answers,
                        uint32_t end, size_t classes)
{
    struct ebjr_stored_detections read;
    ebjr_store *store = open_store("whole");
    struct ebjr_stored_run run = run_of(store, model_name);
    struct ebjr_detections expected = part_of(answers, 0, end, classes);
    assert_done(ebjr_detection_read(&read, store, &run, logits));
    assert_same_detections(&read, &expected);
    ebjr_stored_detections_free(&read);
    ebjr_store_close(store);
}

static void detections_come_back(void **state)
{
    (void)state;
    struct answers student, teacher;
    fill_answers(&student, 31);
    fill_answers(&teacher, 32);
    assert_read("student", true, &student, IMAGES, CLASSES);
    assert_read("student", false, &student, IMAGES, 0);
    assert_read("teacher", true, &teacher, IMAGES, 0);
    assert_read("late", true, &student, 10, CLASSES);
    assert_answer(scratch_path("whole"), "SELECT group_concat(done || (finished <> '')) FROM run",
                  "401,401,100,00");
    assert_answer(scratch_path("whole"),
                  "SELECT group_concat(first || '+' || count) FROM chunk WHERE run_id = 1",
                  "0+4,4+12,16+12,28+12");
}

static void chunk_has_the_hash_of_its_layout(void **state)
{
    (void)state;
    struct answers answers;
    char expected[EBJR_HASH_TEXT];
    ebjr_hash *hash;
    fill_answers(&answers, 31);
    struct ebjr_detections part = part_of(&answers, 4, 16, CLASSES);
    assert_done(ebjr_hash_new(&hash));
    for (size_t i = 0; i < part.count; i++) {
        const struct ebjr_detection *detection = &part.items[i];
        hash_integer(hash, detection->image);
        hash_integer(hash, detection->category);
        hash_box(hash, &detection->box);
        hash_real(hash, detection->score);
        assert_done(
            ebjr_hash_update(hash, part.logits + i * CLASSES, CLASSES * sizeof *part.logits));
    }
    assert_done(ebjr_hash_finish(hash, expected));
    ebjr_hash_free(hash);
    assert_answer(scratch_path("whole"), "SELECT sha256 FROM chunk WHERE run_id = 1 AND first = 4",
                  expected);
}

static void run_goes_on_where_it_stands(void **state)
{
    (void)state;
    struct answers answers;
    ebjr_store *store = open_store("resumed");
    fill_answers(&answers, 31);
    struct ebjr_stored_run run = put_run(store, "student", CLASSES);
    assert_done(append(store, &run, &answers, 13));
    ebjr_store_close(store);

    store = open_store("resumed");
    run = put_run(store, "student", CLASSES);
    assert_int_equal(run.done, 13);
    assert_done(append(store, &run, &answers, IMAGES));
    assert_true(*run.finished);
    struct ebjr_stored_detections read;
    struct ebjr_detections expected = part_of(&answers, 0, IMAGES, CLASSES);
    assert_done(ebjr_detection_read(&read, store, &run, true));
    assert_same_detections(&read, &expected);
    ebjr_stored_detections_free(&read);
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path("resumed")));
}

static void images_without_detections(void **state)
{
    (void)state;
    const struct ebjr_detections none = {0};
    struct ebjr_stored_detections read;
    ebjr_store *store = open_store("nothing");
    struct ebjr_stored_run run = put_run(store, "blind", CLASSES);
    assert_done(ebjr_detection_append(store, &run, &none, 0));
    assert_done(ebjr_detection_append(store, &run, &none, 3));
    assert_done(ebjr_detection_append(store, &run, &none, IMAGES - 3));
    assert_int_equal(run.done, IMAGES);
    assert_done(ebjr_detection_read(&read, store, &run, true));
    assert_int_equal(read.detections.count, 0);
    ebjr_stored_detections_free(&read);
    ebjr_store_close(store);
    assert_answer(scratch_path("nothing"), "SELECT group_concat(count) FROM chunk", "3,37");
    assert_false(is_found_damaged(scratch_path("nothing")));
    execute(scratch_path("nothing"),
            "INSERT INTO detection VALUES (1, 5, 0, 1, 0.5, 1, 1, 1, 1, zeroblob(20))");
    assert_true(is_found_damaged(scratch_path("nothing")));
}

static void a_category_of_any_number(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct ebjr_detection *items = calloc(MANY, sizeof *items);
    struct ebjr_stored_detections read;
    ebjr_store *store = open_store("categories");
    struct ebjr_stored_run run = put_run(store, "broad", 0);
    assert_non_null(items);
    for (uint32_t i = 0; i < MANY; i++)
        items[i] = (struct ebjr_detection){
            .image = 7, .category = EBJR_CLASS_NAMES - 1 - i, .score = 1e-300 * i};
    const struct ebjr_detections all = {.items = items, .count = MANY};
    assert_done(ebjr_detection_append(store, &run, &all, IMAGES));
    assert_done(ebjr_detection_read(&read, store, &run, true));
    assert_same_detections(&read, &all);
    ebjr_stored_detections_free(&read);
    ebjr_store_close(store);
    free(items);
    assert_false(is_found_damaged(scratch_path("categories")));
}

static void detections_that_are_none_are_refused(void **state)
{
    (void)state;
    struct answers answers;
    const char *path = copy_of("whole", "refused");
    ebjr_store *store = open_store("refused");
    fill_answers(&answers, 31);
    struct ebjr_stored_run run = run_of(store, "late");
    const struct ebjr_detections part = part_of(&answers, 10, 20, CLASSES);
    struct ebjr_detection *item = &answers.items[part.items - answers.items + 1], kept = *item;
    float *logit = &answers.logits[part.items - answers.items + 1][2];
    assert_true(part.count > 3 && item[-1].image > 9);

    const struct {
        struct ebjr_detection item;
        const char *words;
    } cases[] = {
        {{.image = 9}, "is in image 9"},
        {{.image = 20}, "here of 10 from image 10"},
        {{.image = 19}, "order of images"}, /* what follows is before it */
        {{.image = kept.image, .category = EBJR_CLASS_NAMES}, "category 1048576"},
        {{.image = kept.image, .score = NAN}, "not finite"},
        {{.image = kept.image, .box.y = -INFINITY}, "not finite"},
        {{.image = kept.image, .box.width = NAN}, "not finite"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        *item = cases[i].item;
        assert_refused(ebjr_detection_append(store, &run, &part, 10), EBJR_EINVAL, cases[i].words);
    }
    *item = kept;
    *logit = NAN;
    assert_refused(ebjr_detection_append(store, &run, &part, 10), EBJR_EINVAL, "not finite");
    *logit = 0;

    struct ebjr_detections other = part;
    other.classes = CLASSES - 1;
    assert_refused(ebjr_detection_append(store, &run, &other, 10), EBJR_EINVAL, "5 logits");
    other.logits = NULL;
    assert_refused(ebjr_detection_append(store, &run, &other, 10), EBJR_EINVAL, "5 logits");
    assert_refused(ebjr_detection_append(store, &run, &part, 31), EBJR_EINVAL, "30 images");
    assert_refused(ebjr_detection_append(store, &run, &part, -1), EBJR_EINVAL, "not for -1");
    assert_refused(ebjr_detection_append(store, &run, &part, 0), EBJR_EINVAL,
                   "here of 0 from image 10");
    assert_int_equal(run.done, 10);
    ebjr_store_close(store);
    assert_answer(path, "SELECT count(*) || ' ' || max(idx) FROM detection WHERE run_id = 3",
                  "59 9");
    assert_false(is_found_damaged(path));
}

static void second_writer_is_refused(void **state)
{
    (void)state;
    struct answers answers;
    copy_of("whole", "busy");
    ebjr_store *store = open_store("busy");
    fill_answers(&answers, 31);
    struct ebjr_stored_run mine = run_of(store, "late"), theirs = mine;
    assert_done(append(store, &theirs, &answers, 20));
    assert_refused(append(store, &mine, &answers, 15), EBJR_EBUSY, "stands at sample 20");
    assert_int_equal(mine.done, 10);
    assert_done(append(store, &theirs, &answers, IMAGES));
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path("busy")));
}

static void full_disk_keeps_what_was_stored(void **state)
{
    (void)state;
    struct answers answers;
    char sql[96];
    int64_t pages = 0;
    copy_of("whole", "full");
    ebjr_store *store = open_store("full");
    fill_answers(&answers, 31);
    struct ebjr_stored_run run = run_of(store, "late");
    assert_done(ebjr_store_query_integer(&pages, store, "PRAGMA page_count"));
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages);
    assert_done(ebjr_store_execute(store, sql));
    assert_refused(append(store, &run, &answers, IMAGES), EBJR_EIO, "the disk is full");
    assert_int_equal(run.done, 10);
    assert_false(is_found_damaged(scratch_path("full")));
    assert_done(ebjr_store_execute(store, "PRAGMA max_page_count = 100000"));
    assert_done(append(store, &run, &answers, IMAGES));
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path("full")));
}

static void kinds_are_not_mixed(void **state)
{
    (void)state;
    copy_of("whole", "kinds");
    ebjr_store *store = open_store("kinds");
    struct ebjr_stored_run detector = run_of(store, "late");
    struct ebjr_stored_dataset digits = {
        .name = "digits", .kind = "idx", .sha256 = "dd", .samples = 4, .shape = "1x28x28"};
    struct ebjr_stored_dataset val;
    const float logits[CLASSES] = {0};
    const struct ebjr_output row = {.index = 10, .logits = logits};
    const struct ebjr_detections none = {0};
    struct ebjr_stored_detections read;
    struct ebjr_stored_truth truth;
    ebjr_output_cursor *cursor = NULL;
    int32_t labels[IMAGES];
    assert_refused(ebjr_output_append(store, &detector, &row, 1), EBJR_EINVAL, "has detections");
    assert_refused(ebjr_output_cursor_open(&cursor, store, &detector, true), EBJR_EINVAL,
                   "has detections");
    assert_null(cursor);
    assert_done(ebjr_stored_dataset_find(&val, store, "val"));
    assert_refused(ebjr_label_read(labels, store, &val), EBJR_EINVAL, "no labels");

    assert_done(ebjr_stored_dataset_put(store, &digits));
    struct ebjr_stored_run classifier = {.model_id = detector.model_id,
                                         .dataset_id = digits.id,
                                         .dtype = "float32",
                                         .classes = CLASSES,
                                         .samples = 4};
    assert_done(ebjr_stored_run_put(store, &classifier));
    assert_refused(ebjr_detection_append(store, &classifier, &none, 1), EBJR_EINVAL,
                   "no detections");
    assert_refused(ebjr_detection_read(&read, store, &classifier, true), EBJR_EINVAL,
                   "no detections");
    assert_refused(ebjr_truth_read(&truth, store, &digits), EBJR_EINVAL, "no objects");
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path("kinds")));
}

/* verify.h */

static const struct table tables[] = {
    {"image", "dataset_id, idx", NULL},
    {"object", "dataset_id, idx, place", NULL},
    {"detection", "run_id, idx, place", NULL},
    {"chunk", "run_id, first", NULL},
};

static void whole_store_has_no_faults(void **state)
{
    (void)state;
    struct ebjr_verify_totals totals;
    assert_done(verify(&totals, scratch_path("whole")));
    assert_int_equal(totals.runs, 4);
    assert_int_equal(totals.rows, 2 * DETECTIONS + LATE);
    assert_int_equal(totals.faults, 0);
}

static void flipped_bits_of_every_column_are_found(void **state)
{
    (void)state;
    enum { FLIPS = 8 }; /* of each column */
    uint64_t seed = 41;
    int missed = 0, columns = 0;
    for (size_t i = 0; i < COUNT(tables); i++) {
        sqlite3 *connection = connect_to(scratch_path("whole"));
        const int count = columns_of(connection, &tables[i]);
        sqlite3_close(connection);
        columns += count;
        for (int flips = 0; flips < count * FLIPS;) {
            char what[128];
            connection = connect_to(copy_of("whole", "flipped"));
            bool flipped = flip_bit(what, connection, &tables[i], flips / FLIPS, &seed);
            sqlite3_close(connection);
            flips += flipped;
            if (flipped && !is_found_damaged(scratch_path("flipped"))) {
                missed++;
                print_error("not found: %s\n", what);
            }
        }
    }
    assert_int_equal(columns, 6 + 10 + 10 + 4);
    assert_int_equal(missed, 0);
}

static void other_changes_are_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "DELETE FROM detection WHERE run_id = 1 AND idx = 0 AND place = 0",
        "DELETE FROM detection WHERE run_id = 1 AND idx = 39 AND place = 0",
        "DELETE FROM detection WHERE run_id = 2",
        "DELETE FROM detection WHERE run_id = 1 AND idx = 1",
        "DELETE FROM detection WHERE run_id = 3; DELETE FROM chunk WHERE run_id = 3",
        "DELETE FROM chunk WHERE run_id = 1 AND first = 4",
        "UPDATE chunk SET count = count + 1 WHERE run_id = 1 AND first = 28",
        "UPDATE chunk SET count = 9223372036854775807 WHERE run_id = 1 AND first = 28",
        "UPDATE detection SET run_id = 2, place = place + 1000 WHERE run_id = 1 AND idx = 5",
        "UPDATE detection SET score = score || 'x' WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET category = category + 0.5 WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET category = category + 4294967296 WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET logits = CAST(logits AS TEXT) WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET logits = NULL WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET logits = zeroblob(0) WHERE run_id = 2 AND idx = 1",
        "UPDATE detection SET logits = logits || x'00000000' WHERE run_id = 1 AND idx = 1",
        "UPDATE detection SET idx = -1 WHERE run_id = 1 AND idx = 0",
        "UPDATE detection SET idx = idx || 'x' WHERE run_id = 1 AND idx = 0",
        "UPDATE detection SET idx = 1000 WHERE run_id = 1 AND idx = 39",
        "INSERT INTO detection VALUES (3, 10, 0, 1, 0.5, 1, 1, 1, 1, zeroblob(20))",
        "INSERT INTO detection VALUES (4, 0, 0, 1, 0.5, 1, 1, 1, 1, NULL)",
        "INSERT INTO detection VALUES (9, 0, 0, 1, 0.5, 1, 1, 1, 1, NULL)",
        "INSERT INTO output VALUES (3, 0, 0, 0, 0, 0, 0, zeroblob(20))",
        "INSERT INTO sample VALUES (1, 0, 0)",
        "DELETE FROM object WHERE (idx, place) = (SELECT idx, place FROM object LIMIT 1)",
        "DELETE FROM object",
        "DELETE FROM image WHERE idx = 39",
        "DELETE FROM image",
        "INSERT INTO image VALUES (1, 40, 1, '', NULL, NULL)",
        "INSERT INTO image VALUES (9, 0, 1, '', NULL, NULL)",
        "INSERT INTO object VALUES (1, 39, 1000, 1, 1, 1, 1, 1, 1, 0)",
        "INSERT INTO object VALUES (9, 0, 0, 1, 1, 1, 1, 1, 1, 0)",
        "UPDATE image SET width = NULL WHERE idx = 1",
        "UPDATE image SET height = height || 'x' WHERE idx = 1",
        "UPDATE image SET file = file || char(0) || 'x' WHERE idx = 1",
        "UPDATE image SET file = CAST(file AS BLOB) WHERE idx = 1",
        "UPDATE image SET number = number + 0.5 WHERE idx = 1",
        "UPDATE object SET crowd = 2 WHERE crowd = 1",
        "UPDATE object SET area = area || 'x'",
        "UPDATE run SET classes = classes + 4611686018427387904",
        "UPDATE run SET classes = -1",
        "UPDATE dataset SET kind = 'idx'",
        "UPDATE dataset SET samples = 39",
        "UPDATE class_name SET name = 'persom' WHERE label = 1",
    };
    int missed = 0;
    for (size_t i = 0; i < COUNT(changes); i++)
        missed += !is_found(changes[i]);
    assert_int_equal(missed, 0);
}

/* What verify is there to find, readers find where they can. */
static void readers_find_damage(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"DELETE FROM detection WHERE run_id = 1 AND idx = 1 AND place = 0",
         "image 1, detection 1"},
        {"UPDATE detection SET idx = 40 WHERE run_id = 1 AND idx = 39", "does not have this image"},
        {"UPDATE detection SET x = 'x' WHERE run_id = 1 AND idx = 2", "a column"},
        {"UPDATE detection SET logits = x'00' WHERE run_id = 1 AND idx = 2", "number of logits"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ebjr_stored_detections read;
        execute(copy_of("whole", "damaged"), cases[i].sql);
        ebjr_store *store = open_store("damaged");
        struct ebjr_stored_run run = run_of(store, "student");
        assert_refused(ebjr_detection_read(&read, store, &run, true), EBJR_ESTORE, cases[i].words);
        assert_null(read.items);
        ebjr_store_close(store);
    }
    static const char *const changes[] = {
        "DELETE FROM image WHERE idx = 5",    "UPDATE object SET x = 'x' WHERE idx = 1",
        "UPDATE object SET area = area + 1",  "UPDATE image SET file = 'y' WHERE idx = 1",
        "UPDATE image SET number = 'x'",      "DELETE FROM object WHERE idx = 1 AND place = 0",
        "UPDATE class_name SET name = 'dog'",
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct ebjr_stored_truth truth;
        struct ebjr_stored_dataset dataset;
        execute(copy_of("whole", "damaged"), changes[i]);
        ebjr_store *store = open_store("damaged");
        assert_done(ebjr_stored_dataset_find(&dataset, store, "val"));
        assert_refused(ebjr_truth_read(&truth, store, &dataset), EBJR_ESTORE, "changed since");
        assert_null(truth.images);
        ebjr_store_close(store);
    }
}

/* schema.sql: views */

static void views_show_what_was_stored(void **state)
{
    (void)state;
    const char *path = scratch_path("whole");
    assert_answer(path,
                  "SELECT group_concat(n) FROM (SELECT count(*) AS n FROM detections GROUP BY run)",
                  "300,300,59");
    assert_answer(path, "SELECT count(*) FROM objects WHERE dataset = 'val'", "90");
    assert_answer(
        path,
        "SELECT count(*) FROM detections AS v JOIN detection AS t ON t.run_id = v.run AND "
        "t.idx = v.idx AND t.place = v.place WHERE v.category = t.category AND "
        "v.score = t.score AND v.x = t.x AND v.y = t.y AND v.width = t.width AND "
        "v.height = t.height AND v.logits IS t.logits AND v.number = 139 + 17 * t.idx",
        "659");
    assert_answer(path,
                  "SELECT count(*) FROM objects AS v JOIN object AS t USING (idx, place) WHERE "
                  "v.category = t.category AND v.x = t.x AND v.y = t.y AND v.width = t.width AND "
                  "v.height = t.height AND v.area = t.area AND v.crowd = t.crowd AND "
                  "v.number = 139 + 17 * t.idx",
                  "90");
    assert_answer(path,
                  "SELECT group_concat(named) FROM (SELECT DISTINCT category || ' ' || "
                  "ifnull(name, '-') AS named FROM detections WHERE category IN (1, 2, 90) "
                  "ORDER BY category)",
                  "1 person,2 -,90 toothbrush");
    assert_answer(path, "SELECT group_concat(DISTINCT model) FROM detections",
                  "student,teacher,late");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_comes_back),
        cmocka_unit_test(names_count_as_categories),
        cmocka_unit_test(truth_has_the_hash_of_its_layout),
        cmocka_unit_test(truth_that_is_none_is_refused),
        cmocka_unit_test(images_without_objects),
        cmocka_unit_test(detections_come_back),
        cmocka_unit_test(chunk_has_the_hash_of_its_layout),
        cmocka_unit_test(run_goes_on_where_it_stands),
        cmocka_unit_test(images_without_detections),
        cmocka_unit_test(a_category_of_any_number),
        cmocka_unit_test(detections_that_are_none_are_refused),
        cmocka_unit_test(second_writer_is_refused),
        cmocka_unit_test(full_disk_keeps_what_was_stored),
        cmocka_unit_test(kinds_are_not_mixed),
        cmocka_unit_test(whole_store_has_no_faults),
        cmocka_unit_test(flipped_bits_of_every_column_are_found),
        cmocka_unit_test(other_changes_are_found),
        cmocka_unit_test(readers_find_damage),
        cmocka_unit_test(views_show_what_was_stored),
    };
    return cmocka_run_group_tests_name("db_detection", tests, make_stores, remove_scratch);
}
