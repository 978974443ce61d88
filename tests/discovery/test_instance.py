"""The shared noun: a value, with an authority that fits into a URL and an identity that a new boot changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discovery.instance import NAME, PRINTABLE, Identity, authority
from tests.fakes.instances import NEWER_BOOT, instance


def test_a_new_boot_on_the_same_port_is_somebody_else() -> None:
    before, after = instance(), instance(boot=NEWER_BOOT)
    assert before.identity != after.identity
    assert before.identity == Identity("web-1", "10.0.0.1", 9000, before.boot_id)


def test_health_weight_and_tags_do_not_change_who_it_is() -> None:
    assert replace(instance(), health="critical", weight=7, tags=("a",)).identity == instance().identity


def test_one_that_others_registered_has_no_boot() -> None:
    assert instance(boot="").boot_id == ""


@pytest.mark.parametrize(
    ("address", "expected"), [("10.0.0.1", "10.0.0.1:80"), ("::1", "[::1]:80"), ("db.internal", "db.internal:80")]
)
def test_an_authority_stands_in_a_url(address: str, expected: str) -> None:
    assert authority(address, 80) == expected == replace(instance(), address=address, port=80).authority


@pytest.mark.parametrize("name", ["encrypt", "encrypt-1", "a.b_c", "0", "x" * 128])
def test_these_are_names(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "a\n", "ü", "x" * 129, "a:b"])
def test_these_are_not(name: str) -> None:
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize("text", ["", "a b", "a\r\nx: y", "\x1b[2J", "ü", "x" * 256])
def test_what_cannot_stand_in_a_header_is_not_printable(text: str) -> None:
    assert not PRINTABLE.fullmatch(text)


def test_an_instance_can_be_a_member_of_a_set() -> None:
    assert len({instance(), instance(), instance("web-2")}) == 2
