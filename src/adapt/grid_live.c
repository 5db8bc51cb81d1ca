/* SPDX-License-Identifier: Apache-2.0 */
/* grid_live.c - see grid_live.h. */
#include "adapt/grid_live.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SECONDS_PER_HOUR = 3600,
    BACKOFF_S = 30,
    BACKOFF_MAX_S = 900,
    AUTH_MAX_S = SECONDS_PER_HOUR,
    TOKEN_S = 29 * 60, /* a minute before it ends */
    GONE_S = 24 * SECONDS_PER_HOUR,
    DOUBLINGS_MAX = 12,
    MAX_AGE_STEPS = 2,
    RETRY_AFTER_MAX_S = 24 * SECONDS_PER_HOUR,
};

/* Parts of a step: how soon after a slot's beginning a question comes, and how much longer
 * than a step is waited at the most to get there. */
#define SOON      0.1
#define LATER_MAX 0.2

enum phase { IDLE, ASKED_LOGIN, ASKED_NOW, ASKED_AHEAD, ASKED_PAST };

struct sprout_grid_live {
    const struct sprout_grid_live_provider *provider;
    char base[256];
    char zone[64];
    char reply_zone[64];
    char source[32];
    char secret[SPROUT_GRID_SECRET_MAX];
    char token[SPROUT_GRID_TOKEN_MAX];
    enum sprout_grid_kind kind;
    enum sprout_grid_scope scope;
    sprout_span step;
    sprout_span max_age;
    bool ahead;
    struct sprout_grid_factor factor[SPROUT_GRID_FUELS_MAX];
    size_t factors;

    enum phase phase;
    bool renewed; /* a token was bought for this very question */
    sprout_instant token_at;
    sprout_instant next;
    sprout_instant ahead_next;

    struct sprout_grid_points points; /* all that is known */
    struct sprout_grid_points fresh;  /* of one reply */
    struct sprout_grid_points past;   /* of the last question for it */
    sprout_instant past_from, past_until;
    bool past_wanted, past_ready;
    bool have_good;
    struct sprout_grid_point good; /* what held last */
    sprout_instant received;       /* the last good answer */

    enum sprout_grid_trouble trouble;
    bool answered;
    bool going_away;
    int64_t answers, invalid, failures;
    char why[SPROUT_GRID_WHY_MAX];
    sprout_instant failed; /* the last time */
    char last_error[SPROUT_GRID_WHY_MAX];
};

const char *sprout_grid_trouble_text(enum sprout_grid_trouble t)
{
    static const char *const text[] = {
#define X(name, text) text,
        SPROUT_GRID_TROUBLE_TABLE(X)
#undef X
    };
    return text[t];
}

/* ---- a new one ------------------------------------------------------------------------- */

static bool empty(const char *s)
{
    return s == NULL || s[0] == '\0';
}

static enum sprout_status check(const struct sprout_grid_live_opts *o,
                                struct sprout_error *err)
{
    const struct sprout_grid_live_provider *const p = o->provider;

