# SPDX-License-Identifier: Apache-2.0
"""The gateway as clients and servers see it: bytes, headers, journal."""
import json
import re

from gateway import policy
from upstream import Reply, chat_reply, event, stream_events, stream_reply

CHAT = "/v1/chat/completions"


def test_a_chat_is_answered_with_its_directive_spliced_in(gateway, upstream):
    body = b'{"model":"m", "x_new":1e0,"messages":[{"role":"user","content":"2+2?"}]}'
    status, headers, reply = gateway.chat(body)
    assert status == 200
    assert json.loads(reply)["choices"][0]["message"]["content"] == "Four."
    assert upstream.last.body == body.replace(b'2+2?"', b'2+2?\\n\\nAnswer briefly."')
    assert upstream.last.header("Content-Length") == str(len(upstream.last.body))
    assert headers["Sprout-Level"] == "L1"
    assert headers["Sprout-Reason"] == "mix"
    assert headers["Sprout-Policy"] == "p-1"
    assert re.fullmatch(r"473; zone=GB; age=\d+", headers["Sprout-Grid"])
    assert re.fullmatch(r"[0-9a-f]{24}", headers["Sprout-Request-Id"])
    [record] = gateway.journal.wait_for(1)
    assert list(record)[0] == "v" and record["v"] == 1
    assert record["id"] == headers["Sprout-Request-Id"]
    assert record["tokens"] == {"prompt": 12, "cached": None, "completion": 3,
                                "reasoning": None}
    assert (record["api"], record["model"], record["stream"]) == ("openai-chat", "m", False)
    assert (record["level"], record["arm"], record["reason"]) == ("L1", "mix", "mix")
    assert (record["usage"], record["status"], record["outcome"]) == ("reported", 200, "ok")
    assert record["seq"] == 1 and record["rule"] is None and record["stratum"] == "all"
    assert 0 < record["ttfb_us"] <= record["duration_us"]
    assert 0 <= record["overhead_us"] < record["duration_us"]
    assert record["bytes_in"] > len(body) and record["bytes_out"] > len(reply)


def test_no_text_of_prompt_answer_or_key_reaches_journal_or_log(gateway, upstream):
    upstream.script(chat_reply("the-secret-answer"))
    gateway.chat(messages=[{"role": "user", "content": "the-secret-prompt"}],
                 headers={"Authorization": "Bearer the-secret-key",
                          "Sprout-Key": "the-secret-conversation"})
    gateway.journal.wait_for(1)
    written = gateway.journal.path.read_text() + gateway.errors()
    assert "secret" not in written


def test_a_stream_passes_and_the_usage_chunk_we_asked_for_is_taken_out(gateway, upstream):
    status, headers, reply = gateway.chat(stream=True)
    assert upstream.last.json["stream_options"] == {"include_usage": True}
    events = stream_events(usage=(12, 3))
    del events[-2]
    assert (status, reply) == (200, b"".join(events))
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Cache-Control"] == "no-cache"
    [record] = gateway.journal.wait_for(1)
    assert (record["stream"], record["usage"], record["outcome"]) == (True, "reported", "ok")
    assert record["tokens"]["completion"] == 3


def test_a_client_that_asked_for_usage_keeps_its_chunk(gateway, upstream):
    _, _, reply = gateway.chat(stream=True, stream_options={"include_usage": True})
    assert reply == b"".join(stream_events(usage=(12, 3)))
    [record] = gateway.journal.wait_for(1)
    assert record["tokens"]["prompt"] == 12


def test_a_client_that_refused_usage_is_not_overruled(gateway, upstream):
    _, _, reply = gateway.chat(stream=True, stream_options={"include_usage": False})
    assert upstream.last.json["stream_options"] == {"include_usage": False}
    assert reply == b"".join(stream_events())
    [record] = gateway.journal.wait_for(1)
    assert record["usage"] == "estimated"


