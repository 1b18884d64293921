#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "support.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

/* error.h */

static void error_keeps_its_message(void **state)
{
    (void)state;
    assert_int_equal(ebjr_error_set(EBJR_EFORMAT, "%s: line %d", "a.csv", 7), EBJR_EFORMAT);
    assert_string_equal(ebjr_error_last(), "a.csv: line 7");
    assert_int_equal(ebjr_error_context(EBJR_EIO, "data set %s", "cifar10"), EBJR_EIO);
    assert_string_equal(ebjr_error_last(), "data set cifar10: a.csv: line 7");
    assert_int_equal(ebjr_error_memory(), EBJR_ENOMEM);
    assert_string_equal(ebjr_error_last(), "out of memory");
}

static void error_may_quote_the_kept_message(void **state)
{
    (void)state;
    ebjr_error_set(EBJR_EIO, "disk full");
    ebjr_error_set(EBJR_EIO, "<%s|%s>", ebjr_error_last(), ebjr_error_last());
    assert_string_equal(ebjr_error_last(), "<disk full|disk full>");
    ebjr_error_context(EBJR_EIO, "again %s", ebjr_error_last());
    assert_string_equal(ebjr_error_last(), "again <disk full|disk full>: <disk full|disk full>");
}

enum { LONG = 5000, SURELY_KEPT = 1000 };

static void assert_head_of(const char *whole)
{
    size_t kept = strlen(ebjr_error_last()), length = strlen(whole);
    assert_true(kept >= (length < SURELY_KEPT ? length : SURELY_KEPT));
    assert_memory_equal(ebjr_error_last(), whole, kept);
}

static void error_cuts_what_is_too_long(void **state)
{
    (void)state;
    char text[LONG + 1], whole[2 * LONG];
    memset(text, 'x', LONG);
    text[LONG] = 0;
    for (int length = 0; length <= LONG; length++) {
        ebjr_error_set(EBJR_EIO, "%.*s", length, text);
        snprintf(whole, sizeof whole, "%.*s", length, text);
        assert_head_of(whole);

        ebjr_error_set(EBJR_EIO, "reason");
        ebjr_error_context(EBJR_EIO, "%.*s", length, text);
        snprintf(whole, sizeof whole, "%.*s: reason", length, text);
        assert_head_of(whole);
    }
    ebjr_error_set(EBJR_EIO, "%s", text);
    ebjr_error_context(EBJR_EIO, "context");
    snprintf(whole, sizeof whole, "context: %s", text);
    assert_head_of(whole);
}

static void *fail_in_a_thread(void *seen)
{
    bool *clean = seen;
    *clean = *ebjr_error_last() == 0;
    ebjr_error_set(EBJR_EIO, "of the other thread");
    return NULL;
}

static void error_belongs_to_its_thread(void **state)
{
    (void)state;
    pthread_t thread;
    bool clean = false;
    ebjr_error_set(EBJR_EIO, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_in_a_thread, &clean), 0);
    pthread_join(thread, NULL);
    assert_true(clean);
    assert_string_equal(ebjr_error_last(), "of this thread");
}

/* hash.h; the vectors are of FIPS 180-2, appendix B, and NIST's example files */

