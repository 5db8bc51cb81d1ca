/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - the checks of policy.h, and the two look-ups.
 *
 * Each check_* function looks at one struct and names the field it refuses by the path that
 * the field has in policy.json, so that a message can be acted upon.  Numbers that may be
 * unknown are NaN and pass; infinities never do. */
#include "core/policy.h"

#define PATH_MAX_LEN 64
#define FLOOR_MAX    2.0 /* relative to L0; above 1 is "better than nothing added" */

static bool within(double v, double low, double high)
{
    return v >= low && v <= high; /* false for NaN */
}

static bool unknown_or_positive(double v)
{
    return isnan(v) || within(v, 0, 1e300);
}

static bool has_control(struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

/* Text that ends up in a header, a label or a journal line. */
static enum sprout_status check_text(struct sprout_str s, size_t min, size_t max,
                                     const char *path, const char *field,
                                     struct sprout_error *err)
{
    if (s.len < min || s.len > max) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s%s: found %zu bytes, expected %zu to %zu", path, field,
                           s.len, min, max);
    }
    if (has_control(s) || !sprout_str_utf8(s)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s%s: expected UTF-8 text without control characters", path,
                           field);
    }
    return SPROUT_OK;
}

static enum sprout_status check_range(double v, double low, double high, const char *path,
                                      const char *field, struct sprout_error *err)
{
    if (!within(v, low, high)) {
        return sprout_fail(err, SPROUT_INVALID, "%s%s: found %g, expected %g to %g", path,
                           field, v, low, high);
    }
    return SPROUT_OK;
}

static enum sprout_status check_amount(double v, const char *path, const char *field,
                                       struct sprout_error *err)
{
    if (!unknown_or_positive(v)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s%s: found %g, expected a number that is not negative, or "
                           "null for unknown",
                           path, field, v);
    }
    return SPROUT_OK;
}

static enum sprout_status check_mix(const double *mix, size_t count, const char *path,
                                    struct sprout_error *err)
{
    double sum = 0;
    for (size_t l = 0; l < count; l++) {
        if (!within(mix[l], 0, 1)) {
            return sprout_fail(err, SPROUT_INVALID,
                               "%s[%zu]: found %g, expected a share of 0 to 1", path, l,
                               mix[l]);
        }
        sum += mix[l];
    }
    if (!within(sum, 1 - SPROUT_SHARE_TOLERANCE, 1 + SPROUT_SHARE_TOLERANCE)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s: shares sum to %.12g, expected 1 (within 1e-9)", path,
                           sum);
    }
    return SPROUT_OK;
}

static bool has_patch(const struct sprout_policy *p, size_t level)
{
    for (size_t i = 0; i < p->patch_count; i++) {
        if (p->patches[i].level == level) {
            return true;
        }
    }
    return false;
}

static enum sprout_status check_directive(struct sprout_str s, bool first, bool patched,
                                          const char *path, struct sprout_error *err)
{
    if (first && patched) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%spatches: the first level adds nothing, expected none",
                           path);
    }
    if (first && s.len > 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%sdirective: the first level adds nothing, expected \"\"",
                           path);
    }
    if (!first && !patched && s.len == 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%sdirective: found no text and no patches beside it, "
                           "only the first level adds nothing",
                           path);
    }
    if (s.len > SPROUT_DIRECTIVE_MAX) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%sdirective: found %zu bytes, expected at most %d", path,
                           s.len, SPROUT_DIRECTIVE_MAX);
    }
    if (s.len > 0 && (memchr(s.ptr, '\0', s.len) != NULL || !sprout_str_utf8(s))) {
        return sprout_fail(err, SPROUT_INVALID, "%sdirective: expected UTF-8 without NUL",
                           path);
    }
    return SPROUT_OK;
}

