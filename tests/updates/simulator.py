"""A TUF repository in memory: honest by default, and every part of it can be bent by a test."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.metadata import ISSUED
from updates.trust.rules import Verified, verify
from updates.trust.state import TrustState

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ROLES = ("root", "timestamp", "snapshot", "targets")


def at(moment: datetime) -> EffectiveTime:
    return EffectiveTime(moment, TimeSource.CLOCK)


class Simulator:
    """Metadata objects to bend, signers to swap, and `files`: what the medium's metadata folder holds."""

    def __init__(self, thresholds: dict[str, int] | None = None) -> None:
        self.thresholds = dict.fromkeys(ROLES, 1) | (thresholds or {})
        self.signers = {
            role: [CryptoSigner.generate_ed25519() for _ in range(count)]
            for role, count in self.thresholds.items()
        }
        expires = NOW + timedelta(days=100)
        self.root = Root(1, expires=expires)
        self.timestamp = Timestamp(1, expires=expires, unrecognized_fields={ISSUED: "2026-05-31T00:00:00Z"})
        self.snapshot = Snapshot(1, expires=expires)
        self.targets = Targets(1, expires=expires)
        self.delegated: dict[str, Targets] = {}
        self.files: dict[str, bytes] = {}
        self.add_target("models/line/1.0.0/manifest.json", b"manifest")
        self.take_keys_into_root()
        self.publish_root()
        self.publish()

    def take_keys_into_root(self) -> None:
        self.root.keys.clear()
        for role in ROLES:
            self.root.roles[role].keyids.clear()
            self.root.roles[role].threshold = self.thresholds[role]
            for signer in self.signers[role]:
                self.root.add_key(signer.public_key, role)

    def add_target(self, path: str, content: bytes, role: str = "targets", **custom: Any) -> None:
        targets = self.targets if role == "targets" else self.delegated[role]
        target = TargetFile.from_data(path, content)
        target.unrecognized_fields["custom"] = custom
        targets.targets[path] = target

    def publish_root(self, extra_signers: Sequence[CryptoSigner] = (), *, own: bool = True) -> None:
        """Write the root under its version's name, signed by its own keys and `extra_signers`."""
        signers = [*extra_signers, *(self.signers["root"] if own else [])]
        self.files[f"{self.root.version}.root.json"] = signed(self.root, signers)

    def rotate(self, role: str) -> None:
        """Give `role` new keys in a new root, signed as it must be."""
        old = list(self.signers["root"])
        self.signers[role] = [CryptoSigner.generate_ed25519() for _ in self.signers[role]]
        self.take_keys_into_root()
        self.root.version += 1
        self.publish_root(old if role == "root" else ())

    def delegate(
        self,
        role: str,
        paths: list[str],
        *,
        terminating: bool = True,
        parent: str = "targets",
        threshold: int = 1,
    ) -> None:
        delegator = self.targets if parent == "targets" else self.delegated[parent]
        self.signers[role] = [CryptoSigner.generate_ed25519() for _ in range(threshold)]
        if delegator.delegations is None:
            delegator.delegations = Delegations({}, {})
        assert delegator.delegations.roles is not None
        delegator.delegations.roles[role] = DelegatedRole(role, [], threshold, terminating, paths)
        for signer in self.signers[role]:
            delegator.add_key(signer.public_key, role)
        self.delegated[role] = Targets(1, expires=NOW + timedelta(days=100))

    def publish(self, *, bump: bool = False) -> None:
        """Sign and write everything but the root; with `bump`, under new versions."""
        for name, targets in {"targets": self.targets, **self.delegated}.items():
            targets.version += bump
            data = signed(targets, self.signers[name])
            self.files[f"{targets.version}.{name}.json"] = data
            self.snapshot.meta[f"{name}.json"] = MetaFile.from_data(targets.version, data, ["sha256"])
        self.snapshot.version += bump
        self.publish_snapshot()
        self.timestamp.version += bump
        self.publish_timestamp()

    def publish_snapshot(self) -> None:
        data = signed(self.snapshot, self.signers["snapshot"])
        self.files[f"{self.snapshot.version}.snapshot.json"] = data
        self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, data, ["sha256"])

    def publish_timestamp(self) -> None:
        self.files["timestamp.json"] = signed(self.timestamp, self.signers["timestamp"])

    def fresh_box(self) -> TrustState:
        return TrustState.from_root(self.files["1.root.json"])

    def verify(self, trust: TrustState, now: datetime = NOW, *, allow_expired: bool = False) -> Verified:
        return verify(trust, self.read, at(now), allow_expired=allow_expired)

    def read(self, name: str, limit: int) -> bytes | None:
        data = self.files.get(name)
        return None if data is None else data[: limit + 1]


def signed(payload: Root | Timestamp | Snapshot | Targets, signers: Sequence[CryptoSigner]) -> bytes:
    metadata: Metadata[Any] = Metadata(payload)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