    if (empty(o->zone)) {
        return sprout_fail(err, SPROUT_CONFIG, "%s: no zone: expected one such as %s",
                           p->name, p->zones);
    }
    if (p->zone_ok != NULL && !p->zone_ok(sprout_str_of(o->zone))) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: zone '%.60s' is none of its zones: expected one such "
                           "as %s",
                           p->name, o->zone, p->zones);
    }
    if (empty(o->base) && p->base[0] == '\0') {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: no url: it is self-hosted, expected its address",
                           p->name);
    }
    if (o->fuels_count > 0 && !p->mix) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: tells intensities and no mix: 'fuels' has no effect",
                           p->name);
    }
    for (size_t i = 0; i < o->fuels_count; i++) {
        if (isnan(o->fuels[i].g_per_kwh)) {
            return sprout_fail(err, SPROUT_CONFIG,
                               "%s: fuel '%.7s' has no g_per_kwh: unknown is not 0",
                               p->name, o->fuels[i].fuel);
        }
    }
    if (p->key != SPROUT_GRID_KEY_NONE && empty(o->secret)) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: no key: expected key_file or key_env with %s", p->name,
                           p->key == SPROUT_GRID_KEY_LOGIN ? "USER:PASSWORD" : "its key");
    }
    if (p->key == SPROUT_GRID_KEY_LOGIN && strchr(o->secret, ':') == NULL) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "%s: the key is no USER:PASSWORD: expected a colon in it",
                           p->name);
    }
    if (!(o->kind == SPROUT_GRID_AVERAGE ? p->average : p->marginal)) {
        return sprout_fail(err, SPROUT_CONFIG, "%s: has no %s signal", p->name,
                           sprout_grid_kind_text(o->kind));
    }
    if (!(o->scope == SPROUT_GRID_DIRECT ? p->direct : p->lifecycle)) {
        return sprout_fail(err, SPROUT_CONFIG, "%s: has no %s factors", p->name,
                           sprout_grid_scope_text(o->scope));
    }
    return SPROUT_OK;
}

enum sprout_status sprout_grid_live_new(const struct sprout_grid_live_opts *o,
                                        struct sprout_grid_live **out,
                                        struct sprout_error *err)
{
    const struct sprout_grid_live_provider *const p = o->provider;
    const enum sprout_status status = check(o, err);
    if (status != SPROUT_OK) {
        return status;
    }
    struct sprout_grid_live *const l = calloc(1, sizeof *l);
    if (l == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a grid provider");
    }
    l->provider = p;
    snprintf(l->base, sizeof l->base, "%s", empty(o->base) ? p->base : o->base);
    for (size_t n = strlen(l->base); n > 0 && l->base[n - 1] == '/'; n--) {
        l->base[n - 1] = '\0';
    }
    snprintf(l->zone, sizeof l->zone, "%s", o->zone);
    snprintf(l->reply_zone, sizeof l->reply_zone, "%s",
             empty(o->reply_zone) ? o->zone : o->reply_zone);
    snprintf(l->source, sizeof l->source, "%s", p->name);
    snprintf(l->secret, sizeof l->secret, "%s", o->secret == NULL ? "" : o->secret);
    l->kind = o->kind;
    l->scope = o->scope;
    l->step = sprout_span_seconds(p->step_s);
    l->max_age =
        o->max_age.ns > 0 ? o->max_age : (sprout_span){MAX_AGE_STEPS * l->step.ns};
    l->ahead = o->ahead && p->ahead;
    for (; l->factors < o->fuels_count && l->factors < SPROUT_GRID_FUELS_MAX;
         l->factors++) {
        struct sprout_grid_factor *const f = &l->factor[l->factors];
        snprintf(f->fuel, sizeof f->fuel, "%s", o->fuels[l->factors].fuel);
        f->intensity.v = o->fuels[l->factors].g_per_kwh;
    }
    l->next.ns = l->ahead_next.ns = INT64_MIN;
    *out = l;
    return SPROUT_OK;
}

void sprout_grid_live_free(struct sprout_grid_live *l)
{
    free(l);
}

/* ---- asking ---------------------------------------------------------------------------- */

static bool needs_login(const struct sprout_grid_live *l, sprout_instant now)
{
    return l->provider->key == SPROUT_GRID_KEY_LOGIN &&
           (l->token[0] == '\0' || now.ns < l->token_at.ns ||
            now.ns - l->token_at.ns > TOKEN_S * SPROUT_NS_PER_SECOND);
}

