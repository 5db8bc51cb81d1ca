# SPDX-License-Identifier: Apache-2.0
"""Gone is gone, in every API and in every phase: upstream is closed at once, and the record
says `client_closed` with the tokens so far.  Prints how long it took (pytest -s)."""
import json
import time

import pytest

from gateway import sanitized
from upstream import STALL, Reply

WITHIN = 1.0 if sanitized() else 0.5  # seconds, on a loaded machine; unloaded: milliseconds


def sse(*data):
    return [b"data: " + json.dumps(one).encode() + b"\n\n" for one in data]


def named(*events):
    return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events]


def lines(*objects):
    return [json.dumps(one).encode() + b"\n" for one in objects]


CHAT = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
APIS = {  # path, body of a stream, events with two deltas, what makes it whole
    "openai-chat": (
        "/v1/chat/completions", {**CHAT, "stream": True}, "text/event-stream",
        sse(*({"choices": [{"index": 0, "delta": {"content": c}}]} for c in "ab"))),
    "openai-completions": (
        "/v1/completions", {"model": "m", "prompt": "q", "stream": True}, "text/event-stream",
        sse(*({"choices": [{"index": 0, "text": c}]} for c in "ab"))),
    "openai-responses": (
        "/v1/responses", {"model": "m", "input": "q", "stream": True}, "text/event-stream",
        named(*({"type": "response.output_text.delta", "delta": c} for c in "ab"))),
    "anthropic-messages": (
        "/v1/messages", {**CHAT, "max_tokens": 99, "stream": True}, "text/event-stream",
        named(*({"type": "content_block_delta", "index": 0,
                 "delta": {"type": "text_delta", "text": c}} for c in "ab"))),
    "ollama-chat": (
        "/api/chat", CHAT, "application/x-ndjson",
        lines(*({"message": {"content": c}, "done": False} for c in "ab"))),
    "ollama-generate": (
        "/api/generate", {"model": "m", "prompt": "q"}, "application/x-ndjson",
        lines(*({"response": c, "done": False} for c in "ab"))),
}


def ask(gateway, path, body):
    body = json.dumps(body).encode()
    client = gateway.connect()
    client.sendall(b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body))
    return client


def leave(client, upstream, api, phase):
    left = time.monotonic()
    client.close()
    took = upstream.wait_closed(upstream.last) - left
    print(f"{api}, {phase}: upstream closed after {1000 * took:.1f} ms")
    assert took < WITHIN


def read_until(client, what):
    seen = b""
    while what not in seen:
        piece = client.recv(65536)
        assert piece
        seen += piece


@pytest.mark.parametrize("api", APIS)
def test_before_the_first_byte(gateway, upstream, api):
    path, body, _, _ = APIS[api]
    upstream.script(Reply([STALL]))
    client = ask(gateway, path, body)
    upstream.wait_for(1)
    leave(client, upstream, api, "before the first byte")
    [record] = gateway.journal.wait_for(1)
    assert (record["api"], record["outcome"], record["status"]) == (api, "client_closed", 499)
    assert record["ttfb_us"] is None and record["tokens"]["completion"] is None


@pytest.mark.parametrize("api", APIS)
def test_in_mid_stream(gateway, upstream, api):
    path, body, kind, events = APIS[api]
    upstream.script(Reply([*events, STALL], headers=[("Content-Type", kind)],
                          framing="chunked"))
    client = ask(gateway, path, body)
    read_until(client, events[-1].strip())
    leave(client, upstream, api, "in mid-stream")
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["usage"]) == ("client_closed", "estimated")
    assert record["tokens"]["completion"] == 2  # so far
    assert record["ttfb_us"] is not None


@pytest.mark.parametrize("api", APIS)
def test_in_a_whole_reply(gateway, upstream, api):
    path, body, _, _ = APIS[api]
    body = {**body, "stream": False}
    upstream.script(Reply([b'{"id":"x",', STALL], framing="chunked"))
    client = ask(gateway, path, body)
    read_until(client, b'{"id":"x",')
    leave(client, upstream, api, "in a whole reply")
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed"
    assert record["tokens"]["completion"] is None


@pytest.mark.parametrize("api", APIS)
def test_an_upstream_that_dies_does_not_look_like_success(gateway, upstream, api):
    """S5: the client sees the connection break, never a clean end."""
    from upstream import DIE
    path, body, kind, events = APIS[api]
    upstream.script(Reply([*events, DIE], headers=[("Content-Type", kind)],
                          framing="chunked"))
    client = ask(gateway, path, body)
    client.settimeout(10)
    seen = b""
    while piece := client.recv(65536):
        seen += piece
    client.close()  # nginx lingers for it, and journals afterwards
    assert not seen.endswith(b"0\r\n\r\n")  # no last chunk
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "upstream_error"


@pytest.mark.parametrize("api", ["openai-chat", "ollama-chat"])
def test_a_client_that_goes_after_upstream_died_is_not_to_blame(gateway, upstream, api):
    """nginx lingers before it journals: a reset in that time is not what ended the reply."""
    import socket
    import struct
    from upstream import DIE
    path, body, kind, events = APIS[api]
    upstream.script(Reply([*events, DIE], headers=[("Content-Type", kind)],
                          framing="chunked"))
    client = ask(gateway, path, body)
    while client.recv(65536):
        pass
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.send(b"x" * 1000)
    client.close()  # a reset
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "upstream_error"
