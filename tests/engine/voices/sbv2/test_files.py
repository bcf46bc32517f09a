import io
import json
import pickle

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.files import BertFiles, VoiceFiles, check_onnx
from hayakoe_engine.voices.sbv2.styles import StyleVectors

STYLES = {"Neutral": 0, "Happy": 1, "悲しい": 2}
VECTORS = np.random.default_rng(1).normal(0, 1, (3, 256)).astype(np.float32)
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *map(chr, range(0x3041, 0x3094))]


def onnx_bytes():
    node = helper.make_node("Identity", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [100], np.zeros(100))
    return helper.make_model(
        helper.make_graph([node], "g", ends[:1], ends[1:], [weight])
    ).SerializeToString()


ONNX = onnx_bytes()


@pytest.fixture
def folder(tmp_path):
    """A voice, and the language model, all in one folder."""
    (tmp_path / "config.json").write_text(
        json.dumps({"version": "2.7.0-JP-Extra", "data": {"style2id": STYLES}})
    )
    np.save(tmp_path / "style_vectors.npy", VECTORS)
    for name in ("synthesizer.onnx", "bert_q8.onnx"):
        (tmp_path / name).write_bytes(ONNX)
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    return tmp_path


@pytest.fixture
def config_of(tmp_path):
    def config_of(document):
        path = tmp_path / "config.json"
        if not isinstance(document, bytes):
            document = json.dumps(document, ensure_ascii=False).encode()
        path.write_bytes(document)
        return VoiceConfig.load(path)

    return config_of


@pytest.fixture
def styles_of(tmp_path):
    def styles_of(content, rows=STYLES):
        path = tmp_path / "style_vectors.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        return StyleVectors.load(path, rows)

    return styles_of


def taken_or_refused(load, path):
    """What is loaded, or None if the file is refused by name."""
    try:
        return load()
    except BadVoiceFiles as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    return None


# The voice's folder


def test_a_voice_is_opened(folder):
    voice = VoiceFiles.open(folder)
    assert voice.config.styles == STYLES
    assert np.array_equal(voice.styles.vectors, VECTORS)
    assert voice.synthesizer == folder / "synthesizer.onnx"
    assert [file.name for file in voice.paths] == [
        "config.json",
        "style_vectors.npy",
        "synthesizer.onnx",
    ]
    assert voice.duration_predictor is None


def test_files_that_need_not_be_there_are_found(folder):
    (folder / "synthesizer.onnx.data").write_bytes(b"\0" * 100)
    (folder / "duration_predictor.onnx").write_bytes(ONNX)
    voice = VoiceFiles.open(folder)
    assert folder / "synthesizer.onnx.data" in voice.paths
    assert voice.duration_predictor == folder / "duration_predictor.onnx"


