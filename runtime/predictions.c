#include "runtime/predictions.h"

#include "base/error.h"
#include "base/records.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_predictions {
    struct ebjr_predictions_info info;
    ebjr_records *records;
    char *path;
    int list;     /* the column of lists; -1: a column a class */
    int *columns; /* [classes] */
    int label, index;
};

static const struct {
    const char *name;
    bool probabilities;
} words[] = {
    {"logits", false}, {"logit", false},      {"probabilities", true},
    {"probs", true},   {"probability", true}, {"prob", true},
};
enum { WORDS = sizeof words / sizeof *words, SEEN_ENOUGH = 10 };

static const char *const only_the_best = "it holds the best classes of each sample only (top-k), "
                                         "from which no score of all can be told; "
                                         "write all classes (timm's inference.py: --topk 0)";

static int at_line(const ebjr_predictions *self, const char *what)
{
    return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: %s", self->path,
                          (long long)ebjr_records_line(self->records), what);
}

static int column_of_class(const ebjr_predictions *self, const char *word, size_t k)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%zu", word, k);
    return ebjr_records_find(self->records, name);
}

static int find_columns(ebjr_predictions *self, const char *word)
{
    size_t count = 0;
    while (column_of_class(self, word, count) >= 0)
        count++;
    if (count == 0)
        return 0;
    self->columns = calloc(count, sizeof *self->columns);
    if (!self->columns)
        return ebjr_error_memory();
    for (size_t k = 0; k < count; k++)
        self->columns[k] = column_of_class(self, word, k);
    self->info.classes = count;
    if (column_of_class(self, word, count + 1) >= 0)
        return ebjr_error_set(EBJR_EFORMAT,
                              "%s has the columns %s_0 to %s_%zu and %s_%zu, but "
                              "none for class %zu",
                              self->path, word, word, count - 1, word, count + 1, count);
    return 0;
}

/* What the header promises; nothing: no error, and no classes or list. */
static int understand(ebjr_predictions *self)
{
    int status = 0;
    self->label = ebjr_records_find(self->records, "label");
    if (self->label < 0)
        self->label = ebjr_records_find(self->records, "labels");
    self->index = ebjr_records_find(self->records, "index");
    self->info.has_labels = self->label >= 0;
    for (int i = 0; !status && i < WORDS && self->list < 0 && !self->columns; i++) {
        self->info.probabilities = words[i].probabilities;
        status = find_columns(self, words[i].name);
        if (!status && !self->columns)
            self->list = ebjr_records_find(self->records, words[i].name);
    }
    if (!status && self->columns &&
        (column_of_class(self, "index", 0) >= 0 || column_of_class(self, "label", 0) >= 0))
        status = ebjr_error_set(EBJR_EFORMAT, "%s: %s", self->path, only_the_best);
    return status;
}

static int parse_number(double *out, const ebjr_predictions *self, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && !end[strspn(end, " \t")])
        return 0;
    return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: '%.32s' is not a number", self->path,
                          (long long)ebjr_records_line(self->records), text);
}

/* "[1, 2]" or "[1. 2.]" to at most `most` numbers; how many there are, or an error. */
static int64_t parse_list(double *values, size_t most, const ebjr_predictions *self,
                          const char *text)
{
    static const char blanks[] = " \t\r\n";
    size_t count = 0;
    text += strspn(text, blanks);
    if (*text != '[')
        return at_line(self, only_the_best);
    text++;
    while (*(text += strspn(text, " \t\r\n,")) != ']') {
        char *end;
        double value = strtod(text, &end);
        if (strncmp(text, "...", 3) == 0)
            return at_line(self, "numbers were left out ('...') when the list was printed; write a "
                                 "column a class (timm's inference.py: --results-separate-col)");
        if (end == text)
            return at_line(self, "a list is numbers in brackets, [0.1, -2.5]");
        if (count < most)
            values[count] = value;
        count++;
        text = end;
    }
    if (text[1 + strspn(text + 1, blanks)])
        return at_line(self, "text behind a list");
    return (int64_t)count;
}

