/* SPDX-License-Identifier: Apache-2.0 */
/* request_gen.h - random requests of each API, mostly sensible, often odd.
 *
 * Each member comes with a probability, in random order; one in a hundred comes twice. */
#ifndef SPROUT_TESTS_REQUEST_GEN_H
#define SPROUT_TESTS_REQUEST_GEN_H

#include "json_gen.h"

#define REQUEST_DIRECTIVE "Answer briefly."

enum request_kind {
    REQUEST_CHAT,
    REQUEST_COMPLETIONS,
    REQUEST_RESPONSES,
    REQUEST_MESSAGES,
    REQUEST_OLLAMA_CHAT,
    REQUEST_OLLAMA_GENERATE,
};

struct request_api {
    const char *path;
    enum request_kind kind;
};

static const struct request_api request_apis[] = {
    {"/v1/chat/completions", REQUEST_CHAT}, {"/v1/completions", REQUEST_COMPLETIONS},
    {"/v1/responses", REQUEST_RESPONSES},   {"/v1/messages", REQUEST_MESSAGES},
    {"/api/chat", REQUEST_OLLAMA_CHAT},     {"/api/generate", REQUEST_OLLAMA_GENERATE},
};

static inline const struct request_api *request_api_of(unsigned long number)
{
    return &request_apis[number / 6 % (sizeof request_apis / sizeof request_apis[0])];
}

/* A member that a generator may write: its name, how often it comes, and how its value is
 * written.  `choices` is a list of JSON texts separated by '|'; "@f" calls gen[f]. */
struct request_member {
    const char *name;
    unsigned percent;
    const char *choices;
};

static inline void request_part(struct gen *g, const char *type)
{
    static const char *const odd[] = {
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\",\"text\":\"t\"}}",
        "{ }", "7", "null", "{\"text\":null}"};
    if (gen_percent(g, 12)) {
        gen_put(g, odd[gen_below(g, gen_percent(g, 80) ? 1 : 5)]);
        return;
    }
    gen_put(g, "{");
    const bool text_first = gen_percent(g, 30);
    for (int i = 0; i < 2; i++) {
        gen_put(g, i > 0 ? "," : "");
        if ((i == 0) == text_first) {
            gen_name(g, "text");
            if (gen_percent(g, 4)) {
                gen_put(g, "\"" REQUEST_DIRECTIVE "\"");
            } else {
                gen_text(g);
            }
        } else {
            gen_name(g, "type");
            gen_put(g, "\"");
            gen_escaped(g, type);
            gen_put(g, "\"");
        }
    }
    gen_blank(g);
    gen_put(g, "}");
}

static inline void request_content(struct gen *g, const char *part_type)
{
    const unsigned kind = gen_below(g, 100);
    if (kind < 60) {
        gen_put(g, "\"");
        gen_characters(g, gen_below(g, 5));
        gen_put(g, gen_percent(g, 4) ? "\\n\\n" REQUEST_DIRECTIVE "\"" : "\"");
    } else if (kind < 94) {
        const unsigned n = gen_below(g, 4);
        gen_put(g, "[");
        gen_blank(g);
        for (unsigned i = 0; i < n; i++) {
            gen_put(g, i > 0 ? "," : "");
            gen_blank(g);
            request_part(g, part_type);
            gen_blank(g);
        }
        gen_put(g, "]");
    } else {
        gen_value(g, 4);
    }
}

/* The values: a character says which. */
static inline void request_value(struct gen *g, char what);

static inline void request_choice(struct gen *g, const char *choices)
{
    unsigned n = 1;
    for (const char *p = choices; *p != '\0'; p++) {
        n += *p == '|';
    }
    unsigned pick = gen_below(g, n);
    const char *p = choices;
    for (; pick > 0; p++) {
        pick -= *p == '|';
    }
    if (*p == '@') {
        request_value(g, p[1]);
        return;
    }
    const char *end = strchr(p, '|');
    sprout_buf_put(&g->b,
                   (struct sprout_str){p, end == NULL ? strlen(p) : (size_t)(end - p)});
}

