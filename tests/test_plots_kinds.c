/* Every kind of picture: its files, redrawn from its sources alone, texts that are only texts. */
#include "pictures.h"
#include "plots/classes.h"
#include "plots/explorer.h"
#include "plots/histogram.h"
#include "plots/latency.h"
#include "plots/load.h"
#include "plots/reliability.h"
#include "plots/risk_coverage.h"
#include "plots/tradeoff.h"

#include <math.h>

enum { PLACES = 3, N = 64 };

/* A picture of something with these texts in it: the title, a name, what is shaded. */
typedef int draw_with(const char *const texts[PLACES], const char *directory, const char *name);

static struct ebjr_region region_of(const char *text, double low, double high)
{
    return (struct ebjr_region){low, high, -INFINITY, INFINITY, text};
}

/* n different scores, every fourth student wrong, every fifth teacher. */
struct samples {
    double *score;
    uint8_t *student, *teacher;
};

static struct samples samples_of(size_t n)
{
    struct samples samples = {malloc(n * sizeof(double)), malloc(n), malloc(n)};
    assert_true(samples.score && samples.student && samples.teacher);
    uint64_t seed = n;
    for (size_t i = 0; i < n; i++) {
        samples.score[i] = (double)(random_bits(&seed) >> 11) * 0x1p-53;
        samples.student[i] = (double)random_below(&seed, 1000) < 400 + 600 * samples.score[i];
        samples.teacher[i] = random_below(&seed, 5) > 0;
    }
    return samples;
}

static void samples_free(struct samples *samples)
{
    free(samples->score);
    free(samples->student);
    free(samples->teacher);
}

static int draw_tradeoff(const char *const texts[PLACES], const char *directory, const char *name)
{
    struct samples samples = samples_of(N);
    struct ebjr_curve curve;
    assert_done(ebjr_sweep(&curve, samples.score, samples.student, samples.teacher, N));
    struct ebjr_tradeoff_series series[] = {{texts[1], &curve, NULL, NULL},
                                            {"random", &curve, NULL, NULL}};
    struct ebjr_tradeoff plot = {.title = texts[0],
                                 .student = texts[1],
                                 .teacher = "large",
                                 .student_cost = 1e6,
                                 .teacher_cost = 1e7,
                                 .student_accuracy = 0.7,
                                 .teacher_accuracy = 0.8,
                                 .cost_label = "FLOPs",
                                 .series = series,
                                 .count = COUNT(series),
                                 .mark = &curve.points[N / 2],
                                 .region = {-INFINITY, 5e6, 75, INFINITY, texts[2]}};
    int status = ebjr_tradeoff_draw(&plot, directory, name);
    ebjr_curve_free(&curve);
    samples_free(&samples);
    return status;
}

static int draw_explorer_of(size_t n, const char *const texts[PLACES], const char *directory,
                            const char *name)
{
    struct samples samples = samples_of(n);
    struct ebjr_curve curve;
    assert_done(ebjr_sweep(&curve, samples.score, samples.student, samples.teacher, n));
    double *latency = malloc(curve.count * sizeof *latency);
    for (size_t i = 0; i < curve.count; i++)
        latency[i] = 1e6 - (double)curve.points[i].student / (double)n * 9e5;
    struct ebjr_explorer_plot plot = {.title = texts[0],
                                      .curve = &curve,
                                      .student_flops = 1e6,
                                      .teacher_flops = 1e7,
                                      .latency = latency,
                                      .threshold = 0.5,
                                      .region = region_of(texts[2], 0.5, INFINITY),
                                      .note = "a note"};
    assert_done(ebjr_axis_fit(&plot.axis, texts[1], samples.score, n, NAN, 0.5));
    int status = ebjr_explorer_draw(&plot, directory, name);
    free(latency);
    ebjr_curve_free(&curve);
    samples_free(&samples);
    return status;
}

static int draw_explorer(const char *const texts[PLACES], const char *directory, const char *name)
{
    return draw_explorer_of(N, texts, directory, name);
}

static int draw_histogram(const char *const texts[PLACES], const char *directory, const char *name)
{
    const int64_t counts[] = {0, 3, 5, 1};
    struct ebjr_histogram_series series[] = {{texts[1], counts, 9, 6}, {"wrong", counts, 9, 2}};
    struct ebjr_histogram_plot plot = {.title = texts[0],
                                       .axis = {texts[1], NAN, 0, 1},
                                       .bins = COUNT(counts),
                                       .series = series,
                                       .count = COUNT(series),
                                       .threshold = 0.4,
                                       .region = region_of(texts[2], 0.4, INFINITY)};
    return ebjr_histogram_draw(&plot, directory, name);
}

