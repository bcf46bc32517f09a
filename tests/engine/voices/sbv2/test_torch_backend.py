"""The torch backend, stage by stage: what is computed together is what each gives alone."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hayakoe_engine.errors import InferenceFailed  # noqa: E402
from hayakoe_engine.voices.sbv2.backend import Encoded, EncoderInput  # noqa: E402
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
            assert (getattr(one, name) - getattr(other, name)).abs().max() < NEAR


def frames_of(config, count, seed=0):
    """A latent of so many frames, and a speaker."""
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(config.inter_channels, count, generator=generator)
    return latent, torch.randn(1, config.gin_channels, 1, generator=generator)


def prior_of(config, frames, noise_scale=0.6):
    """What the flow is given for two phones that take so many frames together."""
    rng = np.random.default_rng(frames)
    mean, log_scale = torch.randn(2, config.inter_channels, 2)
    encoded = Encoded(np.array([1, 1]), mean, log_scale, torch.randn(1, config.gin_channels, 1))
    noise = rng.standard_normal((config.inter_channels, frames), np.float32)
    return encoded, np.array([frames // 3, frames - frames // 3]), noise, noise_scale


def asked_for_together(backend, name, monkeypatch):
    """What three requests ask of one stage at the same moment, and what it is asked for at once."""
    config = backend._network.config
    ask, given = {
        "encode": (
            backend.encode,
            [(sentence(config.bert_width, tokens, tokens),) for tokens in (9, 12, 14)],
        ),
        "flow": (backend.flow, [prior_of(config, frames) for frames in (15, 28, 21)]),
        "head": (backend.decode_head, [frames_of(config, frames) for frames in (15, 30, 17)]),
        "tail": (
            partial(backend.decode_tail, all_cpus=False),
            [
                (backend.decode_head(*frames_of(config, frames, seed=frames)),)
                for frames in (15, 30, 17)
            ],
        ),
    }[name]
    batcher = getattr(backend, f"_{name}")
    sizes, run = [], batcher._run

    def watched(rows):
        sizes.append(len(rows))
        return run(rows)

    monkeypatch.setattr(batcher, "_run", watched)
    return ask, given, sizes


def numbers_of(made):
    """All that a stage has made."""
    if isinstance(made, Encoded):
        return [made.durations, *map(np.asarray, (made.mean, made.log_scale, made.speaker))]
    return [np.asarray(made)]


@pytest.mark.parametrize("name", ["encode", "flow", "head", "tail"])
def test_what_requests_ask_for_at_once_is_computed_at_once_and_is_the_same(
    backend, name, occupied, monkeypatch
):
    ask, given, sizes = asked_for_together(backend, name, monkeypatch)
    with ThreadPoolExecutor(len(given)) as pool, occupied(backend, len(given)):
        together = pool.map(ask, *zip(*given, strict=True))
    assert sizes == [len(given)]
    for each, made in zip(given, together, strict=True):
        for alone, other in zip(numbers_of(ask(*each)), numbers_of(made), strict=True):
            assert alone.shape == other.shape
            assert np.abs(alone - other).max() < NEAR


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_of_16_bits_the_durations_know_nothing(network, backend, half):
    """Not even a last bit: the splines that make them are in float32."""
    here = open_device("torch-cpu")
    fast = TorchBackend(network, type(here)(here.name, here.place, half), precision="fast")
    asked = sentence(network.config.bert_width, 20, 1)
    for exact, same in zip(
        numbers_of(backend.encode(asked)), numbers_of(fast.encode(asked)), strict=True
    ):
        assert np.array_equal(exact, same)
    for run, given in (
        ("flow", prior_of(network.config, 40)),
        ("decode", frames_of(network.config, 40)),
    ):
        exact, near = (np.asarray(getattr(each, run)(*given)) for each in (backend, fast))
        assert near.dtype == np.float32
        assert 0 < np.square(near - exact).sum() < 1e-3 * np.square(exact).sum()


def test_frames_together_are_decoded_as_each_alone(network, backend):
    config = network.config
    given = [frames_of(config, frames) for frames in (15, 40, 1)]
    heads = backend._head._run([Row(*each) for each in given])
    for each, made in zip(given, heads, strict=True):
        assert (backend.decode_head(*each).T - made).abs().max() < NEAR
    rows = [Row(backend.decode_head(*each).T, torch.zeros(1, 0, 1)) for each in given]
    for each, made in zip(given, backend._tail._run(rows), strict=True):
        assert np.abs(backend.decode(*each) - made[0].numpy()).max() < NEAR
        assert made.shape[1] == each[0].shape[1] * config.hop_length


def test_windows_are_what_one_decoding_of_the_whole_is(network, backend):
    config, parts = network.config, backend.parts
    latent, speaker = frames_of(config, 90)
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
    row = Row(torch.full((1, 3), value), torch.zeros(1, 0, 1))
    if value > 10:
        with pytest.raises(InferenceFailed, match="no number"):
            stage.compute([row])
    else:
        assert torch.equal(stage.compute([row])[0], torch.full((1, 3), 120000.0))


def test_padded_to_few_lengths_they_say_the_same(network, backend, monkeypatch):
    lengths = set()

    def watching(run, **_):
        def watched(module, x, *others):
            lengths.add(x.shape[-1])
            return run(module, x, *others)

        return watched

    monkeypatch.setattr(torch, "compile", watching)
    compiled = TorchBackend(network, open_device("torch-cpu"), precision="exact", is_compiled=True)
    config = network.config
    for frames in (7, 16, 33):
        given = frames_of(config, frames)
        assert np.abs(compiled.decode(*given) - backend.decode(*given)).max() < NEAR
        prior = prior_of(config, frames)
        assert (compiled.flow(*prior) - backend.flow(*prior)).abs().max() < NEAR
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
    stage = compiled_stage(convolved)
    for count in (1, 2, 3, 5, 1):
        for frames in (3, 40, 100, 1500):
            row = Row(torch.ones(2, frames), torch.zeros(1, 0, 1))
            assert stage.compute([row] * count)[0].shape == (2, frames)
    assert len(graphs) <= 3


def test_voices_of_the_same_sizes_share_compiled_code(monkeypatch):
    graphs, calls = [], []

    def counting(graph, _):
        graphs.append(graph)
        return lambda *given: calls.append(graph) or graph.forward(*given)

    compile_it = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda run, **options: compile_it(run, backend=counting, **options)
    )
    rows = [Row(torch.ones(2, 40), torch.zeros(1, 0, 1))] * 2
    said = []
    for _ in range(5):  # voices, with all that one consists of, in two precisions
        stages = [
            compiled_stage(call, in_half=in_half)
            for call in (convolved, doubled)
            for in_half in (False, True)
        ]
        known = len(calls)
        for stage in stages:
            said += [float(stage.compute(rows[:count])[0].sum()) for count in (1, 2)]
        assert len(calls) == known + 2 * len(stages)
    assert len(graphs) == 2 * len(stages)
    assert len(set(said)) > 5  # each with its own weights


def convolved(module, x, _, mask):
    return module(x) * mask


def doubled(module, x, _, mask):
    return 2 * module(x) * mask


def compiled_stage(call, *, in_half=False):
    return Stage(
        call,
        torch.nn.Conv1d(2, 2, 3, padding=1).requires_grad_(False),
        open_device("torch-cpu"),
        in_half=in_half,
        is_exact=True,
        is_compiled=True,
    )
