#include "base/hash.h"
#include "db/internal.h"
#include "db/latency.h"
#include "db/output.h"
#include "db/stored.h"
#include "db/trial.h"
#include "runtime/derive.h"
#include "store_support.h"

#include <math.h>
#include <sys/stat.h>

enum { CLASSES = 7, SAMPLES = 24 };

static const struct table tables[] = {
    {"model", "id", "id = 100, name = 'extra', sha256 = 'extra'"},
    {"dataset", "id", "id = 100, name = 'extra', sha256 = 'extra'"},
    {"sample", "dataset_id, idx", "idx = 1000"},
    {"run", "id", "id = 100, dtype = 'extra'"},
    {"output", "run_id, idx", "idx = 1000"},
    {"chunk", "run_id, first", "first = 1000"},
    {"measurement", "id", "id = 100"},
    {"latency", "measurement_id, idx", "idx = 1000"},
    {"trial", "id", "id = 100"},
    {"tally", "name", "name = 'extra'"},
};

static void hash_value(ebjr_hash *hash, sqlite3_stmt *statement, int column)
{
    int type = sqlite3_column_type(statement, column);
    const void *bytes = sqlite3_column_blob(statement, column);
    int size = sqlite3_column_bytes(statement, column);
    assert_done(ebjr_hash_update(hash, &type, sizeof type));
    assert_done(ebjr_hash_update(hash, &size, sizeof size));
    assert_done(ebjr_hash_update(hash, bytes, (size_t)size));
}

static void hash_table(ebjr_hash *hash, sqlite3 *connection, const struct table *table)
{
    char sql[128];
    sqlite3_stmt *statement;
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY %s", table->name, table->key);
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int column = 0; column < sqlite3_column_count(statement); column++)
            hash_value(hash, statement, column);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
}

/* Of every value of every table. */
static void content_of(char out[EBJR_HASH_TEXT], const char *path)
{
    ebjr_hash *hash;
    sqlite3 *connection = connect_to(path);
    assert_done(ebjr_hash_new(&hash));
    for (size_t i = 0; i < COUNT(tables); i++)
        hash_table(hash, connection, &tables[i]);
    assert_done(ebjr_hash_finish(hash, out));
    ebjr_hash_free(hash);
    sqlite3_close(connection);
}

static void assert_content(const char *path, const char expected[EBJR_HASH_TEXT])
{
    char now[EBJR_HASH_TEXT];
    content_of(now, path);
    assert_string_equal(now, expected);
}

/* things to store */

/* Power cuts are not tested here, so no commit waits for the disk. */
static ebjr_store *open_store(const char *path, enum ebjr_store_mode mode)
{
    ebjr_store *store = NULL;
    assert_done(ebjr_store_open(&store, path, mode));
    assert_done(ebjr_store_execute(store, "PRAGMA synchronous = OFF"));
    return store;
}

static ebjr_store *fresh_store(const char *name)
{
    return open_store(copy_of("hollow", name), EBJR_STORE_CREATE);
}

static struct ebjr_stored_model a_model(const char *name, char digit)
{
    struct ebjr_stored_model model = {.kind = "torchscript", .bytes = 123456, .parameters = 789};
    snprintf(model.name, sizeof model.name, "%s", name);
    snprintf(model.path, sizeof model.path, "/models/%s.pt", name);
    memset(model.sha256, digit, sizeof model.sha256 - 1);
    return model;
}

static struct ebjr_stored_dataset a_dataset(const char *name, char digit)
{
    struct ebjr_stored_dataset dataset = {
        .kind = "idx", .bytes = 4321, .samples = SAMPLES, .shape = "1x28x28"};
    snprintf(dataset.name, sizeof dataset.name, "%s", name);
    snprintf(dataset.path, sizeof dataset.path, "/data/%s", name);
    memset(dataset.sha256, digit, sizeof dataset.sha256 - 1);
    return dataset;
}

static struct ebjr_stored_run a_run(const struct ebjr_stored_model *model,
                                    const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_stored_run run = {.model_id = model->id,
                                  .dataset_id = dataset->id,
                                  .preprocessing = "{\"scale\": 255}",
                                  .dtype = "float32",
                                  .classes = CLASSES,
                                  .samples = dataset->samples,
                                  .flops = 1000000,
                                  .flops_mac2 = EBJR_UNKNOWN,
                                  .flops_source = "counted",
                                  .uncounted_mac2 = "aten::gelu",
                                  .device = "cpu",
                                  .plan = "frozen",
                                  .library = "libtorch 2.1",
                                  .host = "a CPU",
                                  .program = "0.1.0"};
    return run;
}

struct rows {
    struct ebjr_output row[SAMPLES];
    float logits[SAMPLES][CLASSES];
};

/* Labels depend on the sample alone, logits on the seed. */
static void fill_rows(struct rows *rows, uint64_t seed)
{
    const struct ebjr_stored_run identity = {.classes = CLASSES};
    for (int i = 0; i < SAMPLES; i++) {
        for (int k = 0; k < CLASSES; k++)
            rows->logits[i][k] = (float)random_below(&seed, 2000) / 100 - 10;
        rows->row[i] =
            (struct ebjr_output){.index = i, .label = 5 * i % CLASSES, .logits = rows->logits[i]};
        assert_done(ebjr_output_derive(&rows->row[i], &identity));
    }
}

static void append(ebjr_store *store, struct ebjr_stored_run *run, const struct rows *rows,
                   size_t count)
{
    assert_done(ebjr_output_append(store, run, rows->row + run->done, count));
}

static struct ebjr_stored_run put_run(ebjr_store *store, const char *model_name, char digit,
                                      const char *preprocessing)
{
    struct ebjr_stored_model model = a_model(model_name, digit);
    struct ebjr_stored_dataset dataset = a_dataset("digits", 'd');
    assert_done(ebjr_stored_model_put(store, &model));
    assert_done(ebjr_stored_dataset_put(store, &dataset));
    struct ebjr_stored_run run = a_run(&model, &dataset);
    snprintf(run.preprocessing, sizeof run.preprocessing, "%s", preprocessing);
    assert_done(ebjr_stored_run_put(store, &run));
    return run;
}

static const int64_t latencies[] = {1200345, 0, 998001, INT64_MAX, 1000000};

static struct ebjr_stored_measurement a_measurement(const struct ebjr_stored_run *run)
{
    struct ebjr_stored_measurement measurement = {.model_id = run->model_id,
                                                  .dataset_id = run->dataset_id,
                                                  .scenario = "single",
                                                  .device = "cpu",
                                                  .plan = "frozen",
                                                  .batch = 1,
                                                  .threads = EBJR_UNKNOWN,
                                                  .qps = 62.5,
                                                  .teacher_rate = NAN,
                                                  .samples = COUNT(latencies),
                                                  .host = "a CPU",
                                                  .library = "libtorch 2.1",
                                                  .program = "0.1.0"};
    return measurement;
}

