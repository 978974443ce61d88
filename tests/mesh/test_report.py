"""Numbers from answers, without any I/O."""

from __future__ import annotations

import json

from mesh.report import Answer, summarize


def answer(milliseconds: float, *, served_by: str = "echo-1", attempts: int = 1, error: str | None = None) -> Answer:
    return Answer(100.0, 100.0 + milliseconds / 1000, None if error else 200, served_by, attempts, error)


def test_percentiles_are_latencies_that_some_request_had() -> None:
    report = summarize([answer(n) for n in range(1, 101)])
    assert (report.p50_ms, report.p90_ms, report.p99_ms, report.worst_ms) == (50, 90, 99, 100)


def test_one_answer_is_every_percentile() -> None:
    report = summarize([answer(7)])
    assert (report.p50_ms, report.p99_ms, report.worst_ms) == (7, 7, 7)


def test_no_answer_has_no_latency() -> None:
    report = summarize([])
    assert (report.requests, report.failed, report.seconds) == (0, 0, 0)
    assert report.p50_ms is None
    assert report.worst_ms is None


def test_failures_are_counted_by_kind_and_in_the_latency() -> None:
    failed = [
        answer(5, error="status 503"),
        answer(9, error="hang", served_by=""),
        answer(9, error="hang", served_by=""),
    ]
    report = summarize([answer(1), *failed])
    assert report.failed == 3
    assert report.failures == {"hang": 2, "status 503": 1}
    assert report.worst_ms == 9
    assert report.answered == {"echo-1": 2}


def test_a_report_is_a_json_document() -> None:
    document = json.loads(json.dumps(summarize([answer(1, attempts=2)], late=0.0015).as_json()))
    assert document["retried"] == 1
    assert document["late_ms"] == 1.5
    assert document["answered"] == {"echo-1": 1}
