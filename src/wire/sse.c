/* SPDX-License-Identifier: Apache-2.0 */
/* sse.c - see sse.h.
 *
 *   LINE --"data:"--> COLON --> DATA --LF--> LINE
 *    |  \--LF--> the event is over               a CR at the start of a line is kept in
 *    |   \-CR--> CR --LF--> the event is over    mind until its LF has come
 *    '--anything else--> SKIP --LF--> LINE */
#include "wire/sse.h"

#include <string.h>

enum state { LINE, CR, COLON, DATA, SKIP };

static const char field[] = "data:";

enum { FIELD_LEN = sizeof field - 1 };

static void line_over(struct sprout_sse *s)
{
    s->state = LINE;
    s->matched = 0;
}

/* The rest of a line, in bulk; to its LF if that is here. */
static const char *take_rest(struct sprout_sse *s, const char *p, const char *end,
                             sprout_sse_data_fn *fn, void *ctx)
{
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    const char *stop = lf == NULL ? end : lf;

    if (s->state == DATA && stop > p) {
        fn(ctx, p, (size_t)(stop - p));
    }
    if (lf == NULL) {
        return end;
    }
    line_over(s);
    return lf + 1;
}

static void field_complete(struct sprout_sse *s, sprout_sse_data_fn *fn, void *ctx)
{
    s->state = COLON;
    if (s->lines > 0) {
        fn(ctx, "\n", 1);
    }
    s->lines = s->lines == 0 ? 1 : 2;
}

/* One byte at the start of a line; true when it ends the event. */
static bool on_line(struct sprout_sse *s, char c, sprout_sse_data_fn *fn, void *ctx)
{
    if (c == '\n') {
        const bool blank = s->matched == 0;
        line_over(s);
        return blank;
    }
    if (c == '\r' && s->matched == 0) {
        s->state = CR;
    } else if (c != field[s->matched]) {
        s->state = SKIP;
    } else if (++s->matched == FIELD_LEN) {
        field_complete(s, fn, ctx);
    }
    return false;
}

size_t sprout_sse_take(struct sprout_sse *s, const char *bytes, size_t len,
                       sprout_sse_data_fn *fn, void *ctx, bool *out_ended)
{
    const char *p = bytes;
    const char *end = bytes + len;
    bool ended = false;

    while (p < end && !ended) {
        switch ((enum state)s->state) {
        case CR:
            s->state = LINE;
            ended = *p == '\n';
            p += ended ? 1 : 0; /* a CR alone ends nothing */
            break;
        case LINE:
            ended = on_line(s, *p, fn, ctx);
            p++;
            break;
        case COLON:
            s->state = DATA;
            p += *p == ' ' ? 1 : 0;
            break;
        case DATA:
        case SKIP:
            p = take_rest(s, p, end, fn, ctx);
            break;
        }
    }
    if (ended) {
        *s = (struct sprout_sse){0};
    }
    *out_ended = ended;
    return (size_t)(p - bytes);
}
