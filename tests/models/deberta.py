"""A DeBERTa-v2 network whose parameters are named as published checkpoints name them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class DebertaConfig:
    """Sizes of the network; the defaults are those of the large Japanese character model.

    Attributes:
        vocab: Rows of the embedding table.
        width: Channels of a token.
        layers: Transformer layers.
        heads: Attention heads of ``width / heads`` channels.
        inner: Channels inside the feed-forward blocks.
        buckets: Relative positions told apart in each direction.
        max_distance: From this distance on all tokens are equally far.
    """

    vocab: int = 22012
    width: int = 1024
    layers: int = 24
    heads: int = 16
    inner: int = 4096
    buckets: int = 256
    max_distance: int = 512
    epsilon: float = 1e-7


def bucket_distances(length: int, buckets: int, max_distance: int) -> Tensor:
    """Row of the relative table for each query (first axis) and key, int64 ``[length, length]``.

    Near distances have a row each, far ones share rows on a logarithmic scale.
    """
    steps = torch.arange(length)
    distance = steps[:, None] - steps[None, :]
    middle = buckets // 2
    size = torch.clamp(torch.abs(distance), min=middle).float()
    scale = math.log((max_distance - 1) / middle)
    far = torch.ceil(torch.log(size / middle) / scale * (middle - 1)) + middle
    bucket = torch.where(torch.abs(distance) <= middle, distance, torch.sign(distance) * far.long())
    return torch.clamp(bucket + buckets, 0, 2 * buckets - 1)


class SelfAttention(nn.Module):
    """Attention to the content and the relative position of the other tokens."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query_proj = nn.Linear(config.width, config.width)
        self.key_proj = nn.Linear(config.width, config.width)
        self.value_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, pairs: Tensor, rows: Tensor, relative: Tensor) -> Tensor:
        """Attend; ``pairs`` ``[batch, 1, length, length]`` is true where both tokens are there."""
        query = self._split(self.query_proj(x))
        key = self._split(self.key_proj(x))
        value = self._split(self.value_proj(x))
        batch = x.shape[0]
        table_key = self._split(self.key_proj(relative)).repeat(batch, 1, 1)
        table_query = self._split(self.query_proj(relative)).repeat(batch, 1, 1)
        scale = math.sqrt(query.shape[-1] * 3)
        index = rows.unsqueeze(0).expand(query.shape[0], -1, -1)
        content = torch.bmm(query, key.transpose(1, 2) / scale)
        to_position = torch.bmm(query, table_key.transpose(1, 2))
        to_position = torch.gather(to_position, -1, index) / scale
        from_position = torch.bmm(key, table_query.transpose(1, 2))
        from_position = torch.gather(from_position, -1, index.transpose(1, 2)).transpose(1, 2)
        score = content + (to_position + from_position / scale)
        score = score.view(-1, self.heads, x.shape[1], x.shape[1])
        score = score.masked_fill(~pairs, torch.finfo(torch.float32).min)
        weight = torch.softmax(score, dim=-1).view(-1, x.shape[1], x.shape[1])
        context = torch.bmm(weight, value).view(-1, self.heads, x.shape[1], value.shape[-1])
        return context.permute(0, 2, 1, 3).contiguous().view(batch, x.shape[1], -1)

    def _split(self, x: Tensor) -> Tensor:
        """``[batch, length, width]`` to ``[batch * heads, length, width / heads]``."""
        x = x.view(x.shape[0], x.shape[1], self.heads, -1).permute(0, 2, 1, 3)
        return x.contiguous().view(-1, x.shape[2], x.shape[3])


