#include "calib/sorter.h"

#include "base/error.h"
#include "base/spill.h"
#include "calib/order.h"
#include "calib/sweep_part.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES = 2 * sizeof(uint64_t) + 1, /* a sample while runs are made: a key, as much to sort it
                                         with, and its part */
    PLACES = 3,                       /* of a key while runs are merged: read, gathered, and as much
                                         to sort it with */
    LEAST_KEYS = 5                    /* of a stream that are read at once */
};

/* A part of a run, as it is read back; positions are in keys. */
struct stream {
    int64_t first, next, end;
    uint64_t *keys; /* [room], of which at .. filled are to come */
    size_t at, filled;
};

/* Sorted keys of a part, of which `taken` are counted. */
struct chunk {
    uint64_t *keys;
    size_t taken, count;
};

struct ebjr_sorter {
    size_t most, memory, room; /* samples in a run */
    const char *directory;
    int64_t count[PARTS], student_correct;

    /* the run that is made */
    uint64_t *keys, *sorted;
    uint8_t *part;
    size_t used;

    /* what was written */
    ebjr_spill *spill;
    int64_t written;        /* keys */
    struct stream *streams; /* PARTS a run, in their order */
    size_t stream_count, stream_room;

    /* the merge */
    bool is_merging;
    uint64_t *merge_memory, *gathered, *scratch;
    size_t stream_keys; /* room of each */
    struct chunk chunk[PARTS];
    int64_t counted[PARTS];
    struct ebjr_point pending;
    bool has_pending;
    uint64_t last;
};

static size_t runs_of(size_t n, size_t room)
{
    return n / room + (n % room > 0);
}

int ebjr_sorter_new(ebjr_sorter **out, size_t most, size_t memory, const char *directory)
{
    size_t room = memory / BYTES;
    room = room < most ? room : most;
    size_t least = LEAST_KEYS * PLACES * PARTS * sizeof(uint64_t);
    if (most > 0 && (room == 0 || (room < most && memory / least < runs_of(most, room)))) {
        double enough = sqrt((double)most * (double)least * BYTES) + (double)(least + BYTES);
        return ebjr_error_set(EBJR_EINVAL,
                              "%zu samples cannot be sorted in %zu bytes of memory; %.0f are "
                              "enough",
                              most, memory, ceil(enough));
    }
    ebjr_sorter *sorter = calloc(1, sizeof *sorter);
    if (!sorter)
        return ebjr_error_memory();
    sorter->most = most;
    sorter->memory = memory;
    sorter->room = room;
    sorter->directory = directory;
    sorter->keys = malloc((room + 1) * sizeof *sorter->keys);
    sorter->sorted = malloc((room + 1) * sizeof *sorter->sorted);
    sorter->part = malloc(room + 1);
    if (!sorter->keys || !sorter->sorted || !sorter->part) {
        ebjr_sorter_free(sorter);
        return ebjr_error_memory();
    }
    *out = sorter;
    return 0;
}

void ebjr_sorter_free(ebjr_sorter *sorter)
{
    if (!sorter)
        return;
    free(sorter->keys);
    free(sorter->sorted);
    free(sorter->part);
    free(sorter->streams);
    free(sorter->merge_memory);
    ebjr_spill_free(sorter->spill);
    free(sorter);
}

/* The run's keys by part, each sorted: sorter->chunk. */
static void sort_run(ebjr_sorter *sorter)
{
    uint64_t *next[PARTS], *room = sorter->sorted;
    size_t count[PARTS] = {0};
    for (size_t i = 0; i < sorter->used; i++)
        count[sorter->part[i]]++;
    for (int p = 0; p < PARTS; p++) {
        next[p] = room;
        sorter->chunk[p] = (struct chunk){room, 0, count[p]};
        room += count[p];
    }
    for (size_t i = 0; i < sorter->used; i++)
        *next[sorter->part[i]]++ = sorter->keys[i];
    for (int p = 0; p < PARTS; p++)
        ebjr_key_sort(sorter->chunk[p].keys, sorter->keys, count[p]);
}

