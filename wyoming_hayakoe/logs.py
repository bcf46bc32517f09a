"""Logging: one line a record, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wyoming_hayakoe.settings import LogSettings


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
    if settings.format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    # Its routine is no business of ours; its warnings are.
    logging.getLogger("zeroconf").setLevel(logging.WARNING)
