"""The process that people start: how it begins, what it costs, and that it always ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
import pytest

from discovery.consul import Consul
from discovery.documents import Registration
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.last_known import LastKnown
from discovery.pool import Pool
from discovery.ports import free_ports
from discovery.settings import ConsulSettings
from discovery.watch import Snapshot
from tests.registries import Registries

from .front import Client
from .instances import BOOT, Act, Side, answer, raw_instance, says, signed
from .waiting import DEADLINE, until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

GET = b"GET /web HTTP/1.1\r\nHost: a\r\n\r\n"
ASKS = b"GET /web/chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
MEGABYTE = 1 << 20


@dataclass
class Gateway:
    """A process, the ports of its two listeners, and what it has said."""

    process: Process
    port: int
    admin: int
    said: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def client(self, *, admin: bool = False) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin if admin else self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    async def status(self, request: bytes = GET, *, admin: bool = False) -> int:
        """Of an answer on a connection of its own; 0 when there is none."""
        try:
            async with self.client(admin=admin) as client:
                await client.say(request)
                return (await client.answer()).status
        except (OSError, EOFError):
            return 0

    async def ended(self) -> int:
        """The exit code."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    @property
    def memory(self) -> int:
        """Bytes that it holds, the most there ever were."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@asynccontextmanager
async def gateway(
    variables: Mapping[str, str] = {}, *, consul: str = "", prepare: Callable[[], None] = lambda: None
) -> AsyncIterator[Gateway]:
    """`python -m services.gateway`, by default with a registry that refuses connections."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        port, admin = free_ports(2)
        environment = os.environ | {
            "CONSUL_HTTP_ADDR": consul or "{}:{}".format(*deaf.getsockname()),
            "GATEWAY_PORT": str(port),
            "GATEWAY_ADMIN_PORT": str(admin),
            "SERVICE_LINGER": "0.2",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.gateway", env={**environment, **variables}, stderr=PIPE, preexec_fn=prepare
        )
        running = Gateway(process, port, admin)
        reading = asyncio.create_task(_keep_reading(running))
        try:
            yield running
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                assert await running.ended() == 0, b"".join(running.said)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading


async def _keep_reading(running: Gateway) -> None:
    assert running.process.stderr is not None
    while line := await running.process.stderr.readline():
        running.said.append(line)


async def listens(running: Gateway) -> None:
    """Both listeners answer."""
    async with asyncio.timeout(DEADLINE):
        while not await running.status() or not await running.status(LIVEZ, admin=True):
            assert running.process.returncode is None, b"".join(running.said)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def routed(registries: Registries, act: Act, **variables: str) -> AsyncIterator[Gateway]:
    """A gateway that has learnt from a registry of an instance that does this with `/web`."""

    async def by_path(side: Side) -> None:
        head = await side.head()
        if head.target in (b"/livez", b"/web/ready"):  # the registry's check, and ours
            await side.say(answer(b"ok"))
        else:
            await act(side)

    registry = await registries.take("embedded")
    async with (
        raw_instance(by_path, tags=("urlprefix-/web",)) as web,
        Consul(ConsulSettings(http_addr=registry.address)) as consul,
        gateway(variables, consul=registry.address) as running,
    ):
        await consul.register(Registration(web.instance, f"http://{web.instance.authority}/livez"))
        async with asyncio.timeout(DEADLINE):
            while await running.status(b"GET /web/ready HTTP/1.1\r\nHost: a\r\n\r\n") in (0, 404, 503):
                await asyncio.sleep(0.02)
        try:
            yield running
        finally:
            await consul.deregister(web.instance.id)
    await registries.give_back(registry)


def assert_no_fault_was_told(running: Gateway) -> None:
    assert [line for line in running.said if b"Traceback" in line] == []


async def says_hello(side: Side) -> None:
    await side.say(answer(b"hello"))


async def test_a_port_that_is_taken_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with gateway({"GATEWAY_PORT": port}) as running:
            assert await running.ended() == 1
        assert running.said == [f"gateway: cannot listen on 127.0.0.1:{port}: Address already in use\n".encode()]


