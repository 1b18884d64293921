#include "cli/talk.h"

#include "base/monotonic.h"
#include "plots/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *command;
    bool quiet;
    enum talk_progress progress;
    int64_t started;
} talk;

void talk_begin(const char *command, bool quiet, enum talk_progress progress)
{
    talk.command = command;
    talk.quiet = quiet;
    talk.progress = progress;
    talk.started = ebjr_monotonic_ns();
}

enum talk_progress talk_progress(void)
{
    return talk.progress;
}

void talk_end(int exit_code)
{
    static const char *const statuses[] = {"done", "failed", "usage", "infeasible", "interrupted"};
    if (talk.progress == TALK_JSON)
        talk_json("end",
                  json_pack("{s:s, s:i, s:f}", "status", statuses[exit_code], "code", exit_code,
                            "elapsed_s", 1e-9 * (double)(ebjr_monotonic_ns() - talk.started)));
}

/* U+0000-001F, 007F-009F, 2028-202E and 2066-2069 */
static bool is_unseen(const unsigned char *at)
{
    if (at[0] == 0xe2)
        return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
               (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
    return at[0] < ' ' || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

const char *print_plain_character(FILE *file, const char *text)
{
    int length = ebjr_utf8_length(text);
    if (length == 0) {
        fputs("\xef\xbf\xbd", file);
        return text + 1;
    }
    if (is_unseen((const unsigned char *)text))
        fputc(' ', file);
    else
        fwrite(text, 1, (size_t)length, file);
    return text + length;
}

void print_plain(FILE *file, const char *text)
{
    while (*text)
        text = print_plain_character(file, text);
}

json_t *talk_json_text(const char *text)
{
    json_t *string = json_string(text);
    char *valid = NULL;
    size_t size;
    FILE *memory = string ? NULL : open_memstream(&valid, &size);
    if (!memory)
        return string;
    print_plain(memory, text);
    if (fclose(memory) == 0)
        string = json_string(valid);
    free(valid);
    return string;
}

void talk_json(const char *event, json_t *more)
{
    json_t *line = json_pack("{s:s, s:s}", "event", event, "command", talk.command);
    json_object_update(line, more);
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    flockfile(stderr);
    if (text)
        fprintf(stderr, "%s\n", text);
    funlockfile(stderr);
    free(text);
    json_decref(line);
    json_decref(more);
}

static void tell(const char *event, const char *format, va_list arguments)
{
    char line[4096];
    vsnprintf(line, sizeof line, format, arguments);
    if (talk.progress == TALK_JSON) {
        talk_json(event, json_pack("{s:o}", "text", talk_json_text(line)));
        return;
    }
    print_plain(stderr, line);
    fputc('\n', stderr);
}

void say(const char *format, ...)
{
    va_list arguments;
    if (talk.quiet)
        return;
    va_start(arguments, format);
    tell("note", format, arguments);
    va_end(arguments);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell("error", format, arguments);
    va_end(arguments);
}
