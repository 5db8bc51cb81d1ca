/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - see api.h. */
#include "control/api.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/address.h"

enum { BACKLOG = 64, IDLE_SECONDS = 30, PRIVATE_MASK = 0177 };

struct sprout_api {
    struct MHD_Daemon *mhd;
    sprout_api_snapshot_fn *snapshot;
    sprout_api_feedback_fn *feedback; /* NULL: not taken */
    void *ctx;
    int epoll_fd;
    char address[SPROUT_ADDRESS_TEXT];
    char socket_path[SPROUT_ADDRESS_TEXT]; /* to be removed at the end; "" for TCP */
    struct sprout_snapshot now;            /* too large for a stack */
    char answer[SPROUT_API_ANSWER_MAX];
};

/* ---- answers --------------------------------------------------------------------------- */

static unsigned answer_health(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    (void)s;
    sprout_buf_put(b, SPROUT_STR("ok\n"));
    return MHD_HTTP_OK;
}

static unsigned answer_ready(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    sprout_snapshot_put_ready(b, s);
    sprout_buf_byte(b, '\n');
    return sprout_snapshot_ready(s) ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned answer_status(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    sprout_snapshot_put(b, s);
    sprout_buf_byte(b, '\n');
    return MHD_HTTP_OK;
}

static unsigned answer_metrics(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    sprout_snapshot_put_metrics(b, s);
    return MHD_HTTP_OK;
}

static const struct {
    const char *path;
    const char *type;
    unsigned (*answer)(struct sprout_buf *b, const struct sprout_snapshot *s);
} routes[] = {
    {"/healthz", "text/plain; charset=utf-8", answer_health},
    {"/readyz", "application/json", answer_ready},
    {"/v1/status", "application/json", answer_status},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", answer_metrics},
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned code, const char *type,
                             struct sprout_str body)
{
    union { /* the library's type is not const, but it copies */
        const char *in;
        void *out;
    } bytes = {.in = body.ptr};
    struct MHD_Response *const r =
        MHD_create_response_from_buffer(body.len, bytes.out, MHD_RESPMEM_MUST_COPY);

    if (r == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    const enum MHD_Result result = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return result;
}

/* Names that mean this machine; a port may follow. */
static bool is_local_host(const char *host)
{
    const struct sprout_str all = sprout_str_of(host);
    struct sprout_str name = {all.ptr, 0};

    if (host == NULL) {
        return true; /* HTTP/1.0: no browser */
    }
    while (name.len < all.len &&
           (all.ptr[name.len] != ':' || (all.ptr[0] == '[' && name.len < 5))) {
        name.len++;
    }
    if (sprout_str_ieq(name, SPROUT_STR("localhost")) ||
        sprout_str_eq(name, SPROUT_STR("[::1]"))) {
        return true;
    }
    return sprout_str_starts(name, SPROUT_STR("127.")) &&
           strspn(name.ptr, "0123456789.") == name.len;
}

/* A page of another site that makes a browser post here says so in Origin. */
static bool is_local_origin(const char *origin)
{
    const char *const host = origin == NULL ? NULL : strstr(origin, "://");
    return origin == NULL || (host != NULL && is_local_host(host + 3));
}

/* The body of a POST, as it comes; from malloc, freed by on_done. */
struct body {
    size_t len;
    bool too_long;
    char bytes[SPROUT_API_BODY_MAX];
};

static void put_bytes(struct body *b, const char *bytes, size_t n)
{
    b->too_long = b->too_long || n > sizeof b->bytes - b->len;
    if (!b->too_long) {
        memcpy(b->bytes + b->len, bytes, n);
        b->len += n;
    }
}

static enum MHD_Result take_feedback(struct sprout_api *api, struct MHD_Connection *c,
                                     const struct body *body)
{
    struct sprout_error err = {.message = ""};
    struct sprout_buf b = sprout_buf_of(api->answer, sizeof api->answer);

    if (!is_local_host(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host")) ||
        !is_local_origin(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin"))) {
        return reply(c, MHD_HTTP_FORBIDDEN, "text/plain",
                     SPROUT_STR("Host and Origin must be this machine's loopback\n"));
    }
    if (body->too_long) {
        return reply(c, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain",
                     SPROUT_STR("a feedback has at most 4096 bytes\n"));
    }
    const struct sprout_str text = {body->bytes, body->len};
    const enum sprout_status status = api->feedback(api->ctx, text, &b, &err);
    if (status == SPROUT_OK) {
        return reply(c, MHD_HTTP_OK, "application/json", sprout_buf_str(&b));
    }
    b.len = 0;
    sprout_buf_put(&b, SPROUT_STR("{\"error\":"));
    sprout_buf_json(&b, sprout_str_of(err.message));
    sprout_buf_put(&b, SPROUT_STR("}\n"));
    return reply(
        c, status == SPROUT_INVALID ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE,
        "application/json", sprout_buf_str(&b));
}

static void on_done(void *ctx, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    (void)ctx;
    (void)c;
    (void)why;
    free(*state);
    *state = NULL;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    struct sprout_api *const api = ctx;
    (void)version;
    if (*state == NULL) { /* first call: headers only */
        *state = calloc(1, sizeof(struct body));
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*upload_size > 0) {
        put_bytes(*state, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (api->feedback != NULL && strcmp(url, "/v1/feedback") == 0) {
        return strcmp(method, "POST") == 0
                   ? take_feedback(api, c, *state)
                   : reply(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                           SPROUT_STR("only POST is known here\n"));
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return reply(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                     SPROUT_STR("only GET is known here\n"));
    }
    if (!is_local_host(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"))) {
        return reply(c, MHD_HTTP_FORBIDDEN, "text/plain",
                     SPROUT_STR("the Host must be this machine's loopback\n"));
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(url, routes[i].path) != 0) {
            continue;
        }
        struct sprout_buf b = sprout_buf_of(api->answer, sizeof api->answer);
        api->snapshot(api->ctx, &api->now);
        const unsigned code = routes[i].answer(&b, &api->now);
        if (b.full) {
            return reply(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain",
                         SPROUT_STR("the answer is too large\n"));
        }
        return reply(c, code, routes[i].type, sprout_buf_str(&b));
    }
    return reply(
        c, MHD_HTTP_NOT_FOUND, "text/plain",
        SPROUT_STR(
            "not there; try /healthz /readyz /v1/status /metrics, POST /v1/feedback\n"));
}

/* ---- listening ------------------------------------------------------------------------- */

/* A socket file that nobody listens on is left over from a process that was killed. */
static void remove_stale(const struct sockaddr_un *sun)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) != 0 &&
        errno == ECONNREFUSED) {
        unlink(sun->sun_path);
    }
    close(fd);
}

static enum sprout_status listen_unix(struct sprout_api *api, const char *path,
                                      int *out_fd, struct sprout_error *err)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof sun.sun_path) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the socket path %.60s... is too long: at most %zu bytes",
                           path, sizeof sun.sun_path - 1);
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    remove_stale(&sun);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return sprout_fail(err, SPROUT_IO, "no socket: %s", strerror(errno));
    }
    const mode_t before = umask(PRIVATE_MASK);
    const bool listening = bind(fd, (const struct sockaddr *)&sun, sizeof sun) == 0 &&
                           listen(fd, BACKLOG) == 0;
    const int why = errno;
    umask(before);
    if (!listening) {
        close(fd);
        return sprout_fail(err, why == EADDRINUSE ? SPROUT_BUSY : SPROUT_IO,
                           "cannot listen on %s for the admin API: %s", path,
                           strerror(why));
    }
    snprintf(api->socket_path, sizeof api->socket_path, "%s", path);
    *out_fd = fd;
    return SPROUT_OK;
}

