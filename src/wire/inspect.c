/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - from the events of a shape to facts.
 *
 * A message is judged when it ends, for its role may come after its content.  Until the role
 * is known its text is decoded on suspicion; once the role says that the text is not needed
 * (an answer, a later question) its bytes are only skipped.  That is what makes a long
 * conversation cheap.
 * Nothing here decides order by time: reasons are collected in a set (settle.c gives the
 * first of the table's order), so the answer does not depend on the order of the members. */
#include "wire/inspect.h"

#include "core/policy.h"
#include "wire/condition.h"
#include "wire/dialect_row.h"

enum { WORD_MAX = 32 };

enum speaker { UNKNOWN, USER, SYSTEM, ASSISTANT, TOOL };

/* A text that a directive may extend. */
struct text {
    struct sprout_spot spot;
    uint64_t digest; /* keyed hash of its decoded pieces */
    struct sprout_hash hash;
};

/* A short string to compare with known words; a longer one equals none of them. */
struct word {
    char bytes[WORD_MAX];
    uint8_t len;
};

struct sprout_inspect {
    const struct sprout_dialect *dialect;
    struct sprout_inspect_opts opts;
    struct sprout_facts facts;
    struct sprout_walk walk;

    /* The message under way, or the text at the top. */
    enum speaker speaker;
    bool top;         /* it is one at the top: always read */
    bool tool_result; /* it holds a tool's result */
    struct word word;
    struct text text;

    /* The conversation so far. */
    struct text top_system; /* outside the messages */
    struct text system;     /* the first of the messages before the first question */
    struct text first_user;
    struct text last_user;
    struct sprout_hash systems; /* all of those */
    struct sprout_hash name;    /* the conversation's own name ... */
    bool named;                 /* ... if it has one */
    uint64_t model_hash;
    enum speaker last;
    uint32_t items_after; /* messages after the first question */
    bool answered; /* a user message came after an answer: this began earlier (R7) */
    bool format_is_text; /* the format under way */
    bool stored_prompt;

    /* Texts collected for a predictor: one is under way, one is the first question.  NULL
     * where nobody asked for them. */
    struct sprout_predict_text *reading;
    struct sprout_predict_text *first;

    /* The last bytes of the text under way, a ring as long as the longest directive. */
    char *tail;
    size_t tail_size;
    uint64_t tail_written;
    uint64_t text_len;

    char *model;
    size_t model_len;
};

static void block(struct sprout_inspect *i, unsigned reason)
{
    i->facts.reasons |= UINT64_C(1) << reason;
}

static bool blocked_by(const struct sprout_inspect *i, enum sprout_reason reason)
{
    return (i->facts.reasons >> reason & 1) != 0;
}

/* ---- text ----------------------------------------------------------------------------- */

static void tail_put(struct sprout_inspect *i, struct sprout_str s)
{
    if (i->tail_size == 0) {
        return;
    }
    if (s.len > i->tail_size) { /* only the end can matter */
        i->tail_written += s.len - i->tail_size;
        s.ptr += s.len - i->tail_size;
        s.len = i->tail_size;
    }
    const size_t at = (size_t)(i->tail_written % i->tail_size);
    const size_t room = i->tail_size - at;
    const size_t first = s.len < room ? s.len : room;
    memcpy(i->tail + at, s.ptr, first);
    memcpy(i->tail, s.ptr + first, s.len - first);
    i->tail_written += s.len;
}

static bool tail_is(const struct sprout_inspect *i, struct sprout_str s)
{
    if (s.len == 0 || s.len > i->tail_written) {
        return false;
    }
    const uint64_t from = i->tail_written - s.len;
    for (size_t k = 0; k < s.len; k++) {
        if (i->tail[(from + k) % i->tail_size] != s.ptr[k]) {
            return false;
        }
    }
    return true;
}

static bool tail_is_directive(const struct sprout_inspect *i)
{
    for (size_t l = 0; l < i->opts.level_count; l++) {
        if (tail_is(i, i->opts.levels[l].directive)) {
            return true;
        }
    }
    return false;
}

static bool wanted(const struct sprout_inspect *i)
{
    if (i->top) {
        return true;
    }
    switch (i->speaker) {
    case UNKNOWN:
        return true;
    case SYSTEM:
        return i->facts.turns == 0;
    case USER:
        return i->facts.turns == 0 || i->opts.last_user;
    case ASSISTANT:
    case TOOL:
        return false;
    }
    return false;
}

/* Only a question may be one that is asked for, and only the first. */
static void collect(struct sprout_inspect *i, struct sprout_str s)
{
    if (i->reading == NULL || i->facts.turns > 0 || i->speaker == SYSTEM) {
        return;
    }
    if (i->text_len == 0 && i->reading->bytes > 0) { /* the next part of several */
        sprout_predict_feed(i->reading, "\n", 1);
    }
    sprout_predict_feed(i->reading, s.ptr, s.len);
}

static void text_piece(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_STRING) {
        i->tail_written = 0;
        i->text_len = 0;
        if (wanted(i)) {
            sprout_walk_want_text(&i->walk);
        }
    } else if (e->kind == SPROUT_JSON_TEXT) {
        sprout_hash_feed(&i->text.hash, e->text.ptr, e->text.len);
        tail_put(i, e->text);
        collect(i, e->text);
        i->text_len += e->text.len;
    } else if (e->kind == SPROUT_JSON_STRING_END) {
        sprout_hash_u64(&i->text.hash, i->text_len); /* where one piece ends */
        i->text.spot.ends_known = tail_is_directive(i);
    }
}

