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

/* ---- chat ---------------------------------------------------------------------------- */

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
    {1, SPROUT_IN_PARAM,          0, SPROUT_KEY("verbosity")},                         /* N12 */
    {1, SPROUT_IN_PARAM,          1, SPROUT_KEY("reasoning_effort")},
    {1, SPROUT_IN_PARAM_HOME,     2, SPROUT_KEY("chat_template_kwargs")},              /* P3 */
    {2, SPROUT_IN_PARAM,          2, SPROUT_KEY("enable_thinking")},
    {1, SPROUT_IF_SMALL,          SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_tokens")},
    {1, SPROUT_IF_SMALL,          SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_completion_tokens")},
    OPENAI_SAMPLING,
};

#define EFFORTS "none minimal low medium high xhigh max"

static const struct sprout_dialect_param chat_params[] = {
    {.name = SPROUT_KEY("verbosity"), .texts = SPROUT_KEY("low medium high"),
     .blocks = SPROUT_REASON_CLIENT_CHOSE},
    {.name = SPROUT_KEY("reasoning_effort"), .texts = SPROUT_KEY(EFFORTS)},
    {.name = SPROUT_KEY("chat_template_kwargs.enable_thinking"),
     .literals = SPROUT_KEY("true false")},
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

/* ---- completions --------------------------------------------------------------------- */

static const struct sprout_shape_row completions_request[] = {
    {0, SPROUT_IN_DOCUMENT,       0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,          0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,         0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_STREAM_OPTIONS, 0, SPROUT_KEY("stream_options")},
    {2, SPROUT_IN_INCLUDE_USAGE,  0, SPROUT_KEY("include_usage")},
    {1, SPROUT_IN_INPUT,          SPROUT_REASON_COMPLETION, SPROUT_KEY("prompt")},     /* N9 */
    {1, SPROUT_IF_SET,            SPROUT_REASON_COMPLETION, SPROUT_KEY("suffix")},
    {1, SPROUT_IN_FORMAT,         SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("response_format")},
    {2, SPROUT_IN_FORMAT_TYPE,    0, SPROUT_KEY("type")},
    {1, SPROUT_IF_SMALL,          SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_tokens")},
    OPENAI_SAMPLING,
};

static const struct sprout_shape_row completions_reply[] = {
    {0, SPROUT_OUT_NOTHING, 0,                             SPROUT_KEY("")},
    {1, SPROUT_OUT_CHOICES, 0,                             SPROUT_KEY("choices")},
    {2, SPROUT_OUT_CHOICE,  0,                             SPROUT_KEY("[]")},
    {3, SPROUT_OUT_FINISH,  0,                             SPROUT_KEY("finish_reason")},
    {3, SPROUT_OUT_DELTA,   0,                             SPROUT_KEY("text")},
    OPENAI_USAGE,
};

/* ---- responses ----------------------------------------------------------------------- */

static const struct sprout_shape_row responses_request[] = {
    {0, SPROUT_IN_DOCUMENT,      0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,         0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,        0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_CONVERSATION,  0, SPROUT_KEY("conversation")},
    {2, SPROUT_IN_CONVERSATION,  0, SPROUT_KEY("id")},
    {1, SPROUT_IN_SYSTEM,        1, SPROUT_KEY("instructions")},
    {1, SPROUT_IN_INPUT,         0, SPROUT_KEY("input")},
    {2, SPROUT_IN_ITEM,          0, SPROUT_KEY("[]")},
    {3, SPROUT_IN_ITEM_ROLE,     0, SPROUT_KEY("role")},
    {3, SPROUT_IN_TEXT,          0, SPROUT_KEY("content")},
    {4, SPROUT_IN_PART,          0, SPROUT_KEY("[]")},
    {5, SPROUT_IN_NOTHING,       0, SPROUT_KEY("type")},
    {5, SPROUT_IN_PART_TEXT,     0, SPROUT_KEY("text")},
    {1, SPROUT_IN_STORED_PROMPT, SPROUT_REASON_STORED_PROMPT, SPROUT_KEY("prompt")}, /* N11 */
    {1, SPROUT_IN_PARAM_HOME,    0, SPROUT_KEY("text")},
    {2, SPROUT_IN_FORMAT,        SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("format")},
    {3, SPROUT_IN_FORMAT_TYPE,   0, SPROUT_KEY("type")},
    {2, SPROUT_IN_PARAM,         0, SPROUT_KEY("verbosity")},                          /* N12 */
    {1, SPROUT_IN_PARAM_HOME,    1, SPROUT_KEY("reasoning")},
    {2, SPROUT_IN_PARAM,         1, SPROUT_KEY("effort")},
    {1, SPROUT_IF_SMALL,         SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_output_tokens")},
    {1, SPROUT_IN_TOOLS,         SPROUT_REASON_TOOLS, SPROUT_KEY("tools")},            /* N3 */
    {1, SPROUT_IN_TOOL_CHOICE,   SPROUT_REASON_TOOLS, SPROUT_KEY("tool_choice")},
    {1, SPROUT_IN_NOTHING,       0, SPROUT_KEY("include")},
    {2, SPROUT_IN_INCLUDE,       SPROUT_REASON_LOGPROBS, SPROUT_KEY("[]")},            /* N6 */
    OPENAI_SAMPLING,
};

static const struct sprout_dialect_param responses_params[] = {
    {.name = SPROUT_KEY("text.verbosity"), .texts = SPROUT_KEY("low medium high"),
     .blocks = SPROUT_REASON_CLIENT_CHOSE},
    {.name = SPROUT_KEY("reasoning.effort"), .texts = SPROUT_KEY(EFFORTS)},
};

#define RESPONSES_USAGE(depth, deeper, deepest)                                             \
    {depth,   SPROUT_OUT_USAGE,   0,                       SPROUT_KEY("usage")},            \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_PROMPT,     SPROUT_KEY("input_tokens")},     \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_COMPLETION, SPROUT_KEY("output_tokens")},    \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_TOTAL,      SPROUT_KEY("total_tokens")},     \
    {deeper,  SPROUT_OUT_NOTHING, 0,                       SPROUT_KEY("input_tokens_details")}, \
    {deepest, SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHED,     SPROUT_KEY("cached_tokens")},    \
    {deeper,  SPROUT_OUT_NOTHING, 0,                       SPROUT_KEY("output_tokens_details")}, \
    {deepest, SPROUT_OUT_COUNT,   SPROUT_COUNT_REASONING,  SPROUT_KEY("reasoning_tokens")}

static const struct sprout_shape_row responses_reply[] = {
    {0, SPROUT_OUT_NOTHING, 0, SPROUT_KEY("")},
    {1, SPROUT_OUT_TYPE,    0, SPROUT_KEY("type")},
    {1, SPROUT_OUT_DELTA,   0, SPROUT_KEY("delta")},
    {1, SPROUT_OUT_ERROR,   0, SPROUT_KEY("error")},
    RESPONSES_USAGE(1, 2, 3),
    {1, SPROUT_OUT_NOTHING, 0, SPROUT_KEY("response")},
    RESPONSES_USAGE(2, 3, 4),
};

static const struct sprout_dialect_event responses_events[] = {
    {SPROUT_KEY("response.completed"),  .ends = true},
    {SPROUT_KEY("response.incomplete"), .ends = true},
    {SPROUT_KEY("response.failed"),     .ends = true, .error = true},
    {SPROUT_KEY("error"),               .error = true},
};

/* ---- messages ------------------------------------------------------------------------ */

static const struct sprout_shape_row messages_request[] = {
    {0, SPROUT_IN_DOCUMENT,    0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,       0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,      0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_SYSTEM,      1, SPROUT_KEY("system")},
    {2, SPROUT_IN_PART,        0, SPROUT_KEY("[]")},
    {3, SPROUT_IN_NOTHING,     0, SPROUT_KEY("type")},
    {3, SPROUT_IN_PART_TEXT,   0, SPROUT_KEY("text")},
    {1, SPROUT_IN_NOTHING,     0, SPROUT_KEY("messages")},
    {2, SPROUT_IN_ITEM,        0, SPROUT_KEY("[]")},
    {3, SPROUT_IN_ITEM_ROLE,   0, SPROUT_KEY("role")},
    {3, SPROUT_IN_TEXT,        0, SPROUT_KEY("content")},
    {4, SPROUT_IN_PART,        0, SPROUT_KEY("[]")},
    {5, SPROUT_IN_PART_TYPE,   0, SPROUT_KEY("type")},
    {5, SPROUT_IN_PART_TEXT,   0, SPROUT_KEY("text")},
    {1, SPROUT_IF_SMALL,       SPROUT_REASON_CLIENT_CHOSE, SPROUT_KEY("max_tokens")},
    {1, SPROUT_IN_TOOLS,       SPROUT_REASON_TOOLS, SPROUT_KEY("tools")},
    {1, SPROUT_IN_TOOLS,       SPROUT_REASON_TOOLS, SPROUT_KEY("mcp_servers")},
    {1, SPROUT_IN_NOTHING,     0, SPROUT_KEY("tool_choice")},
    {2, SPROUT_IN_TOOL_CHOICE, SPROUT_REASON_TOOLS, SPROUT_KEY("type")},
    {1, SPROUT_IN_FORMAT,      SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("output_format")},
    {2, SPROUT_IN_FORMAT_TYPE, 0, SPROUT_KEY("type")},
    {1, SPROUT_IN_PARAM_HOME,  0, SPROUT_KEY("output_config")},
    {2, SPROUT_IN_FORMAT,      SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("format")},
    {3, SPROUT_IN_FORMAT_TYPE, 0, SPROUT_KEY("type")},
    {2, SPROUT_IN_PARAM,       0, SPROUT_KEY("effort")},
};

static const struct sprout_dialect_param messages_params[] = {
    {.name = SPROUT_KEY("output_config.effort"),
     .texts = SPROUT_KEY("low medium high xhigh max")},
};

#define MESSAGES_USAGE(depth, deeper, deepest)                                              \
    {depth,   SPROUT_OUT_USAGE,   0,                          SPROUT_KEY("usage")},         \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_PROMPT,        SPROUT_KEY("input_tokens")},  \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHE_WRITTEN, SPROUT_KEY("cache_creation_input_tokens")}, \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHED,        SPROUT_KEY("cache_read_input_tokens")}, \
    {deeper,  SPROUT_OUT_COUNT,   SPROUT_COUNT_COMPLETION,    SPROUT_KEY("output_tokens")}, \
    {deeper,  SPROUT_OUT_NOTHING, 0,                          SPROUT_KEY("output_tokens_details")}, \
    {deepest, SPROUT_OUT_COUNT,   SPROUT_COUNT_REASONING,     SPROUT_KEY("thinking_tokens")}

