/* SPDX-License-Identifier: Apache-2.0 */
/* grid_list.c - see grid_list.h. */
#include "adapt/grid_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_csv.h"
#include "adapt/grid_fetch.h"
#include "adapt/grid_provider.h"
#include "adapt/http.h"
#include "adapt/log.h"
#include "adapt/rng.h"
#include "core/instant.h"

enum {
    HOURS_PER_WEEK = 168,
    PAST_MAX = 20000, /* values that the range rests on: a month of 5 minutes and more */
    ENV_MAX = 64,
    ABOUT_MAX = 256,
    DAY_LESS_ONE_HOUR_S = 23 * 3600,
    WAITING_MS = 100,
};

enum role { LIVE, ROWS, PROFILE, CONSTANT };

struct entry {
    enum role role;
    char name[24];
    char zone[64];
    char said[64]; /* as values of it name the zone */
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    struct sprout_grid_live *live;  /* owned; LIVE */
    struct sprout_grid_trace trace; /* owned; ROWS */
    char source[48];
    double week[HOURS_PER_WEEK]; /* PROFILE; NaN: no such hour in the file */
    sprout_g_per_kwh constant;
    const char *ca_file;
    bool keyed;
    bool flying;
    enum sprout_grid_trouble told; /* in the log */
};

struct past {
    sprout_instant start;
    sprout_g_per_kwh intensity;
};

struct sprout_grid_list {
    struct entry entry[SPROUT_GRID_LIST_MAX];
    size_t count;
    bool mix;
    struct sprout_grid_fetch *fetch; /* owned; NULL until driven */
    struct sprout_hash_key random;
    char about[ABOUT_MAX];

    enum sprout_grid_kind kind; /* of the history */
    enum sprout_grid_scope scope;
    struct past *past; /* owned; ascending */
    size_t past_count;
};

/* ---- a new list ------------------------------------------------------------------------ */

static bool empty(const char *s)
{
    return s == NULL || s[0] == '\0';
}

/* ELECTRICITYMAPS_KEY of "electricitymaps". */
static void default_env(const char *provider, char out[ENV_MAX])
{
    size_t n = 0;
    for (; provider[n] != '\0' && n + 5 < ENV_MAX; n++) {
        out[n] = provider[n] == '-' ? '_' : (char)toupper((unsigned char)provider[n]);
    }
    snprintf(out + n, ENV_MAX - n, "_KEY");
}

static enum sprout_status make_live(struct entry *e, const struct sprout_grid_entry *in,
                                    const struct sprout_grid_live_provider *p,
                                    struct sprout_error *err)
{
    char env[ENV_MAX];
    char *key = NULL;
    enum sprout_status status = SPROUT_OK;

    default_env(in->provider, env);
    if (p->key != SPROUT_GRID_KEY_NONE) {
        status = sprout_http_key(in->key_file, empty(in->key_env) ? env : in->key_env,
                                 &key, err);
    }
    if (status == SPROUT_OK && key != NULL && key[0] == '\0') {
        status = sprout_fail(err, SPROUT_CONFIG,
                             "%s: no key: expected key_file, or %s in the environment%s",
                             p->name, empty(in->key_env) ? env : in->key_env,
                             p->key == SPROUT_GRID_KEY_LOGIN ? ", as USER:PASSWORD" : "");
    }
    const struct sprout_grid_live_opts opts = {
        .provider = p,
        .base = in->url,
        .zone = e->zone,
        .reply_zone = in->reply_zone,
        .kind = e->kind,
        .scope = e->scope,
        .secret = key,
        .max_age = sprout_span_seconds(in->max_age_s),
        .ahead = in->forecast,
        .fuels = in->fuels,
        .fuels_count = in->fuels_count,
    };
    if (status == SPROUT_OK) {
        status = sprout_grid_live_new(&opts, &e->live, err);
    }
    e->role = LIVE;
    snprintf(e->said, sizeof e->said, "%s",
             empty(in->reply_zone) ? e->zone : in->reply_zone);
    e->keyed = key != NULL;
    e->ca_file = in->ca_file;
    free(key);
    return status;
}

