#include "base/error.h"
#include "db/merge_copy.h"
#include "db/row_hash.h"

#include <string.h>

int ebjr_merge_outputs_open(struct ebjr_merge_outputs *out, const struct ebjr_merge_rows *rows,
                            const struct ebjr_stored_run *run)
{
    *out =
        (struct ebjr_merge_outputs){.rows = rows, .run = run, .cursor_next = rows->source->first};
    int status = ebjr_append_open(&out->append, rows->to);
    if (!status)
        status = ebjr_output_cursor_open(&out->cursor, rows->from, rows->source, true);
    return status ? status : ebjr_output_cursor_open(&out->known, rows->to, run, true);
}

void ebjr_merge_outputs_close(struct ebjr_merge_outputs *outputs)
{
    ebjr_append_close(&outputs->append);
    ebjr_output_cursor_close(outputs->cursor);
    ebjr_output_cursor_close(outputs->known);
}

static int read_row(struct ebjr_output *out, ebjr_output_cursor *cursor, int64_t *stands,
                    int64_t index, const ebjr_store *store)
{
    if (*stands != index)
        ebjr_output_cursor_seek(cursor, index);
    *stands = index + 1;
    int more = ebjr_output_cursor_next(cursor, out);
    if (more == 0)
        return ebjr_error_set(EBJR_ESTORE, "%s: sample %lld is missing; ebjr verify looks closer",
                              store->path, (long long)index);
    return more < 0 ? more : 0;
}

static bool is_same_float(float a, float b)
{
    uint32_t bits_a, bits_b;
    memcpy(&bits_a, &a, sizeof a);
    memcpy(&bits_b, &b, sizeof b);
    return bits_a == bits_b;
}

static int other_logits(const struct ebjr_merge_outputs *outputs, const struct ebjr_output *row,
                        const struct ebjr_output *known)
{
    int64_t i = 0;
    while (i + 1 < outputs->run->classes && is_same_float(row->logits[i], known->logits[i]))
        i++;
    return ebjr_error_set(EBJR_EFORMAT,
                          "sample %lld: logit %lld is %.9g here (run by '%s'), but %.9g in %s (by "
                          "'%s'): one run, two answers; leave out one of the two stores",
                          (long long)row->index, (long long)i, (double)row->logits[i],
                          outputs->rows->source->plan, (double)known->logits[i],
                          outputs->rows->to->path, outputs->run->plan);
}

/* What both stores have of a sample must be the same. */
static int compare_row(struct ebjr_merge_outputs *outputs, const struct ebjr_output *row)
{
    struct ebjr_output known;
    int status =
        read_row(&known, outputs->known, &outputs->known_next, row->index, outputs->rows->to);
    if (status)
        return status;
    if (row->label != known.label)
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld: its label is %d here, but %d in %s; these labels "
                              "belong to another data set",
                              (long long)row->index, row->label, known.label,
                              outputs->rows->to->path);
    if (memcmp(row->logits, known.logits, (size_t)outputs->run->classes * sizeof *row->logits) != 0)
        return other_logits(outputs, row, &known);
    if (!ebjr_row_agrees(row, &known))
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld: its derived columns are others than in %s; ebjr verify "
                              "says which store is wrong",
                              (long long)row->index, outputs->rows->to->path);
    return 0;
}

int ebjr_merge_outputs_copy(struct ebjr_merge_outputs *outputs, ebjr_hash *hash, int64_t first,
                            int64_t end)
{
    struct ebjr_output row;
    int status = 0;
    for (int64_t index = first; !status && index < end; index++) {
        status = read_row(&row, outputs->cursor, &outputs->cursor_next, index, outputs->rows->from);
        if (!status)
            status = ebjr_row_hash_update(hash, &row, (size_t)outputs->run->classes);
        if (!status)
            status = index < outputs->run->done
                         ? compare_row(outputs, &row)
                         : ebjr_append_row(&outputs->append, outputs->run, &row);
    }
    return status;
}
