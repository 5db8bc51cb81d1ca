/* SPDX-License-Identifier: Apache-2.0 */
/* policy_file.c - see policy_file.h. */
#include "control/policy_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/reader.h"
#include "wire/policy_json.h"

static enum sprout_status decode(const char *path, struct sprout_policy_file *f,
                                 struct sprout_error *err)
{
    f->block = malloc(SPROUT_POLICY_MEMORY);
    if (f->block == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the policy");
    }
    struct sprout_arena arena = sprout_arena_of(f->block, SPROUT_POLICY_MEMORY);
    const enum sprout_status status =
        sprout_policy_read(sprout_file_str(&f->text), &arena, &f->policy, err);
    return status == SPROUT_OK ? status : sprout_reader_in(err, status, path);
}

enum sprout_status sprout_policy_file_open(const char *dir,
                                           struct sprout_policy_file *out,
                                           struct sprout_error *err)
{
    char path[PATH_MAX];
    struct sprout_policy_file f = {0};
    const int n = snprintf(path, sizeof path, "%s/policy.json", dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return sprout_fail(err, SPROUT_LIMIT, "%.100s...: the path is too long", dir);
    }
    enum sprout_status status =
        sprout_file_read(path, SPROUT_POLICY_BYTES_MAX, &f.text, err);
    if (status == SPROUT_OK) {
        status = decode(path, &f, err);
    }
    if (status != SPROUT_OK) {
        sprout_policy_file_close(&f);
        return status;
    }
    *out = f;
    return SPROUT_OK;
}

enum sprout_status sprout_policy_file_see(struct sprout_policy_file *f,
                                          struct sprout_str zone,
                                          struct sprout_error *err)
{
    char names[200] = "";
    struct sprout_buf b = sprout_buf_of(names, sizeof names - 1);

    if (sprout_policy_zone_find(f->policy, zone) == NULL) {
        for (size_t i = 0; i < f->policy->zone_count; i++) {
            const struct sprout_str name = f->policy->zones[i].grid.zone;
            sprout_buf_printf(&b, "%s%.*s", i > 0 ? ", " : "", (int)name.len, name.ptr);
        }
        names[b.len] = '\0';
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "the policy has no zone '%.*s' beside its own; those there "
                           "are: %s",
                           zone.len > 64 ? 64 : (int)zone.len, zone.ptr,
                           b.len == 0 ? "none" : names);
    }
    f->view = malloc(SPROUT_POLICY_MEMORY);
    struct sprout_arena arena =
        sprout_arena_of(f->view, f->view == NULL ? 0 : SPROUT_POLICY_MEMORY);
    const struct sprout_policy *const seen =
        sprout_policy_in_zone(f->policy, zone, &arena);
    if (seen == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the zone");
    }
    f->policy = seen;
    return SPROUT_OK;
}

void sprout_policy_file_close(struct sprout_policy_file *f)
{
    sprout_file_free(&f->text);
    free(f->view);
    free(f->block);
    *f = (struct sprout_policy_file){0};
}
