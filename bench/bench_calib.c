/*
 * bench_calib: how long the answers take, once the outputs are stored. A row a task: the median of
 * several runs on made-up samples, in wall time and in this process's CPU time (which says more
 * where other programs run), and the memory that the process had at its peak.
 */
#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "calib/bootstrap.h"
#include "calib/pick.h"
#include "calib/sorter.h"
#include "calib/stages.h"
#include "calib/sweep.h"
#include "calib/temperature.h"
#include "runtime/device.h"
#include "runtime/recorder.h"
#include "runtime/score.h"

#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is asked for. */

static struct {
    bool csv, large;
    int64_t runs; /* 0: as many as a second holds, at least LEAST_RUNS */
    const char *only;
} options;

enum { LEAST_RUNS = 5, MOST_RUNS = 1001 };

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "bench_calib: %s\n", ebjr_error_last());
        exit(EXIT_FAILURE);
    }
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        check(ebjr_error_memory());
    return memory;
}

/* Measuring. */

struct task {
    const char *what, *input;
    size_t n; /* of `unit`, in one run */
    const char *unit;
    double bytes; /* that a run reads; 0: not said */
    int (*run)(void *data);
    void (*prepare)(void *data); /* before each run, not timed; NULL: nothing */
    void *data;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, int count)
{
    qsort(times, (size_t)count, sizeof *times, ascending);
    return (times[(count - 1) / 2] + times[count / 2]) / 2;
}

/* Linux forgets a process's peak when told "5" (proc(5), clear_refs). */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

static double peak_mib(void)
{
    char line[256];
    double kib = NAN;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kib / 1024;
}

static void print_header(void)
{
    if (options.csv)
        puts("by,what,input,n,unit,runs,wall_ms,cpu_ms,ns_each,gb_s,peak_mib");
    else
        printf("%-20s %-24s %10s %-9s %5s %10s %10s %8s %6s %8s\n", "what", "input", "n", "unit",
               "runs", "wall ms", "cpu ms", "ns each", "GB/s", "peak MiB");
}

static void print_row(const struct task *task, int runs, double wall, double cpu)
{
    char rate[16] = "";
    if (task->bytes > 0)
        snprintf(rate, sizeof rate, "%.2f", 1e-9 * task->bytes / wall);
    printf(options.csv ? "ebjr,%s,%s,%zu,%s,%d,%.4f,%.4f,%.3f,%s,%.1f\n"
                       : "%-20s %-24s %10zu %-9s %5d %10.3f %10.3f %8.2f %6s %8.1f\n",
           task->what, task->input, task->n, task->unit, runs, 1e3 * wall, 1e3 * cpu,
           1e9 * wall / (double)task->n, rate, peak_mib());
    fflush(stdout);
}

static void measure(const struct task *task)
{
    static double wall[MOST_RUNS], cpu[MOST_RUNS];
    double spent = 0;
    int runs = 0;
    forget_peak();
    while (options.runs ? runs < options.runs
                        : runs < LEAST_RUNS || (spent < 1 && runs < MOST_RUNS)) {
        if (task->prepare)
            task->prepare(task->data);
        double wall_start = seconds(CLOCK_MONOTONIC), cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        check(task->run(task->data));
        cpu[runs] = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
        wall[runs] = seconds(CLOCK_MONOTONIC) - wall_start;
        spent += wall[runs++];
    }
    print_row(task, runs, median(wall, runs), median(cpu, runs));
}

/* Making samples up. */

