/* SPDX-License-Identifier: Apache-2.0 */
/* ngx_http_sprout_module.h - what the files of the module share.
 *
 * The module is plumbing: every decision is a call into wire or core.  A
 * request is read (request.c), its level chosen, its body spliced (splice.c);
 * its reply is watched (reply.c, tap.c, receipt.c) and one journal line is made
 * of it (vars.c).
 *
 *   NEW --> READING --> SCANNING --> READY     (PRECONTENT phase, request.c)
 *    |         |            |          ^
 *    |         '--> REFUSED |          |        too large: 413
 *    '---- no dialect ------'----------'        passes as it came
 *
 * Invariants: a request keeps the policy it began with; whatever of ours fails,
 * the request goes on as it came; subrequests are never touched; nothing of a
 * prompt or of an answer reaches a log, a header or the journal.
 * Memory: a context lives in its request's pool, its cleanup handler gives back
 * what is not memory.  Threads: none; every process has its own worker state.
 */
#ifndef NGX_HTTP_SPROUT_MODULE_H
#define NGX_HTTP_SPROUT_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/choice.h"
#include "core/policy.h"
#include "core/predict.h"
#include "core/receipt.h"
#include "wire/dialect.h"
#include "wire/inspect.h"
#include "wire/ping.h"
#include "wire/record.h"
#include "wire/rewrite.h"
#include "wire/tap.h"


enum {
    NGX_HTTP_SPROUT_DIALECTS_MAX = 16,       /* with texts, per policy */
    NGX_HTTP_SPROUT_ID_LEN = 24,             /* hex digits of a request id */
    NGX_HTTP_SPROUT_WORKER_MAX = 48,
    NGX_HTTP_SPROUT_POLL_MS = 250,           /* looks at policy.json */
    NGX_HTTP_SPROUT_SLICE = 256 * 1024,      /* body scanned in one turn */
    NGX_HTTP_SPROUT_HOLD_MAX = 1024 * 1024,  /* of a reply, for its receipt */
    NGX_HTTP_SPROUT_OUT_SIZE = 4096,         /* a buffer of rewritten reply */
    NGX_HTTP_SPROUT_OUT_MAX = 64,            /* of them unsent, per request */
    NGX_HTTP_SPROUT_VIEWS_MAX = 32,          /* zones seen, per policy */
    NGX_HTTP_SPROUT_ROUTE_MAX = 128,         /* a longer path is no route */
    NGX_HTTP_SPROUT_BLOCKS_MAX = 256         /* spare tap blocks, a process */
};

enum ngx_http_sprout_mode_e {
    NGX_HTTP_SPROUT_OFF = 0,
    NGX_HTTP_SPROUT_OBSERVE,
    NGX_HTTP_SPROUT_ON
};

typedef struct ngx_http_sprout_policy_s  ngx_http_sprout_policy_t;
typedef struct ngx_http_sprout_worker_s  ngx_http_sprout_worker_t;
typedef struct ngx_http_sprout_ctx_s     ngx_http_sprout_ctx_t;
typedef struct ngx_http_sprout_block_s   ngx_http_sprout_block_t;
typedef struct ngx_http_sprout_weights_s ngx_http_sprout_weights_t;
typedef struct ngx_http_sprout_decode_s  ngx_http_sprout_decode_t;


/* The bytes of each directive for one dialect. */
typedef struct {
    const struct sprout_dialect  *dialect;
    struct sprout_rewrite_text    level[SPROUT_LEVELS_MAX];
} ngx_http_sprout_texts_t;


/* What tells one version of a file from another. */
typedef struct {
    uint64_t                      hash;         /* of the bytes */
    off_t                         size;
    ino_t                         inode;
    dev_t                         device;
    struct timespec               mtime;
    unsigned                      known:1;
    unsigned                      settled:1;   /* older than its clock's tick */
} ngx_http_sprout_stamp_t;


/* A predictor's weights, mapped: shared by the policies that name them. */
struct ngx_http_sprout_weights_s {
    ngx_uint_t                    refs;
    uint64_t                      id;
    void                         *map;
    size_t                        size;
    struct sprout_predictor       predictor;
    ngx_http_sprout_stamp_t       stamp;
};


