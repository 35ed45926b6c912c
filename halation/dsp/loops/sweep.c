/* Filters that move: state variable filters in their topology-preserving form (Zavalishin,
 * "The Art of VA Filter Design", 2012; Simper, "Solving the continuous SVF equations", 2013).
 *
 * Eight stretches of a song go side by side, so that one instruction does the work of eight. All
 * but the first begin at rest a little early, so that they have settled when they are heard. */
#include "loops.h"

enum { STRETCHES = 8, BLOCK = 64, MOST = 4 };
typedef float many __attribute__((vector_size(4 * STRETCHES)));

/* What keeps filters that ring down out of denormal numbers, one sample in BLOCK. */
static const float ALIVE = 1e-15f;

typedef struct {
    many band, low;
} memory;

/* Band-pass and low-pass of one filter after its next step: a linear map of both and the input,
 * whose factors are those of g and 1/Q. */
typedef struct {
    many keep, turn, rise, fall;
} map;

static inline map map_of(many g, many damping) {
    many a1 = 1.0f / (1.0f + g * (g + damping)), a2 = g * a1, a3 = g * a2;
    return (map){2.0f * a1 - 1.0f, 2.0f * a2, 2.0f * a3, 1.0f - 2.0f * a3};
}

static inline memory next(memory s, many x, const map *m) {
    return (memory){m->turn * x + (m->keep * s.band - m->turn * s.low),
                    m->rise * x + (m->turn * s.band + m->fall * s.low)};
}

/* What a high-pass lets through between two of its states. */
static inline many high(memory before, memory after, many x, many damping) {
    return x - 0.5f * (damping * (before.band + after.band) + (before.low + after.low));
}

/* A block of two channels through a high-pass that stands, or of the second one alone. */
static void high_pass(many x[2][BLOCK], memory s[2], const float *c, int alone) {
    many zero = {0}, damping = zero + c[1];
    map m = map_of(zero + c[0], damping);
    memory a = s[0], b = s[1];
    for (int i = 0; i < BLOCK; i++) {
        memory later = next(b, x[1][i], &m);
        x[1][i] = high(b, later, x[1][i], damping), b = later;
        if (alone) continue;
        later = next(a, x[0][i], &m);
        x[0][i] = high(a, later, x[0][i], damping), a = later;
    }
    s[0] = a, s[1] = b;
}

/* A block of two channels through a low-pass of 18 dB/octave, faded over into the sound as it came
 * where the filter is open. */
static void low_pass(many x[2][BLOCK], memory s[2], many pole[2], many g, many open, many opening) {
    many share = g / (1.0f + g);
    map m = map_of(g, (many){0} + 1.0f);
    memory state[2] = {s[0], s[1]};
    many p[2] = {pole[0], pole[1]};
    for (int i = 0; i < BLOCK; i++) {
        many wet = 1.0f - (open + opening * (float)i);
        for (int c = 0; c < 2; c++) {
            many moved = (x[c][i] - p[c]) * share, first = moved + p[c];
            p[c] = first + moved;
            memory later = next(state[c], first, &m);
            many low = 0.5f * (state[c].low + later.low);
            state[c] = later;
            x[c][i] += wet * (low - x[c][i]);
        }
    }
    s[0] = state[0], s[1] = state[1], pole[0] = p[0], pole[1] = p[1];
}

/* Copy a block of each stretch side by side; silence where there is no signal. */
static void gather(const float *x, const size *at, size n, many *to) {
    float(*values)[STRETCHES] = (float(*)[STRETCHES])to;
    for (int lane = 0; lane < STRETCHES; lane++) {
        const float *from = x + at[lane];
        size count = at[lane] < 0 || at[lane] >= n ? 0 : smaller(BLOCK, n - at[lane]);
        for (size i = 0; i < count; i++) values[i][lane] = from[i];
        for (size i = count; i < BLOCK; i++) values[i][lane] = 0.0f;
    }
}

static void scatter(const many *x, const size *at, size n, float *to) {
    const float(*values)[STRETCHES] = (const float(*)[STRETCHES])x;
    for (int lane = 0; lane < STRETCHES; lane++) {
        float *place = to + at[lane];
        size count = smaller(BLOCK, n - at[lane]);
        for (size i = 0; i < count; i++) place[i] = values[i][lane];
    }
}

static inline void middle_side(many x[2][BLOCK], float gain) {
    for (int i = 0; i < BLOCK; i++) {
        many l = x[0][i], r = x[1][i];
        x[0][i] = gain * (l + r), x[1][i] = gain * (l - r);
    }
}

/* Two channels through `highs` high-passes (g and 1/Q of each), their difference through `sides`
 * more, both through a low-pass whose control is `g`, as far as `open` (0 to 1) does not let them
 * pass by it. `out` may be where they come from. `early`: how many samples before its own a stretch
 * begins. */
LOOP void sweep(const float *left, const float *right, float *out_left, float *out_right, size n,
                const float *high, size highs, const float *side, size sides, const float *g,
                const float *open, size hop, size early) {
    memory states[2 * MOST][2] = {0}, lows[2] = {0};
    many pole[2] = {0}, x[2][BLOCK];
    size share = (n / STRETCHES / hop + 1) * hop;
    for (size t = -early; t < share; t += BLOCK) {
        size at[STRETCHES];
        many now, let, letting;
        int closing = 0;
        for (int lane = 0; lane < STRETCHES; lane++) {
            at[lane] = lane * share + t;
            size where = at[lane] < 0 ? 0 : smaller(at[lane], n - 1);
            line cutoff = line_at(g, where, hop), passing = line_at(open, where, hop);
            now[lane] = cutoff.start + cutoff.step * (BLOCK / 2);
            let[lane] = passing.start, letting[lane] = passing.step;
            closing |= let[lane] < 1.0f || let[lane] + letting[lane] * BLOCK < 1.0f;
        }
        if (t < 0) at[0] = n; /* nothing came before */
        gather(left, at, n, x[0]), gather(right, at, n, x[1]);
        if (sides) middle_side(x, 0.5f);
        for (int c = 0; c < 2; c++) x[c][0] += ALIVE;
        for (size k = 0; k < highs; k++) high_pass(x, states[k], high + 2 * k, 0);
        for (size k = 0; k < sides; k++) high_pass(x, states[MOST + k], side + 2 * k, 1);
        if (closing)
            low_pass(x, lows, pole, now, let, letting);
        else
            for (int c = 0; c < 2; c++)
                pole[c] = lows[c].low = x[c][BLOCK - 1], lows[c].band = (many){0};
        if (sides) middle_side(x, 1.0f);
        if (t >= 0) scatter(x[0], at, n, out_left), scatter(x[1], at, n, out_right);
    }
}