def test_sprout_usage_off_asks_for_nothing(start, upstream):
    gateway = start(location="sprout_usage off;")
    gateway.chat(stream=True)
    assert "stream_options" not in upstream.last.json


def test_a_stream_in_single_bytes_gives_the_same_bytes_and_counts(gateway, upstream):
    events = stream_events(words=["Fo", "\u00fc\u6f22", "."], usage=(12, 3))
    whole = b"".join(events)
    upstream.script(stream_reply(whole[i:i + 1] for i in range(len(whole))))
    _, _, reply = gateway.chat(stream=True)
    del events[-2]
    assert reply == b"".join(events)
    [record] = gateway.journal.wait_for(1)
    assert (record["usage"], record["tokens"]["completion"]) == ("reported", 3)


def test_each_frame_reaches_the_client_when_it_was_sent(gateway, upstream):
    from upstream import STALL
    events = stream_events(usage=(12, 3))
    upstream.script(stream_reply(events[:2] + [STALL]))
    with gateway.connect() as client:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        seen = b""
        while events[1] not in seen:  # upstream sends nothing more, so this must come
            piece = client.recv(65536)
            assert piece
            seen += piece


def test_buffering_left_on_does_not_hold_a_stream(start, upstream):
    from upstream import STALL
    gateway = start(buffering="on")
    events = stream_events()
    upstream.script(stream_reply(events[:2] + [STALL]))
    with gateway.connect() as client:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        seen = b""
        while events[1] not in seen:
            piece = client.recv(65536)
            assert piece
            seen += piece


def test_other_requests_pass_byte_for_byte_and_are_journalled(gateway, upstream):
    body = bytes(range(256)) * 100
    upstream.script(Reply([b"pong"], headers=[("Content-Type", "text/plain"),
                                              ("X-Own", "1")]))
    status, headers, reply = gateway.request("POST", "/v1/audio?x=%20", body)
    assert (status, reply, headers["X-Own"]) == (200, b"pong", "1")
    assert (upstream.last.body, upstream.last.target) == (body, "/v1/audio?x=%20")
    assert headers["Sprout-Reason"] == "not-chat"
    [record] = gateway.journal.wait_for(1)
    assert (record["api"], record["level"], record["arm"]) == ("none", "L0", "none")
    assert record["usage"] == "none"
    assert record["tokens"] == dict.fromkeys(("prompt", "cached", "completion",
                                              "reasoning"))


def test_observe_accounts_and_never_touches(start, upstream):
    gateway = start(server="location /o/ { sprout observe; access_log "
                           "journal.ndjson sprout if=$sprout_record; "
                           "proxy_pass http://inference; }")
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
    _, headers, _ = gateway.chat(body, path="/o/v1/chat/completions")
    assert upstream.last.body == body
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L0", "observe")


def test_off_leaves_no_trace(start, upstream):
    gateway = start(server="location /off/ { sprout off; access_log journal.ndjson sprout "
                           "if=$sprout_record; proxy_pass http://inference; }")
    body = b'{"model":"m","messages":[{"role":"user","content":"q"}]}'
    _, headers, _ = gateway.chat(body, path="/off/v1/chat/completions")
    assert upstream.last.body == body
    assert not [name for name in headers if name.startswith("Sprout")]
    gateway.chat()
    [record] = gateway.journal.wait_for(1)
    assert record["reason"] == "mix"


def test_what_is_addressed_to_us_and_hop_by_hop_fields_stop_here(gateway, upstream):
    gateway.chat(headers={
        "Sprout-Level": "L2", "Sprout-Key": "k", "Sprout-Floor": "0.1",
        "Sprout-Other": "x", "Proxy-Authorization": "Basic eDp5",
        "Connection": "keep-alive, X-Hop", "X-Hop": "1", "X-Stays": "2",
        "Accept-Encoding": "gzip, br", "Authorization": "Bearer k"})
    names = [name.lower() for name, _ in upstream.last.headers]
    assert not [name for name in names if name.startswith("sprout")]
    assert "proxy-authorization" not in names and "x-hop" not in names
    assert upstream.last.header("X-Stays") == "2"
    assert upstream.last.header("Authorization") == "Bearer k"
    assert upstream.last.header("Accept-Encoding") == "identity"
    assert names.count("accept-encoding") == 1


