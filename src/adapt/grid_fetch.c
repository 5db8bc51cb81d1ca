/* SPDX-License-Identifier: Apache-2.0 */
/* grid_fetch.c - see grid_fetch.h.
 *
 *   FREE --start--> QUEUED --thread--> FLYING --thread--> LANDED --take--> FREE */
#include "adapt/grid_fetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/http.h"

enum { CONNECT_S = 5, TOTAL_S = 10, URL_MAX = 2048 };

enum state { FREE = 0, QUEUED, FLYING, LANDED };

struct place {
    enum state state; /* guarded by the mutex; all else belongs to who holds the state */
    struct sprout_grid_request request;
    bool keyed;
    const char *ca_file;
    char location[URL_MAX];
    char *body; /* owned; NULL until first used */
    struct sprout_http_call call;
};

struct sprout_grid_fetch {
    pthread_t thread;
    pthread_mutex_t lock; /* guards `state` of the places; the only one here */
    pthread_cond_t work;
    atomic_bool stop;
    struct place place[SPROUT_GRID_FETCH_MAX];
};

/* ---- the thread ------------------------------------------------------------------------ */

/* The first bytes of a URL that say where a key would go. */
static size_t origin_of(const char *url)
{
    const char *const host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
}

static bool same_origin(const char *a, const char *b)
{
    const size_t n = origin_of(a);
    return n > 0 && n == origin_of(b) && memcmp(a, b, n) == 0;
}

static bool is_redirect(const struct sprout_http_call *c)
{
    return c->status == SPROUT_OK && c->code >= 300 && c->code < 400 &&
           c->location.len > 0;
}

static void prepare(struct place *p, const char *url)
{
    p->call = (struct sprout_http_call){
        .url = url,
        .header = p->request.header[0] == '\0' ? NULL : p->request.header,
        .reply = sprout_buf_of(p->body, SPROUT_GRID_BODY_MAX),
        .location = sprout_buf_of(p->location, sizeof p->location - 1),
        .ca_file = p->ca_file,
    };
}

static void run(struct sprout_grid_fetch *f, struct sprout_http_call *calls, size_t n)
{
    const struct sprout_http_opts opts = {
        .connect_timeout = sprout_span_seconds(CONNECT_S),
        .timeout = sprout_span_seconds(TOTAL_S),
        .at_most = SPROUT_GRID_FETCH_MAX,
        .stop = &f->stop,
    };
    sprout_http_run(calls, n, &opts);
}

/* One more call where the reply was a redirect that may be followed. */
static void follow(struct sprout_grid_fetch *f, struct place *p)
{
    char url[URL_MAX];
    struct sprout_http_call *const c = &p->call;

    if (!is_redirect(c)) {
        return;
    }
    snprintf(url, sizeof url, "%.*s", (int)c->location.len, c->location.ptr);
    const bool downgrade =
        strncmp(c->url, "https:", 6) == 0 && strncmp(url, "https:", 6) != 0;
    if ((p->keyed && !same_origin(c->url, url)) || downgrade) {
        c->status = SPROUT_UNAVAILABLE;
        snprintf(c->why, sizeof c->why,
                 "redirected to another host (%.*s), where its key does not go",
                 (int)origin_of(url), url);
        return;
    }
    prepare(p, url);
    run(f, c, 1);
    if (is_redirect(c)) {
        c->status = SPROUT_UNAVAILABLE;
        snprintf(c->why, sizeof c->why, "redirected twice: expected at most once");
    }
    c->url = p->request.url;
}

