"""One engine, in a process of its own: does what it is told and measures itself.

Runs in the environment of the engine that it measures, so it imports nothing but the standard
library before it imports the engine. The only argument is a JSON object; requests are lines of
JSON, each answered with one. ``engine_process`` is the other end.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_BUSY_COLUMNS: Final = (1, 2, 3, 6, 7, 8)
"""Of a line of /proc/stat: user, nice, system, interrupts, soft interrupts, stolen."""


Phone = tuple[str, float]
"""A phone and when it begins, in seconds."""

_MARKS: Final = str.maketrans("。、？！", ".,?!")


class Engine(Protocol):
    """What both engines can do, with the same options."""

    def stream(self, text: str, options: dict[str, float]) -> Iterator[float]:
        """Speak; yields the seconds of audio in each piece as it comes."""
        ...

    def record(self, text: str, options: dict[str, float]) -> tuple[Any, list[Phone]]:
        """Speak; returns the samples, ``[n]``, and the phones."""
        ...

    def labels(self, text: str) -> list[str]:
        """How a sentence is read, as full-context labels of Open JTalk."""
        ...


class HayaKoe:
    """The engine to compare with."""

    packages: Final = ("hayakoe", "onnxruntime", "numpy", "transformers")

    def __init__(self, models: str, voice: str, cache: str, device: str = "cpu") -> None:
        tts = importlib.import_module("hayakoe").TTS
        source = f"file://{models}"
        self._tts = tts(device=device, cache_dir=cache, bert_source=source)
        # On the CPU it does not warm up.
        prepared = self._tts.load(voice, source=source).prepare(warmup=device != "cpu")
        self._speaker = prepared.speakers[voice]

    def stream(self, text: str, options: dict[str, float]) -> Iterator[float]:
        """Speak; yields the seconds of audio in each piece as it comes."""
        for audio in self._speaker.stream(text, **options):
            yield len(audio.data) / audio.sr

    def record(self, text: str, options: dict[str, float]) -> tuple[Any, list[Phone]]:
        """Speak; returns the samples, ``[n]``, and the phones."""
        audio = self._speaker.generate(text, with_timing=True, **options)
        return audio.data, [(timing.phoneme, timing.start) for timing in audio.timings]

    def labels(self, text: str) -> list[str]:
        """How a sentence is read, as full-context labels of Open JTalk.

        The engine does not tell; this is what the analyser says that it asks, which is so only of
        sentences in kana and kanji.
        """
        analyser = importlib.import_module("pyopenjtalk")
        return list(analyser.extract_fullcontext(text.translate(_MARKS)))


class Ours:
    """The engine of this project."""

    packages: Final = ("wyoming-hayakoe", "onnxruntime", "numpy")

    def __init__(self, models: str, voice: str, cache: str, precision: str) -> None:
        tts = importlib.import_module("hayakoe_engine").TTS
        source = f"file://{models}"
        self._tts = tts(device="cpu", cache_dir=cache, bert_source=source, precision=precision)
        # The other engine does not warm up on CPU, so its preparing is compared with ours alone.
        prepared = self._tts.load(voice, source=source).prepare(warmup=False)
        self._speaker = prepared.speakers[voice]

    def stream(self, text: str, options: dict[str, float]) -> Iterator[float]:
        """Speak; yields the seconds of audio in each piece as it comes."""
        for audio in self._speaker.stream(text, **options):
            yield audio.duration_s

    def record(self, text: str, options: dict[str, float]) -> tuple[Any, list[Phone]]:
        """Speak; returns the samples, ``[n]``, and the phones."""
        audio = self._speaker.generate(text, **options)
        return audio.samples, [(timing.phone, timing.start_s) for timing in audio.timings]

    def labels(self, text: str) -> list[str]:
        """How a sentence is read, as full-context labels of Open JTalk."""
        return [label for reading in self._tts.read(text) for label in reading.labels]


MODULES: Final = {"hayakoe": "hayakoe", "ours": "hayakoe_engine"}


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work returns, and what it cost.

    Adds ``wall_s``, ``cpu_s`` of this process and ``others_s``, the CPU time that everybody else
    took on the CPUs that this process may use.
    """
    busy_s, cpu_s, begun = _busy_s(), time.process_time(), time.perf_counter()
    result = work()
    result["wall_s"] = time.perf_counter() - begun
    result["cpu_s"] = time.process_time() - cpu_s
    result["others_s"] = max(0.0, _busy_s() - busy_s - result["cpu_s"])
    return result