@pytest.mark.parametrize("variable", ["GATEWAY_PORT", "GATEWAY_ADMIN_NAMES", "CALL_ATTEMPTS"])
async def test_a_setting_that_cannot_be_read_is_named_in_one_line_without_its_value(variable: str) -> None:
    async with gateway({variable: "hush-hush"}) as running:
        assert await running.ended() == 1
    (line,) = running.said
    assert line.startswith(f"gateway: {variable}: ".encode())
    assert b"hush" not in line


async def test_without_a_registry_it_serves_what_it_can_and_ends_when_it_is_told_to() -> None:
    async with gateway({"GATEWAY_BODYLIMIT": "1"}) as running:
        await listens(running)
        assert await running.status() == 503, "it cannot know that there is no such route"
        assert await running.status(LIVEZ.replace(b"livez", b"readyz"), admin=True) == 503
        assert not psutil.Process(running.process.pid).children(recursive=True)
    assert any(b"GATEWAY_BODYLIMIT" in line and b"GATEWAY_BODY_LIMIT" in line for line in running.said)
    assert_no_fault_was_told(running)


async def remembered(path: Path, *instances: Instance) -> None:
    """Leave a file there, as a former gateway that knew these would have."""
    memory = LastKnown(path)
    pool = Pool("web", journal=Journal(), clock=time.monotonic, random=Random(1))
    pool.apply(Snapshot(instances, False))
    memory.note(pool)
    await memory.aclose()


def signs_as(name: str) -> Act:
    return says(answer(b"hello", signed(name)))


async def test_without_a_registry_it_serves_what_it_knew_in_a_former_life(tmp_path: Path) -> None:
    """Of those that it knew one is there, one is gone, and on the port of one is somebody else."""
    tags = ("urlprefix-/web",)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        address, port = deaf.getsockname()
        gone = Instance("web-2", "web", address, port, tags, {"boot_id": BOOT})
        async with (
            raw_instance(signs_as("web-1"), name="web-1", tags=tags, boot=BOOT) as there,
            raw_instance(signs_as("echo-1"), name="web-3", tags=tags, boot=BOOT) as taken_over,
        ):
            await remembered(tmp_path / "known.json", there.instance, gone, taken_over.instance)
            async with gateway({"GATEWAY_LAST_KNOWN": str(tmp_path / "known.json")}) as running:
                await listens(running)
                async with asyncio.timeout(DEADLINE):
                    while await running.status() != 200:
                        await asyncio.sleep(0.02)
                assert [await running.status() for _ in range(20)] == [200] * 20
                assert await running.status(LIVEZ.replace(b"livez", b"readyz"), admin=True) == 200
            assert {request.start for request in taken_over.requests} <= {b"GET /livez HTTP/1.1"}
    assert_no_fault_was_told(running)


