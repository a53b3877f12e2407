"""Choosing for the real models: what each engine makes of them, and what the plan says of it."""

import json
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtimes.engine import Candidate, ModelFile
from runtimes.golden import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.hardware.profile import HardwareProfile
from runtimes.modelfile import identify
from runtimes.packs import RuntimePack
from runtimes.selection.choose import choose
from runtimes.selection.plan import CandidateResult, Objective, Plan, Verdict
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

pytestmark = pytest.mark.shared_models

Packs = dict[str, RuntimePack]


def expected(folder: Path) -> Any:
    return json.loads((folder / "expected.json").read_text())


async def plan_for(
    model: ModelFile,
    golden: GoldenSet,
    hardware: HardwareProfile,
    packs: Packs,
    budget_seconds: float = 4.0,
) -> Plan:
    return await choose(
        model,
        golden,
        objective=Objective.LATENCY,
        hardware=hardware,
        packs=list(packs.values()),
        budget_seconds=budget_seconds,
    )


def of_engine(plan: Plan, engine: str) -> list[CandidateResult]:
    return [result for result in plan.results if result.engine == engine]


async def test_silero_runs_on_onnxruntime_only_and_the_plan_says_why(
    shared_models: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    model, golden = speech_activity(shared_models / "speech-activity")
    plan = await plan_for(model, golden, hardware, packs, budget_seconds=20)
    assert plan.chosen is not None
    assert plan.chosen.engine == "onnxruntime"
    refused = of_engine(plan, "openvino")
    assert len(refused) >= 2
    for result in refused:
        assert result.verdict in (Verdict.FAILED, Verdict.INFEASIBLE)
        assert result.code == "model.unsupported"
        assert "OpenVINO cannot load silero_vad.onnx" in result.reason
    assert [r.code for r in of_engine(plan, "llamacpp")] == ["format.unsupported"]


def speech_activity(folder: Path) -> tuple[ModelFile, GoldenSet]:
    """The first window of the recording, with the probability that was published for it."""
    with wave.open(str(folder / "jfk.wav")) as recording:
        sound = np.frombuffer(recording.readframes(512), "<i2").astype(np.float32) / 32768
    window = np.concatenate([np.zeros(64, np.float32), sound])[None]
    inputs = {"input": window, "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16000)}
    first = expected(folder)["first_40_frame_probabilities"][0]
    sample = TensorSample("first-window", inputs, {"output": np.array([[first]], np.float32)})
    return identify(folder / "silero_vad.onnx"), GoldenSet((sample,), Tolerance(0.001, 0.0))


async def test_the_weed_detector_in_bf16_is_held_to_the_tolerance(
    shared_models: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    model, golden = await weed_detector(shared_models / "weed-detector", packs["onnxruntime"])
    plan = await plan_for(model, golden, hardware, packs)
    assert plan.chosen is not None
    ran = [r for r in plan.results if r.parity is not None and r.candidate is not None]
    assert {r.candidate.precision for r in ran if r.candidate} >= {"f32"}
    for result in ran:
        assert result.parity is not None
        assert result.parity.worst_error is not None
        assert result.parity.within is (result.verdict is not Verdict.WRONG)
        if result.candidate is not None and result.candidate.precision == "f32":
            assert result.parity.within
            assert result.parity.worst_error < 1e-3
        if result.verdict is Verdict.WRONG:
            assert "weeds_1.jpg/output moved by" in result.reason


async def weed_detector(folder: Path, pack: RuntimePack) -> tuple[ModelFile, GoldenSet]:
    """A photograph, letterboxed as expected.json tells, with what onnxruntime makes of it in f32."""
    model = identify(folder / "weed_yolox_nano.onnx")
    photo = Image.open(folder / "weeds_1.jpg").convert("RGB")
    scale = min(416 / photo.height, 416 / photo.width)
    small = photo.resize((int(photo.width * scale), int(photo.height * scale)), Image.Resampling.BILINEAR)
    canvas = np.full((416, 416, 3), 114, np.uint8)
    canvas[: small.height, : small.width] = np.asarray(small)[:, :, ::-1]
    inputs = {"images": canvas.transpose(2, 0, 1)[None].astype(np.float32)}
    worker = await Worker.start(
        WorkerSpec(model, Candidate("onnxruntime", "CPU", "f32", 1), pack.interpreter)
    )
    outputs = await worker.infer(inputs)
    await worker.stop()
    published = expected(folder)["results"]["weeds_1.jpg"]
    assert outputs["output"].mean() == pytest.approx(published["raw_output_mean"], abs=0.01)
    return model, GoldenSet((TensorSample("weeds_1.jpg", inputs, outputs),), Tolerance(0.01, 0.01))


@pytest.mark.parametrize("file", ["stories260K.gguf", "stories260K-q8_0.gguf"])
async def test_the_story_writer_tells_its_published_story(
    file: str, shared_models: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    told = expected(shared_models / "gguf")["results"][file]
    golden = GoldenSet(
        tuple(
            TextSample(f"story {n}", t["prompt"], (), 0, t["max_tokens"], t["text"], None)
            for n, t in enumerate(told)
        )
    )
    plan = await plan_for(identify(shared_models / "gguf" / file), golden, hardware, packs)
    assert plan.chosen is not None
    assert plan.chosen.engine == "llamacpp"
    for result in of_engine(plan, "llamacpp"):
        if result.verdict is Verdict.SKIPPED:
            continue  # on a machine that is busy with other things
        assert result.parity is not None
        assert result.parity.within, result.reason
        assert result.measurement is not None
        assert (result.measurement.first_token_seconds or 0) > 0
        assert (result.measurement.prompt_tokens_per_second or 0) > 0


async def test_a_story_that_the_model_does_not_tell_is_refused_with_both_endings(
    shared_models: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    other = TextSample("once", "Once upon a time", (), 0, 30, ", there was a little boy named Tim.", None)
    elsewhere = TextSample("doctor", "Once upon a time", (), 0, 30, None, r"\bcastle\b")
    model = identify(shared_models / "gguf" / "stories260K.gguf")
    hardware = replace(hardware, cpu=replace(hardware.cpu, usable=1.0, logical=1, physical=1))
    plan = await plan_for(model, GoldenSet((other,)), hardware, packs)
    assert plan.chosen is None
    assert "'girl named Lily." in plan.results[0].reason
    plan = await plan_for(model, GoldenSet((elsewhere,)), hardware, packs)
    assert plan.chosen is None
    assert "castle" in plan.results[0].reason
