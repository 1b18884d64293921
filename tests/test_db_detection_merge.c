/* Stores of detectors in one: whole runs, shards, and what is not merged. */
#include "db/merge.h"
#include "scene.h"
#include "store_support.h"

enum { SEED = 31, OTHER_SEED = 32, CHUNK = 7 };

/* Images first .. end-1 of a run, in chunks. */
static void fill_shard(const char *name, const char *model, int64_t classes, uint64_t seed,
                       uint32_t first, uint32_t end)
{
    struct answers answers;
    ebjr_store *store = open_store(name);
    fill_answers(&answers, seed);
    struct ebjr_stored_run run = put_shard(store, model, classes, first, (int64_t)end - first);
    for (uint32_t at = first; at < end; at += CHUNK)
        assert_done(append(store, &run, &answers, at + CHUNK < end ? at + CHUNK : end));
    ebjr_store_close(store);
}

/* A run over all images that stands at image `done`, in chunks that end elsewhere. */
static void begin_run(const char *name, int64_t classes, uint32_t done)
{
    struct answers answers;
    ebjr_store *store = open_store(name);
    fill_answers(&answers, SEED);
    struct ebjr_stored_run run = put_run(store, "student", classes);
    assert_done(append(store, &run, &answers, 5));
    assert_done(append(store, &run, &answers, done));
    ebjr_store_close(store);
}

static const struct ebjr_merge_options quiet = {0};

static int merge(struct ebjr_merged_run *out, const char *into, const char *a, const char *b)
{
    const char *stores[] = {scratch_path(a), scratch_path(b)};
    struct ebjr_merged_run *runs = NULL;
    size_t count = 0;
    int status = ebjr_store_merge(&runs, &count, scratch_path(into), stores, COUNT(stores), &quiet);
    if (out)
        *out = (struct ebjr_merged_run){0};
    if (out && !status)
        *out = runs[0];
    free(runs);
    return status;
}

static void assert_holds(const char *name, const char *model, uint64_t seed, uint32_t end)
{
    struct answers answers;
    struct scene scene;
    struct ebjr_stored_detections read;
    struct ebjr_stored_truth truth;
    struct ebjr_stored_dataset dataset;
    ebjr_store *store = open_store(name);
    fill_answers(&answers, seed);
    fill_scene(&scene);
    struct ebjr_stored_run run = run_of(store, model);
    struct ebjr_detections expected = part_of(&answers, 0, end, (size_t)run.classes);
    assert_int_equal(run.done, end);
    assert_int_equal(*run.finished != 0, end == IMAGES);
    assert_done(ebjr_detection_read(&read, store, &run, true));
    assert_same_detections(&read, &expected);
    assert_done(ebjr_stored_dataset_find(&dataset, store, "val"));
    assert_done(ebjr_truth_read(&truth, store, &dataset));
    assert_same_scene(&truth, &scene);
    ebjr_stored_detections_free(&read);
    ebjr_stored_truth_free(&truth);
    ebjr_store_close(store);
    assert_false(is_found_damaged(scratch_path(name)));
}

static void runs_of_two_models(void **state)
{
    (void)state;
    struct ebjr_class_names names = {0};
    struct ebjr_stored_dataset dataset;
    fill_shard("student", "student", CLASSES, SEED, 0, IMAGES);
    fill_shard("teacher", "teacher", 0, OTHER_SEED, 0, IMAGES);
    ebjr_store *store = open_store("teacher");
    assert_done(ebjr_stored_dataset_find(&dataset, store, "val"));
    assert_done(ebjr_class_names_set(&names, 1, "person"));
    assert_done(ebjr_class_names_put(store, &dataset, &names));
    ebjr_class_names_free(&names);
    ebjr_store_close(store);

    for (int again = 0; again < 2; again++) {
        struct ebjr_merged_run run;
        assert_done(merge(&run, "both", "student", "teacher"));
        assert_int_equal(run.added, again ? 0 : IMAGES);
        assert_holds("both", "student", SEED, IMAGES);
        assert_holds("both", "teacher", OTHER_SEED, IMAGES);
    }
    assert_answer(scratch_path("both"), "SELECT name FROM class_name", "person");
    assert_answer(scratch_path("both"), "SELECT count(*) FROM dataset", "1");
}

static void shards_of_one_run(void **state)
{
    (void)state;
    struct ebjr_merged_run run;
    fill_shard("head", "student", CLASSES, SEED, 0, 18);
    fill_shard("tail", "student", CLASSES, SEED, 18, IMAGES);
    assert_done(merge(&run, "whole", "tail", "head"));
    assert_int_equal(run.added, IMAGES);
    assert_string_equal(run.missing, "");
    assert_holds("whole", "student", SEED, IMAGES);
}

static void a_gap_is_named(void **state)
{
    (void)state;
    struct ebjr_merged_run run;
    fill_shard("first", "student", CLASSES, SEED, 0, 10);
    fill_shard("third", "student", CLASSES, SEED, 20, IMAGES);
    assert_done(merge(&run, "gap", "first", "third"));
    assert_string_equal(run.missing, "10-19");
    assert_int_equal(run.waiting, 20);
    assert_holds("gap", "student", SEED, 10);
}

