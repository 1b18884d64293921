/* Compiled for x86-64-v4: 32 registers hold 24 sums, 4 vectors of pixels and a weight. */
#include <immintrin.h>

#define LARGER _mm512_max_ps
#define SMALLER _mm512_min_ps
#define LANES 16
#define VECTORS 4
#define KERNELS ebjr_kernels_avx512
#define NAME "AVX-512"
#include "runtime/kernels_body.h"
