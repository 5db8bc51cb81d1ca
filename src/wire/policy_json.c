/* SPDX-License-Identifier: Apache-2.0 */
/* policy_json.c - policy.json read, from one table of its members.
 *
 * The table (policy_json_rows.h) says of each member its form, the struct it is in and its
 * place there.  The walker tells which struct is under way: when an item of `strata` opens,
 * the base of all stratum members becomes that stratum.  So the reader has no code per
 * member, and a new member is a line.  policy_json_write.c writes the members in the order of this table.
 * Failure: the first one is kept, with its path, and nothing is returned. */
#include "wire/policy_json.h"

#include "core/instant.h"
#include "wire/patch.h"
#include "wire/policy_json_rows.h"
#include "wire/shape.h"

static const struct sprout_shape_row rows[] = {
#define X(depth, name, form, need, base, offset, limit)                                  \
    {depth, form, need, SPROUT_KEY(name)},
    MEMBERS(X)
#undef X
};

static const struct {
    enum base base;
    size_t offset;
    uint32_t limit;
} places[] = {
#define X(depth, name, form, need, base, offset, limit) {base, offset, limit},
    MEMBERS(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct sprout_shape shape = SPROUT_SHAPE_OF(rows);

/* What can only be judged when the whole file was read, for its members come in any order:
 * names that stand for levels, and lists that have one item per level or stratum. */
struct mix_rest {
    uint32_t rows;
    uint8_t width
        [SPROUT_STRATA_MAX]; /* at most SPROUT_LEVELS_MAX: there is room for no more */
};

struct rule_rest {
    struct sprout_str allowed[SPROUT_LEVELS_MAX];
    size_t allowed_count;
    struct mix_rest *mix; /* NULL: it has none */
};

struct zone_rest {
    struct mix_rest *mix;
    struct sprout_zone_rule *rules; /* as many as there may be; NULL: none */
    struct mix_rest **rule_mix;
};

struct stratum_rest {
    uint32_t shares;
    uint32_t beliefs;
};

struct reader {
    struct sprout_walk walk;
    struct sprout_arena *arena;
    struct sprout_policy *policy;
    struct sprout_patch *patches;
    struct sprout_stratum *strata;
    struct sprout_rule *rules;
    struct rule_rest *rule_rest;
    struct stratum_rest *stratum_rest;
    struct sprout_policy_profile *profiles;
    struct sprout_policy_zone *zones;
    struct zone_rest *zone_rest;
    double (*mix)[SPROUT_LEVELS_MAX]; /* the list of mixes under way */
    struct mix_rest *mix_rest;
    char *base[BASES];
    char *text; /* decoded, as long as the file: no text is longer */
    size_t text_len;
    int64_t format; /* -1: not seen */
    enum sprout_status status;
    struct sprout_error *err;
};

/* ---- failures ------------------------------------------------------------------------- */

static void refuse_at(struct reader *r, enum sprout_status status, const char *what,
                      struct sprout_str member)
{
    if (r->status != SPROUT_OK) {
        return;
    }
    char path[200];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);
    sprout_walk_path(&r->walk, &b);
    if (member.len > 0) {
        sprout_buf_put(&b, b.len > 0 ? SPROUT_STR(".") : SPROUT_STR(""));
        sprout_buf_put(&b, member);
    }
    const struct sprout_str at = b.len > 0 ? sprout_buf_str(&b) : SPROUT_STR("the file");
    r->status = sprout_fail(r->err, status, "%.*s: %s", (int)at.len, at.ptr, what);
}

static void refuse(struct reader *r, enum sprout_status status, const char *what)
{
    refuse_at(r, status, what, (struct sprout_str){0});
}

static const char *found_text(enum sprout_json_kind kind)
{
    switch (kind) {
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_OBJECT_END:
        return "an object";
    case SPROUT_JSON_ARRAY:
    case SPROUT_JSON_ARRAY_END:
        return "a list";
    case SPROUT_JSON_KEY:
    case SPROUT_JSON_KEY_AGAIN:
    case SPROUT_JSON_STRING:
    case SPROUT_JSON_TEXT:
    case SPROUT_JSON_STRING_END:
        return "a text";
    case SPROUT_JSON_NUMBER:
        return "a number";
    case SPROUT_JSON_TRUE:
        return "true";
    case SPROUT_JSON_FALSE:
        return "false";
    case SPROUT_JSON_NULL:
        return "null";
    }
    return "something";
}

static const char *expected_text(enum form form)
{
    switch (form) {
    case FORM_NODE:
    case FORM_ITEM:
        return "an object";
    case FORM_FORMAT:
    case FORM_COUNT:
        return "a whole number";
    case FORM_TEXT:
        return "a text";
    case FORM_TIME:
        return "a time as \"2026-11-23T08:15:00Z\"";
    case FORM_SALT:
        return "a text of 32 hexadecimal digits";
    case FORM_ID:
        return "a text of 16 hexadecimal digits";
    case FORM_REAL:
    case FORM_REALS_OF:
    case FORM_MIXES_OF:
        return "a number or null";
    case FORM_FLAG:
        return "true or false";
    case FORM_PLACEMENT:
        return "auto, first-user, last-user or system";
    case FORM_TRISTATE:
        return "true, false or null";
    case FORM_REALS:
    case FORM_MIXES:
    case FORM_MIXES_ROW:
        return "a list of numbers";
    case FORM_ALLOWED:
    case FORM_ALLOWED_OF:
        return "a list of level names";
    }
    return "something else";
}

static void refuse_value(struct reader *r, size_t row, const struct sprout_json_event *e)
{
    const bool list = (enum form)rows[row].id == FORM_NODE && places[row].limit > 0;
    char what[120];
    struct sprout_buf b = sprout_buf_of(what, sizeof what);
    sprout_buf_printf(&b, "found %s, expected %s", found_text(e->kind),
                      list ? "a list" : expected_text((enum form)rows[row].id));
    sprout_buf_byte(&b, '\0');
    refuse(r, SPROUT_INVALID, what);
}

/* ---- values --------------------------------------------------------------------------- */

static void *place_of(const struct reader *r, size_t row)
{
    return r->base[places[row].base] + places[row].offset;
}

static bool hex_word(const char *digits, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 16; i++) {
        const char c = digits[i];
        const char low = (char)(c | 0x20);
        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint64_t)(c - '0');
        } else if (low >= 'a' && low <= 'f') {
            v = v << 4 | (uint64_t)(low - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = v;
    return true;
}

static bool take_salt(struct sprout_str s, struct sprout_hash_key *out)
{
    struct sprout_hash_key key;
    if (s.len != 32 || !hex_word(s.ptr, &key.k0) || !hex_word(s.ptr + 16, &key.k1)) {
        return false;
    }
    *out = key;
    return true;
}

static struct sprout_str keep_text(struct reader *r)
{
    const struct sprout_str kept =
        sprout_arena_str(r->arena, (struct sprout_str){r->text, r->text_len});
    if (r->arena->spent) {
        refuse(r, SPROUT_NO_MEMORY, "no memory left for the text");
    }
    return kept;
}

static size_t rule_index(const struct reader *r)
{
    return (size_t)((struct sprout_rule *)(void *)r->base[RULE] - r->rules);
}

static struct sprout_policy_zone *zone_here(const struct reader *r)
{
    return (struct sprout_policy_zone *)(void *)r->base[ZONE];
}

static struct zone_rest *zone_rest_here(const struct reader *r)
{
    return &r->zone_rest[zone_here(r) - r->zones];
}

static bool take_string(struct reader *r, size_t row)
{
    const struct sprout_str s = {r->text, r->text_len};

    switch ((enum form)rows[row].id) {
    case FORM_TEXT:
        *(struct sprout_str *)place_of(r, row) = keep_text(r);
        return true;
    case FORM_TIME:
        return sprout_instant_parse(s, place_of(r, row)) == SPROUT_OK;
    case FORM_SALT:
        return take_salt(s, place_of(r, row));
    case FORM_PLACEMENT:
        return sprout_placement_parse(s, place_of(r, row));
    case FORM_ID:
        return s.len == 16 && hex_word(s.ptr, place_of(r, row));
    case FORM_ALLOWED_OF: {
        struct rule_rest *rest = &r->rule_rest[rule_index(r)];
        rest->allowed[rest->allowed_count++] = keep_text(r); /* has_room() was asked */
        return true;
    }
    default:
        return false;
    }
}

/* The item's place in its list: shapes have at most one list of numbers around a number,
 * two in a rule's mixes. */
static uint32_t item_index(const struct reader *r, size_t row)
{
    return sprout_walk_index(&r->walk, rows[row].depth - 1u);
}

static bool take_real(struct reader *r, size_t row, double v)
{
    switch ((enum form)rows[row].id) {
    case FORM_REAL:
        *(double *)place_of(r, row) = v;
        return true;
    case FORM_REALS_OF: {
        double *list = place_of(r, row);
        list[item_index(r, row)] = v;
        return true;
    }
    case FORM_MIXES_OF: {
        r->mix[sprout_walk_index(&r->walk, rows[row].depth - 2u)][item_index(r, row)] = v;
        return true;
    }
    default:
        return false;
    }
}

static bool take_number(struct reader *r, size_t row, const struct sprout_json_event *e)
{
    const enum form form = (enum form)rows[row].id;

    if (form == FORM_COUNT || form == FORM_FORMAT) {
        int64_t *p = form == FORM_FORMAT ? &r->format : place_of(r, row);
        return !e->cut && sprout_str_to_i64(e->text, p) == SPROUT_OK;
    }
    double v = 0;
    return !e->cut && sprout_str_to_f64(e->text, &v) == SPROUT_OK && take_real(r, row, v);
}

static bool take_flag(struct reader *r, size_t row, bool v)
{
    if (rows[row].id == FORM_FLAG) {
        *(bool *)place_of(r, row) = v;
        return true;
    }
    if (rows[row].id == FORM_TRISTATE) {
        *(enum sprout_tristate *)place_of(r, row) = v ? SPROUT_YES : SPROUT_NO;
        return true;
    }
    return false;
}

/* A null says "unknown" of a number and "nothing said" of what may be left out. */
static bool take_null(struct reader *r, size_t row)
{
    return take_real(r, row, NAN) || rows[row].arg == OPTIONAL;
}

/* ---- lists ---------------------------------------------------------------------------- */

/* Of a zone; room for all is made with the first. */
static void open_zone_rule(struct reader *r, uint32_t i)
{
    struct zone_rest *const rest = zone_rest_here(r);
    if (rest->rules == NULL) {
        rest->rules = sprout_arena_array(r->arena, SPROUT_RULES_MAX, sizeof *rest->rules);
        rest->rule_mix =
            sprout_arena_array(r->arena, SPROUT_RULES_MAX, sizeof(struct mix_rest *));
    }
    if (rest->rules == NULL || rest->rule_mix == NULL) {
        refuse(r, SPROUT_NO_MEMORY, "no memory left for the rules of a zone");
        return;
    }
    r->base[ZONE_RULE] = (char *)&rest->rules[i];
    zone_here(r)->rules = rest->rules;
    zone_here(r)->rule_count = i + 1;
}

static void open_item(struct reader *r, size_t row)
{
    const uint32_t i = item_index(r, row);

    switch (places[row].base) {
    case POLICY:
    case BASES:
        break;
    case LEVEL:
        r->base[LEVEL] = (char *)&r->policy->levels[i];
        r->policy->level_count = i + 1;
        break;
    case PATCH: {
        struct sprout_patch *patch = &r->patches[r->policy->patch_count++];
        patch->level = (uint32_t)(r->policy->level_count - 1);
        r->base[PATCH] = (char *)patch;
        break;
    }
    case STRATUM:
        r->base[STRATUM] = (char *)&r->strata[i];
        r->policy->stratum_count = i + 1;
        break;
    case BELIEF:
        r->base[BELIEF] =
            (char *)&((struct sprout_stratum *)(void *)r->base[STRATUM])->level[i];
        break;
    case RULE:
        r->rules[i].floor = NAN;
        r->base[RULE] = (char *)&r->rules[i];
        r->policy->rule_count = i + 1;
        break;
    case PROFILE:
        r->base[PROFILE] = (char *)&r->profiles[i];
        r->policy->profile_count = i + 1;
        break;
    case ZONE:
        r->base[ZONE] = (char *)&r->zones[i];
        r->policy->zone_count = i + 1;
        break;
    case ZONE_RULE:
        open_zone_rule(r, i);
        break;
    }
}

/* True while the list around `row` has room for the item that begins. */
static bool has_room(struct reader *r, size_t row)
{
    if (row == 0) {
        return true;
    }
    size_t parent = row;
    while (rows[parent].depth >= rows[row].depth) {
        parent--;
    }
    const uint32_t limit = places[parent].limit;
    if (limit == 0 || sprout_walk_index(&r->walk, rows[parent].depth) < limit) {
        return true;
    }
    char what[60];
    struct sprout_buf b = sprout_buf_of(what, sizeof what);
    sprout_buf_printf(&b, "expected at most %u items in this list", (unsigned)limit);
    sprout_buf_byte(&b, '\0');
    refuse(r, SPROUT_LIMIT, what);
    return false;
}

/* Where the rest of the mixes of `base` is kept until the end. */
static struct mix_rest **mix_rest_of(struct reader *r, enum base base)
{
    if (base == RULE) {
        return &r->rule_rest[rule_index(r)].mix;
    }
    return base == ZONE ? &zone_rest_here(r)->mix
                        : &zone_rest_here(r)->rule_mix[zone_here(r)->rule_count - 1];
}

static bool open_mixes(struct reader *r, size_t row)
{
    r->mix_rest = sprout_arena_alloc(r->arena, sizeof *r->mix_rest);
    r->mix = sprout_arena_array(r->arena, SPROUT_STRATA_MAX, sizeof r->mix[0]);
    if (r->mix == NULL || r->mix_rest == NULL) {
        refuse(r, SPROUT_NO_MEMORY, "no memory left for the mixes");
        return true;
    }
    *(double(**)[SPROUT_LEVELS_MAX])place_of(r, row) = r->mix;
    *mix_rest_of(r, places[row].base) = r->mix_rest;
    return true;
}

static bool open_container(struct reader *r, size_t row, bool object)
{
    switch ((enum form)rows[row].id) {
    case FORM_NODE:
        return object == (places[row].limit == 0);
    case FORM_ITEM:
        open_item(r, row);
        return object;
    case FORM_MIXES:
        return !object && open_mixes(r, row);
    case FORM_REALS:
    case FORM_ALLOWED:
    case FORM_MIXES_ROW:
        return !object;
    default:
        return false;
    }
}

/* When an object ends, everything it must have has been there. */
static void close_object(struct reader *r, size_t row)
{
    const unsigned depth = rows[row].depth + 1u;
    const uint64_t seen = sprout_walk_seen(&r->walk);
    unsigned ordinal = 0;

    for (size_t i = row + 1; i < ROWS && rows[i].depth >= depth; i++) {
        if (rows[i].depth != depth) {
            continue;
        }
        if (rows[i].arg == REQUIRED && (seen >> ordinal & 1) == 0) {
            refuse_at(r, SPROUT_INVALID, "missing", rows[i].key);
        }
        ordinal++;
    }
}

static void close_list(struct reader *r, size_t row)
{
    const uint32_t items = sprout_walk_items(&r->walk);
    const size_t stratum =
        (size_t)((struct sprout_stratum *)(void *)r->base[STRATUM] - r->strata);

    if (rows[row].id == FORM_REALS && places[row].base != STRATUM &&
        items != places[row].limit) {
        refuse(r, SPROUT_INVALID,
               places[row].limit == 2 ? "expected two numbers"
                                      : "expected three numbers");
    } else if (rows[row].id == FORM_REALS && places[row].base == STRATUM) {
        r->stratum_rest[stratum].shares = items;
    } else if (rows[row].id == FORM_NODE && places[row].base == STRATUM) {
        r->stratum_rest[stratum].beliefs = items;
    } else if (rows[row].id == FORM_MIXES) {
        r->mix_rest->rows = items;
        sprout_arena_trim(r->arena,
                          r->mix + items); /* numbers only: nothing came after */
    } else if (rows[row].id == FORM_MIXES_ROW) {
        r->mix_rest->width[item_index(r, row)] = (uint8_t)items;
    }
}

static void on_row(void *ctx, const struct sprout_shape_row *shape_row,
                   const struct sprout_json_event *e)
{
    struct reader *r = ctx;
    const size_t row = (size_t)(shape_row - rows);
    bool ok = true;

    if (r->status != SPROUT_OK) {
        return;
    }
    const bool begins =
        e->kind != SPROUT_JSON_TEXT && e->kind != SPROUT_JSON_STRING_END &&
        e->kind != SPROUT_JSON_OBJECT_END && e->kind != SPROUT_JSON_ARRAY_END;
    if (begins && !has_room(r, row)) {
        return;
    }
    switch (e->kind) {
    case SPROUT_JSON_KEY_AGAIN:
        refuse(r, SPROUT_INVALID, "there twice");
        break;
    case SPROUT_JSON_STRING:
        r->text_len = 0;
        sprout_walk_want_text(&r->walk);
        break;
    case SPROUT_JSON_TEXT:
        memcpy(r->text + r->text_len, e->text.ptr, e->text.len);
        r->text_len += e->text.len;
        break;
    case SPROUT_JSON_STRING_END:
        ok = take_string(r, row);
        break;
    case SPROUT_JSON_NUMBER:
        ok = take_number(r, row, e);
        break;
    case SPROUT_JSON_TRUE:
    case SPROUT_JSON_FALSE:
        ok = take_flag(r, row, e->kind == SPROUT_JSON_TRUE);
        break;
    case SPROUT_JSON_NULL:
        ok = take_null(r, row);
        break;
    case SPROUT_JSON_OBJECT:
    case SPROUT_JSON_ARRAY:
        ok = open_container(r, row, e->kind == SPROUT_JSON_OBJECT);
        break;
    case SPROUT_JSON_OBJECT_END:
        close_object(r, row);
        break;
    case SPROUT_JSON_ARRAY_END:
        close_list(r, row);
        break;
    case SPROUT_JSON_KEY:
        break;
    }
    if (!ok) {
        refuse_value(r, row, e);
    }
}

/* ---- the whole file ------------------------------------------------------------------- */

static enum sprout_status wrong_count(struct reader *r, const char *path,
                                      const char *what, uint32_t found, size_t expected)
{
    return sprout_fail(r->err, SPROUT_INVALID, "%s: found %u %s, expected %zu", path,
                       (unsigned)found, what, expected);
}

/* One mix a stratum, one share a level.  `rest` NULL: there are none. */
static enum sprout_status complete_mixes(struct reader *r, const struct mix_rest *rest,
                                         const char *where)
{
    const struct sprout_policy *p = r->policy;
    char path[100];
    struct sprout_buf b;

    if (rest != NULL && rest->rows != p->stratum_count) {
        b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "%smix", where);
        return wrong_count(r, path, "mixes (one per stratum)", rest->rows,
                           p->stratum_count);
    }
    for (uint32_t k = 0; rest != NULL && k < rest->rows; k++) {
        if (rest->width[k] != p->level_count) {
            b = sprout_buf_of(path, sizeof path);
            sprout_buf_printf(&b, "%smix[%u]", where, (unsigned)k);
            return wrong_count(r, path, "shares (one per level)", rest->width[k],
                               p->level_count);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status complete_zone(struct reader *r, size_t i)
{
    const struct zone_rest *const rest = &r->zone_rest[i];
    char path[60];
    struct sprout_buf b;

    b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "zones[%zu].", i);
    enum sprout_status s = complete_mixes(r, rest->mix, path);
    for (size_t k = 0; k < r->zones[i].rule_count && s == SPROUT_OK; k++) {
        b = sprout_buf_of(path, sizeof path);
        sprout_buf_printf(&b, "zones[%zu].rules[%zu].", i, k);
        s = complete_mixes(r, rest->rule_mix[k], path);
    }
    return s;
}

static enum sprout_status complete_rule(struct reader *r, size_t i)
{
    const struct sprout_policy *p = r->policy;
    const struct rule_rest *rest = &r->rule_rest[i];
    char path[60];
    struct sprout_buf b;

    for (size_t k = 0; k < rest->allowed_count; k++) {
        const int level = sprout_policy_level(p, rest->allowed[k]);
        if (level < 0) {
            return sprout_fail(r->err, SPROUT_INVALID,
                               "rules[%zu].levels[%zu]: expected the name of a level", i,
                               k);
        }
        r->rules[i].levels |= UINT32_C(1) << level;
    }
    b = sprout_buf_of(path, sizeof path);
    sprout_buf_printf(&b, "rules[%zu].", i);
    return complete_mixes(r, rest->mix, path);
}

static enum sprout_status complete_stratum(struct reader *r, size_t i)
{
    const struct stratum_rest *rest = &r->stratum_rest[i];
    const size_t levels = r->policy->level_count;
    char path[60];
    struct sprout_buf b = sprout_buf_of(path, sizeof path);

    if (rest->shares != levels) {
        sprout_buf_printf(&b, "strata[%zu].mix", i);
        return wrong_count(r, path, "shares (one per level)", rest->shares, levels);
    }
    if (rest->beliefs != levels) {
        sprout_buf_printf(&b, "strata[%zu].levels", i);
        return wrong_count(r, path, "levels", rest->beliefs, levels);
    }
    return SPROUT_OK;
}

/* Its parameter is one of its API's. */
static enum sprout_status complete_patch(struct reader *r, size_t i)
{
    struct sprout_error why = {0};
    const enum sprout_status s = sprout_patch_check(&r->patches[i], &why);
    return s == SPROUT_OK ? s
                          : sprout_fail(r->err, s, "levels[%u].patches: %s",
                                        (unsigned)r->patches[i].level, why.message);
}

static enum sprout_status complete(struct reader *r)
{
    struct sprout_policy *p = r->policy;

    if (r->format >= 0 && r->format != SPROUT_POLICY_FORMAT) {
        return sprout_fail(r->err, SPROUT_UNSUPPORTED,
                           "format: found %lld, expected %d (was the file written for "
                           "another version?)",
                           (long long)r->format, SPROUT_POLICY_FORMAT);
    }
    if (r->status != SPROUT_OK) {
        return r->status;
    }
    p->patches = r->patches;
    p->strata = r->strata;
    p->rules = r->rules;
    p->profiles = r->profiles;
    p->zones = r->zones;
    enum sprout_status s = SPROUT_OK;
    for (size_t i = 0; i < p->patch_count && s == SPROUT_OK; i++) {
        s = complete_patch(r, i);
    }
    for (size_t i = 0; i < p->stratum_count && s == SPROUT_OK; i++) {
        s = complete_stratum(r, i);
    }
    for (size_t i = 0; i < p->rule_count && s == SPROUT_OK; i++) {
        s = complete_rule(r, i);
    }
    for (size_t i = 0; i < p->zone_count && s == SPROUT_OK; i++) {
        s = complete_zone(r, i);
    }
    return s == SPROUT_OK ? sprout_policy_check(p, r->err) : s;
}

static enum sprout_status syntax_error(const struct sprout_json *j,
                                       struct sprout_str text, struct sprout_error *err)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < j->problem_at && i < text.len; i++) {
        column++;
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    const enum sprout_status s = sprout_fail(
        err, SPROUT_SYNTAX, "line %zu, column %zu: %s", line, column, j->problem);
    if (err != NULL) {
        err->offset = (size_t)j->problem_at;
        err->line = line;
        err->column = column;
    }
    return s;
}

static bool reader_init(struct reader *r, struct sprout_str json,
                        struct sprout_arena *arena, struct sprout_error *err)
{
    *r = (struct reader){.arena = arena, .err = err, .format = -1};
    r->policy = sprout_arena_alloc(arena, sizeof *r->policy);
    r->patches = sprout_arena_array(arena, SPROUT_PATCHES_MAX, sizeof *r->patches);
    r->strata = sprout_arena_array(arena, SPROUT_STRATA_MAX, sizeof *r->strata);
    r->rules = sprout_arena_array(arena, SPROUT_RULES_MAX, sizeof *r->rules);
    r->rule_rest = sprout_arena_array(arena, SPROUT_RULES_MAX, sizeof *r->rule_rest);
    r->stratum_rest =
        sprout_arena_array(arena, SPROUT_STRATA_MAX, sizeof *r->stratum_rest);
    r->profiles = sprout_arena_array(arena, SPROUT_PROFILES_MAX, sizeof *r->profiles);
    r->zones = sprout_arena_array(arena, SPROUT_ZONES_MAX, sizeof *r->zones);
    r->zone_rest = sprout_arena_array(arena, SPROUT_ZONES_MAX, sizeof *r->zone_rest);
    r->text = sprout_arena_alloc(arena, json.len);
    r->base[POLICY] = (char *)r->policy;
    r->base[STRATUM] = (char *)r->strata;
    sprout_walk_start(&r->walk, &shape, on_row, r);
    return !arena->spent;
}

enum sprout_status sprout_policy_read(struct sprout_str json, struct sprout_arena *arena,
                                      const struct sprout_policy **out,
                                      struct sprout_error *err)
{
    struct reader r;

    if (json.len > SPROUT_POLICY_BYTES_MAX) {
        return sprout_fail(err, SPROUT_LIMIT, "found %zu bytes, expected at most %d",
                           json.len, SPROUT_POLICY_BYTES_MAX);
    }
    if (err != NULL) {
        err->offset = err->line = err->column = 0;
    }
    if (!reader_init(&r, json, arena, err)) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory left to read a policy");
    }
    (void)sprout_walk_feed(&r.walk, json.ptr, json.len);
    if (sprout_walk_finish(&r.walk) != SPROUT_OK) {
        return syntax_error(&r.walk.json, json, err);
    }
    const enum sprout_status s = complete(&r);
    if (s == SPROUT_OK) {
        *out = r.policy;
    }
    return s;
}
