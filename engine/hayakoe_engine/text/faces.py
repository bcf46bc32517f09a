"""Faces drawn with characters, and laughter written as a row of w: nobody says them.

A letter counts as a mouth or an arm only where two eyes that belong together make a face of its
surroundings: (T), (3), (笑) and f(x) are text.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_faces", "without_laughter"]

# Mouths that no code, no formula and no prose has between two signs that are alike.
_ODD_MOUTH: Final = "[・･∀▽△∇□ДдωενθΘ益皿口ロワヮエェ人艸⊥]"
_MOUTH: Final = (
    r"[_＿.．・･､,ー\-〜~oOｏＯ0∀▽△∇□ДдωεΔз3νｖvwｗxｘqpθΘ益皿口ロﾛワﾜヮエェｪ人艸⊥∧＾^ ]{0,3}"
)
_EYES: Final = "|".join(
    (
        *(f"{eye}{_MOUTH}{eye}" for eye in (r"\^", *"＾⌒・･°゜ﾟ˘◕⊙●◎◉☆★;；｡。＠￣¯")),
        *(
            f"{left}{_MOUTH}{right}"
            for left, right in ("≧≦", "＞＜", "><", "´｀", "｀´", "´`", "ﾉﾉ")
        ),
        *(f"{eye}{_ODD_MOUTH}{eye}" for eye in "=＝-－'>"),
        f"`{_ODD_MOUTH}´",
        r"([TＴQＱoOｏＯuUｕxXｘ])[_＿△▽Дд∀ω]{1,3}\1",
        "-_{1,3}-|T-T|[ﾉノつっ][Дд∀][`｀]",
    )
)
_CHEEKS: Final = (
    r"[*＊#＃;；:：。｡.,´`｀゜ﾟ~〜☆★♪♡♥彡╯╰ﾉノ┐┌∩つっ＝=\-_＿^＾≡　 /／＼\\,、ლ'·︶]{0,4}"
)

_LATIN: Final = "A-Za-zＡ-Ｚａ-ｚ0-9０-９"
_LEFT_ARM: Final = (
    rf"(?:(?:(?<![{_LATIN}.])[mｍoOｏdbｂpqvｖΣσψε]|(?<![ァ-ヶー一-鿿])[ヾヽノﾉヘ]|[＼\\٩╰╭┐┌ʅ⊂])"
    r"=?[*゜ﾟ]?)?"
)
_RIGHT_ARM: Final = (
    rf"(?:[*゜ﾟ]?(?:[oOｏmｍvVｖbBｂdDpPqｑσ](?![{_LATIN}.])|[zZｚ]{{2,}}(?![{_LATIN}])"
    r"|[=＝][3３](?![0-9０-９])|[ノﾉ][シｼ]?(?![ァ-ヶー一-鿿ｦ-ﾟ])|ヘ(?![ァ-ヶー一-鿿])"
    r"|[っつ](?![ぁ-んァ-ヶ一-鿿])|[丿ゞ彡۶و/／＼\\╯╮┘┐┛⊃ʃ]))?"
)
_BARE_FACE: Final = (
    r"[＼\\]?(?<![A-Za-z0-9\])}\[({])(?:\^[oOω_-]\^|＾[oOｏＯων＿]＾|≧[oO▽ω]≦|[TＴ][_＿][TＴ])"
    r"(?![A-Za-z0-9\])}\[({])[/／]?"
)
_FACE: Final = re.compile(
    "|".join(
        (
            rf"{_LEFT_ARM}[(（]{_CHEEKS}(?:{_EYES}){_CHEEKS}(?:[)）]|ゞ[)）]?){_RIGHT_ARM}",
            # Emphasis may have taken the eyes, _ _ and the like.
            rf"(?<![{_LATIN}])[mｍ][(（][_＿.． ]{{0,5}}[)）][mｍ](?![{_LATIN}])",
            r"[¯￣][\\＼]{0,3}[_＿]{0,2}[(（]ツ[)）][_＿]{0,2}[/／]{1,2}[¯￣]",
            r"[_＿]?[(（][:：][3３][」〕∠_＿ ]{1,5}[)）][_＿]?",
            _BARE_FACE,
        )
    )
)
_IN_EVERY_FACE: Final = frozenset("(（^＾≧_＿")

_JAPANESE: Final = r"ぁ-ヿㇰ-ㇿ㐀-䶿一-鿿々ｦ-ﾟ、。！？」』）"
_END: Final = r"(?=[。！？!?…、]*\Z)"
# Three may be what an address begins with.
_THREE: Final = (
    rf"(?<=[{_JAPANESE}])(?<![はがをのにとも、「『])"
    r"(?:w{3}|ｗ{2,3})(?![A-Za-zｗ0-9.はがをのに])"
)
_LAUGHTER: Final = re.compile(
    "|".join(
        (
            rf"(?<=[{_JAPANESE}])(?: ?[wWｗＷ]{{3,}}+)+{_END}",
            rf"\A(?:[wｗ]{{2,}}+|[WＷ]{{3,}}+){_END}",
            rf"(?<=[{_JAPANESE}])[wｗ]{{4,}}+(?![A-Za-z0-9.])",
            _THREE,
            rf"(?<=[ねよなわだたいすんぞ草])[wｗ]{{1,2}}{_END}",
        )
    )
)


def without_faces(text: str) -> str:
    """Put a space in the place of each face."""
    return text if _IN_EVERY_FACE.isdisjoint(text) else _FACE.sub(" ", text)


def without_laughter(text: str) -> str:
    """Leave out rows of w that stand for laughing."""
    return _LAUGHTER.sub("", text)