/* Mean of each hour of the week, in UTC. */
static void make_week(struct entry *e)
{
    double sum[HOURS_PER_WEEK] = {0};
    int64_t n[HOURS_PER_WEEK] = {0};

    for (size_t i = 0; i < e->trace.count; i++) {
        const struct sprout_grid_slot *const s = &e->trace.slots[i];
        const double v = sprout_grid_slot_value(s, e->scope).v;
        const int64_t h = sprout_instant_hour(s->start) % HOURS_PER_WEEK;
        if (!isnan(v) && h >= 0) {
            sum[h] += v;
            n[h]++;
        }
    }
    for (size_t h = 0; h < HOURS_PER_WEEK; h++) {
        e->week[h] = n[h] > 0 ? sum[h] / (double)n[h] : NAN;
    }
}

static enum sprout_status make_file(struct entry *e, const struct sprout_grid_entry *in,
                                    struct sprout_error *err)
{
    if (empty(in->file)) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: no file: expected 'file:' with the "
                           "path of an Electricity Maps CSV",
                           in->provider);
    }
    if (e->kind != SPROUT_GRID_AVERAGE) {
        return sprout_fail(err, SPROUT_CONFIG, "%s: such files hold averages only",
                           in->provider);
    }
    enum sprout_status status =
        sprout_grid_trace_read(in->file, sprout_str_of(e->zone), &e->trace, err);
    if (status != SPROUT_OK) {
        return status;
    }
    snprintf(e->zone, sizeof e->zone, "%s", e->trace.zone);
    snprintf(e->said, sizeof e->said, "%s", e->zone);
    snprintf(e->source, sizeof e->source, "%s@%.16s", in->provider, e->trace.sha256);
    e->role = strcmp(in->provider, "csv") == 0 ? ROWS : PROFILE;
    make_week(e);
    return SPROUT_OK;
}

static enum sprout_status make_entry(struct entry *e, const struct sprout_grid_entry *in,
                                     const struct sprout_grid_opts *o,
                                     struct sprout_error *err)
{
    const struct sprout_grid_live_provider *const p =
        sprout_grid_live_find(sprout_str_of(in->provider));

    snprintf(e->name, sizeof e->name, "%s", in->provider);
    snprintf(e->zone, sizeof e->zone, "%.*s",
             empty(in->zone) ? (int)o->zone.len : (int)strlen(in->zone),
             empty(in->zone) ? (o->zone.len > 0 ? o->zone.ptr : "") : in->zone);
    e->kind = in->signal == SPROUT_GRID_AS_LIST      ? o->list_kind
              : in->signal == SPROUT_GRID_WISH_FIRST ? SPROUT_GRID_AVERAGE
                                                     : SPROUT_GRID_MARGINAL;
    e->scope = in->factors == SPROUT_GRID_AS_LIST      ? o->list_scope
               : in->factors == SPROUT_GRID_WISH_FIRST ? SPROUT_GRID_DIRECT
                                                       : SPROUT_GRID_LIFECYCLE;
    if (p != NULL) {
        return make_live(e, in, p, err);
    }
    if (strcmp(in->provider, "csv") == 0 || strcmp(in->provider, "profile") == 0) {
        return make_file(e, in, err);
    }
    if (strcmp(in->provider, "static") == 0) {
        if (!(in->g_per_kwh >= 0) || in->g_per_kwh > SPROUT_GRID_G_PER_KWH_MAX) {
            return sprout_fail(err, SPROUT_CONFIG,
                               "static: no value: expected 'g_per_kwh:' with 0 to 2000");
        }
        e->role = CONSTANT;
        e->constant.v = in->g_per_kwh;
        snprintf(e->source, sizeof e->source, "static");
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_CONFIG, "no provider '%.40s'", in->provider);
}

