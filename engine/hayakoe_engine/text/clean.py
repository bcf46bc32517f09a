"""Text as a language model or a notification wrote it, turned into prose.

Markdown, HTML, URLs, emoji, faces and invisible characters go; what is left is one line that
holds no markup. Digits, signs and units stay exactly as they are written: a later step gives them
words.
"""

from __future__ import annotations

import html
import logging
import re
import unicodedata
from functools import lru_cache
from typing import Final

from hayakoe_engine.text.faces import without_faces, without_laughter
from hayakoe_engine.text.pictures import name_emoji
from hayakoe_engine.text.text_options import TextOptions

__all__ = ["Cleaner", "clean_text", "is_speakable"]

_LOG = logging.getLogger(__name__)

_NEWLINE: Final = re.compile(r"\r\n|[\n\r\u2028\u2029]")
_SENTENCE_END: Final = re.compile(r"[。｡．.！？!?」』）)]\s*\Z")

# A fence of tildes takes one ASCII word only: そうだね~~~♪ is no code.
_FENCE: Final = re.compile(r"[\s>]*(?:(`{3,})[^`]*|(~{3,})\s*[\w+.#-]*\s*)", re.ASCII)

_ENTITY: Final = re.compile(
    r"&(?:amp;)*((?:#[0-9]{1,7};|#[xX][0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?)"
)
_INFORMATION_EMOJI: Final = "ℹ\ufe0f"

_URL_CHARS: Final = r"[A-Za-z0-9\-._~:/?#@!$&'*+,;=%^{}]"
_URL: Final = re.compile(
    rf"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{{1,15}}://|(?<![\w.@/-])www\.(?=[a-z0-9]))"
    rf"(?:{_URL_CHARS}++|\({_URL_CHARS}*+\))*+",
    re.ASCII | re.IGNORECASE,
)
_URL_REST: Final = re.compile(rf"\A{_URL_CHARS}+")
_AFTER_URL: Final = ".,;:!?'*_~"
_EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?:mailto:)?[A-Za-z0-9._%+-]{1,64}+@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++"
)
# Stands for a URL until its surroundings are tidied; a NUL never comes from the text.
_GONE: Final = "\0"
_GONE_IN_BRACKETS: Final = re.compile(r"[(（<＜\[［【] ?\0[ \0]*[)）>＞\]］】]")
_GONE_WITH_SPACES: Final = re.compile(r" ?\0[ \0]*")

_LINK: Final = re.compile(
    r"""!?\[([^\[\]]*+)\]\([^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)*+(?: ["'][^()]*+)?+\)"""
)
_TAG: Final = re.compile(
    r"""</?([A-Za-z][A-Za-z0-9-]*+)"""
    r"""(?: [A-Za-z_:@][\w:.-]*+ ?= ?(?:"[^"]*+"|'[^']*+'|[^\s"'<>=`]++))*+ ?/?>"""
)
_INLINE_TAG: Final = re.compile(
    r"a|abbr|b|big|code|del|em|font|i|ins|kbd|mark|s|small|span|strike|strong|sub|sup|tt|u",
    re.IGNORECASE,
)

_RULE: Final = re.compile(r"[ |:*_=+#>-]*")
_MARKER: Final = r"(?:#{1,6} |#{2,}|>++(?![=\d])|[*+-] |[0-9]{1,3}[.)] |[•‣◦⁃▪●■◆]+|・(?!・))"
_MARKERS: Final = re.compile(rf"{_MARKER} ?(?:{_MARKER} ?|\[[ xX]\] )*")
_CLOSING_HASHES: Final = re.compile(r" #+\Z")

_STARS: Final = re.compile(
    r"(?<=[0-9０-９])\*\*?(?=[0-9０-９])"  # 2*3, 2**3
    r"|(?<=[A-Za-z0-9)])\*(?=[A-Za-z0-9(])"
    r"|(?<=[A-Za-z0-9０-９)] )\*(?= [A-Za-z0-9０-９(])"
    r"|(\*+)"
)
_UNDERSCORES: Final = re.compile(r"(?<![A-Za-z0-9_])_+|(?<!_)_++(?![A-Za-z0-9])")
_ESCAPE: Final = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_STRIKES_AND_TICKS: Final = re.compile(r"~{2,}|`+")

_MARKS: Final = re.compile(r"[!！?？]{2,}")
_ELLIPSES: Final = re.compile(r"…{2,}")
_DRAWN_OUT: Final = re.compile(r"([ー〜～])\1{3,}")
_REPEATED: Final = re.compile(r"([^\W\d_])\1{8,}")
_SPACES: Final = re.compile(r"[ \u3000]+")
_SPACE_AT_PUNCTUATION: Final = re.compile(r" ?([、。！？「」『』（）【】]) ?")

_PASSES: Final = 8
_NESTED_MARKUP: Final = re.compile(r"[&<>\[\]()*_`~#|\\]+")