def test_a_client_may_force_a_level_and_name_its_conversation(gateway, upstream):
    _, headers, _ = gateway.chat(headers={"Sprout-Level": "L2"})
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L2", "forced")
    assert upstream.last.json["messages"][0]["content"].endswith("in one short sentence.")
    _, headers, _ = gateway.chat(headers={"Sprout-Level": "L0"})
    assert headers["Sprout-Level"] == "L0"
    assert upstream.last.json["messages"][0]["content"] == "2+2?"
    gateway.chat(headers={"Sprout-Key": "a"})
    gateway.chat(headers={"Sprout-Key": "a"}, model="other")
    gateway.chat(headers={"Sprout-Key": "b"})
    keys = [record["key"] for record in gateway.journal.wait_for(5)]
    assert keys[2] == keys[3] != keys[4] and keys[0] == keys[1]


def test_a_floor_takes_levels_away(gateway):
    _, headers, _ = gateway.chat(headers={"Sprout-Floor": "0.99"})
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L0", "floor")
    _, headers, _ = gateway.chat(headers={"Sprout-Floor": "nonsense"})
    assert headers["Sprout-Level"] == "L1"


def test_clients_may_be_kept_from_forcing(start):
    gateway = start(policy=policy(clients={"force": False, "receipts": False}))
    _, headers, _ = gateway.chat(headers={"Sprout-Level": "L2", "Sprout-Receipt": "1"})
    assert headers["Sprout-Level"] == "L1" and "Sprout-Receipt" not in headers


def test_rules_match_model_route_key_and_header(start, upstream):
    import hashlib
    key = hashlib.sha256(b"sk-team").hexdigest()
    rules = [
        {"name": "team", "match": {"api_key_sha256": key}, "off": True},
        {"name": "route", "match": {"route": "/eval/*"}, "off": True},
        {"name": "model", "match": {"model": "gpt-*"}, "off": True},
        {"name": "header", "match": {"header": "x-raw", "header_value": "y*"}, "off": True},
    ]
    gateway = start(policy=policy(rules=rules))
    plain = {"Content-Type": "application/json"}
    for name, ask in {
        "team": {"headers": {"Authorization": "Bearer sk-team"}},
        "route": {"path": "/eval/v1/chat/completions"},
        "model": {"model": "gpt-9"},
        "header": {"headers": {"X-Raw": "yes"}},
    }.items():
        _, headers, _ = gateway.chat(**ask)
        assert headers["Sprout-Reason"] == f"rule-off; rule={name}", name
        assert headers["Sprout-Level"] == "L0"
        assert gateway.journal.wait_for(1) is not None
    _, headers, _ = gateway.chat(headers={**plain, "x-api-key": "sk-team"})
    assert headers["Sprout-Reason"] == "rule-off; rule=team"
    _, headers, _ = gateway.chat(headers={"Authorization": "Bearer sk-other"})
    assert headers["Sprout-Reason"] == "mix"
    records = gateway.journal.wait_for(6)
    assert [r["rule"] for r in records] == ["team", "route", "model", "header", "team", None]


def test_a_whole_reply_carries_its_receipt_when_asked(gateway, upstream):
    _, headers, _ = gateway.chat()
    assert "Sprout-Receipt" not in headers
    _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
    assert json.loads(reply)["choices"]
    receipt = json.loads(headers["Sprout-Receipt"])
    assert (receipt["prompt_tokens"], receipt["completion_tokens"]) == (12, 3)
    assert receipt["grams"] > 0 and receipt["joules"] > 0
    assert receipt["method"] == "llama-2-13b-chat/a100/batch-1"


