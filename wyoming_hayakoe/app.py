"""Builds every part, starts it, and stops it again; the only place that wires."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from platformdirs import user_config_path

from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import ConfigError, HayakoeError
from hayakoe_engine.sources.access import default_cache
from hayakoe_engine.text.text_options import TextOptions
from hayakoe_engine.tts import EMBEDDED_VOICE, TTS
from wyoming_hayakoe import __version__
from wyoming_hayakoe.added_voices import AddedVoices
from wyoming_hayakoe.address import StdioAddress, TcpAddress
from wyoming_hayakoe.discovery import Announcement, default_instance_name
from wyoming_hayakoe.info import PROGRAM
from wyoming_hayakoe.pacing import Pacing
from wyoming_hayakoe.progress import DownloadLines
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voice_library import VoiceLibrary, failure_of
from wyoming_hayakoe.voices import VoiceBook
from wyoming_hayakoe.wyoming_server import WyomingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from hayakoe_engine.sources.progress import FetchProgress
    from wyoming_hayakoe.address import Address
    from wyoming_hayakoe.cluster.connection import Cluster
    from wyoming_hayakoe.http.server import HttpServer
    from wyoming_hayakoe.metrics import Metrics
    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.spoken import Observer

_LOG = logging.getLogger(__name__)

DICTIONARY_POLL_S: Final = 3.0
"""Time between two looks at the dictionary's file."""


