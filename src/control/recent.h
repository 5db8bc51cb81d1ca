/* SPDX-License-Identifier: Apache-2.0 */
/* recent.h - the newest requests of the journal: of which model, from when, how long.
 *
 * For how many ran together (core/inflight); nothing here survives control.  A batch of
 * lines that is rolled back is given back, too, and comes again.
 * Memory: the struct. */
#ifndef SPROUT_CONTROL_RECENT_H
#define SPROUT_CONTROL_RECENT_H

#include "control/config.h"
#include "wire/record.h"

enum {
    SPROUT_RECENT_MAX = 4096,
    SPROUT_RECENT_MODEL = 95, /* bytes; a longer name is cut */
};

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

/* For each profile of the configuration that has a figure by batch and no batch given: how
 * many requests of its models ran together (core/inflight), over those that ended within
 * SPROUT_RECENT_SPAN of the newest; 0 where there were none, or for any other profile. */
void sprout_recent_batches(const struct sprout_recent *r, const struct sprout_config *c,
                           double out[SPROUT_PROFILES_MAX]);

#endif
