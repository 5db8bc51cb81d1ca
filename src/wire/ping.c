/* SPDX-License-Identifier: Apache-2.0 */
/* ping.c - see ping.h. */
#include "wire/ping.h"

#include "wire/dialect_row.h"

enum line { EMPTY, RETURN, COMMENT, FIELD };

static void line_over(struct sprout_ping *p)
{
    switch ((enum line)p->line) {
    case EMPTY:
    case RETURN:
        p->in_event = false;
        break;
    case COMMENT:
        break;
    case FIELD:
        p->in_event = true;
        break;
    }
    p->line = EMPTY;
}

static void begin_line(struct sprout_ping *p, char c)
{
    p->line = c == '\r' ? RETURN : c == ':' ? COMMENT : FIELD;
}

void sprout_ping_see(struct sprout_ping *p, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n') {
            line_over(p);
        } else if (p->line == EMPTY) {
            begin_line(p, bytes[i]);
        } else if (p->line == RETURN) { /* a line that began with a CR, and went on */
            p->line = FIELD;
        }
    }
}

bool sprout_ping_may(const struct sprout_ping *p)
{
    return p->line == EMPTY && !p->in_event;
}

struct sprout_str sprout_ping_text(const struct sprout_dialect *d)
{
    return d != NULL && d->ping.len > 0 ? d->ping : SPROUT_STR(": ping\n");
}
