"""The voice with a stand-in for its network; what the network makes of it is tested elsewhere."""

import itertools
import threading

import numpy as np
import pytest

from hayakoe_engine import TTS, VoiceInfo
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.backend import DecoderParts, Encoded
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.language_model import LanguageModel
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.voices.sbv2.styles import StyleVectors
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer
from hayakoe_engine.voices.sbv2.voice import Sbv2Voice

RATE_HZ = 44100
HOP = 512
FRAMES_PER_PHONE = 5
TEXT = "お風呂が沸きました。"


class Network:
    """Every phone takes five frames; every sample depends on some frames around it."""

    parts = DecoderParts(
        head_multiple=15,
        rows_per_frame=8,
        tail_multiple=15,
        head_context_frames=12,
        tail_context_frames=2,
        frame_cost_s=0.001,
    )
    is_widening = True

    def __init__(self):
        self.sentences = []
        self.head_frames = []
        self.tail_rows = []

    def encode(self, sentence):
        self.sentences.append(sentence)
        count = len(sentence.phones.phones)
        durations = np.full(count, FRAMES_PER_PHONE * sentence.length_scale)
        durations = np.ceil(durations).astype(np.int64)
        prior = np.tile(np.linspace(-1, 1, count, dtype=np.float32), (4, 1))
        return Encoded(durations, prior, np.zeros((4, count), np.float32), np.ones((1, 2, 1)))

    def flow(self, encoded, durations, noise, noise_scale):
        prior = np.repeat(encoded.mean, durations, axis=1)
        return prior if noise is None else prior + noise * np.float32(noise_scale)

    def decode_head(self, latent, speaker):  # noqa: ARG002
        self.head_frames.append(latent.shape[1])
        smooth = np.convolve(latent.mean(axis=0), np.ones(23) / 23)[11:-11]
        return np.repeat(smooth.astype(np.float32), 8)[:, None]

    def room(self, rows, like):
        return np.empty((rows, like.shape[1]), np.float32)

    def decode_tail(self, hidden, *, all_cpus):  # noqa: ARG002
        self.tail_rows.append(len(hidden))
        smooth = np.convolve(hidden[:, 0], np.ones(31) / 31)[15:-15]
        return np.repeat(smooth.astype(np.float32) * 0.5 + 0.1, HOP // 8)

    def decode(self, latent, speaker):
        return self.decode_tail(self.decode_head(latent, speaker), all_cpus=True)


class Characters:
    def features(self, ids):
        return np.zeros((len(ids), 8), np.float32)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.json").write_text('{"data": {"style2id": {"Neutral": 0, "Happy": 1}}}')
    return VoiceConfig.load(tmp_path / "config.json")


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def voice(config, network):
    letters = [chr(code) for code in range(ord("ぁ"), ord("ゖ") + 1)]
    tokenizer = Tokenizer(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *letters])
    return Sbv2Voice(
        VoiceInfo(
            name="hana",
            title="花",
            sample_rate_hz=RATE_HZ,
            licence="",
            credit="",
            url="",
            version="1",
            styles=("Neutral", "Happy"),
        ),
        config,
        StyleVectors(np.stack([np.zeros(256), np.ones(256)]).astype(np.float32), config.styles),
        gain=1.0,
        backend=Resident(Residency(), 0, lambda: network),
        language_model=LanguageModel(tokenizer, Resident(Residency(), 0, Characters), "tiny"),
        phrases=PhraseCache(),
        identity="hana",
    )


@pytest.fixture
def speaker(voice):
    with TTS(threads=2).load("hana", source=lambda: voice).prepare() as tts:
        yield tts.speakers["hana"]


