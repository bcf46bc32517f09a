"""How long the longest sentence keeps another listener waiting, with a neural voice.

One client listens; when its first sound has come, another one asks for a sentence as long as a
sentence can be. Everything of that one is new: language model, encoder and flow have to run for the
whole of it before it sounds. The same without the other client is the figure to compare with.

    script/bench hold_up
    script/bench hold_up --voice jvnv-F1-jp --source hf://lemondouble/hayakoe
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import platformdirs

sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import report
from benchmarks.support.published_files import VOICE, published_files
from hayakoe_engine import TTS, SynthesisOptions
from hayakoe_engine.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.support.report import Figure
    from hayakoe_engine.speaker import Speaker

METHOD: Final = """\
Method: one process, no network. Each client takes windows as soon as they are made, and plays them
from the first on; silence is what it hears where the next one is not there in time. A sentence is
never spoken twice, so nothing is remembered. The scheduler can let others go first after each piece
of work, so the longest piece is what nobody can be spared who has no other worker."""

_LISTENED: Final = (
    "洗濯が{n}分で終わりますので、乾燥機に移すか、庭の物干しに干してください。",
    "冷蔵庫の牛乳が{n}本になっていますから、買い物の時に忘れずに買ってきてください。",
    "午後の会議は{n}分遅れて始まるので、資料をもう一度読んでおくといいと思います。",
)
_LONGEST: Final = (
    "リビングの照明とエアコンを今消しましたが寝室の窓がまだ開いたままになっていて"
    "天気予報によると今夜遅くから雨が強く降りはじめ明日の朝にかけて風も強まるということなので"
    "お休みになる前に窓を閉めて鍵をかけベランダに干してある洗濯物を取り込んだうえで"
    "玄関の鍵と台所の火の元をもう一度確かめ目覚まし時計をいつもより{n}分早く合わせておくと"
    "明日の朝はいつもの電車が大きく遅れても慌てずにお家を出られると思います。"
)
"""200 characters, none of which is a comma: a longer one, or one with commas, would be cut."""
_LENGTH: Final = 200
_FIRST_NUMBER: Final = 11
_MAX_ROUNDS: Final = 20
_WINDOWS: Final = 4
"""Of a sentence; those that follow are as long."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A window.

    Attributes:
        at_s: When it came.
        cpu_s: Processing time that the process had taken by then.
        duration_s: How long it is.
    """

    at_s: float
    cpu_s: float
    duration_s: float


@dataclass(slots=True)
class Client:
    """What a client hears.

    Attributes:
        asked_s: When it asked.
        windows: As they came.
    """

    asked_s: float = 0.0
    windows: list[Heard] = field(default_factory=list)

    def listen(
        self,
        speaker: Speaker,
        text: str,
        *,
        on_first: Callable[[], object] | None = None,
        is_enough: Callable[[], bool] | None = None,
    ) -> None:
        """Take a text as fast as it comes, to its end or until it is enough."""
        self.asked_s = time.perf_counter()
        for audio in speaker.stream(text):
            heard = Heard(time.perf_counter(), time.process_time(), audio.duration_s)
            self.windows.append(heard)
            if on_first is not None and len(self.windows) == 1:
                on_first()
            if is_enough is not None and is_enough():
                return

    @property
    def first_s(self) -> float:
        """Time to the first sound."""
        return self.windows[0].at_s - self.asked_s

    @property
    def longest_gap_s(self) -> float:
        """Longest time between two windows."""
        return max(b.at_s - a.at_s for a, b in itertools.pairwise(self.windows))

    @property
    def longest_gap_cpu_s(self) -> float:
        """Most processing time between two windows, which depends less on what else is running."""
        return max(b.cpu_s - a.cpu_s for a, b in itertools.pairwise(self.windows))

    @property
    def silence_s(self) -> float:
        """Time in which a listener hears nothing, between the first sound and the last."""
        silence_s, plays_until = 0.0, self.windows[0].at_s
        for window in self.windows:
            silence_s += max(0.0, window.at_s - plays_until)
            plays_until = max(window.at_s, plays_until) + window.duration_s
        return silence_s


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured with one pair of texts.

    Attributes:
        pieces: Of the longest sentence, the time and the processing time of each piece of work.
        alone: Who listens, without the other one.
        beside: The same beside the other one.
        long_alone: Who asks for the longest sentence, without the other one.
        long: The same beside the one who listens.
    """

    pieces: list[tuple[float, float]]
    alone: Client
    beside: Client
    long_alone: Client
    long: Client


