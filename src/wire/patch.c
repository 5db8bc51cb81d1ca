/* SPDX-License-Identifier: Apache-2.0 */
/* patch.c - see patch.h. */
#include "wire/patch.h"

#include "wire/dialect_row.h"

/* Is `word` one of the words of the list, which one space separates? */
static bool has_word(struct sprout_str list, struct sprout_str word)
{
    size_t from = 0;
    for (size_t i = 0; list.len > 0 && i <= list.len; i++) {
        if (i == list.len || list.ptr[i] == ' ') {
            const struct sprout_str here = {list.ptr + from, i - from};
            if (here.len > 0 && sprout_str_eq(here, word)) {
                return true;
            }
            from = i + 1;
        }
    }
    return false;
}

/* "verbosity, reasoning_effort" */
static void list_params(struct sprout_buf *b, const struct sprout_dialect *d)
{
    for (size_t i = 0; i < d->param_count; i++) {
        sprout_buf_put(b, i > 0 ? SPROUT_STR(", ") : SPROUT_STR(""));
        sprout_buf_put(b, d->param[i].name);
    }
    sprout_buf_put(b, d->param_count == 0 ? SPROUT_STR("none: the API has no such one")
                                          : SPROUT_STR(""));
}

static enum sprout_status unknown(const char *field, struct sprout_str found,
                                  struct sprout_str expected, struct sprout_error *err)
{
    return sprout_fail(err, SPROUT_INVALID, "%s: found '%.*s', expected %.*s", field,
                       (int)(found.len < 64 ? found.len : 64), found.ptr,
                       (int)expected.len, expected.ptr);
}

enum sprout_status sprout_patch_check(const struct sprout_patch *patch,
                                      struct sprout_error *err)
{
    char text[200];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    const struct sprout_dialect *d = sprout_dialect_named(patch->api);
    const struct sprout_dialect_param *p = sprout_dialect_param(d, patch->parameter);

    if (d == NULL) {
        sprout_dialect_names(&b);
        return unknown("api", patch->api, sprout_buf_str(&b), err);
    }
    if (p == NULL) {
        list_params(&b, d);
        return unknown("parameter", patch->parameter, sprout_buf_str(&b), err);
    }
    if (!has_word(p->texts, patch->value) && !has_word(p->literals, patch->value)) {
        sprout_buf_put(&b, SPROUT_STR("one of "));
        sprout_buf_put(&b, p->literals);
        sprout_buf_put(&b, p->literals.len > 0 ? SPROUT_STR(" ") : SPROUT_STR(""));
        sprout_buf_put(&b, p->texts);
        return unknown("value", patch->value, sprout_buf_str(&b), err);
    }
    return SPROUT_OK;
}

bool sprout_param_is_literal(const struct sprout_dialect_param *p,
                             struct sprout_str value)
{
    return has_word(p->literals, value);
}

/* Room for the parameter: it is not there, or null, and its home can take it. */
static bool has_room(const struct sprout_param_fact *f, bool nested)
{
    const bool home = !nested || f->home == SPROUT_MEMBER_ABSENT ||
                      f->home == SPROUT_MEMBER_NULL || f->home == SPROUT_MEMBER_OBJECT;
    return home && (f->value == SPROUT_MEMBER_ABSENT || f->value == SPROUT_MEMBER_NULL);
}

static bool named(struct sprout_str pattern, struct sprout_str s)
{
    return pattern.len == 0 || sprout_str_glob(pattern, s);
}

bool sprout_patch_fits(const struct sprout_patch *patch,
                       const struct sprout_dialect *dialect,
                       const struct sprout_facts *facts, struct sprout_str route,
                       unsigned *out_slot)
{
    const struct sprout_dialect_param *p =
        sprout_dialect_param(dialect, patch->parameter);
    if (p == NULL || !sprout_str_eq(patch->api, dialect->name) ||
        !sprout_str_glob(patch->model, facts->model) || !named(patch->route, route)) {
        return false;
    }
    const unsigned slot = (unsigned)(p - dialect->param);
    if (!has_room(&facts->param[slot], sprout_param_home(p).len > 0)) {
        return false;
    }
    *out_slot = slot;
    return true;
}
