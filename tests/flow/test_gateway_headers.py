# SPDX-License-Identifier: Apache-2.0
"""Headers and errors (wire.md H1 to H9): what passes, what stops here, and whose error it is."""
import json

import pytest

from gateway import free_port
from upstream import DIE, Reply, chat_reply, stream_events, stream_reply

APIS = {"/v1/chat/completions": "openai", "/v1/completions": "openai",
        "/v1/responses": "openai", "/v1/messages": "messages",
        "/api/chat": "ollama", "/api/generate": "ollama"}


def assert_shape(shape, reply, code):
    """The error as the API's own libraries parse it."""
    error = json.loads(reply)
    if shape == "openai":
        assert list(error) == ["error"]
        assert list(error["error"]) == ["message", "type", "param", "code"]
        assert (error["error"]["type"], error["error"]["code"]) == ("sprout_error", code)
    elif shape == "messages":
        assert error["type"] == "error" and list(error["error"]) == ["type", "message"]
        assert error["error"]["type"] == code
    else:
        assert list(error) == ["error"] and isinstance(error["error"], str)


@pytest.mark.parametrize("path, shape", APIS.items())
def test_own_errors_have_the_shape_of_the_api_and_say_whose_they_are(start, path, shape):
    gateway = start(upstream_port=free_port(), location="sprout_max_body 100;")
    status, headers, reply = gateway.chat(b"{}", "/any/prefix" + path)
    assert (status, headers["Sprout-Error"]) == (502, "upstream_unreachable")
    assert headers["Content-Type"] == "application/json"
    assert_shape(shape, reply, "upstream_unreachable")
    status, headers, reply = gateway.chat(b" " * 101, path)
    assert (status, headers["Sprout-Error"]) == (413, "request_too_large")
    assert_shape(shape, reply, "request_too_large")
    assert b"100 bytes" in reply


@pytest.mark.parametrize("status, code", [(401, "unauthorized"), (403, "forbidden"),
                                          (429, "rate_limited"), (503, "unavailable")])
def test_errors_of_nginx_itself_are_told_apart_from_upstreams(start, upstream, status, code):
    gateway = start(location="if ($http_x_refuse) { return %d; }" % status)
    got, headers, reply = gateway.chat(headers={"X-Refuse": "1"})
    assert (got, headers["Sprout-Error"]) == (status, code)
    assert_shape("openai", reply, code)
    theirs = b'{"error":{"message":"theirs"}}'
    upstream.script(Reply([theirs], status=f"{status} X"))
    got, headers, reply = gateway.chat()
    assert (got, reply) == (status, theirs)
    assert "Sprout-Error" not in headers


def test_request_ids_go_both_ways(gateway, upstream):
    upstream.script(Reply([b"{}"], headers=[
        ("Content-Type", "application/json"), ("x-request-id", "theirs"),
        ("request-id", "req_1"), ("X-Unknown-B", "b"), ("X-Unknown-A", "a")]))
    _, headers, _ = gateway.chat(headers={"X-Request-Id": "mine", "X-Client-Request-Id": "c"})
    assert upstream.last.header("X-Request-Id") == "mine"
    assert upstream.last.header("X-Client-Request-Id") == "c"
    assert (headers["x-request-id"], headers["request-id"]) == ("theirs", "req_1")
    names = list(headers)
    assert names.index("X-Unknown-B") < names.index("X-Unknown-A")
    assert headers["Sprout-Request-Id"] == gateway.journal.wait_for(1)[0]["id"]


@pytest.mark.parametrize("name", ["Retry-After", "x-ratelimit-limit-requests",
                                  "x-ratelimit-reset-tokens", "retry-after-ms",
                                  "anthropic-ratelimit-tokens-remaining"])
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Busy", "200 OK"])
def test_limits_pass_under_their_own_names(gateway, upstream, name, status):
    upstream.script(Reply([b"{}"], status=status,
                          headers=[("Content-Type", "application/json"), (name, "7")]))
    _, headers, _ = gateway.chat()
    assert headers[name] == "7"


def test_headers_of_the_apis_pass(gateway, upstream):
    sent = {"Authorization": "Bearer k", "x-api-key": "k", "anthropic-version": "2023-06-01",
            "anthropic-beta": "a,b", "OpenAI-Organization": "o", "OpenAI-Beta": "x",
            "Idempotency-Key": "i", "User-Agent": "ua", "X-Stainless-Lang": "python"}
    gateway.chat(headers=sent)
    assert {name: upstream.last.header(name) for name in sent} == sent


