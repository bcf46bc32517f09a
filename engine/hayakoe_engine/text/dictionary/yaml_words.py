"""The YAML of the user dictionary: a list of flat mappings, all of them text.

YAML is read as a stream of events and nothing is constructed from it: no alias can grow, no tag
can do anything, and a surface such as ``NO`` or ``1:30`` stays the text that it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import yaml

from hayakoe_engine.text.dictionary.errors import BadDictionaryFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hayakoe_engine.text.dictionary.entry import Entry

__all__ = ["read_yaml", "yaml_item"]


def read_yaml(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """For each item its line, for people, and its fields.

    Raises:
        BadDictionaryFile: It is no list of flat mappings.
    """
    try:
        yield from _items(_events(text))
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadDictionaryFile(f"{where}{error.problem or 'this is no YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadDictionaryFile(f"this is no YAML: {str(error)[:200]}") from None


def yaml_item(entry: Entry) -> str:
    """One word as an item of the list."""
    surface = entry.surface
    # Plain where it cannot be taken for anything else; a JSON string is YAML as well.
    if not surface.isalpha() or any(char.isascii() for char in surface):
        surface = json.dumps(surface, ensure_ascii=False)
    lines = [f"- surface: {surface}", f"  reading: {entry.reading}"]
    if entry.accent is not None:
        lines.append(f"  accent: {entry.accent}")
    lines.append(f"  priority: {entry.priority}")
    if entry.match_case:
        lines.append("  match_case: true")
    return "\n".join(lines) + "\n"


def _events(text: str) -> Iterator[yaml.Event]:
    """What matters of the events of one document."""
    # The parser in C is an optional part of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = 0
    for event in yaml.parse(text, Loader=loader):
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            _fail(event, "one document is expected, without `---` inside")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _fail(event, "anchors and aliases (& and *) are not allowed")
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event


def _items(events: Iterator[yaml.Event]) -> Iterator[tuple[str, dict[str, object]]]:
    first = next(events, None)
    if first is None or (isinstance(first, yaml.ScalarEvent) and not first.value):
        return  # nothing but comments
    if not isinstance(first, yaml.SequenceStartEvent):
        _fail(first, "a list of words is expected, each beginning with `- surface:`")
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        if not isinstance(event, yaml.MappingStartEvent):
            _fail(event, "a word is expected, with `surface:` and `reading:`")
        yield _where(event), _mapping(events)
    for _ in events:
        pass  # the parser may still have something to complain of


def _mapping(events: Iterator[yaml.Event]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            break
        value = next(events)
        if not isinstance(key, yaml.ScalarEvent) or not isinstance(value, yaml.ScalarEvent):
            _fail(key, "a field has one value, as in `reading: カタカナ`")
        if key.value in fields:
            _fail(key, f"the field {key.value[:60]!r} is there twice")
        fields[key.value] = value.value
    return fields


def _where(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"


def _fail(event: yaml.Event, what: str) -> NoReturn:
    raise BadDictionaryFile(f"{_where(event)}: {what}")
