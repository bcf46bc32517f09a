"""Neural voices on torch, which here runs on the CPU: the same as on ONNX Runtime."""

import gc
import math
import shutil
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadOption, BadVoiceFiles, InferenceFailed
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.voices.sbv2 import devices

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

TEXT = "お風呂が沸きました。"
NEAR = 1e-4


def engine(device, cache, source, **options):
    options = {"precision": "exact", "threads": 2, **options}
    return TTS(device, cache_dir=cache, **options).load("hana", source=str(source))


@pytest.fixture(scope="module")
def published(repository, tmp_path_factory):
    """The repository, but with a language model that can only be run as it was published.

    Taken apart, it computes in 8 bits on the CPU and in float on a device.
    """
    root = tmp_path_factory.mktemp("published") / "repository"
    shutil.copytree(repository, root)
    file = root / "onnx/bert/q8/bert_q8.onnx"
    model = onnx.load(file)
    rename(model, "word_embeddings", "words")
    onnx.save(model, file)
    return root


def rename(model, old, new):
    """Give weights other names."""
    names = {item.name: item.name.replace(old, new) for item in model.graph.initializer}
    for item in model.graph.initializer:
        item.name = names[item.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


@pytest.fixture(scope="module")
def on_cpu(published, cache):
    with engine("cpu", cache, published) as tts:
        yield tts.prepare().speakers["hana"]


@pytest.fixture(scope="module")
def torch_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("torch")


@pytest.fixture(scope="module")
def torch_speakers(published, torch_cache):
    with engine("torch-cpu", torch_cache, published, threads=6).load("mei") as tts:
        yield tts.prepare().speakers


@pytest.fixture(scope="module")
def on_torch(torch_speakers):
    return torch_speakers["hana"]


@pytest.mark.parametrize("options", [{}, {"speed": 1.3, "style": "Happy", "noise": 0.9}])
def test_torch_says_what_onnx_runtime_says(on_cpu, on_torch, options):
    expected = on_cpu.generate(TEXT, seed=4, **options)
    said = on_torch.generate(TEXT, seed=4, **options)
    assert said.samples.shape == expected.samples.shape
    assert np.abs(said.samples - expected.samples).max() < NEAR
    assert [timing.phone for timing in said.timings] == [t.phone for t in expected.timings]
    ends = [[timing.end_s for timing in audio.timings] for audio in (said, expected)]
    assert ends[0] == pytest.approx(ends[1])


def test_what_is_shorter_than_a_window_is_said_too(on_cpu, on_torch):
    fast = {"speed": 4.0, "seed": 1}
    difference = on_torch.generate("あ", **fast).samples - on_cpu.generate("あ", **fast).samples
    assert np.abs(difference).max() < NEAR


def test_a_stream_is_the_whole(on_torch):
    text = "お風呂が沸きました。ごゆっくりどうぞ。"
    parts = [part.samples for part in on_torch.stream(text, seed=3)]
    assert len(parts) > 2
    assert np.array_equal(np.concatenate(parts), on_torch.generate(text, seed=3).samples)


def test_requests_at_the_same_time_say_what_each_says_alone(
    on_cpu, on_torch, occupied, monkeypatch
):
    texts = [TEXT, "洗濯が終わりました。", "玄関の鍵が開いていますが、よろしいですか？", "はい。"]
    from hayakoe_engine.voices.sbv2.torch.batching import Batcher

    sizes, run = [], Batcher._compute

    def watched(batcher, batch):
        sizes.append(len(batch))
        return run(batcher, batch)

    monkeypatch.setattr(Batcher, "_compute", watched)
    # The volume makes it another sentence: nothing is remembered.
    alone = [on_torch.generate(text, seed=7, volume=0.5).samples for text in texts]
    assert set(sizes) == {1}
    with ThreadPoolExecutor(len(texts)) as pool, occupied(on_torch.voice._backend.get(), 2):
        together = pool.map(lambda text: on_torch.generate(text, seed=7, volume=0.25), texts)
    assert max(sizes) > 1
    for text, one, other in zip(texts, alone, together, strict=True):
        assert np.abs(one - 2 * other.samples).max() < NEAR
        on_onnx = on_cpu.generate(text, seed=7, volume=0.25).samples
        assert np.abs(on_onnx - other.samples).max() < NEAR


def test_only_durations_and_samples_leave_the_device(repository, torch_cache, monkeypatch):
    left = []

    def watch(name):
        genuine = getattr(torch.Tensor, name)

        def watched(tensor, *given, **how):
            left.append(tuple(tensor.shape))
            return genuine(tensor, *given, **how)

        monkeypatch.setattr(torch.Tensor, name, watched)

    with engine("torch-cpu", torch_cache, repository) as tts:
        speaker = tts.prepare().speakers["hana"]
        for name in ("cpu", "numpy", "__array__", "tolist"):
            watch(name)
        audio = speaker.generate(TEXT, seed=1)
    assert max(map(math.prod, left)) <= len(audio.samples)
    # Features, priors and latents have channels; these are single rows of numbers.
    assert all(math.prod(shape) == max(shape) for shape in left), left


def test_the_seed_decides(on_torch):
    first, again, other = (on_torch.generate(TEXT, seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("precision", ["balanced", "fast"])
def test_other_precisions_say_nearly_the_same(on_torch, published, torch_cache, precision):
    exact = on_torch.generate(TEXT, seed=1).samples
    with engine("torch-cpu", torch_cache, published, precision=precision) as tts:
        other = tts.prepare().speakers["hana"]
        assert other.info.precision == precision
        said = other.generate(TEXT, seed=1).samples
    assert said.shape == exact.shape
    assert np.square(said - exact).sum() < 0.02 * np.square(exact).sum()
    assert not np.array_equal(said, exact)


def tensors():
    gc.collect()
    return [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]


def test_nothing_is_kept_of_what_was_said_or_broken_off(on_torch, monkeypatch):
    from hayakoe_engine.voices.sbv2.torch.backend import TorchBackend

    made, genuine = [], TorchBackend.flow

    def flow(self, *given):
        latent = genuine(self, *given)
        made.append(weakref.ref(latent))
        return latent

    monkeypatch.setattr(TorchBackend, "flow", flow)
    before = len(tensors())
    for number in range(8):
        stream = on_torch.stream(TEXT * 2, seed=number, volume=0.3)
        next(stream)
        if number % 2:
            stream.close()
        else:
            assert len(list(stream)) > 1
    assert len(made) >= 8
    patience = time.monotonic() + 120
    # Windows that were being made when a stream was closed are made to the end.
    while any(latent() is not None for latent in made) or len(tensors()) > before:
        assert time.monotonic() < patience
        time.sleep(0.01)


def test_where_memory_is_used_up_the_embedded_voice_speaks(torch_speakers, monkeypatch):
    from hayakoe_engine.voices.sbv2.torch.stage import Stage

    def too_much(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(Stage, "compute", too_much)
        with pytest.raises(InferenceFailed, match="too little memory: CUDA out of memory"):
            torch_speakers["hana"].generate(TEXT, volume=0.4)
        with torch_speakers["hana"].open(stand_in=torch_speakers["mei"], volume=0.4) as utterance:
            utterance.push(TEXT)
            utterance.finish()
            assert sum(audio.duration_s for audio in utterance) > 1
            (replacement,) = utterance.replacements
    assert "too little memory" in str(replacement.reason)
    assert torch_speakers["hana"].generate(TEXT, volume=0.4).duration_s > 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_compiled_speaks_as_it_is(published, torch_cache, monkeypatch, caplog):
    def without_compiler(*_):
        raise RuntimeError("No working C++ compiler found\nDetails")

    compile_it = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda run, **how: compile_it(run, backend=without_compiler, **how)
    )
    with engine("torch-cpu", torch_cache, published, compiled=True) as tts:
        speaker = tts.prepare().speakers["hana"]
        assert speaker.generate(TEXT, seed=1).duration_s > 1
    assert "hana is not compiled, and runs as it is: " in caplog.text


# What a voice is made of


def test_a_checkpoint_is_spoken_with_as_it_is(miniature_folder, published, tmp_path):
    """The same voice twice: as its checkpoint, and as the graph that was exported of it."""
    said = []
    for number, kept in enumerate(["rnd.safetensors", "synthesizer.onnx"]):
        voice = tmp_path / str(number)
        voice.mkdir()
        for name in ("config.json", "style_vectors.npy", kept):
            shutil.copy(miniature_folder / name, voice)
        options = {"bert_source": str(published), "offline": True}
        with engine("torch-cpu", tmp_path / "cache", voice, **options) as tts:
            said.append(tts.prepare().speakers["hana"].generate(TEXT, seed=1).samples)
    assert np.abs(said[0] - said[1]).max() < NEAR


def without_names(model):
    rename(model, "net_g.dec.conv_pre", "a")


def another_network(model):
    """The weights are there, but mean something else."""
    for node in model.graph.node:
        if node.op_type == "Tanh":
            node.op_type = "Sin"


@pytest.mark.parametrize(
    ("change", "reason"),
    [(without_names, "conv_pre.* is missing"), (another_network, "say something else")],
)
def test_weights_that_cannot_be_read_are_said_so(published, tmp_path, change, reason):
    root = Path(shutil.copytree(published, tmp_path / "repository"))
    file = root / "onnx/speakers/hana/synthesizer.onnx"
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)
    with (
        engine("torch-cpu", tmp_path / "cache", root) as tts,
        pytest.raises(BadVoiceFiles, match=rf"synthesizer\.onnx: its weights .*{reason}") as raised,
    ):
        tts.prepare()
    assert "safetensors" in raised.value.hint
    assert "device cpu" in raised.value.hint


def test_two_checkpoints_are_one_too_many(miniature_folder, published, tmp_path):
    voice = Path(shutil.copytree(miniature_folder, tmp_path / "voice"))
    shutil.copy(voice / "rnd.safetensors", voice / "other.safetensors")
    with (
        engine("torch-cpu", tmp_path / "cache", voice, bert_source=str(published)) as tts,
        pytest.raises(BadVoiceFiles, match=r"more than one checkpoint: other.* rnd\."),
    ):
        tts.prepare()


def test_a_vocabulary_of_another_model_is_refused(repository, tmp_path):
    root = Path(shutil.copytree(repository, tmp_path / "repository"))
    with (root / "bert/tokenizer/vocab.txt").open("a", encoding="utf-8") as file:
        file.write("鱻\n")
    with (
        engine("torch-cpu", tmp_path / "cache", root) as tts,
        pytest.raises(BadVoiceFiles, match=r"vocabulary has \d+ entries, .* knows \d+"),
    ):
        tts.prepare()


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"a": ["f.safetensors"]}, "a/fp32"),
        ({"a": ["pytorch_model.bin"], "b": ["f.safetensors"]}, "a/q8"),
        ({"b": ["f.safetensors"]}, "a/q8"),
    ],
)
def test_the_language_model_is_a_checkpoint_where_there_is_one(tmp_path, there, taken):
    """Of the first source that has one; one that cannot be read is passed over."""
    for source in ("a", "b"):
        (tmp_path / source / "q8").mkdir(parents=True)
        for name in there.get(source, ()):
            (tmp_path / source / "fp32").mkdir(exist_ok=True)
            (tmp_path / source / "fp32" / name).touch()
    sources = [str(tmp_path / source) for source in ("a", "b")]
    found = devices.fetch_language_model(("fp32", "q8"), sources, SourceAccess(tmp_path / "cache"))
    assert found == tmp_path / taken