_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How making a neural voice ready went.

    Attributes:
        name: Of the voice.
        took_s: Time it took.
        failure: Why it is not there; None if it is.
    """

    name: str
    took_s: float
    failure: HayakoeError | None


def build_engine(
    settings: Settings, on_progress: Callable[[FetchProgress], None] | None = None
) -> TTS:
    """The engine with the embedded voice, which is not prepared yet.

    Args:
        settings: What it is like.
        on_progress: Told how downloads go.
    """
    own = settings.machine_cache
    tts = TTS(
        settings.neural.device,
        cache_dir=cache_folder(settings),
        tuned_dir=None if own is None else own / "tuned",
        phrase_dir=None if own is None else own / "phrases",
        phrase_cache_mb=settings.phrase_cache.memory_mb,
        phrase_store_mb=settings.phrase_cache.disk_mb,
        bert_source=settings.neural.bert_source,
        hf_token=hf_token(settings),
        offline=settings.offline,
        on_progress=on_progress,
        precision=settings.neural.precision,
        compiled=settings.neural.compiled,
        memory_mb=settings.neural.memory_mb,
        threads=settings.threads,
        max_utterances=settings.max_utterances,
        text=TextOptions(urls=settings.text.urls, emoji=settings.text.emoji),
        dictionary=settings.dictionary or settings_folder(settings) / "dictionary.yaml",
    )
    return tts.load(EMBEDDED_VOICE)


def cache_folder(settings: Settings) -> Path:
    """Where what is downloaded and made of neural voices is kept."""
    return settings.cache or default_cache()


def settings_folder(settings: Settings) -> Path:
    """Where what users change while the server runs is kept, such as the dictionary."""
    if settings.dictionary is not None:
        return settings.dictionary.parent
    return user_config_path("hayakoe")


def hf_token(settings: Settings) -> str | None:
    """The token for the Hugging Face hub; None is what the environment gives."""
    return settings.hf_token.get_secret_value() or None if settings.hf_token else None


def prepare_voices(
    tts: TTS,
    settings: Settings,
    names: Collection[str] | None = None,
    *,
    warmup: bool = True,
    update: bool = False,
    keep_published: bool = True,
) -> Iterator[Preparation]:
    """Make the embedded voice ready, and then one neural voice after the other.

    Args:
        tts: The engine; it holds the voices that could be made.
        settings: Say what voices there are.
        names: Of the neural voices; None is all of them.
        warmup: As for ``TTS.prepare``.
        update: As for ``TTS.pre_download``.
        keep_published: As for ``TTS.pre_download``.

    Yields:
        What became of each neural voice.

    Raises:
        VoiceError: The embedded voice could not be made.
    """
    tts.prepare()
    for name, voice in settings.voices.items():
        if names is not None and name not in names:
            continue
        begun = time.perf_counter()
        tts.load(name, source=voice.source)
        failure = None
        if update:
            failure = failure_of(name, partial(tts.pre_download, names=[name], update=True))
        if failure is None:
            failure = failure_of(name, partial(tts.prepare, warmup=warmup))
        if failure is None and not keep_published:
            leave_out = partial(tts.pre_download, names=[name], keep_published=False)
            failure = failure_of(name, leave_out)
        if failure is not None:
            tts.unload(name)
        yield Preparation(name, time.perf_counter() - begun, failure)


def build_voices(tts: TTS, settings: Settings) -> VoiceBook:
    """What clients may choose, of the prepared voices.

    Raises:
        ConfigError: A setting names a voice that does not exist.
    """
    return VoiceBook(
        tts.speakers,
        settings.speech,
        settings.presets,
        settings.voice,
        titles={name: voice.title for name, voice in settings.voices.items() if voice.title},
        missing=[name for name in settings.voices if name not in tts.speakers],
    )


def serve(settings: Settings) -> None:
    """Run the server until SIGTERM or SIGINT.

    The embedded voice answers at once; neural voices are made ready meanwhile.

    Raises:
        ConfigError: A setting does not fit the machine: a port in use, a voice not there.
        VoiceError: The embedded voice could not be made. Neural voices may fail.
    """
    listeners: list[Callable[[FetchProgress], None]] = [DownloadLines(_LOG.info)]

    def on_progress(progress: FetchProgress) -> None:
        for listener in listeners:
            listener(progress)

    with _stopped_by_signals(), ExitStack() as stack:
        tts = stack.enter_context(build_engine(_front(settings), on_progress))
        tts.prepare()
        added = AddedVoices(settings_folder(settings) / "voices.yaml")
        cluster = _cluster(settings)
        if cluster is None:
            library = VoiceLibrary(tts, settings, added)
        else:
            stack.enter_context(cluster)  # it is left before the engine waits for its threads
            origin = partial(cluster.origin, tts.phrases)
            library = VoiceLibrary(tts, settings, added, origin=origin, renew=cluster.renew)
        listeners.append(library.note)
        asyncio.run(_serve(tts, library, settings))
        library.end()
        stack.close()
        if not library.stop():
            # It is in the midst of a library's work. What it writes is whole or not at all.
            logging.shutdown()
            os._exit(os.EX_OK)


def _front(settings: Settings) -> Settings:
    """Settings of an engine most of whose threads wait, if it is others that compute."""
    if settings.cluster.address is None:
        return settings
    threads = settings.cluster.sentences + (settings.threads or available_cpus())
    return settings.model_copy(update={"threads": threads})


def _cluster(settings: Settings) -> Cluster | None:
    """Who speaks with the neural voices; None is this process.

    Raises:
        HayakoeError: What that needs is not installed.
    """
    if settings.cluster.address is None:
        return None
    if find_spec("ray") is None:
        raise HayakoeError(
            "a cluster of engines needs ray", hint="pip install 'wyoming-hayakoe[cluster]'"
        )
    from wyoming_hayakoe.cluster.connection import Cluster  # noqa: PLC0415 - few have one

    return Cluster(settings)


class _Stopped(BaseException):
    """A stop signal came; it is no error."""


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Leave the block at a stop signal, whatever it is doing."""

    def stop(*_: object) -> None:
        raise _Stopped

    before = [(number, signal.signal(number, stop)) for number in _STOP_SIGNALS]
    try:
        yield
    except _Stopped:
        _LOG.info("stopping")
    finally:
        for number, handler in before:
            signal.signal(number, handler)


