# SPDX-License-Identifier: Apache-2.0
"""`sprout policy`: what is in force, why, and what would happen to a request."""
import json
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from gateway import ROOT, policy, rfc3339

SPROUT = ROOT / "build/sprout"
RULES = [
    {"name": "maths", "match": {"model": "*math*"}, "off": False, "levels": ["L0"],
     "force": False, "receipts": False, "mix": [[1.0, 0.0, 0.0]]},
    {"name": "partner", "match": {"header": "x-partner", "header_value": "a*"},
     "off": True},
    {"name": "careful", "match": {"route": "/team/*"}, "off": False, "floor": 0.98,
     "mix": [[0.6, 0.4, 0.0]]},
]


@pytest.fixture
def folder(tmp_path):
    def write(**changes):
        made = policy(mix=(0.25, 0.5, 0.25), **changes)
        (tmp_path / "policy.json").write_text(json.dumps(made))
        return tmp_path
    return write


def sprout(*args, stdin=None):
    done = subprocess.run([SPROUT, "policy", *map(str, args)], input=stdin, text=True,
                          capture_output=True, timeout=60)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test(*args, stdin=None):
    code, out, err = sprout("test", "--json", *args, stdin=stdin)
    assert (code, err) == (0, "")
    return json.loads(out)


test.__test__ = False


def test_the_policy_in_force_is_shown(folder):
    code, out, _ = sprout("--dir", folder(rules=RULES))
    assert code == 0
    assert "policy   p-1" in out
    assert "grid     473 g/kWh, zone GB, assumed" in out
    assert "published prior, not measured here" in out
    assert "L1    50.0 %  Answer briefly." in out
    assert "partner" in out and "off" in out
    _, out, _ = sprout("show", "--json", "--dir", folder(rules=RULES))
    assert json.loads(out)["rules"][0]["name"] == "maths"


def test_it_is_explained_in_words_and_for_programs(folder):
    where = folder()
    code, out, _ = sprout("explain", "--dir", where)
    assert code == 0
    for part in ("The grid emits 473 g/kWh in zone GB (assumed", "0.9 of L0's",
                 "published prior, not measured here", "in the mix", "less carbon"):
        assert part in out, out
    _, out, _ = sprout("explain", "--json", "--dir", where)
    said = json.loads(out)
    l0, l1, _ = said["levels"]
    # Equation 1 with the policy's own figures: 1200 J and 8 s at 473 g/kWh.
    assert l0["grams"] == pytest.approx(473 * 1200 / 3.6e6 + 26356.568 / 157680000 * 8)
    assert l1["quality"] == pytest.approx(0.38 / 0.40)
    mix = sum(level["share"] * level["grams"] for level in said["levels"])
    assert said["mix"]["saved"] == pytest.approx(1 - mix / l0["grams"])
    assert said["floor"]["why"] == ""  # no plan.json: not invented


def test_an_unknown_grid_is_told_as_such(folder):
    where = folder(grid={"zone": "-", "g_per_kwh": None, "source": "none",
                         "quality": "none", "at": "2026-11-23T08:00:00Z"})
    assert "The grid is not known now" in sprout("explain", "--dir", where)[1]
    said = json.loads(sprout("explain", "--json", "--dir", where)[1])
    assert said["levels"][0]["grams"] is None and said["mix"]["saved"] is None


def test_an_expired_policy_says_so(folder):
    past = datetime.now(timezone.utc) - timedelta(hours=1)
    where = folder(created=rfc3339(past - timedelta(hours=1)), valid_until=rfc3339(past))
    assert "EXPIRED" in sprout("--dir", where)[1]
    said = test("--dir", where)
    assert (said["level"], said["reason"]) == ("L0", "policy-expired")
    assert json.loads(sprout("explain", "--json", "--dir", where)[1])["in_force"] is False


def test_a_rule_says_what_happens(folder):
    where = folder(rules=RULES)
    assert test("--dir", where, "--model", "gpt-math-1")["rule"] == "maths"
    assert test("--dir", where, "--model", "gpt-math-1")["shares"]["L0"] == 1
    assert test("--dir", where, "--model", "gpt-math-1")["receipts"] is False
    said = test("--dir", where, "--header", "X-Partner: acme")
    assert (said["rule"], said["reason"]) == ("partner", "rule-off")
    said = test("--dir", where, "--path", "/team/v1/chat/completions?x=1")
    assert said["rule"] == "careful"
    assert said["shares"]["L1"] == pytest.approx(0.4, abs=0.01)
    said = test("--dir", where, "--model", "other")
    assert said["rule"] is None
    assert said["shares"]["L1"] == pytest.approx(0.5, abs=0.01)


def test_what_a_client_asks_for_counts(folder):
    where = folder(rules=RULES)
    said = test("--dir", where, "--header", "Sprout-Level: L2")
    assert (said["level"], said["arm"]) == ("L2", "forced")
    said = test("--dir", where, "--model", "math", "--header", "Sprout-Level: L2")
    assert said["arm"] != "forced"  # the rule does not allow it
    said = test("--dir", where, "--header", "Sprout-Floor: 0.99")
    assert said["shares"]["L0"] == 1
    one, two = (test("--dir", where, "--header", "Sprout-Key: k")["level"] for _ in "ab")
    assert one == two is not None


