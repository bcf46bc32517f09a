"""``wyoming-hayakoe prerender``: texts made ahead, to start at once when they are spoken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hayakoe_engine.errors import ConfigError, EmptyText, HayakoeError, RequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import Choice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes, beside what all commands do."""
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="what will be said")
    parser.add_argument(
        "--file", metavar="FILE", help="one text a line, after those given; - is standard input"
    )


def check(arguments: argparse.Namespace, settings: Settings) -> None:
    """Find out whether there is anything to do, before a voice is waited for.

    Raises:
        RequestError: There is no text, or it is not UTF-8.
        ConfigError: Nothing would be kept.
    """
    if not arguments.texts and arguments.file is None:
        raise RequestError("there is no text; give TEXT or --file")
    for text in arguments.texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise RequestError("the text is not UTF-8") from error
    if not settings.phrase_cache.disk_mb:
        raise ConfigError("phrase_cache.disk_mb: is 0, so nothing is kept")


def texts_of(arguments: argparse.Namespace) -> Iterator[str]:
    """The texts; those of the file as they come.

    Raises:
        RequestError: The file is not UTF-8.
        OSError: It cannot be read.
    """
    yield from arguments.texts
    if arguments.file == "-":
        if sys.stdin is not None:
            yield from _lines(sys.stdin.buffer, "standard input")
    elif arguments.file is not None:
        with Path(arguments.file).open("rb") as file:
            yield from _lines(file, arguments.file)


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    for line in file:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError as error:
            raise RequestError(f"{name} is not UTF-8: {error}") from error
        if text:
            yield text


def prerender(choice: Choice, texts: Iterable[str]) -> Iterator[tuple[str, float | EmptyText]]:
    """Make texts ahead.

    Args:
        choice: Who will say them, and how.
        texts: What.

    Yields:
        Each text with the length of its audio in seconds, or with what was wrong with it.

    Raises:
        RequestError: The voice is as fast the first time, and keeps nothing.
        HayakoeError: The voice failed, or what it made could not be kept.
    """
    if "remember" in choice.speaker.info.ignored_options:
        raise RequestError(
            f"voice {choice.name} keeps nothing: it is as fast the first time",
            hint="--voice names a neural voice",
        )
    for text in texts:
        try:
            made = choice.speaker.prerender(text, choice.options)
        except EmptyText as error:
            yield text, error
            continue
        if made.kept != "disk":
            raise HayakoeError(f"{text}: cannot be kept on the disk")
        yield text, made.audio_s
