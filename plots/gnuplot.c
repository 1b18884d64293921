#include "plots/gnuplot.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void ebjr_gnuplot_quote(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == 0x7f)
            fputc(' ', file);
        else if (c >= 0x80 || isalnum(c) || strchr(" .,:;-+=/()%", c))
            fputc(c, file);
        else
            fprintf(file, "\\0%03o", c); /* gnuplot skips a first 0, then reads three digits */
    }
    fputc('"', file);
}

/* In the child, between fork and exec: only what is safe there. */
static void become_gnuplot(const char *directory, const char *script, int output)
{
    char *arguments[] = {"gnuplot", (char *)script, NULL};
    int null = open("/dev/null", O_RDWR);
    if (chdir(directory) != 0)
        _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp("gnuplot", arguments);
    _exit(127);
}

/* What the child wrote, its first lines. */
static void drain(int stream, char *out, size_t size)
{
    char rest[512];
    size_t used = 0;
    ssize_t got;
    while ((got = read(stream, rest, sizeof rest)) > 0 || (got < 0 && errno == EINTR)) {
        for (ssize_t i = 0; i < got && used + 1 < size; i++)
            out[used++] = (char)(rest[i] == '\n' ? ' ' : rest[i]);
    }
    out[used] = 0;
}

int ebjr_gnuplot_run(const char *directory, const char *name)
{
    char script[NAME_MAX + 8], words[512];
    int streams[2], state = 0;
    snprintf(script, sizeof script, "./%s.gp", name); /* neither an option nor a pipe */
    if (pipe2(streams, O_CLOEXEC) != 0)
        return ebjr_error_set(EBJR_EIO, "cannot start gnuplot: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0) {
        close(streams[0]);
        close(streams[1]);
        return ebjr_error_set(EBJR_EIO, "cannot start gnuplot: %s", strerror(errno));
    }
    if (child == 0)
        become_gnuplot(directory, script, streams[1]);
    close(streams[1]);
    drain(streams[0], words, sizeof words);
    close(streams[0]);
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(state) && WEXITSTATUS(state) == 127)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "gnuplot is not installed (Debian: gnuplot-nox); %s/%s "
                              "and its data are written, draw them later with gnuplot",
                              directory, script);
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        return ebjr_error_set(EBJR_EIO, "gnuplot failed on %s/%s: %s", directory, script, words);
    return 0;
}
