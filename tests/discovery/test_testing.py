"""The fixture that others use, on the service of the README: nobody who calls it by name notices what happens to it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import pytest

from discovery.testing import Drill, DrillFailed, drill

README = Path(__file__).parents[2] / "README.md"

__all__ = ["drill"]  # a fixture: pytest finds it by being here

processes = pytest.mark.e2e


def shown(words: str) -> str:
    """The block of Python in the README that has these words in it."""
    blocks = re.findall(r"```py(?:thon)?\n(.*?)```", README.read_text(), re.DOTALL)
    (found,) = (each for each in blocks if words in each)
    return str(found)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The ten lines."""
    path = tmp_path / "hello.py"
    path.write_text(shown('serve(app, service="hello"'))
    return path


@pytest.fixture
def hello(drill: Callable[..., Drill], program: Path) -> Drill:
    return drill([sys.executable, program], service="hello", request="GET /hello")


@pytest.fixture
def one_hello(drill: Callable[..., Drill], program: Path) -> Drill:
    """A single instance, where it does not matter what its clients see."""
    return drill([sys.executable, program], service="hello", request="GET /hello", instances=1, rate=20)


@processes
async def test_nobody_notices_that_an_instance_is_killed_and_restarted(hello: Drill) -> None:
    async with hello:
        await hello.kill(0)
        before = hello.report()
        await hello.restart(0)
        await hello.more()
    assert hello.report().failed == 0
    assert hello.report().answered[hello.ids[0]] > before.answered[hello.ids[0]]


@processes
async def test_nobody_waits_for_an_instance_that_hangs(hello: Drill) -> None:
    async with hello:
        await hello.stop(0)
        await hello.resume(0)
    assert hello.report().failed == 0


@processes
async def test_an_instance_ends_by_itself_and_nobody_notices(hello: Drill) -> None:
    async with hello:
        assert await hello.term(0) == 0
        await hello.restart(0)
        await hello.restart(1)
    assert hello.report().failed == 0


@processes
async def test_nobody_notices_that_the_registry_is_away_while_an_instance_is_killed(hello: Drill) -> None:
    async with hello:
        await hello.registry_down()
        await hello.kill(0)
        await hello.restart(0)
        await hello.registry_up()
    assert hello.report().failed == 0
    assert sum(hello.report().answered.values()) == hello.report().requests


@processes
async def test_a_drill_tells_what_fails(drill: Callable[..., Drill], program: Path) -> None:
    argv = [sys.executable, program]
    async with drill(argv, service="hello", request="GET /nowhere", instances=1, rate=20) as hello:
        wrong = hello.report().failed
        await hello.kill(0)
    report = hello.report()
    assert wrong == report.reasons["status 404"] > 0
    assert report.failed == report.requests > wrong
    assert any(reason.startswith("ConnectError: no instance of hello") for reason in report.reasons)
    assert report.answered == {}


@processes
async def test_all_ends_when_the_test_fails(one_hello: Drill) -> None:
    async def test() -> None:
        async with one_hello:
            await one_hello.stop(0)
            raise AssertionError

    with pytest.raises(AssertionError):
        await test()
    assert not any(each.is_running for each in (one_hello.stage.registry, *one_hello.stage.instances))
    requests = one_hello.report().requests
    await asyncio.sleep(0.2)
    assert one_hello.report().requests == requests


@processes
async def test_an_instance_that_ends_though_nobody_told_it_to_fails_the_drill(one_hello: Drill) -> None:
    async def test() -> None:
        async with one_hello:
            os.killpg(one_hello.stage.instances[0].pid, SIGKILL)
            await one_hello.more()

    with pytest.raises(DrillFailed, match="hello-1 ended by itself with -9"):
        await test()


@processes
async def test_a_program_that_does_not_start_is_quoted(drill: Callable[..., Drill]) -> None:
    broken = [sys.executable, "-c", "raise ValueError('no such setting')"]
    with pytest.raises(DrillFailed, match=r"echo-1 ended by itself with 1; .* ValueError: no such setting"):
        async with drill(broken, service="echo", request="GET /", instances=1):
            pass


@processes
def test_the_readme_shows_a_test_that_passes(tmp_path: Path, program: Path) -> None:
    """As others run it: a project of their own."""
    (tmp_path / "conftest.py").write_text(shown('pytest_plugins = ["discovery.testing"]'))
    (tmp_path / "test_hello.py").write_text(shown("await hello.kill(0)"))
    settings = "asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{settings}")
    run = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=program.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout


def test_the_library_itself_needs_no_pytest() -> None:
    """Neither to be imported as a whole nor for a drill."""
    names = "discovery, discovery.serving, discovery.calling, discovery.drills.drill"
    look = f"import sys, {names}; print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert "discovery.drills.drill" in run.stdout
    assert "pytest" not in run.stdout
