"""How an update comes in: verified, copied, certified on this machine, activated in one transaction."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from appliance.audit.entry import Outcome
from appliance.box import Change, timestamp
from appliance.certifying import certify, check_content
from appliance.control.messages import Progress
from appliance.deploying import prepare, put_live
from appliance.errors import ApplianceError, explain
from appliance.operations.context import BoxContext, Staged
from appliance.registry import Artifact, ArtifactFile, Deployment, Import, ModelConfig
from appliance.results import Applied, ImportReport, Rejected
from updates import transfer
from updates.digest import Digest
from updates.inspect import Installed, Preview, Standing, inspect
from updates.media import find_update
from updates.models import ModelFacts, model_contents
from updates.names import Identity, Kind
from updates.transfer import Received, contents_of, receive

ACTION = "update.import"
RESUMABLE = frozenset({"medium.gone", "medium.next-needed"})
"""What arrived before these is kept, so that the same medium, or the next of its set, goes on where it stopped."""
REPLAN_SECONDS = 20.0
"""What measuring may take for a deployment that an update replaces."""


@dataclass(slots=True)
class Certified:
    """What came of each artifact before anything was changed."""

    applied: list[Applied] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)


def look_at(context: BoxContext, medium: str, *, allow_expired: bool) -> Preview:
    """Verify a medium's metadata. Raises UpdateError; changes nothing."""
    box = context.box
    installed = [
        Installed(Identity(Kind(a.kind), a.name, a.version), Digest(a.digest))
        for a in box.registry.artifacts()
    ]
    return inspect(find_update(Path(medium)), box.trust, box.now(), installed, allow_expired=allow_expired)


async def import_update(context: BoxContext, medium: str, *, allow_expired: bool) -> ImportReport:
    """Bring in what is new on a medium. Where it raises, the box is as it was, but for what was copied.

    Artifacts that this machine cannot certify are rejected one by one and reported; where all are, nothing changes.
    """
    start = time.monotonic()
    context.report("inspect", medium, medium_needed=True)
    preview = await asyncio.to_thread(look_at, context, medium, allow_expired=allow_expired)
    try:
        received, copied = await asyncio.to_thread(_receive, context, preview)
        certified = await _certify(context, received)
        report = _report(medium, preview, certified, copied, time.monotonic() - start)
        await _activate(context, preview, certified, report)
    except Exception as error:
        if explain(error).code not in RESUMABLE:
            _reclaim(context)
        raise
    _reclaim(context)
    return report


def _receive(context: BoxContext, preview: Preview) -> tuple[list[Received], int]:
    """What was received, and how many bytes had to be copied for it."""
    copied = 0

    def on_progress(progress: transfer.Progress) -> None:
        nonlocal copied
        copied = progress.done
        context.progress(
            Progress(
                progress.phase,
                progress.file,
                progress.done,
                progress.total,
                "bytes",
                medium_needed=progress.medium_needed,
            )
        )

    wanted = [offer.artifact for offer in preview.changes]
    here = [Digest(artifact.digest) for artifact in context.box.registry.artifacts()]
    return receive(preview.medium, wanted, context.box.blobs, on_progress, here=here), copied


async def _certify(context: BoxContext, received: Sequence[Received]) -> Certified:
    certified = Certified()
    for item in received:
        identity = item.artifact.identity
        context.report("certify", str(identity), medium_needed=False)
        try:
            await _certify_one(context, item, certified)
        except Exception as error:  # noqa: BLE001 - one artifact's fault must not hide the others
            told = explain(error)
            certified.rejected.append(
                Rejected(identity.kind, identity.name, identity.version, told.code, told.what)
            )
    if received and not certified.applied:
        raise _nothing_applied(certified.rejected)
    return certified


async def _certify_one(context: BoxContext, item: Received, certified: Certified) -> None:
    artifact = _artifact(item)
    await check_content(context.box, artifact)
    deployed = context.box.registry.deployment(artifact.name)
    if deployed is None:
        evidence = await certify(context.box, artifact)
    else:
        prepared = await prepare(
            context.box,
            artifact,
            budget_seconds=REPLAN_SECONDS,
            on_progress=lambda progress: context.report("measure", progress.text, medium_needed=False),
        )
        certified.deployments.append(prepared.deployment)
        chosen = prepared.deployment.plan.chosen
        evidence = chosen.reason if chosen else ""
    certified.artifacts.append(artifact)
    certified.applied.append(
        Applied(artifact.kind, artifact.name, artifact.version, evidence, serving=deployed is not None)
    )


