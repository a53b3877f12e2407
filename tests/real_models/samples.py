"""The real models: how each is certified, and what its answers must say according to its `expected.json`."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from benchmarks.real_inputs import tensor_inputs, text_samples
from runtimes.engine import Tensor, Tensors
from runtimes.golden import GoldenSet, TensorSample, TextSample, Tolerance
from tests.real_models import speech, yolox

Infer = Callable[[Mapping[str, Tensor]], Tensors]
"""Asks a deployed model: inputs by name in, outputs by name out."""


@dataclass(frozen=True)
class TensorModel:
    """A model that maps tensors to tensors. `file` lies in the folder `name` of the shared models."""

    name: str
    file: str
    golden: Callable[[Path], GoldenSet]
    """Golden samples from the model's folder."""
    check: Callable[[Path, Infer], None]
    """Asks with the inputs of the model's folder, and asserts the facts of `expected.json` there."""


@dataclass(frozen=True)
class TextModel:
    """A model that continues text; `file` lies in the folder `gguf` of the shared models."""

    name: str
    file: str

    def golden(self, shared: Path) -> GoldenSet:
        """The published stories, to come word for word."""
        return GoldenSet(self.stories(shared))

    def stories(self, shared: Path) -> tuple[TextSample, ...]:
        return next(stories for path, stories in text_samples(shared) if path.name == self.file)


def _expected(folder: Path) -> Any:
    return json.loads((folder / "expected.json").read_text())


def _inputs(folder: Path) -> dict[str, Tensors]:
    """Input tensors of each of the folder's sample inputs, by the file's name."""
    return next(inputs for path, inputs in tensor_inputs(folder.parent) if path.parent == folder)


def _published(table: Path) -> Tensor:
    """The values of a published output, flat."""
    with table.open(newline="") as rows:
        return np.array([float(row["Value"]) for row in csv.DictReader(rows)], np.float32)


def _boards_golden(folder: Path) -> GoldenSet:
    """Both boards with the scores of `expected.json`."""
    told = _expected(folder)["results"]
    samples = [
        TensorSample(name, inputs, {"loss": np.array([told[name]["scores"]], np.float32)})
        for name, inputs in _inputs(folder).items()
    ]
    return GoldenSet(tuple(samples), Tolerance(absolute=0.01, relative=0.0))


def _check_boards(folder: Path, infer: Infer) -> None:
    labels = (folder / "labels.txt").read_text().split()
    for name, told in _expected(folder)["results"].items():
        (scores,) = infer(_inputs(folder)[name])["loss"]
        assert labels[int(scores.argmax())] == told["label"]
        assert scores == pytest.approx(told["scores"], abs=0.01)


def _weeds_golden(folder: Path) -> GoldenSet:
    """Both photographs with what onnxruntime makes of them in this process: the full output is not published.

    The tolerance keeps the edges of the boxes within 2 pixels: sizes are exponentials of the output, so that
    0.005 moves the edge of a box as large as the picture by 416 * 0.005 / 2 = 1 pixel of the model's own.
    """
    session = onnxruntime.InferenceSession(
        folder / "weed_yolox_nano.onnx", providers=["CPUExecutionProvider"]
    )
    samples = [
        TensorSample(name, inputs, {"output": session.run(["output"], dict(inputs))[0]})
        for name, inputs in _inputs(folder).items()
    ]
    return GoldenSet(tuple(samples), Tolerance(absolute=0.005, relative=0.0))


def _check_weeds(folder: Path, infer: Infer) -> None:
    labels = (folder / "labels.txt").read_text().split()
    for name, told in _expected(folder)["results"].items():
        output = infer(_inputs(folder)[name])["output"]
        assert list(output.shape) == told["raw_output_shape"]
        assert output.mean() == pytest.approx(told["raw_output_mean"], abs=0.01)
        assert output.max() == pytest.approx(told["raw_output_max"], abs=0.01)
        found = yolox.detections(output[0], yolox.scale(folder / name))
        assert [labels[detection.label] for detection in found] == [d["label"] for d in told["detections"]]
        for detection, wanted in zip(found, told["detections"], strict=True):
            assert detection.score == pytest.approx(wanted["score"], abs=0.01)
            assert detection.box == pytest.approx(wanted["box_xyxy_px"], abs=2)


