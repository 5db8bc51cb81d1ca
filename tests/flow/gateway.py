# SPDX-License-Identifier: Apache-2.0
"""nginx with the module, private to a folder, and its journal.

The configuration is the one that operators write (see the README); a test adds lines to
it where it needs them.  SPROUT_NGINX, SPROUT_MODULE and SPROUT_PRELOAD choose another
binary, module ("builtin": none to load) and libraries to preload: that is how the sanitizer
runs are made.
"""
import copy
import datetime
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NGINX = os.environ.get("SPROUT_NGINX", "nginx")
MODULE = os.environ.get("SPROUT_MODULE", str(ROOT / "build/ngx_http_sprout_module.so"))
LEVELS = [("L0", ""), ("L1", "Answer briefly."),
          ("L2", "Answer very briefly, in one short sentence.")]
BELIEFS = [  # quality, joules, seconds, output tokens
    (0.40, 1200.0, 8.0, 300.0), (0.38, 500.0, 3.0, 110.0), (0.22, 200.0, 1.0, 40.0)]


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def policy(mix=(0.0, 1.0, 0.0), **changes):
    """A policy.json as the planner writes it; L1 for everybody unless told otherwise."""
    now = datetime.datetime.now(datetime.timezone.utc)
    made = {
        "format": 1,
        "id": "p-1",
        "created": rfc3339(now),
        "valid_until": rfc3339(now + datetime.timedelta(hours=1)),
        "salt": "000102030405060708090a0b0c0d0e0f",
        "grid": {"zone": "GB", "g_per_kwh": 473.0, "at": rfc3339(now), "source": "static",
                 "quality": "assumed"},
        "levels": [{"name": name, "directive": text} for name, text in LEVELS],
        "holdout": 0.0,
        "explore": 0.0,
        "floor": 0.9,
        "price": 0.0,
        "quality_source": "published prior, not measured here",
        "clients": {"force": True, "receipts": True},
        "strata": [{
            "name": "all",
            "mix": list(mix),
            "levels": [{"quality": q, "energy_j": j, "time_s": s, "output_tokens": n,
                        "requests": 0} for q, j, s, n in BELIEFS],
        }],
        "rules": [],
        "profiles": [{"model": "*", "name": "llama-2-13b-chat/a100/batch-1",
                      "joules": [-3.0, 0.1, 4.0], "seconds": [0.0, 0.0002, 0.026]}],
        "carbon": {"pue": 1.0, "embodied_g": 26356.568, "lifetime_s": 157680000.0},
    }
    made = copy.deepcopy(made)
    made.update(changes)
    return made


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Journal:
    def __init__(self, path):
        self.path = path

    def records(self):
        """Whole lines, parsed; a torn tail is left for later."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.split(b"\n")[:-1]]

    def wait_for(self, count, timeout=5.0):
        until = time.monotonic() + timeout
        while len(records := self.records()) < count:
            assert time.monotonic() < until, f"journal: {len(records)} of {count} records"
            time.sleep(0.002)
        return records


CONF = """\
{load}
{user}
daemon off;
worker_processes {workers};
pid nginx.pid;
error_log error.log {log_level};
{main}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    sprout_policy policy.json;
    log_format sprout escape=none '$sprout_record';
    {http}
    upstream inference {{ {servers} }}
    server {{
        listen 127.0.0.1:{port}{listen};
        client_max_body_size {max_body};
        {server}
        location / {{
            sprout on;
            access_log {journal} sprout if=$sprout_record;
            proxy_pass http://inference;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering {buffering};
            {location}
        }}
        location = /sprout-status {{ sprout_status; }}
    }}
}}
"""


class Gateway:
    """Starts at once; `stop` ends it and returns what it wrote to error.log."""

    def __init__(self, folder, upstream_port, policy=policy(), **parts):
        self.folder = Path(folder)
        self.port = free_port()
        journal = parts.pop("journal", "journal.ndjson")
        self.journal = Journal(self.folder / journal.split()[0])
        if policy is not None:
            self.write_policy(policy)
        fill = {
            "load": f"load_module {MODULE};" if MODULE != "builtin" else "",
            "user": "user root;" if os.getuid() == 0 else "",
            "workers": 1, "port": self.port, "listen": "", "log_level": "info", "main": "",
            "http": "", "server": "", "location": "", "max_body": "64m",
            "buffering": "off",
            "servers": f"server 127.0.0.1:{upstream_port};",
            "journal": self.folder / journal,
        }
        fill.update(parts)
        (self.folder / "nginx.conf").write_text(CONF.format(**fill))
        self.expected = ()  # alerts that the test itself provokes
        self.process = None
        self.start()

    def start(self):
        environment = dict(os.environ)
        if preload := environment.get("SPROUT_PRELOAD"):
            environment["LD_PRELOAD"] = preload
        self.process = subprocess.Popen(
            [NGINX, "-p", str(self.folder), "-c",
             str(self.folder / "nginx.conf"), "-e", str(self.folder / "error.log")],
            env=environment, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "stderr.log", "ab"))
        until = time.monotonic() + 20
        while True:
            try:  # an answer, not a mere connection: the worker has read its policy
                self.status()
                return
            except (OSError, http.client.HTTPException):
                assert self.process.poll() is None, self.errors()
                assert time.monotonic() < until, self.errors()
                time.sleep(0.01)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.errors()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def errors(self):
        texts = [(self.folder / name) for name in ("error.log", "stderr.log")]
        return "".join(t.read_text(errors="replace") for t in texts if t.exists())

    # -- the policy file -------------------------------------------------------------
    @property
    def policy_path(self):
        return self.folder / "policy.json"

    def write_policy(self, value):
        """As the planner does: a temporary file, renamed into place."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        temporary = self.folder / "policy.json.tmp"
        temporary.write_bytes(data)
        temporary.rename(self.policy_path)

    def status(self):
        _, _, body = self.request("GET", "/sprout-status")
        return json.loads(body)

    def wait_policy(self, id, timeout=2.0):
        until = time.monotonic() + timeout
        while ((self.status()["policy"] or {}).get("id")) != id:
            assert time.monotonic() < until, (self.status(), self.errors())
            time.sleep(0.01)

    # -- requests --------------------------------------------------------------------
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=(), timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def chat(self, body=None, path="/v1/chat/completions", headers=(), **members):
        """One chat completion: (status, headers, body bytes)."""
        if body is None:
            body = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}
            body.update(members)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.request("POST", path, body,
                            {"Content-Type": "application/json", **dict(headers)})

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)


def nginx_missing():
    """Why nginx cannot be started here, or None."""
    if shutil.which(NGINX) is None:
        return "nginx is not installed (scripts/deps)"
    if MODULE != "builtin" and not os.path.exists(MODULE):
        return f"{MODULE} is not built (make module)"
    return None


def sanitized():
    """Whether nginx runs under a sanitizer."""
    return MODULE == "builtin" or "SPROUT_PRELOAD" in os.environ