async def _serve(tts: TTS, library: VoiceLibrary, settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    fallback = settings.fallback
    observers: list[Observer] = []
    speech = Speech(
        library.book,
        max_text_chars=settings.wyoming.max_text_chars,
        max_utterances=settings.max_utterances,
        log_text=settings.log.text,
        fallback_after_s=fallback.deadline_s if fallback.enabled else None,
        pacing=Pacing(settings.pacing.start_limit_s),
        observers=observers,
    )
    library.follow(partial(setattr, speech, "voices"))
    server = WyomingServer(speech, settings.wyoming)
    address = await server.start()
    announcement = _announce(address, settings)
    http = None
    background = [
        asyncio.create_task(_warm_up(speech)),
        asyncio.create_task(_follow_dictionary(tts)),
    ]
    try:
        if announcement is not None:
            await announcement.start()
        _LOG.info(
            "%s %s is ready on %s, voices: %s",
            PROGRAM,
            __version__,
            address,
            ", ".join(choice.name for choice in speech.voices),
        )
        library.start()
        if settings.http.enabled and not isinstance(address, StdioAddress):
            http = await _serve_http(speech, tts, library, observers, settings)
        await _first(stopping, server.ended)
        _LOG.info("stopping")
    finally:
        for task in background:
            task.cancel()
        if announcement is not None:
            await announcement.stop()
        stops = [server.stop()]
        if http is not None:
            stops.append(http.stop(settings.wyoming.shutdown_s))
        await asyncio.gather(*stops)


async def _serve_http(
    speech: Speech,
    tts: TTS,
    library: VoiceLibrary,
    observers: list[Observer],
    settings: Settings,
) -> HttpServer | None:
    """The HTTP side, or nothing if it cannot be had: the Wyoming side goes on without it.

    What it is made of is imported only where it is wanted, and when the Wyoming side answers.
    """
    try:
        modules = [
            await asyncio.to_thread(import_module, f"wyoming_hayakoe.{name}")
            for name in ("metrics", "http.operation", "http.server")
        ]
        measuring, operation, http_server = modules
        metrics: Metrics = measuring.Metrics(lambda: _figures(speech, tts))
        http: HttpServer = http_server.HttpServer(
            speech,
            tts,
            settings.http,
            library=library,
            metrics=metrics,
            facts=operation.ServerFacts(tts.device, settings.max_utterances),
        )
        addresses = await http.start()
    except ConfigError as error:
        hint = f"; {error.hint}" if error.hint else ""
        _LOG.error("there is no HTTP side: %s%s", error, hint)
        return None
    except Exception:  # noqa: BLE001 - logged; an alarm must sound all the same
        _LOG.exception("there is no HTTP side")
        return None
    observers.append(metrics)
    for address in addresses:
        _LOG.info("HTTP on %s", str(address).replace("tcp:", "http:", 1))
    return http


def _figures(speech: Speech, tts: TTS) -> dict[str, float]:
    """What is measured when somebody asks."""
    phrases = tts.phrase_cache
    return {
        "utterances_in_progress": speech.active,
        "voices_in_memory": len(tts.speakers),
        "phrase_cache_memory_hits": phrases.memory_hits,
        "phrase_cache_disk_hits": phrases.disk_hits,
        "phrase_cache_misses": phrases.misses,
        "phrase_cache_memory_bytes": phrases.memory_bytes,
        "phrase_cache_disk_bytes": phrases.disk_bytes,
    }


async def _warm_up(speech: Speech) -> None:
    """Speak a word to nobody: the first client should not wait for files to be read."""
    embedded = speech.voices.embedded
    if embedded is None:
        return
    narration = embedded.open()
    with narration:
        narration.push("準備ができました。")
        narration.finish()
        with suppress(HayakoeError):
            async for _ in narration:
                pass


async def _follow_dictionary(tts: TTS) -> None:
    """Take over what somebody else changes in the dictionary's file."""
    while True:
        await asyncio.sleep(DICTIONARY_POLL_S)
        await asyncio.to_thread(tts.dictionary.reload_if_changed)


async def _first(*events: asyncio.Event) -> None:
    """Wait for any of the events."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _announce(address: Address, settings: Settings) -> Announcement | None:
    """The announcement of this server; None where there is nothing to announce."""
    if not settings.zeroconf.enabled or not isinstance(address, TcpAddress):
        return None
    name = settings.zeroconf.name or default_instance_name(address.port)
    return Announcement(name, address.port, address.host, properties={"version": __version__})