/* A policy as it holds in one zone, made when a request first asks. */
typedef struct {
    struct sprout_str             zone;         /* empty: the policy itself */
    const struct sprout_policy   *policy;
    time_t                        grid_second;  /* when grid_text was made */
    size_t                        grid_len;
    u_char                        grid_text[160];
} ngx_http_sprout_view_t;


/* A policy in use: shared by the requests that began under it, freed with the
 * last of them. */
struct ngx_http_sprout_policy_s {
    ngx_uint_t                    refs;
    const struct sprout_policy   *policy;
    ngx_uint_t                    views_n;
    ngx_http_sprout_view_t        views[NGX_HTTP_SPROUT_VIEWS_MAX];
    struct sprout_arena           arena;
    void                         *memory;
    ngx_uint_t                    texts_n;
    ngx_http_sprout_texts_t       texts[NGX_HTTP_SPROUT_DIALECTS_MAX];
    ngx_http_sprout_weights_t    *weights;      /* NULL: the mixes decide */
    ngx_http_sprout_stamp_t       weights_stamp;
    unsigned                      needs_key:1;  /* a rule asks for an API key */
    unsigned                      switches:1;   /* a rule switches something */
    unsigned                      last_user:1;  /* a rule places it there */
};


/* Spare memory for taps: 96 KB from malloc and back a request would be felt. */
struct ngx_http_sprout_block_s {
    ngx_http_sprout_block_t      *next;
};


/* State of one process; fork gives each its own copy. */
struct ngx_http_sprout_worker_s {
    ngx_http_sprout_policy_t     *policy;  /* NULL: never a good one */
    ngx_http_sprout_stamp_t       stamp;
    ngx_event_t                   timer;
    ngx_connection_t              connection;   /* debug logging wants an fd */

    ngx_str_t                     name;         /* "<pid>-<start, hex>" */
    u_char                        name_data[NGX_HTTP_SPROUT_WORKER_MAX];
    struct sprout_hash_key        id_key;
    uint64_t                      id_prefix;
    uint64_t                      ids;
    int64_t                       seq;          /* of the last journal line */

    uint64_t                      requests;
    uint64_t                      directives;   /* requests that got one */
    uint64_t                      internal;  /* ours failed, passed on */
    uint64_t                      policy_loads;
    uint64_t                      policy_errors;
    uint64_t                      predictor_errors;
    char                          policy_error[NGX_MAX_ERROR_STR / 4];

    ngx_http_sprout_weights_t    *weights;      /* the last ones mapped */

    char                         *scratch;      /* SPROUT_INSPECT_MEMORY */
    ngx_http_sprout_block_t      *blocks;
    ngx_uint_t                    blocks_n;
};


typedef struct {
    ngx_str_t                     path;         /* sprout_policy */
    ngx_http_sprout_worker_t     *worker;
    ngx_flag_t                    core_files;  /* a dead worker may leave one */
} ngx_http_sprout_main_conf_t;


typedef struct {
    ngx_uint_t                    mode;        /* enum ngx_http_sprout_mode_e */
    ngx_flag_t                    usage;    /* may ask for usage (U2) */
    ngx_uint_t                    placement;   /* enum sprout_placement */
    ngx_flag_t                    with_tools;
    ngx_flag_t                    with_completions;
    ngx_uint_t                    receipts;    /* ..._RECEIPTS_... */
    off_t                         max_body;
    ngx_msec_t                    ping;        /* of silence; 0: off */
    ngx_flag_t                    decode;      /* read compressed bodies */
    off_t                         decode_max;
    ngx_uint_t                    sample;      /* millionths of requests */
    ngx_str_t                     zone;     /* of the upstream; empty: unsaid */
} ngx_http_sprout_loc_conf_t;