static void put_trials(ebjr_store *store, int64_t model_id)
{
    struct ebjr_trial_key key = {model_id,       "1x28x28", "cpu", "a CPU",
                                 "libtorch 2.1", "float32", 0,     4};
    struct ebjr_trial trials[] = {
        {.mode = "as-loaded",
         .batch = 1,
         .threads = 4,
         .ns = 2000,
         .max_difference = NAN,
         .changed = EBJR_UNKNOWN,
         .program = "0.1.0"},
        {.mode = "frozen",
         .batch = 64,
         .threads = 4,
         .ns = 500,
         .max_difference = 2.5e-7,
         .changed = 1,
         .samples = 100,
         .chosen = 1,
         .program = "0.1.0"},
        {.mode = "direct",
         .batch = 64,
         .threads = 4,
         .ns = EBJR_UNKNOWN,
         .max_difference = NAN,
         .changed = EBJR_UNKNOWN,
         .note = "no such operator",
         .program = "0.1.0"},
    };
    assert_done(ebjr_trial_put(store, &key, trials, COUNT(trials)));
}

enum { SMALL_SEED = 11, LARGE_SEED = 12 };

/* Two models over one data set, in several chunks and in one, and a third run that is not done. */
static int make_stores(void **state)
{
    struct rows small, large;
    if (make_scratch(state) != 0)
        return -1;
    ebjr_store_close(open_store(scratch_path("hollow"), EBJR_STORE_CREATE));
    ebjr_store *store = fresh_store("whole");
    fill_rows(&small, SMALL_SEED);
    fill_rows(&large, LARGE_SEED);
    struct ebjr_stored_run run = put_run(store, "small", 'a', "p");
    append(store, &run, &small, 10);
    append(store, &run, &small, 1);
    append(store, &run, &small, 13);
    run = put_run(store, "large", 'b', "p");
    append(store, &run, &large, SAMPLES);
    run = put_run(store, "small", 'a', "q");
    append(store, &run, &small, 5);
    struct ebjr_stored_measurement measurement = a_measurement(&run);
    assert_done(ebjr_latency_put(store, &measurement, NULL, latencies));
    put_trials(store, run.model_id);
    ebjr_store_close(store);
    return 0;
}

/* Columns alone: behind the end of a text, bytes are nobody's. */
static void assert_same_record(const struct ebjr_table *table, const void *record,
                               const void *expected)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ebjr_column *column = &table->columns[i];
        const char *value = (const char *)record + column->offset;
        const char *expected_value = (const char *)expected + column->offset;
        if (column->kind == EBJR_COLUMN_INTEGER)
            assert_memory_equal(value, expected_value, sizeof(int64_t));
        else if (column->kind == EBJR_COLUMN_REAL)
            assert_memory_equal(value, expected_value, sizeof(double));
        else
            assert_string_equal(value, expected_value);
    }
}

static void assert_same_model(const struct ebjr_stored_model *model,
                              const struct ebjr_stored_model *expected)
{
    assert_same_record(&ebjr_model_table, model, expected);
}

static void assert_same_dataset(const struct ebjr_stored_dataset *dataset,
                                const struct ebjr_stored_dataset *expected)
{
    assert_same_record(&ebjr_dataset_table, dataset, expected);
}

static void assert_same_run(const struct ebjr_stored_run *run,
                            const struct ebjr_stored_run *expected)
{
    assert_same_record(&ebjr_run_table, run, expected);
}

/* store.h */

static void store_is_made_once(void **state)
{
    (void)state;
    const char *path = scratch_path("new");
    ebjr_store *store = open_store(path, EBJR_STORE_CREATE);
    struct ebjr_stored_model model = a_model("small", 'a');
    assert_string_equal(ebjr_store_path(store), path);
    assert_done(ebjr_stored_model_put(store, &model));
    ebjr_store_close(store);
    ebjr_store_close(NULL);

    assert_answer(path, "PRAGMA application_id", "1700948594"); /* "ebjr", big-endian */
    assert_answer(path, "PRAGMA user_version", "4");
    assert_answer(path, "PRAGMA journal_mode", "wal");
    assert_answer(path, "SELECT group_concat(name) FROM model", "small");
    for (int mode = EBJR_STORE_READ; mode <= EBJR_STORE_CREATE; mode++) {
        struct ebjr_stored_model found;
        store = open_store(path, mode);
        assert_done(ebjr_stored_model_find(&found, store, "small"));
        assert_int_equal(found.id, model.id);
        ebjr_store_close(store);
    }
}

static void empty_file_becomes_a_store(void **state)
{
    (void)state;
    const char *path = scratch_path("empty-to-fill");
    write_file(path, "", 0);
    ebjr_store_close(open_store(path, EBJR_STORE_CREATE));
    ebjr_store_close(open_store(path, EBJR_STORE_READ));
}

/* Whatever the file is, opening it neither succeeds nor changes it. */
static void assert_not_opened(const char *path, enum ebjr_store_mode mode, int code)
{
    ebjr_store *store = NULL;
    copy_file(scratch_path("before"), path);
    assert_refused(ebjr_store_open(&store, path, mode), code, path);
    assert_null(store);
    assert_same_file(path, scratch_path("before"));
}

static void store_refuses_other_files(void **state)
{
    (void)state;
    char noise[5000];
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)random_bits(&seed);
    write_file(scratch_path("text"), "not a database\n", 15);
    write_file(scratch_path("noise"), noise, sizeof noise);
    execute(scratch_path("other"), "CREATE TABLE model (id, name)");
    execute(scratch_path("marked"), "PRAGMA application_id = 1234; PRAGMA user_version = 1");
    ebjr_store_close(fresh_store("newer"));
    execute(scratch_path("newer"), "PRAGMA user_version = 5");

    static const char *const names[] = {"text", "noise", "other", "marked", "newer"};
    for (size_t i = 0; i < COUNT(names); i++)
        for (int mode = EBJR_STORE_READ; mode <= EBJR_STORE_CREATE; mode++)
            assert_not_opened(scratch_path(names[i]), mode, EBJR_ESTORE);

    write_file(scratch_path("empty"), "", 0);
    assert_not_opened(scratch_path("empty"), EBJR_STORE_READ, EBJR_ESTORE);
}

static void store_refuses_what_is_no_file(void **state)
{
    (void)state;
    ebjr_store *store = NULL;
    const char *missing = scratch_path("missing"), *nowhere = scratch_path("no/such/directory");
    assert_refused(ebjr_store_open(&store, scratch, EBJR_STORE_READ), EBJR_EINVAL, scratch);
    assert_refused(ebjr_store_open(&store, scratch, EBJR_STORE_CREATE), EBJR_EINVAL, scratch);
    assert_refused(ebjr_store_open(&store, missing, EBJR_STORE_READ), EBJR_ENOTFOUND, missing);
    assert_int_equal(access(missing, F_OK), -1);
    assert_refused(ebjr_store_open(&store, nowhere, EBJR_STORE_READ), EBJR_ENOTFOUND, nowhere);
    assert_refused(ebjr_store_open(&store, nowhere, EBJR_STORE_CREATE), EBJR_EIO, nowhere);
    assert_null(store);
}