async def test_it_ends_with_clients_that_stay_connected() -> None:
    """An idle one, half a request, and one that listens to events."""
    async with gateway({"SERVICE_DRAIN": "1"}) as running:
        await listens(running)
        async with running.client() as idle, running.client() as half, running.client(admin=True) as listener:
            await idle.say(GET)
            assert (await idle.answer()).status == 503
            await half.say(GET[:10])
            await listener.say(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
            await listener.until(b": from now on\n\n")
            running.process.send_signal(signal.SIGTERM)
            assert await idle.rest() == b""
            assert await running.ended() == 0
    assert_no_fault_was_told(running)


async def test_an_idle_client_is_nothing_to_wait_for() -> None:
    """It ends long before the time is up that requests in flight may take."""
    async with gateway({"SERVICE_DRAIN": "3600"}) as running:
        await listens(running)
        async with running.client() as idle:
            await idle.say(GET)
            await idle.answer()
            running.process.send_signal(signal.SIGTERM)
            assert await running.ended() == 0


async def streams(side: Side) -> None:
    await side.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    await side.reader.read()


async def switches(side: Side) -> None:
    await side.say(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
    await side.reader.read()


@pytest.mark.parametrize(
    ("act", "request_", "seen"), [(streams, GET, b"data: 1\n"), (switches, ASKS, b"hello")], ids=["stream", "tunnel"]
)
async def test_it_ends_with_streams_and_tunnels_that_do_not(
    registries: Registries, act: Act, request_: bytes, seen: bytes
) -> None:
    async with routed(registries, act, SERVICE_DRAIN="1") as running, running.client() as client:
        await client.say(request_)
        await client.until(seen)
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert_no_fault_was_told(running)


async def test_a_request_in_flight_ends_well(registries: Registries) -> None:
    let_go = asyncio.Event()

    async def waits(side: Side) -> None:
        await let_go.wait()
        await side.say(answer(b"hello"))

    async with routed(registries, waits) as running, running.client() as client:
        await client.say(GET)
        await asyncio.sleep(0.1)
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: any(b"Shutting down" in line for line in running.said))
        let_go.set()
        assert (await client.answer()).body == b"hello"
        assert await running.ended() == 0


@pytest.mark.parametrize(("said", "attempts"), [("1", 1), ("3", 3)])
async def test_it_keeps_to_the_terms_of_the_environment(registries: Registries, said: str, attempts: int) -> None:
    came = 0

    async def sick(side: Side) -> None:
        nonlocal came
        came += 1
        await side.say(answer(b"no", b"Connection: close", status=b"503 Service Unavailable"))

    async with routed(registries, sick, CALL_ATTEMPTS=said) as running:
        assert await running.status() == 503
        assert came == attempts


async def test_a_hundred_uploads_and_a_slow_reader_fit_into_little_memory(registries: Registries) -> None:
    body = os.urandom(MEGABYTE)
    digest = hashlib.sha256(body).hexdigest().encode()

    async def takes_or_pours(side: Side) -> None:
        if side.last.start.startswith(b"GET"):
            await side.say(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * MEGABYTE] * 512)
        else:
            received = await side.reader.readexactly(int(side.last.one(b"content-length")))
            await side.say(answer(hashlib.sha256(received).hexdigest().encode(), b"Connection: close"))

    async def upload(running: Gateway) -> bytes:
        async with running.client() as client:
            await client.say(b"PUT /web HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body), body)
            return (await client.answer()).body

    async with routed(registries, takes_or_pours, GATEWAY_DEADLINE="600") as running, AsyncExitStack() as stack:
        for _ in range(10):
            slow = await stack.enter_async_context(running.client())
            await slow.say(GET)
            await slow.until(b"\r\n\r\n")
        assert set(await asyncio.gather(*(upload(running) for _ in range(100)))) == {digest}
        assert running.memory < 256 * MEGABYTE


async def test_with_few_descriptors_it_recovers(registries: Registries) -> None:
    """More clients than it has descriptors for: it answers again once they are gone."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))

    registry = await registries.take("embedded")
    async with gateway(consul=registry.address, prepare=few) as running:
        await listens(running)
        async with AsyncExitStack() as stack:
            for _ in range(150):
                try:
                    client = await stack.enter_async_context(running.client())
                    await client.say(GET)
                except OSError:
                    break
        async with asyncio.timeout(DEADLINE):
            while await running.status() != 404:
                await asyncio.sleep(0.02)
    await registries.give_back(registry)


async def test_its_log_is_lines_that_tell_nothing_secret(registries: Registries) -> None:
    async with routed(registries, says_hello) as running, running.client() as client:
        await client.say(
            b"GET /web/a?token=hush HTTP/1.1\r\nHost: hush\r\nAuthorization: hush\r\nX-Request-ID: r-77\r\n\r\n"
        )
        assert (await client.answer()).body == b"hello"
        await until(lambda: any(b"r-77" in line for line in running.said))
    assert not any(b"hush" in line or b"\x1b" in line for line in running.said)
    assert all(line.startswith(b"{") for line in running.said)
