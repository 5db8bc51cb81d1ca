/* SPDX-License-Identifier: Apache-2.0 */
/* policy_json_rows.h - the table of policy.json's members; only for policy_json.c.
 *
 * One line says of a member how deep it stands, its form, whether it must be there, the
 * struct it is in and its place in that.  A member of a form that exists is a line here and
 * one in policy_json_write.c; the round-trip test keeps the two together. */
#ifndef SPROUT_WIRE_POLICY_JSON_ROWS_H
#define SPROUT_WIRE_POLICY_JSON_ROWS_H

#include <stddef.h>

#include "core/policy.h"

enum form {
    FORM_NODE,      /* an object or array that only holds others */
    FORM_ITEM,      /* an object in a list: moves the base of its struct */
    FORM_FORMAT,    /* the version of the file */
    FORM_TEXT,      /* struct sprout_str */
    FORM_TIME,      /* sprout_instant */
    FORM_SALT,      /* struct sprout_hash_key, 32 hex digits */
    FORM_ID,        /* uint64_t, 16 hex digits */
    FORM_REAL,      /* double; null is NaN */
    FORM_COUNT,     /* int64_t */
    FORM_FLAG,      /* bool */
    FORM_PLACEMENT, /* enum sprout_placement, by its name */
    FORM_TRISTATE,  /* enum sprout_tristate; absent or null is ANY */
    FORM_REALS,     /* a list of doubles in place */
    FORM_REALS_OF,  /* its items */
    FORM_ALLOWED,   /* a list of level names, turned into bits at the end */
    FORM_ALLOWED_OF,
    FORM_MIXES, /* a list of mixes, one per stratum, of a rule or a zone */
    FORM_MIXES_ROW,
    FORM_MIXES_OF,
};

/* The structs that members live in. */
enum base {
    POLICY,
    LEVEL,
    PATCH,
    STRATUM,
    BELIEF,
    RULE,
    PROFILE,
    ZONE,
    ZONE_RULE,
    BASES
};

enum need { REQUIRED, OPTIONAL };

/* X(depth, name, form, need, base, offset, limit): for lists, `limit` is how many items
 * there may be. */
