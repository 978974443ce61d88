"""`client()`: services by name on a real registry."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

import discovery
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.errors import SettingsError
from discovery.identity import HEADER
from discovery.settings import ConsulSettings
from tests.fakes.http_server import closed_port, response, sends, tiny_server
from tests.fakes.instances import instance, says
from tests.registries import Registry

DEADLINE = 30.0


@asynccontextmanager
async def registered(consul: Consul, name: str) -> AsyncIterator[None]:
    """An instance that answers with its name, for as long as the context lasts; its entry stays."""
    answer = response(name, 200, **{HEADER.replace("-", "_"): says(instance(name))})
    async with tiny_server(sends(answer)) as server:
        who = instance(name, address="127.0.0.1", port=server.port, tags=("urlprefix-/ replay=safe",))
        await consul.register(Registration(who, server.url + "/livez"))
        yield


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await true():
            await asyncio.sleep(0.01)


async def test_services_are_found_by_name_and_their_ends_are_not_noticed(registry: Registry) -> None:
    settings = ConsulSettings(http_addr=registry.address, http_token=None)
    tasks = asyncio.all_tasks()
    async with Consul(settings) as consul, registered(consul, "web-1"), discovery.client(consul=settings) as http:

        async def answers(name: str) -> bool:
            return (await http.post("http://web/", content=b"x")).text == name

        assert await answers("web-1")
        async with registered(consul, "web-2"):
            await until(lambda: answers("web-2"))
        for _ in range(20):
            assert await answers("web-1"), "though the registry still lists one that is gone"
        await consul.deregister("web-1")
        await consul.deregister("web-2")
        with pytest.raises(httpx2.ConnectError, match="no instance of nobody"):
            await http.get("http://nobody/")
    gc.collect()
    assert asyncio.all_tasks() == tasks, "nothing goes on after the client is closed"


@pytest.mark.parametrize(("said", "attempts"), [("1", 1), ("2", 2)])
async def test_it_keeps_to_the_terms_of_the_environment(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, said: str, attempts: int
) -> None:
    monkeypatch.setenv("CALL_ATTEMPTS", said)
    settings = ConsulSettings(http_addr=registry.address, http_token=None)
    async with Consul(settings) as consul, tiny_server(sends(response("no", 503))) as server:
        who = instance("sick-1", service="sick", address="127.0.0.1", port=server.port, boot="")
        await consul.register(Registration(who, server.url + "/livez"))
        async with discovery.client(consul=settings) as http:
            assert (await http.get("http://sick/called")).status_code == 503
        assert [each.target for each in server.requests].count("/called") == attempts
        await consul.deregister("sick-1")


async def test_a_call_has_some_time_and_not_all_of_it() -> None:
    for deadline in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="time"):
            discovery.client(consul=ConsulSettings(), deadline=deadline)


async def test_without_a_registry_the_deadline_holds() -> None:
    settings = ConsulSettings(http_addr=f"127.0.0.1:{closed_port()}", http_token=None)
    async with discovery.client(consul=settings, deadline=0.3) as http:
        with pytest.raises(httpx2.ReadTimeout, match="the registry has said nothing about web"):
            await http.get("http://web/")


async def test_options_are_those_of_httpx2() -> None:
    async with discovery.client(consul=ConsulSettings(), headers={"x-a": "b"}, timeout=7) as http:
        assert http.headers["x-a"] == "b"
        assert http.timeout.read == 7
    async with discovery.client(consul=ConsulSettings()) as http:
        assert http.timeout.read == httpx2.AsyncClient().timeout.read, "other hosts are called as ever"


def test_settings_that_cannot_be_understood_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "ftp://x")
    with pytest.raises(SettingsError, match="CONSUL_HTTP_ADDR"):
        discovery.client()