_DOUBLE_MARKS: Final = {"‼": "！！", "⁇": "？？", "⁈": "？！", "⁉": "！？"}
_PICTURES: Final = (
    (0xA9, 0xA9),  # ©
    (0xAE, 0xAE),  # ®
    (0x2122, 0x2122),  # ™
    (0x231A, 0x231B),
    (0x2328, 0x2328),
    (0x23CF, 0x23CF),
    (0x23E9, 0x23FA),
    (0x25AA, 0x25AB),
    (0x25B6, 0x25B6),
    (0x25C0, 0x25C0),
    (0x25FB, 0x25FE),
    (0x2600, 0x266C),  # miscellaneous symbols; ♭♮♯ are read
    (0x2670, 0x27BF),  # and dingbats
    (0x2B1B, 0x2B1C),
    (0x2B50, 0x2B50),
    (0x2B55, 0x2B55),
    (0x3030, 0x3030),
    (0x303D, 0x303D),
    (0x1F000, 0x1F7FF),
    (0x1F900, 0x1FAFF),
)
# First words of the Unicode names of the letters that can be read, and of marks on them.
_SCRIPTS: Final = frozenset(
    {
        *("Latin", "Greek", "Hiragana", "Katakana", "Cjk", "Kangxi", "Ideographic", "Vertical"),
        *("Halfwidth", "Fullwidth", "Mathematical", "Superscript", "Subscript", "Circled"),
        *("Parenthesized", "Square", "Masu", "Modifier", "Combining", "Variation", "Unknown"),
    }
)
_SPEAKABLE_SIGNS: Final = frozenset("%％‰°＃#&＆@＠+＋−±×÷=＝√∞")


class Cleaner:
    """Cleans the sentences of one text, in order.

    Remembers what reaches over the end of a sentence: an open code fence, a URL that was cut,
    and whether the next sentence starts a line.

    Args:
        options: What is done with URLs and emoji.
    """

    def __init__(self, options: TextOptions | None = None) -> None:
        self._options = options or TextOptions()
        self._foreign: set[str] = set()
        self._fence = ""  # the marker that opened the code
        self._at_start = True
        self._in_url = False

    def clean(self, sentence: str) -> str:
        """Return what is to be spoken of the next sentence; empty if nothing is."""
        at_start = self._at_start
        if self._options.emoji == "name":
            sentence = name_emoji(sentence)
        self._note_foreign_scripts(sentence)
        first, *others = _NEWLINE.split(sentence)
        spoken = [self._clean_line(first)]
        for line in others:
            self._at_start, self._in_url = True, False
            spoken.append(self._clean_line(line))
        spoken = [line for line in spoken if line]
        # Lines that are clean on their own may form markup together.
        return spoken[0] if len(spoken) == 1 else _settle(" ".join(spoken), at_start=at_start)

    def _clean_line(self, line: str) -> str:
        at_start = self._at_start
        if line.strip():
            self._at_start = _SENTENCE_END.search(line) is not None
        if at_start and self._is_fence(line):
            return ""
        if self._fence:
            return ""
        line = self._without_url_rest(line)
        if self._options.urls == "say":
            line = _EMAIL.sub("メールアドレス", _URL.sub(_say_url, line))
        return _settle(line, at_start=at_start)

    def _note_foreign_scripts(self, sentence: str) -> None:
        """Say in the log, once for a text, that letters of other scripts are not spoken."""
        if sentence.isascii():
            return
        scripts = {_script(char) for char in sentence if _is_foreign(char)} - self._foreign
        if scripts:
            self._foreign |= scripts
            _LOG.info("not spoken, letters of other scripts: %s", ", ".join(sorted(scripts)))

    def _is_fence(self, line: str) -> bool:
        """Tell whether a line opens or closes a code fence, and remember it."""
        fence = _FENCE.fullmatch(line)
        if fence is None:
            return False
        marker = fence[1] or fence[2]
        if not self._fence:
            self._fence = marker
        elif marker.startswith(self._fence) and line.strip(" \t>") == marker:
            self._fence = ""
        return True

    def _without_url_rest(self, line: str) -> str:
        """Drop the rest of a URL that the sentence before began; note one that ends this one."""
        if self._in_url:
            line = _URL_REST.sub("", line)
        if line:
            self._in_url = any(url.end() == len(line) for url in _URL.finditer(line))
        return line


def clean_text(text: str) -> str:
    """Return what is to be spoken of a whole text, in one line."""
    return Cleaner().clean(text)


def is_speakable(text: str) -> bool:
    """Tell whether a text has anything that a reader can say, not only punctuation."""
    return any(map(_is_speakable_character, text))


def _settle(text: str, *, at_start: bool) -> str:
    """Clean a line until nothing changes: one layer of markup may hide another."""
    passes = 0
    while (cleaned := _clean_once(text, at_start=at_start)) != text:
        passes += 1
        # Markup nested deeper than any prose loses its signs, lest each layer cost a pass.
        text = cleaned if passes < _PASSES else _NESTED_MARKUP.sub(" ", cleaned)
    return text


