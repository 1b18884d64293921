/*
 * bench_measure: what measuring costs by itself, with a service that does nothing: nanoseconds a
 * sample in each scenario, and the memory that long measurements take.
 */
#include "base/error.h"
#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static int do_nothing(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    (void)context, (void)deferred, (void)first, (void)count;
    return 0;
}

static void measure(enum ebjr_scenario scenario, size_t batch, int64_t samples)
{
    static const struct ebjr_service nothing = {NULL, do_nothing, NULL, NULL};
    struct ebjr_measure_options options;
    struct ebjr_measured measured;
    struct rusage usage;
    ebjr_measure_defaults(&options, scenario);
    options.batch = batch;
    options.samples = samples;
    options.qps = 1e9; /* more than can be answered: the server never waits */
    if (ebjr_measure(&measured, &nothing, &options) < 0) {
        fprintf(stderr, "bench_measure: %s\n", ebjr_error_last());
        exit(EXIT_FAILURE);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%-8s %5zu %10lld %12.0f %10.1f %9.1f\n", ebjr_scenario_name(scenario), batch,
           (long long)measured.n, measured.samples_per_s,
           (double)measured.wall_ns / (double)measured.n, (double)usage.ru_maxrss / 1024);
    ebjr_measured_free(&measured);
}

int main(void)
{
    printf("%-8s %5s %10s %12s %10s %9s\n", "scenario", "batch", "samples", "samples/s", "ns each",
           "peak MiB");
    for (int64_t samples = 10000; samples <= 10000000; samples *= 10) {
        measure(EBJR_SINGLE, 1, samples);
        measure(EBJR_OFFLINE, 64, samples);
        measure(EBJR_SERVER, 1, samples);
        measure(EBJR_SERVER, 64, samples);
    }
    return EXIT_SUCCESS;
}
