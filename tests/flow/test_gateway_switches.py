# SPDX-License-Identifier: Apache-2.0
"""What an operator may switch on the wire: by location in nginx.conf, by rule in policy.json."""
import json

import pytest

from gateway import policy

CHAT = "/v1/chat/completions"
ADDED = "\n\nAnswer briefly."
TALK = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}]
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def extended(messages):
    """Indices of the messages that got the directive."""
    return [i for i, m in enumerate(messages) if m["content"].endswith(ADDED)]


@pytest.mark.parametrize("word, place", [("auto", 0), ("first-user", 1), ("last-user", 3),
                                         ("system", 0)])
@pytest.mark.parametrize("by", ["location", "rule"])
def test_placement(start, upstream, by, word, place):
    rules = [{"name": "r", "match": {"model": "m*"}, "placement": word}]
    gateway = (start(location=f"sprout_placement {word};") if by == "location"
               else start(policy=policy(rules=rules)))
    gateway.chat(messages=TALK)
    assert extended(upstream.last.json["messages"]) == [place]


def test_placement_system_is_the_system_text_or_nowhere(start, upstream):
    gateway = start(location="sprout_placement system;")
    _, headers, _ = gateway.chat(messages=TALK[1:])
    assert extended(upstream.last.json["messages"]) == []
    assert headers["Sprout-Reason"] == "no-text"


def test_a_rule_goes_before_the_location(start, upstream):
    rules = [{"name": "r", "match": {"route": "/special/*"}, "placement": "first-user"}]
    gateway = start(policy=policy(rules=rules), location="sprout_placement last-user;")
    gateway.chat(messages=TALK, path="/special" + CHAT)
    assert extended(upstream.last.json["messages"]) == [1]
    gateway.chat(messages=TALK)
    assert extended(upstream.last.json["messages"]) == [3]


def test_a_directive_at_the_end_of_the_last_question_is_not_added_twice(start, upstream):
    rules = [{"name": "r", "match": {}, "placement": "last-user"}]
    gateway = start(policy=policy(rules=rules))
    _, headers, _ = gateway.chat(
        messages=TALK[:3] + [{"role": "user", "content": "R" + ADDED}])
    assert headers["Sprout-Reason"] == "already-injected; rule=r"


@pytest.mark.parametrize("by", ["location", "rule"])
def test_tools_are_left_alone_unless_switched_on(start, upstream, by):
    rules = [{"name": "r", "match": {"tools": True}, "with_tools": True}]
    _, headers, _ = start().chat(messages=TALK[1:2], tools=TOOLS)
    assert headers["Sprout-Reason"] == "tools"
    assert extended(upstream.last.json["messages"]) == []
    on = (start(location="sprout_with_tools on;") if by == "location"
          else start(policy=policy(rules=rules)))
    on.chat(messages=TALK[1:2], tools=TOOLS)
    assert extended(upstream.last.json["messages"]) == [0]
    _, headers, _ = on.chat(messages=TALK[1:2], tools=TOOLS, tool_choice="required")
    assert headers["Sprout-Reason"].startswith("tools")
    assert extended(upstream.last.json["messages"]) == []


def test_a_rule_may_take_back_what_the_location_gives(start, upstream):
    rules = [{"name": "r", "match": {"model": "m*"}, "with_tools": False}]
    gateway = start(policy=policy(rules=rules), location="sprout_with_tools on;")
    _, headers, _ = gateway.chat(messages=TALK[1:2], tools=TOOLS)
    assert headers["Sprout-Reason"] == "tools; rule=r"


