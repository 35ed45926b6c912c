/* What sounds are made of: bands, random phases, tables that are read, walks. */
#include <math.h>

#include "loops.h"

enum { PHASES = 4096 };

/* power += bells. Each goes from `low` to `high`; neighbours differ by a ratio that itself changes
 * by a constant factor, so that no exponential is needed. */
LOOP void add_bells(float *restrict power, size count, const int64_t *restrict low,
                    const int64_t *restrict high, const double *restrict value,
                    const double *restrict ratio, const double *restrict factor) {
    for (size bell = 0; bell < count; bell++) {
        double height = value[bell], change = ratio[bell], bend = factor[bell];
        for (size k = low[bell]; k < high[bell]; k++) {
            power[k] += (float)height;
            height *= change;
            change *= bend;
        }
    }
}

/* Spectra of two channels with given magnitudes and random phases; the second channel's differ from
 * the first's by up to `apart` half turns. Drawn by a counter (Steele, Lea and Flood, 2014). */
LOOP void scatter(const float *restrict magnitude, const float *restrict apart, size n,
                  uint64_t seed, const float *restrict phasors, float *restrict left,
                  float *restrict right) {
    for (size i = 0; i < n; i++) {
        uint64_t word = seed += 0x9E3779B97F4A7C15u;
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
        word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
        uint32_t phase = (uint32_t)(word >> 52) % PHASES;
        left[2 * i] = magnitude[i] * phasors[2 * phase];
        left[2 * i + 1] = magnitude[i] * phasors[2 * phase + 1];
        if (!right) continue;
        float shift = (float)((int32_t)(word >> 32 & (PHASES - 1)) - PHASES / 2) * apart[i];
        phase = (phase + (uint32_t)(int32_t)shift) % PHASES;
        right[2 * i] = magnitude[i] * phasors[2 * phase];
        right[2 * i + 1] = magnitude[i] * phasors[2 * phase + 1];
    }
}

/* Read rows of periods, each `width` long with its first sample again at the end, at a phase in
 * periods and at a place between the first row (0) and the last (1). */
LOOP void read_table(const float *restrict table, size rows, size width,
                     const float *restrict turns, const float *restrict row, float *restrict out,
                     size n) {
    float most_row = (float)(rows - 1), last_row = (float)(rows - 2);
    float period = (float)(width - 1), last = (float)(width - 2);
    for (size i = 0; i < n; i++) {
        float height = row[i] > 0.0f ? row[i] : 0.0f, place = turns[i] - floorf(turns[i]);
        height = (height < 1.0f ? height : 1.0f) * most_row;
        float below = floorf(height), whole = floorf(place *= period);
        below = below < last_row ? below : last_row;
        whole = whole < last ? whole : last;
        height -= below, place -= whole;
        const float *at = table + (int)below * (int)width + (int)whole, *above = at + width;
        float low = at[0] + (at[1] - at[0]) * place, high = above[0] + (above[1] - above[0]) * place;
        out[i] = low + (high - low) * height;
    }
}

/* Two equal poles: pushes become a walk with rounded corners. */
LOOP void walk(double *x, size n, double pole, double gain) {
    double first = 0.0, second = 0.0;
    for (size i = 0; i < n; i++) {
        first = pole * first + x[i];
        second = pole * second + first;
        x[i] = gain * second;
    }
}

/* Read a row at another speed, straight lines between its samples; its last one lasts. */
LOOP void respeed(const float *restrict x, size n, double ratio, float *restrict out, size count) {
    for (size i = 0; i < count; i++) {
        double place = ratio * (double)i;
        size at = (size)place;
        float share = (float)(place - (double)at);
        out[i] = at + 1 < n ? x[at] + (x[at + 1] - x[at]) * share : x[n - 1];
    }
}