static double uniform(void)
{
    static uint64_t state = 1; /* splitmix64 */
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* Largest probabilities of a good classifier: most lie near 1. */
static double crowded(void)
{
    return 1 / (1 + exp(-fabs(6 + 3 * normal())));
}

static double tied(void)
{
    return floor(100 * uniform()) / 100;
}

static const struct {
    const char *name;
    double (*draw)(void);
} kinds[] = {{"uniform", uniform}, {"normal", normal}, {"crowded", crowded}, {"tied", tied}};
enum { UNIFORM, NORMAL, CROWDED, TIED, KINDS };

struct samples {
    size_t n;
    double *score;
    uint8_t *student, *teacher;
    double *student_latency, *teacher_latency; /* ns */
};

/* The student is right as often as its score says where that is a probability, else 4 in 5. */
static struct samples make_samples(size_t n, int kind, bool timed)
{
    struct samples made = {n, room(n, sizeof(double)), room(n, 1), room(n, 1), NULL, NULL};
    for (size_t i = 0; i < n; i++) {
        made.score[i] = kinds[kind].draw();
        made.student[i] = uniform() < (kind == CROWDED ? made.score[i] : 0.8);
        made.teacher[i] = uniform() < 0.98;
    }
    if (timed) {
        made.student_latency = room(n, sizeof(double));
        made.teacher_latency = room(n, sizeof(double));
        for (size_t i = 0; i < n; i++) {
            made.student_latency[i] = 1e6 * (1 + uniform());
            made.teacher_latency[i] = 8e6 * (1 + uniform());
        }
    }
    return made;
}

static void free_samples(struct samples *samples)
{
    free(samples->score);
    free(samples->student);
    free(samples->teacher);
    free(samples->student_latency);
    free(samples->teacher_latency);
}

/* From samples to answers. */

static int run_sweep(void *data)
{
    const struct samples *samples = data;
    struct ebjr_curve curve;
    int status = ebjr_sweep(&curve, samples->score, samples->student, samples->teacher, samples->n);
    ebjr_curve_free(&curve);
    return status;
}

static void bench_sweep(void)
{
    for (size_t n = 10000; n <= (options.large ? 100000000 : 10000000); n *= 10) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct samples samples = make_samples(n, kind, false);
            measure(&(struct task){.what = "sweep",
                                   .input = kinds[kind].name,
                                   .n = n,
                                   .unit = "sample",
                                   .run = run_sweep,
                                   .data = &samples});
            free_samples(&samples);
        }
    }
}

/* The same points one by one, in memory for a part of the samples. */
struct sorting {
    struct samples samples;
    size_t runs;
};

static int run_sorter(void *data)
{
    const struct sorting *sorting = data;
    const struct samples *samples = &sorting->samples;
    struct ebjr_point point;
    ebjr_sorter *sorter;
    size_t memory = (samples->n / sorting->runs + 1) * 17;
    int more = 0, status = ebjr_sorter_new(&sorter, samples->n, memory, NULL);
    if (status)
        return status;
    for (size_t i = 0; !status && i < samples->n; i++)
        status =
            ebjr_sorter_add(sorter, samples->score[i], samples->student[i], samples->teacher[i]);
    if (!status)
        status = ebjr_sorter_begin(sorter);
    while (!status && (more = ebjr_sorter_next(&point, sorter)) > 0)
        continue;
    ebjr_sorter_free(sorter);
    return status ? status : more;
}

static void bench_sorter(void)
{
    static const size_t runs[] = {1, 10, 100};
    for (size_t n = 1000000; n <= (options.large ? 100000000 : 10000000); n *= 10) {
        for (int kind = CROWDED; kind < KINDS; kind++) {
            struct sorting sorting = {make_samples(n, kind, false), 1};
            for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
                char input[64];
                sorting.runs = runs[i];
                snprintf(input, sizeof input, "%s: %zu runs", kinds[kind].name, runs[i]);
                measure(&(struct task){.what = "sorter",
                                       .input = input,
                                       .n = n,
                                       .unit = "sample",
                                       .run = run_sorter,
                                       .data = &sorting});
            }
            free_samples(&sorting.samples);
        }
    }
}

enum { RESAMPLES = 1000, SHARES = 101 };

static int run_band(void *data)
{
    const struct samples *samples = data;
    const struct ebjr_bootstrap bootstrap = {.resamples = RESAMPLES, .seed = 1, .level = 0.95};
    struct ebjr_band band;
    int status = ebjr_bootstrap_band(&band, samples->score, samples->student, samples->teacher,
                                     samples->n, SHARES, &bootstrap);
    ebjr_band_free(&band);
    return status;
}

static void bench_band(void)
{
    struct samples samples = make_samples(10000, CROWDED, false);
    measure(&(struct task){.what = "bootstrap",
                           .input = "10000 samples",
                           .n = RESAMPLES,
                           .unit = "resample",
                           .run = run_band,
                           .data = &samples});
    free_samples(&samples);
}

static struct ebjr_samples view(const struct samples *samples)
{
    return (struct ebjr_samples){samples->n,
                                 samples->score,
                                 samples->student,
                                 samples->teacher,
                                 samples->student_latency,
                                 samples->teacher_latency,
                                 NULL};
}

