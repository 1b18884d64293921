/* Measurements and trials: what of them is stored, seen and left behind. */
#include "base/hash.h"
#include "db/internal.h"
#include "db/latency.h"
#include "db/latency_stream.h"
#include "db/trial.h"
#include "support.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

enum { SAMPLES = 24 };

struct known {
    ebjr_store *store;
    int64_t model_id, dataset_id;
};

static struct known open_known(const char *name)
{
    struct known known = {0};
    struct ebjr_stored_model model = {.name = "small", .kind = "torchscript", .sha256 = "aa"};
    struct ebjr_stored_dataset dataset = {
        .name = "digits", .kind = "idx", .sha256 = "dd", .samples = SAMPLES, .shape = "1x28x28"};
    assert_done(ebjr_store_open(&known.store, scratch_path(name), EBJR_STORE_CREATE));
    assert_done(ebjr_store_execute(known.store, "PRAGMA synchronous = OFF")); /* no power cuts */
    assert_done(ebjr_stored_model_put(known.store, &model));
    assert_done(ebjr_stored_dataset_put(known.store, &dataset));
    known.model_id = model.id;
    known.dataset_id = dataset.id;
    return known;
}

static struct ebjr_stored_measurement a_measurement(const struct known *known, int64_t samples)
{
    struct ebjr_stored_measurement measurement = {.model_id = known->model_id,
                                                  .dataset_id = known->dataset_id,
                                                  .scenario = "single",
                                                  .device = "cpu",
                                                  .plan = "frozen",
                                                  .batch = 1,
                                                  .threads = 2,
                                                  .qps = NAN,
                                                  .teacher_rate = NAN,
                                                  .samples = samples,
                                                  .dropped = 3,
                                                  .host = "a CPU",
                                                  .library = "libtorch 2.1",
                                                  .program = "0.1.0"};
    return measurement;
}

/* SQLite itself, as the witness of what the store holds; a query that answers one integer. */
static int64_t answer(const char *name, const char *sql)
{
    sqlite3 *connection;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(scratch_path(name), &connection), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(connection);
    return value;
}

static void put(const struct known *known, struct ebjr_stored_measurement *measurement,
                const int64_t *ns)
{
    assert_done(ebjr_latency_put(known->store, measurement, NULL, ns));
}

static int64_t newest(const struct known *known)
{
    struct ebjr_stored_measurement found;
    assert_done(ebjr_latency_newest(&found, known->store, known->model_id, known->dataset_id));
    return found.id;
}

static const int64_t five[] = {1200345, 0, 998001, INT64_MAX, 1000000};

static void latencies_come_back(void **state)
{
    (void)state;
    struct known known = open_known("come-back");
    struct ebjr_stored_measurement written = a_measurement(&known, 5), found;
    const int64_t which[] = {7, 7, 0, SAMPLES - 1, 7};
    int64_t ns[5], sample[5];
    assert_refused(ebjr_latency_newest(&found, known.store, known.model_id, known.dataset_id),
                   EBJR_ENOTFOUND, "no latencies");
    assert_done(ebjr_latency_put(known.store, &written, which, five));
    assert_done(ebjr_latency_newest(&found, known.store, known.model_id, known.dataset_id));
    assert_int_equal(found.id, written.id);
    assert_int_equal(found.threads, 2);
    assert_int_equal(found.dropped, 3);
    assert_true(isnan(found.qps) && isnan(found.teacher_rate));
    assert_string_equal(found.created, written.created);
    assert_done(ebjr_latency_read(ns, sample, known.store, &found));
    assert_memory_equal(ns, five, sizeof five);
    assert_memory_equal(sample, which, sizeof which);
    ebjr_store_close(known.store);
    assert_int_equal(answer("come-back", "SELECT count(*) FROM latencies WHERE subject = 'small' "
                                         "AND dataset = 'digits' AND scenario = 'single' AND "
                                         "sample = 7 AND qps IS NULL"),
                     3);
}

static void hash_is_that_of_the_pairs(void **state)
{
    (void)state;
    struct known known = open_known("hash");
    struct ebjr_stored_measurement written = a_measurement(&known, 5);
    const int64_t pairs[] = {0, five[0], 1, five[1], 2, five[2], 3, five[3], 4, five[4]};
    char expected[EBJR_HASH_TEXT];
    ebjr_hash *hash;
    assert_done(ebjr_hash_new(&hash));
    assert_done(ebjr_hash_update(hash, pairs, sizeof pairs));
    assert_done(ebjr_hash_finish(hash, expected));
    ebjr_hash_free(hash);
    put(&known, &written, five);
    assert_string_equal(written.sha256, expected);
    ebjr_store_close(known.store);
}

