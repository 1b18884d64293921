/* Readers against bytes written here by hand, scores against their textbook formulas in long
 * double, FLOPs against sums done on paper. */
#include "support.h"

#include "runtime/csv.h"
#include "runtime/dataset.h"
#include "runtime/derive.h"
#include "runtime/device.h"
#include "runtime/flops.h"
#include "runtime/integer_file.h"
#include "runtime/logits_file.h"
#include "runtime/npy.h"
#include "runtime/preprocess.h"
#include "runtime/score.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>
#include <zlib.h>

static void change_byte(const char *path, long place)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, place, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, place, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static double random_normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (double)random_bits(seed) / 18446744073709551616.0;
    return sum - 6;
}

/* npy.h */

enum { HEADER = 118 };

/* Magic, version, length, and a header padded with blanks up to a line end. */
static void write_npy_header(FILE *file, int version, const char *header)
{
    unsigned char head[] = {0x93, 'N',    'U', 'M', 'P', 'Y', (unsigned char)version,
                            0,    HEADER, 0,   0,   0};
    fwrite(head, 1, version == 1 ? 10 : 12, file);
    fprintf(file, "%-*s\n", HEADER - 1, header);
}

static void write_npy_as(const char *path, int version, const char *header, const void *data,
                         size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    write_npy_header(file, version, header);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_npy(const char *path, const char *descr, const char *shape, const void *data,
                      size_t size)
{
    char header[HEADER];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
             shape);
    write_npy_as(path, 1, header, data, size);
}

static const uint8_t u8[] = {0, 127, 255};
static const int8_t i8[] = {-128, 0, 127};
static const int16_t i16[] = {-32768, 258, 32767};
static const int32_t i32[] = {INT32_MIN, 16909060, INT32_MAX};
static const int64_t i64[] = {INT64_MIN, 72623859790382856, INT64_MAX};
static const float f32[] = {-1.5F, 3.4028235e38F, 1e-40F};
static const double f64[] = {-1.5, 0.1, 1e-3};

static void npy_reads_every_integer_type(void **state)
{
    (void)state;
    const struct {
        const char *descr;
        const void *data;
        size_t size;
        int64_t expected[3];
    } cases[] = {
        {"|u1", u8, sizeof u8, {0, 127, 255}},
        {"|b1", (const uint8_t[]){0, 1, 1}, 3, {0, 1, 1}},
        {"|i1", i8, sizeof i8, {-128, 0, 127}},
        {"<i2", i16, sizeof i16, {-32768, 258, 32767}},
        {"<i4", i32, sizeof i32, {INT32_MIN, 16909060, INT32_MAX}},
        {"<i8", i64, sizeof i64, {INT64_MIN, 72623859790382856, INT64_MAX}},
    };
    const char *path = scratch_path("integers.npy");
    for (size_t i = 0; i < COUNT(cases); i++) {
        ebjr_npy *npy;
        int64_t read[3];
        float refused[3];
        write_npy(path, cases[i].descr, "(3,)", cases[i].data, cases[i].size);
        assert_done(ebjr_npy_open(&npy, path));
        assert_int_equal(ebjr_npy_describe(npy)->rank, 1);
        assert_int_equal(ebjr_npy_describe(npy)->size[0], 3);
        assert_int_equal(ebjr_npy_describe(npy)->row, 1);
        assert_done(ebjr_npy_read_integer(npy, 0, 3, read));
        assert_memory_equal(read, cases[i].expected, sizeof read);
        assert_refused(ebjr_npy_read_float(npy, 0, 3, refused), EBJR_EFORMAT, path);
        ebjr_npy_close(npy);
    }
}

static void npy_reads_both_float_types(void **state)
{
    (void)state;
    const struct {
        const char *descr;
        const void *data;
        size_t size;
        float expected[3];
    } cases[] = {
        {"<f4", f32, sizeof f32, {-1.5F, 3.4028235e38F, 1e-40F}},
        {"<f8", f64, sizeof f64, {-1.5F, 0.1F, 1e-3F}},
    };
    const char *path = scratch_path("floats.npy");
    for (size_t i = 0; i < COUNT(cases); i++) {
        ebjr_npy *npy;
        float read[3];
        int64_t refused[3];
        write_npy(path, cases[i].descr, "(3, 1)", cases[i].data, cases[i].size);
        assert_done(ebjr_npy_open(&npy, path));
        assert_done(ebjr_npy_read_float(npy, 0, 3, read));
        assert_memory_equal(read, cases[i].expected, sizeof read);
        assert_refused(ebjr_npy_read_integer(npy, 0, 3, refused), EBJR_EFORMAT, path);
        ebjr_npy_close(npy);
    }
}

static void npy_knows_every_version_and_spelling(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }",
        "{'shape': (3, 2), 'fortran_order': False, 'descr': '<i4'}",
        "{'descr':'<i4','fortran_order':False,'shape':(3,2)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (3L, 2L)}",
    };
    const int32_t data[] = {1, 2, 3, 4, 5, 6};
    const char *path = scratch_path("spelling.npy");
    for (size_t i = 0; i < COUNT(headers); i++) {
        for (int version = 1; version <= 3; version++) {
            ebjr_npy *npy;
            int64_t read[4];
            write_npy_as(path, version, headers[i], data, sizeof data);
            assert_done(ebjr_npy_open(&npy, path));
            assert_int_equal(ebjr_npy_describe(npy)->type, EBJR_NPY_I32);
            assert_int_equal(ebjr_npy_describe(npy)->row, 2);
            assert_done(ebjr_npy_read_integer(npy, 1, 2, read));
            assert_memory_equal(read, ((const int64_t[]){3, 4, 5, 6}), sizeof read);
            ebjr_npy_close(npy);
        }
    }
}

static void npy_reads_rows_in_any_order(void **state)
{
    (void)state;
    ebjr_npy *npy;
    uint8_t data[7 * 2 * 3], read[sizeof data];
    const char *path = scratch_path("rows.npy");
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(5 * i);
    write_npy(path, "|u1", "(7, 2, 3)", data, sizeof data);
    assert_done(ebjr_npy_open(&npy, path));
    assert_int_equal(ebjr_npy_describe(npy)->row, 6);
    for (int64_t first = 6; first >= 0; first--) {
        for (size_t count = 0; count <= 7 - (size_t)first; count++) {
            assert_done(ebjr_npy_read(npy, first, count, read));
            assert_memory_equal(read, data + 6 * first, 6 * count);
        }
        assert_refused(ebjr_npy_read(npy, first, 8 - (size_t)first, read), EBJR_EINVAL, path);
    }
    assert_refused(ebjr_npy_read(npy, -1, 1, read), EBJR_EINVAL, path);
    ebjr_npy_close(npy);
}

static void npy_refuses_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *header, *words;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (5,), }", "Fortran"},
        {"{'descr': '<f4', 'shape': (5,), }", "Fortran"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (5,), }", ">f4"},
        {"{'descr': '<u4', 'fortran_order': False, 'shape': (5,), }", "<u4"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (5,), }", "<c8"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5,), }", "dtype"},
        {"{'fortran_order': False, 'shape': (5,), }", "dtype"},
        {"{'descr': '<f4', 'fortran_order': False, }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-5,), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (five,), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,5), }", "dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }", "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648,), }", "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,), }", "overflow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
         "overflow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4294967296, 4294967296), }",
         "overflow"},
        {"", "dtype"},
    };
    const char data[20] = {0};
    const char *path = scratch_path("refused.npy");
    for (size_t i = 0; i < COUNT(cases); i++) {
        ebjr_npy *npy;
        write_npy_as(path, 1, cases[i].header, data, sizeof data);
        assert_refused(ebjr_npy_open(&npy, path), EBJR_EFORMAT, cases[i].words);
        assert_non_null(strstr(ebjr_error_last(), path));
    }
}

static void npy_refuses_every_other_length(void **state)
{
    (void)state;
    enum { SIZE = 10 + HEADER + 12 };
    ebjr_npy *npy;
    size_t size;
    const char *path = scratch_path("length.npy");
    write_npy(path, "<f4", "(3,)", f32, sizeof f32);
    char *bytes = read_file(path, &size);
    assert_int_equal(size, SIZE);
    for (size_t length = 0; length <= SIZE + 1; length++) {
        write_file(path, bytes, length); /* one more is the 0 that read_file appends */
        if (length == SIZE)
            continue;
        assert_refused(ebjr_npy_open(&npy, path), EBJR_EFORMAT, path);
    }
    free(bytes);
}

static void npy_refuses_what_is_no_npy(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"", 0},
        {"0.1,0.2\n0.3,0.4\n", 16},
        {"\x93NUMPZ\1\0\166\0", 10},
        {"\x93NUMPY\0\0\166\0", 10},
        {"\x93NUMPY\4\0\166\0\0\0", 12},
        {"\x93NUMPY\2\0\377\377\377\377{'descr'", 20},
    };
    ebjr_npy *npy;
    const char *path = scratch_path("no.npy");
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_file(path, cases[i].bytes, cases[i].size);
        assert_refused(ebjr_npy_open(&npy, path), EBJR_EFORMAT, path);
    }
    assert_refused(ebjr_npy_open(&npy, scratch_path("absent.npy")), EBJR_ENOTFOUND, "absent.npy");
    ebjr_npy_close(NULL);
}

/* csv.h */

static void assert_csv(const char *text, size_t columns, const double *expected, int64_t rows)
{
    ebjr_csv *csv;
    double values[8];
    const char *path = scratch_path("table.csv");
    write_text(path, text);
    assert_done(ebjr_csv_open(&csv, path));
    assert_int_equal(ebjr_csv_columns(csv), columns);
    assert_int_equal(ebjr_csv_rows(csv), rows);
    for (int64_t i = 0; i < rows; i++) {
        assert_int_equal(ebjr_csv_next(csv, values), 1);
        assert_memory_equal(values, expected + (size_t)i * columns, columns * sizeof *values);
    }
    assert_int_equal(ebjr_csv_next(csv, values), 0);
    ebjr_csv_close(csv);
}

static void csv_reads_numbers(void **state)
{
    (void)state;
    const double numbers[] = {1, -2.5, 3e8, 0.25, INFINITY, -0.0};
    assert_csv("1,-2.5,3e8\n.25,inf,-0\n", 3, numbers, 2);
    assert_csv("1,-2.5,3e8\n.25,inf,-0", 3, numbers, 2);
    assert_csv("a,b,c\r\n1,-2.5,3e8\r\n.25,inf,-0\r\n", 3, numbers, 2);
    assert_csv("\n\n1 , -2.5,\t3e8\n \t\n.25,inf,-0\n\n", 3, numbers, 2);
    assert_csv("x\n1\n-2.5\n3e8\n", 1, numbers, 3);
    assert_csv("a,b,c\n", 3, NULL, 0);
    assert_csv("1,2,three\n1,-2.5,3e8\n", 3, numbers, 1);
}

