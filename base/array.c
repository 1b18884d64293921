#include "base/array.h"

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int ebjr_array_reserve(void *array, size_t *room, size_t used, size_t more, size_t size)
{
    void *grown;
    if (*room - used >= more)
        return 0;
    size_t wanted = 2 * *room + more;
    memcpy(&grown, array, sizeof grown);
    grown = wanted <= SIZE_MAX / size ? realloc(grown, wanted * size) : NULL;
    if (!grown)
        return ebjr_error_memory();
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return 0;
}
