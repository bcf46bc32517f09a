"""How a sentence is read: words, accent phrases and moras, by Open JTalk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import pyopenjtalk
from pyopenjtalk.openjtalk import OpenJTalk

from hayakoe_engine.text.clean import is_speakable
from hayakoe_engine.text.dictionary.matching import not_against_dictionary
from hayakoe_engine.text.english import find_english
from hayakoe_engine.text.kana import find_moras, split_moras
from hayakoe_engine.text.labels import SILENCES, phone_of
from hayakoe_engine.text.notation.find import find_notations
from hayakoe_engine.text.rewriting import Rewritten

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pyopenjtalk.types import MeCabMorph, NJDFeature, SurfacePhonemeMapping

    from hayakoe_engine.text.clean import Cleaner
    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

_KANA_PHRASE = re.compile("([^/、]+)([/、]?)")
_DEVOICED = "’"
_PAUSES = frozenset({"、", "？", "！"})
_UNSPOKEN = frozenset({"pau", "sp", "unk"})
_NUCLEI = frozenset({"a", "i", "u", "e", "o", "A", "I", "U", "E", "O", "N", "cl"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is spoken.

    Attributes:
        surface: The characters of the text that it stands for; empty where the analyser made
            several words of one notation (a number's tens, say): the first of them has the text.
        span: Where the surface lies in the text, ``[start, end)`` in characters.
        spelling: How the analyser writes it, which makes two words of the 2 of 23: 二 and 十.
            Full-width; never empty.
        kana: How it sounds, in katakana; empty if it is not spoken.
        phones: How it sounds, in the names of the labels; empty if it is not spoken.
        part_of_speech: As the dictionary names it, in Japanese.
        known: Whether the dictionary knows the word.
        rule: What decided its reading, if not the dictionary: the name of a rule of ours, or
            "Open JTalk" for one of the analyser's.
    """

    surface: str
    span: tuple[int, int]
    spelling: str
    kana: str
    phones: tuple[str, ...]
    part_of_speech: str
    known: bool
    rule: str | None


@dataclass(frozen=True, slots=True)
class AccentPhrase:
    """Moras spoken under one accent.

    Attributes:
        moras: Katakana, one mora each.
        accent: The mora after which the pitch falls, from 1; 0 if it does not.
        pause_after: Whether a pause follows within the sentence.
    """

    moras: tuple[str, ...]
    accent: int
    pause_after: bool = False

    @property
    def kana(self) -> str:
        """The moras joined."""
        return "".join(self.moras)