def test_hop_by_hop_fields_stop_here(gateway, upstream):
    gateway.chat(headers={"Proxy-Connection": "keep-alive", "Proxy-Authorization": "Basic x",
                          "Keep-Alive": "timeout=5", "TE": "trailers", "Upgrade": "h2c",
                          "Connection": "X-One, close ,X-Two", "X-One": "1", "X-Two": "2"})
    names = {name.lower() for name, _ in upstream.last.headers}
    assert not names & {"proxy-connection", "proxy-authorization", "keep-alive", "te",
                        "upgrade", "x-one", "x-two", "connection"}


def test_what_upstreams_connection_names_stops_here_too(gateway, upstream):
    upstream.script(Reply([b"{}"], headers=[
        ("Content-Type", "application/json"), ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("X-Stays", "2")]))
    _, headers, _ = gateway.chat()
    assert headers["X-Stays"] == "2"
    assert "X-Hop" not in headers and "Keep-Alive" not in headers


def test_added_time_is_told_when_asked_for(gateway, upstream):
    _, headers, _ = gateway.chat()
    assert "Sprout-Overhead-Us" not in headers
    _, headers, _ = gateway.chat(headers={"Sprout-Receipt": "1"})
    overhead = int(headers["Sprout-Overhead-Us"])
    _, headers, _ = gateway.chat(stream=True, headers={"Sprout-Receipt": "1"})
    streamed = int(headers["Sprout-Overhead-Us"])
    records = gateway.journal.wait_for(3)
    assert 0 < overhead <= records[1]["overhead_us"]
    assert 0 < streamed <= records[2]["overhead_us"]


def test_a_reply_encoded_in_spite_of_us_passes_unread(gateway, upstream):
    import gzip
    packed = gzip.compress(chat_reply().pieces[0])
    upstream.script(Reply([packed], headers=[("Content-Type", "application/json"),
                                             ("Content-Encoding", "gzip")]))
    _, headers, reply = gateway.chat(headers={"Accept-Encoding": "gzip"})
    assert upstream.last.header("Accept-Encoding") == "identity"
    assert (reply, headers["Content-Encoding"]) == (packed, "gzip")
    assert gateway.journal.wait_for(1)[0]["usage"] == "none"


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_dead_upstream_does_not_look_like_success(gateway, upstream, framing):
    """S5: no end is made up, in whole replies neither."""
    reply = (stream_reply(stream_events()[:2] + [DIE]) if framing == "chunked"
             else Reply([b'{"half', DIE, b'":1}']))
    upstream.script(reply)
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"q"}]}'
    with gateway.connect() as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        seen = b""
        while piece := client.recv(65536):
            seen += piece
    assert b"[DONE]" not in seen and not seen.endswith((b"0\r\n\r\n", b"}"))
    assert gateway.journal.wait_for(1)[0]["outcome"] == "upstream_error"


def test_an_operator_may_tell_clients_when_to_come_back(start, upstream):
    """nginx's own 429 has no Retry-After (H4); what its operator adds stays on our error."""
    gateway = start(location="add_header Retry-After 3 always; "
                             "if ($http_x_refuse) { return 429; }")
    status, headers, reply = gateway.chat(headers={"X-Refuse": "1"})
    assert (status, headers["Retry-After"]) == (429, "3")
    assert_shape("openai", reply, "rate_limited")


def test_a_stream_that_ends_by_closing_is_judged_by_its_own_end(start, upstream):
    """The client gets what it would get directly; the record knows better."""
    gateway = start()
    events = stream_events()
    for pieces, outcome in [(events, "ok"), (events[:-1], "ok"),  # no [DONE], but a finish
                            (events[:3], "upstream_error"), (events[:1], "ok")]:
        upstream.script(stream_reply(pieces, framing="close"))
        status, _, reply = gateway.chat(stream=True)
        assert (status, reply) == (200, b"".join(pieces))
        gateway.chat()
    records = [r for r in gateway.journal.wait_for(8) if r["stream"]]
    assert [r["outcome"] for r in records] == ["ok", "ok", "upstream_error", "ok"]
