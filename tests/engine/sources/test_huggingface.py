"""Against the client of the Hugging Face hub and a hub on the loopback interface."""

import logging
import threading
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
from hayakoe_engine.sources import huggingface
from hayakoe_engine.sources.access import Patience
from hayakoe_engine.sources.source import open_source

PREFIX = "onnx/speakers/hana"
TOKEN = "hf_sesame"
LARGE = f"{PREFIX}/synthesizer.onnx"

# The hub's client uploads in a way that its own library of HTTP would like to see changed.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")


def test_everything_under_the_prefix_comes_and_nothing_else(fetch, hana, content_below):
    assert content_below(fetch()) == hana


def test_the_root_is_everything(fetch, voice, content_below):
    assert content_below(fetch("")) == voice


@pytest.mark.parametrize(
    "uri",
    [
        "hf://me/voices",
        "hf://me/voices@main",
        "HF://me/voices/",
        "https://huggingface.co/me/voices",
        "https://huggingface.co/me/voices/",
        "https://huggingface.co/me/voices/tree/main",
        "https://hf.co/me/voices",
    ],
)
def test_one_repository_has_many_names_and_is_fetched_once(hub, fetch, uri):
    folder = fetch()
    del hub.requests[:]
    assert fetch(uri=uri) == folder
    assert hub.requests == []


@pytest.mark.parametrize(
    "uri",
    [
        "hf://voices",
        "hf://me/voices/onnx",
        "hf://me/voices@",
        "hf://me/../voices",
        "hf://me/voices@a b",
        "https://huggingface.co/me",
        "https://huggingface.co/me/voices/blob/main",
        "https://huggingface.co/me/voices/tree/main/onnx",
        "https://example.org/me/voices",
    ],
)
def test_what_is_no_repository_is_refused(uri):
    with pytest.raises(SourceError, match=r"huggingface\.co|hf://USER/REPO"):
        open_source(uri)


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub, fetch, content_below):
    first = hub.commit("me/voices", {f"{PREFIX}/config.json": b"first"})
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"second"})
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"other"}, branch="refs/pr/1")
    for uri, content in {
        f"hf://me/voices@{first}": b"first",
        "hf://me/voices": b"second",
        "hf://me/voices@refs/pr/1": b"other",
        "https://huggingface.co/me/voices/tree/refs%2Fpr%2F1": b"other",
    }.items():
        assert content_below(fetch(uri=uri))["config.json"] == content


def test_what_is_fetched_is_of_one_commit_even_if_the_branch_moves_on(hub, fetch, hana):
    def publish(progress):
        if progress.file_bytes == 0 and progress.file == "synthesizer.onnx":
            hub.commit("me/voices", {f"{PREFIX}/style_vectors.npy": b"new"})

    folder = fetch(on_progress=publish)
    assert (folder / "style_vectors.npy").read_bytes() == hana["style_vectors.npy"]


# Who may have it


def test_a_private_repository_needs_a_token(hub, fetch, voice):
    hub.commit("me/private", voice, private=True)
    with pytest.raises(SourceUnauthorized, match="no such repository, or it is private") as caught:
        fetch(uri="hf://me/private")
    assert "HF_TOKEN" in caught.value.hint
    assert fetch(uri="hf://me/private", hf_token=TOKEN)


def test_the_token_of_the_environment_is_taken(hub, fetch, voice, monkeypatch):
    hub.commit("me/private", voice, private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch(uri="hf://me/private")


def test_a_wrong_token_is_said_to_be_one(fetch):
    with pytest.raises(SourceUnauthorized) as caught:
        fetch(hf_token="hf_wrong")
    assert "the token is not valid" in caught.value.hint


def test_terms_have_to_be_agreed_to(hub, fetch, voice):
    hub.commit("me/gated", voice, gated=True)
    with pytest.raises(SourceUnauthorized, match="agreed to its terms") as caught:
        fetch(uri="hf://me/gated")
    assert "https://huggingface.co/me/gated" in caught.value.hint


def test_what_is_forbidden_is_not_asked_for_again(hub, fetch):
    hub.go_wrong(status=403)
    with pytest.raises(SourceUnauthorized, match="403"):
        fetch()
    assert len(hub.requests) == 1


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, fetch):
    fetch(hf_token=TOKEN)
    at_storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert at_storage
    for request in hub.requests:
        is_hub = request.host.startswith("127.0.0.1")
        assert is_hub is (request not in at_storage)
        assert request.authorization == (f"Bearer {TOKEN}" if is_hub else None)


