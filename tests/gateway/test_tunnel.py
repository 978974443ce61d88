"""A tunnel ends when both sides have said all, and says so once."""

from __future__ import annotations

import asyncio

from services.gateway.tunnel import Relay, Tunnel


class Line(asyncio.Transport):
    """A connection that notes what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return "close" in self.done

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")


def test_half_closed_stays_open_and_both_halves_close() -> None:
    ends: list[str] = []
    one, other, tunnel = Line(), Line(), Tunnel(lambda: ends.append("end"))
    left, right = Relay(one, other, tunnel), Relay(other, one, tunnel)
    assert left.eof_received()
    assert other.done == ["eof"]
    assert not right.eof_received()
    assert one.done == ["eof", "close"]
    left.connection_lost(None)
    right.connection_lost(None)
    assert ends == ["end"]
