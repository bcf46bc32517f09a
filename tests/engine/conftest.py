import threading

import numpy as np
import pytest

from hayakoe_engine import TTS, VoiceInfo

RATE_HZ = 1000


class ToneVoice:
    """A voice that says every mora as 0.1 s of a constant, one window a mora."""

    def __init__(self, *, name="tone", styles=()):
        self.info = VoiceInfo(
            name=name,
            title="テスト",
            sample_rate_hz=RATE_HZ,
            licence="CC0",
            credit="nobody",
            url="",
            version="1",
            styles=styles,
        )
        self.windows = 0
        self.closed = 0
        self.sentences = []

    def begin(self, reading, options, rng):
        self.sentences.append(reading.text)
        level = np.float32(rng.random() * options.volume)
        try:
            for phrase in reading.accent_phrases:
                for _ in phrase.moras:
                    self.windows += 1
                    yield np.full(RATE_HZ // 10, level, np.float32)
        finally:
            self.closed += 1

    def close(self):
        pass


class GatedVoice(ToneVoice):
    """Makes no window before the gate is opened."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gate = threading.Event()
        self.begun = threading.Event()

    def begin(self, reading, options, rng):
        for window in super().begin(reading, options, rng):
            self.begun.set()
            assert self.gate.wait(30)
            yield window


@pytest.fixture(scope="session")
def mei():
    """The embedded voice; one engine for all tests that do not close it."""
    with TTS(threads=2).load("mei").prepare() as tts:
        yield tts.speakers["mei"]


@pytest.fixture
def tone_voice():
    return ToneVoice


@pytest.fixture
def gated_voice():
    return GatedVoice


@pytest.fixture
def speaker_of():
    """Makes a speaker of a voice, on an engine of its own."""
    engines = []

    def make(voice, **kwargs):
        tts = TTS(**kwargs).load(voice.info.name, source=lambda: voice).prepare()
        engines.append(tts)
        return tts.speakers[voice.info.name]

    yield make
    for tts in engines:
        tts.close()
