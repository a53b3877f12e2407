"""Signing: what changed, what wears out, and new keys.

Targets first, then the snapshot, the timestamp last: a depot whose power failed in between simply signs again, and
nothing that was ever published is signed a second time under the same version.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from updates.depot.keys import load_signer
from updates.depot.repository import Depot, DepotKey, check_threshold, name_keys, seconds
from updates.errors import DepotError, TrustError
from updates.layout import TIMESTAMP
from updates.trust.metadata import ISSUED, Loaded, S, load, signers_of


def sign(depot: Depot, now: datetime | None = None, *, renew: bool = False) -> tuple[str, ...]:
    """Sign what changed, and what has used up half of its time; gives the roles signed.

    With nothing to sign the metadata stays as it is, byte for byte, so that fifty media are alike.

    Args:
        depot: an opened depot.
        now: when this happens; by default, now.
        renew: sign targets, snapshot and timestamp in any case.

    Raises:
        DepotError: `depot.key-…`, `depot.keys-missing`, `depot.damaged`.
    """
    moment = seconds(now)
    root = depot.root()
    targets, snapshot, timestamp = newest(depot)
    wanted = depot.target_files()
    signed: list[str] = []

    def stale(loaded: Loaded[S] | None) -> bool:
        return loaded is None or renew or bool(signed) or _worn(depot, root, loaded, moment)

    if targets is None or stale(targets) or targets.signed.targets != wanted:
        expires = moment + depot.expiry.lifetime(Targets.type)
        targets = _sign(depot, Targets(_next(targets), None, expires, wanted), root)
        signed.append(Targets.type)
    if snapshot is None or stale(snapshot):
        expires = moment + depot.expiry.lifetime(Snapshot.type)
        meta = {"targets.json": _meta(targets)}
        snapshot = _sign(depot, Snapshot(_next(snapshot), None, expires, meta), root)
        signed.append(Snapshot.type)
    if timestamp is None or stale(timestamp):
        expires = moment + depot.expiry.lifetime(Timestamp.type)
        issued = {ISSUED: f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        _sign(depot, Timestamp(_next(timestamp), None, expires, _meta(snapshot), issued), root)
        signed.append(Timestamp.type)
    return tuple(signed)


def rotate(
    depot: Depot,
    role: str,
    *,
    keys: Sequence[Path] = (),
    threshold: int | None = None,
    now: datetime | None = None,
    passphrase: bytes | None = None,
) -> int:
    """Give a role new keys in a new root; the old ones count no longer. Gives the root's new version.

    The new root carries the signatures of the old root keys and of the new ones; what the role had signed is signed
    anew at the next publication.

    Args:
        depot: an opened depot.
        role: root, targets, snapshot or timestamp.
        keys: key files; by default as many new ones as the threshold asks for.
        threshold: signatures needed from now on; by default as many as before.
        now: when this happens; by default, now.
        passphrase: encrypts new keys.

    Raises:
        DepotError: `depot.threshold`, `depot.key-…`, `depot.keys-missing`.
    """
    root = depot.root()
    old_signers = _signers(depot, root, Root.type)
    needed = threshold or root.roles[role].threshold
    check_threshold(role, needed, len(keys) if keys else needed)
    fresh = name_keys(keys) if keys else depot.make_keys(role, needed, passphrase)
    signers = [_signer(depot, key) for key in fresh]
    for keyid in list(root.roles[role].keyids):
        root.revoke_key(keyid, role)
    for signer in signers:
        root.add_key(signer.public_key, role)
    check_threshold(role, needed, len(root.roles[role].keyids))
    root.roles[role].threshold = needed
    root.version += 1
    root.expires = seconds(now) + depot.expiry.lifetime(Root.type)
    metadata = Metadata(root)
    for signer in [*old_signers, *(signers if role == Root.type else [])]:
        metadata.sign(signer, append=True)
    before = depot.keys
    depot.keys = {**before, role: [*before[role], *fresh]}
    depot.save_settings()
    depot.write(depot.metadata(f"{root.version}.root.json"), metadata.to_bytes())
    depot.keys = {**before, role: fresh}
    depot.save_settings()
    return root.version


def metadata_files(depot: Depot) -> tuple[Path, ...]:
    """The signed files that a medium carries: every root, and the newest of the rest.

    Raises:
        DepotError: `depot.unsigned`.
    """
    _, snapshot, _ = newest(depot)
    if snapshot is None:
        raise DepotError(
            "depot.unsigned", "Nothing in this depot was signed yet.", remedy="Publish once to sign it."
        )
    roots = [f"{version}.root.json" for version in range(1, depot.root().version + 1)]
    rest = [f"{meta.version}.{name}" for name, meta in sorted(snapshot.signed.meta.items())]
    names = [*roots, TIMESTAMP, f"{snapshot.signed.version}.snapshot.json", *rest]
    return tuple(depot.metadata(name) for name in names)


def newest(
    depot: Depot,
) -> tuple[Loaded[Targets] | None, Loaded[Snapshot] | None, Loaded[Timestamp] | None]:
    """What was signed last; what a failed signing left behind is not seen."""
    if not depot.metadata(TIMESTAMP).exists():
        return None, None, None
    timestamp = _load(depot, Timestamp, TIMESTAMP)
    snapshot = _load(depot, Snapshot, f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
    targets = _load(depot, Targets, f"{snapshot.signed.meta['targets.json'].version}.targets.json")
    return targets, snapshot, timestamp


def _sign(depot: Depot, payload: S, root: Root) -> Loaded[S]:
    metadata = Metadata(payload)
    for signer in _signers(depot, root, payload.type):
        metadata.sign(signer, append=True)
    name = TIMESTAMP if payload.type == Timestamp.type else f"{payload.version}.{payload.type}.json"
    data = metadata.to_bytes()
    depot.write(depot.metadata(name), data)
    return Loaded(name, data, metadata)


def _signers(depot: Depot, root: Root, role: str) -> list[CryptoSigner]:
    """The keys of `role` that are at hand and that the root names."""
    present = [key for key in depot.keys[role] if (depot.path / key.file).exists()]
    loaded = [_signer(depot, key) for key in present]
    signers = [signer for signer in loaded if signer.public_key.keyid in root.roles[role].keyids]
    if len(signers) < root.roles[role].threshold:
        raise DepotError(
            "depot.keys-missing",
            f"{role} needs {root.roles[role].threshold} signatures and {len(signers)} of its keys are here.",
            kept="Nothing was published.",
            remedy=f"Bring the key files of {role} to their places: "
            f"{', '.join(key.file for key in depot.keys[role])}.",
        )
    return signers


def _signer(depot: Depot, key: DepotKey) -> CryptoSigner:
    return load_signer(depot.path / key.file, key.name, depot.ask)


def _worn(depot: Depot, root: Root, loaded: Loaded[S], now: datetime) -> bool:
    """Whether half of its time is gone, or its keys were taken away."""
    signed = loaded.signed
    try:
        signers_of(loaded, signed.type, root)
    except TrustError:
        return True
    return signed.expires - now < depot.expiry.lifetime(signed.type) / 2


def _load(depot: Depot, kind: type[S], name: str) -> Loaded[S]:
    return load(kind, depot.metadata(name).read_bytes(), name)


def _meta(signed: Loaded[S]) -> MetaFile:
    return MetaFile.from_data(signed.signed.version, signed.data, ["sha256"])


def _next(loaded: Loaded[S] | None) -> int:
    return 1 if loaded is None else loaded.signed.version + 1
