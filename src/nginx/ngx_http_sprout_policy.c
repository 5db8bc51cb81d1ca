/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_policy.c - policy.json as a worker sees it.
 *
 * A cancelable timer looks at the file four times a second: stat, and only if
 * something changed read whole, decode whole, check whole.  A good one takes
 * effect between two requests; requests under way keep theirs, and the last to
 * leave frees it.  A bad one changes nothing but a counter and one error line.
 * A clock's tick is long enough for two writes: a file younger than two
 * seconds is read again until it is older, and a hash of its bytes tells
 * whether it changed.
 * Missing and expired are not errors here: core chooses L0 and says why.
 * Memory: one malloc per policy, from which its texts are made too. */
#include "ngx_http_sprout_module.h"
#include "wire/policy_json.h"


enum {
    POLICY_ARENA_BASE = 4 * 1024 * 1024,    /* rules seen from 16 zones, texts */
    POLICY_ARENA_PER_BYTE = 16,
    POLICY_SETTLED_S = 2
};


static void ngx_http_sprout_policy_timer(ngx_event_t *ev);
static void ngx_http_sprout_policy_poll(ngx_http_sprout_main_conf_t *smcf,
    ngx_log_t *log);
static ngx_uint_t ngx_http_sprout_policy_same(ngx_http_sprout_stamp_t *stamp,
    struct stat *st);
static void ngx_http_sprout_policy_note(ngx_http_sprout_stamp_t *stamp,
    struct stat *st, uint64_t hash);
static void ngx_http_sprout_policy_take(ngx_http_sprout_main_conf_t *smcf,
    ngx_fd_t fd, struct stat *st, ngx_log_t *log);
static ngx_int_t ngx_http_sprout_policy_read_all(ngx_fd_t fd, char *to,
    size_t size);
static void ngx_http_sprout_policy_apply(ngx_http_sprout_main_conf_t *smcf,
    struct sprout_str json, ngx_log_t *log);
static ngx_http_sprout_policy_t *ngx_http_sprout_policy_decode(
    struct sprout_str json, struct sprout_error *err);
static void ngx_http_sprout_policy_bad(ngx_http_sprout_main_conf_t *smcf,
    const char *why, ngx_err_t error, ngx_log_t *log);


void
ngx_http_sprout_policy_start(ngx_http_sprout_main_conf_t *smcf, ngx_log_t *log)
{
    ngx_http_sprout_worker_t  *w;

    if (smcf->path.len == 0) {
        return;
    }

    w = smcf->worker;

    ngx_http_sprout_policy_poll(smcf, log);

    /* Debug builds log the fd of the connection behind an event. */
    w->connection.fd = (ngx_socket_t) -1;
    w->connection.data = smcf;

    w->timer.data = &w->connection;
    w->timer.log = log;
    w->timer.handler = ngx_http_sprout_policy_timer;
    w->timer.cancelable = 1;

    ngx_add_timer(&w->timer, NGX_HTTP_SPROUT_POLL_MS);
}


static void
ngx_http_sprout_policy_timer(ngx_event_t *ev)
{
    ngx_connection_t             *c = ev->data;
    ngx_http_sprout_main_conf_t  *smcf = c->data;

    ngx_http_sprout_policy_poll(smcf, ev->log);
    ngx_http_sprout_weights_look(smcf, smcf->worker->policy, ev->log);

    ngx_add_timer(ev, NGX_HTTP_SPROUT_POLL_MS);
}


static void
ngx_http_sprout_policy_poll(ngx_http_sprout_main_conf_t *smcf, ngx_log_t *log)
{
    ngx_fd_t                  fd;
    struct stat               st;
    ngx_http_sprout_stamp_t  *stamp;

    stamp = &smcf->worker->stamp;

    if (stat((const char *) smcf->path.data, &st) == -1) {

        /* Absent at first, or removed: what is in force expires by itself. */
        if (stamp->known || ngx_errno != NGX_ENOENT) {
            if (stamp->known || smcf->worker->policy_errors == 0) {
                ngx_http_sprout_policy_bad(smcf, "cannot be found", ngx_errno,
                                           log);
            }
            ngx_memzero(stamp, sizeof(ngx_http_sprout_stamp_t));
        }

        return;
    }

    if (ngx_http_sprout_policy_same(stamp, &st) && stamp->settled) {
        return;
    }

    /* NONBLOCK: a FIFO put in its place must not stop the worker. */
    fd = open((const char *) smcf->path.data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE || fstat(fd, &st) == -1) {
        if (!ngx_http_sprout_policy_same(stamp, &st)) {
            ngx_http_sprout_policy_bad(smcf, "cannot be opened", ngx_errno,
                                       log);
            ngx_http_sprout_policy_note(stamp, &st, 0);
        }

    } else {
        ngx_http_sprout_policy_take(smcf, fd, &st, log);
    }

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
    }
}


