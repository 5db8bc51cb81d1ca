/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_tap.c - replies that are looked at on their way.
 *
 * Watching feeds a copy of what goes by and changes nothing.  Filtering lets
 * wire's tap decide what goes on: what it lets through untouched goes on in
 * upstream's own buffer, trimmed; only what it had held back from an earlier
 * buffer (an event that was not complete), or what stands apart in the same
 * buffer, is copied, into buffers of ours that are used again.
 * A slow client holds upstream back as without us: upstream's buffer counts as
 * busy until it is sent, and when too many of our copies wait, further buffers
 * wait unread in ctx->in.
 * A stream that upstream cut short lets go of what was held, and has no end.
 */
#include "ngx_http_sprout_module.h"


/* One call of the filter. */
typedef struct {
    ngx_http_sprout_ctx_t  *ctx;
    ngx_buf_t              *src;    /* upstream's buffer being fed, or NULL */
    u_char                 *from;   /* a run inside it that goes on as it is */
    u_char                 *to;
    ngx_chain_t            *out;
    ngx_chain_t           **last;
    ngx_uint_t              copies;
    ngx_uint_t              failed;
} ngx_http_sprout_pass_t;


static void ngx_http_sprout_pass_buffer(ngx_http_sprout_pass_t *pass,
    ngx_buf_t *b);
static void ngx_http_sprout_pass_emit(void *data, const char *bytes,
    size_t len);
static void ngx_http_sprout_pass_copy(ngx_http_sprout_pass_t *pass,
    const u_char *bytes, size_t len);
static void ngx_http_sprout_pass_run(ngx_http_sprout_pass_t *pass);
static void ngx_http_sprout_pass_source(ngx_http_sprout_pass_t *pass);
static ngx_buf_t *ngx_http_sprout_pass_new(ngx_http_sprout_pass_t *pass);
static void ngx_http_sprout_pass_receipt(void *data);
static void ngx_http_sprout_pass_feed(ngx_http_sprout_pass_t *pass);
static ngx_int_t ngx_http_sprout_pass_send(ngx_http_sprout_pass_t *pass);


/* NGX_DECLINED: the reply cannot be watched, and passes unseen. */
ngx_int_t
ngx_http_sprout_tap_open(ngx_http_sprout_ctx_t *ctx,
    enum sprout_framing framing)
{
    ngx_uint_t           strip;
    struct sprout_arena  arena;
    ngx_http_request_t  *r;

    r = ctx->request;
    strip = ctx->usage_added && framing == SPROUT_FRAMING_SSE;

    ctx->block = ngx_http_sprout_block_take(ctx->worker, r->connection->log);
    if (ctx->block == NULL) {
        ctx->worker->internal++;
        return NGX_DECLINED;
    }

    arena = sprout_arena_of(ctx->block, SPROUT_TAP_MEMORY);
    ctx->tap = sprout_tap_new(&arena, ctx->dialect, framing, strip);

    if (ctx->tap == NULL) {
        ctx->worker->internal++;
        return NGX_DECLINED;
    }

    ctx->reply = NGX_HTTP_SPROUT_WATCH;

    if (strip || (ngx_http_sprout_receipt_due(ctx)
                  && framing == SPROUT_FRAMING_SSE))
    {
        ctx->reply = NGX_HTTP_SPROUT_FILTER;

        /* Of a stream that came with its length: it will be another one. */
        ngx_http_clear_content_length(r);
        ngx_http_clear_accept_ranges(r);

    } else if (ngx_http_sprout_receipt_due(ctx)
               && framing == SPROUT_FRAMING_JSON
               && r->headers_out.content_length_n <= NGX_HTTP_SPROUT_HOLD_MAX)
    {
        ctx->reply = NGX_HTTP_SPROUT_HOLD;
        ctx->held_last = &ctx->held;
    }

    return NGX_OK;
}


void
ngx_http_sprout_tap_watch(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = in; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b) && b->last > b->pos) {
            sprout_tap_feed(ctx->tap, (const char *) b->pos,
                            (size_t) (b->last - b->pos));
            ngx_http_sprout_ping_see(ctx, b->pos, (size_t) (b->last - b->pos));
        }
    }
}


/* What is known of the reply, at its end or where it was cut. */
struct sprout_tap_result
ngx_http_sprout_tap_seen(ngx_http_sprout_ctx_t *ctx)
{
    if (ctx->finished || ctx->tap == NULL) {
        return ctx->seen;
    }

    /* A watched reply that ended has its unfinished last event parsed (S2). */
    if (ctx->ended && ctx->reply == NGX_HTTP_SPROUT_WATCH) {
        ctx->seen = sprout_tap_finish(ctx->tap, NULL, NULL);
        ctx->finished = 1;
        return ctx->seen;
    }

    return sprout_tap_result(ctx->tap);
}


