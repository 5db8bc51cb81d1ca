/* SPDX-License-Identifier: Apache-2.0 */
/* request_model.h - what must become of a request, said a second time.
 *
 * Works on jansson's tree, slowly and plainly, straight from the rules; shares no line with
 * src/wire.  It is the reference of the splice oracle, not a description of the code. */
#ifndef SPROUT_TESTS_REQUEST_MODEL_H
#define SPROUT_TESTS_REQUEST_MODEL_H

#include <jansson.h>
#include <stdlib.h>

#include "core/policy.h"
#include "request_gen.h"

static inline bool model_is_set(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return v != NULL && !json_is_null(v) &&
           !(json_is_string(v) && json_string_length(v) == 0);
}

static inline bool model_is_on(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return model_is_set(root, name) && !json_is_false(v) &&
           !(json_is_number(v) && json_number_value(v) == 0);
}

static inline bool model_above(const json_t *root, const char *name, double limit)
{
    const json_t *v = json_object_get(root, name);
    return json_is_number(v) && json_number_value(v) > limit;
}

static inline bool model_small(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return json_is_number(v) && json_number_value(v) <= 16 && json_number_value(v) >= 0;
}

static inline bool model_text_is(const json_t *v, const char *text)
{
    return json_is_string(v) && json_string_length(v) == strlen(text) &&
           memcmp(json_string_value(v), text, strlen(text)) == 0;
}

static inline bool model_tools(const json_t *root)
{
    const json_t *choice = json_object_get(root, "tool_choice");
    return json_array_size(json_object_get(root, "tools")) > 0 ||
           json_is_object(choice) ||
           (json_is_string(choice) && !model_text_is(choice, "auto") &&
            !model_text_is(choice, "none"));
}

static inline bool model_format(const json_t *root, const char *name)
{
    const json_t *format = json_object_get(root, name);
    return format != NULL && !json_is_null(format) &&
           !model_text_is(json_object_get(format, "type"), "text");
}

static inline bool model_sampling_blocked(const json_t *root)
{
    return model_is_set(root, "guided_json") || model_is_set(root, "grammar") ||
           model_is_set(root, "prompt_logprobs") || model_is_on(root, "logprobs") ||
           model_is_on(root, "top_logprobs") || model_is_on(root, "echo") ||
           model_above(root, "n", 1) || model_above(root, "best_of", 1);
}

static inline bool model_include_logprobs(const json_t *root)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(root, "include"), i, v)
    {
        if (model_text_is(v, "message.output_text.logprobs")) {
            return true;
        }
    }
    return false;
}

/* N1, N2, N3, N6, N7, N10 and N12, API by API. */
static inline bool model_blocked(enum request_kind kind, const json_t *root)
{
    const json_t *text = json_object_get(root, "text");
    const json_t *options = json_object_get(root, "options");
    const json_t *choice = json_object_get(json_object_get(root, "tool_choice"), "type");

    switch (kind) {
    case REQUEST_CHAT:
        return model_sampling_blocked(root) || model_tools(root) ||
               model_format(root, "response_format") || model_is_set(root, "verbosity") ||
               model_small(root, "max_tokens") ||
               model_small(root, "max_completion_tokens");
    case REQUEST_COMPLETIONS:
        return true;
    case REQUEST_RESPONSES:
        return model_sampling_blocked(root) || model_tools(root) ||
               model_format(text, "format") || model_is_set(text, "verbosity") ||
               model_include_logprobs(root) || model_small(root, "max_output_tokens");
    case REQUEST_MESSAGES:
        return json_array_size(json_object_get(root, "tools")) > 0 ||
               json_array_size(json_object_get(root, "mcp_servers")) > 0 ||
               (choice != NULL && !model_text_is(choice, "auto") &&
                !model_text_is(choice, "none")) ||
               model_format(root, "output_format") ||
               model_format(json_object_get(root, "output_config"), "format") ||
               model_small(root, "max_tokens");
    case REQUEST_OLLAMA_CHAT:
    case REQUEST_OLLAMA_GENERATE:
        return json_array_size(json_object_get(root, "tools")) > 0 ||
               model_is_set(root, "format") || model_is_on(root, "logprobs") ||
               model_small(options, "num_predict") ||
               (kind == REQUEST_OLLAMA_GENERATE &&
                (model_is_on(root, "raw") || model_is_set(root, "suffix") ||
                 model_is_set(root, "template")));
    }
    return true;
}

static inline bool model_has_tool_result(const json_t *message)
{
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(message, "content"), i, part)
    {
        if (model_text_is(json_object_get(part, "type"), "tool_result")) {
            return true;
        }
    }
    return false;
}

/* 'u', 's', 'a', 't', or '?' */
static inline char model_role(enum request_kind kind, const json_t *message)
{
    if (kind == REQUEST_MESSAGES && model_has_tool_result(message)) {
        return 't';
    }
    const json_t *role = json_object_get(message, "role");
    return model_text_is(role, "user")                                         ? 'u'
           : model_text_is(role, "system") || model_text_is(role, "developer") ? 's'
           : model_text_is(role, "assistant")                                  ? 'a'
           : model_text_is(role, "tool") || model_text_is(role, "function")    ? 't'
           : kind == REQUEST_RESPONSES                                         ? 't'
                                                                               : '?';
}

