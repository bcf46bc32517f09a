"""The embedded voice: Open JTalk with the HTS voice "Mei".

It needs no file but those of its package and speaks on any machine, so it is the default and the
voice that steps in when another one cannot. A sentence is synthesised in windows of full-context
labels: each is synthesised with some labels before and after it as context, which are cut off
again, and neighbours are cross-faded over a few milliseconds, so that the joins are not heard.
"""

from __future__ import annotations

import math
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from pyopenjtalk import DEFAULT_HTS_VOICE, OPEN_JTALK_DICT_DIR
from pyopenjtalk.htsengine import HTSEngine
from pyopenjtalk.openjtalk import OpenJTalk

from hayakoe_engine.text.reading import phone_of
from hayakoe_engine.voices.hts_durations import DurationModel
from hayakoe_engine.voices.hts_windows import (
    SILENCES,
    Window,
    engine_speed,
    plan_windows,
)
from hayakoe_engine.voices.limiter import limit
from hayakoe_engine.voices.voice import VoiceInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.reading import Reading

GAIN: Final = 0.6 / 32768
"""From the engine's scale, where ordinary sentences peak at 1.5 times int16, to full scale 1.0."""

CARRIER: Final = "気温は二十八度です"
"""Synthesised after what has few different phones, and cut off again.

The engine gives its output the variance that ordinary sentences have. Where all phones are alike
it would blow the little there is up: a drawn-out エーエーエー comes out a million times too loud.
"""
VARIED_PHONES: Final = 8
"""From so many different phones on the carrier is not needed."""

IGNORED_OPTIONS: Final = (
    "intonation_scale",
    "style",
    "style_weight",
    "sdp_ratio",
    "noise",
    "noise_w",
    "speaker_id",
    "seed",
)

LEAD_S: Final = 0.02
"""Silence before a sentence; the engine's own is about 0.2 s, which only delays the first sound."""
SENTENCE_PAUSE_S: Final = 0.4
CLAUSE_PAUSE_S: Final = 0.2
DECAY_S: Final = 0.03
"""What is kept of the engine's silence after a sentence, fading."""
CROSSFADE_S: Final = 0.005


class OpenJTalkVoice:
    """The HTS voice "Mei" of Open JTalk; deterministic.

    HTS can change speed and pitch. Volume and pauses are scaled here; intonation, styles and
    seeds change nothing.
    """

    def __init__(self) -> None:
        self._engines = threading.local()
        self._durations = DurationModel.load(DEFAULT_HTS_VOICE)
        self._carrier = _labels(CARRIER)
        self._frame_s = self._durations.frame_period_samples / self._durations.sample_rate_hz
        self._info = VoiceInfo(
            name="mei",
            title="メイ（女性・内蔵）",
            sample_rate_hz=self._durations.sample_rate_hz,
            licence="CC BY 3.0",
            credit='HTS Voice "Mei", © 2009–2013 Nagoya Institute of Technology, MMDAgent Project',
            url="http://www.mmdagent.jp/",
            version=version("pyopenjtalk-plus"),
            ignored_options=frozenset(IGNORED_OPTIONS),
        )

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice."""
        return self._info

    def begin(
        self,
        reading: Reading,
        options: SynthesisOptions,
        rng: np.random.Generator,  # noqa: ARG002 - nothing is random here
    ) -> Iterator[NDArray[np.float32]]:
        """Speak one sentence, window by window."""
        fade = self._samples(CROSSFADE_S)
        faded = rest = np.zeros(0, np.float32)
        for window in plan_windows(reading.labels, options.speed):
            lead, body, pause, rest = self._synthesise(reading.labels, window, options)
            if window.joins_previous:
                body[:fade] += faded * np.linspace(1, 0, fade, dtype=np.float32)
            if window.joins_next:
                faded = rest[:fade]
            yield np.concatenate([lead, body, pause])
        pause_s = reading.end_pause_s
        if pause_s is None:
            natural_s = SENTENCE_PAUSE_S if reading.ends_sentence else CLAUSE_PAUSE_S
            pause_s = natural_s * options.pause_scale / options.speed
        yield self._end(rest, pause_s)

    def close(self) -> None:
        """Nothing is held but the workers' engines, which end with their threads."""

    def _synthesise(
        self, labels: Sequence[str], window: Window, options: SynthesisOptions
    ) -> _Parts:
        """The window's audio, cut at its labels' boundaries."""
        context = list(labels[window.context_start : window.context_stop])
        phones = {phone_of(label) for label in context} - SILENCES
        if len(phones) < VARIED_PHONES:
            context += self._carrier
        speed = engine_speed(self._durations, context, options.speed)
        engine = self._engine()
        engine.set_speed(speed)
        engine.add_half_tone(12 * math.log2(options.pitch_scale))
        audio = limit(engine.synthesize(context) * (GAIN * options.volume))
        frames = self._durations.label_frames(context, speed)
        ends = np.cumsum([0, *frames]) * self._durations.frame_period_samples
        start = ends[window.start - window.context_start]
        spoken = ends[window.spoken_stop - window.context_start]
        stop = ends[window.stop - window.context_start]
        body = audio[start:spoken]
        lead = audio[:0]
        if window.joins_previous:
            fade = self._samples(CROSSFADE_S)
            body[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        elif window.start == 1:
            lead = audio[max(0, start - self._samples(LEAD_S)) : start]
        pause = audio[spoken:stop]
        if window.stop > window.spoken_stop:
            natural = self._durations.label_frames([labels[window.spoken_stop]])[0]
            seconds = natural * self._frame_s * options.pause_scale / options.speed
            pause = _fit_pause(pause, self._samples(seconds))
        # What the context may end with is not the silence after the sentence.
        return _Parts(
            lead, body, pause, audio[stop : ends[window.context_stop - window.context_start]]
        )

    def _end(self, rest: NDArray[np.float32], pause_s: float) -> NDArray[np.float32]:
        """The pause after a sentence: the voice dies away, then silence."""
        decay = rest[: self._samples(DECAY_S)]
        silence = np.zeros(max(len(decay), self._samples(pause_s)), np.float32)
        silence[: len(decay)] = decay * np.linspace(1, 0, len(decay), dtype=np.float32)
        return silence

    def _engine(self) -> HTSEngine:
        """This thread's engine: one engine cannot be used by two threads at once."""
        if not hasattr(self._engines, "own"):
            self._engines.own = HTSEngine(DEFAULT_HTS_VOICE)
        engine: HTSEngine = self._engines.own
        return engine

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._info.sample_rate_hz)


class _Parts(NamedTuple):
    lead: NDArray[np.float32]
    body: NDArray[np.float32]
    pause: NDArray[np.float32]
    rest: NDArray[np.float32]


def _labels(text: str) -> list[str]:
    analyser = OpenJTalk(OPEN_JTALK_DICT_DIR)
    return analyser.make_label(analyser.run_frontend(text))


def _fit_pause(pause: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Stretch or cut a pause in its middle, where it is silent."""
    kept = min(len(pause), samples)
    silence = np.zeros(samples - kept, np.float32)
    return np.concatenate([pause[: kept // 2], silence, pause[len(pause) - (kept - kept // 2) :]])
