# SPDX-License-Identifier: Apache-2.0
"""Fixtures of more than one flow: `sprout up`, a judge, a folder to evaluate in."""
import pytest

from evaluation import Control, answering, judging, url
from gateway import nginx_missing
from up import Up
from upstream import Upstream


@pytest.fixture
def start_up(tmp_path, upstream):
    """Starts `sprout up`s, with `config` as their file if given; all are stopped at the end."""
    if reason := nginx_missing():
        pytest.skip(reason)
    started = []

    def begin(*flags, config=None, folder="data", ready=True):
        if config is not None:
            file = tmp_path / "sprout.yaml"
            file.write_text(config)
            flags = ("--config", str(file), *flags)
        started.append(Up(tmp_path / folder, upstream, *flags, ready=ready))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def judge():
    """Prefers the answer of L1."""
    server = Upstream()
    server.default = judging(lambda levels, _: levels.index(1))
    yield server
    server.stop()


@pytest.fixture
def folder(tmp_path, upstream):
    """A folder with a policy and a ledger, and no control in it."""
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream))
    control.stop()
    upstream.exchanges.clear()
    return tmp_path / "data"