static const struct sprout_shape_row messages_reply[] = {
    {0, SPROUT_OUT_NOTHING, 0, SPROUT_KEY("")},
    {1, SPROUT_OUT_TYPE,    0, SPROUT_KEY("type")},
    {1, SPROUT_OUT_ERROR,   0, SPROUT_KEY("error")},
    {1, SPROUT_OUT_NOTHING, 0, SPROUT_KEY("delta")},
    {2, SPROUT_OUT_DELTA,   0, SPROUT_KEY("text")},
    {2, SPROUT_OUT_DELTA,   0, SPROUT_KEY("thinking")},
    {2, SPROUT_OUT_DELTA,   0, SPROUT_KEY("partial_json")},
    {2, SPROUT_OUT_FINISH,  0, SPROUT_KEY("stop_reason")},
    MESSAGES_USAGE(1, 2, 3),
    {1, SPROUT_OUT_NOTHING, 0, SPROUT_KEY("message")},
    MESSAGES_USAGE(2, 3, 4),
};

static const struct sprout_dialect_event messages_events[] = {
    {SPROUT_KEY("message_stop"), .ends = true},
    {SPROUT_KEY("error"),        .error = true},
};

/* ---- Ollama -------------------------------------------------------------------------- */

#define OLLAMA_OPTIONS                                                                      \
    {1, SPROUT_IF_SET,    SPROUT_REASON_RESPONSE_FORMAT, SPROUT_KEY("format")},      /* N1 */ \
    {1, SPROUT_IF_ON,     SPROUT_REASON_LOGPROBS,        SPROUT_KEY("logprobs")},    /* N6 */ \
    {1, SPROUT_IF_ON,     SPROUT_REASON_LOGPROBS,        SPROUT_KEY("top_logprobs")},       \
    {1, SPROUT_IN_PARAM,  0,                             SPROUT_KEY("think")},       /* P3 */ \
    {1, SPROUT_IN_NOTHING, 0,                            SPROUT_KEY("options")},            \
    {2, SPROUT_IF_SMALL,  SPROUT_REASON_CLIENT_CHOSE,    SPROUT_KEY("num_predict")}  /* N12 */

