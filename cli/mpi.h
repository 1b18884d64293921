/* The processes of one mpirun. Nothing else knows of MPI; without -DEBJR_MPI=ON there is one
 * process alone (cli/mpi_none.c). */
#ifndef EBJR_CLI_MPI_H
#define EBJR_CLI_MPI_H

#include "cli/shard.h"

#include <stdbool.h>

bool mpi_is_built_in(void);

/* Joins the others: which of how many this is; 0 of 1 where no launcher started it. Errors:
 * EBJR_EIO. */
int mpi_begin(struct shard *out);

/* What rank 0 says, to all; each waits for it without burning its processor. */
int mpi_tell(int number);

/* Until all are here. */
void mpi_wait(void);

/* Leaves the others where `code` is EXIT_DONE, else ends them all with that code. */
void mpi_end(int code);

#endif
