/* SPDX-License-Identifier: Apache-2.0 */
/* preflight.c - see preflight.h.  Each try is a function that fills one finding. */
#include "control/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/file.h"
#include "adapt/grid_try.h"
#include "adapt/http_get.h"
#include "adapt/meter.h"
#include "adapt/spool.h"
#include "control/address.h"
#include "control/nginx_conf.h"

enum {
    UPSTREAM_SECONDS = 5,
    PROVIDERS_SECONDS = 30, /* each has 10; some log in first */
    ANSWER_MAX = 256 * 1024,
    OUTPUT_MAX = 4096, /* of nginx -t: the first of its lines say what is wrong */
    OPEN_FDS = 16,
};

/* ---- grid, upstream, folder, address -------------------------------------------------- */

static void tell_value(struct sprout_grid *grid, sprout_instant now,
                       struct sprout_error *found)
{
    struct sprout_error err = {0};
    struct sprout_grid_value v;
    const enum sprout_status status = sprout_grid_poll(grid, now, &v, &err);
    const struct sprout_str about = sprout_grid_about(grid);

    if (status != SPROUT_OK) {
        sprout_fail(found, status, "%.390s", err.message);
        return;
    }
    sprout_fail(found, SPROUT_OK, "%.4g g/kWh now in zone %.*s (%s): %.*s", v.intensity.v,
                (int)v.zone.len, v.zone.ptr, sprout_grid_quality_text(v.quality),
                (int)about.len, about.ptr);
}

/* One finding for what holds, and one for each provider of a list. */
static size_t try_grid(const struct sprout_grid_opts *opts, sprout_instant now,
                       struct sprout_finding *out)
{
    char line[SPROUT_GRID_WHY_MAX + 64];
    struct sprout_grid *grid = NULL;
    struct sprout_error err = {0};
    size_t n = 0;

    out[n].what = "grid";
    const enum sprout_status status = sprout_grid_new(opts, &grid, &err);
    if (status != SPROUT_OK) {
        sprout_fail(&out[n++].found, status, "%.390s", err.message);
        return n;
    }
    struct sprout_grid_list *const list = sprout_grid_as_list(grid);
    if (list != NULL) {
        (void)sprout_grid_try(list, true, sprout_span_seconds(PROVIDERS_SECONDS));
        now = sprout_clock_wall();
    }
    tell_value(grid, now, &out[n++].found);
    for (size_t i = 0; list != NULL && i < sprout_grid_list_count(list); i++, n++) {
        const enum sprout_status one =
            sprout_grid_try_line(list, i, now, line, sizeof line);
        out[n].what = "provider";
        sprout_fail(&out[n].found, one, "%s: %.350s",
                    sprout_grid_list_state(list, i).provider, line);
    }
    sprout_grid_free(grid);
    return n;
}

/* Home and the zones of `upstreams`. */
static size_t try_grids(const struct sprout_config *c, sprout_instant now,
                        struct sprout_finding *out)
{
    struct sprout_config_zone zone[SPROUT_ZONES_MAX];
    const size_t zones = sprout_config_zones(c, zone);
    const struct sprout_grid_opts home = sprout_config_grid_opts(c, now);
    size_t n = try_grid(&home, now, out);
    for (size_t i = 0; i < zones; i++) {
        const struct sprout_grid_opts opts = sprout_config_zone_opts(&zone[i], now);
        n += try_grid(&opts, now, out + n);
    }
    return n;
}

static void try_upstream(const char *url, struct sprout_finding *f)
{
    struct sprout_error err = {0};
    int code = 0;
    if (url[0] == '\0') {
        sprout_fail(
            &f->found, SPROUT_CONFIG,
            "none: give --upstream http://HOST:PORT, or 'upstream:' in sprout.yaml");
        return;
    }
    char *const body = malloc(ANSWER_MAX);
    if (body == NULL) {
        sprout_fail(&f->found, SPROUT_NO_MEMORY, "no memory for its answer");
        return;
    }
    struct sprout_buf answer = sprout_buf_of(body, ANSWER_MAX);
    const enum sprout_status status = sprout_http_get(
        url, "/v1/models", sprout_span_seconds(UPSTREAM_SECONDS), &answer, &code, &err);
    if (status == SPROUT_OK || status == SPROUT_LIMIT) {
        sprout_fail(&f->found, SPROUT_OK, "%.200s answers (HTTP %d to /v1/models)", url,
                    code);
    } else {
        sprout_fail(&f->found, status, "%.380s; is the inference server running?",
                    err.message);
    }
    free(body);
}

