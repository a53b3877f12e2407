"""`appliance update inspect` and `appliance update import`."""

import asyncio
from dataclasses import replace
from pathlib import Path

from appliance import policy
from appliance.admission import Admission, admit
from appliance.approvals.store import waiting
from appliance.box import iso
from appliance.console import formats
from appliance.errors import ApplianceError
from appliance.identifying import acting
from appliance.importing import import_update as bring_in
from appliance.importing import look_at, metadata_version
from appliance.media.finding import all_updates, the_update_at
from appliance.media.places import places
from appliance.media.unmounted import unmounted_media
from appliance.operations.context import BoxContext
from appliance.packages import usable_memory
from appliance.receipts import cosigned_note, keep_cosigned, leave_receipt
from appliance.results import ArtifactPreview, ImportReport, Signed, UpdatePreview
from appliance.update_results import CancelAsked, FoundUpdate, MediaFound
from updates.artifacts import Artifact
from updates.errors import UpdateError
from updates.inspect import Offer, Preview
from updates.trust.rules import RoleReport


async def inspect(context: BoxContext, *, medium: str, allow_expired: bool) -> UpdatePreview:
    update = await asyncio.to_thread(the_update_at, Path(medium))
    medium = str(update)
    preview = await asyncio.to_thread(look_at, context, medium, allow_expired=allow_expired)
    box = context.box
    last = box.registry.last_import()
    admission = admit(policy.read(box.database), preview, context.actor)
    needed = admission.needed
    request = waiting(box.database, needed.action, needed.digest, iso(box.now().at))
    return UpdatePreview(
        medium=medium,
        artifacts=tuple(_artifact(offer, admission) for offer in preview.offers),
        signed=tuple(_signed(role) for role in preview.roles),
        metadata_version=metadata_version(preview),
        trusted_version=None if last is None else last.metadata_version,
        metadata_age=None if preview.age is None else preview.age.total_seconds(),
        expires=min(role.expires for role in preview.roles).isoformat(),
        expired=any(role.expired for role in preview.roles),
        size=_to_copy(context, preview),
        disk_free=box.blobs.free_bytes(),
        refused="" if admission.refusal is None else admission.refusal.what,
        people=needed.people,
        request="" if request is None else request.id,
        behind=() if request is None else tuple(vote.account for vote in request.votes),
        approvers=tuple(role.value for role in policy.read(box.database).approvals.roles),
    )


async def import_update(
    context: BoxContext, *, medium: str, allow_expired: bool, account: str | None, password: str | None
) -> ImportReport:
    actor = await acting(context.box, context.actor, account, password)
    update = await asyncio.to_thread(the_update_at, Path(medium))
    return await take_in(replace(context, actor=actor), str(update), allow_expired=allow_expired)


async def take_in(context: BoxContext, medium: str, *, allow_expired: bool) -> ImportReport:
    """Bring the update in; then the medium takes a receipt, and the log what the depot has cosigned."""
    note = await asyncio.to_thread(cosigned_note, context.box, medium)
    try:
        report = await bring_in(context, medium, allow_expired=allow_expired)
    except Exception as error:
        await asyncio.to_thread(leave_receipt, context.box, medium, error)
        raise
    if note is not None:
        keep_cosigned(context.box, context.actor, note)
    context.report("receipt", medium, medium_needed=True)
    await asyncio.to_thread(leave_receipt, context.box, medium, report)
    context.report("receipt", medium, medium_needed=False)
    return report


async def media(context: BoxContext) -> MediaFound:
    """What lies where updates arrive, each looked at."""
    rules = policy.read(context.box.database).media
    found = await asyncio.to_thread(lambda: all_updates(places(rules)))
    unmounted = await asyncio.to_thread(unmounted_media) if rules.mounts else ()
    return MediaFound(
        tuple([await _found(context, path) for path in found]),
        rules.inbox,
        tuple(f"{name}, {formats.size(size)}" for name, size in unmounted),
    )


async def _found(context: BoxContext, path: Path) -> FoundUpdate:
    try:
        preview = await asyncio.to_thread(look_at, context, str(path), allow_expired=True)
    except (UpdateError, ApplianceError) as error:
        return FoundUpdate(str(path), (), 0, code=error.code, reason=error.what)
    admission = admit(policy.read(context.box.database), preview, context.actor)
    new = tuple(f"{artifact.identity.name} {artifact.identity.version}" for artifact in admission.wanted)
    refusal = admission.refusal
    return FoundUpdate(
        str(path),
        new,
        len(preview.offers) - len(new),
        auto=admission.auto,
        code="" if refusal is None else refusal.code,
        reason="" if refusal is None else refusal.what,
    )


async def cancel(context: BoxContext) -> CancelAsked:
    """Ask the import that runs to end; its own caller is told once it has."""
    return CancelAsked(context.box.cancellation.ask())


def _artifact(offer: Offer, admission: Admission) -> ArtifactPreview:
    artifact, identity = offer.artifact, offer.artifact.identity
    refused = admission.refused.get(identity)
    return ArtifactPreview(
        identity.kind,
        identity.name,
        identity.version,
        artifact.summary,
        artifact.size,
        artifact.digest.hex,
        offer.standing,
        offer.newest_here,
        _too_large(artifact) if refused is None else refused.what,
    )


def _too_large(artifact: Artifact) -> str:
    """Why a model does not fit the memory of this machine, as far as its signed facts tell."""
    wanted, usable = artifact.facts.get("memory-limit-mib", ""), usable_memory()
    try:
        mebibytes = float(wanted)
    except ValueError:
        return ""
    if usable is None or mebibytes * 2**20 <= usable:
        return ""
    return f"It asks for {mebibytes:.0f} MiB of memory; this machine has {usable / 2**20:.0f} MiB for it."


def _signed(role: RoleReport) -> Signed:
    signers = (f"{signer.name} ({signer.keyid[:8]})" for signer in role.signers)
    return Signed(role.role, role.threshold, tuple(signers))


def _to_copy(context: BoxContext, preview: Preview) -> int:
    return sum(
        offer.artifact.size for offer in preview.changes if not context.box.blobs.has(offer.artifact.digest)
    )
