"""The texts that are to be rendered, from a file of JSON lines or a Parquet file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.audio import FORMATS
from hayakoe_engine.errors import HayakoeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hayakoe_engine.utterance import Markup
    from wyoming_hayakoe.settings import Settings

MAX_LINE_BYTES: Final = 1 << 20
MAX_ID_BYTES: Final = 120
"""Of an identifier as part of a file name, which has 255 at most."""
MAX_TEXT_CHARS: Final = 20_000
"""An hour of audio, about, which is made in memory."""
_BATCH_ROWS: Final = 256
_FIELDS: Final = ("id", "text", "voice", "style", "format", "markup", "options")


@dataclass(frozen=True, slots=True)
class Item:
    """A text that is to be rendered.

    Attributes:
        number: Of its line or row, from 1.
        text: What is said.
        format: Of the file, one of ``FORMATS``.
        id: What the user calls it.
        voice: Who speaks; None is the default voice.
        style: One of the voice's styles.
        markup: What the text is, other than plain.
        options: Names and values of ``SynthesisOptions``.
    """

    number: int
    text: str
    format: str
    id: str | None = None
    voice: str | None = None
    style: str | None = None
    markup: Markup | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """For another machine."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Item:
        """What ``to_json`` gave."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class BadItem:
    """A line or row that is no item.

    Attributes:
        number: From 1.
        id: What the user calls it, as far as it can be told.
        problem: What is wrong.
    """

    number: int
    id: str | None
    problem: RequestError


def read_items(path: Path, default_format: str) -> Iterator[Item | BadItem]:
    """The items of a file, one after another.

    Raises:
        RequestError: The file is of another kind.
        HayakoeError: A package is missing, or the file is not what it is called.
        OSError: It cannot be read.
    """
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _json_rows(path)
    for number, row in rows:
        try:
            yield row if isinstance(row, BadItem) else _item(number, row, default_format)
        except RequestError as problem:
            name = row.get("id") if isinstance(row, dict) else None
            yield BadItem(number, None if name is None else str(name)[:MAX_ID_BYTES], problem)


def check_input(path: Path) -> None:
    """Refuse what is no file of items.

    Raises:
        RequestError: It is none, by its name.
        HayakoeError: The package that reads it is missing.
    """
    if path.suffix.lower() not in {".jsonl", ".ndjson", ".parquet"}:
        raise RequestError(f"{path}: the texts must be a .jsonl, .ndjson or .parquet file")
    if not path.is_file():
        raise RequestError(f"there is no file {path}")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


def file_name(item: Item, settings: Settings) -> str:
    """What the file of an item is called: the same whenever the same is to be heard."""
    voice = item.voice or settings.voice
    facts = {
        "text": item.text,
        "style": item.style,
        "markup": item.markup,
        "options": dict(sorted(item.options.items())),
        "speech": settings.speech.model_dump(exclude_defaults=True),
        "voice": list(_voice_facts(voice, settings)),
    }
    digest = hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()[:16]
    stem = digest if item.id is None else f"{item.id}-{digest}"
    return f"{stem}.{item.format}"


def _voice_facts(name: str, settings: Settings) -> Iterator[object]:
    """What the settings say of a voice, and of those that it is a preset of."""
    presets = dict(settings.presets)
    while (preset := presets.pop(name, None)) is not None:
        yield preset.model_dump(exclude_defaults=True, exclude={"title"})
        name = preset.voice
    yield name
    neural = settings.voices.get(name.partition(":")[0])
    if neural is not None:
        yield neural.source


def _item(number: int, row: object, default_format: str) -> Item:
    if not isinstance(row, dict):
        raise RequestError("an item must be an object")
    values = {key: value for key, value in row.items() if value is not None}
    unknown = values.keys() - set(_FIELDS)
    if unknown:
        raise RequestError(
            f"there is no field {min(map(str, unknown))!r}; the fields are {', '.join(_FIELDS)}"
        )
    options = _options(values.pop("options", {}))
    for key, value in values.items():
        if not isinstance(value, str) and not (key == "id" and type(value) is int):
            raise RequestError(f"{key} must be text")
    values["format"] = values.get("format", default_format).lower()
    _check(values)
    if "id" in values:
        values["id"] = _file_name_part(str(values["id"]))
    return Item(number=number, options=options, **values)


def _options(options: object) -> dict[str, Any]:
    if isinstance(options, str):  # a column of JSON
        options = _json(options)
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        raise RequestError("options must be an object")
    # A column of structures has all of its fields in every row.
    return {key: value for key, value in options.items() if value is not None}


def _check(values: Mapping[str, str]) -> None:
    if "text" not in values:
        raise RequestError("text is missing")
    if len(values["text"]) > MAX_TEXT_CHARS:
        raise RequestError(f"text is longer than {MAX_TEXT_CHARS} characters")
    if values["format"] not in FORMATS:
        raise RequestError(f"format must be one of {', '.join(FORMATS)}")
    if values.get("markup", "ssml") != "ssml":
        raise RequestError("markup must be ssml or absent")


def _file_name_part(text: str) -> str:
    """An identifier that may be a part of a file name."""
    fits = all(character.isalnum() or character in "_.-" for character in text)
    if not text or not fits or text[0] in ".-" or len(text.encode()) > MAX_ID_BYTES:
        raise RequestError(
            "id must have letters, digits, '_', '.' and '-' only, begin with a letter, a digit "
            f"or '_', and be {MAX_ID_BYTES} bytes long at most"
        )
    return text


def _json_rows(path: Path) -> Iterator[tuple[int, object]]:
    """The number and the value of each line that is not empty."""
    with path.open("rb") as file:
        for number in count(1):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_LINE_BYTES:
                _skip_line(file, line)
                problem = RequestError(f"the line is longer than {MAX_LINE_BYTES} bytes")
                yield number, BadItem(number, None, problem)
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield number, _json(text)
            except UnicodeDecodeError:
                yield number, BadItem(number, None, RequestError("the line is not UTF-8"))
            except RequestError as problem:
                yield number, BadItem(number, None, problem)


def _skip_line(file: Any, line: bytes) -> None:  # noqa: ANN401
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"it is not JSON: {error}") from None


def _pyarrow() -> Any:  # noqa: ANN401
    try:
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise HayakoeError(
            "reading Parquet files needs pyarrow",
            hint="pip install 'wyoming-hayakoe[cluster]', or write the texts as JSON lines",
        ) from None
    return pyarrow


def _parquet_rows(path: Path) -> Iterator[tuple[int, object]]:
    pyarrow = _pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            rows = (row for batch in file.iter_batches(_BATCH_ROWS) for row in batch.to_pylist())
            yield from enumerate(rows, 1)
    except pyarrow.ArrowException as error:
        raise HayakoeError(f"{path} is not a Parquet file: {error}") from error
