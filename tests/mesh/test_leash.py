"""A program on the leash behaves like itself, and does not outlive who holds the leash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.child import LEASH
from tests.mesh.waiting import is_alive, until

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of no other system kills orphans")

HOLDS = pytest.mark.parametrize("holds", [pytest.param("kernel", marks=ON_LINUX), "pipe"])


def leashed(holds: str, *program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LEASH), "-" if holds == "pipe" else str(os.getpid()), *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@HOLDS
def test_arguments_environment_output_and_exit_code_are_the_programs_own(holds: str) -> None:
    with leashed(holds, sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", "a b", "") as process:
        assert process.stdout is not None
        out = process.stdout.read()
        process.wait()
    assert out == b"['a b', '']\n"
    assert process.returncode == 7


@HOLDS
def test_a_program_that_does_not_exist_is_one_line_and_127(holds: str) -> None:
    with leashed(holds, "/nowhere/to/be/found") as process:
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait()
    assert err == b"leash: cannot run /nowhere/to/be/found: No such file or directory\n"
    assert process.returncode == 127


@HOLDS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_to_the_group_ends_it_and_can_be_told_from_outside(holds: str, number: signal.Signals) -> None:
    code = "import signal, time; signal.signal(2, signal.SIG_DFL); print('up', flush=True); time.sleep(3600)"
    with leashed(holds, sys.executable, "-c", code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, number)
        process.wait()
    assert process.returncode == -number


async def test_with_a_pipe_the_program_ends_when_the_other_end_is_closed() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(3600)"
    with leashed("pipe", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        pid = int(process.stdout.readline())
        assert pid != process.pid
        assert is_alive(pid)
        process.stdin.close()
        await until(lambda: not is_alive(pid))
    assert process.returncode == -signal.SIGKILL


@ON_LINUX
def test_a_program_whose_supervisor_is_gone_already_does_not_start(tmp_path: Path) -> None:
    trace = tmp_path / "started"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    subprocess.run([sys.executable, "-I", "-S", str(LEASH), str(gone.pid), "touch", str(trace)], check=True)
    assert not trace.exists()
