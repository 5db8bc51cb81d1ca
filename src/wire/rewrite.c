/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.c - see rewrite.h. */
#include "wire/rewrite.h"

#include "core/policy.h"
#include "wire/dialect_row.h"

enum {
    ESCAPE_GROWTH = 6, /* a control byte becomes \u00XX */
    PART_MAX = 64,     /* the longest part prefix, comma and brackets included */
};

enum sprout_status sprout_rewrite_text_make(struct sprout_arena *arena,
                                            const struct sprout_dialect *dialect,
                                            struct sprout_str directive,
                                            struct sprout_rewrite_text *out)
{
    const struct sprout_str separator = SPROUT_STR(SPROUT_DIRECTIVE_SEPARATOR);
    const size_t joined_len = separator.len + directive.len;
    const size_t cap = PART_MAX + ESCAPE_GROWTH * joined_len;
    char *joined = sprout_arena_alloc(arena, joined_len + 1);
    char *string = sprout_arena_alloc(arena, cap);
    char *part = sprout_arena_alloc(arena, cap);
    if (arena->spent) {
        return SPROUT_NO_MEMORY;
    }

    struct sprout_buf j = sprout_buf_of(joined, joined_len + 1);
    sprout_buf_put(&j, separator);
    sprout_buf_put(&j, directive);
    struct sprout_buf s = sprout_buf_of(string, cap);
    sprout_buf_json(&s, sprout_buf_str(&j));
    struct sprout_buf p = sprout_buf_of(part, cap);
    sprout_buf_byte(&p, ',');
    sprout_buf_put(&p, dialect->part);
    sprout_buf_json(&p, directive);
    sprout_buf_byte(&p, '}');
    if (s.full || p.full) {
        return SPROUT_NO_MEMORY;
    }

    /* The forms are views of the same bytes: each newline of the separator is two bytes
     * when escaped, and a first part is a part without its comma. */
    const size_t escaped_separator = 2 * separator.len;
    *out = (struct sprout_rewrite_text){
        .in_string = {string + 1, s.len - 2},
        .in_empty_string = {string + 1 + escaped_separator,
                            s.len - 2 - escaped_separator},
    };
    if (dialect->part.len > 0) {
        out->part = (struct sprout_str){part, p.len};
        out->first_part = (struct sprout_str){part + 1, p.len - 1};
    }
    return SPROUT_OK;
}

static void add_edit(struct sprout_edits *edits, struct sprout_edit edit)
{
    size_t i = edits->n++;
    for (; i > 0 && edits->v[i - 1].at > edit.at; i--) {
        edits->v[i] = edits->v[i - 1];
    }
    edits->v[i] = edit;
}

static void add_directive(struct sprout_edits *edits, const struct sprout_place *place,
                          const struct sprout_rewrite_text *text)
{
    struct sprout_str put = {0};
    switch (place->form) {
    case SPROUT_PLACE_NONE:
        return;
    case SPROUT_PLACE_STRING:
        put = place->empty ? text->in_empty_string : text->in_string;
        break;
    case SPROUT_PLACE_PART:
        put = place->empty ? text->first_part : text->part;
        break;
    }
    add_edit(edits, (struct sprout_edit){.at = place->at, .put = put});
    edits->directive = true;
}

/* B3: never a second key; extend the object, replace a null, add it only when absent.  An
 * explicit false is the client's word (U2). */
static void add_usage(struct sprout_edits *edits, const struct sprout_facts *f)
{
    struct sprout_edit edit = {0};

    if (f->stream_options == SPROUT_MEMBER_ABSENT) {
        edit.at = f->object_end;
        edit.put = SPROUT_STR(",\"stream_options\":{\"include_usage\":true}");
    } else if (f->stream_options == SPROUT_MEMBER_NULL) {
        edit.at = f->stream_options_at;
        edit.drop = f->stream_options_end - f->stream_options_at;
        edit.put = SPROUT_STR("{\"include_usage\":true}");
    } else if (f->stream_options == SPROUT_MEMBER_OBJECT &&
               f->include_usage == SPROUT_MEMBER_ABSENT) {
        edit.at = f->stream_options_end - 1;
        edit.put = f->stream_options_empty ? SPROUT_STR("\"include_usage\":true")
                                           : SPROUT_STR(",\"include_usage\":true");
    } else if (f->stream_options == SPROUT_MEMBER_OBJECT &&
               f->include_usage == SPROUT_MEMBER_NULL) {
        edit.at = f->include_usage_at;
        edit.drop = f->include_usage_end - f->include_usage_at;
        edit.put = SPROUT_STR("true");
    } else {
        return;
    }
    add_edit(edits, edit);
    edits->usage_added = true;
}

struct sprout_edits sprout_rewrite_plan(const struct sprout_dialect *dialect,
                                        const struct sprout_facts *facts,
                                        const struct sprout_rewrite_text *text,
                                        bool want_usage)
{
    struct sprout_edits edits = {0};

    if (!facts->eligible) {
        return edits;
    }
    if (text != NULL && text->in_empty_string.len > 0) {
        add_directive(&edits, &facts->place, text);
    }
    if (want_usage && dialect->include_usage && facts->stream) {
        add_usage(&edits, facts);
    }
    return edits;
}

uint64_t sprout_rewrite_length(const struct sprout_edits *edits, uint64_t length)
{
    for (size_t i = 0; i < edits->n; i++) {
        length += edits->v[i].put.len;
        length -= edits->v[i].drop;
    }
    return length;
}