def test_a_chunked_reply_is_held_for_its_receipt_up_to_a_megabyte(gateway, upstream):
    long = chat_reply("x" * 900_000).pieces[0]
    pieces = [long[i:i + 10_000] for i in range(0, len(long), 10_000)]
    upstream.script(Reply(pieces, framing="chunked"))
    _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
    assert reply == long
    assert json.loads(headers["Sprout-Receipt"])["completion_tokens"] == 3
    for framing in ("chunked", "length"):
        longer = chat_reply("x" * 1_100_000).pieces[0]
        pieces = [longer[i:i + 10_000] for i in range(0, len(longer), 10_000)]
        upstream.script(Reply(pieces, framing=framing))
        _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
        assert reply == longer
        assert headers["Sprout-Receipt"] == "unavailable"
    assert [r["usage"] for r in gateway.journal.wait_for(3)] == ["reported"] * 3


def test_a_stream_carries_its_receipt_as_one_comment_before_its_end(gateway, upstream):
    for ask in ({}, {"stream_options": {"include_usage": True}}):
        _, headers, reply = gateway.chat(stream=True, headers={"Sprout-Receipt": "1"}, **ask)
        assert "Sprout-Receipt" not in headers
        head, _, tail = reply.partition(b": sprout-receipt ")
        line, _, end = tail.partition(b"\n")
        assert json.loads(line)["completion_tokens"] == 3
        assert end == event("[DONE]")
        events = stream_events(usage=(12, 3))
        if not ask:
            del events[-2]
        assert head + end == b"".join(events)


def test_a_receipt_of_an_unreadable_reply_is_unavailable(gateway, upstream):
    upstream.script(Reply([b"\x1f\x8b????"], headers=[
        ("Content-Type", "application/json"), ("Content-Encoding", "gzip")]))
    _, headers, reply = gateway.chat(headers={"Sprout-Receipt": "1"})
    assert (headers["Sprout-Receipt"], reply) == ("unavailable", b"\x1f\x8b????")
    [record] = gateway.journal.wait_for(1)
    assert record["usage"] == "none" and record["tokens"]["prompt"] is None


def test_errors_of_upstream_pass_as_they_came(gateway, upstream):
    error = b'{"error":{"message":"slow down","type":"rate_limit"}}'
    upstream.script(Reply([error], status="429 Too Many Requests", headers=[
        ("Content-Type", "application/json"), ("Retry-After", "7"),
        ("x-ratelimit-remaining", "0")]))
    status, headers, reply = gateway.chat(stream=True)
    assert (status, reply) == (429, error)
    assert (headers["Retry-After"], headers["x-ratelimit-remaining"]) == ("7", "0")
    [record] = gateway.journal.wait_for(1)
    assert (record["status"], record["outcome"]) == (429, "refused")


def test_a_missing_upstream_is_said_in_the_shape_of_the_api(start):
    from gateway import free_port
    gateway = start(upstream_port=free_port())
    status, headers, reply = gateway.chat()
    assert status == 502 and headers["Content-Type"] == "application/json"
    error = json.loads(reply)["error"]
    assert error["code"] == "upstream_unreachable" and "inference server" in error["message"]
    [record] = gateway.journal.wait_for(1)
    assert (record["status"], record["outcome"]) == (502, "upstream_error")
    status, headers, _ = gateway.request("GET", "/metrics")
    assert status == 502 and headers["Content-Type"] == "text/html"


def test_a_reply_that_upstream_cuts_short_does_not_look_like_success(gateway, upstream):
    from upstream import DIE
    events = stream_events(usage=(12, 3))
    upstream.script(stream_reply([b"".join(events[:3]), b"data: {\"half", DIE]))
    with gateway.connect() as client:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        seen = b""
        while piece := client.recv(65536):
            seen += piece
    assert b"[DONE]" not in seen and not seen.endswith(b"0\r\n\r\n")
    assert b'{"half' in seen
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "upstream_error"
    assert (record["usage"], record["tokens"]["completion"]) == ("estimated", 2)


