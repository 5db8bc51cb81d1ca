/* SPDX-License-Identifier: Apache-2.0 */
/* policy_json_write.c - policy.json written, to be read by eye.
 *
 * One member a line, lists of numbers on one line, members in the order of the reader's
 * table.  Members of a rule that say nothing are left out.  The round-trip test keeps this
 * file and policy_json.c together. */
#include "wire/policy_json.h"

#include "core/instant.h"

enum { INDENT = 2 };

/* Where the writer stands: how deep, and whether a comma is due. */
struct out {
    struct sprout_buf *b;
    unsigned depth;
    bool first;
};

static void line(struct out *o)
{
    sprout_buf_put(o->b, o->first ? SPROUT_STR("\n") : SPROUT_STR(",\n"));
    for (unsigned i = 0; i < INDENT * o->depth; i++) {
        sprout_buf_byte(o->b, ' ');
    }
    o->first = false;
}

static void name(struct out *o, const char *member)
{
    line(o);
    sprout_buf_json(o->b, sprout_str_of(member));
    sprout_buf_put(o->b, SPROUT_STR(": "));
}

static void begin(struct out *o, char bracket)
{
    sprout_buf_byte(o->b, bracket);
    o->depth++;
    o->first = true;
}

static void finish(struct out *o, char bracket)
{
    const bool empty = o->first;
    o->depth--;
    o->first = true;
    if (!empty) {
        line(o);
    }
    sprout_buf_byte(o->b, bracket);
    o->first = false;
}

static void begin_member(struct out *o, const char *member, char bracket)
{
    name(o, member);
    begin(o, bracket);
}

static void begin_item(struct out *o)
{
    line(o);
    begin(o, '{');
}

static void text(struct out *o, const char *member, struct sprout_str v)
{
    name(o, member);
    sprout_buf_json(o->b, v);
}

static void text_if_any(struct out *o, const char *member, struct sprout_str v)
{
    if (v.len > 0) {
        text(o, member, v);
    }
}

static void real(struct out *o, const char *member, double v)
{
    name(o, member);
    sprout_buf_f64(o->b, v);
}

static void count(struct out *o, const char *member, int64_t v)
{
    name(o, member);
    sprout_buf_i64(o->b, v);
}

static void count_if_any(struct out *o, const char *member, int64_t v)
{
    if (v != 0) {
        count(o, member, v);
    }
}

static void flag(struct out *o, const char *member, bool v)
{
    name(o, member);
    sprout_buf_put(o->b, v ? SPROUT_STR("true") : SPROUT_STR("false"));
}

static void flag_if_any(struct out *o, const char *member, enum sprout_tristate v)
{
    if (v != SPROUT_ANY) {
        flag(o, member, v == SPROUT_YES);
    }
}

static void instant(struct out *o, const char *member, sprout_instant t)
{
    name(o, member);
    sprout_buf_byte(o->b, '"');
    sprout_instant_put(o->b, t);
    sprout_buf_byte(o->b, '"');
}

static void reals_here(struct out *o, const double *v, size_t n)
{
    sprout_buf_byte(o->b, '[');
    for (size_t i = 0; i < n; i++) {
        sprout_buf_put(o->b, i == 0 ? SPROUT_STR("") : SPROUT_STR(", "));
        sprout_buf_f64(o->b, v[i]);
    }
    sprout_buf_byte(o->b, ']');
}

static void reals(struct out *o, const char *member, const double *v, size_t n)
{
    name(o, member);
    reals_here(o, v, n);
}

static void put_grid(struct out *o, const struct sprout_policy_grid *g)
{
    text(o, "zone", g->zone);
    real(o, "g_per_kwh", g->intensity.v);
    instant(o, "at", g->at);
    text(o, "source", g->source);
    text(o, "quality", g->quality);
}

static void put_head(struct out *o, const struct sprout_policy *p)
{
    count(o, "format", SPROUT_POLICY_FORMAT);
    text(o, "id", p->id);
    instant(o, "created", p->created);
    instant(o, "valid_until", p->valid_until);
    name(o, "salt");
    sprout_buf_byte(o->b, '"');
    sprout_buf_hex64(o->b, p->salt.k0);
    sprout_buf_hex64(o->b, p->salt.k1);
    sprout_buf_byte(o->b, '"');

    begin_member(o, "grid", '{');
    put_grid(o, &p->grid);
    finish(o, '}');
}

static void put_patches(struct out *o, const struct sprout_policy *p, size_t level)
{
    bool any = false;
    for (size_t i = 0; i < p->patch_count; i++) {
        const struct sprout_patch *q = &p->patches[i];
        if (q->level != level) {
            continue;
        }
        if (!any) {
            begin_member(o, "patches", '[');
            any = true;
        }
        begin_item(o);
        text(o, "api", q->api);
        text(o, "parameter", q->parameter);
        text(o, "value", q->value);
        text(o, "model", q->model);
        text_if_any(o, "route", q->route);
        finish(o, '}');
    }
    if (any) {
        finish(o, ']');
    }
}

