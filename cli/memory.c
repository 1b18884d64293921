#include "cli/memory.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double limit; /* bytes */

/* The number behind `key` ("MemAvailable:") in a file of the kernel's, whose unit is kB; 0: none.
 */
static double read_field(const char *path, const char *key)
{
    char line[256];
    double value = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key), NULL) * 1024;
    fclose(file);
    return value;
}

/* The number that is all of a file; INFINITY: it holds none. */
static double read_number(const char *path)
{
    char line[64], *end = line;
    double value = INFINITY;
    FILE *file = fopen(path, "r");
    if (!file)
        return value;
    if (fgets(line, sizeof line, file))
        value = strtod(line, &end);
    fclose(file);
    return end == line ? INFINITY : value;
}

double memory_free(void)
{
    double system =
        read_field("/proc/meminfo", "MemAvailable:") + read_field("/proc/meminfo", "SwapFree:");
    double most = read_number("/sys/fs/cgroup/memory.max");
    double used = read_number("/sys/fs/cgroup/memory.current");
    /* the numbers of this file are in bytes; what is cached and not in use goes when asked for */
    used -= read_field("/sys/fs/cgroup/memory.stat", "inactive_file ") / 1024;
    return isfinite(most) && isfinite(used) ? fmin(system, fmax(most - used, 0)) : system;
}

int memory_limit(const char *asked, bool guess)
{
    double size = 0;
    struct rlimit data;
    if (asked && strcmp(asked, "none") == 0)
        return 0;
    int status = asked ? ebjr_number_parse(&size, asked) : 0;
    if (status)
        return ebjr_error_context(status, "--memory");
    if (asked && !(size >= 1 && size < 1e18))
        return ebjr_error_set(EBJR_EINVAL, "--memory %s: give bytes (8G), or none", asked);
    if (!asked && guess)
        size = memory_free();
    if (size == 0 || getrlimit(RLIMIT_DATA, &data) != 0)
        return 0;
    limit = size;
    size += read_field("/proc/self/status", "VmData:");
    if (data.rlim_max != RLIM_INFINITY && size > (double)data.rlim_max)
        size = (double)data.rlim_max;
    data.rlim_cur = (rlim_t)size;
    if (setrlimit(RLIMIT_DATA, &data) != 0)
        return ebjr_error_set(EBJR_EIO, "--memory: the system refuses a limit: %s",
                              strerror(errno));
    return 0;
}

double memory_limited_to(void)
{
    return limit;
}