static void on_text(struct sprout_inspect *i, const struct sprout_shape_row *row,
                    const struct sprout_json_event *e)
{
    struct sprout_place *place = &i->text.spot.place;
    const struct sprout_shape *shape = &i->dialect->request;

    switch (e->kind) {
    case SPROUT_JSON_STRING:
    case SPROUT_JSON_TEXT:
        text_piece(i, e);
        break;
    case SPROUT_JSON_STRING_END:
        text_piece(i, e);
        *place =
            (struct sprout_place){SPROUT_PLACE_STRING, e->end - 1, e->end - e->at == 2};
        break;
    case SPROUT_JSON_ARRAY_END:
        *place = (struct sprout_place){SPROUT_PLACE_PART, e->end - 1,
                                       sprout_walk_items(&i->walk) == 0};
        break;
    case SPROUT_JSON_ARRAY: /* where the shape knows of no parts, there are none */
        i->text.spot.odd = i->text.spot.odd || row + 1 == shape->row + shape->count ||
                           row[1].depth <= row->depth;
        break;
    case SPROUT_JSON_KEY_AGAIN:
    case SPROUT_JSON_KEY:
    case SPROUT_JSON_OBJECT_END:
        break;
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_NUMBER:
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
    case SPROUT_JSON_NULL:
        i->text.spot.odd = true;
        break;
    }
}

static void on_part(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind != SPROUT_JSON_OBJECT && e->kind != SPROUT_JSON_OBJECT_END) {
        i->text.spot.odd = true;
    } else if (e->kind == SPROUT_JSON_OBJECT) {
        i->text.spot.ends_known = false; /* only the last part's end counts */
    }
}

/* ---- messages ------------------------------------------------------------------------- */

static void text_begin(struct sprout_inspect *i)
{
    i->text = (struct text){.hash = sprout_hash_begin(i->opts.salt)};
    i->tool_result = false;
    if (i->reading != NULL && i->facts.turns == 0) {
        i->reading->bytes = 0;
    }
}

static void text_over(struct sprout_inspect *i)
{
    i->text.digest = sprout_hash_end(i->text.hash);
    i->text.spot.odd = i->text.spot.odd || i->text.spot.place.form == SPROUT_PLACE_NONE;
}

static void user_over(struct sprout_inspect *i)
{
    if (i->facts.turns++ == 0) {
        i->first_user = i->text;
        i->first = i->reading;
    }
    i->last_user = i->text;
    i->answered = i->answered || i->last == ASSISTANT;
}

/* Only a system text before the first question counts: one that turns up later would move
 * the place of the directive in the middle of a conversation. */
static void system_over(struct sprout_inspect *i)
{
    if (i->facts.turns > 0) {
        return;
    }
    if (i->system.spot.place.form == SPROUT_PLACE_NONE && !i->system.spot.odd) {
        i->system = i->text;
    }
    sprout_hash_u64(&i->systems, i->text.digest);
}