static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_two_blocks[] =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
static const char of_million_a[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
enum { MILLION = 1000000 };

static void assert_digest(ebjr_hash *hash, const char *expected)
{
    char digest[EBJR_HASH_TEXT];
    assert_done(ebjr_hash_finish(hash, digest));
    assert_string_equal(digest, expected);
}

static void hash_meets_the_known_vectors(void **state)
{
    (void)state;
    ebjr_hash *hash;
    assert_done(ebjr_hash_new(&hash));
    assert_digest(hash, of_nothing);
    assert_done(ebjr_hash_update(hash, "abc", 3));
    assert_digest(hash, of_abc);
    assert_done(ebjr_hash_update(hash, two_blocks, strlen(two_blocks)));
    assert_digest(hash, of_two_blocks);
    assert_digest(hash, of_nothing);
    ebjr_hash_free(hash);
    ebjr_hash_free(NULL);
}

static void hash_does_not_see_the_pieces(void **state)
{
    (void)state;
    ebjr_hash *hash;
    char piece[200];
    uint64_t seed = 1;
    memset(piece, 'a', sizeof piece);
    assert_done(ebjr_hash_new(&hash));
    for (size_t left = MILLION; left > 0;) {
        size_t size = random_below(&seed, sizeof piece + 1);
        size = size < left ? size : left;
        assert_done(ebjr_hash_update(hash, piece, size));
        left -= size;
    }
    assert_digest(hash, of_million_a);
    ebjr_hash_free(hash);
}

static void assert_file_digest(const void *bytes, size_t size, const char *expected)
{
    char digest[EBJR_HASH_TEXT];
    int64_t counted = -1;
    write_file(scratch_path("hashed"), bytes, size);
    assert_done(ebjr_hash_file(digest, &counted, scratch_path("hashed")));
    assert_string_equal(digest, expected);
    assert_int_equal(counted, size);
}

static void hash_of_a_file(void **state)
{
    (void)state;
    char *a = malloc(MILLION);
    assert_non_null(a);
    memset(a, 'a', MILLION);
    assert_file_digest("", 0, of_nothing);
    assert_file_digest("abc", 3, of_abc);
    assert_file_digest(a, MILLION, of_million_a);
    free(a);
}

static void hash_of_files_in_a_row(void **state)
{
    (void)state;
    ebjr_hash *hash;
    int64_t size = 10;
    write_file(scratch_path("head"), "a", 1);
    write_file(scratch_path("tail"), "bc", 2);
    assert_done(ebjr_hash_new(&hash));
    assert_done(ebjr_hash_update_file(hash, scratch_path("head"), &size));
    assert_int_equal(size, 11);
    assert_done(ebjr_hash_update_file(hash, scratch_path("tail"), NULL));
    assert_digest(hash, of_abc);
    ebjr_hash_free(hash);
}

static void hash_of_what_cannot_be_read(void **state)
{
    (void)state;
    char digest[EBJR_HASH_TEXT];
    int64_t size;
    const char *missing = scratch_path("missing");
    assert_refused(ebjr_hash_file(digest, &size, missing), EBJR_ENOTFOUND, missing);
    assert_refused(ebjr_hash_file(digest, &size, scratch), EBJR_EIO, scratch);
}

/* text.h */

static void number_as_people_write_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"0.95", 0.95},     {"1.3e8", 130000000}, {"130M", 130000000}, {"-4", -4},
                 {"2G", 2e9},        {"1.5k", 1500},       {"1.5K", 1500},      {"3T", 3e12},
                 {"inf", HUGE_VAL},  {"-inf", -HUGE_VAL},  {".5", 0.5},         {"+7", 7},
                 {"1e-320", 1e-320}, {"-0", -0.0},         {"1e308", 1e308}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 0;
        assert_done(ebjr_number_parse(&value, cases[i].text));
        assert_int_equal(bits_of(value), bits_of(cases[i].value));
    }
}

/* strtod rounds once, so "1.005k" must be what it makes of "1.005e3". */
static void suffix_is_an_exponent(void **state)
{
    (void)state;
    static const struct {
        char suffix;
        const char *exponent;
    } pairs[] = {{'k', "e3"}, {'K', "e3"}, {'M', "e6"}, {'G', "e9"}, {'T', "e12"}};
    uint64_t seed = 2;
    for (int i = 0; i < 5000; i++) {
        char digits[32], text[40], reference[40];
        double value = 0;
        size_t pair = random_below(&seed, COUNT(pairs));
        snprintf(digits, sizeof digits, "%s%zu.%03zu", random_below(&seed, 2) ? "-" : "",
                 random_below(&seed, 1000), random_below(&seed, 1000));
        snprintf(text, sizeof text, "%s%c", digits, pairs[pair].suffix);
        snprintf(reference, sizeof reference, "%s%s", digits, pairs[pair].exponent);
        assert_done(ebjr_number_parse(&value, text));
        if (bits_of(value) != bits_of(strtod(reference, NULL)))
            print_error("%s is read as %.17g, not %s\n", text, value, reference);
        assert_int_equal(bits_of(value), bits_of(strtod(reference, NULL)));
    }
}

static void time_as_people_write_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double ns;
    } times[] = {{"20ms", 2e7},  {"1.5us", 1500},  {"3e6", 3e6},
                 {"7ns", 7},     {"2s", 2e9},      {"0.25ms", 25e4},
                 {"1e3us", 1e6}, {"130k", 130000}, {"infs", HUGE_VAL}};
    static const char *const garbage[] = {"",     "ms",   "s",    "2 ms", "2m",   "2h",
                                          "msms", "nans", "2sms", "-1ms", "-inf", "1e305s"};
    for (size_t i = 0; i < COUNT(times); i++) {
        double ns;
        assert_done(ebjr_time_parse(&ns, times[i].text));
        assert_true(ns == times[i].ns);
    }
    for (size_t i = 0; i < COUNT(garbage); i++) {
        double ns = 42;
        int status = ebjr_time_parse(&ns, garbage[i]);
        if (status != EBJR_EINVAL || ns != 42)
            fail_msg("'%s' is read as %g", garbage[i], ns);
    }
}

