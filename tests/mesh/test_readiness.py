"""When an instance serves, and what is said of one that does not."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from discovery.consul import Consul
from discovery.instance import Health, Instance
from mesh.admin import Seen
from mesh.errors import NotReady
from mesh.names import taken
from mesh.ports import free_port
from mesh.readiness import last_words, rotation, together, until_serving, why_not
from mesh.settings import consul_settings
from mesh.supervisor import Running
from tests.mesh.backend import serving_documents
from tests.mesh.registry import registry

STARTED = 1_795_400_000.0
BOOT = f"{int(STARTED * 1000) + 250:012x}" + "0123456789abcdef"
FORMER_BOOT = f"{int(STARTED * 1000) - 60_000:012x}" + "0123456789abcdef"


def running(**changes: Any) -> Running:
    usual: dict[str, Any] = {
        "id": "echo-1",
        "service": "echo",
        "port": 1,
        "state": "running",
        "pid": 42,
        "starts": 1,
        "started_at": STARTED,
        "short_lives": 0,
        "last_end": None,
        "log": "/nowhere/echo-1.log",
    }
    return Running(**{**usual, **changes})


def entry(boot_id: str = BOOT, health: Health = "passing") -> Instance:
    return Instance("echo-1", "echo", "127.0.0.1", 1, meta={"boot_id": boot_id}, health=health)


@pytest.mark.parametrize(
    ("one", "found", "seen", "why"),
    [
        (running(), entry(), {("echo-1", BOOT): Seen(True, "")}, None),
        (running(), entry(), None, None),
        (running(pid=None, last_end="exit code 3"), entry(), None, "it does not run (exit code 3)"),
        (running(pid=None), None, None, "it does not run yet"),
        (running(), None, None, "it has not registered yet"),
        (running(), entry(FORMER_BOOT), None, "it has not registered yet"),
        (running(), entry(""), None, "it has not registered yet"),
        (running(), entry(health="critical"), None, "the registry calls it critical"),
        (running(), entry(), {}, "the gateway has not heard of it yet"),
        (running(), entry(), {("echo-1", FORMER_BOOT): Seen(True, "")}, "the gateway has not heard of it yet"),
        (running(), entry(), {("echo-1", BOOT): Seen(False, "ejected")}, "the gateway leaves it out: ejected"),
        (running(service="gateway"), entry(), {}, None),
    ],
)
def test_what_is_missing(
    one: Running, found: Instance | None, seen: Mapping[tuple[str, str], Seen] | None, why: str | None
) -> None:
    assert why_not(one, found, seen) == why


def test_one_gateway_is_believed_as_it_is() -> None:
    said = {("echo-1", BOOT): Seen(False, "ejected"), ("echo-2", BOOT): Seen(True, "admitted")}
    assert together({"gateway-1": said}) == said


def test_of_several_gateways_all_must_send_requests_there() -> None:
    one, two, three = ("echo-1", BOOT), ("echo-2", BOOT), ("echo-3", BOOT)
    yes, no = Seen(True, "admitted"), Seen(False, "ejected")
    found = together({"gateway-1": {one: yes, two: yes, three: yes}, "gateway-2": {one: yes, two: no}})
    assert found == {
        one: yes,
        two: Seen(False, "ejected at gateway-2"),
        three: Seen(False, "not known yet at gateway-2"),
    }


async def test_a_gateway_that_does_not_answer_has_no_say() -> None:
    instances = [{"id": "echo-1", "boot_id": BOOT, "in_rotation": True, "why": "admitted"}]
    async with serving_documents({"/api/v1/services": {"services": [{"instances": instances}]}}) as backend:
        there, gone = gateway(1, backend.port), gateway(2, free_port())
        assert await rotation([gone, there]) == {("echo-1", BOOT): Seen(True, "admitted")}
        assert await rotation([gone]) is None


def gateway(number: int, admin_port: int) -> Instance:
    meta = {"admin": f"127.0.0.1:{admin_port}", "host": socket.gethostname()}
    return Instance(f"gateway-{number}", "gateway", "127.0.0.1", 80, meta=meta)


async def wait_for(instances: Iterable[Running], *entries: Instance, seconds: float = 30) -> list[int]:
    told: list[int] = []

    async def now() -> list[Running]:
        return list(instances)

    async with registry(*entries) as there, Consul(consul_settings(f"127.0.0.1:{there.port}", ours=True)) as consul:
        await until_serving(consul, now, tell=told.append, seconds=seconds)
    return told


async def test_what_serves_is_not_waited_for() -> None:
    assert await wait_for([running()], entry()) == []


async def test_what_is_to_be_down_is_not_waited_for() -> None:
    assert await wait_for([running(state="down", pid=None)]) == []


async def test_what_does_not_serve_in_time_is_named_with_the_reason() -> None:
    with pytest.raises(
        NotReady, match=r"echo-1 does not serve: it has not registered yet; its log is /nowhere/echo-1.log"
    ):
        await wait_for([running()], seconds=0.2)


async def test_what_died_too_often_is_not_waited_for_any_longer() -> None:
    with pytest.raises(NotReady, match="exit code 3"):
        await wait_for([running(pid=None, state="waiting", short_lives=3, last_end="exit code 3")], seconds=3600)


async def test_an_entry_whose_process_is_gone_leaves_its_name_free(tmp_path: Path) -> None:
    others = Instance("echo-2", "echo", "127.0.0.1", 2)
    ghost = Instance("echo-1", "echo", "127.0.0.1", 1, meta=_of_nobody())
    async with registry(ghost, others) as there:
        assert await taken(consul_settings(f"127.0.0.1:{there.port}", ours=True), tmp_path, but=None) == {"echo-2"}


def _of_nobody() -> dict[str, str]:
    return {"pid": "4194304", "host": socket.gethostname(), "boot_id": FORMER_BOOT}


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("one\ntwo\n", ", and ends with: two"),
        ("one\n  two  \n\n\n", ", and ends with: two"),
        ("x" * 10_000, ", and ends with: " + "x" * 300),
    ],
)
def test_the_last_words_of_a_log(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_words(tmp_path / "log") == words


def test_a_log_that_is_not_there_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "log") == ""
