/* SPDX-License-Identifier: Apache-2.0 */
/* whatif.h - what would happen to a given request, by the code that does it.
 *
 * The request is inspected and its level chosen by wire/inspect and core/choice, exactly as
 * inside nginx; shares are counted by choosing for many made-up conversations, so there is
 * no second copy of any rule.
 * Not here: what nginx alone decides (bodies above its limit, encodings, `sprout observe`). */
#ifndef SPROUT_CONTROL_WHATIF_H
#define SPROUT_CONTROL_WHATIF_H

#include "core/choice.h"
#include "wire/inspect.h"

enum {
    SPROUT_WHATIF_HEADERS_MAX = 32,
    SPROUT_WHATIF_DRAWS = 100000,
    SPROUT_WHATIF_MEMORY = 64 * 1024,
};

struct sprout_whatif_header {
    struct sprout_str name; /* any case */
    struct sprout_str value;
};

struct sprout_whatif_request {
    struct sprout_str method; /* empty: POST */
    struct sprout_str path;
    struct sprout_str model;          /* empty: the body's */
    struct sprout_str api_key_sha256; /* empty: none presented */
    struct sprout_whatif_header header[SPROUT_WHATIF_HEADERS_MAX];
    size_t headers;
    bool stream; /* of a request without a body */
    bool tools;
    bool has_body;
    struct sprout_str body;
    const struct sprout_predictor *predictor; /* borrowed; NULL: none looks at the text */
    bool alone; /* this conversation only: no shares are counted */
};

struct sprout_whatif {
    const struct sprout_dialect *dialect; /* NULL: none of ours */
    struct sprout_facts facts;            /* of the body, if there was one */
    struct sprout_switches switches;      /* of the rule that matches */
    bool known;                  /* the conversation is known, `choice` is of it */
    struct sprout_choice choice; /* else of some conversation: level and arm vary */
    bool predicted;              /* `said` is of this text */
    struct sprout_prediction said;
    double share[SPROUT_LEVELS_MAX]; /* over conversations like it */
    double holdout;
    double explore;
};

/* The patches of a level that would change this request, by the code that does it; at most
 * SPROUT_LEVEL_PATCHES_MAX of them. */
size_t sprout_whatif_patches(const struct sprout_policy *p,
                             const struct sprout_whatif_request *request,
                             const struct sprout_whatif *w, size_t level,
                             const struct sprout_patch **out);

/* `memory` of SPROUT_WHATIF_MEMORY bytes must outlive *out. */
void sprout_whatif(const struct sprout_policy *p,
                   const struct sprout_whatif_request *request, sprout_instant now,
                   void *memory, struct sprout_whatif *out);

#endif
