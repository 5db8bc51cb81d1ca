/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what the planner decided, as the data plane uses it.
 *
 * A policy is an immutable value: decoded whole (wire/policy_json), checked whole
 * (sprout_policy_check), then shared read-only until the next one.  Everything it points at
 * lives as long as it does; who decoded it owns that memory.
 * Invariants after the check: 2 to SPROUT_LEVELS_MAX levels, the first adds nothing, every
 * other a directive or a patch;
 * every mix has one share per level, each in [0, 1], summing to 1 within 1e-9; at least one
 * stratum; every index in range; texts inside their limits.
 * Not here: its JSON (wire/policy_json.h, docs/policy.md), how a request is matched and a
 * level drawn (choice.h), how mixes are found (optimize.h). */
#ifndef SPROUT_CORE_POLICY_H
#define SPROUT_CORE_POLICY_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/str.h"
#include "core/carbon.h"
#include "core/energy.h"
#include "core/predict.h"
#include "core/units.h"

enum {
    SPROUT_POLICY_FORMAT = 1,
    SPROUT_LEVELS_MAX = 8,
    SPROUT_STRATA_MAX = 64,
    SPROUT_RULES_MAX = 256,
    SPROUT_PROFILES_MAX = 64,
    SPROUT_ZONES_MAX = 16,
    SPROUT_NAME_MAX = 64, /* names of levels, rules, strata, ids: no control bytes */
    SPROUT_DIRECTIVE_MAX = 4096,  /* bytes of a directive before JSON escaping */
    SPROUT_LEVEL_PATCHES_MAX = 8, /* of one level */
    SPROUT_PATCHES_MAX = SPROUT_LEVELS_MAX * SPROUT_LEVEL_PATCHES_MAX,
    SPROUT_PATTERN_MAX = 256,          /* a rule's glob */
    SPROUT_WEIGHTS_NAME_MAX = 128,     /* name of the file of weights */
    SPROUT_POLICY_BYTES_MAX = 1 << 20, /* of the whole file */
};

#define SPROUT_SHARE_TOLERANCE 1e-9
#define SPROUT_ACCURACY_MAX    100 /* relative to L0 */

struct sprout_level {
    struct sprout_str name;      /* "L0", "L1", ... */
    struct sprout_str directive; /* text to add; empty for L0 */
};

/* A parameter that a level sets in requests of one API to models the operator names (P2), if
 * the client left it unset: "verbosity" to "low".  A level adds a directive, patches, or
 * both.  Which parameters there are, the API says (wire/patch.h). */
struct sprout_patch {
    uint32_t level;
    struct sprout_str api;       /* dialect name */
    struct sprout_str parameter; /* "verbosity", "text.verbosity", ... */
    struct sprout_str value;
    struct sprout_str model; /* glob */
    struct sprout_str route; /* glob on the URI path; empty: any */
};

/* What is believed about a level in a stratum, and on how much that rests. */
struct sprout_belief {
    double quality;       /* preference share; only ratios to L0's are used */
    sprout_joules energy; /* expected, per request */
    sprout_seconds time;
    double output_tokens;
    int64_t requests; /* served requests behind energy and time */
};

struct sprout_stratum {
    struct sprout_str name;
    double mix[SPROUT_LEVELS_MAX];
    struct sprout_belief level[SPROUT_LEVELS_MAX];
};

/* Set in sprout_match.stream / tools. */
enum sprout_tristate { SPROUT_ANY = 0, SPROUT_NO = 1, SPROUT_YES = 2 };

