"""An imported model's files, as the runtimes want them."""

from pathlib import Path

from appliance.errors import ApplianceError
from appliance.registry import Artifact, ArtifactFile, Deployment
from appliance.state import StateFolder
from runtimes.engine import Candidate, ModelFile, ModelFormat
from runtimes.golden import GoldenSet, load_golden
from runtimes.hardware import limits
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import HardwareProfile
from runtimes.hardware.sysroot import Sysroot
from runtimes.packs import pack_of
from runtimes.packs.compiled import compiled_key
from runtimes.worker.spec import WorkerSpec
from updates.blobs import BlobStore
from updates.digest import Digest
from updates.layout import WEIGHT_TYPES

GOLDEN_FOLDER = "golden/"


def model_file(blobs: BlobStore, artifact: Artifact) -> ModelFile:
    """The weights of a model. Raises ApplianceError `model.no-weights` where it has none or several."""
    weights = [file for file in artifact.files if file.media_type in WEIGHT_TYPES]
    if len(weights) != 1:
        raise ApplianceError(
            "model.no-weights",
            f"{artifact.name} {artifact.version} has {len(weights)} weight files; one is expected.",
            kept="Nothing was changed.",
            remedy="Pack the model again at the depot, as one ONNX or GGUF file.",
        )
    (only,) = weights
    return ModelFile(_path(blobs, only), ModelFormat(artifact.format), only.digest, only.size)


def golden_set(blobs: BlobStore, artifact: Artifact) -> GoldenSet:
    """The golden samples of a model. Raises EngineError `golden.invalid`."""
    files = {
        file.path.removeprefix(GOLDEN_FOLDER): _path(blobs, file)
        for file in artifact.files
        if file.path.startswith(GOLDEN_FOLDER)
    }
    return load_golden(files)


def planned(deployment: Deployment) -> Candidate:
    """What its plan has chosen. Raises ApplianceError `plan.no-candidate`."""
    chosen = deployment.plan.chosen
    if chosen is None or chosen.candidate is None:
        raise ApplianceError("plan.no-candidate", f"The plan of {deployment.name} has chosen nothing.")
    return chosen.candidate


def worker_spec(
    state: StateFolder,
    blobs: BlobStore,
    deployment: Deployment,
    candidate: Candidate,
    hardware: HardwareProfile | None,
) -> WorkerSpec:
    """How a worker is started that runs a deployment's model by a candidate. Raises EngineError `pack.missing`.

    A pack runs in the version that the deployment's plan was measured with, where that is still here.

    Args:
        hardware: whose drivers compiled models are for; may be None where the candidate runs on the processor.
    """
    model = model_file(blobs, deployment.artifact)
    pack = pack_of(candidate, state.packs, deployment.plan.engines.get(candidate.pack, ""))
    return WorkerSpec(
        model=model,
        candidate=candidate,
        interpreter=pack.interpreter,
        cache=compiled_key(model.digest, pack, candidate.device, hardware).folder(state.compiled),
        memory_limit=usable_memory(),
    )


def usable_memory() -> int | None:
    """All that this machine, or the control group around the daemon, has: as the plan's trials were bounded.

    Beyond it the kernel would end a process of its own choice; with it, the worker that asks for too much is told.
    """
    return limits.memory(Sysroot.at("/"), Notes()).usable


def _path(blobs: BlobStore, file: ArtifactFile) -> Path:
    return blobs.path(Digest(file.digest))
