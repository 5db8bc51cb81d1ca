/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_prepare.c - a run and its items into ledger and spool; see evaluator.h. */
#include "control/evaluator_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "adapt/reader.h"
#include "adapt/sha256.h"
#include "adapt/spool.h"
#include "adapt/store_examples.h"
#include "adapt/weights.h"
#include "base/hash.h"
#include "control/daemon.h"
#include "core/predict_model.h"
#include "wire/level_body.h"
#include "wire/policy_json.h"

enum { MODELS_MAX = 1 << 20, MODELS_SECONDS = 20, BODY_SLACK = 64 * 1024 };

/* ---- small things the other files use too ---------------------------------------------- */

void sprout_evaluator_url(const char *base, const char *path, char *out, size_t cap)
{
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/') {
        n--;
    }
    snprintf(out, cap, "%.*s%s", (int)n, base, path);
}

void sprout_evaluator_judge_url(const char *given, char *out, size_t cap)
{
    struct sprout_str s = sprout_str_of(given);
    while (s.len > 0 && s.ptr[s.len - 1] == '/') {
        s.len--;
    }
    const char *const more = sprout_str_ends(s, SPROUT_STR("/chat/completions")) ? ""
                             : sprout_str_ends(s, SPROUT_STR("/v1")) ? "/chat/completions"
                                                                     : "/v1/chat/"
                                                                       "completions";
    snprintf(out, cap, "%.*s%s", (int)s.len, s.ptr, more);
}

enum sprout_status sprout_evaluator_policy(const char *dir, char **out_memory,
                                           const struct sprout_policy **out,
                                           struct sprout_error *err)
{
    char path[SPROUT_EVALUATOR_PATH_MAX];
    struct sprout_file file = {0};
    char *const memory = malloc(SPROUT_POLICY_MEMORY);

    if (memory == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a policy");
    }
    snprintf(path, sizeof path, "%.4000s/%s", dir, SPROUT_PATH_POLICY);
    enum sprout_status status =
        sprout_file_read(path, SPROUT_POLICY_BYTES_MAX, &file, err);
    if (status == SPROUT_NOT_FOUND) {
        sprout_fail(err, status,
                    "no %.200s: the levels to compare are the policy's; start 'sprout "
                    "up' or 'sprout control' there once, or name its folder with --dir",
                    path);
    }
    if (status == SPROUT_OK) {
        struct sprout_arena arena = sprout_arena_of(memory, SPROUT_POLICY_MEMORY);
        status = sprout_policy_read(sprout_file_str(&file), &arena, out, err);
        status = status == SPROUT_OK ? status : sprout_reader_in(err, status, path);
    }
    sprout_file_free(&file);
    if (status != SPROUT_OK) {
        free(memory);
        return status;
    }
    *out_memory = memory;
    return SPROUT_OK;
}

void sprout_evaluator_directives(const struct sprout_policy *p, char out[17])
{
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){0});
    struct sprout_buf b = sprout_buf_of(out, 16);

    for (size_t l = 0; l < p->level_count; l++) {
        sprout_hash_feed(&h, p->levels[l].name.ptr, p->levels[l].name.len);
        sprout_hash_feed(&h, "", 1);
        sprout_hash_feed(&h, p->levels[l].directive.ptr, p->levels[l].directive.len);
        sprout_hash_feed(&h, "", 1);
    }
    for (size_t i = 0; i < p->patch_count; i++) {
        sprout_hash_u64(&h, p->patches[i].level);
        sprout_hash_feed(&h, p->patches[i].parameter.ptr, p->patches[i].parameter.len);
        sprout_hash_feed(&h, p->patches[i].value.ptr, p->patches[i].value.len);
    }
    sprout_buf_hex64(&b, sprout_hash_end(h));
    out[16] = '\0';
}

/* ---- the model ------------------------------------------------------------------------- */

static enum sprout_status first_model(const char *upstream, char **out,
                                      struct sprout_error *err)
{
    char url[SPROUT_EVALUATOR_URL_MAX];
    char *const reply = malloc(MODELS_MAX);
    struct sprout_http_call call = {.url = url};
    const struct sprout_http_opts opts = {.timeout = sprout_span_seconds(MODELS_SECONDS)};
    enum sprout_status status;

