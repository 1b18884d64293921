#include "pictures.h"
#include "plots/tradeoff.h"

#include <math.h>

/* A curve of n samples with different scores, whose accuracy wanders. */
static struct ebjr_curve wandering_curve(int64_t n, uint64_t seed)
{
    struct ebjr_curve curve = {.n = n, .count = (size_t)n + 1};
    curve.points = calloc(curve.count, sizeof *curve.points);
    assert_non_null(curve.points);
    curve.points[0].threshold = HUGE_VAL;
    for (int64_t k = 1; k <= n; k++) {
        struct ebjr_point *point = &curve.points[k];
        *point = point[-1];
        point->student = k;
        point->threshold = 10 - (double)k / 1024;
        size_t step = random_below(&seed, 4);
        point->harm += step == 0;
        point->help += step == 1;
    }
    curve.teacher_correct = n - curve.points[n].help;
    curve.student_correct = n - curve.points[n].harm;
    return curve;
}

static const struct ebjr_tradeoff plain = {.title = "CIFAR-10: small to large",
                                           .student = "small",
                                           .teacher = "large",
                                           .student_cost = 130e6,
                                           .teacher_cost = 4.1e9,
                                           .student_accuracy = 0.5,
                                           .teacher_accuracy = 0.75,
                                           .cost_label = "FLOPs a sample"};

/* A plot of one curve drawn as softmax-energy, random and oracle. */
struct picture {
    struct ebjr_curve curve;
    struct ebjr_tradeoff_series series[3];
    struct ebjr_tradeoff plot;
};

static void open_picture(struct picture *picture, int64_t n)
{
    static const char *const names[] = {"softmax-energy", "random", "oracle"};
    picture->curve = wandering_curve(n, 1);
    picture->plot = plain;
    for (size_t i = 0; i < COUNT(names); i++)
        picture->series[i] = (struct ebjr_tradeoff_series){names[i], &picture->curve, NULL, NULL};
    picture->plot.series = picture->series;
    picture->plot.count = COUNT(names);
    picture->plot.mark = &picture->curve.points[n / 2];
}

static void close_picture(struct picture *picture)
{
    ebjr_curve_free(&picture->curve);
}

static int draw_without_gnuplot(const struct picture *picture, const char *directory)
{
    const char *usual = getenv("PATH");
    char *path = strdup(usual ? usual : "");
    setenv("PATH", scratch_path("no-programs"), 1);
    int status = ebjr_tradeoff_draw(&picture->plot, directory, "curve");
    setenv("PATH", path, 1);
    free(path);
    return status;
}

static int make_directories(void **state)
{
    return make_scratch(state) != 0 ? -1 : mkdir(scratch_path("no-programs"), 0755);
}

/* pictures */

