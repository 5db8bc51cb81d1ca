/* SPDX-License-Identifier: Apache-2.0 */
/* nginx_conf.c - one template, filled in and checked; see nginx_conf.h.
 *
 * nginx reads some directives with variables inside ($) and all of them with quotes and
 * escapes, so a value with such a byte is refused instead of escaped: no path or URL needs
 * one, and a configuration that means something else would be worse than none. */
#include "control/nginx_conf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULE_NAME "ngx_http_sprout_module.so"

struct upstream {
    bool tls;
    struct sprout_str authority; /* HOST[:PORT] as given */
    struct sprout_str host;
    struct sprout_str path; /* without a trailing slash; empty: none */
    char block[48];         /* its name in nginx.conf */
    const char *location;   /* "/", or "/eu/", which does not go upstream */
    const char *zone;       /* "": the policy's own */
};

static enum sprout_status check_text(const char *what, const char *text,
                                     struct sprout_error *err)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || strchr("\"\\$", *at) != NULL) {
            return sprout_fail(
                err, SPROUT_INVALID,
                "%s is '%.80s': expected no quotes, backslashes, dollars or "
                "control characters",
                what, text);
        }
    }
    return text[0] != '\0' ? SPROUT_OK
                           : sprout_fail(err, SPROUT_INVALID, "%s is empty", what);
}

static enum sprout_status split_url(const char *url, struct upstream *out,
                                    struct sprout_error *err)
{
    const struct sprout_str all = sprout_str_of(url);
    struct upstream u = {.tls = sprout_str_starts(all, SPROUT_STR("https://"))};
    if (!u.tls && !sprout_str_starts(all, SPROUT_STR("http://"))) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "upstream is '%.80s': expected http://HOST:PORT or https://...", url);
    }
    if (url[strcspn(url, " ;{}'#?@")] != '\0') { /* it stands there without quotes */
        return sprout_fail(
            err, SPROUT_INVALID,
            "upstream is '%.80s': expected scheme, host, port and path only", url);
    }
    const char *const from = url + (u.tls ? 8 : 7);
    u.authority = (struct sprout_str){from, strcspn(from, "/")};
    u.path = sprout_str_of(from + u.authority.len);
    while (u.path.len > 0 && u.path.ptr[u.path.len - 1] == '/') {
        u.path.len--;
    }
    u.host = u.authority;
    if (from[0] == '[') { /* an IPv6 address has colons of its own */
        u.host.len = strcspn(from, "]") + 1;
    } else {
        u.host.len = strcspn(from, ":/");
    }
    if (u.host.len == 0 || u.host.len > u.authority.len) {
        return sprout_fail(err, SPROUT_INVALID, "upstream is '%.80s': it names no host",
                           url);
    }
    *out = u;
    return SPROUT_OK;
}

static void put_main(struct sprout_buf *b, const struct sprout_nginx_opts *o)
{
    const char *const dir = o->dir;
    sprout_buf_printf(b,
                      "# Written by sprout at every start; changes here are lost.\n"
                      "load_module \"%s\";\n",
                      o->module);
    if (o->user != NULL) {
        sprout_buf_printf(b, "user %s;\n", o->user);
    }
    sprout_buf_put(b, SPROUT_STR("daemon off;\nworker_processes "));
    if (o->config->workers == 0) {
        sprout_buf_put(b, SPROUT_STR("auto;\n"));
    } else {
        sprout_buf_printf(b, "%lld;\n", (long long)o->config->workers);
    }
    sprout_buf_printf(b,
                      "worker_rlimit_core 0;\n"
                      "pid \"%s/nginx.pid\";\n"
                      "error_log \"%s/error.log\" warn;\n"
                      "events {\n"
                      "    worker_connections 4096;\n"
                      "}\n",
                      dir, dir);
}

static void put_http(struct sprout_buf *b, const struct sprout_nginx_opts *o)
{
    static const char *const temp[] = {"client_body", "proxy", "fastcgi", "uwsgi",
                                       "scgi"};
    sprout_buf_printf(b,
                      "http {\n"
                      "    sprout_policy \"%s/policy.json\";\n"
                      "    log_format sprout escape=none '$sprout_record';\n"
                      "    access_log off;\n"
                      "    server_tokens off;\n"
                      "    gzip off;\n"
                      "    default_type application/octet-stream;\n"
                      "    keepalive_requests 100000;\n",
                      o->dir);
    if (o->config->evaluation.sample.rate > 0) {
        sprout_buf_put(b, SPROUT_STR("    log_format sprout_sample escape=none "
                                     "'$sprout_sample';\n"));
    }
    for (size_t i = 0; i < sizeof temp / sizeof temp[0]; i++) {
        sprout_buf_printf(b, "    %s_temp_path \"%s/temp-%s\";\n", temp[i], o->dir,
                          temp[i]);
    }
}

