/* Thinning of long lines, and texts made to fit. */
#include "plots/thin.h"
#include "plots/words.h"
#include "support.h"

#include <math.h>

struct line {
    size_t n, count, *kept;
    double *x, *y;
    struct ebjr_span span;
};

static void line_open(struct line *line, size_t n)
{
    *line = (struct line){.n = n, .span = {0, 1, 0, 1}};
    line->x = malloc(n * sizeof *line->x);
    line->y = malloc(n * sizeof *line->y);
    assert_true(line->x && line->y);
}

static void line_thin(struct line *line)
{
    assert_done(ebjr_thin(&line->kept, &line->count, line->x, line->y, line->n, &line->span));
}

static void line_close(struct line *line)
{
    free(line->kept);
    free(line->x);
    free(line->y);
}

/* How high the drawn line is at x, lowest and highest within a column's width of it. */
static void drawn_near(double *low, double *high, const struct line *line, double x, double width)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = 0; k + 1 < line->count; k++) {
        double x0 = line->x[line->kept[k]], x1 = line->x[line->kept[k + 1]];
        double y0 = line->y[line->kept[k]], y1 = line->y[line->kept[k + 1]];
        double left = fmax(fmin(x0, x1), x - width), right = fmin(fmax(x0, x1), x + width);
        if (left > right)
            continue;
        double slope = x1 == x0 ? 0 : (y1 - y0) / (x1 - x0);
        double ends[] = {y0 + slope * (left - x0), y0 + slope * (right - x0), y0, y1};
        for (int i = 0; i < (x1 == x0 ? 4 : 2); i++) {
            *low = fmin(*low, ends[i]);
            *high = fmax(*high, ends[i]);
        }
    }
}

/* Every point is within 1/1000 of the x axis and 1/2000 of the y axis of what is drawn. */
static void assert_nothing_moves(const struct line *line)
{
    double width = (line->span.x_high - line->span.x_low) / EBJR_THIN_COLUMNS;
    double height = (line->span.y_high - line->span.y_low) / 2000;
    assert_int_equal(line->kept[0], 0);
    assert_int_equal(line->kept[line->count - 1], line->n - 1);
    for (size_t k = 1; k < line->count; k++)
        assert_true(line->kept[k] > line->kept[k - 1]);
    for (size_t i = 0; i < line->n; i += 1 + line->n / 5000) {
        double low, high;
        drawn_near(&low, &high, line, line->x[i], width * (1 + 1e-9));
        if (!(line->y[i] >= low - height * (1 + 1e-9) && line->y[i] <= high + height * (1 + 1e-9)))
            fail_msg("point %zu at (%g, %g), drawn %g to %g", i, line->x[i], line->y[i], low, high);
    }
}

/* x from 1 down to 0, as costs go along a curve. */
static void wander(struct line *line, size_t step, uint64_t seed)
{
    double y = 0.5;
    for (size_t i = 0; i < line->n; i++) {
        line->x[i] = 1 - (double)i / (double)(line->n - 1);
        y += ((double)random_below(&seed, 2001) / 1000 - 1) / (double)step;
        line->y[i] = y = fmin(fmax(y, 0), 1);
    }
}

static void nothing_moves_by_a_pixel(void **state)
{
    (void)state;
    const size_t steps[] = {10, 100, 10000};
    for (size_t s = 0; s < COUNT(steps); s++) {
        struct line line;
        line_open(&line, 20000);
        wander(&line, steps[s], s);
        line_thin(&line);
        assert_true(line.count <= 4 * (EBJR_THIN_COLUMNS + 1));
        assert_nothing_moves(&line);
        line_close(&line);
    }
}

static void extremes_stay(void **state)
{
    (void)state;
    struct line line;
    line_open(&line, 100000);
    for (size_t i = 0; i < line.n; i++) {
        line.x[i] = (double)i / (double)(line.n - 1);
        line.y[i] = 0.5;
    }
    line.y[31415] = 0.9;
    line.y[27182] = 0.1;
    line_thin(&line);
    assert_nothing_moves(&line);
    bool top = false, bottom = false;
    for (size_t k = 0; k < line.count; k++) {
        top |= line.kept[k] == 31415;
        bottom |= line.kept[k] == 27182;
    }
    assert_true(top && bottom);
    assert_true(line.count < 16);
    line_close(&line);
}

static void a_smooth_line_takes_few_points(void **state)
{
    (void)state;
    struct line line;
    line_open(&line, 1000000);
    for (size_t i = 0; i < line.n; i++) {
        line.x[i] = (double)i / (double)(line.n - 1);
        line.y[i] = line.x[i] * line.x[i];
    }
    line_thin(&line);
    assert_nothing_moves(&line);
    /* a chord of width h is h^2/4 off a parabola: h = 2 sqrt(1/2000), and twice that with a cone */
    assert_true(line.count <= 50);
    line_close(&line);
}

/* Steps straight up, and beyond the axes. */
static void cliffs_are_kept(void **state)
{
    (void)state;
    struct line line;
    line_open(&line, 6000);
    for (size_t i = 0; i < line.n; i++) {
        line.x[i] = (double)(i / 500) / 12;
        line.y[i] = (double)(i % 500) / 500 * 1.5;
    }
    line_thin(&line);
    assert_nothing_moves(&line);
    line_close(&line);
}