static void on_item(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_OBJECT) {
        i->speaker = UNKNOWN;
        text_begin(i);
        return;
    }
    if (e->kind != SPROUT_JSON_OBJECT_END) {
        return;
    }
    text_over(i);
    if (i->tool_result || (i->speaker == UNKNOWN && i->dialect->roleless_is_tool)) {
        i->speaker = TOOL;
    }
    i->items_after += i->facts.turns > 0;
    if (i->speaker == USER) {
        user_over(i);
    } else if (i->speaker == SYSTEM) {
        system_over(i);
    }
    i->last = i->speaker;
}

static bool is_begin(enum sprout_json_kind kind)
{
    return kind != SPROUT_JSON_TEXT && kind != SPROUT_JSON_STRING_END &&
           kind != SPROUT_JSON_OBJECT_END && kind != SPROUT_JSON_ARRAY_END;
}

static bool is_end(enum sprout_json_kind kind)
{
    return kind != SPROUT_JSON_STRING && kind != SPROUT_JSON_TEXT &&
           kind != SPROUT_JSON_OBJECT && kind != SPROUT_JSON_ARRAY;
}

static bool is_value(const struct sprout_json_event *e)
{
    return e->kind != SPROUT_JSON_NULL && e->kind != SPROUT_JSON_KEY_AGAIN;
}

static void on_system(struct sprout_inspect *i, const struct sprout_shape_row *row,
                      const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_NULL) {
        return;
    }
    if (is_begin(e->kind)) {
        text_begin(i);
        i->top = true;
    }
    on_text(i, row, e);
    if (is_end(e->kind)) {
        text_over(i);
        i->top = false;
        i->top_system = i->text;
        if (row->arg == 0) { /* it names the conversation but takes no directive */
            i->top_system.spot.place.form = SPROUT_PLACE_NONE;
            i->top_system.spot.odd = false;
        }
    }
}

/* A string is a question; of a list, the items are. */
static void on_input(struct sprout_inspect *i, const struct sprout_shape_row *row,
                     const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_STRING) {
        text_begin(i);
        i->top = true;
    }
    if (!i->top) {
        return;
    }
    on_text(i, row, e);
    if (e->kind == SPROUT_JSON_STRING_END) {
        text_over(i);
        i->top = false;
        user_over(i);
        i->last = USER;
        if (i->text.spot.place.empty && row->arg != 0) {
            block(i, row->arg);
        }
    }
}

static bool take_word(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    switch (e->kind) {
    case SPROUT_JSON_STRING:
        i->word.len = 0;
        sprout_walk_want_text(&i->walk);
        return false;
    case SPROUT_JSON_TEXT: {
        const size_t room = WORD_MAX - i->word.len;
        const size_t n = e->text.len < room ? e->text.len : room;
        memcpy(i->word.bytes + i->word.len, e->text.ptr, n);
        i->word.len = (uint8_t)(i->word.len + n);
        return false;
    }
    default:
        return e->kind == SPROUT_JSON_STRING_END;
    }
}

static bool word_is(const struct sprout_inspect *i, struct sprout_str s)
{
    return sprout_str_eq((struct sprout_str){i->word.bytes, i->word.len}, s);
}

static void on_role(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    static const struct {
        struct sprout_str name;
        enum speaker speaker;
    } roles[] = {
        {SPROUT_KEY("user"), USER},        {SPROUT_KEY("system"), SYSTEM},
        {SPROUT_KEY("developer"), SYSTEM}, {SPROUT_KEY("assistant"), ASSISTANT},
        {SPROUT_KEY("tool"), TOOL},        {SPROUT_KEY("function"), TOOL},
    };
    if (!take_word(i, e)) {
        return;
    }
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        if (word_is(i, roles[r].name)) {
            i->speaker = roles[r].speaker;
        }
    }
}

static void on_part_type(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (take_word(i, e) && word_is(i, SPROUT_STR("tool_result"))) {
        i->tool_result = true;
    }
}

/* ---- conditions ----------------------------------------------------------------------- */

static bool number_of(const struct sprout_json_event *e, double *out)
{
    return e->kind == SPROUT_JSON_NUMBER && !e->cut &&
           sprout_str_to_f64(e->text, out) == SPROUT_OK;
}

