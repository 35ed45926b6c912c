/* The innermost loops of halation: what runs over every sample of a song, in one pass each.
 *
 * Python decides what is done and where, looks after shapes and checks them (loops.py); here is
 * only arithmetic on rows of floats. A control is one value every `hop` samples, with straight
 * lines between (automation.py). No loop allocates, and none keeps anything.
 */
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

/* Whether no sample reaches `level`; stops at the first stretch in which one does. */
LOOP int below(const float *x, size n, float level) {
    for (size at = 0; at < n; at += 1024)
        if (!(peak(x + at, smaller(1024, n - at)) < level)) return 0;
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

/* total += a * b, complex: real and imaginary parts lie side by side. */
LOOP void add_product(float *restrict total, const float *restrict a, const float *restrict b,
                      size n) {
    for (size i = 0; i < 2 * n; i += 2) {
        total[i] += a[i] * b[i] - a[i + 1] * b[i + 1];
        total[i + 1] += a[i] * b[i + 1] + a[i + 1] * b[i];
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

/* A second-order section in transposed direct form II. Its state is what waits for the next sample
 * without the feedback of `y`, which is added last, and for the one after. */
#define SECTION(name, number, kind)                                                                \
    typedef struct {                                                                               \
        number next, after, y;                                                                     \
    } name##_state;                                                                                \
    static inline number name##_step(name##_state *s, const kind *c, number x) {                   \
        number y = c[0] * x + s->next - c[4] * s->y;                                               \
        s->next = c[1] * x + s->after;                                                             \
        s->after = c[2] * x - c[5] * y;                                                            \
        return s->y = y;                                                                           \
    }

typedef float lanes __attribute__((vector_size(32)));
enum { LANES = 8, PULSE = 64 };
SECTION(one, double, double)
SECTION(many, lanes, float)

/* What keeps filters that ring down out of denormal numbers, one sample in PULSE. */
static const float ALIVE = 1e-15f;

/* Second-order sections (b0 b1 b2 1 a1 a2) over a row, two at a time and in double precision.
 * `state`: two values for each. */
LOOP void cascade(const float *sections, size count, const float *x, float *y, size n,
                  float *state) {
    for (size k = 0; k < count; k += 2) {
        int both = k + 1 < count;
        double a[6], b[6] = {1.0};
        for (int i = 0; i < 6; i++) a[i] = sections[6 * k + i];
        for (int i = 0; both && i < 6; i++) b[i] = sections[6 * k + 6 + i];
        float *left = state + 2 * k;
        one_state s = {left[0], left[1], 0.0}, t = {0};
        if (both) t = (one_state){left[2], left[3], 0.0};
        for (size at = 0; at < n; at += PULSE) {
            size stop = smaller(at + PULSE, n);
            float alive = k ? 0.0f : ALIVE;
            for (size i = at; i < stop; i++, alive = 0.0f)
                y[i] = (float)one_step(&t, b, one_step(&s, a, x[i] + alive));
        }
        left[0] = (float)(s.next - a[4] * s.y), left[1] = (float)s.after;
        if (both) left[2] = (float)(t.next - b[4] * t.y), left[3] = (float)t.after;
        x = y;
    }
}

/* Sums of squares of `steps` stretches of `hop` samples after two sections. Eight parts of the row
 * go side by side; each begins at rest one stretch early, so that it has settled. */
LOOP void energies(const float *restrict x, size steps, size hop, const float *restrict sections,
                   double *restrict out) {
    size share = (steps + LANES - 1) / LANES, first[LANES];
    for (int lane = 0; lane < LANES; lane++) first[lane] = smaller(lane * share, steps - share);
    many_state s = {0}, t = {0};
    for (size step = -1; step < share; step++) {
        const float *from[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            size stretch = first[lane] + step;
            from[lane] = x + (stretch < 0 ? 0 : stretch) * hop;
        }
        double sums[LANES] = {0};
        for (size at = 0; at < hop; at += PULSE) {
            size stop = smaller(at + PULSE, hop);
            lanes sum = {0};
            float alive = ALIVE;
            for (size i = at; i < stop; i++, alive = 0.0f) {
                lanes in = {from[0][i], from[1][i], from[2][i], from[3][i],
                            from[4][i], from[5][i], from[6][i], from[7][i]};
                lanes y = many_step(&t, sections + 6, many_step(&s, sections, in + alive));
                sum += y * y;
            }
            for (int lane = 0; lane < LANES; lane++) sums[lane] += sum[lane];
        }
        for (int lane = 0; lane < LANES; lane++) {
            if (step >= 0)
                out[first[lane] + step] = sums[lane];
            else if (first[lane] == 0) /* nothing came before */
                s.next[lane] = s.after[lane] = s.y[lane] = t.next[lane] = t.after[lane] =
                    t.y[lane] = 0;
        }
    }
}

/* The largest magnitude of every `block` samples. */
LOOP void peaks(const float *restrict x, size n, size block, float *restrict out) {
    for (size at = 0; at < n; at += block) *out++ = peak(x + at, smaller(block, n - at));
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
