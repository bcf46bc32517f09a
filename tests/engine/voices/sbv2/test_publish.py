"""Publishing voices: to folders, to a hub and to a bucket, all on this machine."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import (
    BadOption,
    BadVoiceFiles,
    SourceError,
    SourceUnauthorized,
    VoiceError,
)
from hayakoe_engine.publish import publish_voice
from hayakoe_engine.sources.access import Patience, SourceAccess
from hayakoe_engine.sources.source import open_source
from hayakoe_engine.voices.facts import VoiceFacts
from hayakoe_engine.voices.model_card import read_card
from hayakoe_engine.voices.sbv2.files import VoiceFiles

onnx = pytest.importorskip("onnx")

SERVERS = Path(__file__).parents[3] / "servers"
PREFIX = "onnx/speakers/hana"
FACTS = VoiceFacts(
    title="はな", licence="CC BY 4.0", credit="花", url="https://creativecommons.org/licenses/by/4.0/"
)  # fmt: skip
TEXT = "お風呂が沸きました。"


@pytest.fixture
def hana_folder(repository, tmp_path):
    """A copy of a voice, which may be changed."""
    return Path(shutil.copytree(repository / PREFIX, tmp_path / "hana"))


@pytest.fixture
def access(cache):
    """The cache in which the voice and the language model are installed already."""
    return SourceAccess(cache, patience=Patience(2, first_delay_s=0.01))


@pytest.fixture
def publish(hana_folder, repository, access, tts):  # noqa: ARG001 - it has installed the voice
    """Publishes the voice; its keywords change how."""

    def publish(uri, voice=hana_folder, **changes):
        options = {"facts": FACTS, "bert_source": str(repository), "access": access, **changes}
        return publish_voice(voice, str(uri), **options)

    return publish


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


# To a folder


def test_a_published_voice_is_loaded_by_its_name(publish, repository, cache, hana, tmp_path):
    published = publish(tmp_path / "voices")
    assert (published.name, published.prefix) == ("hana", PREFIX)
    assert published.uri == str(tmp_path / "voices")
    assert published.audio_s > 0.3
    assert published.sizes_bytes["synthesizer.onnx"] > 1_000_000
    there = tmp_path / "voices" / PREFIX
    assert names_in(there) == sorted(published.sizes_bytes)
    with TTS(cache_dir=cache, precision="exact", bert_source=str(repository)) as tts:
        again = tts.load("hana", source=published.uri).prepare().speakers["hana"]
        assert np.array_equal(
            again.generate(TEXT, seed=1).samples, hana.generate(TEXT, seed=1).samples
        )
        assert (again.info.title, again.info.licence) == ("はな", "CC BY 4.0")
        assert (again.info.credit, again.info.url) == ("花", FACTS.url)


def test_its_card_tells_people_the_licence_and_how_to_use_it(publish, tmp_path):
    publish(f"file://{tmp_path}/voices")
    text = (tmp_path / "voices" / PREFIX / "README.md").read_text("utf-8")
    assert "license: cc-by-4.0" in text
    assert "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)" in text
    assert "- Credit: 花\n- Styles: Neutral, Happy\n" in text
    assert f"source: file://{tmp_path}/voices\n" in text
    assert f'load("hana", source="file://{tmp_path}/voices")' in text


def test_nothing_else_in_the_folder_is_published(publish, hana_folder, tmp_path):
    for name in ("training.log", "G_100.pth", ".secret"):
        (hana_folder / name).write_text("x")
    (hana_folder / "wavs").mkdir()
    publish(tmp_path / "voices")
    assert names_in(tmp_path / "voices" / PREFIX) == [
        "README.md",
        "config.json",
        "style_vectors.npy",
        "synthesizer.onnx",
    ]


def test_it_may_have_another_name_there(publish, tmp_path):
    assert publish(tmp_path / "voices", name="flower-1").prefix == "onnx/speakers/flower-1"
    assert names_in(tmp_path / "voices/onnx/speakers") == ["flower-1"]
    for name in ("花", "a/b", "../a", ".a", "a b", "x" * 65):
        with pytest.raises(BadOption, match="is no name for a voice"):
            publish(tmp_path / "voices", name=name)


def test_a_card_of_ones_own_is_published_as_it_is(publish, hana_folder, tmp_path):
    card = "---\nvoice:\n  title: 花\n  licence: 社内専用\n---\n# 花の声\n\n…\n"
    (hana_folder / "README.md").write_text(card, "utf-8")
    with pytest.raises(BadOption, match=r"has a README\.md, which is published as it is"):
        publish(tmp_path / "voices")
    publish(tmp_path / "voices", facts=None)
    assert (tmp_path / "voices" / PREFIX / "README.md").read_text("utf-8") == card
    (hana_folder / "README.md").write_text("# 花の声\n", "utf-8")
    with pytest.raises(BadOption, match="must be known under which licence"):
        publish(tmp_path / "voices", facts=None)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (None, "must be known under which licence"),
        (VoiceFacts(title="花"), "must be known under which licence"),
        (VoiceFacts(licence="CC0", url="javascript:alert(1)"), "must be one of the web"),
    ],
)
def test_without_a_licence_nothing_is_published(publish, tmp_path, facts, reason):
    with pytest.raises(BadOption, match=reason):
        publish(tmp_path / "voices", facts=facts)
    assert not (tmp_path / "voices").exists()


# A voice that is there already


def test_a_voice_that_is_there_is_replaced_only_if_that_is_wanted(
    publish, repository, hana_folder, tmp_path
):
    root = tmp_path / "voices"
    publish(root)
    taro = shutil.copytree(repository / "onnx/speakers/taro", tmp_path / "taro")
    before = (root / PREFIX / "synthesizer.onnx").read_bytes()
    asked = []
    for may_replace in ({}, {"may_replace": asked.append}):
        with pytest.raises(SourceError, match=f"{root}: {PREFIX} is there already"):
            publish(root, voice=taro, name="hana", **may_replace)
    assert asked == [f"{root}: {PREFIX}"]
    assert (root / PREFIX / "synthesizer.onnx").read_bytes() == before
    publish(root, voice=taro, name="hana", may_replace=lambda _: True)
    assert (root / PREFIX / "synthesizer.onnx").read_bytes() != before
    publish(root, voice=hana_folder, may_replace=lambda _: True)
    assert (root / PREFIX / "synthesizer.onnx").read_bytes() == before


def test_two_voices_are_never_mixed(publish, tmp_path):
    root = tmp_path / "voices"
    publish(root)
    (root / PREFIX / "other.aivmx").write_text("x")
    (root / PREFIX / "SHA256SUMS").write_text("x")
    with pytest.raises(SourceError, match=r"would not replace: other\.aivmx"):
        publish(root, may_replace=lambda _: True)


# Other kinds of voices


@pytest.fixture
def aivmx(hana_folder, tmp_path):
    """The voice in one file."""
    sys.path.insert(0, str(SERVERS.parent / "models"))
    try:
        from make_aivmx import make_aivmx
    finally:
        sys.path.remove(str(SERVERS.parent / "models"))
    return make_aivmx(hana_folder, tmp_path / "花の声.aivmx")


def test_a_voice_in_one_file_is_published_as_one(publish, aivmx, tmp_path):
    root = tmp_path / "voices"
    published = publish(root, voice=aivmx, name="hana", facts=None)
    assert list(published.sizes_bytes) == ["README.md", "hana.aivmx"]
    facts = read_card(root / PREFIX / "README.md")
    assert (facts.title, facts.licence, facts.version) == ("はな", "CC BY-SA 4.0", "1.2.0")
    publish(root, voice=aivmx, name="hana", may_replace=lambda _: True)
    assert read_card(root / PREFIX / "README.md").licence == "CC BY 4.0"
    assert VoiceFiles.open(root / PREFIX).facts.licence == "CC BY 4.0"


@pytest.mark.parametrize("named", ["hana.safetensors", "."])
def test_a_checkpoint_is_converted(publish, repository, monkeypatch, tmp_path, named):
    convert = pytest.importorskip("hayakoe_engine.voices.sbv2.convert")

    def convert_voice(checkpoint, folder):
        assert checkpoint == training / "hana.safetensors"
        shutil.copytree(repository / PREFIX, folder)

    monkeypatch.setattr(convert, "convert_voice", convert_voice)
    training = tmp_path / "training"
    training.mkdir()
    (training / "hana.safetensors").write_text("x")
    publish(tmp_path / "voices", voice=training / named, name="hana")
    assert names_in(tmp_path / "voices" / PREFIX) == [
        "README.md",
        "config.json",
        "style_vectors.npy",
        "synthesizer.onnx",
    ]


def test_of_two_checkpoints_one_must_be_named(publish, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").write_text("x")
    with pytest.raises(BadVoiceFiles, match=r"more than one checkpoint: a\.saf.*, b\.saf"):
        publish(tmp_path / "voices", voice=tmp_path)


def test_converting_without_torch_says_what_to_install(publish, hana_folder, monkeypatch, tmp_path):
    (hana_folder / "synthesizer.onnx").rename(hana_folder / "hana.safetensors")
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.endswith((".convert", ".checkpoint"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BadVoiceFiles, match="has to be converted, which needs torch") as caught:
        publish(tmp_path / "voices")
    assert caught.value.hint == "pip install 'wyoming-hayakoe[torch]'"


# Voices that nobody should get


def test_a_damaged_voice_is_not_published(publish, hana_folder, tmp_path):
    file = hana_folder / "synthesizer.onnx"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BadVoiceFiles, match=r"synthesizer\.onnx: is cut off"):
        publish(tmp_path / "voices")
    with pytest.raises(BadVoiceFiles, match=r"nobody/config\.json: is missing"):
        publish(tmp_path / "voices", voice=tmp_path / "nobody")
    assert not (tmp_path / "voices").exists()


def test_a_voice_that_says_nothing_is_not_published(publish, hana_folder, tmp_path):
    file = hana_folder / "synthesizer.onnx"
    model = onnx.load(file)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("dec.conv_post.weight"):
            zeros = np.zeros_like(onnx.numpy_helper.to_array(tensor))
            tensor.CopyFrom(onnx.numpy_helper.from_array(zeros, tensor.name))
    onnx.save(model, file)
    with pytest.raises(VoiceError, match="voice hana says nothing"):
        publish(tmp_path / "voices")
    assert not (tmp_path / "voices").exists()


def test_what_came_back_as_something_else_is_no_success(publish, monkeypatch, tmp_path):
    from hayakoe_engine.sources.local import LocalSource

    upload = LocalSource.upload

    def upload_badly(self, prefix, local_dir):
        upload(self, prefix, local_dir)
        file = tmp_path / "voices" / prefix / "config.json"
        file.write_bytes(file.read_bytes() + b" ")

    monkeypatch.setattr(LocalSource, "upload", upload_badly)
    with pytest.raises(SourceError, match=r"config\.json came back as something else"):
        publish(tmp_path / "voices")


def test_no_trace_is_left(publish, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    publish(tmp_path / "voices")
    with pytest.raises(SourceError, match="is there already"):
        publish(tmp_path / "voices")
    assert list(scratch.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(publish, tmp_path):
    (tmp_path / "voices").write_text("a file")
    with pytest.raises(SourceError, match=f"{tmp_path}/voices"):
        publish(tmp_path / "voices")


# To a hub and to a bucket


@pytest.fixture
def hub(monkeypatch):
    """A hub; nobody is logged in on this machine."""
    pytest.importorskip("huggingface_hub")
    import huggingface_hub.constants

    sys.path.insert(0, str(SERVERS))
    try:
        import hub
    finally:
        sys.path.remove(str(SERVERS))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", "/nowhere")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    with hub.HubServer() as server:
        yield server


# The hub's client uploads in a way that its own library of HTTP would like to see changed.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")
def test_a_voice_is_published_on_a_hub_by_one_commit(publish, access, hub, tmp_path):
    here = replace(access, hf_endpoint=hub.url, hf_token="hf_sesame")
    published = publish("hf://me/my-voices", access=here)
    repository = hub.repositories["me/my-voices"]
    assert repository.private
    assert len(repository.commits) == 2
    tree = repository.commits[repository.branches["main"]]
    assert {path for path in tree if path.startswith(PREFIX)} == {
        f"{PREFIX}/{name}" for name in published.sizes_bytes
    }
    folder = open_source("hf://me/my-voices", replace(here, cache=tmp_path / "c")).fetch(PREFIX)
    assert read_card(folder / "README.md") == FACTS
    with pytest.raises(SourceError, match="hf://me/my-voices: onnx/speakers/hana is there already"):
        publish("hf://me/my-voices", access=here)
    with pytest.raises(SourceUnauthorized):
        publish("hf://me/my-voices", access=replace(here, hf_token="hf_other"))
    assert len(repository.commits) == 2


@pytest.fixture
def bucket(monkeypatch):
    """A bucket that keeps what is put into it, in this process."""
    pytest.importorskip("obstore")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import urllib.request

    # What is in a bucket outlives the server.
    for method, path in (("POST", "moto-api/reset"), ("PUT", "voices")):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", method=method)
        urllib.request.urlopen(request).close()
    yield "s3://voices/japanese"
    server.stop()


def test_a_voice_is_published_in_a_bucket(publish, access, bucket):
    published = publish(bucket)
    assert "synthesizer.onnx" in published.sizes_bytes
    there = open_source(bucket, access).list_files(PREFIX)
    assert there == {*published.sizes_bytes, "SHA256SUMS"}
    with pytest.raises(SourceError, match="is there already"):
        publish(bucket)
    publish(bucket, may_replace=lambda _: True)


@pytest.fixture
def places(hub, bucket, access, monkeypatch, tmp_path):
    """A place of each kind, and how it is had."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", hub.url, raising=False)
    token = replace(access, hf_token="hf_sesame")
    return ("hf://me/voices", bucket, f"file://{tmp_path}/voices"), token


