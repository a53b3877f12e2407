"""What a depot's keeper should know: what runs out when, who must sign next, what waits to be published."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from updates.depot import proposals
from updates.depot.keys import signs
from updates.depot.proposals import Lacking
from updates.depot.repository import Depot, seconds
from updates.depot.roles import holders
from updates.depot.settings import ROLES
from updates.depot.signing import delegators_of, newest, settle_root
from updates.names import Identity
from updates.trust.metadata import Loaded, Signer


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role of the depot."""

    role: str
    version: int | None
    """None where it was never published."""
    expires: datetime | None
    left: timedelta | None
    """Until it runs out; negative where it has."""
    threshold: int
    signers: tuple[Signer, ...]
    """Everyone whose signature counts."""
    keys_here: int
    """Private keys of the role that can be reached from here."""


@dataclass(frozen=True, slots=True)
class DepotStatus:
    roles: tuple[RoleStatus, ...]
    unpublished: tuple[Identity, ...]
    """Artifacts that were added or removed since the last publication."""
    lacking: tuple[Lacking, ...]
    """What was proposed and waits for signatures."""

    @property
    def next_expiry(self) -> RoleStatus | None:
        """The role that runs out first."""
        dated = [role for role in self.roles if role.left is not None]
        return min(dated, key=lambda role: role.left or timedelta(), default=None)


def status(depot: Depot, now: datetime | None = None) -> DepotStatus:
    """Look at a depot without signing anything.

    Raises:
        DepotError: `depot.damaged`.
    """
    moment = seconds(now)
    open_root = settle_root(depot)
    published = newest(depot)
    signed = {"root": depot.root(), **{role: loaded.signed for role, loaded in published.items()}}
    reports = []
    for role in (*ROLES, *sorted(depot.settings.delegations)):
        found, held = signed.get(role), holders(depot, role)
        reports.append(
            RoleStatus(
                role,
                found.version if found else None,
                found.expires if found else None,
                found.expires - moment if found else None,
                held.threshold,
                held.signers,
                sum(signs(depot.locate(key.file)) for key in depot.keys.get(role, ())),
            )
        )
    waiting = [
        item for role in proposals.proposed_roles(depot) if role != "root" for item in _lacking(depot, role)
    ]
    return DepotStatus(tuple(reports), _unpublished(depot, published), (*open_root, *waiting))


def _lacking(depot: Depot, role: str) -> tuple[Lacking, ...]:
    proposal = proposals.find(depot, role)
    return () if proposal is None else proposals.lacking(role, proposal, delegators_of(depot, role))


def _unpublished(depot: Depot, published: dict[str, Loaded[Any]]) -> tuple[Identity, ...]:
    wanted = depot.target_files()
    had = {
        path: target
        for role, loaded in published.items()
        if role not in ("snapshot", "timestamp")
        for path, target in loaded.signed.targets.items()
    }
    changed = [path for path in sorted({*wanted, *had}) if wanted.get(path) != had.get(path)]
    return tuple(Identity.from_target_path(path) for path in changed)