ngx_int_t
ngx_http_sprout_tap_filter(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t               rc;
    ngx_uint_t              flushing;
    ngx_http_sprout_pass_t  pass;

    flushing = (in == NULL);

    if (ngx_chain_add_copy(ctx->request->pool, &ctx->in, in) != NGX_OK) {
        return NGX_ERROR;
    }

    /* Again as long as the client takes what was sent; when it does not, the
     * connection is buffered, and nginx comes back when it can be written. */
    do {
        ngx_memzero(&pass, sizeof(pass));
        pass.ctx = ctx;
        pass.last = &pass.out;

        ngx_http_sprout_pass_feed(&pass);

        if (pass.failed) {
            return NGX_ERROR;
        }

        /* All of it is held, and there was no flush to hand on. */
        if (pass.out == NULL && !flushing) {
            return NGX_OK;
        }

        rc = ngx_http_sprout_pass_send(&pass);
        flushing = 0;

    } while (rc != NGX_ERROR && ctx->in != NULL
             && ctx->busy_n < NGX_HTTP_SPROUT_OUT_MAX);

    return rc;
}


static void
ngx_http_sprout_pass_feed(ngx_http_sprout_pass_t *pass)
{
    uint64_t                from;
    ngx_chain_t            *cl;
    ngx_http_sprout_ctx_t  *ctx;

    from = ngx_http_sprout_clock();
    ctx = pass->ctx;

    if (ngx_http_sprout_receipt_due(ctx)) {
        sprout_tap_before_end(ctx->tap, ngx_http_sprout_pass_receipt, pass);
    }

    while (ctx->in != NULL
           && ctx->busy_n + pass->copies < NGX_HTTP_SPROUT_OUT_MAX)
    {
        cl = ctx->in;
        ctx->in = cl->next;
        ngx_http_sprout_pass_buffer(pass, cl->buf);
        ngx_free_chain(ctx->request->pool, cl);
    }

    ctx->spent += ngx_http_sprout_clock() - from;
}


/* One buffer of upstream's through the tap. */
static void
ngx_http_sprout_pass_buffer(ngx_http_sprout_pass_t *pass, ngx_buf_t *b)
{
    ngx_http_sprout_ctx_t  *ctx;

    ctx = pass->ctx;
    pass->src = b;
    pass->from = b->pos;
    pass->to = b->pos;

    if (ngx_buf_in_memory(b) && b->last > b->pos) {

        if (ctx->finished) {
            ngx_http_sprout_pass_emit(pass, (const char *) b->pos,
                                      (size_t) (b->last - b->pos));
        } else {
            sprout_tap_strip(ctx->tap, (const char *) b->pos,
                             (size_t) (b->last - b->pos),
                             ngx_http_sprout_pass_emit, pass);
        }
    }

    if (!ctx->finished
        && (b->last_buf || ngx_http_sprout_tap_cut_short(ctx, b)))
    {
        ctx->seen = sprout_tap_finish(ctx->tap, ngx_http_sprout_pass_emit,
                                      pass);
        ctx->finished = 1;
    }

    ngx_http_sprout_pass_source(pass);
    pass->src = NULL;
}


/* Upstream died in mid-reply: nginx says so by a lone flush after it has let
 * go of the upstream connection. */
ngx_uint_t
ngx_http_sprout_tap_cut_short(ngx_http_sprout_ctx_t *ctx, ngx_buf_t *b)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    return b->flush && ngx_buf_size(b) == 0
           && u != NULL && u->cleanup == NULL;
}


/* The tap lets bytes go on.  Runs inside the source buffer grow as long as
 * they touch. */
static void
ngx_http_sprout_pass_emit(void *data, const char *bytes, size_t len)
{
    u_char                  *p;
    ngx_http_sprout_pass_t  *pass = data;

    p = (u_char *) bytes;
    ngx_http_sprout_ping_see(pass->ctx, p, len);

    if (pass->src != NULL && ngx_buf_in_memory(pass->src)
        && p >= pass->src->pos && p < pass->src->last)
    {
        if (pass->to != p) {
            ngx_http_sprout_pass_run(pass);
            pass->from = p;
        }

        pass->to = p + len;
        return;
    }

    ngx_http_sprout_pass_run(pass);
    ngx_http_sprout_pass_copy(pass, p, len);
}


/* A run that something else follows must be copied: the source buffer can
 * stand in the chain only once. */
