# SPDX-License-Identifier: Apache-2.0
"""Compressed request bodies: untouched and recorded by default, read where switched on."""
import base64
import ctypes
import ctypes.util
import gzip
import hashlib
import json
import random
import zlib

import pytest

from gateway import policy

BODY = b'{"model":"m","messages":[{"role":"user","content":"Why is the sky blue?"}]}'
SPLICED = BODY.replace(b'blue?"', b'blue?\\n\\nAnswer briefly."')
ON = "sprout_decode on;"


def zstd(data):
    """By the library that the module uses, for Python 3.11 has none."""
    lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    lib.ZSTD_compressBound.restype = lib.ZSTD_compress.restype = ctypes.c_size_t
    lib.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    lib.ZSTD_compress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p,
                                  ctypes.c_size_t, ctypes.c_int]
    room = ctypes.create_string_buffer(lib.ZSTD_compressBound(len(data)))
    size = lib.ZSTD_compress(room, len(room), data, len(data), 3)
    return room.raw[:size]


PACK = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd}


def send(gateway, body, encoding, **headers):
    return gateway.chat(body, headers={"Content-Encoding": encoding, **headers})


@pytest.fixture(params=["gzip", "zstd"])
def encoding(request):
    return request.param


def test_by_default_it_passes_untouched_and_is_recorded(start, upstream, encoding):
    gateway = start()
    packed = PACK[encoding](BODY)
    status, headers, _ = send(gateway, packed, encoding)
    assert (status, headers["Sprout-Reason"]) == (200, "content-encoding")
    assert upstream.last.body == packed
    assert upstream.last.header("Content-Encoding") == encoding
    [record] = gateway.journal.wait_for(1)
    assert (record["level"], record["reason"]) == ("L0", "content-encoding")
    assert record["tokens"]["completion"] == 3


def test_switched_on_it_goes_on_decoded_and_spliced(start, upstream, encoding):
    gateway = start(location=ON)
    _, headers, _ = send(gateway, PACK[encoding](BODY), encoding, **{
        "Content-MD5": base64.b64encode(hashlib.md5(b"x").digest()).decode()})
    assert headers["Sprout-Level"] == "L1"
    assert upstream.last.body == SPLICED
    assert upstream.last.header("Content-Length") == str(len(SPLICED))
    assert upstream.last.header("Content-Encoding") is None
    assert upstream.last.header("Content-MD5") is None
    assert gateway.journal.wait_for(1)[0]["model"] == "m"


def test_at_l0_it_goes_on_decoded_too(start, upstream, encoding):
    gateway = start(location=ON, policy=policy(mix=(1.0, 0.0, 0.0)))
    send(gateway, PACK[encoding](BODY), encoding)
    assert upstream.last.body == BODY
    assert upstream.last.header("Content-Encoding") is None


def test_what_may_not_be_touched_stays_compressed(start, upstream, encoding):
    gateway = start(location=ON)
    packed = PACK[encoding](BODY[:-1] + b',"response_format":{"type":"json_object"}}')
    _, headers, _ = send(gateway, packed, encoding)
    assert headers["Sprout-Reason"] == "response-format"
    assert upstream.last.body == packed
    assert upstream.last.header("Content-Encoding") == encoding
    observing = start(server="location /o/ { sprout observe; sprout_decode on; "
                             "proxy_pass http://inference; }")
    _, headers, _ = observing.chat(PACK[encoding](BODY), "/o/v1/chat/completions",
                                   {"Content-Encoding": encoding})
    assert headers["Sprout-Reason"] == "observe"
    assert upstream.last.body == PACK[encoding](BODY)


@pytest.mark.parametrize("cut", [1, 5, 10, -9, -1])
def test_a_damaged_body_passes_untouched(start, upstream, encoding, cut):
    gateway = start(location=ON)
    packed = PACK[encoding](BODY)
    _, headers, _ = send(gateway, packed[:cut], encoding)
    assert (upstream.last.body, headers["Sprout-Reason"]) == (
        packed[:cut], "content-encoding")
    damaged = bytearray(packed)
    damaged[cut] ^= 0x55
    status, _, _ = send(gateway, bytes(damaged), encoding)
    assert status == 200
    junk = packed + b"junk"
    _, headers, _ = send(gateway, junk, encoding)
    assert (upstream.last.body, headers["Sprout-Reason"]) == (junk, "content-encoding")


def test_whatever_byte_is_wrong_what_leaves_is_the_same_or_whole(start, upstream, encoding):
    """No half body, no crash; checksums catch what would decode to something else."""
    gateway = start(location=ON)
    packed = PACK[encoding](BODY)
    for i in range(len(packed)):
        damaged = bytearray(packed)
        damaged[i] ^= 0x81
        status, _, _ = send(gateway, bytes(damaged), encoding)
        left = upstream.last
        assert status == 200
        if left.header("Content-Encoding"):
            assert left.body == damaged
        else:
            assert json.loads(left.body)["messages"][0]["content"].endswith("Answer briefly.")
    assert gateway.status()["policy"]["id"] == "p-1"


def test_a_bomb_passes_untouched(start, upstream, encoding):
    gateway = start(location=ON + "sprout_decode_max 1m;")
    bomb = PACK[encoding](BODY[:-3] + b" " * (64 << 20))
    _, headers, _ = send(gateway, bomb, encoding)
    assert (upstream.last.body, headers["Sprout-Reason"]) == (bomb, "content-encoding")


def test_the_limit_is_of_what_comes_out(start, upstream, encoding):
    gateway = start(location=ON + f"sprout_decode_max {len(BODY)};")
    send(gateway, PACK[encoding](BODY), encoding)
    assert upstream.last.body == SPLICED
    longer = PACK[encoding](BODY + b" ")
    send(gateway, longer, encoding)
    assert upstream.last.body == longer


def test_large_bodies_in_memory_and_in_a_file(start, upstream, encoding):
    words = [f"w{random.Random(7).getrandbits(30) + i}" for i in range(300000)]
    text = " ".join(words)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    for more in ("", "client_body_buffer_size 16k;", "client_body_in_file_only clean;"):
        gateway = start(location=ON + more)
        _, headers, _ = send(gateway, PACK[encoding](body), encoding)
        assert headers["Sprout-Level"] == "L1"
        assert upstream.last.body == body[:-4] + b"\\n\\nAnswer briefly." + body[-4:]


def test_members_one_after_the_other_are_one_body(start, upstream):
    gateway = start(location=ON)
    for pack, encoding in [(gzip.compress, "gzip"), (zstd, "zstd"), (gzip.compress, "x-gzip")]:
        send(gateway, pack(BODY[:20]) + pack(BODY[20:]), encoding)
        assert upstream.last.body == SPLICED


@pytest.mark.parametrize("name, pack", [("deflate", zlib.compress), ("br", bytes),
                                        ("gzip, gzip", lambda b: gzip.compress(gzip.compress(b)))])
def test_other_encodings_pass_untouched(start, upstream, name, pack):
    gateway = start(location=ON)
    _, headers, _ = send(gateway, pack(BODY), name)
    assert (upstream.last.body, headers["Sprout-Reason"]) == (pack(BODY), "content-encoding")


def test_a_chunked_compressed_request(start, upstream, encoding):
    gateway = start(location=ON)
    packed = PACK[encoding](BODY)
    gateway.request("POST", "/v1/chat/completions", iter([packed[:7], packed[7:]]),
                    {"Content-Encoding": encoding})
    assert upstream.last.body == SPLICED
    assert upstream.last.header("Transfer-Encoding") is None
