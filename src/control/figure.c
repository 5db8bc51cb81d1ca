/* SPDX-License-Identifier: Apache-2.0 */
/* figure.c - see figure.h. */
#include "control/figure.h"

#include <math.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *sprout_figure(double v, int digits, char out[SPROUT_FIGURE])
{
    char plain[SPROUT_FIGURE];

    if (!isfinite(v)) {
        return "-";
    }
    snprintf(plain, sizeof plain, "%.*f", digits, v);
    const size_t len = strcspn(plain, ".");
    size_t n = 0;
    for (size_t i = 0; plain[i] != '\0' && n + 2 < SPROUT_FIGURE; i++) {
        const bool gap = i > 0 && i < len && (len - i) % 3 == 0 && plain[i - 1] != '-';
        if (gap) {
            out[n++] = ' ';
        }
        out[n++] = plain[i];
    }
    out[n] = '\0';
    return out;
}

int sprout_figure_digits(double v)
{
    const double a = fabs(v);
    return a >= 100 ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : a >= 0.1 ? 3 : 4;
}

const char *sprout_figure_unit(double v, const char *unit, char out[SPROUT_FIGURE])
{
    static const struct {
        double size;
        const char *name;
    } prefixes[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"},
                    {1e3, "k"},  {1, ""},    {1e-3, "m"}};
    enum { COUNT = sizeof prefixes / sizeof prefixes[0] };
    size_t i = 0;

    if (!isfinite(v)) {
        return "-";
    }
    while (i + 1 < COUNT && fabs(v) < prefixes[i].size && v != 0) {
        i++;
    }
    const double scaled = v == 0 ? 0 : v / prefixes[i].size;
    const int digits = fabs(scaled) >= 100 || v == 0 ? 0 : fabs(scaled) >= 10 ? 1 : 2;
    snprintf(out, SPROUT_FIGURE, "%.*f %s%s", digits, scaled,
             v == 0 ? "" : prefixes[i].name, unit);
    return out;
}

const char *sprout_figure_narrower(double percent, char out[SPROUT_FIGURE])
{
    if (isnan(percent)) {
        return "-";
    }
    snprintf(out, SPROUT_FIGURE, "%.0f %% %s", fabs(percent),
             percent < 0 ? "wider" : "narrower");
    return out;
}