/* The folder if it is there, else the nearest one above it that is. */
static void try_folder(const struct sprout_config *c, struct sprout_finding *f)
{
    char path[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "%s", c->dir);
    const bool there = stat(path, &st) == 0;
    while (stat(path, &st) != 0 && errno == ENOENT) {
        char *const slash = strrchr(path, '/');
        if (slash == NULL) {
            snprintf(path, sizeof path, ".");
        } else {
            slash[slash == path] = '\0';
        }
    }
    if (stat(path, &st) != 0) {
        sprout_fail(&f->found, SPROUT_IO, "%.200s: %s", path, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        sprout_fail(&f->found, SPROUT_IO, "%.200s is there and no folder", path);
    } else if (access(path, W_OK | X_OK) != 0) {
        sprout_fail(&f->found, SPROUT_IO,
                    "%.200s may not be written to by this user (%s)", path,
                    strerror(errno));
    } else {
        sprout_fail(&f->found, SPROUT_OK, "%.200s %s", c->dir,
                    there ? "may be written to" : "will be made");
    }
}

static void try_listen(const struct sprout_config *c, struct sprout_finding *f)
{
    struct sprout_address where;
    struct sprout_error err = {0};
    int fd = -1;
    const enum sprout_status status = sprout_address_listen(c->listen, &fd, &where, &err);
    if (status == SPROUT_OK) {
        sprout_fail(&f->found, SPROUT_OK, "%.200s is free", c->listen);
        close(fd);
    } else if (status == SPROUT_BUSY) { /* a gateway that runs may be checked too */
        sprout_fail(&f->found, SPROUT_OK, "%.200s is in use: fine if by this gateway",
                    c->listen);
    } else {
        sprout_fail(&f->found, status, "%.390s", err.message);
    }
}

/* ---- nginx ---------------------------------------------------------------------------- */

static enum sprout_status absolute(const char *path, char *out, struct sprout_error *err)
{
    char here[PATH_MAX];
    if (realpath(path, out) != NULL) {
        return SPROUT_OK;
    }
    if (path[0] == '/' || getcwd(here, sizeof here) == NULL) {
        here[0] = '\0';
    }
    const int n =
        snprintf(out, PATH_MAX, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
    return n > 0 && n < PATH_MAX
               ? SPROUT_OK
               : sprout_fail(err, SPROUT_LIMIT, "%.100s: the path is too long", path);
}

/* `dir` NULL: the configuration's. */
static enum sprout_status render(const struct sprout_config *c, const char *dir,
                                 struct sprout_buf *b, struct sprout_error *err)
{
    char listen[SPROUT_ADDRESS_TEXT];
    char folder[PATH_MAX];
    char module[PATH_MAX];
    struct sprout_address where;
    int fd = -1;
    snprintf(listen, sizeof listen, "%s", c->listen);
    enum sprout_status status = sprout_nginx_module_find(module, sizeof module, err);
    if (status == SPROUT_OK) {
        status = absolute(dir == NULL ? c->dir : dir, folder, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    if (sprout_address_listen(c->listen, &fd, &where, NULL) == SPROUT_OK) {
        close(fd);
        if (!sprout_address_text(&where, listen)) {
            return sprout_fail(err, SPROUT_INVALID, "%.100s has no text", c->listen);
        }
    }
    const struct sprout_nginx_opts opts = {
        .config = c,
        .dir = folder,
        .listen = listen,
        .module = module,
        .user = geteuid() == 0 ? "root" : NULL,
    };
    return sprout_nginx_conf_put(b, &opts, err);
}

enum sprout_status sprout_preflight_nginx_conf(const struct sprout_config *c,
                                               struct sprout_buf *b,
                                               struct sprout_error *err)
{
    return render(c, NULL, b, err);
}

static int start_nginx(const char *dir, const char *conf, int out_fd, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    char name[] = "nginx", test[] = "-t", p[] = "-p", c[] = "-c", e[] = "-e";
    char prefix[PATH_MAX], file[PATH_MAX], log[] = "stderr";
    char *const argv[] = {name, test, p, prefix, c, file, e, log, NULL};
    snprintf(prefix, sizeof prefix, "%s", dir);
    snprintf(file, sizeof file, "%s", conf);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    int rc = posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                              O_RDONLY, 0);
    }
    if (rc == 0) {
        rc = posix_spawnp(out_pid, name, &actions, NULL, argv, environ);
    }
    if (rc == ENOENT) { /* Debian's, where a plain user's PATH does not lead */
        rc = posix_spawn(out_pid, "/usr/sbin/nginx", &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void read_output(int fd, char *out, size_t cap)
{
    char rest[512];
    size_t len = 0;
    for (;;) {
        char *const to = len + 1 < cap ? out + len : rest;
        const size_t room = len + 1 < cap ? cap - 1 - len : sizeof rest;
        const ssize_t got = read(fd, to, room);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        len += to == rest ? 0 : (size_t)got;
    }
    out[len] = '\0';
}

/* What nginx says first is why the rest fails. */
static void say_output(struct sprout_finding *f, char *output)
{
    char *first = strstr(output, "[emerg] "); /* "[emerg] 12#12: open() ..." */
    first = first == NULL ? output : first + strlen("[emerg] ");
    first += strspn(first, "0123456789#: ");
    first[strcspn(first, "\n")] = '\0';
    sprout_fail(&f->found, SPROUT_FAILED, "nginx refuses the configuration: %.300s",
                first);
}

static void run_nginx(const char *dir, const char *conf, struct sprout_finding *f)
{
    int ends[2];
    pid_t pid = 0;
    int exit_status = 0;
    char output[OUTPUT_MAX];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        sprout_fail(&f->found, SPROUT_IO, "no pipe: %s", strerror(errno));
        return;
    }
    const int rc = start_nginx(dir, conf, ends[1], &pid);
    close(ends[1]);
    if (rc != 0) {
        sprout_fail(&f->found, SPROUT_NOT_FOUND,
                    "nginx cannot be run (%s): apt-get install nginx", strerror(rc));
        close(ends[0]);
        return;
    }
    read_output(ends[0], output, sizeof output);
    close(ends[0]);
    while (waitpid(pid, &exit_status, 0) < 0 && errno == EINTR) {
    }
    if (exit_status == 0) {
        sprout_fail(&f->found, SPROUT_OK,
                    "loads the module and accepts the configuration");
    } else {
        say_output(f, output);
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* Where live prompts are sampled nginx opens a file in the spool at its start. */
static enum sprout_status make_spool(const char *dir, struct sprout_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" SPROUT_PATH_SPOOL, dir);
    return mkdir(path, 0700) == 0 ? SPROUT_OK
                                  : sprout_fail(err, SPROUT_IO, "%s cannot be made: %s",
                                                path, strerror(errno));
}

static void try_nginx(const struct sprout_config *c, struct sprout_finding *f)
{
    char dir[] = "/tmp/sprout-check-XXXXXX";
    char conf[sizeof dir + sizeof "/nginx.conf"];
    char text[SPROUT_NGINX_CONF_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct sprout_error err = {0};
    if (mkdtemp(dir) == NULL) {
        sprout_fail(&f->found, SPROUT_IO, "no folder in /tmp to try it in: %s",
                    strerror(errno));
        return;
    }
    snprintf(conf, sizeof conf, "%s/nginx.conf", dir);
    enum sprout_status status = render(c, dir, &b, &err);
    if (status == SPROUT_OK) {
        status = make_spool(dir, &err);
    }
    if (status == SPROUT_OK) {
        status = sprout_file_write(conf, sprout_buf_str(&b), 0600, &err);
    }
    if (status == SPROUT_OK) {
        run_nginx(dir, conf, f);
    } else {
        sprout_fail(&f->found, status, "%.390s", err.message);
    }
    nftw(dir, remove_one, OPEN_FDS, FTW_DEPTH | FTW_PHYS);
}

/* Opened and read twice, as the daemon would. */
static void try_meters(const struct sprout_config *c, struct sprout_finding *f)
{
    struct sprout_meter_opts opts[SPROUT_METERS_MAX];
    struct sprout_meters *m = NULL;
    sprout_microjoules uj;
    for (size_t i = 0; i < c->meters_count; i++) {
        opts[i] = sprout_config_meter_opts(c, i);
    }
    enum sprout_status status = sprout_meters_open(opts, c->meters_count, &m, &f->found);
    if (status == SPROUT_OK) {
        status = sprout_meters_read(m, sprout_clock_mono(), &uj, &f->found);
    }
    if (status == SPROUT_OK || status == SPROUT_MORE) {
        char text[300];
        struct sprout_buf b = sprout_buf_of(text, sizeof text);
        sprout_meters_describe(m, &b);
        sprout_fail(&f->found, SPROUT_OK, "%.*s", (int)b.len, b.ptr);
    }
    sprout_meters_close(m);
}

size_t sprout_preflight(const struct sprout_config *c, sprout_instant now,
                        struct sprout_finding *out)
{
    size_t n = try_grids(c, now, out);
    out[n].what = "upstream";
    try_upstream(c->upstream, &out[n++]);
    for (uint32_t i = 0; i < c->upstreams_count; i++) {
        out[n].what = "upstream";
        try_upstream(c->upstreams[i].url, &out[n++]);
    }
    if (c->meters_count > 0) {
        out[n].what = "meters";
        try_meters(c, &out[n++]);
    }
    out[n].what = "folder";
    try_folder(c, &out[n++]);
    out[n].what = "listen";
    try_listen(c, &out[n++]);
    if (c->upstream[0] != '\0') { /* nginx.conf has nowhere to send without it */
        out[n].what = "nginx";
        try_nginx(c, &out[n++]);
    }
    return n;
}
