"""The numbers that the network's embeddings have for phones, tones and languages.

Voices are trained with one table for Chinese, Japanese and English. The table is theirs; what is
not Japanese in it is never used here.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BLANK_ID",
    "LANGUAGE_COUNT",
    "LANGUAGE_ID",
    "SILENCE",
    "SYMBOLS",
    "SYMBOL_IDS",
    "TONE_COUNT",
    "TONE_OFFSET",
]

_TABLE: Final = """
_ AA E EE En N OO V a a: aa ae ah ai an ang ao aw ay b by c ch d dh dy e e: eh ei en eng er ey
f g gy h hh hy i i0 i: ia ian iang iao ie ih in ing iong ir iu iy j jh k ky l m my n ng ny
o o: ong ou ow oy p py q r ry s sh t th ts ty u u: ua uai uan uang uh ui un uo uw
v van ve vn w x y z zh zy ! ? … , . ' - SP UNK
"""
SYMBOLS: Final = tuple(_TABLE.split())
"""All phones; a phone's number is its place."""

SYMBOL_IDS: Final = {symbol: number for number, symbol in enumerate(SYMBOLS)}

SILENCE: Final = "_"
"""The phone before and after a sentence."""

BLANK_ID: Final = 0
"""What stands between all phones of a voice with blanks: in the phones, the tones and the
languages alike, although 0 is no tone of Japanese, nor its language."""

TONE_COUNT: Final = 12
TONE_OFFSET: Final = 6
"""The number of the low tone of Japanese; the high one is the next."""

LANGUAGE_COUNT: Final = 3
LANGUAGE_ID: Final = 1
"""The number of Japanese."""
