# SPDX-License-Identifier: Apache-2.0
"""The official clients of every API, directly and through the gateway: the same results.

Each call is made twice with the same scripted reply; what the client returns must be equal,
and what upstream received must be the client's bytes with the directive spliced in, or the
client's bytes.  Chat with the openai client is test_clients.py's; the real server is llama.cpp.
"""
import asyncio
import json

import anthropic
import ollama
import openai
import pytest

from gateway import policy
from test_corpus import CASES, Case
from upstream import Reply

DIRECTIVE = "\n\nAnswer briefly."
CASE = {path.stem: Case(path) for path in CASES}


def reply(name):
    case = CASE[name]
    return Reply([case.reply], headers=[("Content-Type", case.type)],
                 framing="chunked" if "stream" in name else "length")


def plain(value):
    """What a client returned, as comparable data."""
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


async def collect(stream):
    return [one async for one in stream]


def openai_sync(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)


def openai_async(url):
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)


def claude(url):
    return anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)


COMPLETE = {"model": "m", "prompt": "Once"}
RESPOND = {"model": "m", "input": "Why?"}
MESSAGE = {"model": "m", "max_tokens": 1024, "messages": [{"role": "user", "content": "Why?"}]}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}
OLLAMA = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}


def raw_completion(url):
    raw = openai_sync(url).completions.with_raw_response.create(**COMPLETE)
    return [raw.status_code, plain(raw.parse())]


def raw_response(url):
    raw = openai_sync(url).responses.with_raw_response.create(**RESPOND)
    return [raw.status_code, plain(raw.parse())]


def messages_helper(url):
    with claude(url).messages.stream(**MESSAGE) as stream:
        texts = list(stream.text_stream)
        return [texts, plain(stream.get_final_message())]


async def messages_async(url):
    client = anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0)
    async with client.messages.stream(**MESSAGE) as stream:
        return plain(await stream.get_final_message())


async def respond_async(url):
    return plain(await collect(await openai_async(url).responses.create(**RESPOND, stream=True)))


async def complete_async(url):
    return plain(await openai_async(url).completions.create(**COMPLETE))


async def ollama_async(url):
    return plain(await ollama.AsyncClient(host=url).chat(**OLLAMA))


async def ollama_async_stream(url):
    return plain(await collect(await ollama.AsyncClient(host=url).chat(**OLLAMA, stream=True)))


# name: (call, reply's case, is the request touched at L1?)
CALLS = {
    "completions": (lambda u: plain(openai_sync(u).completions.create(**COMPLETE)),
                    "completions-whole", False),
    "completions, stream": (lambda u: plain(list(openai_sync(u).completions.create(
        **COMPLETE, stream=True))), "completions-stream", False),
    "completions, async": (lambda u: asyncio.run(complete_async(u)), "completions-whole", False),
    "completions, raw": (raw_completion, "completions-whole", False),
    "responses": (lambda u: plain(openai_sync(u).responses.create(**RESPOND)),
                  "responses-whole", True),
    "responses, stream": (lambda u: plain(list(openai_sync(u).responses.create(
        **RESPOND, stream=True))), "responses-stream", True),
    "responses, async stream": (lambda u: asyncio.run(respond_async(u)),
                                "responses-stream", True),
    "responses, raw": (raw_response, "responses-whole", True),
    "responses, continued": (lambda u: plain(openai_sync(u).responses.create(
        **RESPOND, previous_response_id="resp_0")), "responses-whole", True),
    "responses, schema": (lambda u: plain(openai_sync(u).responses.create(
        **RESPOND, text={"format": {"type": "json_object"}})), "responses-whole", False),
    "messages": (lambda u: plain(claude(u).messages.create(**MESSAGE)), "messages-whole", True),
    "messages, events": (lambda u: plain(list(claude(u).messages.create(
        **MESSAGE, stream=True))), "messages-stream", True),
    "messages, helper": (messages_helper, "messages-stream", True),
    "messages, async helper": (lambda u: asyncio.run(messages_async(u)),
                               "messages-stream", True),
    "messages, tools": (lambda u: plain(claude(u).messages.create(**MESSAGE, tools=[TOOL])),
                        "messages-whole", False),
    "ollama chat": (lambda u: plain(ollama.Client(host=u).chat(**OLLAMA)),
                    "ollama-chat-whole", True),
    "ollama chat, stream": (lambda u: plain(list(ollama.Client(host=u).chat(
        **OLLAMA, stream=True))), "ollama-chat-stream", True),
    "ollama chat, async": (lambda u: asyncio.run(ollama_async(u)), "ollama-chat-whole", True),
    "ollama chat, async stream": (lambda u: asyncio.run(ollama_async_stream(u)),
                                  "ollama-chat-stream", True),
    "ollama chat, format": (lambda u: plain(ollama.Client(host=u).chat(
        **OLLAMA, format="json")), "ollama-chat-whole", False),
    "ollama generate": (lambda u: plain(ollama.Client(host=u).generate(
        model="m", prompt="Why?")), "ollama-generate-whole", True),
    "ollama generate, stream": (lambda u: plain(list(ollama.Client(host=u).generate(
        model="m", prompt="Why?", stream=True))), "ollama-generate-stream", True),
}


