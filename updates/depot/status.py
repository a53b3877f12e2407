"""What a depot's keeper should know: what runs out when, whose keys are here, what waits to be signed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from updates.depot.repository import ROLES, Depot, seconds
from updates.depot.signing import newest
from updates.names import Identity
from updates.trust.metadata import Signer, signer


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role of the depot."""

    role: str
    version: int | None
    """None where it was never signed."""
    expires: datetime | None
    left: timedelta | None
    """Until it runs out; negative where it has."""
    threshold: int
    signers: tuple[Signer, ...]
    """Everyone whose signature counts."""
    keys_here: int
    """Key files of the role that lie where the depot looks for them."""


@dataclass(frozen=True, slots=True)
class DepotStatus:
    roles: tuple[RoleStatus, ...]
    unpublished: tuple[Identity, ...]
    """Artifacts that were added or removed since the last signature."""

    @property
    def next_expiry(self) -> RoleStatus | None:
        """The role that runs out first."""
        dated = [role for role in self.roles if role.left is not None]
        return min(dated, key=lambda role: role.left or timedelta(), default=None)


def status(depot: Depot, now: datetime | None = None) -> DepotStatus:
    """Look at a depot without changing it.

    Raises:
        DepotError: `depot.damaged`.
    """
    moment = seconds(now)
    root = depot.root()
    targets, snapshot, timestamp = newest(depot)
    signed = {
        "root": root,
        "targets": targets and targets.signed,
        "snapshot": snapshot and snapshot.signed,
        "timestamp": timestamp and timestamp.signed,
    }
    reports = []
    for role in ROLES:
        found = signed[role]
        reports.append(
            RoleStatus(
                role,
                found.version if found else None,
                found.expires if found else None,
                found.expires - moment if found else None,
                root.roles[role].threshold,
                tuple(signer(root.keys[keyid]) for keyid in root.roles[role].keyids),
                sum((depot.path / key.file).exists() for key in depot.keys[role]),
            )
        )
    wanted, had = depot.target_files(), targets.signed.targets if targets else {}
    changed = [path for path in sorted({*wanted, *had}) if wanted.get(path) != had.get(path)]
    return DepotStatus(tuple(reports), tuple(Identity.from_target_path(path) for path in changed))
