"""What the install step leaves behind, as the run time finds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, TypeVar, get_args

from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
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
HEAD: Final = "decoder_head"
HEAD_INT8: Final = "decoder_head_int8"
TAIL: Final = "decoder_tail"
TAIL_INT8: Final = "decoder_tail_int8"
"""The decoder in two parts: most of the frames around a window matter only to the first. There are
several graphs of a part, see ``part_file``."""
WHOLE_DECODER: Final = "decoder.onnx"
"""Takes a latent of any length; the parts take the lengths that the manifest says."""
DECODER_WEIGHTS: Final = "decoder.weights"
"""What the decoder's graphs share."""

HEAD_STAGES: Final = 1
"""How many of the decoder's stages are in its first part."""
INT8_STAGES: Final = 2
"""How many of its first stages are in eight bits in ``fast``. What those behind add to the noise is
heard as it is, with nothing behind it."""

_MANIFEST: Final = "manifest.json"


def part_file(part: str, fast_stages: Iterable[int]) -> str:
    """The graph of a part of the decoder in which these stages have fast convolutions."""
    return "-".join([part, *map(str, fast_stages)]) + ".onnx"


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
class DecoderForm:
    """Which form of a decoder is the fastest on a machine.

    Attributes:
        machine: Where that was found out.
        fast_stages: Stages of the decoder that have fast convolutions there.
        frame_costs_s: CPU time that a latent frame took each graph that was tried, by its file.
    """

    machine: str
    fast_stages: tuple[int, ...]
    frame_costs_s: dict[str, float]

    def files(self, precision: Precision) -> tuple[str, str]:
        """The graphs of the decoder's parts."""
        stages, parts = self.fast_stages, (HEAD, TAIL)
        if precision == "fast":
            parts = HEAD_INT8, TAIL_INT8
            stages = tuple(stage for stage in stages if stage >= INT8_STAGES)
        head, tail = parts
        return (
            part_file(head, (stage for stage in stages if stage < HEAD_STAGES)),
            part_file(tail, (stage for stage in stages if stage >= HEAD_STAGES)),
        )

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The form that ``asdict`` was made of.

        Raises:
            ValueError: It was not.
            TypeError: It was not.
            KeyError: It was not.
            AttributeError: It was not.
        """
        return cls(
            machine=str(values["machine"]),
            fast_stages=tuple(map(int, values["fast_stages"])),
            frame_costs_s={
                str(file): float(cost) for file, cost in values["frame_costs_s"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class VoiceManifest:
    """Facts about the installed graphs of a voice.

    Attributes:
        gain: Makes the voice as loud as others.
        frame_multiple: Both parts of the decoder take so many frames, or a multiple.
        rows_per_frame: That the first part makes, and the second reads.
        tail_multiple: The second part takes so many of those rows, or a multiple.
        head_context_frames: Frames on either side that the first part needs.
        tail_context_frames: Frames on either side that the second part needs.
        fast_stages: Stages of the decoder that can have fast convolutions.
        decoder_form: In which form it is run.
        decoder_bytes: Weights of each graph of the decoder, by its file.
        best: The fastest precision that is good enough.
        quality: Of the precisions below ``exact``.
    """

    gain: float
    frame_multiple: int
    rows_per_frame: int
    tail_multiple: int
    head_context_frames: int
    tail_context_frames: int
    fast_stages: tuple[int, ...]
    decoder_form: DecoderForm
    decoder_bytes: dict[str, int]
    best: Precision
    quality: dict[str, Quality] = field(default_factory=dict)

    def head_multiple(self, precision: Precision) -> int:
        """The first part takes so many frames, or a multiple: any, if all of it is in 8 bits."""
        return 1 if precision == "fast" and HEAD_STAGES <= INT8_STAGES else self.frame_multiple

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
        return read_record(folder / _MANIFEST, cls._of_json)

    @classmethod
    def _of_json(
        cls,
        *,
        fast_stages: Iterable[int],
        decoder_form: Mapping[str, Any],
        **others: Any,  # noqa: ANN401 - as they are
    ) -> Self:
        form = DecoderForm.of_json(decoder_form)
        return cls(fast_stages=tuple(fast_stages), decoder_form=form, **others)


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