static void number_refuses_garbage(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "",    " ",  "abc", "1.2.3", "5kk",   "5 k", "k",  "nan",  "-nan", "--1", "1,000",
        "5kM", "5m", "5B",  "1e",    "0.9 x", "5k ", "e5", "1e5e", "inf7", "%",   "1\n2"};
    for (size_t i = 0; i < COUNT(garbage); i++) {
        double value = 42;
        char quoted[16];
        snprintf(quoted, sizeof quoted, "'%s'", garbage[i]);
        assert_refused(ebjr_number_parse(&value, garbage[i]), EBJR_EINVAL, quoted);
        assert_true(value == 42);
    }
}

static void number_does_not_overflow_to_infinity(void **state)
{
    (void)state;
    static const char *const vast[] = {"1e309", "-1e999", "1e300T", "-9e307k"};
    for (size_t i = 0; i < COUNT(vast); i++) {
        double value = 42;
        assert_status(ebjr_number_parse(&value, vast[i]), EBJR_EINVAL);
        assert_true(value == 42);
    }
}

static void integer_keeps_its_range(void **state)
{
    (void)state;
    int64_t value = 42;
    assert_done(ebjr_integer_parse(&value, "1", 1, 10));
    assert_int_equal(value, 1);
    assert_done(ebjr_integer_parse(&value, "10", 1, 10));
    assert_int_equal(value, 10);
    assert_done(ebjr_integer_parse(&value, "-2.5k", INT64_MIN, INT64_MAX));
    assert_int_equal(value, -2500);
    static const char *const refused[] = {"0",   "11",   "-1",    "2.5", "inf",
                                          "nan", "1e30", "-1e30", "",    "five"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        value = 42;
        assert_refused(ebjr_integer_parse(&value, refused[i], 1, 10), EBJR_EINVAL, refused[i]);
        assert_int_equal(value, 42);
    }
    assert_refused(ebjr_integer_parse(&value, "11", 1, 10), EBJR_EINVAL, "from 1 to 10");
    assert_status(ebjr_integer_parse(&value, "1e30", INT64_MIN, INT64_MAX), EBJR_EINVAL);
}

static void integer_is_exact(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 5000; i++) {
        int64_t whole = (int64_t)random_bits(&seed) >> (10 + random_below(&seed, 54)), value = 42;
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)whole);
        assert_done(ebjr_integer_parse(&value, text, INT64_MIN, INT64_MAX));
        assert_int_equal(value, whole);
    }
}

/* Above 2^53 a double no longer holds every integer: read exactly, or refused. */
static void integer_is_never_a_neighbour(void **state)
{
    (void)state;
    static const int64_t wholes[] = {INT64_C(9007199254740991), INT64_C(9007199254740993),
                                     INT64_C(-9007199254740993), INT64_C(9223372036854775807)};
    for (size_t i = 0; i < COUNT(wholes); i++) {
        char text[32];
        int64_t value = 42;
        snprintf(text, sizeof text, "%lld", (long long)wholes[i]);
        if (ebjr_integer_parse(&value, text, INT64_MIN, INT64_MAX) == 0)
            assert_int_equal(value, wholes[i]);
    }
}

static size_t significant_digits(const char *text)
{
    size_t digits = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '0' && digits > 0)
            zeros++;
        if (*text < '1' || *text > '9')
            continue;
        digits += zeros + 1;
        zeros = 0;
    }
    return digits;
}

static size_t fewest_digits(double value)
{
    for (int digits = 1; digits <= 17; digits++) {
        char text[EBJR_NUMBER_TEXT];
        snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            return significant_digits(text);
    }
    return 17;
}

static void assert_shortest(double value)
{
    char text[EBJR_NUMBER_TEXT];
    assert_ptr_equal(ebjr_number_format(text, value), text);
    assert_int_equal(bits_of(strtod(text, NULL)), bits_of(value));
    if (significant_digits(text) > fewest_digits(value))
        print_error("%s: %zu digits would do\n", text, fewest_digits(value));
    assert_true(significant_digits(text) <= fewest_digits(value));
}

