"""The user dictionary in Open JTalk's own form."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.dictionary.errors import DictionaryUnavailable
from hayakoe_engine.text.dictionary.matching import Matcher, private_surface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyopenjtalk.openjtalk import OpenJTalk

    from hayakoe_engine.text.dictionary.entry import Entry
    from hayakoe_engine.text.rewriting import Replacement

__all__ = ["Compiler", "Lexicon"]

_MARGINS: Final = (-4000, -3200, -2400, -1600, -800, 0, 800, 1600, 2400, 4000, 9000)
"""By priority, how much cheaper a word is than what Open JTalk would take in its place.

At 8 it wins wherever the text would be cut at its ends anyway; at 10 it also cuts longer words.
"""
_CEILINGS: Final = (9000, 8400, 7800, 7200, 6600, 6000, 5400, 4800, 4200, 3600, 0)
"""By priority, the most that a word may cost: an unknown one must beat longer unknown ones."""
_PRIVATE_COST: Final = -5000
_COSTS: Final = (-32768, 32767)

_PROPER_NOUN: Final = (1348, 1348, "名詞,固有名詞,一般,*")
# Nouns that stand for themselves: a prefix, a suffix or a number is something else in 横浜市, 十二.
_NOUNS: Final = frozenset(
    {"一般", "固有名詞", "サ変接続", "形容動詞語幹", "副詞可能", "代名詞", "ナイ形容詞語幹"}
)
_NO_ENDS: Final = frozenset({"数", "接尾"})
_KIND: Final = 2  # of a morph's features: surface, part of speech, its kinds from broad to narrow
_PATHS: Final = 20
_REMEMBERED: Final = 50_000

# In a process of its own: the indexer writes to standard output and may end the process.
_INDEX: Final = (
    "import sys; from pyopenjtalk.openjtalk import mecab_dict_index as index; "
    "sys.exit(index(*map(__import__('os').fsencode, sys.argv[1:])) != 0)"
)
_INDEX_TIMEOUT_S: Final = 120

_Contexts = dict[tuple[int, int, str], int]


class Lexicon:
    """The words of one moment; never changes.

    Attributes:
        analyser: Open JTalk with the words; None if there are none.
    """

    def __init__(self, entries: Iterable[Entry], analyser: OpenJTalk | None) -> None:
        self.analyser = analyser
        self._matcher = Matcher(entries)

    def find(self, text: str) -> list[Replacement]:
        """What to replace in a sentence before ``analyser`` reads it."""
        return self._matcher.find(text)


class Compiler:
    """Makes lexicons. Remembers what Open JTalk thinks of a word, so that the next is quick."""

    def __init__(self) -> None:
        self._contexts: dict[str, _Contexts] = {}

    def lexicon(self, entries: Iterable[Entry]) -> Lexicon:
        """Compile words.

        Raises:
            DictionaryUnavailable: It is not possible.
        """
        entries = tuple(entries)
        if not entries:
            return Lexicon((), None)
        rows = "".join(dict.fromkeys(row for entry in entries for row in self._rows(entry)))
        try:
            return Lexicon(entries, _compile(rows))
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            raise DictionaryUnavailable(
                f"the user dictionary could not be compiled: {error}",
                hint=f"is there room in {tempfile.gettempdir()}?",
            ) from error

    def _rows(self, entry: Entry) -> Iterator[str]:
        if not entry.is_native:
            surface = private_surface(entry)
            left, right, kind = _PROPER_NOUN
            yield _row(entry, surface, left, right, kind, _PRIVATE_COST)
            return
        margin = _MARGINS[entry.priority]
        for (left, right, kind), rival in self._rivals(entry.surface).items():
            cost = rival - margin
            if (left, right, kind) == _PROPER_NOUN:
                cost = min(cost, _CEILINGS[entry.priority])
            yield _row(entry, entry.surface, left, right, kind, cost)

    def _rivals(self, surface: str) -> _Contexts:
        """In which contexts Open JTalk knows a word, and its cost there."""
        contexts = self._contexts.get(surface)
        if contexts is None:
            if len(self._contexts) >= _REMEMBERED:
                self._contexts.clear()
            contexts = self._contexts[surface] = _rivals(self._analyser, surface)
        return contexts

    @cached_property
    def _analyser(self) -> OpenJTalk:
        return _open(b"")


def _rivals(analyser: OpenJTalk, surface: str) -> _Contexts:
    _, morphs = analyser.run_mecab_detailed(surface)
    cost = morphs[0]["word_cost"] + sum(morph["link_cost"] for morph in morphs[1:])
    contexts = {_PROPER_NOUN: cost}
    ends = {morph["features"][_KIND] for morph in (morphs[0], morphs[-1])}
    if len(morphs) > 1 and not ends & _NO_ENDS:
        # In place of several words: what comes before and after sees the same as now.
        contexts[morphs[0]["left_id"], morphs[-1]["right_id"], _PROPER_NOUN[2]] = cost
    for path in analyser.run_mecab_nbest_features(surface, _PATHS):
        morph = path["morphs"][0]
        features = morph["features"]
        is_noun = features[_KIND - 1] == "名詞" and features[_KIND] in _NOUNS
        if len(path["morphs"]) == 1 and not morph["is_unknown"] and is_noun:
            context = morph["left_id"], morph["right_id"], ",".join(features[_KIND - 1 : _KIND + 3])
            known = morph["word_cost"]
            contexts[context] = min(contexts.get(context, known), known)
    return contexts


def _row(entry: Entry, surface: str, left: int, right: int, kind: str, cost: int) -> str:
    """One line for the indexer.

    The last column says how the accent of a compound comes about whose later part this is: C1,
    it falls as in this word; C4, it does not fall.
    """
    accent = entry.spoken_accent
    cost = min(max(cost, _COSTS[0]), _COSTS[1])
    return (
        f"{surface},{left},{right},{cost},{kind},*,*,{surface},{entry.reading},{entry.reading},"
        f"{accent}/{len(entry.moras)},{'C1' if accent else 'C4'}\n"
    )


def _compile(rows: str) -> OpenJTalk:
    """Index rows and open the result; it is mapped into memory, so its file may go."""
    from pyopenjtalk import OPEN_JTALK_DICT_DIR  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="hayakoe-dictionary-") as folder:
        if "," in folder:
            raise OSError(f"Open JTalk takes no path with a comma: {folder}")
        source, compiled = Path(folder) / "words.csv", Path(folder) / "words.dic"
        source.write_text(rows, "utf-8")
        process = subprocess.run(  # noqa: S603 - this interpreter and our own files
            [
                sys.executable,
                "-P",
                "-c",
                _INDEX,
                os.fsdecode(OPEN_JTALK_DICT_DIR),
                source,
                compiled,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_INDEX_TIMEOUT_S,
            check=False,
        )
        if process.returncode:
            complaint = process.stderr.decode(errors="replace").strip()
            raise RuntimeError(complaint[-500:] or f"exit status {process.returncode}")
        return _open(os.fsencode(compiled))


def _open(compiled: bytes) -> OpenJTalk:
    from pyopenjtalk import OPEN_JTALK_DICT_DIR  # noqa: PLC0415
    from pyopenjtalk.openjtalk import OpenJTalk  # noqa: PLC0415

    protection = (True,) if compiled else ()
    return OpenJTalk(OPEN_JTALK_DICT_DIR, compiled, protection)
