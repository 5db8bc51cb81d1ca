# SPDX-License-Identifier: Apache-2.0
"""What people build with: LiteLLM and LangChain as libraries, and the npm clients `openai` and
`ai`, each directly and through the gateway, with the same scripted replies and the same
results.  Needs `scripts/make-sdk`; what is missing is skipped and says so."""
import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

from gateway import ROOT

sys.path.insert(0, str(ROOT / "tests/flow"))

from test_sdk import plain, reply  # noqa: E402

NPM = ROOT / "build/sdk/node_modules"
DIRECTIVE = "Why?\n\nAnswer briefly."
ASK = [{"role": "user", "content": "Why?"}]
LOOP = asyncio.new_event_loop()  # one for all: these libraries keep their connections
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched


def need(module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed (scripts/make-sdk)")
    return importlib.import_module(module)


def settled(value):
    """Without what a client makes up itself: ids and times."""
    if isinstance(value, dict):
        return {key: settled(one) for key, one in value.items()
                if key not in ("id", "created", "response_ms", "_response_ms")}
    return [settled(one) for one in value] if isinstance(value, list) else value


def litellm_options(url):
    return {"model": "openai/m", "api_base": f"{url}/v1", "api_key": "k", "messages": ASK,
            "num_retries": 0}


def litellm_whole(url):
    return settled(plain(need("litellm").completion(**litellm_options(url))))


def litellm_stream(url):
    return settled(plain(list(need("litellm").completion(**litellm_options(url), stream=True))))


def litellm_async(url):
    async def ask():
        return await need("litellm").acompletion(**litellm_options(url))
    return settled(plain(LOOP.run_until_complete(ask())))


def litellm_anthropic(url):
    return settled(plain(need("litellm").completion(
        model="anthropic/m", api_base=url, api_key="k", messages=ASK, max_tokens=99)))


def chat_model(url):
    return need("langchain_openai").ChatOpenAI(base_url=f"{url}/v1", api_key="k", model="m",
                                               max_retries=0)


def langchain_whole(url):
    return settled(plain(chat_model(url).invoke("Why?")))


def langchain_stream(url):
    return settled(plain(list(chat_model(url).stream("Why?"))))


def langchain_async(url):
    async def ask():
        return [one async for one in chat_model(url).astream("Why?")]
    return settled(plain(LOOP.run_until_complete(ask())))


def node(script):
    def call(url):
        if shutil.which("node") is None or not NPM.is_dir():
            pytest.skip("node or its packages are missing (scripts/make-sdk)")
        out = subprocess.run(["node", "--input-type=module", "-e", script], text=True,
                             capture_output=True, cwd=ROOT / "build/sdk", timeout=60,
                             env={**os.environ, "URL": f"{url}/v1"})
        assert out.returncode == 0, out.stderr
        return settled([json.loads(line) for line in out.stdout.splitlines()])
    return call


NODE_OPENAI = """
import OpenAI from "openai";
const client = new OpenAI({baseURL: process.env.URL, apiKey: "k", maxRetries: 0});
const ask = {model: "m", messages: [{role: "user", content: "Why?"}]};
"""
NODE_AI = """
import {createOpenAICompatible} from "@ai-sdk/openai-compatible";
import {generateText, streamText} from "ai";
const model = createOpenAICompatible({name: "x", baseURL: process.env.URL, apiKey: "k"})
    .chatModel("m");
"""

CALLS = {
    "litellm": (litellm_whole, "chat-whole"),
    "litellm, stream": (litellm_stream, "chat-stream"),
    "litellm, async": (litellm_async, "chat-whole"),
    "litellm, messages": (litellm_anthropic, "messages-whole"),
    "langchain": (langchain_whole, "chat-whole"),
    "langchain, stream": (langchain_stream, "chat-stream"),
    "langchain, async stream": (langchain_async, "chat-stream"),
    "node openai": (node(NODE_OPENAI + "console.log(JSON.stringify("
                         "await client.chat.completions.create(ask)));"), "chat-whole"),
    "node openai, stream": (node(NODE_OPENAI + "for await (const c of await "
                                 "client.chat.completions.create({...ask, stream: true}))"
                                 " console.log(JSON.stringify(c));"), "chat-stream"),
    "node ai": (node(NODE_AI + "const r = await generateText({model, prompt: 'Why?'});"
                     "console.log(JSON.stringify([r.text, r.finishReason]));"), "chat-whole"),
    "node ai, stream": (node(NODE_AI + "const r = streamText({model, prompt: 'Why?'});"
                             "for await (const t of r.textStream) "
                             "console.log(JSON.stringify(t));"), "chat-stream"),
}


def without_usage(value):
    """A client that did not ask for usage: the gateway did, and other chunks say null (U1)."""
    if isinstance(value, dict):
        return {key: without_usage(one) for key, one in value.items()
                if not (key == "usage" and one is None)}
    return [without_usage(one) for one in value] if isinstance(value, list) else value


def direct_reply(name, body):
    """What the server would send to a client that asked for usage or did not."""
    import test_sdk
    case = test_sdk.CASE[name]
    asked = b"include_usage" in body
    one = reply(name)
    one.pieces = [case.reply if asked or "stream" not in name else case.forwarded]
    return one


@pytest.mark.parametrize("name", CALLS)
def test_a_framework_gets_the_same_through_the_gateway(gateway, upstream, name):
    call, case = CALLS[name]
    upstream.script(reply(case))
    call(f"http://127.0.0.1:{upstream.port}")  # to see whether it asks for usage itself
    asks = upstream.last.body
    upstream.script(direct_reply(case, asks), reply(case))
    direct = call(f"http://127.0.0.1:{upstream.port}")
    through = call(gateway.url)
    assert without_usage(through) == without_usage(direct) and direct
    sent = json.loads(upstream.last.body)
    text = sent["messages"][-1]["content"]
    assert (text if isinstance(text, str) else text[-1]["text"]) in (
        DIRECTIVE, "Answer briefly.")
    [record] = gateway.journal.wait_for(1)
    assert (record["level"], record["outcome"], record["usage"]) == ("L1", "ok", "reported")
