"""A voice with random weights in Piper's published format, which costs what a real one does.

It follows the publication of VITS in the sizes of the voices that are called medium: 22,050 Hz,
63 MB. It says nothing; its phones last as long as those of a real voice.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu

SAMPLE_RATE_HZ: Final = 22050

_SYMBOL_COUNT: Final = 256
_SYMBOLS: Final = (
    "_^$ !'(),-.:;?abcdefghijklmnopqrstuvwxyz0123456789"
    "æçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾ"
    "ʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝʟʡʢʰʲˈˌːˑ˞ˤβεθχᵊᵻⱱ"
    "\u0303\u0327\u0329\u032a\u032f\u033a\u033b"
)
"""Padding, beginning and end of a sentence, punctuation, and the phones that eSpeak NG writes."""

_FRAMES_PER_ID: Final = 2.5
"""Every other id is padding, and durations are rounded up: 14 phones a second, as people speak."""
_LOUDNESS: Final = 0.1
_OPSET: Final = 17


def make_voice(model: Path, *, language: str = "en-us", seed: int = 0) -> None:
    """Write ``NAME.onnx`` and ``NAME.onnx.json``.

    Args:
        model: Path of the former.
        language: eSpeak NG's name of the language that the text is read in.
        seed: Of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Synthesizer().requires_grad_(False).eval()
        ids = torch.randint(3, len(_SYMBOLS), (1, 50))
        example = (ids, torch.tensor([50]), torch.tensor([0.667, 1.0, 0.8]))
        network.decoder.last.weight *= _LOUDNESS / float(network(*example).std())
    with warnings.catch_warnings():
        # Of constants that it does not fold: ONNX Runtime does.
        warnings.simplefilter("ignore", UserWarning)
        torch.onnx.export(
            network,
            example,
            str(model),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["input", "input_lengths", "scales"],
            output_names=["output"],
            dynamic_axes={"input": {1: "phones"}, "output": {2: "samples"}},
        )
    Path(f"{model}.json").write_text(json.dumps(_document(model.stem, language)))


def _document(name: str, language: str) -> dict[str, object]:
    family, _, region = language.partition("-")
    return {
        "audio": {"sample_rate": SAMPLE_RATE_HZ, "quality": "medium"},
        "dataset": name,
        "espeak": {"voice": language},
        "language": {
            "code": f"{family}_{region.upper()}",
            "family": family,
            "region": region.upper(),
        },
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": {symbol: [i] for i, symbol in enumerate(_SYMBOLS)},
        "num_symbols": _SYMBOL_COUNT,
        "num_speakers": 1,
        "speaker_id_map": {},
        "piper_version": "1.0.0",
    }


class Synthesizer(nn.Module):
    """Phones to sound: text encoder, durations, flow, decoder."""

    def __init__(self, channels: int = 192) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_SYMBOL_COUNT, channels)
        self.layers = nn.ModuleList(EncoderLayer(channels) for _ in range(6))
        self.prior = nn.Conv1d(channels, 2 * channels, 1)
        self.durations = Durations(channels)
        self.flow = nn.ModuleList(Coupling(channels) for _ in range(4))
        self.decoder = Decoder(channels)

    def forward(self, ids: Tensor, lengths: Tensor, scales: Tensor) -> Tensor:
        """Sound of one sentence.

        Args:
            ids: Of phones: int64 (1, phones).
            lengths: How many there are: int64 (1,).
            scales: Strength of the noise, length of phones, strength of the noise in it.

        Returns:
            float32 (1, 1, samples), of `SAMPLE_RATE_HZ`.
        """
        mask = (torch.arange(ids.shape[1]) < lengths).to(torch.float32)
        hidden = self.embedding(ids).transpose(1, 2) * mask
        for layer in self.layers:
            hidden = layer(hidden)
        mean, log_deviation = self.prior(hidden).chunk(2, dim=1)
        ends = self.durations(hidden, scales[1], scales[2]).cumsum(1)
        frames = torch.arange(ends[0, -1]).unsqueeze(1)
        # Each frame belongs to the first phone that ends after it.
        is_before_end = (frames < ends).to(torch.float32)
        alignment = is_before_end - pad(is_before_end, (1, 0))[:, :-1]
        mean, log_deviation = mean @ alignment.T, log_deviation @ alignment.T
        z = mean + torch.randn_like(mean) * log_deviation.exp() * scales[0]
        for coupling in self.flow:
            z = coupling(z)
        sound: Tensor = self.decoder(z)
        return sound


