/* SPDX-License-Identifier: Apache-2.0 */
/* embed.c - sprout.h on top of base, core and wire.
 *
 * Plumbing like that of the nginx module, for callers without nginx: no decision is made
 * here.  An exchange is one block: the struct, the inspector's memory, the tap's memory; the
 * tap takes over when the request has been read.
 * Structs of the caller's carry their size: only members inside it are read or written. */
#include "sprout.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "core/choice.h"
#include "core/receipt.h"
#include "wire/inspect.h"
#include "wire/policy_json.h"
#include "wire/rewrite.h"
#include "wire/tap.h"

enum {
    BASE_MEMORY = 2 << 20, /* rules of many mixes, escaped texts */
    PER_BYTE = 16,         /* short mixes become long ones */
    DIALECTS = 16,
    ALIGN = 16,
    FILE_NAME = SPROUT_WEIGHTS_NAME_MAX + 1,
};

struct texts {
    const struct sprout_dialect *dialect;
    struct sprout_rewrite_text level[SPROUT_LEVELS_MAX];
};

struct sprout_engine {
    struct sprout_arena arena;
    const struct sprout_policy *policy;
    struct sprout_predictor predictor; /* model NULL: none */
    struct texts texts[DIALECTS];
    size_t texts_n;
    bool last_user; /* a rule may place a directive there */
    char weights[FILE_NAME];
};

struct sprout_exchange {
    struct sprout_engine *engine;
    struct sprout_request_head head;
    const struct sprout_dialect *dialect;
    struct sprout_inspect *inspect; /* until the choice */
    struct sprout_tap *tap;         /* from the reply on */
    struct sprout_choice choice;
    bool usage_added;
    char model_bytes[SPROUT_MODEL_MAX];
    struct sprout_str model;
    char level[SPROUT_NAME_MAX + 1];
    char rule[SPROUT_NAME_MAX + 1];
    _Alignas(ALIGN) char memory[];
};

static_assert((int)SPROUT_TAP_MEMORY >= (int)SPROUT_INSPECT_MEMORY,
              "the tap and the inspector take turns in the same memory");
static_assert(SPROUT_EDITS_MAX <= sizeof((struct sprout_decision *)0)->edit /
                                      sizeof(struct sprout_body_edit),
              "a decision has room for every plan");

/* ---- errors ----------------------------------------------------------------------- */

int sprout_abi(void)
{
    return SPROUT_ABI;
}

const char *sprout_version(void)
{
    return SPROUT_VERSION;
}

const char *sprout_code_text(int code)
{
    return sprout_status_text((enum sprout_status)code);
}

static int tell(enum sprout_status status, const struct sprout_error *err, char *why,
                size_t size)
{
    if (why != NULL && size > 0) {
        const char *const text = status == SPROUT_OK       ? ""
                                 : err->message[0] != '\0' ? err->message
                                                           : sprout_status_text(status);
        const size_t len = strlen(text);
        const size_t n = len < size ? len : size - 1;
        memcpy(why, text, n);
        why[n] = '\0';
    }
    return (int)status;
}

static void copy_name(char *out, size_t cap, struct sprout_str s)
{
    const size_t n = s.len < cap ? s.len : cap - 1;
    memcpy(out, s.ptr, n);
    out[n] = '\0';
}

/* ---- engines ---------------------------------------------------------------------- */

size_t sprout_engine_size(size_t json_len)
{
    return sizeof(struct sprout_engine) + BASE_MEMORY + PER_BYTE * json_len;
}

static bool is_last_user(const struct sprout_policy *p)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        if (p->rules[i].placement == SPROUT_PLACEMENT_LAST_USER) {
            return true;
        }
    }
    return false;
}

int sprout_engine_make(void *block, size_t size, const char *json, size_t json_len,
                       struct sprout_engine **out, char *why, size_t why_size)
{
    struct sprout_error err = {0};
    struct sprout_engine *const e = block;

