"""The gateway's admin listener: who may be asked, what is understood, and the moments read from it."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from discovery.consul import Consul
from discovery.instance import Health, Instance
from mesh import moments
from mesh.admin import Happened, Seen, admin_at, admin_authorities
from mesh.errors import NoGateway
from mesh.ports import free_port
from mesh.report import Answer
from mesh.settings import consul_settings
from tests.mesh.backend import serving_documents
from tests.mesh.registry import registry

HERE = socket.gethostname()


def gateway(admin: str, *, number: int = 1, host: str = HERE, health: Health = "passing") -> Instance:
    meta = {"admin": admin, "host": host}
    return Instance(f"gateway-{number}", "gateway", "127.0.0.1", 80, meta=meta, health=health)


@pytest.mark.parametrize("admin", ["127.0.0.1:8081", "127.0.0.2:1", "[::1]:8081"])
def test_a_gateway_of_this_machine_may_be_asked(admin: str) -> None:
    assert admin_authorities([gateway(admin)]) == {"gateway-1": admin}


@pytest.mark.parametrize(
    "admin",
    [
        "",
        "10.0.0.1:8081",
        "example.org:80",
        "127.0.0.1",
        "127.0.0.1:8081/x",
        "999.0.0.1:80",
        "user@127.0.0.1:1",
        "[::]:1",
    ],
)
def test_an_entry_cannot_send_us_elsewhere(admin: str) -> None:
    assert admin_authorities([gateway(admin)]) == {}


def test_a_gateway_elsewhere_or_one_that_is_gone_is_not_asked() -> None:
    elsewhere, gone = gateway("127.0.0.1:1", host="elsewhere"), gateway("127.0.0.1:2", number=2, health="critical")
    assert admin_authorities([elsewhere, gone, gateway("127.0.0.1:3", number=3)]) == {"gateway-3": "127.0.0.1:3"}


async def test_rotation_is_known_by_process() -> None:
    services = [
        {
            "name": "echo",
            "instances": [
                {"id": "echo-1", "boot_id": "b1", "in_rotation": True, "why": "admitted"},
                {"id": "echo-2", "boot_id": "", "in_rotation": False, "why": "ejected"},
            ],
        }
    ]
    async with (
        serving_documents({"/api/v1/services": {"services": services}}) as backend,
        admin_at(f"127.0.0.1:{backend.port}") as admin,
    ):
        rotation = await admin.rotation()
    assert rotation == {("echo-1", "b1"): Seen(True, "admitted"), ("echo-2", ""): Seen(False, "ejected")}


@pytest.mark.parametrize(
    ("kind", "health", "out"),
    [
        ("instance_ejected", "", True),
        ("instance_dropped", "", True),
        ("instance_health_changed", "critical", True),
        ("instance_health_changed", "warning", False),
        ("instance_readmitted", "", False),
    ],
)
def test_what_puts_an_instance_out_of_rotation(kind: str, health: str, out: bool) -> None:
    assert moments.puts_out(Happened(datetime.now(UTC), kind, "echo-1", health)) is out


@pytest.mark.parametrize("document", [[], {"services": None}, {"services": [{"name": "x"}]}, {"services": [1]}, "x"])
async def test_an_answer_of_another_form_is_no_gateways(document: object) -> None:
    async with (
        serving_documents({"/api/v1/services": document, "/api/v1/events": document}) as backend,
        admin_at(f"127.0.0.1:{backend.port}") as admin,
    ):
        with pytest.raises(NoGateway):
            await admin.rotation()
        with pytest.raises(NoGateway):
            await admin.events()


async def test_nobody_there_is_no_gateway() -> None:
    async with admin_at(f"127.0.0.1:{free_port()}") as admin:
        with pytest.raises(NoGateway, match="ConnectError"):
            await admin.rotation()


async def test_the_moment_of_ejection_is_the_gateways_own_and_not_of_an_earlier_one() -> None:
    killed = datetime(2026, 1, 2, 3, 4, 5, 500_600, UTC)

    def event(kind: str, instance: str, after_ms: int, health: str = "passing") -> dict[str, object]:
        at = (killed + timedelta(milliseconds=after_ms)).isoformat(timespec="milliseconds")
        return {"id": 1, "at": at, "kind": kind, "instance": instance, "service": "echo", "detail": {"health": health}}

    events = [
        event("instance_ejected", "echo-2", 9),
        event("instance_health_changed", "echo-1", 8, "critical"),
        event("instance_dropped", "echo-1", 7),
        event("instance_ejected", "echo-1", 4),
        event("instance_health_changed", "echo-1", 3, "passing"),
        event("instance_ejected", "echo-2", 2),
        event("instance_ejected", "echo-1", -5000),
    ]
    async with (
        serving_documents({"/api/v1/events": {"events": events}}) as backend,
        admin_at(f"127.0.0.1:{backend.port}") as admin,
    ):
        at = await moments.ejected(admin, "echo-1", since=killed)
    assert at is not None
    assert at == killed.replace(microsecond=504_000)


async def test_the_moment_of_being_critical_comes_from_the_registry() -> None:
    ill = Instance("echo-1", "echo", "127.0.0.1", 1, health="critical")
    async with registry(ill) as there, Consul(consul_settings(f"127.0.0.1:{there.port}", ours=True)) as consul:
        before = monotonic()
        at = await moments.critical(consul, "echo", "echo-1")
    assert at is not None
    assert at >= before


async def test_the_moment_a_port_opens() -> None:
    port = free_port()
    opening = asyncio.create_task(moments.port_opened("127.0.0.1", port))
    await asyncio.sleep(0.05)
    assert not opening.done()
    before = monotonic()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with server:
        opened = await opening
    assert opened is not None
    assert opened >= before


async def test_the_moment_of_the_first_good_answer_since_the_restart() -> None:
    def answer(at: float, served_by: str, error: str | None = None) -> Answer:
        return Answer(at - 0.1, at, 200, served_by, 1, error)

    answers = [answer(1, "echo-1"), answer(5, "echo-2"), answer(6, "echo-1", "status 503")]
    waiting = asyncio.create_task(moments.answered(answers, "echo-1", since=3))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    answers += [answer(8, "echo-1"), answer(7.5, "echo-1")]
    assert await waiting == 7.5
