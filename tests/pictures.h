/* What tests of pictures share: their files, what gnuplot made of them, texts in an SVG. */
#ifndef EBJR_TESTS_PICTURES_H
#define EBJR_TESTS_PICTURES_H

#include "plots/gnuplot.h"
#include "support.h"

#include <dirent.h>
#include <sys/stat.h>

static inline const char *new_directory(const char *name)
{
    assert_int_equal(mkdir(scratch_path(name), 0755), 0);
    return scratch_path(name);
}

static inline void path_of(char path[PATH_MAX], const char *directory, const char *name,
                           const char *ending)
{
    assert_in_range(snprintf(path, PATH_MAX, "%s/%s%s", directory, name, ending), 1, PATH_MAX - 1);
}

static inline char *read_beside(const char *directory, const char *name, const char *ending)
{
    char path[PATH_MAX];
    size_t size;
    path_of(path, directory, name, ending);
    return read_file(path, &size);
}

static inline void remove_beside(const char *directory, const char *name, const char *ending)
{
    char path[PATH_MAX];
    path_of(path, directory, name, ending);
    assert_int_equal(remove(path), 0);
}

static inline void copy_beside(const char *to, const char *from, const char *name,
                               const char *ending)
{
    char path[PATH_MAX], original[PATH_MAX];
    path_of(path, to, name, ending);
    path_of(original, from, name, ending);
    copy_file(path, original);
}

static inline bool is_one_of(const char *file, const char *name, const char *const *endings,
                             size_t count)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (strncmp(file, name, length) == 0 && strcmp(file + length, endings[i]) == 0)
            return true;
    return false;
}

/* The directory holds NAME with each of these endings, and nothing else. */
static inline bool holds_only(const char *directory, const char *name, const char *const *endings,
                              size_t count)
{
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    size_t expected = 0, others = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (is_one_of(entry->d_name, name, endings, count))
            expected++;
        else
            others++;
    }
    closedir(entries);
    return expected == count && others == 0;
}

static const char *const sources[] = {".dat", ".gp"};
static const char *const all_files[] = {".dat", ".gp", ".svg", ".png", ".pdf"};

static inline void assert_png(const char *directory, const char *name)
{
    static const unsigned char head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const unsigned char end[] = {'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    char path[PATH_MAX];
    size_t size;
    path_of(path, directory, name, ".png");
    char *bytes = read_file(path, &size);
    assert_true(size > 1000);
    assert_memory_equal(bytes, head, sizeof head);
    assert_memory_equal(bytes + size - sizeof end, end, sizeof end);
    free(bytes);
}

static inline void assert_pdf(const char *directory, const char *name)
{
    char path[PATH_MAX];
    size_t size;
    path_of(path, directory, name, ".pdf");
    char *bytes = read_file(path, &size);
    assert_true(size > 1000);
    assert_memory_equal(bytes, "%PDF-", 5);
    free(bytes);
}

static inline void assert_svg(const char *svg)
{
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "<svg"));
    assert_string_equal(strrchr(svg, '<'), "</svg>\n\n");
}

static inline bool is_gnuplot_installed(void)
{
    const char *usual = getenv("PATH");
    char *path = strdup(usual ? usual : ""), program[PATH_MAX];
    bool found = false;
    for (char *rest = path, *directory; !found && (directory = strsep(&rest, ":"));) {
        snprintf(program, sizeof program, "%s/gnuplot", directory);
        found = access(program, X_OK) == 0;
    }
    free(path);
    return found;
}

static inline void need_gnuplot(void)
{
    if (is_gnuplot_installed())
        return;
    print_message("SKIPPED: gnuplot is not installed\n");
    skip();
}

/* What XML's entities stand for, in place. */
static inline void decode_xml(char *text)
{
    static const struct {
        const char *entity;
        char character;
    } entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    char *out = text;
    while (*text) {
        size_t length = 1;
        char character = *text;
        for (size_t i = 0; i < COUNT(entities); i++)
            if (strncmp(text, entities[i].entity, strlen(entities[i].entity)) == 0) {
                length = strlen(entities[i].entity);
                character = entities[i].character;
            }
        *out++ = character;
        text += length;
    }
    *out = 0;
}

static inline void blank_controls(char *text)
{
    for (; *text; text++)
        if (*text > 0 && *text < ' ')
            *text = ' ';
}

static inline void assert_shown(const char *svg, const char *text)
{
    char *expected = strdup(text);
    assert_non_null(expected);
    blank_controls(expected);
    bool is_shown = strstr(svg, expected) != NULL;
    if (!is_shown)
        print_error("not in the picture: %s\n", expected);
    free(expected);
    assert_true(is_shown);
}

/* Lines may be broken between them. */
static inline void assert_words_shown(const char *svg, const char *text)
{
    char *words = strdup(text), *rest = words;
    assert_non_null(words);
    for (char *word; (word = strsep(&rest, " \n\r"));)
        assert_shown(svg, word);
    free(words);
}

#endif