    if (block == NULL || (uintptr_t)block % ALIGN != 0 ||
        size < sprout_engine_size(json_len)) {
        sprout_fail(&err, SPROUT_NO_MEMORY,
                    "found a block of %zu bytes, expected %zu, aligned to %d", size,
                    sprout_engine_size(json_len), ALIGN);
        return tell(SPROUT_NO_MEMORY, &err, why, why_size);
    }
    memset(e, 0, sizeof *e);
    e->arena = sprout_arena_of(e + 1, size - sizeof *e);
    const enum sprout_status status = sprout_policy_read(
        (struct sprout_str){json, json_len}, &e->arena, &e->policy, &err);
    if (status == SPROUT_OK) {
        e->last_user = is_last_user(e->policy);
        copy_name(e->weights, sizeof e->weights, e->policy->predictor.file);
        *out = e;
    }
    return tell(status, &err, why, why_size);
}

const char *sprout_engine_weights_name(const struct sprout_engine *engine)
{
    return engine->weights;
}

int sprout_engine_weights(struct sprout_engine *engine, const void *bytes, size_t len,
                          char *why, size_t why_size)
{
    struct sprout_error err = {0};
    struct sprout_predictor p;
    enum sprout_status status = sprout_predictor_view(bytes, len, &p, &err);

    if (status == SPROUT_OK && p.id != engine->policy->predictor.id) {
        status = sprout_fail(
            &err, SPROUT_INVALID, "found weights %016llx, the policy names %016llx",
            (unsigned long long)p.id, (unsigned long long)engine->policy->predictor.id);
    }
    if (status == SPROUT_OK) {
        engine->predictor = p;
    }
    return tell(status, &err, why, why_size);
}

/* The bytes of a level for a dialect, escaped at their first use; NULL: no room. */
static const struct sprout_rewrite_text *text_of(struct sprout_engine *e,
                                                 const struct sprout_dialect *d,
                                                 int level)
{
    size_t i = 0;
    while (i < e->texts_n && e->texts[i].dialect != d) {
        i++;
    }
    if (i == DIALECTS) {
        return NULL;
    }
    struct texts *const t = &e->texts[i];
    for (size_t l = 1; i == e->texts_n && l < e->policy->level_count; l++) {
        if (sprout_rewrite_level_make(&e->arena, d, e->policy, l, &t->level[l]) !=
            SPROUT_OK) {
            return NULL;
        }
    }
    if (i == e->texts_n) {
        t->dialect = d;
        e->texts_n++;
    }
    return &t->level[level];
}

/* ---- exchanges -------------------------------------------------------------------- */

size_t sprout_exchange_size(void)
{
    return sizeof(struct sprout_exchange) + SPROUT_TAP_MEMORY;
}

struct sprout_exchange *sprout_exchange_make(void *block, size_t size,
                                             struct sprout_engine *engine,
                                             const struct sprout_request_head *head)
{
    struct sprout_exchange *const x = block;
    if (block == NULL || (uintptr_t)block % ALIGN != 0 || size < sprout_exchange_size()) {
        return NULL;
    }
    memset(x, 0, sizeof *x);
    memcpy(&x->head, head, head->size < sizeof x->head ? head->size : sizeof x->head);
    x->engine = engine;
    x->choice = (struct sprout_choice){.reason = SPROUT_REASON_NOT_CHAT, .rule = -1};
    x->dialect =
        sprout_dialect_find(sprout_str_of(x->head.method), sprout_str_of(x->head.path));
    const struct sprout_inspect_opts opts = {
        .salt = engine->policy->salt,
        .levels = engine->policy->levels,
        .level_count = engine->policy->level_count,
        .last_user = engine->last_user,
        .with_text = engine->predictor.model != NULL,
    };
    struct sprout_arena arena = sprout_arena_of(x->memory, SPROUT_INSPECT_MEMORY);
    x->inspect = sprout_inspect_new(&arena, x->dialect, &opts);
    return x;
}

