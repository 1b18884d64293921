#include "cli/complete.h"

#include "cli/commands.h"
#include "db/stored.h"
#include "runtime/score.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 96, LONGEST_HELP = 1024, MOST_CHOICES = 32 };

struct completion {
    const char *word;   /* what is there of it */
    size_t head_length; /* "--db=", "npy:", "small,": what is kept as it is */
    const struct command *command;
    struct option_row rows[MOST_ROWS];
    size_t count;
    char *const *words; /* all */
    int word_count;
};

static void offer(const struct completion *self, const char *candidate, const char *meaning)
{
    const char *tail = self->word + self->head_length;
    if (strncmp(candidate, tail, strlen(tail)) != 0)
        return;
    printf("%.*s", (int)self->head_length, self->word);
    print_plain(stdout, candidate);
    printf("\t%.*s\n", (int)strcspn(meaning, "\n"), meaning);
}

static void offer_files(const struct completion *self)
{
    printf(":files %.*s\n", (int)self->head_length, self->word);
}

/* The value of an option among the words; NULL where it is not given. */
static const char *given(const struct completion *self, const char *name)
{
    size_t length = strlen(name);
    for (int i = 1; i + 1 < self->word_count; i++) {
        const char *word = self->words[i];
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, length) != 0)
            continue;
        if (word[2 + length] == '=')
            return word + 3 + length;
        if (word[2 + length] == '\0')
            return self->words[i + 1];
    }
    return NULL;
}

static ebjr_store *open_store(const struct completion *self)
{
    ebjr_store *store = NULL;
    const char *path = given(self, "db");
    if (!path)
        path = getenv("EBJR_DB");
    return path && ebjr_store_open(&store, path, EBJR_STORE_READ) == 0 ? store : NULL;
}

static void offer_models(const struct completion *self)
{
    ebjr_store *store = open_store(self);
    struct ebjr_stored_model *models;
    size_t count;
    if (store && ebjr_stored_model_list(&models, &count, store) == 0) {
        for (size_t i = 0; i < count; i++)
            offer(self, models[i].name, models[i].kind);
        free(models);
    }
    ebjr_store_close(store);
}

static void offer_datasets(const struct completion *self)
{
    ebjr_store *store = open_store(self);
    struct ebjr_stored_dataset *datasets;
    size_t count;
    if (store && ebjr_stored_dataset_list(&datasets, &count, store) == 0) {
        for (size_t i = 0; i < count; i++)
            offer(self, datasets[i].name, datasets[i].kind);
        free(datasets);
    }
    ebjr_store_close(store);
}

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

/* Does a help allow this word: "all (default)", "learned: logistic regression"? */
static bool allows(const char *help, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = help; (at = strstr(at, word)) != NULL; at += length) {
        const char *end = at + length;
        bool begins = at == help || at[-1] == ' ' || at[-1] == '\n';
        if (begins &&
            (*end == '\0' || strchr(":,", *end) || (strchr(" \n", *end) && end[1] == '(')))
            return true;
    }
    return false;
}

static void offer_scores(const struct completion *self, const char *help)
{
    static const char *const others[] = {"all", "auto", "learned"};
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = 0; i < count; i++)
        offer(self, scores[i].name, scores[i].formula);
    for (size_t i = 0; i < ROWS(others); i++)
        if (allows(help, others[i]))
            offer(self, others[i], "");
}

/* "KIND:PATH" by a help that begins its lines with "cifar10:PATH, cifar100:PATH  ..." */
static void offer_kinds(struct completion *self, const char *help)
{
    const char *colon = strchr(self->word + self->head_length, ':');
    if (colon) {
        self->head_length = (size_t)(colon - self->word) + 1;
        offer_files(self);
        return;
    }
    for (const char *at = help; *at; at++) {
        size_t length = strspn(at, lower);
        char kind[32];
        if (length > 0 && length + 2 < sizeof kind && at[length] == ':' && at[length + 1] >= 'A' &&
            at[length + 1] <= 'Z') {
            snprintf(kind, sizeof kind, "%.*s:", (int)length, at);
            if (strstr(help, kind) == at) /* a kind may have lines for several paths */
                offer(self, kind, "");
        }
        at += length;
        if (!*at)
            break;
    }
}

/* What a line of help says of a choice, "single (default): one after the other"; else NULL. */
static const char *meaning_in(const char *line)
{
    const char *at = line + strspn(line, lower);
    if (at == line)
        return NULL;
    if (strncmp(at, " (default)", 10) == 0)
        at += 10;
    return strncmp(at, ": ", 2) == 0 ? at + 2 : NULL;
}

/* Of a help that is a list of choices, a line each. */
static bool offer_lines(const struct completion *self, const char *help)
{
    const char *lines[MOST_CHOICES];
    size_t count = 0;
    for (const char *line = help; line && count < MOST_CHOICES; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (meaning_in(line))
            lines[count++] = line;
    }
    for (size_t i = 0; count > 1 && i < count; i++) {
        char choice[64];
        snprintf(choice, sizeof choice, "%.*s", (int)strspn(lines[i], lower), lines[i]);
        offer(self, choice, meaning_in(lines[i]));
    }
    return count > 1;
}