def texts_of(body):
    """Every string in a body, in order."""
    if isinstance(body, str):
        return [body]
    children = body.values() if isinstance(body, dict) else body if isinstance(body, list) else []
    return [text for child in children for text in texts_of(child)]


@pytest.mark.parametrize("name", CALLS)
def test_a_client_gets_the_same_through_the_gateway(start, upstream, name):
    call, case, touched = CALLS[name]
    gateway = start(policy=policy())
    upstream.script(reply(case), reply(case))
    direct = call(f"http://127.0.0.1:{upstream.port}")
    through = call(gateway.url)
    assert through == direct and direct
    asked, sent = (exchange.body for exchange in upstream.exchanges)
    if touched:
        assert texts_of(json.loads(sent)) == [
            text + DIRECTIVE if text == "Why?" else text for text in texts_of(json.loads(asked))]
        assert len(sent) == len(asked) + len(json.dumps(DIRECTIVE)) - 2
    else:
        assert sent == asked
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "ok" and (record["level"] == "L1") == touched


def test_counting_tokens_is_not_generating(start, upstream):
    """A count must be of the client's own text (N8)."""
    gateway = start(policy=policy())
    upstream.script(Reply([b'{"input_tokens":14}']), Reply([b'{"input_tokens":14}']))
    ask = {"model": "m", "messages": MESSAGE["messages"]}
    direct = claude(f"http://127.0.0.1:{upstream.port}").messages.count_tokens(**ask)
    assert plain(claude(gateway.url).messages.count_tokens(**ask)) == plain(direct)
    assert upstream.exchanges[0].body == upstream.exchanges[1].body


@pytest.mark.parametrize("call, error", [
    (lambda u: openai_sync(u).responses.create(**RESPOND), openai.RateLimitError),
    (lambda u: claude(u).messages.create(**MESSAGE), anthropic.RateLimitError),
    (lambda u: ollama.Client(host=u).chat(**OLLAMA), ollama.ResponseError)])
def test_an_error_of_the_server_is_the_same_error(start, upstream, call, error):
    gateway = start(policy=policy())
    seen = []
    for url in (f"http://127.0.0.1:{upstream.port}", gateway.url):
        upstream.script(Reply([b'{"error":{"message":"slow down"}}'],
                              status="429 Too Many Requests"))
        with pytest.raises(error) as caught:
            call(url)
        seen.append(str(caught.value))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("call, error", [
    (lambda u: openai_sync(u).responses.create(**RESPOND), openai.InternalServerError),
    (lambda u: claude(u).messages.create(**MESSAGE), anthropic.InternalServerError),
    (lambda u: ollama.Client(host=u).chat(**OLLAMA), ollama.ResponseError)])
def test_an_error_of_the_gateway_is_one_that_the_client_knows(start, call, error):
    from gateway import free_port
    gateway = start(upstream_port=free_port())  # nobody there: 502
    with pytest.raises(error):
        call(gateway.url)


def shape(value):
    """The names and types of a value, lists by what is in them."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(one), sort_keys=True) for one in value})
    return "number" if isinstance(value, (int, float)) else type(value).__name__


SHORT = {"max_tokens": 24, "temperature": 0}
REAL = {
    "completions": lambda u, m: openai_sync(u).completions.create(
        model=m, prompt="The sky is", **SHORT),
    "responses": lambda u, m: openai_sync(u).responses.create(
        model=m, input="Say hello.", max_output_tokens=24, temperature=0),
    "messages": lambda u, m: claude(u).messages.create(
        model=m, messages=[{"role": "user", "content": "Say hello."}], max_tokens=24),
    "responses, stream": lambda u, m: [one for one in openai_sync(u).responses.create(
        model=m, input="Say hello.", max_output_tokens=24, stream=True)][-1],
    "messages, stream": lambda u, m: list(claude(u).messages.create(
        model=m, messages=[{"role": "user", "content": "Say hello."}], max_tokens=24,
        stream=True))[-1],
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_server_gives_the_same_shapes(start, llama, name):
    gateway = start(upstream_port=int(llama["url"].rsplit(":", 1)[1]))
    direct = plain(REAL[name](llama["url"], llama["model"]))
    through = plain(REAL[name](gateway.url, llama["model"]))
    assert shape(through) == shape(direct)
    [record] = gateway.journal.wait_for(1)
    assert (record["outcome"], record["usage"]) == ("ok", "reported")
    assert record["tokens"]["completion"] > 0
