/* SPDX-License-Identifier: Apache-2.0 */
/* dialect.c - the table of APIs, and the shapes of their requests and replies.
 *
 * The rules in brackets (N1, U4, ...) say why a member is listed; the reasons that go with
 * them are part of the interface (core/choice.h). */
#include "wire/dialect.h"

#include "core/choice.h"
#include "wire/dialect_row.h"
#include "wire/usage.h"

/* clang-format off */

/* Members that constrain or score the output, wherever servers of the OpenAI family take
 * them: vLLM's guided decoding, SGLang's regex and ebnf, llama.cpp's grammars. */
#define OPENAI_SAMPLING                                                                     \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("guided_json")},       /* N2 */ \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("guided_regex")},           \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("guided_choice")},          \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("guided_grammar")},         \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("structured_outputs")},     \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("structural_tag")},         \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("grammar")},                \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("json_schema")},            \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("regex")},                  \
    {1, SPROUT_IF_SET,   SPROUT_REASON_GRAMMAR,      SPROUT_KEY("ebnf")},                   \
    {1, SPROUT_IF_ON,    SPROUT_REASON_LOGPROBS,     SPROUT_KEY("logprobs")},          /* N6 */ \
    {1, SPROUT_IF_ON,    SPROUT_REASON_LOGPROBS,     SPROUT_KEY("top_logprobs")},           \
    {1, SPROUT_IF_SET,   SPROUT_REASON_LOGPROBS,     SPROUT_KEY("prompt_logprobs")},        \
    {1, SPROUT_IF_ON,    SPROUT_REASON_LOGPROBS,     SPROUT_KEY("echo")},                   \
    {1, SPROUT_IF_MANY,  SPROUT_REASON_MANY_CHOICES, SPROUT_KEY("n")},                 /* N7 */ \
    {1, SPROUT_IF_MANY,  SPROUT_REASON_MANY_CHOICES, SPROUT_KEY("best_of")}

static const struct sprout_shape_row chat_request[] = {
    {0, SPROUT_IN_DOCUMENT,       0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,          0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,         0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_STREAM_OPTIONS, 0, SPROUT_KEY("stream_options")},
    {2, SPROUT_IN_INCLUDE_USAGE,  0, SPROUT_KEY("include_usage")},
    {1, SPROUT_IN_NOTHING,        0, SPROUT_KEY("messages")},
    {2, SPROUT_IN_ITEM,           0, SPROUT_KEY("[]")},
    {3, SPROUT_IN_ITEM_ROLE,      0, SPROUT_KEY("role")},
    {3, SPROUT_IN_TEXT,           0, SPROUT_KEY("content")},
    {4, SPROUT_IN_PART,           0, SPROUT_KEY("[]")},
    {5, SPROUT_IN_NOTHING,        0, SPROUT_KEY("type")},
    {5, SPROUT_IN_PART_TEXT,      0, SPROUT_KEY("text")},
    {1, SPROUT_IN_FORMAT,         SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("response_format")},
    {2, SPROUT_IN_FORMAT_TYPE,    0, SPROUT_KEY("type")},
    {1, SPROUT_IN_TOOLS,          SPROUT_REASON_TOOLS,   SPROUT_KEY("tools")},         /* N3 */
    {1, SPROUT_IN_TOOLS,          SPROUT_REASON_TOOLS,   SPROUT_KEY("functions")},
    {1, SPROUT_IN_TOOL_CHOICE,    SPROUT_REASON_TOOLS,   SPROUT_KEY("tool_choice")},
    {1, SPROUT_IN_TOOL_CHOICE,    SPROUT_REASON_TOOLS,   SPROUT_KEY("function_call")},
    {1, SPROUT_IF_ON,             SPROUT_REASON_PREFILL, SPROUT_KEY("continue_final_message")},
    {1, SPROUT_IF_SET,            SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("verbosity")}, /* N12 */
    {1, SPROUT_IF_SMALL,          SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_tokens")},
    {1, SPROUT_IF_SMALL,          SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_completion_tokens")},
    OPENAI_SAMPLING,
};

/* The usage object of chat and completions, at a depth of its own; DeepSeek's cached count
 * beside OpenAI's. */
#define OPENAI_USAGE                                                                        \
    {1, SPROUT_OUT_USAGE,   0,                             SPROUT_KEY("usage")},            \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_PROMPT,           SPROUT_KEY("prompt_tokens")},    \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_COMPLETION,       SPROUT_KEY("completion_tokens")},\
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_TOTAL,            SPROUT_KEY("total_tokens")},     \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHED,           SPROUT_KEY("prompt_cache_hit_tokens")},\
    {2, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("prompt_tokens_details")},\
    {3, SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHED,           SPROUT_KEY("cached_tokens")},    \
    {2, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("completion_tokens_details")},\
    {3, SPROUT_OUT_COUNT,   SPROUT_COUNT_REASONING,        SPROUT_KEY("reasoning_tokens")}, \
    {1, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("timings")},          \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_TIMED_CACHED,     SPROUT_KEY("cache_n")},          \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_TIMED_PROMPT,     SPROUT_KEY("prompt_n")},         \
    {2, SPROUT_OUT_COUNT,   SPROUT_COUNT_TIMED_COMPLETION, SPROUT_KEY("predicted_n")},      \
    {1, SPROUT_OUT_ERROR,   0,                             SPROUT_KEY("error")}

