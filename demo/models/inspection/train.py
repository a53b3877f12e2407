"""Train the inspection network on freshly drawn parts and write it as ONNX.

    python -m demo.models.inspection.train [--pictures N] [--epochs N]

Needs torch (requirements.txt). The pictures are drawn from seeds, so every training sees the same ones.
"""

import argparse
import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from demo.models.inspection.draw import LABELS, SIZE, draw_many
from demo.models.inspection.network import CELL, Inspector, Scores, whole

HERE = Path(__file__).parent
FIRST_SEED = 1_000_000
"""Seeds from here on are trained on; all that lie below never are."""
BATCH = 64
PEAK_RATE = 3e-3
CHUNK = 60
"""Pictures a process draws at a time."""

OPSET = 17
DEFECT_WEIGHT = 8.0
"""Of a place with a defect against one without: most places have none."""
CLEARLY = 0.06
"""Share of a place that a defect must cover to count as being there; with less, the place is left out."""
LEFT_OUT = -100


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=multiprocessing.cpu_count())
    chosen = parser.parse_args()
    start = time.monotonic()
    data = drawn(chosen.pictures, FIRST_SEED, chosen.threads)
    print(f"{len(data.numbers)} pictures drawn in {time.monotonic() - start:.0f} s", flush=True)
    torch.manual_seed(0)
    torch.set_num_threads(chosen.threads)
    network = Inspector()
    train(network, data, chosen.epochs)
    export(network, HERE / "inspection.onnx")


@dataclass(frozen=True)
class Drawn:
    """Pictures [n, SIZE, SIZE, 3], masks of their defects [n, SIZE, SIZE], and label numbers [n]."""

    pictures: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    numbers: NDArray[np.int64]


def drawn(count: int, first_seed: int, processes: int) -> Drawn:
    """What `draw_many` gives, drawn by several processes; `count` is rounded down to whole chunks."""
    seeds = [(CHUNK, first_seed + start) for start in range(0, count - CHUNK + 1, CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        chunks = pool.starmap(draw_many, seeds, chunksize=1)
    return Drawn(*(np.concatenate(part) for part in zip(*chunks, strict=True)))


def train(network: Inspector, data: Drawn, epochs: int) -> None:
    images = torch.from_numpy(data.pictures).permute(0, 3, 1, 2).contiguous()
    masks, labels = torch.from_numpy(data.masks), torch.from_numpy(data.numbers)
    steps = len(labels) // BATCH
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=epochs * steps)
    start = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(labels))[: steps * BATCH].view(steps, BATCH):
            image, mask = _turned(images[chosen], masks[chosen])
            loss = _loss(network.cells(image), mask, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, {time.monotonic() - start:.0f} s", flush=True)


def _loss(cells: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
    """Of each place, and of the picture as a whole."""
    covered = functional.avg_pool2d(mask[:, None].float(), CELL)[:, 0]
    wanted = torch.where(covered > CLEARLY, labels[:, None, None], torch.zeros((), dtype=torch.long))
    wanted = torch.where((covered > 0) & (covered <= CLEARLY), LEFT_OUT, wanted)
    weights = torch.tensor([1.0] + [DEFECT_WEIGHT] * (len(LABELS) - 1))
    places = functional.cross_entropy(cells, wanted, weights, ignore_index=LEFT_OUT)
    return places + 0.5 * functional.cross_entropy(whole(cells), labels, label_smoothing=0.01)


def export(network: Inspector, file: Path) -> None:
    """Input `image` [batch, 3, SIZE, SIZE], 0 to 1; output `scores` [batch, labels], adding up to 1."""
    network.to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(
        Scores(network).eval(),
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(file),
        input_names=["image"],
        output_names=["scores"],
        dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    _leave_out_where_it_was_made(file)
    (file.parent / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))


def _leave_out_where_it_was_made(file: Path) -> None:
    """torch notes the source line of every node, with the folder it lay in."""
    model = onnx.load(file)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    onnx.save(model, file)


def _turned(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """One of the eight ways to lay the same parts under the camera, and lamps of other brightness."""
    turns = int(torch.randint(4, ()))
    images, masks = torch.rot90(images, turns, (2, 3)), torch.rot90(masks, turns, (1, 2))
    if torch.rand(()) < 0.5:
        images, masks = images.flip(3), masks.flip(2)
    brightness = 0.9 + 0.2 * torch.rand(len(images), 1, 1, 1)
    bright = (images / 255 * brightness).clamp(max=1)
    return bright.contiguous(memory_format=torch.channels_last), masks


if __name__ == "__main__":
    main()
