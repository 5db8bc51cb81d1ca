# SPDX-License-Identifier: Apache-2.0
"""Bodies of every size and framing, retries, redirects: the splice in nginx's hands."""
import json
import time

import pytest

from gateway import free_port, policy
from upstream import Reply, chat_reply

DIRECTIVE = b"\\n\\nAnswer briefly."


def body_of(size, stream=False):
    """A chat body of about `size` bytes, and what it must become upstream."""
    head = b'{"model":"m","messages":[{"role":"user","content":"'
    tail = b'"}],"stream":true}' if stream else b'"}]}'
    text = b"abcdefghij" * (size // 10)
    usage = b',"stream_options":{"include_usage":true}}' if stream else b"}"
    return head + text + tail, head + text + DIRECTIVE + tail[:-1] + usage


def chunked(body, size):
    for i in range(0, len(body), size):
        piece = body[i:i + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("size", [100, 1_000, 8_000, 20_000, 300_000, 1_000_000])
@pytest.mark.parametrize("stream", [False, True])
def test_a_body_of_any_size_is_spliced_in_memory_and_in_a_temporary_file(
        gateway, upstream, size, stream):
    body, expected = body_of(size, stream)
    status, headers, _ = gateway.chat(body)
    assert (status, headers["Sprout-Level"]) == (200, "L1")
    assert upstream.last.body == expected


def test_a_body_that_arrives_in_pieces_is_spliced(gateway, upstream):
    body, expected = body_of(40)
    with gateway.connect() as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        for i in range(len(body)):
            client.sendall(body[i:i + 1])
        while client.recv(65536):
            pass
    assert upstream.last.body == expected


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_chunked_request_leaves_with_a_length(gateway, upstream, size):
    body, expected = body_of(size)
    with gateway.connect() as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                       b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in chunked(body, 7_001):
            client.sendall(piece)
        while client.recv(65536):
            pass
    assert upstream.last.body == expected
    assert upstream.last.header("Content-Length") == str(len(expected))
    assert upstream.last.header("Transfer-Encoding") is None


def test_expect_continue_is_answered(gateway, upstream):
    body, expected = body_of(100)
    with gateway.connect() as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                       b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(body)
        while client.recv(65536):
            pass
    assert upstream.last.body == expected


def test_a_body_of_32_mb_is_spliced(start, upstream):
    gateway = start()
    body, expected = body_of(32 * 1024 * 1024 - 200)
    assert len(body) <= 32 * 1024 * 1024
    status, headers, _ = gateway.chat(body)
    assert (status, headers["Sprout-Level"]) == (200, "L1")
    assert upstream.last.body == expected


@pytest.mark.parametrize("max_body", ["64m", "32m"])  # ours refuses, or nginx itself
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_above_the_limit_is_refused_in_the_shape_of_the_api(
        start, upstream, max_body, framing):
    gateway = start(max_body=max_body)
    body, _ = body_of(33 * 1024 * 1024)
    if framing == "length":
        status, headers, reply = gateway.chat(body)
        kind = headers["Content-Type"]
    else:
        with gateway.connect() as client:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
                           b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for piece in chunked(body, 1 << 20):
                    client.sendall(piece)
            except OSError:
                pass  # refused while it was still coming
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        head, _, reply = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        kind = "application/json" if b"application/json" in head else "other"
    assert (status, kind) == (413, "application/json")
    error = json.loads(reply)["error"]
    assert error["code"] == "request_too_large" and "33554432" in error["message"]
    assert upstream.exchanges == []
    [record] = gateway.journal.wait_for(1)
    assert (record["status"], record["outcome"], record["api"]) == (
        413, "refused", "openai-chat")


def test_the_limit_is_the_operators(start, upstream):
    gateway = start(location="sprout_max_body 1000;")
    assert gateway.chat(body_of(900)[0])[0] == 200
    assert gateway.chat(body_of(1_100)[0])[0] == 413


def test_a_large_body_does_not_stall_the_worker(gateway, upstream):
    """While 32 MB are scanned, small requests on the same worker get their turn."""
    import threading
    body, _ = body_of(32 * 1024 * 1024 - 200)
    big = threading.Thread(target=gateway.chat, args=(body,))
    slowest = 0.0
    big.start()
    while big.is_alive():
        begun = time.monotonic()
        gateway.chat()
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 1.0
    records = gateway.journal.wait_for(2)
    assert max(record["bytes_in"] for record in records) > 32_000_000


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_a_retry_sends_the_same_spliced_bytes_and_is_journalled_once(start, upstream, size):
    gateway = start(
        servers=f"server 127.0.0.1:{upstream.port} max_fails=0; "
                f"server localhost:{upstream.port} max_fails=0;",
        location="proxy_next_upstream error timeout http_503 non_idempotent; "
                 "proxy_next_upstream_tries 2;")
    upstream.script(Reply([b"busy"], status="503 Service Unavailable"), chat_reply())
    body, expected = body_of(size)
    status, _, _ = gateway.chat(body)
    assert status == 200
    assert [exchange.body == expected for exchange in upstream.exchanges] == [True, True]
    [record] = gateway.journal.wait_for(1)
    assert (record["seq"], record["status"]) == (1, 200)


def test_a_redirected_error_keeps_its_context_and_is_journalled_once(start, upstream):
    gateway = start(
        upstream_port=free_port(),
        location="error_page 502 = @other;",
        server=f"location @other {{ sprout on; access_log journal.ndjson sprout "
               f"if=$sprout_record; proxy_pass http://127.0.0.1:{upstream.port}; }}")
    body, expected = body_of(100)
    status, headers, _ = gateway.chat(body)
    assert (status, headers["Sprout-Level"]) == (200, "L1")
    assert upstream.last.body == expected
    [record] = gateway.journal.wait_for(1)
    assert (record["level"], record["usage"]) == ("L1", "reported")


def test_subrequests_are_never_touched(start, upstream):
    gateway = start(
        location="auth_request /auth; mirror /mirror;",
        server="location = /auth { internal; proxy_pass_request_body off; "
               "proxy_set_header Content-Length ''; proxy_pass http://inference; } "
               "location = /mirror { internal; proxy_pass http://inference/mirrored; }")
    upstream.script(Reply([b"yes"]))
    gateway.chat()
    upstream.wait_for(3)
    assert sorted(exchange.target for exchange in upstream.exchanges) == [
        "/auth", "/mirrored", "/v1/chat/completions"]
    [record] = gateway.journal.wait_for(1)
    assert record["level"] == "L1"


def test_a_request_that_is_not_admitted_is_refused_in_the_shape_of_the_api(start, upstream):
    gateway = start(
        location="auth_request /auth;",
        server="location = /auth { internal; return 401; }")
    status, headers, reply = gateway.chat()
    assert (status, headers["Content-Type"]) == (401, "application/json")
    assert json.loads(reply)["error"]["code"] == "unauthorized"
    assert headers["Sprout-Reason"] == "refused"
    [record] = gateway.journal.wait_for(1)
    assert (record["status"], record["outcome"], record["reason"]) == (
        401, "refused", "refused")


def test_gzip_towards_the_client_still_works(start, upstream):
    import gzip
    gateway = start(location="gzip on; gzip_types application/json; gzip_min_length 1;")
    _, headers, reply = gateway.chat(headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(reply))["choices"]
    assert upstream.last.header("Accept-Encoding") == "identity"
    [record] = gateway.journal.wait_for(1)
    assert record["tokens"]["prompt"] == 12


def test_keepalive_connections_carry_many_requests(gateway, upstream):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
    ids = set()
    for i in range(50):
        body, expected = body_of(10 * (i + 1), stream=i % 2 == 1)
        connection.request("POST", "/v1/chat/completions", body)
        response = connection.getresponse()
        response.read()
        ids.add(response.headers["Sprout-Request-Id"])
        assert upstream.last.body == expected
    connection.close()
    records = gateway.journal.wait_for(50)
    assert [record["seq"] for record in records] == list(range(1, 51))
    assert len(ids) == 50


def test_a_websocket_upgrade_passes_through(start, upstream):
    gateway = start(location="proxy_set_header Upgrade $http_upgrade; "
                             "proxy_set_header Connection $http_connection;")
    upstream.script(Reply([], status="101 Switching Protocols", headers=[
        ("Upgrade", "websocket"), ("Connection", "Upgrade")], framing="none"))
    status, _, _ = 0, 0, 0
    with gateway.connect() as client:
        client.sendall(b"GET /v1/realtime HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                       b"Upgrade: websocket\r\n\r\n")
        assert b"101 Switching" in client.recv(4096)
    assert upstream.last.header("Upgrade") == "websocket"