static void draws_its_files(void **state)
{
    (void)state;
    need_gnuplot();
    struct picture picture;
    open_picture(&picture, 100);
    const char *directory = new_directory("files");
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    assert_true(holds_only(directory, "curve", all_files, COUNT(all_files)));
    assert_png(directory, "curve");
    assert_pdf(directory, "curve");
    char *svg = read_beside(directory, "curve", ".svg");
    assert_svg(svg);
    const char *const texts[] = {plain.title,      plain.student, plain.teacher, plain.cost_label,
                                 "softmax-energy", "random",      "oracle",      "operating point"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_non_null(strstr(svg, texts[i]));
    free(svg);
    close_picture(&picture);
}

static void sources_alone_draw_it_again(void **state)
{
    (void)state;
    need_gnuplot();
    struct picture picture;
    open_picture(&picture, 100);
    const char *directory = new_directory("again"), *elsewhere = new_directory("elsewhere");
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    close_picture(&picture);
    char *svg = read_beside(directory, "curve", ".svg");
    remove_beside(directory, "curve", ".svg");
    remove_beside(directory, "curve", ".png");
    for (size_t i = 0; i < COUNT(sources); i++)
        copy_beside(elsewhere, directory, "curve", sources[i]);

    const char *const places[] = {directory, elsewhere};
    for (size_t i = 0; i < COUNT(places); i++) {
        assert_done(ebjr_gnuplot_run(places[i], "curve"));
        assert_true(holds_only(places[i], "curve", all_files, COUNT(all_files)));
        assert_png(places[i], "curve");
        char *again = read_beside(places[i], "curve", ".svg");
        assert_string_equal(again, svg);
        free(again);
    }
    free(svg);
}

/* Nothing to see, but nothing to fail at: one sample, no cost, every answer right. */
static void degenerate_curves_are_drawn(void **state)
{
    (void)state;
    need_gnuplot();
    struct picture picture;
    open_picture(&picture, 1);
    picture.curve.points[1] = (struct ebjr_point){.threshold = 0, .student = 1};
    picture.curve.student_correct = picture.curve.teacher_correct = 1;
    const char *directory = new_directory("degenerate");
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    picture.plot.student_cost = picture.plot.teacher_cost = 0;
    picture.plot.mark = NULL;
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    assert_true(holds_only(directory, "curve", all_files, COUNT(all_files)));
    close_picture(&picture);
}

/* hostile text */

static size_t data_lines(const char *data)
{
    size_t count = 0;
    for (const char *line = data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += *line && *line != '\n' && *line != '#';
    }
    return count;
}

enum { PLACES = 7 };

/* Texts are shown in every place that takes one, and do nothing else. */
static void assert_harmless(const char *directory, const char *const texts[PLACES])
{
    struct picture picture;
    open_picture(&picture, 10);
    picture.plot.title = texts[0];
    picture.plot.student = texts[1];
    picture.plot.teacher = texts[2];
    picture.plot.cost_label = texts[3];
    for (size_t i = 0; i < COUNT(picture.series); i++)
        picture.series[i].name = texts[4 + i];
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    close_picture(&picture);
    assert_true(holds_only(directory, "curve", all_files, COUNT(all_files)));

    char *data = read_beside(directory, "curve", ".dat");
    assert_int_equal(data_lines(data), 3 * 11 + 2 + 1);
    free(data);
    char *svg = read_beside(directory, "curve", ".svg");
    assert_svg(svg);
    decode_xml(svg);
    for (size_t i = 0; i < PLACES; i++)
        assert_shown(svg, texts[i]);
    free(svg);
}

static void text_is_only_text(void **state)
{
    (void)state;
    static const char *const texts[][PLACES] = {
        {"`touch pwned`", "$(touch pwned)", "; touch pwned | touch pwned &", "it's", "x'x'x",
         "\"; system(\"touch pwned\") #", "back\\slash \\\\ \\n \\ "},
        {"{/Bold bold} x^2 a_i @b &{c} ~d{e}", "%s %d %% %n %1.2f", "<script>alert(1)</script>",
         "& <b> &amp; ]]> -->", "\xc3\xa9\xe5\xad\xa6\xe7\x94\x9f \xf0\x9f\x8e\x93", "# no comment",
         "@macro"},
        {"-", "1:2 with dots", "$1", "x\\", "columnheader", "100%", "notitle"},
    };
    need_gnuplot();
    const char *directory = new_directory("text");
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_harmless(directory, texts[i]);
}

static void quotes_are_only_text(void **state)
{
    (void)state;
    static const char *const texts[PLACES] = {
        "'first", "last'", "two''in a row", "''", "'; system('touch pwned'); '", "'''", "\"'\"'"};
    need_gnuplot();
    assert_harmless(new_directory("quotes"), texts);
}

static void text_with_lines_is_one_line(void **state)
{
    (void)state;
    static const char *const texts[PLACES] = {
        "a\nset output 'pwned'", "b\r\n#", "c \\\nd", "e\n", "f\n1 2 3 4", "g\n\n\n5",
        "\n\t\x1b[0m\x01"};
    need_gnuplot();
    assert_harmless(new_directory("lines"), texts);
}

/* Shortened or wrapped, but never a reason to fail. */
static void long_text_is_shortened(void **state)
{
    (void)state;
    need_gnuplot();
    char texts[PLACES][601];
    struct picture picture;
    for (size_t i = 0; i < PLACES; i++) {
        memset(texts[i], (char)('a' + i), sizeof texts[i] - 1);
        texts[i][sizeof texts[i] - 1] = 0;
    }
    const char *directory = new_directory("long");
    open_picture(&picture, 10);
    picture.plot.title = texts[0];
    picture.plot.student = texts[1];
    picture.plot.teacher = texts[2];
    picture.series[0].name = texts[3];
    assert_done(ebjr_tradeoff_draw(&picture.plot, directory, "curve"));
    close_picture(&picture);
    char *svg = read_beside(directory, "curve", ".svg");
    assert_svg(svg);
    for (size_t i = 0; i < 4; i++) {
        texts[i][38] = 0;
        assert_shown(svg, texts[i]);
        memset(texts[i], (char)('a' + i), 60);
        assert_null(strstr(svg, texts[i]));
    }
    assert_shown(svg, "\xe2\x80\xa6 alone");
    free(svg);
}

static void random_text(char text[32], uint64_t *seed)
{
    static const char alphabet[] = "''\"`\\{}@$%#(),;ab \n\t";
    size_t length = random_below(seed, 31);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[random_below(seed, sizeof alphabet - 1)];
    text[length] = 0;
}

/* gnuplot itself says what it understood. */
static void quoted_text_is_read_back(void **state)
{
    (void)state;
    enum { TEXTS = 500 };
    need_gnuplot();
    static char texts[TEXTS][32];
    uint64_t seed = 2;
    char path[PATH_MAX];
    const char *directory = new_directory("quoted");
    path_of(path, directory, "print", ".gp");
    FILE *script = fopen(path, "w");
    assert_non_null(script);
    fprintf(script, "set print 'printed'\n");
    for (size_t i = 0; i < TEXTS; i++) {
        random_text(texts[i], &seed);
        fprintf(script, "print ");
        ebjr_gnuplot_quote(script, texts[i]);
        fprintf(script, "\n");
    }
    assert_int_equal(fclose(script), 0);
    assert_done(ebjr_gnuplot_run(directory, "print"));

    char *printed = read_beside(directory, "printed", ""), *line = printed;
    for (size_t i = 0; i < TEXTS; i++) {
        blank_controls(texts[i]);
        assert_string_equal(strsep(&line, "\n"), texts[i]);
    }
    free(printed);
}

/* Of the picture itself: gnuplot gives a meaning to a leading <, | or -. */
static void file_name_is_only_a_name(void **state)
{
    (void)state;
    static const char *const names[] = {"it's \"q\" `touch pwned`",
                                        "\xc3\xa9 {a} back\\slash",
                                        "$(touch pwned)",
                                        "<touch pwned;",
                                        "|touch pwned;",
                                        "-e",
                                        "~"};
    need_gnuplot();
    int failed = 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct picture picture;
        char place[32];
        snprintf(place, sizeof place, "name-%zu", i);
        const char *directory = new_directory(place);
        open_picture(&picture, 10);
        int status = ebjr_tradeoff_draw(&picture.plot, directory, names[i]);
        if (status || !holds_only(directory, names[i], all_files, COUNT(all_files))) {
            print_error("name '%s': %d %s\n", names[i], status, status ? ebjr_error_last() : "");
            failed++;
        }
        close_picture(&picture);
    }
    assert_int_equal(failed, 0);
}

