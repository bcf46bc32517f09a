"""The embedded voice: Open JTalk with the HTS voice "Mei".

It needs no file but those of its package and speaks on any machine, so it is the default and the
voice that steps in when another one cannot. A sentence is synthesised in windows of full-context
labels: each is synthesised with some labels before and after it as context, which are cut off
again, and neighbours are cross-faded over a few milliseconds, so that the joins are not heard.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from pyopenjtalk import DEFAULT_HTS_VOICE, OPEN_JTALK_DICT_DIR
from pyopenjtalk.htsengine import HTSEngine
from pyopenjtalk.openjtalk import OpenJTalk

from hayakoe_engine.text.delivery import Delivery, MoraDelivery
from hayakoe_engine.text.labels import SILENCES, phone_of
from hayakoe_engine.voices import world
from hayakoe_engine.voices.hts_durations import DurationModel
from hayakoe_engine.voices.hts_windows import (
    Window,
    engine_speed,
    plan_windows,
)
from hayakoe_engine.voices.limiter import limit
from hayakoe_engine.voices.voice import VoiceInfo

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

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
    "remember",
)

LEAD_S: Final = 0.02
"""Silence before a sentence; the engine's own is about 0.2 s, which only delays the first sound."""
SENTENCE_PAUSE_S: Final = 0.4
CLAUSE_PAUSE_S: Final = 0.2
DECAY_S: Final = 0.03
"""What is kept of the engine's silence after a sentence, fading."""
CROSSFADE_S: Final = 0.005

_LET_OTHERS_GO_FIRST: Final = np.zeros(0, np.float32)