def speak(engine: Engine, text: str, options: dict[str, float]) -> dict[str, Any]:
    """When each piece of audio came, in seconds from the request, and how long it is."""
    begun, cpu_s = time.perf_counter(), time.process_time()
    pieces = []
    first_cpu_s = None
    for duration_s in engine.stream(text, options):
        pieces.append((time.perf_counter() - begun, duration_s))
        if first_cpu_s is None:
            first_cpu_s = time.process_time() - cpu_s
    return {"pieces": pieces, "first_cpu_s": first_cpu_s}


def speak_at_once(engine: Engine, texts: list[str], options: dict[str, float]) -> dict[str, Any]:
    """As many clients as texts, all asking at the same moment."""
    heard: list[dict[str, Any]] = []
    barrier = threading.Barrier(len(texts))

    def client(text: str) -> None:
        barrier.wait()
        heard.append(speak(engine, text, options))

    threads = [threading.Thread(target=client, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(heard) < len(texts):
        raise RuntimeError("a client was not served")
    return {"clients": [each["pieces"] for each in heard]}


def record(engine: Engine, text: str, options: dict[str, float], file: str) -> dict[str, Any]:
    """Write the samples of a sentence to a ``.npy`` file; tells the phones and the labels."""
    samples, phones = engine.record(text, options)
    importlib.import_module("numpy").save(file, samples)
    return {"phones": phones, "labels": engine.labels(text)}


def memory() -> dict[str, int]:
    """Bytes of memory: resident now, at most so far, and now what is not backed by a file."""
    status = _proc_table("status")
    rollup = _proc_table("smaps_rollup")
    return {"rss": rollup["Rss"], "peak": status["VmHWM"], "anonymous": rollup["Anonymous"]}


def _proc_table(file: str) -> dict[str, int]:
    table = {}
    for line in Path(f"/proc/self/{file}").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            table[name] = 1024 * int(value.split()[0])
    return table


def _busy_s() -> float:
    names = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    rows = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    busy = (int(row[i]) for row in rows if row[0] in names for i in _BUSY_COLUMNS)
    return sum(busy) * _TICK_S


def main() -> None:
    """Start, and answer until the requests end."""
    # All files are here: nobody shall wait for a network.
    os.environ["HF_HUB_OFFLINE"] = "1"  # noqa: TID251 - of another program's library
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    arguments = json.loads(sys.argv[1])
    kind = arguments.pop("engine")
    made: list[Engine] = []

    def load() -> dict[str, Any]:
        getattr(importlib.import_module(MODULES[kind]), "TTS")  # noqa: B009 - loads lazy ones too
        return {}

    def prepare() -> dict[str, Any]:
        made.append(Ours(**arguments) if kind == "ours" else HayaKoe(**arguments))
        return {}

    started = {"import": measured(load), "prepare": measured(prepare), "memory": memory()}
    engine = made[0]
    packages = Ours.packages if kind == "ours" else HayaKoe.packages
    started["versions"] = {package: version(package) for package in packages}
    print(json.dumps(started), file=answers)
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "speak": lambda **request: measured(lambda: speak(engine, **request)),
        "speak_at_once": lambda **request: measured(lambda: speak_at_once(engine, **request)),
        "record": lambda **request: record(engine, **request),
        "memory": memory,
    }
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(tasks[request.pop("do")](**request)), file=answers)


if __name__ == "__main__":
    main()
