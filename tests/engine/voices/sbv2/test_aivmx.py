"""Voices in one file."""

import base64
import io
import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.files import VoiceFiles

onnx = pytest.importorskip("onnx")

MODELS = Path(__file__).parents[3] / "models"
TEXT = "お風呂が沸きました。"


@pytest.fixture(scope="session")
def make_aivmx():
    sys.path.insert(0, str(MODELS))
    try:
        from make_aivmx import make_aivmx
    finally:
        sys.path.remove(str(MODELS))
    return make_aivmx


@pytest.fixture(scope="session")
def hana_folder(repository):
    return repository / "onnx" / "speakers" / "hana"


@pytest.fixture
def aivmx_of(hana_folder, make_aivmx, tmp_path):
    """Makes an AIVMX file of the voice in the repository."""
    return lambda **changes: make_aivmx(hana_folder, tmp_path / "hana.aivmx", **changes)


@pytest.fixture
def speak(repository, cache):
    """Says the text with a voice and the language model of the repository."""

    def speak(source, name="hana"):
        with TTS(cache_dir=cache, precision="exact", threads=2, bert_source=str(repository)) as tts:
            speaker = tts.load(name, source=str(source)).prepare().speakers[name]
            return speaker.info, speaker.generate(TEXT, seed=5, style="Happy").pcm16()

    return speak


@pytest.fixture(scope="session")
def whole(hana_folder, make_aivmx, tmp_path_factory):
    """The voice of the repository in one file, alone in its folder."""
    return make_aivmx(hana_folder, tmp_path_factory.mktemp("aivmx") / "hana.aivmx")


# One that is right


def test_it_speaks_like_the_same_voice_in_a_folder(hana, whole, speak):
    expected = hana.generate(TEXT, seed=5, style="Happy").pcm16()
    for source in (whole, whole.parent):
        info, samples = speak(source)
        assert np.array_equal(samples, expected)
    assert info.sample_rate_hz == hana.info.sample_rate_hz
    assert info.speakers == hana.info.speakers


def test_what_its_makers_say_of_it_is_told(whole, speak):
    info, _ = speak(whole)
    assert (info.name, info.title, info.version) == ("hana", "はな", "1.2.0")
    assert info.styles == ("Neutral", "Happy")
    assert info.licence == "CC BY-SA 4.0"
    assert info.url == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert info.credit == "Jane Doe、John"


@pytest.mark.parametrize("renamed", [True, False])
def test_it_speaks_as_it_was_published_too(aivmx_of, speak, caplog, renamed):
    file = aivmx_of(renamed=renamed)
    model = onnx.load(file)
    for node in model.graph.node:
        if node.op_type == "Ceil":
            node.op_type = "Floor"
    onnx.save(model, file)
    _, samples = speak(file.parent)
    assert "runs as it was published, slower" in caplog.text
    assert len(samples) > 10_000


def test_the_names_of_styles_are_those_that_people_see(aivmx_of):
    styles = [{"name": "ノーマル", "local_id": 0}, {"name": "うれしい", "local_id": 1}]
    voice = VoiceFiles.open(aivmx_of(speakers=[{"name": "花", "local_id": 0, "styles": styles}]))
    assert voice.config.styles == {"ノーマル": 0, "うれしい": 1}
    assert np.allclose(voice.styles.mix({"うれしい": 1.0}), voice.styles.vectors[1], atol=1e-6)


def test_where_names_depend_on_the_speaker_they_are_those_of_the_training(aivmx_of):
    speakers = [
        {"name": "花", "local_id": 0, "styles": [{"name": "ノーマル", "local_id": 0}]},
        {"name": "風", "local_id": 1, "styles": [{"name": "ノーマル", "local_id": 1}]},
    ]
    voice = VoiceFiles.open(aivmx_of(speakers=speakers))
    assert voice.config.styles == {"Neutral": 0, "Happy": 1}


