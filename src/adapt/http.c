/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - see http.h; libcurl does the work, one multi handle a run. */
#include "adapt/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/clock.h"
#include "adapt/file.h"

enum {
    NS_PER_MS = 1000000,
    CONNECT_MS = 10000,
    TOTAL_MS = 600000,
    WAIT_MS = 100, /* how soon `stop` is noticed */
    KEY_MAX = 4096,
    HEADER_MAX = KEY_MAX + 32,
};

/* One call on its way. */
struct flight {
    CURL *curl; /* NULL: not under way */
    struct curl_slist *headers;
    struct sprout_http_call *call;
    sprout_mono began;
    char detail[CURL_ERROR_SIZE]; /* what is wrong with a certificate */
};

/* ---- what is told of a URL ------------------------------------------------------------- */

/* Scheme, host and path; neither user nor query. */
static void put_place(struct sprout_buf *b, const char *url)
{
    const char *const scheme = strstr(url, "://");
    const char *const host = scheme == NULL ? url : scheme + 3;
    const size_t authority = strcspn(host, "/?#");
    const char *const at = memchr(host, '@', authority);
    const char *const from = at == NULL ? host : at + 1;
    sprout_buf_put(b, (struct sprout_str){from, strcspn(from, "?#")});
}

static void fail(struct sprout_http_call *call, enum sprout_status status,
                 const char *what)
{
    char place[SPROUT_HTTP_WHY_MAX / 2];
    struct sprout_buf b = sprout_buf_of(place, sizeof place);
    put_place(&b, call->url);
    call->status = status;
    snprintf(call->why, sizeof call->why, "%.*s: %s", (int)b.len, place, what);
}

/* ---- one call -------------------------------------------------------------------------- */

/* curl's type for it. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take(char *bytes, size_t size, size_t count, void *ctx)
{
    struct sprout_http_call *const call = ctx;
    sprout_buf_put(&call->reply, (struct sprout_str){bytes, size * count});
    return call->reply.full ? 0 : size * count;
}

static bool add_header(struct flight *f, const char *text)
{
    struct curl_slist *const longer = curl_slist_append(f->headers, text);
    if (longer != NULL) {
        f->headers = longer;
    }
    return longer != NULL;
}

static bool add_headers(struct flight *f)
{
    char line[HEADER_MAX];
    const struct sprout_http_call *const c = f->call;
    bool good = true;

    if (c->body.ptr != NULL) {
        good =
            add_header(f, "Content-Type: application/json") && add_header(f, "Expect:");
    }
    if (good && c->header != NULL) {
        good = add_header(f, c->header);
    }
    if (good && c->bearer != NULL && c->bearer[0] != '\0') {
        snprintf(line, sizeof line, "Authorization: Bearer %.*s", KEY_MAX, c->bearer);
        good = add_header(f, line);
    }
    return good;
}

static long ms_of(sprout_span s, long otherwise)
{
    return s.ns <= 0 ? otherwise : (long)(s.ns / NS_PER_MS);
}

static bool start(struct flight *f, struct sprout_http_call *call,
                  const struct sprout_http_opts *opts)
{
    CURL *const curl = curl_easy_init();
    *f = (struct flight){.curl = curl, .call = call, .began = sprout_clock_mono()};

    call->code = 0;
    call->why[0] = '\0';
    call->retry_after.ns = -1;
    if (curl == NULL || !add_headers(f)) {
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     ms_of(opts->connect_timeout, CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms_of(opts->timeout, TOTAL_MS));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, f->detail);
    if (call->ca_file != NULL && call->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, call->ca_file);
    }
    if (call->body.ptr != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    return true;
}

static void land(struct flight *f)
{
    curl_easy_cleanup(f->curl);
    curl_slist_free_all(f->headers);
    *f = (struct flight){0};
}

static void keep_location(const struct flight *f)
{
    char *url = NULL;
    if (f->call->location.cap > 0 &&
        curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_URL, &url) == CURLE_OK &&
        url != NULL) {
        sprout_buf_put(&f->call->location, sprout_str_of(url));
    }
}

static void finish(struct flight *f, CURLcode result)
{
    struct sprout_http_call *const call = f->call;
    long code = 0;
    curl_off_t after = 0;

    assert(call != NULL); /* found by its handle, so it is under way */
    call->took.ns = sprout_clock_mono().ns - f->began.ns;
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &code);
    if (curl_easy_getinfo(f->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK &&
        after > 0) {
        call->retry_after = sprout_span_seconds((int64_t)after);
    }
    keep_location(f);
    if (call->reply.full) {
        fail(call, SPROUT_LIMIT, "the answer is larger than is read of it");
    } else if (result != CURLE_OK) {
        const bool certificate =
            result == CURLE_PEER_FAILED_VERIFICATION && f->detail[0] != '\0';
        fail(call, SPROUT_UNAVAILABLE,
             certificate ? f->detail : curl_easy_strerror(result));
    } else {
        call->status = SPROUT_OK;
        call->code = (int)code;
    }
}

/* ---- all of them ----------------------------------------------------------------------- */

struct run {
    CURLM *multi;
    struct flight *flight;
    size_t flights;
    const struct sprout_http_opts *opts;
};

