"""SSML, turned into spans of prose that are spoken one after the other.

A subset of SSML 1.1. Elements that are not known are read through: their text is spoken. Entities
cannot be declared and nothing is fetched, so a document costs no more than its own length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from hayakoe_engine.errors import BadMarkup
from hayakoe_engine.text.markup_values import (
    MAX_BREAK_S,
    UNCHANGED,
    Changes,
    break_s,
    emphasis,
    name_of,
    phoneme,
    prosody,
    required,
    substitute,
    voices,
)
from hayakoe_engine.text.say_as import say_as

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Changes", "Mark", "Span", "parse_ssml"]

MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 64
MAX_SPANS: Final = 10_000

_WRAPPER: Final = "_"
_MARKUP: Final = re.compile(r"<[A-Za-z_:/!?]")
_DECLARATION: Final = re.compile(r"\ufeff?[ \t\r\n]*<\?xml\s[^<>]*\?>|\ufeff")
_BLACK: Final = re.compile(r"[^ \t\r\n]")
_XML_SPACES: Final = " \t\r\n"
_PIECES: Final = re.compile(r"[ \t\r\n]+|[^ \t\r\n]+")
_JAPANESE: Final = re.compile(
    "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff…‥―“”‘’]"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A named place between two characters of a span.

    It is reached when all that stands before it has been heard: one at 0 before the first sound of
    its span, one at the end of the text before the silence of ``break_after_s``. A document may
    use a name more than once.

    Attributes:
        name: As in the document; 1 to 256 characters that can be seen.
        offset: How many characters of the span's text come before it.
    """

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the document that is spoken in one manner.

    Attributes:
        text: Plain prose; empty if there is only a silence or a mark.
        changes: How it is spoken.
        voices: Names of the voices around it, the innermost last. The last one that there is
            speaks it, so that an unknown one is read through; if there is none, the voice of the
            request does. Names are 1 to 256 characters that can be seen.
        kana: How it is read: katakana, ``'`` after the mora where the pitch falls, ``/`` between
            accent phrases, ``、`` where there is a pause between them. None: as its text.
        break_after_s: Exact silence after it, 0 to 10 seconds; None is the voice's own pause.
        marks: Named places within it, in order; those of a span with ``kana`` are all at 0.
        ends_sentence: Whether a sentence ends with it, however it is punctuated.
        line: Where its text begins in the document, from 1.
        column: Where in the line, in characters, from 1.
    """

    text: str
    changes: Changes = UNCHANGED
    voices: tuple[str, ...] = ()
    kana: str | None = None
    break_after_s: float | None = None
    marks: tuple[Mark, ...] = ()
    ends_sentence: bool = False
    line: int = 1
    column: int = 1

    @property
    def plain_kana(self) -> str | None:
        """The reading without accents, as a text for those who take only text."""
        return None if self.kana is None else self.kana.replace("'", "").replace("/", "")


def parse_ssml(document: str) -> list[Span]:
    """Read a document.

    One without ``speak`` is read as if it were inside it. One without any tag is plain text, and
    becomes one span as it stands.

    Raises:
        BadMarkup: It is malformed or too large, or an attribute has a wrong value.
    """
    if len(document.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise BadMarkup(f"a document may have at most {MAX_BYTES} bytes")
    if not _MARKUP.search(document):
        return [Span(document)] if document.strip() else []
    return _Document(document).spans()


class _Spans:
    """Puts spans together, and normalises their white space on the way."""

    def __init__(self) -> None:
        self.done: list[Span] = []
        self._next = Span("")
        self._text: list[str] = []
        self._length = 0
        self._marks: list[Mark] = []
        self._before = ""  # the last character of the sentence so far
        self._gap = ""  # the white space after it, as far as it matters

    def add(self, text: str, span: Span, place: tuple[int, int]) -> None:
        """Append text that is spoken as the span says; whose own text does not matter."""
        for piece in _PIECES.finditer(text):
            if piece[0][0] in _XML_SPACES:
                self._gap = "\n" if "\n" in piece[0] or "\r" in piece[0] else self._gap or " "
            else:
                self._append(piece[0], span, (place[0], place[1] + piece.start()))

    def add_apart(self, text: str, span: Span, place: tuple[int, int]) -> None:
        """Append text that is a span of its own."""
        self.close()
        self.add(text, span, place)
        self.close()

    def mark(self, name: str) -> None:
        """Name the place before the next character."""
        self._marks.append(Mark(name, self._length))

    def pause(self, seconds: float) -> None:
        """Append silence; the white space around it means nothing."""
        if self._text or self._marks or not self.done:
            self._emit()
        last = self.done[-1]
        total = min(MAX_BREAK_S, (last.break_after_s or 0.0) + seconds)
        self.done[-1] = replace(last, break_after_s=total)
        self._before = self._gap = ""

    def end_sentence(self) -> None:
        """End what was spoken last."""
        self.close()
        if self.done:
            self.done[-1] = replace(self.done[-1], ends_sentence=True)
        self._before = self._gap = ""

    def close(self) -> None:
        """End the span; without text, its marks go to the next one."""
        if self._text:
            self._emit()

    def finish(self) -> list[Span]:
        """All spans."""
        if self._text or self._marks:
            self._emit()
        return self.done

    def _append(self, piece: str, span: Span, place: tuple[int, int]) -> None:
        space = " " if self._is_space_heard(piece[0]) else ""
        if self._text and (self._next.changes, self._next.voices) != (span.changes, span.voices):
            self._emit()
        if not self._text:
            self._next = replace(span, line=place[0], column=place[1])
        self._text.append(space + piece)
        self._length += len(space) + len(piece)
        self._before, self._gap = piece[-1], ""

    def _is_space_heard(self, after: str) -> bool:
        """Tell whether white space separates words, or only lays the document out."""
        if not self._gap or not self._before:
            return False
        return self._gap == " " or not (_JAPANESE.match(self._before) or _JAPANESE.match(after))

    def _emit(self) -> None:
        if len(self.done) == MAX_SPANS:
            message = f"a document may have at most {MAX_SPANS} spans of speech"
            raise BadMarkup(message, line=self._next.line, column=self._next.column)
        self.done.append(replace(self._next, text="".join(self._text), marks=tuple(self._marks)))
        self._next, self._text, self._length, self._marks = Span(""), [], 0, []


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds inside an element.

    Attributes:
        name: Of the element.
        span: Where it begins, and how its text is spoken.
        silent: Whether its text is not spoken.
        whole: Its attributes, if its text is to be known as a whole.
    """

    name: str
    span: Span
    silent: bool = False
    whole: Mapping[str, str] | None = None


