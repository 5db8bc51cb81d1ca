# SPDX-License-Identifier: Apache-2.0
"""A metered machine: a real llama.cpp behind a front that sees each token go by, spends joules on
it, and tells both on a page, as an exporter and a server's own counters do.

What it spends is the truth that receipts are held against: idle power always, joules per new
prompt token when the first token comes, and per output token a + b/B with the B that are answered
at that moment.  llama.cpp itself says which tokens there were (`timings_per_token`)."""
import http.client
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDLE_W, J_IN, A_J, B_J = 40.0, 0.05, 1.5, 1.0
STRANGER = "stranger"


class Answer:
    """One request, as the machine saw it."""

    def __init__(self, asked):
        self.length = asked["max_tokens"]
        self.ours = asked.get("user") != STRANGER
        self.begin = time.monotonic()
        self.end = None
        self.tokens = 0
        self.joules = 0.0  # of its tokens, without idle


class Machine:
    def __init__(self, model_url):
        machine = self
        self.model = urllib.parse.urlsplit(model_url).netloc
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.tokens_in = self.tokens_out = self.running = 0
        self.active = 0.0
        self.answers = []

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                body = machine.page().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                machine.serve(self, self.rfile.read(int(self.headers["Content-Length"])))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self):
        with self.lock:
            total = self.active + IDLE_W * (time.monotonic() - self.began)
            return ("# TYPE sim_gpu_joules_total counter\n"
                    f'sim_gpu_joules_total{{gpu="0"}} {total:.6f}\n'
                    f'vllm:prompt_tokens_total{{engine="0"}} {self.tokens_in}\n'
                    f'vllm:generation_tokens_total{{engine="0"}} {self.tokens_out}\n')

    def serve(self, handler, body):
        answer = Answer(json.loads(body))
        connection = http.client.HTTPConnection(self.model, timeout=120)
        connection.request("POST", handler.path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.headers["Content-Type"])
        handler.end_headers()
        for line in reply:
            if line.startswith(b"data: {"):
                self.spend(answer, json.loads(line[6:]).get("timings"))
            handler.wfile.write(line)
            handler.wfile.flush()
        connection.close()
        with self.lock:
            self.running -= answer.tokens > 0
            answer.end = time.monotonic()
            self.answers.append(answer)

    def spend(self, answer, timings):
        new = timings["predicted_n"] - answer.tokens if timings else 0
        if new <= 0:
            return
        with self.lock:
            joules = 0
            if answer.tokens == 0:
                self.running += 1
                self.tokens_in += timings["prompt_n"]
                joules = J_IN * timings["prompt_n"]
            joules += (A_J + B_J / self.running) * new
            answer.tokens += new
            answer.joules += joules
            self.tokens_out += new
            self.active += joules

    def served(self, lengths):
        """Ours of these lengths, once all of them have ended."""
        with self.lock:
            found = {a.length: a for a in self.answers if a.ours and a.length in lengths}
        return found if len(found) == len(lengths) else None

    @staticmethod
    def truth(answers):
        """Joules of each by its length: its tokens, and idle by the time each was there."""
        moments = sorted({t for a in answers.values() for t in (a.begin, a.end)})
        joules = {n: a.joules for n, a in answers.items()}
        for t0, t1 in zip(moments, moments[1:]):
            there = [n for n, a in answers.items() if a.begin <= t0 and a.end >= t1]
            for n in there:
                joules[n] += IDLE_W * (t1 - t0) / len(there)
        return joules

    @staticmethod
    def somebody(answers):
        """Seconds in which any of them was there."""
        there, until = 0.0, 0.0
        for begin, end in sorted((a.begin, a.end) for a in answers):
            there += max(0.0, end - max(begin, until))
            until = max(until, end)
        return there


def ask(address, length, user="ours"):
    """An answer of exactly so many tokens, streamed; a raw completion, for a chat's template is
    longer than what it asks, and sixteen of them are seconds of prefill on one core."""
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", "/v1/completions", json.dumps({
        "model": "m-1", "stream": True, "max_tokens": length, "user": user,
        "ignore_eos": True, "timings_per_token": True,
        "prompt": f"Of {length} things of the sea, this is"}),
        {"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 200
    reply.read()
    connection.close()
