"""A stored plan holds until something under it changes, and then says what."""

from dataclasses import replace

import pytest

from runtimes.hardware.profile import Accelerator, Cpu, HardwareProfile, Memory
from runtimes.selection.plan import Objective, Plan
from runtimes.selection.staleness import is_stale

HARDWARE = HardwareProfile(
    machine="box",
    system="Linux",
    cpu=Cpu("x86_64", "EPYC", ("avx2",), 2, 2, None, None, 1, 2.0),
    memory=Memory(8 << 30, 8 << 30, 4 << 30),
    accelerators=(
        Accelerator("0000:01:00.0", "nvidia", "gpu", "RTX", driver="nvidia", driver_version="570.1"),
    ),
)
PLAN = Plan("ab", Objective.LATENCY, HARDWARE.fingerprint, {"openvino": "1", "onnxruntime": "2"}, (), 1.0)


def test_a_plan_holds_while_nothing_changed() -> None:
    busier = replace(HARDWARE, memory=Memory(8 << 30, 8 << 30, 1 << 20))
    assert is_stale(PLAN, "ab", busier, dict(PLAN.engines)) is None


@pytest.mark.parametrize(
    ("engines", "said"),
    [
        ({"openvino": "1", "onnxruntime": "3"}, "onnxruntime is now 3; the plan was measured with 2"),
        ({"openvino": "1"}, "onnxruntime is gone"),
        ({"openvino": "1", "onnxruntime": "2", "toy": "9"}, "toy 9 is new"),
    ],
)
def test_another_set_of_engines_makes_it_stale(engines: dict[str, str], said: str) -> None:
    assert said in (is_stale(PLAN, "ab", HARDWARE, engines) or "")


def test_another_model_makes_it_stale() -> None:
    assert "model" in (is_stale(PLAN, "cd", HARDWARE, PLAN.engines) or "")


def test_another_driver_makes_it_stale() -> None:
    newer = replace(HARDWARE.accelerators[0], driver_version="580.2")
    changed = replace(HARDWARE, accelerators=(newer,))
    assert "driver" in (is_stale(PLAN, "ab", changed, PLAN.engines) or "")
