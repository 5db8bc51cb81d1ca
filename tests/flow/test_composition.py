# SPDX-License-Identifier: Apache-2.0
"""Beside nginx's other modules: docs/composition.md is the table of what is shown here and in
test_gateway_bodies.py."""
import concurrent.futures
import gzip
import json
import subprocess

import pytest

from gateway import free_port
from upstream import Reply, Upstream, stream_events, stream_reply

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}).encode()
STREAM = json.dumps({"model": "m", "stream": True,
                     "messages": [{"role": "user", "content": "2+2?"}]}).encode()
SPLICED = b'"content": "2+2?\\n\\nAnswer briefly."'


@pytest.fixture
def second():
    one = Upstream()
    yield one
    one.stop()


def test_limit_req_refuses_in_the_shape_of_the_api(start, upstream):
    gateway = start(http="limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
                    location="limit_req zone=one; limit_req_status 429;")
    assert gateway.chat(BODY)[0] == 200
    status, headers, reply = gateway.chat(BODY)
    assert status == 429 and json.loads(reply)["error"]["code"]
    assert len(upstream.exchanges) == 1
    [_, record] = gateway.journal.wait_for(2)
    assert (record["outcome"], record["status"], record["reason"]) == ("refused", 429, "refused")


def test_gzip_leaves_event_streams_alone(start, upstream):
    gateway = start(location="gzip on; gzip_types application/json; gzip_min_length 1;")
    upstream.script(stream_reply(stream_events(usage=(12, 3))))
    _, headers, reply = gateway.chat(STREAM, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in headers and reply.endswith(b"data: [DONE]\n\n")


def test_a_compressed_reply_passes_and_is_recorded_as_unknown(start, upstream):
    gateway = start()
    packed = gzip.compress(json.dumps({"usage": {"completion_tokens": 3}}).encode())
    upstream.script(Reply([packed], headers=[("Content-Type", "application/json"),
                                             ("Content-Encoding", "gzip")]))
    _, headers, reply = gateway.chat(BODY)
    assert (headers["Content-Encoding"], reply) == ("gzip", packed)
    [record] = gateway.journal.wait_for(1)
    assert record["tokens"]["completion"] is None and record["outcome"] == "ok"


def test_split_clients_and_map_choose_the_upstream(start, upstream, second):
    gateway = start(
        http="split_clients $request_id $side { 50% a; * b; } "
             f"upstream a {{ server 127.0.0.1:{upstream.port}; }} "
             f"upstream b {{ server 127.0.0.1:{second.port}; }} ",
        server="location /split/ { sprout on; access_log journal.ndjson sprout "
               "if=$sprout_record; proxy_pass http://$side; }")
    for _ in range(24):
        assert gateway.chat(BODY, path="/split/v1/chat/completions")[0] == 200
    assert upstream.exchanges and second.exchanges
    for exchange in upstream.exchanges + second.exchanges:
        assert SPLICED in exchange.body
    assert len(gateway.journal.wait_for(24)) == 24


def test_several_servers_of_an_upstream_share_the_work(start, upstream, second):
    gateway = start(servers=f"server 127.0.0.1:{upstream.port}; "
                            f"server 127.0.0.1:{second.port}; keepalive 8;")
    for _ in range(20):
        gateway.chat(BODY)
    assert len(upstream.exchanges) == len(second.exchanges) == 10
    assert upstream.connections == second.connections == 1  # kept


def test_a_pooled_connection_that_the_server_has_closed(start, upstream):
    """The next request goes over a new one; nothing is sent twice."""
    gateway = start(servers=f"server 127.0.0.1:{upstream.port}; keepalive 8;")
    for i in range(6):
        upstream.script(Reply([b'{"usage":{}}'], headers=[
            ("Content-Type", "application/json"), ("Connection", "close")]))
        assert gateway.chat(BODY)[0] == 200
    assert len(upstream.exchanges) == 6


def test_an_internal_rewrite_is_one_request(start, upstream):
    gateway = start(server="rewrite ^/short$ /v1/chat/completions last;")
    status, headers, _ = gateway.chat(BODY, path="/short")
    assert (status, headers["Sprout-Level"]) == (200, "L1")
    assert SPLICED in upstream.last.body
    assert len(gateway.journal.wait_for(1)) == 1


def test_try_files_to_a_named_location(start, upstream):
    gateway = start(server="location /named/ { try_files /nothing @api; } "
                           "location @api { sprout on; access_log journal.ndjson sprout "
                           "if=$sprout_record; proxy_pass http://inference; }")
    gateway.chat(BODY, path="/named/v1/chat/completions")
    assert SPLICED in upstream.last.body
    [record] = gateway.journal.wait_for(1)
    assert record["level"] == "L1"


def test_observe_accounts_and_never_touches(start, upstream):
    gateway = start(location="sprout_usage on;",
                    server="location /watch/ { sprout observe; access_log journal.ndjson "
                           "sprout if=$sprout_record; proxy_pass http://inference; }")
    gateway.chat(BODY, path="/watch/v1/chat/completions")
    assert upstream.last.body == BODY
    [record] = gateway.journal.wait_for(1)
    assert (record["level"], record["reason"], record["tokens"]["completion"]) == (
        "L0", "observe", 3)


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)


