/* SPDX-License-Identifier: Apache-2.0 */
/* meter_driver.h - what a kind of meter does; for meter*.c only.
 *
 * open() fills the channels (name, kind of counter, range) or says what is wrong; read()
 * puts a value into every channel, all of one moment, or fails as a whole. */
#ifndef SPROUT_ADAPT_METER_DRIVER_H
#define SPROUT_ADAPT_METER_DRIVER_H

#include "adapt/meter.h"
#include "core/counter.h"

enum { METER_NAME_MAX = 96, METER_PATH_MAX = 1024 };

struct meter_channel {
    char name[METER_NAME_MAX]; /* UUID, zone, labels */
    struct sprout_counter counter;
    uint64_t value; /* uJ or uW */
    int fd;         /* a driver's own; -1 */
};

struct meter {
    const struct meter_driver *driver;
    struct sprout_meter_opts opts; /* texts owned by the set */
    unsigned covers;
    struct meter_channel channel[SPROUT_METER_CHANNELS_MAX];
    size_t channels;
    void *own; /* the driver's */
};

struct meter_driver {
    const char *name;
    bool paced;
    enum sprout_status (*open)(struct meter *m, struct sprout_error *err);
    enum sprout_status (*read)(struct meter *m, struct sprout_error *err);
    void (*close)(struct meter *m);
};

extern const struct meter_driver sprout_meter_nvml, sprout_meter_amdsmi,
    sprout_meter_rapl, sprout_meter_rapl_perf, sprout_meter_hwmon,
    sprout_meter_prometheus;

/* A new channel, or NULL when there are too many. */
struct meter_channel *sprout_meter_add(struct meter *m, const char *name,
                                       enum sprout_counter_kind kind);

/* The whole number, or first line, in a small file.  SPROUT_NOT_FOUND; SPROUT_IO; for lack
 * of permission SPROUT_UNAVAILABLE, *err says what mends it. */
SPROUT_MUST_USE enum sprout_status sprout_meter_read_u64(const char *path, uint64_t *out,
                                                         struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_meter_read_line(const char *path, char *out,
                                                          size_t cap,
                                                          struct sprout_error *err);

#endif