static struct sprout_grid_ask ask_of(const struct sprout_grid_live *l, sprout_instant now)
{
    static const enum sprout_grid_call call[] = {[ASKED_LOGIN] = SPROUT_GRID_CALL_LOGIN,
                                                 [ASKED_NOW] = SPROUT_GRID_CALL_NOW,
                                                 [ASKED_AHEAD] = SPROUT_GRID_CALL_AHEAD,
                                                 [ASKED_PAST] = SPROUT_GRID_CALL_PAST};
    return (struct sprout_grid_ask){
        .call = call[l->phase],
        .base = l->base,
        .zone = l->zone,
        .reply_zone = l->reply_zone,
        .kind = l->kind,
        .scope = l->scope,
        .now = now,
        .from = l->past_from,
        .until = l->past_until,
        .factors = l->factor,
        .factors_count = l->factors,
        .secret = l->provider->key == SPROUT_GRID_KEY_LOGIN && l->phase != ASKED_LOGIN
                      ? l->token
                      : l->secret,
    };
}

bool sprout_grid_live_due(struct sprout_grid_live *l, sprout_instant now,
                          struct sprout_grid_request *out)
{
    /* A wall clock that was set back must not silence a provider for long. */
    const bool due = now.ns >= l->next.ns ||
                     l->next.ns - now.ns > 2 * RETRY_AFTER_MAX_S * SPROUT_NS_PER_SECOND;
    if (l->phase != IDLE) {
        return false;
    }
    if (due) {
        l->phase = needs_login(l, now) ? ASKED_LOGIN : ASKED_NOW;
    } else if (l->ahead && l->failures == 0 && l->answered &&
               now.ns >= l->ahead_next.ns) {
        l->phase = ASKED_AHEAD;
    } else if (l->past_wanted && l->failures == 0 && l->answered) {
        l->phase = needs_login(l, now) ? ASKED_LOGIN : ASKED_PAST;
    } else {
        return false;
    }
    *out = (struct sprout_grid_request){.basic = false};
    const struct sprout_grid_ask ask = ask_of(l, now);
    if (!l->provider->request(&ask, out)) {
        l->phase = IDLE;
        l->next = sprout_instant_add(now, sprout_span_seconds(SECONDS_PER_HOUR));
        l->trouble = SPROUT_GRID_TROUBLE_CONFIGURATION;
        snprintf(l->why, sizeof l->why, "the address of the question is too long");
        return false;
    }
    if (out->basic) { /* the caller encodes it */
        snprintf(out->header, sizeof out->header, "%s", l->secret);
    }
    return true;
}

sprout_instant sprout_grid_live_next(const struct sprout_grid_live *l)
{
    if (l->phase != IDLE) {
        return (sprout_instant){INT64_MAX};
    }
    const bool ahead_first =
        l->ahead && l->failures == 0 && l->answered && l->ahead_next.ns < l->next.ns;
    return ahead_first ? l->ahead_next : l->next;
}

/* ---- what an answer means -------------------------------------------------------------- */

static sprout_span pause_of(int64_t failures, int64_t first_s, int64_t most_s,
                            double jitter)
{
    const int64_t doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    const double wanted =
        (double)first_s * ldexp(1, (int)(doublings > 0 ? doublings : 0));
    const double bounded = wanted < (double)most_s ? wanted : (double)most_s;
    /* Half of it for certain, so that a broken provider is not asked at once. */
    return (sprout_span){(int64_t)(bounded * (0.5 + 0.5 * jitter) * 1e9)};
}

/* A server that repeats our key in its error must not get it into a log. */
static void redact(char *text, const char *secret)
{
    const size_t n = strlen(secret);
    char *at = n < 4 ? NULL : strstr(text, secret);

    for (; at != NULL; at = strstr(at, secret)) {
        memset(at, '*', n);
    }
}

static void trouble(struct sprout_grid_live *l, enum sprout_grid_trouble t,
                    const char *why)
{
    l->phase = IDLE;
    l->answered = true;
    l->trouble = t;
    l->failures++;
    l->invalid += t == SPROUT_GRID_TROUBLE_INVALID;
    snprintf(l->why, sizeof l->why, "%s", why);
    redact(l->why, l->secret);
    redact(l->why, l->token);
    snprintf(l->last_error, sizeof l->last_error, "%s", l->why);
}

