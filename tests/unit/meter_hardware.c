/* SPDX-License-Identifier: Apache-2.0 */
/* Meters on the real hardware of this machine, where there is any; says what there is not.
 *
 *     build/tests/unit/meter_hardware [SECONDS]      how long each is read (2) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "adapt/meter.h"

enum { SKIPPED = 77, STEP_US = 100000 };

static sprout_mono now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (sprout_mono){t.tv_sec * SPROUT_NS_PER_SECOND + t.tv_nsec};
}

/* Mean watts over some seconds; negative after a reading that was not good. */
static double watts_of(struct sprout_meters *m, double seconds)
{
    struct sprout_error err = {.message = ""};
    sprout_microjoules uj = {0};
    int64_t sum = 0;
    if (sprout_meters_read(m, now(), &uj, &err) != SPROUT_MORE) {
        return -1; /* the first is a base */
    }
    const sprout_mono from = now();
    sprout_mono at = from;
    while ((double)(at.ns - from.ns) < seconds * SPROUT_NS_PER_SECOND) {
        usleep(STEP_US);
        at = now();
        if (sprout_meters_read(m, at, &uj, &err) != SPROUT_OK) {
            printf("    %s\n", err.message);
            return -1;
        }
        sum += uj.v;
    }
    return (double)sum / 1e6 / ((double)(at.ns - from.ns) / SPROUT_NS_PER_SECOND);
}

/* 1: good, 0: not here, -1: wrong. */
static int try(const char *kind, double seconds)
{
    const struct sprout_meter_opts o = {.kind = kind};
    struct sprout_meters *m = NULL;
    struct sprout_error err = {.message = ""};
    char text[300];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);

    if (sprout_meters_open(&o, 1, &m, &err) != SPROUT_OK) {
        printf("skipped: %s\n", err.message);
        return 0;
    }
    sprout_meters_describe(m, &b);
    const double watts = watts_of(m, seconds);
    printf("%s: %.*s: %.1f W\n", watts > 0 ? "tried" : "WRONG", (int)b.len, b.ptr, watts);
    sprout_meters_close(m);
    return watts > 0 && watts < 1e5 ? 1 : -1;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"nvml", "amdsmi", "rapl", "rapl-perf", "hwmon"};
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    int good = 0, wrong = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const int found = try(kinds[i], seconds);
        good += found > 0;
        wrong += found < 0;
    }
    return wrong > 0 ? 1 : good > 0 ? 0 : SKIPPED;
}
