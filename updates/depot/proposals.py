"""Metadata that waits for signatures: `DEPOT/signing/ROLE.json`, complete but for the keys that are elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from updates.depot.keys import load_signer, signs
from updates.depot.repository import Depot
from updates.errors import DepotError
from updates.layout import TIMESTAMP
from updates.trust.metadata import Loaded, Signer, load, signer

KINDS: dict[str, Any] = {"root": Root, "snapshot": Snapshot, "timestamp": Timestamp}
"""What a role's metadata is; targets for every role not named here."""

Delegators = tuple[Root | Targets, ...]
"""Who says which keys sign for a role; for a new root, the old one and itself."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A proposal that has too few signatures yet."""

    role: str
    version: int
    threshold: int
    signed: tuple[Signer, ...]
    missing: tuple[Signer, ...]
    """Everyone who may sign it and has not."""

    def __str__(self) -> str:
        names = ", ".join(f"{found.name or 'a key'} ({found.keyid[:8]})" for found in self.missing)
        return f"{self.role} {self.version} has {len(self.signed)} of {self.threshold} signatures, next may sign: {names}"


def find(depot: Depot, role: str) -> Loaded[Any] | None:
    """What is proposed for a role; None where nothing is. Raises: MediumError: `medium.malformed`."""
    path = depot.path / "signing" / f"{role}.json"
    return load(KINDS.get(role, Targets), path.read_bytes(), f"{role}.json") if path.exists() else None


def proposed_roles(depot: Depot) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (depot.path / "signing").glob("*.json")))


def put(depot: Depot, role: str, metadata: "Metadata[Any]") -> Loaded[Any]:
    """Write a proposal as it stands, with the signatures that it has. Raises: DepotError: `depot.unwritable`."""
    folder = depot.path / "signing"
    folder.mkdir(exist_ok=True)
    data = metadata.to_bytes()
    depot.write(folder / f"{role}.json", data)
    return Loaded(f"{role}.json", data, metadata)


def drop(depot: Depot, roles: Iterable[str]) -> None:
    for role in roles:
        (depot.path / "signing" / f"{role}.json").unlink(missing_ok=True)


def sign_here(depot: Depot, role: str, metadata: "Metadata[Any]", delegators: Delegators) -> Loaded[Any]:
    """Add the signatures of every key of the role that is here, leave out those that no longer count, and write it.

    Raises:
        DepotError: `depot.key-…`, `depot.token`, `depot.unwritable`.
    """
    keep_counting(role, metadata, delegators)
    wanted = {keyid for delegator in delegators for keyid in delegator.get_delegated_role(role).keyids}
    for key in depot.keys.get(role, ()):
        reference = depot.locate(key.file)
        if key.keyid in metadata.signatures or (key.keyid and key.keyid not in wanted):
            continue
        if signs(reference):
            private = load_signer(reference, key.name, depot.ask)
            if private.public_key.keyid in wanted:
                signature = private.sign(metadata.signed_bytes)
                metadata.signatures[signature.keyid] = signature
    return put(depot, role, metadata)


def keep_counting(role: str, metadata: "Metadata[Any]", delegators: Delegators) -> None:
    """Leave out signatures that do not fit, or whose keys no longer sign for the role."""
    counted: set[str] = set()
    for delegator in delegators:
        result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        counted |= result.signed.keys()
    for keyid in metadata.signatures.keys() - counted:
        del metadata.signatures[keyid]


def lacking(role: str, loaded: Loaded[Any], delegators: Delegators) -> tuple[Lacking, ...]:
    """What a proposal still needs; nothing where every delegator is content."""
    found = []
    for delegator in delegators:
        result = delegator.get_verification_result(role, loaded.payload, loaded.metadata.signatures)
        if not result.verified:
            signed = tuple(signer(key) for _, key in sorted(result.signed.items()))
            missing = tuple(signer(key) for _, key in sorted(result.unsigned.items()))
            found.append(Lacking(role, loaded.signed.version, result.threshold, signed, missing))
    return tuple(found)


def refuse_lacking(depot: Depot, found: Iterable[Lacking]) -> None:
    """Raises: DepotError: `depot.signatures-missing`: it says who must sign next."""
    open_ones = list(found)
    if not open_ones:
        return
    wanted = {signer.keyid for item in open_ones for signer in item.missing}
    files = sorted(
        {key.file for item in open_ones for key in depot.keys.get(item.role, ()) if key.keyid in wanted}
    )
    places = f" Keys of this depot that are not in their places: {', '.join(files)}." if files else ""
    raise DepotError(
        "depot.signatures-missing",
        f"Signatures are missing: {'; '.join(str(item) for item in open_ones)}.",
        kept="Nothing was published; the signatures that are here are kept.",
        remedy="`appliance depot request DEPOT FILE` writes a file that others sign with `appliance depot sign`; "
        f"`appliance depot collect` brings it back.{places}",
    )


def file_name(role: str, version: int) -> str:
    """What a role's signed file is called on a medium."""
    return TIMESTAMP if role == Timestamp.type else f"{version}.{role}.json"
