"""Real inputs for the real models, prepared as their `expected.json` tells; outputs are left to the caller."""

import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from runtimes.engine import Tensors
from runtimes.golden import TextSample


def tensor_inputs(folder: Path) -> Iterator[tuple[Path, dict[str, Tensors]]]:
    """Every ONNX model below the shared models' folder with its inputs by name."""
    for name, prepare in _PREPARED.items():
        for model in sorted((folder / name).glob("*.onnx")):
            yield model, prepare(model.parent)


def text_samples(folder: Path) -> Iterator[tuple[Path, tuple[TextSample, ...]]]:
    """Every GGUF model with the stories that were seen."""
    told = json.loads((folder / "gguf" / "expected.json").read_text())["results"]
    for file, stories in told.items():
        yield (
            folder / "gguf" / file,
            tuple(
                TextSample(
                    f"story {number}", story["prompt"], (), 0, story["max_tokens"], story["text"], None
                )
                for number, story in enumerate(stories, start=1)
            ),
        )


def _weeds(folder: Path) -> dict[str, Tensors]:
    return {photo.name: {"images": _letterboxed(photo)} for photo in sorted(folder.glob("*.jpg"))}


def _letterboxed(path: Path, side: int = 416) -> np.ndarray:
    photo = Image.open(path).convert("RGB")
    scale = min(side / photo.height, side / photo.width)
    small = photo.resize((int(photo.width * scale), int(photo.height * scale)), Image.Resampling.BILINEAR)
    canvas = np.full((side, side, 3), 114, np.uint8)
    canvas[: small.height, : small.width] = np.asarray(small)[:, :, ::-1]
    return _planes(canvas)


def _boards(folder: Path) -> dict[str, Tensors]:
    return {picture.name: {"data": _cropped(picture, 227)} for picture in sorted(folder.glob("*.png"))}


def _cropped(path: Path, side: int) -> np.ndarray:
    picture = Image.open(path).convert("RGB")
    shorter = min(picture.size)
    left, top = (picture.width - shorter) // 2, (picture.height - shorter) // 2
    square = picture.crop((left, top, left + shorter, top + shorter))
    small = square.resize((side, side), Image.Resampling.BILINEAR)
    return _planes(np.asarray(small)[:, :, ::-1])


def _fish(folder: Path) -> dict[str, Tensors]:
    picture = Image.open(folder / "fish.png").convert("RGB").resize((224, 224))
    return {"fish.png": {"data_0": _planes(np.asarray(picture)[:, :, ::-1]).astype(np.float16)}}


def _digit(folder: Path) -> dict[str, Tensors]:
    picture = np.asarray(Image.open(folder / "digit.png").convert("L").resize((28, 28)))
    return {"digit.png": {"Input3": picture.astype(np.float32)[None, None]}}


def _speech(folder: Path) -> dict[str, Tensors]:
    with wave.open(str(folder / "jfk.wav")) as recording:
        sound = np.frombuffer(recording.readframes(512), "<i2").astype(np.float32) / 32768
    window = np.concatenate([np.zeros(64, np.float32), sound])[None]
    return {
        "first window": {"input": window, "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16000)}
    }


def _planes(picture: np.ndarray) -> np.ndarray:
    """[height, width, channel] bytes as float32 [1, channel, height, width]."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)


_PREPARED: dict[str, Callable[[Path], dict[str, Tensors]]] = {
    "weed-detector": _weeds,
    "pcb-inspection": _boards,
    "image-classifier": _fish,
    "digits": _digit,
    "speech-activity": _speech,
}
