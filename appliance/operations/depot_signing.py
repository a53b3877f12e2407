"""Signing in turns: a file leaves the depot, is signed elsewhere, and comes back."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from appliance.depot_results import (
    KeyHolder,
    ProposedChange,
    RequestSigned,
    SignatureLack,
    SignaturesAsked,
    SignaturesCollected,
)
from appliance.operations.context import LocalContext
from appliance.operations.depot import asked_for, open_depot
from updates.depot import turns
from updates.depot.proposals import Lacking
from updates.depot.repository import Depot
from updates.depot.requests import read_request
from updates.trust.metadata import Signer


def request(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    depot: str,
    file: str,
    passphrase_file: str | None,
) -> SignaturesAsked:
    lacking = turns.request(open_depot(depot, passphrase_file), Path(file))
    return SignaturesAsked(file if lacking else None, lacks(lacking))


def sign(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    file: str,
    key: Sequence[str] | None,
    root: str | None,
    passphrase_file: str | None,
) -> RequestSigned:
    """Without a key the request is only looked at."""
    known = Path(root) if root else None
    added = turns.sign_request(Path(file), key or (), asked_for(passphrase_file), root=known)
    proposed = (
        ProposedChange(
            told.role,
            told.version,
            told.expires.isoformat(),
            told.changes,
            told.threshold,
            key_holders(told.signed),
            key_holders(told.missing),
        )
        for told in turns.describe(read_request(Path(file)), known)
    )
    return RequestSigned(file, tuple(proposed), _by_name(added))


def collect(context: LocalContext, *, depot: str, file: str) -> SignaturesCollected:  # noqa: ARG001 - every operation is called alike
    collected = turns.collect(Depot.open(Path(depot)), Path(file))
    return SignaturesCollected(_by_name(collected.added), lacks(collected.lacking))


def lacks(found: Iterable[Lacking]) -> tuple[SignatureLack, ...]:
    return tuple(
        SignatureLack(
            item.role, item.version, item.threshold, key_holders(item.signed), key_holders(item.missing)
        )
        for item in found
    )


def key_holders(signers: Iterable[Signer]) -> tuple[KeyHolder, ...]:
    return tuple(KeyHolder(found.name, found.keyid) for found in signers)


def _by_name(added: Iterable[tuple[str, Signer]]) -> tuple[str, ...]:
    return tuple(f"{role} by {found.name or found.keyid[:16]}" for role, found in added)
