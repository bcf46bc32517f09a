"""Simulate playback on machines of every speed, with the first sound held and not held.

A simulation: nothing is synthesised, and no time passes. It shows what ``wyoming_hayakoe.pacing``
gains, not how fast a machine is; the figures for boards are estimates by arithmetic.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

# The folder of this file would hide the package `wyoming` behind a file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hayakoe_engine.voices.sbv2.backend import DecoderParts
from hayakoe_engine.voices.sbv2.windows import plan_decoding
from wyoming_hayakoe.pacing import START_LIMIT_S, Pacing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

METHOD: Final = """\
A simulation: nothing is synthesised. A neural voice makes windows of the lengths that it has on a
machine of that speed, one after the other; a tenth of the work on a sentence comes before its first
window. The player plays what it has and waits for what it has not. The pace of the voice is known
from texts before; the length of a text is estimated from its characters, of which a second of audio
has 7, give or take a tenth. Means of {texts} texts of each length.

RTF: seconds that a second of audio takes to be made; for boards it is what arithmetic gives where
convolutions are computed directly, and fast convolutions should do better.
Start: from the text to the first sound.
Gaps: how often and how long playback waits after it has begun."""

MACHINES: Final = {
    0.2: "",
    0.4: "PC, 2 cores",
    0.85: "Pi 5, estimate from",
    1.1: "Pi 5, estimate to",
    1.5: "",
    2.0: "",
    2.6: "Pi 4, estimate",
    4.0: "",
}
TEXTS: Final = {"2 s": (14,), "8 s": (56,), "20 s": (40, 50, 50), "40 s": (60, 80, 50, 90)}
"""Characters of the sentences of each text."""

_CHARS_PER_S: Final = 7.0
_SPREAD: Final = 0.1
_FIRST_SHARE: Final = 0.1
_FRAME_S: Final = 512 / 44100
_UNLIMITED_S: Final = 1e9


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of audio.

    Attributes:
        audio_s: How long it plays.
        there_s: When it has been made, from the text on.
    """

    audio_s: float
    there_s: float


@dataclass(frozen=True, slots=True)
class Playback:
    """How a text was heard.

    Attributes:
        start_s: From the text to the first sound.
        gaps_s: How long playback waited, each time that it did.
    """

    start_s: float
    gaps_s: tuple[float, ...]


class Clock:
    """Time that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now_s


def made(sentences_s: Sequence[float], rtf: float) -> Iterator[Piece]:
    """The windows of sentences of these lengths, as a machine makes them."""
    parts = DecoderParts(
        head_multiple=15,
        rows_per_frame=8,
        tail_multiple=15,
        head_context_frames=12,
        tail_context_frames=2,
        frame_cost_s=rtf * _FRAME_S,
    )
    now_s = 0.0
    for sentence_s in sentences_s:
        frames = round(sentence_s / _FRAME_S)
        now_s += _FIRST_SHARE * rtf * frames * _FRAME_S
        plan = plan_decoding(frames, parts, _FRAME_S)
        lengths = [frames] if plan is None else [window.frames for window in plan.tails]
        for length in lengths:
            now_s += (1 - _FIRST_SHARE) * rtf * length * _FRAME_S
            yield Piece(length * _FRAME_S, now_s)


def heard(pieces: Sequence[Piece], start_s: float) -> Playback:
    """What a player that may start then plays, and how often it waits."""
    gaps_s = []
    plays_s = start_s
    for piece in pieces:
        if piece.there_s > plays_s + 1e-9:
            gaps_s.append(piece.there_s - plays_s)
        plays_s = max(plays_s, piece.there_s) + piece.audio_s
    return Playback(start_s, tuple(gaps_s))


def played(pieces: Sequence[Piece], chars: int, rtf: float, limit_s: float | None) -> Playback:
    """How a text is heard whose first sound is held so long at most; None holds nothing."""
    first_s = pieces[0].there_s
    if limit_s is None:
        return heard(pieces, first_s)
    clock = Clock()
    pacing = Pacing(limit_s, clock=clock)
    pacing.learn("voice", audio_s=60.0, work_wall_s=60.0 * rtf, chars=round(60 * _CHARS_PER_S))
    pacer = pacing.begin("voice")
    clock.now_s = first_s
    while (
        hold_s := pacer.hold_s(
            sum(piece.audio_s for piece in pieces if piece.there_s <= clock.now_s), chars
        )
    ) > 0 and clock.now_s < pieces[-1].there_s:
        clock.now_s += min(hold_s, 0.05)
    return heard(pieces, clock.now_s)


def compare(rtf: float, sentences: Sequence[int], texts: int) -> list[list[Playback]]:
    """Texts as they are heard held not at all, up to the limit, and as long as needed."""
    chance = random.Random(2026)
    outcomes: list[list[Playback]] = [[], [], []]
    for _ in range(texts):
        lengths_s = [
            chars / _CHARS_PER_S * chance.uniform(1 - _SPREAD, 1 + _SPREAD) for chars in sentences
        ]
        pieces = list(made(lengths_s, rtf))
        for outcome, limit_s in zip(outcomes, (None, START_LIMIT_S, _UNLIMITED_S), strict=True):
            outcome.append(played(pieces, sum(sentences), rtf, limit_s))
    return outcomes


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=50, metavar="N", help="texts of each length")
    texts = parser.parse_args(arguments).texts
    print(METHOD.format(texts=texts))
    print()
    limit = f"held to {START_LIMIT_S:g} s at most"
    print(f"{'':<32} {'not held':>24} {limit:>24} {'held as long as needed':>24}")
    print(f"{'RTF':<5}{'machine':<21}{'text':<6}" + f"{'start':>10} {'gaps':>14}" * 3)
    for rtf, machine in MACHINES.items():
        for length, sentences in TEXTS.items():
            row = f"{rtf:<5g}{machine:<21}{length:<6}"
            for playbacks in compare(rtf, sentences, texts):
                start_s = statistics.mean(playback.start_s for playback in playbacks)
                count = statistics.mean(len(playback.gaps_s) for playback in playbacks)
                waits_s = statistics.mean(sum(playback.gaps_s) for playback in playbacks)
                gaps = f"{count:.1f} / {waits_s:.1f} s" if count else "none"
                row += f"{start_s:>8.1f} s {gaps:>14}"
            print(row)


if __name__ == "__main__":
    main()
