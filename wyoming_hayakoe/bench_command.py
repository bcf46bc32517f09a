"""``wyoming-hayakoe bench``: how fast a voice is on this machine, and what to expect of it."""

from __future__ import annotations

import json
import resource
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.cpus import available_cpus
from wyoming_hayakoe.pacing import Pace, preroll_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hayakoe_engine.audio import Audio
    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import Choice

TEXTS: Final = {
    "short": "お風呂が沸きました。",
    "medium": "明日の東京は、朝のうち雨が降りますが、昼過ぎからは晴れて、"
    "最高気温は二十三度の予想です。",
    "long": "おはようございます。今日は十一月二十一日、土曜日です。"
    "東京の天気は晴れ、最高気温は十六度の見込みです。予定は二件あります。"
    "十時から歯医者、午後三時からは友達とお茶の約束です。"
    "今日は燃えるごみの日ですから、八時半までに出してください。それでは、良い一日をお過ごしください。",
}
"""An announcement, a sentence and a briefing."""

ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Result:
    """How a text was spoken, in the median of some rounds.

    Attributes:
        text: Which one.
        audio_s: Length of the audio.
        ttfa_ms: Time to first audio.
        rtf: Real-time factor: time until all of it was made, by its length.
        cpu_rtf: Processing time of all CPUs, by its length.
        worst_gap_s: Longest silence of a player that plays audio as it comes; 0 is none.
    """

    text: str
    audio_s: float
    ttfa_ms: int
    rtf: float
    cpu_rtf: float
    worst_gap_s: float


def measure(choice: Choice, rounds: int = ROUNDS) -> Iterator[Result]:
    """Speak each text some times, anew each time, after a first time that does not count.

    Args:
        choice: Who speaks, and how.
        rounds: How often.
    """
    for name, text in TEXTS.items():
        _speak(choice, name, text, seed=0)
        results = [_speak(choice, name, text, seed=seed) for seed in range(1, rounds + 1)]
        median = statistics.median
        yield Result(
            name,
            audio_s=round(median(one.audio_s for one in results), 2),
            ttfa_ms=round(median(one.ttfa_ms for one in results)),
            rtf=round(median(one.rtf for one in results), 3),
            cpu_rtf=round(median(one.cpu_rtf for one in results), 3),
            worst_gap_s=round(max(one.worst_gap_s for one in results), 2),
        )


def _speak(choice: Choice, name: str, text: str, *, seed: int) -> Result:
    begun, cpu_begun = time.perf_counter(), time.process_time()
    options = choice.options.changed(seed=seed, remember="no")
    parts: list[Audio] = []
    heard = plays_until = gap_s = 0.0
    for audio in choice.speaker.stream(text, options):
        now = time.perf_counter()
        if not parts:
            heard = plays_until = now
        gap_s = max(gap_s, now - plays_until)
        plays_until = max(plays_until, now) + audio.duration_s
        parts.append(audio)
    spent_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_begun
    audio_s = sum(part.duration_s for part in parts)
    return Result(
        name, audio_s, round((heard - begun) * 1000), spent_s / audio_s, cpu_s / audio_s, gap_s
    )


def lines(choice: Choice, results: list[Result], settings: Settings) -> Iterator[str]:
    """The results and what they mean, for people."""
    yield f"voice {choice.name}, the median of {ROUNDS} times each:"
    yield "           audio   first sound   time per second of speech   CPU per second   gap"
    for one in results:
        yield (
            f"  {one.text:7}{one.audio_s:7.1f} s{one.ttfa_ms:10} ms{one.rtf:22.2f} s"
            f"{one.cpu_rtf:15.2f} s{one.worst_gap_s:8.2f} s"
        )
    yield f"memory: {rss_mb():.0f} MB now, {peak_mb():.0f} MB at most"
    yield from _expectations(results, settings)


def as_json(choice: Choice, results: list[Result]) -> str:
    """The same for programs."""
    content = {
        "voice": choice.name,
        "rounds": ROUNDS,
        "results": [asdict(one) for one in results],
        "rss_mb": round(rss_mb()),
        "peak_rss_mb": round(peak_mb()),
    }
    return json.dumps(content, ensure_ascii=False, indent=2)


def _expectations(results: list[Result], settings: Settings) -> Iterator[str]:
    short, longest = results[0], results[-1]
    yield "what to expect:"
    yield f"  An announcement begins after {short.ttfa_ms / 1000:.2f} s."
    if longest.rtf < 1:
        at_once = max(1, int(available_cpus() / longest.cpu_rtf))
        yield (
            f"  Speech is made {1 / longest.rtf:.1f} times as fast as it is said, so long texts do "
            f"not stutter; about {at_once} can be said at once."
        )
    else:
        pace = Pace(longest.rtf, len(TEXTS["long"]) / longest.audio_s)
        wait_s = preroll_s(pace, 0.0, len(TEXTS["long"]), 0.0)
        limit_s = settings.pacing.start_limit_s
        yield (
            "  Speech is made more slowly than it is said. To be said without a gap, a text of "
            f"{longest.audio_s:.0f} s would have to be held {wait_s:.1f} s; at most {limit_s:g} s "
            "are allowed (pacing.start_limit_s). Prepare what is known (`prerender`), or take a "
            "faster voice or precision."
        )
    deadline_s = settings.fallback.deadline_s
    slowest = max(results, key=lambda one: one.ttfa_ms)
    if settings.fallback.enabled and slowest.ttfa_ms > deadline_s * 1000:
        yield (
            f"  The {slowest.text} text begins later than fallback.deadline_s ({deadline_s:g} s): "
            "the embedded voice would say its first sentence. Allow more time there if you prefer "
            "to wait."
        )


def rss_mb() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most it has been."""
    # The kernel takes note of the peak from time to time only.
    return max(rss_mb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
