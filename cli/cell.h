/* One value of a table, as each format writes it. */
#ifndef EBJR_CLI_CELL_H
#define EBJR_CLI_CELL_H

#include "cli/table.h"

enum { CELL = 64 };

bool cell_is_number(const struct column *column);

/* What a person reads; `cell` is room for it. Points into `cell` or the value. */
const char *cell_readable(char cell[CELL], const struct column *column, const struct value *value);

/* A value in the way of CSV, JSON, Markdown, LaTeX or HTML, quoted for it. */
void cell_print(const struct output *output, const struct column *column,
                const struct value *value);

/* A text in that way, such as a column's name. */
void cell_print_text(const struct output *output, const char *text);

#endif