# Devices


def test_an_unknown_device_is_an_error_that_lists_the_known_ones(tmp_path):
    with pytest.raises(BadOption, match="auto, cpu, cuda, torch-cpu, not 'gpu'"):
        TTS("gpu")
    with TTS(cache_dir=tmp_path) as tts, pytest.raises(BadOption, match="not 'tpu'"):
        tts.pre_download("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_device_cuda_says_so(published, tmp_path):
    with (
        engine("cuda", tmp_path, published) as tts,
        pytest.raises(BadOption, match="device cuda: torch") as raised,
    ):
        tts.prepare()
    assert "auto" in raised.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_auto_is_the_cpu(published, cache, on_cpu):
    with engine("auto", cache, published) as tts:
        said = tts.prepare().speakers["hana"].generate(TEXT, seed=4).samples
    assert np.array_equal(said, on_cpu.generate(TEXT, seed=4).samples)


def test_without_torch_it_says_what_to_install(published, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    assert devices.best_device() == "cpu"
    for name in list(sys.modules):
        if name.startswith("hayakoe_engine.voices.sbv2.torch"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with (
        engine("torch-cpu", tmp_path, published) as tts,
        pytest.raises(BadOption, match="device torch-cpu needs torch") as raised,
    ):
        tts.prepare()
    assert "wyoming-hayakoe[torch]" in raised.value.hint


def test_what_a_gpu_needs_can_be_got_ready_without_one(published, tmp_path):
    with engine("cpu", tmp_path, published) as tts:
        tts.pre_download("cuda")
    made = {path.name.rsplit("-", 1)[0] for path in (tmp_path / "installed").iterdir()}
    assert "torch-voice" in made


def test_torch_is_imported_for_no_other_device(published, cache):
    program = f"""
import sys
from hayakoe_engine import TTS
with TTS(cache_dir={str(cache)!r}, precision="exact") as tts:
    tts.load("hana", source={str(published)!r}).prepare()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
