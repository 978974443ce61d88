"""What reaches an instance, and what comes back to the client, byte for byte."""

from __future__ import annotations

import pytest

from .front import front
from .instances import answer, echoes, raw_instance, says, says_and_closes

HELLO = answer(b"hello")


def get(target: bytes = b"/", *fields: bytes, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    lines = [method + b" " + target + b" HTTP/" + version, b"Host: shop.example", *fields, b"", b""]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/?",
        b"/a",
        b"/a/",
        b"//a///b//",
        b"/a%2Fb%2fc",
        b"/%41%c3%a9",
        b"/a;p=1;q/b",
        b"/a?b=c&d=/../e/./f%00%zz?g",
        b"/a:b@c!$&'()*+,=~-._",
        b'/"<>^`{|}',
        b"/...",
        b"/%252e%252e/",
        b"/" + b"a" * 8000,
    ],
)
async def test_path_and_query_pass_byte_for_byte(target: bytes) -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        assert (await gateway.ask(get(target))).status == 200
        assert web.only.start == b"GET " + target + b" HTTP/1.1"


@pytest.mark.parametrize(
    ("target", "stripped"),
    [
        (b"/api", b"/"),
        (b"/api/", b"/"),
        (b"/api?a=/api", b"/?a=/api"),
        (b"/api/v1/api", b"/v1/api"),
        (b"/api//x%2F", b"/x%2F"),  # `//x` would be a host to whoever redirects by it
        (b"http://shop.example/api/x", b"/x"),
    ],
)
async def test_a_prefix_is_stripped_and_nothing_else(target: bytes, stripped: bytes) -> None:
    tags = ("urlprefix-/api strip=/api",)
    async with raw_instance(says(HELLO), tags=tags) as web, front(web) as gateway:
        assert (await gateway.ask(get(target))).status == 200
        assert web.only.target == stripped


async def test_part_of_a_prefix_is_stripped_when_only_that_is_asked_for() -> None:
    async with raw_instance(says(HELLO), tags=("urlprefix-/api/v1 strip=/api",)) as web, front(web) as gateway:
        await gateway.ask(get(b"/api/v1/x"))
        assert web.only.target == b"/v1/x"


@pytest.mark.parametrize(
    "target", [b"/a/../b", b"/a/%2e%2E/b", b"/a%2f..%2fb", b"/a%00b", b"/a\\..\\b", b"/a%5c..", b"/.", b"/a%zz"]
)
async def test_a_path_that_could_mean_another_reaches_nobody(target: bytes) -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        assert (await gateway.ask(get(target))).status == 400
        assert not web.requests


@pytest.mark.parametrize(
    "target", [b"/encryption", b"/Encrypt", b"/%65ncrypt", b"//encrypt", b"/encrypt%2fx", b"/", b"/consul"]
)
async def test_what_has_no_route_is_not_found(target: bytes) -> None:
    async with raw_instance(says(HELLO), tags=("urlprefix-/encrypt",)) as web, front(web) as gateway:
        response = await gateway.ask(get(target))
        assert response.status == 404
        assert response.one(b"content-type") == b"application/problem+json"
        assert not web.requests


