/* The innermost loops of halation: what runs over every sample of a song, in one pass each.
 *
 * Python decides what is done and where, looks after shapes and checks them (the .py beside each
 * .c); here is only arithmetic on rows of floats. A control is one value every `hop` samples, with
 * straight lines between (automation.py). No loop allocates, and none keeps anything.
 */
#include <stddef.h>
#include <stdint.h>

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
