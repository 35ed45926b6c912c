/* Products of spectra. */
#include "loops.h"

/* total += a * b, complex: real and imaginary parts lie side by side. */
LOOP void add_product(float *restrict total, const float *restrict a, const float *restrict b,
                      size n) {
    for (size i = 0; i < 2 * n; i += 2) {
        total[i] += a[i] * b[i] - a[i + 1] * b[i + 1];
        total[i + 1] += a[i] * b[i + 1] + a[i + 1] * b[i];
    }
}