static int draw_reliability(const char *const texts[PLACES], const char *directory,
                            const char *name)
{
    struct ebjr_reliability_bin bins[] = {{0, 0, NAN, NAN, NAN, NAN}, {9, 6, 0.8, 0.67, 0.3, 0.92}};
    struct ebjr_reliability_series series[] = {{texts[1], bins, 0.13}, {"large", bins, 0.01}};
    struct ebjr_reliability_plot plot = {.title = texts[0],
                                         .temperature = 1.5,
                                         .bins = COUNT(bins),
                                         .series = series,
                                         .count = COUNT(series),
                                         .region = region_of(texts[2], 40, INFINITY)};
    return ebjr_reliability_draw(&plot, directory, name);
}

static int draw_risk_coverage_of(size_t n, const char *const texts[PLACES], const char *directory,
                                 const char *name)
{
    struct samples samples = samples_of(n);
    struct ebjr_risk_coverage curve;
    assert_done(ebjr_risk_coverage(&curve, samples.score, samples.student, n));
    struct ebjr_risk_coverage_series series[] = {{texts[1], &curve}, {"perfect", &curve}};
    struct ebjr_risk_coverage_plot plot = {.title = texts[0],
                                           .series = series,
                                           .count = COUNT(series),
                                           .coverage = 0.5,
                                           .risk = 0.1,
                                           .region = region_of(texts[2], -INFINITY, 50)};
    int status = ebjr_risk_coverage_draw(&plot, directory, name);
    ebjr_risk_coverage_free(&curve);
    samples_free(&samples);
    return status;
}

static int draw_risk_coverage(const char *const texts[PLACES], const char *directory,
                              const char *name)
{
    return draw_risk_coverage_of(N, texts, directory, name);
}

static int draw_classes_of(size_t count, const char *const texts[PLACES], const char *directory,
                           const char *name)
{
    struct ebjr_slice *slices = calloc(count, sizeof *slices);
    for (size_t i = 0; i < count; i++)
        slices[i] = (struct ebjr_slice){.group = (int32_t)i,
                                        .n = 100,
                                        .harm = {(double)(i * 7 % 30) / 300, 0, 0.2},
                                        .help = {0.01, 0.001, 0.1},
                                        .teacher_rate = {0.25, 0.1, 0.4}};
    struct ebjr_classes_plot plot = {.title = texts[0],
                                     .rule = texts[1],
                                     .slices = slices,
                                     .count = count,
                                     .delta = 0.05,
                                     .harm = 0.02,
                                     .limit = 0.05};
    int status = ebjr_classes_draw(&plot, directory, name);
    free(slices);
    return status;
}

static int draw_classes(const char *const texts[PLACES], const char *directory, const char *name)
{
    return draw_classes_of(10, texts, directory, name);
}

static int draw_latency_of(size_t n, const char *const texts[PLACES], const char *directory,
                           const char *name)
{
    struct samples samples = samples_of(n);
    for (size_t i = 0; i < n; i++)
        samples.score[i] = exp(14 + 3 * samples.score[i]);
    struct ebjr_latency_series series[] = {{texts[1], samples.score, n},
                                           {"large", samples.score, n}};
    struct ebjr_latency_plot plot = {.title = texts[0],
                                     .series = series,
                                     .count = COUNT(series),
                                     .region = {-INFINITY, 2e7, -INFINITY, 0.99, texts[2]}};
    int status = ebjr_latency_draw(&plot, directory, name);
    samples_free(&samples);
    return status;
}

static int draw_latency(const char *const texts[PLACES], const char *directory, const char *name)
{
    return draw_latency_of(N, texts, directory, name);
}

static int draw_load(const char *const texts[PLACES], const char *directory, const char *name)
{
    const struct ebjr_load_point points[] = {{10, 1e6, 2e6}, {20, 1.5e6, 9e6}};
    const struct ebjr_load_series series[] = {{texts[1], points, 2}};
    struct ebjr_load_plot plot = {texts[0], series, 1, 5e6};
    return ebjr_load_draw(&plot, directory, name);
}

static const struct kind {
    const char *name;
    draw_with *draw;
    bool is_shaded;
} kinds[] = {
    {"tradeoff", draw_tradeoff, true},
    {"explorer", draw_explorer, true},
    {"histogram", draw_histogram, true},
    {"reliability", draw_reliability, true},
    {"risk-coverage", draw_risk_coverage, true},
    {"classes", draw_classes, false},
    {"latency", draw_latency, true},
    {"qps", draw_load, false},
};

