"""Draw pictures of machined parts, good or with one defect. The same label and seed give the same picture.

    python -m demo.models.inspection.draw FOLDER --count 12 --seed 7

A defect is drawn as deep as it must be to be seen: its contrast is chosen first, between faint and plain.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.models.inspection.camera import Picture, Station
from demo.models.inspection.marks import clutter, dent, scratch
from demo.models.inspection.part import Field, Surface, machine

LABELS = ("good", "scratch", "dent")
SIZE = 96
"""Pixels a side."""

FAINTEST, PLAINEST = 0.25, 0.6
"""Contrast of a defect: the 90th percentile of what it changes over the places it touches, of full scale 1."""

PLACES, DEPTHS = 12, 5
"""How many places and depths are tried for it; a glare may leave no place where it can be seen that well."""

Mask = NDArray[np.bool_]
"""[SIZE, SIZE]: where the defect is."""


def draw(label: str, seed: int) -> NDArray[np.uint8]:
    """One picture, [SIZE, SIZE, 3], RGB."""
    return draw_with_mask(label, seed)[0]


def draw_with_mask(label: str, seed: int) -> tuple[NDArray[np.uint8], Mask]:
    """The same picture, and where its defect is."""
    rng = np.random.default_rng([seed, LABELS.index(label)])
    surface = machine(rng, 2 * SIZE)
    clutter(rng, surface)
    station = Station.install(rng, 2 * SIZE)
    picture, mask = station.look(surface), np.zeros((SIZE, SIZE), np.bool_)
    if label != "good":
        picture, mask = _with_defect(rng, label, surface, station, picture)
    return station.expose(rng, picture), mask


def draw_many(count: int, first_seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int64]]:
    """Pictures [count, SIZE, SIZE, 3], masks [count, SIZE, SIZE] and label numbers [count]; the labels take turns."""
    numbers = np.arange(count) % len(LABELS)
    drawn = [draw_with_mask(LABELS[number], first_seed + at) for at, number in enumerate(numbers)]
    pictures, masks = zip(*drawn, strict=True)
    return np.stack(pictures), np.stack(masks), numbers.astype(np.int64)


def tensor(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network takes: [n, 3, SIZE, SIZE], 0 to 1, of pictures [n, SIZE, SIZE, 3]."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def _with_defect(
    rng: np.random.Generator, label: str, surface: Surface, station: Station, clean: Picture
) -> tuple[Picture, Mask]:
    contrast = rng.uniform(FAINTEST, PLAINEST)
    for _ in range(PLACES):
        relief, bare = (scratch if label == "scratch" else dent)(rng, surface)
        depth = 0.01 if label == "scratch" else 0.1
        for _ in range(DEPTHS):
            picture = station.look(_damaged(surface, depth * relief, 5 * depth * bare))
            seen = _contrast(picture, clean, relief)
            if 0.8 * contrast <= seen <= 1.25 * contrast:
                return picture, _touched(relief)
            depth *= float(np.clip(contrast / max(seen, 1e-4), 0.2, 5))
    return picture, _touched(relief)


def _damaged(surface: Surface, hollow: Field, shine: Field) -> Surface:
    return Surface(
        surface.x, surface.y, surface.height - hollow, surface.albedo * (1 + shine), surface.depth_inside
    )


def _touched(relief: Field) -> Mask:
    depth = np.abs(relief[::2, ::2])
    return np.asarray(depth > 0.3 * depth.max(), np.bool_)


def _contrast(picture: Picture, clean: Picture, relief: Field) -> float:
    touched = np.abs(relief[::2, ::2]) > 0.1 * np.abs(relief).max()
    change = np.abs(picture - clean).max(axis=2)[touched]
    return float(np.percentile(change, 90)) if change.size >= 12 else 0.0


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=12, help="pictures of each label")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for label in LABELS:
        for at in range(chosen.count):
            Image.fromarray(draw(label, chosen.seed + at)).save(chosen.folder / f"{label}-{at + 1}.png")


if __name__ == "__main__":
    main()