static const struct sprout_dialect_param ollama_params[] = {
    {.name = SPROUT_KEY("think"), .texts = SPROUT_KEY("low medium high"),
     .literals = SPROUT_KEY("true false")},
};

static const struct sprout_shape_row ollama_chat_request[] = {
    {0, SPROUT_IN_DOCUMENT,  0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,     0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,    0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_NOTHING,   0, SPROUT_KEY("messages")},
    {2, SPROUT_IN_ITEM,      0, SPROUT_KEY("[]")},
    {3, SPROUT_IN_ITEM_ROLE, 0, SPROUT_KEY("role")},
    {3, SPROUT_IN_TEXT,      0, SPROUT_KEY("content")},
    {1, SPROUT_IN_TOOLS,     SPROUT_REASON_TOOLS, SPROUT_KEY("tools")},
    OLLAMA_OPTIONS,
};

static const struct sprout_shape_row ollama_generate_request[] = {
    {0, SPROUT_IN_DOCUMENT,  0, SPROUT_KEY("")},
    {1, SPROUT_IN_MODEL,     0, SPROUT_KEY("model")},
    {1, SPROUT_IN_STREAM,    0, SPROUT_KEY("stream")},
    {1, SPROUT_IN_SYSTEM,    0, SPROUT_KEY("system")}, /* replaces the model's own: no place */
    {1, SPROUT_IN_INPUT,     SPROUT_REASON_RAW, SPROUT_KEY("prompt")},  /* N10: "" only loads */
    {1, SPROUT_IF_ON,        SPROUT_REASON_RAW, SPROUT_KEY("raw")},
    {1, SPROUT_IF_SET,       SPROUT_REASON_RAW, SPROUT_KEY("suffix")},
    {1, SPROUT_IF_SET,       SPROUT_REASON_RAW, SPROUT_KEY("template")},
    OLLAMA_OPTIONS,
};

