/* SPDX-License-Identifier: Apache-2.0 */
/* dialect_row.h - what a row of the table of dialects says; only for src/wire.
 *
 * A request and a reply are described by shapes (shape.h) whose ids are the meanings below,
 * so inspect.c and tap.c know meanings and no member names. */
#ifndef SPROUT_WIRE_DIALECT_ROW_H
#define SPROUT_WIRE_DIALECT_ROW_H

#include "core/choice.h"
#include "wire/dialect.h"
#include "wire/shape.h"

/* What a member of a request means.  IN_: something to remember.  IF_: the request is not to
 * be touched, for the reason in the row's arg, if the value is so. */
enum sprout_request_id {
    SPROUT_IN_NOTHING, /* only a node on the way to others */
    SPROUT_IN_DOCUMENT,
    SPROUT_IN_MODEL,
    SPROUT_IN_STREAM,
    SPROUT_IN_STREAM_OPTIONS,
    SPROUT_IN_INCLUDE_USAGE,
    SPROUT_IN_CONVERSATION, /* a name the client gave to the conversation */
    SPROUT_IN_SYSTEM,    /* system text at the top; arg: is it a place for a directive? */
    SPROUT_IN_INPUT,     /* user text at the top, or a list of items; arg: see below */
    SPROUT_IN_ITEM,      /* a message */
    SPROUT_IN_ITEM_ROLE, /* "user", "system", ... */
    SPROUT_IN_TEXT,      /* its text: a string, or a list of parts if it has such rows */
    SPROUT_IN_PART,
    SPROUT_IN_PART_TYPE, /* "tool_result" makes the message a tool's */
    SPROUT_IN_PART_TEXT,
    SPROUT_IN_FORMAT,      /* response_format: an object ... */
    SPROUT_IN_FORMAT_TYPE, /* ... harmless only if its type is "text" */
    SPROUT_IN_TOOLS,
    SPROUT_IN_TOOL_CHOICE, /* an object, or a word other than "auto" and "none" */
    SPROUT_IN_INCLUDE, /* what Responses is asked to add; log probabilities among it */
    SPROUT_IN_STORED_PROMPT,
    SPROUT_IN_PARAM_HOME, /* object that parameter `arg` lives in */
    SPROUT_IN_PARAM,      /* parameter `arg` of the dialect's */
    SPROUT_IF_SET,        /* there, and neither null nor "" */
    SPROUT_IF_ON,         /* neither null nor false nor 0 */
    SPROUT_IF_MANY,       /* a number above 1 */
    SPROUT_IF_SMALL, /* a number of 0 to SPROUT_SMALL_CAP; servers read -1 as no limit */
};

/* arg of SPROUT_IN_INPUT: the reason not to touch a request whose text is empty, or 0. */

enum { SPROUT_SMALL_CAP = 16 }; /* tokens: nothing left to save below it (N12) */

/* What a member of a reply means. */
enum sprout_reply_id {
    SPROUT_OUT_NOTHING,
    SPROUT_OUT_USAGE, /* the object itself: not null */
    SPROUT_OUT_COUNT, /* arg says which: enum sprout_count */
    SPROUT_OUT_CHOICES,
    SPROUT_OUT_CHOICE,
    SPROUT_OUT_DELTA,  /* a string of new content, text or thought or arguments */
    SPROUT_OUT_FINISH, /* not null: the generation is complete */
    SPROUT_OUT_TYPE,   /* the name of an event */
    SPROUT_OUT_DONE,   /* true: the last object */
    SPROUT_OUT_ERROR,  /* not null: an in-band error */
};

enum sprout_error_shape {
    SPROUT_ERROR_OPENAI,
    SPROUT_ERROR_MESSAGES,
    SPROUT_ERROR_OLLAMA,
};

/* What the `type` of an event says of the stream. */
struct sprout_dialect_event {
    struct sprout_str type;
    bool ends;
    bool error;
};

/* A parameter that a level may set (patch.h).  No two of a dialect share a home. */
struct sprout_dialect_param {
    struct sprout_str name;     /* "verbosity"; "text.verbosity" in the object "text" */
    struct sprout_str texts;    /* words it takes as strings, one space apart */
    struct sprout_str literals; /* words it takes as they are: "true false" */
    enum sprout_reason blocks;  /* why a request that sets it is not touched; 0: it is */
};

struct sprout_dialect {
    struct sprout_str name;
    struct sprout_str path; /* the last segments of the URI path */
    struct sprout_shape request;
    struct sprout_shape reply;
    struct sprout_str
        part; /* a text part up to its text; empty: texts are strings only */
    const struct sprout_dialect_param *param;
    size_t param_count; /* at most SPROUT_PARAMS_MAX */
    const struct sprout_dialect_event *events;
    size_t event_count;
    struct sprout_str ping; /* an event the API has for it; empty: a comment does (K3) */
    enum sprout_error_shape error;
    bool include_usage;     /* takes stream_options.include_usage (U2) */
    bool streams;           /* unless told otherwise */
    bool cached_beside;     /* cached tokens are not among the prompt's */
    bool roleless_is_tool;  /* an item without a role belongs to a tool's turn */
    enum sprout_reason off; /* touched only where the operator says so; 0: by default */
};

/* NULL: the dialect (which may be NULL) takes no such parameter. */
const struct sprout_dialect_param *sprout_dialect_param(const struct sprout_dialect *d,
                                                        struct sprout_str name);

/* "text" of "text.verbosity"; empty at the top. */
struct sprout_str sprout_param_home(const struct sprout_dialect_param *p);

/* Does the value stand in JSON as it is, without quotes? */
bool sprout_param_is_literal(const struct sprout_dialect_param *p,
                             struct sprout_str value);

#endif
