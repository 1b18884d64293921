/* Bringing the store of an earlier ebjr to today's schema. */
#ifndef EBJR_DB_MIGRATE_H
#define EBJR_DB_MIGRATE_H

#include "db/internal.h"

/*
 * Within the caller's transaction, foreign keys off and legacy_alter_table on: tables whose
 * definition has changed are made anew and take the columns they share with the old ones, all else
 * stays where it is; new columns have their default, or are NULL. Records whose columns have
 * changed are sealed again, but only where every old seal fits; they are counted where nobody had.
 * Errors: EBJR_ESTORE a record was damaged before.
 */
int ebjr_store_migrate(ebjr_store *store);

#endif
