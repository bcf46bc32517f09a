import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from hayakoe_engine.errors import BadVoiceFiles  # noqa: E402
from hayakoe_engine.voices.sbv2.config import VoiceConfig  # noqa: E402
from hayakoe_engine.voices.sbv2.network import Synthesizer  # noqa: E402
from hayakoe_engine.voices.sbv2.network_attention import SelfAttention  # noqa: E402
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig  # noqa: E402
from hayakoe_engine.voices.sbv2.network_durations import invert_spline  # noqa: E402

CONTROLS = {"noise_w": 0.8, "sdp_ratio": 0.4, "length_scale": 1.0}
CONTEXT_FRAMES = 13


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_input(config, lengths, seed=0):
    """Phones of rows of these lengths; what is behind the end of a row is random too."""
    rng, size = generator(seed), (len(lengths), max(lengths))
    return {
        "phones": torch.randint(112, size, generator=rng),
        "lengths": torch.tensor(lengths),
        "tones": torch.randint(6, 8, size, generator=rng),
        "languages": torch.ones(size, dtype=torch.int64),
        "bert": torch.randn(size[0], config.bert_width, size[1], generator=rng),
        "style": torch.randn(size[0], 256, generator=rng),
        "speaker": torch.zeros(size[0], dtype=torch.int64),
    }


def one_row(batch, row):
    """The row alone, without what is behind its end."""
    length = int(batch["lengths"][row])
    rows = {name: value[row : row + 1] for name, value in batch.items()}
    per_phone = ("phones", "tones", "languages", "bert")
    return rows | {name: rows[name][..., :length] for name in per_phone}


@pytest.fixture(scope="module")
def encoded(miniature):
    with torch.inference_mode():
        return miniature.encode(**random_input(miniature.config, [19]))


def test_its_weights_are_those_of_published_voices():
    with torch.device("meta"):
        network = Synthesizer(NetworkConfig())

    shapes = {key: list(weight.shape) for key, weight in network.state_dict().items()}

    assert shapes["enc_p.encoder.attn_layers.5.emb_rel_k"] == [1, 9, 96]
    assert shapes["flow.flows.6.enc.ffn_layers.0.conv_1.weight"] == [768, 192, 5]
    assert shapes["sdp.flows.7.proj.weight"] == [29, 192, 1]
    assert shapes["dec.ups.0.weight"] == [512, 256, 16]
    assert len(shapes) == 899
    assert sum(map(math.prod, shapes.values())) == 61_984_732
    table = "\n".join(f"{key} {'x'.join(map(str, shapes[key]))}" for key in sorted(shapes))
    assert hashlib.sha256(table.encode()).hexdigest().startswith("667bd191282f58d4")


def test_rows_of_a_batch_do_not_hear_one_another(miniature):
    batch = random_input(miniature.config, [17, 5, 11])
    noise_w = torch.randn(3, 2, 17, generator=generator(1))
    noise = torch.randn(3, 16, 200, generator=generator(2))

    encoded = miniature.encode(**batch)
    durations = miniature.durations(encoded, **CONTROLS, noise=noise_w)
    frames = int(durations.sum([1, 2]).max())
    prior, mask = miniature.sample_prior(
        encoded, durations, noise_scale=0.6, noise=noise[:, :, :frames]
    )
    z = miniature.latent(prior, mask, encoded.speaker_vector)
    samples = miniature.decode(z, encoded.speaker_vector, mask)

    for row, phones in enumerate([17, 5, 11]):
        alone = miniature.encode(**one_row(batch, row))
        own = miniature.durations(alone, **CONTROLS, noise=noise_w[row : row + 1, :, :phones])
        assert torch.equal(durations[row, :, :phones], own[0])
        assert not durations[row, :, phones:].any()
        length = int(own.sum())
        prior, mask = miniature.sample_prior(
            alone, own, noise_scale=0.6, noise=noise[row : row + 1, :, :length]
        )
        z = miniature.latent(prior, mask, alone.speaker_vector)
        expected = miniature.decode(z, alone.speaker_vector)
        heard = samples[row : row + 1, :, : length * 512]
        torch.testing.assert_close(heard, expected, atol=1e-5, rtol=0)
        assert not samples[row, :, length * 512 :].any()


