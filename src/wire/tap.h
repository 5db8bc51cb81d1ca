/* SPDX-License-Identifier: Apache-2.0 */
/* tap.h - watch a reply go by and keep the token counts.
 *
 * One push machine for whole JSON replies, event streams (SSE) and NDJSON: feed it the bytes
 * the client gets; it never keeps them, never blocks, never fails the stream.  What it cannot
 * follow it gives up (`blind`), and the record says that usage is estimated or unknown.
 * Events are scanned as they pass, so their size does not matter to the counts.
 * Stripping (U2, U3): where Sprout itself asked for the usage-only chunk, sprout_tap_strip()
 * decides per event what is forwarded; only the bytes of an event not yet complete are held,
 * at most SPROUT_TAP_HOLD_MAX, and a longer event is let go as it is.
 * Promise worth testing: every way of cutting the reply gives the same usage and the same
 * forwarded bytes.
 * Memory: all from the arena at new (SPROUT_TAP_MEMORY).  Threads: one tap, one thread. */
#ifndef SPROUT_WIRE_TAP_H
#define SPROUT_WIRE_TAP_H

#include "base/arena.h"
#include "core/receipt.h"
#include "wire/dialect.h"

enum {
    SPROUT_TAP_MEMORY = 96 * 1024,
    SPROUT_TAP_HOLD_MAX = 64 * 1024,
};

enum sprout_framing {
    SPROUT_FRAMING_NONE, /* not understood: count bytes only */
    SPROUT_FRAMING_JSON,
    SPROUT_FRAMING_SSE,
    SPROUT_FRAMING_NDJSON,
};

/* From the reply's Content-Type, never from the request (wire.md section 1). */
enum sprout_framing sprout_framing_of(struct sprout_str content_type);

enum sprout_usage_source {
    SPROUT_USAGE_NONE,
    SPROUT_USAGE_REPORTED,
    SPROUT_USAGE_ESTIMATED, /* content deltas counted (U9) */
};

const char *sprout_usage_source_text(enum sprout_usage_source s);

struct sprout_tap_result {
    struct sprout_usage usage;
    enum sprout_usage_source source;
    bool terminal; /* the stream's own end was seen: [DONE], ... */
    bool error;    /* an in-band error event was seen */
    bool partial;  /* of a stream content was seen, and no end of the generation */
    bool blind;    /* some event could not be read: not JSON, nested too deep, cut off */
};

struct sprout_tap;

struct sprout_tap *sprout_tap_new(struct sprout_arena *arena,
                                  const struct sprout_dialect *dialect,
                                  enum sprout_framing framing, bool strip_usage);

/* Look only.  For replies that are forwarded as they come. */
void sprout_tap_feed(struct sprout_tap *t, const char *bytes, size_t len);

/* Receives forwarded bytes in order; borrowed until it returns. */
typedef void sprout_tap_emit_fn(void *ctx, const char *bytes, size_t len);

/* Look and forward: as feed, and calls emit with all that goes to the client.  Used when
 * strip_usage was set.  Bytes of an incomplete event are held until it completes. */
void sprout_tap_strip(struct sprout_tap *t, const char *bytes, size_t len,
                      sprout_tap_emit_fn *emit, void *ctx);

/* End of the reply: parses an unfinished last event, emits what is still held (emit may be
 * NULL when stripping was not asked for). */
struct sprout_tap_result sprout_tap_finish(struct sprout_tap *t, sprout_tap_emit_fn *emit,
                                           void *ctx);

/* What is known so far (a client that hung up). */
struct sprout_tap_result sprout_tap_result(const struct sprout_tap *t);

/* Event streams that pass through sprout_tap_strip() only: called once, when all that was
 * forwarded ends with a whole event and the stream's own last event ([DONE], message_stop,
 * ...) goes out next, so that a comment may stand before it.  sprout_tap_result() already
 * knows what that event said.  If no such event came it is called from sprout_tap_finish(),
 * and not at all when the reply broke off inside an event that was too large to hold. */
typedef void sprout_tap_before_end_fn(void *ctx);
void sprout_tap_before_end(struct sprout_tap *t, sprout_tap_before_end_fn *fn, void *ctx);

#endif
