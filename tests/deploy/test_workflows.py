"""Continuous delivery: each service on its own, with no more rights than it needs, from actions that cannot change."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.project import ROOT, SERVICES, document

DIRECTORY = ROOT / ".github/workflows"
FILES = sorted(DIRECTORY.glob("*.yml"))
WORKFLOWS: dict[str, Any] = {each.stem: document(each) for each in FILES}
ON = True
"""What YAML 1.1 makes of the key `on`."""

MAY_WRITE = {("image", "publish"), *((each, "image") for each in SERVICES)}
"""The jobs that publish, or call what publishes."""

JOBS = [(name, job, said) for name, workflow in WORKFLOWS.items() for job, said in workflow["jobs"].items()]


def steps() -> list[tuple[str, Any]]:
    return [(f"{name}.{job}", step) for name, job, said in JOBS for step in said.get("steps", ())]


def test_every_workflow_is_what_the_schema_says() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *FILES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nobody_may_more_than_read_by_default(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(("name", "job", "said"), JOBS, ids=[f"{name}.{job}" for name, job, _ in JOBS])
def test_only_who_publishes_may_write_and_only_packages(name: str, job: str, said: Any) -> None:
    expected = {"contents": "read", "packages": "write"} if (name, job) in MAY_WRITE else {"contents": "read"}
    assert said.get("permissions", {"contents": "read"}) == expected
    assert "timeout-minutes" in said or "uses" in said


def test_nothing_runs_with_our_rights_on_the_code_of_others() -> None:
    for workflow in WORKFLOWS.values():
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow[ON])
    publish = WORKFLOWS["image"]["jobs"]["publish"]
    assert publish["if"] == "github.event_name != 'pull_request'"


def test_actions_are_pinned_to_commits_and_say_of_which_version() -> None:
    used = re.findall(r"uses: (\S+)(?: # (\S+))?", "\n".join(each.read_text() for each in FILES))
    others = [(what, version) for what, version in used if not what.startswith("./")]
    assert others
    for what, version in others:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", what), what
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), what
    assert len({what for what, _ in others}) == len({what.partition("@")[0] for what, _ in others}), "one of each"


@pytest.mark.parametrize(("where", "step"), steps(), ids=[where for where, _ in steps()])
def test_no_step_pastes_into_a_shell_or_leaves_a_token_behind(where: str, step: Any) -> None:  # noqa: ARG001 (an ID)
    assert "${{" not in step.get("run", ""), "what others said comes through the environment"
    if "checkout" in step.get("uses", ""):
        assert step["with"]["persist-credentials"] is False


def test_images_of_containers_are_pinned() -> None:
    text = "\n".join(each.read_text() for each in FILES)
    assert ":latest" not in text
    assert document(ROOT / "compose.yaml")["x-consul"]["image"] == WORKFLOWS["checks"]["env"]["CONSUL_IMAGE"]


def test_checks_run_on_every_change() -> None:
    assert WORKFLOWS["checks"][ON] == {"push": {"branches": ["main"]}, "pull_request": None, "workflow_call": None}
    said = {step["run"] for where, step in steps() if where.startswith("checks.") and "run" in step}
    assert {"make check", "make test", "make test-compose", "make demo"} <= said


def test_every_change_is_drilled_on_both_registries_and_over_and_over() -> None:
    job = WORKFLOWS["checks"]["jobs"]["drill"]
    assert job["strategy"]["matrix"] == {"registry": ["embedded", "binary"]}
    assert job["env"] == {"REGISTRY": "${{ matrix.registry }}"}
    drills = [words for step in job["steps"] if "mesh drill" in (words := step.get("run", ""))]
    assert all('--consul "$REGISTRY"' in each for each in drills)
    assert [each.split()[2] for each in drills] == ["all", "kill"]
    assert "--times 10 " in drills[-1]


def is_built_for(service: str, path: str) -> bool:
    """Whether a change of this path begins the service's workflow: the last pattern that matches decides."""
    found = False
    for pattern in WORKFLOWS[service][ON]["push"]["paths"]:
        if fnmatch.fnmatch(path, pattern.removeprefix("!").replace("**", "*")):
            found = not pattern.startswith("!")
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_built_when_what_is_in_it_changed(service: str) -> None:
    (other,) = set(SERVICES) - {service}
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "services" / service / "Dockerfile").read_text(), re.M)
    assert copied
    for each in copied:
        path = f"{each}/some.py" if (ROOT / each).is_dir() else each
        assert is_built_for(service, path), path
    assert not is_built_for(service, f"services/{other}/settings.py")
    assert not is_built_for(service, "discovery/devagent/api.py")
    assert not is_built_for(service, "mesh/cli.py")
    assert not is_built_for(service, "docs/operating.md")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_released_by_its_own_tag(service: str) -> None:
    workflow = WORKFLOWS[service]
    assert workflow[ON]["push"]["tags"] == [f"{service}-v*"]
    assert workflow[ON]["push"]["paths"] == workflow[ON]["pull_request"]["paths"]
    assert workflow["jobs"]["image"]["with"] == {"service": service}
    assert workflow["jobs"]["image"]["needs"] == "checks"
    assert workflow["jobs"]["checks"]["uses"] == "./.github/workflows/checks.yml"


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_published_that_has_not_passed_the_checks(service: str) -> None:
    """Checks that are skipped are no checks that passed: only a pull request, which publishes nothing, does without."""
    checks, image = (WORKFLOWS[service]["jobs"][job] for job in ("checks", "image"))
    assert checks["if"] == "github.event_name != 'pull_request'"
    passed = "needs.checks.result == 'success' || github.event_name == 'pull_request'"
    assert image["if"] == f"${{{{ !cancelled() && ({passed}) }}}}"


def test_checks_of_one_change_do_not_drop_each_other() -> None:
    """On main they run for themselves and for each service at once, and two that wait in one group are one too many."""
    assert "${{ github.workflow }}" in WORKFLOWS["checks"]["concurrency"]["group"]
