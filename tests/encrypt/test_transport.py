"""HTTP and JSON: what a client sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from services.encrypt.assembly import build
from services.encrypt.documents import MESSAGE, TEXT
from services.encrypt.endpoint import Context
from services.encrypt.kdf import ALLOWED
from services.encrypt.problems import CANNOT_DECRYPT
from services.encrypt.service import KEY_CHARACTERS
from services.encrypt.transport import context_of, longest_body

from .doubles import FailingDerivation, HeldDerivation, QuickDerivation, client, quiet_settings, until

JSON = {"Content-Type": "application/json"}
GATEWAY_BODY_LIMIT = 1024 * 1024
TEXT_BYTES = 160 * 1024


@pytest.fixture
def app() -> FastAPI:
    return build(quiet_settings(), {1: QuickDerivation()})


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(app) as http:
        yield http


def problem(response: httpx2.Response, status: int) -> dict[str, object]:
    document: dict[str, object] = response.json()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert document["status"] == status
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    "text",
    [TEXT, "", "\x00\x1f\x7f", "Grüße 中文 🔑", '"\\/', "a" * TEXT_BYTES, "\x01" * TEXT_BYTES],
    ids=["plain", "none", "control", "unicode", "quotes", "longest", "longest escaped"],
)
async def test_what_was_encrypted_is_decrypted(http: httpx2.AsyncClient, text: str) -> None:
    sealed = await http.post("/encrypt", json={"text": text, "key": "k"})
    assert (sealed.status_code, list(sealed.json())) == (200, ["message"])
    opened = await http.post("/decrypt", json={"message": sealed.json()["message"], "key": "k"})
    assert (opened.status_code, opened.json()) == (200, {"text": text})
    for response in (sealed, opened):
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"


async def test_the_longest_text_and_key_fit_however_they_are_escaped(http: httpx2.AsyncClient) -> None:
    text, key = "\\u0041" * TEXT_BYTES, "\\ud83d\\udd11" * KEY_CHARACTERS
    body = f'{{"text": "{text}", "key": "{key}"}}'.encode()
    assert len(body) <= longest_body(TEXT_BYTES) <= GATEWAY_BODY_LIMIT
    sealed = await http.post("/encrypt", content=body, headers=JSON)
    opened = await http.post("/decrypt", json=sealed.json() | {"key": "🔑" * KEY_CHARACTERS})
    assert opened.json() == {"text": "A" * TEXT_BYTES}


async def test_one_byte_more_is_a_text_too_long(http: httpx2.AsyncClient) -> None:
    response = await http.post("/encrypt", json={"text": "a" * (TEXT_BYTES + 1), "key": "k"})
    assert problem(response, 413)["errors"] == [
        {"pointer": "#/text", "detail": "must be at most 163840 bytes in UTF-8"}
    ]


@pytest.mark.parametrize("key", ["", "k" * (KEY_CHARACTERS + 1)])
@pytest.mark.parametrize(("path", "field"), [("/encrypt", "text"), ("/decrypt", "message")])
async def test_a_key_that_cannot_be_used_is_a_422(http: httpx2.AsyncClient, path: str, field: str, key: str) -> None:
    response = await http.post(path, json={field: "x", "key": key})
    assert problem(response, 422)["errors"] == [{"pointer": "#/key", "detail": "must have 1 to 1024 characters"}]


@pytest.mark.parametrize(
    "body", [b'{"text":"\\ud800","key":"k"}', b'{"text":"a","key":"\\udfff"}', b'{"text":"\\udc00\\ud800","key":"k"}']
)
async def test_a_lone_surrogate_is_a_422(http: httpx2.AsyncClient, body: bytes) -> None:
    document = problem(await http.post("/encrypt", content=body, headers=JSON), 422)
    assert "surrogates" in str(document["detail"])


async def test_a_lone_surrogate_in_a_message_is_no_message(http: httpx2.AsyncClient) -> None:
    body = b'{"message":"v1.\\ud800","key":"k"}'
    assert problem(await http.post("/decrypt", content=body, headers=JSON), 422)["type"] == CANNOT_DECRYPT


async def test_every_message_that_cannot_be_decrypted_gets_the_same_bytes(http: httpx2.AsyncClient) -> None:
    message = (await http.post("/encrypt", json={"text": TEXT, "key": "k"})).json()["message"]
    spoilt = ["", "v1.", "garbage", "é", message[:-1], message[1:], message + "A", message.swapcase()]
    asked = [{"message": each, "key": "k"} for each in spoilt] + [{"message": message, "key": "another"}]
    responses = [await http.post("/decrypt", json=each) for each in asked]
    assert len({response.content for response in responses}) == 1
    assert len({str(response.headers) for response in responses}) == 1
    assert problem(responses[0], 422)["type"] == CANNOT_DECRYPT


UNUSABLE: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "empty": (400, b"", JSON),
    "not UTF-8": (400, b"\xff", JSON),
    "a name twice": (400, b'{"key":"k","key":"l"}', JSON),
    "deep": (400, b"[" * 200_000, JSON),
    "a list": (422, b"[]", JSON),
    "numbers": (422, b'{"text":1,"message":1,"key":1}', JSON),
    "too long": (413, b"x" * (longest_body(TEXT_BYTES) + 1), JSON),
    "unannounced": (415, b"{}", {}),
    "text": (415, b"{}", {"Content-Type": "text/plain"}),
    "a form": (415, b"{}", {"Content-Type": "application/x-www-form-urlencoded"}),
    "almost JSON": (415, b"{}", {"Content-Type": "application/json-seq"}),
}


@pytest.mark.parametrize("path", ["/encrypt", "/decrypt"])
@pytest.mark.parametrize("name", UNUSABLE)
async def test_a_body_that_cannot_be_used_is_a_clear_4xx(http: httpx2.AsyncClient, path: str, name: str) -> None:
    status, body, headers = UNUSABLE[name]
    problem(await http.post(path, content=body, headers=headers), status)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", " application/json "])
async def test_json_may_be_announced_in_other_words(http: httpx2.AsyncClient, content_type: str) -> None:
    body = json.dumps({"text": TEXT, "key": "k"})
    response = await http.post("/encrypt", content=body, headers={"Content-Type": content_type})
    assert response.status_code == 200


async def test_a_body_without_a_length_is_cut_off_at_the_limit(http: httpx2.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    problem(await http.post("/encrypt", content=endless(), headers=JSON), 413)
    assert sent <= longest_body(TEXT_BYTES) + 65536


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/encrypt", 405), ("PUT", "/decrypt", 405), ("GET", "/nothing", 404), ("POST", "/encrypt/", 404)],
)
async def test_what_is_not_served_is_a_problem_too(
    http: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await http.request(method, path)
    problem(response, status)
    assert response.headers.get("allow") == ("POST" if status == 405 else None)


async def test_too_much_to_do_is_a_503_with_retry_after() -> None:
    held = HeldDerivation()
    app = build(quiet_settings(kdf_concurrency=1, kdf_queue=0), {1: held})
    async with client(app) as http:
        first = asyncio.create_task(http.post("/encrypt", json={"text": TEXT, "key": "first"}))
        await until(lambda: held.begun == 1)
        second = await http.post("/encrypt", json={"text": TEXT, "key": "second"})
        problem(second, 503)
        assert int(second.headers["retry-after"]) >= 1
        held.go.set()
        assert (await first).status_code == 200


async def test_more_requests_at_once_than_the_limit_are_a_503() -> None:
    held = HeldDerivation()
    async with client(build(quiet_settings(in_flight=1), {1: held})) as http:
        first = asyncio.create_task(http.post("/encrypt", json={"text": TEXT, "key": "k"}))
        await until(lambda: held.begun == 1)
        second = await http.post("/decrypt", json={"message": MESSAGE, "key": "k"})
        assert problem(second, 503)
        assert second.headers["retry-after"] == "1"
        held.go.set()
        assert (await first).status_code == 200


async def test_a_route_that_fastapi_validates_does_not_quote_its_input_either(app: FastAPI) -> None:
    @app.get("/numbers")
    async def numbers(number: int) -> int:
        return number

    async with client(app) as http:
        response = await http.get("/numbers", params={"number": "hush"})
    assert "hush" not in response.text
    problem(response, 422)


async def test_what_breaks_unforeseen_is_a_500_that_says_nothing() -> None:
    async with client(build(quiet_settings(), {1: FailingDerivation()})) as http:
        response = await http.post("/encrypt", json={"text": TEXT, "key": "k"})
    document = problem(response, 500)
    assert document["detail"] == "something went wrong here"


async def test_metrics_say_what_happened(http: httpx2.AsyncClient) -> None:
    sealed = await http.post("/encrypt", json={"text": TEXT, "key": "k"})
    await http.post("/decrypt", json=sealed.json() | {"key": "k"})
    await http.post("/decrypt", json=sealed.json() | {"key": "another"})
    await http.post("/decrypt", content=b"{", headers=JSON)
    page = await http.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'encrypt_requests_total{operation="encrypt",outcome="ok"} 1.0',
        'encrypt_requests_total{operation="decrypt",outcome="ok"} 1.0',
        'encrypt_requests_total{operation="decrypt",outcome="undecipherable"} 1.0',
        'encrypt_requests_total{operation="decrypt",outcome="invalid"} 1.0',
        'encrypt_request_seconds_count{operation="decrypt"} 3.0',
        "encrypt_derivation_seconds_count 2.0",
        "encrypt_derivation_queue 0.0",
        'encrypt_cached_keys{use="seal"} 1.0',
        'encrypt_cached_keys{use="open"} 1.0',
        'encrypt_key_lookups_total{result="hit"} 1.0',
        'encrypt_key_lookups_total{result="miss"} 2.0',
    ):
        assert line in page.text.splitlines()


async def test_two_applications_in_one_process_count_apart() -> None:
    one, another = build(quiet_settings()), build(quiet_settings())
    async with client(one) as first, client(another) as second:
        await first.post("/encrypt", content=b"")
        counted = 'encrypt_requests_total{operation="encrypt",outcome="invalid"}'
        assert counted in (await first.get("/metrics")).text
        assert counted not in (await second.get("/metrics")).text


async def test_the_first_bug_is_a_rise(http: httpx2.AsyncClient) -> None:
    """Somebody is woken for one, and the rate of a count that begins at 1 is 0."""
    said = (await http.get("/metrics")).text.splitlines()
    for operation in ("encrypt", "decrypt"):
        assert f'encrypt_requests_total{{operation="{operation}",outcome="broken"}} 0.0' in said


async def test_the_documentation_has_every_answer(http: httpx2.AsyncClient) -> None:
    assert "swagger" in (await http.get("/docs")).text.lower()
    paths = (await http.get("/openapi.json")).json()["paths"]
    assert list(paths) == ["/encrypt", "/decrypt", "/metrics"]
    for path in ("/encrypt", "/decrypt"):
        assert set(paths[path]["post"]["responses"]) == {"200", "400", "408", "413", "415", "422", "503"}
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["key"]["maxLength"] == KEY_CHARACTERS


async def test_the_example_of_the_documentation_works() -> None:
    async with client(build(quiet_settings(), ALLOWED)) as http:
        schema = (await http.get("/openapi.json")).json()["paths"]["/decrypt"]["post"]["requestBody"]
        fields = schema["content"]["application/json"]["schema"]["properties"]
        example = {name: field["examples"][0] for name, field in fields.items()}
        assert example["message"] == MESSAGE
        assert (await http.post("/decrypt", json=example)).json() == {"text": TEXT}


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("request_id", "traceparent", "context"),
    [
        ("a-1._:Z", TRACE, Context("a-1._:Z", TRACE)),
        ("", "", Context()),
        ("a b", TRACE.upper(), Context()),
        ("a\x1b[31m", TRACE + "-more", Context()),
        ("a\n", TRACE + "\n", Context()),
        ("é", "é", Context()),
        ("x" * 129, TRACE[:-1], Context()),
    ],
)
def test_who_asks_is_believed_only_in_the_right_form(request_id: str, traceparent: str, context: Context) -> None:
    assert context_of({"x-request-id": request_id, "traceparent": traceparent}) == context
