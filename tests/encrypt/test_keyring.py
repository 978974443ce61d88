"""The keyring: a key is derived once, kept for a while, and never found by itself."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

from services.encrypt.errors import Overloaded
from services.encrypt.keyring import OpeningKey, UnknownKdf

from .doubles import Clock, Different, HeldDerivation, QuickDerivation, keyring, until

SALT = b"a salt of others"


async def test_a_key_has_one_salt_and_is_derived_once() -> None:
    derivation = QuickDerivation()
    ring = keyring(derivation)
    salts = {(await ring.for_sealing(b"key")).name.salt for _ in range(5)}
    assert len(salts) == 1
    assert len(derivation.salts) == 1
    assert ring.lookups == {"miss": 1, "hit": 4}


async def test_other_keys_and_other_processes_have_other_salts() -> None:
    derivation, random = QuickDerivation(), Different()
    first, second = keyring(derivation, random=random), keyring(derivation, random=random)
    sealing = [
        await first.for_sealing(b"key"),
        await first.for_sealing(b"kez"),
        await second.for_sealing(b"key"),
    ]
    assert len({each.name.salt for each in sealing}) == 3
    assert len({each.name.fingerprint for each in sealing}) == 3  # of no use beside another process's


async def test_fifty_who_seal_under_the_same_key_at_once_derive_it_once() -> None:
    held = HeldDerivation()
    ring = keyring(held)
    waiting = [asyncio.create_task(ring.for_sealing(b"key")) for _ in range(50)]
    await until(lambda: ring.lookups["joined"] == 49 and held.begun == 1)
    held.go.set()
    assert len({(await each).name for each in waiting}) == 1
    assert len(held.salts) == 1


async def test_fifty_who_open_with_the_same_key_and_salt_at_once_derive_it_once() -> None:
    held = HeldDerivation()
    ring = keyring(held)
    waiting = [asyncio.create_task(ring.for_opening(b"key", 1, SALT)) for _ in range(50)]
    await until(lambda: ring.lookups["joined"] == 49 and held.begun == 1)
    held.go.set()
    await asyncio.gather(*waiting)
    assert held.salts == [SALT]


async def test_one_who_gives_up_does_not_end_the_derivation_for_the_others() -> None:
    held = HeldDerivation()
    ring = keyring(held)
    first, second = (asyncio.create_task(ring.for_sealing(b"key")) for _ in range(2))
    await until(lambda: held.begun == 1)
    first.cancel()
    await asyncio.wait([first])
    held.go.set()
    await second
    assert len(held.salts) == 1
    assert (await ring.for_sealing(b"key")).name == second.result().name


async def test_a_derivation_that_has_begun_is_kept_when_everybody_has_given_up() -> None:
    held = HeldDerivation()
    ring = keyring(held)
    waiting = [asyncio.create_task(ring.for_sealing(b"key")) for _ in range(2)]
    await until(lambda: held.begun == 1)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    held.go.set()
    await ring.for_sealing(b"key")
    assert len(held.salts) == 1


async def test_one_that_waits_for_its_turn_ends_with_those_who_wanted_it() -> None:
    held = HeldDerivation()
    ring = keyring(held, workers=1)
    working, given_up = (asyncio.create_task(ring.for_sealing(key)) for key in (b"first", b"second"))
    await until(lambda: held.begun == 1 and ring.lookups["miss"] == 2)
    given_up.cancel()
    await asyncio.wait([given_up])
    held.go.set()
    await working
    await ring.for_sealing(b"third")
    assert ring.kept()["seal"] == 2


async def test_a_salt_is_replaced_when_its_time_is_up() -> None:
    clock = Clock()
    ring = keyring(QuickDerivation(), clock=clock)
    before = (await ring.for_sealing(b"key")).name.salt
    clock.now += 599.0
    assert (await ring.for_sealing(b"key")).name.salt == before
    clock.now += 1.0
    assert (await ring.for_sealing(b"key")).name.salt != before


async def test_a_salt_is_replaced_before_it_has_made_too_many_messages() -> None:
    ring = keyring(QuickDerivation(), messages_per_salt=3)
    salts = [(await ring.for_sealing(b"key")).name.salt for _ in range(7)]
    assert list(Counter(salts).values()) == [3, 3, 1]


async def test_too_many_messages_at_once_share_no_salt_beyond_its_limit() -> None:
    ring = keyring(QuickDerivation(), messages_per_salt=3)
    sealing = await asyncio.gather(*(ring.for_sealing(b"key") for _ in range(10)))
    salts = Counter(each.name.salt for each in sealing)
    assert max(salts.values()) <= 3
    assert sum(salts.values()) == 10


async def test_what_this_process_sealed_it_opens_without_deriving_again() -> None:
    derivation = QuickDerivation()
    ring = keyring(derivation)
    name = (await ring.for_sealing(b"key")).name
    await ring.for_opening(b"key", name.kdf, name.salt)
    assert len(derivation.salts) == 1


async def test_a_key_that_opened_a_message_is_kept_for_its_time() -> None:
    clock, derivation = Clock(), QuickDerivation()
    ring = keyring(derivation, clock=clock)
    for _ in range(3):
        ring.trust(await ring.for_opening(b"key", 1, SALT))
        clock.now += 250.0
    assert len(derivation.salts) == 1
    await ring.for_opening(b"key", 1, SALT)  # use has not prolonged its life
    assert len(derivation.salts) == 2


async def test_a_key_that_opened_nothing_is_not_kept() -> None:
    derivation = QuickDerivation()
    ring = keyring(derivation)
    for _ in range(3):
        await ring.for_opening(b"a guess", 1, SALT)
    assert len(derivation.salts) == 3
    assert ring.kept()["open"] == 0


async def test_guesses_push_no_key_out() -> None:
    derivation = QuickDerivation()
    ring = keyring(derivation, capacity=2)
    known = await ring.for_sealing(b"key")
    for number in range(10):
        await ring.for_opening(b"guess %d" % number, 1, SALT)
    assert await ring.for_sealing(b"key") is known


async def test_another_key_or_salt_is_another_derivation() -> None:
    ring = keyring(QuickDerivation())
    opening: list[OpeningKey] = []
    for key, salt in [(b"key", SALT), (b"kez", SALT), (b"key", SALT[::-1])]:
        opening.append(await ring.for_opening(key, 1, salt))
        ring.trust(opening[-1])
    assert len({each.name for each in opening}) == 3
    assert len({id(each.cipher) for each in opening}) == 3


async def test_no_more_keys_are_kept_than_there_is_room_for() -> None:
    ring = keyring(QuickDerivation(), capacity=3)
    for number in range(10):
        await ring.for_sealing(b"key %d" % number)
    assert ring.kept() == {"seal": 3, "open": 3}


@pytest.mark.parametrize("kdf", [0, 2, 255])
async def test_a_derivation_that_is_not_in_the_table_is_refused_before_any_work(kdf: int) -> None:
    derivation = QuickDerivation()
    ring = keyring(derivation)
    with pytest.raises(UnknownKdf):
        await ring.for_opening(b"key", kdf, SALT)
    assert derivation.salts == []
    assert ring.lookups == {}


async def test_a_sweep_forgets_keys_that_nobody_asks_for() -> None:
    clock = Clock()
    ring = keyring(QuickDerivation(), clock=clock)
    await ring.for_sealing(b"key")
    ring.trust(await ring.for_opening(b"key", 1, SALT))
    assert ring.kept() == {"seal": 1, "open": 2}
    clock.now += 600.0
    ring.sweep()
    assert ring.kept() == {"seal": 0, "open": 0}


async def test_a_full_queue_is_told_to_all_and_forgotten() -> None:
    held = HeldDerivation()
    ring = keyring(held, workers=1, queue=0)
    working = asyncio.create_task(ring.for_sealing(b"first"))
    await until(lambda: held.begun == 1)
    refused = await asyncio.gather(*(ring.for_sealing(b"second") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in refused] == [Overloaded] * 3
    held.go.set()
    await working
    await ring.for_sealing(b"second")


async def test_nothing_that_lives_on_has_the_key_in_it() -> None:
    key = b"a very secret key"
    ring = keyring(QuickDerivation())
    sealing = await ring.for_sealing(key)
    ring.trust(await ring.for_opening(key, 1, SALT))
    kept = list(reachable(ring))
    assert sealing.cipher in kept  # the search goes deep enough
    assert not [each for each in kept if isinstance(each, bytes) and key in each]


def reachable(start: object) -> Iterator[object]:
    """Everything that an object of ours leads to."""
    seen: set[int] = set()
    left = [start]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, ModuleType | type | FunctionType):
            continue
        seen.add(id(each))
        yield each
        left.extend(gc.get_referents(each))