static void csv_finds_columns(void **state)
{
    (void)state;
    ebjr_csv *csv;
    const char *path = scratch_path("header.csv");
    write_text(path, "zero,one,two\n1,2,3\n");
    assert_done(ebjr_csv_open(&csv, path));
    assert_int_equal(ebjr_csv_find(csv, "zero"), 0);
    assert_int_equal(ebjr_csv_find(csv, "two"), 2);
    assert_int_equal(ebjr_csv_find(csv, "tw"), -1);
    assert_int_equal(ebjr_csv_find(csv, ""), -1);
    ebjr_csv_close(csv);
    write_text(path, "1,2,3\n");
    assert_done(ebjr_csv_open(&csv, path));
    assert_int_equal(ebjr_csv_find(csv, "1"), -1);
    ebjr_csv_close(csv);
}

static void csv_names_the_broken_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"1,2\n3,4\n5\n", "line 3"},        {"1,2\n\n3,4,5\n", "line 3"},
        {"a,b\n1,x\n", "line 2, column 2"}, {"a,b\n,1\n", "line 2, column 1"},
        {"1,2\n3,4 5\n", "line 2"},         {"1,2\n3,\n", "line 2, column 2"},
    };
    const char *path = scratch_path("broken.csv");
    for (size_t i = 0; i < COUNT(cases); i++) {
        ebjr_csv *csv;
        double values[2];
        int more;
        write_text(path, cases[i].text);
        assert_done(ebjr_csv_open(&csv, path));
        do
            more = ebjr_csv_next(csv, values);
        while (more > 0);
        assert_refused(more, EBJR_EFORMAT, cases[i].words);
        assert_non_null(strstr(ebjr_error_last(), path));
        ebjr_csv_close(csv);
    }
}

static void csv_refuses_empty_and_absent_files(void **state)
{
    (void)state;
    ebjr_csv *csv;
    const char *path = scratch_path("empty.csv");
    write_text(path, "");
    assert_refused(ebjr_csv_open(&csv, path), EBJR_EFORMAT, path);
    write_text(path, "\n \t\n\r\n");
    assert_refused(ebjr_csv_open(&csv, path), EBJR_EFORMAT, path);
    assert_refused(ebjr_csv_open(&csv, scratch_path("absent.csv")), EBJR_ENOTFOUND, "absent.csv");
    ebjr_csv_close(NULL);
}

/* logits_file.h */

static void assert_logits(const char *path, bool labelled)
{
    static const float expected[] = {0.5F, -1.25F, 3, 1e-3F, 7, 0.1F};
    ebjr_logits_file *file;
    float logits[6];
    int32_t labels[3] = {-7, -7, -7};
    assert_done(ebjr_logits_file_open(&file, path));
    assert_int_equal(ebjr_logits_file_describe(file)->samples, 3);
    assert_int_equal(ebjr_logits_file_describe(file)->classes, 2);
    assert_int_equal(ebjr_logits_file_describe(file)->has_labels, labelled);
    assert_done(ebjr_logits_file_read(file, 1, logits, labels));
    assert_done(ebjr_logits_file_read(file, 2, logits + 2, labels + 1));
    assert_memory_equal(logits, expected, sizeof expected);
    assert_memory_equal(labels, labelled ? ((int32_t[]){1, 0, 1}) : ((int32_t[]){-7, -7, -7}),
                        sizeof labels);
    assert_true(ebjr_logits_file_read(file, 1, logits, NULL) < 0);
    ebjr_logits_file_close(file);
}

static void logits_are_read_from_every_form(void **state)
{
    (void)state;
    const float narrow[] = {0.5F, -1.25F, 3, 1e-3F, 7, 0.1F};
    const double wide[] = {0.5, -1.25, 3, 1e-3, 7, 0.1};
    const char *npy = scratch_path("logits.npy"), *csv = scratch_path("logits.csv");
    write_npy(npy, "<f4", "(3, 2)", narrow, sizeof narrow);
    assert_logits(npy, false);
    write_npy(npy, "<f8", "(3, 2)", wide, sizeof wide);
    assert_logits(npy, false);
    write_text(csv, "0.5,-1.25\n3,1e-3\n7,0.1\n");
    assert_logits(csv, false);
    write_text(csv, "cat,dog\n0.5,-1.25\n3,1e-3\n7,0.1\n");
    assert_logits(csv, false);
    write_text(csv, "cat,label,dog\n0.5,1,-1.25\n3,0,1e-3\n7,1,0.1\n");
    assert_logits(csv, true);
    write_text(csv, "cat,dog,label\n0.5,-1.25,1\n3,1e-3,0\n7,0.1,1.0\n");
    assert_logits(csv, true);
}

static void logits_of_another_form_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *descr, *shape;
        size_t size;
    } arrays[] = {
        {"<f4", "(4,)", 16},   {"<f4", "(2, 2, 1)", 16}, {"<i4", "(2, 2)", 16},
        {"<f4", "(0, 10)", 0}, {"<f8", "(10, 0)", 0},
    };
    static const char *const tables[] = {"", "a,b\n", "label\n1\n"};
    const char zeros[16] = {0};
    ebjr_logits_file *file;
    const char *npy = scratch_path("other.npy"), *csv = scratch_path("other.csv");
    for (size_t i = 0; i < COUNT(arrays); i++) {
        write_npy(npy, arrays[i].descr, arrays[i].shape, zeros, arrays[i].size);
        assert_refused(ebjr_logits_file_open(&file, npy), EBJR_EFORMAT, npy);
    }
    for (size_t i = 0; i < COUNT(tables); i++) {
        write_text(csv, tables[i]);
        assert_refused(ebjr_logits_file_open(&file, csv), EBJR_EFORMAT, csv);
    }
    assert_refused(ebjr_logits_file_open(&file, scratch_path("absent.npy")), EBJR_ENOTFOUND,
                   "absent.npy");
    ebjr_logits_file_close(NULL);
}

static void labels_in_a_csv_must_be_classes(void **state)
{
    (void)state;
    static const char *const labels[] = {"-1", "0.5", "2147483648", "nan", "inf"};
    const char *path = scratch_path("labelled.csv");
    for (size_t i = 0; i < COUNT(labels); i++) {
        char text[64];
        ebjr_logits_file *file;
        float logits[4];
        int32_t read[2];
        snprintf(text, sizeof text, "a,b,label\n1,2,0\n3,4,%s\n", labels[i]);
        write_text(path, text);
        assert_done(ebjr_logits_file_open(&file, path));
        assert_refused(ebjr_logits_file_read(file, 2, logits, read), EBJR_EFORMAT, "sample 1");
        ebjr_logits_file_close(file);
    }
}

static void assert_labels(const char *path)
{
    int32_t *labels;
    int64_t count;
    assert_done(ebjr_labels_read(&labels, &count, path));
    assert_int_equal(count, 3);
    assert_memory_equal(labels, ((const int32_t[]){0, 9, 127}), 3 * sizeof *labels);
    free(labels);
}

static void labels_are_read_from_every_form(void **state)
{
    (void)state;
    const int16_t short_labels[] = {0, 9, 127};
    const int64_t long_labels[] = {0, 9, 127};
    const char *npy = scratch_path("labels.npy"), *csv = scratch_path("labels.txt");
    write_npy(npy, "|u1", "(3,)", (const uint8_t[]){0, 9, 127}, 3);
    assert_labels(npy);
    write_npy(npy, "<i2", "(3,)", short_labels, sizeof short_labels);
    assert_labels(npy);
    write_npy(npy, "<i8", "(3, 1)", long_labels, sizeof long_labels);
    assert_labels(npy);
    write_text(csv, "0\n9\n127\n");
    assert_labels(csv);
    write_text(csv, "label\n0\n9\n127");
    assert_labels(csv);
}