/* All that is set must hold.  Globs know '*' and '?'. */
struct sprout_match {
    struct sprout_str route;          /* glob on the URI path; empty: any */
    struct sprout_str model;          /* glob on the decoded model name */
    struct sprout_str api;            /* dialect name, "openai-chat" */
    struct sprout_str api_key_sha256; /* 64 hex digits of the presented key */
    struct sprout_str header;         /* a request header that must be there ... */
    struct sprout_str header_value;   /* ... with a value that matches this glob */
    struct sprout_str kind; /* predicted: "maths", "code", "other"; without a prediction
                               a rule that asks for one does not match */
    enum sprout_tristate stream;
    enum sprout_tristate tools;
    int64_t min_bytes; /* of the request body; 0: any */
    int64_t max_bytes; /* 0: any */
};

/* Where the directive goes (D2).  All but the last user's are the same place on every turn of
 * a conversation. */
enum sprout_placement {
    SPROUT_PLACEMENT_UNSAID, /* of a rule: nothing said; else as AUTO */
    SPROUT_PLACEMENT_AUTO,   /* the client's system text; where none is, as FIRST_USER */
    SPROUT_PLACEMENT_FIRST_USER,
    SPROUT_PLACEMENT_LAST_USER,
    SPROUT_PLACEMENT_SYSTEM, /* the client's system text or nowhere */
};

/* What an operator may switch on the wire. */
struct sprout_switches {
    enum sprout_placement placement;
    bool with_tools; /* also where tools are offered; never where one is forced (N3) */
    bool with_completions; /* also raw completions, for models that take it well (N9) */
};

struct sprout_rule {
    struct sprout_str name;
    struct sprout_match match;
    bool off;        /* never touch what matches (still accounted) */
    uint32_t levels; /* bit l: level l is allowed; 0: all */
    double floor;    /* least quality relative to L0, 0 to 2; NaN: the policy's */
    enum sprout_tristate
        force; /* may clients send Sprout-Level?  ANY: the policy's say */
    enum sprout_tristate receipts;
    enum sprout_placement placement; /* UNSAID: as nginx.conf says of the route; so the */
    enum sprout_tristate with_tools; /* switches below, where they are ANY */
    enum sprout_tristate with_completions;
    enum sprout_tristate sample; /* NO: its prompts are never kept for judging */
    int64_t ng_per_quality;      /* price under this rule's floor; 0: the predictor's */
    int64_t ng_per_accuracy;     /* where ng_per_quality is set */
    /* The planner's mix under this rule's levels and floor, one per stratum; NULL when the
     * rule changes neither and the strata's own mixes hold. */
    const double (*mix)[SPROUT_LEVELS_MAX];
};

/* Prompts told apart one by one (core/predict.h).  The weights lie beside policy.json and
 * are named by their checksum: others are not used, and then the mixes hold. */
struct sprout_policy_predictor {
    struct sprout_str file; /* a name without a folder; empty: there is no predictor */
    uint64_t id;            /* checksum of the weights */
    bool decides;           /* false: predictions go to the journal only */
    int64_t ng_per_token;   /* carbon of one more token of answer */
    int64_t ng_per_quality; /* the optimum's price */
    int64_t tie_ng;         /* as in struct sprout_predict_terms */
    int64_t split;          /* as there, 0 to SPROUT_PREDICT_ONE */
    double correction[SPROUT_PREDICT_LEVELS]; /* added to the predicted quality */
    /* Added besides, for prompts of a kind. */
    double kind_correction[SPROUT_KIND_COUNT][SPROUT_PREDICT_LEVELS];
    int64_t ng_per_accuracy; /* price of a floor of accuracy; 0: none, or it is kept */
    double accuracy[SPROUT_PREDICT_LEVELS]; /* relative to L0, of any prompt */
};

/* The grid value the policy was made for. */
struct sprout_policy_grid {
    struct sprout_str zone;     /* "GB"; "-" when none is known */
    struct sprout_str source;   /* "csv", "static", ... */
    struct sprout_str quality;  /* "live", "replayed", "assumed", ... */
    sprout_g_per_kwh intensity; /* NaN: unknown */
    sprout_instant at;          /* start of the slot it describes */
};

/* What is different where the machines stand in another place: the grid value, and all that
 * was solved with it.  Everything else of a policy holds everywhere. */
