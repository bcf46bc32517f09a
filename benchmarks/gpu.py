"""Measure neural voices on a GPU: how soon, how fast, how many at once, and how nearly the same.

Makes a voice with random weights of full size, and needs no network for that. Judges nothing but
whether sentences that are computed together are the same as alone. Takes some minutes. hayakoe
1.3.1 is compared with where an environment is named that has it, and torch for this GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

# The folder of this file would hide the package `http` behind a file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))

import numpy as np
import torch

from benchmarks.support import report, texts
from benchmarks.support.checkpoints import checkpoints
from benchmarks.support.engine_process import Engine, EngineProcess
from benchmarks.support.published_files import VOICE
from benchmarks.support.report import Figure
from benchmarks.support.torch_voice import rehearse
from hayakoe_engine import TTS, SynthesisOptions
from hayakoe_engine.errors import BadOption
from hayakoe_engine.voices.sbv2.agreement import compare
from hayakoe_engine.voices.sbv2.torch.device import Device, open_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.speaker import Speaker

METHOD: Final = """\
Method: one process, one voice, all sentences computed anew each time; the weights are random, which
changes neither time nor memory. Times are from the call to the audio in the computer's memory, with
everything that happens on the CPU: reading, features, encoding. Streams at once begin at the same
moment and take their audio as it comes; one is late if a piece of it comes after what came before
it has been played. How far 16 bits agree has to be measured again with a real voice."""

PRECISIONS: Final = ("exact", "balanced", "fast")
OPTIONS: Final = {"sdp_ratio": 0.2, "noise": 0.6, "noise_w": 0.8}
SPOKEN: Final = SynthesisOptions(sdp_ratio=0.2, noise=0.6, noise_w=0.8)
RIVAL: Final = "hayakoe"
LENGTHS: Final = (
    ("2 s", texts.TWO_SECONDS),
    ("8 s", texts.EIGHT_SECONDS),
    ("40 s", texts.FORTY_SECONDS),
)
NEAR: Final = 1e-4
"""Of full scale: what sentences computed together may differ by from each alone, in ``exact``."""

_BEGUN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how often."""

    rounds: int = 10
    streams: Sequence[int] = (1, 4, 16, 64)
    sentences: Sequence[str] = texts.PLAIN


QUICK: Final = Plan(rounds=2, streams=(1, 4), sentences=texts.PLAIN[:4])


@dataclass(frozen=True, slots=True)
class Heard:
    """When each piece of a text came, in seconds from the request, and how long it is."""

    pieces: Sequence[tuple[float, float]]

    @property
    def first_s(self) -> float:
        """When the first sound was there."""
        return self.pieces[0][0]

    @property
    def whole_s(self) -> float:
        """When the last was."""
        return self.pieces[-1][0]

    @property
    def audio_s(self) -> float:
        """How long it plays."""
        return sum(duration_s for _, duration_s in self.pieces)

    @property
    def is_late(self) -> bool:
        """Whether there is a gap in it for who plays it as soon as it comes."""
        plays_until_s = self.first_s
        for came_s, duration_s in self.pieces:
            if came_s > plays_until_s:
                return True
            plays_until_s += duration_s
        return False


def speak(speaker: Speaker, text: str) -> Heard:
    """Say a text."""
    begun = time.perf_counter()
    pieces = [
        (time.perf_counter() - begun, audio.duration_s) for audio in speaker.stream(text, SPOKEN)
    ]
    return Heard(pieces)


def speak_at_once(speaker: Speaker, said: Sequence[str]) -> list[Heard]:
    """Say all these texts at the same moment."""
    heard: list[Heard] = []
    barrier = threading.Barrier(len(said))

    def client(text: str) -> None:
        barrier.wait(_BEGUN_S)
        heard.append(speak(speaker, text))

    clients = [threading.Thread(target=client, args=(text,)) for text in said]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    if len(heard) < len(said):
        raise RuntimeError("a client was not served")
    return heard