/* Corners of steps are points of a line like any. */
static void steps_are_lines_through_their_corners(void **state)
{
    (void)state;
    const double x[] = {0, 1, 3}, y[] = {5, 6, 4};
    const double expected[][2] = {{0, 5}, {1, 5}, {1, 6}, {3, 6}, {3, 4}};
    struct ebjr_span span = {0, 3, 4, 6};
    size_t *kept, count;
    assert_done(ebjr_thin_steps(&kept, &count, x, y, 3, &span));
    assert_int_equal(count, COUNT(expected));
    for (size_t k = 0; k < count; k++) {
        assert_true(x[(kept[k] + 1) / 2] == expected[k][0]);
        assert_true(y[kept[k] / 2] == expected[k][1]);
    }
    free(kept);

    struct line steps, corners;
    line_open(&steps, 8000);
    line_open(&corners, 2 * steps.n - 1);
    wander(&steps, 20, 3);
    for (size_t j = 0; j < corners.n; j++) {
        corners.x[j] = steps.x[(j + 1) / 2];
        corners.y[j] = steps.y[j / 2];
    }
    assert_done(
        ebjr_thin_steps(&corners.kept, &corners.count, steps.x, steps.y, steps.n, &steps.span));
    assert_nothing_moves(&corners);
    line_close(&steps);
    line_close(&corners);
}

static void short_lines_are_whole(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, EBJR_THIN_COLUMNS};
    for (size_t s = 0; s < COUNT(lengths); s++) {
        struct line line;
        line_open(&line, lengths[s]);
        for (size_t i = 0; i < line.n; i++)
            line.x[i] = line.y[i] = 0.25;
        line_thin(&line);
        assert_int_equal(line.count, lengths[s]);
        for (size_t i = 0; i < line.n; i++)
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are as many as asserted */
            assert_int_equal(line.kept[i], i);
        line_close(&line);
    }
}

static void an_axis_without_width_is_drawn(void **state)
{
    (void)state;
    struct line line;
    line_open(&line, 5000);
    line.span = (struct ebjr_span){3, 3, 7, 7};
    for (size_t i = 0; i < line.n; i++) {
        line.x[i] = 3;
        line.y[i] = 7;
    }
    line_thin(&line);
    assert_in_range(line.count, 1, 4);
    line_close(&line);
}

/* words */

static void texts_are_shortened(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        const char *expected;
    } cases[] = {
        {"", 5, ""},
        {"abcde", 5, "abcde"},
        {"abcdef", 5, "abcd\xe2\x80\xa6"},
        {"\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9\xc3\xa9\xc3\xa9"},
        {"\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xe2\x80\xa6"},
        {"\xe5\xad\xa6\xe7\x94\x9f", 4, "\xe5\xad\xa6\xe7\x94\x9f"}, /* wide: two columns each */
        {"\xe5\xad\xa6\xe7\x94\x9f", 3, "\xe5\xad\xa6\xe2\x80\xa6"},
        {"a\xff\x80z", 9, "a\xef\xbf\xbd\xef\xbf\xbdz"},
        {"\xc3", 9, "\xef\xbf\xbd"},
        {"a\nb\x1b", 9, "a b "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[EBJR_LINE];
        ebjr_words_shorten(out, cases[i].text, cases[i].width);
        assert_string_equal(out, cases[i].expected);
    }
}

static void texts_are_wrapped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width, most, count;
        const char *lines[EBJR_LINES];
    } cases[] = {
        {"", 5, 3, 1, {""}},
        {"one two", 7, 3, 1, {"one two"}},
        {"one two", 6, 3, 2, {"one", "two"}},
        {"one  two   three", 5, 3, 3, {"one", "two", "three"}},
        {"abcdefgh", 3, 3, 3, {"abc", "def", "gh"}},
        {"abcdefghij", 3, 3, 3, {"abc", "def", "gh\xe2\x80\xa6"}},
        {"a b c d e", 1, 2, 2, {"a", "\xe2\x80\xa6"}},
        {"  x", 2, 2, 2, {"  ", "x"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ebjr_lines lines;
        ebjr_words_wrap(&lines, cases[i].text, cases[i].width, cases[i].most);
        assert_int_equal(lines.count, cases[i].count);
        for (size_t l = 0; l < lines.count; l++)
            assert_string_equal(lines.line[l], cases[i].lines[l]);
    }
}

/* Whatever it is given: lines that fit, of whole characters, ended. */
static void any_bytes_are_wrapped(void **state)
{
    (void)state;
    uint64_t seed = 9;
    for (int round = 0; round < 2000; round++) {
        char text[2000];
        struct ebjr_lines lines;
        size_t length = random_below(&seed, sizeof text), width = 1 + random_below(&seed, 60);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(random_below(&seed, 4) ? 1 + random_below(&seed, 255) : ' ');
        text[length ? length - 1 : 0] = 0;
        ebjr_words_wrap(&lines, text, width, EBJR_LINES);
        assert_in_range(lines.count, 1, EBJR_LINES);
        for (size_t l = 0; l < lines.count; l++) {
            assert_true(strlen(lines.line[l]) < EBJR_LINE);
            assert_true(ebjr_words_width(lines.line[l]) <= (width > 1 ? width : 2));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_moves_by_a_pixel),
        cmocka_unit_test(extremes_stay),
        cmocka_unit_test(a_smooth_line_takes_few_points),
        cmocka_unit_test(cliffs_are_kept),
        cmocka_unit_test(steps_are_lines_through_their_corners),
        cmocka_unit_test(short_lines_are_whole),
        cmocka_unit_test(an_axis_without_width_is_drawn),
        cmocka_unit_test(texts_are_shortened),
        cmocka_unit_test(texts_are_wrapped),
        cmocka_unit_test(any_bytes_are_wrapped),
    };
    return cmocka_run_group_tests_name("plots_thin", tests, NULL, NULL);
}