/* What a reply says of its carbon. */
enum ngx_http_sprout_receipts_e {
    NGX_HTTP_SPROUT_RECEIPTS_OFF = 0,
    NGX_HTTP_SPROUT_RECEIPTS_ON,      /* a receipt, to a client that asks */
    NGX_HTTP_SPROUT_RECEIPTS_ALWAYS,  /* a receipt */
    NGX_HTTP_SPROUT_RECEIPTS_USAGE,   /* usage.carbon, OpenGateLLM's shape */
    NGX_HTTP_SPROUT_RECEIPTS_SCOPE2   /* Carbon-Emissions-Scope-2, grams */
};

enum ngx_http_sprout_state_e {
    NGX_HTTP_SPROUT_NEW = 0,
    NGX_HTTP_SPROUT_READING,    /* nginx reads the body */
    NGX_HTTP_SPROUT_SCANNING,   /* ours, a slice per turn of the event loop */
    NGX_HTTP_SPROUT_READY,      /* decided; goes upstream */
    NGX_HTTP_SPROUT_REFUSED
};

/* How a reply is treated by the body filter. */
enum ngx_http_sprout_reply_e {
    NGX_HTTP_SPROUT_PASS = 0,   /* not looked at */
    NGX_HTTP_SPROUT_WATCH,      /* looked at, passed on as it is */
    NGX_HTTP_SPROUT_FILTER,     /* a usage chunk taken out, a receipt put in */
    NGX_HTTP_SPROUT_HOLD,       /* whole reply waits for its receipt */
    NGX_HTTP_SPROUT_REPLACE     /* nginx's error page, in the API's shape */
};


/* Content-Encoding of a request. */
enum ngx_http_sprout_encoding_e {
    NGX_HTTP_SPROUT_PLAIN = 0,
    NGX_HTTP_SPROUT_GZIP,
    NGX_HTTP_SPROUT_ZSTD,
    NGX_HTTP_SPROUT_ENCODED     /* another one, or several */
};


/* What the request headers say. */
typedef struct {
    ngx_str_t                     level;        /* Sprout-Level */
    ngx_str_t                     key;          /* Sprout-Key */
    ngx_str_t                     floor;        /* Sprout-Floor */
    ngx_table_elt_t              *accept_encoding;
    enum ngx_http_sprout_encoding_e  encoding;
    unsigned                      receipt:1;    /* Sprout-Receipt: 1 */
    unsigned                      no_sample:1;  /* Sprout-Sample: no */
    unsigned                      is_signed:1;  /* over its body (B6) */
    unsigned                      digest:1;     /* Content-MD5 and kin (B6) */
    unsigned                      strip:1;  /* something must not go upstream */
} ngx_http_sprout_asked_t;


struct ngx_http_sprout_ctx_s {
    ngx_http_request_t           *request;
    ngx_http_sprout_worker_t     *worker;
    ngx_http_sprout_policy_t     *policy;       /* NULL: there was none */
    ngx_http_sprout_view_t       *view;         /* of it; NULL exactly then */
    struct sprout_str             zone;         /* empty: the location has none */
    const struct sprout_dialect  *dialect;      /* NULL: passes as it came */

    enum ngx_http_sprout_state_e  state;
    enum ngx_http_sprout_reply_e  reply;

    uint64_t                      began;        /* monotonic, ns */
    uint64_t                      spent;        /* in our own code, ns */
    int64_t                       waited_us;    /* from nginx's begin to ours */
    int64_t                       ttfb_us;      /* -1: no byte yet */

    ngx_http_sprout_asked_t       asked;
    struct sprout_choice          choice;
    struct sprout_record_prediction  predicted;
    struct sprout_str             model;
    struct sprout_str             route;    /* path; empty: of no API, or long */
    uint64_t                      conversation;

    /* Scanning; the chain is nginx's own. */
    struct sprout_inspect        *inspect;
    ngx_chain_t                  *scan;         /* next buffer */
    off_t                         scanned;      /* of that buffer */
    ngx_http_sprout_decode_t     *decode;       /* NULL: it is not encoded */
    ngx_chain_t                  *plain;        /* decoded, the whole of it */
    ngx_event_t                   turn;         /* posted between two slices */

