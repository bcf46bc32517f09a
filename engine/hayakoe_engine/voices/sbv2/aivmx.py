"""AIVMX files: a voice in one ONNX file, with all that belongs to it in the file's metadata."""

from __future__ import annotations

import base64
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.voices.facts import VoiceFacts, is_web_address, one_line
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.json_fields import STYLE_ROWS, BadField, Fields, check_style
from hayakoe_engine.voices.sbv2.onnx_file import read_metadata
from hayakoe_engine.voices.sbv2.reading_files import blaming
from hayakoe_engine.voices.sbv2.styles import StyleVectors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["AIVMX_SUFFIX", "Aivmx", "aivmx_files"]

AIVMX_SUFFIX: Final = ".aivmx"

_MANIFEST: Final = "aivm_manifest"
_HYPER_PARAMETERS: Final = "aivm_hyper_parameters"
_STYLE_VECTORS: Final = "aivm_style_vectors"
_MAX_BYTES: Final = {
    _MANIFEST: 64 * 1024 * 1024,  # pictures and samples of the voice are in it
    _HYPER_PARAMETERS: 4 * 1024 * 1024,
    _STYLE_VECTORS: 16 * 1024 * 1024,
}

_VERSION: Final = "1.0"
_ARCHITECTURE: Final = "Style-Bert-VITS2 (JP-Extra)"

_MAX_HEADLINE: Final = 1000
_LINK: Final = re.compile(r"\[([^\[\]]+)\]\((?:[^()]|\([^()]*\))*\)")
_EMPHASIS: Final = re.compile(r"^[#>\s]+|[*`]")
_ADDRESS: Final = re.compile(r"https?://[^\s()<>\"'`]+")
_CONTACT: Final = re.compile(r"<[^<>]*>|\([^()]*\)")


@dataclass(frozen=True, slots=True, eq=False)
class Aivmx:
    """What an AIVMX file says of its voice.

    Attributes:
        config: Its sizes; the names of its styles are those that people see.
        styles: Its styles.
        facts: Its name, its licence and its makers.
    """

    config: VoiceConfig
    styles: StyleVectors
    facts: VoiceFacts

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the metadata and look whether the file is whole; weights are not read.

        Raises:
            BadVoiceFiles: It is damaged, no AIVMX file, or of a kind of voice that is not
                supported; the message names the file and the part of it.
        """
        metadata = read_metadata(path, _MAX_BYTES)
        with blaming(path):
            for key in _MAX_BYTES:
                if key not in metadata:
                    raise ValueError(f"is no AIVMX file of a voice: it has no {key}")
            with _reading(_MANIFEST):
                facts, rows = _parse_manifest(metadata[_MANIFEST].decode())
            with _reading(_HYPER_PARAMETERS):
                config = VoiceConfig.parse(metadata[_HYPER_PARAMETERS].decode())
                config = replace(config, styles=rows or config.styles)
            with _reading(_STYLE_VECTORS):
                array = base64.b64decode(b"".join(metadata[_STYLE_VECTORS].split()), validate=True)
                styles = StyleVectors.read(io.BytesIO(array), len(array), config.styles)
        return cls(config, styles, facts)


def aivmx_files(folder: Path) -> list[Path]:
    """The AIVMX files in a folder, in order; none if there is no such folder.

    Raises:
        BadVoiceFiles: It cannot be read.
    """
    with blaming(folder):
        if not folder.is_dir():
            return []
        found = (file for file in folder.iterdir() if file.suffix.lower() == AIVMX_SUFFIX)
        return sorted(file for file in found if file.is_file())


@contextmanager
def _reading(part: str) -> Iterator[None]:
    """Let errors name a part of the file."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{part}: {error}") from error


def _parse_manifest(text: str) -> tuple[VoiceFacts, dict[str, int]]:
    """What a manifest says of the voice, and the row of each style by name."""
    manifest = Fields.parse(text)
    version = manifest.text("manifest_version", "")
    if version != _VERSION:
        raise BadField(f"version {version!r} is not supported; only {_VERSION} is")
    architecture = manifest.text("model_architecture", "")
    if architecture != _ARCHITECTURE:
        raise BadField(
            f"the architecture {architecture!r} is not supported; only {_ARCHITECTURE!r} is"
        )
    creators = manifest.texts("creators")
    # The older name of it; both are Markdown, in full or just a link.
    licence = manifest.optional_text("license") or manifest.optional_text("terms_of_use")
    headline = next((line for line in licence.splitlines() if line.strip()), "")[:_MAX_HEADLINE]
    addresses = (address for line in (headline, *creators) for address in _ADDRESS.findall(line))
    facts = VoiceFacts(
        title=one_line(manifest.text("name", "")),
        licence=one_line(_EMPHASIS.sub("", _LINK.sub(r"\1", headline))),
        credit=one_line("、".join(_CONTACT.sub("", creator).strip() for creator in creators)),
        url=next(filter(is_web_address, addresses), ""),
        version=one_line(manifest.text("version", "")),
    )
    return facts, _style_rows(manifest)


def _style_rows(manifest: Fields) -> dict[str, int]:
    """Row of each style by name; none if it depends on the speaker what a name means."""
    rows: dict[str, int] = {}
    for speaker in manifest.sections("speakers"):
        for style in speaker.sections("styles"):
            name = style.text("name", "")
            check_style("speakers.styles.name", name)
            row = style.integer("local_id", None, STYLE_ROWS)
            if rows.setdefault(name, row) != row:
                return {}
    return rows
