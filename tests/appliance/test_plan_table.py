"""How a plan and a what-if read on a terminal."""

import io
from dataclasses import replace

from rich.console import Console

from appliance.cli.tables import readable
from appliance.results import PlanReport, Production, WhatIfReport
from runtimes.engine import Candidate
from runtimes.selection.plan import CandidateResult, Measurement, Objective, Plan, Throughput, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.whatif import what_if


def measured(engine: str, device: str, p50: float, *per_second: float) -> CandidateResult:
    candidate = Candidate(engine, device, "f32", 2)
    at = tuple(map(Throughput, (1, 4, 16), per_second))
    return CandidateResult(
        *(engine, device, candidate.label, candidate, Verdict.SLOWER, "plan.slower", ""),
        measurement=Measurement(0.2, 100, p50, p50 * 2, max(per_second), 1 << 20, throughput_at=at),
    )


def skipped(engine: str, device: str) -> CandidateResult:
    candidate = Candidate(engine, device, "f32", 2)
    reason = "not measured: the time budget of 3 s was used up"
    return CandidateResult(
        engine, device, candidate.label, candidate, Verdict.SKIPPED, "plan.budget-used-up", reason
    )


RESULTS = (
    measured("onnxruntime", "cuda:0", 0.002, 500, 620, 640),
    measured("onnxruntime", "CPU", 0.009, 110),
    skipped("openvino", "CPU"),
)
ENGINES = {"onnxruntime": "1", "openvino": "2"}
PLAN = Plan("ab", Objective.LATENCY, "h", ENGINES, rank(RESULTS, Objective.LATENCY), 3.0)
REPORT = PlanReport("parts", "1.0", PLAN, reused=True, serving=True, limits_kept=True)


def read(report: PlanReport) -> str:
    printed = io.StringIO()
    console = Console(width=80, file=printed)
    for part in readable(report):
        console.print(part)
    return " ".join(printed.getvalue().split())


def asked(*without: str) -> PlanReport:
    return replace(REPORT, what_if=WhatIfReport(what_if(PLAN, without), limits_kept=None))


def test_throughput_is_shown_for_each_concurrency_that_was_measured() -> None:
    told = read(REPORT)
    assert "500/620/640" in told
    assert "with 1/4/16 requests at once; answered one after the other but for the streams" in told


def test_production_stands_beside_the_plan_with_what_it_includes() -> None:
    told = read(replace(REPORT, production=Production(120, 0.0051, 0.012)))
    assert "p50 5.1 ms, p99 12.0 ms over 120 requests in the last minute" in told
    assert "with the gateway and waiting in line; planned p50 2.0 ms, without." in told


def test_a_plan_that_no_longer_holds_says_so_also_in_a_what_if() -> None:
    reason = "The engine openvino is gone."
    assert "a stored plan that no longer holds" in read(replace(REPORT, stale=reason))
    assert reason in read(replace(asked("nvidia"), stale=reason))


def test_a_what_if_tells_the_next_choice_its_price_and_what_it_does_not_know() -> None:
    told = read(asked("nvidia"))
    assert "It would run on onnxruntime CPU f32 x2, 4.5x the time of onnxruntime cuda:0 f32 x2." in told
    assert "Gone: onnxruntime cuda:0 f32 x2" in told
    assert "Not answered: whether openvino CPU f32 x2 would do better was never measured." in told
    assert "Nothing would change: it goes on running on onnxruntime cuda:0 f32 x2." in read(asked("amd"))


def test_a_what_if_without_a_measured_rest_does_not_claim_what_it_does_not_know() -> None:
    assert "whether what was skipped would run is not known" in read(asked("onnxruntime"))
    assert "it would not run" in read(asked("onnxruntime", "openvino"))
