# SPDX-License-Identifier: Apache-2.0
"""Measured energy, end to end: a server whose power follows its tokens, an exporter's page that
counts it, and what each receipt of the ledger says against the truth."""
import http.client
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from up import Up, wait_until

IDLE_W, J_IN, J_OUT = 40.0, 0.02, 2.0
TTFB_S, TOKEN_S = 0.1, 0.04
PROMPT = 50


class Machine:
    """Streams tokens at a steady pace, keeps the joules they cost, and tells both on /metrics."""

    def __init__(self):
        machine = self
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.joules = 0.0
        self.tokens_in = self.tokens_out = 0
        self.served = {}  # answer length -> (begin, end), of our clients

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                body = machine.page().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                asked = json.loads(self.rfile.read(length))
                machine.answer(self, asked["max_tokens"], asked.get("user") != "stranger")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self):
        with self.lock:
            total = self.joules + IDLE_W * (time.monotonic() - self.began)
            return ("# TYPE sim_gpu_joules_total counter\n"
                    f'sim_gpu_joules_total{{gpu="0"}} {total:.6f}\n'
                    f'vllm:prompt_tokens_total{{engine="0"}} {self.tokens_in}\n'
                    f'vllm:generation_tokens_total{{engine="0"}} {self.tokens_out}\n')

    def spend(self, tokens_in, tokens_out):
        with self.lock:
            self.tokens_in += tokens_in
            self.tokens_out += tokens_out
            self.joules += J_IN * tokens_in + J_OUT * tokens_out

    def answer(self, handler, count, ours):
        begin = time.monotonic()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.close_connection = True
        time.sleep(TTFB_S)
        handler.end_headers()
        self.spend(PROMPT, 0)
        for i in range(count):
            time.sleep(max(0, begin + TTFB_S + (i + 1) * TOKEN_S - time.monotonic()))
            self.spend(0, 1)
            self.event(handler, {"choices": [{"index": 0, "delta": {"content": "x "}}]})
        self.event(handler, {"choices": [], "usage": {
            "prompt_tokens": PROMPT, "completion_tokens": count,
            "total_tokens": PROMPT + count}})
        handler.wfile.write(b"data: [DONE]\n\n")
        if ours:
            self.served[count] = (begin, time.monotonic())

    @staticmethod
    def event(handler, value):
        value = {"id": "1", "object": "chat.completion.chunk", "model": "m-1", **value}
        handler.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
        handler.wfile.flush()

    def truth(self):
        """Joules of each answer: its tokens, and idle by the time each of ours was there."""
        moments = sorted({t for span in self.served.values() for t in span})
        joules = {n: J_IN * PROMPT + J_OUT * n for n in self.served}
        for a, b in zip(moments, moments[1:]):
            there = [n for n, (s, e) in self.served.items() if s <= a and e >= b]
            for n in there:
                joules[n] += IDLE_W * (b - a) / len(there)
        return joules


def ask(listen, count, user="ours"):
    connection = http.client.HTTPConnection(listen, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": "m-1", "stream": True, "max_tokens": count, "user": user,
        "messages": [{"role": "user", "content": "hello"}]}),
        {"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 200
    reply.read()
    connection.close()


@pytest.fixture
def machine():
    machine = Machine()
    yield machine
    machine.server.shutdown()


@pytest.fixture
def metered(tmp_path, machine):
    config = tmp_path / "sprout.yaml"
    config.write_text(f"""
meters:
  - kind: prometheus
    url: http://127.0.0.1:{machine.port}/metrics
    metric: sim_gpu_joules_total
    covers: gpu
metering:
  idle_watts: {IDLE_W}
  prompt_weight: 1
  output_weight: {J_OUT / J_IN}
  settle_s: 4
  server_metrics: http://127.0.0.1:{machine.port}/metrics
""")
    up = Up(tmp_path / "run", f"http://127.0.0.1:{machine.port}", "--config", str(config))
    wait_until(lambda: (up.status()["meters"] or {}).get("up"), 20, "a reading")
    time.sleep(1.2)  # a window that begins before the first request
    yield up
    up.stop()


def receipts(up, count):
    def read():
        with sqlite3.connect(f"file:{up.dir}/ledger.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT completion, energy_uj, method FROM requests").fetchall()
        return rows if len(rows) == count else None
    return wait_until(read, 60, f"{count} receipts")


def errors(up, machine, count):
    rows = receipts(up, count)
    truth = machine.truth()
    assert {method for _, _, method in rows} == {"measured:prometheus"}
    return [abs(uj / 1e6 - truth[n]) / truth[n] for n, uj, _ in rows], rows


def adds_up(up):
    m = up.status()["meters"]
    assert m["attributed_uj"] + m["unattributed_uj"] == m["measured_uj"]
    assert m["gaps"] == 0
    return m


def test_one_at_a_time_each_receipt_is_within_five_percent(metered, machine):
    for n in (60, 61, 90, 62):
        ask(metered.listen, n)
    found, _ = errors(metered, machine, 4)
    print("errors:", [f"{e:.3f}" for e in found])
    assert max(found) < 0.05
    adds_up(metered)


@pytest.mark.parametrize("clients", [4, 16])
def test_many_at_once_are_within_ten_percent_on_average(metered, machine, clients):
    lengths = [40 + i for i in range(2 * clients)]
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda n: ask(metered.listen, n), lengths))
    found, rows = errors(metered, machine, len(lengths))
    print(f"mean error at {clients}: {sum(found) / len(found):.3f}, worst {max(found):.3f}")
    assert sum(found) / len(found) < 0.10
    m = adds_up(metered)
    assert m["attributed_uj"] == sum(uj for _, uj, _ in rows)


def test_a_stranger_is_unattributed(metered, machine):
    stranger = f"127.0.0.1:{machine.port}"
    before = metered.status()["meters"]["unattributed_uj"]
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(lambda: [ask(metered.listen, n) for n in (100, 101)])
        time.sleep(0.5)
        pool.submit(ask, stranger, 120, "stranger").result()
        ours.result()
    errors(metered, machine, 2)
    after = wait_until(lambda: (lambda m: m if m["requests_measured"] == 2 else None)(
        metered.status()["meters"]), 20, "both settled")
    idle = sum(e - s for s, e in machine.served.values()) * IDLE_W
    total = after["measured_uj"] / 1e6
    # What is nobody's: the stranger's tokens, and idle while none of ours was there.
    alone = after["idle_j"] - idle
    expected = J_IN * PROMPT + J_OUT * 120
    got = after["unattributed_uj"] / 1e6 - alone
    print(f"stranger: {got:.1f} J of {expected:.1f} J; {total:.0f} J in "
          f"{time.monotonic() - began:.1f} s; before {before / 1e6:.1f}")
    assert abs(got - expected) / expected < 0.10
    adds_up(metered)


def test_a_meter_that_dies_leaves_receipts_modelled(metered, machine):
    machine.page = lambda: "nothing here\n"
    wait_until(lambda: not metered.status()["meters"]["up"], 20, "the failure")
    assert "sim_gpu_joules_total" in metered.status()["meters"]["error"]
    ask(metered.listen, 20)
    (_, uj, method), = receipts(metered, 1)
    assert method.startswith("llama-2-13b") and uj > 0
    assert metered.metrics()["sprout_meter_up"] == 0
