"""What this house asks for beyond TUF: that no byte of a medium is without meaning.

TUF ignores what it does not need: white space, a second signature that does not fit, old root files, a hint that
nobody signs. A medium that was damaged or touched there would pass. Here it does not.
"""

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from updates.errors import TrustError
from updates.layout import LIMITS, TIMESTAMP, metadata_file
from updates.refusals import missing, refused, same_version, wrong_bytes
from updates.trust.delegations import Target
from updates.trust.metadata import Loaded, S, keys_of, load, signers_of
from updates.trust.rules import Read, Verified
from updates.trust.state import TrustState


def check_every_byte(trusted: TrustState, verified: Verified, read: Read) -> None:
    """Refuse metadata of which any byte could be another one, and old roots that do not lead to the newest.

    Snapshot, targets and delegated roles are bound by the digests in their parents; what is left is the
    timestamp and every root.

    Raises:
        TrustError: `trust.signature`, `trust.unknown-key`, `trust.threshold`, `trust.same-version-other-bytes`,
            `trust.root-version`, `trust.mix-and-match`.
        MediumError: `medium.missing-file`, `medium.digest-mismatch`, `medium.malformed`; what `read` raises.
    """
    root = load(Root, verified.state.files["root"], "the trusted root")
    timestamp = load(Timestamp, verified.state.files["timestamp"], metadata_file(TIMESTAMP))
    _canonical(timestamp)
    _every_signature(timestamp, Timestamp.type, root.signed)
    _bound_by_digest(timestamp, load(Snapshot, verified.state.files["snapshot"], "snapshot.json"))
    _check_roots(trusted, root, read)


def refuse_changed_artifacts(trusted: TrustState, verified: Verified) -> None:
    """A target that the box has seen keeps its bytes for ever: what changes takes a new version.

    Raises:
        TrustError: `trust.same-version-other-bytes`.
    """
    known = {
        path: target
        for role, data in trusted.files.items()
        if role not in (Root.type, Timestamp.type, Snapshot.type) and data != verified.state.files.get(role)
        for path, target in load(Targets, data, f"the trusted {role}").signed.targets.items()
    }
    for target in verified.targets:
        if target.path in known and _differs(target, known[target.path].hashes):
            raise same_version(f"{target.path} in {target.file}", target.file)


def _differs(target: Target, hashes: dict[str, str]) -> bool:
    return hashes.get("sha256") != target.digest.hex


def _check_roots(trusted: TrustState, newest: Loaded[Root], read: Read) -> None:
    believed = load(Root, trusted.files["root"], "the trusted root")
    older: Loaded[Root] | None = None
    for version in range(1, newest.signed.version + 1):
        name = f"{version}.root.json"
        data = read(name, LIMITS.root)
        if data is None:
            raise missing(metadata_file(name))
        root = load(Root, data, metadata_file(name))
        _canonical(root)
        if root.signed.version != version:
            raise refused(
                "trust.root-version", f"{root.file} carries root version {root.signed.version}", root.file
            )
        _every_signature(root, Root.type, root.signed, older.signed if older else root.signed)
        signers_of(root, Root.type, root.signed)
        if older is not None:
            signers_of(root, Root.type, older.signed)
        if version == believed.signed.version and data != believed.data:
            raise same_version(root.file, root.file)
        older = root


def _bound_by_digest(timestamp: Loaded[Timestamp], snapshot: Loaded[Snapshot]) -> None:
    snapshot_file = metadata_file(f"{snapshot.signed.version}.snapshot.json")
    for parent, meta in (
        (timestamp.file, {"snapshot.json": timestamp.signed.snapshot_meta}),
        (snapshot_file, snapshot.signed.meta),
    ):
        for name, entry in meta.items():
            if entry.length is None or "sha256" not in (entry.hashes or {}):
                raise refused("trust.mix-and-match", f"{parent} names {name} without its digest", parent)


def _canonical(loaded: Loaded[S]) -> None:
    if loaded.metadata.to_bytes() != loaded.data:
        raise wrong_bytes(loaded.file, "it is not written in the one form that the depot writes")


def _every_signature(loaded: Loaded[S], role: str, *delegators: Root) -> None:
    counted: set[str] = set()
    for delegator in delegators:
        keys_of(delegator.roles[role], delegator, loaded.file)
        result = delegator.get_verification_result(role, loaded.payload, loaded.metadata.signatures)
        counted |= result.signed.keys()
    if loaded.metadata.signatures.keys() - counted:
        raise _stray_signature(loaded.file)


def _stray_signature(file: str) -> TrustError:
    return refused("trust.signature", f"{file} carries a signature that does not fit it", file)
