#include "cli/published.h"

#include "base/error.h"
#include "cli/option.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {"../share/ebjr/baselines", "../bench/baselines"};
static const char ending[] = ".csv";

static bool is_name(const char *text)
{
    return !strchr(text, '/') && !strstr(text, ending);
}

/* Of the directory that the program is in; "": unknown. */
static void find_home(char out[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[length > 0 ? length : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* "cifar10, cifar100, coco" */
static void list_names(char *out, size_t size, const char *directory)
{
    enum { MOST = 64 };
    char *names[MOST] = {NULL};
    size_t count = 0;
    DIR *open = opendir(directory);
    const struct dirent *entry;
    while (open && count < MOST && (entry = readdir(open))) {
        size_t length = strlen(entry->d_name);
        if (length <= strlen(ending) ||
            strcmp(entry->d_name + length - strlen(ending), ending) != 0)
            continue;
        char *name = strndup(entry->d_name, length - strlen(ending));
        if (name)
            names[count++] = name;
    }
    if (open)
        closedir(open);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", names[i]);
        free(names[i]);
    }
}

int published_find(char out[PATH_MAX], const char *asked)
{
    char home[PATH_MAX], path[2 * PATH_MAX], names[1024] = "";
    if (snprintf(out, PATH_MAX, "%s", asked) >= PATH_MAX)
        return ebjr_error_set(EBJR_ENOTFOUND, "--baselines %.64s... is too long", asked);
    if (!is_name(asked) || access(asked, F_OK) == 0)
        return 0;
    find_home(home);
    for (size_t i = 0; i < ROWS(places); i++) {
        int length = snprintf(path, sizeof path, "%s/%s/%s%s", home, places[i], asked, ending);
        if (length < PATH_MAX && access(path, F_OK) == 0) {
            memcpy(out, path, (size_t)length + 1);
            return 0;
        }
        snprintf(path, sizeof path, "%s/%s", home, places[i]);
        if (!*names)
            list_names(names, sizeof names, path);
    }
    return ebjr_error_set(EBJR_ENOTFOUND,
                          "--baselines %s: there is no such file, and no published results of that "
                          "name come with ebjr%s%s",
                          asked, *names ? "; there are " : "", names);
}
