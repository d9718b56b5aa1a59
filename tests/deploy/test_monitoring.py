"""Rules and dashboard ask for metrics that exist; every alert can come and be looked up."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
import yaml

from deploy.monitoring.dashboard import FILE, dashboard
from tests.conftest import PROJECT
from tests.sounds import encode, tones
from tests.web import web

FOLDER = PROJECT / "deploy" / "monitoring"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())
ALL = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDS = {rule["record"] for rule in ALL if "record" in rule}
METRIC = re.compile(r"\b(?:acousticsense_\w+|nv_\w+|acousticsense:[\w:]+)")


def queries():
    yield from (rule["expr"] for rule in ALL)
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


@pytest.fixture(scope="module")
def scraped(gateway, triton):
    """Names of all series that a gateway and its Triton show after some use."""
    for body in (encode(tones(2.0), "mp3"), b"no audio"):
        web.post(f"{gateway.url}/analyze-audio", files={"file": body}, timeout=60)
    texts = [
        web.get(f"{url}/metrics", timeout=60).text
        for url in (gateway.url, f"http://127.0.0.1:{triton.ports.metrics}")
    ]
    return {
        re.split(r"[{ ]", line)[0]
        for text in texts
        for line in text.splitlines()
        if line and not line.startswith("#")
    }


def test_every_metric_that_is_asked_for_exists_in_a_live_scrape(scraped):
    asked = {name for query in queries() for name in METRIC.findall(query)}
    assert len(asked) > 15
    assert asked - scraped - RECORDS == set()


def test_the_dashboard_is_the_one_that_is_made():
    assert json.loads(FILE.read_text()) == dashboard(), "python -m deploy.monitoring.dashboard"
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    assert len({(each["x"], each["y"]) for each in places}) == len(places)


def test_every_alert_has_a_paragraph_in_the_runbook_and_a_test():
    runbook = (PROJECT / "docs" / "runbook.md").read_text()
    tests = (FOLDER / "rules_test.yml").read_text()
    for name, rule in ALERTS.items():
        assert f"\n## {name}\n" in runbook
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert f"alertname: {name}\n" in tests
    assert len(re.findall(r"^## ", runbook, re.MULTILINE)) == len(ALERTS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")],
    ids=["configuration", "rules"],
)
def test_promtool_agrees(arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