def measure(speaker: Speaker, tts: TTS, number: int) -> Round:
    """One round; every number makes texts that were not spoken before."""
    first = _FIRST_NUMBER + 4 * number  # of two digits, to the last round
    longest = [_LONGEST.format(n=first + one) for one in range(3)]
    for text in longest:
        if len(tts.read(text)) != 1 or len(text) != _LENGTH:
            raise SystemExit(f"this should be one sentence of {_LENGTH} characters: {text}")
    pieces = list(_pieces(speaker, tts, longest[0]))
    long_alone = Client()
    long_alone.listen(speaker, longest[1], is_enough=lambda: True)
    alone = Client()
    alone.listen(speaker, _listened(2 * number))
    beside, long = Client(), Client()
    is_over = threading.Event()

    def ask() -> None:
        long.listen(speaker, longest[2], is_enough=is_over.is_set)

    other = threading.Thread(target=ask)
    beside.listen(speaker, _listened(2 * number + 1), on_first=other.start)
    is_over.set()
    other.join()
    return Round(pieces, alone, beside, long_alone, long)


def _listened(number: int) -> str:
    return "".join(_LISTENED).format(n=_FIRST_NUMBER + number)


def _pieces(speaker: Speaker, tts: TTS, text: str) -> Iterator[tuple[float, float]]:
    """What each piece of work of a sentence takes, as the scheduler would do them."""
    options = SynthesisOptions()
    windows_left = _WINDOWS
    (reading,) = tts.read(text)
    windows = iter(speaker.voice.begin(reading, options, np.random.default_rng(options.seed)))
    while windows_left:
        begun, cpu_s = time.perf_counter(), time.process_time()
        window = next(windows, None)
        if window is None:
            return
        if isinstance(window, Window):
            window.make()
            windows_left -= 1
        yield time.perf_counter() - begun, time.process_time() - cpu_s


def figures(rounds: list[Round]) -> Iterator[Figure]:
    """What was found."""
    longest = [[max(times) for times in zip(*each.pieces, strict=True)] for each in rounds]
    yield report.times("longest piece of work of the longest sentence", [s for s, _ in longest])
    yield report.times("... most processing time of one", [cpu_s for _, cpu_s in longest])
    for name, value in _VALUES.items():
        yield report.times(f"{name}, alone", [value(each.alone) for each in rounds])
        yield report.times("... beside the longest sentence", [value(r.beside) for r in rounds])
    yield report.times(
        "first sound of the longest sentence, alone", [each.long_alone.first_s for each in rounds]
    )
    yield report.times("... beside who listens", [each.long.first_s for each in rounds])


_VALUES: Final[dict[str, Callable[[Client], float]]] = {
    "longest gap between two windows": lambda client: client.longest_gap_s,
    "most processing time between two": lambda client: client.longest_gap_cpu_s,
    "silence that is heard": lambda client: client.silence_s,
}


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    source, cache, voice = arguments.source, None, arguments.voice
    if voice is None:
        voice = VOICE
        source = f"file://{published_files(arguments.folder)}"
        cache = arguments.folder / "installed"
    print(*report.machine(), METHOD, sep="\n", flush=True)
    with TTS(
        threads=arguments.threads,
        precision=arguments.precision,
        cache_dir=cache,
        bert_source=source if arguments.voice is None else None,
        phrase_cache_mb=0,
    ).load(voice, source=source) as tts:
        speaker = tts.prepare().speakers[voice]
        rounds = []
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds} ...", file=sys.stderr, flush=True)
            rounds.append(measure(speaker, tts, number))
    workers = arguments.threads or "one per CPU"
    print(f"\nthe longest sentence: {_LENGTH} characters; workers: {workers}")
    print(report.header(), *(figure.row() for figure in figures(rounds)), sep="\n")
    print(f"load average {report.load_average()} at the end, the benchmark's own included")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--voice", help="a published voice; default: one with random weights")
    parser.add_argument("--source", help="where its files are")
    parser.add_argument("--threads", type=int, help="workers; default: one per CPU")
    parser.add_argument("--precision", default="auto", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--folder",
        type=Path,
        default=platformdirs.user_cache_path("wyoming-hayakoe") / "benchmark",
        help="for the voice with random weights (default: %(default)s)",
    )
    arguments = parser.parse_args()
    if not 1 <= arguments.rounds <= _MAX_ROUNDS:
        parser.error(f"--rounds must be from 1 to {_MAX_ROUNDS}")
    arguments.folder = arguments.folder.resolve()
    return arguments


if __name__ == "__main__":
    main()
