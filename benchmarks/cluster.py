"""Measure voices on a Ray cluster of three nodes on this machine.

How much longer a window takes than in one process; how soon twenty clients hear something at once;
what becomes of them when a node dies; and how many replicas make how much audio. Needs the extra
`cluster`. The nodes share this machine's CPUs, so quote figures only from one that does nothing
else. Judges nothing: the exit status is 0 whatever is found, but for audio that is not the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import count, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import platformdirs

# The folder of this file would hide the package `wyoming` behind a file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import texts
from benchmarks.support.published_files import VOICE, published_files
from hayakoe_engine import TTS
from hayakoe_engine.cpus import available_cpus
from wyoming_hayakoe.cluster.connection import Cluster
from wyoming_hayakoe.settings import NeuralVoice, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.speaker import Speaker

STREAMS: Final = 20
NODES: Final = 2
"""With replicas; a third one is the head."""
NODE_CPUS: Final = 8
"""That Ray believes in, so that it never refuses a replica."""
HANG_S: Final = 300.0
_seeds: Final = count()
"""A sentence with a seed that was used before would be remembered."""
_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # everything on the loopback interface
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


@dataclass(frozen=True, slots=True)
class Models:
    """What is spoken with.

    Attributes:
        source: URI of the repository.
        voice: Name of the voice.
        cache: Where it is installed.
    """

    source: str
    voice: str
    cache: Path

    def settings(self, address: str, replicas: int) -> Any:  # noqa: ANN401
        """Of a server with so many replicas of one thread each."""
        pool = {
            "cpus": 1,
            "resource": "voices",
            "min_replicas": replicas,
            "max_replicas": replicas,
            "sentences": 2,
        }
        return load_settings(
            flags={
                "cache": str(self.cache),
                "neural": {"precision": "exact"},
                "voices": {self.voice: {"source": self.source}},
                "cluster": {"address": address, "pools": {"cpu": pool}},
            }
        )


def main() -> int:
    """Measure, and print what was found as one object a line."""
    arguments = _arguments()
    models = Models(
        arguments.source or f"file://{published_files(arguments.folder)}",
        arguments.voice,
        arguments.folder / "cluster-cache",
    )
    # Ray would tell of the node that dies between the figures.
    with redirect_stdout(sys.stderr), _local(models) as local, _nodes() as nodes:
        _print(what="machine", cpus=available_cpus(), streams=STREAMS)
        for replicas in arguments.replicas:
            with _front(models, nodes.address, replicas) as far:
                if replicas == arguments.replicas[0]:
                    _print(what="window", **_overhead(local, far, arguments.sentences))
                _print(what="streams", replicas=replicas, **_streams(far))
        with _front(models, nodes.address, NODES) as far:
            found = _streams(far, local, kill=lambda: nodes.remove_node(_any(nodes), False))
            _print(what="a node dies", replicas=NODES, **found)
    return 0 if found["wrong"] == 0 else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--folder",
        type=Path,
        default=platformdirs.user_cache_path("hayakoe-benchmark"),
        help="where the voice is made and kept",
    )
    parser.add_argument("--source", help="another repository than one with random weights")
    parser.add_argument("--voice", default=VOICE, help="a voice of it")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--sentences", type=int, default=20, help="for the time of a window")
    return parser.parse_args()


@contextmanager
def _local(models: Models) -> Iterator[Speaker]:
    """The voice in this process, on one CPU as a replica."""
    with TTS(cache_dir=models.cache, precision="exact", threads=1) as tts:
        tts.load(models.voice, source=models.source).prepare()
        yield tts.speakers[models.voice]


@contextmanager
def _nodes() -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        os.environ.update(  # noqa: TID251 - Ray takes them from there only
            _ENVIRONMENT, HOME=folder, RAY_AUTH_TOKEN=secrets.token_hex(32)
        )
        import ray  # noqa: PLC0415
        from ray.cluster_utils import Cluster as Nodes  # noqa: PLC0415

        node = {
            "num_cpus": NODE_CPUS,
            "node_ip_address": "127.0.0.1",
            "include_dashboard": False,
            "object_store_memory": 100 << 20,
        }
        nodes = Nodes(initialize_head=True, head_node_args={**node, "temp_dir": folder})
        try:
            for _ in range(NODES):
                nodes.add_node(**node, resources={"voices": 1})
            nodes.wait_for_nodes()
            # This process only looks on; whom it measures joins in one of its own.
            ray.init(nodes.address, log_to_driver=False)
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


def _any(nodes: Any) -> Any:  # noqa: ANN401
    return next(iter(nodes.worker_nodes))


@contextmanager
def _front(models: Models, address: str, replicas: int) -> Iterator[Speaker]:
    """The voice as a server has it whose replicas all run."""
    with (
        TTS(threads=STREAMS + available_cpus(), phrase_cache_mb=0) as tts,
        Cluster(models.settings(address, replicas)) as cluster,
    ):
        origin = cluster.origin(tts.phrases, models.voice, NeuralVoice(source=models.source))
        speaker = tts.load(models.voice, source=origin).prepare().speakers[models.voice]
        _wait_for(replicas)
        for seed in islice(_seeds, 4 * replicas):  # everybody has spoken once
            speaker.generate(texts.FIRST, seed=seed)
        yield speaker


def _wait_for(replicas: int) -> None:
    """Wait until exactly so many replicas run."""
    from ray import serve  # noqa: PLC0415

    limit = time.monotonic() + HANG_S
    while time.monotonic() < limit:
        (application,) = serve.status().applications.values()
        (deployment,) = application.deployments.values()
        if application.status == "RUNNING" and deployment.replica_states == {"RUNNING": replicas}:
            return
        time.sleep(0.2)
    raise SystemExit(f"there were not {replicas} replicas within {HANG_S:g} s")


def _overhead(local: Speaker, far: Speaker, sentences: int) -> dict[str, float]:
    """How long the first and each next window takes, here and there, in turns, in milliseconds."""
    times: dict[str, list[tuple[list[float], list[float]]]] = {"first": [], "next": []}
    for seed in islice(_seeds, sentences):
        here, there = _arrivals(local, seed), _arrivals(far, seed)
        # Replicas send windows in portions: one is there when its last sample is.
        took = [
            np.diff([0.0, *(next(at for at, length in heard if length >= end) for _, end in here)])
            for heard in (here, there)
        ]
        times["first"].append(([took[0][0]], [took[1][0]]))
        times["next"].append((list(took[0][1:]), list(took[1][1:])))
    found = {}
    for name, pairs in times.items():
        here_ms = 1000 * np.concatenate([pair[0] for pair in pairs])
        there_ms = 1000 * np.concatenate([pair[1] for pair in pairs])
        found[f"{name}_here_p50_ms"] = round(float(np.median(here_ms)), 2)
        found[f"{name}_there_p50_ms"] = round(float(np.median(there_ms)), 2)
        found[f"{name}_more_p50_ms"] = round(float(np.median(there_ms - here_ms)), 2)
    return found


def _arrivals(speaker: Speaker, seed: int) -> list[tuple[float, int]]:
    """When there was how much audio, in seconds and samples."""
    heard = []
    length = 0
    asked = time.perf_counter()
    for audio in speaker.stream(texts.EIGHT_SECONDS, seed=seed):
        length += len(audio.samples)
        heard.append((time.perf_counter() - asked, length))
    return heard


def _streams(far: Speaker, local: Speaker | None = None, kill: Any = None) -> dict[str, Any]:  # noqa: ANN401
    """Many clients at once; with ``kill``, when some have heard something."""
    seeds = list(islice(_seeds, STREAMS))
    spoken = asyncio.run(_speak_all(far, seeds, kill))
    first_s = sorted(heard[0][0] for heard in spoken)
    length = sum(len(samples) for heard in spoken for _, samples in heard)
    audio_s = length / far.info.sample_rate_hz
    took_s = max(heard[-1][0] for heard in spoken)
    found = {
        "first_p50_ms": round(statistics.median(first_s) * 1000),
        "first_max_ms": round(first_s[-1] * 1000),
        "audio_s": round(audio_s, 1),
        "took_s": round(took_s, 2),
        "audio_per_s": round(audio_s / took_s, 2),
    }
    if local is not None:
        found["wrong"] = sum(
            not np.array_equal(
                np.concatenate([samples for _, samples in heard]),
                local.generate(texts.EIGHT_SECONDS, seed=seed).samples,
            )
            for seed, heard in zip(seeds, spoken, strict=True)
        )
        found["longest_gap_s"] = round(max(map(_longest_gap_s, spoken)), 2)
    return found


async def _speak_all(
    far: Speaker,
    seeds: Sequence[int],
    kill: Any,  # noqa: ANN401
) -> list[list[tuple[float, Any]]]:
    begun = time.perf_counter()
    spoken: list[list[tuple[float, Any]]] = [[] for _ in seeds]
    heard_by_some = asyncio.Event()

    async def speak(seed: int, heard: list[tuple[float, Any]]) -> None:
        async for audio in far.astream(texts.EIGHT_SECONDS, seed=seed):
            heard.append((time.perf_counter() - begun, audio.samples))
            if sum(map(bool, spoken)) >= len(seeds) // 4:
                heard_by_some.set()

    async def strike() -> None:
        await heard_by_some.wait()
        await asyncio.to_thread(kill)

    async with asyncio.timeout(HANG_S), asyncio.TaskGroup() as tasks:
        for seed, heard in zip(seeds, spoken, strict=True):
            tasks.create_task(speak(seed, heard))
        if kill is not None:
            tasks.create_task(strike())
    return spoken


def _longest_gap_s(heard: Sequence[tuple[float, Any]]) -> float:
    times = [0.0, *(at for at, _ in heard)]
    return max(later - earlier for earlier, later in pairwise(times))


def _print(**found: object) -> None:
    print(json.dumps(found), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    sys.exit(main())
