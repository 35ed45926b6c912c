/* How loud a stretch is, and what changes that. */
#include <string.h>

#include "loops.h"

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

/* Whether no sample of several rows reaches `level`; stops at the first stretch in which one
 * does. */
LOOP int below(const float *x, size rows, size step, size n, float level) {
    for (; rows > 0; rows--, x += step)
        for (size at = 0; at < n; at += 1024)
            if (!(peak(x + at, smaller(1024, n - at)) < level)) return 0;
    return 1;
}

/* The largest magnitude of every `block` samples. */
LOOP void peaks(const float *restrict x, size n, size block, float *restrict out) {
    for (size at = 0; at < n; at += block) *out++ = peak(x + at, smaller(block, n - at));
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

/* One sample of a stem behind its fader, and behind what its side signal is multiplied by. */
static inline void behind(float *left, float *right, float gain, float side) {
    float l = *left * gain, r = *right * gain, swap = (r - l) * (0.5f - 0.5f * side);
    *left = l + swap, *right = r - swap;
}

/* A stem through fader and width in place. Silence is not written, so that it takes no memory. */
LOOP void fade(float *restrict left, float *restrict right, size n, const float *restrict gain,
               const float *restrict side, size hop) {
    for (size at = 0; at < n; at += hop) {
        size count = smaller(hop, n - at);
        float *l = left + at, *r = right + at;
        if (peak(l, count) == 0.0f && peak(r, count) == 0.0f) continue;
        line g = line_at(gain, at, hop), w = line_at(side, at, hop);
        for (int i = 0; i < (int)count; i++)
            behind(l + i, r + i, g.start + g.step * (float)i, w.start + w.step * (float)i);
    }
}

/* The same, added to a sum instead of written. Returns the largest magnitude of what was added. */
LOOP float pour(float *restrict sum_left, float *restrict sum_right, const float *restrict left,
                const float *restrict right, size start, size stop, const float *restrict gain,
                const float *restrict side, size hop) {
    uint32_t most = 0;
    for (size at = start; at < stop;) {
        size count = until_bend(at, stop, hop);
        line g = line_at(gain, at, hop), w = line_at(side, at, hop);
        for (int i = 0; i < (int)count; i++) {
            float l = left[at + i], r = right[at + i];
            behind(&l, &r, g.start + g.step * (float)i, w.start + w.step * (float)i);
            sum_left[at + i] += l, sum_right[at + i] += r;
            uint32_t a, b;
            memcpy(&a, &l, 4), memcpy(&b, &r, 4);
            a &= 0x7fffffffu, b &= 0x7fffffffu;
            a = a > b ? a : b, most = most > a ? most : a;
        }
        at += count;
    }
    float found;
    memcpy(&found, &most, 4);
    return found;
}