static int add_streams(ebjr_sorter *sorter)
{
    if (sorter->stream_count + PARTS > sorter->stream_room) {
        size_t room = 2 * sorter->stream_room + 4 * PARTS;
        struct stream *larger = realloc(sorter->streams, room * sizeof *larger);
        if (!larger)
            return ebjr_error_memory();
        sorter->streams = larger;
        sorter->stream_room = room;
    }
    for (int p = 0; p < PARTS; p++) {
        int64_t end = sorter->written + (int64_t)sorter->chunk[p].count;
        sorter->streams[sorter->stream_count++] =
            (struct stream){.first = sorter->written, .end = end};
        sorter->written = end;
    }
    return 0;
}

static int write_run(ebjr_sorter *sorter)
{
    int status = sorter->spill ? 0 : ebjr_spill_new(&sorter->spill, sorter->directory);
    sort_run(sorter);
    if (!status)
        status =
            ebjr_spill_append(sorter->spill, sorter->sorted, sorter->used * sizeof *sorter->sorted);
    if (!status)
        status = add_streams(sorter);
    sorter->used = 0;
    return status;
}

int ebjr_sorter_add(ebjr_sorter *sorter, double score, uint8_t student_correct,
                    uint8_t teacher_correct)
{
    int64_t n = sorter->count[NEUTRAL] + sorter->count[HARM] + sorter->count[HELP];
    if (!isfinite(score))
        return ebjr_error_set(EBJR_EINVAL, "sample %lld: its score is %g", (long long)n, score);
    if ((size_t)n == sorter->most)
        return ebjr_error_set(EBJR_EINVAL, "there are more than the %zu samples that were told",
                              sorter->most);
    int status = sorter->used == sorter->room ? write_run(sorter) : 0;
    if (status)
        return status;
    int part = part_of(student_correct, teacher_correct);
    sorter->keys[sorter->used] = ebjr_key_of(score);
    sorter->part[sorter->used++] = (uint8_t)part;
    sorter->count[part]++;
    sorter->student_correct += student_correct != 0;
    return 0;
}

void ebjr_sorter_totals(struct ebjr_curve *out, const ebjr_sorter *sorter)
{
    const int64_t *count = sorter->count;
    *out =
        (struct ebjr_curve){.n = count[NEUTRAL] + count[HARM] + count[HELP],
                            .student_correct = sorter->student_correct,
                            .teacher_correct = sorter->student_correct + count[HARM] - count[HELP]};
}

/* The memory of the runs becomes that of the merge. */
static int start_merge(ebjr_sorter *sorter)
{
    int status = write_run(sorter);
    if (status)
        return status;
    free(sorter->keys);
    free(sorter->sorted);
    free(sorter->part);
    sorter->keys = sorter->sorted = NULL;
    sorter->part = NULL;
    size_t room = sorter->memory / sizeof(uint64_t) / PLACES / sorter->stream_count;
    size_t all = room * sorter->stream_count;
    sorter->merge_memory = malloc(PLACES * all * sizeof(uint64_t));
    if (!sorter->merge_memory)
        return ebjr_error_memory();
    sorter->stream_keys = room;
    sorter->gathered = sorter->merge_memory + all;
    sorter->scratch = sorter->gathered + all;
    for (size_t i = 0; i < sorter->stream_count; i++)
        sorter->streams[i].keys = sorter->merge_memory + i * room;
    return 0;
}

