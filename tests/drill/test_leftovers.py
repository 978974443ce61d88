"""What is counted at a gateway: here, a process that has just the connections that one could have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from mesh.drill.growth import Growth, Holdings
from mesh.drill.leftovers import gauge, holdings
from mesh.status import Status
from mesh.supervisor import Running

METRICS = """# TYPE gateway_tasks gauge
gateway_tasks 7.0
gateway_in_flight{service="a"} 2.0
gateway_in_flight{service="b"} 1.0
gateway_tasks_total 99.0
"""


@pytest.mark.parametrize(("name", "value"), [("gateway_tasks", 7), ("gateway_in_flight", 3), ("gateway_task", 0)])
def test_a_gauge_is_summed_over_its_labels(name: str, value: int) -> None:
    assert gauge(METRICS, name) == value


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def connection(to: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Its two ends: who called, and who listens."""
    with socket.create_connection(to.getsockname()) as caller:
        taken, _ = to.accept()
        with taken:
            yield caller, taken


def port(listener: socket.socket) -> int:
    found: int = listener.getsockname()[1]
    return found


def of_a_gateway_on(public: socket.socket, admin: socket.socket, instance: socket.socket) -> Holdings:
    """As if this process were it."""
    one = Running("encrypt-1", "encrypt", port(instance), "running", None, 1, None, 0, None, "")
    here = "127.0.0.1"
    status = Status(0, True, "", "", True, here, port(public), here, port(admin), "", (one,))
    return holdings(status, METRICS, psutil.Process())


def test_connections_are_told_apart_by_who_is_at_the_other_end() -> None:
    with ExitStack() as stack:
        at = [stack.enter_context(listening()) for _ in range(3)]
        public, admin, instance = at
        before = of_a_gateway_on(*at)
        assert (before.is_quiet, before.in_flight, before.tasks) == (True, 3, 7)
        assert before.memory > 1_000_000

        client, _ = stack.enter_context(connection(public))
        stack.enter_context(connection(admin))
        stack.enter_context(connection(instance))
        held = of_a_gateway_on(*at)
        assert (held.clients, held.idle, held.half_closed, held.is_quiet) == (1, 1, 0, False)
        both_ends_are_ours = 4
        assert Growth(before, held).descriptors == both_ends_are_ours

        client.close()
        assert of_a_gateway_on(*at).half_closed == 1


def test_a_file_that_stays_open_is_a_descriptor_more(tmp_path: Path) -> None:
    with listening() as public, listening() as admin, listening() as instance:
        before = of_a_gateway_on(public, admin, instance)
        with (tmp_path / "left open").open("w"):
            assert Growth(before, of_a_gateway_on(public, admin, instance)).descriptors == 1
