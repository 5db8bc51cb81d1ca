/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_vars.c - the module's variables, and among them the journal
 * line.
 *
 *   $sprout_record     one line of JSON (docs/journal.md); only in the log
 *                      phase, so `access_log ... if=$sprout_record` writes each
 *                      request of a sprout location once and nothing else
 *   $sprout_level, $sprout_reason, $sprout_arm, $sprout_rule, $sprout_policy,
 *   $sprout_stratum, $sprout_model, $sprout_api, $sprout_request_id,
 *   $sprout_tokens_prompt, $sprout_tokens_completion, $sprout_policy_errors
 *
 * Every getter works in any phase and without a context: not found, never an
 * error.  No prompt text and no answer text is in any of them but $sprout_sample
 * (sample.c), which is empty unless sampling is switched on. */
#include "ngx_http_sprout_module.h"


typedef struct sprout_str (*ngx_http_sprout_text_pt)(ngx_http_sprout_ctx_t *c);

typedef struct {
    ngx_str_t                      name;
    ngx_http_get_variable_pt       get;
    ngx_http_sprout_text_pt        text;
} ngx_http_sprout_variable_t;


static ngx_int_t ngx_http_sprout_get_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sprout_get_tokens(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sprout_get_errors(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sprout_get_record(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static struct sprout_str ngx_http_sprout_text_level(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_reason(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_arm(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_rule(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_policy(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_stratum(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_model(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_api(ngx_http_sprout_ctx_t *c);
static struct sprout_str ngx_http_sprout_text_id(ngx_http_sprout_ctx_t *c);

static ngx_int_t ngx_http_sprout_record_make(ngx_http_sprout_ctx_t *ctx);
static void ngx_http_sprout_record_fill(ngx_http_sprout_ctx_t *ctx,
    struct sprout_record *rec);
static ngx_uint_t ngx_http_sprout_record_status(ngx_http_request_t *r);
static enum sprout_outcome ngx_http_sprout_record_outcome(
    ngx_http_sprout_ctx_t *ctx, ngx_uint_t status,
    const struct sprout_tap_result *seen);


static ngx_http_sprout_variable_t  ngx_http_sprout_variables[] = {
    { ngx_string("sprout_record"), ngx_http_sprout_get_record, NULL },
    { ngx_string("sprout_sample"), ngx_http_sprout_get_sample, NULL },
    { ngx_string("sprout_level"), NULL, ngx_http_sprout_text_level },
    { ngx_string("sprout_reason"), NULL, ngx_http_sprout_text_reason },
    { ngx_string("sprout_arm"), NULL, ngx_http_sprout_text_arm },
    { ngx_string("sprout_rule"), NULL, ngx_http_sprout_text_rule },
    { ngx_string("sprout_policy"), NULL, ngx_http_sprout_text_policy },
    { ngx_string("sprout_stratum"), NULL, ngx_http_sprout_text_stratum },
    { ngx_string("sprout_model"), NULL, ngx_http_sprout_text_model },
    { ngx_string("sprout_api"), NULL, ngx_http_sprout_text_api },
    { ngx_string("sprout_request_id"), NULL, ngx_http_sprout_text_id },
    { ngx_string("sprout_tokens_prompt"), ngx_http_sprout_get_tokens, NULL },
    { ngx_string("sprout_tokens_completion"), ngx_http_sprout_get_tokens,
      NULL },
    { ngx_string("sprout_policy_errors"), ngx_http_sprout_get_errors, NULL },
    { ngx_null_string, NULL, NULL }
};


ngx_int_t
ngx_http_sprout_vars_add(ngx_conf_t *cf)
{
    ngx_http_variable_t         *var;
    ngx_http_sprout_variable_t  *v;

    for (v = ngx_http_sprout_variables; v->name.len != 0; v++) {

        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = (v->get != NULL) ? v->get : ngx_http_sprout_get_text;
        var->data = (uintptr_t) v;
    }

    return NGX_OK;
}


static void
ngx_http_sprout_value(ngx_http_variable_value_t *v, const void *data,
    size_t len)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) data;
    v->len = (unsigned) len & 0xfffffff;
}


static ngx_int_t
ngx_http_sprout_get_text(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                      *copy;
    struct sprout_str            text;
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_variable_t  *var;

    var = (ngx_http_sprout_variable_t *) data;
    ctx = ngx_http_sprout_ctx_find(r->main);

    v->not_found = 1;

    if (ctx == NULL) {
        return NGX_OK;
    }

    text = var->text(ctx);
    if (text.len == 0) {
        return NGX_OK;
    }

    /* Not a view: what reads it may outlive the policy. */
    copy = ngx_pnalloc(r->pool, text.len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, text.ptr, text.len);
    ngx_http_sprout_value(v, copy, text.len);

    return NGX_OK;
}


static const struct sprout_policy *
ngx_http_sprout_policy_of(ngx_http_sprout_ctx_t *ctx)
{
    return (ctx->policy != NULL) ? ctx->view->policy : NULL;
}


static struct sprout_str
ngx_http_sprout_text_level(ngx_http_sprout_ctx_t *ctx)
{
    const struct sprout_policy  *policy;

    policy = ngx_http_sprout_policy_of(ctx);

    return (policy != NULL) ? policy->levels[ctx->choice.level].name
                            : SPROUT_STR("L0");
}


static struct sprout_str
ngx_http_sprout_text_reason(ngx_http_sprout_ctx_t *ctx)
{
    return sprout_str_of(sprout_reason_text(ctx->choice.reason));
}


static struct sprout_str
ngx_http_sprout_text_arm(ngx_http_sprout_ctx_t *ctx)
{
    return sprout_str_of(sprout_arm_text(ctx->choice.arm));
}


static struct sprout_str
ngx_http_sprout_text_rule(ngx_http_sprout_ctx_t *ctx)
{
    const struct sprout_policy  *policy;

    policy = ngx_http_sprout_policy_of(ctx);

    return (policy != NULL && ctx->choice.rule >= 0)
           ? policy->rules[ctx->choice.rule].name : SPROUT_STR("");
}


static struct sprout_str
ngx_http_sprout_text_policy(ngx_http_sprout_ctx_t *ctx)
{
    const struct sprout_policy  *policy;

    policy = ngx_http_sprout_policy_of(ctx);

    return (policy != NULL) ? policy->id : SPROUT_STR("");
}


static struct sprout_str
ngx_http_sprout_text_stratum(ngx_http_sprout_ctx_t *ctx)
{
    const struct sprout_policy  *policy;

    policy = ngx_http_sprout_policy_of(ctx);

    return (policy != NULL && ctx->dialect != NULL)
           ? policy->strata[ctx->choice.stratum].name : SPROUT_STR("");
}


static struct sprout_str
ngx_http_sprout_text_model(ngx_http_sprout_ctx_t *ctx)
{
    return ctx->model;
}


static struct sprout_str
ngx_http_sprout_text_api(ngx_http_sprout_ctx_t *ctx)
{
    return sprout_dialect_name(ctx->dialect);
}


static struct sprout_str
ngx_http_sprout_text_id(ngx_http_sprout_ctx_t *ctx)
{
    return (struct sprout_str) { (const char *) ctx->id,
                                 NGX_HTTP_SPROUT_ID_LEN };
}


static ngx_int_t
ngx_http_sprout_get_tokens(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                      *text;
    sprout_tokens                n;
    struct sprout_usage          usage;
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_variable_t  *var;

    var = (ngx_http_sprout_variable_t *) data;
    ctx = ngx_http_sprout_ctx_find(r->main);

    v->not_found = 1;

    if (ctx == NULL) {
        return NGX_OK;
    }

    usage = ngx_http_sprout_tap_seen(ctx).usage;
    n = (var->name.len == sizeof("sprout_tokens_prompt") - 1)
        ? usage.prompt : usage.completion;

    if (!sprout_tokens_known(n)) {
        return NGX_OK;
    }

    text = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sprout_value(v, text, (size_t) (ngx_sprintf(text, "%L", n.n)
                                             - text));
    v->no_cacheable = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_get_errors(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                       *text;
    ngx_http_sprout_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sprout_module);

    text = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sprout_value(v, text,
                          (size_t) (ngx_sprintf(text, "%uL",
                                                smcf->worker->policy_errors)
                                    - text));
    v->no_cacheable = 1;

    return NGX_OK;
}


/* Before the log phase the line would be half true, and asking for it twice
 * would take two numbers. */
static ngx_int_t
ngx_http_sprout_get_record(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_sprout_ctx_t  *ctx;

    ctx = ngx_http_sprout_ctx_find(r);

    if (r != r->main || ctx == NULL || !ctx->logging
        || (ctx->record.len == 0 && ngx_http_sprout_record_make(ctx) != NGX_OK))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_sprout_value(v, ctx->record.data, ctx->record.len);

    return NGX_OK;
}


/* The log phase begins.  A request that never met us (its client left early)
 * gets its context here, so that it is journalled too. */
ngx_int_t
ngx_http_sprout_log_handler(ngx_http_request_t *r)
{
    ngx_http_sprout_ctx_t       *ctx;
    ngx_http_sprout_loc_conf_t  *slcf;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_sprout_ctx_find(r);

    if (ctx == NULL) {
        slcf = ngx_http_get_module_loc_conf(r, ngx_http_sprout_module);

        if (slcf->mode == NGX_HTTP_SPROUT_OFF) {
            return NGX_OK;
        }

        ctx = ngx_http_sprout_ctx_create(r);
        if (ctx == NULL) {
            return NGX_OK;
        }
    }

    ctx->logging = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sprout_record_make(ngx_http_sprout_ctx_t *ctx)
{
    char                  line[SPROUT_RECORD_MAX];
    struct sprout_buf     b;
    struct sprout_record  rec;

    ngx_memzero(&rec, sizeof(rec));
    ngx_http_sprout_record_fill(ctx, &rec);

    b = sprout_buf_of(line, sizeof(line));
    sprout_record_put(&b, &rec);

    ctx->record.data = ngx_pnalloc(ctx->request->pool, b.len);

    if (b.full || ctx->record.data == NULL) {
        ctx->worker->internal++;
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->record.data, b.ptr, b.len);
    ctx->record.len = b.len;

    return NGX_OK;
}


static void
ngx_http_sprout_record_fill(ngx_http_sprout_ctx_t *ctx,
    struct sprout_record *rec)
{
    uint64_t                  now;
    ngx_http_request_t       *r;
    struct sprout_tap_result  seen;

    r = ctx->request;
    now = ngx_http_sprout_clock();
    seen = ngx_http_sprout_tap_seen(ctx);

    rec->version = SPROUT_RECORD_VERSION;
    rec->worker = ngx_http_sprout_str(&ctx->worker->name);
    rec->seq = ++ctx->worker->seq;
    rec->time.ns = (int64_t) r->start_sec * SPROUT_NS_PER_SECOND
                   + (int64_t) r->start_msec * 1000000;

    rec->id = ngx_http_sprout_text_id(ctx);
    rec->api = ngx_http_sprout_text_api(ctx);
    rec->model = ctx->model;
    rec->stream = ctx->stream;

    rec->level = ngx_http_sprout_text_level(ctx);
    rec->arm = ngx_http_sprout_text_arm(ctx);
    rec->reason = ngx_http_sprout_text_reason(ctx);
    rec->rule = ngx_http_sprout_text_rule(ctx);
    rec->stratum = ngx_http_sprout_text_stratum(ctx);
    rec->policy = ngx_http_sprout_text_policy(ctx);
    rec->zone = ctx->zone;
    rec->route = ctx->route;

    rec->has_key = ctx->has_key;
    rec->key = ctx->conversation;
    rec->predicted = ctx->predicted;
    rec->usage = seen.usage;
    rec->usage_source = seen.source;

    rec->ttfb_us = ctx->ttfb_us;
    rec->duration_us = ctx->waited_us + (int64_t) (now - ctx->began) / 1000;
    rec->status = (int64_t) ngx_http_sprout_record_status(r);
    rec->outcome = ngx_http_sprout_record_outcome(ctx, (ngx_uint_t) rec->status,
                                                  &seen);
    rec->bytes_in = (int64_t) r->request_length;
    rec->bytes_out = (int64_t) r->connection->sent;

    ctx->spent += ngx_http_sprout_clock() - now;
    rec->overhead_us = (int64_t) (ctx->spent / 1000);
}


/* As $status has it. */
static ngx_uint_t
ngx_http_sprout_record_status(ngx_http_request_t *r)
{
    if (r->err_status != 0) {
        return r->err_status;
    }

    return r->headers_out.status;
}


/* client_closed: left before the whole reply was sent; a client that leaves
 * after [DONE], as most do, has all of it, though upstream has yet to end its
 * chunks.  upstream_error: no answer, a 5xx, a stream that was cut short or
 * that said so itself.  refused: any other answer that is none, nginx's, ours
 * or upstream's. */
static enum sprout_outcome
ngx_http_sprout_record_outcome(ngx_http_sprout_ctx_t *ctx, ngx_uint_t status,
    const struct sprout_tap_result *seen)
{
    ngx_uint_t           complete;
    ngx_http_request_t  *r;

    r = ctx->request;
    complete = seen->terminal && status < NGX_HTTP_SPECIAL_RESPONSE;

    /* Whatever the client did afterwards: nginx lingers before it logs. */
    if (ctx->cut && !complete) {
        return SPROUT_OUTCOME_UPSTREAM_ERROR;
    }

    if (!complete && (status == NGX_HTTP_CLIENT_CLOSED_REQUEST
                      || r->connection->error || r->connection->timedout))
    {
        return SPROUT_OUTCOME_CLIENT_CLOSED;
    }

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR || seen->error) {
        return (r->upstream != NULL) ? SPROUT_OUTCOME_UPSTREAM_ERROR
                                     : SPROUT_OUTCOME_REFUSED;
    }

    if (status >= NGX_HTTP_BAD_REQUEST) {
        return SPROUT_OUTCOME_REFUSED;
    }

    /* A header went out and the end never came. */
    if (!complete && ctx->headed && !ctx->ended && !r->header_only) {
        return SPROUT_OUTCOME_UPSTREAM_ERROR;
    }

    /* Where only closing marks the end, a server that dies closes too (S5). */
    if (seen->partial && r->upstream != NULL
        && !r->upstream->headers_in.chunked
        && r->upstream->headers_in.content_length_n == -1)
    {
        return SPROUT_OUTCOME_UPSTREAM_ERROR;
    }

    return SPROUT_OUTCOME_OK;
}
