# SPDX-License-Identifier: Apache-2.0
"""A client that leaves: upstream is told at once, and the journal has what was sent."""
import time

import pytest

from upstream import STALL, Reply, stream_events, stream_reply

WITHIN = 0.5  # seconds; a loaded machine of two cores needs some


def ask(gateway, stream):
    flag = b"true" if stream else b"false"
    body = b'{"model":"m","stream":%s,"messages":[{"role":"user","content":"q"}]}' % flag
    client = gateway.connect()
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    return client


def read_until(client, what):
    seen = b""
    while what not in seen:
        piece = client.recv(65536)
        assert piece
        seen += piece


def closed_in(upstream, exchange, since):
    return upstream.wait_closed(exchange) - since


@pytest.mark.parametrize("stream", [False, True])
def test_leaving_before_the_first_byte_closes_upstream(gateway, upstream, stream):
    upstream.script(Reply([STALL]))
    client = ask(gateway, stream)
    upstream.wait_for(1)
    left = time.monotonic()
    client.close()
    assert closed_in(upstream, upstream.last, left) < WITHIN
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["status"]) == ("client_closed", 499)
    assert record["ttfb_us"] is None and record["tokens"]["completion"] is None


def test_leaving_in_mid_stream_closes_upstream_and_keeps_the_count(gateway, upstream):
    events = stream_events(["a", "b", "c"], usage=(12, 3))
    upstream.script(stream_reply(events[:3] + [STALL]))
    client = ask(gateway, stream=True)
    read_until(client, events[2])
    left = time.monotonic()
    client.close()
    assert closed_in(upstream, upstream.last, left) < WITHIN
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["usage"]) == ("client_closed", "estimated")
    assert record["tokens"]["completion"] == 2


def test_leaving_after_done_is_no_hang_up(gateway, upstream):
    """Clients close when they have read [DONE], not when upstream ends its chunks."""
    events = stream_events(["a", "b", "c"], usage=(12, 3))
    upstream.script(stream_reply(events + [STALL]))
    client = ask(gateway, stream=True)
    read_until(client, events[-1])
    client.close()
    upstream.wait_closed(upstream.last)
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["usage"]) == ("ok", "reported")


def test_leaving_in_mid_reply_closes_upstream(gateway, upstream):
    upstream.script(Reply([b'{"choices":[', STALL], framing="chunked"))
    client = ask(gateway, stream=False)
    read_until(client, b'{"choices":[')
    left = time.monotonic()
    client.close()
    assert closed_in(upstream, upstream.last, left) < WITHIN
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed"


def test_leaving_while_a_reply_is_held_for_its_receipt_closes_upstream(gateway, upstream):
    upstream.script(Reply([b'{"choices":[', STALL], framing="chunked"))
    body = b'{"model":"m","messages":[{"role":"user","content":"q"}]}'
    client = gateway.connect()
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nSprout-Receipt: 1\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    upstream.wait_for(1)
    upstream.wait_sent(upstream.last, 1)
    left = time.monotonic()
    client.close()
    assert closed_in(upstream, upstream.last, left) < WITHIN
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed"


def test_leaving_while_the_body_is_sent_leaves_a_record(gateway, upstream):
    client = gateway.connect()
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                   b"Content-Length: 100000\r\n\r\n{\"model\":")
    time.sleep(0.05)  # let nginx begin to read
    client.close()
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed" and upstream.exchanges == []


def test_a_slow_client_holds_upstream_back(gateway, upstream):
    """Nothing piles up in the gateway while its client does not read."""
    from upstream import chunk, event
    piece = event(chunk([{"index": 0, "delta": {"content": "x" * 4000}}]))
    upstream.script(stream_reply([piece] * 20_000))  # 80 MB
    client = ask(gateway, stream=True)
    upstream.wait_for(1)
    exchange = upstream.last
    sent = -1
    while sent != exchange.sent:  # until upstream is stopped by back-pressure
        sent = exchange.sent
        time.sleep(0.3)
    assert sent < 40_000_000
    seen = 0
    while seen < sent and (data := client.recv(1 << 20)):
        seen += len(data)
    upstream.wait_sent(exchange, sent + 1)
    client.close()