/* Drops what stands in parentheses, and ends of lines. */
static void without_remarks(char *out, size_t size, const char *help)
{
    int depth = 0;
    size_t length = 0;
    for (; *help && length + 1 < size; help++) {
        depth += *help == '(';
        if (depth == 0)
            out[length++] = *help;
        depth -= *help == ')' && depth > 0;
    }
    out[length] = '\0';
    for (char *end = out; (end = strchr(end, '\n')) != NULL;)
        *end = ' ';
}

/* The words of "how models are executed: auto (default), frozen, direct (CPU) or cuda-graph", up
 * to what is no single word. */
static void offer_choices(const struct completion *self, const char *help)
{
    char text[LONGEST_HELP], *choices[MOST_CHOICES];
    size_t count = 0;
    without_remarks(text, sizeof text, help);
    char *at = text;
    for (char *colon; (colon = strstr(at, ": ")) != NULL;)
        at = colon + 2;
    while (*at && count < MOST_CHOICES) {
        at += strspn(at, " ,");
        if (strncmp(at, "or ", 3) == 0)
            at += 3;
        size_t length = strspn(at, lower);
        char *end = at + length + strspn(at + length, " ");
        bool is_single = !*end || *end == ',' || strncmp(end, "or ", 3) == 0;
        if (length == 0 || (!is_single && strncmp(end, "as ", 3) != 0))
            break;
        choices[count++] = at;
        at = *end ? end + (*end == ',') : end;
        choices[count - 1][length] = '\0';
    }
    for (size_t i = 0; count > 1 && i < count; i++)
        offer(self, choices[i], "");
}

/* What comes after the last `mark` of the value is to be completed. */
static void skip_to(struct completion *self, char mark)
{
    const char *last = strrchr(self->word + self->head_length, mark);
    if (last)
        self->head_length = (size_t)(last - self->word) + 1;
}

static void offer_values(struct completion *self, const struct option_row *row)
{
    const char *argument = row->argument;
    bool is_text = row->kind == OPTION_TEXT || row->kind == OPTION_LIST;
    if (!is_text)
        return;
    if (strcmp(argument, "KIND:PATH") == 0) {
        offer_kinds(self, row->help);
    } else if (strcmp(argument, "[NAME=]FILE") == 0) {
        offer_models(self);
        skip_to(self, '=');
        offer_files(self);
    } else if (strstr(argument, "FILE") || strstr(argument, "PATH") || strstr(argument, "DIR")) {
        offer_files(self);
    } else if (strcmp(argument, "MODEL") == 0 || strcmp(row->name, "model") == 0) {
        offer_models(self);
    } else if (strchr(argument, ',') && strchr("AS", argument[0])) {
        skip_to(self, ',');
        offer_models(self);
    } else if (strcmp(row->name, "dataset") == 0) {
        offer_datasets(self);
    } else if (strcmp(row->name, "score") == 0) {
        offer_scores(self, row->help);
    } else if (!offer_lines(self, row->help)) {
        offer_choices(self, row->help);
    }
}

static void offer_options(const struct completion *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct option_row *row = &self->rows[i];
        char name[64];
        if (row->kind == OPTION_REST || (row->kind != OPTION_LIST && given(self, row->name)))
            continue;
        snprintf(name, sizeof name, "--%s", row->name);
        offer(self, name, row->help);
    }
}

static void keep_row(void *context, const struct option_row *row)
{
    struct completion *self = context;
    if (self->count < MOST_ROWS)
        self->rows[self->count++] = *row;
}

/* The option that a word names, up to its end or "=". */
static const struct option_row *row_of(const struct completion *self, const char *word)
{
    if (strncmp(word, "--", 2) != 0)
        return NULL;
    size_t length = strcspn(word + 2, "=");
    for (size_t i = 0; i < self->count; i++)
        if (strlen(self->rows[i].name) == length &&
            strncmp(self->rows[i].name, word + 2, length) == 0)
            return &self->rows[i];
    return NULL;
}

static void complete_option(struct completion *self)
{
    const struct option_row *row = NULL; /* whose value comes next */
    for (int i = 1; i + 1 < self->word_count; i++) {
        row = row ? NULL : row_of(self, self->words[i]);
        if (row && (!row->argument || strchr(self->words[i], '=')))
            row = NULL;
    }
    if (row) {
        offer_values(self, row);
        return;
    }
    row = row_of(self, self->word);
    if (row && row->argument && strchr(self->word, '=')) {
        self->head_length = strcspn(self->word, "=") + 1;
        offer_values(self, row);
    } else {
        offer_options(self);
        for (size_t i = 0; i < self->count && self->word[0] != '-'; i++)
            if (self->rows[i].kind == OPTION_REST)
                offer_files(self);
    }
}

int complete_words(int argc, char **argv)
{
    size_t command_count;
    const struct command *const *commands = command_list(&command_count);
    if (argc < 1)
        return EXIT_DONE;
    struct completion self = {.word = argv[argc - 1], .words = argv, .word_count = argc};
    if (argc == 1) {
        for (size_t i = 0; i < command_count; i++)
            offer(&self, commands[i]->name, commands[i]->summary);
        offer(&self, "--help", "what commands there are");
        offer(&self, "--version", "the version");
        return EXIT_DONE;
    }
    self.command = command_find(argv[0]);
    if (self.command) {
        option_visit(self.command, keep_row, &self);
        complete_option(&self);
    }
    return EXIT_DONE;
}
