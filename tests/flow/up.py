# SPDX-License-Identifier: Apache-2.0
"""`sprout up` as a test holds it: started, asked, killed in parts, stopped.

SPROUT_BIN chooses another binary.  Loopback and free ports only; whatever was started is
ended by stop(), at the latest by the kernel when the test process dies.
"""
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPROUT = os.environ.get("SPROUT_BIN", str(ROOT / "build" / "sprout"))


def wait_until(condition, seconds=10.0, what="it"):
    """The condition's value, once it is true; polls, for there is nothing to wait on."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"


class Up:
    def __init__(self, folder, upstream, *flags, ready=True):
        self.dir = Path(folder)
        self.log_path = self.dir.parent / (self.dir.name + ".stderr")
        self.log_file = open(self.log_path, "ab")
        url = upstream if isinstance(upstream, str) else f"http://127.0.0.1:{upstream.port}"
        self.process = subprocess.Popen(
            [SPROUT, "up", "--dir", str(folder), "--upstream", url, *flags],
            stdout=subprocess.PIPE, stderr=self.log_file, text=True)
        if ready:
            line = self.process.stdout.readline()
            assert line, self.log()
            self.told = json.loads(line)
            self.listen, self.admin = self.told["listen"], self.told["admin"]

    def log(self):
        return self.log_path.read_text()

    # -- asking ---------------------------------------------------------------------------
    def get(self, path):
        """(status code, body) of the admin API."""
        connection = http.client.HTTPConnection(self.admin, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def status(self):
        return json.loads(self.get("/v1/status")[1])

    def metrics(self):
        """Samples by name with labels."""
        lines = self.get("/metrics")[1].splitlines()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def chat(self, text, **headers):
        """(status code, reply headers, body) of one chat completion."""
        connection = http.client.HTTPConnection(self.listen, timeout=20)
        with contextlib.closing(connection):
            body = json.dumps({"model": "m-1", "messages": [
                {"role": "user", "content": text}]})
            connection.request("POST", "/v1/chat/completions", body, {
                "Content-Type": "application/json",
                **{k.replace("_", "-"): v for k, v in headers.items()}})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    # -- the parts ------------------------------------------------------------------------
    def pid(self, name):
        """Of control or nginx, as its file says; None while there is none."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.dir / f"{name}.pid").read_text())
        return None

    def kill(self, name, number=signal.SIGKILL):
        """Kills control or nginx's master; its pid."""
        pid = wait_until(lambda: self.pid(name), what=f"{name}.pid")
        os.kill(pid, number)
        return pid

    # -- what there is --------------------------------------------------------------------
    def journal(self):
        path = self.dir / "journal.ndjson"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def ledger(self, sql, *args):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.dir / 'ledger.db'}?mode=rw", uri=True, timeout=10)) as db:
            return db.execute(sql, args).fetchall()

    def receipts(self):
        return self.ledger("SELECT count(*) FROM receipts")[0][0]

    def settled(self, count):
        """Waits until the ledger has `count` receipts (nginx logs after it replies);
        how many it has then."""
        wait_until(lambda: self.receipts() >= count, what=f"{count} receipts")
        return self.receipts()

    # -- the end --------------------------------------------------------------------------
    def stop(self, number=signal.SIGTERM):
        """Exit status after asking it to stop."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log_file.close()
        return self.process.returncode


class Load:
    """Requests from several clients until stopped; counts what came back."""

    def __init__(self, up, clients=4):
        self.up = up
        self.answered = 0
        self.failed = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                         for i in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        connection = http.client.HTTPConnection(self.up.listen, timeout=20)
        turn = 0
        while not self._stop.is_set():
            turn += 1
            body = json.dumps({"model": "m-1", "messages": [
                {"role": "user", "content": f"question {number}/{turn}"}]})
            try:
                connection.request("POST", "/v1/chat/completions", body,
                                   {"Content-Type": "application/json"})
                reply = connection.getresponse()
                reply.read()
                assert reply.status == 200, reply.status
                with self._lock:
                    self.answered += 1
            except Exception as problem:  # noqa: BLE001 - all are failures of serving
                with self._lock:
                    self.failed.append(repr(problem))
                connection.close()
        connection.close()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
