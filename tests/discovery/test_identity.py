"""Who answers on an instance's port?"""

from __future__ import annotations

import pytest

from discovery.identity import identity_header, names_other_than
from tests.fakes.instances import BOOT, NEWER_BOOT, instance, says


def test_the_instance_itself_is_believed() -> None:
    assert not names_other_than(instance(), says(instance()))


def test_its_successor_is_believed_too() -> None:
    header = says(instance(boot=NEWER_BOOT))
    assert not names_other_than(instance(), header)


@pytest.mark.parametrize("header", [None, "", "other-1 " + BOOT, "web-10 " + BOOT, " web-1", "WEB-1 " + BOOT])
def test_anybody_else_is_a_stranger(header: str | None) -> None:
    assert names_other_than(instance(), header)


@pytest.mark.parametrize("header", [None, "", "other-1 " + BOOT])
def test_one_that_others_registered_cannot_be_verified_and_is_believed(header: str | None) -> None:
    assert not names_other_than(instance(boot=""), header)


def test_the_header_names_id_and_boot() -> None:
    assert identity_header("web-1", BOOT) == ("x-mesh-instance", f"web-1 {BOOT}")
