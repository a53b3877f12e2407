"""A machined part as a height field: its outline, its bores, and the texture that machining left on it.

Lengths are in units of half the image's width; x runs right, y runs down, both from -1 to 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating[Any]]

EDGE = 0.07
"""Width of the bevel around the outline and of the chamfer around a bore."""


@dataclass(slots=True)
class Surface:
    """What the camera will look at; each field is [n, n]."""

    x: Field
    y: Field
    height: Field
    albedo: Field
    depth_inside: Field
    """Distance to the nearest edge of the part or of a bore; negative off the part."""

    def spot(self, rng: np.random.Generator, margin: float) -> tuple[float, float]:
        """A place on the flat of the part, at least `margin` from any edge."""
        rows, columns = np.nonzero(self.depth_inside > min(margin, 0.8 * float(self.depth_inside.max())))
        chosen = int(rng.integers(len(rows)))
        return float(self.x[rows[chosen], columns[chosen]]), float(self.y[rows[chosen], columns[chosen]])


def machine(rng: np.random.Generator, n: int) -> Surface:
    """Make one part, somewhere near the middle of the picture, turned any way."""
    axis = np.linspace(-1, 1, n, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.0)
    shift_x, shift_y = rng.uniform(-0.08, 0.08, 2)
    p = (np.cos(angle) * (x - shift_x) + np.sin(angle) * (y - shift_y)) / scale
    q = (-np.sin(angle) * (x - shift_x) + np.cos(angle) * (y - shift_y)) / scale
    outline, bores = _flange(rng, p, q) if rng.random() < 0.5 else _plate(rng, p, q)
    inside = np.minimum(outline, bores) * scale
    height = -0.05 * np.square(1 - np.clip(inside / EDGE, 0, 1))
    texture = _texture(rng, p, q)
    albedo = np.where(inside > 0, rng.uniform(0.5, 0.8) * (1 + 0.4 * texture), 0)
    albedo = np.where(outline <= 0, _conveyor(rng, n), albedo)
    albedo = np.where((outline > 0) & (bores <= 0), rng.uniform(0.02, 0.08), albedo)
    flat = np.clip(inside / EDGE, 0, 1)
    height += flat * (rng.uniform(0.02, 0.1) * texture / n + _tool_marks(rng, p, q))
    return Surface(x, y, height.astype(np.float32), albedo.astype(np.float32), inside.astype(np.float32))


def smooth_noise(rng: np.random.Generator, n: int, rows: int, columns: int) -> Field:
    """Noise of about unit variance whose grain is `rows` by `columns` to the picture; [n, n]."""
    coarse = rng.standard_normal((rows + 1, columns + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((n, n), Image.Resampling.BICUBIC))


def _flange(rng: np.random.Generator, p: Field, q: Field) -> tuple[Field, Field]:
    """Distances into a round part and out of its bores: one in the middle, some on a bolt circle."""
    radius = rng.uniform(0.78, 0.9)
    bores = np.hypot(p, q) - rng.uniform(0.12, 0.28)
    count, bolt_circle, bolt = (
        int(rng.integers(0, 7)),
        radius * rng.uniform(0.68, 0.76),
        rng.uniform(0.05, 0.1),
    )
    for turn in np.arange(count) * 2 * np.pi / max(count, 1):
        bores = np.minimum(
            bores, np.hypot(p - bolt_circle * np.cos(turn), q - bolt_circle * np.sin(turn)) - bolt
        )
    return radius - np.hypot(p, q), bores


def _plate(rng: np.random.Generator, p: Field, q: Field) -> tuple[Field, Field]:
    """Distances into a plate with rounded corners and out of its bores, near the corners and in the middle."""
    wide, tall, corner = rng.uniform(0.68, 0.82), rng.uniform(0.52, 0.74), rng.uniform(0.05, 0.2)
    a, b = np.abs(p) - wide + corner, np.abs(q) - tall + corner
    outline = corner - np.hypot(np.maximum(a, 0), np.maximum(b, 0)) - np.minimum(np.maximum(a, b), 0)
    bore = rng.uniform(0.05, 0.11)
    inset = bore + rng.uniform(0.1, 0.14)
    bores = np.full_like(p, 9)
    for side_p in (-1, 1):
        for side_q in (-1, 1):
            if rng.random() < 0.7:
                at_p, at_q = side_p * (wide - inset), side_q * (tall - inset)
                bores = np.minimum(bores, np.hypot(p - at_p, q - at_q) - bore)
    if rng.random() < 0.4:
        bores = np.minimum(bores, np.hypot(p, q) - rng.uniform(0.1, 0.22))
    return outline, bores


def _texture(rng: np.random.Generator, p: Field, q: Field) -> Field:
    """Brushed along one direction, turned in rings, or cast; about unit variance times a random strength."""
    n = p.shape[0]
    strength = rng.uniform(0.05, 0.3)
    kind = rng.choice(["brushed", "turned", "cast"])
    if kind == "cast":
        grain = int(rng.integers(n // 4, n // 2))
        return strength * smooth_noise(rng, n, grain, grain)
    across = np.hypot(p, q) * 2 - 1 if kind == "turned" else q
    along = np.arctan2(q, p) / np.pi if kind == "turned" else p
    lines = smooth_noise(rng, n, n // 2, 6)
    row = np.clip((across + 1.5) / 3 * n, 0, n - 1).astype(np.intp)
    column = np.clip((along + 1.5) / 3 * n, 0, n - 1).astype(np.intp)
    return np.asarray(strength * lines[row, column])


def _tool_marks(rng: np.random.Generator, p: Field, q: Field) -> Field:
    """The regular arcs that a milling cutter leaves: many, parallel and alike, and no defect."""
    if rng.random() < 0.5:
        return np.zeros_like(p)
    turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 4)
    radius = np.hypot(p - away * np.cos(turn), q - away * np.sin(turn))
    pitch = rng.uniform(0.07, 0.2)
    wave = np.cos(2 * np.pi * radius / pitch + rng.uniform(0, 2 * np.pi))
    return np.asarray(pitch * rng.uniform(0.002, 0.01) * wave)


def _conveyor(rng: np.random.Generator, n: int) -> Field:
    """The belt below the part: dull, a little uneven."""
    return np.asarray(np.clip(rng.uniform(0.04, 0.3) * (1 + 0.15 * smooth_noise(rng, n, 12, 12)), 0, 1))
