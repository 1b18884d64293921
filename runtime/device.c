#include "runtime/device.h"

#include "base/error.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int ebjr_device_parse(struct ebjr_device *out, const char *text)
{
    int64_t index = 0;
    *out = (struct ebjr_device){0};
    if (strcmp(text, "cpu") == 0)
        return 0;
    if (strncmp(text, "cuda", 4) != 0 || (text[4] && text[4] != ':') ||
        (text[4] && ebjr_integer_parse(&index, text + 5, 0, 1023) != 0))
        return ebjr_error_set(EBJR_EINVAL, "'%s' is not a device: cpu, cuda or cuda:N", text);
    *out = (struct ebjr_device){.cuda = true, .index = (int)index};
    return 0;
}

void ebjr_device_format(char *out, size_t size, const struct ebjr_device *device)
{
    if (device->cuda)
        snprintf(out, size, "cuda:%d", device->index);
    else
        snprintf(out, size, "cpu");
}

void ebjr_host_cpu(char *out, size_t size)
{
    char line[512];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " "));
        out[strcspn(out, "\n")] = 0;
        break;
    }
    fclose(file);
}
