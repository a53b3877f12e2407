"""What the policy says of a medium, from its signed metadata alone, before anything is copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from appliance.actor import APPLIANCE, Actor
from appliance.approvals.needing import Needed, check_allowed
from appliance.errors import ApplianceError
from appliance.policy import Policy
from updates.artifacts import Artifact
from updates.inspect import Preview
from updates.names import Identity, Kind, version_order


@dataclass(frozen=True, slots=True)
class Admission:
    """What of a medium may come in, and who must stand behind it."""

    wanted: tuple[Artifact, ...]
    refused: Mapping[Identity, ApplianceError]
    """What would be new, but for the policy."""
    needed: Needed
    refusal: ApplianceError | None
    """Why whoever asked may not import it at all."""
    auto: bool
    """The policy lets the box import it by itself."""


def admit(policy: Policy, preview: Preview, actor: Actor) -> Admission:
    """Judge a medium whose signatures hold; changes nothing."""
    changes = [offer.artifact for offer in preview.changes]
    refused = {
        artifact.identity: error
        for artifact in changes
        if (error := _below_floor(policy, artifact.identity)) is not None
    }
    wanted = tuple(artifact for artifact in changes if artifact.identity not in refused)
    kinds = sorted({artifact.identity.kind for artifact in wanted})
    rules = [policy.imports.of(kind) for kind in kinds]
    expired = bool(preview.verified.overridden)
    people = max([1, *(rule.people for rule in rules), policy.changes.expired.people if expired else 1])
    return Admission(
        wanted,
        refused,
        Needed(
            "update.import", _subject(wanted, expired=expired), digest_of(preview), people if wanted else 1
        ),
        _refusal(policy, kinds, actor, expired=expired) if wanted else None,
        auto=bool(rules) and all(rule.auto for rule in rules) and people == 1 and not expired,
    )


def digest_of(preview: Preview) -> str:
    """SHA-256 of exactly what a preview showed: every role's bytes, and what was let through although expired."""
    files = {
        role: sha256(content).hexdigest() for role, content in sorted(preview.verified.state.files.items())
    }
    told = {"files": files, "expired": sorted(preview.verified.overridden)}
    return sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def check_floor(policy: Policy, kind: Kind, name: str, version: str) -> None:
    """Raises ApplianceError `policy.below-floor`."""
    floor = policy.floor(kind, name)
    if floor is not None and version_order(version) < version_order(floor):
        raise ApplianceError(
            "policy.below-floor",
            f"By this box's policy {kind} {name} must be {floor} or newer; {version} is older.",
            kept="Nothing was changed.",
            remedy="Use a newer version, or have the policy changed: `appliance policy show`.",
        )


def _below_floor(policy: Policy, identity: Identity) -> ApplianceError | None:
    try:
        check_floor(policy, identity.kind, identity.name, identity.version)
    except ApplianceError as error:
        return error
    return None


def _refusal(policy: Policy, kinds: list[Kind], actor: Actor, *, expired: bool) -> ApplianceError | None:
    if actor is APPLIANCE:
        return None
    try:
        for kind in kinds:
            check_allowed(policy.imports.of(kind), actor, f"import a {kind}")
        if expired:
            check_allowed(policy.changes.expired, actor, "import metadata past its expiry date")
    except ApplianceError as error:
        return error
    return None


def _subject(wanted: tuple[Artifact, ...], *, expired: bool) -> str:
    listed = ", ".join(str(artifact.identity) for artifact in wanted[:6])
    more = f" and {len(wanted) - 6} more" if len(wanted) > 6 else ""
    return f"import {listed}{more}{' from expired metadata' if expired else ''}"
