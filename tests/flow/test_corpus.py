# SPDX-License-Identifier: Apache-2.0
"""Every case of tests/corpus, a file each, through real nginx and through every cut.

A case is headers (`path`, `type`, `status`, `header`, `level`, `eol: crlf`, `end: none`) and
sections: the request's body, the reply's, what of it is forwarded (all, where it is not
said), and members of the journal's record.  Through nginx the reply comes whole and in single
bytes; through the library that nginx links it is cut at every offset.
"""
import ctypes
import json
import random

import pytest

from gateway import ROOT, policy, sanitized
from upstream import Reply

CASES = sorted((ROOT / "tests/corpus").glob("*.case"))
LEVEL = {"L0": (1.0, 0.0, 0.0), "L1": (0.0, 1.0, 0.0)}


class Case:
    def __init__(self, path):
        head, *sections = path.read_text().split("--- ")
        self.head = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        parts = dict(section.split("\n", 1) for section in sections)
        self.request = parts["request"][:-1].encode()
        self.reply = self.bytes(parts["reply"])
        self.forwarded = self.bytes(parts.get("forwarded", parts["reply"]))
        self.record = json.loads(parts["record"])
        self.type = self.head.get("type", "application/json")
        self.mix = LEVEL[self.head.get("level", "L0")]

    def bytes(self, text):
        text = text[:-1]
        if self.head.get("end") == "none":
            text = text.rstrip("\n")
        if self.head.get("eol") == "crlf":
            text = text.replace("\n", "\r\n")
        return text.encode()


def member(record, path):
    for name in path.split("."):
        record = record[name]
    return record


@pytest.fixture(scope="module", params=CASES, ids=lambda path: path.stem)
def case(request):
    return Case(request.param)


def ask(gateway, case):
    return gateway.request("POST", case.head["path"], case.request,
                           {"Content-Type": "application/json"})


def reply_of(case, pieces, framing):
    headers = [("Content-Type", case.type)]
    if "header" in case.head:
        headers.append(tuple(case.head["header"].split(": ", 1)))
    return Reply(pieces, status=case.head.get("status", "200 OK"), headers=headers,
                 framing=framing)


def test_a_case_through_nginx(case, start, upstream):
    gateway = start(policy=policy(mix=case.mix))
    pieces = [case.reply[i:i + 1] for i in range(len(case.reply))]
    if len(pieces) > 4000:
        pieces = [case.reply[i:i + 7] for i in range(0, len(case.reply), 7)]
    records = []
    for i, (split, framing) in enumerate((([case.reply], "length"), ([case.reply], "chunked"),
                                          (pieces, "chunked"))):
        upstream.script(reply_of(case, split, framing))
        status, headers, body = ask(gateway, case)
        assert body == case.forwarded
        assert f"{status}" == case.head.get("status", "200 OK").split()[0]
        if "header" in case.head:
            name, value = case.head["header"].split(": ", 1)
            assert headers[name] == value
        records.append(gateway.journal.wait_for(i + 1)[i])
    for record in records:
        assert {path: member(record, path) for path in case.record} == case.record
    if records[0]["level"] == "L0" and not b'"stream":true' in case.request:
        assert upstream.last.body == case.request  # byte for byte as it came


EMIT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Library:
    """libsprout.so, for one policy."""

    class Head(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("method", ctypes.c_char_p),
                    ("path", ctypes.c_char_p), ("rest", ctypes.c_void_p * 3)]

    class Decision(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t)]

    class Counts(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("prompt", ctypes.c_int64),
                    ("cached", ctypes.c_int64), ("completion", ctypes.c_int64),
                    ("reasoning", ctypes.c_int64), ("estimated", ctypes.c_int),
                    ("complete", ctypes.c_int)]

    def __init__(self, text):
        self.so = ctypes.CDLL(ROOT / "build/libsprout.so")
        self.so.sprout_engine_size.restype = ctypes.c_size_t
        self.so.sprout_exchange_size.restype = ctypes.c_size_t
        self.so.sprout_exchange_make.restype = ctypes.c_void_p
        size = self.so.sprout_engine_size(ctypes.c_size_t(len(text)))
        self.keep, block = self.aligned(size)
        self.engine = ctypes.c_void_p()
        assert self.so.sprout_engine_make(
            block, ctypes.c_size_t(size), text, ctypes.c_size_t(len(text)),
            ctypes.byref(self.engine), None, ctypes.c_size_t(0)) == 0
        self.size = self.so.sprout_exchange_size()
        self.room, self.block = self.aligned(self.size)

    @staticmethod
    def aligned(size):
        block = ctypes.create_string_buffer(size + 16)
        return block, ctypes.c_void_p(ctypes.addressof(block) + -ctypes.addressof(block) % 16)

    def run(self, case, pieces):
        """What is forwarded and what is counted."""
        out = []
        emit = EMIT(lambda _, at, n: out.append(ctypes.string_at(at, n)))
        head = self.Head(ctypes.sizeof(self.Head), b"POST", case.head["path"].encode())
        x = ctypes.c_void_p(self.so.sprout_exchange_make(
            self.block, ctypes.c_size_t(self.size), self.engine, ctypes.byref(head)))
        self.so.sprout_exchange_request(x, case.request, ctypes.c_size_t(len(case.request)))
        self.so.sprout_exchange_choose(x, ctypes.c_int64(0),
                                       ctypes.byref(self.Decision(ctypes.sizeof(
                                           self.Decision))))
        self.so.sprout_exchange_reply(x, case.type.encode())
        for piece in pieces:
            self.so.sprout_exchange_tap(x, piece, ctypes.c_size_t(len(piece)), emit, None)
        counts = self.Counts(ctypes.sizeof(self.Counts))
        self.so.sprout_exchange_end(x, emit, None, ctypes.byref(counts))
        return b"".join(out), (counts.prompt, counts.cached, counts.completion,
                               counts.reasoning, counts.estimated, counts.complete)


@pytest.mark.skipif(sanitized(), reason="the library of this build is not in a program of "
                                        "its own sanitizer")
def test_a_case_cut_at_every_byte(case):
    library = Library(json.dumps(policy(mix=case.mix)).encode())
    reply = case.reply
    whole = library.run(case, [reply])
    if "status" not in case.head:
        assert whole[0] == case.forwarded
    for at in range(1, len(reply)):
        assert library.run(case, [reply[:at], reply[at:]]) == whole, at
    assert library.run(case, [reply[i:i + 1] for i in range(len(reply))]) == whole
    chance = random.Random(1)
    for _ in range(20):
        cuts = sorted(chance.randrange(len(reply)) for _ in range(9))
        assert library.run(case, [reply[a:b] for a, b in zip([0, *cuts],
                                                             [*cuts, len(reply)])]) == whole