class Output(nn.Module):
    """Back to the width of a token, with a residual connection and a norm."""

    def __init__(self, channels: int, config: DebertaConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(channels, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Return ``[batch, length, width]``."""
        normed: Tensor = self.LayerNorm(self.dense(x) + residual)
        return normed


class Attention(nn.Module):
    """Self attention and its output."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = Output(config.width, config)

    def forward(self, x: Tensor, pairs: Tensor, rows: Tensor, relative: Tensor) -> Tensor:
        """Return ``[batch, length, width]``."""
        attended: Tensor = self.output(self.self(x, pairs, rows, relative), x)
        return attended


class Intermediate(nn.Module):
    """First half of the feed-forward block."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[batch, length, inner]``."""
        return nn.functional.gelu(self.dense(x))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = Output(config.inner, config)

    def forward(self, x: Tensor, pairs: Tensor, rows: Tensor, relative: Tensor) -> Tensor:
        """Return ``[batch, length, width]``."""
        x = self.attention(x, pairs, rows, relative)
        result: Tensor = self.output(self.intermediate(x), x)
        return result


class ConvLayer(nn.Module):
    """Convolution over the embeddings, added after the first layer."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.conv = nn.Conv1d(config.width, config.width, 3, padding=1)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)

    def forward(self, embedded: Tensor, x: Tensor, present: Tensor) -> Tensor:
        """Return ``[batch, length, width]``; ``present`` ``[batch, length]`` is 1.0 or 0.0."""
        out = self.conv(embedded.permute(0, 2, 1)).permute(0, 2, 1)
        out = nn.functional.gelu(out.masked_fill((1.0 - present).bool().unsqueeze(-1), 0.0))
        normed: Tensor = self.LayerNorm(x + out)
        return normed * present.unsqueeze(-1)


class Encoder(nn.Module):
    """All layers and the table of relative positions."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.config = config
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.rel_embeddings = nn.Embedding(2 * config.buckets, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)
        self.conv = ConvLayer(config)

    def forward(self, embedded: Tensor, mask: Tensor) -> list[Tensor]:
        """The embeddings and every layer's output, each ``[batch, length, width]``."""
        present = mask.float()
        pairs = (mask.unsqueeze(1).unsqueeze(2) * mask.unsqueeze(1).unsqueeze(-1)).bool()
        rows = bucket_distances(embedded.shape[1], self.config.buckets, self.config.max_distance)
        relative = self.LayerNorm(self.rel_embeddings.weight).unsqueeze(0)
        states = [embedded]
        for index, layer in enumerate(self.layer):
            x = layer(states[-1], pairs, rows, relative)
            states.append(self.conv(embedded, x, present) if index == 0 else x)
        return states


class Embeddings(nn.Module):
    """Tokens to vectors."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab, config.width, padding_idx=0)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return ``[batch, length, width]``."""
        normed: Tensor = self.LayerNorm(self.word_embeddings(ids))
        return normed * mask.unsqueeze(-1).float()


class Deberta(nn.Module):
    """Embeddings and encoder."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """See ``Encoder.forward``."""
        states: list[Tensor] = self.encoder(self.embeddings(ids, mask), mask)
        return states


class FeatureModel(nn.Module):
    """What is published: the output of the last layer but two."""

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        self.deberta = Deberta(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both int64 ``[batch, length]``; returns float32 ``[batch, length, width]``."""
        states: list[Tensor] = self.deberta(input_ids, attention_mask)
        return states[-3]


def randomise(model: nn.Module, seed: int, *, duplicates: bool = False) -> None:
    """Give a network random weights with which activations stay of the size of 1.

    Attention then neither is uniform nor sticks to single tokens, and norms differ by channel.

    Args:
        model: Is changed.
        seed: Of the weights.
        duplicates: Give all norms and biases the same values.
    """
    generator = torch.Generator().manual_seed(seed)
    varied = 0.0 if duplicates else 1.0
    with torch.no_grad():
        for module in model.modules():
            match module:
                case nn.LayerNorm():
                    module.weight.normal_(0.0, 0.3 * varied, generator=generator).exp_()
                    module.bias.normal_(0.0, 0.1 * varied, generator=generator)
                case nn.Linear() | nn.Conv1d():
                    spread = 1.0 / math.sqrt(module.weight[0].numel())
                    module.weight.normal_(0.0, spread, generator=generator)
                    module.bias.normal_(0.0, 0.1 * varied, generator=generator)
                case nn.Embedding():
                    module.weight.normal_(0.0, 0.05, generator=generator)
