/* Completion of command lines. The scripts in completion/ ask, the option tables answer. */
#ifndef EBJR_CLI_COMPLETE_H
#define EBJR_CLI_COMPLETE_H

#include "cli/option.h"

/*
 * ebjr complete WORD...: the words after `ebjr` up to the cursor, the last the one to complete,
 * which may be empty. Prints what it can become, one a line: the whole word, and what it means
 * after a tab. A last line ":files HEAD" says that HEAD and the name of a file will do, too.
 * Whatever is wrong, there is nothing to complete: no errors.
 */
int complete_words(int argc, char **argv);

#endif