static ngx_uint_t
ngx_http_sprout_policy_same(ngx_http_sprout_stamp_t *stamp, struct stat *st)
{
    return stamp->known
           && stamp->inode == st->st_ino
           && stamp->device == st->st_dev
           && stamp->size == st->st_size
           && stamp->mtime.tv_sec == st->st_mtim.tv_sec
           && stamp->mtime.tv_nsec == st->st_mtim.tv_nsec;
}


static void
ngx_http_sprout_policy_note(ngx_http_sprout_stamp_t *stamp, struct stat *st,
    uint64_t hash)
{
    stamp->hash = hash;
    stamp->inode = st->st_ino;
    stamp->device = st->st_dev;
    stamp->size = st->st_size;
    stamp->mtime = st->st_mtim;
    stamp->known = 1;
    stamp->settled = (ngx_time() - st->st_mtime > POLICY_SETTLED_S);
}


/* Reads the open file and puts it in force if it is new and good.  Its stamp
 * was taken before its bytes: a write in between is seen at the next look. */
static void
ngx_http_sprout_policy_take(ngx_http_sprout_main_conf_t *smcf, ngx_fd_t fd,
    struct stat *st, ngx_log_t *log)
{
    char                     *text;
    uint64_t                  hash;
    ngx_uint_t                again;
    struct sprout_str         json;
    ngx_http_sprout_stamp_t  *stamp;

    stamp = &smcf->worker->stamp;
    again = ngx_http_sprout_policy_same(stamp, st);

    if (!S_ISREG(st->st_mode) || st->st_size > SPROUT_POLICY_BYTES_MAX) {
        if (!again) {
            ngx_http_sprout_policy_bad(smcf, "is not a regular file of at most "
                                       "1 MB", 0, log);
        }

        ngx_http_sprout_policy_note(stamp, st, 0);
        return;
    }

    text = ngx_alloc((size_t) st->st_size + 1, log);
    if (text == NULL) {
        return;
    }

    if (ngx_http_sprout_policy_read_all(fd, text, (size_t) st->st_size)
        != NGX_OK)
    {
        ngx_http_sprout_policy_bad(smcf, "cannot be read whole", ngx_errno,
                                   log);
        ngx_http_sprout_policy_note(stamp, st, 0);

    } else {
        json = (struct sprout_str) { text, (size_t) st->st_size };
        hash = sprout_hash_str(smcf->worker->id_key, json);

        if (!stamp->known || hash != stamp->hash) {
            ngx_http_sprout_policy_apply(smcf, json, log);
        }

        ngx_http_sprout_policy_note(stamp, st, hash);
    }

    ngx_free(text);
}


static ngx_int_t
ngx_http_sprout_policy_read_all(ngx_fd_t fd, char *to, size_t size)
{
    ssize_t  n;

    while (size > 0) {
        n = read(fd, to, size);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        to += n;
        size -= (size_t) n;
    }

    return NGX_OK;
}


static void
ngx_http_sprout_policy_apply(ngx_http_sprout_main_conf_t *smcf,
    struct sprout_str json, ngx_log_t *log)
{
    struct sprout_error        err;
    ngx_http_sprout_policy_t  *p;
    ngx_http_sprout_worker_t  *w;

    ngx_memzero(&err, sizeof(err));
    w = smcf->worker;

    p = ngx_http_sprout_policy_decode(json, &err);

    if (p == NULL) {
        ngx_http_sprout_policy_bad(smcf, err.message, 0, log);
        return;
    }

    ngx_http_sprout_weights_look(smcf, p, log);

    if (w->policy != NULL) {
        ngx_http_sprout_policy_release(w->policy);
    }

    w->policy = p;
    w->policy_loads++;

    ngx_log_error(NGX_LOG_INFO, log, 0, "sprout: policy \"%*s\" is in force",
                  p->policy->id.len, p->policy->id.ptr);
}