static const struct sprout_shape_row ollama_reply[] = {
    {0, SPROUT_OUT_NOTHING, 0,                       SPROUT_KEY("")},
    {1, SPROUT_OUT_DONE,    0,                       SPROUT_KEY("done")},
    {1, SPROUT_OUT_ERROR,   0,                       SPROUT_KEY("error")},
    {1, SPROUT_OUT_DELTA,   0,                       SPROUT_KEY("response")},
    {1, SPROUT_OUT_DELTA,   0,                       SPROUT_KEY("thinking")},
    {1, SPROUT_OUT_NOTHING, 0,                       SPROUT_KEY("message")},
    {2, SPROUT_OUT_DELTA,   0,                       SPROUT_KEY("content")},
    {2, SPROUT_OUT_DELTA,   0,                       SPROUT_KEY("thinking")},
    {1, SPROUT_OUT_COUNT,   SPROUT_COUNT_PROMPT,     SPROUT_KEY("prompt_eval_count")},
    {1, SPROUT_OUT_COUNT,   SPROUT_COUNT_CACHED,     SPROUT_KEY("prompt_eval_cached_count")},
    {1, SPROUT_OUT_COUNT,   SPROUT_COUNT_COMPLETION, SPROUT_KEY("eval_count")},
};

#define EVENTS_OF(rows) .events = rows, .event_count = sizeof(rows) / sizeof((rows)[0])

