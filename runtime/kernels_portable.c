/* Compiled for the oldest CPU the program runs on. */
#define LANES 4
#define VECTORS 2
#define KERNELS ebjr_kernels_portable
#define NAME "portable"
#include "runtime/kernels_body.h"