def test_the_hub_learns_nothing_of_the_machine(hub, fetch):
    fetch()
    assert {request.user_agent for request in hub.requests} == {"hayakoe-engine"}


def test_the_hubs_client_asks_for_nothing_of_its_own(fetch, monkeypatch, tmp_path):
    """It would ask the hub which programs there are that might be using it, and keep the answer."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _detect_agent

    asked = []
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "programs.json"))
    monkeypatch.setattr(_detect_agent, "_registry", None)
    monkeypatch.setattr(_detect_agent, "_fetch_registry", lambda: asked.append("harnesses"))
    fetch()
    assert asked == []


def test_the_token_is_shown_nowhere(hub, fetch, access, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    hub.go_wrong(on="/storage/", status=500)
    hub.go_wrong(on="/api/", status=502)
    fetch(hf_token=TOKEN)
    with pytest.raises(SourceError) as caught:
        fetch(hf_token=TOKEN, uri="hf://me/nothing")
    with pytest.raises(SourceError) as refused:
        fetch(hf_token=f"{TOKEN}\n", uri="hf://me/nothing")
    shown = [str(caught.value), str(refused.value), repr(replace(access, hf_token=TOKEN))]
    out, err = capfd.readouterr()
    assert TOKEN not in "".join([caplog.text, out, err, *shown])
    files = [file for file in access.cache.rglob("*") if file.is_file()]
    assert not any(TOKEN.encode() in file.read_bytes() for file in files)


# What is not there


def test_what_is_not_there_is_said_with_what_is(fetch):
    with pytest.raises(SourceNotFound, match="there is no onnx/speakers/hanna") as caught:
        fetch("onnx/speakers/hanna")
    assert caught.value.hint == "there are hana, hanako"


def test_a_prefix_is_a_folder_and_not_a_beginning(fetch):
    with pytest.raises(SourceNotFound):
        fetch("onnx/speakers/han")


def test_a_repository_that_is_not_there(fetch):
    with pytest.raises(SourceNotFound, match="there is no such repository"):
        fetch(uri="hf://me/nothing", hf_token=TOKEN)


def test_a_revision_that_is_not_there(fetch):
    with pytest.raises(SourceNotFound, match="there is no revision v9"):
        fetch(uri="hf://me/voices@v9")


def test_a_file_that_is_listed_and_not_there(hub, fetch):
    hub.go_wrong(on="/resolve/", status=404)
    with pytest.raises(SourceNotFound, match=r"404 .* to /me/voices/resolve/"):
        fetch()


@pytest.mark.parametrize("prefix", ["../etc", "/etc", "a//b", "a/./b", "a/", "a\\b", "a\nb"])
def test_a_prefix_leads_to_no_other_place(hub, fetch, prefix):
    with pytest.raises(SourceError, match="no path below the root"):
        fetch(prefix)
    assert hub.requests == []


# What goes wrong for a while


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("on", ["/api/", "/resolve/", "/storage/"])
def test_what_may_work_another_time_is_asked_for_again(hub, fetch, hana, content_below, on, status):
    hub.go_wrong(on=on, status=status)
    hub.go_wrong(on=on, status=status)
    assert content_below(fetch()) == hana


def test_a_storage_that_does_not_like_the_signature_any_more_gets_a_new_one(hub, fetch):
    hub.go_wrong(on="/storage/", status=403)
    assert fetch()


def test_patience_ends(hub, fetch):
    for _ in range(10):
        hub.go_wrong(on="/api/", status=503)
    with pytest.raises(SourceUnreachable, match=r"it answers 503.* after 4 attempts") as caught:
        fetch()
    assert "try again" in caught.value.hint
    assert len(hub.requests) == 4


@pytest.fixture
def pauses(access, monkeypatch):
    """The pauses that are made, which take no time."""
    made = []
    monkeypatch.setattr(access.stop, "wait", made.append)
    return made


def test_pauses_grow(hub, fetch, pauses):
    for _ in range(3):
        hub.go_wrong(on="/api/", status=503)
    fetch()
    assert pauses == [0.01, 0.02, 0.04]


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"RateLimit": '"api";r=0;t=9'}, 9, 9),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00"}, None, None),
        ({"Retry-After": "Fri, 01 Jan 2010 00:00:00 GMT"}, 0, 0.1),
        ({"Retry-After": "soon"}, 0, 0.1),
    ],
)
def test_a_pause_is_as_long_as_the_server_wants(hub, fetch, pauses, headers, low, high):
    hub.go_wrong(on="/api/", status=429, headers=headers)
    if low is None:
        with pytest.raises(SourceUnreachable) as caught:
            fetch()
        assert "try again in" in caught.value.hint
        assert pauses == []
    else:
        fetch()
        assert len(pauses) == 1
        assert low <= pauses[0] <= high


def test_a_hub_that_is_not_there(fetch, unused_port):
    with pytest.raises(SourceUnreachable, match="it does not answer"):
        fetch(hf_endpoint=f"http://127.0.0.1:{unused_port}")


def test_a_hub_that_does_not_answer_is_given_up_after_seconds(fetch, unused_port, pauses):
    patience = Patience(attempts=100, first_delay_s=3.0, answer_s=10.0)
    with pytest.raises(SourceUnreachable, match=r"it does not answer.*, after 3 attempts"):
        fetch(hf_endpoint=f"http://127.0.0.1:{unused_port}", patience=patience)
    assert pauses == [3.0, 6.0]


def test_a_hub_that_is_not_there_is_not_missed_where_the_files_are(fetch, unused_port, pauses):
    folder = fetch()
    assert fetch(hf_endpoint=f"http://127.0.0.1:{unused_port}") == folder
    assert pauses == []


def test_a_fetch_that_is_stopped_goes_on_later(fetch, hana, content_below):
    stop = threading.Event()
    with pytest.raises(SourceError, match="broken off"):
        fetch(stop=stop, on_progress=lambda _: stop.set())
    assert content_below(fetch()) == hana


def test_a_hub_that_says_nothing(hub, fetch, monkeypatch):
    monkeypatch.setattr(huggingface, "_TIMEOUT_S", 0.1)
    monkeypatch.setattr(huggingface, "_ANSWER_TIMEOUT_S", 0.1)
    hub.go_wrong(on="/api/", pause_s=0.5)
    hub.go_wrong(on="/resolve/", pause_s=0.5)
    assert fetch()


@pytest.mark.parametrize(
    "body", [b"<html>Log in to the hotel", b"{}", b"[]", b'{"id": 1, "siblings": 7}']
)
def test_something_that_is_no_hub(hub, fetch, body):
    hub.go_wrong(on="/api/", body=body)
    with pytest.raises(SourceError):
        fetch()


# What arrives


def test_a_connection_that_breaks_off_goes_on_where_it_stopped(hub, fetch, hana, content_below):
    hub.go_wrong(on="/storage/", cut_after=1_000_000)
    hub.go_wrong(on="/storage/", cut_after=500_000)
    assert content_below(fetch()) == hana
    starts = [one.first_byte for one in hub.requests if one.path.startswith("/storage/")]
    first, second, third = starts
    assert first == 0 < second <= 1_000_000 < third <= 1_500_000


def test_what_arrives_in_many_pieces_is_waited_for(hub, fetch, hana, content_below):
    """More failures than there is patience for, but each time a good deal has come."""
    hub.commit("me/voices", {LARGE: (large := bytes(9_000_000))})
    for _ in range(6):
        hub.go_wrong(on="/storage/", cut_after=1_300_000)
    assert content_below(fetch()) == hana | {"synthesizer.onnx": large}


def test_a_server_that_never_sends_anything_useful_is_given_up(hub, fetch):
    for _ in range(20):
        hub.go_wrong(on="/storage/", cut_after=100)
    with pytest.raises(SourceUnreachable, match="after 4 attempts"):
        fetch()


def test_a_server_that_knows_no_ranges_starts_again(hub, fetch, hana, content_below):
    hub.go_wrong(on="/storage/", cut_after=100_000)
    hub.go_wrong(on="/storage/", ignore_range=True)
    assert content_below(fetch()) == hana


@pytest.mark.parametrize("on", ["/resolve/", "/storage/"])
def test_a_changed_byte_is_noticed_and_fetched_again(hub, fetch, hana, content_below, on):
    hub.go_wrong(on=on, flip=3)
    assert content_below(fetch()) == hana


def test_a_byte_that_is_wrong_in_the_first_part_of_a_resumed_file(hub, fetch, hana, content_below):
    hub.go_wrong(on="/storage/", flip=50, cut_after=2_000)
    hub.go_wrong(on="/storage/", flip=50, cut_after=1_000_000)
    assert content_below(fetch()) == hana


@pytest.mark.parametrize("fault", [{"flip": 3}, {"extra": b"x"}, {"body": bytes(3_000_000)}])
def test_what_is_always_wrong_is_never_taken_for_right(hub, fetch, fault):
    for _ in range(20):
        hub.go_wrong(on="/storage/", **fault)
    with pytest.raises(SourceChecksumMismatch):
        fetch()
    hub.faults.clear()
    with pytest.raises(SourceOffline):
        fetch(offline=True)
    assert fetch()


def test_a_body_that_ends_early_as_if_that_were_right(hub, fetch, hana, content_below):
    hub.go_wrong(on="/storage/", body=b"short")
    assert content_below(fetch()) == hana


@pytest.mark.parametrize(
    "path",
    ["../../../evil", "a/../../evil", "/etc/evil", "a\\evil", "a//evil", "a\x00b", "x" * 201],
)
def test_a_listing_can_name_no_place_outside(hub, fetch, access, path):
    hub.commit("me/voices", {f"{PREFIX}/{path}": b"evil"})
    with pytest.raises(SourceError, match="no good name"):
        fetch()
    assert not list(access.cache.rglob("*evil*"))


def test_a_listing_may_not_be_endless(hub, fetch, monkeypatch):
    hub.commit("me/voices", {f"{PREFIX}/{number}": b"" for number in range(1001)})
    with pytest.raises(SourceError, match="1006 files are more than the limit"):
        fetch()
    monkeypatch.setattr("hayakoe_engine.sources.names.MAX_FILES", 2000)
    monkeypatch.setattr("hayakoe_engine.sources.names.MAX_BYTES", 1000)
    with pytest.raises(SourceError, match=r"0.0 GB are more than the limit"):
        fetch()


# Publishing


@pytest.fixture
def source(hub, access, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    return open_source("hf://me/published", replace(access, hf_endpoint=hub.url, hf_token=TOKEN))


def test_what_is_published_can_be_fetched(hub, fetch, source, hana, content_below):
    source.upload(PREFIX, fetch())
    assert hub.repositories["me/published"].private
    assert content_below(source.fetch(PREFIX)) == hana


def test_publishing_changes_what_has_the_same_name_and_keeps_the_rest(
    hub, source, tmp_path, content_below
):
    hub.commit("me/published", {"a/old": b"old", "a/same": b"old", "b/other": b"other"})
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "same").write_bytes(b"new")
    source.upload("a", tmp_path / "new")
    assert content_below(source.fetch("")) == {
        "a/old": b"old",
        "a/same": b"new",
        "b/other": b"other",
    }
    (tmp_path / "new" / "same").rename(tmp_path / "new" / "README.md")
    source.upload("", tmp_path / "new")
    assert hub.repositories["me/published"].private is False


def test_publishing_draws_no_bars_where_there_is_no_terminal(fetch, source, capfd):
    source.upload(PREFIX, fetch())
    assert capfd.readouterr() == ("", "")


def test_publishing_goes_on_after_a_failure(hub, fetch, source, hana, content_below):
    hub.go_wrong(on="/commit/", status=503)
    hub.go_wrong(on="/upload/", status=400)
    with pytest.raises(SourceError, match="400"):
        source.upload(PREFIX, fetch())
    source.upload(PREFIX, fetch())
    assert content_below(source.fetch(PREFIX)) == hana


def test_a_storage_that_does_not_take_anything_is_given_up(hub, fetch, source, monkeypatch):
    import huggingface_hub.constants

    pytest.importorskip("hf_xet")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(SourceUnreachable, match=r"its storage does not answer: .*404"):
        source.upload(PREFIX, fetch())
    assert list(hub.repositories["me/published"].commits.values()) == [{".gitattributes": b""}]


def test_publishing_needs_a_token_and_something_to_publish(hub, fetch, source, access, tmp_path):
    nobody = open_source("hf://me/voices", replace(access, hf_endpoint=hub.url))
    hub.go_wrong(on="preupload", status=401)
    with pytest.raises(SourceUnauthorized):
        nobody.upload(PREFIX, fetch())
    with pytest.raises(SourceNotFound, match="nothing in it"):
        source.upload(PREFIX, tmp_path / "nothing")
    offline = open_source("hf://me/voices", replace(access, offline=True))
    with pytest.raises(SourceOffline):
        offline.upload(PREFIX, tmp_path)


def test_without_its_package_the_hub_says_what_to_install(fetch, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub.errors", None)
    with pytest.raises(SourceError, match="needs huggingface_hub") as caught:
        fetch()
    assert caught.value.hint == "pip install 'wyoming-hayakoe[hub]'"


def test_the_clients_own_offline_mode_counts(fetch, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SourceOffline) as caught:
        fetch()
    assert caught.value.hint == "unset HF_HUB_OFFLINE"
