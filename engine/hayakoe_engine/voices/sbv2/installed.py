"""What the install step leaves behind, as the run time finds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias, TypeVar, get_args

from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import DataclassInstance

_T = TypeVar("_T")

Precision: TypeAlias = Literal["exact", "balanced", "fast"]
"""``exact``: the language model in 8 bits as published, all else in FP32. ``balanced``: the flow in
8 bits, too. ``fast``: also the widest stages of the decoder."""

PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)

INSTALLED: Final = "installed"
"""Where things are installed in the cache."""
TUNED: Final = "tuned"
"""Where copies made for this machine are in the cache, if nothing else is said."""

LANGUAGE_MODEL: Final = "bert.onnx"
ENCODER: Final = "encoder.onnx"
FLOW: Final = "flow.onnx"
FLOW_INT8: Final = "flow_int8.onnx"
HEAD: Final = "decoder_head.onnx"
HEAD_INT8: Final = "decoder_head_int8.onnx"
TAIL: Final = "decoder_tail.onnx"
TAIL_INT8: Final = "decoder_tail_int8.onnx"
"""The decoder in two parts: most of the frames around a window matter only to the first."""
WHOLE_DECODER: Final = "decoder.onnx"
"""Takes a latent of any length; the parts one whose length is a multiple of the manifest's."""

_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Quality:
    """How near a precision comes to ``exact`` on the voice itself.

    Attributes:
        snr_db: Signal to difference of the waveforms.
        log_mel_db: Root mean square difference of the log-mel spectra.
    """

    snr_db: float
    log_mel_db: float


@dataclass(frozen=True, slots=True)
class VoiceManifest:
    """Facts about the installed graphs of a voice.

    Attributes:
        gain: Makes the voice as loud as others.
        window_multiple: Latent lengths that the decoder's parts take.
        head_context_frames: Frames on either side that the first part needs.
        tail_context_frames: Frames on either side that the second part needs.
        best: The fastest precision that is good enough.
        quality: Of the precisions below ``exact``.
    """

    gain: float
    window_multiple: int
    head_context_frames: int
    tail_context_frames: int
    best: Precision
    quality: dict[str, Quality] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Put it beside the graphs.

        Raises:
            OSError: It cannot be written.
        """
        write_record(folder / _MANIFEST, self)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it again.

        Raises:
            BadVoiceFiles: It is damaged.
        """
        return read_record(folder / _MANIFEST, cls)


def write_record(file: Path, record: DataclassInstance) -> None:
    """Write down what was measured when a voice was installed.

    Raises:
        OSError: It cannot be written.
    """
    file.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def read_record(file: Path, kind: Callable[..., _T]) -> _T:
    """Read it again; among its values is the ``quality`` of each precision.

    Raises:
        BadVoiceFiles: It is damaged.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        quality = {name: Quality(**value) for name, value in values.pop("quality").items()}
        return kind(**values, quality=quality)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadVoiceFiles(
            f"{file} is damaged: {error}", hint=f"delete the folder {file.parent}"
        ) from error


class NotInstallable(Exception):
    """A published graph cannot be taken apart; it can only be run as it is."""