class OpenJTalkVoice:
    """The HTS voice "Mei" of Open JTalk; deterministic.

    HTS can change speed and pitch. Volume and pauses are scaled here; intonation, styles and
    seeds change nothing. Lengths and pitch of single moras are changed by the WORLD vocoder, if its
    extra is installed.
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
        if self._is_reshaped(reading):
            rest = yield from self._reshaped(reading, options)
        else:
            rest = yield from self._windows(reading, options)
        pause_s = reading.end_pause_s
        if pause_s is None:
            natural_s = SENTENCE_PAUSE_S if reading.ends_sentence else CLAUSE_PAUSE_S
            pause_s = natural_s * options.pause_scale / options.speed
        yield self._end(rest, pause_s)

    def measure(
        self,
        reading: Reading,
        options: SynthesisOptions,  # noqa: ARG002 - none of them changes a length
        rng: np.random.Generator,  # noqa: ARG002 - nothing is random here
    ) -> Generator[NDArray[np.float32], None, Delivery]:
        """How long it would speak each mora at normal speed."""
        yield _LET_OTHERS_GO_FIRST
        lengths_s = iter(self._lengths_s(reading, pauses=False))
        moras = []
        for phones in reading.mora_phones:
            consonant_s = next(lengths_s) if len(phones) > 1 else None
            moras.append(MoraDelivery(next(lengths_s), consonant_s))
        return Delivery(tuple(moras), tuple(self._lengths_s(reading, pauses=True)))

    def close(self) -> None:
        """Nothing is held but the workers' engines, which end with their threads."""

    def _windows(
        self, reading: Reading, options: SynthesisOptions
    ) -> Generator[NDArray[np.float32], None, NDArray[np.float32]]:
        """The sentence window by window; returns the silence after it as the engine made it."""
        fade = self._samples(CROSSFADE_S)
        faded = rest = np.zeros(0, np.float32)
        pauses_s = reading.delivery.pauses_s if reading.delivery else ()
        pauses = iter(pauses_s or self._lengths_s(reading, pauses=True))
        for window in plan_windows(reading.labels, options.speed):
            pause_s = next(pauses, 0.0) if window.stop > window.spoken_stop else 0.0
            lead, body, pause, rest = self._synthesise(reading.labels, window, pause_s, options)
            if window.joins_previous:
                body[:fade] += faded * np.linspace(1, 0, fade, dtype=np.float32)
            if window.joins_next:
                faded = rest[:fade]
            yield np.concatenate([lead, body, pause])
        return rest

    def _is_reshaped(self, reading: Reading) -> bool:
        """Whether its moras have other lengths or another pitch than the engine gives them."""
        if reading.delivery is None or not world.is_available():
            return False
        lengths_s = reading.delivery.phone_lengths_s
        natural_s = self._lengths_s(reading, pauses=False)
        return reading.delivery.changes_pitch or not np.allclose(
            lengths_s, natural_s, rtol=0, atol=self._frame_s / 2
        )

    def _reshaped(
        self, reading: Reading, options: SynthesisOptions
    ) -> Generator[NDArray[np.float32], None, NDArray[np.float32]]:
        """The sentence as its delivery says, all at once; returns how it dies away."""
        plain = options.changed(speed=1.0, pause_scale=1.0)
        parts: list[NDArray[np.float32]] = []
        rest = yield from _collect(self._windows(replace(reading, delivery=None), plain), parts)
        decay = rest[: self._samples(DECAY_S)]
        samples = np.concatenate([*parts, decay])
        rate_hz = self._info.sample_rate_hz
        natural_s = self._lengths_s(reading)
        decay_s = len(decay) / rate_hz
        lead_s = max(0.0, len(samples) / rate_hz - decay_s - sum(natural_s))
        changed = world.change_pitch(
            samples,
            rate_hz,
            1.0,
            1.0,
            world.Reshaping(
                np.cumsum([0.0, lead_s, *natural_s, decay_s]),
                np.cumsum([0.0, lead_s, *_wanted_s(reading, options), decay_s]),
                np.array([1.0, *_pitch_factors(reading), 1.0]),
            ),
        )
        changed = limit(changed)
        yield changed[: len(changed) - len(decay)]
        return changed[len(changed) - len(decay) :]

    def _synthesise(
        self, labels: Sequence[str], window: Window, pause_s: float, options: SynthesisOptions
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
            pause = _fit_pause(pause, self._samples(pause_s * options.pause_scale / options.speed))
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

    def _lengths_s(self, reading: Reading, *, pauses: bool | None = None) -> list[float]:
        """How long its phones and pauses are at normal speed; or only the pauses, or the phones."""
        labels = [
            label
            for label in reading.labels[1:-1]
            if pauses is None or pauses == (phone_of(label) in SILENCES)
        ]
        return [frames * self._frame_s for frames in self._durations.label_frames(labels)]

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


def _collect(
    windows: Generator[NDArray[np.float32], None, NDArray[np.float32]],
    parts: list[NDArray[np.float32]],
) -> Generator[NDArray[np.float32], None, NDArray[np.float32]]:
    """Make windows for later, and let others go first between them."""
    while True:
        try:
            parts.append(next(windows))
        except StopIteration as end:
            rest: NDArray[np.float32] = end.value
            return rest
        yield _LET_OTHERS_GO_FIRST


def _wanted_s(reading: Reading, options: SynthesisOptions) -> Iterator[float]:
    """How long each label between the silences is to be."""
    delivery = reading.delivery or Delivery(())
    lengths_s, pauses_s = iter(delivery.phone_lengths_s), iter(delivery.pauses_s)
    for label in reading.labels[1:-1]:
        if phone_of(label) in SILENCES:
            yield next(pauses_s, 0.0) * options.pause_scale / options.speed
        else:
            yield next(lengths_s) / options.speed


def _pitch_factors(reading: Reading) -> Iterator[float]:
    """Of each label between the silences."""
    factors = iter((reading.delivery or Delivery(())).phone_pitch_factors)
    factor = 1.0
    for label in reading.labels[1:-1]:
        factor = factor if phone_of(label) in SILENCES else next(factors)
        yield factor


def _labels(text: str) -> list[str]:
    analyser = OpenJTalk(OPEN_JTALK_DICT_DIR)
    return analyser.make_label(analyser.run_frontend(text))


def _fit_pause(pause: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Stretch or cut a pause in its middle, where it is silent."""
    kept = min(len(pause), samples)
    silence = np.zeros(samples - kept, np.float32)
    return np.concatenate([pause[: kept // 2], silence, pause[len(pause) - (kept - kept // 2) :]])