@pytest.mark.parametrize(
    ("changes", "licence", "url"),
    [
        ({"license": None}, "", "https://example.com/jane"),
        ({"license": "# My Licence 1.0\n\nYou may …\n"}, "My Licence 1.0", "https://example.com/jane"),
        ({"license": "x" * 100_000}, "x" * 199 + "…", "https://example.com/jane"),
        ({"license": "**CC0** https://a.example/b"}, "CC0 https://a.example/b", "https://a.example/b"),
        ({"license": "[evil](javascript:alert(1))"}, "evil", "https://example.com/jane"),
        ({"license": None, "terms_of_use": "[CC0](https://a.example/)"}, "CC0", "https://a.example/"),
        ({"license": "a\u202eb\u0000c\u001b[0m"}, "abc[0m", "https://example.com/jane"),
    ],
)  # fmt: skip
def test_licences_are_short_and_harmless(aivmx_of, changes, licence, url):
    facts = VoiceFiles.open(aivmx_of(**changes)).facts
    assert (facts.licence, facts.url) == (licence, url)


def test_pictures_and_samples_do_no_harm(aivmx_of):
    sample = {"audio": "data:audio/wav;base64," + "A" * 4_000_000, "transcript": "はい"}
    style = {"name": "Neutral", "local_id": 0, "voice_samples": [sample] * 3}
    voice = VoiceFiles.open(aivmx_of(speakers=[{"name": "花", "local_id": 0, "styles": [style]}]))
    assert voice.config.styles == {"Neutral": 0}


def test_a_folder_with_two_is_not_one_voice(aivmx_of, tmp_path):
    shutil.copy(aivmx_of(), tmp_path / "other.AIVMX")
    with pytest.raises(BadVoiceFiles, match=r"more than one voice: hana\.aivmx, other\.AIVMX"):
        VoiceFiles.open(tmp_path)
    assert VoiceFiles.open(tmp_path / "other.AIVMX").facts.title == "はな"


def test_beside_the_files_of_a_voice_it_is_not_looked_at(aivmx_of, hana_folder, tmp_path):
    aivmx_of()
    shutil.copytree(hana_folder, tmp_path, dirs_exist_ok=True)
    assert VoiceFiles.open(tmp_path).synthesizer == tmp_path / "synthesizer.onnx"


# One that is wrong


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aivm_manifest": None}, "is no AIVMX file of a voice: it has no aivm_manifest"),
        ({"aivm_hyper_parameters": None}, "it has no aivm_hyper_parameters"),
        ({"aivm_style_vectors": None}, "it has no aivm_style_vectors"),
        ({"aivm_manifest": "{"}, "aivm_manifest: is no JSON"),
        ({"aivm_manifest": "[" * 100_000}, "aivm_manifest: is no JSON"),
        ({"aivm_manifest": "[]"}, "aivm_manifest: must be a JSON object"),
        ({"aivm_manifest": "{}"}, "aivm_manifest: version '' is not supported"),
        ({"manifest_version": "2.0"}, "version '2.0' is not supported; only 1.0 is"),
        (
            {"model_architecture": "Style-Bert-VITS2"},
            r"the architecture 'Style-Bert-VITS2' is not supported; only '.* \(JP-Extra\)' is",
        ),
        ({"name": 1}, "aivm_manifest: name must be a text"),
        ({"creators": [1]}, "aivm_manifest: creators must be a list of texts"),
        ({"license": {}}, "aivm_manifest: license must be a text"),
        ({"speakers": {}}, "aivm_manifest: speakers must be a list of objects"),
        ({"speakers": [{"styles": [1]}]}, r"speakers\.styles must be a list of objects"),
        ({"speakers": [{"styles": [{"name": "\n", "local_id": 0}]}]}, "is no name of a style"),
        ({"speakers": [{"styles": [{"name": "a"}]}]}, r"styles\.local_id must be a whole number"),
        (
            {"speakers": [{"styles": [{"name": "a", "local_id": 7}]}]},
            "aivm_style_vectors: has 2 styles, but style 'a' is number 7",
        ),
        ({"aivm_hyper_parameters": '{"version": "2.0"}'}, "aivm_hyper_parameters: version '2.0'"),
        ({"aivm_hyper_parameters": " " * 5_000_000}, "aivm_hyper_parameters is larger than"),
        ({"aivm_style_vectors": "AAA"}, "aivm_style_vectors: "),
        ({"aivm_style_vectors": "あ"}, "aivm_style_vectors: "),
        ({"aivm_style_vectors": "A" * 20_000_000}, "aivm_style_vectors is larger than"),
        ({"aivm_style_vectors": npy(np.zeros((2, 3)))}, "aivm_style_vectors: has the shape"),
        (
            {"aivm_style_vectors": npy(np.array([[Harmful()] * 256] * 2, dtype=object))},
            "aivm_style_vectors: has numbers of type object",
        ),
        (
            {"aivm_style_vectors": base64.b64encode(pickle.dumps(Harmful())).decode()},
            "aivm_style_vectors: is no array of numpy",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_part_of_the_file(aivmx_of, changes, reason):
    path = aivmx_of(**changes)
    with pytest.raises(BadVoiceFiles, match=rf"hana\.aivmx: .*{reason}"):
        VoiceFiles.open(path)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.99999])
