"""Against obstore and an S3 on the loopback interface."""

import sys
from dataclasses import replace

import pytest

from hayakoe_engine.errors import (
    SourceChecksumMismatch,
    SourceError,
    SourceNotFound,
    SourceOffline,
    SourceUnauthorized,
    SourceUnreachable,
)
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.source import open_source

PREFIX = "onnx/speakers/hana"
LARGE = f"/voices/{PREFIX}/synthesizer.onnx"
PART_BYTES = 5 << 20
"""The least that S3 takes as a part of an upload."""


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("moto")
    pytest.importorskip("obstore")
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    path = Path(__file__).parents[2] / "servers" / "s3.py"
    spec = spec_from_file_location("s3_server", path)
    module = module_from_spec(spec)
    sys.modules["s3_server"] = module
    spec.loader.exec_module(module)
    with module.S3Server() as running:
        yield running


@pytest.fixture
def s3(server, voice, monkeypatch):
    """A bucket "voices" with the voice, and the environment in which it is found."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SKIP_SIGNATURE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    server.reset()
    server.put("voices", voice)
    del server.requests[:]
    return server


@pytest.fixture
def fetch(s3, access):  # noqa: ARG001 - the bucket has to be there
    def run(prefix=PREFIX, uri="s3://voices", **changes):
        return open_source(uri, replace(access, **changes)).fetch(prefix)

    return run


def test_everything_under_the_prefix_comes_and_nothing_else(fetch, hana, content_below):
    assert content_below(fetch()) == hana


def test_voices_may_lie_anywhere_in_a_bucket(s3, fetch, voice, hana, content_below):
    s3.put("voices", {f"my/日本/{path}": content for path, content in voice.items()})
    assert content_below(fetch(uri="s3://voices/my/日本")) == hana
    assert content_below(fetch(uri="s3://voices/my/日本/")) == hana
    assert fetch("", uri=f"s3://voices/{PREFIX}")


def test_the_marker_of_a_folder_is_no_file(s3, fetch, hana, content_below):
    s3.put("voices", {f"{PREFIX}/": b"", f"{PREFIX}/more/": b""})
    assert content_below(fetch()) == hana


def test_a_bucket_may_hold_more_than_one_answer_lists(s3, fetch, hana, content_below):
    """S3 lists a thousand objects at a time."""
    s3.put_many("voices", (f"onnx/speakers/v{number:04}/config.json" for number in range(1100)))
    assert content_below(fetch("onnx/speakers/v1099")) == {"config.json": b"{}"}
    assert content_below(fetch()) == hana
    listed = open_source("s3://voices").list_files("onnx/speakers")
    assert len(listed) == 1100 + len(hana) + 1
    with pytest.raises(SourceError, match=r"11\d\d files are more than the limit of 1000"):
        fetch("onnx/speakers")
    with pytest.raises(SourceNotFound) as caught:
        fetch("onnx/speakers/v1100")
    assert "v0001" in caught.value.hint
    assert len(caught.value.hint) < 1000


def test_what_is_complete_is_used_without_asking_anybody(s3, fetch):
    folder = fetch()
    del s3.requests[:]
    assert fetch() == folder
    assert fetch(offline=True) == folder
    assert s3.requests == []


def test_an_update_brings_what_has_changed(s3, fetch, hana, content_below, access):
    fetch()
    s3.put("voices", {f"{PREFIX}/config.json": b"new"})
    del s3.requests[:]
    assert content_below(fetch(update=True)) == hana | {"config.json": b"new"}
    assert s3.read(LARGE) == []
    assert DownloadCache(access.cache).verify() == ()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3:///voices",
        "s3://VOICES",
        "s3://voices/a//b",
        "s3://voices/../b",
    ],
)
def test_what_is_no_bucket_is_refused(uri):
    with pytest.raises(SourceError, match=r"a bucket is written s3://BUCKET"):
        open_source(uri)


# What is not there, and who may have it


def test_what_is_not_there_is_said_with_what_is(fetch):
    with pytest.raises(SourceNotFound, match="there is no onnx/speakers/hanna") as caught:
        fetch("onnx/speakers/hanna")
    assert caught.value.hint == "there are hana, hanako"


def test_a_bucket_that_is_not_there(fetch):
    with pytest.raises(SourceNotFound, match="there is no such bucket"):
        fetch(uri="s3://nothing")


@pytest.mark.parametrize("status", [401, 403])
def test_keys_that_are_not_good_for_this(s3, fetch, status):
    s3.go_wrong(status=status)
    with pytest.raises(SourceUnauthorized) as caught:
        fetch()
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_without_keys_it_is_said_that_there_are_none(s3, fetch, voice, monkeypatch, unused_port):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # In the place of a virtual machine's own service, which would be asked for keys.
    monkeypatch.setattr("hayakoe_engine.sources.s3._METADATA_SERVICE", f"127.0.0.1:{unused_port}")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(SourceUnauthorized, match="there are no keys") as caught:
        fetch()
    assert "AWS_SKIP_SIGNATURE" in caught.value.hint
    s3.put("voices", voice, ACL="public-read")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert fetch()


def test_a_bucket_in_another_region(s3, fetch):
    s3.go_wrong(status=301)
    with pytest.raises(SourceError) as caught:
        fetch()
    assert caught.value.hint == "set AWS_REGION"


def test_without_its_package_it_says_what_to_install(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(SourceError, match=r"S3 needs obstore") as caught:
        fetch()
    assert caught.value.hint == "pip install 'wyoming-hayakoe[s3]'"


# What goes wrong for a while, and what arrives


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("on", ["^/voices$", "synthesizer"])
def test_what_may_work_another_time_is_asked_for_again(s3, fetch, hana, content_below, on, status):
    s3.go_wrong(on=on, status=status)
    s3.go_wrong(on=on, status=status)
    assert content_below(fetch()) == hana


def test_patience_ends(s3, fetch):
    for _ in range(10):
        s3.go_wrong(status=503)
    with pytest.raises(SourceUnreachable, match="it answers 503, after 4 attempts"):
        fetch()


def test_what_will_not_work_another_time_is_not_asked_for_again(s3, fetch):
    s3.go_wrong(status=400)
    with pytest.raises(SourceError, match="400"):
        fetch()
    assert len(s3.requests) == 1


def test_an_s3_that_is_not_there(fetch, monkeypatch, unused_port):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(SourceUnreachable, match="it does not answer"):
        fetch()


def test_a_connection_that_breaks_off_goes_on_where_it_stopped(s3, fetch, hana, content_below):
    s3.go_wrong(on="synthesizer", cut_after=1_000_000)
    s3.go_wrong(on="synthesizer", cut_after=500_000)
    assert content_below(fetch()) == hana
    first, second, third = s3.read(LARGE)
    assert first == 0 < second <= 1_000_000 < third <= 1_500_000


def test_a_changed_byte_is_noticed_and_fetched_again(s3, fetch, hana, content_below):
    s3.go_wrong(on="synthesizer", flip=3)
    assert content_below(fetch()) == hana
    assert s3.read(LARGE) == [0, 0]


def test_what_is_always_wrong_is_never_taken_for_right(s3, fetch):
    for _ in range(4):
        s3.go_wrong(on="synthesizer", flip=3)
    with pytest.raises(SourceChecksumMismatch):
        fetch()
    with pytest.raises(SourceOffline):
        fetch(offline=True)


def test_what_changes_while_it_is_fetched_comes_in_one_state(s3, fetch, hana, content_below):
    new = {"synthesizer.onnx": bytes(2_000_000), "config.json": b"new"}

    def publish(progress):
        if progress.file == "synthesizer.onnx" and progress.file_bytes == 0:
            s3.put("voices", {f"{PREFIX}/{path}": content for path, content in new.items()})

    assert content_below(fetch(on_progress=publish)) == hana | new


def test_what_vanishes_while_it_is_fetched(s3, fetch, hana, content_below):
    def delete(progress):
        if progress.file == "more/日本語 1.bin" and progress.file_bytes == 0:
            s3.client.delete_object(Bucket="voices", Key=f"{PREFIX}/synthesizer.onnx")

    rest = {path: content for path, content in hana.items() if path != "synthesizer.onnx"}
    assert content_below(fetch(on_progress=delete)) == rest


def test_what_changes_all_the_time(s3, fetch):
    def publish(progress):
        if progress.file == "synthesizer.onnx" and progress.file_bytes == 0:
            changes.append(b"x" * len(changes))
            s3.put("voices", {f"{PREFIX}/synthesizer.onnx": changes[-1]})

    changes = [b""]
    with pytest.raises(SourceUnreachable, match="changes all the time"):
        fetch(on_progress=publish)


# Without a checksum of S3


@pytest.fixture
def in_parts(s3):
    """Puts a file as S3 clients put large ones; its ETag says nothing about its content then."""

    def put(key, content):
        upload = s3.client.create_multipart_upload(Bucket="voices", Key=key)["UploadId"]
        names = {"Bucket": "voices", "Key": key, "UploadId": upload}
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.client.upload_part(
                    Body=content[start : start + PART_BYTES], PartNumber=number, **names
                )["ETag"],
            }
            for number, start in enumerate(range(0, len(content), PART_BYTES), 1)
        ]
        s3.client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **names)

    return put


def test_a_file_without_a_checksum_is_taken_by_its_size(in_parts, fetch, hana, content_below):
    content = bytes(PART_BYTES + 5)
    in_parts(f"{PREFIX}/synthesizer.onnx", content)
    folder = fetch()
    assert content_below(folder) == hana | {"synthesizer.onnx": content}
    in_parts(f"{PREFIX}/synthesizer.onnx", bytes([1]) * len(content))
    assert fetch(update=True) != folder


def test_a_list_of_checksums_is_believed(s3, in_parts, fetch, hana, content_below, sha256):
    content = bytes(PART_BYTES + 5)
    in_parts(f"{PREFIX}/synthesizer.onnx", content)
    sums = f"{sha256(content)}  synthesizer.onnx\nsomething else\n".encode()
    s3.put("voices", {f"{PREFIX}/SHA256SUMS": sums})
    s3.go_wrong(on="synthesizer", flip=3)
    expected = hana | {"synthesizer.onnx": content, "SHA256SUMS": sums}
    assert content_below(fetch()) == expected
    s3.put(
        "voices",
        {
            f"{PREFIX}/config.json": b"changed",
            f"{PREFIX}/SHA256SUMS": b"0" * 64 + b" *config.json\n",
        },
    )
    with pytest.raises(SourceChecksumMismatch, match=r"config\.json"):
        fetch(update=True)


def test_a_list_of_checksums_is_no_novel(s3, fetch):
    s3.put("voices", {f"{PREFIX}/SHA256SUMS": bytes(2_000_000)})
    with pytest.raises(SourceError, match="too large"):
        fetch()


# Publishing


def test_what_is_published_can_be_fetched(s3, fetch, access, hana, content_below, sha256):
    folder = fetch()
    s3.client.create_bucket(Bucket="published")
    source = open_source("s3://published/mine", access)
    source.upload(PREFIX, folder)
    fetched = content_below(source.fetch(PREFIX))
    sums = fetched.pop("SHA256SUMS").decode()
    assert fetched == hana
    assert sums == "".join(f"{sha256(hana[path])}  {path}\n" for path in sorted(hana))
    s3.go_wrong(status=503)
    source.upload(PREFIX, source.fetch(PREFIX))
    assert (
        s3.client.get_object(Bucket="published", Key=f"mine/{PREFIX}/SHA256SUMS")["Body"]
        .read()
        .decode()
        == sums
    )
