/* SPDX-License-Identifier: Apache-2.0 */
/* meter.h - joules from what measures them on this machine or beside it.
 *
 * A kind is a row of sprout_meter_kinds[] and a file meter_KIND.c behind meter_driver.h.  A
 * set is the meters of a configuration: several that cover different parts (GPU, CPU
 * package, DRAM); two that cover the same part would count it twice and are refused.
 *
 * sprout_meters_read() gives the energy since the last good reading, or says that the
 * interval is void (core/counter.h has the rules); nothing becomes 0.
 * Libraries are opened when a meter is, never linked: a machine without them is no error
 * until its meter is asked for.
 * Threads: a set belongs to one.  Reading may block for as long as its source does
 * (prometheus: SPROUT_METER_HTTP_SECONDS).
 * Not here: whose energy it is (core/attribute.h); when to read (control/metering.h). */
#ifndef SPROUT_ADAPT_METER_H
#define SPROUT_ADAPT_METER_H

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

enum {
    SPROUT_METERS_MAX = 8,
    SPROUT_METER_CHANNELS_MAX = 64, /* GPUs, packages, series */
    SPROUT_METER_HTTP_SECONDS = 5,
    SPROUT_METER_METHOD_MAX = 64,
};

enum sprout_meter_part {
    SPROUT_METER_GPU = 1,
    SPROUT_METER_CPU = 2, /* packages */
    SPROUT_METER_DRAM = 4,
    SPROUT_METER_NODE = 8, /* all of it */
};

/* What a kind is, for people: `sprout meters`, docs/meters.md. */
struct sprout_meter_kind {
    const char *name;
    unsigned covers; /* of enum sprout_meter_part; 0: what the source says */
    const char *needs;
    const char *costs;
};

extern const struct sprout_meter_kind sprout_meter_kinds[];
extern const size_t sprout_meter_kind_count;

/* "gpu+cpu" into `out`, of at least 32 bytes. */
const char *sprout_meter_parts_text(unsigned parts, char *out, size_t cap);

/* The other way; 0 if it names anything else. */
unsigned sprout_meter_parts(struct sprout_str text);

struct sprout_meter_opts {
    const char *kind;
    const char *sysfs_root; /* "/sys" */
    const char *library;    /* of nvml and amdsmi; "": the driver's own */
    const char *url;        /* prometheus: page, or .../api/v1/query?query=... */
    const char *preset;     /* prometheus: "dcgm", ...; "": `metric` says */
    const char *metric;     /* prometheus: name; its end says the unit */
    const char *labels;     /* prometheus: name="value",...: only these series */
    const char *device;     /* hwmon: name of the chip; nvml: one UUID; "": all */
    unsigned covers;        /* 0: as the kind or preset says */
    double max_watts;       /* of each channel; above it an interval is void; 0: 2000 */
};

struct sprout_meters;

/* SPROUT_CONFIG (kind, preset, overlap), SPROUT_NOT_FOUND (nothing there to measure),
 * SPROUT_UNAVAILABLE, SPROUT_UNSUPPORTED, SPROUT_IO; the message says how to mend it. */
SPROUT_MUST_USE enum sprout_status sprout_meters_open(
    const struct sprout_meter_opts *opts, size_t count, struct sprout_meters **out,
    struct sprout_error *err);
void sprout_meters_close(struct sprout_meters *s); /* NULL is fine */

/* Energy of all parts since the last reading.  SPROUT_OK; SPROUT_MORE: this reading is a
 * base, the interval before it is void (*err says why, "" at the start); otherwise a
 * reading failed, and the interval is void. */
SPROUT_MUST_USE enum sprout_status sprout_meters_read(struct sprout_meters *m,
                                                      sprout_mono now,
                                                      sprout_microjoules *out,
                                                      struct sprout_error *err);

unsigned sprout_meters_covers(const struct sprout_meters *s);
/* "measured:nvml+rapl": the method of receipts. */
const char *sprout_meters_method(const struct sprout_meters *s);
/* How long between two readings: power wants more of them than counters. */
sprout_span sprout_meters_interval(const struct sprout_meters *s);
/* A source that is updated at its own pace: until it moves nothing is known. */
bool sprout_meters_paced(const struct sprout_meters *m);
/* "2 GPUs (energy counter)", a sentence for each meter into `out`. */
void sprout_meters_describe(const struct sprout_meters *s, struct sprout_buf *out);

#endif