static bool fits(const struct sprout_grid_list *l, size_t i)
{
    return l->mix || (l->entry[i].kind == l->entry[0].kind &&
                      l->entry[i].scope == l->entry[0].scope);
}

static enum sprout_status check_mix(const struct sprout_grid_list *l,
                                    struct sprout_error *err)
{
    for (size_t i = 0; i < l->count; i++) {
        if (!fits(l, i)) {
            return sprout_fail(
                err, SPROUT_CONFIG,
                "grid.providers[%zu] (%s) tells %s, %s and the first tells %s, %s: they "
                "are not comparable; set 'mix_signals: true' to use it all the same",
                i, l->entry[i].name, sprout_grid_kind_text(l->entry[i].kind),
                sprout_grid_scope_text(l->entry[i].scope),
                sprout_grid_kind_text(l->entry[0].kind),
                sprout_grid_scope_text(l->entry[0].scope));
        }
    }
    return SPROUT_OK;
}

static void put_about(struct sprout_grid_list *l)
{
    struct sprout_buf b = sprout_buf_of(l->about, sizeof l->about - 1);
    for (size_t i = 0; i < l->count; i++) {
        sprout_buf_printf(&b, "%s%s %s", i > 0 ? ", then " : "", l->entry[i].name,
                          l->entry[i].zone);
    }
    l->about[b.len] = '\0';
}

enum sprout_status sprout_grid_list_new(const struct sprout_grid_opts *opts,
                                        struct sprout_grid_list **out,
                                        struct sprout_error *err)
{
    struct sprout_error why = {.message = ""};
    struct sprout_grid_list *const l = calloc(1, sizeof *l);
    enum sprout_status status = SPROUT_OK;

    if (l != NULL) {
        l->past = calloc(PAST_MAX, sizeof l->past[0]);
    }
    if (l == NULL || l->past == NULL) {
        free(l);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for grid providers");
    }
    if (opts->entries_count == 0 || opts->entries_count > SPROUT_GRID_LIST_MAX) {
        status =
            sprout_fail(&why, SPROUT_CONFIG, "grid.providers has %zu: expected 1 to %d",
                        opts->entries_count, SPROUT_GRID_LIST_MAX);
    }
    l->mix = opts->list_mix;
    for (size_t i = 0; status == SPROUT_OK && i < opts->entries_count; i++) {
        l->count++;
        status = make_entry(&l->entry[i], &opts->entries[i], opts, &why);
    }
    if (status == SPROUT_OK) {
        status = check_mix(l, &why);
    }
    if (status != SPROUT_OK) {
        sprout_grid_list_free(l);
        return sprout_fail(err, status, "grid: %.380s", why.message);
    }
    l->kind = l->entry[0].kind;
    l->scope = l->entry[0].scope;
    (void)!sprout_rng_key(&l->random);
    put_about(l);
    *out = l;
    return SPROUT_OK;
}

void sprout_grid_list_free(struct sprout_grid_list *l)
{
    if (l == NULL) {
        return;
    }
    sprout_grid_fetch_free(l->fetch);
    for (size_t i = 0; i < l->count; i++) {
        sprout_grid_live_free(l->entry[i].live);
        sprout_grid_trace_free(&l->entry[i].trace);
    }
    free(l->past);
    free(l);
}

size_t sprout_grid_list_count(const struct sprout_grid_list *l)
{
    return l->count;
}

/* ---- values ---------------------------------------------------------------------------- */

static enum sprout_status row_value(const struct entry *e, sprout_instant now,
                                    struct sprout_grid_value *out,
                                    struct sprout_error *err)
{
    const struct sprout_grid_slot *const s = sprout_grid_trace_at(&e->trace, now);
    const double v = s == NULL ? NAN : sprout_grid_slot_value(s, e->scope).v;
    if (s == NULL || isnan(v)) {
        return sprout_fail(err, SPROUT_STALE, "csv: the file has no value for now");
    }
    out->intensity.v = v;
    out->slot_start = s->start;
    out->slot_end = sprout_instant_add(s->start, e->trace.step);
    out->received_at = s->start;
    out->quality = SPROUT_GRID_REPLAYED;
    out->estimated = s->estimated;
    return SPROUT_OK;
}

