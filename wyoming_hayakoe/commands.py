"""What each command of the command line does."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.errors import ConfigError, EmptyText, RequestError
from hayakoe_engine.options import RANGES, SynthesisOptions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.utterance import Markup
    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import VoiceBook

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


def _settings(arguments: argparse.Namespace) -> Settings:
    from wyoming_hayakoe.settings import load_settings  # noqa: PLC0415

    flags: dict[str, Any] = {}
    for assignment in arguments.assignments:
        key, equals, value = assignment.partition("=")
        if not key or not equals:
            raise ConfigError(f"--set takes KEY=VALUE, not {assignment!r}")
        _assign(flags, key, value)
    for key, flag in (
        ("wyoming.uri", "uri"),
        ("voice", "voice"),
        ("zeroconf.enabled", "zeroconf"),
        ("zeroconf.name", "zeroconf_name"),
        ("log.level", "log_level"),
        ("log.format", "log_format"),
    ):
        value = getattr(arguments, flag, None)
        if value is not None:
            _assign(flags, key, value)
    return load_settings(arguments.config, flags)


def _assign(tree: dict[str, Any], key: str, value: object) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{key}: {parent} is a single setting")
    tree[name] = value


def run_serve(arguments: argparse.Namespace) -> int:
    """Run the server."""
    from wyoming_hayakoe.app import serve  # noqa: PLC0415
    from wyoming_hayakoe.logs import set_up_logging  # noqa: PLC0415

    settings = _settings(arguments)
    set_up_logging(settings.log)
    asyncio.run(serve(settings))
    return OK


def run_say(arguments: argparse.Namespace) -> int:
    """Speak a text."""
    from wyoming_hayakoe.output import check_output, write_audio  # noqa: PLC0415

    changes = {
        option: value
        for option in (*RANGES, "style")
        if (value := getattr(arguments, option, None)) is not None
    }
    # Whatever can be wrong is found before the text is waited for.
    SynthesisOptions(**changes)
    check_output(arguments.output)
    with _voice_book(_settings(arguments)) as voices:
        choice = voices.find(None)
        text = "".join(_lines(arguments))
        markup: Markup | None = "ssml" if arguments.ssml else None
        audio = choice.speaker.stream(text, choice.options, markup=markup, **changes)
        write_audio(audio, choice.speaker.info.sample_rate_hz, arguments.output)
    return OK


def run_read(arguments: argparse.Namespace) -> int:
    """Show readings."""
    from wyoming_hayakoe.app import build_engine  # noqa: PLC0415

    spoken = False
    with build_engine(_settings(arguments)) as tts:
        for line in _lines(arguments):
            readings = tts.read(line)
            spoken = spoken or bool(readings)
            if arguments.details:
                for reading in readings:
                    print(_details(reading), flush=True)
            else:
                print("".join(_sentences(readings)), flush=True)
    if not spoken:
        raise EmptyText("there is nothing to speak in this text")
    return OK


def _sentences(readings: Sequence[Reading]) -> Iterator[str]:
    for number, reading in enumerate(readings, 1):
        yield reading.kana
        if number < len(readings) and not reading.is_question:
            yield "。" if reading.ends_sentence else "、"


def _details(reading: Reading) -> str:
    accents = " / ".join(
        f"{phrase.kana}[{phrase.accent}]" + ("、" if phrase.pause_after else "")
        for phrase in reading.accent_phrases
    )
    lines = [reading.text, f"  {reading.kana}", f"  accent phrases: {accents}"]
    for word in reading.words:
        notes = "" if word.known else "  not in the dictionary"
        notes += f"  by rule: {word.rule}" if word.rule else ""
        lines.append(
            f"  {word.span[0]:4}–{word.span[1]:<4} {word.surface or '〃'}  "
            f"{word.kana or '(silent)'}  {word.part_of_speech}{notes}"
        )
    return "\n".join(lines)


def run_voices(arguments: argparse.Namespace) -> int:
    """List voices."""
    with _voice_book(_settings(arguments)) as voices:
        if arguments.json:
            entries = [
                {
                    "name": choice.name,
                    "title": choice.title,
                    "default": choice is voices.default,
                    "languages": choice.speaker.info.languages,
                    "sample_rate_hz": choice.speaker.info.sample_rate_hz,
                    "licence": choice.speaker.info.licence,
                    "credit": choice.speaker.info.credit,
                    "url": choice.speaker.info.url,
                }
                for choice in voices
            ]
            print(json.dumps(entries, ensure_ascii=False, indent=2))
        else:
            for choice in voices:
                info = choice.speaker.info
                default = " (default)" if choice is voices.default else ""
                print(f"{choice.name}{default}\t{choice.title}\t{info.licence}\t{info.credit}")
    return OK


def run_doctor(arguments: argparse.Namespace) -> int:
    """Check the installation."""
    from wyoming_hayakoe.doctor import examine  # noqa: PLC0415

    return OK if examine(_settings(arguments)) else FAILED


def run_dictionary(arguments: argparse.Namespace) -> int:
    """List or change the words of the user's own."""
    from wyoming_hayakoe.app import build_engine  # noqa: PLC0415

    with build_engine(_settings(arguments)) as tts:
        arguments.change(tts.dictionary, arguments)
    return OK


@contextmanager
def _voice_book(settings: Settings) -> Iterator[VoiceBook]:
    from wyoming_hayakoe.app import build_engine, build_voices  # noqa: PLC0415

    with build_engine(settings) as tts:
        yield build_voices(tts.prepare(), settings)


def _lines(arguments: argparse.Namespace) -> Iterator[str]:
    """The lines of the text; those of standard input as they come."""
    if arguments.text not in (None, "-"):
        try:
            arguments.text.encode()
        except UnicodeEncodeError as error:
            raise RequestError("the text is not UTF-8") from error
        yield from arguments.text.splitlines(keepends=True)
    elif sys.stdin is not None:
        for line in sys.stdin.buffer:
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise RequestError(f"standard input is not UTF-8: {error}") from error
