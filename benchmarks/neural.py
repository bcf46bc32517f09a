"""Compare the neural voice with hayakoe 1.3.1: the same files, machine, texts and moments.

Makes an environment for each engine and a voice with random weights of full size, in a folder that
is kept. Judges nothing: the exit status is 0 whether or not the targets are met. A round takes some
minutes. Quote figures only from a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

# The folder of this file would hide the package `wyoming` behind a file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import agreement, environments, paired, report, texts
from benchmarks.support.engine_process import Engine, EngineProcess
from benchmarks.support.paired import PRECISIONS, Samples
from benchmarks.support.published_files import VOICE, published_files
from benchmarks.support.report import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

METHOD: Final = """\
Method: both engines on the same published files, with the same options, versions of ONNX Runtime
and NumPy. Each round starts a process per engine, one after the other, and then lets them speak in
turns; who begins changes from round to round. No process speaks a text twice, but where it says so.
Times are from the call to the audio. A ratio is of figures of the same round, and the table gives
its median; above 1 ours is better. The CPU time that others took is counted: rounds in which it was
over 5 % are left out, and "n=5!" says that all five were such. Files are in the page cache. The
weights are random, which changes neither time nor memory; how far quantized precisions agree has to
be measured again with a real voice."""

OPTIONS: Final = {"sdp_ratio": 0.2, "noise": 0.6, "noise_w": 0.8}
RIVAL: Final = "hayakoe"
FEW_SENTENCES: Final = 50
MANY_SENTENCES: Final = 500
_SETTLE_S: Final = 0.3
"""Within this time an engine has gone idle."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how often."""

    rounds: int = 5
    sentences: Sequence[str] = texts.PLAIN


QUICK: Final = Plan(rounds=1, sentences=texts.PLAIN[:3])


class Benchmark:
    """Everything that is compared, with a fixed set of engines.

    Attributes:
        samples: What was measured, by engine.
        versions: Of the packages, by engine.
    """

    def __init__(self, plan: Plan, rival: Engine, own: Sequence[Engine]) -> None:
        self._plan = plan
        self._rival = rival
        self._own = own
        self.samples: defaultdict[str, Samples] = defaultdict(Samples)
        self.versions: dict[str, dict[str, str]] = {}

    def install(self) -> Iterator[Figure]:
        """The first start, which converts the published files."""
        for engine in self._own:
            # Taking graphs apart needs onnx, which what speaks has no need of.
            with EngineProcess(replace(engine, python=Path(sys.executable))) as process:
                cost, memory = process.started["prepare"], process.started["memory"]
            with EngineProcess(engine) as process:
                self.versions[engine.name] = process.started["versions"]
                print(process.log(), end="", file=sys.stderr)
            yield Figure(
                f"first prepare, {engine.name}: installs what is missing",
                f"{cost['wall_s']:.1f} s ({cost['cpu_s']:.1f} s of CPU time, "
                f"peak {memory['peak'] / 1e6:.0f} MB)",
                cost["wall_s"],
                "s",
            )

    def sizes(self) -> Iterator[Figure]:
        """Disk that the packages take."""
        rival = environments.installed_bytes(self._rival.python) / 1e6
        for name, without in (
            ("installed packages, without models", ()),
            ("... those of the container image", environments.NOT_IN_IMAGE),
        ):
            own = environments.installed_bytes(self._own[0].python, without) / 1e6
            yield paired.constant(name, rival, own, "MB", at_least=1.7)

    def agreement(self) -> Iterator[Figure]:
        """Whether they say the same."""
        with EngineProcess(self._rival) as rival:
            self.versions[self._rival.name] = rival.started["versions"]
            for engine in self._own:
                with EngineProcess(engine) as own:
                    found = list(agreement.compare(rival, own, self._plan.sentences))
                yield from _agreement(engine, found)

    def growth(self) -> Iterator[Figure]:
        """What memory becomes of many sentences, none of which is said twice."""
        for engine in self._own:
            with EngineProcess(engine) as process:
                spoken = texts.mixed()
                few = self._memory_after(process, spoken, FEW_SENTENCES)
                many = self._memory_after(process, spoken, MANY_SENTENCES - FEW_SENTENCES)
            yield Figure(
                f"memory, {engine.name}: after {MANY_SENTENCES} texts / after {FEW_SENTENCES}",
                f"{many / few:.3f} ({many / 1e6:.0f} / {few / 1e6:.0f} MB)",
                many / few,
                "",
                target="<= 1.05",
                met=many <= 1.05 * few,
            )

    @staticmethod
    def _memory_after(process: EngineProcess, spoken: Iterator[str], sentences: int) -> int:
        for text in islice(spoken, sentences):
            process.ask("speak", text=text, options=OPTIONS)
        return int(process.ask("memory")["rss"])

    def run(self) -> None:
        """Measure all rounds."""
        engines = [self._rival, *self._own]
        for number in range(self._plan.rounds):
            print(f"round {number + 1} of {self._plan.rounds} ...", file=sys.stderr, flush=True)
            shift = number % len(engines)
            self._round([*engines[shift:], *engines[:shift]])

    def _round(self, engines: Sequence[Engine]) -> None:
        with ExitStack() as stack:
            running = []
            for engine in engines:
                process = stack.enter_context(EngineProcess(engine))
                self.samples[engine.name].add_start(process.started)
                running.append(process)
            for process in running:
                time.sleep(_SETTLE_S)
                answer = process.ask("speak", text=texts.FIRST, options=OPTIONS)
                self.samples[process.engine.name].add_first_utterance(process.started, answer)
            for name, text in (
                ("2 s", texts.TWO_SECONDS),
                ("8 s", texts.EIGHT_SECONDS),
                ("40 s", texts.FORTY_SECONDS),
                ("2 s, said before", texts.TWO_SECONDS),
            ):
                for process in running:
                    time.sleep(_SETTLE_S)
                    answer = process.ask("speak", text=text, options=OPTIONS)
                    self.samples[process.engine.name].add_speech(name, answer)
            for process in running:
                self.samples[process.engine.name].add_memory(process.ask("memory"))
            for process in running:
                time.sleep(_SETTLE_S)
                answer = process.ask("speak_at_once", texts=texts.AT_ONCE, options=OPTIONS)
                self.samples[process.engine.name].add_clients(answer)

    def comparison(self) -> Iterator[tuple[str, list[Figure]]]:
        """The table of each precision, after ``run``."""
        theirs = self.samples[self._rival.name]
        for engine in self._own:
            precision = engine.arguments["precision"]
            figures = paired.table(theirs, self.samples[engine.name], precision)
            yield f"{self._rival.name} / {engine.name}", figures


