"""`http://web/…` from any Python program: real instances behind a registry in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import httpx2
import pytest

from discovery.addresses import Forbidden
from discovery.errors import OutOfTime, RegistryUnreachable
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.probe import Probe
from discovery.reply import KEPT
from discovery.resolver import Resolver
from discovery.transport import UNKNOWN, ServiceTransport, is_service
from discovery.upstream import Upstream
from tests.fakes.http_server import (
    Behaviour,
    Received,
    TinyServer,
    closed_port,
    closes,
    hangs,
    resets,
    response,
    sends,
    tiny_server,
)
from tests.fakes.instances import instance, says
from tests.fakes.registry import FakeRegistry

DEADLINE = 30.0


class Mesh:
    """A few instances, each a real server, and a client that finds them."""

    def __init__(self, http: httpx2.AsyncClient, transport: ServiceTransport, registry: FakeRegistry) -> None:
        self.http = http
        self.transport = transport
        self.registry = registry
        self.servers: dict[str, TinyServer] = {}

    def __getitem__(self, instance_id: str) -> Upstream:
        pool = self.transport._resolver.pools["web"]
        (found,) = (each for each in pool.upstreams if each.instance.id == instance_id)
        return found

    @property
    def busy(self) -> int:
        return sum(each.in_flight for each in self.transport._resolver.pools["web"].upstreams)

    @property
    def requests(self) -> list[Received]:
        return [each for server in self.servers.values() for each in server.requests]


def named(who: Instance, body: bytes | str = "", status: int = 200, **headers: str) -> bytes:
    return response(body, status, **{HEADER.replace("-", "_"): says(who), **headers})


def tells(who: Instance) -> Behaviour:
    """Answers with its ID."""
    return sends(named(who, who.id))


@asynccontextmanager
async def mesh(
    *behaviours: Behaviour, tags: tuple[str, ...] = (), deadline: float = 10.0, boot: bool = True
) -> AsyncIterator[Mesh]:
    """`web-1`, `web-2`, … behave as given; a health check is always answered well."""
    async with AsyncExitStack() as stack:
        registry, probe = FakeRegistry(), Probe()
        stack.push_async_callback(probe.aclose)
        resolver = Resolver(
            registry,
            probe,
            journal=Journal(),
            clock=time.monotonic,
            random=Random(7),
            forbidden=Forbidden(),
        )
        transport = ServiceTransport(
            resolver,
            plain=httpx2.AsyncHTTPTransport(verify=False),
            wire=httpx2.AsyncHTTPTransport(verify=False, limits=httpx2.Limits(max_connections=None)),
            random=Random(7),
            clock=time.monotonic,
            deadline=deadline,
        )
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport))
        found = Mesh(http, transport, registry)
        for number, behave in enumerate(behaviours, 1):
            name = f"web-{number}"
            who = instance(name, tags=tags) if boot else instance(name, tags=tags, boot="")
            server = await stack.enter_async_context(tiny_server(healthy(who, behave)))
            found.servers[name] = server
            registry.put(at(who, server.port))
        yield found


def healthy(who: Instance, behave: Behaviour) -> Behaviour:
    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        await (sends(named(who, "ok")) if request.target == "/livez" else behave)(request, writer)

    return answer


def at(who: Instance, port: int) -> Instance:
    return instance(who.id, address="127.0.0.1", port=port, boot=who.boot_id, tags=who.tags)


SAFE = ("urlprefix-/ replay=safe",)


async def test_a_name_is_called_and_the_answer_is_an_answer_like_any_other() -> None:
    async with mesh(sends(named(instance(), "hello", 201, x_a="b"))) as to:
        got = await to.http.post("http://web/a/b?c=d", content=b"body", headers={"x-c": "d"})
        assert (got.status_code, got.text, got.headers["x-a"]) == (201, "hello", "b")
        assert HEADER not in got.headers
        (request,) = to.requests
        assert (request.method, request.target, request.body) == ("POST", "/a/b?c=d", b"body")
        assert (request.headers["host"], request.headers["x-c"]) == ("web", "d")
        assert to.busy == 0


async def test_all_instances_take_part() -> None:
    async with mesh(*(tells(instance(f"web-{n}")) for n in (1, 2, 3))) as to:
        assert {(await to.http.get("http://web/")).text for _ in range(50)} == {"web-1", "web-2", "web-3"}


async def test_an_answer_says_who_gave_it() -> None:
    async with mesh(closes, *(tells(instance(f"web-{n}")) for n in (2, 3))) as to:
        for _ in range(20):
            got = await to.http.get("http://web/")
            assert got.extensions["instance"] == got.text != "web-1"


async def test_other_hosts_are_called_as_ever() -> None:
    async with mesh() as to, tiny_server(sends(response("elsewhere"))) as elsewhere:
        assert (await to.http.get(elsewhere.url)).text == "elsewhere"
        assert to.registry.asked.total() == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://web/", True),
        ("http://web:80/", True),
        ("http://web-1/a", True),
        ("http://web:81/", False),
        ("https://web/", False),
        ("http://web.internal/", False),
        ("http://localhost/", False),
        ("http://10.0.0.1/", False),
        ("http://[::1]/", False),
    ],
)
def test_what_names_a_service(url: str, expected: bool) -> None:
    assert is_service(httpx2.URL(url)) is expected


# Failures are hidden where that does no harm


@pytest.mark.parametrize("behave", [closes, resets, sends(b"nonsense\r\n\r\n"), sends(response("x", 503))])
async def test_what_may_be_repeated_is(behave: Behaviour) -> None:
    async with mesh(behave, tells(instance("web-2"))) as to:
        for _ in range(20):
            assert (await to.http.get("http://web/")).text == "web-2"
        assert to.busy == 0


async def test_what_a_route_declares_safe_is_repeated_too() -> None:
    async with mesh(closes, tells(instance("web-2")), tags=SAFE) as to:
        for _ in range(20):
            assert (await to.http.post("http://web/", content=b"x")).text == "web-2"


async def test_and_what_the_caller_declares_safe() -> None:
    async with mesh(closes, tells(instance("web-2"))) as to:
        for _ in range(20):
            got = await to.http.post("http://web/", content=b"x", extensions={"replay_safe": True})
            assert got.text == "web-2"


async def test_what_may_not_be_repeated_is_sent_once() -> None:
    async with mesh(closes) as to:
        with pytest.raises(httpx2.ConnectError, match="the connection broke"):
            await to.http.post("http://web/", content=b"x")
        assert len(to.requests) == 1
        assert to.busy == 0


async def test_an_instance_that_is_gone_costs_nothing_not_even_a_post() -> None:
    async with mesh(tells(instance("web-1"))) as to:
        to.registry.put(instance("web-2", address="127.0.0.1", port=closed_port()))
        for _ in range(20):
            assert (await to.http.post("http://web/", content=b"x")).text == "web-1"


async def test_a_stranger_on_the_port_gets_one_request_and_no_second() -> None:
    async with mesh(sends(response("stranger")), tells(instance("web-2"))) as to:
        to.servers["web-1"].behave = sends(response("stranger"))  # also to a health check
        for _ in range(50):
            assert (await to.http.get("http://web/")).text == "web-2"
        assert len([each for each in to.servers["web-1"].requests if each.target == "/"]) <= 1


async def test_a_body_that_streams_is_never_sent_in_part() -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    async with mesh(sends(response("stranger")), tells(instance("web-2"))) as to:
        for _ in range(10):
            try:
                await to.http.put("http://web/", content=body())
            except httpx2.ConnectError:
                continue
        assert to.servers["web-2"].requests
        assert {each.body for each in to.servers["web-2"].requests if each.target == "/"} == {b"abcabcabc"}


async def test_a_large_body_is_sent_once() -> None:
    async with mesh(closes) as to:
        with pytest.raises(httpx2.ConnectError):
            await to.http.put("http://web/", content=b"x" * (KEPT + 1))
        assert len(to.requests) == 1


async def test_a_response_that_is_cut_short_is_hidden_when_it_is_small() -> None:
    cut = sends(named(instance(), "hello")[:-2], close=True)
    async with mesh(cut, tells(instance("web-2")), tags=SAFE) as to:
        for _ in range(20):
            assert (await to.http.post("http://web/", content=b"x")).text == "web-2"


async def test_and_an_error_when_it_is_large_never_a_whole_response() -> None:
    cut = sends(named(instance(), b"x" * (KEPT + 10))[:-2], close=True)
    async with mesh(cut, tags=SAFE) as to:
        with pytest.raises(httpx2.RemoteProtocolError):
            await to.http.get("http://web/")
        assert to.busy == 0


async def test_idle_connections_that_end_at_the_moment_of_reuse_are_not_noticed() -> None:
    """The instance closes each connection after its answer, without having said so."""
    who = instance()
    async with mesh(sends(named(who, "hello"), close=True), tells(instance("web-2")), tags=SAFE) as to:
        for _ in range(20):
            answers = await asyncio.gather(*(to.http.post("http://web/", content=b"x") for _ in range(10)))
            assert {each.status_code for each in answers} == {200}
        assert to["web-1"].ejection.is_admitting, "and it is not blamed for it"
        assert to.busy == 0


async def test_one_that_hangs_is_outrun() -> None:
    async with mesh(hangs, tells(instance("web-2")), tags=SAFE) as to:
        began = time.monotonic()
        for _ in range(20):
            assert (await to.http.get("http://web/")).text == "web-2"
        assert time.monotonic() - began < 9, "no attempt was waited for to its end"
        assert to.busy == 0


# Errors are those of httpx2


async def test_nobody_there() -> None:
    async with mesh() as to:
        with pytest.raises(httpx2.ConnectError, match="no instance of web"):
            await to.http.get("http://web/")


async def test_out_of_time() -> None:
    async with mesh(hangs, deadline=0.3) as to:
        began = time.monotonic()
        with pytest.raises(httpx2.ReadTimeout):
            await to.http.get("http://web/")
        assert time.monotonic() - began < DEADLINE
        assert to.busy == 0


async def test_a_registry_that_says_nothing_counts_in_the_deadline() -> None:
    async with mesh(hangs, deadline=0.6) as to:
        to.registry.go_down(RegistryUnreachable("down"))
        asyncio.get_running_loop().call_later(0.4, to.registry.come_back)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(httpx2.ReadTimeout) as raised:
            await to.http.get("http://web/")
        assert loop.time() - began > 0.55
        failed = raised.value.__cause__
        assert isinstance(failed, OutOfTime)
        assert sum(each.milliseconds for each in failed.attempts) < 250, "what the registry left of it"


@pytest.mark.parametrize("name", ["consul", "-web", "x" * 129])
async def test_a_name_that_no_service_can_have(name: str) -> None:
    async with mesh() as to:
        with pytest.raises(httpx2.ConnectError, match="no service"):
            await to.http.get(f"http://{name}/")


# Bodies


async def test_an_instance_is_busy_until_the_body_is_closed() -> None:
    async with mesh(sends(named(instance(), b"x" * (KEPT + 1)))) as to:
        async with to.http.stream("GET", "http://web/") as got:
            assert to["web-1"].in_flight == 1
            assert sum([len(chunk) async for chunk in got.aiter_raw()]) == KEPT + 1
        assert to.busy == 0


async def test_a_body_that_nobody_reads_is_given_back() -> None:
    async with mesh(sends(named(instance(), b"x" * (KEPT + 1)))) as to:
        async with to.http.stream("GET", "http://web/"):
            pass
        assert to.busy == 0


async def test_a_body_that_is_forgotten_does_not_keep_its_instance_busy_for_ever() -> None:
    async with mesh(sends(named(instance(), "small"))) as to:

        async def forget(method: str) -> None:
            await to.http.send(to.http.build_request(method, "http://web/"), stream=True)

        for method in ("GET", "POST"):  # one is held, the other streams
            await asyncio.create_task(forget(method))
            await asyncio.sleep(0)
            gc.collect()
            assert to.busy == 0


async def test_callers_who_go_away_leave_nothing_behind() -> None:
    async with mesh(hangs, hangs, tags=SAFE) as to:
        calls = [asyncio.create_task(to.http.get("http://web/")) for _ in range(50)]
        while len(to.requests) < 10:
            await asyncio.sleep(0.01)
        for each in calls:
            each.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert to.busy == 0
        async with asyncio.timeout(DEADLINE):
            while to.transport._wire._pool.connections:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)


async def test_calls_at_the_same_moment_share_one_budget() -> None:
    async with mesh(tells(instance())) as to:
        await asyncio.gather(*(to.http.get("http://web/") for _ in range(50)))
        budget = to.transport._callers["web"].budget
        assert [budget.withdraw(time.monotonic()) for _ in range(200)].count(True) == 100 + 0.2 * 50


async def test_every_answer_belongs_to_its_request() -> None:
    async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(int(request.target[1:]) % 7 / 1000)
        await sends(named(instance(), request.target))(request, writer)

    async with mesh(echo) as to:
        targets = [f"/{number}" for number in range(100)]
        answers = await asyncio.gather(*(to.http.get(f"http://web{target}") for target in targets))
        assert [each.text for each in answers] == targets


async def test_names_that_nobody_has_do_not_use_up_the_agent() -> None:
    async with mesh(tells(instance("web-1"))) as to:
        for number in range(3 * UNKNOWN):
            with pytest.raises(httpx2.ConnectError):
                await to.http.get(f"http://nobody-{number}/")
        assert len(to.transport._resolver.pools) <= UNKNOWN
        assert len(to.transport._callers) <= UNKNOWN
        assert (await to.http.get("http://web/")).text == "web-1"


async def test_nor_do_those_that_are_all_asked_for_at_once_while_it_is_silent() -> None:
    async with mesh(tells(instance("web-1")), deadline=1.0) as to:
        to.registry.go_down(RegistryUnreachable("x"))
        asking = (to.http.get(f"http://nobody-{number}/") for number in range(3 * UNKNOWN))
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in outcomes} == {httpx2.ConnectError, httpx2.ReadTimeout}
        assert len(to.transport._resolver.pools) <= UNKNOWN
        to.registry.come_back()
        assert (await to.http.get("http://web/")).text == "web-1", "those who gave up make room"


async def test_a_service_that_was_forgotten_is_called_again_as_soon_as_it_is_there() -> None:
    async with mesh(tells(instance("web-1"))) as to:
        (listed,) = to.registry.entries
        to.registry.remove("web-1")
        with pytest.raises(httpx2.ConnectError):
            await to.http.get("http://web/")
        assert to.transport._resolver.make_room(1)
        to.registry.put(listed)
        assert (await to.http.get("http://web/")).text == "web-1"


async def test_a_route_says_how_long_its_answers_may_take() -> None:
    """Shorter than the client's own deadline, or longer."""

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.0)
        await tells(instance("web-1"))(request, writer)

    async with mesh(slow, tags=("urlprefix-/short timeout=300ms", "urlprefix-/long timeout=30s"), deadline=0.6) as to:
        assert (await to.http.post("http://web/long")).status_code == 200
        for path, longest in (("short", 0.5), ("else", 0.9)):
            began = time.monotonic()
            with pytest.raises(httpx2.ReadTimeout):
                await to.http.post(f"http://web/{path}")
            assert time.monotonic() - began < longest
