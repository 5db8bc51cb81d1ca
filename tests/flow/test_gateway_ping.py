# SPDX-License-Identifier: Apache-2.0
"""Pings in the silences of a stream (sprout_ping): opt-in, between events, in the API's form."""
import re
import subprocess
import time

import pytest

from gateway import free_port
from upstream import DIE, STALL, Reply, event, stream_events, stream_reply

PING = b": ping\n"
ON = "sprout_ping 100ms;"
SILENCE = 0.5  # at least two pings, however slow the machine
NDJSON = [b'{"model":"m","message":{"role":"assistant","content":"F"},"done":false}\n',
          b'{"model":"m","message":{"role":"assistant","content":""},"done":true,'
          b'"done_reason":"stop","prompt_eval_count":3,"eval_count":1}\n']
MESSAGES = [b'event: message_start\ndata: {"type":"message_start","message":{"usage":'
            b'{"input_tokens":3,"output_tokens":1}}}\n\n',
            b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":'
            b'"end_turn"},"usage":{"output_tokens":2}}\n\n',
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n']


def with_silence(pieces, at, cut=None):
    """The pieces, silent before number `at`, or inside it after `cut` bytes."""
    pieces = list(pieces)
    if cut is None:
        return pieces[:at] + [SILENCE] + pieces[at:]
    return pieces[:at] + [pieces[at][:cut], SILENCE, pieces[at][cut:]] + pieces[at + 1:]


@pytest.mark.parametrize("at", [1, 3, 4, 5])
def test_a_silence_between_events_gets_pings_and_nothing_else_changes(start, upstream, at):
    gateway = start(location=ON)
    events = stream_events(usage=(12, 3))
    upstream.script(stream_reply(with_silence(events, at)))
    _, _, reply = gateway.chat(stream=True)
    del events[-2]  # the usage chunk that was asked for on the client's behalf
    before = b"".join(events[:at])
    assert reply.startswith(before + PING + PING)
    assert reply.replace(PING, b"") == b"".join(events)
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["usage"]) == ("ok", "reported")
    assert record["tokens"]["completion"] == 3


def test_a_silence_before_the_first_event_but_after_the_header(start, upstream):
    gateway = start(location=ON)
    events = stream_events()
    upstream.script(stream_reply(with_silence(events, 0)))
    _, _, reply = gateway.chat(stream=True)
    assert reply.startswith(PING + PING)
    assert reply.replace(PING, b"") == b"".join(events)


@pytest.mark.parametrize("cut", [1, 6, 20, -1])
@pytest.mark.parametrize("ask", [{}, {"stream_options": {"include_usage": True}}])
def test_a_silence_inside_an_event_gets_no_ping(start, upstream, cut, ask):
    """Watched or filtered; a filtered event is held until it is whole, and there a ping may
    stand before it."""
    gateway = start(location=ON)
    events = stream_events()
    upstream.script(stream_reply(with_silence(events, 2, cut)))
    _, _, reply = gateway.chat(stream=True, **ask)
    assert reply.replace(PING, b"") == b"".join(events)
    for match in re.finditer(PING, reply):
        assert match.start() == 0 or reply[:match.start()].endswith((b"\n\n", PING))
    if ask:
        assert PING not in reply


def test_messages_get_their_own_event(start, upstream):
    gateway = start(location=ON)
    upstream.script(stream_reply(with_silence(MESSAGES, 1)))
    _, _, reply = gateway.chat({"model": "m", "max_tokens": 99, "stream": True,
                                "messages": [{"role": "user", "content": "Q"}]},
                               "/v1/messages")
    own = b'event: ping\ndata: {"type":"ping"}\n\n'
    assert reply.startswith(MESSAGES[0] + own + own)
    assert reply.replace(own, b"") == b"".join(MESSAGES)


def test_lines_of_json_get_none(start, upstream):
    gateway = start(location=ON)
    upstream.script(Reply(with_silence(NDJSON, 1), framing="chunked",
                          headers=[("Content-Type", "application/x-ndjson")]))
    _, _, reply = gateway.chat({"model": "m", "messages": [{"role": "user", "content": "Q"}]},
                               "/api/chat")
    assert reply == b"".join(NDJSON)


def test_whole_replies_and_streams_without_the_switch_get_none(start, upstream):
    body = b'{"id":"x","choices":[]}'
    upstream.script(Reply([body[:5], SILENCE, body[5:]]))
    assert start(location=ON).chat()[2] == body
    events = stream_events()
    upstream.script(stream_reply(with_silence(events, 2)))
    assert start().chat(stream=True)[2] == b"".join(events)
    upstream.script(stream_reply(with_silence(events, 2)))
    assert start(location="sprout_ping off;").chat(stream=True)[2] == b"".join(events)


