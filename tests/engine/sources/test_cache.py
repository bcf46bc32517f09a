"""What is kept, for how long, and what it takes to be believed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hayakoe_engine.errors import SourceError, SourceOffline, SourceUnreachable
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.layout import needed_downloads

PREFIX = "onnx/speakers/hana"
URI = "hf://me/voices@main"


@pytest.fixture
def cache(access):
    return DownloadCache(access.cache)


def test_what_is_complete_is_used_without_asking_anybody(hub, fetch):
    folder = fetch()
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"new"})
    del hub.requests[:]
    assert fetch() == folder
    assert fetch(offline=True) == folder
    assert hub.requests == []


def test_offline_a_miss_says_how_to_get_the_voice(hub, fetch, access):
    with pytest.raises(SourceOffline, match=f"{URI}: {PREFIX} is not in {access.cache}") as caught:
        fetch(offline=True)
    assert "wyoming-hayakoe install" in caught.value.hint
    assert hub.requests == []
    assert not access.cache.exists()


def test_each_prefix_is_complete_for_itself(fetch, content_below):
    fetch()
    with pytest.raises(SourceOffline):
        fetch("onnx/speakers/hanako", offline=True)
    assert content_below(fetch("onnx/speakers/hanako")) == {"config.json": b"{}"}


def test_the_record_says_what_there_is(hub, fetch, access, hana, sha256):
    folder = fetch()
    (entry,) = json.loads((access.cache / "voices.lock").read_text("utf-8"))["folders"]
    assert entry["uri"] == URI
    assert entry["revision"] == hub.repositories["me/voices"].branches["main"]
    assert entry["prefix"] == PREFIX
    assert access.cache / entry["folder"] == folder
    assert {file["path"]: (file["size"], file["sha256"]) for file in entry["files"]} == {
        path: (len(content), sha256(content)) for path, content in hana.items()
    }


def test_a_cache_can_be_moved_and_be_read_only(fetch, access, hana, content_below, tmp_path):
    fetch()
    moved = tmp_path / "moved"
    access.cache.rename(moved)
    for path in (moved, *moved.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert content_below(fetch(cache=moved, offline=True)) == hana
    finally:
        for path in (moved, *moved.rglob("*")):
            path.chmod(0o755)


def test_nothing_but_the_files_is_left_when_all_is_done(fetch, access, hana):
    folder = fetch()
    files = {file for file in access.cache.rglob("*") if file.is_file()}
    downloads = access.cache / "downloads"
    assert files == {folder / path for path in hana} | {
        access.cache / "voices.lock",
        downloads / "lock",
        folder.parent / "lock",
    }


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"folders": 3}', '{"folders": [{"uri": 1}]}', '{"folders": [[]]}'],
)
def test_a_record_that_cannot_be_read_costs_a_look_at_the_files(
    hub, fetch, access, caplog, content
):
    folder = fetch()
    (access.cache / "voices.lock").write_text(content, "utf-8")
    with pytest.raises(SourceOffline):
        fetch(offline=True)
    assert "voices.lock cannot be read" in caplog.text
    del hub.requests[:]
    assert fetch() == folder
    assert hub.files_sent() == []
    assert fetch(offline=True) == folder


def test_a_record_can_name_no_place_outside(fetch, access, cache):
    fetch()
    lock = access.cache / "voices.lock"
    document = json.loads(lock.read_text("utf-8"))
    document["folders"][0]["folder"] = "../precious"
    lock.write_text(json.dumps(document), "utf-8")
    assert cache.folders() == ()


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"short")])
def test_a_file_that_went_missing_is_fetched_again_and_only_that(
    hub, fetch, hana, content_below, harm
):
    folder = fetch()
    harm(folder / "style_vectors.npy")
    with pytest.raises(SourceOffline):
        fetch(offline=True)
    del hub.requests[:]
    assert content_below(fetch()) == hana
    assert hub.files_sent() == [f"{PREFIX}/style_vectors.npy"]


# Updates


def test_an_update_brings_what_has_changed_and_keeps_the_old_for_those_who_use_it(
    hub, fetch, hana, content_below
):
    old = fetch()
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"new", f"{PREFIX}/empty": None})
    del hub.requests[:]
    new = fetch(update=True)
    assert hub.files_sent() == [f"{PREFIX}/config.json"]
    expected = hana | {"config.json": b"new"}
    del expected["empty"]
    assert content_below(new) == expected
    assert content_below(old) == hana
    assert fetch() == new


def test_an_update_of_what_has_not_changed_brings_nothing(hub, fetch, cache):
    folder = fetch()
    commit = hub.commit("me/voices", {"README.md": b"other"})
    del hub.requests[:]
    assert fetch(update=True) == folder
    assert hub.files_sent() == []
    assert cache.find(URI, PREFIX).revision == commit


def test_an_update_without_a_network_says_so_and_harms_nothing(fetch, unused_port):
    folder = fetch()
    with pytest.raises(SourceUnreachable):
        fetch(update=True, hf_endpoint=f"http://127.0.0.1:{unused_port}")
    with pytest.raises(SourceOffline):
        fetch(update=True, offline=True)
    assert fetch() == folder


def test_a_file_system_without_links_gets_a_copy(hub, fetch, monkeypatch, content_below, hana):
    fetch()
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"new"})

    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    del hub.requests[:]
    assert content_below(fetch(update=True)) == hana | {"config.json": b"new"}
    assert hub.files_sent() == [f"{PREFIX}/config.json"]


# Looking after it


def test_damage_is_found_and_repaired(hub, fetch, cache, hana, content_below):
    folder = fetch()
    assert cache.verify() == ()
    (folder / "config.json").write_bytes(hana["config.json"].upper())
    (folder / "empty").write_bytes(b"not any more")
    (folder / "style_vectors.npy").unlink()
    damages = {damage.file.path: damage.problem for damage in cache.verify()}
    assert damages == {
        "config.json": "has another content",
        "empty": "has 12 bytes instead of 0",
        "style_vectors.npy": "is missing",
    }
    assert len(cache.verify(repair=True)) == 3
    del hub.requests[:]
    assert content_below(fetch()) == hana
    assert len(hub.files_sent()) == 2  # nobody has to be asked for an empty file
    assert cache.verify() == ()


def test_what_is_removed_is_gone_and_nothing_else(fetch, cache, access):
    fetch()
    other = fetch("onnx/speakers/hanako")
    cache.remove(cache.find(URI, PREFIX))
    assert cache.find(URI, PREFIX) is None
    with pytest.raises(SourceOffline):
        fetch(offline=True)
    assert fetch("onnx/speakers/hanako", offline=True) == other
    assert {path.name for path in (access.cache / "downloads").iterdir()} == {
        "lock",
        other.parent.name,
    }
    assert fetch()


def test_pruning_takes_what_is_of_no_use_any_more(hub, fetch, cache, access):
    old = fetch()
    other = fetch("onnx/speakers/hanako")
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"new"})
    new = fetch(update=True)
    for _ in range(4):
        hub.go_wrong(on="/resolve/", status=500)
    with pytest.raises(SourceUnreachable):
        fetch("")
    (access.cache / ".voices.lock.1234abcd").touch()
    unfinished_bytes = cache.unfinished_bytes()
    assert unfinished_bytes > 3_000_000
    assert cache.prune() == unfinished_bytes
    assert cache.unfinished_bytes() == 0
    assert not old.exists()
    assert fetch(offline=True) == new
    assert fetch("onnx/speakers/hanako", offline=True) == other
    assert not list(access.cache.glob(".voices.lock.*"))
    assert cache.prune() == 0


def test_pruning_leaves_what_is_arriving(fetch, cache, hana, content_below):
    freed = []
    folder = fetch(on_progress=lambda _: freed.append(cache.prune()))
    assert content_below(folder) == hana
    assert set(freed) == {0}


def test_an_empty_cache_is_no_trouble(cache):
    assert cache.folders() == ()
    assert cache.verify() == ()
    assert cache.prune() == 0
    assert cache.unfinished_bytes() == 0


# Who is told


def test_progress_goes_from_nothing_to_everything(hub, fetch, hana):
    hub.go_wrong(on="/storage/", cut_after=1_000_000)
    seen = []
    fetch(on_progress=seen.append)
    total_bytes = sum(map(len, hana.values()))
    assert {(one.source, one.prefix, one.total_bytes) for one in seen} == {
        (URI, PREFIX, total_bytes)
    }
    assert seen[-1].done_bytes == total_bytes
    for path, content in hana.items():
        of_file = [one for one in seen if one.file == path]
        assert of_file[0].file_bytes == 0
        assert of_file[-1].file_bytes == of_file[-1].file_size_bytes == len(content)
        sizes = [one.file_bytes for one in of_file]
        assert sizes == sorted(sizes)
    assert [one.done_bytes for one in seen] == sorted(one.done_bytes for one in seen)


class Stopped(BaseException):
    """As KeyboardInterrupt, which pytest would take for its own."""


def test_who_is_told_may_break_off_and_the_next_fetch_goes_on(hub, fetch, hana, content_below):
    def stop(progress):
        if progress.file_bytes > 1_000_000:
            raise Stopped

    with pytest.raises(Stopped):
        fetch(on_progress=stop)
    with pytest.raises(SourceOffline):
        fetch(offline=True)
    del hub.requests[:]
    seen = []
    assert content_below(fetch(on_progress=seen.append)) == hana
    assert hub.files_sent() == [f"{PREFIX}/synthesizer.onnx"]
    assert seen[0].file_bytes > 1_000_000
    assert hub.requests[-1].first_byte == seen[0].file_bytes


# A full or a bad disk


def test_too_little_space_is_noticed_before_anything_is_downloaded(hub, fetch, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SourceError, match="3 MB are to be downloaded, but only 1 MB are free"):
        fetch()
    assert hub.files_sent() == []


def test_a_folder_that_cannot_be_written(fetch, access):
    access.cache.write_text("a file is in the way")
    with pytest.raises(SourceError, match=str(access.cache)):
        fetch()


FULL_DISK = """
import sys
from pathlib import Path
from hayakoe_engine.errors import SourceError
from hayakoe_engine.sources.access import Patience, SourceAccess
from hayakoe_engine.sources.source import open_source