#define AT(type, member) offsetof(struct type, member)
/* clang-format off */
#define MEMBERS(X)                                                                              \
    X(0, "",               FORM_NODE,       REQUIRED, POLICY,  0, 0)                            \
    X(1, "format",         FORM_FORMAT,     REQUIRED, POLICY,  0, 0)                            \
    X(1, "id",             FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, id), 0)        \
    X(1, "created",        FORM_TIME,       REQUIRED, POLICY,  AT(sprout_policy, created), 0)   \
    X(1, "valid_until",    FORM_TIME,       REQUIRED, POLICY,  AT(sprout_policy, valid_until), 0) \
    X(1, "salt",           FORM_SALT,       REQUIRED, POLICY,  AT(sprout_policy, salt), 0)      \
    X(1, "grid",           FORM_NODE,       REQUIRED, POLICY,  0, 0)                            \
    X(2, "zone",           FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, grid.zone), 0) \
    X(2, "g_per_kwh",      FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, grid.intensity), 0) \
    X(2, "at",             FORM_TIME,       REQUIRED, POLICY,  AT(sprout_policy, grid.at), 0)   \
    X(2, "source",         FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, grid.source), 0) \
    X(2, "quality",        FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, grid.quality), 0) \
    X(1, "levels",         FORM_NODE,       REQUIRED, POLICY,  0, SPROUT_LEVELS_MAX)            \
    X(2, "[]",             FORM_ITEM,       REQUIRED, LEVEL,   0, 0)                            \
    X(3, "name",           FORM_TEXT,       REQUIRED, LEVEL,   AT(sprout_level, name), 0)       \
    X(3, "directive",      FORM_TEXT,       REQUIRED, LEVEL,   AT(sprout_level, directive), 0)  \
    X(3, "patches",        FORM_NODE,       OPTIONAL, LEVEL,   0, SPROUT_LEVEL_PATCHES_MAX)     \
    X(4, "[]",             FORM_ITEM,       OPTIONAL, PATCH,   0, 0)                            \
    X(5, "api",            FORM_TEXT,       REQUIRED, PATCH,   AT(sprout_patch, api), 0)        \
    X(5, "parameter",      FORM_TEXT,       REQUIRED, PATCH,   AT(sprout_patch, parameter), 0)  \
    X(5, "value",          FORM_TEXT,       REQUIRED, PATCH,   AT(sprout_patch, value), 0)      \
    X(5, "model",          FORM_TEXT,       REQUIRED, PATCH,   AT(sprout_patch, model), 0)      \
    X(5, "route",          FORM_TEXT,       OPTIONAL, PATCH,   AT(sprout_patch, route), 0)      \
    X(1, "holdout",        FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, holdout), 0)   \
    X(1, "explore",        FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, explore), 0)   \
    X(1, "floor",          FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, floor), 0)     \
    X(1, "price",          FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, price), 0)     \
    X(1, "quality_source", FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, quality_source), 0) \
    X(1, "clients",        FORM_NODE,       REQUIRED, POLICY,  0, 0)                            \
    X(2, "force",          FORM_FLAG,       REQUIRED, POLICY,  AT(sprout_policy, force), 0)     \
    X(2, "receipts",       FORM_FLAG,       REQUIRED, POLICY,  AT(sprout_policy, receipts), 0)  \
    X(1, "strata",         FORM_NODE,       REQUIRED, POLICY,  0, SPROUT_STRATA_MAX)            \
    X(2, "[]",             FORM_ITEM,       REQUIRED, STRATUM, 0, 0)                            \
    X(3, "name",           FORM_TEXT,       REQUIRED, STRATUM, AT(sprout_stratum, name), 0)     \
    X(3, "mix",            FORM_REALS,      REQUIRED, STRATUM, AT(sprout_stratum, mix), SPROUT_LEVELS_MAX) \
    X(4, "[]",             FORM_REALS_OF,   REQUIRED, STRATUM, AT(sprout_stratum, mix), 0)      \
    X(3, "levels",         FORM_NODE,       REQUIRED, STRATUM, 0, SPROUT_LEVELS_MAX)            \
    X(4, "[]",             FORM_ITEM,       REQUIRED, BELIEF,  0, 0)                            \
    X(5, "quality",        FORM_REAL,       REQUIRED, BELIEF,  AT(sprout_belief, quality), 0)   \
    X(5, "energy_j",       FORM_REAL,       REQUIRED, BELIEF,  AT(sprout_belief, energy), 0)    \
    X(5, "time_s",         FORM_REAL,       REQUIRED, BELIEF,  AT(sprout_belief, time), 0)      \
    X(5, "output_tokens",  FORM_REAL,       REQUIRED, BELIEF,  AT(sprout_belief, output_tokens), 0) \
    X(5, "requests",       FORM_COUNT,      REQUIRED, BELIEF,  AT(sprout_belief, requests), 0)  \
    X(1, "rules",          FORM_NODE,       REQUIRED, POLICY,  0, SPROUT_RULES_MAX)             \
    X(2, "[]",             FORM_ITEM,       REQUIRED, RULE,    0, 0)                            \
    X(3, "name",           FORM_TEXT,       REQUIRED, RULE,    AT(sprout_rule, name), 0)        \
    X(3, "match",          FORM_NODE,       REQUIRED, RULE,    0, 0)                            \
    X(4, "route",          FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.route), 0) \
    X(4, "model",          FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.model), 0) \
    X(4, "api",            FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.api), 0)   \
    X(4, "api_key_sha256", FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.api_key_sha256), 0) \
    X(4, "header",         FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.header), 0) \
    X(4, "header_value",   FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.header_value), 0) \
    X(4, "stream",         FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, match.stream), 0) \
    X(4, "tools",          FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, match.tools), 0) \
    X(4, "kind",           FORM_TEXT,       OPTIONAL, RULE,    AT(sprout_rule, match.kind), 0) \
    X(4, "min_bytes",      FORM_COUNT,      OPTIONAL, RULE,    AT(sprout_rule, match.min_bytes), 0) \
    X(4, "max_bytes",      FORM_COUNT,      OPTIONAL, RULE,    AT(sprout_rule, match.max_bytes), 0) \
    X(3, "off",            FORM_FLAG,       OPTIONAL, RULE,    AT(sprout_rule, off), 0)         \
    X(3, "levels",         FORM_ALLOWED,    OPTIONAL, RULE,    0, SPROUT_LEVELS_MAX)            \
    X(4, "[]",             FORM_ALLOWED_OF, OPTIONAL, RULE,    0, 0)                            \
    X(3, "floor",          FORM_REAL,       OPTIONAL, RULE,    AT(sprout_rule, floor), 0)       \
    X(3, "force",          FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, force), 0)       \
    X(3, "receipts",       FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, receipts), 0)    \
    X(3, "placement",      FORM_PLACEMENT,  OPTIONAL, RULE,    AT(sprout_rule, placement), 0)   \
    X(3, "with_tools",     FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, with_tools), 0)  \
    X(3, "with_completions", FORM_TRISTATE, OPTIONAL, RULE,    AT(sprout_rule, with_completions), 0) \
    X(3, "sample",         FORM_TRISTATE,   OPTIONAL, RULE,    AT(sprout_rule, sample), 0)      \
    X(3, "ng_per_quality", FORM_COUNT,      OPTIONAL, RULE,    AT(sprout_rule, ng_per_quality), 0) \
    X(3, "ng_per_accuracy", FORM_COUNT,     OPTIONAL, RULE,    AT(sprout_rule, ng_per_accuracy), 0) \
    X(3, "mix",            FORM_MIXES,      OPTIONAL, RULE,    AT(sprout_rule, mix), SPROUT_STRATA_MAX) \
    X(4, "[]",             FORM_MIXES_ROW,  OPTIONAL, RULE,    0, SPROUT_LEVELS_MAX)            \
    X(5, "[]",             FORM_MIXES_OF,   OPTIONAL, RULE,    0, 0)                            \
    X(1, "predictor",      FORM_NODE,       OPTIONAL, POLICY,  0, 0)                            \
    X(2, "file",           FORM_TEXT,       REQUIRED, POLICY,  AT(sprout_policy, predictor.file), 0) \
    X(2, "id",             FORM_ID,         REQUIRED, POLICY,  AT(sprout_policy, predictor.id), 0) \
    X(2, "decides",        FORM_FLAG,       REQUIRED, POLICY,  AT(sprout_policy, predictor.decides), 0) \
    X(2, "ng_per_token",   FORM_COUNT,      REQUIRED, POLICY,  AT(sprout_policy, predictor.ng_per_token), 0) \
    X(2, "ng_per_quality", FORM_COUNT,      REQUIRED, POLICY,  AT(sprout_policy, predictor.ng_per_quality), 0) \
    X(2, "tie_ng",         FORM_COUNT,      REQUIRED, POLICY,  AT(sprout_policy, predictor.tie_ng), 0) \
    X(2, "split",          FORM_COUNT,      REQUIRED, POLICY,  AT(sprout_policy, predictor.split), 0) \
    X(2, "correction",     FORM_REALS,      OPTIONAL, POLICY,  AT(sprout_policy, predictor.correction), SPROUT_PREDICT_LEVELS) \
    X(3, "[]",             FORM_REALS_OF,   OPTIONAL, POLICY,  AT(sprout_policy, predictor.correction), 0) \
    X(2, "correction_of",  FORM_NODE,       OPTIONAL, POLICY,  0, 0)                            \
    X(3, "other",          FORM_REALS,      OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_OTHER]), SPROUT_PREDICT_LEVELS) \
    X(4, "[]",             FORM_REALS_OF,   OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_OTHER]), 0) \
    X(3, "maths",          FORM_REALS,      OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_MATHS]), SPROUT_PREDICT_LEVELS) \
    X(4, "[]",             FORM_REALS_OF,   OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_MATHS]), 0) \
    X(3, "code",           FORM_REALS,      OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_CODE]), SPROUT_PREDICT_LEVELS) \
    X(4, "[]",             FORM_REALS_OF,   OPTIONAL, POLICY,  AT(sprout_policy, predictor.kind_correction[SPROUT_KIND_CODE]), 0) \
    X(2, "ng_per_accuracy", FORM_COUNT,     OPTIONAL, POLICY,  AT(sprout_policy, predictor.ng_per_accuracy), 0) \
    X(2, "accuracy",       FORM_REALS,      OPTIONAL, POLICY,  AT(sprout_policy, predictor.accuracy), SPROUT_PREDICT_LEVELS) \
    X(3, "[]",             FORM_REALS_OF,   OPTIONAL, POLICY,  AT(sprout_policy, predictor.accuracy), 0) \
    X(1, "profiles",       FORM_NODE,       REQUIRED, POLICY,  0, SPROUT_PROFILES_MAX)          \
    X(2, "[]",             FORM_ITEM,       REQUIRED, PROFILE, 0, 0)                            \
    X(3, "model",          FORM_TEXT,       REQUIRED, PROFILE, AT(sprout_policy_profile, model), 0) \
    X(3, "name",           FORM_TEXT,       REQUIRED, PROFILE, AT(sprout_policy_profile, profile.name), 0) \
    X(3, "joules",         FORM_REALS,      REQUIRED, PROFILE, AT(sprout_policy_profile, profile.joules), 3) \
    X(4, "[]",             FORM_REALS_OF,   REQUIRED, PROFILE, AT(sprout_policy_profile, profile.joules), 0) \
    X(3, "seconds",        FORM_REALS,      REQUIRED, PROFILE, AT(sprout_policy_profile, profile.seconds), 3) \
    X(4, "[]",             FORM_REALS_OF,   REQUIRED, PROFILE, AT(sprout_policy_profile, profile.seconds), 0) \
    X(3, "range",          FORM_REALS,      OPTIONAL, PROFILE, AT(sprout_policy_profile, profile.range), 2) \
    X(4, "[]",             FORM_REALS_OF,   OPTIONAL, PROFILE, AT(sprout_policy_profile, profile.range), 0) \
    X(1, "carbon",         FORM_NODE,       REQUIRED, POLICY,  0, 0)                            \
    X(2, "pue",            FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, carbon.pue), 0) \
    X(2, "embodied_g",     FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, carbon.embodied), 0) \
    X(2, "lifetime_s",     FORM_REAL,       REQUIRED, POLICY,  AT(sprout_policy, carbon.lifetime), 0) \
    X(1, "zones",          FORM_NODE,       OPTIONAL, POLICY,  0, SPROUT_ZONES_MAX)             \
    X(2, "[]",             FORM_ITEM,       OPTIONAL, ZONE,    0, 0)                            \
    X(3, "zone",           FORM_TEXT,       REQUIRED, ZONE,    AT(sprout_policy_zone, grid.zone), 0) \
    X(3, "g_per_kwh",      FORM_REAL,       REQUIRED, ZONE,    AT(sprout_policy_zone, grid.intensity), 0) \
    X(3, "at",             FORM_TIME,       REQUIRED, ZONE,    AT(sprout_policy_zone, grid.at), 0) \
    X(3, "source",         FORM_TEXT,       REQUIRED, ZONE,    AT(sprout_policy_zone, grid.source), 0) \
    X(3, "quality",        FORM_TEXT,       REQUIRED, ZONE,    AT(sprout_policy_zone, grid.quality), 0) \
    X(3, "explore",        FORM_REAL,       REQUIRED, ZONE,    AT(sprout_policy_zone, explore), 0) \
    X(3, "floor",          FORM_REAL,       REQUIRED, ZONE,    AT(sprout_policy_zone, floor), 0) \
    X(3, "price",          FORM_REAL,       REQUIRED, ZONE,    AT(sprout_policy_zone, price), 0) \
    X(3, "mix",            FORM_MIXES,      REQUIRED, ZONE,    AT(sprout_policy_zone, mix), SPROUT_STRATA_MAX) \
    X(4, "[]",             FORM_MIXES_ROW,  REQUIRED, ZONE,    0, SPROUT_LEVELS_MAX)            \
    X(5, "[]",             FORM_MIXES_OF,   REQUIRED, ZONE,    0, 0)                            \
    X(3, "predictor",      FORM_NODE,       OPTIONAL, ZONE,    0, 0)                            \
    X(4, "decides",        FORM_FLAG,       REQUIRED, ZONE,    AT(sprout_policy_zone, predictor.decides), 0) \
    X(4, "ng_per_token",   FORM_COUNT,      REQUIRED, ZONE,    AT(sprout_policy_zone, predictor.ng_per_token), 0) \
    X(4, "ng_per_quality", FORM_COUNT,      REQUIRED, ZONE,    AT(sprout_policy_zone, predictor.ng_per_quality), 0) \
    X(4, "tie_ng",         FORM_COUNT,      REQUIRED, ZONE,    AT(sprout_policy_zone, predictor.tie_ng), 0) \
    X(4, "split",          FORM_COUNT,      REQUIRED, ZONE,    AT(sprout_policy_zone, predictor.split), 0) \
    X(4, "correction",     FORM_REALS,      OPTIONAL, ZONE,    AT(sprout_policy_zone, predictor.correction), SPROUT_PREDICT_LEVELS) \
    X(5, "[]",             FORM_REALS_OF,   OPTIONAL, ZONE,    AT(sprout_policy_zone, predictor.correction), 0) \
    X(4, "correction_of",  FORM_NODE,       OPTIONAL, ZONE,  0, 0)                            \
    X(5, "other",          FORM_REALS,      OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_OTHER]), SPROUT_PREDICT_LEVELS) \
    X(6, "[]",             FORM_REALS_OF,   OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_OTHER]), 0) \
    X(5, "maths",          FORM_REALS,      OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_MATHS]), SPROUT_PREDICT_LEVELS) \
    X(6, "[]",             FORM_REALS_OF,   OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_MATHS]), 0) \
    X(5, "code",           FORM_REALS,      OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_CODE]), SPROUT_PREDICT_LEVELS) \
    X(6, "[]",             FORM_REALS_OF,   OPTIONAL, ZONE,  AT(sprout_policy_zone, predictor.kind_correction[SPROUT_KIND_CODE]), 0) \
    X(4, "ng_per_accuracy", FORM_COUNT,     OPTIONAL, ZONE,    AT(sprout_policy_zone, predictor.ng_per_accuracy), 0) \
    X(4, "accuracy",       FORM_REALS,      OPTIONAL, ZONE,    AT(sprout_policy_zone, predictor.accuracy), SPROUT_PREDICT_LEVELS) \
    X(5, "[]",             FORM_REALS_OF,   OPTIONAL, ZONE,    AT(sprout_policy_zone, predictor.accuracy), 0) \
    X(3, "rules",          FORM_NODE,       OPTIONAL, ZONE,    0, SPROUT_RULES_MAX)             \
    X(4, "[]",             FORM_ITEM,       OPTIONAL, ZONE_RULE, 0, 0)                          \
    X(5, "ng_per_quality", FORM_COUNT,      OPTIONAL, ZONE_RULE, AT(sprout_zone_rule, ng_per_quality), 0) \
    X(5, "ng_per_accuracy", FORM_COUNT,     OPTIONAL, ZONE_RULE, AT(sprout_zone_rule, ng_per_accuracy), 0) \
    X(5, "mix",            FORM_MIXES,      OPTIONAL, ZONE_RULE, AT(sprout_zone_rule, mix), SPROUT_STRATA_MAX) \
    X(6, "[]",             FORM_MIXES_ROW,  OPTIONAL, ZONE_RULE, 0, SPROUT_LEVELS_MAX)          \
    X(7, "[]",             FORM_MIXES_OF,   OPTIONAL, ZONE_RULE, 0, 0)
/* clang-format on */

#endif
