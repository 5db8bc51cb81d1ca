# SPDX-License-Identifier: Apache-2.0
"""What an operator may switch on the wire: by location in nginx.conf, by rule in policy.json."""
import json

import pytest

from gateway import policy
from upstream import Reply, chat_reply, event

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


def carbon_as_the_receipt_has_it(gateway):
    _, headers, _ = gateway.chat(headers={"Sprout-Receipt": "1"})
    receipt = json.loads(headers["Sprout-Receipt"])
    kwh, kg = receipt["joules"] / 3.6e6, receipt["grams"] / 1000
    return {"kWh": {"min": pytest.approx(kwh), "max": pytest.approx(kwh)},
            "kgCO2eq": {"min": pytest.approx(kg), "max": pytest.approx(kg)}}


def test_a_range_of_the_profile_is_that_of_the_carbon(start):
    made = policy()
    made["profiles"][0]["range"] = [0.5, 2]
    gateway = start(policy=made, location="sprout_receipts usage;")
    _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
    receipt, got = json.loads(headers["Sprout-Receipt"]), json.loads(reply)["usage"]["carbon"]
    kwh = receipt["joules"] / 3.6e6
    assert got["kWh"] == {"min": pytest.approx(kwh / 2), "max": pytest.approx(2 * kwh)}
    low, high = got["kgCO2eq"]["min"], got["kgCO2eq"]["max"]
    operational = (high - low) / 1.5  # the making of the hardware does not follow the joules
    assert 0 < low and receipt["grams"] / 1000 == pytest.approx(low + operational / 2)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_usage_may_carry_its_carbon(start, upstream, framing):
    gateway = start(location="sprout_receipts usage;")
    expected = carbon_as_the_receipt_has_it(gateway)
    sent = chat_reply().pieces[0]
    upstream.script(Reply([sent[:40], sent[40:-7], sent[-7:]], framing=framing))
    _, headers, reply = gateway.chat()
    got = json.loads(reply)
    assert got["usage"].pop("carbon") == expected and got == json.loads(sent)
    assert int(headers.get("Content-Length", len(reply))) == len(reply)
    assert "Sprout-Receipt" not in headers
    [*_, record] = gateway.journal.wait_for(2)
    assert (record["usage"], record["outcome"]) == ("reported", "ok")


@pytest.mark.parametrize("body,expected", [
    (b'{"choices":[],"usage":{}}', b'{"choices":[],"usage":{"carbon":%s}}'),
    (b'{"usage":{"prompt_tokens":1}}', b'{"usage":{"prompt_tokens":1,"carbon":%s}}'),
    (b'{"choices":[]}', None), (b'{"usage":{"carbon":1}}', None), (b'{"usage":null}', None),
    (b'{"usage":{},"usage":{}}', None), (b'{"usage":{', None)])
def test_carbon_goes_only_where_there_is_a_place_for_it(start, upstream, body, expected):
    gateway = start(location="sprout_receipts usage;")
    upstream.script(Reply([body], headers=[("Content-Type", "application/json")]))
    _, headers, reply = gateway.chat()
    if expected is None:
        assert reply == body
    else:
        head, tail = expected.split(b"%s")
        assert reply.startswith(head) and reply.endswith(tail)
        assert json.loads(reply)["usage"]["carbon"].keys() == {"kWh", "kgCO2eq"}
    assert int(headers["Content-Length"]) == len(reply)


@pytest.mark.parametrize("brace", [32767, 32768, 32769, 65536])
def test_carbon_goes_in_wherever_a_buffer_ends(start, upstream, brace):
    head, tail = b'{"choices":[],"x":"', b'","usage":{"prompt_tokens":1'
    body = head + b"y" * (brace - len(head) - len(tail)) + tail + b"}}"
    assert body[brace:] == b"}}"
    gateway = start(location="sprout_receipts usage;")
    upstream.script(Reply([body[i:i + 9000] for i in range(0, len(body), 9000)],
                          framing="chunked", headers=[("Content-Type", "application/json")]))
    _, _, reply = gateway.chat()
    got = json.loads(reply)
    assert got["usage"].pop("carbon") and got == json.loads(body)
    assert reply.startswith(body[:brace] + b',"carbon":') and reply.endswith(b"}}}")


def test_carbon_of_unknown_usage_is_null_and_not_zero(start, upstream):
    gateway = start(location="sprout_receipts usage;", policy=None)
    got = json.loads(gateway.chat()[2])["usage"]["carbon"]
    none = {"min": None, "max": None}
    assert got == {"kWh": none, "kgCO2eq": none}


def test_scope_2_is_the_grams_of_the_electricity(start):
    gateway = start(location="sprout_receipts scope2;")
    _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
    receipt = json.loads(headers["Sprout-Receipt"])
    assert float(headers["Carbon-Emissions-Scope-2"]) == pytest.approx(
        receipt["joules"] / 3.6e6 * 473)
    assert "carbon" not in json.loads(reply)["usage"]
    _, headers, _ = start(location="sprout_receipts scope2;", policy=None).chat()
    assert "Carbon-Emissions-Scope-2" not in headers


def test_receipts_may_come_unasked(start):
    gateway = start(location="sprout_receipts always;",
                    policy=policy(clients={"force": True, "receipts": False}))
    assert json.loads(gateway.chat()[1]["Sprout-Receipt"])["grams"] > 0


@pytest.mark.parametrize("how,mark", [
    ("always", b": sprout-receipt "), ("usage", b": sprout-usage "),
    ("scope2", b": carbon-emissions-scope-2 ")])
def test_a_stream_says_it_in_one_comment_before_its_end(start, how, mark):
    gateway = start(location=f"sprout_receipts {how};")
    _, headers, reply = gateway.chat(stream=True)
    head, _, tail = reply.partition(mark)
    line, _, end = tail.partition(b"\n")
    assert end == event("[DONE]")
    said = json.loads(line)
    if how == "usage":
        assert said["carbon"]["kgCO2eq"]["min"] > 0
    elif how == "scope2":
        assert said > 0
    plain = start().chat(stream=True)[2]
    assert head + end == plain
    assert "Sprout-Receipt" not in headers and "Carbon-Emissions-Scope-2" not in headers


def test_carbon_is_off_by_default(start):
    gateway = start()
    _, headers, reply = gateway.chat()
    assert b"carbon" not in reply and "Carbon-Emissions-Scope-2" not in headers


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