static enum sprout_status check_levels(const struct sprout_policy *p,
                                       struct sprout_error *err)
{
    if (p->level_count < 2 || p->level_count > SPROUT_LEVELS_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "levels: found %zu, expected 2 to %d",
                           p->level_count, SPROUT_LEVELS_MAX);
    }
    for (size_t l = 0; l < p->level_count; l++) {
        char path[PATH_MAX_LEN];
        struct sprout_buf b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "levels[%zu].", l);

        const struct sprout_level *level = &p->levels[l];
        enum sprout_status s =
            check_text(level->name, 1, SPROUT_NAME_MAX, path, "name", err);
        if (s == SPROUT_OK) {
            s = check_directive(level->directive, l == 0, has_patch(p, l), path, err);
        }
        if (s != SPROUT_OK) {
            return s;
        }
        /* `auto` is what a client sends for "choose for me". */
        if (sprout_str_ieq(level->name, SPROUT_STR("auto")) ||
            sprout_policy_level(p, level->name) != (int)l) {
            return sprout_fail(err, SPROUT_INVALID,
                               "%sname: expected a name that is not taken (whatever its "
                               "case) and is not \"auto\"",
                               path);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_patches(const struct sprout_policy *p,
                                        struct sprout_error *err)
{
    if (p->patch_count > SPROUT_PATCHES_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "patches: found %zu, expected at most %d",
                           p->patch_count, SPROUT_PATCHES_MAX);
    }
    for (size_t i = 0; i < p->patch_count; i++) {
        const struct sprout_patch *q = &p->patches[i];
        const struct {
            struct sprout_str text;
            size_t min, max;
            const char *field;
        } texts[] = {
            {q->api, 1, SPROUT_NAME_MAX, "api"},
            {q->parameter, 1, SPROUT_NAME_MAX, "parameter"},
            {q->value, 1, SPROUT_NAME_MAX, "value"},
            {q->model, 1, SPROUT_PATTERN_MAX, "model"},
            {q->route, 0, SPROUT_PATTERN_MAX, "route"},
        };
        char path[PATH_MAX_LEN];
        struct sprout_buf b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "levels[%u].patches: ", (unsigned)q->level);
        enum sprout_status s = SPROUT_OK;
        if (q->level >= p->level_count) {
            s = sprout_fail(err, SPROUT_INVALID, "%sno such level", path);
        }
        for (size_t k = 0; k < sizeof texts / sizeof texts[0] && s == SPROUT_OK; k++) {
            s = check_text(texts[k].text, texts[k].min, texts[k].max, path,
                           texts[k].field, err);
        }
        if (s != SPROUT_OK) {
            return s;
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_belief(const struct sprout_belief *b, const char *path,
                                       struct sprout_error *err)
{
    enum sprout_status s = check_range(b->quality, 0, 1e300, path, "quality", err);
    if (s == SPROUT_OK) {
        s = check_amount(b->energy.v, path, "energy_j", err);
    }
    if (s == SPROUT_OK) {
        s = check_amount(b->time.v, path, "time_s", err);
    }
    if (s == SPROUT_OK) {
        s = check_amount(b->output_tokens, path, "output_tokens", err);
    }
    if (s == SPROUT_OK && b->requests < 0) {
        s = sprout_fail(err, SPROUT_INVALID, "%srequests: found %lld, expected a count",
                        path, (long long)b->requests);
    }
    return s;
}

static enum sprout_status check_stratum(const struct sprout_policy *p, size_t i,
                                        struct sprout_error *err)
{
    const struct sprout_stratum *st = &p->strata[i];
    char path[PATH_MAX_LEN];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "strata[%zu].", i);
    enum sprout_status s = check_text(st->name, 1, SPROUT_NAME_MAX, path, "name", err);
    if (s != SPROUT_OK) {
        return s;
    }

    b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "strata[%zu].mix", i);
    s = check_mix(st->mix, p->level_count, path, err);

    for (size_t l = 0; l < p->level_count && s == SPROUT_OK; l++) {
        b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "strata[%zu].levels[%zu].", i, l);
        s = check_belief(&st->level[l], path, err);
    }
    return s;
}

static enum sprout_status check_strata(const struct sprout_policy *p,
                                       struct sprout_error *err)
{
    if (p->stratum_count < 1 || p->stratum_count > SPROUT_STRATA_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "strata: found %zu, expected 1 to %d",
                           p->stratum_count, SPROUT_STRATA_MAX);
    }
    for (size_t i = 0; i < p->stratum_count; i++) {
        const enum sprout_status s = check_stratum(p, i, err);
        if (s != SPROUT_OK) {
            return s;
        }
    }
    return SPROUT_OK;
}

