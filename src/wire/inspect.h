/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.h - read a request body as it comes, and say what may be done to it.
 *
 * A push machine over the JSON scanner: feed the body in whatever pieces it has, then
 * finish.  It keeps no body bytes; what comes out are traits (model, stream, the keyed hash
 * of the conversation) and byte offsets at which a directive may be inserted.
 * Promise worth testing: every way of cutting the body gives the same facts.
 * A body that cannot be read safely is not an error: facts.eligible is false, with the
 * reason, and the body passes on as it came.
 * Memory: all from the arena at new (SPROUT_INSPECT_MEMORY suffices), nothing later.
 * Threads: one parser, one thread.
 * Not here: which level is chosen (core/choice.h), the edits (rewrite.h). */
#ifndef SPROUT_WIRE_INSPECT_H
#define SPROUT_WIRE_INSPECT_H

#include "base/arena.h"
#include "base/hash.h"
#include "core/choice.h"
#include "wire/dialect.h"

enum {
    SPROUT_INSPECT_MEMORY = 16 * 1024,
    SPROUT_PARAMS_MAX = 3,  /* of a dialect, that a level may set */
    SPROUT_MODEL_MAX = 256, /* decoded bytes of a model name; a longer one is cut */
};

struct sprout_inspect_opts {
    struct sprout_hash_key salt;     /* the policy's */
    uint64_t max_bytes;              /* above it: SPROUT_REASON_TOO_LARGE; 0: no limit */
    struct sprout_switches switches; /* what the facts are settled by at first */
    bool
        last_user; /* a rule may place it there: mind where the last question ends (D9) */
    bool with_text; /* collect the first user text, for a predictor */
    /* The directives and separator in force, to notice a text that ends with one (D9). */
    const struct sprout_level *levels;
    size_t level_count;
};

/* Where text is added, and in which form (R5, R6).  Not eligible: SPROUT_PLACE_NONE. */
enum sprout_place_form {
    SPROUT_PLACE_NONE,
    SPROUT_PLACE_STRING, /* before the closing quote of a string */
    SPROUT_PLACE_PART,   /* a text part before the closing bracket of a content array */
};

struct sprout_place {
    enum sprout_place_form form;
    uint64_t at; /* byte offset of the insertion */
    bool empty;  /* nothing before it: no separator (string), no comma (part) */
};

/* A text that a directive may extend. */
struct sprout_spot {
    struct sprout_place place;
    bool odd;        /* null, or parts that are no objects: not to be extended (R5) */
    bool ends_known; /* with a directive in force (D9) */
};

/* State of an optional member at the top level. */
enum sprout_member {
    SPROUT_MEMBER_ABSENT,
    SPROUT_MEMBER_NULL,
    SPROUT_MEMBER_FALSE,
    SPROUT_MEMBER_TRUE,
    SPROUT_MEMBER_OBJECT,
    SPROUT_MEMBER_OTHER
};

/* Where a parameter that a level may set stands (patch.h). */
struct sprout_param_fact {
    enum sprout_member home; /* the object around it; unused at the top */
    enum sprout_member value;
    uint64_t home_at, home_end; /* first byte, one past the last */
    uint64_t value_at, value_end;
    bool home_empty; /* {} */
};

struct sprout_facts {
    bool eligible;
    enum sprout_reason blocked;
    struct sprout_str model; /* decoded, in the arena; empty if unknown */
    bool stream;
    bool tools;
    uint64_t conversation; /* hash of model, system text and first user text */
    uint64_t bytes;
    uint32_t turns; /* user messages seen */
    /* The first user text, decoded, its text parts joined by line feeds; in the arena.  NULL
     * unless it was asked for and there is one. */
    const struct sprout_predict_text *first_text;
    struct sprout_place place;

    /* What sprout_facts_settle() goes by. */
    uint64_t reasons; /* bit r: reason r, whatever the switches say */
    struct sprout_spot system, first_user, last_user;
    unsigned off;           /* reason of the dialect, unless switched on; 0: none */
    bool tool_turn;         /* the last item is a tool's result ... */
    bool tool_turn_later;   /* ... in a conversation decided before it (R7) ... */
    bool tool_turn_in_loop; /* ... or in the loop that its first question began */

    /* For U2 and B3: where stream_options stands and how. */
    enum sprout_member stream_options;
    enum sprout_member include_usage;
    uint64_t object_end; /* offset of the closing brace of the body */
    bool object_empty;
    uint64_t stream_options_at;  /* first byte of its value */
    uint64_t stream_options_end; /* one past its last byte */
    uint64_t include_usage_at;   /* first byte of its value */
    uint64_t include_usage_end;
    bool stream_options_empty; /* {} */
    struct sprout_param_fact param[SPROUT_PARAMS_MAX];
};

struct sprout_inspect;

/* NULL when the arena is too small. */
struct sprout_inspect *sprout_inspect_new(struct sprout_arena *arena,
                                          const struct sprout_dialect *dialect,
                                          const struct sprout_inspect_opts *opts);

/* Never fails; after the first thing that makes the body unsafe it does little more than
 * count. */
void sprout_inspect_feed(struct sprout_inspect *i, const char *bytes, size_t len);

/* eligible, blocked and place anew, as these switches have it: a rule is known only when the
 * body is (it may ask for a model).  Any number of times. */
void sprout_facts_settle(struct sprout_facts *facts,
                         const struct sprout_switches *switches);

/* Call once, at the end of the body.  Settled by the switches of opts. */
struct sprout_facts sprout_inspect_finish(struct sprout_inspect *i);

#endif
