"""``wyoming-hayakoe render``: many texts to audio files, also on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hayakoe_engine.audio import FORMATS
from hayakoe_engine.errors import HayakoeError
from wyoming_hayakoe.render_items import BadItem, check_input, file_name, read_items
from wyoming_hayakoe.render_progress import RenderProgress
from wyoming_hayakoe.render_report import RenderFolder
from wyoming_hayakoe.rendering import neural_voice_behind, render_here

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import TypeAlias

    from wyoming_hayakoe.render_items import Item
    from wyoming_hayakoe.rendering import Results
    from wyoming_hayakoe.settings import Settings

    RenderItems: TypeAlias = Callable[[Settings, Collection[str] | None, Iterable[Item]], Results]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes, beside what all commands do."""
    parser.add_argument(
        "texts", type=Path, metavar="TEXTS", help="a .jsonl, .ndjson or .parquet file"
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where the files are written; made if absent"
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="wav",
        help="of texts that do not say their own (default: wav)",
    )
    parser.add_argument(
        "--cluster",
        metavar="auto|HOST:PORT",
        help="have the Ray cluster of this machine, or that one, do the work",
    )


def render(settings: Settings, texts: Path, folder: Path, audio_format: str) -> tuple[int, int]:
    """Render all texts of a file that have not been rendered yet.

    Args:
        settings: What voices are like, and where they speak.
        texts: The file.
        folder: Where audio files and the report are written.
        audio_format: Of items that do not say their own.

    Returns:
        How many items there are, and how many of them failed.

    Raises:
        RequestError: The file of texts is of another kind.
        VoiceError: A voice that is needed is not there.
        HayakoeError: The texts cannot be read, another run writes to the folder, the cluster cannot
            be used.
        OSError: A file cannot be read or written.
    """
    check_input(texts)
    render_items = _render_items(settings)
    survey = _survey(read_items(texts, audio_format), settings)
    with RenderFolder(folder) as output:
        progress = RenderProgress(survey.files, survey.bad)
        wanted = _once(read_items(texts, audio_format), settings)
        missing = progress.without(wanted, lambda item: output.has(file_name(item, settings)))
        first = next(missing, None)
        if first is not None:  # else no voice need be opened
            for item, rendered in render_items(settings, survey.voices, _chained(first, missing)):
                output.put(file_name(item, settings), rendered)
                progress.count(rendered)
        entries = (_entry(item, settings) for item in read_items(texts, audio_format))
        failed = output.finish(entries)
        progress.end()
    return survey.items, failed


def _render_items(settings: Settings) -> RenderItems:
    """Who does the work.

    Raises:
        HayakoeError: What that needs is not installed.
    """
    if settings.cluster.address is None:
        return render_here
    missing = [name for name in ("ray", "pandas", "pyarrow") if find_spec(name) is None]
    if missing:
        raise HayakoeError(
            f"rendering on a cluster needs {' and '.join(missing)}",
            hint="pip install 'wyoming-hayakoe[cluster]'",
        )
    from wyoming_hayakoe.cluster.batch import render_on_cluster  # noqa: PLC0415

    return render_on_cluster


@dataclass(frozen=True, slots=True)
class _Survey:
    """What is to be done.

    Attributes:
        items: All there are.
        bad: Those that are no items.
        files: Files of the others.
        voices: Neural voices that they need; None is all.
    """

    items: int
    bad: int
    files: int
    voices: Collection[str] | None


def _survey(items: Iterable[Item | BadItem], settings: Settings) -> _Survey:
    total = bad = 0
    files: set[str] = set()
    names: set[str | None] = set()
    is_any = False
    for total, item in enumerate(items, 1):  # noqa: B007 - it is used afterwards
        if isinstance(item, BadItem):
            bad += 1
            continue
        files.add(file_name(item, settings))
        names.add(neural_voice_behind(item.voice or settings.voice, settings))
        is_any = is_any or item.markup is not None  # a document may change to any voice
    voices = None if is_any else {name for name in names if name is not None}
    return _Survey(total, bad, len(files), voices)


def _once(items: Iterable[Item | BadItem], settings: Settings) -> Iterator[Item]:
    """The items, of those that have the same file the first one only."""
    begun: set[str] = set()
    for item in items:
        if not isinstance(item, BadItem) and (file := file_name(item, settings)) not in begun:
            begun.add(file)
            yield item


def _chained(first: Item, others: Iterable[Item]) -> Iterator[Item]:
    yield first
    yield from others


def _entry(item: Item | BadItem, settings: Settings) -> dict[str, Any]:
    """What the report says of an item besides what has become of its file."""
    entry: dict[str, Any] = {"item": item.number}
    if item.id is not None:
        entry["id"] = item.id
    if isinstance(item, BadItem):
        problem = item.problem
        return {**entry, "status": "failed", "error": problem.code, "message": str(problem)}
    return {**entry, "file": file_name(item, settings)}