/* How often the message says `words`. */
static size_t times_told(const char *words)
{
    size_t count = 0;
    for (const char *at = ebjr_error_last(); (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void labels_of_another_form_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "0,1\n", "0\n-1\n", "0\n1.5\n", "0\nx\n", "3000000000"};
    static const struct {
        const char *descr, *shape;
        double bytes[2];
        size_t size;
    } arrays[] = {
        {"<f8", "(2,)", {0, 1}, 16}, /* floats */
        {"<i8", "(1, 2)", {0, 0}, 16},
        {"<i8", "(2,)", {0, -1}, 16}, /* the bits of -1.0 are a negative integer */
        {"<i8", "(2,)", {0, 1}, 16},  /* those of 1.0 one above 2^31 */
        {"<i8", "(3,)", {0, 0}, 16},
    };
    int32_t *labels;
    int64_t count;
    const char *npy = scratch_path("odd.npy"), *csv = scratch_path("odd.csv");
    for (size_t i = 0; i < COUNT(texts); i++) {
        write_text(csv, texts[i]);
        assert_refused(ebjr_labels_read(&labels, &count, csv), EBJR_EFORMAT, csv);
        assert_int_equal(times_told(csv), 1);
    }
    for (size_t i = 0; i < COUNT(arrays); i++) {
        write_npy(npy, arrays[i].descr, arrays[i].shape, arrays[i].bytes, arrays[i].size);
        assert_refused(ebjr_labels_read(&labels, &count, npy), EBJR_EFORMAT, npy);
        assert_int_equal(times_told(npy), 1);
    }
    assert_refused(ebjr_labels_read(&labels, &count, scratch_path("no.npy")), EBJR_EFORMAT, NULL);
    assert_refused(ebjr_labels_read(&labels, &count, scratch_path("absent")), EBJR_ENOTFOUND, NULL);
}

/* dataset.h */

enum { CIFAR_PIXELS = 3072 };

static uint8_t pixel_of(int64_t sample, size_t place)
{
    return (uint8_t)(37 * sample + 7 * (int64_t)place + (int64_t)(place >> 8));
}

static const char *make_directory(const char *name)
{
    const char *path = scratch_path(name);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

static const char *spec(const char *kind, const char *path)
{
    static char text[PATH_MAX + 32];
    snprintf(text, sizeof text, "%s:%s", kind, path ? path : "");
    return text;
}

/* Records first .. first+count-1: the label of sample i is i modulo `classes`, after a coarse
 * label where there are two. */
static void write_cifar(const char *path, int64_t first, int64_t count, int classes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int64_t sample = first; sample < first + count; sample++) {
        if (classes == 100)
            fputc(255, file);
        fputc((int)(sample % classes), file);
        for (size_t place = 0; place < CIFAR_PIXELS; place++)
            fputc(pixel_of(sample, place), file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Every block, from every first sample. */
static void assert_pixels(ebjr_dataset *dataset, int64_t samples, size_t size, int classes)
{
    uint8_t *pixels = malloc((size_t)samples * size);
    int32_t *labels = malloc((size_t)samples * sizeof *labels);
    assert_int_equal(ebjr_dataset_describe(dataset)->samples, samples);
    for (int64_t first = 0; first < samples; first++) {
        for (int64_t count = 1; count <= samples - first; count++) {
            assert_done(ebjr_dataset_read(dataset, first, (size_t)count, pixels, labels));
            for (int64_t i = 0; i < count; i++) {
                assert_int_equal(labels[i], (first + i) % classes);
                for (size_t place = 0; place < size; place++)
                    assert_int_equal(pixels[(size_t)i * size + place], pixel_of(first + i, place));
            }
        }
    }
    assert_refused(ebjr_dataset_read(dataset, samples, 1, pixels, labels), EBJR_EINVAL, NULL);
    assert_refused(ebjr_dataset_read(dataset, -1, 1, pixels, labels), EBJR_EINVAL, NULL);
    free(pixels);
    free(labels);
}

static void assert_shape(const ebjr_dataset *dataset, size_t channels, size_t height, size_t width)
{
    const struct ebjr_shape *shape = &ebjr_dataset_describe(dataset)->shape;
    assert_int_equal(shape->channels, channels);
    assert_int_equal(shape->height, height);
    assert_int_equal(shape->width, width);
}

/* `words` must be in the message, and nothing is left open. */
static void assert_no_dataset(int code, const char *words, const char *text,
                              const struct ebjr_dataset_options *options)
{
    ebjr_dataset *dataset;
    assert_refused(ebjr_dataset_open(&dataset, text, options), code, words);
}

/* Opens, and the samples cannot all be read. */
static void assert_unreadable(const char *words, const char *text,
                              const struct ebjr_dataset_options *options)
{
    static uint8_t pixels[1 << 18];
    static int32_t labels[1 << 10];
    ebjr_dataset *dataset;
    assert_done(ebjr_dataset_open(&dataset, text, options));
    size_t samples = (size_t)ebjr_dataset_describe(dataset)->samples;
    assert_refused(ebjr_dataset_read(dataset, 0, samples, pixels, labels), EBJR_EFORMAT, words);
    ebjr_dataset_close(dataset);
}

static void cifar10_reads_a_file(void **state)
{
    (void)state;
    ebjr_dataset *dataset;
    const char *path = scratch_path("my.images.bin");
    write_cifar(path, 0, 13, 10);
    assert_done(ebjr_dataset_open(&dataset, spec("cifar10", path), NULL));
    assert_shape(dataset, 3, 32, 32);
    assert_false(ebjr_dataset_describe(dataset)->is_float);
    assert_string_equal(ebjr_dataset_describe(dataset)->kind, "cifar10");
    assert_string_equal(ebjr_dataset_describe(dataset)->name, "cifar10-my.images");
    assert_pixels(dataset, 13, CIFAR_PIXELS, 10);
    ebjr_dataset_close(dataset);
    ebjr_dataset_close(NULL);
}

static const int64_t batches[] = {2, 1, 3, 1, 4};

static void write_train_batches(const char *directory)
{
    int64_t first = 0;
    for (size_t i = 0; i < COUNT(batches); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/data_batch_%zu.bin", directory, i + 1);
        write_cifar(path, first, batches[i], 10);
        first += batches[i];
    }
}

static void cifar10_reads_across_its_files(void **state)
{
    (void)state;
    ebjr_dataset *dataset;
    const char *directory = make_directory("cifar10");
    const struct ebjr_dataset_options train = {.split = "train"};
    write_train_batches(directory);
    assert_done(ebjr_dataset_open(&dataset, spec("cifar10", directory), &train));
    assert_string_equal(ebjr_dataset_describe(dataset)->name, "cifar10-train");
    assert_pixels(dataset, 11, CIFAR_PIXELS, 10);
    ebjr_dataset_close(dataset);

    assert_no_dataset(EBJR_ENOTFOUND, "test_batch.bin", spec("cifar10", directory), NULL);
    assert_int_equal(remove(scratch_path("cifar10/data_batch_3.bin")), 0);
    assert_no_dataset(EBJR_ENOTFOUND, "data_batch_3.bin", spec("cifar10", directory), &train);
}

static void cifar100_takes_the_fine_label(void **state)
{
    (void)state;
    ebjr_dataset *dataset;
    const char *directory = make_directory("cifar100");
    const struct ebjr_dataset_options train = {.split = "train"};
    write_cifar(scratch_path("cifar100/train.bin"), 0, 4, 100);
    write_cifar(scratch_path("cifar100/test.bin"), 0, 3, 100);
    assert_done(ebjr_dataset_open(&dataset, spec("cifar100", directory), NULL));
    assert_pixels(dataset, 3, CIFAR_PIXELS, 100);
    ebjr_dataset_close(dataset);
    assert_done(ebjr_dataset_open(&dataset, spec("cifar100", directory), &train));
    assert_pixels(dataset, 4, CIFAR_PIXELS, 100);
    ebjr_dataset_close(dataset);
}

static void cifar_refuses_other_files(void **state)
{
    (void)state;
    const char *path = scratch_path("odd.bin");
    write_cifar(path, 0, 2, 10);
    assert_no_dataset(EBJR_EFORMAT, path, spec("cifar100", path), NULL);
    assert_int_equal(truncate(path, 2 * 3073 - 1), 0);
    assert_no_dataset(EBJR_EFORMAT, "truncated", spec("cifar10", path), NULL);
    assert_int_equal(truncate(path, 0), 0);
    assert_no_dataset(EBJR_EFORMAT, path, spec("cifar10", path), NULL);
    write_cifar(path, 8, 3, 11);
    assert_unreadable("record 2 has the label 10", spec("cifar10", path), NULL);
    write_cifar(path, 99, 3073, 100); /* a size that both formats divide */
    assert_int_equal(truncate(path, (off_t)3073 * 3074), 0);
    assert_unreadable("record 0 has the label 255", spec("cifar10", path), NULL);
}

static void put_big_endian(gzFile file, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        gzputc(file, (int)(value >> shift & 255));
}

/* `mode` "wb" compresses, "wbT" writes plain bytes. */
static void write_idx(const char *directory, const char *images, const char *labels,
                      const char *mode, uint32_t samples, uint32_t height, uint32_t width)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, images);
    gzFile file = gzopen(path, mode);
    put_big_endian(file, 0x803);
    put_big_endian(file, samples);
    put_big_endian(file, height);
    put_big_endian(file, width);
    for (uint32_t i = 0; i < samples; i++)
        for (size_t place = 0; place < (size_t)height * width; place++)
            gzputc(file, pixel_of(i, place));
    assert_int_equal(gzclose(file), Z_OK);

    snprintf(path, sizeof path, "%s/%s", directory, labels);
    file = gzopen(path, mode);
    put_big_endian(file, 0x801);
    put_big_endian(file, samples);
    for (uint32_t i = 0; i < samples; i++)
        gzputc(file, (int)(i % 10));
    assert_int_equal(gzclose(file), Z_OK);
}

static void idx_reads_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *split, *images, *labels, *mode, *name;
    } cases[] = {
        {NULL, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "wbT", "idx0-test"},
        {"test", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "wb", "idx1-test"},
        {"train", "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "wbT", "idx2-train"},
        {"train", "train-images.idx3-ubyte.gz", "train-labels.idx1-ubyte.gz", "wb", "idx3-train"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[8];
        ebjr_dataset *dataset;
        snprintf(name, sizeof name, "idx%zu", i);
        const char *directory = make_directory(name);
        const struct ebjr_dataset_options options = {.split = cases[i].split};
        write_idx(directory, cases[i].images, cases[i].labels, cases[i].mode, 12, 5, 3);
        assert_done(ebjr_dataset_open(&dataset, spec("idx", directory), &options));
        assert_shape(dataset, 1, 5, 3);
        assert_string_equal(ebjr_dataset_describe(dataset)->name, cases[i].name);
        assert_pixels(dataset, 12, 15, 10);
        ebjr_dataset_close(dataset);
    }
}

static void idx_is_given_as_a_directory(void **state)
{
    (void)state;
    const char *directory = make_directory("bare");
    assert_no_dataset(EBJR_ENOTFOUND, "t10k-images-idx3-ubyte", spec("idx", directory), NULL);
    write_idx(directory, "t10k-images-idx3-ubyte", "labels", "wbT", 1, 2, 2);
    assert_no_dataset(EBJR_ENOTFOUND, "t10k-labels-idx1-ubyte", spec("idx", directory), NULL);
    assert_no_dataset(EBJR_EINVAL, "directory",
                      spec("idx", scratch_path("bare/t10k-images-idx3-ubyte")), NULL);
}

/* Images and labels by hand, both as hexadecimal bytes. */
static void write_idx_bytes(const char *directory, const char *images, const char *labels)
{
    static const char *const names[] = {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    const char *texts[] = {images, labels};
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        unsigned byte;
        for (const char *at = texts[i]; sscanf(at, "%2x", &byte) == 1; at += 2 + (at[2] == ' '))
            fputc((int)byte, file);
        assert_int_equal(fclose(file), 0);
    }
}

static void idx_refuses_other_files(void **state)
{
    (void)state;
    static const char images[] = "00000803 00000002 00000001 00000002 01020304";
    static const char labels[] = "00000801 00000002 0001";
    static const struct {
        const char *images, *labels, *words;
    } cases[] = {
        {"00000801 00000002 00000001 00000002 01020304", labels, "magic"},
        {"03080000 00000002 00000001 00000002 01020304", labels, "magic"},
        {images, "00000803 00000002 0001", "magic"},
        {images, "00000801 00000003 000102", "3 labels"},
        {"00000803 00000002 00000001", labels, "t10k-images-idx3-ubyte"},
        {images, "00000801 0000", "t10k-labels-idx1-ubyte"},
        {"", labels, "t10k-images-idx3-ubyte"},
        {"00000803 00000000 00000001 00000002", "00000801 00000000", "no images"},
        {"00000803 00000002 00000000 00000002", labels, "no images"},
        {"00000803 00000002 80000000 00000002", labels, "pixels"},
    };
    const char *directory = make_directory("handmade");
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_idx_bytes(directory, cases[i].images, cases[i].labels);
        assert_no_dataset(EBJR_EFORMAT, cases[i].words, spec("idx", directory), NULL);
    }
    write_idx_bytes(directory, "00000803 00000002 00000001 00000002 010203", labels);
    assert_unreadable("t10k-images-idx3-ubyte", spec("idx", directory), NULL);
    write_idx_bytes(directory, images, "00000801 00000002 00");
    assert_unreadable("t10k-labels-idx1-ubyte", spec("idx", directory), NULL);
}

enum { GZ_SAMPLES = 200, GZ_SIDE = 60 }; /* more than zlib's buffers hold */

static const char *write_gz(const char *name)
{
    const char *directory = make_directory(name);
    write_idx(directory, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "wb", GZ_SAMPLES,
              GZ_SIDE, GZ_SIDE);
    return directory;
}

/* Read in blocks, as a run does, and in one piece. */
static void assert_broken_gz(const char *directory)
{
    static const size_t blocks[] = {40, GZ_SAMPLES};
    static uint8_t pixels[GZ_SAMPLES * GZ_SIDE * GZ_SIDE];
    int32_t labels[GZ_SAMPLES];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        ebjr_dataset *dataset = NULL;
        int status = ebjr_dataset_open(&dataset, spec("idx", directory), NULL);
        for (size_t first = 0; !status && first < GZ_SAMPLES; first += blocks[i])
            status = ebjr_dataset_read(dataset, (int64_t)first, blocks[i], pixels, labels);
        assert_refused(status, EBJR_EFORMAT, "t10k-images-idx3-ubyte.gz");
        ebjr_dataset_close(dataset);
    }
}

