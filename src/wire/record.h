/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one line of the journal: what nginx says of a request, and control reads.
 *
 * docs/journal.md describes each field.  A line is one JSON object, `v` first, at most
 * SPROUT_RECORD_MAX bytes, ended by LF.  No prompt text, no answer text, no keys.
 * Unknown members are ignored by the reader; unknown counts are null.
 * Pure; views in a record that was read point into the arena. */
#ifndef SPROUT_WIRE_RECORD_H
#define SPROUT_WIRE_RECORD_H

#include "base/arena.h"
#include "core/choice.h"
#include "core/receipt.h"
#include "wire/tap.h"

enum { SPROUT_RECORD_VERSION = 1, SPROUT_RECORD_MAX = 4096 };

enum sprout_outcome {
    SPROUT_OUTCOME_OK,
    SPROUT_OUTCOME_CLIENT_CLOSED,
    SPROUT_OUTCOME_UPSTREAM_ERROR,
    SPROUT_OUTCOME_REFUSED,
};

const char *sprout_outcome_text(enum sprout_outcome o);

/* What the predictor in force said of the prompt (core/predict.h), in its own units. */
struct sprout_record_prediction {
    bool known; /* false: no predictor, or a prompt unlike what it was trained on */
    enum sprout_kind kind;
    int32_t quality[SPROUT_PREDICT_LEVELS];
    int32_t tokens[SPROUT_PREDICT_LEVELS];
};

struct sprout_record {
    int64_t version;
    struct sprout_str worker; /* unique per worker process, also across restarts */
    int64_t seq;              /* from 1, without gaps per worker */
    sprout_instant time;      /* when the request began */
    struct sprout_str id;     /* Sprout-Request-Id */
    struct sprout_str api;    /* dialect, or "none" */
    struct sprout_str model;
    bool stream;
    struct sprout_str level;
    struct sprout_str arm;
    struct sprout_str reason;
    struct sprout_str rule;    /* empty: none, written as null */
    struct sprout_str stratum; /* empty: null */
    struct sprout_str policy;  /* id; empty: null */
    struct sprout_str route;   /* path of an API's request; empty: null */
    struct sprout_str zone;    /* of the upstream, `sprout_zone`; empty: null */
    bool has_key;
    uint64_t key; /* hash of the conversation, 16 hex digits */
    struct sprout_usage usage;
    enum sprout_usage_source usage_source;
    int64_t ttfb_us; /* -1: unknown */
    int64_t duration_us;
    int64_t overhead_us; /* time spent in our own code */
    int64_t status;
    enum sprout_outcome outcome;
    int64_t bytes_in;
    int64_t bytes_out;
    struct sprout_record_prediction predicted;
};

void sprout_record_put(struct sprout_buf *b, const struct sprout_record *r); /* no LF */

/* SPROUT_SYNTAX, SPROUT_UNSUPPORTED (another version), SPROUT_INVALID (a member missing or of
 * the wrong type), SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_record_read(struct sprout_str line,
                                                      struct sprout_arena *arena,
                                                      struct sprout_record *out,
                                                      struct sprout_error *err);

#endif
