/* Where a model is executed. */
#ifndef EBJR_RUNTIME_DEVICE_H
#define EBJR_RUNTIME_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_device {
    bool cuda;
    int index; /* of the GPU */
};

/* "cpu", "cuda", "cuda:N". Errors: EBJR_EINVAL. Whether there is such a GPU, the backend says when
 * a model is opened (EBJR_EDEVICE). */
int ebjr_device_parse(struct ebjr_device *out, const char *text);

/* The same text again: "cpu", "cuda:0". */
void ebjr_device_format(char *out, size_t size, const struct ebjr_device *device);

/* The model name of this machine's CPU, "unknown" where the system does not tell. */
void ebjr_host_cpu(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
