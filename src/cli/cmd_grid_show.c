/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid_show.c - `sprout grid` and `sprout grid test`: ask, and print. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapt/clock.h"
#include "adapt/grid_try.h"
#include "cli/cmd_grid.h"
#include "core/instant.h"

enum {
    HOURS_AHEAD = 24,
    BAR_WIDTH = 40,
    LIMIT_SECONDS = 30,
    LINE_MAX_HERE = SPROUT_GRID_WHY_MAX + 64,
    WATCH_SECONDS = 5,
    SECONDS_PER_HOUR = 3600,
};

struct hour {
    sprout_instant start;
    double g_per_kwh; /* NaN: unknown */
};

struct view {
    struct sprout_grid *grid;
    struct sprout_grid_list *list; /* NULL: none */
    sprout_instant now;
    enum sprout_status status;
    struct sprout_grid_value value;
    struct sprout_error why;
    struct hour ahead[HOURS_AHEAD];
    bool any_ahead;
};

/* ---- looking --------------------------------------------------------------------------- */

static void look_ahead(struct view *v)
{
    static struct sprout_grid_point points[SPROUT_GRID_POINTS_MAX];
    const size_t n = v->list == NULL ? 0
                                     : sprout_grid_list_ahead(v->list, v->now, points,
                                                              SPROUT_GRID_POINTS_MAX);
    const int64_t first = sprout_instant_hour(v->now) + 1;

    v->any_ahead = false;
    for (int h = 0; h < HOURS_AHEAD; h++) {
        struct sprout_grid_value value;
        double sum = 0;
        int64_t count = 0;
        struct hour *const out = &v->ahead[h];
        out->start.ns = (first + h) * SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
        for (size_t i = 0; i < n; i++) {
            if (sprout_instant_hour(points[i].start) == first + h) {
                sum += points[i].intensity.v;
                count++;
            }
        }
        out->g_per_kwh = count > 0 ? sum / (double)count : (double)NAN;
        if (v->list == NULL &&
            sprout_grid_poll(v->grid, out->start, &value, NULL) == SPROUT_OK &&
            value.quality != SPROUT_GRID_ASSUMED) { /* a constant foretells nothing */
            out->g_per_kwh = value.intensity.v;
        }
        v->any_ahead = v->any_ahead || !isnan(out->g_per_kwh);
    }
}

static void look(struct view *v)
{
    if (v->list != NULL) {
        (void)sprout_grid_try(v->list, false, sprout_span_seconds(LIMIT_SECONDS));
    }
    v->now = sprout_clock_wall();
    v->why.message[0] = '\0';
    v->status = sprout_grid_poll(v->grid, v->now, &v->value, &v->why);
    look_ahead(v);
}

static enum sprout_status open_view(const struct sprout_config *c, struct view *v)
{
    struct sprout_error err = {.message = ""};
    const struct sprout_grid_opts opts = sprout_config_grid_opts(c, sprout_clock_wall());
    const enum sprout_status status = sprout_grid_new(&opts, &v->grid, &err);

    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout grid: %s\n", err.message);
        return status;
    }
    v->list = sprout_grid_as_list(v->grid);
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

static void print_bars(const struct view *v)
{
    double most = 0;
    for (int h = 0; h < HOURS_AHEAD; h++) {
        most = v->ahead[h].g_per_kwh > most ? v->ahead[h].g_per_kwh : most;
    }
    for (int h = 0; h < HOURS_AHEAD; h++) {
        const double g = v->ahead[h].g_per_kwh;
        if (isnan(g)) {
            continue;
        }
        const int width = most > 0 ? (int)(g / most * BAR_WIDTH + 0.5) : 0;
        printf("  %02d:00  %7.1f  ",
               (int)(sprout_instant_hour(v->ahead[h].start) % HOURS_AHEAD), g);
        for (int i = 0; i < width; i++) {
            putchar('#');
        }
        putchar('\n');
    }
}

static void print_view(const struct view *v)
{
    if (v->status != SPROUT_OK) {
        printf("no value for now: requests go at L0, grams stay unknown\n  %s\n",
               v->why.message);
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
    if (v->any_ahead) {
        printf("coming hours (UTC), g/kWh\n");
        print_bars(v);
    }
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
    for (int h = 0; h < HOURS_AHEAD; h++) {
        if (!isnan(v->ahead[h].g_per_kwh)) {
            json_t *const o = json_object();
            json_object_set_new(o, "start", moment(v->ahead[h].start));
            json_object_set_new(o, "g_per_kwh", json_real(v->ahead[h].g_per_kwh));
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

static void print_json(const struct view *v)
{
    enum sprout_status ignored;
    json_t *const o = json_object();
    json_object_set_new(o, "now", value_object(v));
    json_object_set_new(
        o, "why", v->status == SPROUT_OK ? json_null() : json_string(v->why.message));
    json_object_set_new(o, "ahead", ahead_array(v));
    json_object_set_new(o, "providers", providers_array(v, &ignored));
    dump(o);
}

/* ---- the commands ---------------------------------------------------------------------- */

enum sprout_status sprout_grid_show(const struct sprout_grid_args *a,
                                    const struct sprout_config *c)
{
    struct view v = {.grid = NULL};
    double last = NAN;
    enum sprout_status status = open_view(c, &v);

    if (status != SPROUT_OK) {
        return status;
    }
    do {
        const struct timespec pause = {.tv_sec = WATCH_SECONDS};
        look(&v);
        const bool same = v.status == SPROUT_OK && v.value.intensity.v == last;
        if (!same) {
            (a->json ? print_json : print_view)(&v);
            fflush(stdout);
        }
        last = v.status == SPROUT_OK ? v.value.intensity.v : (double)NAN;
        if (a->watch) {
            nanosleep(&pause, NULL);
        }
    } while (a->watch && !ferror(stdout));
    status = v.status;
    sprout_grid_free(v.grid);
    return status;
}

static enum sprout_status test_single(const struct view *v, bool json)
{
    if (json) {
        print_json(v);
    } else {
        print_view(v);
    }
    return v->status;
}

enum sprout_status sprout_grid_test(const struct sprout_grid_args *a,
                                    const struct sprout_config *c)
{
    struct view v = {.grid = NULL};
    enum sprout_status first = SPROUT_OK, status = open_view(c, &v);

    if (status != SPROUT_OK) {
        return status;
    }
    if (v.list == NULL) {
        look(&v);
        first = test_single(&v, a->json);
        sprout_grid_free(v.grid);
        return first;
    }
    (void)sprout_grid_try(v.list, true, sprout_span_seconds(LIMIT_SECONDS));
    v.now = sprout_clock_wall();
    if (a->json) {
        dump(providers_array(&v, &first));
    }
    for (size_t i = 0; !a->json && i < sprout_grid_list_count(v.list); i++) {
        char line[LINE_MAX_HERE];
        const struct sprout_grid_live_state s = sprout_grid_list_state(v.list, i);
        const enum sprout_status one =
            sprout_grid_try_line(v.list, i, v.now, line, sizeof line);
        printf("%-5s %-16s %-12s %s\n", one == SPROUT_OK ? "ok" : "FAIL", s.provider,
               s.zone, line);
        first = first == SPROUT_OK ? one : first;
    }
    sprout_grid_free(v.grid);
    return first;
}