static int read_list(double *values, const ebjr_predictions *self)
{
    const char *text = ebjr_records_field(self->records, (size_t)self->list);
    if (self->index >= 0 && *ebjr_records_field(self->records, (size_t)self->index) == '[')
        return at_line(self, only_the_best);
    int64_t count = parse_list(values, self->info.classes, self, text);
    if (count < 0)
        return (int)count;
    return (size_t)count == self->info.classes
               ? 0
               : ebjr_error_set(EBJR_EFORMAT,
                                "%s, line %lld: a list of %lld numbers, where those "
                                "before have %zu",
                                self->path, (long long)ebjr_records_line(self->records),
                                (long long)count, self->info.classes);
}

int ebjr_predictions_next(ebjr_predictions *self, double *values, double *label)
{
    int more = ebjr_records_next(self->records);
    if (more <= 0)
        return more;
    *label = NAN;
    int status = self->list >= 0 ? read_list(values, self) : 0;
    for (size_t k = 0; !status && self->list < 0 && k < self->info.classes; k++)
        status = parse_number(&values[k], self,
                              ebjr_records_field(self->records, (size_t)self->columns[k]));
    if (!status && self->info.has_labels &&
        *ebjr_records_field(self->records, (size_t)self->label) == '[')
        status = at_line(self, only_the_best);
    if (!status && self->info.has_labels)
        status = parse_number(label, self, ebjr_records_field(self->records, (size_t)self->label));
    return status ? status : 1;
}

static int reopen(ebjr_predictions *self)
{
    ebjr_records_close(self->records);
    self->records = NULL;
    return ebjr_records_open(&self->records, self->path);
}

/* The first list says how many classes there are. */
static int count_classes(ebjr_predictions *self)
{
    int more = ebjr_records_next(self->records);
    int64_t count =
        more > 0 ? parse_list(NULL, 0, self, ebjr_records_field(self->records, (size_t)self->list))
                 : more;
    self->info.classes = count > 0 ? (size_t)count : 0;
    return count < 0 ? (int)count : reopen(self);
}

static bool descends(const double *values, size_t count)
{
    for (size_t k = 1; k < count; k++)
        if (values[k] > values[k - 1])
            return false;
    return true;
}

/* Of the best classes only, the best comes first in every row. */
static int count_rows(ebjr_predictions *self)
{
    double *values = calloc(self->info.classes + 1, sizeof *values), label;
    bool sorted = true;
    int more = values ? 1 : ebjr_error_memory();
    while (more > 0 && (more = ebjr_predictions_next(self, values, &label)) > 0) {
        self->info.samples++;
        sorted = sorted && descends(values, self->info.classes);
    }
    free(values);
    if (more < 0)
        return more;
    if (sorted && self->info.classes > 2 && self->info.samples >= SEEN_ENOUGH)
        return ebjr_error_set(EBJR_EFORMAT, "%s: every sample's numbers descend: %s", self->path,
                              only_the_best);
    return reopen(self);
}

int ebjr_predictions_open(ebjr_predictions **out, const char *path)
{
    ebjr_predictions *self = calloc(1, sizeof *self);
    *out = NULL;
    if (!self || !(self->path = strdup(path))) {
        ebjr_predictions_close(self);
        return ebjr_error_memory();
    }
    self->list = -1;
    int status = ebjr_records_open(&self->records, path);
    bool other = status == EBJR_EFORMAT; /* no header of different names */
    if (!status) {
        status = understand(self);
        other = !status && self->list < 0 && !self->columns;
    }
    if (!status && !other && self->list >= 0)
        status = count_classes(self);
    if (!status && !other)
        status = count_rows(self);
    if (status || other) {
        ebjr_predictions_close(self);
        return other ? 0 : status;
    }
    *out = self;
    return 0;
}

void ebjr_predictions_close(ebjr_predictions *self)
{
    if (!self)
        return;
    ebjr_records_close(self->records);
    free(self->columns);
    free(self->path);
    free(self);
}

const struct ebjr_predictions_info *ebjr_predictions_describe(const ebjr_predictions *self)
{
    return &self->info;
}
