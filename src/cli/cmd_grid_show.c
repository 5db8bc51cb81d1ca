/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid_show.c - `sprout grid` and `sprout grid test`: ask, and print. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapt/clock.h"
#include "adapt/grid_ahead.h"
#include "adapt/grid_try.h"
#include "adapt/grid_recall.h"
#include "cli/cmd_grid.h"
#include "core/instant.h"

enum {
    BAR_WIDTH = 40,
    LIMIT_SECONDS = 30,
    LINE_MAX_HERE = SPROUT_GRID_WHY_MAX + 64,
    WATCH_SECONDS = 5,
    PAST_DAYS = 22, /* what a forecast looks back, and a week to try it on */
    SECONDS_PER_DAY = 86400,
    PATH_CAP = 4096,
};

struct view {
    const char *zone; /* as configured; "": home without a zone */
    struct sprout_grid *grid;
    struct sprout_grid_list *list; /* NULL: none */
    sprout_instant now;
    enum sprout_status status;
    struct sprout_grid_value value;
    struct sprout_error why;
    struct sprout_grid_ahead ahead;
};

/* Home, then the zones of `upstreams`. */
struct views {
    struct view v[SPROUT_ZONES_MAX + 1];
    size_t n;
};

/* ---- looking --------------------------------------------------------------------------- */

static void look(struct view *v)
{
    if (v->list != NULL) {
        (void)sprout_grid_try(v->list, false, sprout_span_seconds(LIMIT_SECONDS));
    }
    v->now = sprout_clock_wall();
    v->why.message[0] = '\0';
    v->status = sprout_grid_poll(v->grid, v->now, &v->value, &v->why);
    if (v->zone[0] != '\0') {
        v->value.zone = sprout_str_of(v->zone);
    }
    sprout_grid_look_ahead(v->grid, v->now, &v->ahead);
}

/* What the ledger kept of live values, if there is one: a forecast rests on it. */
static void recall(const struct sprout_config *c, struct views *views)
{
    char path[PATH_CAP];
    struct sprout_store *store = NULL;
    const int64_t past_ns = (int64_t)PAST_DAYS * SECONDS_PER_DAY * SPROUT_NS_PER_SECOND;
    const sprout_instant since = {sprout_clock_wall().ns - past_ns};

    snprintf(path, sizeof path, "%s/ledger.db", c->dir);
    if (sprout_store_open(path, SPROUT_STORE_READ, &store, NULL) != SPROUT_OK) {
        return;
    }
    for (size_t i = 0; i < views->n; i++) {
        if (views->v[i].list != NULL) {
            /* Without it the forecast is missing, and that is shown. */
            (void)!sprout_grid_recall(views->v[i].list, store, since, NULL);
        }
    }
    sprout_store_close(store);
}

static enum sprout_status open_view(const struct sprout_grid_opts *opts, const char *zone,
                                    struct view *v)
{
    struct sprout_error err = {.message = ""};
    const enum sprout_status status = sprout_grid_new(opts, &v->grid, &err);

    v->zone = zone;
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout grid: %s%s%s\n", zone, zone[0] == '\0' ? "" : ": ",
                err.message);
        return status;
    }
    v->list = sprout_grid_as_list(v->grid);
    return SPROUT_OK;
}

static void close_views(struct views *views)
{
    for (size_t i = 0; i < views->n; i++) {
        sprout_grid_free(views->v[i].grid);
    }
    free(views);
}

static enum sprout_status open_views(const struct sprout_config *c, struct views **out)
{
    struct sprout_config_zone zone[SPROUT_ZONES_MAX];
    const size_t zones = sprout_config_zones(c, zone);
    const sprout_instant now = sprout_clock_wall();
    const struct sprout_grid_opts home = sprout_config_grid_opts(c, now);
    struct views *const views = calloc(1, sizeof *views);
    if (views == NULL) {
        return SPROUT_NO_MEMORY;
    }
    enum sprout_status status = open_view(&home, c->grid.zone, &views->v[views->n++]);
    for (size_t i = 0; status == SPROUT_OK && i < zones; i++) {
        const struct sprout_grid_opts opts = sprout_config_zone_opts(&zone[i], now);
        status = open_view(&opts, zone[i].name, &views->v[views->n++]);
    }
    if (status != SPROUT_OK) {
        close_views(views);
        return status;
    }
    recall(c, views);
    *out = views;
    return SPROUT_OK;
}

/* ---- for a person ---------------------------------------------------------------------- */

static void print_moment(sprout_instant t)
{
    char text[40];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_instant_put(&b, t);
    printf("%.*s", (int)b.len, text);
}

static void print_bars(const struct sprout_grid_ahead *ahead)
{
    double most = 0;
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        most = fmax(most, ahead->hour[h].intensity.v); /* NaN is left out */
    }
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        const struct sprout_grid_hour *const hour = &ahead->hour[h];
        const double g = hour->intensity.v;
        if (isnan(g)) {
            continue;
        }
        const int width = most > 0 ? (int)(g / most * BAR_WIDTH + 0.5) : 0;
        printf("  %02d:00  %7.1f  ",
               (int)(sprout_instant_hour(hour->start) % SPROUT_GRID_DAY), g);
        for (int i = 0; i < width; i++) {
            putchar(hour->ours ? '=' : '#');
        }
        putchar('\n');
    }
}

