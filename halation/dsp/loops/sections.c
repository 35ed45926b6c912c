/* Recursive filters. */
#include "loops.h"

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