def _artifact(item: Received) -> Artifact:
    identity = item.artifact.identity
    if identity.kind is not Kind.MODEL:
        raise ApplianceError(
            "artifact.unsupported-kind",
            f"This release of the appliance does not know what to do with a {identity.kind}.",
        )
    facts = model_contents(item.manifest, item.artifact.manifest_file).facts
    return Artifact(
        digest=item.artifact.digest.hex,
        kind=identity.kind,
        name=identity.name,
        version=identity.version,
        summary=item.artifact.summary,
        licence=facts.licence,
        format=facts.format,
        size=item.artifact.size,
        config=_config(facts),
        imported=timestamp(),
        files=tuple(
            ArtifactFile(blob.path or blob.digest.hex, blob.media_type, blob.digest.hex, blob.size)
            for blob in contents_of(item.manifest)
        ),
    )


def _config(facts: ModelFacts) -> ModelConfig:
    milliseconds, mebibytes = facts.latency_objective_ms, facts.memory_limit_mib
    return ModelConfig(
        facts.objective,
        None if milliseconds is None else milliseconds / 1000,
        None if mebibytes is None else round(mebibytes * 2**20),
    )


async def _activate(
    context: BoxContext, preview: Preview, certified: Certified, report: ImportReport
) -> None:
    staged: list[Staged] = []
    context.report("activate", f"{len(certified.applied)} artifacts", medium_needed=False)
    try:
        if context.services is not None:
            for deployment in certified.deployments:
                staged.append(await context.services.stage(deployment))  # noqa: PERF401 - each must be discarded
        with context.box.change(context.actor, ACTION) as change:
            _write(context, change, preview, certified, report)
    except BaseException:
        for one in staged:
            await one.discard()
        raise
    for one in staged:
        await one.switch()


def _write(
    context: BoxContext, change: Change, preview: Preview, certified: Certified, report: ImportReport
) -> None:
    registry = context.box.registry
    registry.put_trusted_metadata(change.tx, preview.verified.state.files)
    for artifact in certified.artifacts:
        registry.add_artifact(change.tx, artifact)
    for applied, artifact in zip(certified.applied, certified.artifacts, strict=True):
        change.note(
            f"{applied.kind} {applied.name} {applied.version}",
            digest=artifact.digest,
            details={"evidence": applied.evidence, "serving": applied.serving},
        )
    for rejected in certified.rejected:
        change.note(
            f"{rejected.kind} {rejected.name} {rejected.version}",
            outcome=Outcome.REFUSED,
            cause=rejected.code,
            details={"reason": rejected.reason},
        )
    for deployment in certified.deployments:
        put_live(context.box, change, deployment)
    registry.add_import(
        change.tx,
        Import(change.time, report.medium, report.metadata_version, msgspec.to_builtins(report)),
    )
    change.note(
        report.medium,
        details={
            "metadata_version": report.metadata_version,
            "overridden": list(preview.verified.overridden),
            "found": report.found,
            "applied": len(report.applied),
            "rejected": len(report.rejected),
        },
    )


def _report(medium: str, preview: Preview, certified: Certified, copied: int, seconds: float) -> ImportReport:
    return ImportReport(
        medium=medium,
        found=len(preview.offers),
        applied=tuple(certified.applied),
        rejected=tuple(certified.rejected),
        present=tuple(
            f"{offer.artifact.identity.name} {offer.artifact.identity.version}"
            for offer in preview.offers
            if offer.standing in {Standing.PRESENT, Standing.OLDER}
        ),
        copied=copied,
        seconds=seconds,
        metadata_version=metadata_version(preview),
    )


def metadata_version(preview: Preview) -> int:
    """Version of the timestamp: it grows with every publication."""
    return next(role.version for role in preview.roles if role.role == "timestamp")


def _reclaim(context: BoxContext) -> None:
    """Remove blobs that nothing refers to, such as those of rejected artifacts."""
    context.box.blobs.remove_unreferenced({Digest(digest) for digest in context.box.registry.blobs()})


def _nothing_applied(rejected: Sequence[Rejected]) -> ApplianceError:
    reasons = "; ".join(f"{r.name} {r.version}: {r.reason}" for r in rejected)
    return ApplianceError(
        rejected[0].code if len({r.code for r in rejected}) == 1 else "certify.nothing-applied",
        f"Nothing on the medium could be applied. {reasons}",
        kept="The box is as it was; what was copied has been removed.",
        remedy="Tell whoever built the update; the medium will import once it brings artifacts that fit this machine.",
    )
