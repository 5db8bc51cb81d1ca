/* SPDX-License-Identifier: Apache-2.0 */
/* metering.c - see metering.h. */
#include "control/metering.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/clock.h"
#include "adapt/log.h"
#include "adapt/meter.h"
#include "adapt/server_tokens.h"
#include "base/hash.h"

enum {
    QUEUE = 1024,      /* windows from the thread */
    REQUESTS = 16384,  /* known and not settled yet */
    WINDOWS = 8192,    /* an hour of half seconds */
    ANSWERS = 1 << 16, /* settled lines remembered for ingest */
    LINES_PER_TURN = 8000,
    LINE_MEMORY = 32 * 1024,
    WINDOW_MS = 500,
    PACED_WINDOW_MS = 60 * 1000, /* a source that does not move for so long is at rest */
    REOPEN_SECONDS = 5,
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
};

struct answer {
    int64_t id;
    int64_t uj;
    bool known;
};

struct sprout_metering {
    struct sprout_meter_opts
        opts[SPROUT_METERS_MAX]; /* texts: the configuration's copy */
    size_t count;
    double idle_watts;
    sprout_span settle;
    char *server_metrics; /* owned; "": not asked */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* from here: under the lock */
    struct sprout_attribute_window queue[QUEUE];
    size_t first, queued;
    struct sprout_metering_state state;

    struct sprout_journal *ahead; /* from here: the daemon's */
    struct sprout_attribute *engine;
    void *engine_memory;
    struct answer *answers;
    char line_memory[LINE_MEMORY];
};

/* ---- the thread ------------------------------------------------------------------------ */

struct reading {
    struct sprout_meters *meters;
    sprout_instant start; /* of the window */
    int64_t uj;
    bool base; /* `start` is good */
    bool gap;
    sprout_tokens prompt, output; /* the server's counters at the window's start */
};

/* What the counter grew by; unknown after a restart of the server, or without it. */
static sprout_tokens grown(sprout_tokens from, sprout_tokens to)
{
    const bool known = sprout_tokens_known(from) && sprout_tokens_known(to);
    return known && to.n >= from.n ? (sprout_tokens){to.n - from.n}
                                   : SPROUT_TOKENS_UNKNOWN;
}

static void push(struct sprout_metering *m, const struct reading *r, sprout_instant end,
                 const struct reading *next)
{
    const double seconds = (double)(end.ns - r->start.ns) / SPROUT_NS_PER_SECOND;
    const struct sprout_attribute_window w = {
        .start = r->start,
        .end = end,
        .energy = {r->gap ? -1 : r->uj},
        .idle = {isnan(m->idle_watts) ? -1
                                      : (int64_t)llround(m->idle_watts * seconds * 1e6)},
        .prompt = grown(r->prompt, next->prompt),
        .output = grown(r->output, next->output),
    };
    pthread_mutex_lock(&m->lock);
    if (m->queued == QUEUE) {
        m->first = (m->first + 1) % QUEUE;
        m->queued--;
    }
    m->queue[(m->first + m->queued++) % QUEUE] = w;
    m->state.watts = r->gap ? NAN : (double)r->uj / 1e6 / seconds;
    pthread_mutex_unlock(&m->lock);
}

static void say(struct sprout_metering *m, bool up, const char *error)
{
    pthread_mutex_lock(&m->lock);
    const bool news = strcmp(m->state.error, error) != 0;
    m->state.up = up;
    snprintf(m->state.error, sizeof m->state.error, "%s", error);
    pthread_mutex_unlock(&m->lock);
    if (news && error[0] != '\0') {
        sprout_log_warn("meter", "%s; what cannot be measured is modelled", error);
    }
}

/* The window is over: where readings come at their source's pace, when it moved. */
static bool is_over(const struct reading *r, sprout_instant now)
{
    const int64_t ms = (now.ns - r->start.ns) / NS_PER_MS;
    if (r->gap) {
        return true;
    }
    if (sprout_meters_paced(r->meters)) {
        return r->uj > 0 || ms >= PACED_WINDOW_MS;
    }
    return ms >= WINDOW_MS;
}

static void read_once(struct sprout_metering *m, struct reading *r)
{
    struct sprout_error err = {.message = ""};
    sprout_microjoules uj = {0};
    const enum sprout_status status =
        sprout_meters_read(r->meters, sprout_clock_mono(), &uj, &err);
    const sprout_instant now = sprout_clock_wall();

    say(m, status == SPROUT_OK || !r->base,
        status == SPROUT_OK || !r->base ? "" : err.message);
    r->gap = r->gap || status != SPROUT_OK;
    r->uj += uj.v;
    if (r->base && !is_over(r, now)) {
        return;
    }
    struct reading next = {.meters = r->meters,
                           .start = now,
                           .base = true,
                           .prompt = SPROUT_TOKENS_UNKNOWN,
                           .output = SPROUT_TOKENS_UNKNOWN};
    if (m->server_metrics[0] != '\0' &&
        sprout_server_tokens(m->server_metrics, &next.prompt, &next.output, &err) !=
            SPROUT_OK &&
        status == SPROUT_OK) {
        say(m, true, err.message);
    }
    if (r->base) {
        push(m, r, now, &next);
    }
    *r = next;
}

