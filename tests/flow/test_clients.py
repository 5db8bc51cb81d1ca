# SPDX-License-Identifier: Apache-2.0
"""The official openai client against the gateway and against the server directly.

The same shapes and no exception, with and without the gateway; and a recording upstream
shows that a directive is there or not exactly as the rules say."""
import asyncio

import pytest

openai = pytest.importorskip("openai", reason="openai is not installed (make venv)")

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}

# What is asked, and the reason that goes with it; "mix" means that a directive is added.
CASES = {
    "plain": ({"messages": QUESTION}, "mix"),
    "system": ({"messages": [{"role": "system", "content": "Be kind."}, *QUESTION]}, "mix"),
    "parts": ({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is the capital of France?"}]}]}, "mix"),
    "turns": ({"messages": [*QUESTION, {"role": "assistant", "content": "Paris."},
                            {"role": "user", "content": "And of Italy?"}]}, "mix"),
    "unicode": ({"messages": [{"role": "user", "content": "Wie hei\u00dft \u6771\u4eac \U0001f5fc?"}]},
                "mix"),
    "tools": ({"messages": QUESTION, "tools": [TOOL]}, "tools"),
    "json_object": ({"messages": QUESTION, "response_format": {"type": "json_object"}},
                    "response-format"),
    "json_schema": ({"messages": QUESTION, "response_format": SCHEMA}, "response-format"),
}
STREAMS = {"whole": {}, "stream": {"stream": True},
           "usage": {"stream": True, "stream_options": {"include_usage": True}}}


def shape(value):
    """Keys and types, without the values: what a program that parses it depends on."""
    if isinstance(value, dict):
        return {key: shape(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "text" if isinstance(value, str) else type(value).__name__


def paths(value, at=""):
    """Every member that occurs in a stream, with its type."""
    if isinstance(value, dict):
        return {path for key in value for path in paths(value[key], f"{at}.{key}")}
    if isinstance(value, list):
        return {path for item in value for path in paths(item, at + "[]")}
    return {(at, "text" if isinstance(value, str) else type(value).__name__)}


# What asking for usage changes in the other chunks: `usage: null` (U1), and llama.cpp then
# puts its timings into the usage chunk.  Its first chunk, with the role, is missing when the
# first token is not yet a whole character, with and without a gateway.
def unsettled(path):
    return (path[0].startswith("[].timings") or path == ("[].usage", "NoneType")
            or path[0] == "[].choices[].delta.role" or path[1] == "NoneType")


def ask(url, request):
    client = openai.OpenAI(base_url=url + "/v1", api_key="sk-test", max_retries=0, timeout=120)
    with client:
        if request.get("stream"):
            with client.chat.completions.create(**request) as stream:
                return [chunk.model_dump(exclude_unset=True) for chunk in stream]
        return client.chat.completions.create(**request).model_dump(exclude_unset=True)


async def ask_async(url, request):
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="sk-test", max_retries=0,
                                  timeout=120) as client:
        if request.get("stream"):
            stream = await client.chat.completions.create(**request)
            return [chunk.model_dump(exclude_unset=True) async for chunk in stream]
        answer = await client.chat.completions.create(**request)
        return answer.model_dump(exclude_unset=True)


def ask_either(kind, url, request):
    return asyncio.run(ask_async(url, request)) if kind == "async" else ask(url, request)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("how", STREAMS)
@pytest.mark.parametrize("case", CASES)
def test_openai_against_a_recording_upstream(gateway, upstream, case, how, kind):
    members, reason = CASES[case]
    request = {"model": "m", **members, **STREAMS[how]}
    direct = ask_either(kind, f"http://127.0.0.1:{upstream.port}", request)
    plain = upstream.last.json
    through = ask_either(kind, gateway.url, request)
    asked = how == "stream" and reason == "mix"  # else the body passes byte for byte
    if asked:
        for each in through:
            assert each.pop("usage") is None  # U1: the price of asking
    assert through == direct
    sent = upstream.last.json

    # Undo what the rules allow to be added; what is left is what the client sent.
    if asked:
        assert sent.pop("stream_options") == {"include_usage": True}
    if reason == "mix":
        first = sent["messages"][0]
        if isinstance(first["content"], list):
            assert first["content"].pop() == {"type": "text", "text": "Answer briefly."}
        else:
            assert first["content"].endswith("\n\nAnswer briefly.")
            first["content"] = first["content"].removesuffix("\n\nAnswer briefly.")
    assert sent == plain
    [record] = gateway.journal.wait_for(1)
    assert (record["reason"], record["outcome"]) == (reason, "ok")
    assert record["level"] == ("L1" if reason == "mix" else "L0")
    known = how != "stream" or asked
    assert record["usage"] == ("reported" if known else "estimated")
    assert record["tokens"]["prompt"] == (12 if known else None)
    assert record["tokens"]["completion"] == 3


@pytest.mark.parametrize("case, how", [
    ("plain", "whole"), ("plain", "stream"), ("plain", "usage"), ("parts", "whole"),
    ("unicode", "stream"), ("tools", "whole"), ("tools", "stream"), ("json_object", "whole")])
def test_openai_against_llama_cpp(start, llama, case, how):
    members, reason = CASES[case]
    gateway = start(upstream_port=int(llama["url"].rsplit(":", 1)[1]))
    request = {"model": llama["model"], "max_tokens": 18, "temperature": 0,
               **members, **STREAMS[how]}
    kind = "async" if case in ("plain", "tools") else "sync"
    direct = ask_either(kind, llama["url"], request)
    through = ask_either(kind, gateway.url, request)
    if how == "whole":
        assert shape(through) == shape(direct)
    else:
        assert {p for p in paths(through) ^ paths(direct) if not unsettled(p)} == set()
        if how == "usage":
            assert through[-1]["choices"] == [] and through[-1]["usage"]["prompt_tokens"] > 0
        else:
            assert all(chunk["choices"] for chunk in through)
    [record] = gateway.journal.wait_for(1)
    assert (record["reason"], record["outcome"], record["usage"]) == (
        reason, "ok", "reported")
    assert record["tokens"]["prompt"] > 0 and record["tokens"]["completion"] > 0


def test_raw_responses_and_request_ids(gateway):
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-test", max_retries=0)
    raw = client.chat.completions.with_raw_response.create(model="m", messages=QUESTION)
    assert raw.parse().choices[0].message.content == "Four."
    assert raw.headers["sprout-level"] == "L1"


def test_errors_are_the_clients_own_classes(start):
    from gateway import free_port
    gateway = start(location="sprout_max_body 500;", upstream_port=free_port())
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-test", max_retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="m", messages=QUESTION)
    assert caught.value.status_code == 502 and caught.value.code == "upstream_unreachable"
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="m", messages=[
            {"role": "user", "content": "x" * 1000}])
    assert caught.value.status_code == 413 and caught.value.code == "request_too_large"


def test_a_closed_stream_is_cancelled_upstream(gateway, upstream):
    from upstream import STALL, stream_events, stream_reply
    upstream.script(stream_reply(stream_events()[:2] + [STALL]))
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-test", max_retries=0)
    stream = client.chat.completions.create(model="m", messages=QUESTION, stream=True)
    next(iter(stream))
    next(iter(stream))
    stream.close()
    upstream.wait_closed(upstream.last, timeout=2)
    [record] = gateway.journal.wait_for(1)
    assert record["outcome"] == "client_closed"