static inline void request_object(struct gen *g, const struct request_member *members,
                                  size_t count)
{
    size_t order[64];
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = count; i > 1; i--) {
        const size_t k = gen_below(g, (unsigned)i);
        const size_t swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    gen_put(g, "{");
    for (size_t i = 0; i < count; i++) {
        const struct request_member *m = &members[order[i]];
        unsigned times = gen_percent(g, m->percent) ? 1 : 0;
        if (times > 0 && gen_below(g, 1000) == 0) {
            times = 2;
        }
        for (; times > 0; times--) {
            gen_put(g, first ? "" : ",");
            first = false;
            gen_name(g, m->name);
            request_choice(g, m->choices);
            gen_blank(g);
        }
    }
    gen_blank(g);
    gen_put(g, "}");
}

#define REQUEST_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline void request_messages(struct gen *g, char message)
{
    const unsigned n = gen_percent(g, 45) ? 1 + gen_below(g, 2) : gen_below(g, 7);
    gen_put(g, "[");
    gen_blank(g);
    for (unsigned i = 0; i < n; i++) {
        gen_put(g, i > 0 ? "," : "");
        gen_blank(g);
        if (gen_percent(g, 1)) {
            gen_value(g, 5);
        } else {
            request_value(g, message);
        }
        gen_blank(g);
    }
    gen_put(g, "]");
}

/* c: chat content; i: of Responses; b: blocks of Messages; p: a prompt */
static inline void request_value(struct gen *g, char what)
{
    static const struct request_member chat_message[] = {
        {"role", 98,
         "\"user\"|\"user\"|\"user\"|\"user\"|\"user\"|\"system\"|\"system\"|"
         "\"developer\"|\"assistant\"|\"tool\"|\"us\\u0065r\"|\"other\"|null|"
         "\"function\""},
        {"content", 97, "@c"},
        {"name", 10, "\"content\"|{\"role\":\"user\"}"},
        {"tool_calls", 5, "[{\"id\":\"1\",\"function\":{\"name\":\"content\"}}]"},
        {"cache_control", 5, "{\"type\":\"ephemeral\"}"},
    };
    static const struct request_member item[] = {
        {"type", 40, "\"message\"|\"message\"|\"function_call_output\"|\"reasoning\""},
        {"role", 88,
         "\"user\"|\"user\"|\"user\"|\"user\"|\"user\"|\"system\"|\"developer\"|"
         "\"assistant\"|\"assistant\""},
        {"content", 95, "@i"},
        {"output", 8, "\"42\"|[{\"type\":\"input_text\",\"text\":\"x\"}]"},
        {"id", 10, "\"m1\""},
    };
    static const struct request_member block_message[] = {
        {"role", 99, "\"user\"|\"user\"|\"user\"|\"assistant\""},
        {"content", 98, "@b"},
    };
    static const struct request_member stream_options[] = {
        {"include_usage", 60, "true|false|null|null|1|{}"},
        {"other", 40, "@v"},
    };
    static const struct request_member text_options[] = {
        {"format", 40,
         "{\"type\":\"text\"}|{\"type\":\"text\"}|{\"type\":\"json_schema\"}|null|{}"},
        {"verbosity", 15, "null|\"low\"|\"\""},
    };
    static const struct request_member output_config[] = {
        {"format", 40, "{\"type\":\"json_schema\"}|null|{\"type\":\"text\"}"},
        {"effort", 50, "\"low\""},
    };
    static const struct request_member ollama_options[] = {
        {"num_predict", 40, "100|-1|-2|16|0|256|1000"},
        {"temperature", 40, "0.5"},
    };
    switch (what) {
    case 'v':
        gen_value(g, 2);
        break;
    case 't':
        gen_text(g);
        break;
    case 'c':
        request_content(g, "text");
        break;
    case 'i':
        request_content(g, gen_percent(g, 90) ? "input_text" : "input_image");
        break;
    case 'b':
        request_content(g, gen_percent(g, 90) ? "text" : "tool_result");
        break;
    case 'p':
        gen_put(g, "\"");
        gen_characters(g, gen_below(g, 5));
        gen_put(g, gen_percent(g, 4) ? REQUEST_DIRECTIVE "\"" : "\"");
        break;
    case 'm':
        request_messages(g, 'M');
        break;
    case 'M':
        request_object(g, chat_message, REQUEST_COUNT(chat_message));
        break;
    case 'n':
        request_messages(g, 'N');
        break;
    case 'N':
        request_object(g, item, REQUEST_COUNT(item));
        break;
    case 'k':
        request_messages(g, 'K');
        break;
    case 'K':
        request_object(g, block_message, REQUEST_COUNT(block_message));
        break;
    case 'o':
        request_object(g, stream_options, REQUEST_COUNT(stream_options));
        break;
    case 'x':
        request_object(g, text_options, REQUEST_COUNT(text_options));
        break;
    case 'y':
        request_object(g, output_config, REQUEST_COUNT(output_config));
        break;
    case 'z':
        request_object(g, ollama_options, REQUEST_COUNT(ollama_options));
        break;
    default:
        break;
    }
}

