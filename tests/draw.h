/* SPDX-License-Identifier: Apache-2.0 */
/* draw.h - reproducible draws of tests: splitmix64, the same on every machine. */
#ifndef SPROUT_TESTS_DRAW_H
#define SPROUT_TESTS_DRAW_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t draw_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* In [0, 1). */
static inline double draw_unit(uint64_t *state)
{
    return (double)(draw_next(state) >> 11) * 0x1p-53;
}

static inline size_t draw_below(uint64_t *state, size_t n)
{
    return (size_t)(draw_next(state) % n);
}

/* How often a test by simulation runs: SPROUT_RUNS says it. */
static inline int draw_runs(int by_default)
{
    const char *const asked = getenv("SPROUT_RUNS");
    return asked == NULL ? by_default : (int)strtoul(asked, NULL, 10);
}

#endif
