"""One way of running a model, in a process of its own that takes its turns."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from benchmarks.engine_child import Job
from runtimes.engine import Candidate, ModelFile, Tensor
from runtimes.golden import GoldenSet, TensorSample, TextSample
from runtimes.selection.parity import compare_tensors, compare_text, conclude


class Contender:
    """An engine by its own defaults (`candidate` None) or as a candidate says.

    Attributes:
        wrong: why its answers do not count, or that it does not run; empty where they do.
        seconds: the median over the rounds of each round's median; None before the first.
    """

    def __init__(
        self, name: str, model: ModelFile, golden: Path, engine: str, candidate: Candidate | None = None
    ) -> None:
        self.name = name
        self.wrong = ""
        self._medians: list[float] = []
        self._folder = Path(tempfile.mkdtemp(dir=golden.parent))
        job = self._folder / "job.json"
        job.write_bytes(
            msgspec.json.encode(Job(engine, model, golden, self._folder, candidate), enc_hook=str)
        )
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engine_child", str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._ready: dict[str, Any] | None = self._read()
        if self._ready is None:
            self.wrong = "does not run it"

    @property
    def seconds(self) -> float | None:
        return statistics.median(self._medians) if self._medians else None

    def answers(self, number: int) -> dict[str, Tensor]:
        """What it gave for one golden sample."""
        prefix = f"{number}-"
        files = self._folder.glob(f"{prefix}*.npy")
        return {path.stem.removeprefix(prefix): np.load(path) for path in files}

    def judge(self, golden: GoldenSet) -> None:
        """Compare its answers with the golden ones."""
        if self._ready is None:
            return
        comparisons = []
        samples: Sequence[TensorSample | TextSample] = golden.samples
        for number, sample in enumerate(samples):
            if isinstance(sample, TensorSample):
                comparisons += compare_tensors(sample, self.answers(number), golden)
            elif sample.pattern is None:
                comparisons.append(compare_text(sample, self._ready["texts"][number], matches=False))
        self.wrong = conclude(comparisons)[1] if comparisons else ""

    def take_turn(self, seconds: float) -> None:
        if self._ready is not None:
            _pipe(self._child.stdin).write(f"{seconds}\n")
            _pipe(self._child.stdin).flush()
            self._medians.append(statistics.median(self._read()))

    def close(self) -> None:
        self._child.communicate()

    def _read(self) -> Any:
        """The child's next answer; None where it has died."""
        line = _pipe(self._child.stdout).readline()
        return json.loads(line) if line else None


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ValueError("the child was started without pipes")
    return stream
