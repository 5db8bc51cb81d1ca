/* SPDX-License-Identifier: Apache-2.0 */
/* chat.c - see chat.h. */
#include "adapt/chat.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static char *copy_text(const char *text)
{
    const size_t n = strlen(text) + 1;
    char *const copy = malloc(n);
    if (copy != NULL) {
        memcpy(copy, text, n);
    }
    return copy;
}

void sprout_chat_free(struct sprout_chat *c)
{
    free(c->body);
    free(c->prompt);
    free(c->question);
    free(c->reference);
    free(c->kind);
    *c = (struct sprout_chat){0};
}

/* ---- texts that grow ------------------------------------------------------------------- */

struct text {
    char *ptr;
    size_t len;
    bool failed;
};

static void add(struct text *t, const char *more, size_t n)
{
    char *const longer = t->failed ? NULL : realloc(t->ptr, t->len + n + 1);
    if (longer == NULL) {
        t->failed = true;
        return;
    }
    memcpy(longer + t->len, more, n);
    t->ptr = longer;
    t->len += n;
    t->ptr[t->len] = '\0';
}

static void add_text(struct text *t, const char *more)
{
    add(t, more, strlen(more));
}

/* A message's text: a string, or the text parts of a list. */
static void add_content(struct text *t, const json_t *content)
{
    size_t i;
    const json_t *part;

    if (json_is_string(content)) {
        add(t, json_string_value(content), json_string_length(content));
    }
    json_array_foreach(content, i, part)
    {
        const json_t *const text = json_object_get(part, "text");
        if (json_is_string(text)) {
            add_text(t, i == 0 ? "" : "\n");
            add(t, json_string_value(text), json_string_length(text));
        }
    }
}

/* One user message is shown as it is; more, with who said it before each. */
static char *shown_prompt(const json_t *messages)
{
    struct text t = {0};
    size_t i;
    const json_t *m;
    const bool alone = json_array_size(messages) == 1;

    add_text(&t, "");
    json_array_foreach(messages, i, m)
    {
        const char *const role = json_string_value(json_object_get(m, "role"));
        if (!alone) {
            add_text(&t, i == 0 ? "[" : "\n\n[");
            add_text(&t, role == NULL ? "?" : role);
            add_text(&t, "]\n");
        }
        add_content(&t, json_object_get(m, "content"));
    }
    return t.failed ? (free(t.ptr), NULL) : t.ptr;
}

static char *last_question(const json_t *messages)
{
    struct text t = {0};

    add_text(&t, "");
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *const m = json_array_get(messages, i);
        const char *const role = json_string_value(json_object_get(m, "role"));
        if (role != NULL && strcmp(role, "user") == 0) {
            add_content(&t, json_object_get(m, "content"));
            break;
        }
    }
    return t.failed ? (free(t.ptr), NULL) : t.ptr;
}

/* ---- references ------------------------------------------------------------------------ */

static bool is_number(const char *text)
{
    char plain[64];
    size_t n = 0;
    double v;

    for (const char *c = text; *c != '\0' && n < sizeof plain; c++) {
        if (*c != ',') {
            plain[n++] = *c;
        }
    }
    return n > 0 && n < sizeof plain &&
           sprout_str_to_f64((struct sprout_str){plain, n}, &v) == SPROUT_OK;
}

/* A number alone is compared as a number: core/match knows it by its four marks. */
static void add_reference(struct text *t, const json_t *v)
{
    if (json_is_string(v)) {
        add_text(t, is_number(json_string_value(v)) ? "#### " : "");
        add_text(t, json_string_value(v));
    } else if (json_is_number(v)) {
        char digits[40];
        struct sprout_buf b = sprout_buf_of(digits, sizeof digits);
        sprout_buf_f64(&b, json_number_value(v));
        add_text(t, "#### ");
        add(t, b.ptr, b.len);
    }
}

