"""Who may use the server, and from where."""

from __future__ import annotations

import pytest

from hayakoe_engine.errors import ConfigError

KEY, OTHER_KEY = "first-key-of-many", "second-key-0123"
HERE = ["127.0.0.1"]


async def test_a_key_is_asked_for_where_there_are_keys(serve, tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# for the kitchen\n\n{OTHER_KEY}\n", "utf-8")
    served = await serve(api_keys=[KEY], api_keys_file=file)
    async with served.client.get("/voices") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        error = (await answer.json())["error"]
        assert error["code"] == "unauthorized"
        assert "Authorization: Bearer" in error["hint"]
    for headers in (
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {OTHER_KEY}"},
        {"X-API-Key": KEY},
    ):
        await served.ask("GET", "/voices", headers=headers)
    for headers in (
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": ""},
        {"X-API-Key": "ключ"},
        {"Authorization": "Bearer wrong", "X-API-Key": KEY},
    ):
        await served.ask("GET", "/voices", 401, headers=headers)
    await served.ask("GET", "/voices", 401, params={"api_key": KEY})
    # Whoever does not know the key does not learn what there is, either.
    await served.ask("GET", "/nowhere", 401)


async def test_some_things_are_for_everybody(serve):
    served = await serve(api_keys=[KEY])
    for path in ("/livez", "/readyz", "/openapi.json", "/docs", "/docs.css"):
        await served.ask("GET", path)
    for path in ("/health", "/metrics", "/dictionary"):
        await served.ask("GET", path, 401)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"good-key-123\nshort\n", "line 2 is no key of 8 to 512 ASCII characters"),
        ("鍵鍵鍵鍵鍵鍵鍵鍵".encode(), "line 1 is no key"),
        (b"\xff\xfe", "cannot read"),
    ],
)
async def test_a_file_of_keys_that_is_none_keeps_it_from_starting(
    serve, tmp_path, content, message
):
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^http.api_keys_file: .*{message}"):
        await serve(api_keys_file=file)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::"])
async def test_without_a_key_it_listens_to_this_machine_only(serve, host):
    with pytest.raises(ConfigError, match="there is no key") as caught:
        await serve(host=host)
    assert "http.allow_without_key" in caught.value.hint
    served = await serve(host=host, allow_without_key=True)
    await served.ask("GET", "/voices")
    served = await serve(host=host, api_keys=[KEY])
    await served.ask("GET", "/voices", 401)


async def test_an_address_that_cannot_be_used_is_named(serve):
    served = await serve()
    with pytest.raises(ConfigError, match=rf"^http.port: cannot listen on .*:{served.port}: "):
        await serve(port=served.port)
    with pytest.raises(ConfigError, match=r"^http.host: there is no address 'nowhere.invalid'"):
        await serve(host="nowhere.invalid")
    with pytest.raises(ConfigError, match=r"^http.port: cannot listen on"):
        await serve(host="192.0.2.1", api_keys=[KEY])


# Names: a page on the internet may let its name mean this machine


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:10280", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("homeassistant", 200),
        ("nas.local:10280", 200),
        ("box.home.arpa", 200),
        ("voice.example.com", 200),
        ("VOICE.example.com.:443", 200),
        ("evil.example.com", 403),
        ("127.0.0.1.evil.example.com", 403),
        ("localhost.evil.example.com:10280", 403),
    ],
)
async def test_names_of_others_are_refused_where_no_key_is_needed(serve, host, status):
    served = await serve(allowed_hosts=["voice.example.com"])
    await served.ask("GET", "/voices", status, headers={"Host": host})
    with_key = await serve(api_keys=[KEY])
    await with_key.ask("GET", "/voices", headers={"Host": host, "X-API-Key": KEY})


# Web pages elsewhere


