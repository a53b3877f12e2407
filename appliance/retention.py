"""Which versions of models are kept, and what is left of one that goes.

Whatever serves, soaks or would be rolled back to is never removed. Of a version that goes, its evidence stays: the
registry's record, the manifest that audit entries name by digest, its documents, configuration and measured plans.
What goes are weights, golden samples and chunk indexes.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence

from appliance import policy
from appliance.actor import Actor
from appliance.box import Box
from appliance.compiled import sweep_undeployed
from appliance.console.formats import size
from appliance.errors import ApplianceError
from appliance.policy import Retention
from appliance.registry import Artifact
from appliance.rollback import served_before
from appliance.soak import store
from updates.digest import Digest
from updates.errors import StoreError
from updates.names import version_order

ACTION = "models.remove"


def surplus(versions: Sequence[Artifact], needed: Collection[str], retention: Retention) -> list[Artifact]:
    """Of all versions of one model, those that the policy does not keep, oldest first.

    Args:
        needed: digests of those that must stay; they count, and are kept even beyond the limits.
    """
    kept = [version for version in versions if version.digest in needed]
    others = sorted(
        (version for version in versions if version.digest not in needed),
        key=lambda version: version_order(version.version),
        reverse=True,
    )
    count, total = len(kept), sum(version.size for version in kept)
    going: list[Artifact] = []
    for version in others:
        fits = retention.size == 0 or total + version.size <= retention.size
        if not going and count < retention.versions and fits:
            count, total = count + 1, total + version.size
        else:
            going.append(version)
    return going[::-1]


def needed(box: Box) -> Mapping[str, str]:
    """Digest of each artifact that must stay -> what for."""
    reasons: dict[str, str] = {}
    for deployment in box.registry.deployments():
        before = served_before(box.registry.past_deployments(deployment.name), deployment.artifact.version)
        if before is not None:
            reasons[before.digest] = f"{deployment.name} would be rolled back to it"
    for soak in store.all_soaks(box.database).values():
        if soak.open:
            reasons[soak.previous] = f"it is kept until {soak.name} {soak.version} is confirmed"
    for deployment in box.registry.deployments():
        reasons[deployment.artifact.digest] = f"it serves as {deployment.name}"
    return reasons


def remove(box: Box, actor: Actor, artifacts: Sequence[Artifact], why: str) -> int:
    """Leave their evidence and remove the rest; bytes freed. The caller has looked whether anything needs them."""
    with box.change(actor, ACTION) as change:
        for artifact in artifacts:
            box.registry.retire(change.tx, artifact.digest, change.time)
            change.note(
                f"{artifact.kind} {artifact.name} {artifact.version}",
                digest=artifact.digest,
                details={"why": why, "kept": "record, manifest, documents, configuration and plans"},
            )
    for artifact in artifacts:
        sweep_undeployed(box, artifact)
    return reclaim(box)


def keep_to_policy(box: Box, actor: Actor) -> tuple[Artifact, ...]:
    """Remove what the policy does not keep; what went. A disk that takes no audit entry keeps it all."""
    with contextlib.suppress(ApplianceError):
        retention = policy.read(box.database).retention
        going = may_go(box, retention)
        if going:
            why = f"the policy keeps {retention.versions} versions" + (
                f" and {size(retention.size)}" if retention.size else ""
            )
            remove(box, actor, going, why)
        return tuple(going)
    return ()


def may_go(box: Box, retention: Retention) -> list[Artifact]:
    """What a retention rule does not keep, of all models."""
    by_name: dict[str, list[Artifact]] = {}
    for artifact in box.registry.artifacts():
        if artifact.kind == "model":
            by_name.setdefault(artifact.name, []).append(artifact)
    must = needed(box)
    return [going for versions in by_name.values() for going in surplus(versions, must.keys(), retention)]


def reclaim(box: Box) -> int:
    """Remove blobs that nothing refers to, such as those of rejected artifacts; bytes freed."""
    return box.blobs.remove_unreferenced({Digest(digest) for digest in box.registry.blobs()})


def told_what_may_go(box: Box, error: StoreError) -> ApplianceError:
    """A full disk, told with the versions that could make room."""
    removable = may_go(box, Retention(versions=0))
    listed = ", ".join(f"{a.name} {a.version} ({size(a.size)})" for a in removable[:10])
    return ApplianceError(
        error.code,
        error.what,
        kept=error.kept,
        remedy=f"Remove versions that nothing needs with `appliance models remove NAME VERSION`: {listed}."
        if listed
        else "Free space on the disk that holds the state folder: no model version here can be spared.",
    )
