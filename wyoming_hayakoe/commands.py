"""What each command of the command line does."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.errors import (
    ConfigError,
    EmptyText,
    HayakoeError,
    RequestError,
    VoiceError,
    VoiceNotFound,
)
from hayakoe_engine.options import RANGES, SynthesisOptions
from wyoming_hayakoe import convert_command, prerender_command, published_voices, render_command
from wyoming_hayakoe.render_report import REPORT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.utterance import Markup
    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import VoiceBook

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


def complain(message: str, hint: str | None = None) -> None:
    """Say on standard error what is wrong, and what to do about it."""
    for line in message.splitlines():
        print(f"wyoming-hayakoe: {line}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def _settings(arguments: argparse.Namespace) -> Settings:
    from wyoming_hayakoe.settings import load_settings  # noqa: PLC0415

    flags: dict[str, Any] = {}
    for assignment in (*arguments.assignments, *getattr(arguments, "action_assignments", ())):
        key, equals, value = assignment.partition("=")
        if not key or not equals:
            raise ConfigError(f"--set takes KEY=VALUE, not {assignment!r}")
        _assign(flags, key, value)
    for key, flag in (
        ("wyoming.uri", "uri"),
        ("voice", "voice"),
        ("offline", "offline"),
        ("cluster.address", "cluster"),
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
    serve(settings)
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
    settings = _settings(arguments)
    chosen = _voice_behind(settings)
    # Only a document can change to another voice.
    with _voice_book(settings, None if arguments.ssml else [chosen], needed=chosen) as voices:
        choice = voices.find(None)
        text = "".join(_lines(arguments))
        markup: Markup | None = "ssml" if arguments.ssml else None
        audio = choice.speaker.stream(text, choice.options, markup=markup, **changes)
        write_audio(audio, choice.speaker.info.sample_rate_hz, arguments.output)
    return OK


def run_prerender(arguments: argparse.Namespace) -> int:
    """Make texts ahead."""
    settings = _settings(arguments)
    prerender_command.check(arguments, settings)
    chosen = _voice_behind(settings)
    status = OK
    with _voice_book(settings, [chosen], needed=chosen) as voices:
        texts = prerender_command.texts_of(arguments)
        for text, made in prerender_command.prerender(voices.find(None), texts):
            if isinstance(made, HayakoeError):
                complain(f"{text}: {made}")
                status = FAILED
            else:
                print(f"{made:.1f} s\t{text}", flush=True)
    return status


def run_render(arguments: argparse.Namespace) -> int:
    """Speak many texts into files."""
    from wyoming_hayakoe.logs import set_up_command_logging  # noqa: PLC0415

    settings = _settings(arguments)
    set_up_command_logging()
    total, failed = render_command.render(
        settings, arguments.texts, arguments.folder, arguments.format
    )
    if failed:
        complain(f"{failed} of {total} texts failed; {arguments.folder / REPORT} tells why")
    return FAILED if failed else OK


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
    if arguments.available:
        for line in published_voices.list_catalogue(as_json=arguments.json):
            print(line)
        return OK
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


def run_install(arguments: argparse.Namespace) -> int:
    """Make neural voices ready to speak at once."""
    from wyoming_hayakoe.app import build_engine, cache_folder, prepare_voices  # noqa: PLC0415
    from wyoming_hayakoe.logs import set_up_command_logging  # noqa: PLC0415
    from wyoming_hayakoe.progress import download_report  # noqa: PLC0415

    configured = _settings(arguments)
    settings = published_voices.with_known(configured, arguments.voices)
    if not settings.voices:
        raise ConfigError(
            "voices: there is no neural voice to install",
            hint="name one that `wyoming-hayakoe voices --available` lists, or add one to the "
            "settings as docs/voices.md shows",
        )
    for name in arguments.voices:
        if name not in settings.voices:
            raise VoiceNotFound(
                f"there is no neural voice {name!r}; there are {', '.join(settings.voices)}"
            )
    _need_packages("installing a voice", "onnx", extra="install")
    cache = cache_folder(settings)
    status = OK
    set_up_command_logging()
    with build_engine(settings, download_report()) as tts:
        used_bytes = _size_bytes(cache)
        names = arguments.voices or None
        for voice in prepare_voices(
            tts,
            settings,
            names,
            update=arguments.update,
            keep_published=not arguments.without_published,
        ):
            before_bytes, used_bytes = used_bytes, _size_bytes(cache)
            if voice.failure is None:
                precision = tts.speakers[voice.name].info.precision or "as published"
                more_mb = (used_bytes - before_bytes) / 1e6
                print(
                    f"{voice.name}: ready after {voice.took_s:.1f} s, precision {precision}, "
                    f"{abs(more_mb):.0f} MB {'less' if more_mb < 0 else 'more'} in {cache}",
                    flush=True,
                )
            else:
                complain(f"voice {voice.name}: {voice.failure}", voice.failure.hint)
                status = FAILED
    if others := ", ".join(sorted(settings.voices.keys() - configured.voices.keys())):
        complain(f"not in the settings: {others}", "who is to speak is named there under `voices`")
    return status


def _size_bytes(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # another process has made or removed it just now
            total += file.lstat().st_size
    return total


def run_convert(arguments: argparse.Namespace) -> int:
    """Make a voice folder of a checkpoint."""
    _need_packages("converting a voice", "torch", "safetensors", "onnx", extra="torch")
    from hayakoe_engine.voices.sbv2.convert import convert_voice  # noqa: PLC0415

    convert_command.check_arguments(arguments)
    settings = _settings(arguments)
    files = convert_voice(
        arguments.checkpoint,
        arguments.folder,
        config=arguments.config_json,
        style_vectors=arguments.style_vectors,
    )
    for file in sorted(files.folder.iterdir()):
        print(f"{file}\t{file.stat().st_size / 1e6:.1f} MB")
    if arguments.install or arguments.report is not None:
        for line in convert_command.finish_conversion(
            arguments, _source_access(settings), settings.neural.bert_source, settings.threads
        ):
            print(line, flush=True)
    return OK


def run_publish(arguments: argparse.Namespace) -> int:
    """Publish a neural voice."""
    settings = _settings(arguments)
    access = _source_access(settings)
    for line in published_voices.publish(arguments, access, settings.neural.bert_source):
        print(line)
    return OK


def _source_access(settings: Settings) -> SourceAccess:
    """The way to sources for a command, which says on a terminal how downloads go."""
    from hayakoe_engine.sources.access import SourceAccess  # noqa: PLC0415
    from wyoming_hayakoe.app import cache_folder, hf_token  # noqa: PLC0415
    from wyoming_hayakoe.logs import set_up_command_logging  # noqa: PLC0415
    from wyoming_hayakoe.progress import download_report  # noqa: PLC0415

    set_up_command_logging()
    return SourceAccess(
        cache_folder(settings),
        offline=settings.offline,
        hf_token=hf_token(settings),
        on_progress=download_report(),
    )


def _need_packages(what: str, *packages: str, extra: str) -> None:
    """Say what to install where one of these is missing.

    Raises:
        HayakoeError: One is.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise HayakoeError(
            f"{what} needs {' and '.join(missing)}",
            hint=f"pip install 'wyoming-hayakoe[{extra}]'",
        )


