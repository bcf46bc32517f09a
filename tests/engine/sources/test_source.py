from dataclasses import replace

import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import SourceError, SourceNotFound, SourceOffline, SourceUnreachable
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.source import fetch_first, open_source

BERT = "onnx/bert/q8"


@pytest.mark.parametrize(
    "uri", ["ftp://host/voices", "http://huggingface.co/me/voices", "://voices"]
)
def test_what_is_no_source_is_refused_with_those_that_are(uri):
    with pytest.raises(SourceError, match="unknown kind of source") as caught:
        open_source(uri)
    for known in ("hf://", "https://huggingface.co/", "s3://", "file:///"):
        assert known in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:hf_sesame@voices/mine",
        "hf://hf_sesame@me/voices",
        "https://me:hf_sesame@huggingface.co/me/voices",
        "https://hf_sesame@huggingface.co/me/voices/tree/main",
        "ftp://hf_sesame@host/voices",
    ],
)
def test_a_token_in_a_uri_is_refused_without_showing_it(uri):
    with pytest.raises(SourceError, match="keys and tokens are no part of a source") as caught:
        open_source(uri)
    assert "hf_sesame" not in f"{caught.value} {caught.value.hint}"


def test_opening_a_source_touches_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for uri in ("hf://me/voices", "s3://voices", "/nowhere", "file:///nowhere"):
        open_source(uri)
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_environment_says_or_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HAYAKOE_CACHE", raising=False)
    assert SourceAccess().cache == tmp_path / "hayakoe"
    monkeypatch.setenv("HAYAKOE_CACHE", "~/voices")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SourceAccess().cache == tmp_path / "voices"
    with TTS(offline=True, threads=1) as tts, pytest.raises(SourceOffline, match="/voices, and"):
        tts.load("hana", source="hf://me/voices").prepare()


@pytest.fixture
def first(hub, access):
    """Fetches from the first of several sources."""

    def run(*uris, prefix=BERT, **changes):
        return fetch_first(uris, prefix, replace(access, hf_endpoint=hub.url, **changes))

    return run


def test_the_first_source_that_has_it_gives_it(hub, first):
    hub.commit("official/voices", {f"{BERT}/bert.onnx": b"bert"})
    folder = first("hf://me/voices", "hf://official/voices")
    assert (folder / "bert.onnx").read_bytes() == b"bert"


def test_what_is_here_is_taken_before_anybody_is_asked(hub, first):
    hub.commit("official/voices", {f"{BERT}/bert.onnx": b"bert"})
    folder = first("hf://official/voices")
    del hub.requests[:]
    assert first("hf://me/voices", "hf://official/voices") == folder
    assert first("hf://me/voices", "hf://official/voices", offline=True) == folder
    assert hub.requests == []


def test_an_update_asks_the_first_again(hub, first):
    hub.commit("official/voices", {f"{BERT}/bert.onnx": b"official"})
    first("hf://official/voices")
    hub.commit("me/voices", {f"{BERT}/bert.onnx": b"mine"})
    folder = first("hf://me/voices", "hf://official/voices", update=True)
    assert (folder / "bert.onnx").read_bytes() == b"mine"


def test_a_source_that_does_not_answer_is_no_source_without(hub, first):
    hub.commit("official/voices", {f"{BERT}/bert.onnx": b"bert"})
    for _ in range(4):
        hub.go_wrong(on="/me/voices", status=503)
    with pytest.raises(SourceUnreachable, match="me/voices"):
        first("hf://me/voices", "hf://official/voices")


def test_where_nobody_has_it_the_last_is_named(first, tmp_path):
    with pytest.raises(SourceNotFound, match="hf://me/voices"):
        first(str(tmp_path), "hf://me/voices")
    with pytest.raises(SourceOffline, match="hf://me/voices"):
        first(str(tmp_path), "hf://me/voices", offline=True)
