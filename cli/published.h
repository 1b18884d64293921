/* Published results that come with ebjr, by name: "cifar10" is cifar10.csv beside the program, in
 * ../share/ebjr/baselines where it is installed, in ../bench/baselines where it was built. */
#ifndef EBJR_CLI_PUBLISHED_H
#define EBJR_CLI_PUBLISHED_H

#include <limits.h>

/* What --baselines says is a file, or such a name. Errors: EBJR_ENOTFOUND neither; it names those
 * that there are. */
int published_find(char out[PATH_MAX], const char *asked);

#endif
