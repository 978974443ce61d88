"""A port is free or it is not, and one that is reserved stays the mesh's even while nobody listens there."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from discovery.errors import ListenError
from discovery.sockets import bind
from mesh.errors import PortTaken
from mesh.ports import BOUND_IS_TAKEN, free_port, is_free, reserved

KEEPS = pytest.mark.skipif(not BOUND_IS_TAKEN, reason="this kernel cannot keep a port for nobody")


def listening(port: int, *, shared: bool) -> socket.socket:
    server = bind("127.0.0.1", port, shared=shared)
    server.listen()
    return server


def test_a_port_where_somebody_listens_cannot_be_reserved() -> None:
    port = free_port()
    for shared in (False, True):
        with closing(listening(port, shared=shared)), pytest.raises(PortTaken, match=str(port)), reserved(port):
            pass


@KEEPS
def test_a_reserved_port_is_for_those_who_share_it() -> None:
    port = free_port()
    with reserved(port):
        assert not is_free(port)
        with pytest.raises(ListenError):
            listening(port, shared=False)
        with pytest.raises(PortTaken), reserved(port):
            pass
        with closing(listening(port, shared=True)), closing(listening(port, shared=True)):
            pass
        assert not is_free(port)
    assert is_free(port)


@KEEPS
def test_who_reserves_a_port_gets_none_of_its_connections() -> None:
    port = free_port()
    with reserved(port), socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
        with closing(listening(port, shared=True)) as server:
            for _ in range(50):
                with socket.create_connection(("127.0.0.1", port)):
                    server.accept()[0].close()


def test_connections_that_linger_keep_nobody_from_the_port() -> None:
    port = free_port()
    for shared in (True, False):
        with closing(listening(port, shared=shared)) as server, socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # who closes first has to remember the connection for a while
        with reserved(port), closing(listening(port, shared=True)):
            pass
        assert is_free(port)
