"""llama.cpp's CPU variants: the best that works is used, and one that does not work says so in the plan."""

import sys
from pathlib import Path

import pytest

from demo.models import assistant
from runtimes.adapters.llamabackends import CpuVariant, cpu_variants
from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.engine import Candidate, ModelFile
from runtimes.errors import EngineError
from runtimes.golden import GoldenSet, load_golden_folder
from runtimes.hardware.profile import HardwareProfile
from runtimes.modelfile import identify
from runtimes.packs import installed_packs
from runtimes.selection.certification import certify
from runtimes.selection.choose import choose
from runtimes.selection.plan import Objective, Verdict
from runtimes.worker.spec import WorkerSpec
from tests.runtimes.packs.broken_llama import CRASH, DO_NOTHING, install_broken_llama

FOLDER = Path(assistant.__file__).parent
MODEL = FOLDER / "assistant.gguf"


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return identify(MODEL)


@pytest.fixture(scope="module")
def golden() -> GoldenSet:
    return load_golden_folder(FOLDER / "golden")


def variants_offered(model: ModelFile, hardware: HardwareProfile) -> list[tuple[int, str]]:
    offered = [c for c in LlamaCpp().candidates(model, hardware) if isinstance(c, Candidate)]
    return list(dict.fromkeys((c.reserve, str(c.options["variant"])) for c in offered))


def test_the_variants_that_fit_this_processor_are_offered_best_first_by_their_own_score(
    model: ModelFile, hardware: HardwareProfile
) -> None:
    variants = cpu_variants()
    assert len(variants) >= 2
    assert [v.score for v in variants] == sorted((v.score for v in variants), reverse=True)
    assert variants_offered(model, hardware) == list(enumerate(v.name for v in variants))


def test_there_is_no_variant_with_amx_code_which_dies_at_the_first_token() -> None:
    here = {path.name for path in cpu_variants()[0].library.parent.glob("libggml-cpu*")}
    assert "libggml-cpu-sapphirerapids.so" not in here
    assert len(here) > 5


@pytest.mark.parametrize("variant", cpu_variants(), ids=lambda variant: variant.name)
async def test_every_variant_that_fits_gives_the_golden_answers(
    variant: CpuVariant, model: ModelFile, golden: GoldenSet
) -> None:
    candidate = Candidate("llamacpp", "CPU", "stored", 1, {"context": 512, "variant": variant.name})
    certificate = await certify(WorkerSpec(model, candidate, Path(sys.executable)), golden)
    assert certificate.reason == ""
    assert certificate.in_force.details["CPU backend"] == variant.name


async def test_where_no_variant_is_named_the_best_is_used(model: ModelFile, golden: GoldenSet) -> None:
    candidate = Candidate("llamacpp", "CPU", "stored", 1, {"context": 512})
    certificate = await certify(WorkerSpec(model, candidate, Path(sys.executable)), golden)
    assert certificate.in_force.details["CPU backend"] == cpu_variants()[0].name


@pytest.mark.parametrize("name", ["zen99", "sse42-and-more"])
async def test_a_variant_that_is_not_here_is_refused(name: str, model: ModelFile, golden: GoldenSet) -> None:
    candidate = Candidate("llamacpp", "CPU", "stored", 1, {"variant": name})
    with pytest.raises(EngineError, match=name) as refused:
        await certify(WorkerSpec(model, candidate, Path(sys.executable)), golden)
    assert refused.value.code == "cpu-variant.absent"


async def test_a_variant_that_crashes_and_one_that_computes_wrongly_are_left_for_the_next(
    tmp_path: Path, model: ModelFile, golden: GoldenSet, hardware: HardwareProfile
) -> None:
    whole = cpu_variants()[0].name
    broken = {"crashing": (whole, CRASH), "wrong": (whole, DO_NOTHING)}
    install_broken_llama(tmp_path / "llamacpp-other", broken)
    (pack,) = (pack for pack in installed_packs([tmp_path]) if pack.folder is not None)

    plan = await choose(model, golden, objective=Objective.LATENCY, hardware=hardware, packs=[pack])

    told = {(r.candidate.options["variant"], r.verdict, r.code) for r in plan.results if r.candidate}
    assert told >= {
        ("crashing", Verdict.FAILED, "worker.died"),
        ("wrong", Verdict.WRONG, "parity.outside-tolerance"),
        (whole, Verdict.CHOSEN, "plan.fastest"),
    }
    assert {variant for variant, _, _ in told} == {"crashing", "wrong", whole}
    crashed = next(r for r in plan.results if r.verdict is Verdict.FAILED)
    assert "SIGILL" in crashed.reason
    assert crashed.label.endswith(" crashing")