class Benchmark:
    """What is measured with the files of one voice on one device.

    Args:
        root: Of the files.
        device: As users call it.
        cache: Folder for what is made of them.
        plan: How often.
        is_compiled: Whether torch compiles the networks.
    """

    def __init__(
        self, root: Path, device: Device, cache: Path, plan: Plan, *, is_compiled: bool
    ) -> None:
        self._root = root
        self._device = device
        self._cache = cache
        self._plan = plan
        self._is_compiled = is_compiled

    @contextmanager
    def engine(self, precision: str) -> Iterator[TTS]:
        """An engine that remembers nothing of what it has said."""
        source = f"file://{self._root}"
        tts = TTS(
            self._device.name,
            cache_dir=self._cache,
            bert_source=source,
            precision=precision,  # type: ignore[arg-type]
            phrase_cache_mb=0,
            compiled=self._is_compiled,
        )
        with tts.load(VOICE, source=source):
            yield tts

    def first(self) -> Iterator[Figure]:
        """The first start, which finds out about the voice what is kept."""
        begun = time.perf_counter()
        with self.engine("auto") as tts:
            best = tts.prepare().speakers[VOICE].info.precision
        spent_s = time.perf_counter() - begun
        yield Figure("first prepare", f"{spent_s:.1f} s (auto is {best})", spent_s, "s")

    def speed(self, precision: str) -> Iterator[Figure]:
        """How soon and how fast it speaks, alone and together, and what that takes of memory."""
        is_gpu = self._device.place.type == "cuda"
        if is_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        with self.engine(precision) as tts:
            begun = time.perf_counter()
            speaker = tts.prepare().speakers[VOICE]
            spent_s = time.perf_counter() - begun
            yield Figure(f"{precision}: prepare, warm", f"{spent_s:.1f} s", spent_s, "s")
            if is_gpu:
                yield _memory(
                    f"{precision}: memory of the GPU, ready", torch.cuda.memory_allocated()
                )
            for name, text in LENGTHS:
                heard = [speak(speaker, text) for _ in range(self._plan.rounds)]
                yield from _alone(f"{precision}, {name}", heard)
            for count in self._plan.streams:
                said = [texts.AT_ONCE[n % len(texts.AT_ONCE)] for n in range(count)]
                speak_at_once(speaker, said)
                begun = time.perf_counter()
                heard = speak_at_once(speaker, said)
                yield from _together(
                    f"{precision}, {count} at once", heard, time.perf_counter() - begun
                )
            if is_gpu:
                yield _memory(f"{precision}: ... at most", torch.cuda.max_memory_allocated())
                yield _memory(f"{precision}: ... reserved", torch.cuda.max_memory_reserved())

    def same_together(self, precision: str) -> Iterator[Figure]:
        """Whether sentences that are computed together are what each is alone."""
        said = self._plan.sentences
        with self.engine(precision) as tts:
            speaker = tts.prepare().speakers[VOICE]
            alone = [speaker.generate(text, SPOKEN, seed=1).samples for text in said]
            together: list[np.ndarray | None] = [None] * len(said)
            barrier = threading.Barrier(len(said))

            def client(number: int) -> None:
                barrier.wait(_BEGUN_S)
                audio = speaker.generate(said[number], SPOKEN, seed=1)
                together[number] = audio.samples

            clients = [threading.Thread(target=client, args=(n,)) for n in range(len(said))]
            for each in clients:
                each.start()
            for each in clients:
                each.join()
        pairs = [(a, b) for a, b in zip(alone, together, strict=True) if b is not None]
        timed = [np.abs(a - b).max() for a, b in pairs if len(a) == len(b)]
        most = float(max(timed, default=np.inf))
        is_exact = precision == "exact"
        yield Figure(
            f"{precision}: together against alone, most",
            f"{most:.1e} ({len(timed)} of {len(said)} of the same length)",
            most,
            "of full scale",
            target=f"<= {NEAR:.0e}" if is_exact else None,
            met=most <= NEAR if is_exact else None,
        )

    def sixteen_bits(self) -> Iterator[Figure]:
        """How near each kind of 16 bits comes to 32, with the same features and noise."""
        exact, rate_hz = rehearse(self._root, self._device, "exact")
        for half in (torch.float16, torch.bfloat16):
            kind = str(half).removeprefix("torch.")
            device = Device(self._device.name, self._device.place, half)
            for precision in PRECISIONS[1:]:
                said, _ = rehearse(self._root, device, precision)
                found = compare(exact, said, rate_hz)
                yield Figure(
                    f"{kind}, {precision}: SNR against exact",
                    f"{found.snr_db:.1f} dB (log-mel distance {found.log_mel_distance_db:.2f} dB)",
                    found.snr_db,
                    "dB",
                )

    def rival(self, python: Path) -> Iterator[Figure]:
        """The same of hayakoe, on the same files."""
        engine = Engine(
            RIVAL,
            python,
            {
                "engine": RIVAL,
                "models": str(self._root),
                "voice": VOICE,
                "cache": str(self._cache / "hayakoe"),
                "device": self._device.place.type,
            },
        )
        with EngineProcess(engine) as process:
            packages = process.started["versions"].items()
            print(RIVAL, *(f"{package} {version}" for package, version in packages), sep=", ")
            spent_s = process.started["prepare"]["wall_s"]
            yield Figure(f"{RIVAL}: prepare, warm", f"{spent_s:.1f} s", spent_s, "s")
            for name, text in LENGTHS:
                answers = [
                    process.ask("speak", text=text, options=OPTIONS)
                    for _ in range(self._plan.rounds)
                ]
                heard = [Heard(answer["pieces"]) for answer in answers]
                yield from _alone(f"{RIVAL}, {name}", heard)
            for count in self._plan.streams:
                said = [texts.AT_ONCE[n % len(texts.AT_ONCE)] for n in range(count)]
                process.ask("speak_at_once", texts=said, options=OPTIONS)
                answer = process.ask("speak_at_once", texts=said, options=OPTIONS)
                heard = [Heard(pieces) for pieces in answer["clients"]]
                yield from _together(f"{RIVAL}, {count} at once", heard, answer["wall_s"])