void sprout_exchange_request(struct sprout_exchange *x, const void *bytes, size_t len)
{
    if (x->inspect != NULL) {
        sprout_inspect_feed(x->inspect, bytes, len);
    }
}

static bool find_header(void *ctx, struct sprout_str name, struct sprout_str *out)
{
    const struct sprout_exchange *const x = ctx;
    return x->head.header != NULL && x->head.header(x->head.header_ctx, name.ptr,
                                                    name.len, &out->ptr, &out->len) != 0;
}

static struct sprout_str header_of(struct sprout_exchange *x, struct sprout_str name)
{
    struct sprout_str value = {"", 0};
    return find_header(x, name, &value) ? value : (struct sprout_str){"", 0};
}

static struct sprout_traits traits_of(struct sprout_exchange *x,
                                      const struct sprout_facts *f)
{
    const struct sprout_policy *const p = x->engine->policy;
    const struct sprout_str key = header_of(x, SPROUT_STR("sprout-key"));
    double floor = NAN;
    if (sprout_str_to_f64(sprout_str_trim(header_of(x, SPROUT_STR("sprout-floor"))),
                          &floor) != SPROUT_OK) {
        floor = NAN;
    }
    return (struct sprout_traits){
        .route = sprout_str_of(x->head.path),
        .model = f->model,
        .api = sprout_dialect_name(x->dialect),
        .api_key_sha256 =
            sprout_str_of(x->head.api_key_sha256 == NULL ? "" : x->head.api_key_sha256),
        .header = find_header,
        .header_ctx = x,
        .stream = f->stream,
        .tools = f->tools,
        .body_bytes = (int64_t)f->bytes,
        .conversation = key.len > 0 ? sprout_hash_str(p->salt, key) : f->conversation,
        .ask_level = header_of(x, SPROUT_STR("sprout-level")),
        .ask_floor = floor,
    };
}

/* What the switches of the rule that holds make of the body. */
static void settle(struct sprout_exchange *x, struct sprout_traits *t,
                   struct sprout_facts *f)
{
    const struct sprout_policy *const p = x->engine->policy;
    const int rule = sprout_choice_rule(p, t);
    if (rule >= 0) {
        const struct sprout_switches switches = sprout_rule_switches(
            &p->rules[rule],
            (struct sprout_switches){.placement = SPROUT_PLACEMENT_AUTO});
        sprout_facts_settle(f, &switches);
    }
    t->eligible = f->eligible;
    t->blocked = f->blocked;
}

static struct sprout_edits plan(struct sprout_exchange *x, const struct sprout_facts *f)
{
    struct sprout_edits edits = {.n = 0};
    const struct sprout_rewrite_text *text = NULL;
    if (f->eligible && x->choice.level > 0) {
        text = text_of(x->engine, x->dialect, x->choice.level);
        if (text == NULL) { /* no room left: as it came */
            x->choice =
                (struct sprout_choice){.reason = SPROUT_REASON_INTERNAL, .rule = -1};
            return edits;
        }
    }
    edits = sprout_rewrite_plan(x->dialect, f, text, true);
    if (text != NULL) {
        sprout_rewrite_patch(&edits, x->dialect, f, text, sprout_str_of(x->head.path));
    }
    return edits;
}

static void report(struct sprout_exchange *x, const struct sprout_edits *edits,
                   const struct sprout_facts *f, uint64_t conversation,
                   struct sprout_decision *out)
{
    const struct sprout_policy *const p = x->engine->policy;
    struct sprout_decision d = {.size = out->size,
                                .level = x->level,
                                .arm = sprout_arm_text(x->choice.arm),
                                .reason = sprout_reason_text(x->choice.reason),
                                .conversation = conversation,
                                .length = sprout_rewrite_length(edits, f->bytes),
                                .edits = edits->n};
    copy_name(x->level, sizeof x->level, p->levels[x->choice.level].name);
    if (x->choice.rule >= 0) {
        copy_name(x->rule, sizeof x->rule, p->rules[x->choice.rule].name);
        d.rule = x->rule;
    }
    for (size_t i = 0; i < edits->n; i++) {
        const struct sprout_edit *const e = &edits->v[i];
        d.edit[i] = (struct sprout_body_edit){e->at, e->drop, e->put.ptr, e->put.len};
    }
    memcpy(out, &d, out->size < sizeof d ? out->size : sizeof d);
}