/* Chunks of the stores that begin within what the target has, and end behind it. */
static void what_both_have_is_compared(void **state)
{
    (void)state;
    begin_run("begun", CLASSES, 24);
    fill_shard("complete", "student", CLASSES, SEED, 0, IMAGES);
    struct ebjr_merged_run run;
    assert_done(merge(&run, "begun", "complete", "complete"));
    assert_int_equal(run.added, IMAGES - 24);
    assert_holds("begun", "student", SEED, IMAGES);
    assert_answer(scratch_path("begun"), "SELECT group_concat(first) FROM chunk", "0,5,24,28,35");
}

/* A run that the target has, with one thing that is not the same, by someone who kept the hashes.
 */
static void other_answers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE detection SET score = score / 2 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET category = category + 1 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET x = x + 1 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET y = y + 1 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET width = width + 1 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET height = height + 1 WHERE idx = 8 AND place = 0", "image 8"},
        {"UPDATE detection SET logits = zeroblob(20) WHERE idx = 8 AND place = 0", "image 8"},
        {"DELETE FROM detection WHERE idx = 8", "image 8"},
        {"INSERT INTO detection VALUES (1, 10, 0, 1, 1, 1, 1, 1, 1, zeroblob(20))", "image 10"},
    };
    fill_shard("original", "student", CLASSES, SEED, 0, IMAGES);
    begin_run("other chunks", CLASSES, 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        execute(copy_of("other chunks", "target"), "DELETE FROM chunk");
        execute(scratch_path("target"), cases[i].sql);
        assert_refused(merge(NULL, "target", "original", "original"), EBJR_EFORMAT, cases[i].words);
        assert_non_null(strstr(ebjr_error_last(), "two answers"));
        assert_answer(scratch_path("target"), "SELECT done FROM run", "20");
    }
    fill_shard("plain", "student", 0, SEED, 0, IMAGES);
    begin_run("last", 0, IMAGES);
    execute(scratch_path("last"), "DELETE FROM chunk; INSERT INTO detection SELECT run_id, idx, "
                                  "place + 1, category, score, x, y, width, height, logits FROM "
                                  "detection ORDER BY idx DESC, place DESC LIMIT 1");
    assert_refused(merge(NULL, "last", "plain", "plain"), EBJR_EFORMAT, "image 39");
    fill_shard("fewer", "student", CLASSES - 1, SEED, 0, IMAGES);
    assert_refused(merge(NULL, "fewer", "original", "original"), EBJR_EFORMAT, "4 in");
}

static void changed_stores_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE detection SET score = score / 2 WHERE idx = 8", "changed since"},
        {"DELETE FROM detection WHERE idx = 8", "changed since"},
        {"DELETE FROM chunk WHERE first = 7", "no chunk covers"},
        {"UPDATE detection SET logits = NULL WHERE idx = 8", "number of logits"},
        {"UPDATE object SET area = area + 1", "objects changed"},
        {"UPDATE image SET file = 'other.jpg'", "objects changed"},
        {"DELETE FROM object WHERE idx = 39", "objects changed"},
    };
    fill_shard("good", "student", CLASSES, SEED, 0, IMAGES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char target[32];
        snprintf(target, sizeof target, "target %zu", i);
        execute(copy_of("good", "bad"), cases[i].sql);
        assert_refused(merge(NULL, target, "bad", "bad"), EBJR_ESTORE, cases[i].words);
        assert_answer(scratch_path(target), "SELECT count(*) FROM run WHERE done = samples", "0");
        assert_false(is_found_damaged(scratch_path(target)));
    }
}

/* Beside runs of classifiers. */
static void kinds_stand_side_by_side(void **state)
{
    (void)state;
    fill_shard("detector", "student", CLASSES, SEED, 0, IMAGES);
    ebjr_store *store = open_store("classifier");
    struct ebjr_stored_model model = {.name = "small", .kind = "import", .sha256 = "of small"};
    struct ebjr_stored_dataset digits = {
        .name = "digits", .kind = "import", .sha256 = "dd", .samples = 1};
    const float logits[] = {1, 2};
    struct ebjr_output row = {.label = 1, .logits = logits};
    assert_done(ebjr_stored_model_put(store, &model));
    assert_done(ebjr_stored_dataset_put(store, &digits));
    struct ebjr_stored_run run = {.model_id = model.id,
                                  .dataset_id = digits.id,
                                  .dtype = "float32",
                                  .classes = 2,
                                  .samples = 1};
    assert_done(ebjr_stored_run_put(store, &run));
    assert_done(ebjr_output_derive(&row, &run));
    assert_done(ebjr_output_append(store, &run, &row, 1));
    ebjr_store_close(store);
    assert_done(merge(NULL, "mixed", "detector", "classifier"));
    assert_holds("mixed", "student", SEED, IMAGES);
    assert_answer(scratch_path("mixed"), "SELECT count(*) FROM outputs", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_two_models),
        cmocka_unit_test(shards_of_one_run),
        cmocka_unit_test(a_gap_is_named),
        cmocka_unit_test(what_both_have_is_compared),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(changed_stores_are_refused),
        cmocka_unit_test(kinds_stand_side_by_side),
    };
    return cmocka_run_group_tests_name("db_detection_merge", tests, make_scratch, remove_scratch);
}