static enum sprout_status hour_value(const struct entry *e, sprout_instant now,
                                     struct sprout_grid_value *out,
                                     struct sprout_error *err)
{
    const int64_t hour = sprout_instant_hour(now);
    const double v = e->role == CONSTANT ? e->constant.v : e->week[hour % HOURS_PER_WEEK];
    if (isnan(v)) {
        return sprout_fail(err, SPROUT_STALE, "profile: the file lacks this hour");
    }
    out->intensity.v = v;
    out->slot_start =
        sprout_instant_add((sprout_instant){0}, sprout_span_seconds(hour * 3600));
    out->slot_end = sprout_instant_add(out->slot_start, sprout_span_seconds(3600));
    out->quality = e->role == CONSTANT ? SPROUT_GRID_ASSUMED : SPROUT_GRID_PROFILE;
    out->estimated = true;
    return SPROUT_OK;
}

static enum sprout_status entry_value(struct entry *e, sprout_instant now,
                                      struct sprout_grid_value *out,
                                      struct sprout_error *err)
{
    struct sprout_grid_value v = {
        .zone = sprout_str_of(e->zone[0] == '\0' ? "-" : e->zone),
        .source = sprout_str_of(e->source),
        .received_at = now,
        .kind = e->kind,
        .scope = e->scope,
    };
    if (e->role == LIVE) {
        return sprout_grid_live_value(e->live, now, out, err);
    }
    const enum sprout_status status =
        e->role == ROWS ? row_value(e, now, &v, err) : hour_value(e, now, &v, err);
    if (status == SPROUT_OK) {
        *out = v;
    }
    return status;
}

enum sprout_status sprout_grid_list_one(struct sprout_grid_list *l, size_t i,
                                        sprout_instant now, struct sprout_grid_value *out,
                                        struct sprout_error *err)
{
    return entry_value(&l->entry[i], now, out, err);
}

/* In which turn the entry is looked at. */
static int turn_of(const struct entry *e)
{
    switch (e->role) {
    case LIVE:
        return sprout_grid_live_state(e->live).going_away ? 1 : 0;
    case ROWS:
        return 0;
    case PROFILE:
        return 2;
    case CONSTANT:
        break;
    }
    return 3;
}

static bool find(struct sprout_grid_list *l, sprout_instant now, size_t *out_which,
                 struct sprout_grid_value *out)
{
    for (int turn = 0; turn <= 3; turn++) {
        for (size_t i = 0; i < l->count; i++) {
            if (turn_of(&l->entry[i]) == turn &&
                entry_value(&l->entry[i], now, out, NULL) == SPROUT_OK) {
                *out_which = i;
                return true;
            }
        }
    }
    return false;
}

void sprout_grid_list_remember(struct sprout_grid_list *l, enum sprout_grid_kind kind,
                               enum sprout_grid_scope scope, sprout_instant start,
                               sprout_g_per_kwh intensity)
{
    size_t at;

    if (kind != l->kind || scope != l->scope) {
        l->past_count = 0; /* never two signals in one range */
        l->kind = kind;
        l->scope = scope;
    }
    at = l->past_count;
    while (at > 0 && l->past[at - 1].start.ns >= start.ns) {
        at--;
    }
    if (at < l->past_count && l->past[at].start.ns == start.ns) {
        l->past[at].intensity = intensity;
        return;
    }
    if (l->past_count == PAST_MAX) {
        if (at == 0) {
            return;
        }
        memmove(l->past, l->past + 1, (PAST_MAX - 1) * sizeof l->past[0]);
        l->past_count--;
        at--;
    }
    memmove(l->past + at + 1, l->past + at, (l->past_count - at) * sizeof l->past[0]);
    l->past[at] = (struct past){start, intensity};
    l->past_count++;
}

