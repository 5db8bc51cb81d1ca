/* SPDX-License-Identifier: Apache-2.0 */
/* instant.c - see instant.h.  The calendar arithmetic counts days from 1 March, so that the
 * leap day is the last of its year (the usual closed form for the Gregorian calendar). */
#include "core/instant.h"

enum { YEAR_FIRST = 1970, YEAR_LAST = 2261 };

struct civil {
    int64_t year, month, day, hour, minute, second, ns, offset_minutes;
};

static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    const int64_t era = y / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t days, struct civil *out)
{
    const int64_t z = days + 719468;
    const int64_t era = z / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;

    out->day = doy - (153 * mp + 2) / 5 + 1;
    out->month = mp < 10 ? mp + 3 : mp - 9;
    out->year = yoe + era * 400 + (out->month <= 2);
}

static int64_t days_in_month(int64_t y, int64_t m)
{
    return m == 12 ? 31 : days_from_civil(y, m + 1, 1) - days_from_civil(y, m, 1);
}

static bool take_digits(struct sprout_str *s, size_t n, int64_t *out)
{
    int64_t v = 0;
    if (s->len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') {
            return false;
        }
        v = v * 10 + (s->ptr[i] - '0');
    }
    s->ptr += n;
    s->len -= n;
    *out = v;
    return true;
}

static bool take_char(struct sprout_str *s, const char *any_of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || strchr(any_of, s->ptr[0]) == NULL) {
        return false;
    }
    s->ptr++;
    s->len--;
    return true;
}

static bool take_fraction(struct sprout_str *s, int64_t *ns)
{
    int64_t scale = SPROUT_NS_PER_SECOND, digit;
    size_t digits = 0;

    while (take_digits(s, 1, &digit)) {
        scale /= 10;
        *ns +=
            digit * scale; /* beyond nanoseconds the scale is 0 and the digit is lost */
        digits++;
    }
    return digits > 0;
}

static bool take_time(struct sprout_str *s, struct civil *c)
{
    if (!take_digits(s, 2, &c->hour)) {
        return false;
    }
    if (!take_char(s, ":")) {
        return true; /* hour only */
    }
    if (!take_digits(s, 2, &c->minute)) {
        return false;
    }
    if (!take_char(s, ":")) {
        return true; /* no seconds */
    }
    return take_digits(s, 2, &c->second) &&
           (!take_char(s, ".") || take_fraction(s, &c->ns));
}

static bool take_offset(struct sprout_str *s, struct civil *c)
{
    int64_t hours, minutes = 0;

    if (s->len == 0 || take_char(s, "Zz")) {
        return true;
    }
    const int64_t sign = s->ptr[0] == '-' ? -1 : 1;
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours)) {
        return false;
    }
    take_char(s, ":");
    if (s->len > 0 && !take_digits(s, 2, &minutes)) {
        return false;
    }
    c->offset_minutes = sign * (hours * 60 + minutes);
    return hours < 24 && minutes < 60;
}

static bool in_bounds(const struct civil *c)
{
    return c->year >= YEAR_FIRST && c->year <= YEAR_LAST && c->month >= 1 &&
           c->month <= 12 && c->day >= 1 && c->day <= days_in_month(c->year, c->month) &&
           c->hour < 24 && c->minute < 60 && c->second < 60;
}

enum sprout_status sprout_instant_parse(struct sprout_str text, sprout_instant *out)
{
    struct civil c = {0};
    struct sprout_str s = sprout_str_trim(text);

    if (!take_digits(&s, 4, &c.year) || !take_char(&s, "-") ||
        !take_digits(&s, 2, &c.month) || !take_char(&s, "-") ||
        !take_digits(&s, 2, &c.day)) {
        return SPROUT_SYNTAX;
    }
    if (take_char(&s, "Tt ") && !take_time(&s, &c)) {
        return SPROUT_SYNTAX;
    }
    if (!take_offset(&s, &c) || s.len > 0) {
        return SPROUT_SYNTAX;
    }
    if (!in_bounds(&c)) {
        return SPROUT_INVALID;
    }

    const int64_t minutes = (days_from_civil(c.year, c.month, c.day) * 24 + c.hour) * 60 +
                            c.minute - c.offset_minutes;
    out->ns = (minutes * 60 + c.second) * SPROUT_NS_PER_SECOND + c.ns;
    return SPROUT_OK;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t sprout_instant_seconds(sprout_instant t)
{
    return floor_div(t.ns, SPROUT_NS_PER_SECOND);
}

int64_t sprout_instant_hour(sprout_instant t)
{
    return floor_div(t.ns, 3600 * SPROUT_NS_PER_SECOND);
}

static void put_padded(struct sprout_buf *b, int64_t v, int width)
{
    char digits[20];
    for (int i = width - 1; i >= 0; i--) {
        digits[i] = (char)('0' + v % 10);
        v /= 10;
    }
    sprout_buf_put(b, (struct sprout_str){digits, (size_t)width});
}

static void put_to_seconds(struct sprout_buf *b, sprout_instant t)
{
    const int64_t seconds = sprout_instant_seconds(t);
    const int64_t days = floor_div(seconds, 86400);
    const int64_t of_day = seconds - days * 86400;
    struct civil c = {0};

    civil_from_days(days, &c);
    put_padded(b, c.year, 4);
    sprout_buf_byte(b, '-');
    put_padded(b, c.month, 2);
    sprout_buf_byte(b, '-');
    put_padded(b, c.day, 2);
    sprout_buf_byte(b, 'T');
    put_padded(b, of_day / 3600, 2);
    sprout_buf_byte(b, ':');
    put_padded(b, of_day / 60 % 60, 2);
    sprout_buf_byte(b, ':');
    put_padded(b, of_day % 60, 2);
}

void sprout_instant_put(struct sprout_buf *b, sprout_instant t)
{
    put_to_seconds(b, t);
    sprout_buf_byte(b, 'Z');
}

void sprout_instant_put_ms(struct sprout_buf *b, sprout_instant t)
{
    put_to_seconds(b, t);
    sprout_buf_byte(b, '.');
    put_padded(b, (t.ns - sprout_instant_seconds(t) * SPROUT_NS_PER_SECOND) / 1000000, 3);
    sprout_buf_byte(b, 'Z');
}