def test_every_turn_of_a_tool_loop_begins_with_the_bytes_of_the_one_before(start, upstream):
    """R7: what a prompt cache holds of a turn is what the next one begins with."""
    gateway = start(location="sprout_with_tools on;",
                    policy=policy(mix=(0.3, 0.4, 0.3)))
    call = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    for question in range(8):
        turns = [{"role": "user", "content": f"Question {question}"}, call,
                 {"role": "tool", "tool_call_id": "1", "content": "42"},
                 {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}]
        before, levels = [], set()
        for upto in (1, 3, 5):
            _, headers, _ = gateway.chat(messages=turns[:upto], tools=TOOLS)
            sent = upstream.last.json["messages"]
            assert sent[:len(before)] == before
            before = sent
            levels.add(headers["Sprout-Level"])
        assert len(levels) == 1


@pytest.mark.parametrize("by", ["location", "rule"])
def test_raw_completions_are_left_alone_unless_switched_on(start, upstream, by):
    body = b'{"model":"m","prompt":"Once upon a time"}'
    rules = [{"name": "r", "match": {"api": "openai-completions"}, "with_completions": True}]
    _, headers, _ = start().chat(body, "/v1/completions")
    assert (headers["Sprout-Reason"], upstream.last.body) == ("raw-completion", body)
    on = (start(location="sprout_with_completions on;") if by == "location"
          else start(policy=policy(rules=rules)))
    on.chat(body, "/v1/completions")
    assert upstream.last.body == body.replace(b'time"', b'time\\n\\nAnswer briefly."')
    infill = b'{"model":"m","prompt":"a","suffix":"b"}'
    on.chat(infill, "/v1/completions")
    assert upstream.last.body == infill


def test_receipts_may_be_switched_off_for_a_location(start):
    _, headers, _ = start(location="sprout_receipts off;").chat(headers={"Sprout-Receipt": "1"})
    assert "Sprout-Receipt" not in headers
    _, headers, _ = start().chat(headers={"Sprout-Receipt": "1"})
    assert json.loads(headers["Sprout-Receipt"])


PATCHED = [{"name": "L0", "directive": ""},
           {"name": "L1", "directive": "", "patches": [
               {"api": "openai-chat", "parameter": "verbosity", "value": "low",
                "model": "gpt*"},
               {"api": "ollama-chat", "parameter": "think", "value": "false", "model": "*",
                "route": "/gpu/*"}]},
           {"name": "L2", "directive": "Answer briefly."}]


def test_a_level_may_be_a_parameter(start, upstream):
    gateway = start(policy=policy(levels=PATCHED))
    body = b'{"model": "gpt-5" ,"messages":[{"role":"user","content":"Q"}] }'
    _, headers, _ = gateway.chat(body)
    assert upstream.last.body == body[:-1] + b',"verbosity":"low"}'
    assert upstream.last.header("Content-Length") == str(len(upstream.last.body))
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L1", "mix")
    body = b'{"model":"q","messages":[{"role":"user","content":"Q"}]}'
    gateway.chat(body, "/gpu/api/chat")
    assert upstream.last.body == body[:-1] + b',"think":false}'
    assert [r["level"] for r in gateway.journal.wait_for(2)] == ["L1", "L1"]


def test_models_and_routes_not_named_get_nothing_and_are_recorded_at_l0(start, upstream):
    gateway = start(policy=policy(levels=PATCHED))
    for path, model in [(CHAT, "other"), ("/api/chat", "q")]:
        body = json.dumps({"model": model,
                           "messages": [{"role": "user", "content": "Q"}]}).encode()
        _, headers, _ = gateway.chat(body, path)
        assert upstream.last.body == body
        assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L0", "no-patch")
    assert [(r["level"], r["arm"]) for r in gateway.journal.wait_for(2)] == [("L0", "none")] * 2


def test_a_token_cap_is_no_parameter_of_a_level(start):
    levels = json.loads(json.dumps(PATCHED))
    levels[1]["patches"][0]["parameter"] = "max_tokens"
    gateway = start(policy=policy(levels=levels))
    assert "found 'max_tokens', expected verbosity, reasoning_effort" in gateway.errors()
    assert gateway.status()["policy"] is None
