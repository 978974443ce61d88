"""Drill a service of your own in your own tests: what do its clients see when an instance dies?

With `pytest_plugins = ["discovery.testing"]` in `conftest.py`, and tests that run on asyncio:

    @pytest.fixture
    def hello(drill):
        return drill([sys.executable, "hello.py"], service="hello", request="GET /hello")

    async def test_nobody_notices_that_an_instance_is_killed(hello):
        async with hello:
            await hello.kill(0)
        assert hello.report().failed == 0

Only here is pytest needed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from discovery.drills.drill import Drill
from discovery.drills.report import Report
from discovery.errors import DrillFailed

__all__ = ["Drill", "DrillFailed", "Report", "drill"]


@pytest.fixture
def drill(tmp_path: Path) -> Callable[..., Drill]:
    """Called with what `Drill` takes; what the processes say is kept in the test's own directory."""
    return partial(Drill, logs=tmp_path)
