"""Key derivation: the right function, at the cost that was chosen, off the event loop's back."""

from __future__ import annotations

import threading
import time

from services.encrypt.kdf import ALLOWED, CURRENT, DERIVED_BYTES, OWASP, Argon2idCost

from .doubles import DEADLINE

CHEAP = Argon2idCost(memory_kib=8, iterations=1, lanes=1)


def test_the_current_derivation_is_owasps_first_choice() -> None:
    assert ALLOWED[CURRENT] is OWASP
    assert (OWASP.memory_kib, OWASP.iterations, OWASP.lanes) == (19 * 1024, 2, 1)


def test_key_salt_and_cost_all_matter() -> None:
    asked = [(CHEAP, b"key", b"s" * 16), (CHEAP, b"kez", b"s" * 16), (CHEAP, b"key", b"t" * 16)]
    asked += [(Argon2idCost(16, 1, 1), b"key", b"s" * 16), (Argon2idCost(8, 2, 1), b"key", b"s" * 16)]
    derived = {cost(key, salt) for cost, key, salt in asked}
    assert len(derived) == len(asked)
    assert {len(each) for each in derived} == {DERIVED_BYTES}


def test_a_derivation_gives_up_the_gil() -> None:
    """While one is under way, this thread runs; if it held the GIL, nobody could see it under way."""
    begun, ended = threading.Event(), threading.Event()

    def derive() -> None:
        begun.set()
        Argon2idCost(memory_kib=64 * 1024, iterations=3, lanes=1)(b"key", b"s" * 16)
        ended.set()

    thread = threading.Thread(target=derive)
    thread.start()
    assert begun.wait(DEADLINE)
    seen_under_way = 0
    while not ended.is_set():
        seen_under_way += 1
        time.sleep(0.001)
    thread.join()
    assert seen_under_way > 5