/* Half a second and more without a meter is a gap like any other. */
static void try_open(struct sprout_metering *m, struct reading *r)
{
    struct sprout_error err = {.message = ""};
    const sprout_instant now = sprout_clock_wall();

    if (sprout_meters_open(m->opts, m->count, &r->meters, &err) == SPROUT_OK) {
        pthread_mutex_lock(&m->lock);
        snprintf(m->state.method, sizeof m->state.method, "%s",
                 sprout_meters_method(r->meters));
        sprout_meter_parts_text(sprout_meters_covers(r->meters), m->state.covers,
                                sizeof m->state.covers);
        pthread_mutex_unlock(&m->lock);
        r->base = false;
        return;
    }
    say(m, false, err.message);
    const struct reading next = {.start = now,
                                 .base = true,
                                 .prompt = SPROUT_TOKENS_UNKNOWN,
                                 .output = SPROUT_TOKENS_UNKNOWN};
    if (r->base) {
        r->gap = true;
        push(m, r, now, &next);
    }
    *r = next;
}

/* Waits; true: it is time to end. */
static bool wait_for(struct sprout_metering *m, sprout_span span)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + span.ns;
    until.tv_sec += ns / SPROUT_NS_PER_SECOND;
    until.tv_nsec = ns % SPROUT_NS_PER_SECOND;
    pthread_mutex_lock(&m->lock);
    int rc = 0;
    while (!m->stop && rc == 0) {
        rc = pthread_cond_timedwait(&m->wake, &m->lock, &until);
    }
    const bool stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

static void *run(void *arg)
{
    struct sprout_metering *const m = arg;
    struct reading r = {.meters = NULL};
    sprout_span span;
    do {
        if (r.meters == NULL) {
            try_open(m, &r);
        }
        if (r.meters != NULL) {
            read_once(m, &r);
        }
        span = r.meters != NULL ? sprout_meters_interval(r.meters)
                                : sprout_span_seconds(REOPEN_SECONDS);
    } while (!wait_for(m, span));
    sprout_meters_close(r.meters);
    return NULL;
}

/* ---- starting and ending --------------------------------------------------------------- */

static const char **texts_of(struct sprout_meter_opts *o, size_t i)
{
    const char **const all[] = {&o->kind,   &o->sysfs_root, &o->library, &o->url,
                                &o->preset, &o->metric,     &o->labels,  &o->device};
    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

/* The configuration may be replaced while the thread runs: texts of its own. */
static bool copy_opts(struct sprout_metering *m, const struct sprout_config *c)
{
    m->server_metrics = strdup(c->metering.server_metrics);
    bool good = m->server_metrics != NULL;
    m->count = c->meters_count;
    for (size_t i = 0; i < m->count; i++) {
        m->opts[i] = sprout_config_meter_opts(c, i);
        const char **text;
        for (size_t k = 0; (text = texts_of(&m->opts[i], k)) != NULL; k++) {
            *text = strdup(*text == NULL ? "" : *text);
            good = good && *text != NULL;
        }
    }
    return good;
}

static bool make_engine(struct sprout_metering *m, const struct sprout_config *c)
{
    const struct sprout_attribute_opts o = {
        .requests = REQUESTS,
        .windows = WINDOWS,
        .prompt_weight = c->metering.prompt_weight,
        .output_weight = c->metering.output_weight,
        .hold = m->settle,
    };
    m->engine_memory = malloc(sprout_attribute_size(&o));
    m->answers = calloc(ANSWERS, sizeof *m->answers);
    if (m->engine_memory == NULL || m->answers == NULL) {
        return false;
    }
    m->engine = sprout_attribute_init(m->engine_memory, &o);
    return true;
}

static enum sprout_status start_thread(struct sprout_metering *m,
                                       struct sprout_error *err)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, &attr);
    pthread_condattr_destroy(&attr);
    const int rc = pthread_create(&m->thread, NULL, run, m);
    m->started = rc == 0;
    return rc == 0 ? SPROUT_OK
                   : sprout_fail(err, SPROUT_IO, "no thread for the meters: %s",
                                 strerror(rc));
}

enum sprout_status sprout_metering_new(const struct sprout_config *config,
                                       const char *journal,
                                       const struct sprout_journal_position *from,
                                       struct sprout_metering **out,
                                       struct sprout_error *err)
{
    struct sprout_metering *const m = calloc(1, sizeof *m);
    if (m == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for metering");
    }
    m->idle_watts = config->metering.idle_watts;
    m->settle = sprout_span_seconds(config->metering.settle_s);
    m->state.watts = NAN;
    enum sprout_status status =
        copy_opts(m, config) && make_engine(m, config)
            ? sprout_journal_open(journal, from, &m->ahead, err)
            : sprout_fail(err, SPROUT_NO_MEMORY, "no memory for metering");
    if (status == SPROUT_OK) {
        status = start_thread(m, err);
    }
    if (status != SPROUT_OK) {
        sprout_metering_free(m);
        return status;
    }
    *out = m;
    return SPROUT_OK;
}

