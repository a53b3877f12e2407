"""Every kind of artifact that this release takes in; what later kinds stand on comes first."""

from appliance.errors import ApplianceError
from appliance.kinds.kind import ArtifactKind
from appliance.kinds.models import MODEL
from appliance.kinds.policies import POLICY
from appliance.kinds.runtimes import RUNTIME
from appliance.kinds.software import SOFTWARE_KIND
from appliance.kinds.system import SYSTEM
from updates.names import Kind

KINDS: dict[Kind, ArtifactKind] = {
    Kind.RUNTIME: RUNTIME,
    Kind.MODEL: MODEL,
    Kind.POLICY: POLICY,
    Kind.SYSTEM: SYSTEM,
    Kind.SOFTWARE: SOFTWARE_KIND,
}

ORDER = tuple(KINDS)


def kind_of(kind: Kind) -> ArtifactKind:
    """Raises ApplianceError `artifact.unsupported-kind`."""
    found = KINDS.get(kind)
    if found is None:
        raise ApplianceError(
            "artifact.unsupported-kind",
            f"This release of the appliance does not know what to do with a {kind}.",
        )
    return found
