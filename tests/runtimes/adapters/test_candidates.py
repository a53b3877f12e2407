"""What each engine says it could do on a machine, before anything is loaded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openvino
import pytest

from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.adapters.onnxprecision import precisions, provider_options
from runtimes.adapters.onnxruntime import OnnxRuntime
from runtimes.adapters.openvino import OpenVino
from runtimes.adapters.threads import shares, thread_choices
from runtimes.engine import Candidate, Engine, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import Accelerator, Cpu, HardwareProfile
from tests.runtimes import gguf_files, onnx_files

Describe = Callable[[Path], ModelFile]
GEFORCE = Accelerator("0000:01:00.0", "nvidia", "gpu", "GeForce RTX 4070")
RADEON = Accelerator("0000:02:00.0", "amd", "gpu", "Radeon RX 7900")
ARC = Accelerator("0000:03:00.0", "intel", "gpu", "Arc A770")
NPU = Accelerator("0000:00:0b.0", "intel", "npu", "Intel AI Boost")


@pytest.fixture
def onnx_model(tmp_path: Path, describe_file: Describe) -> ModelFile:
    return describe_file(onnx_files.linear(tmp_path / "m.onnx"))


@pytest.fixture
def gguf_model(tmp_path: Path, describe_file: Describe) -> ModelFile:
    return describe_file(gguf_files.tiny_llama(tmp_path / "m.gguf"))


@pytest.fixture
def models(onnx_model: ModelFile, gguf_model: ModelFile) -> dict[str, ModelFile]:
    return {"onnxruntime": onnx_model, "openvino": onnx_model, "llamacpp": gguf_model}


def with_cards(hardware: HardwareProfile, *cards: Accelerator) -> HardwareProfile:
    return replace(hardware, accelerators=cards)


@pytest.mark.parametrize("engine", [OnnxRuntime(), OpenVino()])
def test_onnx_engines_offer_every_thread_count_and_refuse_gguf(
    engine: Engine, onnx_model: ModelFile, gguf_model: ModelFile, hardware: HardwareProfile
) -> None:
    offered = engine.candidates(onnx_model, hardware)
    assert {c.threads for c in offered if isinstance(c, Candidate) and c.precision == "f32"} == {1, 2}
    assert {c.device for c in offered} == {"CPU"}

    (refusal,) = engine.candidates(gguf_model, hardware)
    assert isinstance(refusal, Rejection)
    assert refusal.code == "format.unsupported"
    assert "GGUF" in refusal.reason


def test_llamacpp_offers_every_thread_count_and_refuses_onnx(
    onnx_model: ModelFile, gguf_model: ModelFile, hardware: HardwareProfile
) -> None:
    offered = LlamaCpp().candidates(gguf_model, hardware)
    first = [c for c in offered if isinstance(c, Candidate) and c.reserve == 0]
    assert [(c.device, c.precision, c.threads) for c in first] == [("CPU", "stored", 2), ("CPU", "stored", 1)]
    (refusal,) = LlamaCpp().candidates(onnx_model, hardware)
    assert isinstance(refusal, Rejection)
    assert refusal.code == "format.unsupported"


def test_openvino_offers_bf16_only_where_the_processor_has_it(
    onnx_model: ModelFile, hardware: HardwareProfile
) -> None:
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    precisions = {
        c.precision for c in OpenVino().candidates(onnx_model, hardware) if isinstance(c, Candidate)
    }

    assert precisions == {"f32"} | ({"bf16"} if "BF16" in able else set())


@pytest.mark.parametrize(
    ("engine", "card", "pack"),
    [
        (OnnxRuntime(), GEFORCE, "onnxruntime-cuda"),
        (OnnxRuntime(), RADEON, "onnxruntime-migraphx"),
        (LlamaCpp(), GEFORCE, "llamacpp-cuda"),
        (LlamaCpp(), RADEON, "llamacpp-rocm"),
        (LlamaCpp(), ARC, "llamacpp-vulkan"),
    ],
)
def test_a_card_that_this_build_cannot_use_names_the_pack_that_can(
    engine: Engine, card: Accelerator, pack: str, models: dict[str, ModelFile], hardware: HardwareProfile
) -> None:
    offered = engine.candidates(models[engine.name], with_cards(hardware, card))

    (refusal,) = [o for o in offered if isinstance(o, Rejection)]
    assert refusal.code == "pack.missing"
    assert pack in refusal.reason
    assert card.name in refusal.reason
    assert any(isinstance(o, Candidate) and o.device == "CPU" for o in offered)


@pytest.mark.parametrize("card", [ARC, NPU])
def test_openvino_says_which_intel_device_it_does_not_see(
    card: Accelerator, onnx_model: ModelFile, hardware: HardwareProfile
) -> None:
    if card.kind.upper() in openvino.Core().available_devices:
        pytest.skip("this machine really has one")

    offered = OpenVino().candidates(onnx_model, with_cards(hardware, card, GEFORCE))

    (refusal,) = [o for o in offered if isinstance(o, Rejection)]
    assert (refusal.code, refusal.device) == ("device.absent", card.kind.upper())
    assert card.name in refusal.reason


def test_onnxruntime_tells_the_precision_that_the_weights_are_stored_in(
    tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    half = describe_file(onnx_files.half_linear(tmp_path / "h.onnx"))
    assert {c.precision for c in OnnxRuntime().candidates(half, hardware) if isinstance(c, Candidate)} == {
        "f16"
    }


@pytest.mark.parametrize("engine", [OnnxRuntime(), OpenVino()])
def test_a_file_that_is_no_model_has_no_candidates(
    engine: Engine, tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"")
    with pytest.raises(EngineError) as refused:
        engine.candidates(describe_file(path), hardware)
    assert refused.value.code == "model.invalid"


@pytest.mark.parametrize(
    ("usable", "physical", "performance", "expected"),
    [
        (2.0, 2, None, (2, 1)),
        (1.0, 1, None, (1,)),
        (0.5, 8, None, (1,)),
        (None, None, None, (8, 4, 1)),
        (3.7, 8, None, (3, 1)),
        (16.0, 8, None, (8, 16, 1)),
        (20.0, 14, 6, (6, 14, 20, 10, 1)),
    ],
)
def test_threads_follow_what_this_process_may_use(
    usable: float | None, physical: int | None, performance: int | None, expected: tuple[int, ...]
) -> None:
    cpu = Cpu("x86_64", None, (), 8, physical, performance, None, None, usable)
    assert thread_choices(cpu) == expected


def test_onnxruntime_offers_bf16_products_on_an_arm_processor_that_has_them(
    onnx_model: ModelFile, hardware: HardwareProfile
) -> None:
    graviton = replace(hardware, cpu=replace(hardware.cpu, architecture="aarch64", features=("bf16", "sve")))
    offered = [c for c in OnnxRuntime().candidates(onnx_model, graviton) if isinstance(c, Candidate)]
    assert [c.precision for c in offered if (c.threads, c.streams) == (2, 1)] == ["bf16", "f32"]
    older = replace(graviton, cpu=replace(graviton.cpu, features=("asimd",)))
    assert {c.precision for c in OnnxRuntime().candidates(onnx_model, older) if isinstance(c, Candidate)} == {
        "f32"
    }


@pytest.mark.parametrize(
    ("device", "precision", "options"),
    [
        ("cuda:0", "f32", {"use_tf32": "0"}),
        ("cuda:0", "tf32", {"use_tf32": "1"}),
        ("migraphx:1", "f16", {"migraphx_fp16_enable": "1"}),
        ("migraphx:1", "f32", {"migraphx_fp16_enable": "0"}),
        ("CPU", "f32", {}),
    ],
)
def test_an_accelerators_precision_is_always_set_and_never_left_to_the_engine(
    device: str, precision: str, options: dict[str, str]
) -> None:
    assert provider_options(device, precision, "f32") == options
    assert precision in precisions(device, Cpu("x86_64", "test", (), 1, 1, None, None, 1, 1.0), "f32")


def test_threads_are_offered_to_one_request_alone_first_and_then_shared_among_several() -> None:
    cpu = Cpu("x86_64", "test", (), 8, 8, None, None, 1, 8.0)
    assert list(shares(cpu)) == [(8, 1), (4, 1), (1, 1), (8, 8), (8, 4), (8, 2)]
    assert list(shares(replace(cpu, logical=2, physical=2, usable=2.0))) == [(2, 1), (1, 1), (2, 2)]
    assert list(shares(replace(cpu, logical=1, physical=1, usable=0.5))) == [(1, 1)]


@pytest.mark.parametrize("engine", [OnnxRuntime(), OpenVino()])
def test_onnx_engines_offer_streams_with_the_threads_of_all_of_them(
    engine: Engine, onnx_model: ModelFile, hardware: HardwareProfile
) -> None:
    offered = [c for c in engine.candidates(onnx_model, hardware) if isinstance(c, Candidate)]
    assert {(c.threads, c.streams) for c in offered} == {(1, 1), (2, 1), (2, 2)}
    assert [c.label for c in offered if c.streams == 2][-1].endswith("f32 x2 2 streams")