static void put_levels(struct out *o, const struct sprout_policy *p)
{
    begin_member(o, "levels", '[');
    for (size_t l = 0; l < p->level_count; l++) {
        begin_item(o);
        text(o, "name", p->levels[l].name);
        text(o, "directive", p->levels[l].directive);
        put_patches(o, p, l);
        finish(o, '}');
    }
    finish(o, ']');
}

static void put_decision(struct out *o, const struct sprout_policy *p)
{
    real(o, "holdout", p->holdout);
    real(o, "explore", p->explore);
    real(o, "floor", p->floor);
    real(o, "price", p->price);
    text(o, "quality_source", p->quality_source);
    begin_member(o, "clients", '{');
    flag(o, "force", p->force);
    flag(o, "receipts", p->receipts);
    finish(o, '}');
}

static void put_belief(struct out *o, const struct sprout_belief *b)
{
    begin_item(o);
    real(o, "quality", b->quality);
    real(o, "energy_j", b->energy.v);
    real(o, "time_s", b->time.v);
    real(o, "output_tokens", b->output_tokens);
    count(o, "requests", b->requests);
    finish(o, '}');
}

static void put_strata(struct out *o, const struct sprout_policy *p)
{
    begin_member(o, "strata", '[');
    for (size_t i = 0; i < p->stratum_count; i++) {
        const struct sprout_stratum *s = &p->strata[i];
        begin_item(o);
        text(o, "name", s->name);
        reals(o, "mix", s->mix, p->level_count);
        begin_member(o, "levels", '[');
        for (size_t l = 0; l < p->level_count; l++) {
            put_belief(o, &s->level[l]);
        }
        finish(o, ']');
        finish(o, '}');
    }
    finish(o, ']');
}

static void put_match(struct out *o, const struct sprout_match *m)
{
    begin_member(o, "match", '{');
    text_if_any(o, "route", m->route);
    text_if_any(o, "model", m->model);
    text_if_any(o, "api", m->api);
    text_if_any(o, "api_key_sha256", m->api_key_sha256);
    text_if_any(o, "header", m->header);
    text_if_any(o, "header_value", m->header_value);
    flag_if_any(o, "stream", m->stream);
    flag_if_any(o, "tools", m->tools);
    text_if_any(o, "kind", m->kind);
    if (m->min_bytes != 0) {
        count(o, "min_bytes", m->min_bytes);
    }
    if (m->max_bytes != 0) {
        count(o, "max_bytes", m->max_bytes);
    }
    finish(o, '}');
}

static void put_allowed(struct out *o, const struct sprout_policy *p, uint32_t levels)
{
    bool first = true;
    name(o, "levels");
    sprout_buf_byte(o->b, '[');
    for (size_t l = 0; l < p->level_count; l++) {
        if ((levels >> l & 1) != 0) {
            sprout_buf_put(o->b, first ? SPROUT_STR("") : SPROUT_STR(", "));
            sprout_buf_json(o->b, p->levels[l].name);
            first = false;
        }
    }
    sprout_buf_byte(o->b, ']');
}

/* One mix a stratum. */
static void mixes_if_any(struct out *o, const struct sprout_policy *p,
                         const double (*mix)[SPROUT_LEVELS_MAX])
{
    if (mix == NULL) {
        return;
    }
    begin_member(o, "mix", '[');
    for (size_t i = 0; i < p->stratum_count; i++) {
        line(o);
        reals_here(o, mix[i], p->level_count);
    }
    finish(o, ']');
}

static void put_rule(struct out *o, const struct sprout_policy *p,
                     const struct sprout_rule *r)
{
    begin_item(o);
    text(o, "name", r->name);
    put_match(o, &r->match);
    if (r->off) {
        flag(o, "off", true);
    }
    if (r->levels != 0) {
        put_allowed(o, p, r->levels);
    }
    if (!isnan(r->floor)) {
        real(o, "floor", r->floor);
    }
    flag_if_any(o, "force", r->force);
    flag_if_any(o, "receipts", r->receipts);
    text_if_any(o, "placement", sprout_placement_text(r->placement));
    flag_if_any(o, "with_tools", r->with_tools);
    flag_if_any(o, "with_completions", r->with_completions);
    flag_if_any(o, "sample", r->sample);
    count_if_any(o, "ng_per_quality", r->ng_per_quality);
    count_if_any(o, "ng_per_accuracy", r->ng_per_accuracy);
    mixes_if_any(o, p, r->mix);
    finish(o, '}');
}

