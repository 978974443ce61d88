"""What Kubernetes is told: valid against its own schemas, strict, and in line with how a service leaves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from discovery.server import WITHDRAWAL
from discovery.settings import ConsulSettings, ServiceSettings, names
from services.encrypt.settings import EncryptSettings
from services.gateway.settings import GatewaySettings
from tests.deploy.project import ROOT, SERVICES, documents, parsed

KUBERNETES = ROOT / "deploy/kubernetes"
VERSIONS = ("1.30", kubernetes_validate.latest_version().rpartition(".")[0])
"""The oldest that knows all that is said, and the newest that there are schemas of."""

SETTINGS = names([ServiceSettings, ConsulSettings, GatewaySettings, EncryptSettings])


def resources(directory: Path) -> dict[tuple[str, str], Any]:
    """Every object in the files of a directory that stands alone, by kind and name."""
    files = [each for each in sorted(directory.glob("*.yaml")) if each.name != "kustomization.yaml"]
    return {(each["kind"], each["metadata"]["name"]): each for file in files for each in documents(file)}


BASE = resources(KUBERNETES / "base")
PATCHES = resources(KUBERNETES / "overlays/production")
DEPLOYMENTS = [BASE["Deployment", name] for name in SERVICES]


def name_of(document: Any) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def pod(deployment: Any) -> Any:
    return deployment["spec"]["template"]["spec"]


def container(deployment: Any) -> Any:
    (only,) = pod(deployment)["containers"]
    return only


def environment(deployment: Any) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container(deployment)["env"]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", BASE.values(), ids=name_of)
def test_every_object_is_what_its_schema_says(document: Any, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_every_file_is_used() -> None:
    for directory in (KUBERNETES / "base", KUBERNETES / "overlays/production"):
        (kustomization,) = documents(directory / "kustomization.yaml")
        used = {*kustomization["resources"], *(each["path"] for each in kustomization.get("patches", ()))}
        there = {each.name for each in directory.glob("*.yaml")} - {"kustomization.yaml"}
        assert there == {each for each in used if each.endswith(".yaml")}


def test_patches_patch_what_there_is() -> None:
    assert set(PATCHES) == {("Deployment", each) for each in SERVICES}
    for key, patch in PATCHES.items():
        assert container(patch)["name"] == container(BASE[key])["name"]


def rendered() -> Iterator[tuple[str, Any]]:
    """Every object of base and overlay, with where it comes from."""
    for directory in ("base", "overlays/production"):
        done = subprocess.run(["kubectl", "kustomize", KUBERNETES / directory], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        yield from ((directory, each) for each in parsed(done.stdout.decode()))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, to put base and overlay together")
def test_what_comes_of_base_and_overlay_is_valid() -> None:
    for where, document in rendered():
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        if document["kind"] == "Deployment":
            assert_variables_name_earlier_ones(document)
            assert where == "base" or ":" in container(document)["image"]
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "mesh"


@pytest.mark.parametrize("deployment", [*DEPLOYMENTS, *PATCHES.values()], ids=name_of)
def test_variables_name_earlier_ones(deployment: Any) -> None:
    assert_variables_name_earlier_ones(deployment)


def assert_variables_name_earlier_ones(deployment: Any) -> None:
    """`$(NAME)` stays as it is when NAME comes later."""
    seen: set[str] = set()
    for name, value in environment(deployment).items():
        assert set(re.findall(r"\$\((\w+)\)", value)) <= seen
        seen.add(name)


@pytest.mark.parametrize("deployment", [*DEPLOYMENTS, *PATCHES.values()], ids=name_of)
def test_variables_are_settings(deployment: Any) -> None:
    assert set(environment(deployment)) <= SETTINGS | {"HOST_IP"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_pod_may_do_nothing_that_it_need_not(deployment: Any) -> None:
    spec, security = pod(deployment), container(deployment)["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(deployment)["resources"]["limits"]["memory"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_nobody_is_killed_who_is_still_leaving(deployment: Any) -> None:
    said = environment(deployment)
    before = container(deployment).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    leaving = before + WITHDRAWAL + float(said["SERVICE_LINGER"]) + float(said["SERVICE_DRAIN"])
    assert pod(deployment)["terminationGracePeriodSeconds"] >= leaving + 3


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_probes_ask_where_the_service_answers(deployment: Any) -> None:
    only = container(deployment)
    ports = {each["name"]: each["containerPort"] for each in only["ports"]}
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        asked = only[probe]["httpGet"]
        assert asked["path"] == path
        assert ports[asked["port"]] == {"encrypt": 8000, "gateway": 8081}[only["name"]]
    dockerfile = (ROOT / "services" / only["name"] / "Dockerfile").read_text()
    assert f"EXPOSE {' '.join(map(str, ports.values()))}\n" in dockerfile


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_stays_while_nodes_go_and_grows_with_its_load(name: str) -> None:
    deployment, labels = BASE["Deployment", name], {"app.kubernetes.io/name": name}
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in deployment["spec"], "or each apply undoes what the autoscaler did"
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert deployment["spec"]["template"]["metadata"]["labels"] == labels
    assert BASE["Service", name]["spec"]["selector"] == labels
    assert BASE["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"] == labels
    scaled = BASE["HorizontalPodAutoscaler", name]["spec"]
    assert scaled["scaleTargetRef"]["name"] == name
    assert 1 < scaled["minReplicas"] < scaled["maxReplicas"]


def test_the_admin_listener_is_behind_no_service() -> None:
    assert [each["targetPort"] for each in BASE["Service", "gateway"]["spec"]["ports"]] == ["http"]


def test_consuls_chart_is_told_what_the_overlay_counts_on() -> None:
    (values,) = documents(KUBERNETES / "consul-values.yaml")
    assert values["client"]["enabled"], "an agent on each node"
    assert json.loads(values["client"]["extraConfig"]) == {"leave_on_terminate": False}
    assert values["global"]["acls"]["manageSystemACLs"]
    assert values["global"]["tls"]["httpsOnly"]
    for patch in PATCHES.values():
        said = environment(patch)
        assert said["CONSUL_HTTP_ADDR"] == "https://$(HOST_IP):8501"
        mounts = {each["mountPath"] for each in container(patch)["volumeMounts"]}
        assert all(str(Path(said[each]).parent) in mounts for each in ("CONSUL_HTTP_TOKEN_FILE", "CONSUL_CACERT"))
