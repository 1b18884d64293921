/* A cascade as the store has it: two complete runs over one data set, a few bytes a sample of them
 * in memory. Logits stay in the store unless they are needed whole (cascade_rows.h). */
#ifndef EBJR_CLI_CASCADE_H
#define EBJR_CLI_CASCADE_H

#include "cli/option.h"
#include "db/class_name.h"
#include "runtime/score.h"

/* Whether the student's logits are held in memory. */
enum logits {
    LOGITS_OFTEN,    /* they are read more than once: where they are little */
    LOGITS_STREAMED, /* they are read once */
    LOGITS_HELD      /* always */
};

/* What a person says to name a cascade and the scores of it. */
struct cascade_request {
    const char *db, *student, *teacher, *dataset, *convention, *precision;
    double temperature, p;
    int64_t seed;
    enum logits logits;
    bool teacher_logits; /* both models' are held */
    bool untimed;        /* as if no latencies were stored */
    bool detectors;      /* are welcome, too (detectors.h) */
};

#define CASCADE_REQUEST \
    { \
        .temperature = 1, .p = 4, .seed = 1 \
    }

#define CASCADE_ROWS(r, named) CASCADE_ROWS_WHERE(r, true, named)

/* stored, named: must the store, must the models be given? */
#define CASCADE_ROWS_WHERE(r, stored, named) \
    {"db", OPTION_TEXT, &(r).db, "FILE", "the store", stored}, \
        {"student", \
         OPTION_TEXT, \
         &(r).student, \
         "MODEL", \
         "a stored model, by name, head of its hash, or run:ID", \
         named}, \
        {"teacher", OPTION_TEXT, &(r).teacher, "MODEL", "another one", named}, \
        {"dataset", \
         OPTION_TEXT, \
         &(r).dataset, \
         "NAME", \
         "the data set; not needed where both share only one", \
         false}, \
        {"flops-convention", \
         OPTION_TEXT, \
         &(r).convention, \
         "NAME", \
         "op-counter (default): 2 x the count of the original's op_counter\n" \
         "mac2: 2 x multiply-adds of convolutions and linears only", \
         false}, \
        {"temperature", \
         OPTION_NUMBER, \
         &(r).temperature, \
         "T", \
         "of the scores: logits are divided by T (default 1)", \
         false}, \
        {"p", OPTION_NUMBER, &(r).p, "P", "of the score pnorm (default 4)", false}, \
        {"seed", OPTION_INTEGER, &(r).seed, "N", "of the score random (default 1)", false}, \
    { \
        "precision", OPTION_TEXT, &(r).precision, "NAME", \
            "of the scores: double (default), or float32 as PyTorch scripts have it", false \
    }

/* Where the latencies of a model come from. */
struct cascade_timing {
    struct ebjr_stored_measurement measurement;
    bool is_whole; /* each sample was measured; else they take latencies in turn */
};

struct cascade {
    struct ebjr_stored_model student, teacher;
    struct ebjr_stored_dataset dataset;
    struct ebjr_class_names names; /* of the data set's classes; empty: none */
    struct ebjr_stored_run student_run, teacher_run;
    struct ebjr_score_options options;
    const char *convention;              /* "op-counter" or "mac2" */
    double student_flops, teacher_flops; /* NaN: unknown */
    char *db;                            /* where the store is */
    size_t n, classes;                   /* of outputs of the student */
    unsigned held;                       /* which logits are (cascade_rows.h) */
    bool is_timed;                       /* latencies of both models are stored */
    bool is_specialised;                 /* it has a class map, and may say "other" */
    bool is_detection;                   /* the models are detectors: there are no outputs */
    float *logits, *teacher_logits;      /* [n, classes]; NULL: not held */
    int32_t *labels, *predictions, *teacher_predictions; /* [n]; predictions: the student's */
    uint8_t *student_correct, *teacher_correct, *student_top5, *teacher_top5; /* [n] */
    double *student_latency, *teacher_latency;            /* [n] ns; NULL: not stored for both */
    struct cascade_timing student_timing, teacher_timing; /* where the latencies are stored */
};

/* The caller frees with cascade_free. Errors: EBJR_ENOTFOUND, EBJR_EINVAL ambiguous or incomplete.
 */
int cascade_load(struct cascade *out, const struct cascade_request *request);

/* Whether the store has a cascade of detectors by these names; of anything wrong cascade_find will
 * say what it is. */
bool cascade_is_of_detectors(const struct cascade_request *request);

/* The same in two steps: what the store says of the cascade, without samples, and the samples. */
int cascade_find(struct cascade *out, const struct cascade_request *request);
int cascade_read(struct cascade *out);
int cascade_read_timing(struct cascade *out); /* of these the latencies alone, where stored */
void cascade_free(struct cascade *cascade);

/* scores[n]. Samples that the student calls "other" have EBJR_NEVER. Errors: EBJR_ENOMEM, those of
 * the store. */
int cascade_score(double *scores, const struct cascade *cascade, const struct ebjr_score *score);

enum { CASCADE_SCORES = 32 }; /* at once */

/* The same of several scores, which share what they have in common: out[count][n]. */
int cascade_scores(double *out, const struct cascade *cascade, const struct ebjr_score *scores,
                   size_t count);

/* How many rows are worth a thread of their own (ebjr_parallel). */
size_t cascade_least_rows(const struct cascade *cascade);

/* Gives EBJR_NEVER to the samples of a block that a specialised student calls "other". */
struct cascade_rows;
void cascade_never_other(double *scores, const struct cascade_rows *rows);

/* The score with this name, or all of them for "all". Points into ebjr_score_list. */
int cascade_select_scores(const struct ebjr_score **first, size_t *count, const char *name);

/* Where notes go, each a sentence. */
struct note_target {
    void (*take)(void *context, const char *note);
    void *context;
};
void note(const struct note_target *target, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a reader of FLOPs and latencies must know: operators left out, figures given by hand,
 * samples that were not measured. */
void cascade_notes(const struct cascade *cascade, const struct note_target *target);

/* The same as talk. */
void cascade_warn(const struct cascade *cascade);

#endif