static bool holds(enum sprout_request_id condition, const struct sprout_json_event *e)
{
    double v = 0;
    const bool number = number_of(e, &v);

    switch (condition) {
    case SPROUT_IF_SET: /* of a text only its end tells whether it is empty */
        return e->kind == SPROUT_JSON_STRING_END
                   ? e->end - e->at > 2
                   : e->kind != SPROUT_JSON_STRING && is_value(e);
    case SPROUT_IF_ON:
        return number ? v != 0 : is_value(e) && e->kind != SPROUT_JSON_FALSE;
    case SPROUT_IF_MANY:
        return number && v > 1;
    case SPROUT_IF_SMALL:
        return number && v >= 0 && v <= SPROUT_SMALL_CAP;
    default:
        return false;
    }
}

/* ---- members at the top --------------------------------------------------------------- */

static void on_model(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_STRING) {
        sprout_walk_want_text(&i->walk);
    } else if (e->kind == SPROUT_JSON_TEXT) {
        const size_t room = SPROUT_MODEL_MAX - i->model_len;
        const size_t n = e->text.len < room ? e->text.len : room;
        memcpy(i->model + i->model_len, e->text.ptr, n);
        i->model_len += n;
    } else if (e->kind == SPROUT_JSON_STRING_END) {
        struct sprout_str model = {i->model, i->model_len};
        while (model.len > 0 && !sprout_str_utf8(model)) {
            model.len--; /* cut in the middle of a character */
        }
        i->facts.model = model;
        i->model_hash = sprout_hash_str(i->opts.salt, model);
    }
}

static void on_conversation(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_STRING) {
        sprout_walk_want_text(&i->walk);
    } else if (e->kind == SPROUT_JSON_TEXT) {
        sprout_hash_feed(&i->name, e->text.ptr, e->text.len);
    } else if (e->kind == SPROUT_JSON_STRING_END) {
        i->named = true;
    }
}

static void on_stream(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_TRUE || e->kind == SPROUT_JSON_FALSE) {
        i->facts.stream = e->kind == SPROUT_JSON_TRUE;
    }
}

static enum sprout_member member_of(enum sprout_json_kind kind)
{
    switch (kind) {
    case SPROUT_JSON_NULL:
        return SPROUT_MEMBER_NULL;
    case SPROUT_JSON_FALSE:
        return SPROUT_MEMBER_FALSE;
    case SPROUT_JSON_TRUE:
        return SPROUT_MEMBER_TRUE;
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_OBJECT_END:
        return SPROUT_MEMBER_OBJECT;
    default:
        return SPROUT_MEMBER_OTHER;
    }
}

static void on_stream_options(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    struct sprout_facts *f = &i->facts;
    f->stream_options = member_of(e->kind);
    f->stream_options_at = e->at;
    f->stream_options_end = e->end;
    if (e->kind == SPROUT_JSON_OBJECT_END) {
        f->stream_options_empty = sprout_walk_items(&i->walk) == 0;
    }
}

static void on_include_usage(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    i->facts.include_usage = member_of(e->kind);
    i->facts.include_usage_at = e->at;
    i->facts.include_usage_end = e->end;
}

static void on_document(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_OBJECT_END) {
        i->facts.object_end = e->end - 1;
        i->facts.object_empty = sprout_walk_items(&i->walk) == 0;
    }
}

static void on_param_home(struct sprout_inspect *i, const struct sprout_shape_row *row,
                          const struct sprout_json_event *e)
{
    struct sprout_param_fact *f = &i->facts.param[row->arg];
    f->home = member_of(e->kind);
    f->home_at = e->at;
    f->home_end = e->end;
    if (e->kind == SPROUT_JSON_OBJECT_END) {
        f->home_empty = sprout_walk_items(&i->walk) == 0;
    }
}

static void on_param(struct sprout_inspect *i, const struct sprout_shape_row *row,
                     const struct sprout_json_event *e)
{
    struct sprout_param_fact *f = &i->facts.param[row->arg];
    const enum sprout_reason blocks = i->dialect->param[row->arg].blocks;
    f->value = member_of(e->kind);
    f->value_at = e->at;
    f->value_end = e->end;
    if (blocks != 0 && holds(SPROUT_IF_SET, e)) {
        block(i, blocks);
    }
}

