/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: replies of the live grid providers.  The first byte picks the provider, signal
 * and call.  Whatever comes, what is taken for a value is one: finite, in bounds, ascending. */
#include <math.h>

#include "adapt/grid_reply.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"DE",     "CAISO_NORTH", "GB",  "de",
                                        "eastus", "FR",          "CISO"};
    static struct sprout_grid_points points;
    char words[120], token[64];
    struct sprout_error err = {.message = ""};

    if (size < 1) {
        return 0;
    }
    const size_t which = data[0] % 7;
    const struct sprout_str body = {(const char *)data + 1, size - 1};
    const struct sprout_grid_ask ask = {
        .call = (data[0] & 64) != 0 ? SPROUT_GRID_CALL_AHEAD : SPROUT_GRID_CALL_NOW,
        .base = "http://x",
        .zone = which == 2 && (data[0] & 32) != 0 ? "region/13" : zones[which],
        .reply_zone = zones[which],
        .kind = which == 1 ? SPROUT_GRID_MARGINAL : SPROUT_GRID_AVERAGE,
        .scope = (data[0] & 128) != 0 ? SPROUT_GRID_LIFECYCLE : SPROUT_GRID_DIRECT,
        .now = {INT64_C(1740837600) * SPROUT_NS_PER_SECOND},
        .secret = "",
    };
    if (sprout_grid_live_row(which)->parse(&ask, body, &points, &err) == SPROUT_OK) {
        fuzz_check(points.n > 0 && points.n <= SPROUT_GRID_POINTS_MAX);
        for (size_t i = 0; i < points.n; i++) {
            const double g = points.v[i].intensity.v;
            fuzz_check(isfinite(g) && g >= 0 && g <= SPROUT_GRID_G_PER_KWH_MAX);
            fuzz_check(i == 0 || points.v[i - 1].start.ns < points.v[i].start.ns);
        }
        const enum sprout_status fresh = sprout_grid_points_check(
            &points, ask.now, sprout_span_seconds(sprout_grid_live_row(which)->step_s),
            sprout_span_seconds(sprout_grid_live_row(which)->lag_s), &err);
        (void)fresh;
    } else {
        fuzz_check(err.message[0] != '\0'); /* a refusal says why */
    }
    sprout_grid_reply_words(body, words, sizeof words);
    fuzz_check(strlen(words) < sizeof words);
    if (sprout_grid_parse_token(body, token, sizeof token, &err) == SPROUT_OK) {
        fuzz_check(token[0] != '\0');
    }
    return 0;
}