/* Accuracy, FLOPs and the 95th percentile of latency, each certified. */
static int run_pick(void *data)
{
    const struct samples *samples = data;
    struct ebjr_samples calibration = view(&samples[0]), tuning = view(&samples[1]);
    struct ebjr_pick_request request = {.objective = EBJR_MINIMIZE_FLOPS,
                                        .student_flops = 1e8,
                                        .teacher_flops = 1e9,
                                        .certify = true,
                                        .delta = 0.05};
    struct ebjr_pick pick;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        request.limit[b] = NAN;
    request.limit[EBJR_MIN_ACCURACY] = 0.96;
    request.limit[EBJR_MAX_FLOPS] = 7e8;
    request.limit[EBJR_MAX_P95] = 17e6;
    int status = ebjr_pick(&pick, &calibration, &tuning, &request);
    if (!status && !pick.choice.feasible)
        status = ebjr_error_set(EBJR_EINVAL, "the budgets of the pick are out of reach");
    ebjr_pick_free(&pick);
    return status;
}

static void bench_pick(void)
{
    struct samples samples[] = {make_samples(10000, CROWDED, true),
                                make_samples(10000, CROWDED, true)};
    measure(&(struct task){.what = "pick",
                           .input = "3 certified budgets",
                           .n = samples[0].n,
                           .unit = "sample",
                           .run = run_pick,
                           .data = samples});
    free_samples(&samples[0]);
    free_samples(&samples[1]);
}

static int run_optimise(void *data)
{
    struct ebjr_stages_point point;
    return ebjr_stages_optimise(&point, data, 0.01);
}

static int run_front(void *data)
{
    struct ebjr_stages_point *front;
    size_t count;
    int status = ebjr_stages_front(&front, &count, data);
    if (!status)
        free(front);
    return status;
}

static void bench_stages(void)
{
    struct samples first = make_samples(10000, CROWDED, false);
    struct samples second = make_samples(10000, CROWDED, false);
    struct ebjr_stages stages = {.k = 3,
                                 .n = first.n,
                                 .score = {first.score, second.score},
                                 .correct = {first.student, second.student, second.teacher},
                                 .cost = {1, 3, 9}};
    struct task task = {.what = "stages-optimise",
                        .input = "k = 3",
                        .n = stages.n,
                        .unit = "sample",
                        .run = run_optimise,
                        .data = &stages};
    measure(&task);
    task.what = "stages-front";
    task.run = run_front;
    measure(&task);
    free_samples(&first);
    free_samples(&second);
}

/* From logits to scores. */

struct logits {
    size_t n, classes;
    char input[32];
    float *values;
    int32_t *labels;
    const struct ebjr_score *score; /* to compute */
    double *scored;                 /* room for all scores of all rows; NULL: none */
    char directory[64], path[80];   /* of a store to fill or read */
};

static struct logits make_logits(size_t n, size_t classes)
{
    struct logits made = {.n = n, .classes = classes};
    snprintf(made.input, sizeof made.input, "%zu x %zu", n, classes);
    made.values = room(n * classes, sizeof *made.values);
    made.labels = room(n, sizeof *made.labels);
    for (size_t i = 0; i < n * classes; i++)
        made.values[i] = (float)(2 * normal());
    for (size_t i = 0; i < n; i++) {
        made.labels[i] = (int32_t)(uniform() * (double)classes);
        made.values[i * classes + (size_t)made.labels[i]] += 6;
    }
    return made;
}

static void free_logits(struct logits *logits)
{
    free(logits->values);
    free(logits->labels);
    free(logits->scored);
}

static void measure_logits(struct logits *logits, const char *what, int (*run)(void *),
                           void (*prepare)(void *))
{
    measure(&(struct task){.what = what,
                           .input = logits->input,
                           .n = logits->n * logits->classes,
                           .unit = "logit",
                           .bytes = (double)(logits->n * logits->classes * sizeof(float)),
                           .run = run,
                           .prepare = prepare,
                           .data = logits});
}

static int run_temperature(void *data)
{
    const struct logits *logits = data;
    double temperature;
    return ebjr_temperature_fit(&temperature, logits->values, logits->labels, NULL, logits->n,
                                logits->classes);
}

static void bench_temperature(void)
{
    static const size_t sizes[][2] = {{10000, 100}, {50000, 1000}};
    for (size_t i = 0; i < 2; i++) {
        struct logits logits = make_logits(sizes[i][0], sizes[i][1]);
        measure_logits(&logits, "temperature", run_temperature, NULL);
        free_logits(&logits);
    }
}