/* Idle connections are dropped before the server drops them: vLLM does after 5 s, and a
 * request sent into a closing connection would be lost (a POST is never sent twice). */
static void put_upstream(struct sprout_buf *b, const struct upstream *u)
{
    const bool port = u->authority.len > u->host.len;
    sprout_buf_printf(b,
                      "    upstream %s {\n"
                      "        server %.*s%s;\n"
                      "        keepalive 64;\n"
                      "        keepalive_timeout 4s;\n"
                      "    }\n",
                      u->block, (int)u->authority.len, u->authority.ptr,
                      port     ? ""
                      : u->tls ? ":443"
                               : ":80");
}

static void put_tls(struct sprout_buf *b, const struct upstream *u)
{
    sprout_buf_printf(
        b,
        "            proxy_ssl_server_name on;\n"
        "            proxy_ssl_name %.*s;\n"
        "            proxy_ssl_verify on;\n"
        "            proxy_ssl_verify_depth 4;\n"
        "            proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;\n",
        (int)u->host.len, u->host.ptr);
}

/* Only what is not the module's default. */
static void put_sample(struct sprout_buf *b, const struct sprout_nginx_opts *o)
{
    const double rate = o->config->evaluation.sample.rate;
    if (rate > 0) {
        sprout_buf_printf(b,
                          "            sprout_sample %.6f;\n"
                          "            access_log \"%s/spool/live.ndjson\" sprout_sample "
                          "if=$sprout_sample;\n",
                          rate, o->dir);
    }
}

static void put_wire(struct sprout_buf *b, const struct sprout_config *c)
{
    static const char *const receipts[] = {"on", "off", "always", "usage", "scope2"};
    const struct sprout_config_wire *const w = &c->wire;
    if (w->receipts != SPROUT_RECEIPTS_ON) {
        sprout_buf_printf(b, "            sprout_receipts %s;\n", receipts[w->receipts]);
    }
    if (!w->usage) {
        sprout_buf_put(b, SPROUT_STR("            sprout_usage off;\n"));
    }
    if (w->decode) {
        sprout_buf_printf(b,
                          "            sprout_decode on;\n"
                          "            sprout_decode_max %lldm;\n",
                          (long long)c->max_body_mib);
    }
    if (w->ping_s > 0) {
        sprout_buf_printf(b, "            sprout_ping %llds;\n", (long long)w->ping_s);
    }
}

/* A location's path does not go upstream where one or the other has one. */
static void put_pass(struct sprout_buf *b, const struct upstream *u)
{
    const bool slash = u->path.len > 0 || strcmp(u->location, "/") != 0;
    sprout_buf_printf(b,
                      "            proxy_pass %s://%s%.*s%s;\n"
                      "            proxy_http_version 1.1;\n"
                      "            proxy_set_header Connection \"\";\n"
                      "            proxy_set_header Host %.*s;\n"
                      "            proxy_buffering off;\n"
                      "            proxy_redirect off;\n"
                      "            proxy_connect_timeout 10s;\n",
                      u->tls ? "https" : "http", u->block, (int)u->path.len, u->path.ptr,
                      slash ? "/" : "", (int)u->authority.len, u->authority.ptr);
}

static void put_location(struct sprout_buf *b, const struct sprout_nginx_opts *o,
                         const struct upstream *u)
{
    const struct sprout_config *const c = o->config;
    const long long timeout_s = (long long)c->upstream_timeout_s;
    sprout_buf_printf(b,
                      "        location %s {\n"
                      "            sprout on;\n"
                      "            sprout_max_body %lldm;\n"
                      "            access_log \"%s/journal.ndjson\" sprout "
                      "if=$sprout_record;\n",
                      u->location, (long long)c->max_body_mib, o->dir);
    if (u->zone[0] != '\0') {
        sprout_buf_printf(b, "            sprout_zone %s;\n", u->zone);
    }
    put_pass(b, u);
    sprout_buf_printf(b,
                      "            proxy_read_timeout %llds;\n"
                      "            proxy_send_timeout %llds;\n"
                      "            send_timeout %llds;\n",
                      timeout_s, timeout_s, timeout_s);
    put_sample(b, o);
    put_wire(b, c);
    if (u->tls) {
        put_tls(b, u);
    }
    sprout_buf_put(b, SPROUT_STR("        }\n"));
}

static void put_server(struct sprout_buf *b, const struct sprout_nginx_opts *o,
                       const struct upstream *u, size_t n)
{
    sprout_buf_printf(b,
                      "    server {\n"
                      "        listen %s;\n"
                      "        client_max_body_size %lldm;\n"
                      "        client_body_buffer_size 64k;\n",
                      o->listen, (long long)o->config->max_body_mib);
    for (size_t i = 0; i < n; i++) {
        put_location(b, o, &u[i]);
    }
    sprout_buf_put(b, SPROUT_STR("        location = /sprout-status {\n"
                                 "            allow 127.0.0.1;\n"
                                 "            allow ::1;\n"
                                 "            deny all;\n"
                                 "            sprout_status;\n"
                                 "        }\n"
                                 "    }\n"
                                 "}\n"));
}

