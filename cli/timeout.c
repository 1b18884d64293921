#include "cli/timeout.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "base/text.h"
#include "cli/option.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Fed by the thread that works, read by the one that watches. */
static struct {
    pthread_mutex_t mutex;
    const char *command, *name, *unit;
    int64_t done, fed; /* ns */
    double limit;      /* ns; 0: none was started */
} watch = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Others' locks may never be given back: nothing is cleaned up but stderr written. */
static void give_up(void)
{
    complain("ebjr %s: %s: no answer for %.4g s after %lld %s (--timeout); what was stored is kept",
             watch.command, watch.name, 1e-9 * watch.limit, (long long)watch.done, watch.unit);
    talk_end(EXIT_FAILED);
    _exit(EXIT_FAILED);
}

static void *look(void *unused)
{
    (void)unused;
    while (true) {
        pthread_mutex_lock(&watch.mutex);
        double left = watch.limit - (double)(ebjr_monotonic_ns() - watch.fed);
        if (left <= 0)
            give_up();
        pthread_mutex_unlock(&watch.mutex);
        struct timespec pause = {(time_t)(1e-9 * left), 0};
        pause.tv_nsec = (long)(left - 1e9 * (double)pause.tv_sec);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int timeout_start(const char *command, const char *time)
{
    static const double most = 1e18; /* 30 years */
    double limit;
    pthread_t thread;
    int status = ebjr_time_parse(&limit, time);
    if (status)
        return ebjr_error_context(status, "--timeout");
    if (!(limit > 0 && limit < most))
        return ebjr_error_set(EBJR_EINVAL, "--timeout %s: give a time above 0 (30s, 500ms)", time);
    watch.command = command;
    watch.limit = limit;
    timeout_feed("the first model", 0, "samples");
    if (pthread_create(&thread, NULL, look, NULL) != 0)
        return ebjr_error_memory();
    pthread_detach(thread);
    return 0;
}

void timeout_feed(const char *name, int64_t done, const char *unit)
{
    if (watch.limit <= 0)
        return;
    pthread_mutex_lock(&watch.mutex);
    watch.name = name;
    watch.done = done;
    watch.unit = unit;
    watch.fed = ebjr_monotonic_ns();
    pthread_mutex_unlock(&watch.mutex);
}
