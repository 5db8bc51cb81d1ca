/* SPDX-License-Identifier: Apache-2.0 */
/* judge_text.c - see judge_text.h. */
#include "wire/judge_text.h"

#include "wire/json.h"

const char sprout_judge_rubric[] =
    "You compare answers that an assistant gave to the same request. Prefer the answer "
    "that is correct, complete for what was asked, and clear, with nothing needless. A "
    "wrong answer is worse than any right one. Length is no merit: do not prefer an "
    "answer for being long, nor for being short where something asked for is missing. "
    "The order in which the answers stand means nothing.";

static const char form_single[] =
    "\n\nReply with JSON and nothing else: {\"best\": \"A\"} with the letter of the best "
    "answer, or with several letters, such as {\"best\": [\"A\", \"B\"]}, if these are "
    "equally good and better than the rest.";

static const char form_again[] =
    "\n\nYour last reply could not be read. Reply with the JSON object alone.";

static const char ruler[] = "\n\n----------------------------------------\n";

/* A JSON string from pieces: each is escaped by itself, the quotes are cut off. */
static void put_piece(struct sprout_buf *b, struct sprout_str s)
{
    struct sprout_buf rest =
        sprout_buf_of(b->ptr + b->len, b->full ? 0 : b->cap - b->len);
    sprout_buf_json(&rest, s);
    if (b->full || rest.full || rest.len < 2) {
        b->full = true;
        return;
    }
    memmove(rest.ptr, rest.ptr + 1, rest.len - 2);
    b->len += rest.len - 2;
}

static void put_text(struct sprout_buf *b, const char *text)
{
    put_piece(b, sprout_str_of(text));
}

static void put_answer(struct sprout_buf *b, int slot, struct sprout_str answer)
{
    char head[] = "Answer A:\n\n";
    head[7] = (char)('A' + slot);
    put_text(b, ruler);
    put_text(b, head);
    put_piece(b, answer);
}

void sprout_judge_put(struct sprout_buf *b, const struct sprout_judge_ask *ask)
{
    sprout_buf_put(b, SPROUT_STR("{\"model\":"));
    sprout_buf_json(b, ask->model);
    sprout_buf_put(b, SPROUT_STR(",\"temperature\":0,"));
    if (ask->max_tokens > 0) {
        sprout_buf_put(b, SPROUT_STR("\"max_tokens\":"));
        sprout_buf_i64(b, ask->max_tokens);
        sprout_buf_byte(b, ',');
    }
    sprout_buf_put(b, SPROUT_STR("\"messages\":[{\"role\":\"system\",\"content\":\""));
    put_piece(b, ask->rubric.len > 0 ? ask->rubric : sprout_str_of(sprout_judge_rubric));
    put_text(b, form_single);
    if (ask->again) {
        put_text(b, form_again);
    }
    sprout_buf_put(b, SPROUT_STR("\"},{\"role\":\"user\",\"content\":\""));
    put_text(b, "The request:\n\n");
    put_piece(b, ask->prompt);
    for (int i = 0; i < ask->count; i++) {
        put_answer(b, i, ask->answers[i]);
    }
    put_text(b, ruler);
    put_text(b, "Which answer is best?");
    sprout_buf_put(b, SPROUT_STR("\"}]}"));
}

/* ---- reading --------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct sprout_str strip(struct sprout_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s = (struct sprout_str){s.ptr + 1, s.len - 1};
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* What a reasoning model thought aloud; without an end it is all there is. */
static struct sprout_str skip_thought(struct sprout_str s)
{
    const struct sprout_str open = SPROUT_STR("<think>"), shut = SPROUT_STR("</think>");

    if (!sprout_str_starts(s, open)) {
        return s;
    }
    for (size_t i = open.len; i + shut.len <= s.len; i++) {
        if (memcmp(s.ptr + i, shut.ptr, shut.len) == 0) {
            const size_t used = i + shut.len;
            return strip((struct sprout_str){s.ptr + used, s.len - used});
        }
    }
    return (struct sprout_str){s.ptr, 0};
}

/* ```json ... ``` around the whole. */
static struct sprout_str skip_fence(struct sprout_str s)
{
    const struct sprout_str fence = SPROUT_STR("```");

    if (s.len < 2 * fence.len || !sprout_str_starts(s, fence) ||
        !sprout_str_ends(s, fence)) {
        return s;
    }
    s = (struct sprout_str){s.ptr + fence.len, s.len - 2 * fence.len};
    if (sprout_str_starts(s, SPROUT_STR("json"))) {
        s = (struct sprout_str){s.ptr + 4, s.len - 4};
    }
    return strip(s);
}