@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")
def test_a_voice_in_one_file_says_the_same_from_everywhere(
    publish, places, aivmx, hana, repository, cache
):
    expected = hana.generate(TEXT, seed=5, style="Happy").pcm16()
    uris, access = places
    for uri in uris:
        publish(uri, voice=aivmx, name="hana", facts=None, access=access)
        with TTS(
            cache_dir=cache, precision="exact", hf_token="hf_sesame", bert_source=str(repository)
        ) as tts:
            voice = tts.load("hana", source=uri).prepare(warmup=False).speakers["hana"]
            assert np.array_equal(voice.generate(TEXT, seed=5, style="Happy").pcm16(), expected)
            assert voice.info.credit == "Jane Doe、John"


@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")
def test_a_checkpoint_alone_becomes_a_voice_on_a_hub(publish, places, miniature_folder, tmp_path):
    pytest.importorskip("torch")
    training = tmp_path / "training"
    training.mkdir()
    (checkpoint,) = miniature_folder.glob("*.safetensors")
    for name in (checkpoint.name, "config.json", "style_vectors.npy"):
        shutil.copy(miniature_folder / name, training)
    (uri, *_), access = places
    published = publish(uri, voice=training, name="mini", access=access)
    assert published.audio_s > 0.3
    assert open_source(uri, access).list_files(published.prefix) == published.sizes_bytes.keys()
    assert checkpoint.name not in published.sizes_bytes
    assert {"README.md", "synthesizer.onnx"} < published.sizes_bytes.keys()