/* N4, N5 and R7: may the last message be what it is? */
static inline bool model_last_blocks(enum request_kind kind, const json_t *root,
                                     const json_t *messages)
{
    int users = 0;
    bool answered = false;
    char last = '?';
    size_t i;
    json_t *m;
    json_array_foreach(messages, i, m)
    {
        if (!json_is_object(m)) {
            continue;
        }
        const char role = model_role(kind, m);
        users += role == 'u';
        answered = answered || (role == 'u' && last == 'a');
        last = role;
    }
    return (last == 'a' || last == 't' ||
            (kind == REQUEST_CHAT && model_is_on(root, "continue_final_message"))) &&
           users < 2 && !answered;
}

static inline json_t *model_target(enum request_kind kind, const json_t *messages)
{
    size_t i;
    json_t *m;
    json_t *system = NULL;
    json_array_foreach(messages, i, m)
    {
        const char role = json_is_object(m) ? model_role(kind, m) : '?';
        if (role == 's' && system == NULL) {
            system = m;
        }
        if (role == 'u') {
            return system != NULL ? system : m;
        }
    }
    return system;
}

static inline bool model_ends_known(const json_t *text, const struct sprout_level *levels,
                                    size_t count)
{
    for (size_t l = 0; l < count; l++) {
        const struct sprout_str d = levels[l].directive;
        const size_t len = json_string_length(text);
        if (json_is_string(text) && d.len > 0 && len >= d.len &&
            memcmp(json_string_value(text) + len - d.len, d.ptr, d.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Extends member `name` of `holder` (a text or an array of parts); false: not to be touched. */
static inline bool model_extend(json_t *holder, const char *name, const char *part_type,
                                struct sprout_str directive,
                                const struct sprout_level *levels, size_t count)
{
    json_t *content = json_object_get(holder, name);
    if (json_is_string(content)) {
        if (model_ends_known(content, levels, count)) {
            return false;
        }
        const size_t len = json_string_length(content);
        const char *gap = len > 0 ? "\n\n" : "";
        char *text = malloc(len + strlen(gap) + directive.len);
        memcpy(text, json_string_value(content), len);
        memcpy(text + len, gap, strlen(gap));
        memcpy(text + len + strlen(gap), directive.ptr, directive.len);
        json_t *longer = json_stringn(text, len + strlen(gap) + directive.len);
        free(text);
        if (directive.len > 0) {
            json_object_set(holder, name, longer);
        }
        json_decref(longer);
        return true;
    }
    if (!json_is_array(content) || part_type == NULL) {
        return false;
    }
    size_t i;
    json_t *part;
    json_array_foreach(content, i, part)
    {
        if (!json_is_object(part)) {
            return false;
        }
    }
    part = json_array_get(content, json_array_size(content) - 1);
    if (model_ends_known(json_object_get(part, "text"), levels, count)) {
        return false;
    }
    if (directive.len > 0) {
        json_t *added = json_object();
        json_object_set_new(added, "type", json_string(part_type));
        json_object_set_new(added, "text", json_stringn(directive.ptr, directive.len));
        json_array_append_new(content, added);
    }
    return true;
}

static inline void model_ask_usage(json_t *root)
{
    json_t *options = json_object_get(root, "stream_options");
    if (!json_is_true(json_object_get(root, "stream"))) {
        return;
    }
    if (options == NULL || json_is_null(options)) {
        options = json_object();
        json_object_set_new(root, "stream_options", options);
    }
    if (json_is_object(options) && !model_is_set(options, "include_usage")) {
        json_object_set_new(options, "include_usage", json_true());
    }
}

/* What a request's directive goes to: member *out_name of the holder that is returned. */
static inline json_t *model_holder(enum request_kind kind, json_t *root,
                                   const char **out_name)
{
    const char *list = kind == REQUEST_RESPONSES ? "input" : "messages";
    const char *top = kind == REQUEST_RESPONSES  ? "instructions"
                      : kind == REQUEST_MESSAGES ? "system"
                                                 : NULL;
    const json_t *system = top == NULL ? NULL : json_object_get(root, top);

    if (system != NULL && !json_is_null(system)) {
        *out_name = top;
        return root;
    }
    if (kind == REQUEST_OLLAMA_GENERATE ||
        (kind == REQUEST_RESPONSES && json_is_string(json_object_get(root, "input")))) {
        *out_name = kind == REQUEST_RESPONSES ? "input" : "prompt";
        return root;
    }
    *out_name = "content";
    return model_target(kind, json_object_get(root, list));
}

static inline bool model_has_question(const json_t *root)
{
    const json_t *input = json_object_get(root, "input");
    size_t i;
    json_t *m;
    if (json_is_string(input)) {
        return true;
    }
    json_array_foreach(input, i, m)
    {
        if (json_is_object(m) && model_role(REQUEST_RESPONSES, m) == 'u') {
            return true;
        }
    }
    return false;
}

static inline bool model_touch(enum request_kind kind, json_t *root,
                               struct sprout_str directive,
                               const struct sprout_level *levels, size_t count)
{
    static const char *const part_types[] = {
        [REQUEST_CHAT] = "text",
        [REQUEST_COMPLETIONS] = NULL,
        [REQUEST_RESPONSES] = "input_text",
        [REQUEST_MESSAGES] = "text",
        [REQUEST_OLLAMA_CHAT] = NULL,
        [REQUEST_OLLAMA_GENERATE] = NULL,
    };
    const char *list = kind == REQUEST_RESPONSES ? "input" : "messages";
    const char *name = NULL;

    if (model_blocked(kind, root) ||
        (kind != REQUEST_OLLAMA_GENERATE &&
         model_last_blocks(kind, root, json_object_get(root, list)))) {
        return false;
    }
    const json_t *stored = json_object_get(root, "prompt");
    if (kind == REQUEST_RESPONSES && stored != NULL && !json_is_null(stored) &&
        !model_has_question(root)) {
        return false;
    }
    json_t *holder = model_holder(kind, root, &name);
    if (holder == NULL ||
        (kind == REQUEST_OLLAMA_GENERATE && !model_is_set(root, "prompt"))) {
        return false;
    }
    const char *part_type = kind == REQUEST_RESPONSES && strcmp(name, "instructions") == 0
                                ? NULL
                                : part_types[kind];
    return model_extend(holder, name, part_type, directive, levels, count);
}

/* P6: `name` in `home` (NULL: at the top) is set unless the client did, or its home is of
 * another kind. */
static inline void model_set(json_t *root, const char *home, const char *name,
                             json_t *value)
{
    json_t *object = home == NULL ? root : json_object_get(root, home);
    if (object == NULL || json_is_null(object)) {
        object = json_object();
        json_object_set_new(root, home, object);
    }
    const json_t *there = json_object_get(object, name);
    if (json_is_object(object) && (there == NULL || json_is_null(there))) {
        json_object_set(object, name, value);
    }
    json_decref(value);
}

/* The patches of REQUEST_PATCHES. */
static inline void model_patch(enum request_kind kind, json_t *root)
{
    switch (kind) {
    case REQUEST_CHAT:
        model_set(root, NULL, "verbosity", json_string("low"));
        model_set(root, NULL, "reasoning_effort", json_string("minimal"));
        model_set(root, "chat_template_kwargs", "enable_thinking", json_false());
        break;
    case REQUEST_RESPONSES:
        model_set(root, "text", "verbosity", json_string("low"));
        model_set(root, "reasoning", "effort", json_string("high"));
        break;
    case REQUEST_OLLAMA_CHAT:
        model_set(root, NULL, "think", json_false());
        break;
    case REQUEST_OLLAMA_GENERATE:
        model_set(root, NULL, "think", json_string("low"));
        break;
    case REQUEST_MESSAGES:
        model_set(root, "output_config", "effort", json_string("max"));
        break;
    case REQUEST_COMPLETIONS:
        break;
    }
}

#define REQUEST_PATCH(level, api, parameter, value)                                      \
    {                                                                                    \
        level, SPROUT_KEY(api), SPROUT_KEY(parameter), SPROUT_KEY(value),                \
            SPROUT_KEY("*"),                                                             \
        {                                                                                \
            NULL, 0                                                                      \
        }                                                                                \
    }
#define REQUEST_PATCHES(level)                                                           \
    REQUEST_PATCH(level, "openai-chat", "verbosity", "low"),                             \
        REQUEST_PATCH(level, "anthropic-messages", "output_config.effort", "max"),       \
        REQUEST_PATCH(level, "openai-chat", "chat_template_kwargs.enable_thinking",      \
                      "false"),                                                          \
        REQUEST_PATCH(level, "openai-chat", "reasoning_effort", "minimal"),              \
        REQUEST_PATCH(level, "openai-chat", "verbosity", "high"), /* the first counts */ \
        REQUEST_PATCH(level, "openai-responses", "text.verbosity", "low"),               \
        REQUEST_PATCH(level, "openai-responses", "reasoning.effort", "high"),            \
        REQUEST_PATCH(level, "ollama-chat", "think", "false"),                           \
        REQUEST_PATCH(level, "ollama-generate", "think", "low")

/* What must come out, as a tree of its own. */
static inline json_t *request_model(const struct request_api *api, const json_t *tree,
                                    struct sprout_str directive,
                                    const struct sprout_level *levels, size_t count,
                                    bool want_usage, bool want_patches)
{
    json_t *root = json_deep_copy(tree);
    if (!model_touch(api->kind, root, directive, levels, count)) {
        return root;
    }
    if (want_usage && api->kind == REQUEST_CHAT) {
        model_ask_usage(root);
    }
    if (want_patches) {
        model_patch(api->kind, root);
    }
    return root;
}

#endif
