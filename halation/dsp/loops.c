/* The innermost loops of halation: what runs over every sample of a song, in one pass each.
 *
 * Python decides what is done and where, looks after shapes and checks them (loops.py); here is
 * only arithmetic on rows of floats. A control is one value every `hop` samples, with straight
 * lines between (automation.py). No loop allocates, and none keeps anything.
 */
#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define LOOP __declspec(dllexport)
#else
#define LOOP __attribute__((visibility("default")))
#endif

typedef ptrdiff_t size;

/* A control between two of its values: `start` plus `step` a sample. */
typedef struct {
    float start, step;
} line;

static inline line line_at(const float *control, size at, size hop) {
    size frame = at / hop;
    float step = (control[frame + 1] - control[frame]) / (float)hop;
    return (line){control[frame] + step * (float)(at % hop), step};
}

static inline size smaller(size a, size b) { return a < b ? a : b; }

/* Samples from `at` to where its straight line ends, or to `stop`. */
static inline size until_bend(size at, size stop, size hop) {
    return smaller(hop - at % hop, stop - at);
}

/* The largest magnitude. Bits of positive floats are in the order of their values. */
LOOP float peak(const float *x, size n) {
    uint32_t most = 0;
    for (size i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        bits &= 0x7fffffffu;
        most = bits > most ? bits : most;
    }
    float found;
    memcpy(&found, &most, 4);
    return found;
}

/* Whether every sample is a number. */
LOOP int finite(const float *x, size n) {
    for (size at = 0; at < n; at += 1024)
        if (!(peak(x + at, smaller(1024, n - at)) <= FLT_MAX)) return 0;
    return 1;
}

/* Whether no sample reaches `level`; stops at the first stretch in which one does. */
LOOP int below(const float *x, size n, float level) {
    for (size at = 0; at < n; at += 1024)
        if (peak(x + at, smaller(1024, n - at)) >= level) return 0;
    return 1;
}

/* x *= control */
LOOP void ride(float *restrict x, size start, size stop, const float *restrict control, size hop) {
    for (size at = start; at < stop;) {
        size n = until_bend(at, stop, hop);
        line gain = line_at(control, at, hop);
        if (gain.start != 1.0f || gain.step != 0.0f)
            for (int i = 0; i < (int)n; i++) x[at + i] *= gain.start + gain.step * (float)i;
        at += n;
    }
}

/* out += x * control; `x` holds the stretch alone. */
LOOP void add(float *restrict out, const float *restrict x, size start, size stop,
              const float *restrict control, size hop) {
    for (size at = start; at < stop;) {
        size n = until_bend(at, stop, hop);
        line gain = line_at(control, at, hop);
        if (gain.start != 0.0f || gain.step != 0.0f)
            for (int i = 0; i < (int)n; i++)
                out[at + i] += x[at - start + i] * (gain.start + gain.step * (float)i);
        at += n;
    }
}

/* out += x * gain; from `body` on, x fades. */
LOOP void place(float *restrict out, const float *restrict x, size n, float gain,
                const float *restrict fade, size body) {
    for (size i = 0; i < smaller(body, n); i++) out[i] += x[i] * gain;
    for (size i = body; i < n; i++) out[i] += x[i] * gain * fade[i - body];
}

/* out += x * control, where `x` of `n_x` samples is read round and round from `place` on. */
LOOP void add_loop(float *restrict out, size n, const float *restrict x, size n_x, size place,
                   const float *restrict control, size hop) {
    for (size at = 0; at < n;) {
        size count = smaller(until_bend(at, n, hop), n_x - place);
        line gain = line_at(control, at, hop);
        float *to = out + at;
        const float *from = x + place;
        if (gain.start != 0.0f || gain.step != 0.0f)
            for (int i = 0; i < (int)count; i++) to[i] += from[i] * (gain.start + gain.step * (float)i);
        at += count;
        place = place + count == n_x ? 0 : place + count;
    }
}

/* Two channels through a matrix that moves: left' = own[0] left + other[0] right, and so on. */
LOOP void blend(float *restrict left, float *restrict right, size start, size stop,
                const float *restrict own_left, const float *restrict other_left,
                const float *restrict own_right, const float *restrict other_right, size hop) {
    for (size at = start; at < stop;) {
        size n = until_bend(at, stop, hop);
        line a = line_at(own_left, at, hop), b = line_at(other_left, at, hop);
        line c = line_at(own_right, at, hop), d = line_at(other_right, at, hop);
        float *l = left + at, *r = right + at;
        for (int i = 0; i < (int)n; i++) {
            float t = (float)i, was_l = l[i], was_r = r[i];
            l[i] = was_l * (a.start + a.step * t) + was_r * (b.start + b.step * t);
            r[i] = was_r * (c.start + c.step * t) + was_l * (d.start + d.step * t);
        }
        at += n;
    }
}

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
        if (i >= 2)
            for (; i < inner; i++) {
                out[2 * i] += x[i];
                out[2 * i + 1] += taps[0] * (x[i] + x[i + 1]) + taps[1] * (x[i - 1] + x[i + 2]) +
                                  taps[2] * (x[i - 2] + x[i + 3]);
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

/* Bend peaks softly: x *= 1/9 + 8/3 / (3 + (x * drive)^2), which follows tanh. */
LOOP void bend(float *restrict x, size start, size stop, const float *restrict control, size hop) {
    for (size at = start; at < stop;) {
        size n = until_bend(at, stop, hop);
        line drive = line_at(control, at, hop);
        for (int i = 0; i < (int)n; i++) {
            float far = x[at + i] * (drive.start + drive.step * (float)i);
            x[at + i] *= 8.0f / 3.0f / (3.0f + far * far) + 1.0f / 9.0f;
        }
        at += n;
    }
}
