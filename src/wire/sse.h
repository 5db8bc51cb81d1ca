/* SPDX-License-Identifier: Apache-2.0 */
/* sse.h - where the events of an event stream begin and end, byte for byte.
 *
 * Push parser: it takes the bytes of one event, in whatever pieces they come, hands on what
 * its `data:` lines hold and says when the blank line that ends it was taken.  It keeps,
 * changes and decodes nothing (S1 to S4): LF and CRLF, several data lines (joined by LF), no
 * space after the colon, comments and fields it does not know.
 * A CR before the LF of a data line is handed on with the data; it is white space to JSON.
 * Memory: the struct.  Threads: one parser, one thread.
 * Not here: what an event means (tap.h). */
#ifndef SPROUT_WIRE_SSE_H
#define SPROUT_WIRE_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the data of the event under way; borrowed until it returns. */
typedef void sprout_sse_data_fn(void *ctx, const char *bytes, size_t len);

/* All zero: at the beginning of a stream. */
struct sprout_sse {
    uint8_t state;
    uint8_t matched; /* bytes of "data:" seen on this line */
    uint8_t lines;   /* data lines in this event: 0, 1, 2 (more) */
};

/* Takes bytes up to and including the end of the event under way, or all of them; returns
 * how many.  *out_ended says whether the last of them ended an event (blank lines between
 * events end empty ones). */
size_t sprout_sse_take(struct sprout_sse *s, const char *bytes, size_t len,
                       sprout_sse_data_fn *fn, void *ctx, bool *out_ended);

#endif
