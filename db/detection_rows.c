#include "db/detection_rows.h"

#include "base/error.h"
#include "db/class_name.h"

#include <math.h>
#include <string.h>

int ebjr_detection_hash_update(ebjr_hash *hash, const struct ebjr_detection *detection,
                               const float *logits, size_t classes)
{
    const int64_t integers[] = {detection->image, detection->category};
    const double reals[] = {detection->box.x + 0.0, detection->box.y + 0.0,
                            detection->box.width + 0.0, detection->box.height + 0.0,
                            detection->score + 0.0}; /* SQLite keeps no -0 */
    unsigned char head[sizeof integers + sizeof reals];
    memcpy(head, integers, sizeof integers);
    memcpy(head + sizeof integers, reals, sizeof reals);
    int status = ebjr_hash_update(hash, head, sizeof head);
    return status ? status : ebjr_hash_update(hash, logits, classes * sizeof *logits);
}

int ebjr_detection_check_run(ebjr_store *store, const struct ebjr_stored_run *run)
{
    bool detects;
    int status = ebjr_stored_run_detects(&detects, store, run);
    if (!status && !detects)
        status = ebjr_error_set(EBJR_EINVAL,
                                "%s: run %lld is over samples with labels: it has outputs, no "
                                "detections",
                                store->path, (long long)run->id);
    return status;
}

int ebjr_detection_writer_open(struct ebjr_detection_writer *out, ebjr_store *store)
{
    *out = (struct ebjr_detection_writer){.image = -1};
    int status = ebjr_chunk_open(&out->chunk, store);
    if (!status)
        status = ebjr_store_prepare(&out->insert, store,
                                    "INSERT INTO detection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    return status;
}

void ebjr_detection_writer_close(struct ebjr_detection_writer *writer)
{
    sqlite3_finalize(writer->insert);
    ebjr_chunk_close(&writer->chunk);
}

int ebjr_detection_writer_add(struct ebjr_detection_writer *writer,
                              const struct ebjr_stored_run *run,
                              const struct ebjr_detection *detection, const float *logits)
{
    sqlite3_stmt *insert = writer->insert;
    const size_t classes = (size_t)run->classes;
    if (detection->image != writer->image)
        writer->place = 0;
    writer->image = detection->image;
    sqlite3_bind_int64(insert, 1, run->id);
    sqlite3_bind_int64(insert, 2, detection->image);
    sqlite3_bind_int64(insert, 3, writer->place++);
    sqlite3_bind_int64(insert, 4, detection->category);
    sqlite3_bind_double(insert, 5, detection->score);
    sqlite3_bind_double(insert, 6, detection->box.x);
    sqlite3_bind_double(insert, 7, detection->box.y);
    sqlite3_bind_double(insert, 8, detection->box.width);
    sqlite3_bind_double(insert, 9, detection->box.height);
    if (classes > 0)
        sqlite3_bind_blob64(insert, 10, logits, classes * sizeof *logits, SQLITE_STATIC);
    int step = sqlite3_step(insert);
    sqlite3_reset(insert);
    if (step != SQLITE_DONE)
        return ebjr_store_failure(writer->chunk.store, "store detections");
    return ebjr_detection_hash_update(writer->chunk.hash, detection, logits, classes);
}

/* The columns of the queries. */
enum { IMAGE, PLACE, CATEGORY, SCORE, X, Y, WIDTH, HEIGHT, LOGITS };

#define COLUMNS "idx, place, category, score, x, y, width, height"
#define ROWS " FROM detection WHERE run_id = ?1 AND idx >= ?2 ORDER BY idx, place"

int ebjr_detection_cursor_open(struct ebjr_detection_cursor *out, ebjr_store *store,
                               const struct ebjr_stored_run *run, bool logits)
{
    *out = (struct ebjr_detection_cursor){.store = store, .run = run, .with_logits = logits};
    int status = ebjr_detection_check_run(store, run);
    if (!status)
        status =
            ebjr_store_prepare(&out->statement, store,
                               logits ? "SELECT " COLUMNS ", logits" ROWS : "SELECT " COLUMNS ROWS);
    if (!status) {
        sqlite3_bind_int64(out->statement, 1, run->id);
        ebjr_detection_cursor_seek(out, INT64_MIN); /* a row before the first is found, too */
    }
    return status;
}

void ebjr_detection_cursor_close(struct ebjr_detection_cursor *cursor)
{
    sqlite3_finalize(cursor->statement);
}

void ebjr_detection_cursor_seek(struct ebjr_detection_cursor *cursor, int64_t image)
{
    sqlite3_reset(cursor->statement);
    sqlite3_bind_int64(cursor->statement, 2, image);
    cursor->place = -1;
    cursor->detection.image = UINT32_MAX;
}

static bool read_below(int64_t *out, sqlite3_stmt *statement, int column, int64_t end)
{
    return ebjr_column_integer(out, statement, column) && *out >= 0 && *out < end;
}

static bool read_finite(double *out, sqlite3_stmt *statement, int column)
{
    return ebjr_column_real(out, statement, column) && isfinite(*out);
}

static bool read_logits(const float **out, sqlite3_stmt *statement, int64_t classes)
{
    *out = sqlite3_column_blob(statement, LOGITS);
    if (classes == 0)
        return sqlite3_column_type(statement, LOGITS) == SQLITE_NULL;
    return sqlite3_column_type(statement, LOGITS) == SQLITE_BLOB && classes > 0 &&
           classes <= INT32_MAX / (int64_t)sizeof **out &&
           sqlite3_column_bytes(statement, LOGITS) == classes * (int64_t)sizeof **out;
}

static int damaged(const struct ebjr_detection_cursor *cursor, sqlite3_stmt *row, const char *what)
{
    return ebjr_error_set(
        EBJR_ESTORE,
        "%s: run %lld, image %lld, detection %lld: %s; the store was changed from "
        "outside: ebjr verify says where",
        cursor->store->path, (long long)cursor->run->id,
        (long long)sqlite3_column_int64(row, IMAGE), (long long)sqlite3_column_int64(row, PLACE),
        what);
}

int ebjr_detection_cursor_next(struct ebjr_detection_cursor *cursor)
{
    sqlite3_stmt *row = cursor->statement;
    struct ebjr_detection *detection = &cursor->detection;
    int64_t image, place, category;
    int step = sqlite3_step(row);
    if (step == SQLITE_DONE)
        return 0;
    if (step != SQLITE_ROW)
        return ebjr_store_failure(cursor->store, "read detections");
    if (!read_below(&image, row, IMAGE, UINT32_MAX) || image < cursor->run->first ||
        image - cursor->run->first >= cursor->run->done)
        return damaged(cursor, row, "the run does not have this image");
    const int64_t expected = detection->image == image ? cursor->place + 1 : 0;
    if (!read_below(&place, row, PLACE, INT64_MAX) || place != expected)
        return damaged(cursor, row, "the one before it is missing");
    if (!read_below(&category, row, CATEGORY, EBJR_CLASS_NAMES) ||
        !read_finite(&detection->score, row, SCORE) || !read_finite(&detection->box.x, row, X) ||
        !read_finite(&detection->box.y, row, Y) ||
        !read_finite(&detection->box.width, row, WIDTH) ||
        !read_finite(&detection->box.height, row, HEIGHT))
        return damaged(cursor, row, "a column holds what ebjr does not write");
    if (cursor->with_logits && !read_logits(&cursor->logits, row, cursor->run->classes))
        return damaged(cursor, row, "it has the wrong number of logits");
    detection->image = (uint32_t)image;
    detection->category = (uint32_t)category;
    cursor->place = place;
    return 1;
}