/* Whatever the cut takes, even only of the checksum at the end. */
static void idx_notices_a_truncated_gz(void **state)
{
    (void)state;
    size_t size;
    const char *directory = write_gz("cut");
    const char *path = scratch_path("cut/t10k-images-idx3-ubyte.gz");
    char *bytes = read_file(path, &size);
    const size_t lengths[] = {20, size / 2, size - 100, size - 8, size - 1};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        write_file(path, bytes, lengths[i]);
        assert_broken_gz(directory);
    }
    free(bytes);
}

/* The last eight bytes of a .gz are its CRC-32 and its length. */
static void idx_notices_a_wrong_checksum(void **state)
{
    (void)state;
    size_t size;
    const char *directory = write_gz("checksum");
    const char *path = scratch_path("checksum/t10k-images-idx3-ubyte.gz");
    free(read_file(path, &size));
    change_byte(path, (long)size - 8);
    assert_broken_gz(directory);
}

static const struct ebjr_dataset_options nchw = {.layout = "nchw"}, nhwc = {.layout = "nhwc"};

static struct ebjr_dataset_options with_labels(struct ebjr_dataset_options options,
                                               const char *labels)
{
    options.labels = labels;
    return options;
}

static void npy_images_come_channels_first(void **state)
{
    (void)state;
    enum { N = 12, C = 3, H = 2, W = 4, SIZE = C * H * W };
    uint8_t first[N][C][H][W], last[N][H][W][C];
    int64_t labels[N];
    for (int n = 0; n < N; n++) {
        labels[n] = n % 10;
        for (int c = 0; c < C; c++)
            for (int i = 0; i < H * W; i++)
                first[n][c][i / W][i % W] = last[n][i / W][i % W][c] =
                    pixel_of(n, (size_t)(c * H * W + i));
    }
    ebjr_dataset *dataset;
    const char *images_path = scratch_path("images.npy"), *labels_path = scratch_path("y.npy");
    write_npy(labels_path, "<i8", "(12,)", labels, sizeof labels);
    struct ebjr_dataset_options options = with_labels(nchw, labels_path);
    write_npy(images_path, "|u1", "(12, 3, 2, 4)", first, sizeof first);
    assert_done(ebjr_dataset_open(&dataset, spec("npy", images_path), &options));
    assert_shape(dataset, C, H, W);
    assert_string_equal(ebjr_dataset_describe(dataset)->name, "images");
    assert_pixels(dataset, N, SIZE, 10);
    ebjr_dataset_close(dataset);

    options = with_labels(nhwc, labels_path);
    write_npy(images_path, "|u1", "(12, 2, 4, 3)", last, sizeof last);
    assert_done(ebjr_dataset_open(&dataset, spec("npy", images_path), &options));
    assert_shape(dataset, C, H, W);
    assert_pixels(dataset, N, SIZE, 10);
    ebjr_dataset_close(dataset);
}

static void npy_images_may_be_grey_floats(void **state)
{
    (void)state;
    const float images[2][1][3] = {{{0.25F, -1, 3}}, {{1e-30F, 7, 0.1F}}};
    const int32_t labels[] = {5, INT32_MAX};
    float pixels[6];
    int32_t read[2];
    ebjr_dataset *dataset;
    const char *images_path = scratch_path("grey.npy"), *labels_path = scratch_path("grey-y.npy");
    const struct ebjr_dataset_options options = {.labels = labels_path};
    write_npy(images_path, "<f4", "(2, 1, 3)", images, sizeof images);
    write_npy(labels_path, "<i4", "(2,)", labels, sizeof labels);
    assert_done(ebjr_dataset_open(&dataset, spec("npy", images_path), &options));
    assert_shape(dataset, 1, 1, 3);
    assert_true(ebjr_dataset_describe(dataset)->is_float);
    assert_done(ebjr_dataset_read(dataset, 0, 2, pixels, read));
    assert_memory_equal(pixels, images, sizeof images);
    assert_memory_equal(read, labels, sizeof labels);
    ebjr_dataset_close(dataset);
}

static void npy_images_of_another_form_are_refused(void **state)
{
    (void)state;
    const char zeros[64] = {0};
    const char *images = scratch_path("odd.npy"), *labels = scratch_path("odd-y.npy");
    const struct ebjr_dataset_options plain = {.labels = labels};
    const struct ebjr_dataset_options odd = {.labels = labels, .layout = "chwn"};
    const struct ebjr_dataset_options split = {.labels = labels, .split = "train"};
    write_npy(labels, "|u1", "(2,)", zeros, 2);
    write_npy(images, "|u1", "(2, 1, 2, 2)", zeros, 8);
    assert_no_dataset(EBJR_EINVAL, "--layout", spec("npy", images), &plain);
    assert_no_dataset(EBJR_EINVAL, "chwn", spec("npy", images), &odd);
    assert_no_dataset(EBJR_EINVAL, "--split", spec("npy", images), &split);
    assert_no_dataset(EBJR_EINVAL, "--labels", spec("npy", images), &nchw);
    write_npy(images, "|u1", "(3, 2, 2)", zeros, 12);
    assert_no_dataset(EBJR_EFORMAT, "3 images", spec("npy", images), &plain);
    write_npy(images, "|u1", "(2, 4)", zeros, 8);
    assert_no_dataset(EBJR_EFORMAT, images, spec("npy", images), &plain);
    write_npy(images, "<f8", "(2, 2, 2)", zeros, 64);
    assert_no_dataset(EBJR_EFORMAT, images, spec("npy", images), &plain);
    write_npy(images, "|u1", "(2, 0, 2)", zeros, 0);
    assert_no_dataset(EBJR_EFORMAT, images, spec("npy", images), &plain);
    write_npy(labels, "|u1", "(0,)", zeros, 0);
    write_npy(images, "|u1", "(0, 2, 2)", zeros, 0);
    assert_no_dataset(EBJR_EFORMAT, "no images", spec("npy", images), &plain);
}

static void npy_labels_of_another_form_are_refused(void **state)
{
    (void)state;
    const char *images = scratch_path("x.npy"), *labels = scratch_path("odd-labels.npy");
    const struct ebjr_dataset_options options = {.labels = labels};
    const int64_t large[] = {1, (int64_t)1 << 31};
    write_npy(images, "|u1", "(2, 2, 2)", "\1\2\3\4\5\6\7", 8);
    write_npy(labels, "<f4", "(2,)", f32, 8);
    assert_unreadable(labels, spec("npy", images), &options);
    write_npy(labels, "|i1", "(2,)", "\0\377", 2);
    assert_unreadable("sample 1 has the label -1", spec("npy", images), &options);
    write_npy(labels, "<i8", "(2,)", large, sizeof large);
    assert_unreadable("sample 1 has the label 2147483648", spec("npy", images), &options);
    write_npy(labels, "<i8", "(1, 2)", large, sizeof large);
    assert_no_dataset(EBJR_EFORMAT, labels, spec("npy", images), &options);
    assert_int_equal(remove(labels), 0);
    assert_no_dataset(EBJR_ENOTFOUND, labels, spec("npy", images), &options);
}

static void datasets_are_named_by_kind_and_path(void **state)
{
    (void)state;
    const struct ebjr_dataset_options split = {.split = "validation"}, labels = {.labels = "y"};
    const char *path = scratch_path("a.bin");
    write_cifar(path, 0, 1, 10);
    assert_no_dataset(EBJR_EINVAL, "cifar10:", path, NULL);
    assert_no_dataset(EBJR_EINVAL, "cifar10:", "cifar10:", NULL);
    assert_no_dataset(EBJR_EINVAL, "cifar10:", ":a.bin", NULL);
    assert_no_dataset(EBJR_EINVAL, "did you mean 'cifar10'", spec("cifar-10", path), NULL);
    assert_no_dataset(EBJR_EINVAL, "cifar10, cifar100, idx, npy", spec("imagenet", path), NULL);
    assert_no_dataset(EBJR_EINVAL, "validation", spec("cifar10", path), &split);
    assert_no_dataset(EBJR_EINVAL, "--labels", spec("cifar10", path), &labels);
    assert_no_dataset(EBJR_EINVAL, "--layout", spec("cifar10", path), &nhwc);
    assert_no_dataset(EBJR_ENOTFOUND, "absent", spec("cifar10", scratch_path("absent")), NULL);
}

static int64_t hash_dataset(char out[EBJR_HASH_TEXT], const char *text,
                            const struct ebjr_dataset_options *options)
{
    ebjr_dataset *dataset;
    int64_t bytes = 0;
    assert_done(ebjr_dataset_open(&dataset, text, options));
    assert_done(ebjr_dataset_hash(out, &bytes, dataset));
    ebjr_dataset_close(dataset);
    return bytes;
}

/* head -c 6146 /dev/zero | tr '\0' '\7' | sha256sum */
static void a_file_has_its_own_hash(void **state)
{
    (void)state;
    char hash[EBJR_HASH_TEXT], bytes[6146];
    const char *path = scratch_path("sevens.bin");
    memset(bytes, 7, sizeof bytes);
    write_file(path, bytes, sizeof bytes);
    assert_int_equal(hash_dataset(hash, spec("cifar10", path), NULL), 6146);
    assert_string_equal(hash, "9189f4184b4d7dc814242192b511afcf7de58a329dd64b80acda18e5fa15a2c2");
}

