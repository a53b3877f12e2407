"""The network: seven convolutions that look at each place of the part, and the strongest finding counts.

It learns from where a defect is, not only from whether there is one: on the whole picture alone it does not learn at all.
"""

import torch
from torch import Tensor, nn

from demo.models.inspection.draw import LABELS

CELL = 8
"""Pixels a side of the square that one place of `cells` answers for."""
SURE = 2.0
"""How much more than an even chance the findings must have over `good`, as a logarithm of odds."""


class Inspector(nn.Module):
    """Pictures [batch, 3, SIZE, SIZE], 0 to 1, to logits [batch, labels]; about 45 million multiplications a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(3, 16, size=5, stride=2),
            _convolution(16, 24),
            _convolution(24, 48, stride=2),
            _convolution(48, 48),
            _convolution(48, 64, stride=2),
            _convolution(64, 64),
            _convolution(64, 64),
        )
        self.judge = nn.Conv2d(64, len(LABELS), 1)

    def cells(self, image: Tensor) -> Tensor:
        """Logits of each place, [batch, labels, SIZE / CELL, SIZE / CELL]."""
        cells: Tensor = self.judge(self.features(image - 0.5))
        return cells

    def forward(self, image: Tensor) -> Tensor:
        return whole(self.cells(image))


class Scores(nn.Module):
    """What is deployed: the same, with scores that add up to 1 in place of logits."""

    def __init__(self, network: Inspector) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image).softmax(1)


def whole(cells: Tensor) -> Tensor:
    """The picture's logits from those of its places: each defect's evidence added up, against `good` at zero.

    logsumexp and zeros_like spelt out, in operators that every engine reads.
    """
    evidence = cells[:, 1:] - cells[:, :1]
    strongest = evidence.amax((2, 3), keepdim=True)
    summed = strongest + (evidence - strongest).exp().sum((2, 3), keepdim=True).log()
    found = summed[:, :, 0, 0] - SURE
    return torch.cat([0 * found[:, :1], found], 1)


def _convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
