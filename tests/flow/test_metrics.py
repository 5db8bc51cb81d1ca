# SPDX-License-Identifier: Apache-2.0
"""/metrics before Prometheus' own judge, and before a real Prometheus that scrapes it; what the
dashboard and the alerts name is there."""
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from gateway import ROOT, free_port, nginx_missing
from up import Up
from upstream import Upstream, chat_reply

DASHBOARD = ROOT / "packaging/grafana-dashboard.json"
ALERTS = ROOT / "packaging/prometheus-alerts.yml"
NO_PROMETHEUS = next((f"{name} is not installed (scripts/deps)"
                      for name in ("promtool", "prometheus") if not shutil.which(name)), None)
needs_prometheus = pytest.mark.skipif(NO_PROMETHEUS is not None, reason=str(NO_PROMETHEUS))


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    if reason := nginx_missing():
        pytest.skip(reason)
    upstream = Upstream()
    one = Up(tmp_path_factory.mktemp("metrics") / "data", upstream)
    try:
        upstream.script(*[lambda _: chat_reply(usage=(20, 30))] * 3)
        for i in range(3):
            assert one.chat(f"question {i}")[0] == 200
        stream(one)
        one.settled(4)
        yield one
    finally:
        one.stop()
        upstream.stop()


def stream(up):
    body = {"model": "m-1", "stream": True,
            "messages": [{"role": "user", "content": "a stream"}]}
    request = urllib.request.Request(
        f"http://{up.listen}/v1/chat/completions", json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert b"[DONE]" in answer.read()


def text_of(up):
    return up.get("/metrics")[1]


def dashboard_queries():
    return [target["expr"].replace("$__rate_interval", "5m")
            for panel in json.loads(DASHBOARD.read_text())["panels"]
            for target in panel["targets"]]


def alert_queries():
    return re.findall(r"^ +expr: (.*)$", ALERTS.read_text(), re.M)


def names_in(queries):
    return {name for query in queries for name in re.findall(r"\b(?:sprout|gen_ai)_\w+", query)
            if name not in ("gen_ai_request_model", "gen_ai_token_type")}


def test_each_metric_of_dashboard_and_alerts_is_exported(up):
    exported = set(re.findall(r"^(\w+)[{ ]", text_of(up), re.M))
    queries = dashboard_queries() + alert_queries()
    assert len(queries) > 20
    assert names_in(queries) - exported == set()


def test_requests_are_told_by_the_names_of_open_telemetry(up):
    labels = ('gen_ai_operation_name="chat",gen_ai_provider_name="openai",'
              'gen_ai_request_model="m-1"')
    text = text_of(up)
    tokens = f'gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type="output",le="%s"}} %d\n'
    assert tokens % ("16", 1) in text and tokens % ("64", 4) in text
    assert f"gen_ai_server_request_duration_seconds_count{{{labels}}} 4\n" in text
    assert f"gen_ai_server_time_to_first_token_seconds_count{{{labels}}} 1\n" in text
    assert f"gen_ai_server_time_per_output_token_seconds_count{{{labels}}} 1\n" in text


@needs_prometheus
def test_promtool_has_nothing_to_say(up):
    done = subprocess.run(["promtool", "check", "metrics"], input=text_of(up),
                          capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    done = subprocess.run(["promtool", "check", "rules", str(ALERTS)], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A real one, on loopback, that scrapes one target each second."""

    def __init__(self, folder, target):
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{ALERTS}]\n"
            "scrape_configs:\n"
            f"  - {{job_name: sprout, static_configs: [{{targets: ['{target}']}}]}}\n")
        self.log = open(folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def api(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def wait_for(self, found, what):
        until = time.monotonic() + 30
        while True:
            try:
                if found():
                    return
            except (OSError, urllib.error.URLError):
                assert self.process.poll() is None, "prometheus ended"
            assert time.monotonic() < until, what
            time.sleep(0.1)


@needs_prometheus
def test_a_real_prometheus_scrapes_it(up, tmp_path):
    prometheus = Prometheus(tmp_path, up.admin)
    try:
        prometheus.wait_for(
            lambda: any(r["value"][1] == "1" for r in prometheus.query("up")), "no scrape")
        [target] = prometheus.api("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        count = 'gen_ai_client_token_usage_count{gen_ai_token_type="output"}'
        prometheus.wait_for(
            lambda: [r["value"][1] for r in prometheus.query(count)] == ["4"], "no tokens")
        for query in dashboard_queries():
            prometheus.query(query)  # it parses, and is allowed
        prometheus.wait_for(
            lambda: all(rule["health"] == "ok" for group in prometheus.api("rules")["groups"]
                        for rule in group["rules"]), "the alerts cannot be evaluated")
        assert prometheus.query('ALERTS{alertstate="firing"}') == []
    finally:
        prometheus.stop()
