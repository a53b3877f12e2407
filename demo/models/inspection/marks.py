"""What happens to a part: the two defects to be found, and the marks that are no defects.

Lengths are in the units of `part`; `n` pixels span two of them.
"""

import numpy as np

from demo.models.inspection.part import Field, Surface, smooth_noise


def scratch(rng: np.random.Generator, surface: Surface) -> tuple[Field, Field]:
    """One long thin groove, straight or slightly bent: (depth of at most 1, mask of bare metal), [n, n]."""
    x0, y0 = surface.spot(rng, margin=0.1)
    heading, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
    length, width = rng.uniform(0.35, 1.0), rng.uniform(0.012, 0.026)
    along = np.cos(heading) * (surface.x - x0) + np.sin(heading) * (surface.y - y0)
    across = -np.sin(heading) * (surface.x - x0) + np.cos(heading) * (surface.y - y0)
    distance = across - bend * np.square(along)
    ends = 1 / (1 + np.exp((np.abs(along) - length / 2) / 0.02))
    pressure = 1 + 0.3 * smooth_noise(rng, len(along), 8, 8)
    groove = np.exp(-np.square(distance / width)) * ends * pressure * (surface.depth_inside > 0)
    return groove.astype(np.float32), groove.astype(np.float32)


def dent(rng: np.random.Generator, surface: Surface) -> tuple[Field, Field]:
    """One soft hollow with a low rim, round or oval: (depth of at most 1, no bare metal), [n, n]."""
    x0, y0 = surface.spot(rng, margin=0.15)
    turn, long, oval = rng.uniform(0, np.pi), rng.uniform(0.09, 0.2), rng.uniform(0.65, 1)
    a = (np.cos(turn) * (surface.x - x0) + np.sin(turn) * (surface.y - y0)) / long
    b = (-np.sin(turn) * (surface.x - x0) + np.cos(turn) * (surface.y - y0)) / (long * oval)
    r2 = np.square(a) + np.square(b)
    hollow = (1 - 0.35 * r2) * np.exp(-r2) * (surface.depth_inside > 0)
    return (hollow * long).astype(np.float32), np.zeros_like(surface.albedo)


def clutter(rng: np.random.Generator, surface: Surface) -> None:
    """Dust, lint, oil stains and a laser marking on the part, each of them sometimes; none is a defect."""
    for _ in range(int(rng.integers(0, 14))):
        _speck(rng, surface)
    for _ in range(int(rng.integers(0, 3))):
        _lint(rng, surface)
    for _ in range(int(rng.integers(0, 3))):
        _stain(rng, surface)
    if rng.random() < 0.25:
        _marking(rng, surface)


def _speck(rng: np.random.Generator, surface: Surface) -> None:
    x0, y0 = rng.uniform(-0.9, 0.9, 2)
    radius = rng.uniform(0.008, 0.025)
    r2 = np.square((surface.x - x0) / radius) + np.square((surface.y - y0) / radius)
    surface.albedo *= 1 + rng.choice([-0.6, 0.5]) * np.exp(-r2).astype(np.float32)


def _lint(rng: np.random.Generator, surface: Surface) -> None:
    """A short curled fibre: dark, without relief."""
    x0, y0 = rng.uniform(-0.8, 0.8, 2)
    radius, start, sweep = rng.uniform(0.04, 0.1), rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 3)
    turn = np.mod(np.arctan2(surface.y - y0, surface.x - x0) - start, 2 * np.pi)
    ring = np.exp(-np.square((np.hypot(surface.x - x0, surface.y - y0) - radius) / 0.012))
    surface.albedo *= 1 - rng.uniform(0.2, 0.5) * (ring * (turn < sweep)).astype(np.float32)


def _stain(rng: np.random.Generator, surface: Surface) -> None:
    """Dried oil: as large as a dent and as soft, but darker all over instead of lit on one side."""
    x0, y0 = surface.spot(rng, margin=0.1)
    wide, tall = rng.uniform(0.08, 0.3, 2)
    r2 = np.square((surface.x - x0) / wide) + np.square((surface.y - y0) / tall)
    surface.albedo *= 1 - rng.uniform(0.04, 0.25) * np.exp(-np.square(r2)).astype(np.float32)


def _marking(rng: np.random.Generator, surface: Surface) -> None:
    """A burnt-in square code of 6 to 9 cells a side."""
    x0, y0 = surface.spot(rng, margin=0.2)
    cells, side = int(rng.integers(6, 10)), rng.uniform(0.14, 0.22)
    column = np.floor((surface.x - x0 + side / 2) / side * cells).astype(np.intp)
    row = np.floor((surface.y - y0 + side / 2) / side * cells).astype(np.intp)
    within = (row >= 0) & (row < cells) & (column >= 0) & (column < cells) & (surface.depth_inside > 0)
    burnt = rng.random((cells, cells)) < 0.5
    dark = within & burnt[np.clip(row, 0, cells - 1), np.clip(column, 0, cells - 1)]
    surface.albedo *= np.where(dark, rng.uniform(0.4, 0.7), 1).astype(np.float32)
