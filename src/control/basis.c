/* SPDX-License-Identifier: Apache-2.0 */
/* basis.c - see basis.h. */
#include "control/basis.h"

#include <string.h>

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    bool found = false;
    for (size_t i = 0; !found && i < n; i++) {
        found = strcmp(text, words[i]) == 0;
    }
    return found;
}

static void add_grids(struct sprout_basis *out, const struct sprout_savings *r)
{
    static const char *const live[] = {"live", "history"};
    static const char *const replayed[] = {"replayed"};
    static const char *const none[] = {"none", ""};
    double known = 0;

    for (size_t i = 0; i < r->grids; i++) {
        const double share = (double)r->grid[i].requests / (double)out->requests;
        if (is_one_of(r->grid[i].quality, none, 2)) {
            continue;
        }
        *(is_one_of(r->grid[i].quality, live, 2)       ? &out->live
          : is_one_of(r->grid[i].quality, replayed, 1) ? &out->replayed
                                                       : &out->fallback) += share;
        known += share;
    }
    out->no_grid = known < 1 ? 1 - known : 0;
}

struct sprout_basis sprout_basis_of(const struct sprout_savings *r)
{
    struct sprout_basis out = {.requests = r->total.requests};
    if (out.requests == 0) {
        return out;
    }
    const double all = (double)out.requests;
    out.measured = (double)r->energy_from.measured / all;
    out.modelled = (double)r->energy_from.modelled / all;
    out.estimated = (double)r->energy_from.estimated / all;
    out.unknown = 1 - (double)r->total.metered / all;
    add_grids(&out, r);
    return out;
}

void sprout_basis_put(struct sprout_buf *b, const struct sprout_savings *r)
{
    const struct sprout_basis s = sprout_basis_of(r);

    if (s.requests == 0) {
        sprout_buf_put(b, SPROUT_STR("Location-based, no requests."));
        return;
    }
    sprout_buf_printf(
        b,
        "Location-based, %lld requests.  Energy: %.0f %% measured, %.0f %% "
        "modelled, %.0f %% estimated, %.0f %% unknown.  Grid: %.0f %% live, "
        "%.0f %% replayed, %.0f %% fallback, %.0f %% unknown.",
        (long long)s.requests, 100 * s.measured, 100 * s.modelled, 100 * s.estimated,
        100 * s.unknown, 100 * s.live, 100 * s.replayed, 100 * s.fallback,
        100 * s.no_grid);
}
