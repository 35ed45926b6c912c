/* Half and twice the rate, other times, and an octave. */
#include "loops.h"

enum { PIECE = 64 };

/* Samples `start` to `stop` of a row at half its rate. Half-band filter of 11 taps: Lagrange
 * interpolation of order 5 (Goodman and Carey, 1977). */
LOOP void halve(const float *restrict x, size n, float *restrict out, size start, size stop) {
    const float near = 150 / 512.0f, middle = -25 / 512.0f, far = 3 / 512.0f;
    size first = start < 3 ? 3 : start, last = (n - 5) / 2 > stop ? stop : (n - 5) / 2;
    for (size i = start; i < stop; i++) {
        if (i == first && last > first) {
            for (; i < last; i++) {
                const float *c = x + 2 * i;
                out[i - start] = 0.5f * c[0] + near * (c[-1] + c[1]) + middle * (c[-3] + c[3]) +
                                 far * (c[-5] + c[5]);
            }
            if (i == stop) return;
        }
        float sum = 0.5f * x[2 * i];
        const float taps[3] = {near, middle, far};
        for (int tap = 0; tap < 3; tap++) {
            size before = 2 * i - 2 * tap - 1, after = 2 * i + 2 * tap + 1;
            sum += taps[tap] * ((before >= 0 ? x[before] : 0.0f) + (after < n ? x[after] : 0.0f));
        }
        out[i - start] = sum;
    }
}

/* The sample after `x[i]` at twice the rate, near the ends of the row; beyond them is silence. */
static float between_at_edge(const float *x, size n, size i, const float taps[3]) {
    float sum = 0.0f;
    for (size tap = 0; tap < 3; tap++) {
        size before = i - tap, after = i + tap + 1;
        sum += taps[tap] * ((before >= 0 ? x[before] : 0.0f) + (after < n ? x[after] : 0.0f));
    }
    return sum;
}

/* Add samples `start` to `stop` of a row of `n` at twice its rate, up to `n_out`. The same filter. */
LOOP void add_twice(const float *restrict x, size n, size start, size stop, float *restrict out,
                    size n_out) {
    const float taps[3] = {300 / 512.0f, -50 / 512.0f, 6 / 512.0f};
    stop = smaller(stop, (n_out + 1) / 2);
    for (size i = start; i < stop;) {
        size inner = smaller(smaller(stop, n - 3), n_out / 2);
        for (; i >= 2 && i < inner;) {
            float between[PIECE];
            int count = (int)smaller(PIECE, inner - i);
            const float *from = x + i;
            float *to = out + 2 * i;
            for (int k = 0; k < count; k++)
                between[k] = taps[0] * (from[k] + from[k + 1]) + taps[1] * (from[k - 1] + from[k + 2]) +
                             taps[2] * (from[k - 2] + from[k + 3]);
            if (count == PIECE)
                for (int k = 0; k < PIECE; k++) to[2 * k] += from[k], to[2 * k + 1] += between[k];
            else
                for (int k = 0; k < count; k++) to[2 * k] += from[k], to[2 * k + 1] += between[k];
            i += count;
        }
        if (i < stop) {
            out[2 * i] += x[i];
            if (2 * i + 1 < n_out) out[2 * i + 1] += between_at_edge(x, n, i, taps);
            i++;
        }
    }
}

/* Read `n` samples of `x` late by a lag that moves. Rows of `row` samples share the whole part of
 * their lag; the rest of it is interpolated over five samples (Lagrange; Laakso et al., 1996).
 * `x` reaches further to both sides than the lag does. */
LOOP void lag(const float *restrict x, float *restrict out, size n, const float *restrict control,
              size hop, size row) {
    for (size at = 0; at < n; at += row) {
        line late = line_at(control, at, hop);
        float centre = late.start + late.step * (float)(row / 2);
        size whole = (size)(centre + (centre < 0.0f ? -0.5f : 0.5f));
        const float *from = x + at - whole;
        float *to = out + at;
        int count = (int)smaller(row, n - at);
        for (int i = 0; i < count; i++) {
            float p = (float)whole - (late.start + late.step * (float)i), square = p * p;
            float outer = p * (square - 1.0f) * (1.0f / 24.0f);
            float inner = p * (square - 4.0f) * (-1.0f / 6.0f);
            to[i] = from[i - 2] * outer * (p - 2.0f) + from[i - 1] * inner * (p - 1.0f) +
                    from[i] * (square - 4.0f) * (square - 1.0f) * 0.25f +
                    from[i + 1] * inner * (p + 1.0f) + from[i + 2] * outer * (p + 2.0f);
        }
    }
}

/* Grains that play every other sample of `x`, one `hop` after the other, each from its own start
 * and through a window, added to `n` samples of `out`; beyond the ends of `x` is silence. */
LOOP void octave(const float *restrict x, size n, float *restrict out, const int64_t *restrict starts,
                 size count, size hop, const float *restrict window, size grain) {
    for (size k = 0; k < count; k++) {
        size from = starts[k], at = k * hop;
        size first = from < 0 ? (1 - from) / 2 : 0, last = smaller(grain, n - at);
        last = smaller(last, (n - from + 1) / 2);
        for (size i = first; i < last; i++) out[at + i] += x[from + 2 * i] * window[i];
    }
}