int ebjr_sorter_begin(ebjr_sorter *sorter)
{
    struct ebjr_curve totals;
    ebjr_sorter_totals(&totals, sorter);
    if (totals.n == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to sweep over");
    if (!sorter->is_merging) {
        sorter->is_merging = true;
        int status = sorter->spill ? start_merge(sorter) : 0;
        if (status)
            return status;
        if (!sorter->spill)
            sort_run(sorter);
    }
    for (size_t i = 0; i < sorter->stream_count; i++) {
        struct stream *stream = &sorter->streams[i];
        stream->next = stream->first;
        stream->at = stream->filled = 0;
    }
    for (int p = 0; p < PARTS; p++) {
        sorter->chunk[p].taken = 0;
        sorter->chunk[p].count = sorter->spill ? 0 : (size_t)sorter->count[p];
        sorter->counted[p] = 0;
    }
    sorter->pending = (struct ebjr_point){.threshold = INFINITY};
    sorter->has_pending = true;
    sorter->last = AFTER_ALL;
    return 0;
}

/* Reads on where less than half of the room is filled. */
static int fill_stream(struct stream *stream, const ebjr_sorter *sorter)
{
    size_t kept = stream->filled - stream->at, room = sorter->stream_keys - kept;
    if (stream->next == stream->end || kept > sorter->stream_keys / 2)
        return 0;
    memmove(stream->keys, stream->keys + stream->at, kept * sizeof *stream->keys);
    if ((int64_t)room > stream->end - stream->next)
        room = (size_t)(stream->end - stream->next);
    int64_t place = stream->next * (int64_t)sizeof *stream->keys;
    stream->at = 0;
    stream->filled = kept + room;
    stream->next += (int64_t)room;
    return ebjr_spill_read(stream->keys + kept, sorter->spill, place, room * sizeof *stream->keys);
}

/* How many of the sorted keys are at most `bound`. */
static size_t count_up_to(const uint64_t *keys, size_t n, uint64_t bound)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (keys[middle] <= bound)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/*
 * The next chunk of each part: all keys that are read and at most the least of those that end an
 * unfinished stream's, for behind these others may follow. The stream that sets this bound gives
 * all it has, so that a chunk is empty only at the end. Keys equal to the bound may follow in the
 * next chunk. Returns 1, 0 where nothing is left, or an error.
 */
static int next_chunk(ebjr_sorter *sorter)
{
    uint64_t bound = AFTER_ALL, *room = sorter->gathered;
    for (size_t i = 0; i < sorter->stream_count; i++) {
        struct stream *stream = &sorter->streams[i];
        int status = fill_stream(stream, sorter);
        if (status)
            return status;
        if (stream->next < stream->end && stream->keys[stream->filled - 1] < bound)
            bound = stream->keys[stream->filled - 1];
    }
    for (size_t p = 0; p < PARTS; p++) {
        sorter->chunk[p] = (struct chunk){.keys = room};
        for (size_t i = p; i < sorter->stream_count; i += PARTS) {
            struct stream *stream = &sorter->streams[i];
            const uint64_t *from = stream->keys + stream->at;
            size_t count = count_up_to(from, stream->filled - stream->at, bound);
            memcpy(room, from, count * sizeof *room);
            stream->at += count;
            room += count;
        }
        sorter->chunk[p].count = (size_t)(room - sorter->chunk[p].keys);
        ebjr_key_sort(sorter->chunk[p].keys, sorter->scratch, sorter->chunk[p].count);
    }
    return room > sorter->gathered;
}

static uint64_t head_of(const struct chunk *chunk)
{
    return chunk->taken < chunk->count ? chunk->keys[chunk->taken] : AFTER_ALL;
}

int ebjr_sorter_next(struct ebjr_point *out, ebjr_sorter *sorter)
{
    while (true) {
        uint64_t head[PARTS], key = AFTER_ALL;
        for (int p = 0; p < PARTS; p++) {
            head[p] = head_of(&sorter->chunk[p]);
            key = head[p] < key ? head[p] : key;
        }
        int more = key != AFTER_ALL || !sorter->spill ? 1 : next_chunk(sorter);
        if (more < 0)
            return more;
        if (key == AFTER_ALL && sorter->spill && more)
            continue;
        if (key != sorter->last && sorter->has_pending) {
            sorter->has_pending = false;
            *out = sorter->pending;
            return 1;
        }
        if (key == AFTER_ALL)
            return 0;
        for (int p = 0; p < PARTS; p++) {
            sorter->chunk[p].taken += head[p] == key;
            sorter->counted[p] += head[p] == key;
        }
        const int64_t *counted = sorter->counted;
        sorter->last = key;
        sorter->has_pending = true;
        sorter->pending =
            (struct ebjr_point){.threshold = ebjr_key_score(key),
                                .student = counted[NEUTRAL] + counted[HARM] + counted[HELP],
                                .harm = counted[HARM],
                                .help = counted[HELP]};
    }
}
