"""The torch backend: the network itself, sentences and windows of several requests at once."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch

from hayakoe_engine.errors import InferenceFailed
from hayakoe_engine.voices.sbv2.backend import DecoderParts, Encoded, EncoderInput
from hayakoe_engine.voices.sbv2.torch.batching import Batcher, alone
from hayakoe_engine.voices.sbv2.torch.stage import Row, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]

    from hayakoe_engine.voices.sbv2.backend import Features
    from hayakoe_engine.voices.sbv2.installed import Precision
    from hayakoe_engine.voices.sbv2.network import Flow, Synthesizer
    from hayakoe_engine.voices.sbv2.network_decoder import Decoder
    from hayakoe_engine.voices.sbv2.torch.device import Device

WINDOW_MULTIPLE: Final = 15
"""Windows have a few lengths only, those of the CPU backend: kernels are chosen by the length."""

_MAX_PHONES: Final = 4096
_MAX_FRAMES: Final = 4096
"""Of one batch, padding included; what is longer is computed alone."""

_TIMED_RUNS: Final = 3
_TIMED_FRAMES: Final = 60
_WARM_FRAMES: Final = (_TIMED_FRAMES, 2 * _TIMED_FRAMES)


class TorchBackend:
    """One voice's network on a device. May be used from many threads at once.

    Args:
        network: In float32, on the device.
        device: The device.
        precision: ``exact`` computes everything in float32; ``balanced`` the flow in 16 bits, and
            ``fast`` the decoder, too. Durations are always in float32.
        is_compiled: Whether torch compiles flow and decoder, which takes minutes, now.
    """

    def __init__(
        self,
        network: Synthesizer,
        device: Device,
        *,
        precision: Precision,
        is_compiled: bool = False,
    ) -> None:
        self._network = network
        self._device = device
        # The decoder's second part does not ask for one.
        self._no_speaker = torch.zeros(1, 0, 1, device=device.place)
        self._encode = Batcher(
            device.gate,
            device.guarded(self._encode_rows),
            lambda row: len(row.phones.phones),
            max_cells=_MAX_PHONES,
        )

        how = {"is_exact": precision == "exact", "is_compiled": is_compiled}
        in_half = precision == "fast"
        steps = network.config.upsample_rates[0]
        flow = Stage(_run_flow, network.flow, device, in_half=precision != "exact", **how)
        head = Stage(_run_head, network.dec, device, in_half=in_half, **how)
        tail = Stage(
            _run_tail, network.dec, device, in_half=in_half, steps=steps, is_last=True, **how
        )
        self._flow_stage = flow
        if is_compiled:
            self._warm_up(flow, head, tail)
        self._flow = Batcher(
            device.gate,
            device.guarded(self._flow_rows),
            lambda row: len(row.phone_of_frame),
            max_cells=_MAX_FRAMES,
        )
        self._head, self._tail = (
            Batcher(
                device.gate, device.guarded(stage.compute), stage.frames_of, max_cells=_MAX_FRAMES
            )
            for stage in (head, tail)
        )
        self._parts = DecoderParts(
            head_multiple=WINDOW_MULTIPLE,
            rows_per_frame=steps,
            tail_multiple=WINDOW_MULTIPLE * steps,
            head_context_frames=network.dec.head_context_frames,
            tail_context_frames=network.dec.tail_context_frames,
            frame_cost_s=self._frame_cost_s(),
        )

    @property
    def parts(self) -> DecoderParts:
        """About the decoder."""
        return self._parts

    @property
    def is_widening(self) -> bool:
        """No: windows are computed side by side, and none has the device to itself."""
        return False

    def encode(self, sentence: EncoderInput) -> Encoded:
        """Phones to durations and prior."""
        return self._encode(sentence)

    def flow(
        self,
        encoded: Encoded,
        durations: NDArray[np.int64],
        noise: NDArray[np.float32] | None,
        noise_scale: float,
    ) -> Tensor:
        """A sample of the prior to the latent."""
        phone_of_frame = np.repeat(np.arange(len(durations)), durations)
        return self._flow(_Prior(encoded, phone_of_frame, noise, noise_scale))

    def decode_head(self, latent: Tensor, speaker: Tensor) -> Tensor:
        """The decoder's first part."""
        return self._head(Row(latent, speaker)).T

    def room(self, rows: int, like: Tensor) -> Tensor:
        """Room for what the decoder's first part makes."""
        made: Tensor = self._device.health.run(partial(like.new_empty, (like.shape[1], rows)))
        return made.T

    def decode_tail(self, hidden: Tensor, *, all_cpus: bool) -> Floats:  # noqa: ARG002 - of CPUs
        """The decoder's second part."""
        samples: Floats = self._tail(Row(hidden.T, self._no_speaker))[0].numpy()
        return samples

    def decode(self, latent: Tensor, speaker: Tensor) -> Floats:
        """The decoder whole, for what is too short for its parts."""
        return self.decode_tail(self.decode_head(latent, speaker), all_cpus=False)

    @torch.inference_mode()
    def _encode_rows(self, rows: Sequence[EncoderInput]) -> list[Encoded]:
        """Sentences together; each gives what it would give alone, but for the last bits."""
        device = self._device
        lengths = [len(row.phones.phones) for row in rows]
        longest = max(lengths)
        symbols = [
            np.stack([row.phones.phones, row.phones.tones, row.phones.languages]) for row in rows
        ]
        numbers = [[row.noise_w, row.sdp_ratio, row.length_scale] for row in rows]
        device.allow_short_mantissas(allowed=False)
        made = self._encoded(
            device.padded(symbols, longest),
            device.tensor(np.array(lengths)),
            self._features(rows, longest),
            device.tensor(np.stack([row.style for row in rows])),
            device.tensor(np.array([row.speaker_id for row in rows])),
            device.tensor(np.array(numbers, np.float32)),
            device.padded([row.duration_noise for row in rows], longest),
        )
        durations, means, log_scales, speakers = made[0].cpu().numpy(), *made[1:]
        if not np.isfinite(durations).all():
            raise InferenceFailed("the network gives durations that are no numbers")
        return [
            Encoded(
                durations[row, 0, :length].astype(np.int64),
                means[row, :, :length],
                log_scales[row, :, :length],
                speakers[row : row + 1],
            )
            for row, length in enumerate(lengths)
        ]

    def _encoded(
        self,
        symbols: Tensor,
        lengths: Tensor,
        features: Tensor,
        style: Tensor,
        speaker: Tensor,
        numbers: Tensor,
        noise: Tensor,
    ) -> tuple[Tensor, ...]:
        phones, tones, languages = symbols.unbind(1)
        encoded = self._network.encode(phones, lengths, tones, languages, features, style, speaker)
        noise_w, sdp_ratio, length_scale = numbers[..., None, None].unbind(1)
        durations = self._network.durations(
            encoded,
            noise_w=noise_w,
            sdp_ratio=sdp_ratio,
            length_scale=length_scale,
            noise=noise,
        )
        return durations, encoded.mean, encoded.log_scale, encoded.speaker_vector

    def _features(self, rows: Sequence[EncoderInput], longest: int) -> Tensor:
        """Of every phone, float32 ``[batch, width, longest]``; they do not leave the device."""
        known = [self._of_phones(row.features, row.phones.word2ph) for row in rows]
        joined = torch.zeros(len(rows), longest, known[0].shape[1], device=self._device.place)
        for row, features in enumerate(known):
            joined[row, : len(features)] = features
        return joined.transpose(1, 2)

    def _of_phones(self, features: Features, word2ph: NDArray[np.int64]) -> Tensor:
        if not isinstance(features, torch.Tensor):
            features = self._device.tensor(np.array(features))
        token_of_phone = self._device.tensor(np.repeat(np.arange(len(word2ph)), word2ph))
        return features[token_of_phone].to(torch.float32)

    def _frame_cost_s(self) -> float:
        """Time that decoding a latent frame takes, alone."""
        config = self._network.config
        latent = torch.zeros(config.inter_channels, _TIMED_FRAMES, device=self._device.place)
        speaker = torch.zeros(1, config.gin_channels, 1, device=self._device.place)
        costs_s = []
        for _ in range(_TIMED_RUNS + 1):
            begun = time.perf_counter()
            self.decode(latent, speaker)
            costs_s.append(time.perf_counter() - begun)
        return min(costs_s[1:]) / _TIMED_FRAMES

    def _warm_up(self, *stages: Stage) -> None:
        """Have everything compiled that will be needed: for one row and for several."""
        config, device = self._network.config, self._device
        speaker = torch.zeros(1, config.gin_channels, 1, device=device.place)
        speakers = (speaker, speaker, self._no_speaker)
        for count in (1, 2):
            for frames in _WARM_FRAMES:
                made = [torch.zeros(config.inter_channels, frames, device=device.place)] * count
                for stage, known in zip(stages, speakers, strict=True):
                    rows = [Row(values, known) for values in made]
                    made = alone(device.gate, partial(device.guarded(stage.compute), rows))

    @torch.inference_mode()
    def _flow_rows(self, priors: Sequence[_Prior]) -> list[Tensor]:
        return self._flow_stage.compute(
            [Row(self._sample(prior), prior.encoded.speaker) for prior in priors]
        )

    def _sample(self, prior: _Prior) -> Tensor:
        """Of a prior, float32 ``[C, T]``."""
        phone_of_frame = self._device.tensor(prior.phone_of_frame)
        sample: Tensor = prior.encoded.mean[:, phone_of_frame]
        if prior.noise is not None:
            scale = prior.encoded.log_scale[:, phone_of_frame].exp()
            sample += self._device.tensor(prior.noise) * scale * prior.noise_scale
        return sample


class _Prior(NamedTuple):
    """What the flow begins with.

    Attributes:
        encoded: The prior of every phone.
        phone_of_frame: int64 ``[T]``.
        noise: Standard normal, float32 ``[C, T]``; None takes the mean.
        noise_scale: Of the noise.
    """

    encoded: Encoded
    phone_of_frame: NDArray[np.int64]
    noise: NDArray[np.float32] | None
    noise_scale: float


def _run_flow(module: Flow, x: Tensor, speakers: Tensor, mask: Tensor | None) -> Tensor:
    mask = torch.ones_like(x[:, :1]) if mask is None else mask
    made: Tensor = module(x, mask, speakers) * mask
    return made


def _run_head(module: Decoder, x: Tensor, speakers: Tensor, mask: Tensor | None) -> Tensor:
    return module.head(x, speakers, mask)


def _run_tail(module: Decoder, x: Tensor, _: Tensor, mask: Tensor | None) -> Tensor:
    return module.tail(x, mask)