static void
ngx_http_sprout_pass_run(ngx_http_sprout_pass_t *pass)
{
    if (pass->to > pass->from) {
        ngx_http_sprout_pass_copy(pass, pass->from,
                                  (size_t) (pass->to - pass->from));
    }

    pass->from = pass->to;
}


static void
ngx_http_sprout_pass_copy(ngx_http_sprout_pass_t *pass, const u_char *bytes,
    size_t len)
{
    size_t      n;
    ngx_buf_t  *b;

    while (len > 0) {
        b = ngx_http_sprout_pass_new(pass);
        if (b == NULL) {
            return;
        }

        n = ngx_min(len, (size_t) (b->end - b->start));
        b->last = ngx_cpymem(b->pos, bytes, n);
        b->temporary = 1;

        bytes += n;
        len -= n;
    }
}


/* The source buffer's turn in the chain: trimmed to its last run, or a marker
 * in its place where it had nothing more but its flags. */
static void
ngx_http_sprout_pass_source(ngx_http_sprout_pass_t *pass)
{
    ngx_buf_t    *b, *mark;
    ngx_chain_t  *cl;

    b = pass->src;

    if (!ngx_buf_in_memory(b) || pass->to > pass->from) {
        cl = ngx_alloc_chain_link(pass->ctx->request->pool);
        if (cl == NULL) {
            pass->failed = 1;
            return;
        }

        if (ngx_buf_in_memory(b)) {
            b->pos = pass->from;
            b->last = pass->to;
        }

        cl->buf = b;
        cl->next = NULL;
        *pass->last = cl;
        pass->last = &cl->next;
        return;
    }

    b->pos = b->last;

    if (b->flush || b->sync || b->last_buf || b->last_in_chain) {
        mark = ngx_http_sprout_pass_new(pass);
        if (mark != NULL) {
            mark->flush = b->flush;
            mark->last_buf = b->last_buf;
            mark->last_in_chain = b->last_in_chain;
            mark->sync = !b->flush && !b->last_buf;
        }
    }
}


/* An empty buffer of ours at the end of the chain. */
static ngx_buf_t *
ngx_http_sprout_pass_new(ngx_http_sprout_pass_t *pass)
{
    u_char       *start, *end;
    ngx_buf_t    *b;
    ngx_pool_t   *pool;
    ngx_chain_t  *cl;

    pool = pass->ctx->request->pool;

    cl = ngx_chain_get_free_buf(pool, &pass->ctx->free);
    if (cl == NULL) {
        pass->failed = 1;
        return NULL;
    }

    b = cl->buf;
    start = b->start;
    end = b->end;

    if (start == NULL) {
        start = ngx_palloc(pool, NGX_HTTP_SPROUT_OUT_SIZE);
        if (start == NULL) {
            pass->failed = 1;
            return NULL;
        }

        end = start + NGX_HTTP_SPROUT_OUT_SIZE;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));
    b->start = start;
    b->pos = start;
    b->last = start;
    b->end = end;
    b->tag = (ngx_buf_tag_t) &ngx_http_sprout_module;

    cl->next = NULL;
    *pass->last = cl;
    pass->last = &cl->next;
    pass->copies++;

    return b;
}


/* Comments before the stream's own end. */
static void
ngx_http_sprout_pass_receipt(void *data)
{
    char                     lines[2048];
    struct sprout_buf        b;
    ngx_http_sprout_pass_t  *pass = data;

    if (!ngx_http_sprout_receipt_due(pass->ctx)) {
        return;
    }

    b = sprout_buf_of(lines, sizeof(lines));
    ngx_http_sprout_receipt_comments(pass->ctx, &b);

    if (!b.full && b.len > 0) {
        ngx_http_sprout_pass_run(pass);
        ngx_http_sprout_pass_copy(pass, (const u_char *) b.ptr, b.len);
    }
}


static ngx_int_t
ngx_http_sprout_pass_send(ngx_http_sprout_pass_t *pass)
{
    ngx_int_t               rc;
    ngx_chain_t            *cl;
    ngx_http_request_t     *r;
    ngx_http_sprout_ctx_t  *ctx;

    ctx = pass->ctx;
    r = ctx->request;

    rc = ngx_http_sprout_next_body(r, pass->out);

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &pass->out,
                            (ngx_buf_tag_t) &ngx_http_sprout_module);

    ctx->busy_n = 0;
    for (cl = ctx->busy; cl != NULL; cl = cl->next) {
        ctx->busy_n += (cl->buf->tag
                        == (ngx_buf_tag_t) &ngx_http_sprout_module);
    }

    return rc;
}
