"""The network: a llama in the form that llama.cpp's architecture `llama` computes (RMSNorm, RoPE on neighbours, SwiGLU)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    vocabulary: int
    width: int = 128
    layers: int = 3
    heads: int = 4
    feed_forward: int = 320
    context: int = 512
    rope_base: float = 10_000.0
    epsilon: float = 1e-5


class Llama(nn.Module):
    """Token ids [batch, length] to logits [batch, length, vocabulary]; input and output embeddings are one."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.register_buffer("turns", _turns(shape), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.05)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        turns = self.turns[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, turns)
        return functional.linear(self.norm(x), self.embedding.weight)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(width, shape.epsilon)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.feed_forward_norm = nn.RMSNorm(width, shape.epsilon)
        self.gate = nn.Linear(width, shape.feed_forward, bias=False)
        self.up = nn.Linear(width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, width, bias=False)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        x = x + self._attend(self.attention_norm(x), turns)
        h = self.feed_forward_norm(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h))

    def _attend(self, x: Tensor, turns: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part(x).view(batch, length, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        mixed = functional.scaled_dot_product_attention(_turn(q, turns), _turn(k, turns), v, is_causal=True)
        return self.o(mixed.transpose(1, 2).reshape(batch, length, width))


def _turns(shape: Shape) -> Tensor:
    """Cosines and sines of RoPE, [context, head width / 2, 2]."""
    half = shape.width // shape.heads // 2
    speeds = shape.rope_base ** (-torch.arange(half) / half)
    angles = torch.arange(shape.context)[:, None] * speeds
    return torch.stack([angles.cos(), angles.sin()], -1)


def _turn(x: Tensor, turns: Tensor) -> Tensor:
    """Turn neighbouring pairs, which is what llama.cpp does for this architecture."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = turns[..., 0], turns[..., 1]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