static void newest_is_what_was_told_last(void **state)
{
    (void)state;
    const int64_t others[] = {1, 2, 3, 4, 5};
    struct known known = open_known("newest");
    struct ebjr_stored_measurement a = a_measurement(&known, 5), again = a, b = a, back = a;
    put(&known, &a, five);
    put(&known, &again, five); /* the same, told twice: one */
    assert_int_equal(again.id, a.id);
    put(&known, &b, others);
    assert_int_equal(newest(&known), b.id);
    put(&known, &back, five);
    assert_int_equal(newest(&known), back.id);
    assert_int_equal(answer("newest", "SELECT count(*) FROM measurement"), 3);
    ebjr_store_close(known.store);
}

static void newest_is_of_one_sample_alone(void **state)
{
    (void)state;
    struct known known = open_known("alone");
    struct ebjr_stored_measurement given = a_measurement(&known, 5), batched = given,
                                   served = given, cascade = given, single = given;
    strcpy(given.scenario, "given");
    batched.batch = 64;
    strcpy(served.scenario, "server");
    served.qps = 125.5;
    cascade.model_id = EBJR_UNKNOWN;
    cascade.teacher_rate = 0.25;
    strcpy(cascade.subject, "small > large, energy >= 2.46");
    put(&known, &given, five);
    put(&known, &batched, five);
    put(&known, &served, five);
    put(&known, &cascade, five);
    assert_int_equal(newest(&known), given.id);
    put(&known, &single, five);
    assert_int_equal(newest(&known), single.id);
    ebjr_store_close(known.store);
    assert_int_equal(answer("alone", "SELECT count(*) FROM measurement WHERE model_id IS NULL AND "
                                     "teacher_rate = 0.25"),
                     1);
    assert_int_equal(answer("alone", "SELECT count(*) FROM latencies WHERE subject = "
                                     "'small > large, energy >= 2.46'"),
                     5);
}

static void damaged_latencies_are_not_read(void **state)
{
    (void)state;
    static const char *const changes[] = {"UPDATE latency SET ns = 'x' WHERE idx = 2",
                                          "UPDATE latency SET sample = 0.5 WHERE idx = 2",
                                          "DELETE FROM latency WHERE idx = 2"};
    for (size_t i = 0; i < COUNT(changes); i++) {
        char name[16];
        int64_t ns[5];
        snprintf(name, sizeof name, "damaged-%zu", i);
        struct known known = open_known(name);
        struct ebjr_stored_measurement written = a_measurement(&known, 5);
        put(&known, &written, five);
        assert_done(ebjr_store_execute(known.store, changes[i]));
        assert_refused(ebjr_latency_read(ns, NULL, known.store, &written), EBJR_ESTORE, "number 2");
        ebjr_store_close(known.store);
    }
}

static void impossible_latencies_are_refused(void **state)
{
    (void)state;
    struct known known = open_known("impossible");
    struct ebjr_stored_measurement written = a_measurement(&known, 2);
    const int64_t ns[] = {1, 2}, negative[] = {1, -1}, beyond[] = {0, SAMPLES};
    assert_refused(ebjr_latency_put(known.store, &written, NULL, negative), EBJR_EINVAL,
                   "latency 1");
    assert_refused(ebjr_latency_put(known.store, &written, negative, ns), EBJR_EINVAL, "sample -1");
    assert_refused(ebjr_latency_put(known.store, &written, beyond, ns), EBJR_EINVAL, "digits");
    ebjr_store_close(known.store);
    assert_int_equal(answer("impossible", "SELECT count(*) FROM measurement"), 0);
    assert_int_equal(answer("impossible", "SELECT count(*) FROM latency"), 0);
}

/* Latency i of a stream is of sample (7 i) mod SAMPLES and takes i^2 + base ns. */
static void append_from(ebjr_latency_stream *stream, int64_t first, int64_t count, int64_t base)
{
    enum { MOST = 512 };
    int64_t sample[MOST], ns[MOST];
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++) {
        sample[i] = 7 * (first + i) % SAMPLES;
        ns[i] = (first + i) * (first + i) + base;
    }
    assert_done(ebjr_latency_stream_append(stream, sample, ns, (size_t)count));
}

static void check_stream(ebjr_store *store, const struct ebjr_stored_measurement *measurement,
                         int64_t count, int64_t base)
{
    int64_t *ns = calloc((size_t)count, sizeof *ns), *sample = calloc((size_t)count, sizeof *ns);
    assert_non_null(ns);
    assert_non_null(sample);
    assert_int_equal(measurement->samples, count);
    assert_done(ebjr_latency_read(ns, sample, store, measurement));
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(sample[i], 7 * i % SAMPLES);
        assert_int_equal(ns[i], i * i + base);
    }
    free(sample);
    free(ns);
}

