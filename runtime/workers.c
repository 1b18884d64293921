#include "runtime/workers.h"

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_workers {
    pthread_mutex_t lock;
    pthread_cond_t begun, done;
    size_t turn;           /* calls so far */
    size_t needed, active; /* workers of this turn; those that have not finished it */
    bool stopping;
    void (*work)(void *context, size_t worker);
    void *context;
    struct worker *others; /* all but the caller */
    size_t other_count;
};

struct worker {
    struct ebjr_workers *team;
    size_t index;
    pthread_t thread;
};

static void *follow(void *argument)
{
    struct worker *self = argument;
    struct ebjr_workers *team = self->team;
    size_t seen = 0;
    pthread_mutex_lock(&team->lock);
    for (;;) {
        while (!team->stopping && (team->turn == seen || self->index >= team->needed)) {
            seen = team->turn;
            pthread_cond_wait(&team->begun, &team->lock);
        }
        if (team->stopping)
            break;
        seen = team->turn;
        pthread_mutex_unlock(&team->lock);
        team->work(team->context, self->index);
        pthread_mutex_lock(&team->lock);
        if (--team->active == 0)
            pthread_cond_signal(&team->done);
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

int ebjr_workers_start(ebjr_workers **out, size_t count)
{
    struct ebjr_workers *team = calloc(1, sizeof *team);
    if (!team)
        return ebjr_error_memory();
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->done, NULL);
    team->others = calloc(count, sizeof *team->others);
    int status = team->others ? 0 : ebjr_error_memory();
    for (size_t i = 1; i < count && !status; i++) {
        struct worker *worker = &team->others[i - 1];
        worker->team = team;
        worker->index = i;
        int error = pthread_create(&worker->thread, NULL, follow, worker);
        if (error)
            status = ebjr_error_set(EBJR_ENOMEM, "cannot start thread %zu of %zu: %s", i + 1, count,
                                    strerror(error));
        else
            team->other_count++;
    }
    if (status) {
        ebjr_workers_stop(team);
        return status;
    }
    *out = team;
    return 0;
}

void ebjr_workers_stop(ebjr_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->begun);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->other_count; i++)
        pthread_join(workers->others[i].thread, NULL);
    pthread_cond_destroy(&workers->done);
    pthread_cond_destroy(&workers->begun);
    pthread_mutex_destroy(&workers->lock);
    free(workers->others);
    free(workers);
}

void ebjr_workers_run(ebjr_workers *workers, size_t count,
                      void (*work)(void *context, size_t worker), void *context)
{
    if (count > 1) {
        pthread_mutex_lock(&workers->lock);
        workers->work = work;
        workers->context = context;
        workers->needed = count;
        workers->active = count - 1;
        workers->turn++;
        pthread_cond_broadcast(&workers->begun);
        pthread_mutex_unlock(&workers->lock);
    }
    work(context, 0);
    if (count > 1) {
        pthread_mutex_lock(&workers->lock);
        while (workers->active > 0)
            pthread_cond_wait(&workers->done, &workers->lock);
        pthread_mutex_unlock(&workers->lock);
    }
}