static enum sprout_status listen_tcp(struct sprout_api *api, const char *address,
                                     int *out_fd, struct sprout_error *err)
{
    struct sprout_address where;
    enum sprout_status status = sprout_address_find(address, &where, err);

    if (status == SPROUT_OK && !sprout_address_is_loopback(&where)) {
        status =
            sprout_fail(err, SPROUT_INVALID,
                        "admin address '%.100s' is not a loopback address: the admin "
                        "API has no password, so use 127.0.0.1:PORT or unix:PATH",
                        address);
    }
    if (status == SPROUT_OK) {
        status = sprout_address_listen(address, out_fd, &where, err);
    }
    if (status == SPROUT_OK) {
        (void)sprout_address_text(&where, api->address); /* else as it was given */
    }
    return status;
}

/* ---- life ------------------------------------------------------------------------------ */

static enum sprout_status start_mhd(struct sprout_api *api, int fd,
                                    struct sprout_error *err)
{
    api->mhd = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, api, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SPROUT_API_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    const union MHD_DaemonInfo *const info =
        api->mhd == NULL ? NULL : MHD_get_daemon_info(api->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return sprout_fail(err, SPROUT_IO, "cannot start the admin API");
    }
    api->epoll_fd = info->epoll_fd;
    return SPROUT_OK;
}

enum sprout_status sprout_api_new(const char *address, sprout_api_snapshot_fn *snapshot,
                                  void *ctx, struct sprout_api **out,
                                  struct sprout_error *err)
{
    static const char unix_prefix[] = "unix:";
    const bool is_unix = sprout_str_starts(sprout_str_of(address), SPROUT_STR("unix:"));
    struct sprout_api *const api = calloc(1, sizeof *api);
    int fd = -1;

    if (api == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the admin API");
    }
    api->snapshot = snapshot;
    api->ctx = ctx;
    snprintf(api->address, sizeof api->address, "%s", address);
    enum sprout_status status =
        is_unix ? listen_unix(api, address + sizeof unix_prefix - 1, &fd, err)
                : listen_tcp(api, address, &fd, err);
    if (status == SPROUT_OK) {
        status = start_mhd(api, fd, err);
        if (status != SPROUT_OK && api->mhd == NULL) {
            close(fd); /* else it is the library's */
        }
    }
    if (status != SPROUT_OK) {
        sprout_api_free(api);
        return status;
    }
    *out = api;
    return SPROUT_OK;
}

void sprout_api_on_feedback(struct sprout_api *api, sprout_api_feedback_fn *take)
{
    api->feedback = take;
}

void sprout_api_free(struct sprout_api *api)
{
    if (api == NULL) {
        return;
    }
    if (api->mhd != NULL) {
        MHD_stop_daemon(api->mhd);
    }
    if (api->socket_path[0] != '\0') {
        unlink(api->socket_path);
    }
    free(api);
}

const char *sprout_api_address(const struct sprout_api *api)
{
    return api->address;
}

int sprout_api_fd(const struct sprout_api *api)
{
    return api->epoll_fd;
}

void sprout_api_run(struct sprout_api *api)
{
    MHD_run(api->mhd);
}

int sprout_api_timeout_ms(const struct sprout_api *api, int at_most)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(api->mhd, &ms) == MHD_YES &&
        ms < (MHD_UNSIGNED_LONG_LONG)at_most) {
        return (int)ms;
    }
    return at_most;
}