static void streams_are_stored_when_finished(void **state)
{
    (void)state;
    struct known known = open_known("streams");
    struct ebjr_stored_measurement one = a_measurement(&known, 0), other = one, none = one;
    ebjr_latency_stream *first, *second, *empty;
    assert_done(ebjr_latency_stream_open(&first, known.store));
    assert_done(ebjr_latency_stream_open(&second, known.store));
    assert_done(ebjr_latency_stream_open(&empty, known.store));
    append_from(first, 0, 500, 1);
    append_from(second, 0, 3, 2);
    append_from(first, 500, 0, 1);
    append_from(first, 500, 123, 1);
    assert_int_equal(answer("streams", "SELECT count(*) FROM latency"), 0);
    assert_done(ebjr_latency_stream_finish(first, &one));
    append_from(second, 3, 1, 2);
    assert_done(ebjr_latency_stream_finish(second, &other));
    assert_done(ebjr_latency_stream_finish(empty, &none));
    assert_refused(ebjr_latency_stream_append(first, five, five, 1), EBJR_EINVAL, "finished");
    ebjr_latency_stream_close(first);
    ebjr_latency_stream_close(second);
    ebjr_latency_stream_close(empty);
    ebjr_latency_stream_close(NULL);
    check_stream(known.store, &one, 623, 1);
    check_stream(known.store, &other, 4, 2);
    assert_int_equal(none.samples, 0);
    assert_int_equal(newest(&known), none.id);
    ebjr_store_close(known.store);
    assert_int_equal(answer("streams", "SELECT count(*) FROM latency"), 627);
}

/* While one connection measures, another may write; and what could not be stored because of it is
 * stored when it is asked for again. */
static void a_stream_does_not_lock_the_store(void **state)
{
    (void)state;
    struct known known = open_known("lock");
    struct ebjr_stored_measurement written = a_measurement(&known, 0);
    ebjr_latency_stream *stream;
    ebjr_store *writer;
    assert_done(ebjr_store_open(&writer, scratch_path("lock"), EBJR_STORE_CREATE));
    sqlite3_busy_timeout(known.store->connection, 0);
    assert_done(ebjr_latency_stream_open(&stream, known.store));
    append_from(stream, 0, 10, 0);
    assert_done(ebjr_store_begin(writer));
    append_from(stream, 10, 10, 0);
    assert_status(ebjr_latency_stream_finish(stream, &written), EBJR_EBUSY);
    assert_done(ebjr_store_end(writer, 0));
    assert_done(ebjr_latency_stream_finish(stream, &written));
    check_stream(known.store, &written, 20, 0);
    ebjr_latency_stream_close(stream);
    ebjr_store_close(writer);
    ebjr_store_close(known.store);
}

/* The child says when it is in the middle, and is killed there. */
static void kill_while_appending(const char *name)
{
    int told[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ebjr_latency_stream *stream;
        struct known known = open_known(name);
        if (ebjr_latency_stream_open(&stream, known.store) != 0)
            _exit(1);
        for (int64_t at = 0;; at += 512) {
            append_from(stream, at, 512, 0);
            if (at == 20 * 512 && write(told[1], "x", 1) != 1)
                _exit(1);
        }
    }
    close(told[1]);
    assert_int_equal(read(told[0], &byte, 1), 1);
    close(told[0]);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_stream_leaves_nothing(void **state)
{
    (void)state;
    kill_while_appending("killed");
    assert_int_equal(answer("killed", "SELECT count(*) FROM measurement"), 0);
    assert_int_equal(answer("killed", "SELECT count(*) FROM latency"), 0);
    assert_int_equal(answer("killed", "SELECT count(*) FROM model"), 1);
    struct known known = open_known("killed");
    struct ebjr_stored_measurement written = a_measurement(&known, 5);
    put(&known, &written, five);
    assert_int_equal(newest(&known), written.id);
    ebjr_store_close(known.store);
    assert_int_equal(answer("killed", "SELECT count(*) FROM latency"), 5);
}

/* trial.h */

static struct ebjr_trial_key a_key(const struct known *known)
{
    struct ebjr_trial_key key = {.model_id = known->model_id,
                                 .shape = "1x28x28",
                                 .device = "cpu",
                                 .host = "a CPU",
                                 .library = "libtorch 2.1",
                                 .dtype = "float32",
                                 .asked_batch = 0,
                                 .asked_threads = 2};
    return key;
}

static struct ebjr_trial a_trial(const char *mode, int64_t batch, int64_t ns)
{
    struct ebjr_trial trial = {.batch = batch,
                               .threads = 2,
                               .ns = ns,
                               .max_difference = 1e-6,
                               .changed = 1,
                               .samples = 100,
                               .program = "0.1.0"};
    snprintf(trial.mode, sizeof trial.mode, "%s", mode);
    return trial;
}

static void trials_come_back(void **state)
{
    (void)state;
    struct known known = open_known("trials");
    struct ebjr_trial_key key = a_key(&known);
    struct ebjr_trial trials[] = {a_trial("as-loaded", 1, 3000), a_trial("frozen", 1, 2000),
                                  a_trial("direct", 64, EBJR_UNKNOWN)};
    struct ebjr_trial *found;
    size_t count;
    trials[1].chosen = 1;
    trials[2].max_difference = NAN;
    trials[2].changed = EBJR_UNKNOWN;
    strcpy(trials[2].note, "'quoted', -- and so on");
    assert_done(ebjr_trial_list(&found, &count, known.store, &key));
    assert_int_equal(count, 0);
    free(found);
    assert_done(ebjr_trial_put(known.store, &key, trials, COUNT(trials)));
    assert_done(ebjr_trial_list(&found, &count, known.store, &key));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found[i].id, trials[i].id);
        assert_string_equal(found[i].mode, trials[i].mode);
        assert_int_equal(found[i].ns, trials[i].ns);
        assert_int_equal(found[i].changed, trials[i].changed);
        assert_int_equal(found[i].tried, 3);
        assert_int_equal(found[i].chosen, i == 1);
        assert_string_equal(found[i].key.shape, "1x28x28");
        assert_int_equal(found[i].key.asked_threads, 2);
    }
    assert_true(found[0].max_difference == 1e-6 && isnan(found[2].max_difference));
    assert_string_equal(found[2].note, trials[2].note);
    free(found);
    ebjr_store_close(known.store);
    assert_int_equal(answer("trials", "SELECT ns FROM plans WHERE model = 'small' AND chosen"),
                     2000);
    assert_int_equal(answer("trials", "SELECT count(*) FROM trial WHERE ns IS NULL AND "
                                      "max_difference IS NULL AND changed IS NULL"),
                     1);
}

