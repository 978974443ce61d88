"""A real process: found while it serves, gone from the registry before it stops answering, and ended when told to."""

from __future__ import annotations

import asyncio
import time
from signal import SIGINT, SIGTERM

import httpx2
import psutil
import pytest

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.settings import ConsulSettings
from tests.discovery.processes import DEADLINE, answer, served
from tests.fakes.http_server import closed_port
from tests.registries import Registry


def consul_at(address: str) -> Consul:
    return Consul(ConsulSettings(http_addr=address, http_token=None))


async def listed(consul: Consul) -> list[Instance]:
    try:
        return list((await consul.instances("web")).value)
    except RegistryError:
        return []


async def registered(consul: Consul, count: int = 1) -> list[Instance]:
    async with asyncio.timeout(DEADLINE):
        while len(found := await listed(consul)) != count:
            await asyncio.sleep(0.02)
    return found


async def test_from_the_first_request_to_the_last(registry: Registry) -> None:
    async with (
        consul_at(registry.address) as consul,
        served(CONSUL_HTTP_ADDR=registry.address, SERVICE_ID="web-1") as web,
    ):
        (found,) = await registered(consul)
        url = await web.url()
        assert (found.id, f"http://{found.authority}", found.health) == ("web-1", url, "passing")
        assert found.tags == ("urlprefix-/hello replay=safe",)
        assert found.meta["pid"].isdecimal()

        async with httpx2.AsyncClient(verify=False, base_url=url, timeout=DEADLINE, trust_env=False) as http:
            first = await http.get("/hello")
            assert (first.status_code, first.text) == (200, "hello")
            assert first.headers[HEADER] == f"web-1 {found.boot_id}"
            assert "connection" not in first.headers
            assert (await http.get("/readyz")).status_code == 200

            slow = asyncio.create_task(answer(url + "/hello?seconds=2"))
            await asyncio.sleep(0.3)
            web.signal(SIGTERM)
            await registered(consul, 0)

            again = await http.get("/hello")
            assert again.text == "hello", "it answers although it is gone from the registry"
            assert again.headers["connection"] == "close"
            leaving = await answer(url + "/readyz")
            assert leaving is not None
            assert leaving.status_code == 503
            alive = await answer(url + "/livez")
            assert alive is not None
            assert alive.status_code == 200

        late = await slow
        assert late is not None
        assert late.text == "hello", "what was in flight ends well"
        assert await web.ended() == 0
        assert await answer(url) is None
        assert await listed(consul) == []


async def test_a_second_signal_hurries() -> None:
    environment = {"CONSUL_HTTP_ADDR": f"127.0.0.1:{closed_port()}", "SERVICE_LINGER": "600", "SERVICE_DRAIN": "600"}
    async with served(**environment) as web:
        url = await web.url()
        slow = asyncio.create_task(answer(url + "/hello?seconds=600"))
        await asyncio.sleep(0.3)
        web.signal(SIGTERM)
        await web.says("left without deregistering")
        began = time.monotonic()
        web.signal(SIGINT)
        assert await web.ended() == 0
        assert time.monotonic() - began < DEADLINE
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_requests_that_last_longer_than_the_drain_are_ended() -> None:
    environment = {"CONSUL_HTTP_ADDR": f"127.0.0.1:{closed_port()}", "SERVICE_LINGER": "0", "SERVICE_DRAIN": "1"}
    async with served(**environment) as web:
        url = await web.url()
        slow = asyncio.create_task(answer(url + "/hello?seconds=600"))
        await asyncio.sleep(0.3)
        web.signal(SIGTERM)
        assert await web.ended() == 0
        with pytest.raises(httpx2.TransportError):
            await slow


async def test_consul_may_be_away_at_the_start_and_at_the_end() -> None:
    registry = Registry("embedded")
    where = {"CONSUL_HTTP_ADDR": registry.address, "SERVICE_LINGER": "0"}
    async with served(**where) as web, consul_at(registry.address) as consul:
        found = await answer(await web.url() + "/hello")
        assert found is not None
        assert found.text == "hello", "it serves without"
        await registry.start()
        try:
            await registered(consul)
        finally:
            registry.kill()
        web.signal(SIGTERM)
        await web.says("left without deregistering")
        assert await web.ended() == 0


@pytest.mark.parametrize("registry", ["embedded"], indirect=True)
async def test_a_successor_with_the_same_name_is_left_registered(registry: Registry) -> None:
    where = {"CONSUL_HTTP_ADDR": registry.address, "SERVICE_ID": "web-1", "SERVICE_LINGER": "0"}
    async with consul_at(registry.address) as consul, served(**where) as first:
        (before,) = await registered(consul)
        async with served(**where) as second:
            await second.says("registered")
            first.signal(SIGTERM)
            assert await first.ended() == 0
            (after,) = await registered(consul)
            assert after.boot_id > before.boot_id
            assert f"http://{after.authority}" == await second.url()


async def test_what_cannot_be_understood_is_said_in_one_line() -> None:
    async with served(SERVICE_PORT="http") as web, served(SERVICE_ADVERTISE="web:99999") as other:
        assert await web.ended() == await other.ended() == 1
    assert web.raw == "web: SERVICE_PORT: Input should be a valid integer, unable to parse string as an integer\n"
    assert other.raw == "web: 'web:99999' cannot be advertised (no address): expected HOST or HOST:PORT\n"


async def test_a_misspelt_variable_is_named_and_a_token_is_nowhere_to_be_seen() -> None:
    """Not in a log line and not in the list of processes."""
    secret = "d0c7e9ae-secret"
    environment = {"CONSUL_HTTP_ADDR": "127.0.0.1:1", "CONSUL_HTTP_TOKEN": secret, "SERVICE_LINGRE": "0"}
    async with served(**environment) as web:
        said = await web.says("no such setting")
        assert (said["variable"], said["meant"]) == ("SERVICE_LINGRE", "SERVICE_LINGER")
        await web.says("the registry does not answer")
        assert secret not in " ".join(psutil.Process(web.pid).cmdline())
        web.signal(SIGTERM)
        assert await web.ended() == 0
    assert secret not in web.raw
