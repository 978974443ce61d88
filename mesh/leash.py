"""Run a program that cannot outlive its supervisor, not even one that dies by SIGKILL.

    python -I -S leash.py PID PROGRAM [ARGUMENT ...]    the supervisor is process PID; Linux only
    python -I -S leash.py - PROGRAM [ARGUMENT ...]      the supervisor holds the other end of standard input

On Linux the kernel sends SIGKILL when the *thread* that started us ends, and we become the program itself. Elsewhere
we stay as its parent and kill our process group when standard input ends; so we have to lead a group of our own.
Only the standard library, and little of it: this runs at each start of each instance (about 30 ms).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1

CANNOT_RUN = 127
"""What shells exit with when they cannot start a program."""


def main(argv: list[str]) -> None:
    _, supervisor, *program = argv
    try:
        if supervisor == "-":
            _end_like(_stay(program))
        else:
            _become(program, int(supervisor))
    except OSError as error:
        sys.stderr.write(f"leash: cannot run {program[0]}: {error.strerror}\n")
        sys.exit(CANNOT_RUN)


def _become(program: list[str], supervisor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel does not hold the leash")
    if os.getppid() == supervisor:  # otherwise it died before we could ask to be told
        os.execvp(program[0], program)  # noqa: S606


def _stay(program: list[str]) -> int:
    # Handlers, as a signal that is ignored would be ignored by the program too.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(program, stdin=subprocess.DEVNULL)  # noqa: S603
    threading.Thread(target=_kill_all_at_end_of_input, daemon=True).start()
    return child.wait()


def _kill_all_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


def _end_like(code: int) -> None:
    if code >= 0:
        sys.exit(code)
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)


if __name__ == "__main__":
    main(sys.argv)
