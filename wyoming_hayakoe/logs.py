"""Logging: one line a record, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wyoming_hayakoe.settings import LogSettings


_CONTROL: Final = {
    code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)
}
"""Escapes of what would break a line or steer a terminal."""


class TextFormatter(logging.Formatter):
    """One line a record, whatever it says; the lines of a traceback are indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - it overrides
        """The record's line."""
        return super().formatMessage(record).translate(_CONTROL)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - it overrides
        """The traceback, so that none of its lines looks like a record's."""
        return "\n".join(
            "  " + line.translate(_CONTROL) for line in super().formatException(ei).split("\n")
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line; a record's ``fields`` become members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def set_up_logging(settings: LogSettings) -> None:
    """Send everything to standard error; standard output belongs to the answers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    _hush()


def _hush() -> None:
    """Let the routine of libraries be no business of ours; their warnings are.

    The HTTP clients would write down addresses that are signed, and so open what is private.
    """
    for name in ("botocore", "httpcore2", "httpx2", "huggingface_hub", "zeroconf"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("zeroconf").addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    """A network that is gone is everyday; where in a library that was found is no news."""
    if record.levelno < logging.ERROR:
        record.exc_info = None
    return True


def set_up_command_logging() -> None:
    """Show on standard error what is not well, and what is being done that takes long."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("wyoming-hayakoe: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ("hayakoe_engine.publish", "hayakoe_engine.voices"):
        logging.getLogger(name).setLevel(logging.INFO)