def test_a_phone_lasts_at_least_one_frame(miniature, encoded):
    durations = miniature.durations(encoded, **(CONTROLS | {"length_scale": 1e-6}))

    assert torch.equal(durations, torch.ones(1, 1, 19))


def test_the_length_scale_stretches(miniature, encoded):
    noise = torch.randn(1, 2, 19, generator=generator())

    once = miniature.durations(encoded, **CONTROLS, noise=noise).sum()
    ten_times = miniature.durations(encoded, **(CONTROLS | {"length_scale": 10.0}), noise=noise)

    assert 9 < ten_times.sum() / (once - 19 / 2) < 11


def test_without_the_stochastic_predictor_durations_are_always_the_same(miniature, encoded):
    controls = CONTROLS | {"sdp_ratio": 0.0}

    first, second = (miniature.durations(encoded, **controls) for _ in range(2))

    assert torch.equal(first, second)


def test_the_stochastic_predictor_varies(miniature, encoded):
    controls = CONTROLS | {"sdp_ratio": 1.0}

    first, second = (miniature.durations(encoded, **controls) for _ in range(2))

    assert not torch.equal(first, second)


def test_every_frame_has_the_prior_of_its_phone(miniature, encoded):
    durations = torch.arange(19.0).reshape(1, 1, 19) % 4
    frames = durations[0, 0].to(torch.int64)
    noise = torch.randn(1, 16, int(durations.sum()), generator=generator())

    prior, mask = miniature.sample_prior(encoded, durations, noise_scale=0.5, noise=noise)

    spread = encoded.log_scale.repeat_interleave(frames, 2).exp()
    expected = encoded.mean.repeat_interleave(frames, 2) + 0.5 * noise * spread
    torch.testing.assert_close(prior, expected)
    assert mask.shape == (1, 1, int(frames.sum()))
    assert mask.all()


def test_windows_of_the_latent_sound_like_the_whole(miniature, encoded):
    z = torch.randn(1, 16, 70, generator=generator())
    whole = miniature.decode(z, encoded.speaker_vector)

    window = miniature.decode(
        z[:, :, 30 - CONTEXT_FRAMES : 40 + CONTEXT_FRAMES], encoded.speaker_vector
    )

    middle = window[:, :, CONTEXT_FRAMES * 512 : -CONTEXT_FRAMES * 512]
    torch.testing.assert_close(middle, whole[:, :, 30 * 512 : 40 * 512], atol=1e-6, rtol=0)


def test_style_speaker_and_words_are_heard(voice_maker):
    network = voice_maker.make_network(speakers=2)
    given = random_input(network.config, [9])
    plain = network.encode(**given).mean

    for changed in (
        {"style": given["style"] + 1},
        {"bert": given["bert"] + 1},
        {"speaker": torch.tensor([1])},
        {"tones": 13 - given["tones"]},
    ):
        other = network.encode(**(given | changed)).mean
        assert (other - plain).abs().max() > 1e-3


@pytest.mark.parametrize("length", [1, 3, 5, 12])
def test_attention_sees_near_keys_by_their_distance(length):
    attention = SelfAttention(8, 2)
    for parameter in attention.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator(parameter.numel())))
    x = torch.randn(1, 8, length, generator=generator())

    result = attention(x, torch.ones(1, 1, length, length))

    q, k, v = (getattr(attention, f"conv_{name}")(x)[0].reshape(2, 4, length) for name in "qkv")
    near_k, near_v = attention.emb_rel_k[0], attention.emb_rel_v[0]
    mixed = torch.zeros(2, 4, length)
    for head in range(2):
        for i in range(length):
            near = {j: j - i + 4 for j in range(length) if abs(j - i) <= 4}
            scores = torch.stack([q[head, :, i] @ k[head, :, j] for j in range(length)])
            for j, offset in near.items():
                scores[j] += q[head, :, i] @ near_k[offset]
            weights = torch.softmax(scores / 2, 0)
            mixed[head, :, i] = v[head] @ weights
            for j, offset in near.items():
                mixed[head, :, i] += weights[j] * near_v[offset]
    expected = attention.conv_o(mixed.reshape(1, 8, length))
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