/* what can fail */

static void without_gnuplot_the_sources_are_kept(void **state)
{
    (void)state;
    struct picture picture;
    open_picture(&picture, 50);
    const char *directory = new_directory("no-gnuplot");
    assert_refused(draw_without_gnuplot(&picture, directory), EBJR_ENOTFOUND,
                   "gnuplot is not installed");
    close_picture(&picture);
    assert_non_null(strstr(ebjr_error_last(), directory));
    assert_true(holds_only(directory, "curve", sources, COUNT(sources)));

    need_gnuplot();
    assert_done(ebjr_gnuplot_run(directory, "curve"));
    assert_true(holds_only(directory, "curve", all_files, COUNT(all_files)));
}

static void gnuplot_fails_in_its_own_words(void **state)
{
    (void)state;
    need_gnuplot();
    const char *directory = new_directory("broken");
    char path[PATH_MAX];
    path_of(path, directory, "broken", ".gp");
    write_file(path, "plot no_such_function(x)\n", 25);
    assert_refused(ebjr_gnuplot_run(directory, "broken"), EBJR_EIO, "no_such_function");
    assert_refused(ebjr_gnuplot_run(directory, "missing"), EBJR_EIO, "missing.gp");
    assert_status(ebjr_gnuplot_run(scratch_path("nowhere"), "missing"), EBJR_EIO);

    struct picture picture;
    open_picture(&picture, 10);
    path_of(path, directory, "curve", ".svg");
    assert_int_equal(mkdir(path, 0755), 0);
    assert_refused(ebjr_tradeoff_draw(&picture.plot, directory, "curve"), EBJR_EIO, "curve");
    close_picture(&picture);
}