static bool is_hex(struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
              (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return true;
}

static bool is_tristate(enum sprout_tristate t)
{
    return t == SPROUT_ANY || t == SPROUT_NO || t == SPROUT_YES;
}

static enum sprout_status check_match(const struct sprout_match *m, const char *path,
                                      struct sprout_error *err)
{
    const struct {
        struct sprout_str text;
        size_t max;
        const char *field;
    } texts[] = {
        {m->route, SPROUT_PATTERN_MAX, "match.route"},
        {m->model, SPROUT_PATTERN_MAX, "match.model"},
        {m->api, SPROUT_NAME_MAX, "match.api"},
        {m->header, SPROUT_NAME_MAX, "match.header"},
        {m->header_value, SPROUT_PATTERN_MAX, "match.header_value"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const enum sprout_status s =
            check_text(texts[i].text, 0, texts[i].max, path, texts[i].field, err);
        if (s != SPROUT_OK) {
            return s;
        }
    }

    if (m->kind.len > 0 && sprout_kind_of(m->kind) < 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%smatch.kind: expected \"maths\", \"code\" or \"other\"",
                           path);
    }
    if (m->api_key_sha256.len != 0 &&
        (m->api_key_sha256.len != 64 || !is_hex(m->api_key_sha256))) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%smatch.api_key_sha256: expected 64 hexadecimal digits",
                           path);
    }
    if (m->header_value.len > 0 && m->header.len == 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%smatch.header_value: expected match.header beside it", path);
    }
    if (!is_tristate(m->stream) || !is_tristate(m->tools)) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "%smatch: expected true, false or nothing for stream and tools", path);
    }
    if (m->min_bytes < 0 || m->max_bytes < 0 ||
        (m->max_bytes > 0 && m->max_bytes < m->min_bytes)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%smatch: found min_bytes %lld and max_bytes %lld, expected "
                           "0 <= min_bytes <= max_bytes",
                           path, (long long)m->min_bytes, (long long)m->max_bytes);
    }
    return SPROUT_OK;
}

/* A rule's own mixes, here or in a zone: shares as everywhere, and none on a level that the
 * rule forbids. */