/* A store that neither we nor SQLite may write to, nor beside it. */
static void make_read_only_store(char path[PATH_MAX], const char *directory)
{
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(mkdir(scratch_path(directory), 0755), 0);
    snprintf(path, PATH_MAX, "%.256s/store", scratch_path(directory));
    copy_file(path, scratch_path("whole"));
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(scratch_path(directory), 0555), 0);
    if (!become_unprivileged(true)) {
        print_message("SKIPPED: permissions do not bind root, and its rights cannot be given up\n");
        skip();
    }
}

static void end_read_only_store(const char *directory)
{
    assert_true(become_unprivileged(false));
    assert_int_equal(chmod(scratch_path(directory), 0755), 0);
}

static void read_only_store_is_not_written(void **state)
{
    (void)state;
    char path[PATH_MAX];
    ebjr_store *store = NULL;
    make_read_only_store(path, "locked-away");
    int status = ebjr_store_open(&store, path, EBJR_STORE_CREATE);
    end_read_only_store("locked-away");
    assert_null(store);
    assert_refused(status, EBJR_EIO, path);
}

static void read_only_store_is_read(void **state)
{
    (void)state;
    char path[PATH_MAX];
    ebjr_store *store = NULL;
    struct ebjr_stored_model found;
    make_read_only_store(path, "on-show");
    int status = ebjr_store_open(&store, path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_stored_model_find(&found, store, "small");
    ebjr_store_close(store);
    end_read_only_store("on-show");
    assert_done(status);
}

static void locked_store_is_read_but_not_written(void **state)
{
    (void)state;
    char before[EBJR_HASH_TEXT];
    struct ebjr_stored_model model = a_model("third", 'c'), found;
    const char *path = copy_of("whole", "locked");
    content_of(before, path);
    ebjr_store *writer = open_store(path, EBJR_STORE_CREATE);
    sqlite3_busy_timeout(writer->connection, 0); /* do not wait for the lock below */

    sqlite3 *holder = connect_to(path);
    const char *hold = "BEGIN EXCLUSIVE; UPDATE model SET name = 'half-written' WHERE id = 1";
    assert_int_equal(sqlite3_exec(holder, hold, NULL, NULL, NULL), SQLITE_OK);
    ebjr_store *reader = open_store(path, EBJR_STORE_READ);
    assert_done(ebjr_stored_model_find(&found, reader, "small"));
    assert_refused(ebjr_stored_model_put(writer, &model), EBJR_EBUSY, path);
    assert_int_equal(sqlite3_exec(holder, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(holder);
    assert_content(path, before);

    assert_done(ebjr_stored_model_put(writer, &model));
    assert_done(ebjr_stored_model_find(&found, reader, "third"));
    ebjr_store_close(reader);
    ebjr_store_close(writer);
}

/* stored.h */

static void assert_is_time(const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    assert_int_equal(strlen(text), strlen(shape));
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd')
            assert_in_range(text[i], '0', '9');
        else
            assert_int_equal(text[i], shape[i]);
}

static void model_is_its_hash(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("models");
    struct ebjr_stored_model model = a_model("small", 'a'), other = a_model("large", 'b');
    struct ebjr_stored_model same = a_model("renamed", 'a'), taken = a_model("small", 'c');
    other.parameters = EBJR_UNKNOWN;
    assert_done(ebjr_stored_model_put(store, &model));
    assert_done(ebjr_stored_model_put(store, &other));
    assert_is_time(model.created);
    assert_true(model.id != other.id);

    assert_done(ebjr_stored_model_put(store, &same));
    assert_same_model(&same, &model);
    assert_refused(ebjr_stored_model_put(store, &taken), EBJR_EEXIST, "'small'");

    struct ebjr_stored_model *list;
    size_t count;
    assert_done(ebjr_stored_model_list(&list, &count, store));
    assert_int_equal(count, 2);
    assert_same_model(&list[0], &model);
    assert_same_model(&list[1], &other);
    free(list);
    ebjr_store_close(store);

    assert_answer(scratch_path("models"),
                  "SELECT group_concat(name || ' ' || kind || ' ' || path || ' ' || bytes || ' ' ||"
                  " ifnull(parameters, 'unknown'), '; ') FROM model",
                  "small torchscript /models/small.pt 123456 789; "
                  "large torchscript /models/large.pt 123456 unknown");
}

static void dataset_is_its_hash(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("datasets");
    struct ebjr_stored_dataset digits = a_dataset("digits", 'a'), other = a_dataset("shoes", 'b');
    struct ebjr_stored_dataset same = a_dataset("renamed", 'a'), taken = a_dataset("digits", 'c');
    assert_done(ebjr_stored_dataset_put(store, &digits));
    assert_done(ebjr_stored_dataset_put(store, &other));
    assert_is_time(digits.created);
    assert_done(ebjr_stored_dataset_put(store, &same));
    assert_same_dataset(&same, &digits);
    assert_refused(ebjr_stored_dataset_put(store, &taken), EBJR_EEXIST, "'digits'");

    struct ebjr_stored_dataset *list;
    size_t count;
    assert_done(ebjr_stored_dataset_list(&list, &count, store));
    assert_int_equal(count, 2);
    assert_same_dataset(&list[0], &digits);
    assert_same_dataset(&list[1], &other);
    free(list);
    ebjr_store_close(store);

    assert_answer(scratch_path("datasets"),
                  "SELECT group_concat(name || ' ' || kind || ' ' || path || ' ' || bytes || ' ' ||"
                  " samples || ' ' || shape, '; ') FROM dataset",
                  "digits idx /data/digits 4321 24 1x28x28; shoes idx /data/shoes 4321 24 1x28x28");
}

static void run_is_model_dataset_preprocessing_and_dtype(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("runs");
    struct rows rows;
    fill_rows(&rows, 1);
    struct ebjr_stored_run first = put_run(store, "small", 'a', "p");
    assert_is_time(first.started);
    assert_string_equal(first.finished, "");
    append(store, &first, &rows, 3);

    struct ebjr_stored_run again = put_run(store, "small", 'a', "p");
    assert_same_run(&again, &first);
    assert_int_equal(again.done, 3);
    assert_int_not_equal(put_run(store, "small", 'a', "q").id, first.id);
    assert_int_not_equal(put_run(store, "large", 'b', "p").id, first.id);
    struct ebjr_stored_run half = first;
    strcpy(half.dtype, "float16");
    assert_done(ebjr_stored_run_put(store, &half));
    assert_int_not_equal(half.id, first.id);
    assert_int_equal(half.done, 0);

    struct ebjr_stored_run *list;
    size_t count;
    assert_done(ebjr_stored_run_list(&list, &count, store));
    assert_int_equal(count, 4);
    assert_same_run(&list[0], &first);
    assert_same_run(&list[3], &half);
    free(list);
    ebjr_store_close(store);
}

/* As what is at hand is looked up: by hashes, not by names. */
static void run_is_found_by_hashes(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("found-runs");
    put_run(store, "small", 'a', "p");
    put_run(store, "large", 'b', "p");
    struct ebjr_stored_run wanted = put_run(store, "large", 'b', "q"), run;
    struct ebjr_stored_model large = a_model("renamed", 'b'), small = a_model("small", 'a');
    struct ebjr_stored_model stranger = a_model("large", 'c');
    struct ebjr_stored_dataset digits = a_dataset("renamed", 'd'), other = a_dataset("digits", 'e');
    const struct {
        const char *model, *dataset, *preprocessing, *dtype, *class_map;
    } absent[] = {{stranger.sha256, digits.sha256, "q", "float32", ""},
                  {large.sha256, other.sha256, "q", "float32", ""},
                  {small.sha256, digits.sha256, "q", "float32", ""},
                  {large.sha256, digits.sha256, "r", "float32", ""},
                  {large.sha256, digits.sha256, "q", "float16", ""},
                  {large.sha256, digits.sha256, "q", "float32", "0,2"}};
    assert_done(ebjr_stored_run_find(&run, store, large.sha256, digits.sha256, "q", "float32", ""));
    assert_same_run(&run, &wanted);
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_refused(ebjr_stored_run_find(&run, store, absent[i].model, absent[i].dataset,
                                            absent[i].preprocessing, absent[i].dtype,
                                            absent[i].class_map),
                       EBJR_ENOTFOUND, "holds no such run");
    ebjr_store_close(store);
}

static void names_are_only_text(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Robert'); DROP TABLE model;--", "\"quoted\"", "é 学生 🎓", "%s%n", "?1", "line\nbreak"};
    ebjr_store *store = fresh_store("names");
    for (size_t i = 0; i < COUNT(names); i++) {
        struct ebjr_stored_model model = a_model(names[i], (char)('0' + i)), found;
        assert_done(ebjr_stored_model_put(store, &model));
        assert_done(ebjr_stored_model_find(&found, store, names[i]));
        assert_string_equal(found.name, names[i]);
    }
    ebjr_store_close(store);
}

static void model_is_found_by_name_or_hash(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("find");
    struct ebjr_stored_model small = a_model("small", 'a'), large = a_model("large", 'b'), found;
    struct ebjr_stored_model twin = a_model("twin", 'a'), named = a_model("bbbbbb", 'c');
    const char *path = scratch_path("find");
    assert_refused(ebjr_stored_model_find(&found, store, "small"), EBJR_ENOTFOUND, path);

    assert_done(ebjr_stored_model_put(store, &small));
    assert_done(ebjr_stored_model_put(store, &large));
    assert_done(ebjr_stored_model_find(&found, store, "large"));
    assert_same_model(&found, &large);
    for (int digits = 6; digits <= 64; digits++) {
        char head[EBJR_HASH_TEXT];
        snprintf(head, sizeof head, "%.*s", digits, large.sha256);
        assert_done(ebjr_stored_model_find(&found, store, head));
        assert_int_equal(found.id, large.id);
    }
    assert_refused(ebjr_stored_model_find(&found, store, "bbbbb"), EBJR_ENOTFOUND, "bbbbb");
    assert_refused(ebjr_stored_model_find(&found, store, "bbbbbc"), EBJR_ENOTFOUND, "bbbbbc");
    assert_refused(ebjr_stored_model_find(&found, store, "smal"), EBJR_ENOTFOUND,
                   "did you mean 'small'");
    assert_refused(ebjr_stored_model_find(&found, store, "resnet50"), EBJR_ENOTFOUND, path);

    twin.sha256[10] = 'f';
    assert_done(ebjr_stored_model_put(store, &twin));
    assert_refused(ebjr_stored_model_find(&found, store, "aaaaaa"), EBJR_EINVAL, "aaaaaa");
    assert_done(ebjr_stored_model_find(&found, store, "aaaaaaaaaaf"));
    assert_int_equal(found.id, twin.id);
    assert_done(ebjr_stored_model_put(store, &named));
    assert_done(ebjr_stored_model_find(&found, store, "bbbbbb"));
    assert_int_equal(found.id, named.id);
    ebjr_store_close(store);
}

static void dataset_is_found_by_name_or_hash(void **state)
{
    (void)state;
    ebjr_store *store = fresh_store("find-data");
    struct ebjr_stored_dataset digits = a_dataset("digits", 'a'), found;
    assert_status(ebjr_stored_dataset_find(&found, store, "digits"), EBJR_ENOTFOUND);
    assert_done(ebjr_stored_dataset_put(store, &digits));
    assert_done(ebjr_stored_dataset_find(&found, store, "digits"));
    assert_same_dataset(&found, &digits);
    assert_done(ebjr_stored_dataset_find(&found, store, "aaaaaa"));
    assert_refused(ebjr_stored_dataset_find(&found, store, "digit"), EBJR_ENOTFOUND,
                   "did you mean 'digits'");
    ebjr_store_close(store);
}

/* output.h */

static void assert_same_output(const struct ebjr_output *row, const struct ebjr_output *expected,
                               size_t classes)
{
    assert_int_equal(row->index, expected->index);
    assert_int_equal(row->label, expected->label);
    assert_int_equal(row->prediction, expected->prediction);
    assert_int_equal(row->correct, expected->correct);
    assert_int_equal(row->top5_correct, expected->top5_correct);
    assert_int_equal(bits_of(row->energy), bits_of(expected->energy));
    assert_int_equal(bits_of(row->softmax_energy), bits_of(expected->softmax_energy));
    if (classes > 0)
        assert_memory_equal(row->logits, expected->logits, classes * sizeof(float));
    else
        assert_null(row->logits);
}

static void assert_rows(ebjr_store *store, const struct ebjr_stored_run *run,
                        const struct ebjr_output *expected, bool logits)
{
    ebjr_output_cursor *cursor = NULL;
    struct ebjr_output row;
    assert_done(ebjr_output_cursor_open(&cursor, store, run, logits));
    for (int64_t i = 0; i < run->done; i++) {
        assert_status(ebjr_output_cursor_next(cursor, &row), 1);
        assert_same_output(&row, &expected[i], logits ? (size_t)run->classes : 0);
    }
    assert_done(ebjr_output_cursor_next(cursor, &row));
    ebjr_output_cursor_close(cursor);
    ebjr_output_cursor_close(NULL);
}

static double random_energy(uint64_t *seed)
{
    double energy;
    do
        energy = double_of(random_bits(seed));
    while (!isfinite(energy));
    return energy;
}

enum { MANY = 500, MANY_CLASSES = 33 };

/* Any bits of logits; finite energies, as SQLite's reals know no NaN. */
static void random_outputs(struct ebjr_output rows[MANY], float logits[MANY][MANY_CLASSES],
                           uint64_t *seed)
{
    for (int i = 0; i < MANY; i++) {
        for (int k = 0; k < MANY_CLASSES; k++) {
            uint32_t bits = (uint32_t)random_bits(seed);
            memcpy(&logits[i][k], &bits, sizeof bits);
        }
        rows[i] = (struct ebjr_output){.index = i,
                                       .label = (int32_t)random_below(seed, INT32_MAX),
                                       .prediction = (int32_t)random_below(seed, INT32_MAX),
                                       .correct = random_below(seed, 2),
                                       .top5_correct = random_below(seed, 2),
                                       .energy = random_energy(seed),
                                       .softmax_energy = random_energy(seed),
                                       .logits = logits[i]};
    }
}

static void outputs_come_back_bit_for_bit(void **state)
{
    (void)state;
    static struct ebjr_output rows[MANY];
    static float logits[MANY][MANY_CLASSES];
    uint64_t seed = 2;
    random_outputs(rows, logits, &seed);
    ebjr_store *store = fresh_store("outputs");
    struct ebjr_stored_model model = a_model("small", 'a');
    struct ebjr_stored_dataset dataset = a_dataset("digits", 'd');
    dataset.samples = MANY;
    assert_done(ebjr_stored_model_put(store, &model));
    assert_done(ebjr_stored_dataset_put(store, &dataset));
    struct ebjr_stored_run run = a_run(&model, &dataset);
    run.classes = MANY_CLASSES;
    assert_done(ebjr_stored_run_put(store, &run));
    while (run.done < MANY) {
        size_t left = (size_t)(MANY - run.done), count = 1 + random_below(&seed, 120);
        int64_t expected = run.done + (int64_t)(count < left ? count : left);
        assert_string_equal(run.finished, "");
        assert_done(ebjr_output_append(store, &run, rows + run.done, count < left ? count : left));
        assert_int_equal(run.done, expected);
        assert_rows(store, &run, rows, false);
    }
    assert_is_time(run.finished);
    ebjr_store_close(store);

    int32_t labels[MANY];
    struct ebjr_stored_run *list;
    size_t count;
    store = open_store(scratch_path("outputs"), EBJR_STORE_READ);
    assert_done(ebjr_stored_run_list(&list, &count, store));
    assert_same_run(&list[0], &run);
    assert_rows(store, &list[0], rows, true);
    assert_done(ebjr_label_read(labels, store, &dataset));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(labels[i], rows[i].label);
    free(list);
    ebjr_store_close(store);
}

static unsigned char *put_little_endian(unsigned char *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *out++ = (unsigned char)(value >> 8 * i);
    return out;
}

/* The layout that output.h gives. */
static void hash_output(ebjr_hash *hash, const struct ebjr_output *row)
{
    unsigned char bytes[34 + 4 * CLASSES], *end = bytes;
    end = put_little_endian(end, (uint64_t)row->index, 8);
    end = put_little_endian(end, (uint32_t)row->label, 4);
    end = put_little_endian(end, (uint32_t)row->prediction, 4);
    end = put_little_endian(end, row->correct, 1);
    end = put_little_endian(end, row->top5_correct, 1);
    end = put_little_endian(end, bits_of(row->energy), 8);
    end = put_little_endian(end, bits_of(row->softmax_energy), 8);
    for (int k = 0; k < CLASSES; k++) {
        uint32_t bits;
        memcpy(&bits, &row->logits[k], sizeof bits);
        end = put_little_endian(end, bits, 4);
    }
    assert_done(ebjr_hash_update(hash, bytes, sizeof bytes));
}

static void chunk_has_the_hash_of_its_rows(void **state)
{
    (void)state;
    struct rows rows;
    ebjr_hash *hash;
    char expected[EBJR_HASH_TEXT + 32] = "10 1 ";
    fill_rows(&rows, SMALL_SEED);
    const char *path = copy_of("whole", "chunks");
    assert_done(ebjr_hash_new(&hash));
    hash_output(hash, &rows.row[10]);
    assert_done(ebjr_hash_finish(hash, expected + strlen(expected)));
    assert_answer(path,
                  "SELECT first || ' ' || count || ' ' || sha256 FROM chunk "
                  "WHERE run_id = 1 ORDER BY first LIMIT 1 OFFSET 1",
                  expected);
    for (int i = 11; i < SAMPLES; i++)
        hash_output(hash, &rows.row[i]);
    assert_done(ebjr_hash_finish(hash, expected));
    assert_answer(path, "SELECT sha256 FROM chunk WHERE run_id = 1 AND first = 11", expected);
    ebjr_hash_free(hash);
}

static void labels_of_another_dataset_are_refused(void **state)
{
    (void)state;
    char before[EBJR_HASH_TEXT];
    struct rows rows;
    const char *path = copy_of("whole", "labels");
    ebjr_store *store = open_store(path, EBJR_STORE_CREATE);
    struct ebjr_stored_run run = put_run(store, "third", 'c', "p"), untouched = run;
    content_of(before, path);
    fill_rows(&rows, 3);
    rows.row[17].label++;
    assert_refused(ebjr_output_append(store, &run, rows.row, SAMPLES), EBJR_EFORMAT, "sample 17");
    assert_same_run(&run, &untouched);
    assert_content(path, before);

    rows.row[17].label--;
    append(store, &run, &rows, SAMPLES);
    assert_rows(store, &run, rows.row, true);
    ebjr_store_close(store);
}

static void second_writer_of_a_run_is_refused(void **state)
{
    (void)state;
    char before[EBJR_HASH_TEXT];
    struct rows rows;
    const char *path = copy_of("whole", "stale");
    ebjr_store *store = open_store(path, EBJR_STORE_CREATE);
    ebjr_store *other = open_store(path, EBJR_STORE_CREATE);
    struct ebjr_stored_run run = put_run(store, "third", 'c', "p"), stale = run, untouched = run;
    fill_rows(&rows, 4);
    append(store, &run, &rows, 8);
    content_of(before, path);
    assert_refused(ebjr_output_append(other, &stale, rows.row, 8), EBJR_EBUSY, path);
    assert_same_run(&stale, &untouched);
    assert_content(path, before);

    struct ebjr_stored_run gone = run;
    gone.id = 1000;
    assert_status(ebjr_output_append(other, &gone, rows.row + 8, 8), EBJR_ESTORE);
    assert_content(path, before);
    append(other, &run, &rows, 8);
    assert_rows(store, &run, rows.row, true);
    ebjr_store_close(other);
    ebjr_store_close(store);
}

static void no_rows_are_no_chunk(void **state)
{
    (void)state;
    struct rows rows;
    ebjr_store *store = fresh_store("no-rows");
    struct ebjr_stored_run run = put_run(store, "small", 'a', "p");
    fill_rows(&rows, 5);
    append(store, &run, &rows, 0);
    assert_int_equal(run.done, 0);
    append(store, &run, &rows, 4);
    assert_rows(store, &run, rows.row, true);
    ebjr_store_close(store);
}

static int count_operation(void *operations)
{
    ++*(int64_t *)operations;
    return 0;
}

/* A run grows in a time that is linear in its samples. */
static void chunk_costs_the_same_after_many(void **state)
{
    (void)state;
    enum { CHUNK = 100, CHUNKS = 80 };
    const float logits[] = {1, 2};
    struct ebjr_output rows[CHUNK];
    int64_t operations = 0, once = 0;
    ebjr_store *store = fresh_store("many-chunks");
    struct ebjr_stored_model model = a_model("small", 'a');
    struct ebjr_stored_dataset dataset = a_dataset("digits", 'd');
    dataset.samples = CHUNK * CHUNKS;
    assert_done(ebjr_stored_model_put(store, &model));
    assert_done(ebjr_stored_dataset_put(store, &dataset));
    struct ebjr_stored_run run = a_run(&model, &dataset);
    run.classes = COUNT(logits);
    run.samples = dataset.samples;
    assert_done(ebjr_stored_run_put(store, &run));
    sqlite3_progress_handler(store->connection, 1, count_operation, &operations);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        for (int i = 0; i < CHUNK; i++) {
            rows[i] = (struct ebjr_output){.index = run.done + i, .logits = logits};
            assert_done(ebjr_output_derive(&rows[i], &run));
        }
        operations = 0;
        assert_done(ebjr_output_append(store, &run, rows, CHUNK));
        if (chunk == 1)
            once = operations;
    }
    assert_true(once > 0 && operations < once + once / 4);
    ebjr_store_close(store);
}

static void labels_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    int32_t labels[SAMPLES];
    struct rows rows;
    ebjr_store *store = fresh_store("label-read");
    const char *path = scratch_path("label-read");
    struct ebjr_stored_run run = put_run(store, "small", 'a', "p");
    struct ebjr_stored_dataset dataset;
    fill_rows(&rows, 6);
    assert_done(ebjr_stored_dataset_find(&dataset, store, "digits"));
    assert_refused(ebjr_label_read(labels, store, &dataset), EBJR_ESTORE, "digits");
    append(store, &run, &rows, SAMPLES - 1);
    assert_refused(ebjr_label_read(labels, store, &dataset), EBJR_ESTORE, "digits");
    append(store, &run, &rows, 1);
    assert_done(ebjr_label_read(labels, store, &dataset));
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(labels[i], rows.row[i].label);
    execute(path, "DELETE FROM sample WHERE idx = 7");
    assert_status(ebjr_label_read(labels, store, &dataset), EBJR_ESTORE);
    ebjr_store_close(store);
}

/* The error of reading the first run to its end. */
static int read_through(ebjr_store *store)
{
    struct ebjr_stored_run *runs;
    ebjr_output_cursor *cursor;
    struct ebjr_output row;
    size_t count;
    int step;
    assert_done(ebjr_stored_run_list(&runs, &count, store));
    assert_done(ebjr_output_cursor_open(&cursor, store, &runs[0], true));
    do
        step = ebjr_output_cursor_next(cursor, &row);
    while (step == 1);
    ebjr_output_cursor_close(cursor);
    free(runs);
    return step;
}

static void cursor_finds_damage(void **state)
{
    (void)state;
    static const char *const damage[] = {
        "DELETE FROM output WHERE run_id = 1 AND idx = 12",
        "DELETE FROM sample WHERE idx = 12",
        "UPDATE output SET logits = substr(logits, 5) WHERE run_id = 1 AND idx = 12",
        "UPDATE output SET logits = logits || x'00000000' WHERE run_id = 1 AND idx = 12",
        "UPDATE output SET logits = x'' WHERE run_id = 1 AND idx = 12",
    };
    for (size_t i = 0; i < COUNT(damage); i++) {
        execute(copy_of("whole", "damaged"), damage[i]);
        ebjr_store *store = open_store(scratch_path("damaged"), EBJR_STORE_READ);
        assert_refused(read_through(store), EBJR_ESTORE, "sample 12");
        ebjr_store_close(store);
    }
}

/* verify.h */

static void whole_store_has_no_faults(void **state)
{
    (void)state;
    char before[EBJR_HASH_TEXT];
    struct ebjr_verify_totals totals = {0};
    content_of(before, scratch_path("whole"));
    assert_done(verify(&totals, scratch_path("whole")));
    assert_int_equal(totals.models, 2);
    assert_int_equal(totals.datasets, 1);
    assert_int_equal(totals.runs, 3);
    assert_int_equal(totals.rows, 2 * SAMPLES + 5);
    assert_int_equal(totals.measurements, 1);
    assert_int_equal(totals.trials, 3);
    assert_int_equal(totals.faults, 0);
    assert_content(scratch_path("whole"), before);

    assert_done(verify(&totals, scratch_path("hollow")));
    assert_int_equal(totals.models + totals.datasets + totals.runs + totals.rows, 0);
    assert_int_equal(totals.faults, 0);
}

static void flipped_bits_are_found(void **state)
{
    (void)state;
    enum { FLIPS = 200 };
    uint64_t seed = 7;
    int flips = 0, missed = 0;
    const char *path = scratch_path("flipped");
    while (flips < FLIPS) {
        char what[128];
        sqlite3 *connection = connect_to(copy_of("whole", "flipped"));
        const struct table *table = &tables[random_below(&seed, COUNT(tables))];
        int column = (int)random_below(&seed, (size_t)columns_of(connection, table));
        bool flipped = flip_bit(what, connection, table, column, &seed);
        sqlite3_close(connection);
        flips += flipped;
        if (flipped && !is_found_damaged(path)) {
            missed++;
            print_error("not found: %s\n", what);
        }
    }
    assert_int_equal(missed, 0);
}

static void lost_rows_are_found(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "DESC"};
    int missed = 0;
    for (size_t i = 0; i < COUNT(tables); i++)
        for (size_t end = 0; end < COUNT(ends); end++) {
            char sql[256];
            snprintf(sql, sizeof sql,
                     "DELETE FROM %s WHERE (%s) = (SELECT %s FROM %s ORDER BY %s %s LIMIT 1)",
                     tables[i].name, tables[i].key, tables[i].key, tables[i].name, tables[i].key,
                     ends[end]);
            missed += !is_found(sql);
        }
    missed += !is_found("DELETE FROM output WHERE run_id = 3; DELETE FROM chunk WHERE run_id = 3");
    missed += !is_found("DELETE FROM run");
    missed += !is_found("DELETE FROM output; DELETE FROM chunk; DELETE FROM latency;"
                        "DELETE FROM measurement; DELETE FROM trial; DELETE FROM sample;"
                        "DELETE FROM run; DELETE FROM dataset; DELETE FROM model");
    missed += !is_found("DELETE FROM latency; DELETE FROM measurement");
    missed += !is_found("DELETE FROM trial");
    assert_int_equal(missed, 0);
}

