"""What a YOLOX network found: decoding its grid and keeping the best of boxes that overlap.

After https://arxiv.org/abs/2107.08430 and the numbers in the model's `expected.json`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from runtimes.engine import Tensor

SIDE = 416
STRIDES = (8, 16, 32)
LEAST_SCORE = 0.3
MOST_OVERLAP = 0.45


@dataclass(frozen=True)
class Detection:
    label: int
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the photograph."""


def scale(photo: Path) -> float:
    """By how much letterboxing makes a photograph smaller."""
    with Image.open(photo) as opened:
        return min(SIDE / opened.width, SIDE / opened.height)


def detections(output: Tensor, scale: float) -> list[Detection]:
    """What is in the photograph, the surest first; `output` is f32 [anchors, 5 + labels]."""
    grid, strides = _anchors()
    centres = (output[:, 0:2] + grid) * strides
    halves = np.exp(output[:, 2:4]) * strides / 2
    boxes = np.hstack([centres - halves, centres + halves]) / scale
    scores = output[:, 4:5] * output[:, 5:]
    best = scores.max(axis=1)
    found: list[Detection] = []
    for anchor in np.argsort(-best):
        candidate = Detection(
            int(scores[anchor].argmax()), float(best[anchor]), tuple(boxes[anchor].tolist())
        )
        if candidate.score <= LEAST_SCORE:
            break
        if all(_overlap(candidate, other) <= MOST_OVERLAP for other in found):
            found.append(candidate)
    return found


def _anchors() -> tuple[Tensor, Tensor]:
    """Grid position [anchors, 2] and stride [anchors, 1] of every anchor, row by row from the finest grid."""
    grids, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: SIDE // stride, : SIDE // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    return np.vstack(grids), np.vstack(strides)


def _overlap(one: Detection, other: Detection) -> float:
    """Intersection over union of two boxes of the same label; 0 for different labels."""
    if one.label != other.label:
        return 0.0
    left, top = np.maximum(one.box[:2], other.box[:2])
    right, bottom = np.minimum(one.box[2:], other.box[2:])
    shared = max(right - left, 0) * max(bottom - top, 0)
    return float(shared / (_area(one) + _area(other) - shared))


def _area(detection: Detection) -> float:
    left, top, right, bottom = detection.box
    return (right - left) * (bottom - top)
