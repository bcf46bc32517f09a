"""The settings of the HTTP side, as people write them."""

from __future__ import annotations

import pytest

from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.settings import load_settings


@pytest.mark.parametrize("text", ["first-key,second-key", ' ["first-key", "second-key"]'])
def test_lists_may_be_one_line(monkeypatch, text):
    monkeypatch.setenv("HAYAKOE_HTTP__API_KEYS", text)
    http = load_settings(flags={"http": {"trusted_proxies": "172.30.32.2, 10.0.0.0/8"}}).http
    assert [key.get_secret_value() for key in http.api_keys] == ["first-key", "second-key"]
    assert http.trusted_proxies == ("172.30.32.2", "10.0.0.0/8")
    assert "first-key" not in repr(http)


def test_lists_may_be_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("HAYAKOE_HTTP__CORS_ORIGINS", "")
    file = tmp_path / "hayakoe.yaml"
    file.write_text("http:\n  api_keys:\n  allowed_hosts: []\n", "utf-8")
    http = load_settings(file).http
    assert (http.cors_origins, http.api_keys, http.allowed_hosts) == ((), (), ())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"api_keys": ["good-key-1", "short-s"]}, r"http.api_keys.1: a key is text of 8 to 512"),
        ({"api_keys": [12345678]}, r"http.api_keys.0: a key is text"),
        ({"api_keys": 12345678}, r"http.api_keys: must be a list"),
        ({"api_keys": '["12345678"'}, r"http.api_keys: is no JSON"),
        ({"api_keys": ["with space"]}, r"http.api_keys.0: a key is text"),
        ({"trusted_proxies": "proxy"}, r"'proxy' is no IP address or network"),
        ({"cors_origins": "*"}, r"http.cors_origins.0: must match"),
        ({"cors_origins": "https://a.example/path"}, r"http.cors_origins.0: must match"),
        ({"allowed_hosts": "a b"}, r"http.allowed_hosts.0: must match"),
        ({"port": 65_536}, r"http.port: must be less than or equal to 65535"),
        ({"read_timeout_s": 0}, r"http.read_timeout_s: must be greater than 0"),
    ],
)
def test_wrong_values_are_named_and_keys_are_not_shown(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(flags={"http": values})
    for secret in ("good-key-1", "short-s", "12345678", "with space"):
        assert secret not in str(caught.value)
