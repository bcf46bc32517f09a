"""A Style-Bert-VITS2 JP-Extra voice: from a reading to windows of audio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from hayakoe_engine.audio import PhoneTiming
from hayakoe_engine.voices import world
from hayakoe_engine.voices.limiter import limit
from hayakoe_engine.voices.sbv2.backend import EncoderInput
from hayakoe_engine.voices.sbv2.lengths import apply_lengths, measured, phones_spoken
from hayakoe_engine.voices.sbv2.pauses import EndPause, arrange_pauses, end_with
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.voices.sbv2.phrase_cache import phrase_key, windows_of
from hayakoe_engine.voices.sbv2.symbols import SYMBOLS
from hayakoe_engine.voices.sbv2.windows import frames_of, plan_decoding
from hayakoe_engine.voices.style_mix import style_shares
from hayakoe_engine.window import MadeWindow, Window

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.residency import Resident
    from hayakoe_engine.voices.sbv2.backend import Backend, Encoded, Kept
    from hayakoe_engine.voices.sbv2.config import VoiceConfig
    from hayakoe_engine.voices.sbv2.language_model import LanguageModel
    from hayakoe_engine.voices.sbv2.phones import ModelInput, PhoneSequence
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.sbv2.styles import StyleVectors
    from hayakoe_engine.voices.sbv2.windows import DecodingPlan, WindowPlan
    from hayakoe_engine.voices.voice import VoiceInfo

_LET_OTHERS_GO_FIRST: Final = np.zeros(0, np.float32)


class Sbv2Voice:
    """A neural voice.

    Args:
        info: Facts about it.
        config: Of the published voice.
        styles: Its styles.
        gain: Makes it as loud as other voices.
        backend: Gives what runs its network, which is opened now if it is not open.
        language_model: May be shared with other voices.
        phrases: May be shared with other voices.
        identity: Differs from that of every other voice, and of the same one in another precision.
    """

    def __init__(
        self,
        info: VoiceInfo,
        config: VoiceConfig,
        styles: StyleVectors,
        *,
        gain: float,
        backend: Resident[Backend],
        language_model: LanguageModel,
        phrases: PhraseCache,
        identity: str,
    ) -> None:
        self._info = info
        self._config = config
        self._styles = styles
        self._gain = gain
        self._backend = backend
        self._language_model = language_model
        self._phrases = phrases
        self._identity = f"{identity} {language_model.identity}"

    @property
    def identity(self) -> str:
        """Differs from that of every voice that sounds otherwise."""
        return self._identity

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice."""
        return self._info

    def begin(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[NDArray[np.float32] | Window]:
        """Speak one sentence, window by window; others may go first between its stages."""
        phones = phones_of(reading)
        key = phrase_key(self._identity, self._info, phones, reading, options)
        known = self._phrases.get(key, options.remember)
        if known is not None:
            yield from windows_of(known)
            return
        sentence = yield from self._sentence(reading, phones, options, rng)
        if self._changes_pitch(reading, options):
            made = yield from self._with_other_pitch(sentence, options)
            recording = self._phrases.record(key, 1, options.remember)
            yield Window(partial(recording.add, 0, made), len(made.samples))
            return
        plan = self._plan(sentence)
        recording = self._phrases.record(
            key, 1 if plan is None else len(plan.tails), options.remember
        )
        for number, piece in enumerate(self._pieces(sentence, plan)):
            yield from piece.prepare()
            # What follows the first window is there in time if it is made beside others.
            is_wide = number == 0 and sentence.backend.is_widening

            def make(number: int = number, piece: _Piece = piece, w: bool = is_wide) -> MadeWindow:
                made = self._made(sentence, piece.decode(all_cpus=w), piece.start, piece.stop)
                return recording.add(number, made)

            length = (piece.stop - piece.start) * self._config.hop_length
            yield Window(make, length, uses_all_cpus=is_wide)

    def measure(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Generator[NDArray[np.float32], None, Delivery]:
        """How long it would speak each mora at normal speed."""
        sequence = phones_of(reading)
        plain = options.changed(speed=1.0)
        _, encoded = yield from self._encode(self._backend.get(), sequence, plain, rng)
        spoken = phones_spoken(sequence, add_blank=self._config.add_blank)
        return measured(reading, spoken, encoded.durations, self._config.frame_s)

    def close(self) -> None:
        """Let go of the sessions; they end with the last window that uses them."""
        self._backend.close()

    def _encode(
        self,
        backend: Backend,
        sequence: PhoneSequence,
        options: SynthesisOptions,
        rng: np.random.Generator,
    ) -> Generator[NDArray[np.float32], None, tuple[ModelInput, Encoded]]:
        """From phones to durations and prior."""
        phones = sequence.model_input(add_blank=self._config.add_blank)
        features = self._language_model.features(sequence.text)
        style = options.style or self._info.styles[0]
        yield _LET_OTHERS_GO_FIRST
        encoded = backend.encode(
            EncoderInput(
                phones=phones,
                features=features,
                style=self._styles.mix(style_shares(style, self._info), options.style_weight),
                speaker_id=options.speaker_id,
                length_scale=1.0 / options.speed,
                sdp_ratio=options.sdp_ratio,
                noise_w=options.noise_w,
                duration_noise=rng.standard_normal((2, len(phones.phones)), np.float32),
            )
        )
        return phones, encoded

    def _sentence(
        self,
        reading: Reading,
        sequence: PhoneSequence,
        options: SynthesisOptions,
        rng: np.random.Generator,
    ) -> Generator[NDArray[np.float32], None, _Sentence]:
        """All stages before the first sound."""
        backend = self._backend.get()
        phones, encoded = yield from self._encode(backend, sequence, options, rng)
        durations, end = arrange_pauses(
            phones.phones,
            encoded.durations,
            scale=options.pause_scale,
            exact_end_s=reading.end_pause_s,
            frame_s=self._config.frame_s,
        )
        spoken = phones_spoken(sequence, add_blank=self._config.add_blank)
        durations = apply_lengths(
            reading,
            spoken,
            durations,
            frames_per_s=1 / (options.speed * self._config.frame_s),
            pause_scale=options.pause_scale,
        )
        if not durations.any():
            durations[-1] = 1
        yield _LET_OTHERS_GO_FIRST
        noise = None
        if options.noise:
            shape = (encoded.mean.shape[0], int(durations.sum()))
            noise = rng.standard_normal(shape, np.float32)
        latent = backend.flow(encoded, durations, noise, options.noise)
        yield _LET_OTHERS_GO_FIRST
        return _Sentence(
            backend=backend,
            latent=latent,
            speaker=encoded.speaker,
            phones=phones.phones,
            starts=np.concatenate([[0], np.cumsum(durations)]),
            pitch_factors=_pitch_factors(reading, spoken),
            end=end,
            gain=self._gain * options.volume,
        )

    def _changes_pitch(self, reading: Reading, options: SynthesisOptions) -> bool:
        same = options.pitch_scale == 1.0 and options.intonation_scale == 1.0
        if reading.delivery is not None and reading.delivery.changes_pitch:
            same = False
        return not same and not world.OPTIONS & self._info.ignored_options

    def _with_other_pitch(
        self, sentence: _Sentence, options: SynthesisOptions
    ) -> Generator[NDArray[np.float32], None, MadeWindow]:
        """The whole sentence at once: its pitch is changed as a whole."""
        parts = []
        for piece in self._pieces(sentence, self._plan(sentence)):
            yield from piece.prepare()
            parts.append(piece.decode(all_cpus=False))
            yield _LET_OTHERS_GO_FIRST
        samples = world.change_pitch(
            np.concatenate(parts),
            self._info.sample_rate_hz,
            options.pitch_scale,
            options.intonation_scale,
            sentence.reshaping(self._config.frame_s),
        )
        return self._made(sentence, samples, 0, sentence.latent.shape[1])

    def _plan(self, sentence: _Sentence) -> DecodingPlan | None:
        parts, frames = sentence.backend.parts, sentence.latent.shape[1]
        return plan_decoding(frames, parts, self._config.frame_s)

    def _pieces(self, sentence: _Sentence, plan: DecodingPlan | None) -> Iterator[_Piece]:
        if plan is None:
            yield _WholePiece(sentence)
            return
        hidden = _Hidden(sentence, plan.heads)
        for tail in plan.tails:
            yield _TailPiece(sentence, hidden, tail, self._config.hop_length)

    def _made(
        self, sentence: _Sentence, samples: NDArray[np.float32], start: int, stop: int
    ) -> MadeWindow:
        """What is heard of these frames."""
        heard = limit(samples * np.float32(sentence.gain))
        if stop == sentence.latent.shape[1]:
            heard = end_with(sentence.end, heard, self._info.sample_rate_hz)
        return MadeWindow(heard, sentence.timings(start, stop, self._config.frame_s))


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    """A sentence whose latent is computed.

    Attributes:
        latent: ``[C, T]``.
        speaker: Vector of the speaker.
        phones: int64 ``[P]``.
        starts: First frame of each phone, and the end of the last, int64 ``[P + 1]``.
        pitch_factors: Of the pitch of each phone, float64 ``[P]``; None changes nothing.
        end: The pause after it.
        gain: Of its samples.
    """

    backend: Backend
    latent: Kept
    speaker: Kept
    phones: NDArray[np.int64]
    starts: NDArray[np.int64]
    pitch_factors: NDArray[np.float64] | None
    end: EndPause
    gain: float

    def reshaping(self, frame_s: float) -> world.Reshaping | None:
        """The pitch that single phones are to have; their lengths they have already."""
        if self.pitch_factors is None:
            return None
        starts_s = self.starts.astype(np.float64) * frame_s
        return world.Reshaping(starts_s, starts_s, self.pitch_factors)

    def timings(self, start: int, stop: int, frame_s: float) -> tuple[PhoneTiming, ...]:
        """The phones that begin within these frames, from the first frame on."""
        first, last = np.searchsorted(self.starts[:-1], [start, stop])
        return tuple(
            PhoneTiming(
                phone=SYMBOLS[self.phones[index]],
                start_s=float(self.starts[index] - start) * frame_s,
                duration_s=float(self.starts[index + 1] - self.starts[index]) * frame_s,
            )
            for index in range(first, last)
        )


class _Piece(Protocol):
    """A piece of a sentence's audio, from one frame to another."""

    @property
    def start(self) -> int: ...

    @property
    def stop(self) -> int: ...

    def prepare(self) -> Iterator[NDArray[np.float32]]:
        """What has to be done before, one piece of work at a time."""
        ...

    def decode(self, *, all_cpus: bool) -> NDArray[np.float32]:
        """What the network says in it."""
        ...


@dataclass(frozen=True, slots=True)
class _WholePiece:
    """A sentence too short to be cut."""

    sentence: _Sentence
    start: int = 0

    @property
    def stop(self) -> int:
        return int(self.sentence.latent.shape[1])

    def prepare(self) -> Iterator[NDArray[np.float32]]:
        return iter(())

    def decode(self, *, all_cpus: bool) -> NDArray[np.float32]:  # noqa: ARG002 - it is short
        return self.sentence.backend.decode(self.sentence.latent, self.sentence.speaker)


class _Hidden:
    """What the decoder's first part has made of a sentence so far."""

    def __init__(self, sentence: _Sentence, heads: Sequence[WindowPlan]) -> None:
        self._sentence = sentence
        self._heads = iter(heads)
        self._made_frames = 0
        self._rows: Kept = None

    def reach(self, frames: int) -> Iterator[NDArray[np.float32]]:
        """Go on until so many frames are made."""
        sentence = self._sentence
        while self._made_frames < frames:
            plan = next(self._heads)
            latent = sentence.latent[:, plan.decode_start : plan.decode_stop]
            made = sentence.backend.decode_head(latent, sentence.speaker)
            per_frame = sentence.backend.parts.rows_per_frame
            if self._rows is None:
                self._rows = sentence.backend.room(per_frame * sentence.latent.shape[1], made)
            start, stop = plan.start * per_frame, plan.stop * per_frame
            before = plan.decode_start * per_frame
            self._rows[start:stop] = made[start - before : stop - before]
            self._made_frames = plan.stop
            yield _LET_OTHERS_GO_FIRST

    def of(self, plan: WindowPlan) -> Kept:
        """What a window of the second part reads; it must have been reached."""
        return self._rows[plan.decode_start : plan.decode_stop]


@dataclass(frozen=True, slots=True)
class _TailPiece:
    """A window."""

    sentence: _Sentence
    hidden: _Hidden
    plan: WindowPlan
    hop_length: int

    @property
    def start(self) -> int:
        return self.plan.start

    @property
    def stop(self) -> int:
        return self.plan.stop

    def prepare(self) -> Iterator[NDArray[np.float32]]:
        per_frame = self.sentence.backend.parts.rows_per_frame
        return self.hidden.reach(frames_of(self.plan.decode_stop, per_frame))

    def decode(self, *, all_cpus: bool) -> NDArray[np.float32]:
        plan, hop, backend = self.plan, self.hop_length, self.sentence.backend
        samples = backend.decode_tail(self.hidden.of(plan), all_cpus=all_cpus)
        before = plan.start * hop - plan.decode_start * hop // backend.parts.rows_per_frame
        return samples[before : before + plan.frames * hop]


def _pitch_factors(reading: Reading, spoken: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Of each phone of the network; those that are no phone of the reading get the one before."""
    if reading.delivery is None or not reading.delivery.changes_pitch:
        return None
    factors = np.array([1.0, *reading.delivery.phone_pitch_factors])
    reached: NDArray[np.int64] = np.maximum.accumulate(spoken) + 1
    every: NDArray[np.float64] = factors[reached.clip(0, len(factors) - 1)]
    return every
