"""An engine whose models behave well on their golden samples and may not in service: a runtime pack, made as the toy's.

A model is one Identity node; the text `mood=error`, `mood=crash` or `mood=slow` in its file says what becomes of a
request whose first value is 666.
"""

from pathlib import Path

from tests.runtimes.packs.toy_engine import describe, install_toy

TRIGGER = 666.0

SOURCE = """
import os
import re
import time

from runtimes.engine import Candidate, EngineDescription, InForce, ModelFormat, Rejection, TensorSpec
from runtimes.errors import EngineError


class Moody:
    name = "moody"

    def describe(self):
        return EngineDescription("moody", "7.1", (ModelFormat.ONNX,), ("CPU",))

    def candidates(self, model, hardware):
        if b"example.invalid" not in model.path.read_bytes():
            return [Rejection("moody", "CPU", "operator.unsupported", "it knows its own operator only")]
        return [Candidate("moody", "CPU", "f32", 1)]

    def load(self, model, candidate, cache):
        found = re.search(rb"mood=([a-z]+)", model.path.read_bytes())
        return Identity(candidate, found.group(1).decode() if found else "")


class Identity:
    inputs = (TensorSpec("x", "FP32", (-1, 4)),)
    outputs = (TensorSpec("y", "FP32", (-1, 4)),)

    def __init__(self, candidate, mood):
        self.mood = mood
        self.in_force = InForce("CPU", candidate.precision, candidate.threads, {})

    def infer(self, inputs, outputs=()):
        if inputs["x"][0, 0] == 666.0:
            if self.mood == "error":
                raise EngineError("request.failed", "It is in no mood for this.")
            if self.mood == "crash":
                os.abort()
            if self.mood == "slow":
                time.sleep(0.1)
        return {"y": inputs["x"].copy()}

    def close(self):
        pass
"""


def install_moody(folder: Path) -> Path:
    """Make `folder` a runtime pack with the engine `moody`."""
    install_toy(folder, engine="moody", adapter="toy_engine:Moody", source=SOURCE)
    describe(folder, engine="moody")
    return folder
