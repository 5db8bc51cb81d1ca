# SPDX-License-Identifier: Apache-2.0
"""libsprout.so in a program of its own (examples/splice.c) does what nginx does."""
import ctypes
import json
import subprocess

import pytest

from gateway import ROOT, policy
from test_predictor import WEIGHTS, predicting, weights_id

BODY = b'{"model":"m", "x":1e0,"messages":[{"role":"user","content":"2+2?"}]}'


@pytest.fixture(scope="module")
def splice():
    subprocess.run(["make", "-s", "example"], cwd=ROOT, check=True)
    return ROOT / "build/splice"


def run(splice, arguments, given):
    return subprocess.run([splice, *arguments], input=given, capture_output=True)


def policy_file(folder, **changes):
    path = folder / "policy.json"
    path.write_text(json.dumps(policy(**changes)))
    return path


def test_a_body_is_spliced_as_in_nginx(splice, tmp_path, gateway, upstream):
    out = run(splice, [policy_file(tmp_path), "/v1/chat/completions"], BODY)
    assert out.returncode == 0, out.stderr
    gateway.chat(BODY)
    assert out.stdout == upstream.last.body
    assert out.stderr == b"L1 mix\n"


def test_what_may_not_be_touched_comes_out_as_it_went_in(splice, tmp_path):
    for body, reason in ((b'{"messages":', b"not-json"),
                         (b'{"model":"m","messages":[{"role":"user","content":"2"}],"n":2}',
                          b"many-choices")):
        out = run(splice, [policy_file(tmp_path), "/v1/chat/completions"], body)
        assert (out.stdout, out.stderr) == (body, b"L0 " + reason + b"\n")


def test_a_usage_chunk_that_was_asked_for_is_taken_out_again(splice, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(BODY.replace(b'"x":1e0', b'"stream":true'))
    stream = (b'data: {"choices":[{"index":0,"delta":{"content":"4"}}],"usage":null}\n\n'
              b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n'
              b'data: [DONE]\n\n')
    out = run(splice, [policy_file(tmp_path), "/v1/chat/completions", body,
                       "text/event-stream"], stream)
    assert out.stdout == stream.replace(
        b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n', b"")
    assert out.stderr == b"L1: 9 tokens in, 1 out\n"


def test_a_bad_policy_is_refused_with_its_place(splice, tmp_path):
    path = policy_file(tmp_path, holdout=2)
    out = run(splice, [path, "/v1/chat/completions"], BODY)
    assert out.returncode == 1 and b"holdout: found 2" in out.stderr


class Head(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("method", ctypes.c_char_p),
                ("path", ctypes.c_char_p), ("header", ctypes.c_void_p),
                ("header_ctx", ctypes.c_void_p), ("api_key_sha256", ctypes.c_char_p)]


class Decision(ctypes.Structure):  # of an older caller, who knows no edits
    _fields_ = [("size", ctypes.c_size_t), ("level", ctypes.c_char_p),
                ("arm", ctypes.c_char_p), ("reason", ctypes.c_char_p)]


def aligned(size):
    block = ctypes.create_string_buffer(size + 16)
    at = ctypes.addressof(block)
    return block, ctypes.c_void_p(at + -at % 16)


def test_from_another_language_with_weights_and_an_older_struct(splice):
    library = ctypes.CDLL(ROOT / "build/libsprout.so")
    library.sprout_engine_size.restype = ctypes.c_size_t
    library.sprout_exchange_size.restype = ctypes.c_size_t
    library.sprout_exchange_make.restype = ctypes.c_void_p
    library.sprout_engine_weights_name.restype = ctypes.c_char_p
    library.sprout_version.restype = ctypes.c_char_p
    assert library.sprout_abi() // 1000 == 1
    assert library.sprout_version().decode() == (ROOT / "VERSION").read_text().strip()

    text = json.dumps(policy(predictor=predicting(ng_per_quality=0))).encode()
    size = library.sprout_engine_size(ctypes.c_size_t(len(text)))
    keep, block = aligned(size)
    engine = ctypes.c_void_p()
    why = ctypes.create_string_buffer(200)
    assert library.sprout_engine_make(block, ctypes.c_size_t(8), text,
                                      ctypes.c_size_t(len(text)), ctypes.byref(engine), why,
                                      ctypes.c_size_t(200)) != 0
    assert b"expected" in why.value
    assert library.sprout_engine_make(block, ctypes.c_size_t(size), text,
                                      ctypes.c_size_t(len(text)), ctypes.byref(engine), why,
                                      ctypes.c_size_t(200)) == 0, why.value

    assert library.sprout_engine_weights_name(engine) == b"predictor.weights"
    data = WEIGHTS.read_bytes()
    assert weights_id(data)
    for at, code in ((1000, False), (None, True)):
        if at is not None:
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        else:
            data = WEIGHTS.read_bytes()
        weights, place = aligned(len(data))
        ctypes.memmove(place, data, len(data))
        got = library.sprout_engine_weights(engine, place, ctypes.c_size_t(len(data)), why,
                                            ctypes.c_size_t(200))
        assert (got == 0) == code, why.value

    room, block = aligned(library.sprout_exchange_size())
    head = Head(ctypes.sizeof(Head), b"POST", b"/v1/chat/completions", None, None, None)
    x = ctypes.c_void_p(library.sprout_exchange_make(
        block, ctypes.c_size_t(library.sprout_exchange_size()), engine, ctypes.byref(head)))
    body = b'{"messages":[{"role":"user","content":"Who was the first king of England?"}]}'
    library.sprout_exchange_request(x, body, ctypes.c_size_t(len(body)))
    decision = Decision(ctypes.sizeof(Decision))
    now = ctypes.c_int64(__import__("time").time_ns())
    library.sprout_exchange_choose(x, now, ctypes.byref(decision))
    assert (decision.level, decision.arm, decision.reason) == (b"L2", b"mix", b"predicted")