static void files_are_hashed_in_reading_order(void **state)
{
    (void)state;
    char joined[EBJR_HASH_TEXT], parts[EBJR_HASH_TEXT];
    const struct ebjr_dataset_options train = {.split = "train"};
    const char *path = scratch_path("joined.bin"), *directory = make_directory("parts");
    write_cifar(path, 0, 11, 10);
    write_train_batches(directory);
    assert_int_equal(hash_dataset(joined, spec("cifar10", path), NULL), 11 * 3073);
    assert_int_equal(hash_dataset(parts, spec("cifar10", directory), &train), 11 * 3073);
    assert_string_equal(joined, parts);
}

static void a_changed_byte_changes_the_hash(void **state)
{
    (void)state;
    char hashes[5][EBJR_HASH_TEXT];
    uint8_t pixels[2 * 3 * 3 * 3] = {1, 2, 3};
    const char *images = scratch_path("hashed.npy"), *labels = scratch_path("hashed-y.npy");
    const struct ebjr_dataset_options first = with_labels(nchw, labels);
    const struct ebjr_dataset_options last = with_labels(nhwc, labels);
    write_npy(images, "|u1", "(2, 3, 3, 3)", pixels, sizeof pixels);
    write_npy(labels, "|u1", "(2,)", "\1\2", 2);
    hash_dataset(hashes[0], spec("npy", images), &first);
    hash_dataset(hashes[1], spec("npy", images), &first);
    assert_string_equal(hashes[0], hashes[1]);
    hash_dataset(hashes[1], spec("npy", images), &last);
    change_byte(images, 10 + HEADER + 53);
    hash_dataset(hashes[2], spec("npy", images), &first);
    change_byte(images, 10 + HEADER);
    hash_dataset(hashes[3], spec("npy", images), &first);
    change_byte(labels, 10 + HEADER + 1);
    hash_dataset(hashes[4], spec("npy", images), &first);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(hashes[i], hashes[j]);
}

/* preprocess.h */

static const struct ebjr_dataset_info colour = {.shape = {3, 2, 128}};
static const struct ebjr_dataset_info grey_floats = {.shape = {1, 1, 4}, .is_float = true};

/* Each step rounded to float32, as torchvision's ToTensor and Normalize do. */
static float by_hand(uint8_t pixel, float mean, float std)
{
    volatile float scaled = (float)pixel / 255.0F;
    volatile float centred = scaled - mean;
    return centred / std;
}

static void pixels_become_inputs(void **state)
{
    (void)state;
    static const float mean[] = {0.4914F, 0.4822F, 0.4465F}, std[] = {0.2023F, 0.1994F, 0.2010F};
    struct ebjr_preprocessing preprocessing;
    uint8_t pixels[2][3][256];
    float inputs[2][3][256];
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 256; i++)
                pixels[n][c][i] = (uint8_t)(n ? 255 - i : i);
    assert_done(ebjr_preprocessing_parse(&preprocessing, NULL, "0.4914,0.4822,0.4465",
                                         "0.2023,0.1994,0.2010", &colour));
    ebjr_preprocessing_apply(&inputs[0][0][0], pixels, 2, &colour, &preprocessing);
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 256; i++) {
                float expected = by_hand(pixels[n][c][i], mean[c], std[c]);
                assert_memory_equal(&inputs[n][c][i], &expected, sizeof expected);
            }
}

static void floats_are_scaled_too(void **state)
{
    (void)state;
    struct ebjr_preprocessing preprocessing;
    const float pixels[] = {0, 1, -2.5F, 1e10F};
    float inputs[4];
    assert_done(ebjr_preprocessing_parse(&preprocessing, NULL, NULL, NULL, &grey_floats));
    ebjr_preprocessing_apply(inputs, pixels, 1, &grey_floats, &preprocessing);
    assert_memory_equal(inputs, pixels, sizeof pixels);
    assert_done(ebjr_preprocessing_parse(&preprocessing, "3/2", "0.5", "4", &grey_floats));
    ebjr_preprocessing_apply(inputs, pixels, 1, &grey_floats, &preprocessing);
    assert_memory_equal(inputs, ((const float[]){-0.125F, 0.25F, -1.0625F, 3.75e9F}),
                        sizeof inputs);
}

static const char *describe(const char *scale, const char *mean, const char *std,
                            const struct ebjr_dataset_info *info)
{
    static char text[1024];
    struct ebjr_preprocessing preprocessing;
    assert_done(ebjr_preprocessing_parse(&preprocessing, scale, mean, std, info));
    assert_done(ebjr_preprocessing_describe(text, sizeof text, &preprocessing));
    return text;
}

static void the_same_arithmetic_has_the_same_text(void **state)
{
    (void)state;
    static const char plain[] = "{\"scale\":\"1/255\",\"mean\":[0.5,0.5,0.5],\"std\":[1,1,1]}";
    assert_string_equal(describe(NULL, "0.5", NULL, &colour), plain);
    assert_string_equal(describe("1/255", ".50,5e-1,0.5", "1", &colour), plain);
    assert_string_equal(describe("1.0/255.0", "0.5,0.5,0.5", "1,1,1", &colour), plain);
    assert_string_equal(describe(NULL, "0.4914,0.4822,0.4465", "0.2023,0.1994,0.2010", &colour),
                        "{\"scale\":\"1/255\",\"mean\":[0.4914,0.4822,0.4465],"
                        "\"std\":[0.2023,0.1994,0.201]}");
    assert_string_equal(describe(NULL, NULL, NULL, &grey_floats),
                        "{\"scale\":\"1\",\"mean\":[0],\"std\":[1]}");
    assert_string_equal(describe("2/1", "0.1", "0.30000000000000004", &grey_floats),
                        "{\"scale\":\"2\",\"mean\":[0.1],\"std\":[0.30000000000000004]}");
}

static void preprocessing_must_make_sense(void **state)
{
    (void)state;
    static const struct {
        const char *scale, *mean, *std, *words;
    } cases[] = {
        {"0", NULL, NULL, "--scale"},       {"1/0", NULL, NULL, "--scale"},
        {"inf", NULL, NULL, "--scale"},     {"x", NULL, NULL, "--scale"},
        {"1/255/2", NULL, NULL, "--scale"}, {"", NULL, NULL, "--scale"},
        {NULL, "0.5,0.5", NULL, "--mean"},  {NULL, "0,0,0,0", NULL, "--mean"},
        {NULL, "0.5,,0.5", NULL, "--mean"}, {NULL, "0,0,0,", NULL, "--mean"},
        {NULL, "inf", NULL, "--mean"},      {NULL, "", NULL, "--mean"},
        {NULL, NULL, "0.2,0.2", "--std"},   {NULL, NULL, "0.2,0,0.2", "--std"},
        {NULL, NULL, "-1", "--std"},        {NULL, NULL, "one", "--std"},
    };
    struct ebjr_preprocessing preprocessing;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(ebjr_preprocessing_parse(&preprocessing, cases[i].scale, cases[i].mean,
                                                cases[i].std, &colour),
                       EBJR_EINVAL, cases[i].words);
    const struct ebjr_dataset_info deep = {.shape = {EBJR_CHANNELS + 1, 1, 1}};
    assert_refused(ebjr_preprocessing_parse(&preprocessing, NULL, NULL, NULL, &deep), EBJR_EINVAL,
                   "65 channels");
}

static void a_description_is_whole_or_refused(void **state)
{
    (void)state;
    static const char whole[] = "{\"scale\":\"1\",\"mean\":[0],\"std\":[1]}";
    struct ebjr_preprocessing preprocessing;
    char text[sizeof whole + 1];
    assert_done(ebjr_preprocessing_parse(&preprocessing, NULL, NULL, NULL, &grey_floats));
    for (size_t size = 1; size <= sizeof text; size++) {
        if (size < sizeof whole) {
            assert_refused(ebjr_preprocessing_describe(text, size, &preprocessing), EBJR_EINVAL,
                           NULL);
        } else {
            assert_done(ebjr_preprocessing_describe(text, size, &preprocessing));
            assert_string_equal(text, whole);
        }
    }
}

/* derive.h */

/* The classes from the largest logit to the smallest, lower classes first on a tie: selection. */
static void order_classes(size_t *order, const float *logits, size_t classes)
{
    bool taken[64] = {false};
    for (size_t place = 0; place < classes; place++) {
        size_t best = classes;
        for (size_t k = classes; k-- > 0;)
            if (!taken[k] && (best == classes || logits[k] >= logits[best]))
                best = k;
        taken[best] = true;
        order[place] = best;
    }
}

/* Of a model whose output k is class k. */
static int derive(struct ebjr_output *row, size_t classes)
{
    struct ebjr_stored_run run = {.classes = (int64_t)classes};
    return ebjr_output_derive(row, &run);
}

static void ranks_follow_a_sort(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 5000; round++) {
        float logits[64];
        size_t order[64], classes = 1 + random_below(&seed, 20),
                          values = 1 + random_below(&seed, 9);
        for (size_t k = 0; k < classes; k++)
            logits[k] = (float)random_below(&seed, values) - 3;
        order_classes(order, logits, classes);
        assert_int_equal(ebjr_logits_argmax(logits, classes), order[0]);
        for (size_t place = 0; place < classes; place++) {
            struct ebjr_output row = {.label = (int32_t)order[place], .logits = logits};
            assert_int_equal(ebjr_logits_rank(logits, classes, (size_t)row.label), place);
            assert_done(derive(&row, classes));
            assert_int_equal(row.prediction, order[0]);
            assert_int_equal(row.correct, place == 0);
            assert_int_equal(row.top5_correct, place < 5);
        }
    }
}

static void energies_are_derived_at_temperature_one(void **state)
{
    (void)state;
    const float logits[] = {1, 2, 4};
    const long double sum = expl(1) + expl(2) + expl(4);
    struct ebjr_output row = {.label = 2, .logits = logits};
    assert_done(derive(&row, 3));
    assert_true(fabsl(row.energy - logl(sum)) < 1e-15L * 8);
    long double softmax_energy =
        logl(expl(expl(1) / sum) + expl(expl(2) / sum) + expl(expl(4) / sum));
    assert_true(fabsl(row.softmax_energy - softmax_energy) < 1e-15L * 8);
}

static void rows_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    float logits[] = {1, 2, 3};
    const int32_t labels[] = {-1, 3, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < COUNT(labels); i++) {
        struct ebjr_output row = {.index = 41, .label = labels[i], .logits = logits};
        assert_refused(derive(&row, 3), EBJR_EFORMAT, "sample 41");
    }
    for (size_t i = 0; i < COUNT(odd); i++) {
        for (size_t k = 0; k < 3; k++) {
            float broken[] = {1, 2, 3};
            char words[32];
            broken[k] = odd[i];
            snprintf(words, sizeof words, "sample 41: the logit of class %zu", k);
            struct ebjr_output row = {.index = 41, .label = 0, .logits = broken};
            assert_refused(derive(&row, 3), EBJR_EFORMAT, words);
        }
    }
}