static enum sprout_status check_rule_mixes(const struct sprout_policy *p,
                                           const struct sprout_rule *r,
                                           const double (*mix)[SPROUT_LEVELS_MAX],
                                           const char *where, struct sprout_error *err)
{
    for (size_t k = 0; mix != NULL && k < p->stratum_count; k++) {
        char path[PATH_MAX_LEN];
        struct sprout_buf b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "%smix[%zu]", where, k);
        const enum sprout_status s = check_mix(mix[k], p->level_count, path, err);
        if (s != SPROUT_OK) {
            return s;
        }
        for (size_t l = 0; l < p->level_count; l++) {
            if (r->levels != 0 && (r->levels >> l & 1) == 0 &&
                mix[k][l] > SPROUT_SHARE_TOLERANCE) {
                return sprout_fail(err, SPROUT_INVALID,
                                   "%s[%zu]: found %g, expected 0 for a level that the "
                                   "rule does not allow",
                                   path, l, mix[k][l]);
            }
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_rule(const struct sprout_policy *p, size_t i,
                                     struct sprout_error *err)
{
    const struct sprout_rule *r = &p->rules[i];
    char path[PATH_MAX_LEN];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "rules[%zu].", i);

    enum sprout_status s = check_text(r->name, 1, SPROUT_NAME_MAX, path, "name", err);
    if (s == SPROUT_OK) {
        s = check_match(&r->match, path, err);
    }
    if (s == SPROUT_OK && !isnan(r->floor)) {
        s = check_range(r->floor, 0, FLOOR_MAX, path, "floor", err);
    }
    if (s == SPROUT_OK && r->levels >> p->level_count != 0) {
        s = sprout_fail(err, SPROUT_INVALID,
                        "%slevels: found a level beyond the %zu that there are", path,
                        p->level_count);
    }
    if (s == SPROUT_OK && (!is_tristate(r->force) || !is_tristate(r->receipts) ||
                           !is_tristate(r->sample))) {
        s = sprout_fail(err, SPROUT_INVALID,
                        "%sforce, receipts, sample: expected true, false or nothing",
                        path);
    }
    if (s == SPROUT_OK &&
        (r->placement > SPROUT_PLACEMENT_SYSTEM || !is_tristate(r->with_tools) ||
         !is_tristate(r->with_completions))) {
        s = sprout_fail(err, SPROUT_INVALID,
                        "%splacement, with_tools, with_completions: expected a placement "
                        "and true, false or nothing",
                        path);
    }
    if (s == SPROUT_OK) {
        s = check_range((double)r->ng_per_quality, 0, 1e15, path, "ng_per_quality", err);
    }
    if (s == SPROUT_OK) {
        s = check_range((double)r->ng_per_accuracy, 0, 1e15, path, "ng_per_accuracy",
                        err);
    }
    return s == SPROUT_OK ? check_rule_mixes(p, r, r->mix, path, err) : s;
}

/* Journal and ledger name a rule by its name, so a name is a rule's own. */
static enum sprout_status check_rule_name(const struct sprout_policy *p, size_t i,
                                          struct sprout_error *err)
{
    for (size_t k = 0; k < i; k++) {
        if (sprout_str_eq(p->rules[k].name, p->rules[i].name)) {
            return sprout_fail(err, SPROUT_INVALID,
                               "rules[%zu].name: found the name of rules[%zu], expected "
                               "one of its own",
                               i, k);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_rules(const struct sprout_policy *p,
                                      struct sprout_error *err)
{
    if (p->rule_count > SPROUT_RULES_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "rules: found %zu, expected at most %d",
                           p->rule_count, SPROUT_RULES_MAX);
    }
    for (size_t i = 0; i < p->rule_count; i++) {
        enum sprout_status s = check_rule(p, i, err);
        if (s == SPROUT_OK) {
            s = check_rule_name(p, i, err);
        }
        if (s != SPROUT_OK) {
            return s;
        }
    }
    return SPROUT_OK;
}

/* Of an energy: none, or one that holds the figure itself. */
static enum sprout_status check_spread(const double range[2], const char *path,
                                       struct sprout_error *err)
{
    if (range[0] == 0 && range[1] == 0) {
        return SPROUT_OK;
    }
    const enum sprout_status s = check_range(range[0], 1e-3, 1, path, "range[0]", err);
    return s == SPROUT_OK ? check_range(range[1], 1, 1e3, path, "range[1]", err) : s;
}

static enum sprout_status check_profiles(const struct sprout_policy *p,
                                         struct sprout_error *err)
{
    if (p->profile_count > SPROUT_PROFILES_MAX) {
        return sprout_fail(err, SPROUT_INVALID,
                           "profiles: found %zu, expected at most %d", p->profile_count,
                           SPROUT_PROFILES_MAX);
    }
    for (size_t i = 0; i < p->profile_count; i++) {
        const struct sprout_policy_profile *f = &p->profiles[i];
        char path[PATH_MAX_LEN];
        struct sprout_buf b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "profiles[%zu].", i);

        enum sprout_status s =
            check_text(f->model, 1, SPROUT_PATTERN_MAX, path, "model", err);
        if (s == SPROUT_OK) {
            s = check_text(f->profile.name, 1, SPROUT_NAME_MAX, path, "name", err);
        }
        for (size_t k = 0; k < 3 && s == SPROUT_OK; k++) {
            s = check_range(f->profile.joules[k], -1e9, 1e9, path, "joules", err);
            if (s == SPROUT_OK) {
                s = check_range(f->profile.seconds[k], -1e9, 1e9, path, "seconds", err);
            }
        }
        if (s == SPROUT_OK) {
            s = check_spread(f->profile.range, path, err);
        }
        if (s != SPROUT_OK) {
            return s;
        }
    }
    return SPROUT_OK;
}

/* A name inside the policy's own folder: nothing that leads out of it. */
static bool is_file_name(struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!plain) {
            return false;
        }
    }
    return s.len > 0 && s.len <= SPROUT_WEIGHTS_NAME_MAX && s.ptr[0] != '.';
}

static enum sprout_status check_prices(const struct sprout_policy_predictor *p,
                                       const char *path, struct sprout_error *err)
{
    enum sprout_status s =
        check_range((double)p->ng_per_token, 0, 1e12, path, "ng_per_token", err);
    if (s == SPROUT_OK) {
        s = check_range((double)p->ng_per_quality, 0, 1e15, path, "ng_per_quality", err);
    }
    if (s == SPROUT_OK) {
        s = check_range((double)p->ng_per_accuracy, 0, 1e15, path, "ng_per_accuracy",
                        err);
    }
    if (s == SPROUT_OK) {
        s = check_range((double)p->tie_ng, 0, 1e15, path, "tie_ng", err);
    }
    if (s == SPROUT_OK) {
        s = check_range((double)p->split, 0, SPROUT_PREDICT_ONE, path, "split", err);
    }
    for (size_t l = 0; l < SPROUT_PREDICT_LEVELS && s == SPROUT_OK; l++) {
        s = check_range(p->correction[l], -1, 1, path, "correction", err);
        if (s == SPROUT_OK) {
            s = check_range(p->accuracy[l], 0, SPROUT_ACCURACY_MAX, path, "accuracy",
                            err);
        }
        for (int k = 0; k < SPROUT_KIND_COUNT && s == SPROUT_OK; k++) {
            s = check_range(p->kind_correction[k][l], -2, 2, path, "correction_of", err);
        }
    }
    return s;
}

