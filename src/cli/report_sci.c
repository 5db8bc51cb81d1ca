/* SPDX-License-Identifier: Apache-2.0 */
/* report_sci.c - see report_sci.h. */
#include "cli/report_sci.h"

#include <math.h>
#include <stdio.h>

#include "base/status.h"
#include "control/basis.h"
#include "control/sci.h"

enum { JSON_MAX = 16 * 1024, NAME_MAX_HERE = 600 };

/* What the figures rest on, first. */
static void print_basis(const struct sprout_savings *r)
{
    char memory[512];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_basis_put(&b, r);
    printf("%.*s\nEnergy or grid unknown for %lld of %lld requests, which are not "
           "counted.\n\n",
           (int)b.len, b.ptr, (long long)(r->total.requests - r->total.graded),
           (long long)r->total.requests);
}

static void print_figure(const char *name, double v, const char *unit)
{
    if (isfinite(v)) {
        printf("%-34s %14.6g %s\n", name, v, unit);
    } else {
        printf("%-34s %14s %s\n", name, "unknown", unit);
    }
}

int sprout_report_sci(const struct sprout_savings *r, bool json)
{
    const struct sprout_sci s = sprout_sci_of(r);
    if (json) {
        char text[JSON_MAX];
        struct sprout_buf b = sprout_buf_of(text, sizeof text);
        sprout_sci_put(&b, r);
        printf("%.*s\n", (int)b.len, b.ptr);
        return b.full ? sprout_status_exit(SPROUT_LIMIT) : 0;
    }
    print_basis(r);
    puts("Software Carbon Intensity (SCI 1.1, ISO/IEC 21031:2024), location-based");
    print_figure("E  energy, without overhead", s.energy_kwh, "kWh");
    print_figure("I  intensity, overhead inside", s.intensity, "g/kWh");
    print_figure("O  operational", s.operational_g, "g CO2e");
    print_figure("   evaluation and judge", s.evaluation_g, "g CO2e");
    print_figure("   gateway", s.gateway_g, "g CO2e");
    print_figure("M  embodied", s.embodied_g, "g CO2e");
    print_figure("SCI per request", s.per_request_g, "g CO2e");
    print_figure("SCI per 1000 output tokens", s.per_1000_tokens_g, "g CO2e");
    printf(
        "\nBoundary: inference as accounted, the making of its hardware, evaluation and "
        "judge,\nthe gateway's own time at an assumed %g W; not training, network or "
        "clients.\n",
        SPROUT_SCI_CORE_WATTS);
    return 0;
}

/* RFC 4180: quoted where it must be. */
static void put_cell(const char *text)
{
    bool odd = false;
    for (const char *p = text; *p != '\0'; p++) {
        odd = odd || *p == ',' || *p == '"' || *p == '\n' || *p == '\r';
    }
    if (!odd) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            putchar('"');
        }
        putchar(*p);
    }
    putchar('"');
}

static void put_number(double v)
{
    if (isfinite(v)) {
        printf(",%.15g", v);
    } else {
        putchar(','); /* unknown is empty, never 0 */
    }
}

/* Rows are for programs, which would stumble over a sentence: it goes to standard error. */
static void say_basis(const struct sprout_savings *r)
{
    char memory[512];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_basis_put(&b, r);
    fprintf(stderr, "%.*s\n", (int)b.len, b.ptr);
}

void sprout_report_rows_csv(const struct sprout_savings *r)
{
    say_basis(r);
    printf(
        "%s,requests,metered,graded,prompt_tokens,output_tokens,energy_j,operational_g,"
        "embodied_g,grams_l0\r\n",
        sprout_savings_by_text(r->by));
    for (size_t i = 0; i < r->rows; i++) {
        const struct sprout_store_sum *const s = &r->row[i].sum;
        char name[NAME_MAX_HERE];
        struct sprout_buf b = sprout_buf_of(name, sizeof name - 1);
        sprout_savings_row_name(r, &r->row[i], &b);
        name[b.len] = '\0';
        put_cell(name);
        printf(",%lld,%lld,%lld,%lld,%lld", (long long)s->requests, (long long)s->metered,
               (long long)s->graded, (long long)s->prompt, (long long)s->completion);
        put_number(sprout_savings_joules(s));
        put_number(s->graded > 0 ? (double)s->operational_ug / 1e6 : NAN);
        put_number(s->metered > 0 ? (double)s->embodied_ug / 1e6 : NAN);
        put_number(s->graded > 0 ? (double)s->grams_l0_ug / 1e6 : NAN);
        fputs("\r\n", stdout);
    }
}
