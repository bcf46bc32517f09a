"""How many listeners a machine can serve, and what a million characters cost there.

``measure`` has a voice speak and writes down what its sentences take of a CPU. ``simulate`` plays
that back: requests come at random, workers take windows as the scheduler of the engine does, and
listeners play what they get. Nothing is synthesised there, so a day takes seconds.

    script/bench scale measure times.json --voice jvnv-F1-jp --source hf://lemondouble/hayakoe
    script/bench scale simulate times.json --cpus 8 --price 0.40
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import random
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hayakoe_engine import TTS
from hayakoe_engine.voices.sbv2.installed import PRECISIONS
from hayakoe_engine.work_stream import AHEAD_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.voices.sbv2.installed import Precision

SENTENCES: Final = (
    "お風呂が沸きました。",
    "玄関の鍵が開いています。",
    "洗濯が終わりましたので、早めに干してください。",
    "明日の天気は晴れ、最高気温は二十五度です。",
    "今日は燃えるごみの日です。八時までに出してください。",
    "リビングのエアコンを二十六度に設定し、風量を自動にしました。",
    "本日の予定は、午前十時から歯医者、午後三時から打ち合わせ、夜は七時から夕食会です。",
)
LOADS: Final = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Share of all CPUs that the requests would keep busy if nobody ever had to wait."""

WAIT_LIMIT_S: Final = 0.5
GAPS_LIMIT: Final = 0.01
"""A machine is full if one request in twenty has its first sound so much later than it would have
it alone, or more of the requests than that have a gap that one hears."""