def _alone(name: str, heard: Sequence[Heard]) -> Iterator[Figure]:
    yield report.times(f"{name}: first sound", [each.first_s for each in heard])
    ratios = [each.whole_s / each.audio_s for each in heard]
    median = statistics.median(ratios)
    yield Figure(
        f"{name}: real-time factor",
        f"{median:.4f} ({1 / median:.0f} times as fast as it plays)",
        median,
        "",
        tuple(ratios),
    )


def _together(name: str, heard: Sequence[Heard], wall_s: float) -> Iterator[Figure]:
    firsts_s = [each.first_s for each in heard]
    yield report.times(f"{name}: first sound", firsts_s)
    ratio = sum(each.audio_s for each in heard) / wall_s
    late = sum(each.is_late for each in heard)
    yield Figure(f"{name}: audio by time", f"{ratio:.1f} ({late} of {len(heard)} late)", ratio, "")


def _memory(name: str, size_bytes: int) -> Figure:
    return Figure(name, f"{size_bytes / 1e6:.0f} MB", size_bytes / 1e6, "MB")


def main() -> None:
    """Measure, print the table, and write the figures as JSON if asked to."""
    arguments = _arguments()
    try:
        device = open_device(arguments.device)
    except BadOption as error:
        sys.exit(
            "this measures a GPU of NVIDIA's, and needs one that torch can compute on\n"
            f"{error}\n{error.hint}\n--device torch-cpu --quick tries out the benchmark itself"
        )
    name = torch.cuda.get_device_name() if device.place.type == "cuda" else "no GPU"
    machine = [*report.machine(), f"{name}, torch {torch.__version__}, CUDA {torch.version.cuda}"]
    print(*machine, METHOD, "", report.header(), sep="\n", flush=True)
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if arguments.folder is None else arguments.folder.resolve()
        root = checkpoints(folder, full=not arguments.quick)
        benchmark = Benchmark(
            root,
            device,
            folder / "cache",
            QUICK if arguments.quick else Plan(),
            is_compiled=arguments.compiled,
        )
        precisions = arguments.precision or PRECISIONS
        parts = [benchmark.first()]
        parts += [benchmark.speed(precision) for precision in precisions]
        parts += [benchmark.same_together(precision) for precision in precisions]
        parts.append(benchmark.sixteen_bits())
        if arguments.rival_python is not None:
            parts.append(benchmark.rival(arguments.rival_python))
        for part in parts:
            for figure in part:
                figures.append(figure)
                print(figure.row(), flush=True)
    if arguments.rival_python is None:
        print("hayakoe 1.3.1 is left out: --rival-python names no environment with it")
    if arguments.json is not None:
        result = {"machine": machine, "figures": [figure.entry() for figure in figures]}
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    if any(figure.met is False for figure in figures):
        sys.exit("sentences that are computed together are not what each is alone")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--device",
        choices=("cuda", "torch-cpu"),
        default="cuda",
        help="torch-cpu is for trying out the benchmark; default: %(default)s",
    )
    parser.add_argument(
        "--precision", action="append", choices=PRECISIONS, help="default: all in turn"
    )
    parser.add_argument("--compiled", action="store_true", help="have torch compile the networks")
    parser.add_argument("--quick", action="store_true", help="a miniature voice, few rounds")
    parser.add_argument(
        "--rival-python",
        type=Path,
        metavar="FILE",
        help="interpreter of an environment with hayakoe[gpu]==1.3.1 and torch",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    parser.add_argument(
        "--folder", type=Path, help="keeps the models there, 2 GB (default: they are deleted)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