/* A search takes the place of the one with the same key, and of no other. */
static void a_search_replaces_its_like(void **state)
{
    (void)state;
    struct known known = open_known("searches");
    struct ebjr_trial_key keys[9];
    struct ebjr_trial *found;
    size_t count;
    for (size_t i = 0; i < COUNT(keys); i++)
        keys[i] = a_key(&known);
    struct ebjr_stored_model other = {.name = "large", .kind = "torchscript", .sha256 = "bb"};
    assert_done(ebjr_stored_model_put(known.store, &other));
    keys[1].model_id = other.id;
    strcpy(keys[2].shape, "3x28x28");
    strcpy(keys[3].device, "cuda");
    strcpy(keys[4].host, "another");
    strcpy(keys[5].library, "libtorch 2.2");
    strcpy(keys[6].dtype, "bfloat16");
    keys[7].asked_batch = 64;
    keys[8].asked_threads = 1;
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct ebjr_trial trials[] = {a_trial("frozen", 1, (int64_t)i), a_trial("frozen", 2, 5)};
        assert_done(ebjr_trial_put(known.store, &keys[i], trials, COUNT(trials)));
    }
    struct ebjr_trial fresh[] = {a_trial("direct", 4, 77)}, both[2] = {fresh[0], fresh[0]};
    assert_done(ebjr_trial_put(known.store, &keys[0], fresh, 1));
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_done(ebjr_trial_list(&found, &count, known.store, &keys[i]));
        assert_int_equal(count, i == 0 ? 1 : 2);
        assert_int_equal(found[0].ns, i == 0 ? 77 : (int64_t)i);
        free(found);
    }
    assert_done(ebjr_trial_list(&found, &count, known.store, NULL));
    assert_int_equal(count, 17);
    free(found);

    both[0].chosen = both[1].chosen = 1;
    assert_refused(ebjr_trial_put(known.store, &keys[0], both, 2), EBJR_EINVAL, "2 plans");
    both[1].chosen = 0;
    keys[0].model_id = 999; /* no such model: nothing is changed */
    assert_status(ebjr_trial_put(known.store, &keys[0], both, 2), EBJR_EIO);
    assert_done(ebjr_trial_put(known.store, &keys[1], NULL, 0));
    ebjr_store_close(known.store);
    assert_int_equal(answer("searches", "SELECT count(*) FROM trial"), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_come_back),
        cmocka_unit_test(hash_is_that_of_the_pairs),
        cmocka_unit_test(newest_is_what_was_told_last),
        cmocka_unit_test(newest_is_of_one_sample_alone),
        cmocka_unit_test(damaged_latencies_are_not_read),
        cmocka_unit_test(impossible_latencies_are_refused),
        cmocka_unit_test(streams_are_stored_when_finished),
        cmocka_unit_test(a_stream_does_not_lock_the_store),
        cmocka_unit_test(a_killed_stream_leaves_nothing),
        cmocka_unit_test(trials_come_back),
        cmocka_unit_test(a_search_replaces_its_like),
    };
    return cmocka_run_group_tests_name("db_latency", tests, make_scratch, remove_scratch);
}
