/* Which of the compiled libraries this processor can run. */
#include "loops.h"

#ifdef __x86_64__
#include <cpuid.h>

/* Whether there are registers of 256 bits and the system keeps them (Intel SDM, volume 1, 14.3). */
LOOP int has_avx2(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) return 0;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}
#else
LOOP int has_avx2(void) { return 0; }
#endif
