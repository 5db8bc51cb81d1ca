/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_ping.c - signs of life in the silences of an event stream.
 *
 * Load balancers and clients give a connection up that says nothing for half a
 * minute, and a model may think longer.  Where the operator says so (sprout_ping
 * TIME), a stream that has been silent for that long gets a ping between two
 * events (K1), in the API's own form (K3).  It begins with upstream's header:
 * before it nothing can be sent without settling the status (K5 is left out).
 * One timer a stream, that a byte from upstream does not move: when it fires it
 * looks how long the silence really was.
 * A client that has not taken what was sent gets no ping. */
#include "ngx_http_sprout_module.h"


static void ngx_http_sprout_ping_fire(ngx_event_t *ev);
static ngx_int_t ngx_http_sprout_ping_send(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_ping_rest(ngx_http_sprout_ctx_t *ctx);
static ngx_msec_t ngx_http_sprout_ping_interval(ngx_http_request_t *r);


/* Called from the header filter, for an event stream that is looked at. */
void
ngx_http_sprout_ping_open(ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_request_t          *r;
    ngx_http_sprout_loc_conf_t  *slcf;

    r = ctx->request;
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    if (slcf->ping == 0 || r->upstream == NULL || r->upstream->buffering) {
        return;
    }

    ctx->pinging = 1;
    ctx->ping_last = ngx_current_msec;

    ctx->ping_timer.data = r->connection;
    ctx->ping_timer.log = r->connection->log;
    ctx->ping_timer.handler = ngx_http_sprout_ping_fire;
    ctx->ping_timer.cancelable = 1;

    ngx_add_timer(&ctx->ping_timer, slcf->ping);
}


/* What goes to the client now. */
void
ngx_http_sprout_ping_see(ngx_http_sprout_ctx_t *ctx, const u_char *bytes,
    size_t len)
{
    if (ctx->pinging) {
        sprout_ping_see(&ctx->ping, (const char *) bytes, len);
    }
}


void
ngx_http_sprout_ping_close(ngx_http_sprout_ctx_t *ctx)
{
    ctx->pinging = 0;

    if (ctx->ping_timer.timer_set) {
        ngx_del_timer(&ctx->ping_timer);
    }
}


static void
ngx_http_sprout_ping_fire(ngx_event_t *ev)
{
    ngx_msec_t              silent;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_sprout_ctx_t  *ctx;

    ctx = (ngx_http_sprout_ctx_t *)
              ((u_char *) ev - offsetof(ngx_http_sprout_ctx_t, ping_timer));
    r = ctx->request;
    c = r->connection;

    /* nginx may keep the request for a lingering close, its writing side shut:
     * once it has let go of upstream there is nothing to wait for. */
    if (!ctx->pinging || ctx->ended || c->error || r->upstream == NULL
        || r->upstream->cleanup == NULL)
    {
        return;
    }

    ngx_http_set_log_request(c->log, r);

    silent = ngx_current_msec - ctx->ping_last;

    if (silent >= ngx_http_sprout_ping_interval(r)
        && sprout_ping_may(&ctx->ping) && !c->buffered)
    {
        ctx->ping_last = ngx_current_msec;

        if (ngx_http_sprout_ping_send(ctx) == NGX_ERROR) {
            ngx_http_finalize_request(r, NGX_ERROR);
            ngx_http_run_posted_requests(c);
            return;
        }
    }

    ngx_http_sprout_ping_rest(ctx);
}


/* Until the silence is long enough, or as long again where it was. */
static void
ngx_http_sprout_ping_rest(ngx_http_sprout_ctx_t *ctx)
{
    ngx_msec_t  silent, interval;

    interval = ngx_http_sprout_ping_interval(ctx->request);
    silent = ngx_current_msec - ctx->ping_last;

    ngx_add_timer(&ctx->ping_timer,
                  (silent < interval) ? interval - silent : interval);
}


static ngx_msec_t
ngx_http_sprout_ping_interval(ngx_http_request_t *r)
{
    ngx_http_sprout_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    return slcf->ping;
}


/* The buffer is used again once it was sent; streams outlive pings. */
static ngx_int_t
ngx_http_sprout_ping_send(ngx_http_sprout_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t               *cl;
    ngx_connection_t          *c;
    struct sprout_str          text;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    c = r->connection;

    cl = ngx_chain_get_free_buf(r->pool, &ctx->ping_free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    text = sprout_ping_text(ctx->dialect);

    b = cl->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));
    b->start = (u_char *) text.ptr;
    b->pos = b->start;
    b->last = b->start + text.len;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;
    b->tag = (ngx_buf_tag_t) &ngx_http_sprout_module;

    rc = ngx_http_sprout_next_body(r, cl);

    ngx_chain_update_chains(r->pool, &ctx->ping_free, &ctx->ping_busy, &cl,
                            (ngx_buf_tag_t) &ngx_http_sprout_module);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (c->buffered && !c->write->timer_set) {
        ngx_add_timer(c->write, clcf->send_timeout);
    }

    return ngx_handle_write_event(c->write, clcf->send_lowat);
}