static void what_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct picture picture;
    char path[PATH_MAX], vast[301];
    const char *nowhere = scratch_path("nowhere"), *full = new_directory("full");
    open_picture(&picture, 1000);
    assert_refused(ebjr_tradeoff_draw(&picture.plot, nowhere, "curve"), EBJR_EIO, nowhere);
    write_file(scratch_path("file"), "", 0);
    assert_status(ebjr_tradeoff_draw(&picture.plot, scratch_path("file"), "curve"), EBJR_EIO);
    memset(vast, 'x', sizeof vast - 1);
    vast[sizeof vast - 1] = 0;
    assert_status(ebjr_tradeoff_draw(&picture.plot, full, vast), EBJR_EIO);
    for (size_t i = 0; i < COUNT(sources); i++) {
        path_of(path, full, "curve", sources[i]);
        assert_int_equal(symlink("/dev/full", path), 0);
        assert_refused(ebjr_tradeoff_draw(&picture.plot, full, "curve"), EBJR_EIO, "curve");
        assert_int_equal(remove(path), 0);
    }
    close_picture(&picture);
}

static void read_only_directory_is_an_error(void **state)
{
    (void)state;
    struct picture picture;
    const char *directory = new_directory("read-only");
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(chmod(directory, 0555), 0);
    if (!become_unprivileged(true)) {
        print_message("SKIPPED: permissions do not bind root, and its rights cannot be given up\n");
        skip();
    }
    open_picture(&picture, 10);
    int status = ebjr_tradeoff_draw(&picture.plot, directory, "curve");
    close_picture(&picture);
    assert_true(become_unprivileged(false));
    assert_int_equal(chmod(directory, 0755), 0);
    assert_refused(status, EBJR_EIO, directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_its_files),
        cmocka_unit_test(sources_alone_draw_it_again),
        cmocka_unit_test(degenerate_curves_are_drawn),
        cmocka_unit_test(text_is_only_text),
        cmocka_unit_test(quotes_are_only_text),
        cmocka_unit_test(quoted_text_is_read_back),
        cmocka_unit_test(text_with_lines_is_one_line),
        cmocka_unit_test(long_text_is_shortened),
        cmocka_unit_test(file_name_is_only_a_name),
        cmocka_unit_test(without_gnuplot_the_sources_are_kept),
        cmocka_unit_test(gnuplot_fails_in_its_own_words),
        cmocka_unit_test(what_cannot_be_written_is_an_error),
        cmocka_unit_test(read_only_directory_is_an_error),
    };
    return cmocka_run_group_tests_name("plots", tests, make_directories, remove_scratch);
}
