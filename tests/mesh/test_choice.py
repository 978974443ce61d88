"""Which registry is taken: the order, and a clear word when there is none."""

from __future__ import annotations

import socket

import pytest

from mesh.choice import Choice, choose
from mesh.errors import BadInput, NoRegistry, PortTaken
from mesh.ports import free_port
from tests.mesh.backend import serving_documents
from tests.mesh.registry import registry

BINARY = "/usr/bin/consul"


async def test_auto_takes_the_one_that_the_environment_names_before_any_other() -> None:
    async with registry() as named, registry() as there:
        address = f"127.0.0.1:{named.port}"
        chosen = await choose("auto", port=there.port, environment=address, binary=BINARY)
        assert chosen == Choice(address, own=None)


async def test_auto_takes_an_agent_that_answers_before_starting_one() -> None:
    async with registry() as there:
        chosen = await choose("auto", port=there.port, environment=None, binary=BINARY)
        assert chosen == Choice(f"127.0.0.1:{there.port}", own=None)


async def test_auto_starts_a_binary_before_the_embedded_one() -> None:
    port = free_port()
    assert await choose("auto", port=port, environment=None, binary=BINARY) == Choice(f"127.0.0.1:{port}", "consul")
    assert await choose("auto", port=port, environment=None, binary=None) == Choice(f"127.0.0.1:{port}", "embedded")


async def test_without_a_port_any_free_one_is_taken() -> None:
    chosen = await choose("auto", port=None, environment=None, binary=None)
    assert chosen.own == "embedded"
    assert chosen.port > 0


async def test_one_of_our_own_is_started_whatever_the_environment_says() -> None:
    port = free_port()
    chosen = await choose("embedded", port=port, environment="consul.example:8500", binary=BINARY)
    assert chosen == Choice(f"127.0.0.1:{port}", "embedded")
    assert (await choose("binary", port=port, environment=None, binary=BINARY)).own == "consul"


async def test_a_binary_that_is_not_there_is_said() -> None:
    with pytest.raises(NoRegistry, match="no consul binary on PATH"):
        await choose("binary", port=free_port(), environment=None, binary=None)


async def test_a_port_that_somebody_has_is_not_ours_to_start_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for wanted in ("embedded", "binary"):
            with pytest.raises(PortTaken, match=f"port {port} is in use.*--consul-port"):
                await choose(wanted, port=port, environment=None, binary=BINARY)


async def test_something_on_the_port_that_is_no_agent_is_not_taken_for_one() -> None:
    async with serving_documents({"/": "hello"}) as other:
        with pytest.raises(PortTaken):
            await choose("auto", port=other.port, environment=None, binary=None)


async def test_an_address_is_used_as_it_was_said() -> None:
    async with registry() as there:
        for address in (f"127.0.0.1:{there.port}", f"http://127.0.0.1:{there.port}"):
            chosen = await choose(address, port=8500, environment=None, binary=None)
            assert chosen == Choice(address, own=None)
            assert chosen.port == there.port


@pytest.mark.parametrize("nonsense", ["", "embeded:x", "http://", "ftp://host:1", "host:port", "host:99999", ":8500"])
async def test_what_is_no_address_is_refused(nonsense: str) -> None:
    with pytest.raises(BadInput, match="--consul"):
        await choose(nonsense, port=8500, environment=None, binary=None)


async def test_a_bad_address_in_the_environment_names_its_variable() -> None:
    with pytest.raises(BadInput, match="CONSUL_HTTP_ADDR"):
        await choose("auto", port=8500, environment="host:port", binary=None)


async def test_nobody_at_an_address_is_said() -> None:
    port = free_port()
    with pytest.raises(NoRegistry, match=f"no Consul agent answers at 127.0.0.1:{port}"):
        await choose(f"127.0.0.1:{port}", port=8500, environment=None, binary=None, patience=0)