_HEARD_GAP_S: Final = 0.1
_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a sentence takes of one CPU.

    Attributes:
        characters: Of its text.
        cpu_s: CPU time of each window; that of the first has everything in it that comes before.
        audio_s: What each window plays.
    """

    characters: int
    cpu_s: tuple[float, ...]
    audio_s: tuple[float, ...]


def measure(
    voice: str, source: str | None, precision: Precision, runs: int, cache: Path | None
) -> list[Sentence]:
    """Have a voice speak on one thread, and take the CPU time of the whole process."""
    found = []
    with TTS(threads=1, precision=precision, cache_dir=cache).load(voice, source=source) as tts:
        speaker = tts.prepare().speakers[voice]
        for number, text in enumerate(itertools.chain.from_iterable([SENTENCES] * runs)):
            cpu_s, audio_s = [], []
            # Another seed makes it another sentence, so nothing is remembered.
            stream = speaker.stream(text, seed=number)
            begun = time.process_time()
            for audio in stream:
                now = time.process_time()
                cpu_s.append(now - begun)
                audio_s.append(audio.duration_s)
                begun = now
            found.append(Sentence(len(text), tuple(cpu_s), tuple(audio_s)))
    return found


@dataclass(slots=True, eq=False)
class Request:
    """A sentence that somebody waits for.

    Attributes:
        sentence: What is spoken.
        arrived_s: When it was asked for.
        begun: Windows that are made or being made.
        ready_s: When each window was made.
    """

    sentence: Sentence
    arrived_s: float
    begun: int = 0
    ready_s: dict[int, float] = field(default_factory=dict)

    @property
    def promised_s(self) -> float:
        """Audio made or being made."""
        return sum(self.sentence.audio_s[: self.begun])

    def is_runnable(self, now_s: float) -> bool:
        """Whether a window can be begun: the first before all others, and none too early."""
        if self.begun == len(self.sentence.cpu_s) or (self.begun and 0 not in self.ready_s):
            return False
        played_s = now_s - self.ready_s[0] if self.begun else 0.0
        return self.promised_s - played_s < AHEAD_S

    @property
    def first_audio_s(self) -> float:
        """Time from the request to the first sound."""
        return self.ready_s[0] - self.arrived_s

    @property
    def waited_s(self) -> float:
        """How much later that is than if nobody else were there."""
        return self.first_audio_s - self.sentence.cpu_s[0]

    @property
    def has_gap(self) -> bool:
        """Whether playback waits somewhere for so long that one hears it."""
        plays_s = self.ready_s[0]
        for number, audio_s in enumerate(self.sentence.audio_s):
            if self.ready_s[number] > plays_s + _HEARD_GAP_S:
                return True
            plays_s = max(plays_s, self.ready_s[number]) + audio_s
        return False


def simulate(
    sentences: Sequence[Sentence], cpus: int, rate_hz: float, requests: int, seed: int = 0
) -> list[Request]:
    """Requests that come at random, and what becomes of each.

    Args:
        sentences: What is asked for, each equally often.
        cpus: Workers.
        rate_hz: Requests a second, on average.
        requests: How many.
        seed: Of the chance.
    """
    chance = random.Random(seed)
    arrivals: list[Request] = []
    now_s = 0.0
    for _ in range(requests):
        now_s += chance.expovariate(rate_hz)
        arrivals.append(Request(chance.choice(sentences), now_s))
    coming = iter(arrivals)
    waiting: list[Request] = []
    order = itertools.count()
    # What happens next: a request arrives, a window is made, or a listener has played enough.
    events: list[tuple[float, int, Request | None, int]] = []
    upcoming = next(coming, None)
    idle = cpus
    while upcoming is not None or events:
        if upcoming is not None and (not events or upcoming.arrived_s <= events[0][0]):
            now_s = upcoming.arrived_s
            waiting.append(upcoming)
            upcoming = next(coming, None)
        else:
            now_s, _, request, number = heapq.heappop(events)
            if request is not None:
                request.ready_s[number] = now_s
                idle += 1
        while idle:
            runnable = [request for request in waiting if request.is_runnable(now_s)]
            if not runnable:
                break
            chosen = min(runnable, key=lambda one: (one.promised_s, one.arrived_s))
            made_s = now_s + chosen.sentence.cpu_s[chosen.begun]
            heapq.heappush(events, (made_s, next(order), chosen, chosen.begun))
            chosen.begun += 1
            idle -= 1
        waiting = [one for one in waiting if one.begun < len(one.sentence.cpu_s)]
        if waiting and not events:
            heapq.heappush(events, (now_s + _HEARD_GAP_S, next(order), None, 0))
    return arrivals


@dataclass(frozen=True, slots=True)
class Load:
    """What a load means for those who listen.

    Attributes:
        share: Of the CPUs that it keeps busy.
        rate_hz: Requests a second.
        first_audio_s: Median and 95th percentile of the time to the first sound.
        waited_s: 95th percentile of how much of it is because of others.
        gaps: Share of the requests with a gap that one hears.
    """

    share: float
    rate_hz: float
    first_audio_s: tuple[float, float]
    waited_s: float
    gaps: float

    @property
    def is_bearable(self) -> bool:
        """Whether the machine is not full."""
        return self.waited_s <= WAIT_LIMIT_S and self.gaps <= GAPS_LIMIT


def loads(sentences: Sequence[Sentence], cpus: int, requests: int) -> Iterator[Load]:
    """The same machine under more and more load."""
    mean_cpu_s = statistics.fmean(sum(sentence.cpu_s) for sentence in sentences)
    for share in LOADS:
        rate_hz = share * cpus / mean_cpu_s
        done = simulate(sentences, cpus, rate_hz, requests)
        first_s = [request.first_audio_s for request in done]
        gaps = sum(request.has_gap for request in done) / len(done)
        waited_s = _late([request.waited_s for request in done])
        yield Load(share, rate_hz, (statistics.median(first_s), _late(first_s)), waited_s, gaps)


def _late(times_s: Sequence[float]) -> float:
    """What nineteen of twenty are below."""
    return sorted(times_s)[int(0.95 * len(times_s))]


def report(
    sentences: Sequence[Sentence], cpus: int, requests: int, price: float | None
) -> Iterator[str]:
    """The tables."""
    audio_s = sum(sum(sentence.audio_s) for sentence in sentences)
    cpu_s = sum(sum(sentence.cpu_s) for sentence in sentences)
    characters = sum(sentence.characters for sentence in sentences)
    yield f"CPU time by second of audio: {cpu_s / audio_s:.3f} s"
    yield f"CPU time by character: {1000 * cpu_s / characters:.1f} ms"
    yield f"characters by second of audio: {characters / audio_s:.1f}"
    yield f"CPU time by million characters: {cpu_s / characters * 1e6 / _SECONDS_AN_HOUR:.1f} hours"
    yield ""
    yield f"{cpus} CPUs, {requests} requests of one sentence at each load"
    yield "| CPUs busy | requests/s | audio at once | first audio, median / 95 % | with gaps |"
    yield "| --- | --- | --- | --- | --- |"
    best: Load | None = None
    for load in loads(sentences, cpus, requests):
        median_s, late_s = load.first_audio_s
        at_once = load.rate_hz * audio_s / len(sentences)
        yield (
            f"| {load.share:.0%} | {load.rate_hz:.2f} | {at_once:.1f} s/s | "
            f"{median_s:.2f} / {late_s:.2f} s | {load.gaps:.1%} |"
        )
        if load.is_bearable:
            best = load
    yield ""
    if best is None:
        yield "no load here is bearable: playback has gaps even alone"
        return
    yield f"full at: {best.share:.0%} of the CPUs"
    if price is not None:
        for when, share in (("full", best.share), ("busy all the time, nobody listening", 1.0)):
            an_hour = price * cpu_s / audio_s / (share * cpus)
            million = an_hour * audio_s / characters * 1e6 / _SECONDS_AN_HOUR
            yield f"{when}: {an_hour:.4f} an hour of audio, {million:.2f} a million characters"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="command")
    measuring = commands.add_parser("measure", help="have a voice speak")
    measuring.add_argument("times", type=Path, help="file that is written")
    measuring.add_argument("--voice", default="mei")
    measuring.add_argument("--source", help="where it comes from")
    measuring.add_argument("--precision", choices=PRECISIONS, default="exact")
    measuring.add_argument("--cache", type=Path, help="where it is installed (default: the user's)")
    measuring.add_argument("--runs", type=int, default=3)
    simulating = commands.add_parser("simulate", help="play it back under load")
    simulating.add_argument("times", type=Path, help="file of `measure`")
    simulating.add_argument("--cpus", type=int, default=2)
    simulating.add_argument("--requests", type=int, default=4000, help="at each load")
    simulating.add_argument("--price", type=float, help="of the machine, an hour")
    arguments = parser.parse_args()
    if arguments.command == "measure":
        found = measure(
            arguments.voice,
            arguments.source,
            arguments.precision,
            arguments.runs,
            arguments.cache,
        )
        arguments.times.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
        return
    sentences = [
        Sentence(one["characters"], tuple(one["cpu_s"]), tuple(one["audio_s"]))
        for one in json.loads(arguments.times.read_text(encoding="utf-8"))
    ]
    for line in report(sentences, arguments.cpus, arguments.requests, arguments.price):
        print(line)


if __name__ == "__main__":
    main()
