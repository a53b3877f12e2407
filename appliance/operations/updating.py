"""`appliance update inspect` and `appliance update import`."""

import asyncio

from appliance.importing import import_update as bring_in
from appliance.importing import look_at, metadata_version
from appliance.operations.context import BoxContext
from appliance.receipts import cosigned_note, keep_cosigned, leave_receipt
from appliance.results import ArtifactPreview, ImportReport, Signed, UpdatePreview
from updates.inspect import Offer, Preview
from updates.trust.rules import RoleReport


async def inspect(context: BoxContext, *, medium: str, allow_expired: bool) -> UpdatePreview:
    preview = await asyncio.to_thread(look_at, context, medium, allow_expired=allow_expired)
    last = context.box.registry.last_import()
    return UpdatePreview(
        medium=medium,
        artifacts=tuple(_artifact(offer) for offer in preview.offers),
        signed=tuple(_signed(role) for role in preview.roles),
        metadata_version=metadata_version(preview),
        trusted_version=None if last is None else last.metadata_version,
        metadata_age=None if preview.age is None else preview.age.total_seconds(),
        expires=min(role.expires for role in preview.roles).isoformat(),
        expired=any(role.expired for role in preview.roles),
        size=_to_copy(context, preview),
        disk_free=context.box.blobs.free_bytes(),
    )


async def import_update(context: BoxContext, *, medium: str, allow_expired: bool) -> ImportReport:
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


def _artifact(offer: Offer) -> ArtifactPreview:
    artifact, identity = offer.artifact, offer.artifact.identity
    return ArtifactPreview(
        identity.kind,
        identity.name,
        identity.version,
        artifact.summary,
        artifact.size,
        artifact.digest.hex,
        offer.standing,
        offer.newest_here,
    )


def _signed(role: RoleReport) -> Signed:
    signers = (f"{signer.name} ({signer.keyid[:8]})" for signer in role.signers)
    return Signed(role.role, role.threshold, tuple(signers))


def _to_copy(context: BoxContext, preview: Preview) -> int:
    return sum(
        offer.artifact.size for offer in preview.changes if not context.box.blobs.has(offer.artifact.digest)
    )
