/*
 * What softmax_kernel.h does with one vector, as C has it for any set of instructions, and by the
 * intrinsics of AVX-512, of which compilers find several instructions where one does.
 */

enum { KERNEL(VECTORS) = GROUP / LANES };
typedef double KERNEL(lanes) __attribute__((vector_size(8 * LANES)));
typedef uint64_t KERNEL(bits) __attribute__((vector_size(8 * LANES)));
typedef float KERNEL(floats) __attribute__((vector_size(4 * LANES)));
#if LANES == 8
typedef __mmask8 KERNEL(mask);
#else
typedef KERNEL(bits) KERNEL(mask);
#endif

#define LANES_T KERNEL(lanes)
#define BITS_T KERNEL(bits)
#define MASK_T KERNEL(mask)
#define EACH _Pragma("GCC unroll 16") for (int g = 0; g < KERNEL(VECTORS); g++)

#if LANES == 8

TARGET ALWAYS_INLINE LANES_T KERNEL(load)(const float *logits)
{
    return (LANES_T)_mm512_cvtps_pd(_mm256_loadu_ps(logits));
}

TARGET ALWAYS_INLINE MASK_T KERNEL(at_least)(LANES_T y, double limit)
{
    return _mm512_cmp_pd_mask((__m512d)y, _mm512_set1_pd(limit), _CMP_GE_OQ);
}

/* a b where it counts, else 0 */
TARGET ALWAYS_INLINE LANES_T KERNEL(product)(LANES_T a, LANES_T b, MASK_T counts)
{
    return (LANES_T)_mm512_maskz_mul_pd(counts, (__m512d)a, (__m512d)b);
}

/* roots[j mod 16] */
TARGET ALWAYS_INLINE BITS_T KERNEL(root)(BITS_T j)
{
    __m512i low = _mm512_loadu_si512(roots), high = _mm512_loadu_si512(roots + 8);
    return (BITS_T)_mm512_permutex2var_epi64(low, (__m512i)j, high);
}

/* Is any of a group above `limit`? */
TARGET ALWAYS_INLINE bool KERNEL(any_above)(const LANES_T *a, double limit)
{
    __m512d most = _mm512_set1_pd(limit);
    int any = 0;
    for (int g = 0; g < KERNEL(VECTORS); g++)
        any |= _mm512_cmp_pd_mask((__m512d)a[g], most, _CMP_GT_OQ);
    return any != 0;
}

/* Bit j: group[j] == value */
TARGET ALWAYS_INLINE uint32_t KERNEL(equal)(const float *group, float value)
{
    __m512 all = _mm512_set1_ps(value);
    uint32_t low = _mm512_cmp_ps_mask(_mm512_loadu_ps(group), all, _CMP_EQ_OQ);
    uint32_t high = _mm512_cmp_ps_mask(_mm512_loadu_ps(group + 16), all, _CMP_EQ_OQ);
    return low | high << 16;
}

#else

TARGET ALWAYS_INLINE LANES_T KERNEL(load)(const float *logits)
{
    KERNEL(floats) f;
    memcpy(&f, logits, sizeof f);
    return __builtin_convertvector(f, LANES_T);
}

TARGET ALWAYS_INLINE MASK_T KERNEL(at_least)(LANES_T y, double limit)
{
    return (MASK_T)(y >= limit);
}

TARGET ALWAYS_INLINE LANES_T KERNEL(product)(LANES_T a, LANES_T b, MASK_T counts)
{
    return (LANES_T)((BITS_T)(a * b) & counts);
}

TARGET ALWAYS_INLINE BITS_T KERNEL(root)(BITS_T j)
{
    for (int i = 0; i < LANES; i++)
        j[i] = roots[j[i] % 16];
    return j;
}

TARGET ALWAYS_INLINE bool KERNEL(any_above)(const LANES_T *a, double limit)
{
    BITS_T above = {0};
    uint64_t any = 0;
    EACH above |= (BITS_T)(a[g] > limit);
    for (int i = 0; i < LANES; i++)
        any |= above[i];
    return any != 0;
}

TARGET ALWAYS_INLINE uint32_t KERNEL(equal)(const float *group, float value)
{
    uint32_t bits = 0;
    int any = 0;
    for (int j = 0; j < GROUP; j++)
        any |= group[j] == value;
    for (int j = 0; any && j < GROUP; j++)
        bits |= (uint32_t)(group[j] == value) << j;
    return bits;
}

#endif