endpoint, cache, prefix = sys.argv[1:]
filler = Path(cache, "filler")

def fill(progress):
    if progress.file_bytes > 500_000 and not filler.exists():
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

def fetch(**options):
    access = SourceAccess(Path(cache), hf_endpoint=endpoint, **options)
    return open_source("hf://me/voices", access).fetch(prefix)

try:
    fetch(on_progress=fill)
except SourceError as error:
    print(error)
    print(error.hint)
filler.unlink()
print(len((fetch() / "synthesizer.onnx").read_bytes()))
"""


def test_a_disk_that_becomes_full_stops_the_download_and_spoils_nothing(hub, access):
    access.cache.mkdir()
    script = f'mount -t tmpfs -o size=5m tmpfs "{access.cache}" && exec "$@"'
    command = [sys.executable, "-c", FULL_DISK, hub.url, access.cache, PREFIX]
    for unshare in (["unshare", "-rm"], ["unshare", "-m"]):
        result = subprocess.run(
            [*unshare, "sh", "-c", script, "sh", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        if "space left" in result.stdout:
            break
    else:
        pytest.skip("this machine lets nobody make a file system")
    message, hint, size = result.stdout.splitlines()
    assert message.endswith("No space left on device")
    assert hint == "make room, and try again; what has arrived is kept"
    assert int(size) == 3_000_000
    starts = [one.first_byte for one in hub.requests if one.path.startswith("/storage/")]
    assert starts[0] == 0
    assert starts[1] >= 500_000


def test_pruning_may_take_what_no_voice_needs(hub, fetch, cache):
    hub.commit("me/voices", {"onnx/bert/q8/bert.onnx": b"bert", "bert/tokenizer/vocab.txt": b"v"})
    fetch()
    fetch("onnx/bert/q8")
    fetch("onnx/speakers/hanako")
    keep = needed_downloads({"hana": "hf://me/voices", "taro": "/share/voices"})
    assert cache.prune(keep) == len(b"{}")
    assert {folder.prefix for folder in cache.folders()} == {PREFIX, "onnx/bert/q8"}


def test_voices_need_themselves_and_a_language_model():
    official = "hf://lemondouble/hayakoe@main"
    assert needed_downloads({"hana": "https://huggingface.co/me/voices"}) == {
        (URI, PREFIX),
        *(
            (uri, prefix)
            for uri in (URI, official)
            for prefix in ("onnx/bert/q8", "pytorch/bert/fp32", "bert/tokenizer")
        ),
    }
    assert needed_downloads({"hana": "/share/voices"}, "s3://voices/ja/") == {
        ("s3://voices/ja", "onnx/bert/q8"),
        ("s3://voices/ja", "pytorch/bert/fp32"),
        ("s3://voices/ja", "bert/tokenizer"),
    }
    assert needed_downloads({}) == set()