/* score.h */

typedef long double reference(const long double *z, size_t classes, long double t, long double p);

static void softmax(long double *p, const long double *z, size_t classes, long double t)
{
    long double sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += p[k] = expl(z[k] / t);
    for (size_t k = 0; k < classes; k++)
        p[k] /= sum;
}

enum { MOST_CLASSES = 1000 };

static long double energy(const long double *z, size_t classes, long double t, long double p)
{
    (void)p;
    long double sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += expl(z[k] / t);
    return t * logl(sum);
}

static long double softmax_energy(const long double *z, size_t classes, long double t,
                                  long double p)
{
    long double probability[MOST_CLASSES];
    softmax(probability, z, classes, t);
    return energy(probability, classes, 1, p);
}

/* The largest but `place`. */
static long double largest(const long double *z, size_t classes, size_t place)
{
    long double found = 0;
    for (size_t k = 0; k < classes; k++) {
        size_t before = 0;
        for (size_t j = 0; j < classes; j++)
            before += z[j] > z[k] || (z[j] == z[k] && j < k);
        if (before == place)
            found = z[k];
    }
    return found;
}

static long double msp(const long double *z, size_t classes, long double t, long double p)
{
    (void)p;
    long double probability[MOST_CLASSES];
    softmax(probability, z, classes, t);
    return largest(probability, classes, 0);
}

static long double margin(const long double *z, size_t classes, long double t, long double p)
{
    (void)p;
    long double probability[MOST_CLASSES];
    softmax(probability, z, classes, t);
    return largest(probability, classes, 0) - largest(probability, classes, 1);
}

static long double logit_margin(const long double *z, size_t classes, long double t, long double p)
{
    (void)t, (void)p;
    return largest(z, classes, 0) - (classes > 1 ? largest(z, classes, 1) : 0);
}

static long double max_logit(const long double *z, size_t classes, long double t, long double p)
{
    (void)t, (void)p;
    return largest(z, classes, 0);
}

static long double entropy(const long double *z, size_t classes, long double t, long double p)
{
    (void)p;
    long double probability[MOST_CLASSES], sum = 0;
    softmax(probability, z, classes, t);
    for (size_t k = 0; k < classes; k++)
        sum += probability[k] > 0 ? probability[k] * logl(probability[k]) : 0;
    return sum;
}

static long double gini(const long double *z, size_t classes, long double t, long double p)
{
    (void)p;
    long double probability[MOST_CLASSES], sum = 0;
    softmax(probability, z, classes, t);
    for (size_t k = 0; k < classes; k++)
        sum += probability[k] * probability[k];
    return sum;
}

static long double pnorm(const long double *z, size_t classes, long double t, long double p)
{
    (void)t;
    long double mean = 0, sum = 0;
    for (size_t k = 0; k < classes; k++)
        mean += z[k] / (long double)classes;
    for (size_t k = 0; k < classes; k++)
        sum += powl(fabsl(z[k] - mean), p);
    return sum > 0 ? (largest(z, classes, 0) - mean) / powl(sum, 1 / p) : 0;
}

static const struct {
    const char *name;
    reference *textbook;
} formulas[] = {
    {"energy", energy},
    {"softmax-energy", softmax_energy},
    {"msp", msp},
    {"margin", margin},
    {"logit-margin", logit_margin},
    {"max-logit", max_logit},
    {"entropy", entropy},
    {"gini", gini},
    {"pnorm", pnorm},
};

static double evaluate(const char *name, const float *logits, size_t classes,
                       struct ebjr_score_options options)
{
    const struct ebjr_score *score = NULL;
    assert_done(ebjr_score_find(&score, name));
    assert_int_equal(score->kind, EBJR_SCORE_LOGITS);
    return ebjr_score_evaluate(score, logits, classes, &options);
}

static double evaluate_plain(const char *name, const float *logits, size_t classes)
{
    return evaluate(name, logits, classes, ebjr_score_defaults);
}

static void assert_near(const char *name, size_t classes, double value, long double expected,
                        long double relative, long double absolute)
{
    if (!(fabsl(value - expected) <= relative * fabsl(expected) + absolute))
        fail_msg("%s of %zu classes: %.17g, not %.17Lg", name, classes, value, expected);
}

static void draw_logits(float *logits, size_t classes, double spread, uint64_t *seed)
{
    for (size_t k = 0; k < classes; k++)
        logits[k] = (float)(spread * random_normal(seed));
}

static void scores_follow_their_formulas(void **state)
{
    (void)state;
    need_long_double();
    static const size_t sizes[] = {1, 2, 3, 10, 100};
    static const double temperatures[] = {0.1, 1, 7.5}, spreads[] = {0.1, 3, 40},
                        ps[] = {1, 4, 0.5};
    uint64_t seed = 5;
    for (int round = 0; round < 1500; round++) {
        float logits[100];
        long double z[100];
        size_t classes = sizes[random_below(&seed, COUNT(sizes))];
        struct ebjr_score_options options = ebjr_score_defaults;
        options.temperature = temperatures[random_below(&seed, 3)];
        options.p = ps[random_below(&seed, 3)];
        draw_logits(logits, classes, spreads[random_below(&seed, 3)], &seed);
        for (size_t k = 0; k < classes; k++)
            z[k] = logits[k];
        for (size_t i = 0; i < COUNT(formulas); i++)
            assert_near(
                formulas[i].name, classes, evaluate(formulas[i].name, logits, classes, options),
                formulas[i].textbook(z, classes, options.temperature, options.p), 1e-12L, 1e-14L);
    }
}

static void float32_scores_are_the_same_to_its_precision(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int round = 0; round < 500; round++) {
        float logits[100];
        struct ebjr_score_options narrow = ebjr_score_defaults;
        narrow.precision = EBJR_FLOAT32;
        draw_logits(logits, 100, 4, &seed);
        for (size_t i = 0; i < COUNT(formulas); i++) {
            double wide = evaluate_plain(formulas[i].name, logits, 100);
            double score = evaluate(formulas[i].name, logits, 100, narrow);
            assert_true(score == (float)score);
            assert_near(formulas[i].name, 100, score, wide, 3e-6L, 1e-6L);
        }
    }
}

static void scores_together_are_scores_one_by_one(void **state)
{
    (void)state;
    uint64_t seed = 16;
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (int round = 0; round < 300; round++) {
        float logits[100];
        double together[16], untouched = -7;
        struct ebjr_score_options options = ebjr_score_defaults;
        size_t classes = 1 + random_below(&seed, 100);
        options.precision = round % 3 ? EBJR_DOUBLE : EBJR_FLOAT32;
        draw_logits(logits, classes, 4, &seed);
        assert_true(count <= COUNT(together));
        for (size_t i = 0; i < count; i++)
            together[i] = untouched;
        ebjr_score_evaluate_many(together, scores, count, logits, classes, &options);
        for (size_t i = 0; i < count; i++)
            assert_true(together[i] ==
                        (scores[i].kind == EBJR_SCORE_LOGITS
                             ? ebjr_score_evaluate(&scores[i], logits, classes, &options)
                             : untouched));
    }
}

/* p = 1/(1 + exp(-d)) is 1 in double from d = 37 on; what is left of the entropy is not 0. */
static void the_entropy_of_sure_samples_is_exact(void **state)
{
    (void)state;
    for (int d = 20; d < 700; d += 7) {
        const float logits[] = {(float)d, 0, 0};
        long double e = expl(-d), s = 1 + 2 * e;
        assert_near("entropy", 3, evaluate_plain("entropy", logits, 3),
                    -2 * e * d / s - log1pl(2 * e), 2e-13L, 0);
    }
}

static void uniform_logits_have_closed_forms(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 10, 1000};
    static const float values[] = {0, -7.5F, 3e38F, -3e38F};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t c = sizes[i];
        for (size_t j = 0; j < COUNT(values); j++) {
            float logits[1000];
            double v = values[j], many = (double)c;
            for (size_t k = 0; k < c; k++)
                logits[k] = values[j];
            const struct {
                const char *name;
                double expected;
            } cases[] = {
                {"energy", v + log(many)},
                {"softmax-energy", log(many) + 1 / many},
                {"msp", 1 / many},
                {"margin", c == 1 ? 1 : 0},
                {"logit-margin", c == 1 ? v : 0},
                {"max-logit", v},
                {"entropy", -log(many)},
                {"gini", 1 / many},
                {"pnorm", 0},
            };
            for (size_t k = 0; k < COUNT(cases); k++)
                assert_near(cases[k].name, c, evaluate_plain(cases[k].name, logits, c),
                            cases[k].expected, 1e-13L, 1e-15L);
        }
    }
}

/* d = z_1 - z_2: p = 1 / (1 + exp(-d)), and c = (d/2, -d/2). */
static void two_classes_are_logistic(void **state)
{
    (void)state;
    static const float gaps[] = {1e-6F, 0.5F, 3, 30, 700};
    for (size_t i = 0; i < COUNT(gaps); i++) {
        double d = gaps[i], p = 1 / (1 + exp(-d)), q = 1 / (1 + exp(d));
        const float logits[] = {gaps[i], 0};
        assert_near("msp", 2, evaluate_plain("msp", logits, 2), p, 1e-14L, 0);
        assert_near("margin", 2, evaluate_plain("margin", logits, 2), tanh(d / 2), 1e-14L, 0);
        assert_near("gini", 2, evaluate_plain("gini", logits, 2), p * p + q * q, 1e-14L, 0);
        assert_near("entropy", 2, evaluate_plain("entropy", logits, 2),
                    -p * log1p(exp(-d)) - q * (d + log1p(exp(-d))), 0, 1e-15L);
        assert_near("pnorm", 2, evaluate_plain("pnorm", logits, 2), pow(2, -0.25), 1e-14L, 0);
        assert_near("energy", 2, evaluate_plain("energy", logits, 2), d + log1p(exp(-d)), 1e-14L,
                    0);
    }
}

/* The extremes of finite float32 among ordinary logits. */
static void draw_extreme_logits(float *logits, size_t classes, uint64_t *seed)
{
    static const float extremes[] = {3.4e38F, -3.4e38F, 3e38F, -3e38F, 1e-45F, 0, 1, FLT_MAX};
    for (size_t k = 0; k < classes; k++)
        logits[k] = extremes[random_below(seed, COUNT(extremes))];
}