#define REQUEST_TOOLS                                                                    \
    {                                                                                    \
        "tools", 4, "null|[]|[ ]|[{\"type\":\"function\"}]"                              \
    }

#define REQUEST_SAMPLING                                                                 \
    {"guided_json", 2, "null|{\"messages\":[]}"},                                        \
        {"grammar", 2, "null|\"root ::= x\"|\"\""}, {"n", 4, "1|1|1.0|2|null"},          \
        {"best_of", 2, "1|3"}, {"logprobs", 3, "false|null|0|true"},                     \
        {"top_logprobs", 3, "0|null|5"}, {"echo", 2, "false|true"},                      \
    {                                                                                    \
        "prompt_logprobs", 2, "null|0"                                                   \
    }

#define REQUEST_OTHERS                                                                   \
    {"model", 95, "@t|@t|@t|7"}, {"temperature", 30, "0.7|1|1e-9"},                      \
        {"metadata", 15,                                                                 \
         "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"system\":\"y\"}|@v"},  \
        {"x", 15, "@v"},                                                                 \
    {                                                                                    \
        "content", 5, "\"not a message's\"|[{\"type\":\"text\"}]"                        \
    }

static const struct request_member request_chat[] = {
    REQUEST_OTHERS,
    REQUEST_SAMPLING,
    REQUEST_TOOLS,
    {"messages", 98, "@m"},
    {"stream", 60, "true|true|true|false|null|\"true\""},
    {"stream_options", 40, "@o|@o|@o|null|{ }|7"},
    {"response_format", 4,
     "null|{\"type\":\"text\"}|{\"type\":\"text\"}|{\"type\":\"json_object\"}|{}|"
     "\"text\""},
    {"tool_choice", 3, "\"auto\"|\"none\"|\"required\"|{\"type\":\"function\"}|null"},
    {"verbosity", 2, "null|\"low\""},
    {"chat_template_kwargs", 15,
     "null|{ }|{\"enable_thinking\":null}|{\"enable_thinking\" : true}|{\"x\":1 }|7"},
    {"reasoning_effort", 10, "null|\"high\"|\"\"|7"},
    {"max_tokens", 15, "1000|17|100|1e3|null|16|1|-1"},
    {"max_completion_tokens", 10, "1000|17|null|8"},
    {"continue_final_message", 2, "false|null|true"},
};

static const struct request_member request_completions[] = {
    REQUEST_OTHERS,
    REQUEST_SAMPLING,
    {"prompt", 97, "@p|@p|@p|@p|@p|@p|[\"a\"]|[1,2]|[[1]]|null"},
    {"stream", 60, "true|true|false"},
    {"stream_options", 40, "@o|@o|@o|null|{ }|7"},
    {"suffix", 5, "null|\"\"|\"b\""},
    {"max_tokens", 15, "1000|17|16"},
};

