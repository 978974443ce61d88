"""The project's own files, as its tests read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

SERVICES = ("encrypt", "gateway")
"""Those that are shipped."""


def documents(path: Path) -> list[Any]:
    """Of a YAML file, those that are not empty."""
    return parsed(path.read_text())


def parsed(text: str) -> list[Any]:
    return [each for each in yaml.safe_load_all(text) if each]


def document(path: Path) -> Any:
    (only,) = documents(path)
    return only