static int run_score(void *data)
{
    static volatile double sink; /* so that no score is left out */
    const struct logits *logits = data;
    double sum = 0;
    for (size_t i = 0; i < logits->n; i++)
        sum += ebjr_score_evaluate(logits->score, logits->values + i * logits->classes,
                                   logits->classes, &ebjr_score_defaults);
    sink = sum;
    return sink == sum ? 0 : ebjr_error_set(EBJR_EFORMAT, "a score is not a number");
}

/* Every score of every row, each thread its own rows. */
static void all_scores(void *data, size_t from, size_t to)
{
    const struct logits *logits = data;
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = from; i < to; i++)
        ebjr_score_evaluate_many(logits->scored + i * count, scores, count,
                                 logits->values + i * logits->classes, logits->classes,
                                 &ebjr_score_defaults);
}

static int run_all_scores(void *data)
{
    const struct logits *logits = data;
    all_scores(data, 0, logits->n);
    return 0;
}

static int run_all_scores_at_once(void *data)
{
    const struct logits *logits = data;
    ebjr_parallel(all_scores, data, logits->n, 1);
    return 0;
}

/* One core, but for the last row. */
static void bench_scores(void)
{
    size_t count;
    struct logits logits = make_logits(50000, 1000);
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = 0; i < count; i++) {
        char what[32];
        if (scores[i].kind != EBJR_SCORE_LOGITS)
            continue;
        logits.score = &scores[i];
        snprintf(what, sizeof what, "score-%s", scores[i].name);
        measure_logits(&logits, what, run_score, NULL);
    }
    logits.scored = room(logits.n * count, sizeof *logits.scored);
    measure_logits(&logits, "score-all", run_all_scores, NULL);
    measure_logits(&logits, "score-all-cores", run_all_scores_at_once, NULL);
    free_logits(&logits);
}

/* A few rows over and over, as the router of a live cascade scores them: from cache, one by one. */
enum { ROWS = 16, PASSES = 250 };

static int run_rows(void *data)
{
    int status = 0;
    for (int pass = 0; !status && pass < PASSES; pass++)
        status = run_score(data);
    return status;
}

static void bench_rows(void)
{
    static const size_t classes[] = {10, 100, 1000};
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t c = 0; c < 3; c++) {
        struct logits logits = make_logits(ROWS, classes[c]);
        for (size_t i = 0; i < count; i++) {
            char what[32];
            if (scores[i].kind != EBJR_SCORE_LOGITS)
                continue;
            logits.score = &scores[i];
            snprintf(what, sizeof what, "row-%s", scores[i].name);
            measure(&(struct task){.what = what,
                                   .input = logits.input,
                                   .n = (size_t)ROWS * PASSES,
                                   .unit = "row",
                                   .run = run_rows,
                                   .data = &logits});
        }
        free_logits(&logits);
    }
}

/* Rows in a store, written as an import does and read as a sweep does. */

static void remove_store(void *data)
{
    const struct logits *logits = data;
    unlink(logits->path);
}

static int run_write(void *data)
{
    const struct logits *logits = data;
    struct ebjr_stored_model model = {.name = "made-up", .kind = "import", .sha256 = "m"};
    struct ebjr_stored_dataset dataset = {
        .name = "made-up", .kind = "import", .sha256 = "d", .samples = (int64_t)logits->n};
    struct ebjr_stored_run run = {.dtype = "float32",
                                  .classes = (int64_t)logits->classes,
                                  .samples = (int64_t)logits->n,
                                  .flops_source = "unknown"};
    ebjr_store *store = NULL;
    ebjr_recorder *recorder = NULL;
    int status = ebjr_store_open(&store, logits->path, EBJR_STORE_CREATE);
    if (!status)
        status = ebjr_stored_model_put(store, &model);
    if (!status)
        status = ebjr_stored_dataset_put(store, &dataset);
    run.model_id = model.id;
    run.dataset_id = dataset.id;
    if (!status)
        status = ebjr_stored_run_put(store, &run);
    if (!status)
        status = ebjr_recorder_new(&recorder, store, &run);
    if (!status)
        status = ebjr_recorder_add(recorder, logits->values, logits->labels, logits->n);
    if (!status)
        status = ebjr_recorder_commit(recorder);
    ebjr_recorder_free(recorder);
    ebjr_store_close(store);
    return status;
}