void sprout_metering_free(struct sprout_metering *m)
{
    if (m == NULL) {
        return;
    }
    if (m->started) {
        pthread_mutex_lock(&m->lock);
        m->stop = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->thread, NULL);
        pthread_cond_destroy(&m->wake);
        pthread_mutex_destroy(&m->lock);
    }
    sprout_journal_close(m->ahead);
    for (size_t i = 0; i < m->count; i++) {
        const char **text;
        for (size_t k = 0; (text = texts_of(&m->opts[i], k)) != NULL; k++) {
            free((void *)*text);
        }
    }
    free(m->server_metrics);
    free(m->engine_memory);
    free(m->answers);
    free(m);
}

/* ---- a turn of the daemon -------------------------------------------------------------- */

static int64_t id_of(const struct sprout_record *r)
{
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){0, 0});
    sprout_hash_feed(&h, r->worker.ptr, r->worker.len);
    sprout_hash_u64(&h, (uint64_t)r->seq);
    return (int64_t)sprout_hash_end(h);
}

static void take_windows(struct sprout_metering *m)
{
    pthread_mutex_lock(&m->lock);
    for (; m->queued > 0; m->queued--) {
        (void)sprout_attribute_add_window(m->engine, &m->queue[m->first]);
        m->first = (m->first + 1) % QUEUE;
    }
    pthread_mutex_unlock(&m->lock);
}

static sprout_instant end_of(const struct sprout_record *r)
{
    const int64_t us = r->duration_us > 0 ? r->duration_us : 0;
    return (sprout_instant){r->time.ns + us * NS_PER_US};
}

/* Streams tell when the first token came; a reply in one piece only when all were there. */
static void take_record(struct sprout_metering *m, const struct sprout_record *r)
{
    const bool first_known = r->stream && r->ttfb_us >= 0 && r->ttfb_us < r->duration_us;
    const int64_t cached = r->usage.cached.n > 0 ? r->usage.cached.n : 0;
    const struct sprout_attribute_request q = {
        .id = id_of(r),
        .start = r->time,
        .first = {r->time.ns + (first_known ? r->ttfb_us * NS_PER_US : 0)},
        .end = end_of(r),
        .prompt = {r->usage.prompt.n >= cached ? r->usage.prompt.n - cached
                                               : r->usage.prompt.n},
        .output = r->usage.completion,
    };
    (void)sprout_attribute_add_request(m->engine, &q);
}

static void read_ahead(struct sprout_metering *m, sprout_mono mono)
{
    struct sprout_journal_line line;
    struct sprout_record record;

    for (int i = 0; i < LINES_PER_TURN; i++) {
        struct sprout_arena arena =
            sprout_arena_of(m->line_memory, sizeof m->line_memory);
        if (sprout_journal_next(m->ahead, mono, &line, NULL) != SPROUT_OK) {
            return;
        }
        if (line.whole &&
            sprout_record_read(line.text, &arena, &record, NULL) == SPROUT_OK) {
            take_record(m, &record);
        }
    }
}

static void on_settled(void *ctx, int64_t id, sprout_microjoules energy)
{
    struct sprout_metering *const m = ctx;
    m->answers[(uint64_t)id % ANSWERS] =
        (struct answer){.id = id, .uj = energy.v, .known = true};
}

void sprout_metering_turn(struct sprout_metering *m, sprout_mono mono,
                          sprout_instant wall)
{
    take_windows(m);
    read_ahead(m, mono);
    sprout_attribute_run(m->engine, wall, on_settled, m);
}

bool sprout_metering_ripe(const struct sprout_metering *m, const struct sprout_record *r,
                          sprout_instant wall, sprout_microjoules *out)
{
    const int64_t id = id_of(r);
    const struct answer *const a = &m->answers[(uint64_t)id % ANSWERS];
    const sprout_span patience = {m->settle.ns +
                                  SPROUT_ATTRIBUTE_PATIENCE_S * SPROUT_NS_PER_SECOND};
    out->v = -1;
    if (a->known && a->id == id) {
        out->v = a->uj;
        return true;
    }
    const int64_t waited = wall.ns - end_of(r).ns;
    return waited > patience.ns + SPROUT_NS_PER_SECOND ||
           waited < -patience.ns; /* of another clock */
}

const char *sprout_metering_method(struct sprout_metering *m)
{
    return m->state.method; /* written once, before any window */
}

void sprout_metering_state(struct sprout_metering *m, struct sprout_metering_state *out)
{
    pthread_mutex_lock(&m->lock);
    *out = m->state;
    pthread_mutex_unlock(&m->lock);
    out->totals = sprout_attribute_totals(m->engine);
}
