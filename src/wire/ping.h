/* SPDX-License-Identifier: Apache-2.0 */
/* ping.h - where in an event stream a ping may stand, and what it looks like (K1 to K3).
 *
 * The watcher sees the bytes that a client got and knows whether they end between two
 * events: at the beginning, or after a blank line and comments.  A stream whose lines end in
 * a lone CR is never between two; better no ping than one inside a frame.
 * Memory: the struct.  Not here: when (the owner has the clock). */
#ifndef SPROUT_WIRE_PING_H
#define SPROUT_WIRE_PING_H

#include "wire/dialect.h"

/* All zero: nothing was sent yet. */
struct sprout_ping {
    uint8_t line; /* what the line under way is */
    bool in_event;
};

void sprout_ping_see(struct sprout_ping *p, const char *bytes, size_t len);

bool sprout_ping_may(const struct sprout_ping *p);

/* The ping of an API's event streams: its own event, else a comment with one LF. */
struct sprout_str sprout_ping_text(const struct sprout_dialect *d);

#endif