void sprout_grid_list_signal(const struct sprout_grid_list *l,
                             enum sprout_grid_kind *kind, enum sprout_grid_scope *scope)
{
    *kind = l->entry[0].kind;
    *scope = l->entry[0].scope;
}

bool sprout_grid_list_has_zone(const struct sprout_grid_list *l, struct sprout_str zone)
{
    for (size_t i = 0; i < l->count; i++) {
        if (sprout_str_ieq(zone, sprout_str_of(l->entry[i].said))) {
            return true;
        }
    }
    return false;
}

/* What every entry says, for a person. */
static void put_reasons(struct sprout_grid_list *l, sprout_instant now,
                        struct sprout_error *err)
{
    char text[390];
    struct sprout_buf b = sprout_buf_of(text, sizeof text - 1);
    struct sprout_grid_value v;
    const int each =
        (int)sizeof text / (int)l->count - 4; /* the end has their own words */

    for (size_t i = 0; i < l->count; i++) {
        struct sprout_error why = {.message = ""};
        (void)!entry_value(&l->entry[i], now, &v, &why);
        sprout_buf_printf(&b, "%s%.*s", i > 0 ? "; " : "", each > 120 ? each : 120,
                          why.message);
    }
    text[b.len] = '\0';
    sprout_fail(err, SPROUT_STALE, "%s", text);
}

enum sprout_status sprout_grid_list_value(struct sprout_grid_list *l, sprout_instant now,
                                          struct sprout_grid_value *out,
                                          struct sprout_error *err)
{
    struct sprout_grid_value v;
    size_t which;

    if (!find(l, now, &which, &v)) {
        put_reasons(l, now, err);
        return SPROUT_STALE;
    }
    if (v.quality == SPROUT_GRID_LIVE || v.quality == SPROUT_GRID_REPLAYED) {
        sprout_grid_list_remember(l, v.kind, v.scope, v.slot_start, v.intensity);
    }
    *out = v;
    return SPROUT_OK;
}

size_t sprout_grid_list_ahead(struct sprout_grid_list *l, sprout_instant now,
                              struct sprout_grid_point *out, size_t cap)
{
    struct sprout_grid_value v;
    size_t which, n = 0;

    if (!find(l, now, &which, &v) || l->entry[which].role != LIVE) {
        return 0;
    }
    const struct sprout_grid_points *const p =
        sprout_grid_live_points(l->entry[which].live);
    for (size_t i = 0; i < p->n && n < cap; i++) {
        if (p->v[i].start.ns > now.ns) {
            out[n++] = p->v[i];
        }
    }
    return n;
}

/* ---- asking ---------------------------------------------------------------------------- */

/* Is the entry as good as it gets?  A provider that answers is, though its newest slot is one
 * that it foretold. */
static bool serves(struct entry *e, sprout_instant now)
{
    struct sprout_grid_value v;
    return entry_value(e, now, &v, NULL) == SPROUT_OK &&
           (v.quality == SPROUT_GRID_LIVE || v.quality == SPROUT_GRID_REPLAYED ||
            (v.quality == SPROUT_GRID_FORECAST && e->role == LIVE &&
             sprout_grid_live_state(e->live).failures == 0));
}

/* Is it this one's turn, or does one before it serve (or has not even answered)? */
static bool wanted(struct sprout_grid_list *l, size_t i, sprout_instant now)
{
    for (size_t k = 0; k < i; k++) {
        struct entry *const e = &l->entry[k];
        if (e->role == LIVE) {
            const struct sprout_grid_live_state s = sprout_grid_live_state(e->live);
            if (!s.asked) {
                return false;
            }
            if (s.going_away) {
                continue;
            }
        } else if (e->role != ROWS) {
            continue;
        }
        if (serves(e, now)) {
            return false;
        }
    }
    return true;
}

