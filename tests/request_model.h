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
    return v != NULL && !json_is_null(v);
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
    return json_is_number(v) && json_number_value(v) <= 16;
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

static inline bool model_chat_blocked(const json_t *root)
{
    static const char *const set[] = {"guided_json", "grammar", "prompt_logprobs",
                                      "verbosity"};
    static const char *const on[] = {"logprobs", "top_logprobs", "echo",
                                     "continue_final_message"};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        if (model_is_set(root, set[i])) {
            return true;
        }
    }
    /* continue_final_message is a prefill: R7 decides, see model_last(). */
    for (size_t i = 0; i + 1 < sizeof on / sizeof on[0]; i++) {
        if (model_is_on(root, on[i])) {
            return true;
        }
    }
    const json_t *format = json_object_get(root, "response_format");
    return (model_is_set(root, "response_format") &&
            !model_text_is(json_object_get(format, "type"), "text")) ||
           model_tools(root) || model_above(root, "n", 1) ||
           model_above(root, "best_of", 1) || model_small(root, "max_tokens") ||
           model_small(root, "max_completion_tokens");
}

/* 'u', 's', 'a', 't', or '?' */
static inline char model_role(const json_t *message)
{
    const json_t *role = json_object_get(message, "role");
    return model_text_is(role, "user")                                         ? 'u'
           : model_text_is(role, "system") || model_text_is(role, "developer") ? 's'
           : model_text_is(role, "assistant")                                  ? 'a'
           : model_text_is(role, "tool") || model_text_is(role, "function")    ? 't'
                                                                               : '?';
}

/* N4, N5 and R7: may the last message be what it is? */
static inline bool model_last_blocks(const json_t *root, const json_t *messages)
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
        const char role = model_role(m);
        users += role == 'u';
        answered = answered || (role == 'u' && last == 'a');
        last = role;
    }
    return (last == 'a' || last == 't' || model_is_on(root, "continue_final_message")) &&
           users < 2 && !answered;
}

static inline json_t *model_chat_target(const json_t *messages)
{
    size_t i;
    json_t *m;
    json_t *system = NULL;
    json_array_foreach(messages, i, m)
    {
        const char role = json_is_object(m) ? model_role(m) : '?';
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
    if (!json_is_array(content)) {
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

static inline bool model_chat(json_t *root, struct sprout_str directive,
                              const struct sprout_level *levels, size_t count)
{
    const json_t *messages = json_object_get(root, "messages");
    if (model_chat_blocked(root) || model_last_blocks(root, messages)) {
        return false;
    }
    json_t *target = model_chat_target(messages);
    return target != NULL &&
           model_extend(target, "content", "text", directive, levels, count);
}

/* What must come out, as a tree of its own. */
static inline json_t *request_model(const struct request_api *api, const json_t *tree,
                                    struct sprout_str directive,
                                    const struct sprout_level *levels, size_t count,
                                    bool want_usage)
{
    json_t *root = json_deep_copy(tree);
    bool touched = false;
    switch (api->kind) {
    case REQUEST_CHAT:
        touched = model_chat(root, directive, levels, count);
        break;
    }
    if (touched && want_usage && api->kind == REQUEST_CHAT) {
        model_ask_usage(root);
    }
    return root;
}

#endif
