"""Numbers out of the admin listener's metrics."""

from __future__ import annotations

import pytest

from benchmarks.soak.leftovers import gauge

METRICS = """# TYPE gateway_tasks gauge
gateway_tasks 7.0
gateway_in_flight{service="a"} 2.0
gateway_in_flight{service="b"} 1.0
gateway_tasks_total 99.0
"""


@pytest.mark.parametrize(("name", "value"), [("gateway_tasks", 7), ("gateway_in_flight", 3), ("gateway_task", None)])
def test_a_gauge_is_summed_over_its_labels(name: str, value: int | None) -> None:
    assert gauge(METRICS, name) == value