/* tests */

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void each_draws_its_files(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const texts[PLACES] = {"a title", "a name", "a region"};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        char path[64];
        snprintf(path, sizeof path, "files-%s", kinds[k].name);
        const char *directory = new_directory(path), *name = kinds[k].name;
        assert_done(kinds[k].draw(texts, directory, name));
        assert_true(holds_only(directory, name, all_files, COUNT(all_files)));
        assert_png(directory, name);
        assert_pdf(directory, name);
        char *svg = read_beside(directory, name, ".svg");
        assert_svg(svg);
        assert_shown(svg, "a title");
        assert_shown(svg, "a name");
        assert_int_equal(count_of(svg, "shaded: a region"), kinds[k].is_shaded);
        assert_int_equal(count_of(svg, "0, 158, 115)' fill-opacity = '0.130000'"),
                         kinds[k].is_shaded);
        free(svg);
    }
}

/* Pages put several pictures together. */
static void ids_are_of_the_picture(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const texts[PLACES] = {"t", "n", "r"};
    const char *directory = new_directory("ids");
    for (size_t k = 0; k < COUNT(kinds); k++) {
        assert_done(kinds[k].draw(texts, directory, "a b"));
        char *svg = read_beside(directory, "a b", ".svg");
        assert_true(count_of(svg, "id=\"ebjr_a_b_plot_1\"") == 1);
        assert_int_equal(count_of(svg, "id=\"gnuplot_plot"), 0);
        assert_int_equal(count_of(svg, "#textbox"), 0); /* no box hides what is behind a label */
        free(svg);
    }
}

static void each_is_redrawn_from_its_sources(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const texts[PLACES] = {"t", "n", "r"};
    const char *directory = new_directory("redrawn"), *elsewhere = new_directory("elsewhere");
    for (size_t k = 0; k < COUNT(kinds); k++) {
        const char *name = kinds[k].name;
        assert_done(kinds[k].draw(texts, directory, name));
        for (size_t i = 0; i < COUNT(sources); i++)
            copy_beside(elsewhere, directory, name, sources[i]);
        assert_done(ebjr_gnuplot_run(elsewhere, name));
        char *svg = read_beside(directory, name, ".svg");
        char *again = read_beside(elsewhere, name, ".svg");
        assert_string_equal(again, svg);
        free(svg);
        free(again);
        for (size_t i = 0; i < COUNT(all_files); i++)
            remove_beside(elsewhere, name, all_files[i]);
    }
}

static void text_is_only_text(void **state)
{
    (void)state;
    static const char *const texts[][PLACES] = {
        {"`touch pwned`", "$(touch pwned)", "; touch pwned | touch pwned &"},
        {"\"; system(\"touch pwned\") #", "'; system('touch pwned'); '", "it's \\ \\\\ \\n \\"},
        {"{/Bold bold} x^2 a_i @b &{c} ~d", "%s %d %% %n %1.2f", "<script>alert(1)</script>"},
        {"& <b> &amp; ]]> -->", "\xc3\xa9\xe5\xad\xa6 \xf0\x9f\x8e\x93", "# none @small @entry"},
        {"a\nset output 'pwned'", "b\r\n#", "c \\\nd"},
        {"-", "1:2 with dots", "$1"},
    };
    need_gnuplot();
    for (size_t k = 0; k < COUNT(kinds); k++) {
        char path[64];
        snprintf(path, sizeof path, "text-%s", kinds[k].name);
        const char *directory = new_directory(path);
        for (size_t i = 0; i < COUNT(texts); i++) {
            assert_done(kinds[k].draw(texts[i], directory, "p"));
            assert_true(holds_only(directory, "p", all_files, COUNT(all_files)));
            char *svg = read_beside(directory, "p", ".svg");
            assert_svg(svg);
            decode_xml(svg);
            assert_shown(svg, texts[i][0]);
            assert_shown(svg, texts[i][1]);
            if (kinds[k].is_shaded)
                assert_words_shown(svg, texts[i][2]);
            free(svg);
        }
    }
}

static void bad_and_long_text_is_drawn(void **state)
{
    (void)state;
    need_gnuplot();
    char vast[5001];
    memset(vast, 'M', sizeof vast - 1);
    vast[sizeof vast - 1] = 0;
    const char *const texts[][PLACES] = {
        {vast, vast, vast}, {"\xff\xfe", "\x80", "a\xc3"}, {"", "", ""}};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        char path[64];
        snprintf(path, sizeof path, "long-%s", kinds[k].name);
        const char *directory = new_directory(path);
        for (size_t i = 0; i < COUNT(texts); i++) {
            assert_done(kinds[k].draw(texts[i], directory, "p"));
            char *svg = read_beside(directory, "p", ".svg");
            assert_svg(svg);
            assert_true(strlen(svg) < 60000);
            free(svg);
        }
    }
}

