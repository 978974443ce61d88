"""The scripts under deploy/, run as Compose runs them: as programs that stand alone."""

from __future__ import annotations

import subprocess
import sys

from tests.deploy.project import ROOT


def script(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`-I`: without this project and its packages."""
    command = [sys.executable, "-I", str(ROOT / "deploy" / name), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
