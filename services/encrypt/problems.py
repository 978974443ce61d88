"""Errors as HTTP says them: problem documents (RFC 9457). The only room that gives an error a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.encrypt.errors import Broken, CannotDecrypt, InvalidInput, Overloaded, TextTooLong
from services.encrypt.refused import Abandoned, FieldError, Refused

CANNOT_DECRYPT = "urn:problem-type:encrypt:cannot-decrypt"
NO_STORE = {"Cache-Control": "no-store"}
WRONG = "something went wrong here"
CLIENT_GONE = 499  # nginx's number; nobody is there to read it


class Problem(JSONResponse):
    media_type = "application/problem+json"


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """`about:blank` means no more than the status; `errors` has one JSON pointer and detail for each field."""
    document: dict[str, Any] = {"type": kind, "title": title(status), "status": status, "detail": detail}
    if listed := [each._asdict() for each in errors]:
        document["errors"] = listed
    return Problem(document, status, headers=NO_STORE | dict(headers or {}))


def title(status: int) -> str:
    """RFC 9110's words, which Python knows only from 3.13 on."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase


def translate_errors(app: FastAPI) -> None:
    """Have `app` answer each error of ours, and the framework's own, with a problem document."""
    for error, answer in _ANSWERS.items():
        app.add_exception_handler(error, answer)


def _refused(_: Request, error: Any) -> Response:
    headers = {"Connection": "close"} if error.status == HTTPStatus.REQUEST_TIMEOUT else None
    return problem(error.status, error.detail, errors=error.errors, headers=headers)


def _invalid(_: Request, error: Any) -> Response:
    status = 413 if isinstance(error, TextTooLong) else 422
    return problem(status, str(error), errors=[FieldError(f"#/{error.field}", error.reason)])


def _cannot_decrypt(_: Request, error: Any) -> Response:
    return problem(422, str(error), kind=CANNOT_DECRYPT)


def _overloaded(_: Request, error: Any) -> Response:
    return problem(503, str(error), headers={"Retry-After": str(error.retry_after)})


def _broken(_: Request, __: Any) -> Response:
    return problem(500, WRONG)


def _abandoned(_: Request, __: Any) -> Response:
    return Response(status_code=CLIENT_GONE)


def _invalid_parameter(_: Request, __: Any) -> Response:
    """FastAPI's own answer would quote the input."""
    return problem(422, "a parameter cannot be used")


def _framework(_: Request, error: Any) -> Response:
    return problem(error.status_code, HTTPStatus(error.status_code).description, headers=error.headers)


_ANSWERS = {
    Refused: _refused,
    InvalidInput: _invalid,
    CannotDecrypt: _cannot_decrypt,
    Overloaded: _overloaded,
    Broken: _broken,
    Abandoned: _abandoned,
    RequestValidationError: _invalid_parameter,
    HTTPException: _framework,
}