/* Each format is judged where it ends: an API may have two members for it. */
static void on_format(struct sprout_inspect *i, const struct sprout_shape_row *row,
                      const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_OBJECT) {
        i->format_is_text = false;
    } else if (e->kind == SPROUT_JSON_OBJECT_END ? !i->format_is_text
                                                 : is_end(e->kind) && is_value(e)) {
        block(i, row->arg);
    }
}

static void on_format_type(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (take_word(i, e)) {
        i->format_is_text = word_is(i, SPROUT_STR("text"));
    }
}

static void on_tools(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_ARRAY_END && sprout_walk_items(&i->walk) > 0) {
        i->facts.tools = true;
    }
}

/* "auto" and "none" leave the model its words; anything that names a tool does not. */
static void on_tool_choice(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (e->kind == SPROUT_JSON_OBJECT ||
        (take_word(i, e) && !word_is(i, SPROUT_STR("auto")) &&
         !word_is(i, SPROUT_STR("none")))) {
        block(i, SPROUT_REASON_TOOLS);
    }
}

static void on_include(struct sprout_inspect *i, const struct sprout_json_event *e)
{
    if (take_word(i, e) && word_is(i, SPROUT_STR("message.output_text.logprobs"))) {
        block(i, SPROUT_REASON_LOGPROBS);
    }
}

/* ---- the rows ------------------------------------------------------------------------- */

static void on_row(void *ctx, const struct sprout_shape_row *row,
                   const struct sprout_json_event *e)
{
    struct sprout_inspect *i = ctx;
    const enum sprout_request_id id = (enum sprout_request_id)row->id;

    if (e->kind == SPROUT_JSON_KEY_AGAIN) {
        block(i, SPROUT_REASON_DUPLICATE_KEY);
        return;
    }
    switch (id) {
    case SPROUT_IN_NOTHING:
        break;
    case SPROUT_IN_DOCUMENT:
        on_document(i, e);
        break;
    case SPROUT_IN_MODEL:
        on_model(i, e);
        break;
    case SPROUT_IN_STREAM:
        on_stream(i, e);
        break;
    case SPROUT_IN_STREAM_OPTIONS:
        on_stream_options(i, e);
        break;
    case SPROUT_IN_INCLUDE_USAGE:
        on_include_usage(i, e);
        break;
    case SPROUT_IN_CONVERSATION:
        on_conversation(i, e);
        break;
    case SPROUT_IN_SYSTEM:
        on_system(i, row, e);
        break;
    case SPROUT_IN_INPUT:
        on_input(i, row, e);
        break;
    case SPROUT_IN_ITEM:
        on_item(i, e);
        break;
    case SPROUT_IN_ITEM_ROLE:
        on_role(i, e);
        break;
    case SPROUT_IN_TEXT:
        on_text(i, row, e);
        break;
    case SPROUT_IN_PART:
        on_part(i, e);
        break;
    case SPROUT_IN_PART_TYPE:
        on_part_type(i, e);
        break;
    case SPROUT_IN_PART_TEXT:
        text_piece(i, e);
        break;
    case SPROUT_IN_FORMAT:
        on_format(i, row, e);
        break;
    case SPROUT_IN_FORMAT_TYPE:
        on_format_type(i, e);
        break;
    case SPROUT_IN_TOOLS:
        on_tools(i, e);
        break;
    case SPROUT_IN_TOOL_CHOICE:
        on_tool_choice(i, e);
        break;
    case SPROUT_IN_INCLUDE:
        on_include(i, e);
        break;
    case SPROUT_IN_STORED_PROMPT:
        i->stored_prompt = is_value(e);
        break;
    case SPROUT_IN_PARAM_HOME:
        on_param_home(i, row, e);
        break;
    case SPROUT_IN_PARAM:
        on_param(i, row, e);
        break;
    case SPROUT_IF_SET:
    case SPROUT_IF_ON:
    case SPROUT_IF_MANY:
    case SPROUT_IF_SMALL:
        if (sprout_condition_holds(id, e)) {
            block(i, row->arg);
        }
        break;
    }
}

/* ---- the interface -------------------------------------------------------------------- */

static size_t longest_directive(const struct sprout_inspect_opts *opts)
{
    size_t longest = 0;
    for (size_t l = 0; l < opts->level_count; l++) {
        const size_t len = opts->levels[l].directive.len;
        longest = len > longest ? len : longest;
    }
    return longest;
}