@dataclass(frozen=True)
class Reading:
    """One sentence, ready to be spoken by any voice.

    Attributes:
        text: The sentence that was read.
        words: Its words, also those that are not spoken.
        accent_phrases: What is spoken; empty if nothing is.
        labels: HTS full-context labels, one per phone, silence at both ends; empty if nothing is
            spoken (format: HTS-demo, ``HTS_TTS_JPN``).
        end_pause_s: Exact silence after it, in seconds; None is the voice's own pause.
        delivery: Lengths and pitch of its moras; None leaves them to the voice.
    """

    text: str
    words: tuple[Word, ...]
    accent_phrases: tuple[AccentPhrase, ...]
    labels: tuple[str, ...]
    end_pause_s: float | None = None
    delivery: Delivery | None = None

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to speak."""
        return not self.labels

    @property
    def is_question(self) -> bool:
        """Whether the sentence ends with a question mark."""
        return self._ending.endswith(("?", "？"))

    @property
    def ends_sentence(self) -> bool:
        """Whether a full pause follows, not only that of a comma."""
        return not self._ending.endswith((",", "、", "，"))

    @cached_property
    def mora_spans(self) -> tuple[tuple[int, int], ...]:
        """Where each mora of the accent phrases comes from: ``[start, end)`` in the text.

        The moras of one word, or of one notation, share their place.
        """
        spans: list[tuple[int, int]] = []
        span = (0, 0)
        for word in self.words:
            span = word.span if word.surface else span
            spans += [span] * len(find_moras(word.kana))
        return tuple(spans)

    @cached_property
    def mora_phones(self) -> tuple[tuple[str, ...], ...]:
        """The phones of each mora, in the names of the labels: one or two, the vowel last."""
        moras: list[tuple[str, ...]] = []
        mora: tuple[str, ...] = ()
        for phone in map(phone_of, self.labels):
            if phone in SILENCES:
                continue
            mora += (phone,)
            if phone in _NUCLEI:
                moras.append(mora)
                mora = ()
        return tuple(moras)

    @cached_property
    def kana(self) -> str:
        """The whole sentence in katakana, as it sounds; ``、`` is a pause."""
        pieces = [phrase.kana + "、" * phrase.pause_after for phrase in self.accent_phrases]
        return "".join(pieces) + ("？" if self.is_question and pieces else "")

    @cached_property
    def _ending(self) -> str:
        return self.text.rstrip("」』）)】］]〉》”\"' \u3000\n")


class Reader:
    """Open JTalk with its dictionary; may be used from many threads at once.

    Args:
        dictionary: Words of the user's own; a change of it counts from the next sentence on.
    """

    def __init__(self, dictionary: UserDictionary | None = None) -> None:
        self._analyser = OpenJTalk(pyopenjtalk.OPEN_JTALK_DICT_DIR)
        self._dictionary = dictionary

    def read(self, text: str) -> Reading:
        """Analyse one sentence of prose."""
        analyser, prose = self._analyser, Rewritten.original(text)
        if self._dictionary is not None:
            lexicon = self._dictionary.lexicon
            analyser = lexicon.analyser or analyser
            prose = prose.replaced(lexicon.find(prose.text))
        for find in (find_notations, find_english):
            changes = not_against_dictionary(prose, find(prose.text), partial(_cut, analyser))
            prose = prose.replaced(changes)
        if not is_speakable(prose.text):  # the analyser would complain on standard error
            return Reading(text, (), (), ())
        features, morphs = _analyse(prose.text, analyser)
        entries = pyopenjtalk.make_phoneme_mapping(
            features, morphs, caller_text=prose.text, jtalk=analyser
        )
        words = tuple(_words(text, prose, entries))
        if not any(word.kana for word in words):
            return Reading(text, words, (), ())
        labels = analyser.make_label(features)
        return Reading(text, words, tuple(_accent_phrases(entries, labels)), tuple(labels))

    def read_all(self, sentences: Iterable[str], cleaner: Cleaner) -> Iterator[Reading]:
        """Clean and analyse the sentences of a text, one reading each, also of silent ones."""
        return (self.read(cleaner.clean(sentence)) for sentence in sentences)

    def read_kana(self, kana: str) -> Reading:
        """Take a reading as it is given, accents included.

        Args:
            kana: Katakana, ``'`` after the mora where the pitch falls, ``/`` between accent
                phrases, ``、`` where there is a pause between them.
        """
        phrases: list[AccentPhrase] = []
        for part, mark in _KANA_PHRASE.findall(kana):
            before, fall, after = part.partition("'")
            accent = len(split_moras(before)) if fall else 0
            phrases.append(AccentPhrase(split_moras(before + after), accent, mark == "、"))
        return self.read_phrases(phrases)

    def read_phrases(
        self,
        phrases: Sequence[AccentPhrase],
        *,
        devoiced: Collection[int] = (),
        is_question: bool = False,
    ) -> Reading:
        """Take accent phrases as they are given.

        Args:
            phrases: At least one.
            devoiced: Numbers of the moras whose vowel is whispered, from 0, all phrases together.
            is_question: Whether it is asked.
        """
        features: list[NJDFeature] = []
        mora = 0
        for phrase in phrases:
            marks = [_DEVOICED * (mora + place in devoiced) for place in range(len(phrase.moras))]
            mora += len(marks)
            pron = "".join(kana + mark for kana, mark in zip(phrase.moras, marks, strict=True))
            features.append(_feature("名詞", "一般", pron, phrase.accent, len(phrase.moras)))
            if phrase.pause_after:
                features.append(_feature("記号", "読点", "、", 0, 0))
        if is_question:
            features.append(_feature("記号", "一般", "？", 0, 0))
        text = "".join(feature["string"] for feature in features)
        entries = pyopenjtalk.make_phoneme_mapping(features, jtalk=self._analyser)
        words = tuple(_words(text, Rewritten.original(text), entries))
        labels = tuple(self._analyser.make_label(features))
        return Reading(text, words, tuple(phrases), labels)


def _analyse(text: str, analyser: OpenJTalk) -> tuple[list[NJDFeature], list[MeCabMorph]]:
    # Sudachi's opinion on kanji with several readings costs 100 MB and, on sentences of the
    # home, spoils as many (値が上がる, 種をまく, 表の門) as it mends (金の価格).
    try:
        return pyopenjtalk.run_frontend_detailed(text, use_sudachi_kanji_yomi=False, jtalk=analyser)
    except ModuleNotFoundError:
        # For a kanji unknown to its own dictionary it looks into Sudachi's, which small
        # installations leave out. The kanji then stays unread.
        return pyopenjtalk.run_frontend_detailed(text, use_vanilla=True, jtalk=analyser)


def _cut(analyser: OpenJTalk, text: str) -> set[tuple[int, int]]:
    """Where the analyser's words lie in a text; those that it spells otherwise are left out."""
    spans = set()
    end = 0
    for morph in analyser.run_mecab_detailed(text)[1]:
        start = text.find(morph["surface"], end)
        if start >= 0:
            end = start + len(morph["surface"])
            spans.add((start, end))
    return spans


