/* What fuzz targets share: a directory in memory, and files in it of the bytes to try. */
#ifndef EBJR_TESTS_FUZZ_H
#define EBJR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_directory[64];

static inline void fuzz_remove(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", fuzz_directory);
    if (system(command) != 0)
        fprintf(stderr, "%s is left behind\n", fuzz_directory);
}

/* The path of a file of these bytes; static, one for each call with another `room`. */
static inline const char *fuzz_file(int room, const char *name, const uint8_t *data, size_t size)
{
    static char paths[4][128];
    if (!*fuzz_directory) {
        snprintf(fuzz_directory, sizeof fuzz_directory, "/dev/shm/ebjr-fuzz-XXXXXX");
        if (!mkdtemp(fuzz_directory))
            abort();
        atexit(fuzz_remove);
    }
    snprintf(paths[room], sizeof paths[room], "%s/%s", fuzz_directory, name);
    FILE *file = fopen(paths[room], "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
    return paths[room];
}

/* The bytes as a text, for the caller to free. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
