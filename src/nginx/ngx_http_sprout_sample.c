/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_sample.c - a few requests kept for judging.
 *
 *   sprout_sample SHARE;    0 (default, nothing, ever) to 1
 *   $sprout_sample          one line of JSON, or not found:
 *                           {"at":SECONDS,"request":<the body as it came>}
 *
 * nginx writes it with an access log of its own, into a folder that only control
 * and nginx can read; nothing else of the module ever holds it:
 *
 *   access_log /dir/spool/live.ndjson sample if=$sprout_sample;
 *
 * The coin is tossed once the body was read and before the directive goes in.
 * Never taken: with Sprout-Sample: no, by a rule with `sample: no`, by a rule
 * that is off, a request that no directive fits, one longer than
 * NGX_HTTP_SPROUT_SAMPLE_MAX, another API than chat completions.
 * A line break of the body stands between tokens (in a string it is escaped) and
 * becomes a blank: the same JSON on one line.
 * Memory: from the request's pool, for the requests taken only. */
#include "ngx_http_sprout_module.h"


#define NGX_HTTP_SPROUT_SAMPLE_MAX    (64 * 1024)
#define NGX_HTTP_SPROUT_SAMPLE_WHOLE  1000000


static ngx_uint_t ngx_http_sprout_sample_wanted(ngx_http_sprout_ctx_t *ctx,
    const struct sprout_facts *facts);


/* "0.01" in millionths. */
char *
ngx_http_sprout_set_sample(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    double       share;
    ngx_str_t   *value;
    ngx_uint_t  *sample;

    value = cf->args->elts;
    sample = (ngx_uint_t *) ((u_char *) conf + cmd->offset);

    if (*sample != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (sprout_str_to_f64(ngx_http_sprout_str(&value[1]), &share) != SPROUT_OK
        || share < 0 || share > 1)
    {
        return "must be a share from 0 to 1";
    }

    *sample = (ngx_uint_t) (share * NGX_HTTP_SPROUT_SAMPLE_WHOLE + 0.5);

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_sprout_sample_wanted(ngx_http_sprout_ctx_t *ctx,
    const struct sprout_facts *facts)
{
    struct sprout_str            api;
    ngx_http_sprout_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_sprout_module);

    if (slcf->sample == 0 || ctx->asked.no_sample || ctx->policy == NULL
        || !facts->eligible || facts->bytes > NGX_HTTP_SPROUT_SAMPLE_MAX
        || ctx->choice.reason == SPROUT_REASON_RULE_OFF)
    {
        return 0;
    }

    if (ctx->choice.rule >= 0
        && ctx->view->policy->rules[ctx->choice.rule].sample == SPROUT_NO)
    {
        return 0;
    }

    api = sprout_dialect_name(ctx->dialect);

    return sprout_str_eq(api, SPROUT_STR("openai-chat"))
           && (ngx_uint_t) ngx_random() % NGX_HTTP_SPROUT_SAMPLE_WHOLE
              < slcf->sample;
}


void
ngx_http_sprout_sample_take(ngx_http_sprout_ctx_t *ctx,
    const struct sprout_facts *facts)
{
    u_char       *p, *c, *end;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (!ngx_http_sprout_sample_wanted(ctx, facts)) {
        return;
    }

    p = ngx_pnalloc(ctx->request->pool, sizeof("{\"at\":,\"request\":}")
                    + NGX_TIME_T_LEN + (size_t) facts->bytes);
    if (p == NULL) {
        return;
    }

    end = ngx_sprintf(p, "{\"at\":%T,\"request\":", ngx_time());
    cl = (ctx->plain != NULL) ? ctx->plain : ctx->request->request_body->bufs;
    c = end + facts->bytes;

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_in_memory(b)) {
            if (b->in_file) {
                return;
            }

            continue;
        }

        if (b->last - b->pos > c - end) {
            return;
        }

        end = ngx_cpymem(end, b->pos, b->last - b->pos);
    }

    *end++ = '}';

    for (c = p; c < end; c++) {
        if (*c == LF || *c == CR) {
            *c = ' ';
        }
    }

    ctx->sample.data = p;
    ctx->sample.len = end - p;
}


ngx_int_t
ngx_http_sprout_get_sample(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_sprout_ctx_t  *ctx;

    ctx = ngx_http_sprout_ctx_find(r);

    if (ctx == NULL || !ctx->logging || ctx->sample.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = ctx->sample.data;
    v->len = (unsigned) ctx->sample.len & 0xfffffff;

    return NGX_OK;
}
