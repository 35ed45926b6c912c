/* Sounds added to a sum, times a gain. */
#include <math.h>

#include "loops.h"

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

/* The same for two loops at once. */
LOOP void add_loops(float *restrict out, size n, const float *restrict x, size n_x, size place_x,
                    const float *restrict control_x, const float *restrict y, size n_y,
                    size place_y, const float *restrict control_y, size hop) {
    for (size at = 0; at < n;) {
        int count = (int)smaller(until_bend(at, n, hop), smaller(n_x - place_x, n_y - place_y));
        line a = line_at(control_x, at, hop), b = line_at(control_y, at, hop);
        float *to = out + at;
        const float *one = x + place_x, *other = y + place_y;
        if (a.start != 0.0f || a.step != 0.0f || b.start != 0.0f || b.step != 0.0f)
            for (int i = 0; i < count; i++)
                to[i] += one[i] * (a.start + a.step * (float)i) +
                         other[i] * (b.start + b.step * (float)i);
        at += count;
        place_x = place_x + count == n_x ? 0 : place_x + count;
        place_y = place_y + count == n_y ? 0 : place_y + count;
    }
}

/* sums += x * control in whole steps, rounded; what is larger than `most` steps is clipped. */
LOOP void send(int32_t *restrict sums, const float *restrict x, size start, size stop,
               const float *restrict control, size hop, float steps, float most) {
    for (size at = start; at < stop;) {
        size n = until_bend(at, stop, hop);
        line gain = line_at(control, at, hop);
        if (gain.start != 0.0f || gain.step != 0.0f)
            for (int i = 0; i < (int)n; i++) {
                float sent = x[at - start + i] * ((gain.start + gain.step * (float)i) * steps);
                sent = sent < most ? sent : most;
                sent = sent > -most ? sent : -most;
                sums[at + i] += (int32_t)rintf(sent);
            }
        at += n;
    }
}