static void assert_ranges(const float *logits, size_t classes, enum ebjr_precision precision)
{
    const double slack = precision == EBJR_DOUBLE ? 1e-12 : 1e-5, c = (double)classes;
    const struct {
        const char *name;
        double lowest, highest;
    } ranges[] = {
        {"softmax-energy", log(c) + 1 / c, log(c - 1 + exp(1))},
        {"msp", 1 / c, 1},
        {"margin", 0, 1},
        {"entropy", -log(c), 0},
        {"gini", 1 / c, 1},
        {"pnorm", 0, 1},
    };
    struct ebjr_score_options options = ebjr_score_defaults;
    options.precision = precision;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        double score = evaluate(ranges[i].name, logits, classes, options);
        if (!(score >= ranges[i].lowest - slack && score <= ranges[i].highest + slack))
            fail_msg("%s of %zu classes%s: %g is not in [%g, %g]", ranges[i].name, classes,
                     precision == EBJR_DOUBLE ? "" : " in float32", score, ranges[i].lowest,
                     ranges[i].highest);
    }
}

static void scores_stay_in_their_ranges(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        float logits[20];
        size_t classes = 1 + random_below(&seed, 20);
        draw_logits(logits, classes, 10, &seed);
        assert_ranges(logits, classes, EBJR_DOUBLE);
        assert_ranges(logits, classes, EBJR_FLOAT32);
        draw_extreme_logits(logits, classes, &seed);
        assert_ranges(logits, classes, EBJR_DOUBLE);
    }
}

static void float32_scores_of_extreme_logits_stay_in_their_ranges(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        float logits[20];
        size_t classes = 1 + random_below(&seed, 20);
        draw_extreme_logits(logits, classes, &seed);
        assert_ranges(logits, classes, EBJR_FLOAT32);
    }
}

static void huge_logits_give_finite_scores(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int round = 0; round < 2000; round++) {
        float logits[10];
        size_t classes = 1 + random_below(&seed, 10);
        draw_extreme_logits(logits, classes, &seed);
        for (size_t i = 0; i < COUNT(formulas); i++)
            assert_true(isfinite(evaluate_plain(formulas[i].name, logits, classes)));
    }
    const float certain[] = {-3e38F, 3e38F, -3e38F};
    assert_true(evaluate_plain("msp", certain, 3) == 1);
    assert_true(evaluate_plain("margin", certain, 3) == 1);
    assert_true(evaluate_plain("entropy", certain, 3) == 0);
    assert_true(evaluate_plain("gini", certain, 3) == 1);
    assert_near("softmax-energy", 3, evaluate_plain("softmax-energy", certain, 3), log(2 + exp(1)),
                1e-15L, 0);
    assert_near("logit-margin", 3, evaluate_plain("logit-margin", certain, 3),
                2 * (long double)3e38F, 1e-15L, 0);
}

/* Logits that are multiples of 1/16, so that a shift by a whole number rounds nothing. */
static void draw_sixteenths(float *logits, size_t classes, uint64_t *seed)
{
    for (size_t k = 0; k < classes; k++)
        logits[k] = (float)random_below(seed, 512) / 16 - 16;
}

static void a_shift_moves_only_the_sizes(void **state)
{
    (void)state;
    static const char *const invariant[] = {"softmax-energy", "msp",     "margin",
                                            "logit-margin",   "entropy", "gini"};
    uint64_t seed = 9;
    for (int round = 0; round < 500; round++) {
        float logits[10], shifted[10];
        draw_sixteenths(logits, 10, &seed);
        for (size_t k = 0; k < 10; k++)
            shifted[k] = logits[k] + 4096;
        for (size_t i = 0; i < COUNT(invariant); i++)
            assert_true(evaluate_plain(invariant[i], logits, 10) ==
                        evaluate_plain(invariant[i], shifted, 10));
        assert_near("pnorm", 10, evaluate_plain("pnorm", shifted, 10),
                    evaluate_plain("pnorm", logits, 10), 1e-10L, 0);
        assert_near("energy", 10, evaluate_plain("energy", shifted, 10),
                    evaluate_plain("energy", logits, 10) + 4096, 1e-15L, 0);
        assert_true(evaluate_plain("max-logit", shifted, 10) ==
                    evaluate_plain("max-logit", logits, 10) + 4096);
    }
}

/* Dividing by a power of two rounds nothing. */
static void temperature_divides_the_logits(void **state)
{
    (void)state;
    static const char *const scaled[] = {"softmax-energy", "msp", "margin", "entropy", "gini"};
    uint64_t seed = 10;
    struct ebjr_score_options warm = ebjr_score_defaults;
    warm.temperature = 8;
    for (int round = 0; round < 500; round++) {
        float logits[10], divided[10];
        draw_sixteenths(logits, 10, &seed);
        for (size_t k = 0; k < 10; k++)
            divided[k] = logits[k] / 8;
        for (size_t i = 0; i < COUNT(scaled); i++)
            assert_true(evaluate(scaled[i], logits, 10, warm) ==
                        evaluate_plain(scaled[i], divided, 10));
        assert_near("energy", 10, evaluate("energy", logits, 10, warm),
                    8 * evaluate_plain("energy", divided, 10), 1e-14L, 1e-14L);
        assert_near("pnorm", 10, evaluate_plain("pnorm", divided, 10),
                    evaluate_plain("pnorm", logits, 10), 1e-14L, 0);
        assert_true(evaluate("logit-margin", logits, 10, warm) ==
                    evaluate_plain("logit-margin", logits, 10));
        assert_true(evaluate("max-logit", logits, 10, warm) ==
                    evaluate_plain("max-logit", logits, 10));
    }
}

static void the_order_of_classes_does_not_matter(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (int round = 0; round < 500; round++) {
        float logits[10], reversed[10];
        draw_sixteenths(logits, 10, &seed);
        for (size_t k = 0; k < 10; k++)
            reversed[9 - k] = logits[k];
        for (size_t i = 0; i < COUNT(formulas); i++)
            assert_near(formulas[i].name, 10, evaluate_plain(formulas[i].name, reversed, 10),
                        evaluate_plain(formulas[i].name, logits, 10), 1e-13L, 1e-15L);
    }
}

/* The C++ standard, [rand.predef]: the 10000th number of mt19937, whose seed is 5489. */
static void random_scores_are_the_mersenne_twister(void **state)
{
    (void)state;
    enum { N = 10000 };
    static double scores[N], again[N], other[N];
    assert_done(ebjr_score_random(scores, N, 5489));
    assert_true(scores[N - 1] == 4123659995.0 / 4294967296.0);
    assert_done(ebjr_score_random(again, N / 2, 5489));
    assert_memory_equal(scores, again, N / 2 * sizeof *scores);
    assert_done(ebjr_score_random(other, N, 5490));
    size_t equal = 0;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(other[i] >= 0 && other[i] < 1);
        equal += other[i] == scores[i];
        sum += other[i];
    }
    assert_true(equal < 10);
    assert_true(fabs(sum / N - 0.5) < 5 / sqrt(12.0 * N));
}

static void scores_are_found_by_name(void **state)
{
    (void)state;
    const struct ebjr_score *score;
    size_t count;
    const struct ebjr_score *all = ebjr_score_list(&count);
    assert_int_equal(count, COUNT(formulas) + 2);
    for (size_t i = 0; i < count; i++) {
        assert_done(ebjr_score_find(&score, all[i].name));
        assert_ptr_equal(score, &all[i]);
    }
    assert_done(ebjr_score_find(&score, "random"));
    assert_int_equal(score->kind, EBJR_SCORE_RANDOM);
    assert_done(ebjr_score_find(&score, "oracle"));
    assert_int_equal(score->kind, EBJR_SCORE_ORACLE);
    assert_refused(ebjr_score_find(&score, "enrgy"), EBJR_EINVAL, "did you mean 'energy'");
    assert_refused(ebjr_score_find(&score, "zzzzzzzzzz"), EBJR_EINVAL, "--help");
}

/* flops.h */

static const char any_module[] = "net.Block", pooling_module[] = "torch.nn.modules.pooling.Pool";

struct cost {
    const char *name;
    const char *inputs[EBJR_OPERATOR_TENSORS], *output; /* "1x3x32x32"; "()" a scalar */
    int64_t macs, extra;                                /* op-counter: 2 (macs + extra) */
    const char *module;
    bool transposed;
    int64_t window;
};

static struct ebjr_tensor_shape parse_shape(const char *text)
{
    struct ebjr_tensor_shape shape = {.present = text != NULL};
    int used;
    for (; text && sscanf(text, "%" SCNd64 "%n", &shape.size[shape.rank], &used) == 1; text += used)
        used += text[used] == 'x', shape.rank++;
    return shape;
}

static void assert_costs(const struct cost *costs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct cost *cost = &costs[i];
        struct ebjr_flops flops = {.op_counter = 100, .mac2 = 10};
        struct ebjr_operator op = {.name = cost->name,
                                   .module = cost->module ? cost->module : any_module,
                                   .output = parse_shape(cost->output),
                                   .transposed = cost->transposed,
                                   .window = cost->window};
        for (int tensor = 0; tensor < EBJR_OPERATOR_TENSORS; tensor++)
            op.inputs[tensor] = parse_shape(cost->inputs[tensor]);
        ebjr_flops_add(&flops, &op);
        if (flops.op_counter - 100 != 2 * (cost->macs + cost->extra) ||
            flops.mac2 - 10 != 2 * cost->macs || *flops.uncounted || *flops.uncounted_mac2)
            fail_msg("row %zu, %s: op-counter 100 + %lld, mac2 10 + %lld, uncounted '%s'", i,
                     op.name, (long long)flops.op_counter - 100, (long long)flops.mac2 - 10,
                     flops.uncounted);
    }
}

static void convolutions_cost_their_multiply_adds(void **state)
{
    (void)state;
    static const struct cost costs[] = {
        /* 12 x 32 x 32 outputs of 27; half of them each way; the bias is not counted */
        {"aten::conv2d", {"1x3x32x32", "12x3x3x3"}, "1x12x32x32", .macs = 331776},
        {"aten::conv2d", {"1x3x32x32", "12x3x3x3", "12"}, "1x12x16x16", .macs = 82944},
        {"aten::conv2d", {"2x3x32x32", "12x3x3x3"}, "2x12x16x16", .macs = 165888},
        /* depthwise: 2048 outputs of 9; two groups of 4 channels: 1536 outputs of 4 */
        {"aten::conv2d", {"1x8x16x16", "8x1x3x3"}, "1x8x16x16", .macs = 18432},
        {"aten::_convolution", {"1x8x16x16", "6x4x1x1", "6"}, "1x6x16x16", .macs = 6144},
        {"aten::conv1d", {"1x4x10", "5x4x3"}, "1x5x8", .macs = 480},
        {"aten::conv3d", {"1x2x4x4x4", "3x2x2x2x2"}, "1x3x3x3x3", .macs = 1296},
        /* each of 100 inputs goes to 6 channels x 9 places; in two groups, to 3 x 9 */
        {"aten::conv_transpose2d",
         {"1x4x5x5", "4x6x3x3", "6"},
         "1x6x7x7",
         .macs = 5400,
         .transposed = true},
        {"aten::_convolution", {"1x4x5x5", "4x3x3x3"}, "1x6x7x7", .macs = 2700, .transposed = true},
    };
    assert_costs(costs, COUNT(costs));
}