def over_tls(start, folder):
    certificate(folder)
    port = free_port()
    gateway = start(server=f"listen 127.0.0.1:{port} ssl http2; "
                           f"ssl_certificate {folder}/cert.pem; "
                           f"ssl_certificate_key {folder}/key.pem;")
    return gateway, f"https://127.0.0.1:{port}"


def curl(folder, url, body, *more):
    out = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", folder / "cert.pem", "-D", "-", "-H",
         "Content-Type: application/json", "--data-binary", body, *more,
         url + "/v1/chat/completions"], capture_output=True)
    assert out.returncode == 0, out.stderr
    head, _, reply = out.stdout.partition(b"\r\n\r\n")
    return head.decode().lower(), reply


def test_tls_and_http_2_towards_the_client(start, upstream, tmp_path):
    gateway, url = over_tls(start, tmp_path)
    head, reply = curl(tmp_path, url, BODY.decode())
    assert head.startswith("http/2 200") and "sprout-level: l1" in head
    assert SPLICED in upstream.last.body and json.loads(reply)["choices"]
    upstream.script(stream_reply(stream_events(usage=(12, 3))))
    head, reply = curl(tmp_path, url, STREAM.decode())
    assert reply.endswith(b"data: [DONE]\n\n") and b'"usage":{' not in reply
    records = gateway.journal.wait_for(2)
    assert [record["outcome"] for record in records] == ["ok", "ok"]


def test_many_http_2_streams_at_once_are_each_their_own(start, upstream, tmp_path):
    gateway, url = over_tls(start, tmp_path)
    (tmp_path / "body").write_bytes(BODY)
    wanted = [part for _ in range(20)
              for part in ("--next", "-sS", "--http2", "--cacert", f"{tmp_path}/cert.pem",
                           "--data-binary", f"@{tmp_path}/body", "-o", "/dev/null", "-w",
                           "%{http_code}\n", url + "/v1/chat/completions")][1:]
    out = subprocess.run(["curl", "--parallel", *wanted], capture_output=True, text=True)
    assert out.stdout.split() == ["200"] * 20, out.stderr
    assert all(SPLICED in exchange.body for exchange in upstream.exchanges)
    assert len(gateway.journal.wait_for(20)) == 20


def test_an_http_2_client_that_resets_its_stream_closes_upstream(start, upstream, tmp_path):
    from upstream import STALL
    gateway, url = over_tls(start, tmp_path)
    events = stream_events(["a", "b"], usage=(12, 3))
    upstream.script(stream_reply(events[:2] + [STALL]))
    client = subprocess.Popen(
        ["curl", "-sN", "--http2", "--cacert", tmp_path / "cert.pem", "-H",
         "Content-Type: application/json", "--data-binary", STREAM.decode(),
         url + "/v1/chat/completions"], stdout=subprocess.PIPE)
    assert client.stdout.read(10)
    client.kill()
    client.wait()
    upstream.wait_closed(upstream.last)
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed"


def test_tls_towards_the_upstream(start, upstream, tmp_path):
    """An nginx with a certificate stands in for a hosted API."""
    certificate(tmp_path)
    port = free_port()
    gateway = start(
        server=f"location /hosted/ {{ sprout on; access_log journal.ndjson sprout "
               f"if=$sprout_record; proxy_ssl_verify on; proxy_ssl_name localhost; "
               f"proxy_ssl_trusted_certificate {tmp_path}/cert.pem; "
               f"proxy_pass https://127.0.0.1:{port}/; }}",
        http=f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/cert.pem; "
             f"ssl_certificate_key {tmp_path}/key.pem; client_max_body_size 64m; "
             f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }} }}")
    assert gateway.chat(BODY, path="/hosted/v1/chat/completions")[0] == 200
    assert SPLICED in upstream.last.body


def test_a_reload_under_load_loses_nothing(start, upstream):
    gateway = start(workers=2)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(gateway.chat, BODY) for _ in range(200)]
        for _ in range(3):
            gateway.reload()
        assert [one.result()[0] for one in asked] == [200] * 200
    assert len(gateway.journal.wait_for(200)) == 200