async def test_pages_elsewhere_may_only_if_they_are_allowed(serve):
    served = await serve(cors_origins=["https://ha.example.com"])
    page = {"Origin": "https://ha.example.com"}
    async with served.client.get("/voices", headers=page) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ha.example.com"
        assert "X-Sample-Rate" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"
    asking = {**page, "Access-Control-Request-Method": "POST"}
    async with served.client.options("/synthesize", headers=asking) as answer:
        assert answer.status == 204
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    for origin in ("https://evil.example.com", "https://ha.example.com.evil.com", "null"):
        async with served.client.get("/voices", headers={"Origin": origin}) as answer:
            assert answer.status == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "http.cors_origins" in (await answer.json())["error"]["hint"]
    await served.ask("GET", "/voices", headers={"Origin": served.url})


async def test_pages_elsewhere_cannot_make_it_speak_with_a_picture(serve):
    served = await serve()
    query = {"text": "はい"}
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    await served.ask("GET", "/api/tts", 403, params=query, headers=embedded)
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    await served.ask("GET", "/voices", headers=linked)


async def test_every_answer_has_the_headers_that_protect_pages(serve):
    served = await serve()
    for path in ("/voices", "/nowhere", "/api/tts", "/api/tts?text=a"):
        async with served.client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["Server"] == "wyoming-hayakoe"
            assert answer.headers["X-Request-Id"]


async def test_a_request_keeps_the_name_that_it_has(serve):
    served = await serve()
    for sent, kept in (("kitchen-1.2_3", True), ("a b", False), ("a" * 65, False)):
        async with served.client.get("/livez", headers={"X-Request-Id": sent}) as answer:
            assert (answer.headers["X-Request-Id"] == sent) is kept


# How often


async def test_whoever_asks_too_often_is_told_when_to_come_again(serve):
    served = await serve(requests_per_minute=3, api_keys=[KEY, OTHER_KEY])
    mine, other = {"X-API-Key": KEY}, {"X-API-Key": OTHER_KEY}
    for _ in range(3):
        await served.ask("GET", "/voices", headers=mine)
    async with served.client.get("/voices", headers=mine) as answer:
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 20
        assert (await answer.json())["error"]["code"] == "too-many-requests"
    await served.ask("GET", "/voices", headers=other)
    for _ in range(3):
        await served.ask("GET", "/voices", 401, headers={"X-API-Key": "a guess"})
    await served.ask("GET", "/voices", 429, headers={"X-API-Key": "another guess"})
    for _ in range(5):
        await served.ask("GET", "/livez", headers=mine)


# Proxies


async def test_only_proxies_that_are_trusted_say_who_asks(serve):
    for trusted in ([], HERE):
        served = await serve(requests_per_minute=2, trusted_proxies=trusted)
        statuses = []
        for number in range(4):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            async with served.client.get("/voices", headers=headers) as answer:
                statuses.append(answer.status)
        assert statuses == ([200] * 4 if trusted else [200, 200, 429, 429])


async def test_what_a_client_says_of_itself_to_a_proxy_does_not_count(serve):
    served = await serve(requests_per_minute=2, trusted_proxies=[*HERE, "10.0.0.0/8"])
    statuses = []
    for number in range(4):
        headers = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7, 10.1.2.3"}
        async with served.client.get("/voices", headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 200, 429, 429]


async def test_ingress_is_for_its_proxy_only_and_needs_no_key(serve):
    served = await serve(api_keys=[KEY], ingress_port=0, trusted_proxies=HERE)
    ingress = f"http://127.0.0.1:{served.addresses[1].port}"
    headers = {"Host": "ha.example.com", "Origin": "https://ha.example.com"}
    await served.ask("GET", f"{ingress}/voices", headers=headers)
    await served.ask("GET", "/voices", 401)
    other = await serve(api_keys=[KEY], ingress_port=0, trusted_proxies=["192.0.2.1"])
    ingress = f"http://127.0.0.1:{other.addresses[1].port}"
    forged = {"X-Forwarded-For": "192.0.2.1", "X-API-Key": KEY}
    await other.ask("GET", f"{ingress}/voices", 403, headers=forged)
    with pytest.raises(ConfigError, match=r"^http.ingress_port: http.trusted_proxies"):
        await serve(ingress_port=0)