def test_a_file_that_was_cut_off_is_refused(aivmx_of, share):
    path = aivmx_of()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadVoiceFiles, match=r"hana\.aivmx: (is cut off|is no ONNX file)"):
        VoiceFiles.open(path)


def test_other_kinds_of_files_are_refused(tmp_path, hana_folder):
    path = tmp_path / "x.aivmx"
    for content in (b"", b"\0" * 1000, b"PK\x03\x04" + b"\0" * 100, pickle.dumps(Harmful())):
        path.write_bytes(content)
        with pytest.raises(BadVoiceFiles, match=r"x\.aivmx: is no ONNX file"):
            VoiceFiles.open(path)
    shutil.copy(hana_folder / "synthesizer.onnx", path)
    with pytest.raises(BadVoiceFiles, match=r"x\.aivmx: is no AIVMX file of a voice"):
        VoiceFiles.open(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(BadVoiceFiles, match="Git LFS"):
        VoiceFiles.open(path)


def test_a_model_that_is_something_else_is_refused(aivmx_of, repository, speak):
    path = aivmx_of()
    model = onnx.load(path)
    model.graph.CopyFrom(onnx.load(repository / "onnx/bert/q8/bert_q8.onnx").graph)
    onnx.save(model, path)
    with pytest.raises(BadVoiceFiles, match=r"hana\.aivmx: is something else: it takes atten"):
        speak(path.parent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["name", "creators", "license", "terms_of_use", "version", "speakers"]),
        JSON
        | st.lists(
            st.fixed_dictionaries({"styles": st.lists(st.dictionaries(
                st.sampled_from(["name", "local_id"]), JSON), max_size=2)}),
            max_size=2,
        ),
    )
)  # fmt: skip
def test_any_manifest_is_taken_or_refused(tmp_path_factory, said):
    manifest = {
        "manifest_version": "1.0",
        "model_architecture": "Style-Bert-VITS2 (JP-Extra)",
        **said,
    }
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    vectors = npy(np.zeros((4096, 256), np.float16))
    parts = {
        "aivm_manifest": json.dumps(manifest),
        "aivm_hyper_parameters": "{}",
        "aivm_style_vectors": vectors,
    }
    onnx.helper.set_model_props(model, parts)
    path = tmp_path_factory.getbasetemp() / "any.aivmx"
    onnx.save(model, path)
    try:
        facts = VoiceFiles.open(path).facts
    except BadVoiceFiles as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
    else:
        shown = (facts.title, facts.licence, facts.credit, facts.url, facts.version)
        assert all(text.isprintable() and len(text) <= 2000 for text in shown)


def test_facts_of_a_folder_come_from_its_card(hana_folder, tmp_path):
    folder = shutil.copytree(hana_folder, tmp_path / "hana")
    assert VoiceFiles.open(folder).facts is None
    (folder / "README.md").write_text("---\nvoice:\n  title: 花\n  licence: CC0\n---\n# 花\n")
    assert VoiceFiles.open(folder).facts.title == "花"
    assert VoiceFiles.open(folder).facts.licence == "CC0"