    if (reply == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a reply");
    }
    sprout_evaluator_url(upstream, "/v1/models", url, sizeof url);
    call.reply = sprout_buf_of(reply, MODELS_MAX);
    sprout_http_run(&call, 1, &opts);
    if (call.status != SPROUT_OK) {
        status = sprout_fail(err, SPROUT_UNAVAILABLE, "upstream %s", call.why);
    } else if (call.code != 200) {
        status =
            sprout_fail(err, SPROUT_UNAVAILABLE,
                        "%.200s answers %d: name the model with --model", url, call.code);
    } else {
        status = sprout_chat_first_model(sprout_buf_str(&call.reply), out, err);
    }
    free(reply);
    return status;
}

/* The model of the run: the one asked for, else the first that the upstream lists where a
 * prompt names none. */
static enum sprout_status find_model(const struct sprout_evaluator_plan *plan,
                                     const struct sprout_chat *chats, size_t count,
                                     char **out, struct sprout_error *err)
{
    bool needed = false;

    for (size_t i = 0; i < count; i++) {
        needed = needed || !chats[i].has_model;
    }
    if (plan->model != NULL && plan->model[0] != '\0') {
        *out = strdup(plan->model);
    } else if (needed) {
        return first_model(plan->upstream, out, err);
    } else {
        *out = strdup("");
    }
    return *out == NULL ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory") : SPROUT_OK;
}

/* Gives a body without a model one: it is the first member, the rest as it is. */
static bool give_model(struct sprout_chat *chat, const char *model)
{
    if (chat->has_model) {
        return true;
    }
    const size_t cap = strlen(chat->body) + 6 * strlen(model) + 32;
    char *const body = malloc(cap);
    if (body == NULL) {
        return false;
    }
    struct sprout_buf b = sprout_buf_of(body, cap - 1);
    sprout_buf_put(&b, SPROUT_STR("{\"model\":"));
    sprout_buf_json(&b, sprout_str_of(model));
    sprout_buf_byte(&b, ',');
    sprout_buf_put(&b, sprout_str_of(chat->body + 1));
    body[b.len] = '\0';
    free(chat->body);
    chat->body = body;
    chat->has_model = true;
    return true;
}

/* ---- the run --------------------------------------------------------------------------- */

struct preparing {
    struct sprout_store *store;
    const char *dir;
    const struct sprout_policy *policy;
    const char *model;
    struct sprout_weights weights; /* that the policy names; closed: none */
    bool learns;                   /* what training needs of a prompt is kept */
    char *scratch;                 /* for a try of the splice */
    size_t scratch_size;
    struct sprout_evaluator_made made;
    struct sprout_error *err;
};

struct made_item {
    const struct sprout_chat *chat;
    struct sprout_str stratum;
    double weight;
    char hash[SPROUT_SHA256_HEX];
    char *features; /* owned; NULL: not kept */
    size_t features_len;
};

static enum sprout_status put_run(struct preparing *p,
                                  const struct sprout_evaluator_plan *plan,
                                  sprout_instant now)
{
    char levels[SPROUT_LEVELS_MAX * (SPROUT_NAME_MAX + 1)], directives[17];
    struct sprout_buf b = sprout_buf_of(levels, sizeof levels);
    char *const options = sprout_evaluator_options(plan);

    if (options == NULL) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "no memory for a run");
    }
    for (size_t l = 0; l < p->policy->level_count; l++) {
        sprout_buf_put(&b, l == 0 ? SPROUT_STR("") : SPROUT_STR(","));
        sprout_buf_put(&b, p->policy->levels[l].name);
    }
    sprout_evaluator_directives(p->policy, directives);
    const struct sprout_store_evaluation e = {
        .created = now,
        .state = SPROUT_STR("making"),
        .source = sprout_str_of(plan->source),
        .form = sprout_str_of(sprout_judge_form_text(plan->form)),
        .model = sprout_str_of(p->model),
        .judge_model =
            sprout_str_of(plan->form == SPROUT_JUDGE_NONE ? "" : plan->judge_model),
        .levels = sprout_buf_str(&b),
        .directives = sprout_str_of(directives),
        .policy = p->policy->id,
        .options = sprout_str_of(options),
        .note = SPROUT_STR(""),
    };
    const enum sprout_status status =
        sprout_store_put_evaluation(p->store, &e, &p->made.run, p->err);
    free(options);
    return status;
}

/* Of the text that nginx would predict by.  Without memory the example is done without. */
static void keep_features(const struct sprout_predict_text *text, struct made_item *out)
{
    unsigned char packed[SPROUT_PREDICT_PACKED_MAX];
    struct sprout_predict_features f;

    sprout_predict_read(text, NULL, &f);
    out->features_len = sprout_predict_pack(&f, packed);
    out->features = malloc(out->features_len);
    if (out->features != NULL) {
        memcpy(out->features, packed, out->features_len);
    }
}