@pytest.mark.parametrize("name", ["config.json", "style_vectors.npy", "synthesizer.onnx"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BadVoiceFiles, match=f"{name}: is missing"):
        VoiceFiles.open(folder)
    (folder / name).mkdir()
    with pytest.raises(BadVoiceFiles, match=f"{name}: is no file"):
        VoiceFiles.open(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "style_vectors.npy", "synthesizer.onnx", "duration_predictor.onnx"]
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 3000,
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"PK\x03\x04" + b"\0" * 300,
        pickle.dumps({"a": 1}),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    ],
    ids=["empty", "zeros", "html", "zip", "pickle", "lfs"],
)
def test_something_else_in_its_place_is_refused(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(BadVoiceFiles, match=name):
        VoiceFiles.open(folder)


@pytest.mark.parametrize("name", ["config.json", "style_vectors.npy", "synthesizer.onnx"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(folder, name, share):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: min(int(len(whole) * share), len(whole) - 1)])
    with pytest.raises(BadVoiceFiles, match=name):
        VoiceFiles.open(folder)


def test_the_language_model_is_opened(folder):
    files = BertFiles.open(folder, folder)
    assert files.model == folder / "bert_q8.onnx"
    assert files.tokenizer.size == len(VOCABULARY)
    (folder / "bert_q8.onnx").write_bytes(ONNX[:-1])
    with pytest.raises(BadVoiceFiles, match=r"bert_q8\.onnx: is cut off"):
        BertFiles.open(folder, folder)
    (folder / "bert_q8.onnx").unlink()
    with pytest.raises(BadVoiceFiles, match=r"bert_q8\.onnx: is missing"):
        BertFiles.open(folder, folder)


def test_a_pointer_of_git_lfs_comes_with_advice(folder):
    (folder / "synthesizer.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BadVoiceFiles, match="Git LFS") as caught:
        VoiceFiles.open(folder)
    assert "git lfs pull" in caught.value.hint


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_look_at_a_network(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with pytest.raises(BadVoiceFiles, match=r"any\.onnx"):
        check_onnx(path)


@settings(max_examples=100)
@given(st.integers(0, len(ONNX) - 10))
def test_no_cut_goes_unseen(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(ONNX[:length])
    with pytest.raises(BadVoiceFiles, match=r"cut\.onnx"):
        check_onnx(path)


# config.json


def test_a_config_that_says_nothing_is_that_of_published_voices(config_of):
    config = config_of({})
    assert config.sample_rate_hz == 44100
    assert config.hop_length == 512
    assert config.frame_s == pytest.approx(0.01161, rel=1e-3)
    assert config.add_blank
    assert config.n_speakers == 1
    assert config.styles == {"Neutral": 0}


def test_what_a_config_says_is_taken(config_of):
    config = config_of(
        {
            "model_name": "花",
            "version": "2.7.0-JP-Extra",
            "other": [1, {}],
            "train": {"segment_size": 16384},
            "data": {
                "sampling_rate": 22050,
                "hop_length": 64,
                "add_blank": False,
                "n_speakers": 3,
                "style2id": STYLES,
                "mel_fmax": None,
            },
            "model": {
                "upsample_rates": [8, 4, 2],
                "upsample_kernel_sizes": [16, 8, 4],
                "upsample_initial_channel": 64,
                "hidden_channels": 16,
            },
        }
    )
    assert (config.model_name, config.sample_rate_hz, config.hop_length) == ("花", 22050, 64)
    assert not config.add_blank
    assert (config.n_speakers, list(config.styles)) == (3, ["Neutral", "Happy", "悲しい"])
    assert config.upsample_rates == (8, 4, 2)
    assert config.hidden_channels == 16


def test_a_byte_order_mark_does_no_harm(config_of):
    assert config_of(b"\xef\xbb\xbf{}").sample_rate_hz == 44100


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "JSON object"),
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "no JSON"),
        (b" " * 5_000_000, "larger"),
        (b"\xff{}", "utf-8"),
        ({"version": "2.3"}, "'2.3' is not supported"),
        ({"version": 2}, "version must be a text"),
        ({"data": []}, "data must be an object"),
        ({"data": {"sampling_rate": "44100"}}, r"data\.sampling_rate must be a whole number"),
        ({"data": {"sampling_rate": 1}}, "from 8000 to 192000"),
        ({"data": {"sampling_rate": True}}, r"data\.sampling_rate"),
        ({"data": {"n_speakers": 0}}, r"data\.n_speakers"),
        ({"data": {"add_blank": 1}}, r"data\.add_blank must be true or false"),
        ({"data": {"hop_length": 256}}, r"data\.hop_length is 256, but .* 512"),
        ({"data": {"style2id": {}}}, r"data\.style2id"),
        ({"data": {"style2id": {"A": -1}}}, r"data\.style2id\.A"),
        ({"data": {"style2id": {"A\n": 0}}}, "no name of a style"),
        ({"data": {"style2id": [1]}}, r"data\.style2id"),
        ({"model": {"resblock": "2"}}, r"model\.resblock"),
        ({"model": {"upsample_rates": []}}, r"model\.upsample_rates"),
        ({"model": {"upsample_rates": [8, 8]}}, "differ in length"),
        ({"model": {"upsample_rates": [8, 8, 2, 2, 0]}}, r"model\.upsample_rates"),
        ({"model": {"upsample_rates": [8, 8, 2, 2, 4]}}, "does not fit the rate 4"),
        (
            {
                "model": {
                    "upsample_rates": [100, 100],
                    "upsample_kernel_sizes": [100, 100],
                }
            },
            "product is above",
        ),
        ({"model": {"resblock_kernel_sizes": [3, 7]}}, "differ in length"),
        ({"model": {"resblock_kernel_sizes": [3, 7, 10]}}, "must be odd"),
        ({"model": {"resblock_dilation_sizes": [1, 3, 5]}}, r"model\.resblock_dilation_sizes"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(config_of, document, reason):
    with pytest.raises(BadVoiceFiles, match=rf"config\.json: .*{reason}"):
        config_of(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ["sampling_rate", "hop_length", "add_blank", "n_speakers", "style2id"]
SIZES = ["hidden_channels", "upsample_rates", "upsample_kernel_sizes", "resblock_dilation_sizes"]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["version", "model_name", "data", "model"]), JSON)
    | st.fixed_dictionaries(
        {
            "data": st.dictionaries(st.sampled_from(FIELDS), JSON),
            "model": st.dictionaries(st.sampled_from(SIZES), JSON),
        }
    )
)
def test_any_config_is_taken_or_refused(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    config = taken_or_refused(lambda: VoiceConfig.load(path), path)
    assert config is None or config.hop_length > 0


# style_vectors.npy


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_style_vectors_are_float32_whatever_they_were(styles_of, dtype, order):
    styles = styles_of(np.asarray(VECTORS, dtype, order=order))
    assert styles.vectors.dtype == np.float32
    assert np.allclose(styles.vectors, VECTORS, atol=2e-3)


def test_styles_are_weighted_from_the_mean_and_mixed(styles_of):
    styles = styles_of(VECTORS)
    mean, happy, sad = VECTORS
    assert np.array_equal(styles.mix({"Neutral": 1.0}), mean)
    assert np.allclose(styles.mix({"Happy": 1.0}), happy, atol=1e-6)
    assert np.array_equal(styles.mix({"Happy": 1.0}, 0.0), mean)
    assert np.allclose(styles.mix({"Happy": 1.0}, 2.5), mean + 2.5 * (happy - mean), atol=1e-5)
    mixed = styles.mix({"Happy": 0.75, "悲しい": 0.25}, 0.5)
    assert np.allclose(mixed, mean + 0.5 * (0.75 * happy + 0.25 * sad - mean), atol=1e-6)
    assert (mixed.dtype, mixed.shape) == (np.float32, (256,))


def npy(header, data=b""):
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def npz():
    stream = io.BytesIO()
    np.savez(stream, a=VECTORS)
    return stream.getvalue()


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (VECTORS[0], "shape"),
        (VECTORS[None], "shape"),
        (VECTORS[:, :255], "shape"),
        (VECTORS[:0], "shape"),
        (VECTORS[:2], "has 2 styles, but style '悲しい' is number 2"),
        (VECTORS.astype(np.int32), "type int32"),
        (VECTORS.astype(np.complex64), "type complex64"),
        (np.array([["a"] * 256]), "type"),
        (np.where(VECTORS > 2, np.nan, VECTORS), "not finite"),
        (np.full((3, 256), 1e300), "not finite"),
        (np.array([[Harmful()] * 256] * 3, dtype=object), "type object"),
        (pickle.dumps(VECTORS), "no array"),
        (npz(), "no array"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 256)}"), "0 bytes"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 256)}"), "shape"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 256)}"), "shape"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 256"), "no array"),
        (npy("__import__('os').abort()"), "no array"),
    ],
)
def test_style_vectors_that_are_none_are_refused(styles_of, content, reason):
    with pytest.raises(BadVoiceFiles, match=rf"style_vectors\.npy: .*{reason}"):
        styles_of(content)


@settings(max_examples=300)
@given(
    st.binary(max_size=60),
    st.integers(0, 200),
    st.sampled_from(["", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 256), }"]),
)
def test_no_bytes_break_the_reading_of_style_vectors(tmp_path_factory, content, place, header):
    whole = npy(header, VECTORS.tobytes())
    path = tmp_path_factory.getbasetemp() / "style_vectors.npy"
    path.write_bytes(whole[:place] + content + whole[place + len(content) :])
    styles = taken_or_refused(lambda: StyleVectors.load(path, STYLES), path)
    assert styles is None or styles.vectors.shape[1] == 256


def test_a_network_made_by_onnx_is_whole(tmp_path):
    path = tmp_path / "synthesizer.onnx"
    onnx.save(onnx.load_from_string(ONNX), path)
    check_onnx(path)
