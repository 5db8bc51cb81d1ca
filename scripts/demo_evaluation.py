# SPDX-License-Identifier: Apache-2.0
"""The end of the demo: an evaluation on a few of its own questions, with the small model as
the judge of its own answers.  References say what is right; the judge's report card says what
its word is worth, which for so small a model is little."""
import json
import subprocess
import sys

import demo_questions

QUESTIONS = 6    # eighteen answers and twelve questions to the judge
TOKENS = 96     # an answer, and no more: the demo has minutes, and every level the same
VERDICT_TOKENS = 12
SECONDS = 240


def write_prompts(path):
    """Of the last questions of the fixed order, which the run seldom reaches."""
    asked = [question for question in reversed(demo_questions.in_order())
             if question["task"] in ("mmlu", "triviaqa")][:QUESTIONS]
    path.write_text("".join(json.dumps({
        "prompt": question["prompt"], "kind": question["task"], "max_tokens": TOKENS,
        "reference": question.get("answers") or question["answer"]}) + "\n"
        for question in asked))
    return path


def evaluate(sprout, folder, model, json_wanted):
    """Runs it; the result as an object, or None if it was not done in time."""
    command = [sprout, "evaluate", "--dir", folder, "--now", "--judge", model["url"],
               "--judge-model", model["model"], "--judge-max-tokens", str(VERDICT_TOKENS),
               "--concurrency", "2", "--prompts", write_prompts(folder / "prompts.jsonl")]
    try:
        done = subprocess.run([*command, "--json"], timeout=SECONDS, text=True,
                              stdout=subprocess.PIPE, check=True)
    except subprocess.SubprocessError as problem:
        print(f"demo: no evaluation: {type(problem).__name__}", file=sys.stderr)
        return None
    told = json.loads(done.stdout)
    if not json_wanted:
        shown = subprocess.run([sprout, "evaluations", str(told["evaluation"]), "--dir", folder],
                               text=True, stdout=subprocess.PIPE, check=False)
        print(f"\nAn evaluation on {told['prompts']} of its questions, answers of at most "
              f"{TOKENS} tokens,\nthe same small model as the judge of its own answers:\n\n"
              f"{shown.stdout}"
              "So few questions prove nothing: this shows how it is done.")
    return told