def test_what_cannot_be_touched_says_why(folder):
    where = folder()
    assert test("--dir", where, "--tools")["reason"] == "tools"
    assert test("--dir", where, "--path", "/v1/embeddings")["reason"] == "not-chat"
    said = test("--dir", where, "--body", "-", stdin="{")
    assert (said["eligible"], said["reason"]) == (False, "not-json")


def test_it_says_of_a_body_what_the_gateway_does(start):
    """The same code decides, so forty conversations must agree, rules and arms included."""
    gateway = start(policy=policy(mix=(0.25, 0.5, 0.25), holdout=0.2, explore=0.2,
                                  rules=RULES))
    seen = set()
    for i in range(40):
        body = json.dumps({"model": "math" if i % 5 == 0 else "m",
                           "messages": [{"role": "user", "content": f"question {i}"}]})
        headers = {"X-Partner": "acme"} if i % 7 == 0 else {}
        _, answer, _ = gateway.chat(body.encode(), headers=headers)
        asked = [part for name, value in headers.items()
                 for part in ("--header", f"{name}: {value}")]
        said = test("--dir", gateway.folder, "--body", "-", *asked, stdin=body)
        rule = f"; rule={said['rule']}" if said["rule"] else ""
        assert (answer["Sprout-Level"], answer["Sprout-Reason"]) == \
            (said["level"], said["reason"] + rule), body
        seen.add((said["level"], said["reason"]))
    assert len(seen) >= 5  # levels and arms really vary


def test_wrong_use_is_told(folder, tmp_path):
    assert sprout("frobnicate")[0] == 2
    assert sprout("--dir")[0] == 2
    assert sprout("test", "--header", "no colon", "--dir", folder())[0] == 2
    code, _, err = sprout("--dir", tmp_path / "nowhere")
    assert code == 66 and "is `sprout up` running" in err
    (tmp_path / "policy.json").write_text("{\n\n!")
    code, _, err = sprout("--dir", tmp_path)
    assert code == 65 and "policy.json: line 3" in err
    (tmp_path / "policy.json").write_text('{\n"format": "x"}')
    code, _, err = sprout("--dir", tmp_path)
    assert code == 65 and "policy.json: format: found a text" in err
    for command in (["predictor"], ["train"]):
        done = subprocess.run([SPROUT, *command, "--dir", tmp_path], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 65 and f"{tmp_path}/policy.json: format" in done.stderr
    code, out, _ = sprout("--help")
    assert code == 0 and out.startswith("usage: sprout policy")


def test_switches_of_a_rule_are_shown_and_hold(folder):
    rules = [{"name": "late", "match": {"route": "/late/*"}, "placement": "last-user",
              "with_tools": True}]
    where = folder(rules=rules)
    body = json.dumps({"model": "m", "tools": [{}],
                       "messages": [{"role": "user", "content": "Q"}]})
    shown = test("--dir", where, "--path", "/late/v1/chat/completions", "--body", "-",
                 stdin=body)
    assert (shown["rule"], shown["placement"]) == ("late", "last-user")
    assert (shown["eligible"], shown["with_tools"], shown["with_completions"]) == (
        True, True, False)
    shown = test("--dir", where, "--body", "-", stdin=body)
    assert (shown["eligible"], shown["placement"], shown["reason"]) == (
        False, "auto", "tools")
    assert test("--dir", where, "--path", "/late/v1/chat/completions",
                "--tools")["eligible"] is True
    assert test("--dir", where, "--path", "/v1/completions")["reason"] == "raw-completion"
    _, words, _ = sprout("show", "--dir", where)
    assert "the same mix; placement last-user; also with tools" in words


def test_parameters_of_levels_are_shown(folder):
    levels = [{"name": "L0", "directive": ""},
              {"name": "L1", "directive": "", "patches": [
                  {"api": "openai-chat", "parameter": "reasoning_effort", "value": "low",
                   "model": "gpt*"}]},
              {"name": "L2", "directive": "Answer briefly."}]
    where = folder(levels=levels)
    shown = test("--dir", where, "--model", "gpt-5")
    assert shown["parameters"] == {"L0": {}, "L1": {"reasoning_effort": "low"}, "L2": {}}
    assert test("--dir", where, "--model", "x")["parameters"]["L1"] == {}
    body = '{"model":"gpt-5","reasoning_effort":"high","messages":[{"role":"user","content":"Q"}]}'
    assert test("--dir", where, "--body", "-", stdin=body)["parameters"]["L1"] == {}
    _, words, _ = sprout("test", "--dir", where, "--model", "gpt-5")
    assert "L1 sets reasoning_effort to low" in words
    _, words, _ = sprout("show", "--dir", where)
    assert "sets reasoning_effort to low (openai-chat, model gpt*)" in words