static void matrix_products_cost_their_multiply_adds(void **state)
{
    (void)state;
    static const struct cost costs[] = {
        {"aten::linear", {"1x128", "10x128"}, "1x10", .macs = 1280},
        {"aten::linear", {"1x128", "10x128", "10"}, "1x10", .macs = 1280, .extra = 10},
        {"aten::linear", {"1x7x128", "10x128", "10"}, "1x7x10", .macs = 8960, .extra = 70},
        {"aten::matmul", {"2x3x4", "2x4x5"}, "2x3x5", .macs = 120},
        {"aten::matmul", {"4", "4"}, "()", .macs = 4},
        {"aten::bmm", {"2x3x4", "2x4x5"}, "2x3x5", .macs = 120},
        {"aten::mm", {"3x4", "4x5"}, "3x5", .macs = 60},
        {"aten::mv", {"6x4", "4"}, "6", .macs = 24},
        {"aten::addmm", {"10", "1x128", "128x10"}, "1x10", .macs = 1280, .extra = 10},
        {"aten::baddbmm", {"2x3x5", "2x3x4", "2x4x5"}, "2x3x5", .macs = 120, .extra = 30},
    };
    assert_costs(costs, COUNT(costs));
}

static void op_counter_sees_relus_and_pooling_modules(void **state)
{
    (void)state;
    static const struct cost costs[] = {
        {"aten::relu", {"1x12x32x32"}, "1x12x32x32", .extra = 12288},
        {"aten::relu_", {"1x7"}, "1x7", .extra = 7, .module = ""},
        /* 24 outputs of 8 x 8; 64 x 56 x 56 outputs of 3 x 3 */
        {"aten::avg_pool2d",
         {"1x24x8x8"},
         "1x24x1x1",
         .extra = 1536,
         .module = pooling_module,
         .window = 64},
        {"aten::max_pool2d",
         {"1x64x112x112"},
         "1x64x56x56",
         .extra = 1806336,
         .module = pooling_module,
         .window = 9},
        {"aten::adaptive_avg_pool2d",
         {"1x512x7x7"},
         "1x512x1x1",
         .extra = 25088,
         .module = pooling_module},
        /* functional */
        {"aten::avg_pool2d", {"1x24x8x8"}, "1x24x4x4", .window = 4},
        {"aten::adaptive_avg_pool2d", {"1x512x7x7"}, "1x512x1x1", .window = 0},
    };
    assert_costs(costs, COUNT(costs));
}

static void the_rest_costs_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"batch_norm", "softmax", "log_softmax", "dropout",
                                        "add_",       "mul",     "cat",         "flatten",
                                        "view",       "reshape", "transpose",   "mean"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char name[32];
        snprintf(name, sizeof name, "aten::%s", names[i]);
        const struct cost cost = {name, {"1x8x4x4", "8"}, "1x8x4x4", .module = ""};
        assert_costs(&cost, 1);
    }
}

static void add_named(struct ebjr_flops *flops, const char *name, const char *module)
{
    const struct ebjr_operator op = {.name = name,
                                     .module = module,
                                     .inputs = {parse_shape("1x3x4x4")},
                                     .output = parse_shape("1x3x4x4")};
    ebjr_flops_add(flops, &op);
}

static void what_cannot_be_counted_is_named_once(void **state)
{
    (void)state;
    struct ebjr_flops flops = {0};
    for (int i = 0; i < 3; i++) {
        add_named(&flops, "aten::einsum_path", "");
        add_named(&flops, "aten::einsum", "");
        add_named(&flops, "mine::aten::einsum", "");
        add_named(&flops, "aten::gelu", "");
    }
    assert_int_equal(flops.op_counter, 0);
    assert_int_equal(flops.mac2, 0);
    assert_string_equal(flops.uncounted,
                        "aten::einsum_path, aten::einsum, mine::aten::einsum, aten::gelu");
    assert_string_equal(flops.uncounted_mac2,
                        "aten::einsum_path, aten::einsum, mine::aten::einsum");
}

/* A frozen model has no modules: whether its pooling was one cannot be known. */
static void pooling_without_a_module_is_named(void **state)
{
    (void)state;
    struct ebjr_flops flops = {0};
    add_named(&flops, "aten::avg_pool2d", "");
    add_named(&flops, "aten::adaptive_avg_pool2d", "");
    add_named(&flops, "aten::max_pool2d", "torch.nn.modules.pooling.MaxPool2d"); /* no window */
    assert_int_equal(flops.op_counter, 0);
    assert_string_equal(flops.uncounted,
                        "aten::avg_pool2d, aten::adaptive_avg_pool2d, aten::max_pool2d");
    assert_string_equal(flops.uncounted_mac2, "");
}

static void a_long_list_of_names_is_cut(void **state)
{
    (void)state;
    struct ebjr_flops flops = {0};
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "mine::operator_%d", i % 250);
        add_named(&flops, name, "");
    }
    size_t length = strlen(flops.uncounted);
    assert_true(length < EBJR_UNCOUNTED_TEXT && length > EBJR_UNCOUNTED_TEXT / 2);
    assert_string_equal(flops.uncounted + length - 5, ", ...");
    assert_null(strstr(flops.uncounted, "..., "));
    assert_string_equal(flops.uncounted, flops.uncounted_mac2);
}

/* device.h */

static void devices_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again;
        bool cuda;
        int index;
    } cases[] = {
        {"cpu", "cpu", false, 0},
        {"cuda", "cuda:0", true, 0},
        {"cuda:0", "cuda:0", true, 0},
        {"cuda:13", "cuda:13", true, 13},
    };
    static const char *const others[] = {"",         "gpu",   "CPU",      "cpu:0",
                                         "cud",      "cuda:", "cuda:-1",  "cuda:x",
                                         "cuda:1.5", "cudax", "cuda:1,2", "cuda:99999999999"};
    struct ebjr_device device;
    char text[32];
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_done(ebjr_device_parse(&device, cases[i].text));
        assert_int_equal(device.cuda, cases[i].cuda);
        assert_int_equal(device.index, cases[i].index);
        ebjr_device_format(text, sizeof text, &device);
        assert_string_equal(text, cases[i].again);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        assert_refused(ebjr_device_parse(&device, others[i]), EBJR_EINVAL, "cuda:N");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_reads_every_integer_type),
        cmocka_unit_test(npy_reads_both_float_types),
        cmocka_unit_test(npy_knows_every_version_and_spelling),
        cmocka_unit_test(npy_reads_rows_in_any_order),
        cmocka_unit_test(npy_refuses_what_it_cannot_read),
        cmocka_unit_test(npy_refuses_every_other_length),
        cmocka_unit_test(npy_refuses_what_is_no_npy),
        cmocka_unit_test(csv_reads_numbers),
        cmocka_unit_test(csv_finds_columns),
        cmocka_unit_test(csv_names_the_broken_line),
        cmocka_unit_test(csv_refuses_empty_and_absent_files),
        cmocka_unit_test(logits_are_read_from_every_form),
        cmocka_unit_test(logits_of_another_form_are_refused),
        cmocka_unit_test(labels_in_a_csv_must_be_classes),
        cmocka_unit_test(labels_are_read_from_every_form),
        cmocka_unit_test(labels_of_another_form_are_refused),
        cmocka_unit_test(cifar10_reads_a_file),
        cmocka_unit_test(cifar10_reads_across_its_files),
        cmocka_unit_test(cifar100_takes_the_fine_label),
        cmocka_unit_test(cifar_refuses_other_files),
        cmocka_unit_test(idx_reads_every_spelling),
        cmocka_unit_test(idx_is_given_as_a_directory),
        cmocka_unit_test(idx_refuses_other_files),
        cmocka_unit_test(idx_notices_a_truncated_gz),
        cmocka_unit_test(idx_notices_a_wrong_checksum),
        cmocka_unit_test(npy_images_come_channels_first),
        cmocka_unit_test(npy_images_may_be_grey_floats),
        cmocka_unit_test(npy_images_of_another_form_are_refused),
        cmocka_unit_test(npy_labels_of_another_form_are_refused),
        cmocka_unit_test(datasets_are_named_by_kind_and_path),
        cmocka_unit_test(a_file_has_its_own_hash),
        cmocka_unit_test(files_are_hashed_in_reading_order),
        cmocka_unit_test(a_changed_byte_changes_the_hash),
        cmocka_unit_test(pixels_become_inputs),
        cmocka_unit_test(floats_are_scaled_too),
        cmocka_unit_test(the_same_arithmetic_has_the_same_text),
        cmocka_unit_test(preprocessing_must_make_sense),
        cmocka_unit_test(a_description_is_whole_or_refused),
        cmocka_unit_test(ranks_follow_a_sort),
        cmocka_unit_test(energies_are_derived_at_temperature_one),
        cmocka_unit_test(rows_that_cannot_be_are_refused),
        cmocka_unit_test(scores_follow_their_formulas),
        cmocka_unit_test(float32_scores_are_the_same_to_its_precision),
        cmocka_unit_test(scores_together_are_scores_one_by_one),
        cmocka_unit_test(the_entropy_of_sure_samples_is_exact),
        cmocka_unit_test(uniform_logits_have_closed_forms),
        cmocka_unit_test(two_classes_are_logistic),
        cmocka_unit_test(scores_stay_in_their_ranges),
        cmocka_unit_test(float32_scores_of_extreme_logits_stay_in_their_ranges),
        cmocka_unit_test(huge_logits_give_finite_scores),
        cmocka_unit_test(a_shift_moves_only_the_sizes),
        cmocka_unit_test(temperature_divides_the_logits),
        cmocka_unit_test(the_order_of_classes_does_not_matter),
        cmocka_unit_test(random_scores_are_the_mersenne_twister),
        cmocka_unit_test(scores_are_found_by_name),
        cmocka_unit_test(convolutions_cost_their_multiply_adds),
        cmocka_unit_test(matrix_products_cost_their_multiply_adds),
        cmocka_unit_test(op_counter_sees_relus_and_pooling_modules),
        cmocka_unit_test(the_rest_costs_nothing),
        cmocka_unit_test(what_cannot_be_counted_is_named_once),
        cmocka_unit_test(pooling_without_a_module_is_named),
        cmocka_unit_test(a_long_list_of_names_is_cut),
        cmocka_unit_test(devices_are_parsed),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
