#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>

enum { MOST_THREADS = 64 };

struct part {
    void (*work)(void *context, size_t from, size_t to);
    void *context;
    size_t from, to;
};

size_t ebjr_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : (size_t)count;
}

static void *run(void *data)
{
    const struct part *part = data;
    part->work(part->context, part->from, part->to);
    return NULL;
}

void ebjr_parallel(void (*work)(void *context, size_t from, size_t to), void *context, size_t n,
                   size_t least)
{
    struct part parts[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    size_t count = ebjr_processors(), started = 0;
    if (count > MOST_THREADS)
        count = MOST_THREADS;
    if (least > 0 && n / least < count)
        count = n / least > 0 ? n / least : 1;
    for (size_t i = 0; i < count; i++)
        parts[i] =
            (struct part){work, context, n / count * i, i + 1 < count ? n / count * (i + 1) : n};
    while (started + 1 < count &&
           pthread_create(&threads[started], NULL, run, &parts[started]) == 0)
        started++;
    for (size_t i = started; i < count; i++) /* the last, and those that no thread was given for */
        run(&parts[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}
