/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry.h - requests as OpenTelemetry's GenAI conventions name them, for /metrics.
 *
 * Histograms of tokens, of the time of requests, of the time to the first token and for each
 * further one, by operation, provider and model.  They begin at 0 when control starts, as
 * Prometheus expects of a process; what must not be lost is in the ledger.
 * A model is a client's word: the first SPROUT_TELEMETRY_MODELS_MAX are told apart, the rest is
 * "(other)".  Of an answer that failed nothing is counted here (sprout_requests_total has it).
 * Memory: the struct.  Pure. */
#ifndef SPROUT_CONTROL_TELEMETRY_H
#define SPROUT_CONTROL_TELEMETRY_H

#include "wire/record.h"

enum {
    SPROUT_TELEMETRY_MODELS_MAX = 16,
    SPROUT_TELEMETRY_APIS = 6,
    SPROUT_TELEMETRY_SERIES = SPROUT_TELEMETRY_MODELS_MAX + SPROUT_TELEMETRY_APIS,
    SPROUT_TELEMETRY_BOUNDS_MAX = 16,
    SPROUT_TELEMETRY_MODEL_TEXT = 96,
};

enum sprout_telemetry_what {
    SPROUT_TELEMETRY_INPUT,  /* tokens */
    SPROUT_TELEMETRY_OUTPUT, /* tokens */
    SPROUT_TELEMETRY_DURATION,
    SPROUT_TELEMETRY_FIRST_TOKEN,
    SPROUT_TELEMETRY_PER_TOKEN,
    SPROUT_TELEMETRY_WHATS
};

struct sprout_telemetry_histogram {
    int64_t count[SPROUT_TELEMETRY_BOUNDS_MAX + 1]; /* the last: above all bounds */
    int64_t all;
    double sum;
};

struct sprout_telemetry_series {
    int api; /* row of the table of APIs; -1: free */
    char model[SPROUT_TELEMETRY_MODEL_TEXT + 1];
    struct sprout_telemetry_histogram of[SPROUT_TELEMETRY_WHATS];
};

struct sprout_telemetry {
    size_t models;
    struct sprout_telemetry_series
        series[SPROUT_TELEMETRY_SERIES]; /* the last: "(other)" */
};

void sprout_telemetry_init(struct sprout_telemetry *t);
void sprout_telemetry_note(struct sprout_telemetry *t, const struct sprout_record *r);
void sprout_telemetry_put(struct sprout_buf *b, const struct sprout_telemetry *t);

#endif
