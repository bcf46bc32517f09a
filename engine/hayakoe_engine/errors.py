"""What can go wrong, as types.

::

    HayakoeError
    ├─ ConfigError                    a setting is wrong
    ├─ RequestError                   the caller's fault
    │  ├─ EmptyText  TextTooLong  BadMarkup  BadOption
    │  └─ VoiceNotFound  StyleNotFound
    ├─ BusyError                      too much to do at once
    ├─ SourceError                    a voice cannot be had
    │  ├─ SourceNotFound  SourceUnauthorized  SourceUnreachable
    │  └─ SourceOffline  SourceChecksumMismatch
    └─ VoiceError                     the voice's fault
       └─ BadVoiceFiles  InferenceFailed

Every error carries a stable ``code``, a message for people and, where there is something to be
done about it, a ``hint``.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadMarkup",
    "BadOption",
    "BadVoiceFiles",
    "BusyError",
    "ConfigError",
    "EmptyText",
    "HayakoeError",
    "InferenceFailed",
    "RequestError",
    "SourceChecksumMismatch",
    "SourceError",
    "SourceNotFound",
    "SourceOffline",
    "SourceUnauthorized",
    "SourceUnreachable",
    "StyleNotFound",
    "TextTooLong",
    "VoiceError",
    "VoiceNotFound",
]


class HayakoeError(Exception):
    """Root of all errors raised on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(HayakoeError):
    """A setting is wrong; the message names it."""

    code = "bad-setting"


class RequestError(HayakoeError):
    """The caller asked for something that cannot be done."""

    code = "bad-request"


class EmptyText(RequestError):
    """The text has nothing in it that can be spoken."""

    code = "empty-text"


class TextTooLong(RequestError):
    """The text is longer than the limit."""

    code = "text-too-long"


class BadOption(RequestError):
    """A synthesis option is unknown or out of its range."""

    code = "bad-option"


class BadMarkup(RequestError):
    """The document is not SSML that can be spoken.

    Attributes:
        line: Where, from 1.
        column: Where in the line, in characters, from 1.
    """

    code = "bad-markup"

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column


class VoiceNotFound(RequestError):
    """No voice has this name; the message lists those that do."""

    code = "voice-not-found"


class StyleNotFound(RequestError):
    """The voice has no such style; the message lists its styles."""

    code = "style-not-found"


class BusyError(HayakoeError):
    """Too many requests at once; try again later."""

    code = "busy"


class SourceError(HayakoeError):
    """Files of a voice cannot be had from where they are said to be."""

    code = "source-failed"


class SourceNotFound(SourceError):
    """There is nothing of this name."""

    code = "source-not-found"


class SourceUnauthorized(SourceError):
    """It is not for everybody, and who asks has not shown that it is for them."""

    code = "source-unauthorized"


class SourceUnreachable(SourceError):
    """The other side does not answer, or says that it cannot now; try again later."""

    code = "source-unreachable"


class SourceOffline(SourceError):
    """It would have to be downloaded, and the network is not to be used."""

    code = "source-offline"


class SourceChecksumMismatch(SourceError):
    """What was downloaded is, each time, not what was published."""

    code = "source-checksum-mismatch"


class VoiceError(HayakoeError):
    """A voice cannot do its work."""

    code = "voice-failed"


class BadVoiceFiles(VoiceError):
    """The files of a voice are missing or damaged."""

    code = "bad-voice-files"


class InferenceFailed(VoiceError):
    """A voice broke off while speaking."""

    code = "inference-failed"