    struct sprout_tap            *tap;
    ngx_http_sprout_block_t      *block;
    struct sprout_tap_result      seen;         /* once the reply has ended */

    /* Reply buffers of ours, and of upstream's that wait (FILTER, HOLD). */
    ngx_chain_t                  *in;
    ngx_chain_t                  *free;
    ngx_chain_t                  *busy;
    ngx_uint_t                    busy_n;
    ngx_chain_t                  *held;
    ngx_chain_t                 **held_last;
    size_t                        held_size;

    struct sprout_ping            ping;         /* where the client stands */
    ngx_msec_t                    ping_last;    /* a byte, or a ping */
    ngx_event_t                   ping_timer;
    ngx_chain_t                  *ping_free;
    ngx_chain_t                  *ping_busy;

    ngx_str_t                     error_body;   /* REPLACE */
    ngx_str_t                     sample;       /* taken for judging */
    ngx_str_t                     record;      /* made once, in the log phase */
    u_char                        id[NGX_HTTP_SPROUT_ID_LEN];

    unsigned                      has_key:1;
    unsigned                      stream:1;
    unsigned                      usage_added:1;
    unsigned                      receipt:1;  /* allowed, not yet given */
    unsigned                      carbon:1;     /* usage.carbon, not yet given */
    unsigned                      scope2:1;     /* the header, not yet given */
    unsigned                      headed:1;     /* the header filter has run */
    unsigned                      pinging:1;
    unsigned                      ended:1;      /* the last buffer was seen */
    unsigned                      cut:1;        /* upstream died in mid-reply */
    unsigned                      error_sent:1;
    unsigned                      finished:1;   /* `seen` is final */
    unsigned                      logging:1;    /* the log phase has begun */
};


extern ngx_module_t  ngx_http_sprout_module;


/* Views change hands without copying. */
static ngx_inline struct sprout_str
ngx_http_sprout_str(const ngx_str_t *s)
{
    return (struct sprout_str) { (const char *) s->data, s->len };
}