static const struct request_member request_responses[] = {
    REQUEST_OTHERS,
    REQUEST_SAMPLING,
    REQUEST_TOOLS,
    {"input", 97, "@n|@n|@n|@p|@p|null"},
    {"instructions", 35, "@p|@p|@p|null|[]|7"},
    {"stream", 60, "true|false"},
    {"stream_options", 10, "{\"include_obfuscation\":false}"},
    {"reasoning", 20,
     "null|{ }|{\"effort\":null}|{\"effort\" : \"low\"}|{\"summary\":\"auto\" }|7"},
    {"prompt", 5, "null|{\"id\":\"p\"}"},
    {"previous_response_id", 20, "\"r1\"|null"},
    {"conversation", 10, "\"c\"|{\"id\":\"c\"}|null"},
    {"text", 15, "@x|@x|@x|null"},
    {"include", 5,
     "[]|[\"file_search_call.results\"]|[\"message.output_text.logprobs\"]"},
    {"tool_choice", 3, "\"auto\"|\"none\"|\"required\"|{\"type\":\"function\"}|null"},
    {"max_output_tokens", 15, "1000|17|null|16"},
};

static const struct request_member request_messages_api[] = {
    REQUEST_OTHERS,
    REQUEST_TOOLS,
    {"messages", 98, "@k"},
    {"system", 45, "@b|@b|@p|null"},
    {"max_tokens", 95, "1024|1024|1024|1024|4096|17|16"},
    {"stream", 60, "true|false"},
    {"thinking", 10, "{\"type\":\"enabled\",\"budget_tokens\":1024}"},
    {"tool_choice", 4, "{\"type\":\"auto\"}|{\"type\":\"none\"}|{\"type\":\"any\"}|null"},
    {"mcp_servers", 2, "[]|[{}]"},
    {"output_format", 2, "null|{\"type\":\"json_schema\"}"},
    {"output_config", 4, "@y|@y|null"},
};

#define REQUEST_OLLAMA                                                                   \
    REQUEST_OTHERS, {"stream", 60, "true|false|null"},                                   \
        {"format", 5, "\"\"|null|\"json\"|{\"type\":\"object\"}"},                       \
        {"options", 40, "@z|@z|null"}, {"think", 10, "true|false|\"low\""},              \
        {"logprobs", 3, "false|true"},                                                   \
    {                                                                                    \
        "keep_alive", 10, "0|\"5m\""                                                     \
    }

static const struct request_member request_ollama_chat[] = {
    REQUEST_OLLAMA,
    REQUEST_TOOLS,
    {"messages", 98, "@m"},
};

static const struct request_member request_ollama_generate[] = {
    REQUEST_OLLAMA,
    {"prompt", 97, "@p|@p|@p|@p|@p|@p|null|[\"a\"]"},
    {"system", 40, "@p|null|\"\""},
    {"raw", 5, "false|true"},
    {"suffix", 5, "\"\"|\"b\"|null"},
    {"template", 5, "\"\"|\"{{ .Prompt }}\""},
    {"context", 10, "[1,2,3]"},
};

static inline void request_gen(struct gen *g, const struct request_api *api)
{
#define MEMBERS_OF(a)                                                                    \
    {                                                                                    \
        a, REQUEST_COUNT(a)                                                              \
    }
    static const struct {
        const struct request_member *members;
        size_t count;
    } bodies[] = {
        [REQUEST_CHAT] = MEMBERS_OF(request_chat),
        [REQUEST_COMPLETIONS] = MEMBERS_OF(request_completions),
        [REQUEST_RESPONSES] = MEMBERS_OF(request_responses),
        [REQUEST_MESSAGES] = MEMBERS_OF(request_messages_api),
        [REQUEST_OLLAMA_CHAT] = MEMBERS_OF(request_ollama_chat),
        [REQUEST_OLLAMA_GENERATE] = MEMBERS_OF(request_ollama_generate),
    };
#undef MEMBERS_OF
    gen_blank(g);
    request_object(g, bodies[api->kind].members, bodies[api->kind].count);
    gen_blank(g);
}

#endif