static ngx_http_sprout_policy_t *
ngx_http_sprout_policy_decode(struct sprout_str json, struct sprout_error *err)
{
    size_t                     size;
    ngx_uint_t                 i;
    const struct sprout_rule  *rule;
    ngx_http_sprout_policy_t  *p;

    /* Pages of this that nothing is written to are never had. */
    size = POLICY_ARENA_BASE + POLICY_ARENA_PER_BYTE * json.len;

    p = calloc(1, sizeof(ngx_http_sprout_policy_t));
    if (p == NULL) {
        goto no_memory;
    }

    p->refs = 1;
    p->memory = malloc(size);
    if (p->memory == NULL) {
        goto no_memory;
    }

    p->arena = sprout_arena_of(p->memory, size);

    if (sprout_policy_read(json, &p->arena, &p->policy, err) != SPROUT_OK) {
        ngx_http_sprout_policy_release(p);
        return NULL;
    }

    for (i = 0; i < p->policy->rule_count; i++) {
        rule = &p->policy->rules[i];

        if (rule->match.api_key_sha256.len != 0) {
            p->needs_key = 1;
        }

        if (rule->placement != SPROUT_PLACEMENT_UNSAID
            || rule->with_tools != SPROUT_ANY
            || rule->with_completions != SPROUT_ANY)
        {
            p->switches = 1;
        }

        if (rule->placement == SPROUT_PLACEMENT_LAST_USER) {
            p->last_user = 1;
        }
    }

    return p;

no_memory:

    (void) sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a policy");

    if (p != NULL) {
        ngx_http_sprout_policy_release(p);
    }

    return NULL;
}


void
ngx_http_sprout_policy_release(ngx_http_sprout_policy_t *p)
{
    if (--p->refs == 0) {
        ngx_http_sprout_weights_release(p->weights);
        free(p->memory);
        free(p);
    }
}


/* The policy as it holds in a zone; NULL when there is no room or memory. */
ngx_http_sprout_view_t *
ngx_http_sprout_policy_view(ngx_http_sprout_policy_t *p, struct sprout_str zone)
{
    ngx_uint_t               i;
    ngx_http_sprout_view_t  *view;

    for (i = 0; i < p->views_n; i++) {
        if (sprout_str_eq(p->views[i].zone, zone)) {
            return &p->views[i];
        }
    }

    if (p->views_n == NGX_HTTP_SPROUT_VIEWS_MAX) {
        return NULL;
    }

    view = &p->views[p->views_n];
    view->zone = (zone.len == 0) ? zone : sprout_arena_str(&p->arena, zone);
    view->policy = (zone.len == 0)
                   ? p->policy
                   : sprout_policy_in_zone(p->policy, zone, &p->arena);

    if (view->policy == NULL) {
        return NULL;
    }

    p->views_n++;

    return view;
}


static void
ngx_http_sprout_policy_bad(ngx_http_sprout_main_conf_t *smcf, const char *why,
    ngx_err_t error, ngx_log_t *log)
{
    ngx_http_sprout_worker_t  *w;

    w = smcf->worker;
    w->policy_errors++;
    ngx_cpystrn((u_char *) w->policy_error, (u_char *) why,
                sizeof(w->policy_error));

    if (w->policy != NULL) {
        ngx_log_error(NGX_LOG_ERR, log, error, "sprout: policy file \"%V\" "
                      "refused: %s; policy \"%*s\" stays in force",
                      &smcf->path, why, w->policy->policy->id.len,
                      w->policy->policy->id.ptr);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, error, "sprout: policy file \"%V\" "
                  "refused: %s; requests are served at L0", &smcf->path, why);
}


/* The bytes of a level's directive for a dialect, escaped at its first use;
 * NULL when there is nothing to add or no room. */
const struct sprout_rewrite_text *
ngx_http_sprout_policy_text(ngx_http_sprout_policy_t *p,
    const struct sprout_dialect *dialect, int level)
{
    size_t                      l;
    ngx_uint_t                  i;
    ngx_http_sprout_texts_t    *texts;
    const struct sprout_policy *policy;

    policy = p->policy;

    if (level <= 0 || (size_t) level >= policy->level_count) {
        return NULL;
    }

    for (i = 0; i < p->texts_n; i++) {
        if (p->texts[i].dialect == dialect) {
            return &p->texts[i].level[level];
        }
    }

    if (p->texts_n == NGX_HTTP_SPROUT_DIALECTS_MAX) {
        return NULL;
    }

    texts = &p->texts[p->texts_n];

    for (l = 1; l < policy->level_count; l++) {
        if (sprout_rewrite_level_make(&p->arena, dialect, policy, l,
                                      &texts->level[l])
            != SPROUT_OK)
        {
            return NULL;
        }
    }

    texts->dialect = dialect;
    p->texts_n++;

    return &texts->level[level];
}
