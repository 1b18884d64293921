/* Compiled for x86-64-v3: 16 registers hold 12 sums, 2 vectors of pixels and a weight. */
#include <immintrin.h>

#define LARGER _mm256_max_ps
#define SMALLER _mm256_min_ps
#define LANES 8
#define VECTORS 2
#define KERNELS ebjr_kernels_avx2
#define NAME "AVX2"
#include "runtime/kernels_body.h"