def _clean_once(text: str, *, at_start: bool) -> str:
    text = _tidy_characters(without_faces(_ENTITY.sub(_decode_entity, text)))
    if _RULE.fullmatch(text):
        return ""
    if at_start:
        text = _without_line_markers(text)
    if "|" in text:
        text = "、".join(filter(None, (cell.strip() for cell in text.split("|"))))
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))  # a link's text may be an image
    text = _TAG.sub(_replace_tag, text)
    text = _without_addresses(text)
    text = _without_emphasis(text)
    return _tidy_spaces(_shorten_runs(text))


def _decode_entity(entity: re.Match[str]) -> str:
    # &amp;amp;lt; is &lt;, written by somebody who escaped twice.
    return html.unescape("&" + entity[1])


def _tidy_characters(text: str) -> str:
    text = text.replace(_INFORMATION_EMOJI, " ")
    return _tidy_spaces(text.translate(_CharacterTable()))


class _CharacterTable:
    """Translation table: invisible characters go, white space and pictures become spaces."""

    def __getitem__(self, code: int) -> str:
        return _spoken_character(code)


@lru_cache(maxsize=8192)
def _spoken_character(code: int) -> str:
    char = chr(code)
    if char in _DOUBLE_MARKS:
        return _DOUBLE_MARKS[char]
    if char == "\u3000" or char.isspace():
        return " "
    if any(first <= code <= last for first, last in _PICTURES):
        return " "
    if _is_variation_selector(code):
        return ""
    if _is_foreign(char):
        return " "
    # Control, format, surrogate, private, unassigned; enclosing marks such as that of a keycap.
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Me"} else char


@lru_cache(maxsize=8192)
def _is_foreign(char: str) -> bool:
    """Whether it is a letter, or a mark on one, of a script that nobody here can read."""
    if char < "\u0300" or "\u2100" <= char <= "\u214f":
        return False
    if unicodedata.category(char)[0] not in "LM":
        return False
    return _script(char) not in _SCRIPTS


def _script(char: str) -> str:
    return unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0].capitalize()


def _is_variation_selector(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


def _without_line_markers(text: str) -> str:
    markers = _MARKERS.match(text)
    if markers is None:
        return text
    if "#" in markers[0]:
        text = _CLOSING_HASHES.sub("", text)
    return text[markers.end() :]


def _without_addresses(text: str) -> str:
    if "://" not in text and "@" not in text and "www." not in text.lower():
        return text
    text = _EMAIL.sub(_GONE, _URL.sub(_drop_url, text))
    text = _GONE_IN_BRACKETS.sub(_GONE, text)
    return _GONE_WITH_SPACES.sub(_close_gap, text)


def _say_url(url: re.Match[str]) -> str:
    return "リンク" + url[0][len(url[0].rstrip(_AFTER_URL)) :]


def _drop_url(url: re.Match[str]) -> str:
    """Drop a URL, but not the punctuation of the sentence that it ends."""
    return _GONE + url[0][len(url[0].rstrip(_AFTER_URL)) :]


def _close_gap(gap: re.Match[str]) -> str:
    """Join what stood around a URL; only Latin words need a space between them."""
    before, after = gap.string[: gap.start()][-1:], gap.string[gap.end() :][:1]
    return " " if (before + after).isascii() and after not in ",.;:!?)" else ""


def _replace_tag(tag: re.Match[str]) -> str:
    return "" if _INLINE_TAG.fullmatch(tag[1]) else " "


def _without_emphasis(text: str) -> str:
    text = _ESCAPE.sub("", text)
    text = _STARS.sub(lambda stars: "" if stars[1] else stars[0], text)
    return _STRIKES_AND_TICKS.sub("", _UNDERSCORES.sub("", text))


def _shorten_runs(text: str) -> str:
    text = _MARKS.sub(_one_of_each_kind, text)
    text = _ELLIPSES.sub("…", text)
    text = _DRAWN_OUT.sub(r"\1\1", text)
    text = _REPEATED.sub(lambda run: run[1] * 8, text)
    return without_laughter(text)


def _one_of_each_kind(marks: re.Match[str]) -> str:
    kinds = {mark in "!！": mark for mark in reversed(marks[0])}
    return "".join(sorted(kinds.values(), key=marks[0].index))


def _tidy_spaces(text: str) -> str:
    return _SPACE_AT_PUNCTUATION.sub(r"\1", _SPACES.sub(" ", text)).strip(" ")


def _is_speakable_character(char: str) -> bool:
    if char in _SPEAKABLE_SIGNS:
        return True
    if char in "ーｰﾞﾟ":
        return False
    if "\u2100" <= char <= "\u214f" or "\u3200" <= char <= "\u33ff":
        return True
    return unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "Sc"