def run_cache(arguments: argparse.Namespace) -> int:
    """Look after what has been downloaded."""
    from hayakoe_engine.sources.cache import DownloadCache  # noqa: PLC0415
    from wyoming_hayakoe.app import cache_folder  # noqa: PLC0415

    settings = _settings(arguments)
    arguments.look_after(DownloadCache(cache_folder(settings)), arguments, settings)
    return OK


def run_bench(arguments: argparse.Namespace) -> int:
    """Measure a voice."""
    from wyoming_hayakoe import bench_command  # noqa: PLC0415

    settings = _settings(arguments)
    name = arguments.voice or settings.voice
    with _voice_book(settings, needed=name) as voices:
        choice = voices.find(name)
        results = list(bench_command.measure(choice))
        if arguments.json:
            print(bench_command.as_json(choice, results))
        else:
            print(*bench_command.lines(choice, results, settings), sep="\n")
    return OK


def run_doctor(arguments: argparse.Namespace) -> int:
    """Check the installation."""
    from wyoming_hayakoe.doctor import examine  # noqa: PLC0415
    from wyoming_hayakoe.logs import set_up_command_logging  # noqa: PLC0415

    set_up_command_logging()
    return OK if examine(_settings(arguments)) else FAILED


def run_dictionary(arguments: argparse.Namespace) -> int:
    """List or change the words of the user's own."""
    from wyoming_hayakoe.app import build_engine  # noqa: PLC0415

    with build_engine(_settings(arguments)) as tts:
        arguments.change(tts.dictionary, arguments)
    return OK


@contextmanager
def _voice_book(
    settings: Settings, names: Collection[str] | None = None, *, needed: str | None = None
) -> Iterator[VoiceBook]:
    """The choices with these neural voices, or with all.

    Raises:
        VoiceError: The needed voice is not there. Other voices may fail.
    """
    from wyoming_hayakoe.app import build_engine, build_voices, prepare_voices  # noqa: PLC0415
    from wyoming_hayakoe.logs import set_up_command_logging  # noqa: PLC0415
    from wyoming_hayakoe.progress import download_report  # noqa: PLC0415

    set_up_command_logging()
    with build_engine(settings, download_report()) as tts:
        for voice in prepare_voices(tts, settings, names, warmup=False):
            if voice.failure is None:
                continue
            message, hint = f"voice {voice.name}: {voice.failure}", voice.failure.hint
            if voice.name == needed:
                raise VoiceError(message, hint=hint) from voice.failure
            complain(message, hint)
        yield build_voices(tts, settings)


def _voice_behind(settings: Settings) -> str:
    """The voice that speaks where the default one is asked for, which may be a preset of it."""
    name = settings.voice
    presets = dict(settings.presets)
    while (preset := presets.pop(name, None)) is not None:
        name = preset.voice
    return name.partition(":")[0]


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