async def test_an_instance_sees_its_request_and_who_sent_it() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        await gateway.ask(
            get(
                b"/x",
                b"Connection: keep-alive, X-Private",
                b"X-Private: 1",
                b"Keep-Alive: timeout=5",
                b"TE: trailers",
                b"Proxy-Authorization: Basic eA==",
                b"Via: 1.0 forged",
                b"Forwarded: for=forged",
                b"X-Forwarded-For: forged",
                b"X-Forwarded-Prefix: forged",
                b"X-Real-IP: forged",
                b"X_Forwarded_For: forged",
                b"X-Served-By: forged",
                b"X-Mesh-Instance: forged",
                b"X-Request-ID: r-77",
                b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                b"Accept: */*",
            )
        )
        assert sorted(web.only.fields) == sorted(
            (
                (b"host", b"shop.example"),
                (b"via", b"1.1 gateway"),
                (b"x-forwarded-for", b"127.0.0.1"),
                (b"x-forwarded-proto", b"http"),
                (b"x-forwarded-host", b"shop.example"),
                (b"forwarded", b'for=127.0.0.1;host="shop.example";proto=http'),
                (b"x-request-id", b"r-77"),
                (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                (b"accept", b"*/*"),
            )
        )


async def test_each_request_gets_its_own_id_and_trace_also_on_one_connection() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(3):
            await client.say(get())
            await client.answer()
        assert len({request.one(b"x-request-id") for request in web.requests}) == 3
        assert len({request.one(b"traceparent") for request in web.requests}) == 3


async def test_on_one_connection_each_request_has_its_own_fields() -> None:
    """Whatever is remembered of the one before."""
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        for said in (
            [b"X-A: 1"],
            [b"X-A: 1"],
            [b"X-A: 2"],
            [b"Connection: X-A", b"X-A: 2"],
            [b"X-Request-ID: r-1"],
            [],
        ):
            await client.say(get(b"/", *said))
            assert (await client.answer()).status == 200
        assert [each.all(b"x-a") for each in web.requests] == [[b"1"], [b"1"], [b"2"], [], [], []]
        assert [each.one(b"x-request-id") == b"r-1" for each in web.requests] == [False] * 4 + [True, False]


async def test_a_client_sees_the_response_and_who_gave_it() -> None:
    response = answer(
        b"hello",
        b"Connection: X-Private",
        b"X-Private: 1",
        b"Keep-Alive: timeout=5",
        b"Proxy-Authenticate: Basic",
        b"Upgrade: h2c",
        b"X-Served-By: forged",
        b"X-Attempts: 7",
        b"X-Mesh-Instance: web-1 whatever",
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"X-Latin: caf\xe9",
    )
    async with raw_instance(says(response)) as web, front(web) as gateway:
        got = await gateway.ask(get())
    assert got.start == b"HTTP/1.1 200 OK"
    assert got.fields == (
        (b"content-length", b"5"),
        (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-latin", b"caf\xe9"),
        (b"via", b"1.1 gateway"),
        (b"x-served-by", b"web-1"),
    )
    assert got.body == b"hello"


async def test_on_one_connection_each_response_has_its_own_fields() -> None:
    responses = [answer(b"1", b"X-A: 1"), answer(b"1", b"X-A: 1"), answer(b"2", b"X-A: 2"), answer(b"3"), answer(b"10")]
    async with raw_instance(says(*responses)) as web, front(web) as gateway, gateway.client() as client:
        got = []
        for _ in responses:
            await client.say(get())
            got.append(await client.answer())
    assert [(each.all(b"x-a"), each.body) for each in got] == [
        ([b"1"], b"1"),
        ([b"1"], b"1"),
        ([b"2"], b"2"),
        ([], b"3"),
        ([], b"10"),
    ]


async def test_a_response_without_a_date_gets_one() -> None:
    """RFC 9110, section 6.6.1."""
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        assert (await gateway.ask(get())).one(b"date").endswith(b"GMT")


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"PROPFIND"])
async def test_methods_and_bodies_pass(method: bytes) -> None:
    async with raw_instance(echoes) as web, front(web) as gateway:
        got = await gateway.ask(get(b"/", b"Content-Length: 5", method=method) + b"\x00\xff\r\n!")
        assert got.body == b"\x00\xff\r\n!"
        assert web.only.start.startswith(method + b" ")
        assert web.only.one(b"content-length") == b"5"


async def test_a_small_body_in_chunks_gets_a_length() -> None:
    """Because all of it was waited for, so that it can be sent again."""
    async with raw_instance(echoes) as web, front(web) as gateway:
        got = await gateway.ask(
            get(b"/", b"Transfer-Encoding: chunked", method=b"POST") + b"3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        )
        assert got.body == b"abc"
        assert web.only.one(b"content-length") == b"3"
        assert not web.only.all(b"transfer-encoding")
        assert not web.only.all(b"x")


async def test_a_large_body_in_chunks_stays_in_chunks() -> None:
    piece = b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(get(b"/", b"Transfer-Encoding: chunked", method=b"POST"), piece, piece, b"0\r\nX: y\r\n\r\n")
        assert (await client.answer()).body == b"x" * 100_000
        assert web.only.one(b"transfer-encoding") == b"chunked"
        assert not web.only.all(b"content-length")
        assert web.only.raw.endswith(b"0\r\n\r\n")


async def test_a_large_body_with_a_length_keeps_it() -> None:
    body = bytes(range(256)) * 1000
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(get(b"/", b"Content-Length: %d" % len(body), method=b"PUT") + body)
        assert (await client.answer()).body == body
        assert web.only.one(b"content-length") == b"%d" % len(body)
        assert not web.only.all(b"transfer-encoding")


@pytest.mark.parametrize("named", [b"content-length", b"Content-Length, Host", b"transfer-encoding"])
async def test_no_connection_field_turns_a_body_into_a_request(named: bytes) -> None:
    smuggled = get(b"/smuggled")
    message = get(b"/", b"Connection: " + named, b"Content-Length: %d" % len(smuggled), method=b"POST") + smuggled
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(message)
            assert (await client.answer()).status == 200
        assert [(each.target, each.body) for each in web.requests] == [(b"/", smuggled)] * 2


@pytest.mark.parametrize("protocol", [b"h2c", b"TLS/1.0", b"websocket, h2c"])
async def test_no_upgrade_turns_a_body_into_a_request(protocol: bytes) -> None:
    smuggled = get(b"/smuggled")
    fields = [b"Connection: Upgrade", b"Upgrade: " + protocol, b"Content-Length: %d" % len(smuggled)]
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get(b"/", *fields, method=b"POST") + smuggled)
            assert (await client.answer()).status == 200
        assert [(each.target, each.body) for each in web.requests] == [(b"/", smuggled)] * 2
        assert not web.requests[0].all(b"upgrade")
        assert not web.requests[0].all(b"connection")


