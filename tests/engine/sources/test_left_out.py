"""Downloads that are not kept whole, because what was made of them is enough."""

import pytest

from hayakoe_engine.errors import SourceOffline
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.left_out import leave_out

GRAPH = "synthesizer.onnx"
GRAPH_BYTES = 3_000_000


@pytest.fixture
def cache(access):
    return DownloadCache(access.cache)


@pytest.fixture
def thin(fetch, hana, sha256):
    """The folder of a download, of which the largest file is left out."""
    folder = fetch()
    assert leave_out(folder / GRAPH, sha256(hana[GRAPH])) == GRAPH_BYTES
    return folder


def test_a_download_counts_without_what_is_left_out(hub, thin, fetch, cache):
    del hub.requests[:]
    assert fetch() == fetch(offline=True) == thin
    assert hub.requests == []
    assert not (thin / GRAPH).exists()
    assert cache.verify() == ()
    (folder,) = cache.folders()
    assert [file.path for file in cache.left_out(folder)] == [GRAPH]
    assert cache.kept_bytes(folder) == folder.size_bytes - GRAPH_BYTES


def test_only_what_was_left_out_is_brought_again(hub, thin, fetch, cache, hana, content_below):
    del hub.requests[:]
    assert fetch(whole=True) == thin
    assert hub.files_sent() == [f"onnx/speakers/hana/{GRAPH}"]
    assert content_below(thin) == hana
    assert cache.left_out(*cache.folders()) == ()
    with pytest.raises(SourceOffline):
        fetch("onnx/speakers/hanako", whole=True, offline=True)


def test_an_update_brings_nothing_of_what_is_the_same(hub, thin, fetch):
    del hub.requests[:]
    assert fetch(update=True) == thin
    assert hub.files_sent() == []
    assert not (thin / GRAPH).exists()


def test_an_update_brings_what_has_changed(hub, thin, fetch):
    hub.commit("me/voices", {f"onnx/speakers/hana/{GRAPH}": b"new"})
    folder = fetch(update=True)
    assert folder != thin
    assert (folder / GRAPH).read_bytes() == b"new"


@pytest.mark.parametrize("note", [b"", b"[]", b'{"size": 3000000, "sha256": "1f0c"}'])
def test_a_note_of_something_else_does_not_count(thin, fetch, cache, hana, note):
    (thin / f"{GRAPH}.left-out").write_bytes(note)
    (damage,) = cache.verify()
    assert (damage.file.path, damage.problem) == (GRAPH, "is missing")
    assert (fetch() / GRAPH).read_bytes() == hana[GRAPH]
    assert cache.verify() == ()
