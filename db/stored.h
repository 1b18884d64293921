/* What a store says of models, data sets and runs: their identity, shape, cost and provenance. */
#ifndef EBJR_DB_STORED_H
#define EBJR_DB_STORED_H

#include "base/hash.h"
#include "db/store.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EBJR_UNKNOWN INT64_MIN /* an integer that nobody has told or counted */

struct ebjr_stored_model {
    int64_t id;
    char name[256];
    char kind[32]; /* "torchscript", "aotinductor" or "import" */
    char sha256[EBJR_HASH_TEXT];
    char path[4096];
    int64_t bytes;
    int64_t parameters;
    char created[32];
};

struct ebjr_stored_dataset {
    int64_t id;
    char name[256];
    char kind[32];
    char sha256[EBJR_HASH_TEXT];
    char path[4096];
    int64_t bytes;
    int64_t samples;
    char shape[48];             /* "CxHxW" */
    char names[EBJR_HASH_TEXT]; /* SHA-256 of its class names, or "" */
    char created[32];
};

struct ebjr_stored_run {
    int64_t id;
    int64_t model_id, dataset_id;
    char preprocessing[1024];
    char dtype[16];
    int64_t classes;           /* outputs of the model; of a detector: logits, or 0 */
    char class_map[4096];      /* "": output k is class k; else "3,0,-", see runtime/class_map.h */
    int64_t first;             /* sample of a shard; 0: of the data set */
    int64_t samples, done;     /* from the first on */
    int64_t flops, flops_mac2; /* a sample; EBJR_UNKNOWN */
    int64_t depth;             /* convolutions and linear layers; EBJR_UNKNOWN */
    char flops_source[16];     /* "counted", "given", "unknown" */
    char uncounted[1024], uncounted_mac2[1024];
    char device[64];
    char plan[128];
    char library[64];
    char host[128];
    char program[32];
    char started[32], finished[32];
};

/* Latencies that were measured in one go: of a model, or of a cascade. */
struct ebjr_stored_measurement {
    int64_t id;
    int64_t model_id; /* EBJR_UNKNOWN for a cascade */
    int64_t dataset_id;
    char subject[512];           /* "" for a model; else "student > teacher, energy >= 2.46" */
    char policy[EBJR_HASH_TEXT]; /* SHA-256 of the cascade's policy, or "" */
    char scenario[16];           /* "single", "offline", "server"; "given": from elsewhere */
    char device[64];             /* "given" for latencies from elsewhere */
    char plan[128];
    int64_t batch, threads; /* threads: EBJR_UNKNOWN */
    double qps;             /* arrivals a second that were asked for; NaN: none were */
    double teacher_rate;    /* of the samples measured; NaN: no cascade */
    int64_t samples;        /* latencies kept: fewer or more than the data set has samples */
    int64_t dropped;        /* measured before them to warm up */
    char sha256[EBJR_HASH_TEXT];
    char host[128];
    char library[64];
    char program[32];
    char created[32];
};

/*
 * Put: the thing with this identity (SHA-256; for a run: model, data set, preprocessing, dtype,
 * map) is looked up, or inserted where the store does not know it; *record is then what the store
 * holds. Times that are "" are set to now. Errors: EBJR_EEXIST the name belongs to another model or
 * data set, or the store's runs over the data set are over another block of it; EBJR_EBUSY;
 * EBJR_EIO.
 */
int ebjr_stored_model_put(ebjr_store *store, struct ebjr_stored_model *record);
int ebjr_stored_dataset_put(ebjr_store *store, struct ebjr_stored_dataset *record);
int ebjr_stored_run_put(ebjr_store *store, struct ebjr_stored_run *record);

/* A store holds one block of a data set, in all its runs over it: the whole, or a shard. */

/* Errors: EBJR_EEXIST the store has a run over the data set of this hash that is over another block
 * than samples first .. first+samples-1. */
int ebjr_stored_block_check(ebjr_store *store, const char *dataset_sha256, int64_t first,
                            int64_t samples);

/* Errors: EBJR_ENOTFOUND the run is over a shard of the data set. */
int ebjr_stored_run_check_whole(const struct ebjr_stored_run *run,
                                const struct ebjr_stored_dataset *dataset, const ebjr_store *store);

/* Writes the FLOPs of `told` (and their depth, source, and what they leave out) for a run that had
 * none, or others. Nothing is done where `told` has none. */
int ebjr_stored_run_tell_flops(ebjr_store *store, struct ebjr_stored_run *run,
                               const struct ebjr_stored_run *told);

/* The run with this identity. Errors: EBJR_ENOTFOUND. */
int ebjr_stored_run_find(struct ebjr_stored_run *out, ebjr_store *store, const char *model_sha256,
                         const char *dataset_sha256, const char *preprocessing, const char *dtype,
                         const char *class_map);

/* By name, or by the first 6 or more digits of the SHA-256. Errors: EBJR_ENOTFOUND, with the
 * nearest known name. */
int ebjr_stored_model_find(struct ebjr_stored_model *out, ebjr_store *store, const char *name);
int ebjr_stored_dataset_find(struct ebjr_stored_dataset *out, ebjr_store *store, const char *name);

/* All of them in the order they came; the caller frees *out. */
int ebjr_stored_model_list(struct ebjr_stored_model **out, size_t *count, ebjr_store *store);
int ebjr_stored_dataset_list(struct ebjr_stored_dataset **out, size_t *count, ebjr_store *store);
int ebjr_stored_run_list(struct ebjr_stored_run **out, size_t *count, ebjr_store *store);
int ebjr_stored_measurement_list(struct ebjr_stored_measurement **out, size_t *count,
                                 ebjr_store *store);

#ifdef __cplusplus
}
#endif
#endif