static char *reference_of(const json_t *line)
{
    static const char *const keys[] = {"reference", "answer", "answers"};
    const json_t *v = NULL;
    struct text t = {0};
    size_t i;
    const json_t *alias;

    for (size_t k = 0; v == NULL && k < sizeof keys / sizeof keys[0]; k++) {
        v = json_object_get(line, keys[k]);
    }
    add_text(&t, "");
    if (json_array_size(v) == 1) {
        v = json_array_get(v, 0);
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, alias)
        {
            add_text(&t, i == 0 ? "" : "; ");
            add_text(&t, json_is_string(alias) ? json_string_value(alias) : "");
        }
    } else {
        add_reference(&t, v);
    }
    return t.failed ? (free(t.ptr), NULL) : t.ptr;
}

/* ---- a line ---------------------------------------------------------------------------- */

/* A new body with its messages, from whichever member the line has. */
static json_t *body_of(const json_t *line, struct sprout_error *err)
{
    const json_t *const request = json_object_get(line, "request");
    const json_t *const messages = json_object_get(line, "messages");
    const json_t *const prompt = json_object_get(line, "prompt");
    json_t *const body =
        json_is_object(request) ? json_deep_copy(request) : json_object();
    int bad = body == NULL;

    if (!bad && json_is_array(messages)) {
        bad = json_object_set_new(body, "messages", json_deep_copy(messages));
    } else if (!bad && json_is_string(prompt)) {
        bad = json_object_set_new(
            body, "messages",
            json_pack("[{s:s,s:O}]", "role", "user", "content", prompt));
    }
    if (bad != 0 || json_array_size(json_object_get(body, "messages")) == 0) {
        json_decref(body);
        sprout_fail(err, SPROUT_INVALID,
                    "expected a \"prompt\" (a text), \"messages\" (a list, not empty) or "
                    "a \"request\" that has messages");
        return NULL;
    }
    return body;
}

/* Answers are compared whole, and one an ask. */
static void settle_body(json_t *body, const json_t *line, const char *model,
                        struct sprout_chat *out)
{
    static const char *const copied[] = {"model", "max_tokens"};

    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        json_t *const v = json_object_get(line, copied[i]);
        if (v != NULL) {
            (void)json_object_set(body, copied[i], v);
        }
    }
    (void)json_object_del(body, "stream");
    (void)json_object_del(body, "stream_options");
    if (!json_is_string(json_object_get(body, "model")) && model != NULL) {
        (void)json_object_set_new(body, "model", json_string(model));
    }
    out->has_model = json_is_string(json_object_get(body, "model"));
}

static enum sprout_status from_line(const json_t *line, const char *model,
                                    struct sprout_chat *out, struct sprout_error *err)
{
    const char *const kind = json_string_value(json_object_get(line, "kind"));
    json_t *const body = body_of(line, err);
    struct sprout_chat c = {0};

    if (body == NULL) {
        return SPROUT_INVALID;
    }
    settle_body(body, line, model, &c);
    const json_t *const messages = json_object_get(body, "messages");
    c.body = json_dumps(body, JSON_COMPACT);
    c.prompt = shown_prompt(messages);
    c.question = last_question(messages);
    c.reference = reference_of(line);
    c.kind = copy_text(kind == NULL ? "" : kind);
    json_decref(body);
    if (c.body == NULL || c.prompt == NULL || c.question == NULL || c.reference == NULL ||
        c.kind == NULL) {
        sprout_chat_free(&c);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a prompt");
    }
    *out = c;
    return SPROUT_OK;
}

static json_t *load(struct sprout_str text, struct sprout_error *err)
{
    json_error_t why;
    json_t *const root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);

    if (root == NULL) {
        sprout_fail(err, SPROUT_SYNTAX,
                    "column %d: no JSON object: expected one a line, such as "
                    "{\"prompt\": \"...\"}",
                    why.column);
    } else if (!json_is_object(root)) {
        json_decref(root);
        sprout_fail(err, SPROUT_SYNTAX, "expected a JSON object");
        return NULL;
    }
    return root;
}

