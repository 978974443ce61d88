"""Whom attempts go to."""

from __future__ import annotations

from random import Random

from discovery.instance import Instance
from discovery.upstream import Upstream


def upstream(instance: Instance) -> Upstream:
    return Upstream(instance, Random(1))