/* A run set back to its first chunk: every seal and SHA-256 fits, and yet rows are lost. */
static void record_as_it_was_before_is_found(void **state)
{
    (void)state;
    struct rows rows;
    const char *path = scratch_path("rewound");
    ebjr_store *store = fresh_store("rewound");
    fill_rows(&rows, SMALL_SEED);
    struct ebjr_stored_run run = put_run(store, "small", 'a', "p");
    append(store, &run, &rows, 5);
    ebjr_store_close(store);
    execute(path, "CREATE TABLE before AS SELECT * FROM run");
    store = open_store(path, EBJR_STORE_CREATE);
    append(store, &run, &rows, 5);
    ebjr_store_close(store);
    struct ebjr_verify_totals totals;
    assert_done(verify(&totals, path));
    assert_int_equal(totals.faults, 1); /* the table of the test */
    execute(path, "DELETE FROM run; INSERT INTO run SELECT * FROM before; DROP TABLE before;"
                  "DELETE FROM chunk WHERE first = 5; DELETE FROM output WHERE idx >= 5;"
                  "DELETE FROM sample WHERE idx >= 5");
    assert_done(verify(&totals, path));
    assert_int_equal(totals.faults, 1); /* the tally's */
}

static void added_rows_are_found(void **state)
{
    (void)state;
    int missed = 0;
    for (size_t i = 0; i < COUNT(tables); i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "CREATE TEMP TABLE extra AS SELECT * FROM %s LIMIT 1;"
                 "UPDATE extra SET %s; INSERT INTO %s SELECT * FROM extra",
                 tables[i].name, tables[i].extra, tables[i].name);
        missed += !is_found(sql);
    }
    missed += !is_found("INSERT INTO sample VALUES (2, 0, 0)");
    missed += !is_found("INSERT INTO chunk VALUES (9, 0, 0, '')");
    missed += !is_found("INSERT INTO output VALUES (9, 0, 0, 0, 0, 0, 0, x'')");
    assert_int_equal(missed, 0);
}

