"""Where a command's audio goes: a file, standard output, or the loudspeaker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.aac import NO_AAC, can_encode_aac
from hayakoe_engine.audio import FORMATS, Audio, streaming_wav_header
from hayakoe_engine.errors import HayakoeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

PLAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("pw-play", "-"),
    ("paplay", "/dev/stdin"),
    ("aplay", "-q", "-"),
    ("ffplay", "-v", "error", "-nodisp", "-autoexit", "-i", "pipe:0"),
    ("play", "-q", "-t", "wav", "-"),
)
"""Programs that play a WAV stream from standard input; the first one installed is used."""


class NoPlayer(HayakoeError):
    """There is no program that plays audio, or it failed."""

    code = "no-player"


def find_player() -> tuple[str, ...] | None:
    """Command line of an installed player."""
    return next((player for player in PLAYERS if shutil.which(player[0])), None)


def check_output(output: str | None) -> None:
    """Find out that the output cannot be written before work is spent on it.

    Raises:
        RequestError: The file's format is unknown or not made here, its folder does not exist, or
            it is itself a folder; or standard output is closed or a terminal.
        NoPlayer: There is no output and no player.
    """
    if output is None:
        if find_player() is None:
            raise NoPlayer(
                "no audio player found",
                hint="write a file with -o speech.wav, or install one of: "
                + ", ".join(player[0] for player in PLAYERS),
            )
    elif output == "-":
        if sys.stdout is None:
            raise RequestError("standard output is closed")
        if sys.stdout.isatty():
            raise RequestError("standard output is a terminal; send the audio into a pipe or file")
    else:
        path = Path(output)
        extension = path.suffix.lstrip(".").lower()
        if extension not in FORMATS:
            raise RequestError(
                f"{output}: unknown audio format; the extensions are "
                + ", ".join(f".{name}" for name in FORMATS)
            )
        if extension == "aac" and not can_encode_aac():
            raise RequestError(f"{output}: {NO_AAC}")
        if not path.parent.is_dir():
            raise RequestError(f"{output}: there is no folder {path.parent}")
        if path.is_dir():
            raise RequestError(f"{output} is a folder")


def write_audio(windows: Iterator[Audio], sample_rate_hz: int, output: str | None) -> None:
    """Play or write audio; to a player or standard output while it is made.

    Raises:
        NoPlayer: The player failed.
        OSError: It cannot be written.
    """
    if output is None:
        _play(windows, sample_rate_hz)
    elif output == "-":
        _write_stream(windows, sample_rate_hz, sys.stdout.buffer)
    else:
        audio = Audio.concatenate(windows, sample_rate_hz)
        try:
            audio.save(output)
        except OSError as error:
            # It names a temporary file, which tells nobody anything.
            raise OSError(error.errno, error.strerror, output) from error


def _write_stream(windows: Iterator[Audio], sample_rate_hz: int, file: IO[bytes]) -> None:
    file.write(streaming_wav_header(sample_rate_hz))
    for audio in windows:
        file.write(audio.pcm_bytes())
        file.flush()


def _play(windows: Iterator[Audio], sample_rate_hz: int) -> None:
    player = find_player()
    if player is None:
        raise NoPlayer("no audio player found")
    process = subprocess.Popen(player, stdin=subprocess.PIPE)  # noqa: S603 - a fixed command
    # Closing the pipe, too, fails if the player has ended; its exit status tells why.
    with suppress(BrokenPipeError), process:
        if process.stdin is not None:
            _write_stream(windows, sample_rate_hz, process.stdin)
    if process.returncode:
        raise NoPlayer(
            f"{player[0]} failed with exit status {process.returncode}",
            hint="is there a sound device? -o speech.wav writes a file instead",
        )