def test_windows_add_up_to_what_one_decoding_would_give(speaker, network):
    streamed = speaker.generate(TEXT, noise=0.0)
    assert len(network.tail_rows) > 2
    frames = sum(FRAMES_PER_PHONE for _ in network.sentences[0].phones.phones)
    prior = np.repeat(
        np.linspace(-1, 1, frames // FRAMES_PER_PHONE, dtype=np.float32), FRAMES_PER_PHONE
    )
    whole = network.decode(np.tile(prior, (4, 1)), None)
    assert np.abs(streamed.samples[: len(whole)] - whole).max() < 1e-6


def test_windows_are_of_the_lengths_that_the_decoder_likes(speaker, network):
    speaker.generate(TEXT)
    assert all(frames % Network.parts.head_multiple == 0 for frames in network.head_frames)
    assert all(rows % Network.parts.tail_multiple == 0 for rows in network.tail_rows)


def test_a_sentence_too_short_to_be_cut_is_decoded_whole(speaker, network):
    assert speaker.generate("あ", speed=4.0, noise=0.0).duration_s > 0.1
    assert network.tail_rows == [frames * 8 for frames in network.head_frames]
    assert len(network.tail_rows) == 1


def test_every_phone_has_its_time(speaker):
    audio = speaker.generate("はい。", noise=0.0)
    phones = [timing.phone for timing in audio.timings]
    assert phones == ["_", "_", "_", "h", "_", "a", "_", "i", "_", ".", "_", "_", "_"]
    frame_s = HOP / RATE_HZ
    for number, timing in enumerate(audio.timings):
        assert timing.start_s == pytest.approx(number * FRAMES_PER_PHONE * frame_s)
        assert timing.duration_s == pytest.approx(FRAMES_PER_PHONE * frame_s)
    assert audio.timings[-1].end_s <= audio.duration_s + 1e-9


def test_timings_of_a_stream_are_those_of_the_whole(speaker):
    text = "はい。どうぞ。"
    start_s, streamed = 0.0, []
    for audio in speaker.stream(text, noise=0.0):
        streamed += [(t.phone, round(t.start_s + start_s, 6)) for t in audio.timings]
        start_s += audio.duration_s
    whole = speaker.generate(text, noise=0.0).timings
    assert streamed == [(t.phone, round(t.start_s, 6)) for t in whole]


def test_the_same_seed_gives_the_same_samples_and_another_one_others(speaker):
    first = speaker.generate(TEXT, seed=1)
    assert np.array_equal(first.samples, speaker.generate(TEXT, seed=1).samples)
    assert not np.array_equal(first.samples, speaker.generate(TEXT, seed=2).samples)


def test_a_sentence_spoken_before_is_not_computed_again(speaker, network):
    first = speaker.generate(TEXT)
    computed = len(network.tail_rows)
    again = speaker.generate(TEXT)
    assert np.array_equal(first.samples, again.samples)
    assert first.timings == again.timings
    assert len(network.tail_rows) == computed
    speaker.generate(TEXT, style="Happy")
    assert len(network.tail_rows) > computed


def test_what_sounds_the_same_is_not_computed_again(speaker, network):
    speaker.generate(TEXT)
    computed = len(network.tail_rows)
    speaker.generate(TEXT, style="Neutral")
    speaker.generate(f"<speak>{TEXT}</speak>", markup="ssml")
    assert len(network.tail_rows) == computed


def test_what_need_not_be_remembered_is_computed_again(speaker, network):
    for _ in range(2):
        before = len(network.tail_rows)
        speaker.generate(TEXT, remember="no")
        assert len(network.tail_rows) > before


def test_what_another_voice_says_in_its_place_is_not_remembered(speaker, network, monkeypatch):
    def fail(*_):
        raise MemoryError("no place")

    def speak():
        with speaker.open(stand_in=other) as utterance:
            utterance.push(TEXT)
            utterance.finish()
            return np.concatenate([audio.samples for audio in utterance])

    with TTS(threads=1).load("mei").prepare() as tts:
        other = tts.speakers["mei"]
        with monkeypatch.context() as patch:
            patch.setattr(network, "flow", fail)
            replaced = speak()
        assert len(network.tail_rows) == 0
        own = speak()
    assert len(network.tail_rows) > 0
    assert len(own) != len(replaced)


def test_a_sentence_that_was_broken_off_is_computed_again(speaker, network, monkeypatch):
    genuine, calls, closed = network.decode_tail, itertools.count(), threading.Event()

    def hesitate(hidden, *, all_cpus):
        if next(calls):
            assert closed.wait(60)
        return genuine(hidden, all_cpus=all_cpus)

    monkeypatch.setattr(network, "decode_tail", hesitate)
    windows = speaker.stream(TEXT * 4)
    next(windows)
    windows.close()
    closed.set()
    before = len(network.sentences)
    speaker.generate(TEXT * 4)
    assert len(network.sentences) > before


def test_options_reach_the_network(speaker, network):
    speaker.generate(
        TEXT, speed=2.0, style="Happy", style_weight=0.5, sdp_ratio=0.3, noise_w=0.4, seed=5
    )
    (sentence,) = network.sentences
    assert sentence.length_scale == 0.5
    assert sentence.style.tolist() == [0.5] * 256
    assert (sentence.sdp_ratio, sentence.noise_w, sentence.speaker_id) == (0.3, 0.4, 0)


def test_without_a_style_the_voice_speaks_in_its_own(speaker, network):
    speaker.generate(TEXT)
    assert not network.sentences[0].style.any()


def test_a_louder_voice_is_limited_not_clipped(speaker):
    loud = speaker.generate(TEXT, volume=2.0, noise=0.0).samples
    assert 0.9 < np.abs(loud).max() < 1.0


def test_a_speaker_that_is_not_there_is_refused(speaker):
    with pytest.raises(Exception, match="has 1 speakers, so speaker_id must be from 0 to 0"):
        speaker.generate(TEXT, speaker_id=1)


@pytest.fixture
def hum(network):
    """Makes the network hum at 200 Hz."""

    def decode(hidden, *, all_cpus):  # noqa: ARG001
        times_s = np.arange(len(hidden) // 8 * HOP) / RATE_HZ
        rich = sum(np.sin(2 * np.pi * 200 * k * times_s) / k for k in range(1, 8))
        return (0.2 * rich).astype(np.float32)

    network.decode_tail = decode


def pitch_hz(samples):
    piece = samples[RATE_HZ // 4 : RATE_HZ // 4 + 8192]
    correlation = np.correlate(piece, piece, "full")[len(piece) :]
    lags = slice(RATE_HZ // 500, RATE_HZ // 80)
    return RATE_HZ / (lags.start + int(np.argmax(correlation[lags])) + 1)


@pytest.mark.usefixtures("hum")
def test_a_sentence_in_another_pitch_is_remembered_too(speaker, network):
    pytest.importorskip("pyworld")
    first = speaker.generate(TEXT, pitch_scale=1.2)
    encoded = len(network.sentences)
    again = speaker.generate(TEXT, pitch_scale=1.2)
    assert np.array_equal(first.samples, again.samples)
    assert first.timings == again.timings
    assert len(network.sentences) == encoded


@pytest.mark.usefixtures("hum")
def test_pitch_is_changed_where_the_extra_is_installed(speaker):
    pytest.importorskip("pyworld")
    plain, high = speaker.generate(TEXT), speaker.generate(TEXT, pitch_scale=1.2)
    assert pitch_hz(high.samples) / pitch_hz(plain.samples) == pytest.approx(1.2, rel=0.03)
    assert [t.phone for t in high.timings] == [t.phone for t in plain.timings]
    assert high.duration_s == pytest.approx(plain.duration_s, abs=0.2)


def test_silence_has_no_pitch_to_change(speaker, network):
    pytest.importorskip("pyworld")
    network.decode_tail = lambda hidden, all_cpus: np.zeros(len(hidden) // 8 * HOP, np.float32)  # noqa: ARG005
    assert not speaker.generate(TEXT, pitch_scale=2.0).samples.any()