class _Document:
    """The document while it is read."""

    def __init__(self, document: str) -> None:
        # A declaration says nothing about text that is decoded, and may not stand inside.
        head = _DECLARATION.match(document)
        end = head.end() if head else 0
        self._source = f"<{_WRAPPER}>{_BLACK.sub(' ', document[:end])}{document[end:]}</{_WRAPPER}>"
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._take
        self._spans = _Spans()
        self._scopes: list[_Scope] = []
        self._text: list[str] = []  # of the element whose text is to be known as a whole

    def spans(self) -> list[Span]:
        """All spans of the document."""
        try:
            # Inside an element there can be no DOCTYPE, therefore no entities but XML's own five.
            self._parser.Parse(self._source, True)
        except expat.ExpatError as error:
            raise self._error(self._explained(expat.ErrorString(error.code))) from None
        except UnicodeEncodeError as error:
            before = self._source[len(_WRAPPER) + 2 : error.start]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            raise BadMarkup("half a character (a surrogate)", line=line, column=column) from None
        return self._spans.finish()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._scopes:
            self._scopes.append(_Scope(name, Span("")))
            return
        if len(self._scopes) > MAX_DEPTH:
            raise self._error(f"elements may be nested {MAX_DEPTH} deep")
        outer = self._scopes[-1]
        line, column = self._place()
        scope = replace(outer, name=name, span=replace(outer.span, line=line, column=column))
        try:
            if name == "mark" and not outer.silent:
                self._spans.mark(name_of(attributes))
            elif not outer.silent and outer.whole is None:
                scope = self._entered(scope, attributes)
        except ValueError as error:
            raise self._error(f"<{name}>: {error}") from None
        self._scopes.append(scope)

    def _entered(self, scope: _Scope, attributes: dict[str, str]) -> _Scope:
        """What holds inside an element, given what holds around it."""
        span = scope.span
        match scope.name:
            case "p" | "s":
                self._spans.end_sentence()
            case "break":
                self._spans.pause(break_s(attributes))
            case "prosody":
                span = replace(span, changes=prosody(span.changes, attributes))
            case "emphasis":
                span = replace(span, changes=emphasis(span.changes, attributes))
            case "voice":
                span = replace(span, voices=voices(span.voices, attributes))
            case "sub" | "say-as" | "phoneme":
                return replace(scope, whole=attributes)
            case "desc" | "metadata":
                return replace(scope, silent=True)
        return replace(scope, span=span)

    def _end(self, name: str) -> None:
        scope = self._scopes.pop()
        if scope.silent or not self._scopes:
            return
        if scope.whole is None:
            if name in ("p", "s"):
                self._spans.end_sentence()
        elif self._scopes[-1].whole is None:
            text, self._text = "".join(self._text), []
            try:
                self._speak_whole(scope, scope.whole, text)
            except ValueError as error:
                where = scope.span
                message = f"<{name}>: {error}"
                raise BadMarkup(message, line=where.line, column=where.column) from None

    def _speak_whole(self, scope: _Scope, attributes: Mapping[str, str], text: str) -> None:
        kana = None
        match scope.name:
            case "say-as":
                interpretation = required(attributes, "interpret-as")
                text = say_as(text, interpretation, attributes.get("format", "").strip())
            case "sub":
                alias, kana = substitute(attributes)
                text = text if kana else alias
            case _:
                kana = phoneme(attributes)
        span = replace(scope.span, kana=kana)
        place = (span.line, span.column)
        if kana is None:
            self._spans.add(text, span, place)
        else:
            self._spans.add_apart(text if text.strip() else span.plain_kana or "", span, place)

    def _take(self, text: str) -> None:
        scope = self._scopes[-1]
        if scope.whole is not None:
            self._text.append(text)
        elif not scope.silent:
            self._spans.add(text, scope.span, self._place())

    def _place(self) -> tuple[int, int]:
        """Where the parser is, as the author of the document counts."""
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
        return line, column - (len(_WRAPPER) + 2 if line == 1 else 0)

    def _error(self, message: str) -> BadMarkup:
        line, column = self._place()
        return BadMarkup(message, line=line, column=column)

    def _explained(self, message: str) -> str:
        """What the parser says, in words that help."""
        opened = self._scopes[-1] if self._scopes else None
        if message == expat.errors.XML_ERROR_UNDEFINED_ENTITY:
            return "the only entities are &amp; &lt; &gt; &quot; &apos; and numbers as &#12354;"
        if message == expat.errors.XML_ERROR_TAG_MISMATCH and opened:
            if opened.name == _WRAPPER:
                return "a tag is closed that is not open"
            return f"<{opened.name}> of line {opened.span.line} is not closed"
        if message == expat.errors.XML_ERROR_INVALID_TOKEN:
            return (
                "this is no XML; a DOCTYPE is not allowed, and & and < are written &amp; and &lt;"
            )
        return message