struct sprout_inspect *sprout_inspect_new(struct sprout_arena *arena,
                                          const struct sprout_dialect *dialect,
                                          const struct sprout_inspect_opts *opts)
{
    if (dialect == NULL) {
        return NULL;
    }
    struct sprout_inspect *i = sprout_arena_alloc(arena, sizeof *i);
    char *model = sprout_arena_alloc(arena, SPROUT_MODEL_MAX);
    const size_t tail_size = longest_directive(opts);
    char *tail = sprout_arena_alloc(arena, tail_size);
    if (arena->spent) {
        return NULL;
    }
    i->dialect = dialect;
    i->opts = *opts;
    i->model = model;
    i->tail = tail;
    i->tail_size = tail_size;
    if (opts->with_text) {
        i->reading = sprout_arena_raw(arena, sizeof *i->reading);
        if (i->reading == NULL) {
            return NULL;
        }
        i->reading->bytes = 0;
    }
    i->systems = i->name = sprout_hash_begin(opts->salt);
    i->opts.last_user |= opts->switches.placement == SPROUT_PLACEMENT_LAST_USER;
    i->facts.stream = dialect->streams;
    sprout_walk_start(&i->walk, &dialect->request, on_row, i);
    return i;
}

void sprout_inspect_feed(struct sprout_inspect *i, const char *bytes, size_t len)
{
    const uint64_t max = i->opts.max_bytes;
    const uint64_t before = i->facts.bytes;

    i->facts.bytes += len;
    if (max > 0 && i->facts.bytes > max) { /* scan to the limit, however this is cut */
        block(i, SPROUT_REASON_TOO_LARGE);
        len = before < max ? (size_t)(max - before) : 0;
    }
    const enum sprout_status s = sprout_walk_feed(&i->walk, bytes, len);
    if (s == SPROUT_LIMIT) {
        block(i, SPROUT_REASON_TOO_DEEP);
    } else if (s == SPROUT_SYNTAX) {
        block(i, SPROUT_REASON_NOT_JSON);
    }
}

/* R7: a conversation that began earlier keeps the bytes of its earlier turns, and the
 * directive was decided then. */
static void judge_last_message(struct sprout_inspect *i)
{
    const bool later = i->facts.turns >= 2 || i->answered;

    if (i->last == ASSISTANT) {
        block(i, SPROUT_REASON_PREFILL);
    }
    if (later) {
        i->facts.reasons &= ~(UINT64_C(1) << SPROUT_REASON_PREFILL);
    }
    i->facts.tool_turn = i->last == TOOL;
    i->facts.tool_turn_later = later;
    i->facts.tool_turn_in_loop = i->items_after >= 2; /* the call, and its result */
}

/* D4.  The texts have hashes of their own, so the order of the members does not matter, and
 * no text can pass for two. */
static uint64_t conversation_of(const struct sprout_inspect *i)
{
    struct sprout_hash h = sprout_hash_begin(i->opts.salt);
    sprout_hash_u64(&h, i->model_hash);
    if (i->named) {
        sprout_hash_u64(&h, sprout_hash_end(i->name));
    } else {
        sprout_hash_u64(&h, i->top_system.digest);
        sprout_hash_u64(&h, sprout_hash_end(i->systems));
        sprout_hash_u64(&h, i->first_user.digest);
    }
    return sprout_hash_end(h);
}

static bool is_there(const struct sprout_spot *s)
{
    return s->place.form != SPROUT_PLACE_NONE || s->odd;
}

struct sprout_facts sprout_inspect_finish(struct sprout_inspect *i)
{
    struct sprout_facts *f = &i->facts;

    if (!blocked_by(i, SPROUT_REASON_TOO_LARGE) &&
        sprout_walk_finish(&i->walk) == SPROUT_SYNTAX) {
        block(i, SPROUT_REASON_NOT_JSON);
    }
    if (i->stored_prompt && f->turns == 0) {
        block(i, SPROUT_REASON_STORED_PROMPT);
    }
    judge_last_message(i);

    const bool at_top = is_there(&i->top_system.spot);
    f->system = at_top ? i->top_system.spot : i->system.spot;
    f->first_user = i->first_user.spot;
    f->last_user = i->last_user.spot;
    f->off = i->dialect->off;
    f->conversation = conversation_of(i);
    f->first_text = i->first;
    sprout_facts_settle(f, &i->opts.switches);
    return *f;
}
