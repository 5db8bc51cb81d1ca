# SPDX-License-Identifier: Apache-2.0
"""An inference server and a judge for the tests of the evaluator, both scripted by what they
are asked, and the commands that work with them."""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time

from up import SPROUT, wait_until
from upstream import Reply, chat_reply

LENGTH = {0: 60, 1: 20, 2: 6}  # words of the answer at each level


def level_of(request):
    """The level whose directive stands in a request."""
    text = json.dumps(request["messages"])
    return 2 if "very briefly" in text else 1 if "briefly" in text else 0


def answering(exchange):
    """Answers with its level's length, so that a judge (of a test) can tell them apart."""
    if exchange.target in ("/slots", "/metrics"):
        return Reply([b"{}"], status="404 Not Found")
    if exchange.target == "/v1/models":
        return Reply([json.dumps({"data": [{"id": "m-1"}]}).encode()])
    level = level_of(exchange.json)
    return chat_reply("word " * LENGTH[level] + f"answer-of-level-{level}",
                      usage=(20, LENGTH[level]))


def shown(request):
    """The levels of the answers a judge is shown, in their order."""
    text = request["messages"][-1]["content"]
    places = sorted((text.index(f"answer-of-level-{level}"), level) for level in (0, 1, 2)
                    if f"answer-of-level-{level}" in text)
    return [level for _, level in places]


def judging(choose):
    """A judge that names what `choose` says of the levels shown: a slot, or a text."""
    def answer(exchange):
        said = choose(shown(exchange.json), exchange.json)
        text = said if isinstance(said, str) else json.dumps({"best": "ABC"[said]})
        return chat_reply(text, usage=(200, 8))
    return answer


def prompts(path, count, **more):
    path.write_text("".join(json.dumps({"prompt": f"Question {i}: why?", **more}) + "\n"
                            for i in range(count)))
    return path


def url(server):
    return f"http://127.0.0.1:{server.port}"


def sprout(*args, timeout=120, **more):
    return subprocess.run([SPROUT, *map(str, args)], capture_output=True, text=True,
                          timeout=timeout, **more)


class Control:
    """`sprout control` in a folder; its policy is there when this returns."""

    def __init__(self, folder, upstream, *flags):
        self.dir = folder
        self.args = [SPROUT, "control", "--dir", str(folder), "--upstream", upstream, *flags]
        self.process = None
        self.start()

    def start(self):
        self.log = open(f"{self.dir}.log", "ab")
        self.process = subprocess.Popen(self.args, stdout=self.log, stderr=self.log)
        wait_until((self.dir / "policy.json").exists, what="policy.json")
        wait_until((self.dir / "ledger.db").exists, what="ledger.db")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()

    def ledger(self, sql, *args):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.dir / 'ledger.db'}?mode=rw", uri=True, timeout=10)) as db:
            return db.execute(sql, args).fetchall()

    def ledger_write(self, energy_uj):
        """As if so much energy had been served this hour."""
        hour = int(time.time()) // 3600
        with contextlib.closing(sqlite3.connect(self.dir / "ledger.db", timeout=10)) as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(hourly)")]
            db.execute("INSERT OR IGNORE INTO slots(zone, quality, g, at) VALUES('-','x',1,0)")
            db.execute("INSERT OR IGNORE INTO series(level, model, arm, rule, stratum, method)"
                       " VALUES('L0', 'm', 'mix', '', 'all', 'x')")
            [(slot, series)] = db.execute(
                "SELECT (SELECT max(id) FROM slots), (SELECT max(id) FROM series)").fetchall()
            values = {"hour": hour, "slot": slot, "series": series, "requests": 100,
                      "metered": 100, "energy_uj": energy_uj}
            db.execute(f"INSERT INTO hourly VALUES({','.join('?' * len(columns))})",
                       [values.get(column, 0) for column in columns])
            db.commit()