static void tell(const struct run *r, struct sprout_http_call *call)
{
    if (r->opts->done != NULL) {
        r->opts->done(r->opts->ctx, call);
    }
}

static void take_ended(struct run *r)
{
    int left = 0;
    const CURLMsg *m;

    while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
        for (size_t i = 0; m->msg == CURLMSG_DONE && i < r->flights; i++) {
            if (r->flight[i].curl != m->easy_handle) {
                continue;
            }
            struct sprout_http_call *const call = r->flight[i].call;
            finish(&r->flight[i], m->data.result);
            curl_multi_remove_handle(r->multi, r->flight[i].curl);
            land(&r->flight[i]);
            tell(r, call);
            break;
        }
    }
}

/* Puts the next calls into free places; how many were taken from `calls`. */
static size_t fill(struct run *r, struct sprout_http_call *calls, size_t count)
{
    size_t taken = 0;

    for (size_t i = 0; i < r->flights && taken < count; i++) {
        struct flight *const f = &r->flight[i];
        if (f->curl != NULL) {
            continue;
        }
        struct sprout_http_call *const call = &calls[taken++];
        if (!start(f, call, r->opts) || curl_multi_add_handle(r->multi, f->curl) != 0) {
            land(f);
            fail(call, SPROUT_NO_MEMORY, "no memory for a request");
            tell(r, call);
        }
    }
    return taken;
}

static bool stopped(const struct run *r)
{
    return r->opts->stop != NULL && atomic_load(r->opts->stop);
}

static bool any(const struct run *r)
{
    for (size_t i = 0; i < r->flights; i++) {
        if (r->flight[i].curl != NULL) {
            return true;
        }
    }
    return false;
}

/* What has not ended ends here. */
static void give_up(struct run *r, struct sprout_http_call *calls, size_t count,
                    const char *why)
{
    for (size_t i = 0; i < r->flights; i++) {
        if (r->flight[i].curl != NULL) {
            struct sprout_http_call *const call = r->flight[i].call;
            curl_multi_remove_handle(r->multi, r->flight[i].curl);
            land(&r->flight[i]);
            fail(call, SPROUT_UNAVAILABLE, why);
            tell(r, call);
        }
    }
    for (size_t i = 0; i < count; i++) {
        fail(&calls[i], SPROUT_UNAVAILABLE, why);
        tell(r, &calls[i]);
    }
}

void sprout_http_run(struct sprout_http_call *calls, size_t count,
                     const struct sprout_http_opts *opts)
{
    struct flight flight[SPROUT_HTTP_CALLS_MAX] = {0};
    const size_t most = opts->at_most <= 0 ? 1 : (size_t)opts->at_most;
    struct run r = {
        .multi = curl_multi_init(),
        .flight = flight,
        .flights = most < SPROUT_HTTP_CALLS_MAX ? most : SPROUT_HTTP_CALLS_MAX,
        .opts = opts,
    };
    size_t at = 0;

    while (r.multi != NULL && !stopped(&r)) {
        int running = 0;
        if (opts->enough != NULL && *opts->enough) {
            for (; at < count; at++) {
                fail(&calls[at], SPROUT_UNAVAILABLE, "not asked");
            }
        }
        at += fill(&r, calls + at, count - at);
        if (curl_multi_perform(r.multi, &running) != CURLM_OK) {
            break;
        }
        take_ended(&r);
        if (!any(&r) && at == count) {
            break;
        }
        if (running > 0 && curl_multi_poll(r.multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK) {
            break;
        }
    }
    give_up(&r, calls + at, count - at,
            stopped(&r) ? "stopped" : "no memory for a request");
    curl_multi_cleanup(r.multi);
}

/* ---- keys ------------------------------------------------------------------------------ */

static bool is_key(struct sprout_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.ptr[i] <= ' ' || (unsigned char)key.ptr[i] > '~') {
            return false;
        }
    }
    return key.len > 0 && key.len <= KEY_MAX;
}

static enum sprout_status keep_key(struct sprout_str key, const char *what,
                                   const char *where, char **out_key,
                                   struct sprout_error *err)
{
    if (!is_key(key)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s %.200s holds no key: expected one line of printable ASCII",
                           what, where);
    }
    char *const copy = calloc(1, key.len + 1);
    if (copy == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a key");
    }
    memcpy(copy, key.ptr, key.len);
    *out_key = copy;
    return SPROUT_OK;
}

enum sprout_status sprout_http_key(const char *file, const char *name, char **out_key,
                                   struct sprout_error *err)
{
    struct sprout_file f = {0};

    if (file != NULL && file[0] != '\0') {
        enum sprout_status status = sprout_file_read(file, KEY_MAX + 2, &f, err);
        if (status == SPROUT_OK) {
            const struct sprout_str line = {f.bytes, strcspn(f.bytes, "\r\n")};
            status = keep_key(sprout_str_trim(line), "the key file", file, out_key, err);
        }
        sprout_file_free(&f);
        return status;
    }
    const char *const value = name == NULL || name[0] == '\0' ? NULL : getenv(name);
    if (value == NULL || value[0] == '\0') {
        *out_key = calloc(1, 1);
        return *out_key == NULL
                   ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a key")
                   : SPROUT_OK;
    }
    return keep_key(sprout_str_trim(sprout_str_of(value)), "the environment variable",
                    name, out_key, err);
}
