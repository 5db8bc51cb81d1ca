/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner against jansson, and against itself however the bytes are cut.
 *
 *     SPROUT_REQUESTS=N build/tests/property/json
 *
 * 1. What the scanner accepts jansson accepts, and the other way round, on random documents
 *    and on damaged ones.
 * 2. Events and texts rebuild the document: a tree made from the events equals jansson's.
 * 3. Any cut into pieces, single bytes included, gives the same events. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_gen.h"
#include "wire/json.h"

enum { TEXT_MAX = 64 * 1024, DOCUMENTS = 20000 };

static char document[TEXT_MAX];

/* The events, written down as text: what they were, where, and what they said. */
struct trace {
    struct sprout_json json;
    struct sprout_buf b;
};

static void on_event(void *ctx, const struct sprout_json_event *e)
{
    struct trace *t = ctx;
    if (e->kind == SPROUT_JSON_TEXT) { /* pieces differ, their sum does not */
        sprout_buf_put(&t->b, e->text);
        return;
    }
    sprout_buf_printf(&t->b, "\n%d %u %llu %llu %d ", (int)e->kind, e->depth,
                      (unsigned long long)e->at, (unsigned long long)e->end, e->cut);
    sprout_buf_put(&t->b, e->text);
    if (e->kind == SPROUT_JSON_STRING) {
        sprout_json_want_text(&t->json);
    }
}

static enum sprout_status scan(struct trace *t, char *memory, struct sprout_str s,
                               struct gen *cuts, size_t longest)
{
    t->b = sprout_buf_of(memory, 8 * TEXT_MAX);
    sprout_json_start(&t->json, on_event, t);
    for (size_t at = 0; at < s.len;) {
        size_t n = longest == 0 ? s.len : 1 + (size_t)(gen_u64(cuts) % longest);
        n = n > s.len - at ? s.len - at : n;
        (void)sprout_json_feed(&t->json, s.ptr + at, n);
        at += n;
    }
    const enum sprout_status status = sprout_json_finish(&t->json);
    sprout_buf_printf(&t->b, "\n= %d %llu", (int)status,
                      (unsigned long long)t->json.problem_at);
    return status;
}

/* A tree from events, for the second property. */
struct builder {
    struct sprout_json json;
    json_t *stack[SPROUT_JSON_DEPTH_MAX + 1];
    size_t depth;
    json_t *root;
    char key[TEXT_MAX];
    size_t key_len;
    char text[TEXT_MAX];
    size_t text_len;
};

static void add(struct builder *b, json_t *v)
{
    if (b->depth == 0) {
        b->root = v;
    } else if (json_is_array(b->stack[b->depth - 1])) {
        json_array_append_new(b->stack[b->depth - 1], v);
    } else {
        json_object_setn_new(b->stack[b->depth - 1], b->key, b->key_len, v);
    }
}

static void on_build(void *ctx, const struct sprout_json_event *e)
{
    struct builder *b = ctx;
    json_t *v = NULL;
    double number = 0;

    switch (e->kind) {
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_ARRAY:
        v = e->kind == SPROUT_JSON_OBJECT ? json_object() : json_array();
        add(b, v);
        b->stack[b->depth++] = v;
        break;
    case SPROUT_JSON_OBJECT_END:
    case SPROUT_JSON_ARRAY_END:
        b->depth--;
        break;
    case SPROUT_JSON_KEY:
    case SPROUT_JSON_KEY_AGAIN:
        memcpy(b->key, e->text.ptr, e->text.len);
        b->key_len = e->text.len;
        break;
    case SPROUT_JSON_STRING:
        b->text_len = 0;
        sprout_json_want_text(&b->json);
        break;
    case SPROUT_JSON_TEXT:
        memcpy(b->text + b->text_len, e->text.ptr, e->text.len);
        b->text_len += e->text.len;
        break;
    case SPROUT_JSON_STRING_END:
        add(b, json_stringn(b->text, b->text_len));
        break;
    case SPROUT_JSON_NUMBER:
        if (!e->cut && sprout_str_to_f64(e->text, &number) == SPROUT_OK) {
            add(b, json_real(number));
        } else { /* longer than the scanner holds: read it where it stands */
            add(b, json_real(strtod(document + e->at, NULL)));
        }
        break;
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
        add(b, json_boolean(e->kind == SPROUT_JSON_TRUE));
        break;
    case SPROUT_JSON_NULL:
        add(b, json_null());
        break;
    }
}

static void die(unsigned long number, const char *what, struct sprout_str s)
{
    printf("document %lu: %s\n%.*s\n", number, what, (int)s.len, s.ptr);
    exit(1);
}

static void check_tree(unsigned long number, struct sprout_str s, const json_t *expected)
{
    static struct builder b;
    b.depth = 0;
    b.root = NULL;
    document[s.len] = '\0';
    sprout_json_start(&b.json, on_build, &b);
    (void)sprout_json_feed(&b.json, s.ptr, s.len);
    (void)sprout_json_finish(&b.json);
    if (!json_equal(b.root, expected)) {
        die(number, "the events give another document", s);
    }
    json_decref(b.root);
}

static void check_document(unsigned long number, struct gen *g, unsigned long *valid)
{
    static struct trace whole, cut;
    static char whole_trace[8 * TEXT_MAX], cut_trace[8 * TEXT_MAX];
    const struct sprout_str s = sprout_buf_str(&g->b);
    json_error_t error;

    const enum sprout_status status = scan(&whole, whole_trace, s, g, 0);
    json_t *tree = json_loadb(
        s.ptr, s.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    const enum json_error_code code =
        tree == NULL ? json_error_code(&error) : json_error_unknown;
    /* jansson's own limits: doubles, and no NUL in a name. */
    const bool limit = code == json_error_numeric_overflow ||
                       code == json_error_null_byte_in_key || status == SPROUT_LIMIT;
    if (!limit && (tree != NULL) != (status == SPROUT_OK)) {
        die(number, tree != NULL ? "refused, but jansson reads it" : error.text, s);
    }
    if (tree != NULL && status == SPROUT_OK) {
        check_tree(number, s, tree);
        ++*valid;
    }
    json_decref(tree);

    const size_t longest[] = {1, 3, 17, 1 + s.len};
    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; i++) {
        scan(&cut, cut_trace, s, g, longest[i]);
        if (!sprout_str_eq(sprout_buf_str(&whole.b), sprout_buf_str(&cut.b))) {
            die(number, "other events when cut", s);
        }
    }
}

int main(void)
{
    const char *asked = getenv("SPROUT_REQUESTS");
    const unsigned long documents = asked == NULL ? DOCUMENTS : strtoul(asked, NULL, 10);
    unsigned long valid = 0;

    for (unsigned long i = 0; i < documents; i++) {
        struct gen g = {.state = i, .b = sprout_buf_of(document, TEXT_MAX - 1)};
        gen_blank(&g);
        if (gen_percent(&g, 45)) {
            gen_object(&g, 0);
        } else if (gen_percent(&g, 80)) {
            gen_array(&g, 0);
        } else {
            gen_value(&g, 0);
        }
        gen_blank(&g);
        while (gen_percent(&g, 25)) {
            gen_damage(&g);
        }
        check_document(i, &g, &valid);
    }
    printf("%lu documents, %lu of them well-formed\n", documents, valid);
    return valid > documents / 2 ? 0 : 1;
}