def test_a_turn_that_must_not_be_touched_passes_and_says_why(gateway, upstream):
    for reason, members in {
        "response-format": {"response_format": {"type": "json_object"}},
        "tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
        "logprobs": {"logprobs": True},
        "many-choices": {"n": 2},
        "prefill": {"messages": [{"role": "user", "content": "a"},
                                 {"role": "assistant", "content": "b"}]},
    }.items():
        _, headers, _ = gateway.chat(**members)
        assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L0", reason)
    for reason, body in {"not-json": b'{"model":', "duplicate-key":
                         b'{"messages":[],"messages":[{"role":"user","content":"x"}]}'}.items():
        _, headers, _ = gateway.chat(body)
        assert (upstream.last.body, headers["Sprout-Reason"]) == (body, reason)
    gzip = b"\x1f\x8b\x08\x00junk"
    _, headers, _ = gateway.chat(gzip, headers={"Content-Encoding": "gzip"})
    assert (upstream.last.body, headers["Sprout-Reason"]) == (gzip, "content-encoding")


def test_signed_bodies_are_left_alone_and_stale_digests_are_dropped(gateway, upstream):
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
    _, headers, _ = gateway.chat(body, headers={"Signature-Input": "sig=()"})
    assert (upstream.last.body, headers["Sprout-Reason"]) == (body, "signed-body")
    gateway.chat(body, headers={"Content-MD5": "x", "Digest": "y", "Content-Digest": "z"})
    assert upstream.last.body != body
    assert not {n.lower() for n, _ in upstream.last.headers} & {
        "content-md5", "digest", "content-digest"}


def test_levels_stick_to_conversations_and_a_new_mix_moves_only_some(start):
    gateway = start(policy=policy(mix=(0.5, 0.3, 0.2)))

    def levels():
        return [gateway.chat(messages=[{"role": "user", "content": f"question {i}"}])[1]
                ["Sprout-Level"] for i in range(120)]

    before = levels()
    assert before == levels() and set(before) == {"L0", "L1", "L2"}
    gateway.write_policy(policy(mix=(0.4, 0.4, 0.2), id="p-2"))
    gateway.wait_policy("p-2")
    after = levels()
    moved = {(a, b) for a, b in zip(before, after) if a != b}
    assert moved == {("L0", "L1")}


def test_later_turns_keep_the_level_and_the_bytes_of_the_first(start, upstream):
    gateway = start(policy=policy(mix=(0.0, 1.0, 0.0)))
    turns = [{"role": "user", "content": "first"}]
    gateway.chat(messages=turns)
    first = upstream.last.json["messages"][0]
    turns += [{"role": "assistant", "content": "a"}, {"role": "user", "content": "second"}]
    gateway.chat(messages=turns)
    assert upstream.last.json["messages"][0] == first
    assert upstream.last.json["messages"][2]["content"] == "second"
    one, two = gateway.journal.wait_for(2)
    assert one["key"] == two["key"]


def test_variables_may_stand_in_any_log(start):
    gateway = start(http="log_format own '$sprout_level $sprout_arm $sprout_api "
                         "$sprout_tokens_prompt $sprout_tokens_completion "
                         "$sprout_policy_errors $sprout_stratum $sprout_model';",
                    location="access_log own.log own;")
    gateway.chat()
    log = gateway.folder / "own.log"
    import time
    until = time.monotonic() + 5
    while not (log.exists() and log.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert log.read_text() == "L1 mix openai-chat 12 3 0 all m\n"


def test_the_status_page_names_policy_and_counters(gateway):
    gateway.chat()
    status = gateway.status()
    assert status["policy"] == {"id": "p-1", "valid": True}
    assert (status["policy_loads"], status["policy_errors"]) == (1, 0)
    assert (status["requests"], status["directives"], status["internal"]) == (1, 1, 0)
