"""The facade over Consul's API: against a server that says anything, and against real registries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from discovery.consul import Consul
from discovery.documents import Registration
from discovery.errors import RegistryError, RegistryGarbled, RegistryRefused, RegistryUnreachable, SettingsError
from discovery.settings import ConsulSettings
from tests.fakes.http_server import Behaviour, TinyServer, closed_port, closes, resets, response, sends, tiny_server
from tests.fakes.instances import NEWER_BOOT, instance
from tests.fakes.simulation import clock, simulated
from tests.registries import Registry

REGISTRATION = Registration(
    instance(address="127.0.0.1", port=1, tags=("urlprefix-/web",), weight=3), "http://127.0.0.1:1/"
)
CALLS: dict[str, Callable[[Consul], Awaitable[object]]] = {
    "version": Consul.version,
    "services": Consul.services,
    "instances": lambda consul: consul.instances("web"),
    "entry": lambda consul: consul.entry("web-1"),
    "register": lambda consul: consul.register(REGISTRATION),
    "deregister": lambda consul: consul.deregister("web-1"),
}
READS = ("services", "instances")
SECRET = "b7c1e2d0-secret"


@asynccontextmanager
async def asked(behave: Behaviour, **settings: Any) -> AsyncIterator[tuple[Consul, TinyServer]]:
    async with tiny_server(behave) as server:
        said = ConsulSettings(**{"http_addr": f"127.0.0.1:{server.port}", "http_token": None, **settings})
        async with Consul(said) as consul:
            yield consul, server


async def outcome(call: str, behave: Behaviour) -> RegistryError | None:
    async with asked(behave) as (consul, _):
        try:
            await CALLS[call](consul)
        except RegistryError as error:
            return error
    return None


# A server that says anything


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [500, 502, 503, 510])
async def test_a_server_error_means_that_it_cannot_be_reached(call: str, status: int) -> None:
    assert isinstance(await outcome(call, sends(response("trouble", status))), RegistryUnreachable)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 401, 403, 429, 301, 204])
async def test_other_statuses_mean_that_it_refuses(call: str, status: int) -> None:
    assert isinstance(await outcome(call, sends(response("no", status))), RegistryRefused)


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_leader_nothing_is_believed(call: str) -> None:
    said = response("[]", x_consul_index="7", x_consul_knownleader="false")
    assert isinstance(await outcome(call, sends(said)), RegistryUnreachable)


@pytest.mark.parametrize("call", ["version", "services", "instances", "entry"])
@pytest.mark.parametrize(
    "body",
    ["<html>Sign in</html>", '[{"Service"', "nul", "", "\xff\xfe", "7", '"x"', "[" * 100_000],
    ids=["html", "half", "short", "nothing", "binary", "number", "text", "deep"],
)
async def test_what_is_not_its_json_is_garbled(call: str, body: str) -> None:
    said = response(body.encode("latin-1"), x_consul_index="7")
    assert isinstance(await outcome(call, sends(said)), RegistryGarbled)


@pytest.mark.parametrize("call", ["version", "services", "instances"])
async def test_null_is_garbled_where_it_has_no_meaning(call: str) -> None:
    assert isinstance(await outcome(call, sends(response("null", x_consul_index="7"))), RegistryGarbled)


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("headers", [{}, {"x_consul_index": "x"}, {"x_consul_index": ""}, {"x_consul_index": "1.5"}])
async def test_an_index_that_is_missing_or_none_is_garbled(call: str, headers: dict[str, str]) -> None:
    body = "{}" if call == "services" else "[]"
    assert isinstance(await outcome(call, sends(response(body, 200, **headers))), RegistryGarbled)


@pytest.mark.parametrize("index", ["0", "-5"])
async def test_a_strange_index_is_handed_on_for_the_watch_to_judge(index: str) -> None:
    async with asked(sends(response("[]", x_consul_index=index))) as (consul, _):
        assert (await consul.instances("web")).index == int(index)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "behave",
    [
        closes,
        resets,
        sends(b"\x00\x01\x02nonsense\r\n\r\n"),
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[", close=True),
    ],
)
async def test_a_connection_that_breaks_means_that_it_cannot_be_reached(call: str, behave: Behaviour) -> None:
    assert isinstance(await outcome(call, behave), RegistryUnreachable)


@pytest.mark.parametrize("call", CALLS)
async def test_nobody_there_means_that_it_cannot_be_reached(call: str) -> None:
    async with Consul(ConsulSettings(http_addr=f"127.0.0.1:{closed_port()}")) as consul:
        with pytest.raises(RegistryUnreachable):
            await CALLS[call](consul)


async def test_a_server_that_knows_no_registrations_has_not_carried_one_out() -> None:
    assert isinstance(await outcome("register", sends(response("404 page not found", 404))), RegistryRefused)


async def test_to_deregister_one_that_is_not_there_is_no_error() -> None:
    assert await outcome("deregister", sends(response("Unknown service ID", 404))) is None


async def test_an_entry_that_is_not_there_is_none() -> None:
    async with asked(sends(response("unknown service ID: web-1", 404))) as (consul, _):
        assert await consul.entry("web-1") is None


# How it asks


async def test_the_first_question_does_not_block_and_the_next_one_carries_the_index() -> None:
    async with asked(sends(response("[]", x_consul_index="7"))) as (consul, server):
        await consul.instances("web")
        await consul.instances("web", index=7, wait=30)
    first, second = (httpx2.URL(each.target) for each in server.requests)
    assert first.path == second.path == "/v1/health/service/web"
    assert "index" not in first.params
    assert dict(second.params) == {"index": "7", "wait": "30s"}


async def test_a_hash_is_waited_on() -> None:
    body = json.dumps(
        {"ID": "web-1", "Service": "web", "Address": "", "Port": 1, "Tags": [], "Meta": {}, "ContentHash": "b"}
    )
    async with asked(sends(response(body))) as (consul, server):
        await consul.entry("web-1")
        found = await consul.entry("web-1", content_hash="a", wait=5)
    assert found is not None
    assert found.content_hash == "b"
    assert [each.target for each in server.requests] == [
        "/v1/agent/service/web-1",
        "/v1/agent/service/web-1?hash=a&wait=5s",
    ]


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_carries_the_token_in_a_header_and_nowhere_else(call: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    async with asked(sends(response("[]", 500)), http_token_file=file) as (consul, server):
        with pytest.raises(RegistryUnreachable) as raised:
            await CALLS[call](consul)
    (request,) = server.requests
    assert request.headers["x-consul-token"] == SECRET
    assert SECRET not in request.target
    assert SECRET not in str(raised.value)


async def test_without_a_token_none_is_sent() -> None:
    async with asked(sends(response("[]", x_consul_index="7"))) as (consul, server):
        await consul.instances("web")
    assert "x-consul-token" not in server.requests[0].headers


async def test_a_token_file_that_changes_is_read_again_and_one_that_vanishes_is_a_refusal(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    async with asked(sends(response("[]", x_consul_index="7")), http_token_file=file) as (consul, server):
        await consul.instances("web")
        file.write_text("second")
        await consul.instances("web")
        assert [each.headers["x-consul-token"] for each in server.requests] == ["first", "second"]
        file.unlink()
        for call in CALLS.values():
            with pytest.raises(RegistryRefused, match="CONSUL_HTTP_TOKEN_FILE"):
                await call(consul)


@pytest.mark.parametrize("token", ["geheim-ü", "geheim\nx: y"])
def test_a_token_that_no_header_can_carry_is_refused_without_quoting_it(token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    for settings in (ConsulSettings(http_token=token), ConsulSettings(http_token_file=file)):
        with pytest.raises(SettingsError) as raised:
            Consul(settings)
        assert "geheim" not in str(raised.value)


def test_a_token_file_that_cannot_be_read_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CONSUL_HTTP_TOKEN_FILE"):
        Consul(ConsulSettings(http_token_file=tmp_path / "nowhere"))


class Slow(httpx2.AsyncBaseTransport):
    """Answers one byte every four seconds: each read is in time, the whole never is."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        del request
        return httpx2.Response(200, stream=_Drip())


