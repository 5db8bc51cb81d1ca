/* SPDX-License-Identifier: Apache-2.0 */
/* request_gen.h - random requests of each API, mostly sensible, often odd.
 *
 * Each member comes with a probability, in random order; one in a hundred comes twice. */
#ifndef SPROUT_TESTS_REQUEST_GEN_H
#define SPROUT_TESTS_REQUEST_GEN_H

#include "json_gen.h"

#define REQUEST_DIRECTIVE "Answer briefly."

enum request_kind { REQUEST_CHAT };

struct request_api {
    const char *path;
    enum request_kind kind;
};

static const struct request_api request_apis[] = {
    {"/v1/chat/completions", REQUEST_CHAT},
};

static inline const struct request_api *request_api_of(unsigned long number)
{
    return &request_apis[number % (sizeof request_apis / sizeof request_apis[0])];
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
    static const struct request_member stream_options[] = {
        {"include_usage", 60, "true|false|null|null|1|{}"},
        {"other", 40, "@v"},
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
    case 'm':
        request_messages(g, 'M');
        break;
    case 'M':
        request_object(g, chat_message, REQUEST_COUNT(chat_message));
        break;
    case 'o':
        request_object(g, stream_options, REQUEST_COUNT(stream_options));
        break;
    default:
        break;
    }
}

static inline void request_gen(struct gen *g, const struct request_api *api)
{
    static const struct request_member chat[] = {
        {"model", 95, "@t|@t|@t|7"},
        {"messages", 98, "@m"},
        {"stream", 60, "true|true|true|false|null|\"true\""},
        {"stream_options", 40, "@o|@o|@o|null|{ }|7"},
        {"response_format", 4,
         "null|{\"type\":\"text\"}|{\"type\":\"text\"}|{\"type\":\"json_object\"}|{}|"
         "\"text\""},
        {"tools", 4, "null|[]|[ ]|[{\"type\":\"function\"}]"},
        {"tool_choice", 3, "\"auto\"|\"none\"|\"required\"|{\"type\":\"function\"}|null"},
        {"guided_json", 2, "null|{\"messages\":[]}"},
        {"grammar", 2, "null|\"root ::= x\""},
        {"n", 4, "1|1|1.0|2|null"},
        {"best_of", 2, "1|3"},
        {"logprobs", 3, "false|null|0|true"},
        {"top_logprobs", 3, "0|null|5"},
        {"echo", 2, "false|true"},
        {"prompt_logprobs", 2, "null|0"},
        {"verbosity", 2, "null|\"low\""},
        {"max_tokens", 15, "1000|17|100|1e3|null|16|1"},
        {"max_completion_tokens", 10, "1000|17|null|8"},
        {"continue_final_message", 2, "false|null|true"},
        {"temperature", 30, "0.7|1|1e-9"},
        {"metadata", 15, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}|@v"},
        {"x", 15, "@v"},
        {"content", 5, "\"not a message's\"|[{\"type\":\"text\"}]"},
    };
    gen_blank(g);
    switch (api->kind) {
    case REQUEST_CHAT:
        request_object(g, chat, REQUEST_COUNT(chat));
        break;
    }
    gen_blank(g);
}

#endif