/* What the status code says, with the provider's own words. */
static void say(const struct sprout_grid_answer *a, const char *meaning, char *out,
                size_t cap)
{
    char words[160];
    sprout_grid_reply_words(a->body, words, sizeof words);
    snprintf(out, cap, "%s (HTTP %d%s%s%s)", meaning, a->code,
             words[0] == '\0' ? "" : ", it says: '", words, words[0] == '\0' ? "" : "'");
}

static const struct {
    int code;
    enum sprout_grid_trouble trouble;
    const char *meaning;
} codes[] = {
    {204, SPROUT_GRID_TROUBLE_NO_DATA, "it has no data for this zone now"},
    {400, SPROUT_GRID_TROUBLE_CONFIGURATION, "it does not know this zone or question"},
    {404, SPROUT_GRID_TROUBLE_CONFIGURATION, "it does not know this zone or address"},
    {501, SPROUT_GRID_TROUBLE_CONFIGURATION, "its source cannot answer this question"},
    {401, SPROUT_GRID_TROUBLE_AUTHORISATION,
     "refused, authorisation or quota: the key is wrong, the zone is not in its plan, or "
     "its quota is used up"},
    {403, SPROUT_GRID_TROUBLE_AUTHORISATION,
     "refused, authorisation or quota: this zone or signal is not in the key's plan"},
    {410, SPROUT_GRID_TROUBLE_GOING_AWAY, "the service has ended"},
    {429, SPROUT_GRID_TROUBLE_QUOTA, "asked too often, or the quota is used up"},
};

static enum sprout_grid_trouble trouble_of(const struct sprout_grid_answer *a, char *why,
                                           size_t cap)
{
    if (a->code == 0) {
        snprintf(why, cap, "%s", empty(a->why) ? "no answer" : a->why);
        return SPROUT_GRID_TROUBLE_UNREACHABLE;
    }
    if (a->code == 200) {
        return SPROUT_GRID_TROUBLE_FINE;
    }
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code == a->code) {
            say(a, codes[i].meaning, why, cap);
            return codes[i].trouble;
        }
    }
    say(a, a->code >= 500 ? "the service is out of order" : "not what was expected", why,
        cap);
    return a->code >= 500 ? SPROUT_GRID_TROUBLE_UNREACHABLE : SPROUT_GRID_TROUBLE_INVALID;
}

static sprout_span wait_after(const struct sprout_grid_live *l,
                              enum sprout_grid_trouble t, double jitter,
                              sprout_span retry_after)
{
    const int64_t most = RETRY_AFTER_MAX_S * SPROUT_NS_PER_SECOND;

    switch (t) {
    case SPROUT_GRID_TROUBLE_CONFIGURATION:
        return sprout_span_seconds(SECONDS_PER_HOUR);
    case SPROUT_GRID_TROUBLE_AUTHORISATION:
        return pause_of(l->failures, BACKOFF_S * 2, AUTH_MAX_S, jitter);
    case SPROUT_GRID_TROUBLE_GOING_AWAY:
        return sprout_span_seconds(GONE_S);
    case SPROUT_GRID_TROUBLE_QUOTA:
        if (retry_after.ns >= 0) {
            return retry_after.ns < most ? retry_after : (sprout_span){most};
        }
        break;
    case SPROUT_GRID_TROUBLE_FINE:
    case SPROUT_GRID_TROUBLE_UNREACHABLE:
    case SPROUT_GRID_TROUBLE_INVALID:
    case SPROUT_GRID_TROUBLE_NO_DATA:
        break;
    }
    return pause_of(l->failures, BACKOFF_S, BACKOFF_MAX_S, jitter);
}

/* ---- what is known --------------------------------------------------------------------- */