def _feature(pos: str, group: str, pron: str, accent: int, moras: int) -> NJDFeature:
    """A word as the analyser would have found it, with an accent phrase of its own."""
    return {
        "string": pron.replace(_DEVOICED, ""),
        "pos": pos,
        "pos_group1": group,
        "pos_group2": "*",
        "pos_group3": "*",
        "ctype": "*",
        "cform": "*",
        "orig": pron,
        "read": pron,
        "pron": pron,
        "acc": accent,
        "mora_size": moras,
        "chain_rule": "*",
        "chain_flag": 0,
        "is_reading_protected": False,
        "is_reading_rewritten": False,
    }


def _words(text: str, prose: Rewritten, entries: Sequence[SurfacePhonemeMapping]) -> Iterator[Word]:
    end = 0
    rule = None
    for entry, moras in zip(entries, _moras(entries), strict=True):
        start, stop = entry["char_span"]
        source = prose.origin(start, stop)
        if start < stop:  # else it belongs to the word before
            rule = _rule(prose.rules[start:stop], entry)
        # What one notation was turned into may be several words; the first has its characters.
        span = (end, end) if stop <= start or source[0] < end else source
        end = span[1]
        yield Word(
            surface=text[span[0] : span[1]],
            span=span,
            spelling=entry["surface"],
            kana="".join(moras),
            phones=tuple(phone for phone in entry["phonemes"] if phone not in _UNSPOKEN),
            part_of_speech=entry["pos"],
            known=not entry["is_unknown"],
            rule=rule,
        )


def _rule(rules: Iterable[str | None], entry: SurfacePhonemeMapping) -> str | None:
    written = next((rule for rule in rules if rule is not None), None)
    return written or ("Open JTalk" if entry["reading_source"] == "Rule" else None)


def _accent_phrases(
    entries: Sequence[SurfacePhonemeMapping], labels: Sequence[str]
) -> Iterator[AccentPhrase]:
    pauses = _pauses(labels)
    spoken = 0
    for moras, accent in _mora_groups(entries):
        spoken += len(moras)
        yield AccentPhrase(tuple(moras), accent, spoken in pauses)


def _mora_groups(entries: Sequence[SurfacePhonemeMapping]) -> Iterator[tuple[list[str], int]]:
    """The moras of each accent phrase, and its accent: that of its first word."""
    group: list[str] = []
    accent = 0
    for entry, moras in zip(entries, _moras(entries), strict=True):
        if group and moras and entry["chain_flag"] != 1:
            yield group, min(accent, len(group))
            group = []
        if not group:
            accent = entry["accent_nucleus"]
        group += moras
    if group:
        yield group, min(accent, len(group))


def _pauses(labels: Sequence[str]) -> set[int]:
    """After how many moras there is a pause; a mora has one vowel, ン or ッ."""
    pauses = set()
    moras = 0
    for label in labels:
        phone = phone_of(label)
        moras += phone in _NUCLEI
        if phone == "pau":
            pauses.add(moras)
    return pauses


def _moras(entries: Iterable[SurfacePhonemeMapping]) -> Iterator[list[str]]:
    """The moras of each word; a lengthening of nothing, after a pause, is none."""
    is_after_pause = True
    for entry in entries:
        moras: list[str] = []
        if _UNSPOKEN.issuperset(entry["phonemes"]):
            is_after_pause = is_after_pause or entry["pron"] in _PAUSES
        else:
            moras = find_moras(entry["pron"].replace(_DEVOICED, ""))
            while is_after_pause and moras[:1] == ["ー"]:
                del moras[0]
            is_after_pause = is_after_pause and not moras
        yield moras
