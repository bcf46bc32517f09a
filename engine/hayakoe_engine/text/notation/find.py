"""Notation of figures and signs, turned into what is said.

Digits stay wherever Open JTalk reads them right by itself, counters and their sound changes
included; the signs, units and notations around them become words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.notation.codes import CODE_RULES
from hayakoe_engine.text.notation.counters import COUNTER_RULES
from hayakoe_engine.text.notation.nouns import NOUN_RULES
from hayakoe_engine.text.notation.numbers import NUMBER_RULES
from hayakoe_engine.text.notation.people import PEOPLE_RULES
from hayakoe_engine.text.notation.rule import fold
from hayakoe_engine.text.notation.signs import SIGN_RULES
from hayakoe_engine.text.notation.slashes import SLASH_RULES
from hayakoe_engine.text.notation.times import TIME_RULES
from hayakoe_engine.text.notation.verbs import VERB_RULES
from hayakoe_engine.text.notation.vocabulary import VOCABULARY_RULES
from hayakoe_engine.text.rewriting import Replacement

if TYPE_CHECKING:
    from hayakoe_engine.text.notation.rule import Rule

__all__ = ["expand_notations", "find_notations"]

# Earlier rules win: a telephone number is no range, a date no fraction.
_RULES: Final[tuple[Rule, ...]] = (
    *CODE_RULES,
    *TIME_RULES,
    *SLASH_RULES,
    *NUMBER_RULES,
    *COUNTER_RULES,
    *SIGN_RULES,
    *VERB_RULES,
    *PEOPLE_RULES,
    *NOUN_RULES,
    *VOCABULARY_RULES,
)


def find_notations(text: str) -> list[Replacement]:
    """Return what to replace in a sentence of prose, in order and without overlaps."""
    folded = fold(text)
    characters = frozenset(folded)
    taken = bytearray(len(text))
    found: list[Replacement] = []
    for rule in _RULES:
        if rule.needs and characters.isdisjoint(rule.needs):
            continue
        for match in rule.pattern.finditer(folded):
            start, stop = rule.span(match)
            if any(taken[start:stop]):
                continue
            spoken = rule.apply(match)
            if spoken is None:
                continue
            taken[start:stop] = b"\1" * (stop - start)
            if spoken != text[start:stop]:
                found.append(Replacement(start, stop, spoken, rule.name))
    return sorted(found, key=lambda change: change.start)


def expand_notations(text: str) -> str:
    """Return a sentence of prose with its notations replaced."""
    pieces: list[str] = []
    place = 0
    for change in find_notations(text):
        pieces += (text[place : change.start], change.text)
        place = change.stop
    return "".join(pieces) + text[place:]