/* Puts one reply's slots over what was known: a later answer replaces an earlier one, but
 * never a measured slot by a foretold one.  The oldest fall out. */
static void merge(struct sprout_grid_live *l)
{
    static const size_t most = SPROUT_GRID_POINTS_MAX;
    struct sprout_grid_points *const p = &l->points;

    for (size_t i = 0; i < l->fresh.n; i++) {
        const struct sprout_grid_point *const f = &l->fresh.v[i];
        size_t at = p->n;
        while (at > 0 && p->v[at - 1].start.ns >= f->start.ns) {
            at--;
        }
        if (at < p->n && p->v[at].start.ns == f->start.ns) {
            if (p->v[at].forecast || !f->forecast) {
                p->v[at] = *f;
            }
            continue;
        }
        if (p->n == most) {
            if (at == 0) {
                continue; /* older than all */
            }
            memmove(p->v, p->v + 1, (most - 1) * sizeof p->v[0]);
            p->n--;
            at--;
        }
        memmove(p->v + at + 1, p->v + at, (p->n - at) * sizeof p->v[0]);
        p->v[at] = *f;
        p->n++;
    }
}

/* The slot of `now`, or the newest one that has begun. */
static const struct sprout_grid_point *current(const struct sprout_grid_points *p,
                                               sprout_instant now)
{
    size_t i = p->n;
    while (i > 0 && p->v[i - 1].start.ns > now.ns) {
        i--;
    }
    return i > 0 ? &p->v[i - 1] : p->n > 0 ? &p->v[0] : NULL;
}

/* When to ask again: no faster than the step, soon after a slot has begun, since until then
 * what is known of it is a forecast, and not all gateways at the same second.  An hour's
 * first tenth is reached from anywhere in it within five questions, and then kept. */
static sprout_span step_after(const struct sprout_grid_live *l, sprout_instant now,
                              double jitter)
{
    const double step = (double)l->step.ns;
    const double into = fmod((double)(now.ns - l->good.start.ns), step) / step;
    const double target = SOON * jitter;
    const double wanted = into < SOON ? fmax(0, target - into) : 1 - into + target;
    return (sprout_span){l->step.ns + (int64_t)(fmin(wanted, LATER_MAX) * step)};
}

static void accept(struct sprout_grid_live *l, sprout_instant now, double jitter)
{
    const struct sprout_grid_point *const here = current(&l->fresh, now);

    merge(l);
    l->phase = IDLE;
    l->answered = true;
    l->renewed = false;
    l->failures = 0;
    l->trouble = SPROUT_GRID_TROUBLE_FINE;
    l->why[0] = '\0';
    l->received = now;
    l->good = *here;
    l->have_good = true;
    l->going_away = l->fresh.deprecated;
    if (l->going_away) {
        l->trouble = SPROUT_GRID_TROUBLE_GOING_AWAY;
        snprintf(l->why, sizeof l->why,
                 "the provider says that it will end this service");
    }
    l->next = sprout_instant_add(now, step_after(l, now, jitter));
}

static void refuse(struct sprout_grid_live *l, sprout_instant now, double jitter,
                   enum sprout_grid_trouble t, const char *why, sprout_span retry_after)
{
    trouble(l, t, why);
    l->failed = now;
    l->renewed = false;
    l->going_away = l->going_away || t == SPROUT_GRID_TROUBLE_GOING_AWAY;
    l->next = sprout_instant_add(now, wait_after(l, t, jitter, retry_after));
}

/* ---- answers, by the question ---------------------------------------------------------- */

