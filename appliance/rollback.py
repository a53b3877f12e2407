"""Going back to a version that is still here: by hand at any time, and by the box itself when a new one fails its soak."""

from collections.abc import Sequence

from appliance.box import Box
from appliance.errors import ApplianceError
from appliance.registry import Artifact, Deployment
from updates.names import version_order


def target(box: Box, deployment: Deployment, version: str | None) -> Artifact:
    """The version to go back to: the one named, or the one that served before.

    Raises ApplianceError: `rollback.no-target`, `rollback.not-older`, `artifact.unknown`, `artifact.retired`.
    """
    now = deployment.artifact
    if version is None:
        before = served_before(box.registry.past_deployments(deployment.name), now.version)
        if before is None:
            raise _no_target(box, deployment)
        return before
    found = box.registry.artifact("model", now.name, version)
    if found.digest == now.digest:
        raise ApplianceError(
            "rollback.not-older",
            f"{deployment.name} is at version {version} already.",
            kept="Nothing was changed.",
            remedy=_choices(box, deployment),
        )
    return found


def served_before(past: Sequence[Deployment], version: str) -> Artifact | None:
    """Of the versions that ran, oldest first, the last one to serve that is older than `version`."""
    older = (d.artifact for d in reversed(past) if version_order(d.artifact.version) < version_order(version))
    return next(older, None)


def _no_target(box: Box, deployment: Deployment) -> ApplianceError:
    return ApplianceError(
        "rollback.no-target",
        f"No older version than {deployment.artifact.version} of {deployment.name} has served here and is still kept.",
        kept="Nothing was changed; it goes on serving.",
        remedy=_choices(box, deployment),
    )


def _choices(box: Box, deployment: Deployment) -> str:
    name = deployment.artifact.name
    others = [
        artifact.version
        for artifact in box.registry.artifacts()
        if (artifact.kind, artifact.name) == ("model", name) and artifact.digest != deployment.artifact.digest
    ]
    if not others:
        return "No other version is here; import an update that brings one."
    return f"These are here: {', '.join(others)}. Name one with --to VERSION."