def test_a_stream_that_dies_after_a_ping_has_no_end(start, upstream):
    gateway = start(location=ON)
    upstream.script(stream_reply(stream_events()[:2] + [SILENCE, DIE]))
    with gateway.connect() as s:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Q"}]}'
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        got = b""
        while more := s.recv(65536):
            got += more
        time.sleep(SILENCE)  # nginx lingers: a ping now would count as the client's fault
    assert PING in got and not got.endswith(b"0\r\n\r\n")
    assert gateway.journal.wait_for(1)[0]["outcome"] == "upstream_error"


def test_a_client_that_leaves_in_a_silence_closes_the_upstream(start, upstream):
    gateway = start(location=ON)
    upstream.script(stream_reply([*stream_events()[:2], STALL]))
    with gateway.connect() as s:
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Q"}]}'
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        got = b""
        while PING not in got:
            got += s.recv(65536)
    upstream.wait_closed(upstream.last)
    assert gateway.journal.wait_for(1)[0]["outcome"] == "client_closed"


def test_pings_over_http_2(start, upstream):
    port = free_port()
    gateway = start(location=ON, server=f"listen 127.0.0.1:{port} http2;")
    events = stream_events()
    upstream.script(stream_reply(with_silence(events, 2)))
    done = subprocess.run(
        ["curl", "-sN", "--http2-prior-knowledge", "-H", "Content-Type: application/json",
         "-d", '{"model":"m","stream":true,"stream_options":{"include_usage":true},'
         '"messages":[{"role":"user","content":"Q"}]}',
         f"http://127.0.0.1:{port}/v1/chat/completions"], capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(b"".join(events[:2]) + PING + PING)
    assert done.stdout.replace(PING, b"") == b"".join(events)
    assert gateway.journal.wait_for(1)[0]["outcome"] == "ok"


def test_a_client_that_does_not_read_gets_no_pings_on_top(start, upstream):
    """Its connection is full; when it reads again, everything is there in order."""
    gateway = start(location=ON)
    big = [event({"choices": [{"delta": {"content": "x" * 60000}}]}) for _ in range(200)]
    upstream.script(stream_reply([*big, SILENCE, *stream_events()[-2:]]))
    body = (b'{"model":"m","stream":true,"stream_options":{"include_usage":true},'
            b'"messages":[{"role":"user","content":"Q"}]}')
    with gateway.connect() as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(2 * SILENCE)
        got = b""
        while more := s.recv(1 << 20):
            got += more
    got = got.partition(b"\r\n\r\n")[2]
    assert got.replace(PING, b"") == b"".join([*big, *stream_events()[-2:]])


def test_a_ping_under_a_tenth_of_a_second_is_refused(start):
    with pytest.raises(AssertionError, match="must be at least 100ms"):
        start(location="sprout_ping 50ms;")


def test_the_official_client_hears_nothing_of_a_ping(start, upstream):
    """Also of a server that numbers its events: some versions dispatch on a blank line then."""
    openai = pytest.importorskip("openai")
    gateway = start(location=ON)
    events = [b"id: %d\n" % i + e for i, e in enumerate(stream_events())]
    upstream.script(stream_reply(with_silence(with_silence(events, 4), 1)))
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="k", max_retries=0)
    stream = client.chat.completions.create(
        model="m", stream=True, messages=[{"role": "user", "content": "Q"}])
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == "Four."
    assert gateway.journal.wait_for(1)[0]["outcome"] == "ok"


def test_the_official_client_of_messages_hears_nothing_of_a_ping(start, upstream):
    anthropic = pytest.importorskip("anthropic")
    gateway = start(location=ON)
    started = (b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":'
               b'"message","role":"assistant","model":"m","content":[],"stop_reason":null,'
               b'"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n')
    block = (b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
             b'"content_block":{"type":"text","text":""}}\n\n'
             b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
             b'"delta":{"type":"text_delta","text":"Four."}}\n\n'
             b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n')
    upstream.script(stream_reply(with_silence([started, block, *MESSAGES[1:]], 1)))
    client = anthropic.Anthropic(base_url=gateway.url, api_key="k", max_retries=0)
    with client.messages.stream(model="m", max_tokens=99,
                                messages=[{"role": "user", "content": "Q"}]) as stream:
        assert stream.get_final_text() == "Four."
