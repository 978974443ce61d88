"""The gateway's own errors as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from discovery.errors import Attempt, CallFailed, InstanceFailed, NoInstance, OutOfTime
from services.gateway.problems import Problem, problem_of

ATTEMPTS = (Attempt("web-1", "connection refused", 0.4), Attempt("web-2", "no response in time", 2000.1))


def test_the_document_is_of_rfc_9457() -> None:
    assert json.loads(Problem(HTTPStatus.NOT_FOUND, "no such path").body()) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such path",
    }


def test_it_says_which_instances_were_tried() -> None:
    document = json.loads(Problem(HTTPStatus.BAD_GATEWAY, "broken", ATTEMPTS).body())
    assert document["attempts"] == [
        {"instance": "web-1", "outcome": "connection refused", "milliseconds": 0.4},
        {"instance": "web-2", "outcome": "no response in time", "milliseconds": 2000.1},
    ]


def test_its_length_is_told() -> None:
    problem = Problem(HTTPStatus.BAD_GATEWAY, "caf\u00e9 \x1b[2J", ATTEMPTS)
    fields = dict(problem.headers())
    assert fields[b"content-type"] == b"application/problem+json"
    assert int(fields[b"content-length"]) == len(problem.body())
    assert b"retry-after" not in fields
    assert b"\x1b" not in problem.body()


@pytest.mark.parametrize(("seconds", "said"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.1, b"2"), (30.0, b"30")])
def test_retry_after_is_whole_seconds_and_never_none(seconds: float, said: bytes) -> None:
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "down", retry_after=seconds)
    assert dict(problem.headers())[b"retry-after"] == said


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (NoInstance("none", ATTEMPTS), HTTPStatus.SERVICE_UNAVAILABLE, 1.0),
        (OutOfTime("late", ATTEMPTS), HTTPStatus.GATEWAY_TIMEOUT, None),
        (InstanceFailed("broke", ATTEMPTS), HTTPStatus.BAD_GATEWAY, None),
        (CallFailed("somehow", ATTEMPTS), HTTPStatus.BAD_GATEWAY, None),
    ],
)
def test_what_a_failed_call_is_over_http(error: CallFailed, status: HTTPStatus, retry_after: float | None) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.detail, problem.attempts) == (status, str(error), ATTEMPTS)
    assert problem.retry_after == retry_after


def test_it_passes_through_context_managers_unharmed() -> None:
    """contextlib sets the traceback of what it passes on, which a frozen exception does not allow."""
    problem = Problem(HTTPStatus.BAD_REQUEST, "no")
    caught: Exception | None = None
    try:
        with _context():
            raise problem
    except Exception as error:
        caught = error
    assert caught is problem


@contextmanager
def _context() -> Iterator[None]:
    yield