static void took_login(struct sprout_grid_live *l, sprout_instant now, double jitter,
                       const struct sprout_grid_answer *a)
{
    char why[SPROUT_GRID_WHY_MAX];
    struct sprout_error err = {.message = ""};
    enum sprout_grid_trouble t = trouble_of(a, why, sizeof why);

    if (t == SPROUT_GRID_TROUBLE_FINE &&
        sprout_grid_parse_token(a->body, l->token, sizeof l->token, &err) != SPROUT_OK) {
        t = SPROUT_GRID_TROUBLE_INVALID;
        snprintf(why, sizeof why, "login: %.250s", err.message);
    }
    if (t != SPROUT_GRID_TROUBLE_FINE) {
        l->token[0] = '\0';
        refuse(l, now, jitter, t, why, a->retry_after);
        return;
    }
    l->phase = IDLE;
    l->token_at = now;
    l->next.ns = INT64_MIN; /* the question itself, at once */
}

static enum sprout_status read_points(struct sprout_grid_live *l, sprout_instant now,
                                      const struct sprout_grid_answer *a,
                                      struct sprout_error *err)
{
    const struct sprout_grid_ask ask = ask_of(l, now);
    return l->provider->parse(&ask, a->body, &l->fresh, err);
}

static void took_now(struct sprout_grid_live *l, sprout_instant now, double jitter,
                     const struct sprout_grid_answer *a)
{
    char why[SPROUT_GRID_WHY_MAX];
    struct sprout_error err = {.message = ""};
    const enum sprout_grid_trouble t = trouble_of(a, why, sizeof why);

    if (a->code == 401 && l->provider->key == SPROUT_GRID_KEY_LOGIN && !l->renewed) {
        l->phase = IDLE;
        l->renewed = true; /* once: a fresh token that is refused is a refusal */
        l->token[0] = '\0';
        l->next.ns = INT64_MIN;
        return;
    }
    if (t != SPROUT_GRID_TROUBLE_FINE) {
        refuse(l, now, jitter, t, why, a->retry_after);
        return;
    }
    enum sprout_status status = read_points(l, now, a, &err);
    if (status == SPROUT_OK) {
        status = sprout_grid_points_check(&l->fresh, now, l->step,
                                          sprout_span_seconds(l->provider->lag_s), &err);
    }
    if (status != SPROUT_OK) {
        refuse(l, now, jitter,
               status == SPROUT_STALE ? SPROUT_GRID_TROUBLE_NO_DATA
                                      : SPROUT_GRID_TROUBLE_INVALID,
               err.message, a->retry_after);
        return;
    }
    accept(l, now, jitter);
}

/* A forecast is a gift: without one everything goes on, and it is asked for again later. */
static void took_ahead(struct sprout_grid_live *l, sprout_instant now, double jitter,
                       const struct sprout_grid_answer *a)
{
    struct sprout_error err = {.message = ""};
    int64_t wait_s = SECONDS_PER_HOUR;

    if (a->code == 200 && read_points(l, now, a, &err) == SPROUT_OK) {
        merge(l);
    } else if (a->code == 401 || a->code == 403 || a->code == 404 || a->code == 501) {
        wait_s = GONE_S; /* not in the plan */
    }
    l->phase = IDLE;
    l->ahead_next = sprout_instant_add(
        now, sprout_span_seconds(wait_s + (int64_t)(jitter * (double)wait_s / 10)));
}

/* Only what was measured makes up for what was missed. */
static void took_past(struct sprout_grid_live *l, sprout_instant now,
                      const struct sprout_grid_answer *a)
{
    struct sprout_error err = {.message = ""};

    l->past_wanted = false;
    if (a->code == 200 && read_points(l, now, a, &err) == SPROUT_OK) {
        l->past.n = 0;
        for (size_t i = 0; i < l->fresh.n; i++) {
            if (!l->fresh.v[i].forecast && l->fresh.v[i].end.ns <= now.ns) {
                l->past.v[l->past.n++] = l->fresh.v[i];
            }
        }
        l->past_ready = l->past.n > 0;
    }
    l->phase = IDLE;
}