/* Values that a C reader takes for the right ones, but that a query in SQL does not. */
static void values_of_another_type_are_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE output SET prediction = prediction + 4294967296 WHERE idx = 3",
        "UPDATE output SET prediction = prediction || 'x' WHERE idx = 3",
        "UPDATE output SET correct = 3 WHERE correct = 1",
        "UPDATE output SET top5_correct = -1 WHERE top5_correct = 1",
        "UPDATE output SET energy = energy || 'x' WHERE idx = 3",
        "UPDATE sample SET label = label + 4294967296 WHERE idx = 3",
        "UPDATE sample SET label = label + 0.5 WHERE idx = 3",
        "UPDATE model SET bytes = bytes || 'x'",
        "UPDATE model SET bytes = bytes + 0.5",
        "UPDATE model SET name = name || char(0) || 'x'",
        "UPDATE run SET flops_mac2 = -9223372036854775807 - 1",
        "UPDATE model SET name = CAST(name AS BLOB)",
        "UPDATE model SET seal = CAST(seal AS BLOB)",
        "UPDATE output SET logits = CAST(logits AS TEXT) WHERE idx = 3",
        "UPDATE chunk SET sha256 = CAST(sha256 AS BLOB)",
        "UPDATE latency SET ns = ns || 'x' WHERE idx = 2",
        "UPDATE latency SET sample = sample + 0.5 WHERE idx = 2",
        "UPDATE measurement SET qps = qps || 'x'",
        "UPDATE measurement SET qps = NULL",
        "UPDATE measurement SET teacher_rate = 0",
        "UPDATE trial SET max_difference = CAST(max_difference AS TEXT) || 'x' WHERE id = 2",
        "UPDATE chunk SET count = count || 'x'",
        "UPDATE chunk SET sha256 = sha256 || char(0) || 'x'",
    };
    int missed = 0;
    for (size_t i = 0; i < COUNT(changes); i++)
        missed += !is_found(changes[i]);
    assert_int_equal(missed, 0);
}

