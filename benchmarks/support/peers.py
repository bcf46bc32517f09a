"""The Wyoming servers that are compared, and what each has to say."""

from __future__ import annotations

import re
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.support import texts
from benchmarks.support.environments import PIPER, piper_environment
from benchmarks.support.published_files import VOICE
from benchmarks.support.server import HOST, ServerProcess

if TYPE_CHECKING:
    from pathlib import Path

OWN: Final = "hayakoe, embedded voice"
OWN_NEURAL: Final = "hayakoe, neural voice"
_PIPER_VOICE: Final = "en_US-random-medium"
_READY_PATIENCE_S: Final = 300.0
"""The first start with a neural voice installs it."""


@dataclass(frozen=True, slots=True)
class Script:
    """What clients have spoken; each language says the same in about the same time.

    Attributes:
        short: 2 to 3 s.
        sentences: Eight sentences, half a minute.
        numbered: A short sentence with a number in it.
        letter: What a long text without a break is made of.
    """

    short: str
    sentences: str
    numbered: str
    letter: str


JAPANESE: Final = Script(
    texts.SHORT, texts.SENTENCES, "{}番のお客様、大変お待たせいたしました。", "あ"
)
ENGLISH: Final = Script(
    "The lights and the heating in the living room are off now.",
    "The lights and the heating in the living room are off now. "
    "The window in the bedroom is still open. "
    "Heavy rain will begin late this evening, and the wind will rise until tomorrow morning. "
    "It is now twenty two degrees in this room. "
    "Before you go to bed, please take in the washing that hangs on the balcony. "
    "Tomorrow you see the dentist in the morning, there is a meeting of parents at the school in "
    "the afternoon, and a parcel arrives in the evening. "
    "The alarm is set to six o'clock, half an hour earlier than usual. "
    "Good night. ",
    "Customer number {}, we are sorry to have kept you waiting.",
    "a",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be started.

    Attributes:
        name: As the table has it.
        command: What starts it, but for the address.
        script: What it is asked to say.
        loaded: What it logs when its voice is loaded; None if it loads it for the first sentence.
    """

    name: str
    command: tuple[str, ...]
    script: Script
    loaded: re.Pattern[bytes] | None = None

    def start(self) -> tuple[ServerProcess, int]:
        """A process and its port, at which it may not listen yet."""
        with socket.create_server((HOST, 0)) as free:
            port: int = free.getsockname()[1]
        return ServerProcess([*self.command, "--uri", f"tcp://{HOST}:{port}"]), port

    def wait_until_loaded(self, process: ServerProcess) -> None:
        """Wait for what is loaded in the background."""
        if self.loaded is not None:
            process.wait_for(self.loaded, _READY_PATIENCE_S)


def own(*settings: str, name: str = OWN, loaded: re.Pattern[bytes] | None = None) -> Peer:
    """This project's server as it is in this checkout, but that it remembers no sentence."""
    command = (sys.executable, "-m", "wyoming_hayakoe", "serve", "--no-zeroconf")
    given = ("http.port=0", "phrase_cache.memory_mb=0", "phrase_cache.disk_mb=0", *settings)
    flags = (f"--set={setting}" for setting in given)
    return Peer(name, (*command, *flags), JAPANESE, loaded)


def own_neural(source: str, cache: Path) -> Peer:
    """It with a neural voice of full size, as it comes: the embedded one stands in.

    Args:
        source: URI of a repository with the voice ``VOICE``.
        cache: Where it is installed.
    """
    return own(
        f"voice={VOICE}",
        f"voices.{VOICE}.source={source}",
        f"cache={cache}",
        name=OWN_NEURAL,
        loaded=re.compile(rb"voice %s is ready" % VOICE.encode()),
    )


def piper(folder: Path) -> Peer:
    """wyoming-piper as it comes, with a voice with random weights; both are made once."""
    from benchmarks.support.piper_voice import make_voice  # noqa: PLC0415 - it needs torch

    python = piper_environment(folder)
    voices = folder / "piper-voices"
    if not (voices / f"{_PIPER_VOICE}.onnx.json").exists():
        voices.mkdir(parents=True, exist_ok=True)
        make_voice(voices / f"{_PIPER_VOICE}.onnx")
    command = (str(python), "-m", "wyoming_piper", "--voice", _PIPER_VOICE)
    return Peer(PIPER.replace("==", " "), (*command, "--data-dir", str(voices)), ENGLISH)