bool sprout_grid_live_want_past(struct sprout_grid_live *l, sprout_instant from,
                                sprout_instant until)
{
    const int64_t most = l->provider->past_s * SPROUT_NS_PER_SECOND;
    if (most == 0 || l->failures > 0 || !l->answered || l->phase == ASKED_PAST) {
        return false;
    }
    l->past_from = from;
    l->past_until.ns = until.ns - from.ns > most ? from.ns + most : until.ns;
    l->past_wanted = true;
    return true;
}

const struct sprout_grid_points *sprout_grid_live_take_past(struct sprout_grid_live *l)
{
    const bool ready = l->past_ready;
    l->past_ready = false;
    return ready ? &l->past : NULL;
}

void sprout_grid_live_take(struct sprout_grid_live *l, sprout_instant now, double jitter,
                           const struct sprout_grid_answer *answer)
{
    l->answers++;
    switch (l->phase) {
    case ASKED_LOGIN:
        took_login(l, now, jitter, answer);
        break;
    case ASKED_NOW:
        took_now(l, now, jitter, answer);
        break;
    case ASKED_AHEAD:
        took_ahead(l, now, jitter, answer);
        break;
    case ASKED_PAST:
        took_past(l, now, answer);
        break;
    case IDLE: /* nothing was asked */
        break;
    }
}

/* ---- what holds ------------------------------------------------------------------------ */

static void put_value(const struct sprout_grid_live *l, const struct sprout_grid_point *p,
                      enum sprout_grid_quality quality, struct sprout_grid_value *out)
{
    *out = (struct sprout_grid_value){
        .intensity = p->intensity,
        .zone = sprout_str_of(l->reply_zone),
        .source = sprout_str_of(l->source),
        .slot_start = p->start,
        .slot_end = p->end,
        .received_at = l->received,
        .kind = l->kind,
        .scope = l->scope,
        .quality = quality,
        .estimated = p->estimated,
        .forecast = p->forecast,
    };
}

enum sprout_status sprout_grid_live_value(struct sprout_grid_live *l, sprout_instant now,
                                          struct sprout_grid_value *out,
                                          struct sprout_error *err)
{
    const int64_t age = now.ns - l->received.ns;
    const struct sprout_grid_point *const here = sprout_grid_points_at(&l->points, now);
    /* The next call comes up to LATER_MAX later, and may take its time. */
    const int64_t fresh = l->step.ns + l->step.ns / 4;
    /* Begun since the last answer, which could only foretell it. */
    const bool foretold =
        here != NULL && here->forecast && here->start.ns != l->good.start.ns;

    if (l->have_good && l->failures == 0 && age <= fresh) {
        if (foretold) {
            put_value(l, here, SPROUT_GRID_FORECAST, out);
            return SPROUT_OK;
        }
        l->good = here != NULL ? *here : l->good;
        put_value(l, &l->good, SPROUT_GRID_LIVE, out);
        return SPROUT_OK;
    }
    if (l->have_good && age <= l->max_age.ns) {
        put_value(l, &l->good, SPROUT_GRID_LAST_GOOD, out);
        return SPROUT_OK;
    }
    if (here != NULL) {
        put_value(l, here, SPROUT_GRID_FORECAST, out);
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_STALE, "%s: %s", l->provider->name,
                       l->why[0] != '\0' ? l->why
                       : l->answered     ? "no value for now"
                                         : "not answered yet");
}

const struct sprout_grid_points *sprout_grid_live_points(const struct sprout_grid_live *l)
{
    return &l->points;
}

struct sprout_grid_live_state sprout_grid_live_state(const struct sprout_grid_live *l)
{
    return (struct sprout_grid_live_state){
        .provider = l->provider->name,
        .zone = l->zone,
        .trouble = l->trouble,
        .asked = l->answered,
        .going_away = l->going_away,
        .why = l->why,
        .last_success = l->have_good ? l->received : (sprout_instant){0},
        .last_failure = l->failed,
        .last_error = l->last_error,
        .answers = l->answers,
        .invalid = l->invalid,
        .failures = l->failures,
        .next = l->next,
    };
}
