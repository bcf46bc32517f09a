"""Texts to audio files in memory, by an engine of this process."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hayakoe_engine.audio import Audio
from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import HayakoeError, InferenceFailed, VoiceError
from hayakoe_engine.scheduler import Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from concurrent.futures import Future
    from typing import TypeAlias

    from wyoming_hayakoe.render_items import Item
    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import VoiceBook

    Results: TypeAlias = Iterator[tuple[Item, "Rendered"]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of an item.

    Attributes:
        data: The file; None if there is none.
        duration_s: Length of the audio.
        code: Of what was wrong; None if nothing was.
        problem: What was wrong, for people.
    """

    data: bytes | None
    duration_s: float = 0.0
    code: str | None = None
    problem: str | None = None

    @classmethod
    def failed(cls, error: HayakoeError) -> Rendered:
        """An item that could not be rendered."""
        return cls(None, code=error.code, problem=str(error))


class Renderer:
    """Renders items; from any number of threads at once.

    Args:
        voices: Who may speak.
    """

    def __init__(self, voices: VoiceBook) -> None:
        self._voices = voices

    def render(self, item: Item) -> Rendered:
        """Speak an item, after everybody who is waiting to hear something."""
        try:
            audio = self._speak(item)
            return Rendered(audio.to_bytes(item.format), audio.duration_s)
        except HayakoeError as error:
            return Rendered.failed(error)
        except Exception as error:  # noqa: BLE001 - one item must not end all
            return Rendered.failed(InferenceFailed(f"{type(error).__name__}: {error}"))

    def _speak(self, item: Item) -> Audio:
        choice = self._voices.find(item.voice, item.style)
        options = choice.options.changed(**item.options, remember="no")
        with choice.speaker.open(options, priority=Priority.BATCH, markup=item.markup) as utterance:
            utterance.push(item.text)
            utterance.finish()
            return Audio.concatenate(utterance, utterance.sample_rate_hz)


@contextmanager
def open_renderer(settings: Settings, names: Collection[str] | None) -> Iterator[Renderer]:
    """A renderer with an engine of its own.

    Args:
        settings: What voices are like.
        names: Neural voices that it needs; None is all.

    Raises:
        VoiceError: One of them is not there. Nobody stands in for it: what is rendered stays.
        ConfigError: A setting names a voice that does not exist.
    """
    from wyoming_hayakoe.app import build_engine, build_voices, prepare_voices  # noqa: PLC0415
    from wyoming_hayakoe.progress import download_report  # noqa: PLC0415

    with build_engine(settings, download_report()) as tts:
        for voice in prepare_voices(tts, settings, names, warmup=False):
            if voice.failure is not None:
                raise VoiceError(
                    f"voice {voice.name}: {voice.failure}", hint=voice.failure.hint
                ) from voice.failure
        yield Renderer(build_voices(tts, settings))


def render_here(
    settings: Settings, names: Collection[str] | None, items: Iterable[Item]
) -> Results:
    """Render items in threads of this process, in order.

    Raises:
        VoiceError: As ``open_renderer``.
    """
    threads = available_cpus() + 1  # one encodes while the others wait for the engine
    waiting: deque[tuple[Item, Future[Rendered]]] = deque()
    source = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="hayakoe-render")
    with open_renderer(settings, names) as renderer:
        try:
            while True:
                for item in islice(source, 2 * threads - len(waiting)):
                    waiting.append((item, pool.submit(renderer.render, item)))
                if not waiting:
                    return
                item, future = waiting.popleft()
                yield item, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def neural_voice_behind(name: str, settings: Settings) -> str | None:
    """The neural voice that speaks where this one is asked for; None if there is none."""
    presets = dict(settings.presets)
    while (preset := presets.pop(name, None)) is not None:
        name = preset.voice
    name = name.partition(":")[0]
    return name if name in settings.voices else None
