#include "cli/progress.h"

#include "base/monotonic.h"
#include "cli/option.h"
#include "cli/timeout.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL);
}

void progress_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool progress_interrupted(void)
{
    return interrupted;
}

static double now(void)
{
    return 1e-9 * (double)ebjr_monotonic_ns();
}

void progress_begin(struct progress *progress, const char *name, int64_t first)
{
    *progress = (struct progress){.name = name,
                                  .unit = "samples",
                                  .first = first,
                                  .started = now(),
                                  .terminal = isatty(STDERR_FILENO)};
    progress->shown = progress->started;
    timeout_feed(name, first, progress->unit);
}

int progress_step(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    double time = now(), elapsed = time - progress->started;
    timeout_feed(progress->name, done, progress->unit);
    bool due = time - progress->shown >= (progress->terminal ? 0.2 : 10);
    if (due && elapsed > 0) {
        double rate = (double)(done - progress->first) / elapsed;
        fputs(progress->terminal ? "\r\033[K" : "", stderr);
        print_plain(stderr, progress->name);
        fprintf(stderr, ": %lld of %lld %s, %.*f %s/s, ETA %.0f s%s", (long long)done,
                (long long)total, progress->unit,
                rate<10, rate, progress->unit, rate> 0 ? (double)(total - done) / rate : 0.0,
                progress->terminal ? "" : "\n");
        progress->shown = time;
    }
    return interrupted;
}

double progress_end(struct progress *progress)
{
    if (progress->terminal)
        fprintf(stderr, "\r\033[K");
    return now() - progress->started;
}
