"""A process is only taken for the one that registered if it is on this host and was there before."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping

import psutil
import pytest

from discovery.instance import Instance
from mesh.errors import Ghost, NotAllowed
from mesh.ghosts import SLACK, Claim, boot_began, claim, doubt, is_ghost, process_of

BEGAN = 1_795_400_000.123
META = {"pid": "4242", "host": "here", "boot_id": "01a206300a7b" + "5d2f6c1e9a0b4c3d"}


def boot_id(began: float) -> str:
    return f"{int(began * 1000):012x}" + "0123456789abcdef"


def instance(meta: Mapping[str, str]) -> Instance:
    return Instance("echo-1", "echo", "127.0.0.1", 1, meta=meta)


def of_this_process(pid: int, *, began: float) -> Instance:
    return instance({"pid": str(pid), "host": socket.gethostname(), "boot_id": boot_id(began)})


def test_a_boot_id_begins_with_its_milliseconds() -> None:
    assert boot_began(boot_id(BEGAN)) == pytest.approx(BEGAN)


@pytest.mark.parametrize(
    "text", ["", "not hex at all!", "01a2063", "01A206300A7B5D2F", "01a206300a7b", "0" * 65, "x" * 20]
)
def test_what_is_no_boot_id_says_no_time(text: str) -> None:
    assert boot_began(text) is None


def test_an_entry_says_which_process_it_is() -> None:
    assert claim(META) == Claim(4242, "here", int("01a206300a7b", 16) / 1000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": ""},
        {"pid": "-1"},
        {"pid": "0"},
        {"pid": "1"},
        {"pid": "٤٢"},
        {"pid": "9" * 30},
        {"pid": "12; rm"},
        {"host": ""},
        {"boot_id": ""},
        {"boot_id": "zz"},
    ],
)
def test_an_entry_that_says_it_badly_says_nothing(wrong: dict[str, str]) -> None:
    assert claim({**META, **wrong}) is None


@pytest.mark.parametrize(
    ("said", "created", "why"),
    [
        (Claim(7, "here", BEGAN), BEGAN - 3600, None),
        (Claim(7, "here", BEGAN), BEGAN - 0.2, None),
        (Claim(7, "here", BEGAN), BEGAN + SLACK, None),
        (Claim(7, "here", BEGAN), BEGAN + SLACK + 0.1, "another one has that ID now"),
        (Claim(7, "here", BEGAN), None, "process 7 has ended"),
        (Claim(7, "there", BEGAN), BEGAN - 1, "it runs on 'there'"),
        (None, BEGAN, "does not say which process"),
    ],
)
def test_who_may_be_meant(said: Claim | None, created: float | None, why: str | None) -> None:
    found = doubt(said, host="here", created=created)
    assert found == why if why is None else why in (found or "")


def test_a_host_name_cannot_move_the_cursor() -> None:
    assert "\x1b" not in (doubt(Claim(7, "\x1b[2Jthere", BEGAN), host="here", created=None) or "")


def test_a_process_that_was_there_before_its_boot_id_is_the_one() -> None:
    mine = of_this_process(os.getpid(), began=time.time())
    assert process_of(mine).pid == os.getpid()
    assert not is_ghost(mine)


def test_a_process_that_came_after_the_boot_id_is_another_one() -> None:
    before = psutil.Process().create_time() - SLACK - 60
    reused = of_this_process(os.getpid(), began=before)
    assert is_ghost(reused)
    with pytest.raises(Ghost, match="another one has that ID now"):
        process_of(reused)


def test_a_process_that_has_ended_is_a_ghost_even_while_it_is_a_zombie() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.read()
    entry = of_this_process(process.pid, began=time.time())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_ghost(entry)
    process.wait()
    assert is_ghost(entry)
    with pytest.raises(Ghost, match="has ended"):
        process_of(entry)


def test_what_runs_elsewhere_is_left_alone_and_no_ghost() -> None:
    elsewhere = instance({**META, "host": "somewhere-else"})
    assert not is_ghost(elsewhere)
    with pytest.raises(NotAllowed, match="somewhere-else"):
        process_of(elsewhere)


def test_what_others_registered_without_saying_who_it_is_is_left_alone() -> None:
    assert not is_ghost(instance({}))
    with pytest.raises(NotAllowed, match="does not say"):
        process_of(instance({}))