/* The places that wait, now FLYING. */
static size_t take_queued(struct sprout_grid_fetch *f, size_t *out)
{
    size_t n = 0;

    pthread_mutex_lock(&f->lock);
    while (n == 0 && !atomic_load(&f->stop)) {
        for (size_t i = 0; i < SPROUT_GRID_FETCH_MAX; i++) {
            if (f->place[i].state == QUEUED) {
                f->place[i].state = FLYING;
                out[n++] = i;
            }
        }
        if (n == 0) {
            pthread_cond_wait(&f->work, &f->lock);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return n;
}

static void fly(struct sprout_grid_fetch *f, const size_t *which, size_t n)
{
    struct sprout_http_call calls[SPROUT_GRID_FETCH_MAX];

    for (size_t i = 0; i < n; i++) {
        struct place *const p = &f->place[which[i]];
        prepare(p, p->request.url);
        calls[i] = p->call;
    }
    run(f, calls, n);
    for (size_t i = 0; i < n; i++) {
        struct place *const p = &f->place[which[i]];
        p->call = calls[i];
        follow(f, p);
        pthread_mutex_lock(&f->lock);
        p->state = LANDED;
        pthread_mutex_unlock(&f->lock);
    }
}

static void *thread_main(void *ctx)
{
    struct sprout_grid_fetch *const f = ctx;
    size_t which[SPROUT_GRID_FETCH_MAX];
    size_t n;

    while ((n = take_queued(f, which)) > 0) {
        fly(f, which, n);
    }
    return NULL;
}

/* ---- the caller ------------------------------------------------------------------------ */

enum sprout_status sprout_grid_fetch_new(struct sprout_grid_fetch **out,
                                         struct sprout_error *err)
{
    sigset_t all, before;
    struct sprout_grid_fetch *const f = calloc(1, sizeof *f);

    if (f == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory to ask grid providers");
    }
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    sigfillset(&all); /* signals are the main thread's business */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&f->thread, NULL, thread_main, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        pthread_cond_destroy(&f->work);
        pthread_mutex_destroy(&f->lock);
        free(f);
        return sprout_fail(err, SPROUT_IO, "no thread to ask grid providers: %s",
                           strerror(failed));
    }
    *out = f;
    return SPROUT_OK;
}

void sprout_grid_fetch_free(struct sprout_grid_fetch *f)
{
    if (f == NULL) {
        return;
    }
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->stop, true);
    pthread_cond_signal(&f->work);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->work);
    pthread_mutex_destroy(&f->lock);
    for (size_t i = 0; i < SPROUT_GRID_FETCH_MAX; i++) {
        free(f->place[i].body);
    }
    free(f);
}

/* The caller's header of HTTP Basic from "USER:PASSWORD". */
static void encode_basic(char *header, size_t cap)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char plain[SPROUT_GRID_SECRET_MAX];
    const size_t n =
        (size_t)snprintf(plain, sizeof plain, "%.*s", SPROUT_GRID_SECRET_MAX - 1, header);
    struct sprout_buf b = sprout_buf_of(header, cap - 1);

    sprout_buf_put(&b, SPROUT_STR("Authorization: Basic "));
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)(unsigned char)plain[i] << 16 |
                           (left > 1 ? (uint32_t)(unsigned char)plain[i + 1] << 8 : 0) |
                           (left > 2 ? (uint32_t)(unsigned char)plain[i + 2] : 0);
        sprout_buf_byte(&b, digits[v >> 18]);
        sprout_buf_byte(&b, digits[v >> 12 & 63]);
        sprout_buf_byte(&b, left > 1 ? digits[v >> 6 & 63] : '=');
        sprout_buf_byte(&b, left > 2 ? digits[v & 63] : '=');
    }
    header[b.len] = '\0';
}

void sprout_grid_fetch_start(struct sprout_grid_fetch *f, size_t place,
                             const struct sprout_grid_request *request, bool keyed,
                             const char *ca_file)
{
    struct place *const p = &f->place[place];

    p->request = *request;
    p->keyed = keyed;
    p->ca_file = ca_file;
    if (request->basic) {
        encode_basic(p->request.header, sizeof p->request.header);
    }
    if (p->body == NULL) {
        p->body = malloc(SPROUT_GRID_BODY_MAX);
    }
    pthread_mutex_lock(&f->lock);
    if (p->body == NULL) {
        p->call = (struct sprout_http_call){.status = SPROUT_NO_MEMORY,
                                            .why = "no memory for an answer"};
        p->state = LANDED;
    } else {
        p->state = QUEUED;
        pthread_cond_signal(&f->work);
    }
    pthread_mutex_unlock(&f->lock);
}

bool sprout_grid_fetch_take(struct sprout_grid_fetch *f, size_t place,
                            struct sprout_grid_answer *out)
{
    struct place *const p = &f->place[place];

    pthread_mutex_lock(&f->lock);
    const bool landed = p->state == LANDED;
    if (landed) {
        p->state = FREE;
    }
    pthread_mutex_unlock(&f->lock);
    if (landed) {
        *out = (struct sprout_grid_answer){
            .code = p->call.status == SPROUT_OK ? p->call.code : 0,
            .body = sprout_buf_str(&p->call.reply),
            .retry_after = p->call.retry_after,
            .why = p->call.why,
        };
    }
    return landed;
}
