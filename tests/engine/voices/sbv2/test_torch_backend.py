"""The torch backend, stage by stage: what is computed together is what each gives alone."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hayakoe_engine.errors import InferenceFailed  # noqa: E402
from hayakoe_engine.voices.sbv2.backend import EncoderInput  # noqa: E402
from hayakoe_engine.voices.sbv2.phones import ModelInput  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.backend import TorchBackend  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.device import open_device  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.stage import Row, Stage  # noqa: E402

NEAR = 1e-4


@pytest.fixture(scope="module")
def network(miniature):
    return miniature


@pytest.fixture(scope="module")
def backend(network):
    return TorchBackend(network, open_device("torch-cpu"), precision="exact")


def sentence(width, tokens, seed):
    rng = np.random.default_rng(seed)
    word2ph = rng.integers(1, 4, tokens)
    count = int(word2ph.sum())
    return EncoderInput(
        phones=ModelInput(
            rng.integers(0, 112, count),
            rng.integers(6, 8, count),
            np.ones(count, np.int64),
            word2ph,
        ),
        features=rng.standard_normal((tokens, width), np.float32),
        style=rng.standard_normal(256, np.float32),
        speaker_id=0,
        length_scale=1.0 + 0.1 * seed,
        sdp_ratio=0.3,
        noise_w=0.8,
        duration_noise=rng.standard_normal((2, count), np.float32),
    )


def test_sentences_together_are_encoded_as_each_alone(network, backend):
    width = network.config.bert_width
    sentences = [sentence(width, tokens, seed) for seed, tokens in enumerate((3, 9, 30))]
    together = backend._encode_rows(sentences)
    for one, other in zip(map(backend.encode, sentences), together, strict=True):
        assert np.array_equal(one.durations, other.durations)
        for name in ("mean", "log_scale", "speaker"):
            assert np.abs(getattr(one, name) - getattr(other, name)).max() < NEAR


def test_frames_together_are_decoded_as_each_alone(network, backend):
    config = network.config
    rng = np.random.default_rng(0)
    speaker = rng.standard_normal((1, config.gin_channels, 1), np.float32)
    latents = [
        rng.standard_normal((config.inter_channels, frames), np.float32) for frames in (15, 40, 1)
    ]

    def together(stage, rows):
        batcher = getattr(backend, stage)
        return batcher._run(rows)

    for stage in ("_flow", "_head"):
        rows = [Row(latent, speaker) for latent in latents]
        for row, made in zip(rows, together(stage, rows), strict=True):
            assert np.abs(getattr(backend, stage)(row) - made).max() < NEAR
    rows = [Row(backend.decode_head(latent, speaker).T, np.zeros((1, 0, 1))) for latent in latents]
    for latent, made in zip(latents, together("_tail", rows), strict=True):
        assert np.abs(backend.decode(latent, speaker) - made[0]).max() < NEAR
        assert made.shape[1] == latent.shape[1] * config.hop_length


def test_windows_are_what_one_decoding_of_the_whole_is(network, backend):
    config, parts = network.config, backend.parts
    rng = np.random.default_rng(1)
    speaker = rng.standard_normal((1, config.gin_channels, 1), np.float32)
    latent = rng.standard_normal((config.inter_channels, 90), np.float32)
    whole = backend.decode(latent, speaker)
    reach = parts.head_context_frames + parts.tail_context_frames
    window = backend.decode(latent[:, 30 - reach : 60 + reach], speaker)
    hop = config.hop_length
    cut = window[reach * hop : -reach * hop]
    assert np.abs(cut - whole[30 * hop : 60 * hop]).max() < 1e-6


def overflowing(module, x, speakers, mask):  # noqa: ARG001
    return module(x) * 60000


@pytest.mark.parametrize("value", [2.0, 1e38])
def test_what_16_bits_cannot_hold_is_computed_again(value):
    device = open_device("torch-cpu")
    stage = Stage(
        overflowing,
        torch.nn.Identity(),
        type(device)(device.name, device.place, torch.float16),
        in_half=True,
        is_exact=False,
        is_compiled=False,
    )
    row = Row(np.full((1, 3), value, np.float32), np.zeros((1, 0, 1), np.float32))
    if value > 10:
        with pytest.raises(InferenceFailed, match="no number"):
            stage.compute([row])
    else:
        assert np.array_equal(stage.compute([row])[0], np.full((1, 3), 120000, np.float32))


def test_padded_to_few_lengths_they_say_the_same(network, backend, monkeypatch):
    lengths = set()

    def watching(run, **_):
        def watched(x, *others):
            lengths.add(x.shape[-1])
            return run(x, *others)

        return watched

    monkeypatch.setattr(torch, "compile", watching)
    compiled = TorchBackend(network, open_device("torch-cpu"), precision="exact", is_compiled=True)
    config = network.config
    rng = np.random.default_rng(1)
    speaker = rng.standard_normal((1, config.gin_channels, 1), np.float32)
    for frames in (7, 16, 33):
        latent = rng.standard_normal((config.inter_channels, frames), np.float32)
        for say in ("flow", "decode"):
            made = getattr(compiled, say)(latent, speaker)
            assert np.abs(made - getattr(backend, say)(latent, speaker)).max() < NEAR
    assert lengths.isdisjoint({7, 33, 7 * 8, 33 * 8})


def test_code_is_compiled_once_for_one_row_and_once_for_several(monkeypatch):
    graphs = []

    def counting(graph, _):
        graphs.append(graph)
        return graph.forward

    compile_it = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda run, **options: compile_it(run, backend=counting, **options)
    )
    stage = Stage(
        lambda module, x, _, mask: module(x) * mask,
        torch.nn.Conv1d(2, 2, 3, padding=1),
        open_device("torch-cpu"),
        in_half=False,
        is_exact=True,
        is_compiled=True,
    )
    for count in (1, 2, 3, 5, 1):
        for frames in (3, 40, 100, 1500):
            row = Row(np.ones((2, frames), np.float32), np.zeros((1, 0, 1), np.float32))
            assert stage.compute([row] * count)[0].shape == (2, frames)
    assert len(graphs) <= 3
