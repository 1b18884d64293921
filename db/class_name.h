/*
 * Class names: what the labels of a data set are called, for people to read. They are text of
 * anyone's. A label may have none.
 *
 * Their SHA-256, which the data set's record keeps, is over the labels that have a name, in their
 * order, each as: label i32, length of the name u32, both little-endian, the name's bytes.
 */
#ifndef EBJR_DB_CLASS_NAME_H
#define EBJR_DB_CLASS_NAME_H

#include "db/stored.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_CLASS_NAME_BYTES = 255, EBJR_CLASS_NAMES = 1 << 20 }; /* the longest, the most */

struct ebjr_class_names {
    size_t count;
    char **name; /* [count], by label; NULL: has none */
};

/* Makes the name of a label a copy of `text`, whatever was there. Errors: EBJR_EINVAL a label
 * below 0 or beyond the most; an empty name, or one too long; EBJR_ENOMEM. */
int ebjr_class_names_set(struct ebjr_class_names *names, int64_t label, const char *text);
int ebjr_class_names_copy(struct ebjr_class_names *out, const struct ebjr_class_names *names);
void ebjr_class_names_free(struct ebjr_class_names *names);

/* NULL: it has none. */
const char *ebjr_class_name(const struct ebjr_class_names *names, int64_t label);

/* "" where there are no names at all. */
int ebjr_class_names_hash(char out[EBJR_HASH_TEXT], const struct ebjr_class_names *names);

/* Puts the names in the place of those that the data set has, in one transaction, and moves
 * dataset->names. The same names again change nothing. Errors: EBJR_EBUSY, EBJR_EIO. */
int ebjr_class_names_put(ebjr_store *store, struct ebjr_stored_dataset *dataset,
                         const struct ebjr_class_names *names);

/* The caller frees *out, which is empty where there are none. Errors: EBJR_ESTORE they are not as
 * they were put. */
int ebjr_class_names_read(struct ebjr_class_names *out, ebjr_store *store,
                          const struct ebjr_stored_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
