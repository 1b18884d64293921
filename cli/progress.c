#include "cli/progress.h"

#include "base/monotonic.h"
#include "cli/talk.h"
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
                                  .terminal = talk_progress() == TALK_BAR && isatty(STDERR_FILENO)};
    progress->shown = progress->started;
    timeout_feed(name, first, progress->unit);
}

/* Numbers that are not known yet are null. */
static json_t *positive(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static void print_json(const struct progress *progress, double elapsed, double rate)
{
    double left = (double)(progress->total - progress->done);
    json_t *eta = rate > 0 ? json_real(left / rate) : json_null();
    talk_json("progress",
              json_pack("{s:o, s:s, s:I, s:I, s:o, s:f, s:o}", "stage",
                        talk_json_text(progress->name), "unit", progress->unit, "done",
                        (json_int_t)progress->done, "total", (json_int_t)progress->total, "rate",
                        positive(rate), "elapsed_s", elapsed, "eta_s", eta));
}

static void print_line(const struct progress *progress, double rate)
{
    fputs(progress->terminal ? "\r\033[K" : "", stderr);
    print_plain(stderr, progress->name);
    fprintf(stderr, ": %lld of %lld %s, %.*f %s/s, ETA %.0f s%s", (long long)progress->done,
            (long long)progress->total, progress->unit,
            rate<10, rate, progress->unit, rate> 0
                ? (double)(progress->total - progress->done) / rate
                : 0.0,
            progress->terminal ? "" : "\n");
}

static void print(const struct progress *progress, double elapsed)
{
    double rate = elapsed > 0 ? (double)(progress->done - progress->first) / elapsed : 0;
    if (talk_progress() == TALK_JSON)
        print_json(progress, elapsed, rate);
    else if (elapsed > 0)
        print_line(progress, rate);
}

static double pause_between(const struct progress *progress)
{
    if (talk_progress() == TALK_JSON)
        return progress->total ? 1 : 0;
    return progress->terminal ? 0.2 : 10;
}

int progress_step(void *context, int64_t done, int64_t total)
{
    struct progress *progress = context;
    double time = now();
    bool due = time - progress->shown >= pause_between(progress);
    timeout_feed(progress->name, done, progress->unit);
    progress->done = done;
    progress->total = total;
    if (due && talk_progress() != TALK_NONE) {
        print(progress, time - progress->started);
        progress->shown = time;
    }
    return interrupted;
}

double progress_end(struct progress *progress)
{
    double elapsed = now() - progress->started;
    if (talk_progress() == TALK_JSON && progress->total)
        print(progress, elapsed);
    else if (progress->terminal)
        fprintf(stderr, "\r\033[K");
    return elapsed;
}
