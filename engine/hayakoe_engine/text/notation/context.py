"""Rules for words whose reading depends on the words around them."""

from __future__ import annotations

import re

from hayakoe_engine.text.notation.rule import Rule, nearby

__all__ = ["word"]


def word(
    written: str,
    spoken: str,
    *,
    pattern: str = "",
    before: str = "",
    after: str = "",
    around: str = "",
    never: str = "",
) -> Rule:
    """Read a word in a certain way where the text around it says so.

    Args:
        written: How it is written.
        spoken: What is said instead.
        pattern: What to replace, if that is more than the word itself.
        before: What stands directly before it.
        after: What stands directly after it.
        around: What stands anywhere near it.
        never: What stands near it where it is read otherwise.
    """
    left, right = re.compile(rf"(?:{before})\Z"), re.compile(after)
    some, none = re.compile(around), re.compile(never or "(?!)")

    def apply(match: re.Match[str]) -> str | None:
        text, start, stop = match.string, match.start(), match.end()
        if before and not left.search(text[max(0, start - 24) : start]):
            return None
        if not right.match(text[stop : stop + 24]):
            return None
        context = nearby(match)
        return spoken if some.search(context) and not none.search(context) else None

    return Rule.of(written, written[0], pattern or written, apply)
