"""An engine with a card that a test can take away: a runtime pack, made as the toy's.

The file `devices` in the pack's folder says what it offers; the file `card`, where it is there, what is wrong with the
card: a cause code that loading on it is refused with, or `crash`. On the processor the same model takes 5 ms longer.
"""

from pathlib import Path

from tests.runtimes.packs.toy_engine import describe, install_toy

SOURCE = """
import os
import sys
import time
from pathlib import Path

from runtimes.engine import Candidate, EngineDescription, InForce, ModelFormat, Rejection, TensorSpec
from runtimes.errors import EngineError

PACK = Path(sys.prefix)


class Cards:
    name = "cards"

    def describe(self):
        return EngineDescription("cards", "7.1", (ModelFormat.ONNX,), tuple((PACK / "devices").read_text().split()))

    def candidates(self, model, hardware):
        if b"Identity" not in model.path.read_bytes():
            return [Rejection("cards", "CPU", "operator.unsupported", "it knows Identity only")]
        return [Candidate("cards", device, "f32", 1) for device in self.describe().devices]

    def load(self, model, candidate, cache):
        if candidate.device != "CPU" and (PACK / "card").exists():
            code = (PACK / "card").read_text()
            if code == "crash":
                os.abort()
            raise EngineError(code, f"{candidate.device} is not there.", remedy="Push the card back in.")
        if cache is not None:
            (cache / "compiled").write_text(candidate.device)
        return Identity(candidate)


class Identity:
    inputs = (TensorSpec("x", "FP32", (-1, 4)),)
    outputs = (TensorSpec("y", "FP32", (-1, 4)),)

    def __init__(self, candidate):
        self.slow = candidate.device == "CPU"
        self.in_force = InForce(candidate.device, candidate.precision, candidate.threads, {})

    def infer(self, inputs, outputs=()):
        if self.slow:
            time.sleep(0.005)
        return {"y": inputs["x"].copy()}

    def close(self):
        pass
"""


def install_cards(folder: Path, *devices: str) -> Path:
    """Make `folder` a runtime pack whose engine `cards` offers these devices."""
    install_toy(folder, engine="cards", adapter="toy_engine:Cards", source=SOURCE)
    describe(folder, engine="cards")
    (folder / "devices").write_text(" ".join(devices))
    return folder


def take_card(pack: Path, code: str = "device.absent") -> None:
    (pack / "card").write_text(code)


def return_card(pack: Path) -> None:
    (pack / "card").unlink()
