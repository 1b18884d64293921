/* Arrays that grow. */
#ifndef EBJR_BASE_ARRAY_H
#define EBJR_BASE_ARRAY_H

#include <stddef.h>

/* Room for `more` elements of `size` bytes behind `used` ones, of *room that there are. `array`
 * points to the pointer to the first, whatever its type. Errors: EBJR_ENOMEM, the array then being
 * as it was. */
int ebjr_array_reserve(void *array, size_t *room, size_t used, size_t more, size_t size);

#endif