/* 4 * (classes + 2^62) is 4 * classes, modulo 2^64. */
static void numbers_beyond_reason_are_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE chunk SET count = 9223372036854775807 WHERE first = 11",
        "UPDATE chunk SET count = -9223372036854775807 - 1 WHERE first = 11",
        "UPDATE chunk SET first = -9223372036854775807 - 1 WHERE first = 0",
        "UPDATE chunk SET first = 9223372036854775807 WHERE first = 11",
        "UPDATE measurement SET samples = 9223372036854775807",
        "UPDATE measurement SET samples = -1",
        "UPDATE run SET done = -9223372036854775807 - 1",
        "UPDATE run SET classes = 0",
        "UPDATE run SET classes = -7",
        "UPDATE output SET idx = -9223372036854775807 - 1 WHERE idx = 0",
        "UPDATE run SET classes = classes + 4611686018427387904",
        "UPDATE run SET classes = classes - 9223372036854775807 - 1",
    };
    int missed = 0;
    for (size_t i = 0; i < COUNT(changes); i++)
        missed += !is_found(changes[i]);
    assert_int_equal(missed, 0);
}

static size_t flip_bit_of_file(const char *path, const char *whole, uint64_t *seed)
{
    size_t size, at;
    char *bytes = read_file(whole, &size);
    do /* most of a page is unused and 0 */
        at = random_below(seed, size);
    while (bytes[at] == 0);
    bytes[at] ^= (char)(1 << random_below(seed, 8));
    write_file(path, bytes, size);
    free(bytes);
    return at;
}

