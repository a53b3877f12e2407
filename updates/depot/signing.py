"""Signing: what changed, and what wears out.

Targets and the roles of the kinds first, then the snapshot, the timestamp last. Each waits under `signing/` until
enough people have signed it, here or elsewhere (`updates.depot.turns`); all of it becomes the depot's metadata at
once, when the timestamp is complete. A depot whose power failed in between goes on where it was, and nothing that was
ever published is signed a second time under the same version.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from updates.depot import proposals
from updates.depot.proposals import Delegators, Lacking, file_name, refuse_lacking
from updates.depot.repository import Depot, seconds
from updates.depot.settings import ROLES
from updates.errors import DepotError, TrustError
from updates.layout import TIMESTAMP
from updates.trust.metadata import ISSUED, Loaded, load, signers_of

Signed = Root | Targets | Snapshot | Timestamp


def sign(depot: Depot, now: datetime | None = None, *, renew: bool = False) -> tuple[str, ...]:
    """Sign what changed, and what has used up half of its time; gives the roles signed.

    With nothing to sign the metadata stays as it is, byte for byte, so that fifty media are alike.

    Args:
        depot: an opened depot.
        now: when this happens; by default, now.
        renew: sign targets, snapshot and timestamp in any case.

    Raises:
        DepotError: `depot.signatures-missing`: others must sign first, it says who; `depot.key-…`, `depot.token`,
            `depot.damaged`, `depot.unwritable`.
    """
    settle_root(depot)
    work = _Work(depot, seconds(now), renew=renew)
    missing = work.stage()
    refuse_lacking(depot, missing)
    return work.commit()


def prepare(depot: Depot, now: datetime | None = None, *, renew: bool = False) -> tuple[Lacking, ...]:
    """As `sign`, but what lacks signatures is told, an open change of the root with it, and nothing is published.

    Raises:
        DepotError: as `sign`, but for `depot.signatures-missing`.
    """
    open_root = settle_root(depot)
    return (*open_root, *_Work(depot, seconds(now), renew=renew).stage())


def settle_root(depot: Depot) -> tuple[Lacking, ...]:
    """Take a proposed root into use once it has its signatures; gives what it lacks."""
    proposal = proposals.find(depot, Root.type)
    if proposal is None:
        return ()
    old = depot.root()
    if proposal.signed.version != old.version + 1:
        proposals.drop(depot, [Root.type])
        return ()
    missing = proposals.lacking(Root.type, proposal, (old, proposal.signed))
    if missing:
        return missing
    depot.write(depot.metadata(file_name(Root.type, proposal.signed.version)), proposal.data)
    for role in ROLES:
        kept = proposal.signed.roles[role].keyids
        depot.settings.keys[role] = [
            key for key in depot.keys.get(role, ()) if not key.keyid or key.keyid in kept
        ]
    depot.save_settings()
    proposals.drop(depot, [Root.type])
    return ()


def metadata_files(depot: Depot) -> tuple[Path, ...]:
    """The signed files that a medium carries: every root, and the newest of the rest.

    Raises:
        DepotError: `depot.unsigned`.
    """
    snapshot = newest(depot).get(Snapshot.type)
    if snapshot is None:
        raise DepotError(
            "depot.unsigned", "Nothing in this depot was signed yet.", remedy="Publish once to sign it."
        )
    roots = [f"{version}.root.json" for version in range(1, depot.root().version + 1)]
    rest = [f"{meta.version}.{name}" for name, meta in sorted(snapshot.signed.meta.items())]
    names = [*roots, TIMESTAMP, f"{snapshot.signed.version}.snapshot.json", *rest]
    return tuple(depot.metadata(name) for name in names)


def newest(depot: Depot) -> dict[str, Loaded[Any]]:
    """What was published last, by role; empty before the first time. What a failed signing left is not seen."""
    if not depot.metadata(TIMESTAMP).exists():
        return {}
    timestamp = _load(depot, Timestamp.type, TIMESTAMP)
    version = timestamp.signed.snapshot_meta.version
    snapshot = _load(depot, Snapshot.type, file_name(Snapshot.type, version))
    found = {Timestamp.type: timestamp, Snapshot.type: snapshot}
    for name, meta in snapshot.signed.meta.items():
        role = name.removesuffix(".json")
        found[role] = _load(depot, role, file_name(role, meta.version))
    return found


def delegators_of(depot: Depot, role: str) -> Delegators:
    """Who says which keys sign for `role` from now on."""
    if role in ROLES:
        return (depot.root(),)
    return (Targets(delegations=depot.settings.tuf_delegations()),)


@dataclass(slots=True)
class _Work:
    """One signing: every role as it was published, or as it shall be."""

    depot: Depot
    moment: datetime
    renew: bool
    published: dict[str, Loaded[Any]] = field(init=False)
    staged: dict[str, Loaded[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.published = newest(self.depot)

    def stage(self) -> tuple[Lacking, ...]:
        """Propose and sign, a step at a time; stops at the first step that lacks signatures and tells them."""
        roles = (Targets.type, *sorted(self.depot.settings.delegations))
        missing = [item for role in roles for item in self._targets(role)]
        return tuple(missing) or self._snapshot() or self._timestamp()

    def commit(self) -> tuple[str, ...]:
        fresh = [role for role, loaded in self.staged.items() if self.published.get(role) != loaded]
        for role in fresh:
            loaded = self.staged[role]
            self.depot.write(self.depot.metadata(file_name(role, loaded.signed.version)), loaded.data)
        proposals.drop(self.depot, self.staged)
        return tuple(fresh)

    def _targets(self, role: str) -> tuple[Lacking, ...]:
        files = self.depot.target_files(role)
        delegations = self.depot.settings.tuf_delegations() if role == Targets.type else None
        return self._role(
            role,
            lambda signed: signed.targets == files and signed.delegations == delegations,
            lambda version, expires: Targets(version, None, expires, files, delegations),
        )

    def _snapshot(self) -> tuple[Lacking, ...]:
        meta = {f"{role}.json": _meta(loaded) for role, loaded in sorted(self.staged.items())}
        return self._role(
            Snapshot.type,
            lambda signed: signed.meta == meta,
            lambda version, expires: Snapshot(version, None, expires, meta),
        )

    def _timestamp(self) -> tuple[Lacking, ...]:
        meta = _meta(self.staged[Snapshot.type])
        issued = {ISSUED: f"{self.moment:%Y-%m-%dT%H:%M:%SZ}"}
        return self._role(
            Timestamp.type,
            lambda signed: signed.snapshot_meta == meta,
            lambda version, expires: Timestamp(version, None, expires, meta, issued),
        )

    def _role(
        self, role: str, same: Callable[[Any], bool], make: Callable[[int, datetime], Signed]
    ) -> tuple[Lacking, ...]:
        """Keep what was published, go on with what was proposed, or propose anew; then sign with what is here."""
        delegators = delegators_of(self.depot, role)
        current, proposal = self.published.get(role), proposals.find(self.depot, role)
        if current and not self.renew and same(current.signed) and not self._worn(role, current, delegators):
            self.staged[role] = current
            return ()
        version = current.signed.version if current else 0
        if (
            proposal
            and proposal.signed.version > version
            and same(proposal.signed)
            and self._lasts(role, proposal)
        ):
            metadata = proposal.metadata
        else:
            if proposal and proposal.metadata.signatures:
                version = max(version, proposal.signed.version)
            payload = make(version + 1, self.moment + self.depot.expiry.lifetime(role))
            metadata = Metadata(payload)
        self.staged[role] = proposals.sign_here(self.depot, role, metadata, delegators)
        return proposals.lacking(role, self.staged[role], delegators)

    def _worn(self, role: str, loaded: Loaded[Any], delegators: Delegators) -> bool:
        """Whether half of its time is gone, or its keys were taken away."""
        try:
            for delegator in delegators:
                signers_of(loaded, role, delegator)
        except TrustError:
            return True
        return not self._lasts(role, loaded)

    def _lasts(self, role: str, loaded: Loaded[Any]) -> bool:
        left: bool = loaded.signed.expires - self.moment >= self.depot.expiry.lifetime(role) / 2
        return left


def _load(depot: Depot, role: str, name: str) -> Loaded[Any]:
    return load(proposals.KINDS.get(role, Targets), depot.metadata(name).read_bytes(), name)


def _meta(signed: Loaded[Any]) -> MetaFile:
    return MetaFile.from_data(signed.signed.version, signed.data, ["sha256"])
