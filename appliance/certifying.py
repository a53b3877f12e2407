"""Certifying an imported model: one way to run it that gives its golden samples on this machine."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from appliance.box import Box
from appliance.errors import ApplianceError
from appliance.packages import golden_set, model_file
from appliance.registry import Artifact
from runtimes.errors import EngineError
from runtimes.hardware.detect import detect
from runtimes.modelfile import identify
from runtimes.packs import installed_packs
from runtimes.packs.compiled import compiled_key
from runtimes.selection.candidates import survey
from runtimes.selection.certification import certify as certify_candidate
from runtimes.selection.trial import LOAD_SECONDS
from runtimes.worker.spec import WorkerSpec


async def check_content(box: Box, artifact: Artifact) -> None:
    """The weights must be what their package says. Raises EngineError or ApplianceError `model.not-what-it-says`."""
    claimed = model_file(box.blobs, artifact)
    found = await asyncio.to_thread(identify, claimed.path)
    if found.format is not claimed.format:
        raise ApplianceError(
            "model.not-what-it-says",
            f"The weights of {artifact.name} {artifact.version} are {found.format}, not {claimed.format}.",
            kept="The box is as it was.",
            remedy="Pack the model again at the depot.",
        )


async def certify(box: Box, artifact: Artifact, packs: Sequence[Path] = ()) -> str:
    """Find a candidate that gives every golden sample; what it was, in words, as evidence.

    `packs` are the folders where runtime packs lie; the box's own where none are named.

    Raises ApplianceError `certify.failed` with what each candidate did, EngineError `golden.invalid`.
    """
    model = model_file(box.blobs, artifact)
    golden = golden_set(box.blobs, artifact)
    hardware = await asyncio.to_thread(detect)
    found = await survey(installed_packs(packs or box.state.packs), model, hardware)
    failures = [f"{rejection.engine}: {rejection.reason}" for rejection in found.rejections]
    for offer in found.offers:
        try:
            key = compiled_key(model.digest, offer.pack, offer.candidate.device, hardware)
            cache = key.folder(box.state.compiled)
            spec = WorkerSpec(model, offer.candidate, offer.pack.interpreter, cache, LOAD_SECONDS)
            certificate = await certify_candidate(spec, golden)
        except EngineError as error:
            failures.append(f"{offer.candidate.label}: {error.what}")
            continue
        if certificate.parity.within:
            count = len(golden.samples)
            return f"{offer.candidate.label} gives {'all ' if count > 1 else ''}{count} golden sample{'s' * (count > 1)}"
        failures.append(f"{offer.candidate.label}: {certificate.reason}")
    raise ApplianceError(
        "certify.failed",
        f"No engine here gives the golden samples of {artifact.name} {artifact.version}: {'; '.join(failures)}.",
        kept="The box is as it was.",
        remedy="Check the samples at the depot, or the engines here with `appliance doctor`.",
    )