def _agreement(engine: Engine, found: Sequence[agreement.Agreement]) -> Iterator[Figure]:
    read = [each for each in found if each.same_reading]
    timed = [each.difference for each in read if each.same_times]
    yield Figure(
        f"agreement, {engine.name}: sentences of the same rhythm",
        f"{len(timed)} of {len(read)} read alike ({len(found)} in all)",
        len(timed),
        "sentences",
    )
    if not timed:
        return
    is_exact = engine.arguments["precision"] == PRECISIONS[0]
    yield Figure(
        "... RMS of the difference by RMS of the sound",
        f"median {statistics.median(timed):.1e}, at most {max(timed):.1e}",
        max(timed),
        "",
        tuple(timed),
        target="<= 1e-3" if is_exact else None,
        met=max(timed) <= 1e-3 if is_exact else None,
    )


def main() -> None:
    """Measure, print the tables, and write the figures as JSON if asked to."""
    arguments = _arguments()
    plan = QUICK if arguments.quick else Plan(rounds=arguments.rounds)
    folder: Path = arguments.folder.resolve()
    root = published_files(folder)
    cache = folder / "installed"
    if not arguments.quick:
        shutil.rmtree(cache, ignore_errors=True)
    common = {"models": str(root), "voice": VOICE, "cache": str(cache)}
    rival = Engine(
        RIVAL,
        environments.rival_environment(folder),
        {"engine": "hayakoe", **common, "cache": str(folder / "hayakoe-cache")},
    )
    own_python = environments.own_environment(folder)
    own = [
        Engine(precision, own_python, {"engine": "ours", "precision": precision, **common})
        for precision in arguments.precision or PRECISIONS
    ]
    benchmark = Benchmark(plan, rival, own)
    machine = report.machine()
    print(*machine, METHOD, "", report.header(), sep="\n", flush=True)
    figures = []
    measures = [benchmark.install, benchmark.sizes, benchmark.agreement]
    if arguments.memory:
        measures = [benchmark.install, benchmark.growth]
    for measure in measures:
        for figure in measure():
            figures.append(figure)
            print(figure.row(), flush=True)
    if not arguments.memory:
        benchmark.run()
    tables = {} if arguments.memory else dict(benchmark.comparison())
    for title, rows in tables.items():
        print(f"\n{title}", *(figure.row() for figure in rows), sep="\n", flush=True)
    for name, packages in benchmark.versions.items():
        print(name, *(f"{package} {version}" for package, version in packages.items()), sep=", ")
    print(f"load average {report.load_average()} at the end, the benchmark's own included")
    if arguments.json is not None:
        result: dict[str, Any] = {
            "machine": machine,
            "versions": benchmark.versions,
            "figures": [figure.entry() for figure in figures],
            "tables": {title: [f.entry() for f in rows] for title, rows in tables.items()},
            "samples": {name: found.entry() for name, found in benchmark.samples.items()},
        }
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="default: %(default)s")
    parser.add_argument(
        "--precision", action="append", choices=PRECISIONS, help="of ours; default: all in turn"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round, and what is installed is used: to try the benchmark itself",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help=f"instead: memory after {MANY_SENTENCES} texts against {FEW_SENTENCES}, half an hour",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    parser.add_argument(
        "--folder",
        type=Path,
        default=platformdirs.user_cache_path("wyoming-hayakoe") / "benchmark",
        help="for the environments and the models, 5 GB (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
