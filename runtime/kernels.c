#include "runtime/kernels.h"

#include <stdbool.h>

/* What kernels_avx512.c and kernels_avx2.c are compiled for: x86-64-v4 and -v3. */
static bool is_supported(const struct ebjr_kernels *kernels)
{
#ifdef __x86_64__
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (kernels == &ebjr_kernels_avx2)
        return v3;
    if (kernels == &ebjr_kernels_avx512)
        return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    return kernels == &ebjr_kernels_portable;
}

const struct ebjr_kernels *ebjr_kernels_find(size_t rank)
{
    static const struct ebjr_kernels *const all[] = {
#ifdef __x86_64__
        &ebjr_kernels_avx512,
        &ebjr_kernels_avx2,
#endif
        &ebjr_kernels_portable,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (is_supported(all[i]) && rank-- == 0)
            return all[i];
    return NULL;
}