/* The configuration's upstream first, then those with a path; how many. */
static enum sprout_status list_upstreams(const struct sprout_config *c,
                                         struct upstream out[SPROUT_ZONES_MAX],
                                         size_t *out_n, struct sprout_error *err)
{
    enum sprout_status status = check_text("upstream", c->upstream, err);
    if (status == SPROUT_OK) {
        status = split_url(c->upstream, &out[0], err);
    }
    snprintf(out[0].block, sizeof out[0].block, "sprout_upstream");
    out[0].location = "/";
    out[0].zone = "";
    size_t n = 1;
    for (uint32_t i = 0; i < c->upstreams_count && status == SPROUT_OK; i++, n++) {
        const struct sprout_config_upstream *const from = &c->upstreams[i];
        status = split_url(from->url, &out[n], err);
        snprintf(out[n].block, sizeof out[n].block, "sprout_upstream_%zu", n);
        out[n].location = from->path;
        out[n].zone = sprout_config_upstream_zone(c, from);
    }
    *out_n = n;
    return status;
}

enum sprout_status sprout_nginx_conf_put(struct sprout_buf *b,
                                         const struct sprout_nginx_opts *opts,
                                         struct sprout_error *err)
{
    struct upstream u[SPROUT_ZONES_MAX] = {{0}};
    size_t n = 0;
    enum sprout_status status = check_text("the folder", opts->dir, err);
    if (status == SPROUT_OK) {
        status = check_text("the module's path", opts->module, err);
    }
    if (status == SPROUT_OK) {
        status = check_text("listen", opts->listen, err);
    }
    if (status == SPROUT_OK) {
        status = list_upstreams(opts->config, u, &n, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    put_main(b, opts);
    put_http(b, opts);
    for (size_t i = 0; i < n; i++) {
        put_upstream(b, &u[i]);
    }
    put_server(b, opts, u, n);
    return b->full ? sprout_fail(err, SPROUT_LIMIT, "nginx.conf is too long") : SPROUT_OK;
}

/* True if PATH[0..len)/TAIL is a readable file; its absolute path is then in out. */
static bool try_module(const char *folder, size_t len, const char *tail, char *out,
                       size_t cap)
{
    char path[PATH_MAX];
    char real[PATH_MAX];
    const int n = snprintf(path, sizeof path, "%.*s/%s", (int)len, folder, tail);
    if (n < 0 || (size_t)n >= sizeof path || access(path, R_OK) != 0 ||
        realpath(path, real) == NULL || strlen(real) >= cap) {
        return false;
    }
    memcpy(out, real, strlen(real) + 1);
    return true;
}

enum sprout_status sprout_default_weights_find(char *out, size_t cap,
                                               struct sprout_error *err)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    const char *const slash = strrchr(self, '/');
    const size_t here = slash == NULL ? 0 : (size_t)(slash - self);
    if ((here > 0 &&
         (try_module(self, here, "../data/predictor/default.weights", out, cap) ||
          try_module(self, here, "../../data/predictor/default.weights", out, cap) ||
          try_module(self, here, "../share/sprout/default.weights", out, cap))) ||
        try_module(SPROUT_PREFIX, strlen(SPROUT_PREFIX), "share/sprout/default.weights",
                   out, cap)) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_NOT_FOUND,
                       "the default predictor is not in %.120s/share/sprout: run make "
                       "install, or set predictor.weights",
                       SPROUT_PREFIX);
}

enum sprout_status sprout_nginx_module_find(char *out, size_t cap,
                                            struct sprout_error *err)
{
    char self[PATH_MAX];
    const char *const given = getenv("SPROUT_MODULE");
    if (given != NULL) {
        if (realpath(given, self) != NULL && strlen(self) < cap) {
            memcpy(out, self, strlen(self) + 1);
            return SPROUT_OK;
        }
        return sprout_fail(err, SPROUT_NOT_FOUND, "$SPROUT_MODULE is '%.200s': not there",
                           given);
    }
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    const char *const slash = strrchr(self, '/');
    const size_t here = slash == NULL ? 0 : (size_t)(slash - self);
    if ((here > 0 && (try_module(self, here, MODULE_NAME, out, cap) ||
                      try_module(self, here, "../lib/sprout/" MODULE_NAME, out, cap))) ||
        try_module(SPROUT_PREFIX, strlen(SPROUT_PREFIX), "lib/sprout/" MODULE_NAME, out,
                   cap)) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_NOT_FOUND,
                       "the nginx module is neither beside %.120s nor in "
                       "%.120s/lib/sprout: run make, or set SPROUT_MODULE",
                       self, SPROUT_PREFIX);
}