bool sprout_grid_list_due(struct sprout_grid_list *l, size_t i, sprout_instant now,
                          bool force, struct sprout_grid_request *out)
{
    return l->entry[i].role == LIVE && (force || wanted(l, i, now)) &&
           sprout_grid_live_due(l->entry[i].live, now, out);
}

bool sprout_grid_list_want_past(struct sprout_grid_list *l, sprout_instant from,
                                sprout_instant until, sprout_instant now,
                                sprout_instant *out_until)
{
    for (size_t i = 0; i < l->count; i++) {
        struct entry *const e = &l->entry[i];
        if (e->role == LIVE && fits(l, i) && wanted(l, i, now) &&
            sprout_grid_live_want_past(e->live, from, until)) {
            const int64_t reach = sprout_grid_live_find(sprout_str_of(e->name))->past_s *
                                  SPROUT_NS_PER_SECOND;
            out_until->ns = until.ns - from.ns > reach ? from.ns + reach : until.ns;
            return true;
        }
    }
    return false;
}

size_t sprout_grid_list_take_past(struct sprout_grid_list *l, sprout_instant now,
                                  sprout_grid_past_fn *each, void *ctx)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct entry *const e = &l->entry[i];
        const struct sprout_grid_points *const p =
            e->role == LIVE ? sprout_grid_live_take_past(e->live) : NULL;
        for (size_t k = 0; p != NULL && k < p->n; k++, n++) {
            const struct sprout_grid_value v = {
                .intensity = p->v[k].intensity,
                .zone = sprout_str_of(e->said),
                .source = sprout_str_of(e->name),
                .slot_start = p->v[k].start,
                .slot_end = p->v[k].end,
                .received_at = now,
                .kind = e->kind,
                .scope = e->scope,
                .quality = SPROUT_GRID_LIVE,
                .estimated = p->v[k].estimated,
            };
            each(ctx, &v);
        }
    }
    return n;
}

static void tell(struct entry *e)
{
    const struct sprout_grid_live_state s = sprout_grid_live_state(e->live);

    if (s.trouble == e->told) {
        return;
    }
    e->told = s.trouble;
    if (s.trouble == SPROUT_GRID_TROUBLE_FINE) {
        sprout_log_info("grid-provider", "%s %s answers", e->name, e->zone);
    } else {
        sprout_log_warn("grid-provider", "%s %s: %s: %s", e->name, e->zone,
                        sprout_grid_trouble_text(s.trouble), s.why);
    }
}

void sprout_grid_list_take(struct sprout_grid_list *l, size_t i, sprout_instant now,
                           double jitter, const struct sprout_grid_answer *answer)
{
    sprout_grid_live_take(l->entry[i].live, now, jitter, answer);
    tell(&l->entry[i]);
}

struct sprout_grid_live_state sprout_grid_list_state(const struct sprout_grid_list *l,
                                                     size_t i)
{
    const struct entry *const e = &l->entry[i];
    if (e->role == LIVE) {
        return sprout_grid_live_state(e->live);
    }
    return (struct sprout_grid_live_state){
        .provider = e->name, .zone = e->zone, .asked = true, .why = "", .last_error = ""};
}

/* xorshift: spreading calls needs no better. */
static double draw(struct sprout_grid_list *l)
{
    uint64_t x = l->random.k0 | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    l->random.k0 = x;
    return (double)(x >> 11) / 9007199254740992.0;
}

