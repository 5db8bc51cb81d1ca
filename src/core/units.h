/* SPDX-License-Identifier: Apache-2.0 */
/* units.h - every quantity with a unit, as a type of its own.
 *
 * Swapping joules and grams is then a compile error and not a wrong report.  Continuous
 * amounts are doubles; what the ledger stores is an integer (micro-units), rounded once.
 * Unknown is not zero: counts are negative and doubles NaN when nobody knows, and the
 * _known() tests are how one asks.
 * Time: sprout_instant is wall time (grid data, validity, ledger), sprout_mono measures
 * durations; they meet only in adapt/clock. */
#ifndef SPROUT_CORE_UNITS_H
#define SPROUT_CORE_UNITS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double v;
} sprout_joules;
typedef struct {
    double v;
} sprout_grams; /* g CO2e */
typedef struct {
    double v;
} sprout_g_per_kwh; /* carbon intensity of the grid */
typedef struct {
    double v;
} sprout_seconds;

typedef struct {
    int64_t v;
} sprout_microjoules;
typedef struct {
    int64_t v;
} sprout_micrograms;
typedef struct {
    int64_t v;
} sprout_microseconds;
typedef struct {
    int64_t n;
} sprout_tokens; /* < 0: unknown */

typedef struct {
    int64_t ns;
} sprout_instant; /* UTC, nanoseconds since 1970 */
typedef struct {
    int64_t ns;
} sprout_span;
typedef struct {
    int64_t ns;
} sprout_mono; /* monotonic clock, origin unspecified */

#define SPROUT_JOULES_PER_KWH 3.6e6
#define SPROUT_GRAMS_PER_KG   1000.0
#define SPROUT_NS_PER_SECOND  INT64_C(1000000000)
#define SPROUT_TOKENS_UNKNOWN ((sprout_tokens){-1})

/* Above this a count is an error of the peer and not a count (wire.md U8). */
#define SPROUT_TOKENS_MAX INT64_C(1000000000000)

static inline bool sprout_tokens_known(sprout_tokens t)
{
    return t.n >= 0;
}

static inline sprout_span sprout_span_seconds(int64_t seconds)
{
    return (sprout_span){seconds * SPROUT_NS_PER_SECOND};
}

static inline sprout_instant sprout_instant_add(sprout_instant t, sprout_span d)
{
    return (sprout_instant){t.ns + d.ns};
}

static inline sprout_span sprout_instant_since(sprout_instant later,
                                               sprout_instant earlier)
{
    return (sprout_span){later.ns - earlier.ns};
}

#endif
