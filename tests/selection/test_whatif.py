"""What a plan's evidence says of a day on which a vendor, an engine or a device is gone."""

from dataclasses import replace

import pytest

from runtimes.engine import Candidate
from runtimes.errors import EngineError
from runtimes.selection.devices import vendors_of
from runtimes.selection.plan import CandidateResult, Measurement, Objective, Plan, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.whatif import what_if


def measured(engine: str, device: str, precision: str, p50: float) -> CandidateResult:
    candidate = Candidate(engine, device, precision, 2)
    return CandidateResult(
        *(engine, device, candidate.label, candidate, Verdict.SLOWER, "plan.slower", ""),
        measurement=Measurement(0.2, 100, p50, p50 * 2, 1 / p50, 1 << 20),
    )


def unmeasured(engine: str, device: str, verdict: Verdict) -> CandidateResult:
    candidate = Candidate(engine, device, "f32", 1)
    return CandidateResult(engine, device, candidate.label, candidate, verdict, "some.code", "some reason")


def plan_of(*results: CandidateResult) -> Plan:
    engines = {result.engine: "1.0" for result in results}
    return Plan("ab", Objective.LATENCY, "h", engines, rank(results, Objective.LATENCY), 1.0)


ON_CUDA = measured("onnxruntime", "cuda:0", "f32", 0.002)
ON_NPU = measured("openvino", "NPU", "f16", 0.004)
IN_BF16 = measured("openvino", "CPU", "bf16", 0.006)
PLAIN = measured("onnxruntime", "CPU", "f32", 0.012)
PLAN = plan_of(PLAIN, IN_BF16, ON_NPU, ON_CUDA)


def label_without(*words: str) -> str:
    chosen = what_if(PLAN, words).chosen
    return chosen.label if chosen else ""


def test_without_the_winners_vendor_the_next_one_is_chosen_and_its_price_told() -> None:
    answer = what_if(PLAN, ["nvidia"])
    assert answer.excluded == ("onnxruntime cuda:0 f32 x2",)
    assert answer.chosen is not None
    assert answer.chosen.label == "openvino NPU f16 x2"
    assert answer.slower == pytest.approx(2.0)
    assert [r.reason for r in answer.results] == [
        "fastest of 3 with the right answers: 4 ms",
        "1.5x slower: 6 ms against 4 ms",
        "3.0x slower: 12 ms against 4 ms",
    ]


def test_without_intel_openvino_goes_and_the_processor_stays() -> None:
    answer = what_if(PLAN, ["intel"])
    assert set(answer.excluded) == {"openvino NPU f16 x2", "openvino CPU bf16 x2"}
    assert [r.label for r in answer.results] == ["onnxruntime cuda:0 f32 x2", "onnxruntime CPU f32 x2"]
    assert answer.slower == 1.0


def test_without_a_vendor_that_is_not_used_nothing_changes() -> None:
    answer = what_if(PLAN, ["amd"])
    assert answer.excluded == ()
    assert answer.results == PLAN.results
    assert answer.slower == 1.0


def test_engines_devices_and_precisions_can_go_too_and_several_at_once() -> None:
    assert label_without("onnxruntime") == "openvino NPU f16 x2"
    assert label_without("cuda", "npu") == "openvino CPU bf16 x2"
    assert label_without("cuda:0", "NPU", "bf16") == "onnxruntime CPU f32 x2"
    assert label_without("CPU") == "onnxruntime cuda:0 f32 x2"


def test_a_pack_goes_by_its_name_and_with_its_engine() -> None:
    candidate = Candidate("onnxruntime", "cuda:0", "f32", 2, pack="onnxruntime-cuda")
    packed = replace(ON_CUDA, label=candidate.label, candidate=candidate)
    plan = plan_of(packed, PLAIN)
    plan = replace(plan, engines={"onnxruntime": "1.0", "onnxruntime-cuda": "1.0"})
    assert what_if(plan, ["onnxruntime-cuda"]).chosen == what_if(plan, ["nvidia"]).chosen
    assert what_if(plan, ["onnxruntime-cuda"]).excluded == ("onnxruntime-cuda cuda:0 f32 x2",)
    assert what_if(plan, ["onnxruntime"]).chosen is None


def test_where_nothing_remains_nothing_is_chosen() -> None:
    answer = what_if(PLAN, ["onnxruntime", "openvino"])
    assert (answer.chosen, answer.slower, answer.results) == (None, None, ())


def test_what_was_never_measured_is_told_where_it_remains() -> None:
    skipped = unmeasured("openvino", "GPU.0", Verdict.SKIPPED)
    plan = plan_of(ON_CUDA, PLAIN, skipped, unmeasured("llamacpp", "CPU", Verdict.INFEASIBLE))
    assert what_if(plan, ["nvidia"]).unanswered == (skipped,)
    assert what_if(plan, ["nvidia", "intel"]).unanswered == ()


def test_a_wrong_candidate_is_not_chosen_when_the_right_ones_are_gone() -> None:
    wrong = replace(unmeasured("onnxruntime", "CPU", Verdict.WRONG), code="parity.outside-tolerance")
    answer = what_if(plan_of(ON_CUDA, wrong), ["nvidia"])
    assert answer.chosen is None
    assert answer.results == (wrong,)


@pytest.mark.parametrize(
    ("engine", "device", "vendors"),
    [
        ("onnxruntime", "cuda:1", {"nvidia"}),
        ("onnxruntime", "migraphx:0", {"amd"}),
        ("onnxruntime", "CPU", set()),
        ("openvino", "CPU", {"intel"}),
        ("openvino", "GPU.1", {"intel"}),
        ("llamacpp", "CUDA0", {"nvidia"}),
        ("llamacpp", "ROCm0", {"amd"}),
        ("llamacpp", "SYCL1", {"intel"}),
        ("llamacpp", "Vulkan0", {"nvidia", "amd", "intel"}),
        ("llamacpp", "CPU", set()),
        ("llamacpp", "NVIDIA GeForce RTX 4090", {"nvidia"}),
    ],
)
def test_whose_a_candidate_is(engine: str, device: str, vendors: set[str]) -> None:
    assert vendors_of(engine, device) == vendors


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EngineError) as raised:
        what_if(PLAN, ["nvidia", "matrox"])
    assert raised.value.code == "plan.what-if-unknown"
    assert "'matrox'" in raised.value.what
    assert "bf16, cpu, cuda, cuda:0" in raised.value.remedy