static void format_is_shortest_and_reads_back(void **state)
{
    (void)state;
    static const double special[] = {
        0.0,         -0.0,   0.1,   1.0 / 3,  1e15,      1e16,
        1e17,        1e22,   1e23,  130e6,    DBL_MAX,   DBL_MIN,
        DBL_EPSILON, 4.6195, -2.46, HUGE_VAL, -HUGE_VAL, 9007199254740993.0,
        5e-324,      1e-310};
    uint64_t seed = 4;
    for (size_t i = 0; i < COUNT(special); i++)
        assert_shortest(special[i]);
    for (int i = 0; i < 20000; i++) {
        double value = double_of(random_bits(&seed));
        if (!isnan(value))
            assert_shortest(value);
    }
}

static void format_of_known_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-4, "-4"},
                 {0.95, "0.95"},
                 {4.6195, "4.6195"},
                 {NAN, "nan"},
                 {HUGE_VAL, "inf"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {-HUGE_VAL, "-inf"}};
    char text[EBJR_NUMBER_TEXT];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(ebjr_number_format(text, cases[i].value), cases[i].text);
    assert_string_equal(ebjr_number_format(text, -NAN), "nan");
}

/* The recurrence of the edit distance, as it is defined. */
static size_t distance(const char *a, const char *b)
{
    if (!*a || !*b)
        return strlen(a) + strlen(b);
    size_t changed = distance(a + 1, b + 1) + (*a != *b);
    size_t dropped = distance(a + 1, b) + 1, added = distance(a, b + 1) + 1;
    size_t best = changed < dropped ? changed : dropped;
    return best < added ? best : added;
}

static void random_word(char out[6], uint64_t *seed)
{
    size_t length = random_below(seed, 6);
    for (size_t i = 0; i < length; i++)
        out[i] = "abc"[random_below(seed, 3)];
    out[length] = 0;
}

static void nearest_is_nearest(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 1000; i++) {
        char name[6], words[4][6];
        const char *candidates[COUNT(words)];
        size_t best = SIZE_MAX;
        random_word(name, &seed);
        for (size_t k = 0; k < COUNT(words); k++) {
            random_word(words[k], &seed);
            candidates[k] = words[k];
            best = distance(name, words[k]) < best ? distance(name, words[k]) : best;
        }
        const char *nearest = ebjr_name_nearest(name, candidates, COUNT(words));
        if (nearest)
            assert_int_equal(distance(name, nearest), best);
        else /* nothing that shares at least half of the name was at hand */
            assert_true(best > strlen(name) / 2);
    }
}

static void nearest_of_known_names(void **state)
{
    (void)state;
    static const char *const scores[] = {"energy", "softmax-energy", "msp", "margin"};
    char vast[301];
    memset(vast, 'x', 300);
    vast[300] = 0;
    const char *const with_vast[] = {vast, "energy"};
    assert_ptr_equal(ebjr_name_nearest("enrgy", scores, COUNT(scores)), scores[0]);
    assert_ptr_equal(ebjr_name_nearest("softmax_energy", scores, COUNT(scores)), scores[1]);
    assert_ptr_equal(ebjr_name_nearest("magrin", scores, COUNT(scores)), scores[3]);
    assert_null(ebjr_name_nearest("densenet201", scores, COUNT(scores)));
    assert_null(ebjr_name_nearest("enrgy", scores, 0));
    assert_null(ebjr_name_nearest(vast, scores, COUNT(scores)));
    assert_ptr_equal(ebjr_name_nearest("enrgy", with_vast, COUNT(with_vast)), with_vast[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_keeps_its_message),
        cmocka_unit_test(error_may_quote_the_kept_message),
        cmocka_unit_test(error_cuts_what_is_too_long),
        cmocka_unit_test(error_belongs_to_its_thread),
        cmocka_unit_test(hash_meets_the_known_vectors),
        cmocka_unit_test(hash_does_not_see_the_pieces),
        cmocka_unit_test(hash_of_a_file),
        cmocka_unit_test(hash_of_files_in_a_row),
        cmocka_unit_test(hash_of_what_cannot_be_read),
        cmocka_unit_test(number_as_people_write_it),
        cmocka_unit_test(suffix_is_an_exponent),
        cmocka_unit_test(time_as_people_write_it),
        cmocka_unit_test(number_refuses_garbage),
        cmocka_unit_test(number_does_not_overflow_to_infinity),
        cmocka_unit_test(integer_keeps_its_range),
        cmocka_unit_test(integer_is_exact),
        cmocka_unit_test(integer_is_never_a_neighbour),
        cmocka_unit_test(format_is_shortest_and_reads_back),
        cmocka_unit_test(format_of_known_numbers),
        cmocka_unit_test(nearest_is_nearest),
        cmocka_unit_test(nearest_of_known_names),
    };
    return cmocka_run_group_tests_name("base", tests, make_scratch, remove_scratch);
}
