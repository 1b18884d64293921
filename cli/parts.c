#include "cli/parts.h"

#include "base/error.h"
#include "calib/split.h"

#include <stdlib.h>
#include <string.h>

/* keep[n]: the samples that are dealt to the parts at all. */
static int choose(uint8_t *keep, const struct parts *parts, const struct cascade *cascade)
{
    /* another seed than the split's, whose shuffles would else be the same */
    if (parts->mix)
        return class_mix_thin(keep, parts->mix, cascade->labels, cascade->n,
                              (uint64_t)parts->seed ^ 0x9e3779b9);
    memset(keep, 1, cascade->n);
    return 0;
}

/* Only what is kept is split: each part is then a sample of the mix. */
static int split_kept(int8_t *of, const uint8_t *keep, const struct parts *parts,
                      const struct cascade *cascade)
{
    size_t kept = 0;
    int32_t *label = malloc(cascade->n * sizeof *label);
    int8_t *part = malloc(cascade->n);
    int status = label && part ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < cascade->n; i++)
        if (keep[i])
            label[kept++] = cascade->labels[i];
    if (!status)
        status = ebjr_split(part, label, kept, parts->fraction, PARTS, (uint64_t)parts->seed);
    for (size_t i = cascade->n; !status && i-- > 0;)
        of[i] = (int8_t)(keep[i] ? part[--kept] : -1);
    free(label);
    free(part);
    return status;
}

int parts_split(struct parts *parts, const struct cascade *cascade)
{
    int8_t *of = malloc(cascade->n);
    uint8_t *keep = malloc(cascade->n);
    int status = of && keep ? choose(keep, parts, cascade) : ebjr_error_memory();
    if (!status)
        status = split_kept(of, keep, parts, cascade);
    for (int p = 0; !status && p < PARTS; p++) {
        parts->mask[p] = malloc(cascade->n);
        if (!parts->mask[p])
            status = ebjr_error_memory();
        for (size_t i = 0; !status && i < cascade->n; i++)
            parts->mask[p][i] = of[i] == p;
    }
    free(of);
    free(keep);
    return status;
}

static int allocate(struct part *part, size_t n, bool timed)
{
    part->score = malloc(n * sizeof *part->score);
    part->student = malloc(n);
    part->teacher = malloc(n);
    part->alone = malloc(n);
    if (timed) {
        part->student_latency = malloc(n * sizeof *part->student_latency);
        part->teacher_latency = malloc(n * sizeof *part->teacher_latency);
    }
    bool complete = part->score && part->student && part->teacher && part->alone &&
                    (!timed || (part->student_latency && part->teacher_latency));
    return complete ? 0 : ebjr_error_memory();
}

static int fill(struct part *part, const struct cascade *cascade, const uint8_t *mask,
                const double *score, const uint8_t *deferred, bool joint)
{
    bool timed = cascade->student_latency != NULL;
    size_t n = 0;
    int status = allocate(part, cascade->n, timed);
    for (size_t i = 0; !status && i < cascade->n; i++) {
        if (mask && !mask[i])
            continue;
        part->score[n] = score[i];
        part->student[n] = cascade->student_correct[i];
        part->teacher[n] = deferred[i];
        part->alone[n] = cascade->teacher_correct[i];
        if (timed) {
            part->student_latency[n] = cascade->student_latency[i];
            part->teacher_latency[n] = cascade->teacher_latency[i];
        }
        n++;
    }
    part->samples = (struct ebjr_samples){.n = n,
                                          .score = part->score,
                                          .student_correct = part->student,
                                          .teacher_correct = part->teacher,
                                          .student_latency = part->student_latency,
                                          .teacher_latency = part->teacher_latency,
                                          .alone = joint ? part->alone : NULL};
    return status;
}

int parts_fill(struct parts *parts, const struct cascade *cascade, const double *score,
               const uint8_t *deferred, bool joint)
{
    int status = 0;
    for (int p = 0; !status && p < PARTS; p++)
        status = fill(&parts->part[p], cascade, parts->mask[p], score, deferred, joint);
    return status;
}

int part_fill(struct part *part, const struct cascade *cascade, const double *score,
              const uint8_t *deferred, bool joint)
{
    return fill(part, cascade, NULL, score, deferred, joint);
}

void part_free(struct part *part)
{
    free(part->score);
    free(part->student);
    free(part->teacher);
    free(part->alone);
    free(part->student_latency);
    free(part->teacher_latency);
    *part = (struct part){0};
}

void parts_free(struct parts *parts)
{
    for (int p = 0; p < PARTS; p++) {
        free(parts->mask[p]);
        part_free(&parts->part[p]);
    }
}
