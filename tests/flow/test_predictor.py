# SPDX-License-Identifier: Apache-2.0
"""nginx decides prompt by prompt as core does, and never with weights that are not whole."""
import collections
import concurrent.futures
import http.client
import json
import random
import struct
import subprocess
import time

import pytest

from gateway import LEVELS, ROOT, policy, sanitized

WEIGHTS = ROOT / "data/predictor/default.weights"
SPROUT = ROOT / "build/sprout"
PROMPTS = 500 if sanitized() else 10000
FILE = "predictor.weights"


def weights_id(data):
    """Where core/predict_model.h has the checksum."""
    return f"{struct.unpack_from('<Q', data, 24)[0]:016x}"


def predicting(**changes):
    """A policy whose price makes every level the best one for some prompts."""
    made = {"file": FILE, "id": weights_id(WEIGHTS.read_bytes()), "decides": True,
            "ng_per_token": 700000, "ng_per_quality": 300000000, "tie_ng": 1,
            "split": 32768, "correction": [0.0, 0.0, 0.0]}
    made.update(changes)
    return made


def put_weights(gateway, data=None):
    temporary = gateway.folder / "weights.tmp"
    temporary.write_bytes(WEIGHTS.read_bytes() if data is None else data)
    temporary.rename(gateway.folder / FILE)


def with_predictor(start, mix=(0.0, 1.0, 0.0), predictor=None, **changes):
    gateway = start()
    put_weights(gateway)
    gateway.write_policy(policy(id="p-predict", mix=mix,
                                predictor=predictor or predicting(), **changes))
    gateway.wait_policy("p-predict")
    return gateway


def prompts(count):
    """Questions of the demo, and as many made of them as are wanted; all different."""
    texts = []
    for name in ("gsm8k", "mmlu", "triviaqa", "mtbench"):
        for line in (ROOT / f"data/demo/{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            texts.append(row["prompt"] if "prompt" in row else row["turns"][0])
    chance = random.Random(5)
    seen = set(texts)
    while len(seen) < count:
        words = chance.choice(texts).split(" ")
        cut = chance.randrange(1, len(words) + 1)
        more = chance.choice(texts) if chance.random() < 0.5 else ""
        seen.add(" ".join(words[:cut]) + " " + more * chance.choice([1, 1, 1, 9]))
    return sorted(seen)[:count]


def body_of(text):
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})


