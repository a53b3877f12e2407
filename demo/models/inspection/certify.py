"""Measure the inspection network on parts it never saw, and write its golden samples and `report.json`.

    python -m demo.models.inspection.certify [--pictures N]

Everything is computed by onnxruntime from the ONNX file itself, so it needs no torch.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from demo.models.inspection.draw import LABELS, draw, draw_many, tensor
from runtimes.golden import GoldenSet, TensorSample, Tolerance, write_golden

HERE = Path(__file__).parent
MODEL = HERE / "inspection.onnx"
FIRST_SEED = 500_000
"""Seeds from here on measure the accuracy; `train` only takes seeds above them."""
GOLDEN = (("good", 11), ("good", 12), ("scratch", 11), ("scratch", 12), ("dent", 11), ("dent", 12))
"""Label and seed of each golden sample."""
TOLERANCE = Tolerance(absolute=0.02, relative=0.02)


@dataclass(frozen=True, slots=True)
class Report:
    pictures: int
    accuracy: float
    recall: dict[str, float]
    """Share of the pictures of a label that got it."""
    confusion: dict[str, dict[str, int]]
    """Counts, by the label drawn and then by the label given."""
    bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=3000)
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    write_golden(HERE / "golden", golden(session))
    report = json.dumps(asdict(measure(session, parser.parse_args().pictures)), indent=1)
    (HERE / "report.json").write_text(report + "\n")
    print(report)


def measure(session: onnxruntime.InferenceSession, count: int, first_seed: int = FIRST_SEED) -> Report:
    """Scores `count` pictures drawn from `first_seed` on."""
    table = np.zeros((len(LABELS), len(LABELS)), np.int64)
    for start in range(0, count, 60):
        pictures, _, numbers = draw_many(min(60, count - start), first_seed + start)
        np.add.at(table, (numbers, scores(session, pictures).argmax(1)), 1)
    return Report(
        pictures=count,
        accuracy=round(float(table.trace() / table.sum()), 4),
        recall={label: round(float(row[at] / row.sum()), 4) for at, (label, row) in _rows(table)},
        confusion={label: dict(zip(LABELS, row.tolist(), strict=True)) for _, (label, row) in _rows(table)},
        bytes=MODEL.stat().st_size,
    )


def scores(session: onnxruntime.InferenceSession, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, labels], of pictures [n, SIZE, SIZE, 3]."""
    (found,) = session.run(["scores"], {"image": tensor(pictures)})
    return np.asarray(found, np.float32)


def golden(session: onnxruntime.InferenceSession) -> GoldenSet:
    """Pictures of every label with the scores that onnxruntime gives in 32 bits.

    Raises ValueError for a picture that the network takes for something else: such a sample certifies nothing.
    """
    samples = []
    for label, seed in GOLDEN:
        picture = draw(label, seed)[None]
        expected = scores(session, picture)
        if LABELS[int(expected.argmax())] != label:
            raise ValueError(f"{label} {seed} is taken for {LABELS[int(expected.argmax())]}: {expected}")
        samples.append(TensorSample(f"{label}-{seed}", {"image": tensor(picture)}, {"scores": expected}))
    return GoldenSet(tuple(samples), TOLERANCE)


def _rows(table: NDArray[np.int64]) -> list[tuple[int, tuple[str, NDArray[np.int64]]]]:
    return list(enumerate(zip(LABELS, table, strict=True)))


if __name__ == "__main__":
    main()