/* Whose forecast it is, and how wrong ours has been lately. */
static void print_ahead(const struct view *v)
{
    const struct sprout_grid_ahead *const a = &v->ahead;
    static const int shown[] = {1, 6, 24};

    if (!a->any) {
        return;
    }
    printf("coming hours (UTC), g/kWh%s\n",
           a->ours ? "; = is our own forecast, from the past" : "");
    print_bars(a);
    if (!a->ours || a->error[0].n == 0) {
        return;
    }
    printf("its mean absolute error on the last week:");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        const struct sprout_forecast_error *const e = &a->error[shown[i] - 1];
        if (e->n > 0) {
            printf("%s %.1f at %d h (as now: %.1f)", i > 0 ? "," : "", e->ours, shown[i],
                   e->as_now);
        }
    }
    putchar('\n');
}

static void print_view(const struct view *v)
{
    if (v->status != SPROUT_OK) {
        printf("no value for now%s%s: requests go at L0, grams stay unknown\n  %s\n",
               v->zone[0] == '\0' ? "" : " in ", v->zone, v->why.message);
        print_ahead(v);
        return;
    }
    const struct sprout_grid_value *const g = &v->value;
    printf("%.4g g/kWh in %.*s (%s)\n", g->intensity.v, (int)g->zone.len, g->zone.ptr,
           sprout_grid_quality_text(g->quality));
    printf("  %s, %s%s%s\n", sprout_grid_kind_text(g->kind),
           sprout_grid_scope_text(g->scope), g->estimated ? ", estimated" : "",
           g->forecast ? ", forecast" : "");
    printf("  source %.*s, received %lld s ago, slot ", (int)g->source.len, g->source.ptr,
           (long long)((v->now.ns - g->received_at.ns) / SPROUT_NS_PER_SECOND));
    print_moment(g->slot_start);
    printf(" to ");
    print_moment(g->slot_end);
    printf("\n");
    print_ahead(v);
}

/* ---- for a program --------------------------------------------------------------------- */

static json_t *moment(sprout_instant t)
{
    char text[40];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_instant_put(&b, t);
    return json_stringn(text, b.len);
}

static json_t *value_object(const struct view *v)
{
    const struct sprout_grid_value *const g = &v->value;
    if (v->status != SPROUT_OK) {
        return json_null();
    }
    json_t *const o = json_object();
    json_object_set_new(o, "g_per_kwh", json_real(g->intensity.v));
    json_object_set_new(o, "zone", json_stringn(g->zone.ptr, g->zone.len));
    json_object_set_new(o, "source", json_stringn(g->source.ptr, g->source.len));
    json_object_set_new(o, "quality", json_string(sprout_grid_quality_text(g->quality)));
    json_object_set_new(o, "kind", json_string(sprout_grid_kind_text(g->kind)));
    json_object_set_new(o, "scope", json_string(sprout_grid_scope_text(g->scope)));
    json_object_set_new(o, "slot_start", moment(g->slot_start));
    json_object_set_new(o, "slot_end", moment(g->slot_end));
    json_object_set_new(o, "received_at", moment(g->received_at));
    json_object_set_new(
        o, "age_s", json_integer((v->now.ns - g->received_at.ns) / SPROUT_NS_PER_SECOND));
    json_object_set_new(o, "estimated", json_boolean(g->estimated));
    json_object_set_new(o, "forecast", json_boolean(g->forecast));
    return o;
}

static json_t *ahead_array(const struct view *v)
{
    json_t *const a = json_array();
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        const struct sprout_grid_hour *const hour = &v->ahead.hour[h];
        if (!isnan(hour->intensity.v)) {
            json_t *const o = json_object();
            json_object_set_new(o, "start", moment(hour->start));
            json_object_set_new(o, "g_per_kwh", json_real(hour->intensity.v));
            json_object_set_new(o, "by", json_string(hour->ours ? "sprout" : "provider"));
            json_array_append_new(a, o);
        }
    }
    return a;
}

/* Of our own forecast on the last week; empty where the past is too short. */
static json_t *error_array(const struct view *v)
{
    json_t *const a = json_array();
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        const struct sprout_forecast_error *const e = &v->ahead.error[h];
        if (e->n > 0) {
            json_t *const o = json_object();
            json_object_set_new(o, "hours", json_integer(h + 1));
            json_object_set_new(o, "error", json_real(e->ours));
            json_object_set_new(o, "error_as_now", json_real(e->as_now));
            json_object_set_new(o, "n", json_integer(e->n));
            json_array_append_new(a, o);
        }
    }
    return a;
}

static json_t *provider_object(struct sprout_grid_list *l, size_t i, sprout_instant now,
                               enum sprout_status *out_status)
{
    char line[LINE_MAX_HERE];
    const struct sprout_grid_live_state s = sprout_grid_list_state(l, i);
    json_t *const o = json_object();

