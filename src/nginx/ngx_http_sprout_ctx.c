/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_ctx.c - a request's context, and the process it runs in.
 *
 * nginx wipes module contexts at an internal redirect.  Ours lies in the data
 * of its own pool cleanup handler, so it is found again there, and what is not
 * memory (a policy's reference, a posted event, a tap's block) goes back when
 * the pool dies: after the journal line was made, on every way out.
 * Ids are a keyed hash of a counter: unique per process without a system call
 * a request, and telling an outsider nothing of the traffic. */
#include "ngx_http_sprout_module.h"

#include <openssl/rand.h>


static void ngx_http_sprout_ctx_policy(ngx_http_sprout_ctx_t *ctx,
    ngx_http_sprout_policy_t *policy);
static void ngx_http_sprout_ctx_cleanup(void *data);
static void ngx_http_sprout_ctx_id(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_hex(u_char *to, uint64_t value, ngx_uint_t digits);


/* Monotonic nanoseconds: durations inside one process. */
uint64_t
ngx_http_sprout_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* nginx's once-per-turn sample of the wall clock. */
sprout_instant
ngx_http_sprout_wall(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (sprout_instant) { (int64_t) tp->sec * SPROUT_NS_PER_SECOND
                              + (int64_t) tp->msec * 1000000 };
}


ngx_int_t
ngx_http_sprout_worker_init(ngx_http_sprout_worker_t *w, ngx_log_t *log)
{
    u_char    *last;
    uint64_t   random[4];

    if (RAND_bytes((u_char *) random, sizeof(random)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "sprout: no random bytes");
        return NGX_ERROR;
    }

    w->id_key.k0 = random[0];
    w->id_key.k1 = random[1];
    w->id_prefix = random[2];

    /* A pid comes back some day; with the moment it began it does not. */
    last = ngx_snprintf(w->name_data, sizeof(w->name_data), "%P-%xL", ngx_pid,
                        (int64_t) ngx_http_sprout_wall().ns / 1000000);
    w->name.data = w->name_data;
    w->name.len = (size_t) (last - w->name_data);

    return NGX_OK;
}


ngx_http_sprout_ctx_t *
ngx_http_sprout_ctx_find(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_sprout_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_sprout_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_sprout_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_sprout_module);
            return ctx;
        }
    }

    return NULL;
}


/* The request's context; NULL when there is no memory, and the request then
 * goes on as if the module were not there. */
ngx_http_sprout_ctx_t *
ngx_http_sprout_ctx_create(ngx_http_request_t *r)
{
    ngx_time_t                   *tp;
    ngx_pool_cleanup_t           *cln;
    ngx_http_sprout_ctx_t        *ctx;
    ngx_http_sprout_main_conf_t  *smcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_sprout_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sprout_module);
    tp = ngx_timeofday();
    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_sprout_ctx_t));

    ctx->request = r;
    ctx->worker = smcf->worker;
    ctx->began = ngx_http_sprout_clock();
    ctx->waited_us = ((int64_t) (tp->sec - r->start_sec) * 1000
                      + (int64_t) tp->msec - (int64_t) r->start_msec) * 1000;
    ctx->ttfb_us = -1;
    ctx->choice.reason = SPROUT_REASON_REFUSED;
    ctx->choice.rule = -1;
    ctx->seen.usage = SPROUT_USAGE_UNKNOWN;
    ngx_http_sprout_ctx_policy(ctx, smcf->worker->policy);

    ngx_http_sprout_ctx_id(ctx);
    smcf->worker->requests++;

    cln->handler = ngx_http_sprout_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_sprout_module);

    return ctx;
}


/* The policy in force, seen from the zone of the location: without memory for
 * the view there is none, and the request goes at L0. */
static void
ngx_http_sprout_ctx_policy(ngx_http_sprout_ctx_t *ctx,
    ngx_http_sprout_policy_t *policy)
{
    ngx_http_sprout_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_sprout_module);
    ctx->zone = ngx_http_sprout_str(&slcf->zone);

    if (policy == NULL) {
        return;
    }

    ctx->view = ngx_http_sprout_policy_view(policy, ctx->zone);

    if (ctx->view != NULL) {
        ctx->policy = policy;
        policy->refs++;
    }
}


static void
ngx_http_sprout_ctx_cleanup(void *data)
{
    ngx_http_sprout_ctx_t     *ctx = data;
    ngx_http_sprout_worker_t  *w;

    w = ctx->worker;

    if (ctx->turn.posted) {
        ngx_delete_posted_event(&ctx->turn);
    }

    ngx_http_sprout_ping_close(ctx);

    if (ctx->policy != NULL) {
        ngx_http_sprout_policy_release(ctx->policy);
        ctx->policy = NULL;
        ctx->view = NULL;
    }

    if (ctx->block != NULL) {
        if (w->blocks_n < NGX_HTTP_SPROUT_BLOCKS_MAX) {
            ctx->block->next = w->blocks;
            w->blocks = ctx->block;
            w->blocks_n++;

        } else {
            ngx_free(ctx->block);
        }

        ctx->block = NULL;
    }
}


/* SPROUT_TAP_MEMORY bytes: a spare block, or a new one. */
ngx_http_sprout_block_t *
ngx_http_sprout_block_take(ngx_http_sprout_worker_t *w, ngx_log_t *log)
{
    ngx_http_sprout_block_t  *block;

    block = w->blocks;

    if (block == NULL) {
        return ngx_alloc(SPROUT_TAP_MEMORY, log);
    }

    w->blocks = block->next;
    w->blocks_n--;

    return block;
}


static void
ngx_http_sprout_ctx_id(ngx_http_sprout_ctx_t *ctx)
{
    struct sprout_hash         h;
    ngx_http_sprout_worker_t  *w;

    w = ctx->worker;
    h = sprout_hash_begin(w->id_key);
    sprout_hash_u64(&h, ++w->ids);

    ngx_http_sprout_hex(ctx->id, w->id_prefix, 8);
    ngx_http_sprout_hex(ctx->id + 8, sprout_hash_end(h), 16);
}


static void
ngx_http_sprout_hex(u_char *to, uint64_t value, ngx_uint_t digits)
{
    static const u_char  hex[] = "0123456789abcdef";

    while (digits-- > 0) {
        to[digits] = hex[value & 0xf];
        value >>= 4;
    }
}
