"""Where a gateway listens, alone or with others, and who it is then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socket import gethostname

import pytest

from discovery.errors import ListenError
from discovery.listening import default_id
from discovery.settings import ConsulSettings, ServiceSettings
from services.gateway.assembly import Place, take_place
from services.gateway.settings import GatewaySettings


@contextmanager
def placed(port: int = 0, *, shared: bool = False, instance: str | None = None) -> Iterator[Place]:
    place = take_place(
        GatewaySettings(host="127.0.0.1", port=port, shared=shared, admin_host="127.0.0.1", admin_port=0),
        ServiceSettings(id=instance, advertise=None),
        ConsulSettings(http_addr="127.0.0.1:8500"),
    )
    place.public.listen()
    try:
        yield place
    finally:
        place.public.close()
        place.admin.close()


def test_a_port_is_for_one_gateway_alone_unless_it_says_otherwise() -> None:
    with placed() as first:
        for shared in (False, True):
            with pytest.raises(ListenError, match=str(first.instance.port)), placed(first.instance.port, shared=shared):
                pass


def test_gateways_that_share_a_port_are_instances_of_their_own() -> None:
    with placed(shared=True) as first, placed(first.instance.port, shared=True) as second:
        assert first.instance.authority == second.instance.authority
        assert first.instance.id != second.instance.id
        assert first.instance.meta["admin"] != second.instance.meta["admin"]
        assert first.check_url != second.check_url
        with pytest.raises(ListenError), placed(first.instance.port):
            pass


def test_a_gateway_is_called_what_it_was_told() -> None:
    with placed(instance="gateway-7", shared=True) as place:
        assert place.instance.id == "gateway-7"


def test_a_gateway_alone_on_its_port_is_named_after_it() -> None:
    with placed() as place:
        assert place.instance.id == f"gateway-127.0.0.1-{place.instance.port}"


def test_who_listens_everywhere_is_named_after_the_machine() -> None:
    """A container that is started again keeps its name, but not its address."""
    assert default_id("gateway", "0.0.0.0", None, "10.1.1.1", 8080) == f"gateway-{gethostname()}-8080"
    assert default_id("gateway", "0.0.0.0", "10.1.1.1", "10.1.1.1", 8080) == "gateway-10.1.1.1-8080"
    assert default_id("gateway", "10.1.1.1", None, "10.1.1.1", 8080) == "gateway-10.1.1.1-8080"