    *out_status = sprout_grid_try_line(l, i, now, line, sizeof line);
    json_object_set_new(o, "provider", json_string(s.provider));
    json_object_set_new(o, "zone", json_string(s.zone));
    json_object_set_new(o, "ok", json_boolean(*out_status == SPROUT_OK));
    json_object_set_new(
        o, "state",
        json_string(s.asked ? sprout_grid_trouble_text(s.trouble) : "not-asked"));
    json_object_set_new(o, "message", json_string(line));
    return o;
}

static json_t *providers_array(const struct view *v, enum sprout_status *out_first)
{
    json_t *const a = json_array();
    *out_first = SPROUT_OK;
    for (size_t i = 0; v->list != NULL && i < sprout_grid_list_count(v->list); i++) {
        enum sprout_status one;
        json_array_append_new(a, provider_object(v->list, i, v->now, &one));
        *out_first = *out_first == SPROUT_OK ? one : *out_first;
    }
    return a;
}

static void dump(json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(o);
}

static json_t *view_object(const struct view *v)
{
    enum sprout_status ignored;
    json_t *const o = json_object();
    json_object_set_new(o, "now", value_object(v));
    json_object_set_new(
        o, "why", v->status == SPROUT_OK ? json_null() : json_string(v->why.message));
    json_object_set_new(o, "ahead", ahead_array(v));
    json_object_set_new(o, "forecast_error", error_array(v));
    json_object_set_new(o, "providers", providers_array(v, &ignored));
    return o;
}

static void print_json(const struct views *views)
{
    json_t *const o = view_object(&views->v[0]);
    json_t *const zones = json_array();
    for (size_t i = 1; i < views->n; i++) {
        json_t *const zone = view_object(&views->v[i]);
        json_object_set_new(zone, "zone", json_string(views->v[i].zone));
        json_array_append_new(zones, zone);
    }
    json_object_set_new(o, "zones", zones);
    dump(o);
}

static void print_views(const struct views *views, bool json)
{
    if (json) {
        print_json(views);
    }
    for (size_t i = 0; !json && i < views->n; i++) {
        print_view(&views->v[i]);
    }
    fflush(stdout);
}

/* ---- the commands ---------------------------------------------------------------------- */

/* True if a value is another than at the last look, or there is none. */
static bool look_all(struct views *views)
{
    bool news = false;
    for (size_t i = 0; i < views->n; i++) {
        struct view *const v = &views->v[i];
        const double last =
            v->now.ns > 0 && v->status == SPROUT_OK ? v->value.intensity.v : (double)NAN;
        look(v);
        news = news || v->status != SPROUT_OK || v->value.intensity.v != last;
    }
    return news;
}

/* The first trouble of any place. */
static enum sprout_status status_of(const struct views *views)
{
    enum sprout_status status = SPROUT_OK;
    for (size_t i = 0; i < views->n && status == SPROUT_OK; i++) {
        status = views->v[i].status;
    }
    return status;
}

enum sprout_status sprout_grid_show(const struct sprout_grid_args *a,
                                    const struct sprout_config *c)
{
    struct views *views = NULL;
    enum sprout_status status = open_views(c, &views);

    if (status != SPROUT_OK) {
        return status;
    }
    do {
        const struct timespec pause = {.tv_sec = WATCH_SECONDS};
        if (look_all(views)) {
            print_views(views, a->json);
        }
        if (a->watch) {
            nanosleep(&pause, NULL);
        }
    } while (a->watch && !ferror(stdout));
    status = status_of(views);
    close_views(views);
    return status;
}

/* Each provider of one place; the first trouble. */
static enum sprout_status test_list(struct view *v, bool json)
{
    enum sprout_status first = SPROUT_OK;

    (void)sprout_grid_try(v->list, true, sprout_span_seconds(LIMIT_SECONDS));
    v->now = sprout_clock_wall();
    if (json) {
        dump(providers_array(v, &first));
    }
    for (size_t i = 0; !json && i < sprout_grid_list_count(v->list); i++) {
        char line[LINE_MAX_HERE];
        const struct sprout_grid_live_state s = sprout_grid_list_state(v->list, i);
        const enum sprout_status one =
            sprout_grid_try_line(v->list, i, v->now, line, sizeof line);
        printf("%-5s %-16s %-12s %s\n", one == SPROUT_OK ? "ok" : "FAIL", s.provider,
               s.zone, line);
        first = first == SPROUT_OK ? one : first;
    }
    return first;
}

static enum sprout_status test_single(struct view *v, bool json)
{
    look(v);
    if (json) {
        dump(view_object(v));
    } else {
        print_view(v);
    }
    return v->status;
}

enum sprout_status sprout_grid_test(const struct sprout_grid_args *a,
                                    const struct sprout_config *c)
{
    struct views *views = NULL;
    enum sprout_status first = open_views(c, &views);

    if (first != SPROUT_OK) {
        return first;
    }
    for (size_t i = 0; i < views->n; i++) {
        struct view *const v = &views->v[i];
        const enum sprout_status one =
            v->list == NULL ? test_single(v, a->json) : test_list(v, a->json);
        first = first == SPROUT_OK ? one : first;
    }
    close_views(views);
    return first;
}
