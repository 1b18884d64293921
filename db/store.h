/*
 * db: the SQLite store. It keeps, once for each (model, data set, preprocessing, dtype), every
 * sample's logits and what is derived from them, or every image's detections, with the provenance to
 * say what they are. The schema, its columns and the views for people are in schema.sql.
 *
 * A store has one writer at a time and any number of readers, which never wait (WAL). Every
 * commit is durable; what was committed survives a kill or a power cut.
 */
#ifndef EBJR_DB_STORE_H
#define EBJR_DB_STORE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_store ebjr_store;

enum ebjr_store_mode {
    EBJR_STORE_READ,  /* must exist */
    EBJR_STORE_CREATE /* to write; made if it does not exist */
};

/* The caller owns *out. A store of an earlier schema is brought up to date first, in one
 * transaction, to read too. Errors: EBJR_ENOTFOUND no such file; EBJR_EINVAL a directory;
 * EBJR_ESTORE not an ebjr store, one of a newer version, one of an earlier that cannot be written,
 * or a damaged one; EBJR_EBUSY locked by another process; EBJR_EIO. */
int ebjr_store_open(ebjr_store **out, const char *path, enum ebjr_store_mode mode);
void ebjr_store_close(ebjr_store *store);

const char *ebjr_store_path(const ebjr_store *store);

#ifdef __cplusplus
}
#endif
#endif
