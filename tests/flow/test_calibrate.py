# SPDX-License-Identifier: Apache-2.0
"""`sprout calibrate` against a machine whose joules are known: idle power, joules per input token,
and per output token a + b/B by how many requests run at that moment."""
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from up import SPROUT

IDLE_W, J_IN, A, B = 40.0, 0.05, 1.5, 6.0
S0, S_IN, S_OUT = 0.05, 2e-4, 0.01


class Machine:
    def __init__(self):
        machine = self
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.joules, self.running = 0.0, 0
        self.model, self.asked = "m-8b", set()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def reply(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/v1/models" and machine.model:
                    self.reply(json.dumps({"data": [{"id": machine.model}]}).encode())
                    return
                with machine.lock:
                    total = machine.joules + IDLE_W * (time.monotonic() - machine.began)
                self.reply(f"sim_gpu_joules_total {total:.6f}\n".encode())

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                machine.asked.add(asked["model"])
                count_in = len(asked["messages"][0]["content"].split())
                machine.work(count_in, asked["max_tokens"])
                self.reply(json.dumps({"choices": [], "usage": {
                    "prompt_tokens": count_in,
                    "completion_tokens": asked["max_tokens"]}}).encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def work(self, count_in, count_out):
        begin = time.monotonic()
        with self.lock:
            self.running += 1
            self.joules += J_IN * count_in
        for i in range(count_out):
            until = begin + S0 + S_IN * count_in + S_OUT * (i + 1)
            time.sleep(max(0, until - time.monotonic()))
            with self.lock:
                self.joules += A + B / self.running
        with self.lock:
            self.running -= 1


@pytest.fixture
def machine():
    machine = Machine()
    yield machine
    machine.server.shutdown()


def calibrate(*args):
    return subprocess.run([SPROUT, "calibrate", *args], capture_output=True, text=True,
                          timeout=120)


# One request a client: all of a run begin and end together, however busy the machine is.
RUNS = ("--prompts", "50,3000", "--outputs", "40,120", "--concurrency", "1,4", "--rounds", "1",
        "--idle-seconds", "2")
TIMES = ("--prompts", "50,1000", "--outputs", "20,100", "--concurrency", "1", "--rounds", "1")


def test_it_finds_the_coefficients_within_three_percent(machine, tmp_path):
    config, profile = tmp_path / "sprout.yaml", tmp_path / "profile.yaml"
    config.write_text(f"""
meters:
  - kind: prometheus
    url: {machine.url}/metrics
    metric: sim_gpu_joules_total
    covers: gpu
    max_watts: 1000000  # the script spends a whole prompt in an instant
""")
    result = calibrate("--config", str(config), "--upstream", machine.url, *RUNS, "--json",
                       "--out", str(profile))
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    print({k: v for k, v in found.items() if k != "runs"})
    for key, truth in (("idle_w", IDLE_W), ("j_per_input_token", J_IN), ("a_j", A), ("b_j", B)):
        assert found[key] == pytest.approx(truth, rel=0.03), key
    assert found["seconds"][2] == pytest.approx(S_OUT, rel=0.03)
    assert found["worst_residual"] < 0.03
    # What it writes is a configuration, for the model that the server lists.
    assert '- model: "m-8b"' in profile.read_text()
    result = subprocess.run([SPROUT, "check", "--json", "--config", str(profile), "--upstream",
                             machine.url], capture_output=True, text=True)
    assert json.loads(result.stdout)["problems"] == []


def test_without_a_meter_it_fits_times_only_and_says_so(machine):
    result = calibrate("--upstream", machine.url, *TIMES)
    assert result.returncode == 0, result.stderr
    assert "times only" in result.stdout and "joules" not in result.stdout
    assert machine.asked == {"m-8b"}
    machine.model = None
    result = calibrate("--upstream", machine.url, *TIMES, "--json")
    assert "name yours with --model" in result.stderr and "default" in machine.asked
    found = json.loads(result.stdout)
    assert found["idle_w"] is None and found["a_j"] is None
    assert found["seconds"][2] == pytest.approx(S_OUT, rel=0.05)


def test_what_is_wrong_is_said(machine):
    assert calibrate().returncode == 2
    assert calibrate("--prompts", "0").returncode == 2
    result = calibrate("--upstream", "http://127.0.0.1:1", *RUNS)
    assert result.returncode == 69 and "the server" in result.stderr
    result = calibrate("--upstream", machine.url, "--prompts", "5", "--outputs", "4",
                       "--concurrency", "1", "--rounds", "1")
    assert result.returncode == 65 and "two lengths" in result.stderr
