/* Windows, and spectra times others. */
#include "loops.h"

/* Cut `count` windows out of own + share * other, from sample `at` on; outside of 0 to `n` is
 * silence. Neighbours share `overlap` samples, over which one falls and the next rises. */
LOOP void cut(const float *own, const float *other, float share, size n, size at,
              float *restrict frames, size count, size frame, const float *restrict rise,
              size overlap) {
    for (; count > 0; count--, at += frame - overlap, frames += frame) {
        size first = at < 0 ? smaller(-at, frame) : 0, last = smaller(frame, n - at);
        if (last < first) last = first;
        for (size i = 0; i < first; i++) frames[i] = 0.0f;
        for (size i = first; i < last; i++) frames[i] = own[at + i] + share * other[at + i];
        for (size i = last; i < frame; i++) frames[i] = 0.0f;
        float *end = frames + frame - overlap;
        for (size i = 0; i < overlap; i++) frames[i] *= rise[i];
        for (size i = 0; i < overlap; i++) end[i] *= rise[overlap - 1 - i];
    }
}

/* The way back: what the windows add up to, written to `out`. `tail` is the end of the window
 * before, and then of the last one. */
LOOP void join(const float *own, const float *other, float share, size count, size frame,
               const float *restrict rise, size overlap, float *restrict tail,
               float *restrict out, size n, size at) {
    size hop = frame - overlap;
    for (; count > 0; count--, at += hop, own += frame, other += frame) {
        size i = at < 0 ? -at : 0, last = smaller(hop, n - at), edge = smaller(overlap, last);
        for (; i < edge; i++) out[at + i] = tail[i] + rise[i] * (own[i] + share * other[i]);
        for (; i < last; i++) out[at + i] = own[i] + share * other[i];
        for (size k = 0; k < overlap; k++)
            tail[k] = rise[overlap - 1 - k] * (own[hop + k] + share * other[hop + k]);
    }
}

/* Rows of complex numbers times real ones; steps from row to row are counted in floats. */
LOOP void scale(float *restrict spectra, const float *restrict gain, size channels, size rows,
                size bins, size channel_step, size row_step) {
    for (size channel = 0; channel < channels; channel++)
        for (size row = 0; row < rows; row++, spectra += 2 * bins) {
            const float *by = gain + channel * channel_step + row * row_step;
            for (size i = 0; i < bins; i++) {
                spectra[2 * i] *= by[i];
                spectra[2 * i + 1] *= by[i];
            }
        }
}

/* total += a * b, complex: real and imaginary parts lie side by side. */
LOOP void add_product(float *restrict total, const float *restrict a, const float *restrict b,
                      size n) {
    for (size i = 0; i < 2 * n; i += 2) {
        total[i] += a[i] * b[i] - a[i + 1] * b[i + 1];
        total[i + 1] += a[i] * b[i + 1] + a[i + 1] * b[i];
    }
}