class _Drip(httpx2.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(1000):
            await asyncio.sleep(4)
            yield b" "


@simulated
async def test_a_slow_answer_is_not_waited_for_for_ever() -> None:
    consul = Consul(ConsulSettings(), transport=Slow())
    for call in CALLS.values():
        began = clock()
        with pytest.raises(RegistryUnreachable):
            await call(consul)
        assert clock() - began < 6
    began = clock()
    with pytest.raises(RegistryUnreachable):
        await consul.instances("web", index=7, wait=60)
    assert 60 * 17 / 16 < clock() - began <= 60 * 17 / 16 + 5
    await consul.aclose()


# Real registries


async def settled(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await check():
            await asyncio.sleep(0.02)


async def test_the_whole_way_on_a_real_registry(registry: Registry) -> None:
    async with Consul(ConsulSettings(http_addr=registry.address, http_token=None)) as consul:
        assert await consul.version()
        assert await consul.entry("web-1") is None
        before = await consul.instances("web")
        assert before.value == ()

        await consul.register(REGISTRATION, "passing")
        answer = await consul.instances("web", index=before.index)
        assert answer.index > before.index
        assert answer.value == (REGISTRATION.instance,)
        assert (await consul.services()).value["web"] == ("urlprefix-/web",)
        entry = await consul.entry("web-1")
        assert entry is not None
        assert entry.instance == REGISTRATION.instance

        waiting = asyncio.create_task(consul.entry("web-1", content_hash=entry.content_hash))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await consul.deregister("web-1")
        assert await asyncio.wait_for(waiting, 30) is None
        assert (await consul.instances("web")).value == ()


async def test_a_new_boot_passes_at_once_where_the_old_one_was_critical(registry: Registry) -> None:
    async with Consul(ConsulSettings(http_addr=registry.address, http_token=None)) as consul:
        await consul.register(REGISTRATION, "passing")

        async def is_critical() -> bool:
            return [each.health for each in (await consul.instances("web")).value] == ["critical"]

        await settled(is_critical)
        successor = Registration(instance(address="127.0.0.1", port=1, boot=NEWER_BOOT), REGISTRATION.check_url)
        await consul.register(successor, "passing")
        entry = await consul.entry("web-1")
        assert entry is not None
        assert entry.instance.boot_id == NEWER_BOOT
        assert [each.health for each in (await consul.instances("web")).value] == ["passing"]


async def test_where_it_answered_is_known() -> None:
    async with (
        tiny_server(sends(response("[]", x_consul_index="7"))) as server,
        Consul(ConsulSettings(http_addr=f"localhost:{server.port}")) as consul,
    ):
        assert consul.places == set()
        await consul.instances("web")
        assert consul.places == {("127.0.0.1", server.port)}