def _fish_golden(folder: Path) -> GoldenSet:
    """The fish with the published output, within less than lies between its neighbours of the top five."""
    published = _published(folder / "published_output_fish.csv").reshape(1, 1000, 1, 1)
    outputs = {"softmaxout_1": published.astype(np.float16)}
    sample = TensorSample("fish.png", _inputs(folder)["fish.png"], outputs)
    return GoldenSet((sample,), Tolerance(absolute=1e-4, relative=1e-3))


def _check_fish(folder: Path, infer: Infer) -> None:
    labels = (folder / "labels.txt").read_text().splitlines()
    probabilities = infer(_inputs(folder)["fish.png"])["softmaxout_1"].astype(np.float32).ravel()
    assert probabilities == pytest.approx(_published(folder / "published_output_fish.csv"), abs=0.01)
    best = np.argsort(probabilities)[::-1][:5]
    told = _expected(folder)["top5"]
    assert [(int(n), labels[n]) for n in best] == [(one["class"], one["label"]) for one in told]
    assert probabilities[best] == pytest.approx([one["p"] for one in told], abs=0.01)


def _digit_golden(folder: Path) -> GoldenSet:
    """The eight with its published scores, which are in thousands and were seen to differ by 2.4 between engines."""
    scores = _published(folder / "published_output_digit.csv").reshape(1, 10)
    sample = TensorSample("digit.png", _inputs(folder)["digit.png"], {"Plus214_Output_0": scores})
    return GoldenSet((sample,), Tolerance(absolute=5.0, relative=0.0))


def _check_digit(folder: Path, infer: Infer) -> None:
    told = _expected(folder)
    (scores,) = infer(_inputs(folder)["digit.png"])["Plus214_Output_0"]
    assert int(scores.argmax()) == told["answer"]
    assert scores == pytest.approx(_published(folder / "published_output_digit.csv"), abs=5.0)
    assert scores == pytest.approx(told["scores"], abs=5.0 + told["max_abs_difference_to_published_output"])


def _speech_golden(folder: Path) -> GoldenSet:
    """The first window of the recording with the probability of `expected.json`; its state is known to be zeros."""
    first = np.array([_expected(folder)["first_40_frame_probabilities"][:1]], np.float32)
    (inputs,) = _inputs(folder).values()
    return GoldenSet((TensorSample("first-window", inputs, {"output": first}),), Tolerance(0.001, 0.0))


def _check_speech(folder: Path, infer: Infer) -> None:
    told = _expected(folder)
    probabilities = speech.probabilities(folder / told["input"], infer)
    assert len(probabilities) == told["frames"]
    assert probabilities[:40] == pytest.approx(told["first_40_frame_probabilities"], abs=0.01)
    assert probabilities.mean() == pytest.approx(told["mean"], abs=0.01)
    assert (probabilities > 0.5).mean() == pytest.approx(told["fraction_above_0.5"], abs=0.01)
    assert speech.segments(probabilities > 0.5) == [
        pytest.approx(segment, abs=speech.WINDOW_SECONDS) for segment in told["speech_segments_s"]
    ]


TENSOR_MODELS = (
    TensorModel("pcb-inspection", "pcb_aoi.onnx", _boards_golden, _check_boards),
    TensorModel("weed-detector", "weed_yolox_nano.onnx", _weeds_golden, _check_weeds),
    TensorModel("image-classifier", "squeezenet_fp16.onnx", _fish_golden, _check_fish),
    TensorModel("digits", "mnist_opset7.onnx", _digit_golden, _check_digit),
    TensorModel("speech-activity", "silero_vad.onnx", _speech_golden, _check_speech),
)
TEXT_MODELS = (
    TextModel("stories260k", "stories260K.gguf"),
    TextModel("stories260k-q8-0", "stories260K-q8_0.gguf"),
)
