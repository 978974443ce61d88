"""Ports that are free, and stay so until they are used."""

from __future__ import annotations

import socket

import pytest

from discovery.ports import CANDIDATES, free_ports


def test_free_ports_are_different_and_can_be_used() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        assert port in CANDIDATES
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_for_tcp_or_udp_is_not_free(kind: socket.SocketKind) -> None:
    (port,) = free_ports(1)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", port))
        with pytest.raises(OSError, match="fewer than"):
            free_ports(len(CANDIDATES))