/* ---- patches -------------------------------------------------------------------------- */

static struct sprout_str put_patch(struct sprout_buf *b,
                                   const struct sprout_dialect_param *p,
                                   struct sprout_str value,
                                   struct sprout_rewrite_patch *out)
{
    const struct sprout_str home = sprout_param_home(p);
    struct sprout_str name = p->name;
    if (home.len > 0) {
        name.ptr += home.len + 1;
        name.len -= home.len + 1;
        sprout_buf_put(b, SPROUT_STR(",\""));
        sprout_buf_put(b, home);
        sprout_buf_put(b, SPROUT_STR("\":{\""));
    } else {
        sprout_buf_put(b, SPROUT_STR(",\""));
    }
    sprout_buf_put(b, name);
    sprout_buf_put(b, SPROUT_STR("\":"));
    const size_t value_at = b->len;
    if (sprout_param_is_literal(p, value)) {
        sprout_buf_put(b, value);
    } else {
        sprout_buf_json(b, value);
    }
    out->value = (struct sprout_str){b->ptr + value_at, b->len - value_at};
    if (home.len > 0) {
        sprout_buf_byte(b, '}');
    }
    return sprout_buf_str(b);
}

/* `in_home` is the member of `add` with a comma of its own. */
static enum sprout_status make_patch(struct sprout_arena *arena,
                                     const struct sprout_dialect *dialect,
                                     const struct sprout_patch *patch,
                                     struct sprout_rewrite_patch *out)
{
    const struct sprout_dialect_param *p =
        sprout_dialect_param(dialect, patch->parameter);
    const size_t cap =
        PART_MAX + patch->parameter.len + ESCAPE_GROWTH * (patch->value.len + 1);
    struct sprout_buf add = sprout_buf_of(sprout_arena_alloc(arena, cap), cap);
    struct sprout_buf in = sprout_buf_of(sprout_arena_alloc(arena, cap), cap);
    if (arena->spent) {
        return SPROUT_NO_MEMORY;
    }
    struct sprout_rewrite_patch inner;
    struct sprout_dialect_param leaf = *p;
    const struct sprout_str home = sprout_param_home(p);
    if (home.len > 0) {
        leaf.name.ptr += home.len + 1;
        leaf.name.len -= home.len + 1;
    }
    out->patch = patch;
    out->add = put_patch(&add, p, patch->value, out);
    out->in_home = put_patch(&in, &leaf, patch->value, &inner);
    return add.full || in.full ? SPROUT_NO_MEMORY : SPROUT_OK;
}

enum sprout_status sprout_rewrite_level_make(struct sprout_arena *arena,
                                             const struct sprout_dialect *dialect,
                                             const struct sprout_policy *policy,
                                             size_t level,
                                             struct sprout_rewrite_text *out)
{
    enum sprout_status s =
        sprout_rewrite_text_make(arena, dialect, policy->levels[level].directive, out);
    struct sprout_rewrite_patch *list = NULL;
    size_t n = 0;

    for (size_t i = 0; i < policy->patch_count && s == SPROUT_OK; i++) {
        const struct sprout_patch *patch = &policy->patches[i];
        if (patch->level != level || !sprout_str_eq(patch->api, dialect->name) ||
            sprout_dialect_param(dialect, patch->parameter) == NULL) {
            continue;
        }
        if (list == NULL) {
            list = sprout_arena_array(arena, SPROUT_LEVEL_PATCHES_MAX, sizeof *list);
        }
        if (list == NULL || n == SPROUT_LEVEL_PATCHES_MAX) {
            return SPROUT_NO_MEMORY;
        }
        s = make_patch(arena, dialect, patch, &list[n++]);
    }
    out->patches = list;
    out->patch_count = n;
    return s;
}

static struct sprout_str from(struct sprout_str s, size_t at)
{
    return (struct sprout_str){s.ptr + at, s.len - at};
}

static struct sprout_edit patch_edit(const struct sprout_facts *facts,
                                     const struct sprout_param_fact *f,
                                     const struct sprout_rewrite_patch *p, size_t home)
{
    if (f->value == SPROUT_MEMBER_NULL) {
        return (struct sprout_edit){f->value_at, f->value_end - f->value_at, p->value};
    }
    if (home > 0 && f->home == SPROUT_MEMBER_OBJECT) {
        return (struct sprout_edit){f->home_end - 1, 0,
                                    from(p->in_home, f->home_empty ? 1 : 0)};
    }
    if (home > 0 && f->home == SPROUT_MEMBER_NULL) { /* past ,"home": */
        return (struct sprout_edit){f->home_at, f->home_end - f->home_at,
                                    from(p->add, home + 4)};
    }
    return (struct sprout_edit){facts->object_end, 0, p->add};
}

void sprout_rewrite_patch(struct sprout_edits *edits,
                          const struct sprout_dialect *dialect,
                          const struct sprout_facts *facts,
                          const struct sprout_rewrite_text *text, struct sprout_str route)
{
    unsigned done = 0;

    for (size_t i = 0; facts->eligible && i < text->patch_count; i++) {
        const struct sprout_rewrite_patch *p = &text->patches[i];
        unsigned slot = 0;
        if (!sprout_patch_fits(p->patch, dialect, facts, route, &slot) ||
            (done >> slot & 1) != 0) {
            continue;
        }
        const size_t home = sprout_param_home(&dialect->param[slot]).len;
        add_edit(edits, patch_edit(facts, &facts->param[slot], p, home));
        edits->patched = true;
        done |= 1u << slot;
    }
}
