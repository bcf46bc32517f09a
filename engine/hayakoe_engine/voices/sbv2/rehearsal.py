"""A voice speaks to nobody, to be measured: how loud it is, and which precision it bears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.installed import PRECISIONS, Precision, Quality
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.voices.sbv2.voice import Sbv2Voice
from hayakoe_engine.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.backend import Backend
    from hayakoe_engine.voices.sbv2.config import VoiceConfig
    from hayakoe_engine.voices.sbv2.language_model import LanguageModel
    from hayakoe_engine.voices.sbv2.styles import StyleVectors
    from hayakoe_engine.voices.voice import VoiceInfo

SENTENCES: Final = (
    "お風呂が沸きました。",
    "明日の天気は晴れ、最高気温は二十五度です。",
    "玄関の鍵が開いていますが、よろしいですか？",
)
"""What a voice says when it is measured."""

LEAST_SNR_DB: Final = 25.0
GREATEST_LOG_MEL_DB: Final = 1.5
"""A precision is good enough if it comes at least so near to ``exact``, with the same noise."""


def best_of(quality: Mapping[str, Quality]) -> Precision:
    """The fastest precision that is good enough, of those below ``exact``."""
    best: Precision = PRECISIONS[0]
    for precision in PRECISIONS[1:]:
        found = quality[precision]
        if found.snr_db < LEAST_SNR_DB or found.log_mel_db > GREATEST_LOG_MEL_DB:
            break
        best = precision
    return best


class Rehearsal:
    """Says sentences as a listener would hear them, but as loud as the network makes them.

    Args:
        info: Facts about the voice.
        config: Of the published voice.
        styles: Its styles.
        language_model: To speak with.
        sentences: What it says.
    """

    def __init__(
        self,
        info: VoiceInfo,
        config: VoiceConfig,
        styles: StyleVectors,
        language_model: LanguageModel,
        sentences: Sequence[str] = SENTENCES,
    ) -> None:
        self._info = info
        self._config = config
        self._styles = styles
        self._language_model = language_model
        reader = Reader()
        self._readings = [reader.read(sentence) for sentence in sentences]

    def speak(self, backend: Backend) -> NDArray[np.float32]:
        """All sentences in a row, float32 ``[n]``."""
        return np.concatenate(self.speak_each(backend))

    def speak_each(self, backend: Backend) -> list[NDArray[np.float32]]:
        """The sentences one by one, float32 ``[n]`` each; always with the same noise."""
        voice = Sbv2Voice(
            self._info,
            self._config,
            self._styles,
            gain=1.0,
            backend=Resident(Residency(), 0, lambda: backend),
            language_model=self._language_model,
            phrases=PhraseCache(0),
            identity="",
        )
        options = SynthesisOptions()
        return [
            np.concatenate(
                [
                    window.make().samples if isinstance(window, Window) else window
                    for window in voice.begin(reading, options, np.random.default_rng(0))
                ]
            )
            for reading in self._readings
        ]