/* Of a thousand classes the worst thirty, of equal ones those of the lower number. */
static void the_worst_classes_are_shown(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const texts[PLACES] = {"t", "n", "r"};
    const char *directory = new_directory("classes");
    assert_done(draw_classes_of(1000, texts, directory, "p"));
    char *svg = read_beside(directory, "p", ".svg"), *data = read_beside(directory, "p", ".dat");
    assert_shown(svg, "the 30 most harmed of 1000 classes");
    const char *line = strchr(data, '\n') + 1;
    for (int row = 0; row < 33; row++, line = strchr(line, '\n') + 1) {
        int at, group;
        assert_int_equal(sscanf(line, "%d %d", &at, &group), 2);
        assert_int_equal(at, row);
        assert_int_equal(group, 17 + 30 * row); /* 7 * 17 = 119 = 29 mod 30 */
    }
    free(svg);
    free(data);
}

static void a_million_samples_make_a_small_picture(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const texts[PLACES] = {"t", "n", "r"};
    const char *directory = new_directory("million");
    static const struct {
        const char *name;
        int (*draw)(size_t n, const char *const texts[PLACES], const char *directory,
                    const char *name);
    } cases[] = {{"explorer", draw_explorer_of},
                 {"risk-coverage", draw_risk_coverage_of},
                 {"latency", draw_latency_of}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_done(cases[i].draw(1000000, texts, directory, cases[i].name));
        char *svg = read_beside(directory, cases[i].name, ".svg");
        char *data = read_beside(directory, cases[i].name, ".dat");
        if (strlen(svg) > 150000 || strlen(data) > 150000)
            fail_msg("%s: an SVG of %zu and data of %zu bytes", cases[i].name, strlen(svg),
                     strlen(data));
        free(svg);
        free(data);
    }
}

/* axes */

static void a_score_that_crowds_at_its_bound_is_spread(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    double score[MANY];
    struct ebjr_axis axis;
    for (int i = 0; i < MANY; i++)
        score[i] = 1 - pow(10, -6.0 * i / MANY);
    assert_done(ebjr_axis_fit(&axis, "msp", score, MANY, 1, NAN));
    assert_true(axis.bound == 1);
    assert_true(fabs(ebjr_axis_position(&axis, 0.999) - 3) < 1e-9);
    assert_true(fabs(axis.low - 0.006) < 1e-9 && fabs(axis.high - 5.9928) < 1e-6);
    assert_true(ebjr_axis_position(&axis, -INFINITY) == axis.low);
    assert_true(ebjr_axis_position(&axis, INFINITY) == axis.high);
    assert_true(ebjr_axis_position(&axis, 1) == axis.high);
    assert_done(ebjr_axis_fit(&axis, "msp", score, MANY, 1, 1 - 1e-9));
    assert_true(fabs(axis.high - 9) < 1e-6);

    for (int i = 0; i < MANY; i++)
        score[i] = (double)i / MANY;
    assert_done(ebjr_axis_fit(&axis, "msp", score, MANY, 1, 2));
    assert_true(isnan(axis.bound));
    assert_true(axis.low == score[5] && axis.high == 2);
    score[0] = EBJR_NEVER;
    score[1] = 1e300;
    assert_done(ebjr_axis_fit(&axis, "energy", score, MANY, NAN, NAN));
    assert_true(axis.low > 0 && axis.high < 1);
}

static void axes_of_nothing_have_a_width(void **state)
{
    (void)state;
    const double same[] = {3, 3, 3}, never[] = {EBJR_NEVER};
    struct ebjr_axis axis;
    assert_done(ebjr_axis_fit(&axis, "a", same, 3, 3, NAN));
    assert_true(axis.high > axis.low);
    assert_done(ebjr_axis_fit(&axis, "a", never, 1, NAN, EBJR_NEVER));
    assert_true(axis.high > axis.low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_draws_its_files),
        cmocka_unit_test(ids_are_of_the_picture),
        cmocka_unit_test(each_is_redrawn_from_its_sources),
        cmocka_unit_test(text_is_only_text),
        cmocka_unit_test(bad_and_long_text_is_drawn),
        cmocka_unit_test(the_worst_classes_are_shown),
        cmocka_unit_test(a_million_samples_make_a_small_picture),
        cmocka_unit_test(a_score_that_crowds_at_its_bound_is_spread),
        cmocka_unit_test(axes_of_nothing_have_a_width),
    };
    return cmocka_run_group_tests_name("plots_kinds", tests, make_scratch, remove_scratch);
}