/* True if nginx would give this request a directive at all; `keep`: it is judged. */
static bool is_eligible(struct preparing *p, const struct sprout_chat *c, bool keep,
                        struct made_item *item)
{
    const size_t need = strlen(c->body) + BODY_SLACK + SPROUT_LEVEL_BODY_MEMORY;
    struct sprout_facts facts;

    if (need > p->scratch_size) {
        free(p->scratch);
        p->scratch = malloc(need);
        p->scratch_size = p->scratch == NULL ? 0 : need;
    }
    if (p->scratch == NULL) {
        return false;
    }
    struct sprout_arena arena = sprout_arena_of(p->scratch, SPROUT_LEVEL_BODY_MEMORY);
    struct sprout_buf out = sprout_buf_of(p->scratch + SPROUT_LEVEL_BODY_MEMORY,
                                          p->scratch_size - SPROUT_LEVEL_BODY_MEMORY);
    if (sprout_level_body(p->policy, p->policy->level_count - 1, SPROUT_EVALUATOR_ROUTE,
                          sprout_str_of(c->body), &arena, &out, &facts) != SPROUT_OK) {
        return false;
    }
    item->stratum = sprout_level_body_stratum(
        p->policy, p->weights.map == NULL ? NULL : &p->weights.predictor, &facts);
    if (keep && p->learns && facts.first_text != NULL) {
        keep_features(facts.first_text, item);
    }
    return true;
}

/* The text into the spool; its row comes with all the others. */
static enum sprout_status put_text(struct preparing *p, struct sprout_chat *c,
                                   double weight, struct made_item *out)
{
    char *packed = NULL;

    if (!is_eligible(p, c, true, out)) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "no memory for a prompt");
    }
    enum sprout_status status = sprout_chat_pack(c, &packed, p->err);
    if (status == SPROUT_OK) {
        status = sprout_sha256_hex(sprout_str_of(c->body), out->hash, p->err);
    }
    if (status == SPROUT_OK) {
        status = sprout_spool_put(p->dir, p->made.run, p->made.items, SPROUT_SPOOL_PROMPT,
                                  sprout_str_of(packed), p->err);
    }
    free(packed);
    out->chat = c;
    out->weight = weight;
    p->made.items += status == SPROUT_OK;
    return status;
}

/* Each with the stratum it would have, those that nginx would not touch left out. */
static enum sprout_status look_through(struct preparing *p, struct sprout_chat *chats,
                                       size_t count, struct evaluator_candidate *out)
{
    for (size_t i = 0; i < count; i++) {
        struct made_item item = {.weight = 0};
        if (!give_model(&chats[i], p->model)) {
            return sprout_fail(p->err, SPROUT_NO_MEMORY, "no memory for a prompt");
        }
        out[i].left_out = !is_eligible(p, &chats[i], false, &item);
        out[i].stratum = item.stratum;
        out[i].kind = chats[i].kind;
        p->made.skipped += out[i].left_out;
    }
    return p->made.skipped == (int64_t)count
               ? sprout_fail(
                     p->err, SPROUT_INVALID,
                     "none of the %zu prompts is a request that a directive would "
                     "be added to",
                     count)
               : SPROUT_OK;
}

static enum sprout_status put_texts(struct preparing *p, struct sprout_chat *chats,
                                    size_t count, const struct evaluator_candidate *from,
                                    struct made_item *made)
{
    sprout_spool_drop_run(p->dir, p->made.run); /* of a ledger that was deleted */
    enum sprout_status status = sprout_spool_make(p->dir, p->made.run, p->err);
    for (size_t i = 0; i < count && status == SPROUT_OK; i++) {
        if (from[i].weight > 0) {
            status = put_text(p, &chats[i], from[i].weight, &made[p->made.items]);
        }
    }
    return status;
}

/* All items at once, and only then is the run open to be worked on. */
static enum sprout_status put_items(struct preparing *p, const struct made_item *made)
{
    int64_t id;
    enum sprout_status status = sprout_store_begin(p->store, p->err);

