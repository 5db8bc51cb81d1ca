# SPDX-License-Identifier: Apache-2.0
"""A scripted inference server that records what it was sent, byte for byte.

It answers each request with the next scripted Reply (or the default: a chat completion, a
stream if the request asks for one), piece by piece, and notes when its peer hung up.  Runs
its own event loop in a thread; loopback, a free port.  Nothing here sleeps but a Reply that
says so.
"""
import asyncio
import json
import threading
import time
from dataclasses import dataclass, field

STALL = object()  # a piece: send nothing more, wait until the peer hangs up
DIE = object()  # a piece: close the connection in mid-reply


@dataclass
class Reply:
    pieces: list = field(default_factory=list)  # bytes, seconds (float), STALL, DIE
    status: str = "200 OK"
    headers: list = field(default_factory=lambda: [("Content-Type", "application/json")])
    framing: str = "length"  # length | chunked | close | none


@dataclass
class Exchange:
    method: str
    target: str
    headers: list  # (name, value) as they came
    body: bytes
    connection: int
    arrived: float
    closed: float | None = None  # when the peer hung up in mid-reply
    sent: int = 0

    def header(self, name):
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)


def chat_reply(text="Four.", usage=(12, 3), **more):
    body = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": text}}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1],
                         "total_tokens": sum(usage)}
    body.update(more)
    return Reply([json.dumps(body).encode()])


def event(data):
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return b"data: " + text.encode() + b"\n\n"


def chunk(choices, **more):
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "m-1", "choices": choices, **more}


def stream_events(words=("Fo", "ur", "."), usage=None):
    """The events of one streamed chat completion, as a list of bytes."""
    null = {"usage": None} if usage else {}
    events = [event(chunk([{"index": 0, "delta": {"role": "assistant", "content": ""},
                            "finish_reason": None}], **null))]
    for word in words:
        events.append(event(chunk([{"index": 0, "delta": {"content": word},
                                    "finish_reason": None}], **null)))
    events.append(event(chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}], **null)))
    if usage:
        events.append(event(chunk([], usage={
            "prompt_tokens": usage[0], "completion_tokens": usage[1],
            "total_tokens": sum(usage)})))
    events.append(event("[DONE]"))
    return events


def stream_reply(pieces, framing="chunked"):
    return Reply(list(pieces), headers=[("Content-Type", "text/event-stream")],
                 framing=framing)


def default_reply(exchange):
    """What a well-behaved server answers: usage on a stream only if asked for."""
    try:
        request = json.loads(exchange.body)
    except ValueError:
        return chat_reply()
    if not isinstance(request, dict) or not request.get("stream"):
        return chat_reply()
    asked = (request.get("stream_options") or {}).get("include_usage")
    return stream_reply(stream_events(usage=(12, 3) if asked else None))


class Upstream:
    def __init__(self, port=0):
        self.exchanges = []
        self.connections = 0
        self.port = port  # 0: a free one
        self._replies = []
        self.default = default_reply  # what answers where nothing is scripted
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    # -- what a test says and asks ----------------------------------------------------
    def script(self, *replies):
        """Replies for the next requests, in order; callables get the exchange."""
        self._replies.extend(replies)

    def wait_for(self, count, timeout=5.0):
        return self._wait(lambda: len(self.exchanges) >= count and self.exchanges, timeout)

    def wait_closed(self, exchange, timeout=5.0):
        return self._wait(lambda: exchange.closed, timeout)

    def wait_sent(self, exchange, sent, timeout=5.0):
        return self._wait(lambda: exchange.sent >= sent, timeout)

    @property
    def last(self):
        return self.exchanges[-1]

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    # -- the server ------------------------------------------------------------------
    def _wait(self, condition, timeout):
        with self._changed:
            assert self._changed.wait_for(condition, timeout), "upstream: nothing came"
            return condition()

    def _notify(self):
        with self._changed:
            self._changed.notify_all()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader, writer):
        self.connections += 1
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader, writer, number):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = lines[0].split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        names = {name.lower(): value for name, value in headers}
        body = b""
        if "chunked" in names.get("transfer-encoding", ""):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        elif "content-length" in names:
            body = await reader.readexactly(int(names["content-length"]))
        exchange = Exchange(method, target, headers, body, number, time.monotonic())
        self.exchanges.append(exchange)
        self._notify()
        reply = self._replies.pop(0) if self._replies else self.default
        if callable(reply):
            reply = reply(exchange)
        return await self._send(exchange, reply, reader, writer)

    async def _send(self, exchange, reply, reader, writer):
        gone = asyncio.ensure_future(reader.read(1))
        head = [f"HTTP/1.1 {reply.status}"] + [f"{n}: {v}" for n, v in reply.headers]
        if reply.framing == "length":
            length = sum(len(p) for p in reply.pieces if isinstance(p, bytes))
            head.append(f"Content-Length: {length}")
        elif reply.framing == "chunked":
            head.append("Transfer-Encoding: chunked")
        elif reply.framing == "close":
            head.append("Connection: close")
        if reply.pieces[:1] != [STALL]:  # else: not even a header
            writer.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        try:
            for piece in reply.pieces:
                if piece is DIE:
                    return False
                if piece is STALL or isinstance(piece, float):
                    timeout = None if piece is STALL else piece
                    await asyncio.wait([gone], timeout=timeout)
                elif reply.framing == "chunked":
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                else:
                    writer.write(piece)
                await writer.drain()
                if gone.done():
                    exchange.closed = time.monotonic()
                    self._notify()
                    return False
                if isinstance(piece, bytes):
                    exchange.sent += len(piece)
                    self._notify()
                    await asyncio.sleep(0)
            if reply.framing == "chunked":
                writer.write(b"0\r\n\r\n")
            await writer.drain()
        except ConnectionError:
            exchange.closed = time.monotonic()
            self._notify()
            return False
        finally:
            if not gone.done():
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
        return reply.framing != "close"
