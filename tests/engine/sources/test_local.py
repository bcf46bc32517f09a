import pytest

from hayakoe_engine.errors import SourceError, SourceNotFound, SourceOffline
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.source import fetch_first, open_source

PREFIX = "onnx/speakers/hana"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / PREFIX).mkdir(parents=True)
    return tmp_path


def test_a_folder_is_used_in_place_however_it_is_written(repository):
    for uri in (
        str(repository),
        f"file://{repository}",
        f"FILE://{repository}",
        f"file://localhost{repository}",
    ):
        assert open_source(uri).fetch(PREFIX) == repository / PREFIX


def test_names_may_be_escaped_in_a_uri(tmp_path):
    folder = tmp_path / "my voices" / PREFIX
    folder.mkdir(parents=True)
    assert open_source(f"file://{tmp_path}/my%20voices").fetch(PREFIX) == folder


def test_home_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "voices" / PREFIX).mkdir(parents=True)
    assert open_source("~/voices").fetch(PREFIX) == tmp_path / "voices" / PREFIX


def test_the_folder_of_a_single_voice_is_that_voice_and_nothing_else(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    source = open_source(str(tmp_path))
    assert source.fetch(PREFIX) == tmp_path
    with pytest.raises(SourceNotFound):
        source.fetch("onnx/bert/q8")


@pytest.mark.parametrize("voice", ["hana", "onnx/speakers/hana", "hana.aivmx"])
def test_the_language_model_may_lie_beside_a_single_voice(tmp_path, voice):
    if voice.endswith(".aivmx"):
        (tmp_path / voice).write_bytes(b"")
    else:
        (tmp_path / voice).mkdir(parents=True)
        (tmp_path / voice / "config.json").write_text("{}")
    (tmp_path / "onnx/bert/q8").mkdir(parents=True)
    source = open_source(str(tmp_path / voice))
    assert source.fetch("onnx/bert/q8") == tmp_path / "onnx/bert/q8"
    assert source.fetch("onnx/speakers/anything") == tmp_path / voice
    with pytest.raises(SourceNotFound):
        source.fetch("bert/tokenizer")


def test_a_language_model_that_is_nowhere_is_said_to_be_missing_everywhere(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    access = SourceAccess(tmp_path / "cache", offline=True)
    official = "hf://lemondouble/hayakoe"
    with pytest.raises(SourceOffline, match=r"onnx/bert/q8 is not in .*cache") as caught:
        fetch_first([str(tmp_path), official], "onnx/bert/q8", access)
    assert f"nor is onnx/bert/q8 in {tmp_path}" in str(caught.value)
    assert "say so with bert_source" in caught.value.hint
    with pytest.raises(SourceOffline) as caught:
        fetch_first([official], "onnx/bert/q8", access)
    assert "bert_source" not in caught.value.hint


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceNotFound, match=f"{tmp_path}/{PREFIX}: there is no such folder"):
        open_source(str(tmp_path)).fetch(PREFIX)


@pytest.mark.parametrize("uri", ["ftp://host/voices", "file://host/voices", "file://voices"])
def test_what_is_no_source_is_refused_with_those_that_are(uri):
    with pytest.raises(SourceError, match=r"file:///"):
        open_source(uri)


def test_what_lies_there_is_listed(repository):
    source = open_source(str(repository))
    assert source.list_files(PREFIX) == frozenset()
    assert source.list_files("onnx/speakers/nobody") == frozenset()
    (repository / PREFIX / "parts").mkdir()
    for name in ("config.json", "parts/1.bin"):
        (repository / PREFIX / name).write_text("{}")
    assert source.list_files(PREFIX) == {"config.json", "parts/1.bin"}


@pytest.mark.parametrize("name", ["hana.aivmx", "花.AIVMX"])
def test_an_aivmx_file_is_a_voice_alone_and_in_its_folder(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert open_source(str(tmp_path)).fetch(PREFIX) == tmp_path
    file = open_source(str(tmp_path / name))
    assert file.fetch(PREFIX) == tmp_path / name
    with pytest.raises(SourceNotFound):
        file.fetch("onnx/bert/q8")


def test_a_prefix_leads_to_no_other_place(repository):
    with pytest.raises(SourceError, match="no path below the root"):
        open_source(str(repository)).fetch("../voices")


def test_what_is_published_lies_in_the_folder(repository, tmp_path, content_below):
    new = tmp_path / "new"
    (new / "more").mkdir(parents=True)
    (new / "config.json").write_bytes(b"new")
    (new / "more" / "日本語").write_bytes(b"file")
    (repository / PREFIX / "config.json").write_bytes(b"old")
    (repository / PREFIX / "other").write_bytes(b"kept")
    source = open_source(f"file://{repository}")
    source.upload(PREFIX, new)
    expected = {"config.json": b"new", "more/日本語": b"file", "other": b"kept"}
    assert content_below(source.fetch(PREFIX)) == expected
    source.upload("", new)
    assert (repository / "config.json").read_bytes() == b"new"


def test_publishing_makes_the_folder(tmp_path, repository):
    (repository / PREFIX / "config.json").write_bytes(b"{}")
    source = open_source(str(tmp_path / "elsewhere"))
    source.upload(PREFIX, repository / PREFIX)
    assert (source.fetch(PREFIX) / "config.json").read_bytes() == b"{}"


def test_what_cannot_be_published_is_an_error(tmp_path, repository):
    with pytest.raises(SourceNotFound, match="nothing in it"):
        open_source(str(tmp_path)).upload(PREFIX, repository / PREFIX)
    (repository / PREFIX / "config.json").write_bytes(b"{}")
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="file"):
        open_source(str(tmp_path / "file")).upload(PREFIX, repository / PREFIX)
