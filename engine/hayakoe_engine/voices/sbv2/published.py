"""A voice whose published graph could not be taken apart: it runs whole, a sentence at a time.

It speaks as its makers meant it to, but its first sound comes when its last is computed, and its
noise cannot be seeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.limiter import limit
from hayakoe_engine.voices.sbv2.pauses import MIN_PAUSE_S, EndPause, end_with
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.voices.sbv2.phrase_cache import phrase_key, windows_of
from hayakoe_engine.voices.sbv2.sessions import SessionOpener
from hayakoe_engine.voices.sbv2.synthesizer_inputs import feeds_for, names_in
from hayakoe_engine.voices.style_mix import style_shares
from hayakoe_engine.window import MadeWindow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.residency import Resident
    from hayakoe_engine.voices.sbv2.files import VoiceFiles
    from hayakoe_engine.voices.sbv2.language_model import LanguageModel
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import VoiceInfo
    from hayakoe_engine.window import Window

_LET_OTHERS_GO_FIRST: Final = np.zeros(0, np.float32)

_BERT_INPUTS: Final = ("input_ids", "attention_mask")


def open_synthesizer(path: Path, threads: int) -> InferenceSession:
    """Open a published ``synthesizer.onnx``.

    Raises:
        BadVoiceFiles: It cannot be opened, or is something else.
    """
    session = SessionOpener(None).open(path, threads=threads)
    found = _inputs_of(session)
    _check_inputs(path, found, names_in(found).values())
    return session


def open_bert(path: Path, threads: int) -> PublishedBert:
    """Open a published ``bert_q8.onnx``.

    Raises:
        BadVoiceFiles: It cannot be opened, or is something else.
    """
    session = SessionOpener(None).open(path, threads=threads)
    _check_inputs(path, _inputs_of(session), _BERT_INPUTS)
    return PublishedBert(session)


def _inputs_of(session: InferenceSession) -> list[str]:
    return [item.name for item in session.get_inputs()]


def _check_inputs(path: Path, found: Collection[str], expected: Collection[str]) -> None:
    if sorted(found) != sorted(expected):
        raise BadVoiceFiles(
            f"{path}: is something else: it takes {', '.join(sorted(found))}, and not "
            + ", ".join(sorted(expected))
        )


class PublishedBert:
    """The language model as it was published."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def features(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Characters, int64 ``[L]``, to features, float32 ``[L, width]``."""
        feeds = {"input_ids": ids[None], "attention_mask": np.ones((1, len(ids)), np.int64)}
        hidden: NDArray[np.float32] = self._session.run(["hidden_states"], feeds)[0][0]
        return hidden


class PublishedVoice:
    """A neural voice as it was published.

    Args:
        info: Facts about it.
        files: Of the published voice.
        session: Gives its network, which is opened now if it is not open.
        language_model: May be shared with other voices.
        phrases: May be shared with other voices.
        identity: Differs from that of every other voice.
    """

    def __init__(
        self,
        info: VoiceInfo,
        files: VoiceFiles,
        session: Resident[InferenceSession],
        language_model: LanguageModel,
        *,
        phrases: PhraseCache,
        identity: str,
    ) -> None:
        self._info = info
        self._files = files
        self._session = session
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
        self,
        reading: Reading,
        options: SynthesisOptions,
        rng: np.random.Generator,  # noqa: ARG002 - the graph draws its own noise
    ) -> Iterator[NDArray[np.float32] | Window]:
        """Speak one sentence, in one window."""
        sequence = phones_of(reading)
        key = phrase_key(self._identity, self._info, sequence, reading, options)
        known = self._phrases.get(key, options.remember)
        if known is not None:
            yield from windows_of(known)
            return
        phones = sequence.model_input(add_blank=self._files.config.add_blank)
        features = np.asarray(self._language_model.features(sequence.text))
        yield _LET_OTHERS_GO_FIRST
        shares = style_shares(options.style or self._info.styles[0], self._info)
        numbers = {
            "noise_scale": options.noise,
            "length_scale": 1.0 / options.speed,
            "noise_scale_w": options.noise_w,
            "sdp_ratio": options.sdp_ratio,
        }
        session = self._session.get()
        feeds = feeds_for(
            session,
            {
                "x": phones.phones[None],
                "x_lengths": np.array([len(phones.phones)], np.int64),
                "sid": np.array([options.speaker_id], np.int64),
                "tone": phones.tones[None],
                "language": phones.languages[None],
                "bert": np.ascontiguousarray(np.repeat(features, phones.word2ph, axis=0).T)[None],
                "style_vec": self._files.styles.mix(shares, options.style_weight)[None],
                **{name: np.array([value], np.float32) for name, value in numbers.items()},
            },
        )
        audio = session.run([session.get_outputs()[0].name], feeds)[0].reshape(-1)
        pause_s = reading.end_pause_s
        end = (
            EndPause(MIN_PAUSE_S * options.pause_scale, is_exact=False)
            if pause_s is None
            else EndPause(pause_s, is_exact=True)
        )
        samples = limit(audio * np.float32(options.volume))
        made = MadeWindow(end_with(end, samples, self._info.sample_rate_hz))
        yield self._phrases.record(key, 1, options.remember).add(0, made).samples

    def close(self) -> None:
        """Let go of the session; it ends with the last sentence that uses it."""
        self._session.close()