/* Left out where no kind differs. */
static void put_kinds(struct out *o, const struct sprout_policy_predictor *p)
{
    bool any = false;
    for (int i = 0; i < SPROUT_KIND_COUNT * SPROUT_PREDICT_LEVELS; i++) {
        any =
            any ||
            p->kind_correction[i / SPROUT_PREDICT_LEVELS][i % SPROUT_PREDICT_LEVELS] != 0;
    }
    if (!any) {
        return;
    }
    begin_member(o, "correction_of", '{');
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        reals(o, sprout_kind_text((enum sprout_kind)k), p->kind_correction[k],
              SPROUT_PREDICT_LEVELS);
    }
    finish(o, '}');
}

static void put_prices(struct out *o, const struct sprout_policy_predictor *p)
{
    flag(o, "decides", p->decides);
    count(o, "ng_per_token", p->ng_per_token);
    count(o, "ng_per_quality", p->ng_per_quality);
    count(o, "tie_ng", p->tie_ng);
    count(o, "split", p->split);
    reals(o, "correction", p->correction, SPROUT_PREDICT_LEVELS);
    put_kinds(o, p);
    if (p->ng_per_accuracy != 0) {
        count(o, "ng_per_accuracy", p->ng_per_accuracy);
        reals(o, "accuracy", p->accuracy, SPROUT_PREDICT_LEVELS);
    }
}

static void put_predictor(struct out *o, const struct sprout_policy_predictor *p)
{
    if (p->file.len == 0) {
        return;
    }
    begin_member(o, "predictor", '{');
    text(o, "file", p->file);
    name(o, "id");
    sprout_buf_byte(o->b, '"');
    sprout_buf_hex64(o->b, p->id);
    sprout_buf_byte(o->b, '"');
    put_prices(o, p);
    finish(o, '}');
}

static void put_zone_rules(struct out *o, const struct sprout_policy *p,
                           const struct sprout_policy_zone *z)
{
    if (z->rule_count == 0) {
        return;
    }
    begin_member(o, "rules", '[');
    for (size_t i = 0; i < z->rule_count; i++) {
        begin_item(o);
        count_if_any(o, "ng_per_quality", z->rules[i].ng_per_quality);
        count_if_any(o, "ng_per_accuracy", z->rules[i].ng_per_accuracy);
        mixes_if_any(o, p, z->rules[i].mix);
        finish(o, '}');
    }
    finish(o, ']');
}

/* Left out where there is one place only. */
static void put_zones(struct out *o, const struct sprout_policy *p)
{
    if (p->zone_count == 0) {
        return;
    }
    begin_member(o, "zones", '[');
    for (size_t i = 0; i < p->zone_count; i++) {
        const struct sprout_policy_zone *const z = &p->zones[i];
        begin_item(o);
        put_grid(o, &z->grid);
        real(o, "explore", z->explore);
        real(o, "floor", z->floor);
        real(o, "price", z->price);
        mixes_if_any(o, p, z->mix);
        if (p->predictor.file.len > 0) {
            begin_member(o, "predictor", '{');
            put_prices(o, &z->predictor);
            finish(o, '}');
        }
        put_zone_rules(o, p, z);
        finish(o, '}');
    }
    finish(o, ']');
}

static void put_costs(struct out *o, const struct sprout_policy *p)
{
    begin_member(o, "profiles", '[');
    for (size_t i = 0; i < p->profile_count; i++) {
        const struct sprout_policy_profile *f = &p->profiles[i];
        begin_item(o);
        text(o, "model", f->model);
        text(o, "name", f->profile.name);
        reals(o, "joules", f->profile.joules, 3);
        reals(o, "seconds", f->profile.seconds, 3);
        if (f->profile.range[0] > 0) {
            reals(o, "range", f->profile.range, 2);
        }
        finish(o, '}');
    }
    finish(o, ']');

    begin_member(o, "carbon", '{');
    real(o, "pue", p->carbon.pue);
    real(o, "embodied_g", p->carbon.embodied.v);
    real(o, "lifetime_s", p->carbon.lifetime.v);
    finish(o, '}');
}

enum sprout_status sprout_policy_write(const struct sprout_policy *p,
                                       struct sprout_buf *b)
{
    struct out o = {.b = b};

    begin(&o, '{');
    put_head(&o, p);
    put_levels(&o, p);
    put_decision(&o, p);
    put_strata(&o, p);
    begin_member(&o, "rules", '[');
    for (size_t i = 0; i < p->rule_count; i++) {
        put_rule(&o, p, &p->rules[i]);
    }
    finish(&o, ']');
    put_predictor(&o, &p->predictor);
    put_costs(&o, p);
    put_zones(&o, p);
    finish(&o, '}');
    return b->full ? SPROUT_LIMIT : SPROUT_OK;
}