static void flipped_bits_of_the_file_are_found_or_harmless(void **state)
{
    (void)state;
    enum { FLIPS = 200 };
    char whole[EBJR_HASH_TEXT], now[EBJR_HASH_TEXT];
    const char *path = scratch_path("flipped-file");
    uint64_t seed = 8;
    int found = 0, missed = 0;
    content_of(whole, scratch_path("whole"));
    for (int i = 0; i < FLIPS; i++) {
        struct ebjr_verify_totals totals;
        size_t at = flip_bit_of_file(path, scratch_path("whole"), &seed);
        if (verify(&totals, path) != 0 || totals.faults > 0) {
            found++;
            continue;
        }
        content_of(now, path);
        if (strcmp(now, whole) != 0) {
            missed++;
            print_error("not found, but not harmless: a bit of byte %zu\n", at);
        }
    }
    assert_int_equal(missed, 0);
    assert_true(found > FLIPS / 2);
}

static void cut_store_is_found_damaged(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_file(scratch_path("whole"), &size);
    for (size_t kept = size / 8; kept < size; kept += size / 8) {
        write_file(scratch_path("cut"), bytes, kept);
        assert_true(is_found_damaged(scratch_path("cut")));
    }
    free(bytes);
}

/* schema.sql: views */

static void views_show_what_was_stored(void **state)
{
    (void)state;
    const char *path = copy_of("whole", "views");
    assert_answer(path, "SELECT count(*) FROM runs", "3");
    assert_answer(path,
                  "SELECT model || ' ' || dataset || ' ' || classes || ' ' || samples || ' ' || "
                  "done || ' ' || flops || ' ' || ifnull(flops_mac2, '-') || ' ' || parameters || "
                  "' ' || preprocessing || ' ' || dtype || ' ' || device || ' ' || plan || ' ' || "
                  "library || ' ' || host || ' ' || program || (finished = '') "
                  "FROM runs WHERE run = 3",
                  "small digits 7 24 5 1000000 - 789 q float32 cpu frozen libtorch 2.1 a CPU "
                  "0.1.01");
    assert_answer(path, "SELECT count(*) FROM accuracies", "3");
}

