"""Speech in a recording, window by window, with the model's state carried from call to call by the client."""

import wave
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from runtimes.engine import Tensor, Tensors

RATE = 16_000
WINDOW = 512
CONTEXT = 64
"""Samples of the previous window that each window begins with."""
WINDOW_SECONDS = WINDOW / RATE


def probabilities(recording: Path, infer: Callable[[Mapping[str, Tensor]], Tensors]) -> Tensor:
    """The probability of speech in each whole window of 32 ms, f32 [windows]; what is left over is not asked."""
    sound = _samples(recording)
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32)
    answers = []
    for start in range(0, len(sound) - WINDOW + 1, WINDOW):
        window = sound[start : start + WINDOW]
        outputs = infer(
            {"input": np.concatenate([context, window])[None], "state": state, "sr": np.array(RATE)}
        )
        answers.append(outputs["output"].item())
        state, context = outputs["stateN"], window[-CONTEXT:]
    return np.array(answers, np.float32)


def segments(speaking: Tensor) -> list[list[float]]:
    """Begin and end, in seconds, of each run of windows in which someone speaks."""
    padded = np.concatenate([[False], speaking, [False]])
    edges = [n * WINDOW_SECONDS for n, (before, after) in enumerate(pairwise(padded)) if before != after]
    return [list(segment) for segment in zip(edges[::2], edges[1::2], strict=True)]


def _samples(recording: Path) -> Tensor:
    with wave.open(str(recording)) as opened:
        assert (opened.getframerate(), opened.getnchannels()) == (RATE, 1)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.float32) / 32768