static uint32_t all_of(int slots)
{
    return (UINT32_C(1) << slots) - 1;
}

/* One letter, or "tie", as a set of slots; 0: neither. */
static uint32_t word_bits(struct sprout_str s, int slots)
{
    if (sprout_str_ieq(s, SPROUT_STR("tie"))) {
        return all_of(slots);
    }
    if (s.len != 1) {
        return 0;
    }
    const char c = s.ptr[0];
    const int slot = c >= 'a' && c <= 'z' ? c - 'a' : c - 'A';
    return slot >= 0 && slot < slots ? UINT32_C(1) << slot : 0;
}

static uint32_t read_letter(struct sprout_str s, int slots)
{
    static const char *const around[] = {"()", "\"\"", "''", "[]"};

    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        if (s.len > 2 && s.ptr[0] == around[i][0] && s.ptr[s.len - 1] == around[i][1]) {
            s = (struct sprout_str){s.ptr + 1, s.len - 2};
            return word_bits(s, slots);
        }
    }
    if (s.len > 1 && s.ptr[s.len - 1] == '.') {
        s.len--;
    }
    return word_bits(s, slots);
}

/* Where the scanner stands in {"best": ...}. */
struct reader {
    struct sprout_json json;
    int slots;
    uint32_t bits;
    bool in_best; /* its value is next, or open */
    bool list;    /* ... and is a list */
    bool done;    /* it was there */
    bool bad;
    char word[4]; /* the text of a string; longer is no letter */
    size_t len;
    bool reading;
};

static void take_word(struct reader *r)
{
    const uint32_t bits = word_bits((struct sprout_str){r->word, r->len}, r->slots);
    const bool several = (bits & (bits - 1)) != 0;

    if (bits == 0 || (r->bits & bits) != 0 || (several && r->list)) {
        r->bad = true;
    }
    r->bits |= bits;
    r->reading = false;
}

static void end_best(struct reader *r)
{
    r->in_best = false;
    r->done = true;
}

static void on_key(struct reader *r, const struct sprout_json_event *e)
{
    r->in_best = e->depth == 1 && sprout_str_ieq(e->text, SPROUT_STR("best"));
    if (r->in_best && r->done) {
        r->bad = true; /* twice */
    }
}

/* An event inside the value of "best". */
static void on_best(struct reader *r, const struct sprout_json_event *e)
{
    switch (e->kind) {
    case SPROUT_JSON_ARRAY:
        r->bad = r->bad || r->list;
        r->list = true;
        break;
    case SPROUT_JSON_ARRAY_END:
        end_best(r);
        break;
    case SPROUT_JSON_STRING:
        r->reading = true;
        r->len = 0;
        sprout_json_want_text(&r->json);
        break;
    case SPROUT_JSON_TEXT:
        for (size_t i = 0; i < e->text.len && r->len < sizeof r->word; i++) {
            r->word[r->len++] = e->text.ptr[i];
        }
        break;
    case SPROUT_JSON_STRING_END:
        take_word(r);
        if (!r->list) {
            end_best(r);
        }
        break;
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_OBJECT_END:
    case SPROUT_JSON_KEY:
    case SPROUT_JSON_NUMBER:
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
    case SPROUT_JSON_NULL:
    case SPROUT_JSON_KEY_AGAIN:
        r->bad = true;
        break;
    }
}

static void on_event(void *ctx, const struct sprout_json_event *e)
{
    struct reader *const r = ctx;

    if (r->in_best) {
        on_best(r, e);
    } else if (e->kind == SPROUT_JSON_KEY) {
        on_key(r, e);
    } else if (e->depth == 0 && e->kind == SPROUT_JSON_ARRAY) {
        r->bad = true;
    }
}

static uint32_t read_object(struct sprout_str s, int slots)
{
    struct reader r = {.slots = slots};

    sprout_json_start(&r.json, on_event, &r);
    (void)sprout_json_feed(&r.json, s.ptr, s.len);
    const bool whole = sprout_json_finish(&r.json) == SPROUT_OK;
    return whole && r.done && !r.bad ? r.bits : 0;
}

uint32_t sprout_judge_read(struct sprout_str reply, int slots)
{
    if (reply.len > SPROUT_JUDGE_REPLY_MAX) {
        return 0;
    }
    const struct sprout_str s = skip_fence(skip_thought(strip(reply)));
    return s.len > 0 && s.ptr[0] == '{' ? read_object(s, slots) : read_letter(s, slots);
}
