/* Numbers, times and options as people write them: an option a line. */
#include "base/text.h"
#include "cli/class_mix.h"
#include "cli/commands.h"
#include "cli/option.h"
#include "fuzz.h"

static int run(const struct command *self, int argc, char **argv)
{
    bool flag;
    const char *word;
    double number;
    int64_t integer;
    struct option_list list = {.count = 0};
    const struct option_row rows[] = {
        {"flag", OPTION_FLAG, &flag, NULL, "", false},
        {"word", OPTION_TEXT, &word, "W", "", false},
        {"number", OPTION_NUMBER, &number, "N", "", false},
        {"integer", OPTION_INTEGER, &integer, "N", "", false},
        {"list", OPTION_LIST, &list, "L", "", false},
    };
    return option_parse(self, rows, ROWS(rows), argc, argv);
}

static const struct command command = {"fuzz", "", NULL, run};

/* The only command there is, for the config file. */
const struct command *const *command_list(size_t *count)
{
    static const struct command *const commands[] = {&command};
    *count = ROWS(commands);
    return commands;
}

const struct command *command_find(const char *name)
{
    return strcmp(name, command.name) == 0 ? &command : NULL;
}

const char *command_nearest(const char *name)
{
    (void)name;
    return command.name;
}

static void parse_options(char *text)
{
    enum { MOST = 32 };
    char *arguments[MOST + 1] = {(char *)"fuzz"};
    int count = 1;
    for (char *line = strtok(text, "\n"); line && count < MOST; line = strtok(NULL, "\n"))
        if (strcmp(line, "-h") != 0 && strncmp(line, "--h", 3) != 0) /* help is long */
            arguments[count++] = line;
    run(&command, count, arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"energy", "softmax-energy", "msp"};
    char *text = fuzz_text(data, size), written[EBJR_NUMBER_TEXT];
    double number, again;
    int64_t integer;
    struct class_mix mix;
    if (ebjr_number_parse(&number, text) == 0 &&
        (ebjr_number_parse(&again, ebjr_number_format(written, number)) != 0 || again != number))
        abort();
    if (ebjr_time_parse(&number, text) == 0 && !(number >= 0))
        abort();
    if (ebjr_integer_parse(&integer, text, -5, 1000) == 0 && (integer < -5 || integer > 1000))
        abort();
    if (class_mix_parse(&mix, text) == 0 && mix.count > CLASS_MIX_GROUPS)
        abort();
    ebjr_name_nearest(text, names, ROWS(names));
    parse_options(text);
    free(text);
    return 0;
}