static enum sprout_status check_predictor(const struct sprout_policy_predictor *p,
                                          struct sprout_error *err)
{
    if (p->file.len == 0) {
        return SPROUT_OK;
    }
    if (!is_file_name(p->file)) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "predictor.file: expected the name of a file beside the policy, "
            "of letters, digits, '-', '_' and '.', at most %d",
            SPROUT_WEIGHTS_NAME_MAX);
    }
    return check_prices(p, "predictor.", err);
}

static enum sprout_status check_grid(const struct sprout_policy_grid *g, const char *path,
                                     struct sprout_error *err)
{
    enum sprout_status s = check_text(g->zone, 1, SPROUT_NAME_MAX, path, "zone", err);
    if (s == SPROUT_OK) {
        s = check_text(g->source, 1, SPROUT_NAME_MAX, path, "source", err);
    }
    if (s == SPROUT_OK) {
        s = check_text(g->quality, 1, SPROUT_NAME_MAX, path, "quality", err);
    }
    if (s == SPROUT_OK) {
        s = check_amount(g->intensity.v, path, "g_per_kwh", err);
    }
    return s;
}

static enum sprout_status check_zone_mixes(const struct sprout_policy *p, size_t i,
                                           struct sprout_error *err)
{
    const struct sprout_policy_zone *const z = &p->zones[i];
    static const struct sprout_rule any = {.floor = NAN};
    char path[PATH_MAX_LEN];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "zones[%zu].", i);

    if (z->rule_count != 0 && z->rule_count != p->rule_count) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%srules: found %zu, expected one per rule, %zu, or none",
                           path, z->rule_count, p->rule_count);
    }
    enum sprout_status s = check_rule_mixes(p, &any, z->mix, path, err);
    for (size_t k = 0; k < z->rule_count && s == SPROUT_OK; k++) {
        b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "zones[%zu].rules[%zu].", i, k);
        s = check_range((double)z->rules[k].ng_per_quality, 0, 1e15, path,
                        "ng_per_quality", err);
        if (s == SPROUT_OK) {
            s = check_range((double)z->rules[k].ng_per_accuracy, 0, 1e15, path,
                            "ng_per_accuracy", err);
        }
        if (s == SPROUT_OK) {
            s = check_rule_mixes(p, &p->rules[k], z->rules[k].mix, path, err);
        }
    }
    return s;
}

static enum sprout_status check_zone(const struct sprout_policy *p, size_t i,
                                     struct sprout_error *err)
{
    const struct sprout_policy_zone *const z = &p->zones[i];
    char path[PATH_MAX_LEN];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "zones[%zu].", i);

    enum sprout_status s = check_grid(&z->grid, path, err);
    if (s == SPROUT_OK && sprout_policy_zone_find(p, z->grid.zone) != z) {
        s = sprout_fail(err, SPROUT_INVALID,
                        "%szone: found the name of another zone, expected one of its own",
                        path);
    }
    if (s == SPROUT_OK) {
        s = check_range(z->explore, 0, 1, path, "explore", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(z->floor, 0, FLOOR_MAX, path, "floor", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(z->price, 0, 1e300, path, "price", err);
    }
    if (s == SPROUT_OK) {
        s = check_prices(&z->predictor, path, err);
    }
    return s == SPROUT_OK ? check_zone_mixes(p, i, err) : s;
}

static enum sprout_status check_zones(const struct sprout_policy *p,
                                      struct sprout_error *err)
{
    enum sprout_status s = SPROUT_OK;
    if (p->zone_count > SPROUT_ZONES_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "zones: found %zu, expected at most %d",
                           p->zone_count, SPROUT_ZONES_MAX);
    }
    for (size_t i = 0; i < p->zone_count && s == SPROUT_OK; i++) {
        s = check_zone(p, i, err);
    }
    return s;
}

