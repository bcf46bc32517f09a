"""What is measured while the server runs, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from wyoming_hayakoe import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from wyoming_hayakoe.spoken import Spoken

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_RTF: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 4)


class Metrics:
    """Counts and measures.

    Args:
        gauges: Asked, when metrics are read, for figures of the moment by name, without
            ``hayakoe_``.
    """

    def __init__(self, gauges: Callable[[], Mapping[str, float]]) -> None:
        self._registry = CollectorRegistry()
        self._gauges = gauges
        self._requests = self._counter(
            "hayakoe_requests", "Utterances that are over", "interface", "voice", "outcome"
        )
        self._characters = self._counter("hayakoe_characters", "Characters of their text")
        self._audio = self._counter("hayakoe_audio_seconds", "Audio made, in seconds", "voice")
        self._stand_ins = self._counter(
            "hayakoe_fallbacks", "Sentences that the embedded voice said instead", "voice", "reason"
        )
        self._ttfa = self._histogram(
            "hayakoe_ttfa_seconds", "Time to first audio", _LATENCY_S, "interface"
        )
        self._queue = self._histogram(
            "hayakoe_queue_seconds", "Time before anybody began to work on it", _LATENCY_S
        )
        self._rtf = self._histogram("hayakoe_rtf", "Processing time by audio", _RTF, "voice")
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def spoke(self, spoken: Spoken) -> None:
        """An utterance is over."""
        self._requests.labels(spoken.interface, spoken.voice, spoken.outcome).inc()
        self._characters.inc(spoken.characters)
        self._audio.labels(spoken.voice).inc(spoken.audio_s)
        if spoken.queue_ms is not None:
            self._queue.observe(spoken.queue_ms / 1000)
        if spoken.ttfa_ms is not None:
            self._ttfa.labels(spoken.interface).observe(spoken.ttfa_ms / 1000)
        if spoken.rtf is not None:
            self._rtf.labels(spoken.voice).observe(spoken.rtf)

    def stood_in(self, voice: str, reason: str) -> None:
        """The embedded voice has said a sentence in place of this one."""
        self._stand_ins.labels(voice, reason).inc()

    def exposition(self) -> bytes:
        """Everything, in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The figures of the moment; called by the registry."""
        yield InfoMetricFamily("hayakoe", "The server", {"version": __version__})
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"hayakoe_{name}", name.replace("_", " "), value)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self._registry)

    def _histogram(
        self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, help_text, labels, buckets=buckets, registry=self._registry)