/* sample.c: requests kept for judging. */
char *ngx_http_sprout_set_sample(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_sprout_sample_take(ngx_http_sprout_ctx_t *ctx,
    const struct sprout_facts *facts);
ngx_int_t ngx_http_sprout_get_sample(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ctx.c: a request's context, its clock. */
ngx_http_sprout_ctx_t *ngx_http_sprout_ctx_find(ngx_http_request_t *r);
ngx_http_sprout_ctx_t *ngx_http_sprout_ctx_create(ngx_http_request_t *r);
uint64_t ngx_http_sprout_clock(void);
sprout_instant ngx_http_sprout_wall(void);
ngx_int_t ngx_http_sprout_worker_init(ngx_http_sprout_worker_t *w,
    ngx_log_t *log);
ngx_http_sprout_block_t *ngx_http_sprout_block_take(ngx_http_sprout_worker_t *w,
    ngx_log_t *log);

/* policy.c: policy.json, polled; a request takes a reference. */
void ngx_http_sprout_policy_start(ngx_http_sprout_main_conf_t *smcf,
    ngx_log_t *log);
void ngx_http_sprout_policy_release(ngx_http_sprout_policy_t *p);
ngx_http_sprout_view_t *ngx_http_sprout_policy_view(
    ngx_http_sprout_policy_t *p, struct sprout_str zone);
const struct sprout_rewrite_text *ngx_http_sprout_policy_text(
    ngx_http_sprout_policy_t *p, const struct sprout_dialect *dialect,
    int level);

/* weights.c: the predictor that a policy names. */
void ngx_http_sprout_weights_look(ngx_http_sprout_main_conf_t *smcf,
    ngx_http_sprout_policy_t *p, ngx_log_t *log);
void ngx_http_sprout_weights_release(ngx_http_sprout_weights_t *weights);

/* headers.c: what a request asks, and what of it must not go upstream. */
void ngx_http_sprout_headers_read(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked);
ngx_int_t ngx_http_sprout_headers_strip(ngx_http_request_t *r);
void ngx_http_sprout_headers_reply(ngx_http_request_t *r);
ngx_int_t ngx_http_sprout_headers_identity(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked);
ngx_int_t ngx_http_sprout_headers_spliced(ngx_http_request_t *r,
    ngx_http_sprout_asked_t *asked, off_t length, ngx_uint_t decoded);
bool ngx_http_sprout_headers_find(void *r, struct sprout_str name,
    struct sprout_str *out);
ngx_str_t ngx_http_sprout_headers_key(ngx_http_request_t *r);

/* request.c: the PRECONTENT handler. */
ngx_int_t ngx_http_sprout_handler(ngx_http_request_t *r);

/* decode.c: compressed bodies. */
ngx_http_sprout_decode_t *ngx_http_sprout_decode_open(ngx_http_request_t *r,
    enum ngx_http_sprout_encoding_e encoding, off_t max);
ngx_int_t ngx_http_sprout_decode_step(ngx_http_sprout_decode_t *d,
    struct sprout_inspect *inspect, u_char **pos, u_char *last, size_t *made);
ngx_chain_t *ngx_http_sprout_decode_end(ngx_http_sprout_decode_t *d);
void ngx_http_sprout_decode_drop(ngx_http_sprout_decode_t *d);

/* splice.c: edits over the original memory. */
ngx_int_t ngx_http_sprout_splice_map(ngx_http_request_t *r);
ngx_chain_t *ngx_http_sprout_splice(ngx_pool_t *pool, ngx_chain_t *in,
    const struct sprout_edits *edits);

/* reply.c: header and body filter. */
void ngx_http_sprout_reply_init(void);
ngx_int_t ngx_http_sprout_next_header(ngx_http_request_t *r);
ngx_int_t ngx_http_sprout_next_body(ngx_http_request_t *r, ngx_chain_t *in);
ngx_int_t ngx_http_sprout_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/* tap.c: replies that are looked at on their way. */
ngx_int_t ngx_http_sprout_tap_open(ngx_http_sprout_ctx_t *ctx,
    enum sprout_framing framing);
void ngx_http_sprout_tap_watch(ngx_http_sprout_ctx_t *ctx, ngx_chain_t *in);
ngx_int_t ngx_http_sprout_tap_filter(ngx_http_sprout_ctx_t *ctx,
    ngx_chain_t *in);
ngx_uint_t ngx_http_sprout_tap_cut_short(ngx_http_sprout_ctx_t *ctx,
    ngx_buf_t *b);
struct sprout_tap_result ngx_http_sprout_tap_seen(ngx_http_sprout_ctx_t *ctx);

/* ping.c: signs of life in silences. */
void ngx_http_sprout_ping_open(ngx_http_sprout_ctx_t *ctx);
void ngx_http_sprout_ping_see(ngx_http_sprout_ctx_t *ctx, const u_char *bytes,
    size_t len);
void ngx_http_sprout_ping_close(ngx_http_sprout_ctx_t *ctx);

/* receipt.c: what a request cost, told to a client that asked. */
ngx_int_t ngx_http_sprout_receipt_hold(ngx_http_sprout_ctx_t *ctx,
    ngx_chain_t *in);
ngx_int_t ngx_http_sprout_receipt_unavailable(ngx_http_request_t *r);
ngx_uint_t ngx_http_sprout_receipt_due(ngx_http_sprout_ctx_t *ctx);
void ngx_http_sprout_receipt_comments(ngx_http_sprout_ctx_t *ctx,
    struct sprout_buf *b);

/* error.c: nginx's error pages in the shape of the API (H5). */
ngx_int_t ngx_http_sprout_error_replace(ngx_http_sprout_ctx_t *ctx);
ngx_int_t ngx_http_sprout_error_body(ngx_http_sprout_ctx_t *ctx,
    ngx_chain_t *in);

/* vars.c and status.c: what operators can read. */
ngx_int_t ngx_http_sprout_vars_add(ngx_conf_t *cf);
ngx_int_t ngx_http_sprout_log_handler(ngx_http_request_t *r);
char *ngx_http_sprout_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif
