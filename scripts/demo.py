# SPDX-License-Identifier: Apache-2.0
"""A real model behind a real nginx on a real day of a real grid.  Started by ./demo.

Starts SmolLM2-135M (scripts/demo-model) and `sprout up` in front of it, with the floor, the
holdout and the replayed grid of CONFIG below, and asks the questions of data/demo through
the official openai client, as many at a time as the model has slots.  What was saved is
what `sprout report` says: conversations under the mix against those that chance put into
the holdout, which are served without a directive.

So that it is fair: temperature 0 and the same max_tokens for every request, whatever its
level; questions in a fixed order that knows nothing of levels; the clients see the level
only in the reply.  Joules and grams are modelled, as if Llama-2-13B on an A100; tokens and
seconds are measured.

Whatever was started is ended, also on Ctrl-C, unless --keep.  Exit: 0, 1 when a request
failed, 69 when something needed does not run, 130 on Ctrl-C.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import openai

import demo_evaluation
import demo_questions

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPROUT = ROOT / "build/sprout"

SLOTS = 4
REQUESTS_PER_MINUTE_MAX = 100   # a fast machine waits, so that the whole day is covered
TIMEOUT_S = 300
FAILED, UNAVAILABLE, INTERRUPTED = 1, 69, 130

CONFIG = """\
# Written by ./demo; an example of docs/configuration.md.
grid:
  source: csv
  csv:
    file: {grid}
    start: 2023-02-01T00:00Z
    speed: {speed:g}
quality:
  rule: fixed
  floor: 0.9
holdout: 0.25
explore: 0
workers: 1
plan_interval_s: 5
# One rule a task.  They change nothing; they tell the tasks apart, so that savings are
# compared within each.
rules:
"""
RULE = "  - name: {task}\n    match: {{header: x-task, header_value: {task}}}\n"


def say(text):
    print(text, file=sys.stderr, flush=True)


def give_up(text):
    say(f"demo: {text}")
    sys.exit(UNAVAILABLE)


# ---- what is started --------------------------------------------------------------------

class Processes:
    """What the demo started, each in a session of its own, so that Ctrl-C reaches only us
    and the end comes in order."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command):
        """Start a process that says in one line of JSON that it is ready; return that."""
        log = self.folder / f"{name}.log"
        with open(log, "w", encoding="utf-8") as stderr:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=stderr, text=True,
                                       start_new_session=True)
        self.running.append((name, process))
        with open(self.folder / "pids", "a", encoding="utf-8") as pids:
            print(process.pid, file=pids)
        line = process.stdout.readline()
        if not line:
            give_up(f"{name} did not start:\n{log.read_text()[-2000:]}(all of it: {log})")
        return json.loads(line)

    def check(self):
        for name, process in self.running:
            if process.poll() is not None:
                give_up(f"{name} ended by itself with status {process.returncode}; "
                        f"see {self.folder / name}.log")

    def stop(self):
        """The last started first; what does not go in ten seconds is killed."""
        for _, process in reversed(self.running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        (self.folder / "pids").unlink(missing_ok=True)


def fresh(folder):
    """Empty the folder, unless an earlier demo still runs in it."""
    pids = folder / "pids"
    if pids.exists():
        alive = [pid for pid in pids.read_text().split() if pathlib.Path("/proc", pid).exists()]
        if alive:
            give_up("an earlier demo still runs; end it with: kill " + " ".join(alive))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write_config(path, minutes):
    grid = ROOT / "data/grid/US-CAL-CISO_2023_demo.csv"
    rules = "".join(RULE.format(task=task) for task in demo_questions.TASKS)
    path.write_text(CONFIG.format(grid=grid, speed=24 * 60 / minutes) + rules)


# ---- asking -----------------------------------------------------------------------------

class Clients:
    """As many clients as slots, each asking the next question when that is due: spread over
    the run, or as fast as the model goes, and until `least` are asked, whatever the time."""

    def __init__(self, listen, minutes, least):
        self.openai = openai.OpenAI(base_url=f"http://{listen}/v1", api_key="none",
                                    max_retries=0, timeout=TIMEOUT_S)
        questions = demo_questions.in_order()
        self.questions = questions[:max(least, int(minutes * REQUESTS_PER_MINUTE_MAX))]
        self.least = min(least, len(self.questions))
        self.seconds = minutes * 60
        self.began = time.monotonic()
        self.stopping = threading.Event()
        self.lock = threading.Lock()    # guards the three below
        self.asked = 0
        self.answers = []
        self.errors = 0
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(SLOTS)]
        for thread in self.threads:
            thread.start()

    def take(self):
        """The next question, when it is due; None when there is none."""
        with self.lock:
            i = self.asked
            late = time.monotonic() - self.began >= self.seconds
            if i == len(self.questions) or (late and i >= self.least):
                return None
            self.asked += 1
        due = self.began + self.seconds * i / len(self.questions)
        self.stopping.wait(max(0.0, due - time.monotonic()))
        return self.questions[i]

    def work(self):
        while (question := self.take()) is not None and not self.stopping.is_set():
            try:
                answer = self.ask(question)
            except openai.OpenAIError as error:
                if not self.stopping.is_set():
                    say(f"demo: a request failed: {type(error).__name__}: {error}")
                with self.lock:
                    self.errors += 1
            else:
                with self.lock:
                    self.answers.append(answer)

    def ask(self, question):
        reply = self.openai.chat.completions.with_raw_response.create(
            model="smollm2-135m-instruct", temperature=0,
            max_tokens=demo_questions.MAX_TOKENS[question["task"]],
            messages=[{"role": "user", "content": question["prompt"]}],
            extra_headers={"X-Task": question["task"]})
        choice = reply.parse().choices[0]
        return {"level": reply.headers["Sprout-Level"],
                "reason": reply.headers["Sprout-Reason"].split(";")[0],
                "cut": choice.finish_reason == "length",
                "correct": demo_questions.is_correct(question, choice.message.content or "")}

    def done(self):
        return not any(thread.is_alive() for thread in self.threads)

    def so_far(self):
        with self.lock:
            return list(self.answers), self.errors


# ---- what Sprout says of it -------------------------------------------------------------

class Gateway:
    """The admin API and the commands of the running Sprout."""

    def __init__(self, ready, folder):
        self.listen = ready["listen"]
        self.admin = ready["admin"]
        self.folder = folder

    def status(self):
        with urllib.request.urlopen(f"http://{self.admin}/v1/status", timeout=10) as reply:
            return json.load(reply)

    def report(self):
        out = subprocess.run([SPROUT, "report", "--json", "--dir", self.folder],
                             capture_output=True, text=True, check=False)
        if out.returncode != 0:
            give_up(f"sprout report failed: {out.stderr.strip()}")
        return json.loads(out.stdout)

    def settle(self, requests):
        """Wait until control has read the last lines of the journal."""
        for _ in range(100):
            status = self.status()
            if status["ledger"]["receipts"] >= requests and status["journal"]["lag_bytes"] == 0:
                return
            time.sleep(0.1)
        give_up(f"the ledger holds {status['ledger']['receipts']} of {requests} requests "
                "after ten seconds")


def saved_text(report):
    saved = report["saved"]["carbon_percent"]
    if saved["value"] is None:
        return f"saved: {report['saved']['carbon_state']}"
    return (f"saved {saved['value']:.0f} % (95 %: {saved['low']:.0f} to "
            f"{saved['high']:.0f})")


CHOSEN = ("mix", "predicted", "floor")  # by the policy, not by chance


def correct(answers, reasons):
    """(right, known): answers given for these reasons whose right answer is known."""
    known = [a["correct"] for a in answers if a["reason"] in reasons and
             a["correct"] is not None]
    return sum(known), len(known)


def percent(part, whole):
    return 100 * part / whole if whole else None


def result(report, answers, errors):
    """The object of --json."""
    columns = ("requests", "output_tokens_mean", "energy_j", "carbon_g")
    saved = report["saved"]["carbon_percent"]
    return {
        "requests": report["total"]["requests"],
        "levels": [{"name": row["level"], **{column: row[column] for column in columns}}
                   for row in report["rows"]],
        "saved_percent": saved["value"],
        "saved_percent_low": saved["low"],
        "saved_percent_high": saved["high"],
        "holdout_requests": report["holdout_requests"],
        "correct_l0_percent": percent(*correct(answers, ("holdout",))),
        "correct_chosen_percent": percent(*correct(answers, CHOSEN)),
        "errors": errors,
        "energy_method": ", ".join(report["energy_methods"]) or None,
        "grid_zone": report["grid"][0]["zone"] if report["grid"] else None,
    }


# ---- for people -------------------------------------------------------------------------

class Watch:
    """How it goes, on stderr: one line redrawn on a terminal, else a line now and then."""

    def __init__(self, gateway, clients):
        self.gateway = gateway
        self.clients = clients
        self.terminal = sys.stderr.isatty()
        self.every = 2 if self.terminal else 20

    def run(self, processes):
        said = time.monotonic() - self.every
        while not self.clients.done():
            processes.check()
            if time.monotonic() - said >= self.every:
                said = time.monotonic()
                self.show(self.line())
            time.sleep(0.2)
        self.show(self.line())
        if self.terminal:
            say("")

    def show(self, line):
        if self.terminal:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            say(f"demo: {line}")

    def line(self):
        status = self.gateway.status()
        answers, errors = self.clients.so_far()
        policy = status["policy"]
        shares = [level["share"] for level in policy["levels"]]
        if predictor := policy["predictor"]:
            shares = predictor.get("mix", shares)
        mix = " ".join(f"{level['level']} {100 * share:.0f} %"
                       for level, share in zip(policy["levels"], shares) if share > 0.005)
        grid = status["grid"]  # unknown once a slow machine has come to the end of the file
        now = (f"{grid['slot_start'][11:16]} UTC {grid['g_per_kwh']:3.0f} g/kWh"
               if grid["slot_start"] else "grid unknown")
        return (f"{now} | mix {mix} | {len(answers)} answers"
                f"{f', {errors} errors' if errors else ''} | "
                f"{saved_text(self.gateway.report())}")


def number(value, form):
    return "unknown" if value is None else format(value, form)


def print_table(report, answers, errors):
    cut = {row["level"]: sum(a["cut"] for a in answers if a["level"] == row["level"])
           for row in report["rows"]}
    print("\n                    measured                     | as if Llama-2-13B on an A100"
          "\nlevel  requests  tokens out  seconds  cut short   |     joules    g CO2e")
    for row in report["rows"] + [{**report["total"], "level": "all"}]:
        print(f"{row['level']:5}{row['requests']:10}"
              f"{number(row['output_tokens_mean'], '.1f'):>12}"
              f"{number(row['seconds_mean'], '.2f'):>9}"
              f"{cut.get(row['level'], sum(cut.values())):11}   |"
              f"{number(row['energy_j'], '.0f'):>11}{number(row['carbon_g'], '.3f'):>10}")
    print("Tokens and seconds are means.  Cut short: the answer reached the client's own limit"
          f"\n({limits_text()}), the same at every level.\n")
    print(f"Carbon against the holdout ({report['holdout_requests']} requests that chance left "
          f"at L0):\n  {saved_text(report)}; always L1: "
          f"{number(report['always_l1']['carbon_percent']['value'], '.0f')} %.")
    for reasons, name in ((("holdout",), "L0"), (CHOSEN, "the chosen levels")):
        right, known = correct(answers, reasons)
        print(f"Correct at {name}: {right} of {known} "
              f"({number(percent(right, known), '.0f')} %).")
    print(f"  {demo_questions.MATCH_RULE}.\n  A model of 135 million parameters is often "
          "wrong, at every level.")
    print(f"Grid: {report['grid'][0]['zone']}, Electricity Maps 2023 (ODbL), replayed.  "
          f"Failed requests: {errors}.")


def limits_text():
    limits = {}
    for task, limit in demo_questions.MAX_TOKENS.items():
        limits.setdefault(limit, []).append(task)
    return ", ".join(f"{limit} tokens for {' '.join(tasks)}" for limit, tasks in limits.items())


def print_next(gateway, kept):
    folder = os.path.relpath(gateway.folder)
    sprout = os.path.relpath(SPROUT)
    if kept:
        print(f"\nIt goes on.  End it with: kill $(cat {folder}/pids)\nGo on with:")
    else:
        print("\nAll of it is ended again.  `./demo --keep` leaves it running, to go on with:")
    listen = gateway.listen if kept else "ADDRESS"
    body = ('{"model": "smollm2-135m-instruct", "messages": [{"role": "user", '
            '"content": "Why is the sky blue?"}]}')
    print(f"  curl -i http://{listen}/v1/chat/completions -H 'Sprout-Receipt: 1' \\\n"
          f"      -H 'Content-Type: application/json' -d '{body}'\n"
          f"  {sprout} status --dir {folder}\n"
          f"  {sprout} report --dir {folder} --by hour")


# ---- the run ----------------------------------------------------------------------------

def positive(text):
    value = float(text)
    if not 0 < value <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text}: expected minutes, more than 0")
    return value


def options():
    parser = argparse.ArgumentParser(
        prog="./demo", description="A real model behind a real nginx on a real day of a real "
        "grid, and what was saved, measured against a random holdout.")
    parser.add_argument("--minutes", type=positive, default=4, metavar="N",
                        help="length of the grid's day (4)")
    parser.add_argument("--requests", type=int, default=150, metavar="N",
                        help="least number of requests; a slow machine goes on into the next "
                        "day until they are answered (150)")
    parser.add_argument("--keep", action="store_true", help="leave model and Sprout running")
    parser.add_argument("--json", action="store_true",
                        help="one object on stdout, and nothing else")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/demo",
                        help="folder of the run, replaced by each (build/demo)")
    return parser.parse_args()


def run(given, processes):
    """The whole demo; the exit status."""
    folder = processes.folder
    write_config(folder / "sprout.yaml", given.minutes)
    say("demo: starting the model")
    model = processes.start("model", [sys.executable, ROOT / "scripts/demo-model",
                                      "--slots", SLOTS])
    ready = processes.start("sprout", [SPROUT, "up", "--config", folder / "sprout.yaml", "--dir",
                                       folder, "--upstream", model["url"]])
    gateway = Gateway(ready, folder)
    say(f"demo: Sprout listens on http://{gateway.listen}, in front of {model['url']}; a day of "
        f"the grid in {given.minutes:g} minutes")
    clients = Clients(gateway.listen, given.minutes, given.requests)
    try:
        Watch(gateway, clients).run(processes)
    finally:
        clients.stopping.set()
    answers, errors = clients.so_far()
    gateway.settle(len(answers))
    report = gateway.report()
    if given.json:
        judged = demo_evaluation.evaluate(SPROUT, folder, model, True)
        print(json.dumps({**result(report, answers, errors), "evaluation": judged}))
    else:
        print_table(report, answers, errors)
        demo_evaluation.evaluate(SPROUT, folder, model, False)
        print_next(gateway, given.keep)
    return FAILED if errors else 0


def main():
    given = options()

    def on_signal(number, _):
        sys.exit(INTERRUPTED if number == signal.SIGINT else 128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    folder = given.dir.resolve()
    fresh(folder)
    processes = Processes(folder)
    kept = False
    try:
        status = run(given, processes)
        kept = given.keep
        return status
    finally:
        if not kept:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            processes.stop()


if __name__ == "__main__":
    sys.exit(main())