def spline(x, widths, heights, slopes):
    """The monotone rational-quadratic spline from its definition, one value at a time."""

    def sizes(values):
        values = np.exp(values - values.max())
        return 10 * (1e-3 + (1 - 1e-2) * values / values.sum())

    width, height = sizes(widths), sizes(heights)
    xs, ys = (np.concatenate([[-5], np.cumsum(size) - 5]) for size in (width, height))
    slope = np.concatenate([[1], 1e-3 + np.log1p(np.exp(slopes)), [1]])
    k = min(int(np.searchsorted(xs, x, "right")) - 1, 9)
    t = (x - xs[k]) / width[k]
    s = height[k] / width[k]
    above = height[k] * (s * t * t + slope[k] * t * (1 - t))
    return ys[k] + above / (s + (slope[k + 1] + slope[k] - 2 * s) * t * (1 - t))


def test_the_spline_is_undone():
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, 1, (200, size)) for size in (10, 10, 9)]
    y = rng.uniform(-5, 5, 200)

    x = invert_spline(*(torch.tensor(array, dtype=torch.float32) for array in (y, *parts)))

    again = [spline(*row) for row in zip(x.double().numpy(), *parts, strict=True)]
    np.testing.assert_allclose(again, y, atol=1e-3)


def test_the_spline_leaves_alone_what_is_outside():
    y = torch.tensor([-100.0, -5.001, -5.0, 5.0, 5.001, 100.0])

    found = invert_spline(y, torch.zeros(6, 10), torch.zeros(6, 10), torch.zeros(6, 9))

    torch.testing.assert_close(found, y)


def test_the_spline_survives_half_precision():
    y = torch.linspace(-5, 5, 101)
    parts = [torch.randn(101, size, generator=generator(size)) * 4 for size in (10, 11, 9)]
    parts[1] = parts[1][:, :10]

    exact = invert_spline(y, *parts)
    half = invert_spline(y.half(), *(part.half() for part in parts))

    assert half.dtype == torch.float16
    assert torch.isfinite(half).all()
    assert functional.l1_loss(half.float(), exact) < 0.05


def voice_config(**changes):
    sizes = NetworkConfig()
    return VoiceConfig(
        model_name="test",
        version="2.7.0-JP-Extra",
        sample_rate_hz=44100,
        add_blank=True,
        styles={"Neutral": 0},
        **{
            "n_speakers": 3,
            "use_spk_conditioned_encoder": True,
            **{
                name: getattr(sizes, name)
                for name in NetworkConfig.__dataclass_fields__
                if name in VoiceConfig.__dataclass_fields__ and name != "n_speakers"
            },
            **changes,
        },
    )


def test_the_sizes_are_those_of_the_voice():
    assert NetworkConfig.of(voice_config()) == replace(NetworkConfig(), n_speakers=3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"n_heads": 5}, "n_heads"),
        ({"inter_channels": 191}, "inter_channels"),
        ({"upsample_initial_channel": 100}, "upsample_initial_channel"),
        ({"use_spk_conditioned_encoder": False}, "use_spk_conditioned_encoder"),
    ],
)
def test_sizes_of_which_there_can_be_no_network_are_refused(changes, field):
    with pytest.raises(BadVoiceFiles, match=field):
        NetworkConfig.of(voice_config(**changes))
