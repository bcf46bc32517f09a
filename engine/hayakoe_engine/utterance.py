"""An utterance: text goes in as it comes, audio comes out as it is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias, TypeVar

import numpy as np

from hayakoe_engine.audio import Audio
from hayakoe_engine.errors import BadOption, EmptyText
from hayakoe_engine.passage import Passage
from hayakoe_engine.text.clean import Cleaner
from hayakoe_engine.text.markup import parse_ssml
from hayakoe_engine.text.split import SentenceSplitter, split_sentences
from hayakoe_engine.voices.voice import DistantVoice
from hayakoe_engine.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.passage import Made, Replacement, Windows
    from hayakoe_engine.text.markup import Span
    from hayakoe_engine.text.reading import Reader, Reading
    from hayakoe_engine.text.text_options import TextOptions
    from hayakoe_engine.voices.voice import Voice
    from hayakoe_engine.window import MadeWindow
    from hayakoe_engine.work_stream import WorkStream

Markup: TypeAlias = Literal["ssml"]
"""What a text may be, other than plain."""

_PUNCTUATION: Final = tuple("。．.！!？?…」』）)、，,")
_T = TypeVar("_T")
_NO_WINDOW = np.zeros(0, np.float32)


class Utterance:
    """One utterance of one voice.

    ``push`` text, ``finish``, and iterate over the audio, with ``for`` from a thread or with
    ``async for`` from a task. None of the methods blocks. Close it, or use it as a context
    manager, if you do not iterate to its end.

    Attributes:
        characters: Length of the text pushed so far.
    """

    def __init__(
        self,
        voice: Voice,
        reader: Reader,
        options: SynthesisOptions,
        stream: WorkStream,
        markup: Markup | None = None,
        text_options: TextOptions | None = None,
        others: Mapping[str, Voice] | None = None,
        stand_in: Voice | None = None,
    ) -> None:
        self._voice = voice
        self._stand_in = stand_in
        self._others = others or {}
        self._reader = reader
        self._options = options
        self._stream = stream
        # Both are used by the stream's work only, which is done by one thread at a time, in order.
        self._splitter = SentenceSplitter()
        self._text_options = text_options
        self._cleaner = Cleaner(text_options)
        # A document is whole or nothing, so it is spoken when all of it has come.
        self._document: list[str] | None = [] if markup == "ssml" else None
        self.characters = 0
        self._spoke = False

    @property
    def sample_rate_hz(self) -> int:
        """Rate of all audio of this utterance."""
        return self._voice.info.sample_rate_hz

    @property
    def audio_s(self) -> float:
        """Audio made so far, in seconds."""
        return self._stream.produced_s

    @property
    def work_s(self) -> float:
        """Processing time so far, in seconds."""
        return self._stream.work_s

    @property
    def queue_s(self) -> float | None:
        """Time before anybody began to work on it; None if nobody has yet."""
        return self._stream.queue_s

    @property
    def replacements(self) -> Sequence[Replacement]:
        """The sentences so far that the stand-in has said in place of the voice, in order."""
        return self._stream.replacements

    @property
    def is_speaking(self) -> bool:
        """Whether there is audio to be made or to be taken, without further text."""
        return self._stream.is_busy

    def push(self, text: str) -> None:
        """Append text; it is spoken as soon as a sentence of it is complete.

        Of an SSML document nothing is spoken before ``finish``.
        """
        self.characters += len(text)
        if self._document is None:
            self._add(lambda: self._splitter.push(text))
        else:
            self._document.append(text)

    def flush(self) -> None:
        """Speak what has come so far although its sentence is not complete."""
        if self._document is None:
            self._add(self._splitter.flush)

    def say(self, reading: Reading) -> None:
        """Speak a sentence as it is read here, after everything that has come before.

        Raises:
            BadOption: Its delivery is that of another one.
        """
        _check_delivery(reading)
        self.flush()
        self.characters += len(reading.text)
        self._stream.add(lambda: iter((self._passage(reading, self._options, self._voice),)))

    def pause(self, seconds: float) -> None:
        """Be silent for a time, after everything that has come before."""
        self.flush()
        silence = np.zeros(round(seconds * self.sample_rate_hz), np.float32)
        self._stream.add(lambda: iter((silence,)))

    def finish(self) -> None:
        """Say that all text has come."""
        self.flush()
        if self._document is not None:
            self._stream.add(self._speak_document)
        self._stream.end()

    def close(self) -> None:
        """Stop speaking; what is not taken yet is dropped."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Audio:
        """The next window.

        Raises:
            EmptyText: There was nothing to speak in the whole text.
            BadMarkup: It is not the SSML that it was said to be; nothing of it is spoken.
            HayakoeError: Speaking failed; all audio made before has been given out.
        """
        try:
            return self._audio(next(self._stream))
        except StopIteration:
            self._check_spoken()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Audio:
        """As ``__next__``."""
        try:
            return self._audio(await anext(self._stream))
        except StopAsyncIteration:
            self._check_spoken()
            raise

    def _audio(self, window: MadeWindow) -> Audio:
        self._spoke = True
        return Audio(window.samples, self.sample_rate_hz, window.timings, window.sentence)

    def _check_spoken(self) -> None:
        if not self._spoke:
            self._spoke = True
            raise EmptyText("there is nothing to speak in this text")

    def _add(self, sentences: Callable[[], Iterable[str]]) -> None:
        self._stream.add(lambda: self._speak(sentences))

    def _speak_document(self) -> Iterator[Made | Passage]:
        spans = parse_ssml("".join(self._document or ()))
        for span, following in zip_longest(spans, spans[1:]):
            yield from self._speak_span(span, goes_on=following is not None)

    def _speak_span(self, span: Span, *, goes_on: bool) -> Iterator[Made | Passage]:
        pause_s = span.break_after_s
        if goes_on and pause_s is None and not span.ends_sentence:
            # The sentence goes on in another manner, unless its text ends here.
            pause_s = None if span.text.endswith(_PUNCTUATION) else 0.0
        options = span.changes.applied_to(self._options)
        voice = self._voice
        for name in reversed(span.voices):
            if name in self._others:
                voice = self._others[name]
                options = options.changed(style=None, speaker_id=0)
                break
        for reading, is_last in _with_last(self._read_span(span)):
            if is_last and pause_s is not None:
                yield self._passage(replace(reading, end_pause_s=pause_s), options, voice)
                return
            yield self._passage(reading, options, voice)
        yield np.zeros(round((pause_s or 0.0) * self.sample_rate_hz), np.float32)

    def _read_span(self, span: Span) -> Iterator[Reading]:
        if span.kana is not None:
            yield self._reader.read_kana(span.kana)
            return
        cleaner = Cleaner(self._text_options)
        for reading in self._reader.read_all(split_sentences(span.text), cleaner):
            if not reading.is_silent:
                yield reading

    def _speak(self, sentences: Callable[[], Iterable[str]]) -> Iterator[Made | Passage]:
        for reading in self._reader.read_all(sentences(), self._cleaner):
            if reading.is_silent:
                # Many sentences without sound are many pieces of work all the same.
                yield _NO_WINDOW
            else:
                yield self._passage(reading, self._options, self._voice)

    def _passage(self, reading: Reading, options: SynthesisOptions, voice: Voice) -> Passage:
        begin = partial(self._say, reading, options, voice)
        if self._stand_in is None or voice is self._stand_in:
            return Passage(reading.text, begin)
        own = options.changed(style=None, speaker_id=0)
        return Passage(reading.text, begin, partial(self._say, reading, own, self._stand_in))

    def _say(self, reading: Reading, options: SynthesisOptions, voice: Voice) -> Windows:
        rng = np.random.default_rng(options.seed)
        if isinstance(voice, DistantVoice):
            windows = voice.begin_for(self._stream.priority, reading, options, rng)
        else:
            windows = voice.begin(reading, options, rng)
        if voice.info.sample_rate_hz == self.sample_rate_hz:
            return windows
        return _resampled(windows, voice.info.sample_rate_hz, self.sample_rate_hz)


def _check_delivery(reading: Reading) -> None:
    if reading.delivery is None:
        return
    phones = [len(phones) > 1 for phones in reading.mora_phones]
    given = [mora.consonant_s is not None for mora in reading.delivery.moras]
    pauses = sum("-pau+" in label for label in reading.labels)
    if given != phones or len(reading.delivery.pauses_s) != pauses:
        raise BadOption(
            f"the delivery has {len(given)} moras and {len(reading.delivery.pauses_s)} pauses, and "
            f"is not that of {reading.kana!r:.80}"
        )


def _resampled(windows: Windows, from_hz: int, to_hz: int) -> Windows:
    """A sentence of another voice, at the rate of the utterance."""
    import soxr  # noqa: PLC0415

    stream = soxr.ResampleStream(from_hz, to_hz, 1)
    for window in windows:
        samples = window.make().samples if isinstance(window, Window) else window
        yield stream.resample_chunk(samples)
    yield stream.resample_chunk(_NO_WINDOW, last=True)


def _with_last(items: Iterator[_T]) -> Iterator[tuple[_T, bool]]:
    """Each item, and whether it is the last one."""
    current = next(items, None)
    while current is not None:
        following = next(items, None)
        yield current, following is None
        current = following