bool sprout_grid_list_drive(struct sprout_grid_list *l, sprout_instant now, bool force)
{
    bool flying = false;
    struct sprout_grid_answer answer;

    if (l->fetch == NULL && sprout_grid_fetch_new(&l->fetch, NULL) != SPROUT_OK) {
        return false; /* without a thread nobody is asked; tried again the next time */
    }
    for (size_t i = 0; i < l->count; i++) {
        struct entry *const e = &l->entry[i];
        if (e->flying && sprout_grid_fetch_take(l->fetch, i, &answer)) {
            e->flying = false;
            sprout_grid_list_take(l, i, now, draw(l), &answer);
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        struct sprout_grid_request request;
        struct entry *const e = &l->entry[i];
        if (!e->flying && sprout_grid_list_due(l, i, now, force, &request)) {
            e->flying = true;
            sprout_grid_fetch_start(l->fetch, i, &request, e->keyed, e->ca_file);
        }
        flying = flying || e->flying;
    }
    return flying;
}

/* ---- as a grid ------------------------------------------------------------------------- */

enum sprout_status sprout_grid_list_make(const struct sprout_grid_opts *opts,
                                         void **out_self, struct sprout_error *err)
{
    struct sprout_grid_list *l = NULL;
    const enum sprout_status status = sprout_grid_list_new(opts, &l, err);
    if (status == SPROUT_OK) {
        *out_self = l;
    }
    return status;
}

static enum sprout_status list_poll(void *self, sprout_instant now,
                                    struct sprout_grid_value *out,
                                    struct sprout_error *err)
{
    (void)sprout_grid_list_drive(self, now, false);
    return sprout_grid_list_value(self, now, out, err);
}

static struct sprout_grid_range list_range(void *self, sprout_instant now,
                                           sprout_span window)
{
    const struct sprout_grid_list *const l = self;
    struct sprout_grid_range r = SPROUT_GRID_RANGE_NONE;
    int64_t first = INT64_MAX, last = INT64_MIN;

    for (size_t i = 0; i < l->past_count; i++) {
        const struct past *const p = &l->past[i];
        if (p->start.ns > now.ns || p->start.ns <= now.ns - window.ns) {
            continue;
        }
        r.lo.v = r.points == 0 ? p->intensity.v : fmin(r.lo.v, p->intensity.v);
        r.hi.v = r.points == 0 ? p->intensity.v : fmax(r.hi.v, p->intensity.v);
        r.points++;
        first = p->start.ns < first ? p->start.ns : first;
        last = p->start.ns > last ? p->start.ns : last;
    }
    /* Less than a day says nothing of what is low and high here. */
    const bool enough =
        r.points > 0 && last - first >= DAY_LESS_ONE_HOUR_S * SPROUT_NS_PER_SECOND;
    return enough ? r : SPROUT_GRID_RANGE_NONE;
}

static sprout_instant list_next(void *self, sprout_instant now)
{
    const struct sprout_grid_list *const l = self;
    for (size_t i = 0; i < l->count; i++) {
        if (l->entry[i].flying) {
            return (sprout_instant){now.ns + WAITING_MS * SPROUT_NS_PER_SECOND / 1000};
        }
    }
    return sprout_instant_add(now, sprout_span_seconds(1));
}

static sprout_instant list_clock(void *self, sprout_instant now)
{
    (void)self;
    return now;
}

/* Means of what was remembered in each hour; live providers' slots are not longer. */
static void list_past(void *self, sprout_instant now, sprout_g_per_kwh *out, size_t hours)
{
    const struct sprout_grid_list *const l = self;
    const int64_t first = sprout_instant_hour(now) - (int64_t)(hours - 1);
    size_t at = 0;

    for (size_t i = 0; i < hours; i++) {
        double sum = 0;
        int64_t n = 0;
        for (; at < l->past_count; at++) {
            const int64_t hour = sprout_instant_hour(l->past[at].start);
            if (hour > first + (int64_t)i) {
                break;
            }
            sum += hour == first + (int64_t)i ? l->past[at].intensity.v : 0;
            n += hour == first + (int64_t)i;
        }
        out[i].v = n > 0 ? sum / (double)n : (double)NAN;
    }
}

static struct sprout_str list_about(const void *self)
{
    const struct sprout_grid_list *const l = self;
    return sprout_str_of(l->about);
}

static void list_free(void *self)
{
    sprout_grid_list_free(self);
}

const struct sprout_grid_ops sprout_grid_list_ops = {
    .poll = list_poll,
    .range = list_range,
    .next = list_next,
    .clock = list_clock,
    .past = list_past,
    .about = list_about,
    .free = list_free,
};
