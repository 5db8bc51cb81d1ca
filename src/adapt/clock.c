/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - clock_gettime() with units. */
#include "adapt/clock.h"

#include <assert.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    const int rc = clock_gettime(id, &t);
    assert(rc == 0); /* both clocks always exist on Linux */
    return (int64_t)t.tv_sec * SPROUT_NS_PER_SECOND + t.tv_nsec;
}

sprout_instant sprout_clock_wall(void)
{
    return (sprout_instant){read_ns(CLOCK_REALTIME)};
}

sprout_mono sprout_clock_mono(void)
{
    return (sprout_mono){read_ns(CLOCK_MONOTONIC)};
}
