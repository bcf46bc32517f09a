"""Builds every part, starts it, and stops it again; the only place that wires."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from platformdirs import user_config_path

from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.text.text_options import TextOptions
from hayakoe_engine.tts import EMBEDDED_VOICE, TTS
from wyoming_hayakoe import __version__
from wyoming_hayakoe.address import TcpAddress
from wyoming_hayakoe.discovery import Announcement, default_instance_name
from wyoming_hayakoe.info import PROGRAM
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voices import VoiceBook
from wyoming_hayakoe.wyoming_server import WyomingServer

if TYPE_CHECKING:
    from wyoming_hayakoe.address import Address
    from wyoming_hayakoe.settings import Settings

_LOG = logging.getLogger(__name__)

DICTIONARY_POLL_S: Final = 3.0
"""Time between two looks at the dictionary's file."""


def build_engine(settings: Settings) -> TTS:
    """The engine with its voices; they are not prepared yet."""
    tts = TTS(
        threads=settings.threads,
        max_utterances=settings.max_utterances,
        text=TextOptions(urls=settings.text.urls, emoji=settings.text.emoji),
        dictionary=settings.dictionary or user_config_path("hayakoe") / "dictionary.yaml",
    )
    return tts.load(EMBEDDED_VOICE)


def build_voices(tts: TTS, settings: Settings) -> VoiceBook:
    """What clients may choose, of the prepared voices.

    Raises:
        ConfigError: A setting names a voice that does not exist.
    """
    return VoiceBook(tts.speakers, settings.speech, settings.presets, settings.voice)


async def serve(settings: Settings) -> None:
    """Run the server until SIGTERM or SIGINT.

    Raises:
        ConfigError: A setting does not fit the machine: a port in use, a voice not there.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with build_engine(settings) as tts:
        await asyncio.to_thread(tts.prepare)
        voices = build_voices(tts, settings)
        speech = Speech(
            voices, max_text_chars=settings.wyoming.max_text_chars, log_text=settings.log.text
        )
        server = WyomingServer(speech, settings.wyoming)
        address = await server.start()
        announcement = _announce(address, settings)
        try:
            if announcement is not None:
                await announcement.start()
            _LOG.info(
                "%s %s is ready on %s, voices: %s",
                PROGRAM,
                __version__,
                address,
                ", ".join(choice.name for choice in voices),
            )
            background = [
                asyncio.create_task(_warm_up(speech)),
                asyncio.create_task(_follow_dictionary(tts)),
            ]
            await _first(stopping, server.ended)
            for task in background:
                task.cancel()
            _LOG.info("stopping")
        finally:
            if announcement is not None:
                await announcement.stop()
            await server.stop()


async def _warm_up(speech: Speech) -> None:
    """Speak a word to nobody: the first client should not wait for files to be read."""
    narration = speech.voices.default.speaker.open()
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