class Norm(nn.LayerNorm):
    """Normalises the channels of (1, channels, time)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Attention and two convolutions."""

    def __init__(self, channels: int, heads: int = 2, inner: int = 768) -> None:
        super().__init__()
        self.heads = heads
        self.mixed = nn.Conv1d(channels, 3 * channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)
        self.up = nn.Conv1d(channels, inner, 3, padding=1)
        self.down = nn.Conv1d(inner, channels, 3, padding=1)
        self.norms = nn.ModuleList(Norm(channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The next hidden state."""
        width = x.shape[1] // self.heads
        query, key, value = self.mixed(x).unflatten(1, (3 * self.heads, width)).chunk(3, dim=1)
        weights = (query.transpose(2, 3) @ key * width**-0.5).softmax(-1)
        x = self.norms[0](x + self.out((value @ weights.transpose(2, 3)).flatten(1, 2)))
        result: Tensor = self.norms[1](x + self.down(relu(self.up(x))))
        return result


class Durations(nn.Module):
    """How many frames each phone takes.

    It costs what a stochastic predictor does, but says nearly the same for all phones.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(SeparableConv(channels, 3**i) for _ in range(5) for i in range(3))
        )
        self.last = nn.Conv1d(channels, 1, 1)

    def forward(self, hidden: Tensor, length_scale: Tensor, noise_scale: Tensor) -> Tensor:
        """Whole frames: float32 (1, phones)."""
        x = self.layers(hidden)
        wish = self.last(x)[:, 0] + torch.randn_like(x[:, 0]) * noise_scale
        frames: Tensor = _FRAMES_PER_ID * (1 + 0.2 * wish.tanh()) * length_scale
        return frames.ceil()


class SeparableConv(nn.Module):
    """A dilated convolution of each channel, then one across them."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _dilated(channels, 3, dilation, groups=channels),
            Norm(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            Norm(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        result: Tensor = x + self.layers(x)
        return result


class Coupling(nn.Module):
    """One half of the channels moves the other, and they change places."""

    def __init__(self, channels: int, kernel: int = 5) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels // 2, channels, 1)
        self.gated = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(4)
        )
        self.split = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 1) for _ in range(4))
        self.last = nn.Conv1d(channels, channels // 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        """As many channels as before."""
        still, moved = z.chunk(2, dim=1)
        x = self.first(still)
        skipped = torch.zeros_like(x)
        for gated, split in zip(self.gated, self.split, strict=True):
            value, gate = gated(x).chunk(2, dim=1)
            residual, skip = split(value.tanh() * gate.sigmoid()).chunk(2, dim=1)
            x, skipped = x + residual, skipped + skip
        return torch.cat([moved - self.last(skipped), still], dim=1)


class Decoder(nn.Module):
    """Frames to samples."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = 256
        self.first = nn.Conv1d(channels, width, 7, padding=3)
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in ((8, 16), (8, 16), (4, 8)):
            padding = (kernel - rate) // 2
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding))
            width //= 2
            for kernel_size, dilations in ((3, (1, 2)), (5, (2, 6)), (7, (3, 12))):
                self.blocks.append(ResidualBlock(width, kernel_size, dilations))
        self.last = nn.Conv1d(width, 1, 7, padding=3, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        """float32 (1, 1, 256 * frames)."""
        x = self.first(z)
        for stage, up in enumerate(self.ups):
            x = up(leaky_relu(x, 0.1))
            x = sum(block(x) for block in self.blocks[3 * stage : 3 * stage + 3]) / 3
        sound: Tensor = self.last(leaky_relu(x)).tanh()
        return sound


class ResidualBlock(nn.Module):
    """Dilated convolutions, each added to what it is of."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            _dilated(width, kernel, dilation) for dilation in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        for convolution in self.convolutions:
            x = x + convolution(leaky_relu(x, 0.1))
        return x


def _dilated(channels: int, kernel: int, dilation: int, groups: int = 1) -> nn.Conv1d:
    padding = dilation * (kernel // 2)
    return nn.Conv1d(channels, channels, kernel, 1, padding, dilation, groups)


if __name__ == "__main__":
    make_voice(Path(sys.argv[1]))
