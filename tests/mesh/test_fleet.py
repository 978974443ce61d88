"""What a mesh is made of, and what each program is told."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import NotAllowed
from mesh.fleet import MOST, Fleet, admin_port, checked_count
from mesh.names import new_names
from mesh.ports import free_port
from mesh.program import GATEWAY, REGISTRY, SERVICE
from mesh.registry import Kind

FOREIGN = {
    "CONSUL_HTTP_SSL": "true",
    "CONSUL_HTTP_ADDR": "elsewhere:1",
    "ENCRYPT_LOG_LEVEL": "DEBUG",
    "SERVICE_ID": "x",
}


def fleet(own: Kind | None = "embedded") -> Fleet:
    return Fleet(
        registry_address="127.0.0.1:8500",
        registry_port=8500,
        own=own,
        gateway_host="127.0.0.1",
        gateway_port=8080,
        admin_host="127.0.0.1",
        admin_port=8081,
        inherited=FOREIGN,
    )


def test_an_instance_is_told_everything_by_its_environment() -> None:
    program = fleet().of("encrypt", "encrypt-2")
    told = program.environment()
    assert program.argv == (sys.executable, "-m", "services.encrypt")
    assert told["SERVICE_ID"] == "encrypt-2"
    assert told["CONSUL_HTTP_ADDR"] == "127.0.0.1:8500"
    assert told["SERVICE_PORT"] == str(program.port)
    assert told["ENCRYPT_LOG_LEVEL"] == "DEBUG"
    assert program.rank == SERVICE


def test_an_instance_that_has_to_move_is_told_its_new_port() -> None:
    assert fleet().of("encrypt", "encrypt-1").at(4711).environment()["SERVICE_PORT"] == "4711"


def test_the_first_gateway_is_where_users_expect_it_and_stays_there() -> None:
    program = fleet().of("gateway", "gateway-1", first=True)
    told = program.environment()
    assert (told["GATEWAY_PORT"], told["GATEWAY_ADMIN_PORT"], told["SERVICE_ID"]) == ("8080", "8081", "gateway-1")
    assert program.port_variable is None
    assert program.rank == GATEWAY


def test_another_gateway_shares_the_public_port_and_has_an_admin_port_of_its_own() -> None:
    first, other = fleet().of("gateway", "gateway-1", first=True), fleet().of("gateway", "gateway-2")
    told = other.environment()
    assert told["GATEWAY_PORT"] == str(other.port) == "8080"
    assert told["GATEWAY_SHARED"] == first.environment()["GATEWAY_SHARED"] == "true"
    assert told["GATEWAY_ADMIN_PORT"] == str(other.admin_port) != "8081"


def test_each_gateway_has_a_file_for_what_it_knows_unless_the_environment_names_one() -> None:
    with_memory = replace(fleet(), known=Path("/run/known"))
    told = [with_memory.of("gateway", name).environment()["GATEWAY_LAST_KNOWN"] for name in ("gateway-1", "gateway-2")]
    assert told == ["/run/known/gateway-1.json", "/run/known/gateway-2.json"]
    assert "GATEWAY_LAST_KNOWN" not in fleet().of("gateway", "gateway-1").environment()
    named = replace(with_memory, inherited={"GATEWAY_LAST_KNOWN": "/elsewhere"})
    assert named.of("gateway", "gateway-1").environment()["GATEWAY_LAST_KNOWN"] == "/elsewhere"


def test_our_own_registry_speaks_no_tls_whatever_the_environment_says_of_others() -> None:
    assert fleet("consul").of("encrypt", "encrypt-1").environment()["CONSUL_HTTP_SSL"] == "false"
    assert fleet(None).of("encrypt", "encrypt-1").environment()["CONSUL_HTTP_SSL"] == "true"


def test_the_registry_is_started_first_and_ended_last_and_never_moves() -> None:
    program = fleet().of_registry("embedded")
    assert program.environment()["DEVAGENT_PORT"] == "8500"
    assert program.port_variable is None
    assert REGISTRY == program.rank < GATEWAY < SERVICE


def test_a_token_in_the_environment_is_not_shown_with_the_program() -> None:
    assert "elsewhere" not in repr(fleet())
    assert "elsewhere" not in repr(fleet().of("encrypt", "encrypt-1"))


def test_names_count_up_and_leave_out_what_others_have() -> None:
    assert new_names("encrypt", 3, set()) == ["encrypt-1", "encrypt-2", "encrypt-3"]
    assert new_names("encrypt", 2, {"encrypt-1", "encrypt-3", "gateway-2"}) == ["encrypt-2", "encrypt-4"]
    assert new_names("encrypt", 0, set()) == []


@pytest.mark.parametrize(("service", "wanted"), [("encrypt", 0), ("encrypt", MOST), ("gateway", 1)])
def test_a_number_that_makes_sense(service: str, wanted: int) -> None:
    assert checked_count(service, wanted) == wanted


@pytest.mark.parametrize(
    ("service", "wanted"), [("encrypt", -1), ("encrypt", MOST + 1), ("gateway", 0), ("registry", 2), ("echo", 1)]
)
def test_a_number_or_a_service_that_makes_none(service: str, wanted: int) -> None:
    with pytest.raises(NotAllowed, match=service):
        checked_count(service, wanted)


def test_the_admin_listener_is_next_to_the_gateway_if_there_is_room() -> None:
    port = free_port()
    assert admin_port(port, but=port + 1) != port + 1
    assert 0 < admin_port(65535, but=8500) < 65535