def ask_all(gateway, bodies):
    """Sprout-Level and Sprout-Reason of each, in order, over a few kept connections."""
    def ask(share):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        got = []
        for body in share:
            connection.request("POST", "/v1/chat/completions", body.encode())
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            got.append((response.headers["Sprout-Level"], response.headers["Sprout-Reason"]))
        connection.close()
        return got

    quarter = -(-len(bodies) // 4)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        shares = [bodies[i * quarter:(i + 1) * quarter] for i in range(4)]
        return [one for part in pool.map(ask, shares) for one in part]


def by_core(gateway, bodies):
    """The same by `sprout policy test`, which links what the simulator links."""
    file = gateway.folder / "bodies.jsonl"
    file.write_text("".join(body + "\n" for body in bodies))
    out = subprocess.run([SPROUT, "policy", "test", "--dir", gateway.folder, "--json",
                          "--bodies", file], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def by_kind():
    """The strata of a planner that has a predictor, the mix of maths unlike the others."""
    [all_] = policy(mix=(0.0, 1.0, 0.0))["strata"]
    mixes = {"other": [0.0, 1.0, 0.0], "maths": [0.0, 0.0, 1.0], "code": [1.0, 0.0, 0.0]}
    return [all_, *({**all_, "name": kind, "mix": mix} for kind, mix in mixes.items())]


def test_nginx_and_core_give_every_prompt_the_same_level(start, upstream):
    moved = predicting(correction_of={"maths": [0.0, -0.1, -0.2]})
    gateway = with_predictor(start, predictor=moved, strata=by_kind())
    bodies = [body_of(text) for text in prompts(PROMPTS)]
    got = ask_all(gateway, bodies)
    expected = by_core(gateway, bodies)
    assert got == [(one["level"], one["reason"]) for one in expected]
    strata = collections.Counter(r["stratum"] for r in gateway.journal.wait_for(PROMPTS))
    assert strata == collections.Counter(one["predicted"]["kind"] for one in expected)
    gateway.write_policy(policy(id="p-plain", predictor=predicting(), strata=by_kind()))
    plain = by_core(gateway, bodies)
    assert {one["predicted"]["kind"] for one, was in zip(expected, plain)
            if one["level"] != was["level"]} == {"maths"}
    mix = {"other": "L1", "maths": "L2", "code": "L0"}  # of those unlike what was trained on
    assert all(one["level"] == mix[one["predicted"]["kind"]] for one in expected
               if one["reason"] == "mix")
    levels = [level for level, _ in got]
    for name, _ in LEVELS:  # a price that decides nothing would prove nothing
        assert levels.count(name) > PROMPTS // 100, name
    assert sum(reason == "predicted" for _, reason in got) > PROMPTS // 4
    if PROMPTS >= 10000:  # some are unlike: their stratum's mix decides
        assert any(reason == "mix" for _, reason in got)
    directive = dict(LEVELS)
    sent = {exchange.json["messages"][0]["content"] for exchange in upstream.exchanges}
    for body, (level, _) in zip(bodies, got):
        text = json.loads(body)["messages"][0]["content"]
        more = "\n\n" + directive[level] if directive[level] else ""
        assert text + more in sent


def test_the_simulators_own_prediction_is_the_one_that_decides(start):
    """Fed through the scanner in pieces, or as the simulator reads it: the same numbers."""
    gateway = with_predictor(start)
    text = "Ein \u00e4lterer Mann \u2014 \"wie alt\" ist er?\nIn the year 1999 he was 45. " * 80
    file = gateway.folder / "prompt.txt"
    file.write_text(text)
    [through] = by_core(gateway, [body_of(text)])
    alone = subprocess.run([SPROUT, "predictor", "--prompt", file, "--json",
                            gateway.folder / FILE],
                           capture_output=True, text=True, check=True)
    said = json.loads(alone.stdout)
    for member in ("kind", "unlike", "quality", "tokens"):
        assert through["predicted"][member] == said[member]


def test_the_journal_has_what_was_predicted(start):
    gateway = with_predictor(start)
    gateway.chat(body_of("Tom has 3 apples and buys 5 more. He gives 2 to Ann. How many apples does Tom have left?").encode())
    [record] = gateway.journal.wait_for(1)
    kind, *numbers = record["predicted"].split()
    assert kind == "maths" and len(numbers) == 6
    assert 0.95 < sum(map(int, numbers[:3])) / 65536 < 1.05


def wait_predictor(gateway, expected, timeout=3.0):
    until = time.monotonic() + timeout
    while gateway.status()["predictor"] != expected:
        assert time.monotonic() < until, (gateway.status(), gateway.errors())
        time.sleep(0.01)


def test_a_flipped_bit_never_decides(start):
    good = WEIGHTS.read_bytes()
    gateway = with_predictor(start)
    wait_predictor(gateway, weights_id(good))
    for at in (0, 25, 5000, len(good) - 1):
        damaged = bytearray(good)
        damaged[at] ^= 4
        put_weights(gateway, bytes(damaged))
        wait_predictor(gateway, None)
        status, headers, _ = gateway.chat(body_of("Who was the first king?").encode())
        assert (status, headers["Sprout-Level"], headers["Sprout-Reason"]) == (200, "L1", "mix")
        put_weights(gateway)
        wait_predictor(gateway, weights_id(good))
    assert gateway.status()["predictor_errors"] == 4
    assert gateway.errors().count("the policy's mixes hold") == 4


def test_a_bit_flipped_in_place_is_noticed_too(start):
    gateway = with_predictor(start)
    wait_predictor(gateway, weights_id(WEIGHTS.read_bytes()))
    with open(gateway.folder / FILE, "r+b") as file:
        file.seek(100000)
        byte = file.read(1)
        file.seek(100000)
        file.write(bytes([byte[0] ^ 1]))
    wait_predictor(gateway, None)


@pytest.mark.parametrize("what", ["missing", "cut short", "of other weights", "empty"])
def test_without_the_weights_named_the_mix_decides(start, what):
    good = WEIGHTS.read_bytes()
    predictor = predicting(id="00" * 8) if what == "of other weights" else predicting()
    gateway = start()
    if what != "missing":
        put_weights(gateway, {"cut short": good[:-1000], "empty": b""}.get(what, good))
    gateway.write_policy(policy(id="p-predict", predictor=predictor))
    gateway.wait_policy("p-predict")
    _, headers, _ = gateway.chat(body_of("Who was the first king?").encode())
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L1", "mix")
    assert gateway.status()["predictor"] is None
    assert gateway.status()["predictor_errors"] == 1
    if what == "missing":  # put there later, it is taken
        put_weights(gateway)
        wait_predictor(gateway, weights_id(good))


def test_a_rule_protects_a_predicted_kind(start):
    gateway = with_predictor(
        start, predictor=predicting(ng_per_quality=0),
        rules=[{"name": "maths", "match": {"kind": "maths"}, "levels": ["L0"]}])
    maths = body_of("Tom has 3 apples and buys 5 more. He gives 2 to Ann. How many apples "
                    "does Tom have left?").encode()
    _, headers, _ = gateway.chat(maths)
    assert (headers["Sprout-Level"], headers["Sprout-Reason"]) == ("L0", "predicted; rule=maths")
    _, headers, _ = gateway.chat(body_of("Who was the first king of England?").encode())
    assert headers["Sprout-Level"] == "L2"


def test_every_turn_of_a_conversation_says_the_same(start):
    gateway = with_predictor(start)
    first = {"role": "user", "content": "Write a long story about a king and his horse."}
    turns = [first, {"role": "assistant", "content": "Once..."},
             {"role": "user", "content": "What is 2 + 2?"}]
    seen = set()
    for n in (1, 3):
        body = json.dumps({"model": "m", "messages": turns[:n]}).encode()
        seen.add(gateway.chat(body)[1]["Sprout-Level"])
    records = gateway.journal.wait_for(2)
    assert len(seen) == 1
    assert len({record["predicted"] for record in records}) == 1