void sprout_exchange_choose(struct sprout_exchange *x, int64_t now_ns,
                            struct sprout_decision *out)
{
    struct sprout_facts facts = {.blocked = SPROUT_REASON_NOT_CHAT};
    struct sprout_prediction said;
    if (x->inspect != NULL) {
        facts = sprout_inspect_finish(x->inspect);
        x->inspect = NULL;
    }
    /* The view ends with the inspector's memory. */
    memcpy(x->model_bytes, facts.model.len > 0 ? facts.model.ptr : "", facts.model.len);
    x->model = facts.model = (struct sprout_str){x->model_bytes, facts.model.len};

    struct sprout_traits traits = traits_of(x, &facts);
    if (facts.first_text != NULL) {
        said = sprout_predict(&x->engine->predictor, facts.first_text);
        traits.prediction = &said;
    }
    settle(x, &traits, &facts);
    x->choice = sprout_choose(x->engine->policy, &traits, (sprout_instant){now_ns});
    const struct sprout_edits edits = plan(x, &facts);
    x->usage_added = edits.usage_added;
    report(x, &edits, &facts, traits.conversation, out);
}

/* ---- replies ---------------------------------------------------------------------- */

int sprout_exchange_reply(struct sprout_exchange *x, const char *content_type)
{
    const enum sprout_framing framing = sprout_framing_of(sprout_str_of(content_type));
    struct sprout_arena arena = sprout_arena_of(x->memory, SPROUT_TAP_MEMORY);
    if (x->dialect == NULL || framing == SPROUT_FRAMING_NONE) {
        return SPROUT_UNSUPPORTED;
    }
    x->tap = sprout_tap_new(&arena, x->dialect, framing,
                            x->usage_added && framing == SPROUT_FRAMING_SSE);
    return x->tap != NULL ? SPROUT_OK : SPROUT_NO_MEMORY;
}

void sprout_exchange_tap(struct sprout_exchange *x, const void *bytes, size_t len,
                         sprout_emit *emit, void *ctx)
{
    if (x->tap != NULL) {
        sprout_tap_strip(x->tap, bytes, len, emit, ctx);
    } else {
        emit(ctx, bytes, len);
    }
}

void sprout_exchange_end(struct sprout_exchange *x, sprout_emit *emit, void *ctx,
                         struct sprout_outcome_counts *out)
{
    struct sprout_tap_result seen = {.usage = SPROUT_USAGE_UNKNOWN};
    if (x->tap != NULL) {
        seen = sprout_tap_finish(x->tap, emit, ctx);
        x->tap = NULL;
    }
    const bool estimated = seen.source == SPROUT_USAGE_ESTIMATED;
    const struct sprout_receipt r = sprout_receipt_make(
        x->engine->policy, x->model, x->choice.stratum, seen.usage, estimated);
    const struct sprout_outcome_counts counts = {
        .size = out->size,
        .prompt = seen.usage.prompt.n,
        .cached = seen.usage.cached.n,
        .completion = seen.usage.completion.n,
        .reasoning = seen.usage.reasoning.n,
        .estimated = estimated,
        .complete = seen.terminal,
        .joules = r.energy.v,
        .grams = r.grams.v,
        .grams_l0 = r.grams_l0.v,
    };
    memcpy(out, &counts, out->size < sizeof counts ? out->size : sizeof counts);
}
