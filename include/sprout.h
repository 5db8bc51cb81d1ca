/* SPDX-License-Identifier: Apache-2.0 */
/* sprout.h - Sprout inside another program: choose a level, splice, tap.
 *
 * What the nginx module does with a request, for a gateway of your own: read its body as it
 * comes, choose a level by a policy, say which bytes to change, watch the reply and count.
 * No sockets, files, clocks, threads or allocation: memory, time and bytes are handed in.
 *
 *     struct sprout_engine *engine;           a policy in use (policy.json, docs/policy.md)
 *     struct sprout_exchange *x;              one request and its reply
 *
 *     sprout_engine_make -> sprout_exchange_make -> sprout_exchange_request (pieces)
 *         -> sprout_exchange_choose -> apply the edits, send upstream
 *         -> sprout_exchange_reply -> sprout_exchange_tap (pieces) -> sprout_exchange_end
 *
 * Memory: every object lies in a block of the caller's, at least as large as the ..._size()
 * beside it and aligned to 16; there is nothing to free but that block.  An engine outlives
 * its exchanges.  Texts that are returned live as long as the object they come from.
 * Threads: an engine is used by one thread at a time (it keeps escaped texts); an exchange
 * belongs to the thread that uses its engine.
 * Errors: functions that can fail return 0 for success and a code above 0 otherwise; where
 * a `why` is taken it gets a sentence, cut to its size.  A request that cannot be read is no
 * failure: it has no edits and says why.  Whatever goes wrong, passing the bytes on as they
 * came is right.
 * ABI: a struct that callers allocate begins with its size, set by the caller; members are
 * only ever added at the end, and functions are only ever added.  sprout_abi() tells which
 * version the library speaks: the major part (in thousands) must be equal.
 * C99, C11, C++. */
#ifndef SPROUT_H
#define SPROUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SPROUT_API __attribute__((visibility("default")))
#else
#define SPROUT_API
#endif

#define SPROUT_ABI 1000

SPROUT_API int sprout_abi(void);             /* of the library: 1000 * major + minor */
SPROUT_API const char *sprout_version(void); /* of the project, "0.1.0" */

/* A code in words ("a value is out of its bounds"); "success" for 0. */
SPROUT_API const char *sprout_code_text(int code);

/* ---- a policy in use --------------------------------------------------------------- */

struct sprout_engine;

/* Bytes of a block in which any policy of `json_len` bytes fits.  Pages of it that are not
 * needed are never touched. */
SPROUT_API size_t sprout_engine_size(size_t json_len);

/* Reads policy.json whole and checks it whole; the text may go afterwards.  *out is in
 * `block`.  `why` may be NULL. */
SPROUT_API int sprout_engine_make(void *block, size_t size, const char *json,
                                  size_t json_len, struct sprout_engine **out, char *why,
                                  size_t why_size);

/* The weights that the policy names ("" if it names none): give them here, aligned to 8 and
 * unchanged while the engine lives, and prompts are told apart one by one.  Refused (above 0)
 * if they are not those, or damaged; the policy's mixes then hold. */
SPROUT_API const char *sprout_engine_weights_name(const struct sprout_engine *engine);
SPROUT_API int sprout_engine_weights(struct sprout_engine *engine, const void *bytes,
                                     size_t len, char *why, size_t why_size);

/* ---- one request and its reply ----------------------------------------------------- */

struct sprout_exchange;

SPROUT_API size_t sprout_exchange_size(void);

/* A request header by its lower-case name; 0 if it is not there.  *out is borrowed until the
 * exchange has chosen. */
typedef int sprout_header_lookup(void *ctx, const char *name, size_t name_len,
                                 const char **out, size_t *out_len);

struct sprout_request_head {
    size_t size;                  /* sizeof(struct sprout_request_head) */
    const char *method;           /* "POST" */
    const char *path;             /* decoded, without query: "/v1/chat/completions" */
    sprout_header_lookup *header; /* NULL: no headers */
    void *header_ctx;
    const char *api_key_sha256; /* 64 hex digits for rules by key; NULL: none */
};

/* NULL if the block is too small.  The head's texts are borrowed until the exchange has
 * chosen. */
SPROUT_API struct sprout_exchange *sprout_exchange_make(
    void *block, size_t size, struct sprout_engine *engine,
    const struct sprout_request_head *head);

/* The next bytes of the request's body, in any pieces. */
SPROUT_API void sprout_exchange_request(struct sprout_exchange *x, const void *bytes,
                                        size_t len);

/* At byte `at` of the body as it came, leave out `drop` bytes and put these instead. */
struct sprout_body_edit {
    uint64_t at;
    uint64_t drop;
    const char *put;
    size_t put_len;
};

struct sprout_decision {
    size_t size;        /* sizeof(struct sprout_decision) */
    const char *level;  /* "L1" */
    const char *arm;    /* "mix", "holdout", ... (docs/journal.md) */
    const char *reason; /* "mix", "predicted", or why the body is not touched */
    const char *rule;   /* NULL: none */
    uint64_t conversation;
    uint64_t length; /* of the body after the edits */
    size_t edits;    /* in ascending order; 0: send it as it came */
    struct sprout_body_edit edit[8];
};

/* The body has ended: what to do with it.  `now_ns` is UTC, nanoseconds since 1970.
 * Sprout-Level, Sprout-Floor and Sprout-Key are looked up among the headers; take them out
 * before the request goes on. */
SPROUT_API void sprout_exchange_choose(struct sprout_exchange *x, int64_t now_ns,
                                       struct sprout_decision *out);

/* The reply begins, with its Content-Type.  0 if it is of a kind that is read; else it passes
 * unseen and sprout_exchange_end() says that nothing is known. */
SPROUT_API int sprout_exchange_reply(struct sprout_exchange *x, const char *content_type);

typedef void sprout_emit(void *ctx, const char *bytes, size_t len);

/* The next bytes of the reply's body; `emit` is called with those that go to the client,
 * which are all of them but for a usage event that only our edit asked for. */
SPROUT_API void sprout_exchange_tap(struct sprout_exchange *x, const void *bytes,
                                    size_t len, sprout_emit *emit, void *ctx);

struct sprout_outcome_counts {
    size_t size; /* sizeof(struct sprout_outcome_counts) */
    /* Tokens; -1: unknown, which is not 0. */
    int64_t prompt;
    int64_t cached;
    int64_t completion;
    int64_t reasoning;
    int estimated; /* counted here, not reported by the server */
    int complete;  /* the stream's own end was seen */
    /* Of the modelled energy at the policy's grid value; NaN: unknown. */
    double joules;
    double grams;
    double grams_l0; /* what L0 would be expected to emit */
};

/* The reply has ended, or was cut: emits what is still held and says what it cost. */
SPROUT_API void sprout_exchange_end(struct sprout_exchange *x, sprout_emit *emit,
                                    void *ctx, struct sprout_outcome_counts *out);

#ifdef __cplusplus
}
#endif

#endif
