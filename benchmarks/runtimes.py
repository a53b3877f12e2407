"""The selected plan against each engine's own default, on every model, side by side in one run.

    python -m benchmarks.runtimes [--models DIR] [--seconds 0.5] [--rounds 5] [NAME ...]

The selected engine with its settings, and each engine by its default, run in processes of their own (`alone`) and
take turns, so that a busy machine is busy for all. `served` is the selected one in its worker, as the plan measured
it. Times are those of one answer, for text of one token. An answer outside the model's tolerance is marked, and its
time counts for nothing.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.contender import Contender
from benchmarks.real_inputs import tensor_inputs, text_samples
from runtimes.engine import ModelFile, ModelFormat
from runtimes.golden import GoldenSet, TensorSample, Tolerance, load_golden_folder, write_golden
from runtimes.hardware.detect import detect
from runtimes.modelfile import identify
from runtimes.packs import installed_packs
from runtimes.selection.choose import choose
from runtimes.selection.plan import Measurement, Objective, Plan

TOLERANCE = Tolerance(0.01, 0.01)
OWN_MODELS = Path(__file__).parents[1] / "demo" / "models"
ENGINES = {ModelFormat.ONNX: ("onnxruntime", "openvino"), ModelFormat.GGUF: ("llamacpp",)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="models to measure, by file name without its suffix")
    parser.add_argument("--models", type=Path, default=_shared_models(), help="folder of the real models")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each contender in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each plan")
    options = parser.parse_args()
    table = Table("model", "selected", "alone", "served", "engine default", "alone", "default / selected")
    with tempfile.TemporaryDirectory() as scratch:
        for path, folder in _golden_sets(options.models, Path(scratch)):
            if not options.names or path.stem in options.names:
                _compare(table, identify(path), load_golden_folder(folder), Path(scratch), options)
    Console(width=170).print(table)


def _shared_models() -> Path:
    beside = Path(__file__).parents[2] / "shared" / "models"
    return Path(os.environ.get("APPLIANCE_SHARED_MODELS", beside))


def _golden_sets(models: Path, scratch: Path) -> Iterator[tuple[Path, Path]]:
    """Each model with the folder of its golden set, the project's own first."""
    for document in sorted(OWN_MODELS.glob("**/golden.json")):
        beside = document.parents[1]
        yield from ((path, document.parent) for path in (*beside.glob("*.onnx"), *beside.glob("*.gguf")))
    if not models.is_dir():
        print(f"the real models are not here: {models}", file=sys.stderr)
        return
    for path, inputs in tensor_inputs(models):
        folder = scratch / path.name
        bare = tuple(TensorSample(name, tensors, {"none": np.zeros(1)}) for name, tensors in inputs.items())
        write_golden(folder, GoldenSet(bare))
        write_golden(folder, GoldenSet(_reference(identify(path), bare, folder), TOLERANCE))
        yield path, folder
    for path, samples in text_samples(models):
        write_golden(scratch / path.name, GoldenSet(samples))
        yield path, scratch / path.name


def _reference(model: ModelFile, bare: tuple[TensorSample, ...], folder: Path) -> tuple[TensorSample, ...]:
    """The samples with what onnxruntime's default makes of their inputs."""
    reference = Contender("reference", model, folder, "onnxruntime")
    reference.close()
    return tuple(
        TensorSample(sample.name, sample.inputs, reference.answers(number))
        for number, sample in enumerate(bare)
    )


def _compare(
    table: Table, model: ModelFile, golden: GoldenSet, scratch: Path, options: argparse.Namespace
) -> None:
    plan = asyncio.run(_plan(model, golden, options.budget))
    chosen = plan.chosen
    if chosen is None or chosen.candidate is None or chosen.measurement is None:
        table.add_row(model.path.name, "nothing: " + "; ".join(result.reason for result in plan.results))
        return
    folder = scratch / f"{model.digest}-golden"
    write_golden(folder, golden)
    selected = Contender("selected", model, folder, chosen.engine, chosen.candidate)
    defaults = [Contender(engine, model, folder, engine) for engine in ENGINES[model.format]]
    for contender in (selected, *defaults):
        contender.judge(golden)
    for _ in range(options.rounds):
        for contender in (selected, *defaults):
            contender.take_turn(options.seconds)
    for contender in (selected, *defaults):
        contender.close()
    first = (model.path.name, chosen.label, _shown(selected), _milliseconds(_served(chosen.measurement)))
    for default in defaults:
        table.add_row(*first, default.name, _shown(default), _ratio(default, selected))
        first = ("", "", "", "")


def _served(measured: Measurement) -> float:
    """Seconds of an answer, for text of a token."""
    return measured.p50_seconds if measured.first_token_seconds is None else 1 / measured.throughput


async def _plan(model: ModelFile, golden: GoldenSet, budget: float) -> Plan:
    return await choose(
        model,
        golden,
        objective=Objective.LATENCY,
        hardware=await asyncio.to_thread(detect),
        packs=installed_packs(),
        budget_seconds=budget,
        on_progress=lambda progress: print(f"{model.path.name}: {progress.text}", file=sys.stderr),
    )


def _shown(contender: Contender) -> str:
    wrong = contender.wrong and f"WRONG: {contender.wrong}"
    return ", ".join(part for part in (_milliseconds(contender.seconds), wrong) if part)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.3g} ms"


def _ratio(default: Contender, selected: Contender) -> str:
    if default.wrong or default.seconds is None or selected.seconds is None:
        return "-"
    return f"{default.seconds / selected.seconds:.2f}"


if __name__ == "__main__":
    main()
