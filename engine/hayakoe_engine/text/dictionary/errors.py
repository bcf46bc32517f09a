"""What can go wrong with the user dictionary.

::

    RequestError
    ├─ BadDictionaryEntry      a word is wrong
    ├─ BadDictionaryFile       a list of words cannot be read
    └─ WordNotFound            there is no such word
    HayakoeError
    └─ DictionaryUnavailable   the file or the compiler does not work
"""

from __future__ import annotations

from hayakoe_engine.errors import HayakoeError, RequestError

__all__ = ["BadDictionaryEntry", "BadDictionaryFile", "DictionaryUnavailable", "WordNotFound"]


class BadDictionaryEntry(RequestError):
    """A word of the user dictionary is wrong; the message names it and what is allowed."""

    code = "bad-dictionary-entry"


class BadDictionaryFile(RequestError):
    """A list of words cannot be read at all; the message says where it goes wrong."""

    code = "bad-dictionary-file"


class WordNotFound(RequestError):
    """The user dictionary has no such word."""

    code = "word-not-found"


class DictionaryUnavailable(HayakoeError):
    """The user dictionary cannot be read, written or compiled; what is in use stays."""

    code = "dictionary-unavailable"
