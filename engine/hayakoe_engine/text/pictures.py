"""Names of emoji, in Japanese."""

from __future__ import annotations

_SEPARATOR = "、"


def name_emoji(text: str) -> str:
    """Replace every emoji by its name (Unicode CLDR), with pauses around it."""
    import emoji  # noqa: PLC0415 - its table is read at import, and few ask for it

    emoji.config.load_language("ja")
    return emoji.replace_emoji(text, replace=_name)


def _name(_: str, data: dict[str, str]) -> str:
    name = data.get("ja") or ""
    words = name.strip(":").replace("_", "")
    return f"{_SEPARATOR}{words}{_SEPARATOR}" if words else ""
