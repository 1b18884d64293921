/* A cascade that is executed: by a policy, or of two stored models with a score and a threshold. */
#ifndef EBJR_CLI_LIVE_CASCADE_H
#define EBJR_CLI_LIVE_CASCADE_H

#include "cli/live.h"
#include "runtime/cascade.h"

struct live_cascade_request {
    const char *policy, *student, *teacher, *score;
    double threshold; /* NaN: not given */
    struct ebjr_score_options options;
    struct option_list models; /* [NAME=]FILE */
};

#define LIVE_CASCADE_REQUEST \
    { \
        .threshold = NAN, .options = {.temperature = 1, .p = 4, .seed = 1 } \
    }

#define LIVE_CASCADE_ROWS(r) \
    {"policy", OPTION_TEXT, &(r).policy, "FILE", "what ebjr pick wrote; or, without one:", false}, \
        {"student", OPTION_TEXT, &(r).student, "MODEL", "a stored model", false}, \
        {"teacher", OPTION_TEXT, &(r).teacher, "MODEL", "another one", false}, \
        {"score", OPTION_TEXT, &(r).score, "NAME", "of the student's logits", false}, \
        {"threshold", \
         OPTION_NUMBER, \
         &(r).threshold, \
         "T", \
         "the student answers where its score is T or more", \
         false}, \
        {"temperature", OPTION_NUMBER, &(r).options.temperature, "T", "of the score (default 1)", \
         false}, \
        {"p", OPTION_NUMBER, &(r).options.p, "P", "of the score pnorm (default 4)", false}, \
    { \
        "model", OPTION_LIST, &(r).models, "[NAME=]FILE", \
            "where a model is, if not where it was when it was stored; any number of times", false \
    }

struct live_cascade {
    struct ebjr_policy policy;
    struct ebjr_stored_model stored[EBJR_POLICY_STAGES];
    ebjr_model *models[EBJR_POLICY_STAGES];
    ebjr_cascade *cascade; /* NULL until live_cascade_ready */
};

/*
 * Finds the models by their hashes, opens them, and takes the policy's preprocessing where none was
 * asked for. store may be NULL: then models are given by --model. The caller closes *out, also
 * after a failure. Errors: EBJR_EINVAL; EBJR_ENOTFOUND a model is not where it was; EBJR_EMODEL a
 * file is not the model that the policy or the store speaks of.
 */
int live_cascade_open(struct live_cascade *out, struct live *live, ebjr_store *store,
                      const struct live_request *live_request,
                      const struct live_cascade_request *request);

/* The same of one model, that answers all: the only one of --model, a file, or with a store the
 * name of a model there. Where the store does not have it, it gets it. */
int live_cascade_open_alone(struct live_cascade *out, struct live *live, ebjr_store *store,
                            const struct live_request *live_request,
                            const struct live_cascade_request *request);

/* One stage's model of a cascade by itself, as it is prepared there. The model is borrowed: free
 * out->cascade, and nothing else. */
int live_cascade_part(struct live_cascade *out, const struct live_cascade *whole, size_t stage);

/* Prepares the models for batches of `batch` (0: any) and joins them. May be called again. */
int live_cascade_ready(struct live_cascade *out, struct live *live, ebjr_store *store,
                       size_t batch);

/* "student > teacher, softmax-energy >= 2.46" */
void live_cascade_describe(char *out, size_t size, const struct live_cascade *self);

void live_cascade_close(struct live_cascade *self);

/* Finds the file of a stored or promised model: among `files` ([NAME=]FILE, by hash), else where
 * *stored says. Errors: as above. */
int live_find_file(struct ebjr_stored_model *stored, const struct option_list *files);

#endif
