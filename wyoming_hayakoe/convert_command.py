"""What `convert` does beside converting: installs the voice, and says how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hayakoe_engine.sources.access import SourceAccess

_MAX_TEXT: Final = 500


def add_convert_arguments(convert: argparse.ArgumentParser) -> None:
    """Add the arguments of ``convert`` that are about more than converting."""
    convert.add_argument(
        "--install",
        action="store_true",
        help="make the voice ready to speak at once, as `install` would",
    )
    convert.add_argument(
        "--report",
        type=Path,
        metavar="FILE.html",
        help="write a page that compares the voice in every precision with its checkpoint, with "
        "audio and spectrograms; this installs the voice, too",
    )
    convert.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="TEXT",
        help="a sentence of the report; may be repeated (default: three that tell much)",
    )


def check_arguments(arguments: argparse.Namespace) -> None:
    """Find what is wrong with them before anything is converted.

    Raises:
        ConfigError: Something is.
    """
    if arguments.text and arguments.report is None:
        raise ConfigError("--text is for the report", hint="add --report FILE.html")
    for text in arguments.text:
        if not text.strip() or len(text) > _MAX_TEXT:
            raise ConfigError(f"--text takes a sentence of 1 to {_MAX_TEXT} characters")
    report = arguments.report
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise ConfigError(f"--report {report}: there is no such folder, or it is one itself")


def finish_conversion(
    arguments: argparse.Namespace,
    access: SourceAccess,
    bert_source: str | None,
    threads: int | None,
) -> Iterator[str]:
    """Install a converted voice and compare it with its checkpoint, as far as that is asked for.

    Args:
        arguments: Of the command.
        access: To the source of the language model, and the cache for what is installed.
        bert_source: Where the language model is; None is where the official voices are.
        threads: That may be used; None is one per CPU.

    Yields:
        What has been done, a line each.

    Raises:
        SourceError: The language model cannot be had.
        VoiceError: The voice cannot be installed, or does not speak.
    """
    from hayakoe_engine.cpus import available_cpus  # noqa: PLC0415
    from hayakoe_engine.disk import write_whole  # noqa: PLC0415
    from hayakoe_engine.sources.layout import LANGUAGE_MODEL, TOKENIZER  # noqa: PLC0415
    from hayakoe_engine.sources.source import DEFAULT_SOURCE, open_source  # noqa: PLC0415
    from hayakoe_engine.voices.sbv2.report import open_for_report, report_quality  # noqa: PLC0415
    from hayakoe_engine.voices.sbv2.report_page import quality_page  # noqa: PLC0415

    source = open_source(bert_source or DEFAULT_SOURCE, access)
    bert, tokenizer = source.fetch(LANGUAGE_MODEL), source.fetch(TOKENIZER)
    folder = arguments.folder
    loader = open_for_report(access.cache, threads or available_cpus())
    if arguments.report is None:
        loader.install(folder.name, folder, bert, tokenizer)
        yield f"{folder}: ready to speak"
        return
    report = report_quality(
        arguments.checkpoint,
        folder,
        loader,
        bert=bert,
        tokenizer=tokenizer,
        sentences=arguments.text,
    )
    for version, worst in report.worst():
        yield (
            f"{version}\tSNR {worst.snr_db:.1f} dB\t"
            f"log-mel distance {worst.log_mel_distance_db:.3f} dB"
        )
    write_whole(arguments.report, quality_page(report).encode())
    yield f"{arguments.report}: the report; the voice speaks in precision {report.best}"
