/* SPDX-License-Identifier: Apache-2.0 */
/* recent.h - the newest requests of the journal: of which model, from when, how long.
 *
 * For how many ran together (core/inflight); nothing here survives control.  A batch of
 * lines that is rolled back is given back, too, and comes again.
 * Memory: the struct.  Pure. */
#ifndef SPROUT_CONTROL_RECENT_H
#define SPROUT_CONTROL_RECENT_H

#include "core/inflight.h"
#include "wire/record.h"

enum {
    SPROUT_RECENT_MAX = 4096,
    SPROUT_RECENT_MODEL = 95, /* bytes; a longer name is cut */
};

/* Only what ended so shortly before the newest end counts. */
#define SPROUT_RECENT_SPAN ((sprout_span){3600 * SPROUT_NS_PER_SECOND})

struct sprout_recent_one {
    sprout_instant began;
    sprout_span took;
    char model[SPROUT_RECENT_MODEL + 1];
};

struct sprout_recent {
    uint64_t noted; /* since the start; the newest stands at (noted - 1) % MAX */
    struct sprout_recent_one one[SPROUT_RECENT_MAX];
};

/* One that did not end well, or took no time, is left out. */
void sprout_recent_note(struct sprout_recent *r, const struct sprout_record *record);

/* How many there are, at most SPROUT_RECENT_MAX. */
size_t sprout_recent_count(const struct sprout_recent *r);

/* True if `one` ended within the span before the newest end `last`. */
bool sprout_recent_counts(const struct sprout_recent_one *one, sprout_instant last);

/* Sorts edges by time. */
void sprout_recent_sort(struct sprout_inflight_edge *edges, size_t count);

/* The newest end; 0 where there is none. */
sprout_instant sprout_recent_last(const struct sprout_recent *r);

#endif
