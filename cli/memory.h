/* How much memory the program may take: a model that wants more is refused, and named, where the
 * kernel would end the process without a word. */
#ifndef EBJR_CLI_MEMORY_H
#define EBJR_CLI_MEMORY_H

#include <stdbool.h>

/*
 * Limits what the process may add to what it holds by `asked` ("8G": bytes), or, where that is NULL
 * and `guess` is true, by what is free here: memory and swap, within the control group's limit.
 * "none": no limit. Errors: EBJR_EINVAL no such size; EBJR_EIO it is refused.
 */
int memory_limit(const char *asked, bool guess);

/* The limit in bytes; 0: there is none. */
double memory_limited_to(void);

#endif
