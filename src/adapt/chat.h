/* SPDX-License-Identifier: Apache-2.0 */
/* chat.h - prompts to evaluate, and what a chat completion said.
 *
 * A prompt is a line of JSON of the operator's file:
 *     {"prompt": "..."} or {"messages": [...]} or {"request": {...}} (a whole body)
 *     "reference" (or "answer", "answers"): a text, a number, or a list of aliases
 *     "kind": the operator's own word;  "model";  "max_tokens"
 * or a sampled request body, which has no reference.  Either becomes the body that is sent,
 * the text a judge is shown, and the reference in core/match's form.
 * jansson does the reading; texts are owned, free with sprout_chat_free().
 * Not here: files (spool.h), sending (http.h). */
#ifndef SPROUT_ADAPT_CHAT_H
#define SPROUT_ADAPT_CHAT_H

#include "base/status.h"
#include "base/str.h"
#include "core/receipt.h"

enum { SPROUT_CHAT_LINE_MAX = 4 << 20 };

struct sprout_chat {
    char *body;      /* of POST /v1/chat/completions */
    char *prompt;    /* what was asked, for a judge */
    char *question;  /* the last user text, for core/match */
    char *reference; /* "": none */
    char *kind;      /* "": none */
    bool has_model;  /* false: the body names none yet */
};

/* SPROUT_SYNTAX or SPROUT_INVALID with what was expected in *err; `model` (may be NULL) is
 * put in where the line names none. */
SPROUT_MUST_USE enum sprout_status sprout_chat_parse(struct sprout_str line,
                                                     const char *model,
                                                     struct sprout_chat *out,
                                                     struct sprout_error *err);
void sprout_chat_free(struct sprout_chat *c);

/* As it lies in the spool: one JSON object, owned; and back. */
SPROUT_MUST_USE enum sprout_status sprout_chat_pack(const struct sprout_chat *c,
                                                    char **out_json,
                                                    struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_chat_unpack(struct sprout_str json,
                                                      struct sprout_chat *out,
                                                      struct sprout_error *err);

/* The answer's text (owned) and usage of a chat completion that is not streamed.
 * SPROUT_INVALID if it is none.  A message without text is the empty text. */
SPROUT_MUST_USE enum sprout_status sprout_chat_answer(struct sprout_str reply,
                                                      char **out_text,
                                                      struct sprout_usage *out_usage,
                                                      struct sprout_error *err);

/* First model of GET /v1/models, owned. */
SPROUT_MUST_USE enum sprout_status sprout_chat_first_model(struct sprout_str reply,
                                                           char **out_model,
                                                           struct sprout_error *err);

#endif