#define PARAMS_OF(rows) .param = rows, .param_count = sizeof(rows) / sizeof((rows)[0])

static const struct sprout_dialect table[] = {
    {
        .name = SPROUT_KEY("openai-chat"),
        .path = SPROUT_KEY("/chat/completions"),
        .request = SPROUT_SHAPE_OF(chat_request),
        .reply = SPROUT_SHAPE_OF(chat_reply),
        PARAMS_OF(chat_params),
        .part = SPROUT_KEY("{\"type\":\"text\",\"text\":"),
        .error = SPROUT_ERROR_OPENAI,
        .include_usage = true,
    },
    {
        .name = SPROUT_KEY("openai-completions"),
        .path = SPROUT_KEY("/v1/completions"),
        .request = SPROUT_SHAPE_OF(completions_request),
        .reply = SPROUT_SHAPE_OF(completions_reply),
        .error = SPROUT_ERROR_OPENAI,
        .include_usage = true,
        .off = SPROUT_REASON_COMPLETION,
    },
    {
        .name = SPROUT_KEY("openai-responses"),
        .path = SPROUT_KEY("/v1/responses"),
        .request = SPROUT_SHAPE_OF(responses_request),
        .reply = SPROUT_SHAPE_OF(responses_reply),
        PARAMS_OF(responses_params),
        .part = SPROUT_KEY("{\"type\":\"input_text\",\"text\":"),
        EVENTS_OF(responses_events),
        .error = SPROUT_ERROR_OPENAI,
        .roleless_is_tool = true,
    },
    {
        .name = SPROUT_KEY("anthropic-messages"),
        .path = SPROUT_KEY("/v1/messages"),
        .request = SPROUT_SHAPE_OF(messages_request),
        .reply = SPROUT_SHAPE_OF(messages_reply),
        PARAMS_OF(messages_params),
        .part = SPROUT_KEY("{\"type\":\"text\",\"text\":"),
        EVENTS_OF(messages_events),
        .ping = SPROUT_KEY("event: ping\ndata: {\"type\":\"ping\"}\n\n"),
        .error = SPROUT_ERROR_MESSAGES,
        .cached_beside = true,
    },
    {
        .name = SPROUT_KEY("ollama-chat"),
        .path = SPROUT_KEY("/api/chat"),
        .request = SPROUT_SHAPE_OF(ollama_chat_request),
        .reply = SPROUT_SHAPE_OF(ollama_reply),
        PARAMS_OF(ollama_params),
        .error = SPROUT_ERROR_OLLAMA,
        .streams = true,
    },
    {
        .name = SPROUT_KEY("ollama-generate"),
        .path = SPROUT_KEY("/api/generate"),
        .request = SPROUT_SHAPE_OF(ollama_generate_request),
        .reply = SPROUT_SHAPE_OF(ollama_reply),
        PARAMS_OF(ollama_params),
        .error = SPROUT_ERROR_OLLAMA,
        .streams = true,
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

unsigned sprout_dialect_off(const struct sprout_dialect *d)
{
    return d == NULL ? 0 : d->off;
}

const struct sprout_dialect *sprout_dialect_named(struct sprout_str name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (sprout_str_eq(name, table[i].name)) {
            return &table[i];
        }
    }
    return NULL;
}

void sprout_dialect_names(struct sprout_buf *b)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sprout_buf_put(b, i > 0 ? SPROUT_STR(", ") : SPROUT_STR(""));
        sprout_buf_put(b, table[i].name);
    }
}

const struct sprout_dialect_param *sprout_dialect_param(const struct sprout_dialect *d,
                                                        struct sprout_str name)
{
    for (size_t i = 0; d != NULL && i < d->param_count; i++) {
        if (sprout_str_eq(name, d->param[i].name)) {
            return &d->param[i];
        }
    }
    return NULL;
}

struct sprout_str sprout_param_home(const struct sprout_dialect_param *p)
{
    const char *dot = memchr(p->name.ptr, '.', p->name.len);
    return (struct sprout_str){p->name.ptr,
                               dot == NULL ? 0 : (size_t)(dot - p->name.ptr)};
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
