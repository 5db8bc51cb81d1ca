/* SPDX-License-Identifier: Apache-2.0 */
/* choice.h - which level a request gets, and why.
 *
 * A pure function of policy, traits and conversation key.  u = hash(key, salt) falls into
 * the mix's boundaries, which are ordered L0, L1, L2...: every turn of a conversation gets
 * the same level under one policy, every node agrees, nothing is stored, and a new mix moves
 * exactly the conversations whose u lies between an old and a new boundary.  Holdout and
 * exploration draw from hashes of their own, so that a conversation does not leave the
 * holdout when the mix moves.
 *
 * Precedence: no valid policy, not eligible, rule off, forced, holdout, exploration, then
 * the prompt itself where a predictor decides and knows its like, else the mix.
 * Floors (a rule's, a client's Sprout-Floor) only take levels away: a drawn level whose
 * quality lies under the floor, or that the rule does not allow, gives way to the nearest
 * lower level that may be used; L0 may always be used unless the rule's levels exclude it,
 * and then that rule has no holdout.
 * A rule's mix was solved for the rule's levels and floor (on average over its requests), so
 * its floor takes nothing away from that mix a second time; exploration keeps above it level
 * by level, because what a rule protects is not experimented on.  The policy's floor is a
 * promise about the average and is never applied to one request.
 * A forced level must be one that the rule allows and not under the client's own floor.
 * Where a predictor decides, floors are held against what it says of this prompt.
 * Not here: finding the traits in bytes (wire/inspect.h). */
#ifndef SPROUT_CORE_CHOICE_H
#define SPROUT_CORE_CHOICE_H

#include "core/policy.h"

enum sprout_arm {
    SPROUT_ARM_NONE, /* not decided by chance: off, not eligible, no policy */
    SPROUT_ARM_MIX,
    SPROUT_ARM_HOLDOUT,
    SPROUT_ARM_EXPLORE,
    SPROUT_ARM_FORCED,
};

/* Why a level was chosen, or why a request was not touched.  The text stands in
 * Sprout-Reason and in the journal, so it is part of the interface. */
#define SPROUT_REASON_TABLE(X)                                                           \
    X(MIX, "mix")                                                                        \
    X(PREDICTED, "predicted") /* what this prompt's own prediction and the price say */  \
    X(HOLDOUT, "holdout")                                                                \
    X(EXPLORE, "explore")                                                                \
    X(FORCED, "forced")                                                                  \
    X(FLOOR, "floor") /* the drawn level lies under the client's or the rule's floor */  \
    X(RULE_OFF, "rule-off")                                                              \
    X(OBSERVE, "observe")   /* nginx: sprout observe */                                  \
    X(NOT_CHAT, "not-chat") /* no dialect, or one without a directive (N8) */            \
    X(POLICY_MISSING, "policy-missing") /* never a valid one */                          \
    X(POLICY_EXPIRED, "policy-expired")                                                  \
    X(RESPONSE_FORMAT, "response-format") /* N1 */                                       \
    X(GRAMMAR, "grammar")                 /* N2 */                                       \
    X(TOOLS, "tools")                     /* N3 */                                       \
    X(TOOL_RESULT, "tool-result")         /* N4 */                                       \
    X(PREFILL, "prefill")                 /* N5 */                                       \
    X(LOGPROBS, "logprobs")               /* N6 */                                       \
    X(MANY_CHOICES, "many-choices")       /* N7 */                                       \
    X(COMPLETION, "raw-completion")       /* N9 */                                       \
    X(RAW, "raw-template")                /* N10 */                                      \
    X(STORED_PROMPT, "stored-prompt")     /* N11 */                                      \
    X(CLIENT_CHOSE, "client-chose")       /* N12: verbosity, or a very small cap */      \
    X(ENCODED, "content-encoding")        /* N13 */                                      \
    X(NOT_JSON, "not-json")               /* N13: malformed JSON or UTF-8 */             \
    X(DUPLICATE_KEY, "duplicate-key")     /* N13 */                                      \
    X(TOO_LARGE, "too-large")             /* N13: above the parse limit */               \
    X(TOO_DEEP, "too-deep")               /* N13 */                                      \
    X(NO_TEXT, "no-text")                 /* R5: no text to extend */                    \
    X(ALREADY, "already-injected")        /* D9 */                                       \
    X(SIGNED, "signed-body")              /* B6 */                                       \
    X(NO_PATCH, "no-patch")               /* P2: a level of patches, none fits */        \
    X(REFUSED, "refused")   /* answered before it was read: 401, 413, 429 */             \
    X(INTERNAL, "internal") /* our memory or bounds ran out; passed through */

enum sprout_reason {
#define X(name, text) SPROUT_REASON_##name,
    SPROUT_REASON_TABLE(X)
#undef X
        SPROUT_REASON_COUNT
};

const char *sprout_reason_text(enum sprout_reason reason);
const char *sprout_arm_text(enum sprout_arm arm); /* "mix", "holdout", ... */

/* Looks a request header up by its lower-case name; false if absent. */
typedef bool sprout_header_fn(void *ctx, struct sprout_str name, struct sprout_str *out);

/* What is known of a request before the level is chosen.  All views are borrowed. */
struct sprout_traits {
    struct sprout_str route; /* URI path without query */
    struct sprout_str model;
    struct sprout_str api;
    struct sprout_str api_key_sha256; /* empty when no key was sent */
    sprout_header_fn *header;         /* NULL: no headers */
    void *header_ctx;
    bool stream;
    bool tools;
    int64_t body_bytes;
    bool eligible;               /* a directive can be spliced ... */
    enum sprout_reason blocked;  /* ... or why it cannot */
    uint64_t conversation;       /* keyed hash, D4 */
    struct sprout_str ask_level; /* Sprout-Level as sent; empty: not sent */
    double ask_floor;            /* Sprout-Floor; NaN: not sent or not a number */
    const struct sprout_prediction *prediction; /* NULL: no predictor looked at it */
};

struct sprout_choice {
    int level;
    enum sprout_arm arm;
    enum sprout_reason reason;
    int rule;      /* index of the first rule that matched, or -1 */
    int stratum;   /* index */
    bool receipts; /* may this client ask for a receipt? */
};

/* `policy` is NULL when there never was a valid one.  Never fails: what is wrong ends as L0
 * with a reason.  An unknown or forbidden Sprout-Level is ignored (as `auto`). */
struct sprout_choice sprout_choose(const struct sprout_policy *policy,
                                   const struct sprout_traits *traits,
                                   sprout_instant now);

/* Index of the first rule that matches, or -1: what sprout_choose() goes by. */
int sprout_choice_rule(const struct sprout_policy *policy,
                       const struct sprout_traits *traits);

/* Index of the stratum named as the predicted kind is ("maths"); 0, the first, where there is
 * none of that name, and without a prediction (NULL). */
int sprout_choice_stratum(const struct sprout_policy *policy,
                          const struct sprout_prediction *said);

/* What core/predict is told under `policy` and its rule `rule` (NULL: none).  The
 * simulator and the planner ask here too, so that they decide as nginx does. */
struct sprout_predict_terms sprout_choice_terms(const struct sprout_policy *policy,
                                                const struct sprout_rule *rule);

/* Level that u in [0, 1) falls into under `mix`. */
int sprout_mix_draw(const double *mix, size_t level_count, double u);

#endif
