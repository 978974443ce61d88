"""Rules, dashboard and documentation speak of metrics that there are, and promtool agrees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from random import Random

import httpx2
import pytest
from prometheus_client import ProcessCollector, generate_latest

from discovery.addresses import Forbidden
from discovery.journal import Journal
from discovery.resolver import Resolver
from services.encrypt.assembly import build
from services.encrypt.settings import EncryptSettings
from services.gateway.metrics import Metrics, PoolCollector
from services.gateway.outages import Outages
from tests.deploy.project import ROOT, document
from tests.gateway.front import SilentProbe
from tests.gateway.registry import FakeRegistry

PROMETHEUS = ROOT / "deploy/prometheus"
RULES = [each for group in document(PROMETHEUS / "rules.yml")["groups"] for each in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/mesh.json").read_text())
METRIC = re.compile(r"\b(?:gateway|encrypt|process)_[a-z_]+\b")
"""How a metric of ours is written, in a query or in prose."""

NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool on PATH (Debian has it in the package prometheus)"
)


async def exported() -> set[str]:
    """The name of every series that the services have, as Prometheus stores it, but for since when each is counted."""
    text = await of_the_gateway() + await of_encrypt()
    families = re.findall(r"^# TYPE (\S+)(?<!_created) (\S+)$", text, re.M)
    series = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
    return {name + suffix for name, kind in families for suffix in series.get(kind, ("",))}


async def of_the_gateway() -> str:
    metrics, journal = Metrics(), Journal()
    Outages(metrics.registry)
    async with Resolver(
        FakeRegistry(), SilentProbe(), journal=journal, clock=time.monotonic, random=Random(1), forbidden=Forbidden()
    ) as resolver:
        metrics.registry.register(PoolCollector(resolver, time.monotonic))
        ProcessCollector(registry=metrics.registry)
        return generate_latest(metrics.registry).decode()


async def of_encrypt() -> str:
    transport = httpx2.ASGITransport(build(EncryptSettings()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://encrypt") as http:
        return (await http.get("/metrics")).text


def expressions() -> list[str]:
    return [each["expr"] for each in RULES] + [
        target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
    ]


async def test_every_query_is_of_metrics_that_there_are() -> None:
    known = await exported()
    said = {name for each in expressions() for name in METRIC.findall(each)}
    assert said - {"process_max_fds"} <= known, sorted(said - known)


async def test_the_documentation_names_every_metric_of_ours_and_no_other() -> None:
    text = (ROOT / "docs/operating.md").read_text()
    known = {each for each in await exported() if each.startswith(("gateway_", "encrypt_"))}
    bare = {re.sub("_(bucket|sum|count)$", "", each) for each in known}
    said = set(re.findall(r"`((?:gateway|encrypt)_[a-z_]+)", text))
    assert said == bare


def test_the_documentation_says_what_to_do_about_every_alert() -> None:
    text = (ROOT / "docs/operating.md").read_text()
    alerts = {each["alert"] for each in RULES if "alert" in each}
    assert alerts == set(re.findall(r"^\| `([A-Z]\w+)` \|", text, re.M))


def test_every_alert_is_tested_firing() -> None:
    tests = document(PROMETHEUS / "rules.test.yml")["tests"]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}
    assert fired == {each["alert"] for each in RULES if "alert" in each}


@NEEDS_PROMTOOL
@pytest.mark.parametrize("said", [("check", "config", "prometheus.yml"), ("test", "rules", "rules.test.yml")])
def test_promtool_agrees(said: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *said], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_mounts_what_there_is() -> None:
    stack = document(ROOT / "compose.yaml")
    mounted = [volume for service in stack["services"].values() for volume in service.get("volumes", ())]
    paths = [each.partition(":")[0] for each in mounted if isinstance(each, str) and each.startswith("./")]
    assert paths
    assert [each for each in paths if not (ROOT / each).exists()] == []


def test_grafana_finds_its_data_where_the_dashboard_asks() -> None:
    (source,) = document(ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    asked = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    assert asked == {source["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
