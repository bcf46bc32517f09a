"""Writing the decoder of a voice in all forms in which it may be run."""

from __future__ import annotations

from math import gcd, lcm
from typing import TYPE_CHECKING

from hayakoe_engine.voices.sbv2.decoder_form import forms_of
from hayakoe_engine.voices.sbv2.install.decoder import direct_decoder, steps_per_frame
from hayakoe_engine.voices.sbv2.install.fast_decoder import fast_decoder, fast_stages_of
from hayakoe_engine.voices.sbv2.install.quantized_decoder import (
    activation_ranges,
    quantized_decoder,
)
from hayakoe_engine.voices.sbv2.install.weight_file import WeightFile
from hayakoe_engine.voices.sbv2.installed import (
    DECODER_WEIGHTS,
    HEAD,
    HEAD_INT8,
    HEAD_STAGES,
    INT8_STAGES,
    TAIL,
    TAIL_INT8,
    WHOLE_DECODER,
    part_file,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto

    from hayakoe_engine.voices.sbv2.install.decoder import DecoderWeights


class DecoderForms:
    """The graphs of a decoder.

    Args:
        decoder: Its weights.
        folder: Where they go.

    Attributes:
        head_stages: Stages of the first part.
        tail_stages: Stages of the second part.
        fast_stages: Stages that can have fast convolutions.
        rows_per_frame: That the first part makes, and the second reads.
        tail_multiple: All forms of the second part that were written take so many of those rows, or
            a multiple.
        frame_multiple: All forms of both parts that were written take so many frames, or a
            multiple.
        weight_bytes: Weights of each graph that was written, by its file.
    """

    def __init__(self, decoder: DecoderWeights, folder: Path) -> None:
        self._decoder = decoder
        self._file = WeightFile(folder / DECODER_WEIGHTS)
        self.head_stages = range(HEAD_STAGES)
        self.tail_stages = range(HEAD_STAGES, len(decoder.stages))
        self.fast_stages = fast_stages_of(decoder)
        self.rows_per_frame = steps_per_frame(decoder, HEAD_STAGES - 1)
        self.tail_multiple = 1
        self.frame_multiple = 1
        self.weight_bytes: dict[str, int] = {}

    def write_exact(self) -> None:
        """Write the graphs that compute in float32.

        Raises:
            OSError: They cannot be written.
        """
        self._save(direct_decoder(self._decoder), WHOLE_DECODER)
        heads, tails = forms_of(self.fast_stages)
        for form in heads:
            model, multiple = fast_decoder(self._decoder, self.head_stages, form)
            self._save(model, part_file(HEAD, form))
            self.frame_multiple = lcm(self.frame_multiple, multiple)
        for form in tails:
            model, multiple = fast_decoder(self._decoder, self.tail_stages, form)
            self._save(model, part_file(TAIL, form))
            self.tail_multiple = lcm(self.tail_multiple, multiple)
        whole = self.tail_multiple // gcd(self.tail_multiple, self.rows_per_frame)
        self.frame_multiple = lcm(self.frame_multiple, whole)

    def write_int8(
        self,
        latents: Sequence[NDArray[np.float32]],
        hidden: Sequence[NDArray[np.float32]],
        speaker: NDArray[np.float32],
    ) -> None:
        """Write the graphs that compute in eight bits in the first stages.

        Args:
            latents: What the first part typically reads, float32 ``[1, channels, frames]``.
            hidden: What the second part typically reads, float32 ``[steps, channels]``.
            speaker: Vector of who speaks that, float32 ``[1, speaker channels, 1]``.

        Raises:
            OSError: They cannot be written.
        """
        heads, tails = forms_of(stage for stage in self.fast_stages if stage >= INT8_STAGES)
        for part, stages, forms, pieces in (
            (HEAD_INT8, self.head_stages, heads, latents),
            (TAIL_INT8, self.tail_stages, tails, hidden),
        ):
            ranges = None
            for form in forms:
                model, _ = fast_decoder(self._decoder, stages, form)
                if ranges is None:  # the stages in eight bits are the same in all forms
                    ranges = activation_ranges(model, self._decoder, pieces, speaker)
                self._save(quantized_decoder(model, self._decoder, ranges), part_file(part, form))

    def _save(self, model: ModelProto, file: str) -> None:
        self.weight_bytes[file] = self._file.save(model, file)
