/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_request.c - from a request to a level, in the PRECONTENT
 * phase.
 *
 * By then the client is known and admitted, and the proxy handler has not yet
 * taken the body.  The handler is entered again each time the phases resume;
 * the context's state says where it stands.  A body is scanned at most a slice
 * per turn of the event loop, so that one of 32 MB does not stall the streams
 * of others; between turns the request is parked on a posted event.
 * Whatever fails here ends as "passed through unchanged, reason internal". */
#include "ngx_http_sprout_module.h"


static ngx_int_t ngx_http_sprout_begin(ngx_http_request_t *r,
    ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_begin_headers(ngx_http_request_t *r,
    ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_body_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_sprout_body_length(ngx_http_request_t *r,
    off_t *length);
static ngx_int_t ngx_http_sprout_scan_open(ngx_http_sprout_ctx_t *ctx,
    off_t length);
static ngx_uint_t ngx_http_sprout_scan(ngx_http_sprout_ctx_t *ctx,
    size_t budget);
static ngx_int_t ngx_http_sprout_decoding(ngx_http_sprout_ctx_t *ctx);
static ngx_uint_t ngx_http_sprout_scan_encoded(ngx_http_sprout_ctx_t *ctx,
    size_t budget);
static void ngx_http_sprout_park(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_turn(ngx_event_t *ev);
static void ngx_http_sprout_scanned(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_untouched(ngx_http_sprout_ctx_t *ctx,
    enum sprout_reason reason);
static struct sprout_switches ngx_http_sprout_switches(
    ngx_http_sprout_loc_conf_t *slcf);
static void ngx_http_sprout_settle(ngx_http_sprout_ctx_t *ctx,
    struct sprout_traits *traits, struct sprout_facts *facts);
static ngx_int_t ngx_http_sprout_predict(ngx_http_sprout_ctx_t *ctx,
    struct sprout_facts *facts, struct sprout_prediction *said);
static void ngx_http_sprout_decide(ngx_http_sprout_ctx_t *ctx,
    struct sprout_facts *facts);
static void ngx_http_sprout_no_patch(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_rewrite(ngx_http_sprout_ctx_t *ctx,
    struct sprout_facts *facts);
static void ngx_http_sprout_resume(ngx_http_sprout_ctx_t *ctx);


ngx_int_t
ngx_http_sprout_handler(ngx_http_request_t *r)
{
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_loc_conf_t  *slcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    if (slcf->mode == NGX_HTTP_SPROUT_OFF) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_sprout_ctx_find(r);

    if (ctx == NULL) {
        ctx = ngx_http_sprout_ctx_create(r);
        if (ctx == NULL) {
            return NGX_DECLINED;
        }
    }

    switch (ctx->state) {

    case NGX_HTTP_SPROUT_NEW:
        return ngx_http_sprout_begin(r, ctx);

    case NGX_HTTP_SPROUT_READING:
    case NGX_HTTP_SPROUT_SCANNING:
        return NGX_DONE;

    case NGX_HTTP_SPROUT_READY:
        break;

    case NGX_HTTP_SPROUT_REFUSED:
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_sprout_begin(ngx_http_request_t *r, ngx_http_sprout_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_http_sprout_loc_conf_t  *slcf;

    ctx->dialect = sprout_dialect_find(ngx_http_sprout_str(&r->method_name),
                                       ngx_http_sprout_str(&r->uri));

    if (ctx->dialect != NULL && r->uri.len <= NGX_HTTP_SPROUT_ROUTE_MAX) {
        ctx->route = ngx_http_sprout_str(&r->uri);
    }

    ngx_http_sprout_begin_headers(r, ctx);

    if (ctx->dialect == NULL) {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_NOT_CHAT);
        ctx->state = NGX_HTTP_SPROUT_READY;
        ctx->spent += ngx_http_sprout_clock() - ctx->began;
        return NGX_DECLINED;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);
    ctx->carbon = slcf->receipts == NGX_HTTP_SPROUT_RECEIPTS_USAGE;
    ctx->scope2 = slcf->receipts == NGX_HTTP_SPROUT_RECEIPTS_SCOPE2;
    ctx->receipt = slcf->receipts == NGX_HTTP_SPROUT_RECEIPTS_ALWAYS;

    if (r->headers_in.content_length_n > slcf->max_body) {
        ctx->state = NGX_HTTP_SPROUT_REFUSED;
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    ctx->state = NGX_HTTP_SPROUT_READING;
    ctx->spent += ngx_http_sprout_clock() - ctx->began;

    rc = ngx_http_read_client_request_body(r, ngx_http_sprout_body_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    /* Reading took a reference of its own. */
    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/* What the headers ask is noted; what must not go upstream is taken out, in
 * observe too, for it is addressed to us. */
static void
ngx_http_sprout_begin_headers(ngx_http_request_t *r,
    ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_sprout_headers_read(r, &ctx->asked);

    if (ctx->asked.strip && ngx_http_sprout_headers_strip(r) != NGX_OK) {
        ctx->worker->internal++;
    }

    if (ctx->dialect != NULL
        && ngx_http_sprout_headers_identity(r, &ctx->asked) != NGX_OK)
    {
        ctx->worker->internal++;
    }
}


/* nginx has the whole body, in memory or in a temporary file. */
static void
ngx_http_sprout_body_read(ngx_http_request_t *r)
{
    off_t                        length;
    uint64_t                     from;
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_loc_conf_t  *slcf;

    from = ngx_http_sprout_clock();
    ctx = ngx_http_get_module_ctx(r, ngx_http_sprout_module);
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    if (ngx_http_sprout_body_length(r, &length) != NGX_OK) {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_INTERNAL);

    } else if (length > slcf->max_body) {
        ctx->state = NGX_HTTP_SPROUT_REFUSED;
        ngx_http_sprout_resume(ctx);
        return;

    } else if (ctx->asked.encoding != NGX_HTTP_SPROUT_PLAIN
               && ngx_http_sprout_decoding(ctx) != NGX_OK)
    {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_ENCODED);

    } else if (ngx_http_sprout_scan_open(ctx, length) != NGX_OK) {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_INTERNAL);

    } else if (ngx_http_sprout_scan(ctx, NGX_HTTP_SPROUT_SLICE)) {
        ngx_http_sprout_scanned(ctx);

    } else {
        ctx->spent += ngx_http_sprout_clock() - from;
        ngx_http_sprout_park(ctx);
        return;
    }

    ctx->state = NGX_HTTP_SPROUT_READY;
    ctx->spent += ngx_http_sprout_clock() - from;
    ngx_http_sprout_resume(ctx);
}


/* NGX_DECLINED: an encoded body stays so. */
static ngx_int_t
ngx_http_sprout_decoding(ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_sprout_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_sprout_module);

    if (!slcf->decode) {
        return NGX_DECLINED;
    }

    ctx->decode = ngx_http_sprout_decode_open(ctx->request,
                                              ctx->asked.encoding,
                                              slcf->decode_max);

    return (ctx->decode != NULL) ? NGX_OK : NGX_DECLINED;
}


/* A part in a file is mapped, so that from here on all of it is memory. */
static ngx_int_t
ngx_http_sprout_body_length(ngx_http_request_t *r, off_t *length)
{
    off_t         n;
    ngx_chain_t  *cl;

    n = 0;

    if (r->request_body != NULL) {

        if (ngx_http_sprout_splice_map(r) != NGX_OK) {
            return NGX_ERROR;
        }

        for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
            n += ngx_buf_size(cl->buf);
        }
    }

    *length = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_scan_open(ngx_http_sprout_ctx_t *ctx, off_t length)
{
    void                         *memory;
    struct sprout_arena           arena;
    struct sprout_inspect_opts    opts;
    ngx_http_request_t           *r;
    const struct sprout_policy   *policy;
    ngx_http_sprout_loc_conf_t   *slcf;

    r = ctx->request;
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    ngx_memzero(&opts, sizeof(opts));
    opts.max_bytes = (uint64_t) (ctx->decode ? slcf->decode_max
                                              : slcf->max_body);
    opts.switches = ngx_http_sprout_switches(slcf);

    if (ctx->policy != NULL) {
        policy = ctx->view->policy;
        opts.salt = policy->salt;
        opts.levels = policy->levels;
        opts.level_count = policy->level_count;
        opts.last_user = ctx->policy->last_user;
        opts.with_text = (ctx->policy->weights != NULL);
    }

    /* What is done within this turn may use the worker's own memory. */
    memory = (length <= NGX_HTTP_SPROUT_SLICE && ctx->decode == NULL)
             ? ctx->worker->scratch
             : ngx_palloc(r->pool, SPROUT_INSPECT_MEMORY);

    if (memory == NULL) {
        return NGX_ERROR;
    }

    arena = sprout_arena_of(memory, SPROUT_INSPECT_MEMORY);
    ctx->inspect = sprout_inspect_new(&arena, ctx->dialect, &opts);

    if (ctx->inspect == NULL) {
        return NGX_ERROR;
    }

    ctx->scan = (r->request_body != NULL) ? r->request_body->bufs : NULL;
    ctx->scanned = 0;
    ctx->state = NGX_HTTP_SPROUT_SCANNING;

    return NGX_OK;
}


/* Feeds at most `budget` bytes; true when there are no more. */
static ngx_uint_t
ngx_http_sprout_scan(ngx_http_sprout_ctx_t *ctx, size_t budget)
{
    size_t      n;
    ngx_buf_t  *b;

    if (ctx->decode != NULL) {
        return ngx_http_sprout_scan_encoded(ctx, budget);
    }

    while (ctx->scan != NULL) {
        b = ctx->scan->buf;
        n = ngx_min((size_t) (b->last - b->pos) - (size_t) ctx->scanned,
                    budget);

        if (n > 0) {
            sprout_inspect_feed(ctx->inspect,
                                (const char *) b->pos + ctx->scanned, n);
            ctx->scanned += (off_t) n;
            budget -= n;
        }

        if (ctx->scanned == b->last - b->pos) {
            ctx->scan = ctx->scan->next;
            ctx->scanned = 0;

        } else {
            return 0;
        }
    }

    return 1;
}


/* The same of an encoded body; the budget is of what comes out, for a few bytes
 * may make many.  ctx->decode is NULL after a failure. */
static ngx_uint_t
ngx_http_sprout_scan_encoded(ngx_http_sprout_ctx_t *ctx, size_t budget)
{
    u_char     *pos;
    size_t      made;
    ngx_buf_t  *b;

    while (ctx->scan != NULL) {
        b = ctx->scan->buf;
        pos = b->pos + ctx->scanned;

        if (ngx_http_sprout_decode_step(ctx->decode, ctx->inspect, &pos,
                                        b->last, &made)
            != NGX_OK)
        {
            ctx->decode = NULL;
            return 1;
        }

        ctx->scanned = pos - b->pos;

        /* All of it was taken, and nothing more comes of it. */
        if (pos == b->last && made == 0) {
            ctx->scan = ctx->scan->next;
            ctx->scanned = 0;
        }

        if (made >= budget) {
            return 0;
        }

        budget -= made;
    }

    ctx->plain = ngx_http_sprout_decode_end(ctx->decode);

    return 1;
}


/* Until the next turn of the event loop; a client that leaves meanwhile is
 * noticed as it would be by the proxy module. */
static void
ngx_http_sprout_park(ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->turn.data = r->connection;
    ctx->turn.log = r->connection->log;
    ctx->turn.handler = ngx_http_sprout_turn;

    ngx_post_event(&ctx->turn, &ngx_posted_next_events);
}


static void
ngx_http_sprout_turn(ngx_event_t *ev)
{
    uint64_t                from;
    ngx_uint_t              done;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_sprout_ctx_t  *ctx;

    from = ngx_http_sprout_clock();
    ctx = (ngx_http_sprout_ctx_t *)
              ((u_char *) ev - offsetof(ngx_http_sprout_ctx_t, turn));
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    done = ngx_http_sprout_scan(ctx, NGX_HTTP_SPROUT_SLICE);

    if (done) {
        ngx_http_sprout_scanned(ctx);
        ctx->state = NGX_HTTP_SPROUT_READY;
    }

    ctx->spent += ngx_http_sprout_clock() - from;

    if (!done) {
        ngx_http_sprout_park(ctx);
        return;
    }

    ngx_http_sprout_resume(ctx);
    ngx_http_run_posted_requests(c);
}


/* The whole body was seen: choose and rewrite. */
static void
ngx_http_sprout_scanned(ngx_http_sprout_ctx_t *ctx)
{
    struct sprout_facts  facts;

    facts = sprout_inspect_finish(ctx->inspect);
    ctx->inspect = NULL;

    /* Compressed, and it could not be read: all we know is that. */
    if (ctx->asked.encoding != NGX_HTTP_SPROUT_PLAIN && ctx->plain == NULL) {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_ENCODED);
        return;
    }

    /* The view ends with the scratch memory. */
    if (facts.model.len != 0) {
        ctx->model.ptr = (const char *) ngx_pnalloc(ctx->request->pool,
                                                    facts.model.len);
        if (ctx->model.ptr != NULL) {
            ngx_memcpy((void *) (uintptr_t) ctx->model.ptr, facts.model.ptr,
                       facts.model.len);
            ctx->model.len = facts.model.len;
        }

        facts.model = ctx->model;
    }

    ctx->stream = facts.stream;
    ngx_http_sprout_decide(ctx, &facts);
    ngx_http_sprout_sample_take(ctx, &facts);
    ngx_http_sprout_rewrite(ctx, &facts);
}


static void
ngx_http_sprout_untouched(ngx_http_sprout_ctx_t *ctx, enum sprout_reason reason)
{
    if (reason == SPROUT_REASON_INTERNAL) {
        ctx->worker->internal++;
    }

    ctx->choice = (struct sprout_choice) {
        .arm = SPROUT_ARM_NONE, .reason = reason, .rule = -1
    };
}


/* Sprout-Floor, or NaN.  Nothing of it is ours to refuse: core ignores what is
 * no number. */
static double
ngx_http_sprout_floor(const ngx_str_t *value)
{
    double  floor;

    if (value->len == 0
        || sprout_str_to_f64(sprout_str_trim(ngx_http_sprout_str(value)),
                             &floor)
           != SPROUT_OK)
    {
        return NAN;
    }

    return floor;
}


static struct sprout_switches
ngx_http_sprout_switches(ngx_http_sprout_loc_conf_t *slcf)
{
    return (struct sprout_switches) {
        .placement = (enum sprout_placement) slcf->placement,
        .with_tools = slcf->with_tools,
        .with_completions = slcf->with_completions
    };
}


/* The facts were settled as the location says; a rule may say otherwise. */
static void
ngx_http_sprout_settle(ngx_http_sprout_ctx_t *ctx,
    struct sprout_traits *traits, struct sprout_facts *facts)
{
    int                           rule;
    struct sprout_switches        switches;
    const struct sprout_policy   *policy;
    ngx_http_sprout_loc_conf_t   *slcf;

    if (ctx->policy != NULL && ctx->policy->switches) {
        policy = ctx->view->policy;
        slcf = ngx_http_get_module_loc_conf(ctx->request,
                                            ngx_http_sprout_module);

        rule = sprout_choice_rule(policy, traits);

        if (rule >= 0) {
            switches = sprout_rule_switches(&policy->rules[rule],
                                            ngx_http_sprout_switches(slcf));
            sprout_facts_settle(facts, &switches);
        }
    }

    if (facts->eligible && ctx->asked.is_signed) {
        facts->eligible = false;
        facts->blocked = SPROUT_REASON_SIGNED;
    }

    traits->eligible = facts->eligible;
    traits->blocked = facts->blocked;
}


/* What the predictor says of the first question; it goes to the journal in any
 * case, for that is what prices are made from. */
static ngx_int_t
ngx_http_sprout_predict(ngx_http_sprout_ctx_t *ctx, struct sprout_facts *facts,
    struct sprout_prediction *said)
{
    struct sprout_record_prediction  *p;

    if (facts->first_text == NULL || ctx->policy->weights == NULL) {
        return NGX_DECLINED;
    }

    *said = sprout_predict(&ctx->policy->weights->predictor,
                           facts->first_text);

    p = &ctx->predicted;
    p->known = !said->unlike;
    p->kind = said->kind;
    ngx_memcpy(p->quality, said->quality, sizeof(p->quality));
    ngx_memcpy(p->tokens, said->tokens, sizeof(p->tokens));

    return NGX_OK;
}


static void
ngx_http_sprout_decide(ngx_http_sprout_ctx_t *ctx, struct sprout_facts *facts)
{
    ngx_str_t                     key;
    struct sprout_traits          traits;
    struct sprout_prediction      said;
    ngx_http_request_t           *r;
    const struct sprout_policy   *policy;
    ngx_http_sprout_loc_conf_t   *slcf;

    r = ctx->request;
    policy = (ctx->policy != NULL) ? ctx->view->policy : NULL;
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    /* A client's own name for its conversation goes before what we can see. */
    ctx->conversation = facts->conversation;
    ctx->has_key = facts->conversation != 0;

    if (ctx->asked.key.len != 0 && policy != NULL) {
        ctx->conversation = sprout_hash_str(policy->salt,
                                         ngx_http_sprout_str(&ctx->asked.key));
        ctx->has_key = 1;
    }

    ngx_str_null(&key);
    if (ctx->policy != NULL && ctx->policy->needs_key) {
        key = ngx_http_sprout_headers_key(r);
    }

    traits = (struct sprout_traits) {
        .route = ngx_http_sprout_str(&r->uri),
        .model = facts->model,
        .api = sprout_dialect_name(ctx->dialect),
        .api_key_sha256 = ngx_http_sprout_str(&key),
        .header = ngx_http_sprout_headers_find,
        .header_ctx = r,
        .stream = facts->stream,
        .tools = facts->tools,
        .body_bytes = (int64_t) facts->bytes,
        .conversation = ctx->conversation,
        .ask_level = ngx_http_sprout_str(&ctx->asked.level),
        .ask_floor = ngx_http_sprout_floor(&ctx->asked.floor)
    };

    if (ngx_http_sprout_predict(ctx, facts, &said) == NGX_OK) {
        traits.prediction = &said;
    }

    ngx_http_sprout_settle(ctx, &traits, facts);

    ctx->choice = sprout_choose(policy, &traits, ngx_http_sprout_wall());
    ctx->receipt = slcf->receipts == NGX_HTTP_SPROUT_RECEIPTS_ALWAYS
                   || (ctx->asked.receipt && ctx->choice.receipts
                       && slcf->receipts != NGX_HTTP_SPROUT_RECEIPTS_OFF);

    if (slcf->mode == NGX_HTTP_SPROUT_OBSERVE) {
        ctx->choice.level = 0;
        ctx->choice.arm = SPROUT_ARM_NONE;
        ctx->choice.reason = SPROUT_REASON_OBSERVE;
    }
}


/* The level is made of patches, and none is for this request: what leaves is
 * L0's, and so is what is recorded. */
static void
ngx_http_sprout_no_patch(ngx_http_sprout_ctx_t *ctx)
{
    ctx->choice.level = 0;
    ctx->choice.arm = SPROUT_ARM_NONE;
    ctx->choice.reason = SPROUT_REASON_NO_PATCH;
}


/* Puts the plan into effect, or leaves all as it was. */
static void
ngx_http_sprout_rewrite(ngx_http_sprout_ctx_t *ctx, struct sprout_facts *facts)
{
    off_t                              length;
    ngx_uint_t                         decoded;
    ngx_chain_t                       *out;
    struct sprout_edits                edits;
    ngx_http_request_t                *r;
    ngx_http_sprout_loc_conf_t        *slcf;
    const struct sprout_rewrite_text  *text;

    r = ctx->request;
    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

    if (ctx->plain != NULL
        && (slcf->mode != NGX_HTTP_SPROUT_ON || !facts->eligible))
    {
        ngx_http_sprout_decode_drop(ctx->decode);
        ctx->plain = NULL;
    }

    if (slcf->mode != NGX_HTTP_SPROUT_ON) {
        return;
    }

    text = NULL;
    if (facts->eligible && ctx->choice.level > 0) {
        text = ngx_http_sprout_policy_text(ctx->policy, ctx->dialect,
                                           ctx->choice.level);
        if (text == NULL) {
            ngx_http_sprout_untouched(ctx, SPROUT_REASON_INTERNAL);
        }
    }

    /* A signed body is not ours to change in any way. */
    edits = sprout_rewrite_plan(ctx->dialect, facts, text,
                                slcf->usage && !ctx->asked.is_signed);

    if (text != NULL) {
        sprout_rewrite_patch(&edits, ctx->dialect, facts, text,
                             ngx_http_sprout_str(&r->uri));

        if (!edits.directive && !edits.patched) {
            ngx_http_sprout_no_patch(ctx);
        }
    }

    /* Decoded, it goes on so at L0 too: the arms differ in nothing else. */
    decoded = (ctx->plain != NULL);

    if (edits.n == 0 && !decoded) {
        return;
    }

    length = (off_t) sprout_rewrite_length(&edits, facts->bytes);
    out = ngx_http_sprout_splice(r->pool,
                                 decoded ? ctx->plain : r->request_body->bufs,
                                 &edits);

    if (out == NULL
        || ngx_http_sprout_headers_spliced(r, &ctx->asked, length, decoded)
           != NGX_OK)
    {
        ngx_http_sprout_untouched(ctx, SPROUT_REASON_INTERNAL);
        return;
    }

    r->request_body->bufs = out;
    ctx->usage_added = edits.usage_added;

    if (edits.directive || edits.patched) {
        ctx->worker->directives++;
    }
}


static void
ngx_http_sprout_resume(ngx_http_sprout_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}
