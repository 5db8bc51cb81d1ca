/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.h - from facts and a level to the bytes that change, apart from moving them.
 *
 * The plan is a short ordered list of edits: at offset `at`, leave out `drop` bytes and put
 * `put` instead.  Everything else leaves byte for byte as it came (B1).  Texts are escaped
 * once, at policy load (D3): sprout_rewrite_text.
 * Not here: buffers and files; who holds the body applies the edits. */
#ifndef SPROUT_WIRE_REWRITE_H
#define SPROUT_WIRE_REWRITE_H

#include "wire/patch.h"

enum { SPROUT_EDITS_MAX = 2 + SPROUT_PARAMS_MAX };

struct sprout_edit {
    uint64_t at;
    uint64_t drop;
    struct sprout_str put; /* borrowed from the rewrite_text, or static */
};

struct sprout_edits {
    struct sprout_edit v[SPROUT_EDITS_MAX];
    size_t n;
    bool directive;   /* a directive is among them */
    bool usage_added; /* include_usage was added: strip its chunk (U2) */
    bool patched;     /* a parameter of the level is among them */
};

/* The bytes of one patch: `add` is a member with the comma before it. */
struct sprout_rewrite_patch {
    const struct sprout_patch *patch;
    struct sprout_str add;     /* ,"text":{"verbosity":"low"} or ,"verbosity":"low" */
    struct sprout_str in_home; /* ,"verbosity":"low" */
    struct sprout_str value;   /* "low" */
};

/* The bytes of one directive in each form, ready to insert. */
struct sprout_rewrite_text {
    struct sprout_str in_string;                /* separator + directive, JSON-escaped */
    struct sprout_str in_empty_string;          /* directive, JSON-escaped */
    struct sprout_str part;                     /* ,{"type":"text","text":"..."} */
    struct sprout_str first_part;               /* the same without the comma */
    const struct sprout_rewrite_patch *patches; /* of the level, for this dialect */
    size_t patch_count;
};

/* The separator between the client's text and a directive. */
#define SPROUT_DIRECTIVE_SEPARATOR "\n\n"

/* Escapes a directive into the arena, for one dialect's part type.  SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_rewrite_text_make(
    struct sprout_arena *arena, const struct sprout_dialect *dialect,
    struct sprout_str directive, struct sprout_rewrite_text *out);

/* The same of a level of the policy, its patches included; the policy outlives *out. */
SPROUT_MUST_USE enum sprout_status sprout_rewrite_level_make(
    struct sprout_arena *arena, const struct sprout_dialect *dialect,
    const struct sprout_policy *policy, size_t level, struct sprout_rewrite_text *out);

/* Adds the patches of the level that fit the request, each parameter once: the first that
 * fits counts.  What the client set stays, and no name comes twice (B3, P6).  `route` is the
 * URI path. */
void sprout_rewrite_patch(struct sprout_edits *edits,
                          const struct sprout_dialect *dialect,
                          const struct sprout_facts *facts,
                          const struct sprout_rewrite_text *text,
                          struct sprout_str route);

/* Edits in ascending order of `at`; at most one directive and one for usage.
 * A body that is not eligible has none at all: it passes byte-identical (wire.md 4).
 * `text` NULL: no directive (L0).  `want_usage`: the operator allows include_usage to be
 * added where the client is silent. */
struct sprout_edits sprout_rewrite_plan(const struct sprout_dialect *dialect,
                                        const struct sprout_facts *facts,
                                        const struct sprout_rewrite_text *text,
                                        bool want_usage);

/* Length of a body of `length` bytes after the edits. */
uint64_t sprout_rewrite_length(const struct sprout_edits *edits, uint64_t length);

#endif
