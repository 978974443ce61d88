"""The last border: an error that nobody expected becomes a 500, and a log line without the error's own words.

The text of such an error may quote what was asked, and every layer further out would print it.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.encrypt.errors import Broken


class Containment:
    """ASGI middleware; `answer` is the application that says 500."""

    def __init__(self, app: ASGIApp, *, answer: Callable[[], ASGIApp], log: logging.Logger) -> None:
        self._app = app
        self._answer = answer
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            return await self._app(scope, receive, noting)
        except Exception as error:
            self._log.error("broken", extra=anonymous(error))
        if started:  # too late for an answer; the server breaks the connection off
            raise Broken
        return await self._answer()(scope, receive, send)


def anonymous(error: BaseException) -> dict[str, object]:
    """What kind of error and where, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{each.filename}:{each.lineno}" for each in frames]}
