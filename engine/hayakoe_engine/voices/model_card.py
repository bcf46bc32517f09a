"""Model cards: what a publisher says of a voice, for people and for this program."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import yaml

from hayakoe_engine.voices.facts import VoiceFacts, is_web_address, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["MODEL_CARD", "read_card", "write_card"]

MODEL_CARD: Final = "README.md"

_CARD: Final = """\
---
{header}---

# {title}

A Japanese voice for wyoming-hayakoe.

- Licence: {licence}
{credit}- Styles: {styles}

In the settings:

```yaml
{settings}```

In Python:

```python
from hayakoe_engine import TTS

tts = TTS().load({name}, source={uri}).prepare()
tts.speakers[{name}].generate("こんにちは。").save("hello.wav")
```
"""
_FENCE: Final = "---"
_FACTS: Final = "voice"
_MAX_BYTES: Final = 64 * 1024
_HUB_LICENCES: Final = frozenset(
    [
        "apache-2.0",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "mit",
        "unlicense",
    ]
)
"""Licences that Hugging Face knows by name; all others are "other" there."""


def read_card(path: Path) -> VoiceFacts | None:
    """What a card says of a voice; None if it is not there or was written for something else."""
    try:
        with path.open("rb") as file:
            lines = iter(file.read(_MAX_BYTES).decode(errors="replace").splitlines())
        if next(lines, "").strip() != _FENCE:
            return None
        document = yaml.safe_load("\n".join(_until_fence(lines)))
    # It is a text for people, and PyYAML raises more than its own errors.
    except Exception:  # noqa: BLE001
        return None
    said = document.get(_FACTS) if isinstance(document, dict) else None
    if not isinstance(said, dict):
        return None
    facts = {
        field.name: one_line(value)
        for field in fields(VoiceFacts)
        if isinstance(value := said.get(field.name), str)
    }
    if not is_web_address(facts.get("url", "")):
        facts.pop("url", None)
    return VoiceFacts(**facts)


def _until_fence(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        if line.strip() == _FENCE:
            return
        yield line


def write_card(facts: VoiceFacts, *, name: str, uri: str, styles: Iterable[str]) -> str:
    """A card for a voice.

    Args:
        facts: What is said of it.
        name: What programs call it.
        uri: Where it is published.
        styles: Their names.
    """
    said = {field.name: value for field in fields(facts) if (value := getattr(facts, field.name))}
    header: dict[str, Any] = {
        **_hub_licence(facts),
        "language": "ja",
        "pipeline_tag": "text-to-speech",
        "tags": ["style-bert-vits2", "onnx"],
        _FACTS: said,
    }
    return _CARD.format(
        header=_yaml(header),
        title=facts.title or name,
        licence=f"[{facts.licence}]({facts.url})" if facts.url else facts.licence,
        credit=f"- Credit: {facts.credit}\n" if facts.credit else "",
        styles=", ".join(styles),
        settings=_yaml({"voices": {name: {"source": uri}}}),
        name=json.dumps(name),
        uri=json.dumps(uri, ensure_ascii=False),
    )


def _yaml(document: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return text


def _hub_licence(facts: VoiceFacts) -> dict[str, str]:
    known = "-".join(facts.licence.lower().split())
    if known in _HUB_LICENCES:
        return {"license": known}
    other = {"license": "other", "license_name": facts.licence, "license_link": facts.url}
    return {key: value for key, value in other.items() if value}