static enum sprout_status check_carbon(const struct sprout_carbon_params *c,
                                       struct sprout_error *err)
{
    enum sprout_status s = check_range(c->pue, 1, 100, "carbon.", "pue", err);
    if (s == SPROUT_OK) {
        s = check_range(c->embodied.v, 0, 1e15, "carbon.", "embodied_g", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(c->lifetime.v, 1, 1e12, "carbon.", "lifetime_s", err);
    }
    return s;
}

static enum sprout_status check_head(const struct sprout_policy *p,
                                     struct sprout_error *err)
{
    enum sprout_status s = check_text(p->id, 1, SPROUT_NAME_MAX, "", "id", err);
    if (s == SPROUT_OK && p->valid_until.ns <= p->created.ns) {
        s = sprout_fail(err, SPROUT_INVALID,
                        "valid_until: expected a moment after created");
    }
    if (s == SPROUT_OK) {
        s = check_range(p->holdout, 0, 1, "", "holdout", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(p->explore, 0, 1, "", "explore", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(p->floor, 0, FLOOR_MAX, "", "floor", err);
    }
    if (s == SPROUT_OK) {
        s = check_range(p->price, 0, 1e300, "", "price", err);
    }
    if (s == SPROUT_OK) {
        s = check_text(p->quality_source, 0, SPROUT_PATTERN_MAX, "", "quality_source",
                       err);
    }
    return s;
}

enum sprout_status sprout_policy_check(const struct sprout_policy *p,
                                       struct sprout_error *err)
{
    enum sprout_status s = check_head(p, err);
    if (s == SPROUT_OK) {
        s = check_levels(p, err);
    }
    if (s == SPROUT_OK) {
        s = check_patches(p, err);
    }
    if (s == SPROUT_OK) {
        s = check_strata(p, err);
    }
    if (s == SPROUT_OK) {
        s = check_rules(p, err);
    }
    if (s == SPROUT_OK) {
        s = check_profiles(p, err);
    }
    if (s == SPROUT_OK) {
        s = check_grid(&p->grid, "grid.", err);
    }
    if (s == SPROUT_OK) {
        s = check_carbon(&p->carbon, err);
    }
    if (s == SPROUT_OK) {
        s = check_predictor(&p->predictor, err);
    }
    return s == SPROUT_OK ? check_zones(p, err) : s;
}

int sprout_policy_level(const struct sprout_policy *p, struct sprout_str name)
{
    for (size_t l = 0; l < p->level_count; l++) {
        if (sprout_str_ieq(p->levels[l].name, name)) {
            return (int)l;
        }
    }
    return -1;
}

const struct sprout_energy_profile *sprout_policy_profile(const struct sprout_policy *p,
                                                          struct sprout_str model)
{
    for (size_t i = 0; i < p->profile_count; i++) {
        if (sprout_str_glob(p->profiles[i].model, model)) {
            return &p->profiles[i].profile;
        }
    }
    return &sprout_energy_llama2_13b;
}

/* ---- switches ------------------------------------------------------------------------- */

static const struct {
    struct sprout_str text;
    enum sprout_placement placement;
} placements[] = {
    {{"auto", 4}, SPROUT_PLACEMENT_AUTO},
    {{"first-user", 10}, SPROUT_PLACEMENT_FIRST_USER},
    {{"last-user", 9}, SPROUT_PLACEMENT_LAST_USER},
    {{"system", 6}, SPROUT_PLACEMENT_SYSTEM},
};

struct sprout_str sprout_placement_text(enum sprout_placement placement)
{
    for (size_t i = 0; i < sizeof placements / sizeof placements[0]; i++) {
        if (placements[i].placement == placement) {
            return placements[i].text;
        }
    }
    return SPROUT_STR("");
}

bool sprout_placement_parse(struct sprout_str text, enum sprout_placement *out)
{
    for (size_t i = 0; i < sizeof placements / sizeof placements[0]; i++) {
        if (sprout_str_eq(placements[i].text, text)) {
            *out = placements[i].placement;
            return true;
        }
    }
    return false;
}

static bool switched(enum sprout_tristate rule_says, bool route_says)
{
    return rule_says == SPROUT_ANY ? route_says : rule_says == SPROUT_YES;
}

struct sprout_switches sprout_rule_switches(const struct sprout_rule *rule,
                                            struct sprout_switches route)
{
    struct sprout_switches s = route;
    if (rule != NULL) {
        s.with_tools = switched(rule->with_tools, route.with_tools);
        s.with_completions = switched(rule->with_completions, route.with_completions);
        if (rule->placement != SPROUT_PLACEMENT_UNSAID) {
            s.placement = rule->placement;
        }
    }
    if (s.placement == SPROUT_PLACEMENT_UNSAID) {
        s.placement = SPROUT_PLACEMENT_AUTO;
    }
    return s;
}
