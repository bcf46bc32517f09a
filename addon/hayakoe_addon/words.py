"""The words among the options become words of the dictionary's file.

The file is the one that the user edits, and the page in Home Assistant writes to. Words that have
come from the options are remembered, so that those that are taken out of the options go away again.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.disk import write_whole
from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.text.dictionary.errors import WordNotFound
from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOG = logging.getLogger(__name__)

_REMEMBERED: Final = "option-words.json"


def take_words(words: Sequence[dict[str, Any]], dictionary: Path, data: Path) -> None:
    """Add words to the dictionary, and remove those that the options had before.

    What is wrong is told in the log.

    Args:
        words: With ``surface``, ``reading`` and maybe ``accent``.
        dictionary: The file; it need not exist.
        data: Folder for remembering.
    """
    remembered = data / _REMEMBERED
    before = _read(remembered)
    if not words and not before:
        return
    book = UserDictionary(dictionary)
    taken = []
    for number, word in enumerate(words, 1):
        try:
            surface, reading = str(word["surface"]), str(word["reading"])
            book.add(surface, reading, accent=word.get("accent"))
        except KeyError as error:
            _LOG.error("option dictionary, entry %d: it has no %s", number, error.args[0])
        except HayakoeError as error:
            _LOG.error("option dictionary, entry %d: %s", number, error)
        else:
            taken.append(surface)
    for surface in set(before) - {str(word.get("surface")) for word in words}:
        try:
            book.delete(surface)
        except WordNotFound:
            pass
        except HayakoeError as error:
            _LOG.error("option dictionary: %s stays in the dictionary: %s", surface, error)
    try:
        write_whole(remembered, json.dumps(taken, ensure_ascii=False).encode())
    except OSError as error:
        _LOG.error("cannot write %s: %s", remembered, error.strerror or error)


def _read(file: Path) -> list[str]:
    try:
        words = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []
