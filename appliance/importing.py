"""How an update comes in: verified, copied, certified on this machine, activated in one transaction."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from appliance import policy
from appliance.admission import Admission, admit
from appliance.approvals.needing import Grant, require
from appliance.audit.entry import Outcome
from appliance.box import Change
from appliance.control.messages import Progress
from appliance.errors import ApplianceError, explain
from appliance.kinds.kind import Arrival, Prepared
from appliance.kinds.runtimes import follow_registry, remove_unused
from appliance.kinds.system import retire_interrupted
from appliance.kinds.table import ORDER, kind_of
from appliance.operations.context import BoxContext
from appliance.registry import Artifact, Import
from appliance.results import ImportReport, Rejected
from appliance.retention import keep_to_policy, reclaim, told_what_may_go
from updates import progress as copying
from updates.artifacts import Artifact as Offered
from updates.digest import Digest
from updates.errors import StoreError
from updates.inspect import Installed, Preview, Standing, inspect
from updates.media import find_update
from updates.names import Identity, Kind, version_order
from updates.refusals import same_version
from updates.transfer import Received, receive

ACTION = "update.import"
RESUMABLE = frozenset({"medium.gone", "medium.next-needed"})
"""What arrived before these is kept, so that the same medium, or the next of its set, goes on where it stopped."""


@dataclass(slots=True)
class Certified:
    """What came of each artifact before anything was changed."""

    prepared: list[Prepared] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def look_at(context: BoxContext, medium: str, *, allow_expired: bool) -> Preview:
    """Verify a medium's metadata. Raises UpdateError; changes nothing."""
    box = context.box
    installed = [
        Installed(Identity(Kind(a.kind), a.name, a.version), Digest(a.digest))
        for a in box.registry.artifacts()
    ]
    preview = inspect(find_update(Path(medium)), box.trust, box.now(), installed, allow_expired=allow_expired)
    _refuse_changed(preview, box.registry.retired())
    return preview


def _refuse_changed(preview: Preview, retired: Sequence[Artifact]) -> None:
    """A version whose content was removed here may come back, but as what it was."""
    known = {(artifact.kind, artifact.name, artifact.version): artifact.digest for artifact in retired}
    for artifact in (offer.artifact for offer in preview.offers):
        identity = artifact.identity
        before = known.get((identity.kind, identity.name, identity.version), artifact.digest.hex)
        if before != artifact.digest.hex:
            raise same_version(f"{identity} on the medium", artifact.manifest_file)


async def import_update(context: BoxContext, medium: str, *, allow_expired: bool) -> ImportReport:
    """Bring in what is new on a medium. Where it raises, the box is as it was, but for what was copied.

    Artifacts that this machine cannot certify are rejected one by one and reported; where all are, nothing changes.
    """
    start = time.monotonic()
    retire_interrupted(context.box)
    follow_registry(context.box)
    context.report("inspect", medium, medium_needed=True)
    preview = await asyncio.to_thread(look_at, context, medium, allow_expired=allow_expired)
    admission = admit(policy.read(context.box.database), preview, context.actor)
    if admission.refusal is not None:
        raise admission.refusal
    grant = require(context.box, context.actor, admission.needed)
    try:
        with context.box.cancellation.running():
            received, copied = await context.box.cancellation.in_thread(
                lambda: _receive(context, preview, admission.wanted)
            )
            certified = await _certify(context, received, admission)
        report = _report(medium, preview, certified, copied, time.monotonic() - start)
        report = await _activate(context, preview, certified, report, grant)
    except Exception as error:
        if explain(error).code not in RESUMABLE:
            reclaim(context.box)
        if isinstance(error, StoreError) and error.code == "disk.full":
            raise told_what_may_go(context.box, error) from error
        raise
    keep_to_policy(context.box, context.actor)
    remove_unused(context.box, context.actor)
    reclaim(context.box)
    return report


def _receive(context: BoxContext, preview: Preview, wanted: Sequence[Offered]) -> tuple[list[Received], int]:
    """What was received, and how many bytes had to be copied for it."""
    copied = 0

    def on_progress(progress: copying.Progress) -> None:
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
                rate=progress.rate,
                seconds_left=progress.seconds_left,
            )
        )

    here = [Digest(artifact.digest) for artifact in context.box.registry.artifacts()]
    cancelled = context.box.cancellation.asked
    return receive(preview.medium, wanted, context.box.blobs, on_progress, cancelled, here=here), copied


async def _certify(context: BoxContext, received: Sequence[Received], admission: Admission) -> Certified:
    certified = Certified()
    certified.rejected += [_rejected(identity, error) for identity, error in admission.refused.items()]
    arrival = Arrival(context, certified.prepared)
    try:
        for item in sorted(received, key=_order):
            identity = item.artifact.identity
            context.report("certify", str(identity), medium_needed=False)
            try:
                kind = kind_of(identity.kind)
                artifact = await asyncio.to_thread(kind.check, arrival, item)
                certified.prepared.append(await kind.certify(arrival, artifact))
            except Exception as error:  # noqa: BLE001 - one artifact's fault must not hide the others
                certified.rejected.append(_rejected(identity, error))
            context.box.cancellation.check()
        if certified.rejected and not certified.prepared:
            raise _nothing_applied(certified.rejected)
    except BaseException:
        await _undo(certified.prepared)
        raise
    return certified


def _order(item: Received) -> tuple[Any, ...]:
    """What others stand on comes first, and older versions before newer ones."""
    identity = item.artifact.identity
    place = ORDER.index(identity.kind) if identity.kind in ORDER else len(ORDER)
    return place, identity.name, version_order(identity.version)


def _rejected(identity: Identity, error: BaseException) -> Rejected:
    told = explain(error)
    return Rejected(identity.kind, identity.name, identity.version, told.code, told.what)


async def _activate(
    context: BoxContext, preview: Preview, certified: Certified, report: ImportReport, grant: Grant
) -> ImportReport:
    """The report as it came out: what could not be gone over to after the transaction is rejected after all."""
    context.report("activate", f"{len(certified.prepared)} artifacts", medium_needed=False)
    try:
        for one in certified.prepared:
            await one.stage()
        with context.box.change(context.actor, ACTION) as change:
            grant.use(change)
            _write(context, change, preview, certified, report)
    except BaseException:
        await _undo(certified.prepared)
        raise
    for one in certified.prepared:
        try:
            await one.settle()
        except Exception as error:  # noqa: BLE001 - the others go over all the same
            report = await _take_back(context, one, error, report)
    return report


async def _take_back(
    context: BoxContext, one: Prepared, error: Exception, report: ImportReport
) -> ImportReport:
    if one.deployment is not None:  # it is what serves now
        raise error
    artifact = one.artifact
    rejected = _rejected(Identity(Kind(artifact.kind), artifact.name, artifact.version), error)
    with context.box.change(context.actor, ACTION) as change:
        context.box.registry.retire(change.tx, artifact.digest, change.time)
        _note_rejected(change, rejected)
    await one.undo()
    applied = tuple(other for other in report.applied if other != one.applied)
    return replace(report, applied=applied, rejected=(*report.rejected, rejected))


async def _undo(prepared: Sequence[Prepared]) -> None:
    for one in reversed(prepared):
        await one.undo()


def _note_rejected(change: Change, rejected: Rejected) -> None:
    change.note(
        f"{rejected.kind} {rejected.name} {rejected.version}",
        outcome=Outcome.REFUSED,
        cause=rejected.code,
        details={"reason": rejected.reason},
    )


def _write(
    context: BoxContext, change: Change, preview: Preview, certified: Certified, report: ImportReport
) -> None:
    registry = context.box.registry
    registry.put_trusted_metadata(change.tx, preview.verified.state.files)
    for one in certified.prepared:
        registry.add_artifact(change.tx, one.artifact)
    for applied, artifact in ((one.applied, one.artifact) for one in certified.prepared):
        change.note(
            f"{applied.kind} {applied.name} {applied.version}",
            digest=artifact.digest,
            details={"evidence": applied.evidence, "serving": applied.serving},
        )
    for rejected in certified.rejected:
        _note_rejected(change, rejected)
    for one in certified.prepared:
        one.activate(change)
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
        applied=tuple(one.applied for one in certified.prepared),
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


def _nothing_applied(rejected: Sequence[Rejected]) -> ApplianceError:
    reasons = "; ".join(f"{r.name} {r.version}: {r.reason}" for r in rejected)
    return ApplianceError(
        rejected[0].code if len({r.code for r in rejected}) == 1 else "certify.nothing-applied",
        f"Nothing on the medium could be applied. {reasons}",
        kept="The box is as it was; what was copied has been removed.",
        remedy="Tell whoever built the update; the medium will import once it brings artifacts that fit this machine.",
    )