static int read_rows(ebjr_store *store, const struct ebjr_stored_run *run,
                     const struct logits *expected)
{
    ebjr_output_cursor *cursor;
    struct ebjr_output row;
    size_t read = 0;
    int status = ebjr_output_cursor_open(&cursor, store, run, true);
    if (status)
        return status;
    while ((status = ebjr_output_cursor_next(cursor, &row)) > 0)
        read += row.logits[0] == expected->values[read * expected->classes];
    ebjr_output_cursor_close(cursor);
    if (!status && read != expected->n)
        status = ebjr_error_set(EBJR_ESTORE, "the store returns other logits than were stored");
    return status;
}

static int run_read(void *data)
{
    const struct logits *logits = data;
    struct ebjr_stored_run *runs = NULL;
    ebjr_store *store = NULL;
    size_t count;
    int status = ebjr_store_open(&store, logits->path, EBJR_STORE_READ);
    if (!status)
        status = ebjr_stored_run_list(&runs, &count, store);
    if (!status)
        status = read_rows(store, &runs[0], logits);
    free(runs);
    ebjr_store_close(store);
    return status;
}

/* The system drops the file from its cache, so that the disk is read. */
static void chill(void *data)
{
    const struct logits *logits = data;
    int file = open(logits->path, O_RDONLY);
    if (file < 0)
        return;
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

static void bench_store(void)
{
    const char *temporary = getenv("TMPDIR");
    struct logits logits = make_logits(50000, 1000);
    snprintf(logits.directory, sizeof logits.directory, "%.40s/bench_calib-XXXXXX",
             temporary ? temporary : "/tmp");
    if (!mkdtemp(logits.directory))
        check(ebjr_error_set(EBJR_EIO, "%s: cannot be made", logits.directory));
    snprintf(logits.path, sizeof logits.path, "%s/s.db", logits.directory);
    measure_logits(&logits, "store-write", run_write, remove_store);
    measure_logits(&logits, "store-read-cold", run_read, chill);
    measure_logits(&logits, "store-read", run_read, NULL);
    remove_store(&logits);
    rmdir(logits.directory);
    free_logits(&logits);
}

static const struct {
    const char *name;
    void (*run)(void);
} benches[] = {
    {"sweep", bench_sweep},  {"sorter", bench_sorter}, {"bootstrap", bench_band},
    {"pick", bench_pick},    {"stages", bench_stages}, {"temperature", bench_temperature},
    {"score", bench_scores}, {"row", bench_rows},      {"store", bench_store}};
enum { BENCHES = sizeof benches / sizeof *benches };

static const char help[] =
    "usage: bench_calib [--csv] [--large] [--runs N] [--only WHAT]\n"
    "  --csv    comma-separated, for programs\n"
    "  --large  sweeps of 10^8 samples too (needs 5.1 GB of memory)\n"
    "  --runs   of each task (default: as many as a second holds, at least 5)\n"
    "  --only   sweep, sorter, bootstrap, pick, stages, temperature, score, row or store\n";

static int parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"csv", no_argument, NULL, 'c'},        {"large", no_argument, NULL, 'l'},
        {"runs", required_argument, NULL, 'r'}, {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},       {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': options.csv = true; break;
        case 'l': options.large = true; break;
        case 'r': check(ebjr_integer_parse(&options.runs, optarg, 1, MOST_RUNS)); break;
        case 'o': options.only = optarg; break;
        case 'h': fputs(help, stdout); return 1;
        default: fputs(help, stderr); return -1;
        }
    }
    bool known_name = !options.only;
    for (size_t i = 0; i < BENCHES; i++)
        known_name = known_name || strcmp(options.only, benches[i].name) == 0;
    if (known_name && optind == argc)
        return 0;
    fputs(help, stderr);
    return -1;
}

static void print_machine(void)
{
    char cpu[128];
    double load = NAN;
    ebjr_host_cpu(cpu, sizeof cpu);
    getloadavg(&load, 1);
    fprintf(stderr, "%s, %ld cores, load %.2f\n", cpu, sysconf(_SC_NPROCESSORS_ONLN), load);
}

int main(int argc, char **argv)
{
    int status = parse_options(argc, argv);
    if (status)
        return status < 0 ? 2 : EXIT_SUCCESS;
    print_machine();
    print_header();
    for (size_t i = 0; i < BENCHES; i++)
        if (!options.only || strcmp(options.only, benches[i].name) == 0)
            benches[i].run();
    print_machine();
    return EXIT_SUCCESS;
}