static const struct sprout_shape_row chat_reply[] = {
    {0, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("")},
    {1, SPROUT_OUT_CHOICES, 0,                             SPROUT_KEY("choices")},
    {2, SPROUT_OUT_CHOICE,  0,                             SPROUT_KEY("[]")},
    {3, SPROUT_OUT_FINISH,  0,                             SPROUT_KEY("finish_reason")},
    {3, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("delta")},
    {4, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("content")},
    {4, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("reasoning_content")},
    {4, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("reasoning")},
    {4, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("refusal")},
    {4, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("tool_calls")},
    {5, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("[]")},
    {6, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("function")},
    {7, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("arguments")},
    OPENAI_USAGE,
};

static const struct sprout_dialect table[] = {
    {
        .name = SPROUT_KEY("openai-chat"),
        .path = SPROUT_KEY("/chat/completions"),
        .request = SPROUT_SHAPE_OF(chat_request),
        .reply = SPROUT_SHAPE_OF(chat_reply),
        .part = SPROUT_KEY("{\"type\":\"text\",\"text\":"),
        .error = SPROUT_ERROR_OPENAI,
        .include_usage = true,
    },
};

/* clang-format on */

const struct sprout_dialect *sprout_dialect_find(struct sprout_str method,
                                                 struct sprout_str path)
{
    if (!sprout_str_eq(method, SPROUT_STR("POST"))) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (sprout_str_ends(path, table[i].path)) {
            return &table[i];
        }
    }
    return NULL;
}

struct sprout_str sprout_dialect_name(const struct sprout_dialect *d)
{
    return d == NULL ? SPROUT_STR("none") : d->name;
}

void sprout_dialect_put_error(struct sprout_buf *b, const struct sprout_dialect *d,
                              struct sprout_str code, struct sprout_str message)
{
    switch (d == NULL ? SPROUT_ERROR_OPENAI : d->error) {
    case SPROUT_ERROR_OPENAI:
        sprout_buf_put(b, SPROUT_STR("{\"error\":{\"message\":"));
        sprout_buf_json(b, message);
        sprout_buf_put(b,
                       SPROUT_STR(",\"type\":\"sprout_error\",\"param\":null,\"code\":"));
        sprout_buf_json(b, code);
        sprout_buf_put(b, SPROUT_STR("}}"));
        break;
    case SPROUT_ERROR_MESSAGES:
        sprout_buf_put(b, SPROUT_STR("{\"type\":\"error\",\"error\":{\"type\":"));
        sprout_buf_json(b, code);
        sprout_buf_put(b, SPROUT_STR(",\"message\":"));
        sprout_buf_json(b, message);
        sprout_buf_put(b, SPROUT_STR("}}"));
        break;
    case SPROUT_ERROR_OLLAMA:
        sprout_buf_put(b, SPROUT_STR("{\"error\":"));
        sprout_buf_json(b, message);
        sprout_buf_byte(b, '}');
        break;
    }
}