async def test_http_2_without_tls_is_not_spoken_and_not_missed() -> None:
    """As curl and Java's client ask for it; the request is served over HTTP/1.1 all the same."""
    fields = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"]
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get(b"/", *fields))
            assert (await client.answer()).body == b"hello"
        assert not web.requests[0].all(b"http2-settings")


async def test_an_absolute_target_becomes_a_path() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        assert (await gateway.ask(get(b"http://shop.example/a?b"))).status == 200
        assert web.only.target == b"/a?b"
        assert web.only.one(b"host") == b"shop.example"


async def test_an_http_1_0_client_gets_a_length_and_the_end_of_the_connection() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        got = await gateway.exchange(b"GET / HTTP/1.0\r\n\r\n")
        head, _, body = got.partition(b"\r\n\r\n")
        assert body == b"hello"
        assert b"\r\nconnection: close" in head
        assert web.only.start == b"GET / HTTP/1.1"
        assert web.only.one(b"host") == b"web"
        assert not web.only.all(b"x-forwarded-host")


async def test_an_http_1_0_client_that_asks_for_more_gets_one_answer() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        got = await gateway.exchange(get(b"/", b"Connection: keep-alive", version=b"1.0") * 2)
        assert got.count(b"hello") == 1
        assert len(web.requests) == 1


async def test_an_http_1_0_client_gets_no_chunks() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with raw_instance(says(chunked)) as web, front(web) as gateway:
        got = await gateway.exchange(get(version=b"1.0"))
        assert b"transfer-encoding" not in got
        assert got.endswith(b"\r\n\r\nabcde")


async def test_an_http_1_0_client_is_not_encouraged() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway:
        fields = [b"Expect: 100-continue", b"Content-Length: 3"]
        got = await gateway.exchange(get(b"/", *fields, version=b"1.0", method=b"POST") + b"abc")
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_chunks_pass_as_chunks_without_their_trailers() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n"
    chunked += b"3;ext\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
    async with raw_instance(says(chunked)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get())
            got = await client.answer()
            assert got.body == b"abcde"
            assert b"ext" not in got.raw
            assert b"X: y" not in got.raw
            assert not got.all(b"trailer")
        assert web.connections == 1


async def test_a_body_that_ends_with_its_connection_gets_chunks() -> None:
    until_eof = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nabc"
    async with raw_instance(says_and_closes(until_eof)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get())
            got = await client.answer()
            assert got.body == b"abc"
            assert got.one(b"transfer-encoding") == b"chunked"
        assert web.connections == 2


async def test_a_response_to_head_has_a_length_and_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with raw_instance(says(head)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(3):
            await client.say(get(method=b"HEAD"))
            got = await client.answer(bodiless=True)
            assert got.one(b"content-length") == b"1000"
        assert web.connections == 1


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked", b"X-Nothing: said"])
async def test_a_response_to_head_without_a_length_promises_no_body(head: bytes) -> None:
    response = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n"
    async with raw_instance(says(response)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get(method=b"HEAD"))
            got = await client.answer(bodiless=True)
            assert not got.all(b"transfer-encoding")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize(
    "field", [b"X-A: b", b"Content-Length: 0", b"Content-Length: 10", b"Transfer-Encoding: chunked"]
)
async def test_some_statuses_have_no_body_whatever_their_fields_say(status: bytes, field: bytes) -> None:
    response = b"HTTP/1.1 " + status + b"\r\n" + field + b"\r\n\r\n"
    async with raw_instance(says(response)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get())
            got = await client.answer(bodiless=True)
            assert got.status == int(status[:3])
            assert not got.all(b"transfer-encoding")
            if got.status == 204:
                assert not got.all(b"content-length")  # RFC 9110, section 8.6


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 Whatever"])
async def test_interim_responses_are_not_the_answer(interim: bytes) -> None:
    responses = (b"HTTP/1.1 " + interim + b"\r\nLink: </a>\r\nX-Mesh-Instance: other b\r\n\r\n") * 2 + HELLO
    async with raw_instance(says(responses)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(get())
            got = await client.answer()
            assert (got.status, got.body, got.all(b"link")) == (200, b"hello", [])
        assert web.connections == 1


async def test_an_interim_response_may_come_long_before() -> None:
    async with (
        raw_instance(says_and_closes(b"HTTP/1.1 100 Continue\r\n", b"\r\n", HELLO)) as web,
        front(web) as gateway,
    ):
        assert (await gateway.ask(get())).body == b"hello"
