"""The order in which a medium's metadata earns trust. No I/O, no clock, nothing kept.

The order is that of the TUF specification 1.0.31 §5.3 to §5.6, and it must hold:

 1. Every root after the trusted one, one version at a time, each signed by the keys of the one before *and* its own.
 2. Where a new root takes the timestamp's or the snapshot's keys away, what they signed is forgotten (§5.3.11), so
    that versions a thief drove up do not lock the owner out.
 3. Timestamp: signed, not older than the trusted one, and naming no older snapshot.
 4. Snapshot: the bytes that the timestamp names, signed, no file in it older than before or gone.
 5. Targets, then every delegated role: the bytes that the snapshot names, signed, inside its delegated paths.
 6. Expiry of them all, last: only what passed everything else can be let through by an override.

The result carries the state to store *if* the caller goes on to use the update; refusing costs nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import MetaFile, Root, Snapshot, Targets, Timestamp

from updates.errors import TrustError
from updates.layout import LIMITS, TIMESTAMP, Limits, metadata_file
from updates.refusals import missing, refused, rollback, same_version, too_large, wrong_bytes
from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.delegations import Target, check_role_name, walk
from updates.trust.metadata import Loaded, S, Signer, issued_at, load, signers_of
from updates.trust.state import TrustState

Read = Callable[[str, int], bytes | None]
"""Reads a file of the metadata folder, at most one byte more than the limit given; None where there is none."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """One role as the medium carries it."""

    role: str
    file: str
    version: int
    expires: datetime
    expired: bool
    threshold: int
    signers: tuple[Signer, ...]


OnRole = Callable[[RoleReport, bytes], None]


@dataclass(frozen=True, slots=True)
class Verified:
    """Metadata that holds together and may be trusted."""

    state: TrustState
    """What the box trusts once it uses the update."""
    targets: tuple[Target, ...]
    roles: tuple[RoleReport, ...]
    time: EffectiveTime
    issued: datetime | None
    """When the timestamp says it was made."""

    @property
    def overridden(self) -> tuple[str, ...]:
        """Roles that were let through although they had expired."""
        return tuple(report.role for report in self.roles if report.expired)


def verify(
    state: TrustState,
    read: Read,
    now: EffectiveTime,
    *,
    allow_expired: bool = False,
    limits: Limits = LIMITS,
    on_role: OnRole = lambda _role, _data: None,
) -> Verified:
    """Check a medium's metadata against what the box trusts.

    Args:
        state: what the box trusts now.
        read: reads the medium's metadata folder.
        now: the effective time.
        allow_expired: let expired metadata through; every other check stands.
        limits: the most that is read.
        on_role: told of each role once it has passed everything but expiry, and its bytes.

    Raises:
        TrustError: `trust.unknown-key`, `trust.signature`, `trust.threshold`, `trust.same-key-twice`,
            `trust.rollback`, `trust.root-version`, `trust.same-version-other-bytes`, `trust.mix-and-match`,
            `trust.outside-delegation`, `trust.unsupported` or `trust.expired`; `file` names the file.
        MediumError: `medium.malformed`, `medium.too-large`, `medium.missing-file`, `medium.digest-mismatch`; what
            `read` raises.
    """
    return _Workflow(state, read, now, limits, on_role).run(allow_expired=allow_expired)


@dataclass(slots=True)
class _Workflow:
    trusted: TrustState
    reader: Read
    now: EffectiveTime
    limits: Limits
    on_role: OnRole
    files: dict[str, bytes] = field(default_factory=dict)
    reports: list[RoleReport] = field(default_factory=list)

    def run(self, *, allow_expired: bool) -> Verified:
        root = self._newest_root()
        old_timestamp, old_snapshot = self._still_trusted(root)
        timestamp = self._timestamp(root, old_timestamp)
        issued = issued_at(timestamp)
        self.now = self.now.at_least(issued)
        snapshot = self._snapshot(root, timestamp, old_snapshot)
        top = self._targets(Targets.type, root, root, snapshot)
        targets = walk(
            top,
            lambda role, delegator: self._targets(role, delegator, root, snapshot),
            self.limits.delegations,
        )
        reports = tuple(replace(report, expired=self.now.at >= report.expires) for report in self.reports)
        if not allow_expired:
            _refuse_expired(reports, self.now)
        return Verified(TrustState(self.files), targets, reports, self.now, issued)

    def _newest_root(self) -> Root:
        root = load(Root, self.trusted.files[Root.type], "the trusted root")
        signers = signers_of(root, Root.type, root.signed)
        for newer in self._roots_after(root):
            signers_of(newer, Root.type, root.signed)
            signers = signers_of(newer, Root.type, newer.signed)
            root = newer
        root = replace(root, file=metadata_file(f"{root.signed.version}.root.json"))
        self._accept(Root.type, root, signers, root.signed)
        return root.signed

    def _roots_after(self, root: Loaded[Root]) -> Iterator[Loaded[Root]]:
        first = root.signed.version + 1
        for version in range(first, first + self.limits.root_rotations):
            name = f"{version}.root.json"
            data = self._read(name, self.limits.root)
            if data is None:
                return
            newer = load(Root, data, metadata_file(name))
            if newer.signed.version != version:
                raise refused(
                    "trust.root-version",
                    f"{newer.file} carries root version {newer.signed.version}",
                    newer.file,
                    "Root keys change one version at a time; use a medium that carries every root.",
                )
            yield newer

    def _still_trusted(self, root: Root) -> tuple[Loaded[Timestamp] | None, Loaded[Snapshot] | None]:
        timestamp, snapshot = self._stored(Timestamp), self._stored(Snapshot)
        try:
            if timestamp is not None:
                signers_of(timestamp, Timestamp.type, root)
            if snapshot is not None:
                signers_of(snapshot, Snapshot.type, root)
        except TrustError:
            return None, None
        return timestamp, snapshot

    def _timestamp(self, root: Root, old: Loaded[Timestamp] | None) -> Timestamp:
        new = self._load(Timestamp, TIMESTAMP, self.limits.timestamp)
        signers = signers_of(new, Timestamp.type, root)
        if old is not None:
            _not_older(new, old)
            _meta_not_older(new.signed.snapshot_meta, old.signed.snapshot_meta, "snapshot", new.file)
        self._accept(Timestamp.type, new, signers, root)
        return new.signed

    def _snapshot(self, root: Root, timestamp: Timestamp, old: Loaded[Snapshot] | None) -> Snapshot:
        new = self._named(Snapshot, Snapshot.type, timestamp.snapshot_meta, root, self.limits.snapshot)
        signers = signers_of(new, Snapshot.type, root)
        _version_as_named(new, timestamp.snapshot_meta)
        if old is not None:
            _not_older(new, old)
            for name, old_meta in old.signed.meta.items():
                new_meta = new.signed.meta.get(name)
                if new_meta is None:
                    raise rollback(f"{new.file} no longer names {name}", new.file)
                _meta_not_older(new_meta, old_meta, name, new.file)
        self._accept(Snapshot.type, new, signers, root)
        return new.signed

    def _targets(
        self, role: str, delegator: Root | Targets, root: Root, snapshot: Snapshot
    ) -> Loaded[Targets]:
        snapshot_file = metadata_file(_file_name(root, snapshot.version, Snapshot.type))
        check_role_name(role, snapshot_file)
        meta = snapshot.meta.get(f"{role}.json")
        if meta is None:
            raise refused("trust.mix-and-match", f"{snapshot_file} does not name {role}.json", snapshot_file)
        new = self._named(Targets, role, meta, root, self.limits.targets)
        signers = signers_of(new, role, delegator)
        _version_as_named(new, meta)
        old = self.trusted.files.get(role)
        if old is not None and old != new.data:
            _not_changed(new, load(Targets, old, f"the trusted {role}"))
        self._accept(role, new, signers, delegator)
        return new

    def _named(self, kind: type[S], role: str, meta: MetaFile, root: Root, limit: int) -> Loaded[S]:
        name = _file_name(root, meta.version, role)
        data = self._required(name, limit)
        try:
            meta.verify_length_and_hashes(data)
        except LengthOrHashMismatchError as error:
            raise wrong_bytes(metadata_file(name), str(error)) from error
        return load(kind, data, metadata_file(name))

    def _load(self, kind: type[S], name: str, limit: int) -> Loaded[S]:
        return load(kind, self._required(name, limit), metadata_file(name))

    def _required(self, name: str, limit: int) -> bytes:
        data = self._read(name, limit)
        if data is None:
            raise missing(metadata_file(name))
        return data

    def _read(self, name: str, limit: int) -> bytes | None:
        data = self.reader(name, limit)
        if data is not None and len(data) > limit:
            raise too_large(metadata_file(name), limit)
        return data

    def _stored(self, kind: type[S]) -> Loaded[S] | None:
        data = self.trusted.files.get(kind.type)
        return None if data is None else load(kind, data, f"the trusted {kind.type}")

    def _accept(
        self, role: str, loaded: Loaded[Any], signers: tuple[Signer, ...], delegator: Root | Targets
    ) -> None:
        signed = loaded.signed
        threshold = delegator.get_delegated_role(role).threshold
        report = RoleReport(role, loaded.file, signed.version, signed.expires, False, threshold, signers)  # noqa: FBT003 - expiry is judged last
        self.files[role] = loaded.data
        self.reports.append(report)
        self.on_role(report, loaded.data)


def _file_name(root: Root, version: int, role: str) -> str:
    return f"{version}.{role}.json" if root.consistent_snapshot else f"{role}.json"


def _not_older(new: Loaded[Any], old: Loaded[Any]) -> None:
    if new.signed.version < old.signed.version:
        raise rollback(
            f"{new.file} is version {new.signed.version}, the box has {old.signed.version}", new.file
        )
    _not_changed(new, old)


def _not_changed(new: Loaded[Any], old: Loaded[Any]) -> None:
    if new.signed.version == old.signed.version and new.data != old.data:
        raise same_version(new.file, new.file)


def _meta_not_older(new: MetaFile, old: MetaFile, name: str, file: str) -> None:
    if new.version < old.version:
        raise rollback(f"{file} names version {new.version} of {name}, the box has {old.version}", file)


def _version_as_named(new: Loaded[Any], meta: MetaFile) -> None:
    if new.signed.version != meta.version:
        raise refused(
            "trust.mix-and-match",
            f"{new.file} is version {new.signed.version} where version {meta.version} was announced",
            new.file,
        )


def _refuse_expired(reports: tuple[RoleReport, ...], now: EffectiveTime) -> None:
    expired = [report for report in reports if report.expired]
    if not expired:
        return
    told = ", ".join(f"{report.role} on {report.expires:%Y-%m-%d}" for report in expired)
    vouched = {
        TimeSource.CLOCK: "by the box's clock",
        TimeSource.BUILD: "by the date this software was built",
        TimeSource.SIGNED: "by the newest signed date",
    }[now.source]
    raise refused(
        "trust.expired",
        f"the update's signatures have run out ({told}); today is {now.at:%Y-%m-%d} {vouched}",
        expired[0].file,
        "Publish a fresh medium at the depot. If the box's clock is wrong, set it. Where neither can be done, an "
        "administrator may allow expired metadata for this one import.",
    )
