"""From the accent phrases of a query back to sentences that a voice speaks.

What a text says beside its moras, such as words and kanji, is not in a query, but voices speak
better with it. So the sentences that queries were made of lately are remembered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import TextTooLong
from hayakoe_engine.text.reading import AccentPhrase
from wyoming_hayakoe.http.keys import SETTINGS
from wyoming_hayakoe.http.voicevox.phrases import KanaPhrase, told_moras

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiohttp import web

    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.tts import TTS
    from wyoming_hayakoe.http.voicevox import models

__all__ = ["RecentReadings", "Sentence", "check_moras", "sentences_of"]

MAX_LABELS: Final = 20_000
"""Of all readings that are remembered: about 25 minutes of speech, in 11 MB."""
MAX_SENTENCE_PHRASES: Final = 64
ENOUGH_MORAS: Final = 60
"""After so many a pause ends a sentence that nobody remembers."""
MOST_MORAS: Final = 200
"""After so many anything does."""


class RecentReadings:
    """Readings by their accent phrases, the least recently used forgotten first.

    May be used from many threads at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: OrderedDict[tuple[KanaPhrase, ...], Reading] = OrderedDict()
        self._labels = 0

    def remember(self, reading: Reading) -> None:
        """Keep a reading."""
        key = _key(_kana_phrases(reading))
        if len(key) > MAX_SENTENCE_PHRASES or len(reading.mora_phones) > MOST_MORAS:
            return
        if sum("-pau+" in label for label in reading.labels) != sum(one.has_pause for one in key):
            return  # a pause within an accent phrase, as in 雨「℃, which no query can say
        with self._lock:
            before = self._readings.pop(key, None)
            self._labels += len(reading.labels) - len(before.labels if before else ())
            self._readings[key] = reading
            while self._labels > MAX_LABELS:
                self._labels -= len(self._readings.popitem(last=False)[1].labels)

    def find(self, phrases: Sequence[KanaPhrase], start: int) -> Reading | None:
        """The longest sentence that these accent phrases are from there on."""
        stops = [
            stop
            for stop in range(start + 1, min(len(phrases), start + MAX_SENTENCE_PHRASES) + 1)
            if stop == len(phrases) or phrases[stop - 1].has_pause
        ]
        with self._lock:
            for stop in reversed(stops):
                key = _key(phrases[start:stop])
                if key in self._readings:
                    self._readings.move_to_end(key)
                    return self._readings[key]
        return None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a query.

    Attributes:
        reading: How it is read.
        start: Its first accent phrase in the query.
        stop: After its last one.
    """

    reading: Reading
    start: int
    stop: int


def check_moras(request: web.Request, sent: Sequence[models.AccentPhrase]) -> None:
    """Refuse more moras than a text may have characters.

    Raises:
        TextTooLong: There are more.
    """
    moras = sum(len(phrase.moras) for phrase in sent)
    most = request.app[SETTINGS].max_text_chars
    if moras > most:
        raise TextTooLong(f"there are {moras} moras; at most {most} are spoken at once")


def sentences_of(
    sent: Sequence[models.AccentPhrase],
    recent: RecentReadings,
    engine: TTS,
    *,
    may_ask: bool = True,
) -> list[Sentence]:
    """Divide accent phrases into sentences, and read them.

    Args:
        sent: What the client sends.
        recent: What may have been the text.
        engine: Reads what is not remembered.
        may_ask: Whether a question is spoken as one.

    Raises:
        Invalid: An accent phrase is none.
    """
    phrases = [KanaPhrase.of(phrase, place) for place, phrase in enumerate(sent)]
    if not may_ask:
        phrases = [replace(phrase, is_question=False) for phrase in phrases]
    return list(_sentences(phrases, recent, engine))


def _sentences(
    phrases: Sequence[KanaPhrase], recent: RecentReadings, engine: TTS
) -> Iterator[Sentence]:
    start = 0
    while start < len(phrases):
        reading = recent.find(phrases, start)
        if reading is None:
            stop = _end_of_unknown(phrases, start, recent)
            reading = _read(phrases[start:stop], engine)
        else:
            stop = start + len(reading.accent_phrases)
        yield Sentence(reading, start, stop)
        start = stop


def _end_of_unknown(phrases: Sequence[KanaPhrase], start: int, recent: RecentReadings) -> int:
    """Where a sentence ends that nobody remembers."""
    moras = 0
    for stop in range(start + 1, len(phrases)):
        last, following = phrases[stop - 1], phrases[stop]
        moras += len(last.moras)
        is_enough = moras >= ENOUGH_MORAS or recent.find(phrases, stop) is not None
        if last.is_question or (last.has_pause and is_enough):
            return stop
        if moras + len(following.moras) > MOST_MORAS:
            return stop
    return len(phrases)


def _read(phrases: Sequence[KanaPhrase], engine: TTS) -> Reading:
    spoken = _key(phrases)
    moras = 0
    devoiced: set[int] = set()
    for phrase in spoken:
        devoiced |= {moras + number for number in phrase.devoiced}
        moras += len(phrase.moras)
    return engine.read_phrases(
        [AccentPhrase(phrase.moras, phrase.accent, phrase.has_pause) for phrase in spoken],
        devoiced=devoiced,
        is_question=spoken[-1].is_question,
    )


def _key(phrases: Sequence[KanaPhrase]) -> tuple[KanaPhrase, ...]:
    """The phrases of one sentence, whose last pause is not within it."""
    return (*phrases[:-1], replace(phrases[-1], has_pause=False))


def _kana_phrases(reading: Reading) -> list[KanaPhrase]:
    vowels = iter([phones[-1] for phones in reading.mora_phones])
    last = len(reading.accent_phrases) - 1
    told = zip(reading.accent_phrases, told_moras(reading), strict=True)
    return [
        KanaPhrase(
            moras,
            phrase.accent or len(phrase.moras),
            phrase.pause_after,
            number == last and reading.is_question,
            frozenset(place for place, _ in enumerate(moras) if next(vowels) in "AIUEO"),
        )
        for number, (phrase, moras) in enumerate(told)
    ]
