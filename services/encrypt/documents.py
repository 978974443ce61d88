"""The JSON documents of the API, and what `/docs` says of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.encrypt.problems import CANNOT_DECRYPT, title
from services.encrypt.service import KEY_CHARACTERS

TEXT = "Meet me at noon."
MESSAGE = "v1.AY0PTCG341qZYML9GEeqO-Vb0HrjEZ9CyG0gtPclZeKCZQfvL4mFvYnrOtzKZs6bDh-5e1pPfBRgPrKURw"

Key = Annotated[
    str,
    Field(
        repr=False,
        description=f"Any string that a person can type, 1 to {KEY_CHARACTERS} characters, taken exactly as it is.",
        examples=["correct horse battery staple"],
        json_schema_extra={"minLength": 1, "maxLength": KEY_CHARACTERS},
    ),
]
Text = Annotated[str, Field(repr=False, description="Any Unicode text; it may be empty.", examples=[TEXT])]
Message = Annotated[str, Field(repr=False, description="Another one each time.", examples=[MESSAGE])]


class Document(BaseModel):
    """Nothing but what it declares, and no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EncryptBody(Document):
    text: Text
    key: Key


class Encrypted(Document):
    message: Message


class DecryptBody(Document):
    message: Message
    key: Key


class Decrypted(Document):
    text: Text


def takes(body: type[Document]) -> dict[str, Any]:
    """The request's body in OpenAPI's words; the transport reads it itself, so FastAPI cannot know."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": body.model_json_schema()}}}}


def answers(response: type[Document], *problems: tuple[int, str]) -> dict[int | str, dict[str, Any]]:
    """Every answer of an operation: its response, and problem documents by status."""
    told: dict[int | str, dict[str, Any]] = {200: {"model": response}}
    return told | {status: _problem(status, detail) for status, detail in problems}


COMMON = (
    (400, "The body is not JSON in UTF-8, names a field twice, or is nested too deeply"),
    (408, "The body did not arrive in time"),
    (413, "The body or the text is too long"),
    (415, "The body is not announced as application/json"),
    (503, "Too much to do already: come back in `Retry-After` seconds"),
)
UNUSABLE = (422, "A field is missing, unknown, or cannot be used")
UNDECIPHERABLE = (422, f"A field cannot be used, or (type {CANNOT_DECRYPT}) the message cannot be decrypted")


def _problem(status: int, description: str) -> dict[str, Any]:
    example = {"type": "about:blank", "title": title(status), "status": status, "detail": "what is wrong"}
    content = {"application/problem+json": {"schema": _PROBLEM, "example": example}}
    return {"description": description, "content": content}


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "what is wrong with which field, by JSON pointer",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