struct sprout_zone_rule {
    int64_t ng_per_quality; /* as of a rule; 0: the zone's predictor's */
    int64_t ng_per_accuracy;
    const double (*mix)[SPROUT_LEVELS_MAX]; /* NULL: the zone's own */
};

struct sprout_policy_zone {
    struct sprout_policy_grid grid; /* grid.zone is the name that nginx asks for */
    double explore;
    double floor;
    double price;
    const double (*mix)[SPROUT_LEVELS_MAX]; /* one per stratum */
    struct sprout_policy_predictor
        predictor;                        /* its numbers; file and id are the policy's */
    const struct sprout_zone_rule *rules; /* one per rule, or none at all */
    size_t rule_count;
};

/* Energy coefficients for models that match; the first match wins. */
struct sprout_policy_profile {
    struct sprout_str model; /* glob */
    struct sprout_energy_profile profile;
};

struct sprout_policy {
    struct sprout_str id;
    sprout_instant created;
    sprout_instant valid_until;
    struct sprout_hash_key salt; /* constant in a deployment: the same key, the same u */

    double holdout; /* share of conversations always at L0 */
    double explore; /* share given an allowed level at random */
    double floor;   /* least quality relative to L0 the mixes were solved for */
    double price;  /* dC/dQ at the optimum, g per unit of quality; 0: floor not binding */
    bool force;    /* may clients send Sprout-Level where no rule says? */
    bool receipts; /* may clients ask for receipts where no rule says? */
    struct sprout_str quality_source; /* "published prior, not measured here", ... */

    struct sprout_level levels[SPROUT_LEVELS_MAX];
    size_t level_count;

    const struct sprout_patch *patches;
    size_t patch_count;

    const struct sprout_stratum *strata;
    size_t stratum_count;

    const struct sprout_rule *rules;
    size_t rule_count;

    const struct sprout_policy_profile *profiles;
    size_t profile_count;

    struct sprout_policy_predictor predictor;
    struct sprout_policy_grid grid;
    struct sprout_carbon_params carbon;

    const struct sprout_policy_zone *zones; /* places other than grid.zone */
    size_t zone_count;
};

/* Checks every invariant above.  SPROUT_INVALID with the field's path and what was expected
 * in *err ("strata[0].mix: shares sum to 0.9, expected 1"). */
SPROUT_MUST_USE enum sprout_status sprout_policy_check(const struct sprout_policy *p,
                                                       struct sprout_error *err);

/* Index of the level of that name ("L1", in any case), or -1. */
int sprout_policy_level(const struct sprout_policy *p, struct sprout_str name);

/* The zone of that name, or NULL. */
const struct sprout_policy_zone *sprout_policy_zone_find(const struct sprout_policy *p,
                                                         struct sprout_str name);

/* The policy as it holds for requests served in `zone`: one to decide and account by, without
 * zones of its own.  It borrows from `p` and has its mixes in the arena.  A zone the policy
 * does not know is one whose grid nobody knows: everything at the lowest level allowed.
 * NULL: the arena is spent. */
const struct sprout_policy *sprout_policy_in_zone(const struct sprout_policy *p,
                                                  struct sprout_str zone,
                                                  struct sprout_arena *arena);

/* "auto", "first-user", ...; "" for UNSAID. */
struct sprout_str sprout_placement_text(enum sprout_placement placement);
bool sprout_placement_parse(struct sprout_str text, enum sprout_placement *out);

/* What holds for a request: the rule's word, where it says nothing the route's.  `rule` may
 * be NULL. */
struct sprout_switches sprout_rule_switches(const struct sprout_rule *rule,
                                            struct sprout_switches route);

/* Coefficients for a model: the first profile whose glob matches; the authors' 13B when
 * none does. */
const struct sprout_energy_profile *sprout_policy_profile(const struct sprout_policy *p,
                                                          struct sprout_str model);

#endif