enum sprout_status sprout_chat_parse(struct sprout_str line, const char *model,
                                     struct sprout_chat *out, struct sprout_error *err)
{
    json_t *const root = load(line, err);
    if (root == NULL) {
        return SPROUT_SYNTAX;
    }
    const enum sprout_status status = from_line(root, model, out, err);
    json_decref(root);
    return status;
}

/* ---- the spool's form ------------------------------------------------------------------ */

enum sprout_status sprout_chat_pack(const struct sprout_chat *c, char **out_json,
                                    struct sprout_error *err)
{
    json_t *const root =
        json_pack("{s:s,s:s,s:s,s:s,s:s}", "body", c->body, "prompt", c->prompt,
                  "question", c->question, "reference", c->reference, "kind", c->kind);
    char *const text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a prompt");
    }
    *out_json = text;
    return SPROUT_OK;
}

enum sprout_status sprout_chat_unpack(struct sprout_str json, struct sprout_chat *out,
                                      struct sprout_error *err)
{
    const char *body, *prompt, *question, *reference, *kind;
    json_t *const root = load(json, err);
    if (root == NULL) {
        return SPROUT_SYNTAX;
    }
    if (json_unpack(root, "{s:s,s:s,s:s,s:s,s:s}", "body", &body, "prompt", &prompt,
                    "question", &question, "reference", &reference, "kind", &kind) != 0) {
        json_decref(root);
        return sprout_fail(err, SPROUT_INVALID, "no prompt of the spool");
    }
    struct sprout_chat c = {.body = copy_text(body),
                            .prompt = copy_text(prompt),
                            .question = copy_text(question),
                            .reference = copy_text(reference),
                            .kind = copy_text(kind),
                            .has_model = true};
    json_decref(root);
    if (c.body == NULL || c.prompt == NULL || c.question == NULL || c.reference == NULL ||
        c.kind == NULL) {
        sprout_chat_free(&c);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a prompt");
    }
    *out = c;
    return SPROUT_OK;
}

/* ---- replies --------------------------------------------------------------------------- */

static sprout_tokens count_of(const json_t *usage, const char *key)
{
    const json_t *const v = json_object_get(usage, key);
    const json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    return n >= 0 && n <= SPROUT_TOKENS_MAX ? (sprout_tokens){n} : SPROUT_TOKENS_UNKNOWN;
}

enum sprout_status sprout_chat_answer(struct sprout_str reply, char **out_text,
                                      struct sprout_usage *out_usage,
                                      struct sprout_error *err)
{
    json_t *const root = load(reply, err);
    struct text t = {0};

    if (root == NULL) {
        return SPROUT_INVALID;
    }
    const json_t *const message =
        json_object_get(json_array_get(json_object_get(root, "choices"), 0), "message");
    if (!json_is_object(message)) {
        json_decref(root);
        return sprout_fail(err, SPROUT_INVALID, "the reply is no chat completion");
    }
    add_text(&t, "");
    add_content(&t, json_object_get(message, "content"));
    const json_t *const usage = json_object_get(root, "usage");
    *out_usage = SPROUT_USAGE_UNKNOWN;
    out_usage->prompt = count_of(usage, "prompt_tokens");
    out_usage->completion = count_of(usage, "completion_tokens");
    json_decref(root);
    if (t.failed) {
        free(t.ptr);
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for an answer");
    }
    *out_text = t.ptr;
    return SPROUT_OK;
}

enum sprout_status sprout_chat_first_model(struct sprout_str reply, char **out_model,
                                           struct sprout_error *err)
{
    json_t *const root = load(reply, err);
    const char *const id = json_string_value(
        json_object_get(json_array_get(json_object_get(root, "data"), 0), "id"));
    char *const copy = id == NULL ? NULL : copy_text(id);

    json_decref(root);
    if (copy == NULL) {
        return sprout_fail(err, SPROUT_INVALID, "the upstream lists no model");
    }
    *out_model = copy;
    return SPROUT_OK;
}