static void assert_outputs_view(sqlite3 *connection, const char *model, const struct rows *rows)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT idx, label, prediction, correct, top5_correct, energy, softmax_energy, logits "
             "FROM outputs JOIN runs USING (run, model) "
             "WHERE model = '%s' AND preprocessing = 'p' ORDER BY idx",
             model);
    sqlite3_stmt *statement = first_row(connection, sql);
    for (int i = 0; i < SAMPLES; i++) {
        struct ebjr_output row = {.index = sqlite3_column_int64(statement, 0),
                                  .label = sqlite3_column_int(statement, 1),
                                  .prediction = sqlite3_column_int(statement, 2),
                                  .correct = sqlite3_column_int(statement, 3),
                                  .top5_correct = sqlite3_column_int(statement, 4),
                                  .energy = sqlite3_column_double(statement, 5),
                                  .softmax_energy = sqlite3_column_double(statement, 6),
                                  .logits = sqlite3_column_blob(statement, 7)};
        assert_same_output(&row, &rows->row[i], CLASSES);
        assert_int_equal(sqlite3_step(statement), i + 1 < SAMPLES ? SQLITE_ROW : SQLITE_DONE);
    }
    sqlite3_finalize(statement);
}

static void assert_accuracy(sqlite3 *connection, int run, const struct rows *rows, int samples)
{
    char sql[128];
    double correct = 0, top5_correct = 0;
    for (int i = 0; i < samples; i++) {
        correct += rows->row[i].correct;
        top5_correct += rows->row[i].top5_correct;
    }
    snprintf(sql, sizeof sql,
             "SELECT samples, accuracy, top5_accuracy FROM accuracies WHERE run = %d", run);
    sqlite3_stmt *statement = first_row(connection, sql);
    assert_int_equal(sqlite3_column_int(statement, 0), samples);
    assert_true(sqlite3_column_double(statement, 1) == correct / samples);
    assert_true(sqlite3_column_double(statement, 2) == top5_correct / samples);
    sqlite3_finalize(statement);
}

static void views_of_outputs_and_accuracies(void **state)
{
    (void)state;
    struct rows small, large;
    fill_rows(&small, SMALL_SEED);
    fill_rows(&large, LARGE_SEED);
    sqlite3 *connection = connect_to(copy_of("whole", "views"));
    assert_outputs_view(connection, "small", &small);
    assert_outputs_view(connection, "large", &large);
    assert_accuracy(connection, 1, &small, SAMPLES);
    assert_accuracy(connection, 2, &large, SAMPLES);
    assert_accuracy(connection, 3, &small, 5);
    sqlite3_close(connection);
}

static void view_of_pairs(void **state)
{
    (void)state;
    struct rows small, large;
    ebjr_store *store = fresh_store("pairs");
    fill_rows(&small, SMALL_SEED);
    fill_rows(&large, LARGE_SEED);
    struct ebjr_stored_run run = put_run(store, "small", 'a', "p");
    append(store, &run, &small, SAMPLES);
    run = put_run(store, "large", 'b', "p");
    append(store, &run, &large, SAMPLES);
    ebjr_store_close(store);

    sqlite3 *connection = connect_to(scratch_path("pairs"));
    sqlite3_stmt *statement =
        first_row(connection,
                  "SELECT idx, label, student_prediction, teacher_prediction, student_correct, "
                  "teacher_correct, harm, help, student_energy, student_softmax_energy FROM pairs "
                  "WHERE student = 'small' AND teacher = 'large' AND dataset = 'digits' "
                  "ORDER BY idx");
    for (int i = 0; i < SAMPLES; i++) {
        const struct ebjr_output *s = &small.row[i], *t = &large.row[i];
        const int expected[] = {i,
                                s->label,
                                s->prediction,
                                t->prediction,
                                s->correct,
                                t->correct,
                                !s->correct && t->correct,
                                s->correct && !t->correct};
        for (size_t column = 0; column < COUNT(expected); column++)
            assert_int_equal(sqlite3_column_int(statement, (int)column), expected[column]);
        assert_true(sqlite3_column_double(statement, 8) == s->energy);
        assert_true(sqlite3_column_double(statement, 9) == s->softmax_energy);
        assert_int_equal(sqlite3_step(statement), i + 1 < SAMPLES ? SQLITE_ROW : SQLITE_DONE);
    }
    sqlite3_finalize(statement);
    sqlite3_close(connection);
    assert_answer(scratch_path("pairs"), "SELECT count(*) FROM pairs", "48");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_is_made_once),
        cmocka_unit_test(empty_file_becomes_a_store),
        cmocka_unit_test(store_refuses_other_files),
        cmocka_unit_test(store_refuses_what_is_no_file),
        cmocka_unit_test(read_only_store_is_not_written),
        cmocka_unit_test(read_only_store_is_read),
        cmocka_unit_test(locked_store_is_read_but_not_written),
        cmocka_unit_test(model_is_its_hash),
        cmocka_unit_test(dataset_is_its_hash),
        cmocka_unit_test(run_is_model_dataset_preprocessing_and_dtype),
        cmocka_unit_test(run_is_found_by_hashes),
        cmocka_unit_test(names_are_only_text),
        cmocka_unit_test(model_is_found_by_name_or_hash),
        cmocka_unit_test(dataset_is_found_by_name_or_hash),
        cmocka_unit_test(outputs_come_back_bit_for_bit),
        cmocka_unit_test(chunk_has_the_hash_of_its_rows),
        cmocka_unit_test(labels_of_another_dataset_are_refused),
        cmocka_unit_test(second_writer_of_a_run_is_refused),
        cmocka_unit_test(no_rows_are_no_chunk),
        cmocka_unit_test(chunk_costs_the_same_after_many),
        cmocka_unit_test(labels_are_read_whole_or_not_at_all),
        cmocka_unit_test(cursor_finds_damage),
        cmocka_unit_test(whole_store_has_no_faults),
        cmocka_unit_test(flipped_bits_are_found),
        cmocka_unit_test(lost_rows_are_found),
        cmocka_unit_test(record_as_it_was_before_is_found),
        cmocka_unit_test(added_rows_are_found),
        cmocka_unit_test(values_of_another_type_are_found),
        cmocka_unit_test(numbers_beyond_reason_are_found),
        cmocka_unit_test(flipped_bits_of_the_file_are_found_or_harmless),
        cmocka_unit_test(cut_store_is_found_damaged),
        cmocka_unit_test(views_show_what_was_stored),
        cmocka_unit_test(views_of_outputs_and_accuracies),
        cmocka_unit_test(view_of_pairs),
    };
    return cmocka_run_group_tests_name("db", tests, make_stores, remove_scratch);
}