    for (int64_t i = 0; i < p->made.items && status == SPROUT_OK; i++) {
        assert(made[i].chat != NULL);
        const struct sprout_store_item item = {
            .run = p->made.run,
            .no = i,
            .prompt = sprout_str_of(made[i].hash),
            .stratum = made[i].stratum,
            .kind = sprout_str_of(made[i].chat->kind),
            .reference = made[i].chat->reference[0] != '\0',
            .weight = made[i].weight,
        };
        status = sprout_store_put_item(p->store, &item, &id, p->err);
        if (status == SPROUT_OK && made[i].features != NULL) {
            status = sprout_store_put_example(
                p->store, id, (struct sprout_str){made[i].features, made[i].features_len},
                p->err);
        }
    }
    if (status == SPROUT_OK) {
        status = sprout_store_set_evaluation(p->store, p->made.run, "open", "",
                                             (sprout_instant){-1}, p->err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_commit(p->store, p->err);
    }
    return status;
}

static enum sprout_status put_all(struct preparing *p,
                                  const struct sprout_evaluator_plan *plan,
                                  struct sprout_chat *chats, size_t count,
                                  sprout_instant now)
{
    struct made_item *const made = calloc(count + 1, sizeof *made);
    struct evaluator_candidate *const from = calloc(count + 1, sizeof *from);
    enum sprout_status status =
        made == NULL || from == NULL
            ? sprout_fail(p->err, SPROUT_NO_MEMORY, "no memory for a run")
            : look_through(p, chats, count, from);
    if (status == SPROUT_OK) {
        status = sprout_evaluator_choose(p->store, p->policy, from, count, plan->n, now,
                                         p->err);
    }
    if (status == SPROUT_OK) {
        status = put_run(p, plan, now);
    }
    const bool begun = status == SPROUT_OK;
    if (status == SPROUT_OK) {
        status = put_texts(p, chats, count, from, made);
    }
    if (status == SPROUT_OK) {
        status = put_items(p, made);
    }
    if (begun && status != SPROUT_OK) {
        sprout_store_rollback(p->store);
        const enum sprout_status dropped = sprout_evaluator_drop(
            p->store, p->dir, p->made.run, "it could not be prepared", NULL);
        (void)dropped;
    }
    for (size_t i = 0; i < count && made != NULL; i++) {
        free(made[i].features);
    }
    free(made);
    free(from);
    return status;
}

/* Under the makers' lock, by which the sweep knows that the maker lives. */
static enum sprout_status make(struct preparing *p,
                               const struct sprout_evaluator_plan *plan,
                               struct sprout_chat *chats, size_t count,
                               sprout_instant now)
{
    const int fd = sprout_evaluator_lock(p->dir, SPROUT_EVALUATOR_MAKING, LOCK_SH);
    if (fd < 0) {
        return sprout_fail(p->err, SPROUT_IO, "cannot write %.200s/%s: %s", p->dir,
                           SPROUT_EVALUATOR_MAKING, strerror(errno));
    }
    const enum sprout_status status = put_all(p, plan, chats, count, now);
    close(fd);
    return status;
}

/* Without them all prompts are of one stratum, as they are in nginx. */
static void open_weights(struct preparing *p)
{
    const struct sprout_policy_predictor *const named = &p->policy->predictor;
    if (named->file.len == 0 ||
        sprout_weights_open_id(p->dir, named->id, &p->weights, NULL) != SPROUT_OK) {
        p->weights = (struct sprout_weights){0};
    }
}

enum sprout_status sprout_evaluator_prepare(struct sprout_store *store, const char *dir,
                                            const struct sprout_evaluator_plan *plan,
                                            struct sprout_chat *chats, size_t count,
                                            sprout_instant now,
                                            struct sprout_evaluator_made *out,
                                            struct sprout_error *err)
{
    char *memory = NULL, *model = NULL;
    struct preparing p = {.store = store, .dir = dir, .err = err};
    enum sprout_status status = sprout_evaluator_policy(dir, &memory, &p.policy, err);

    if (status == SPROUT_OK) {
        status = find_model(plan, chats, count, &model, err);
    }
    if (status == SPROUT_OK) {
        p.model = model;
        open_weights(&p);
        p.learns = sprout_store_learns(store);
        status = make(&p, plan, chats, count, now);
    }
    if (status == SPROUT_OK) {
        *out = p.made;
    }
    sprout_weights_close(&p.weights);
    free(p.scratch);
    free(model);
    free(memory);
    return status;
}

enum sprout_status sprout_evaluator_drop(struct sprout_store *store, const char *dir,
                                         int64_t run, const char *why,
                                         struct sprout_error *err)
{
    const enum sprout_status status = sprout_store_set_evaluation(
        store, run, "stopped", why, (sprout_instant){-1}, err);
    sprout_spool_drop_run(dir, run);
    return status;
}
