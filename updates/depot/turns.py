"""Signing in turns: what waits for signatures leaves the depot as one file, is signed elsewhere, and comes back.

The file carries the proposed metadata, and what was published before so that the change can be told. It may go from
hand to hand; each adds a signature. A signer needs nothing but it and a key, and sees what is signed in words that are
read from the very bytes that the signature is over. The file grants nothing: only keys that the depot's own root names
count when it is collected, and a file that was changed on its way no longer fits what the depot proposed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Root, Targets

from updates.depot import proposals
from updates.depot.changes import changes
from updates.depot.keys import load_signer
from updates.depot.proposals import Delegators, Lacking
from updates.depot.repository import Depot
from updates.depot.requests import Request, read_request, write_request
from updates.depot.settings import ROLES, key_name
from updates.depot.signing import delegators_of, newest, prepare, settle_root
from updates.depot.tokens import AskPassphrase
from updates.errors import DepotError, MediumError, TrustError
from updates.trust.metadata import Loaded, Signer, load, signer, signers_of


@dataclass(frozen=True, slots=True)
class Proposed:
    """One metadata file that waits, as a signer should see it before signing."""

    role: str
    version: int
    expires: datetime
    changes: tuple[str, ...]
    """What the signature would bring about, a line each."""
    signed: tuple[Signer, ...]
    missing: tuple[Signer, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What a file brought back."""

    added: tuple[tuple[str, Signer], ...]
    """Role and signer of each signature that is new."""
    lacking: tuple[Lacking, ...]


def request(depot: Depot, file: Path, now: datetime | None = None) -> tuple[Lacking, ...]:
    """Propose what changed, sign it with the keys that are here, and write what waits for others to `file`.

    Gives what is lacking; with nothing lacking, no file is written.

    Raises:
        DepotError: `depot.key-…`, `depot.token`, `depot.unwritable`, `depot.damaged`.
    """
    lacking = prepare(depot, now)
    roles = sorted({item.role for item in lacking})
    if not roles:
        return ()
    published, root = newest(depot), load(Root, depot.root_bytes(), "root.json")
    before = {role: loaded for role, loaded in published.items() if role in {*roles, Targets.type}}
    waiting = {role: found for role in roles if (found := proposals.find(depot, role)) is not None}
    top = proposals.find(depot, Targets.type)
    if top is not None and any(role not in ROLES for role in roles):
        waiting[Targets.type] = top
    write_request(file, Request(root, before, waiting))
    return lacking


def describe(asked: Request, root: Path | None = None) -> tuple[Proposed, ...]:
    """What a signer is asked for, read from the bytes that a signature would be over.

    Args:
        asked: a signing request.
        root: the root that the signer knows. With it, only what changes against what was published is told; without,
            all that the signature would be over, since the file could claim anything to have been there before.

    Raises:
        DepotError: `depot.other-root`.
    """
    if root is not None:
        _check_root(asked, root)
    return tuple(
        _proposed(asked, role, loaded, None if root is None else _before(asked, role))
        for role, loaded in sorted(asked.proposed.items())
    )


def sign_request(
    file: Path, keys: Sequence[Path | str], ask: AskPassphrase | None = None, *, root: Path | None = None
) -> tuple[tuple[str, Signer], ...]:
    """Sign with `keys` whatever in `file` asks for them, and write the signatures into it; gives role and signer each.

    Args:
        file: a signing request.
        keys: private key files, or tokens.
        ask: asked for passphrases and PINs.
        root: the root that the signer knows; a request from another depot is refused.

    Raises:
        DepotError: `depot.request-unreadable`, `depot.other-root`, `depot.not-asked`: no key of these is asked for;
            `depot.key-…`, `depot.token`, `depot.unwritable`.
    """
    asked = read_request(file)
    if root is not None:
        _check_root(asked, root)
    added: list[tuple[str, Signer]] = []
    for reference in keys:
        private = load_signer(reference, key_name(str(reference)), ask)
        before = len(added)
        for role, loaded in asked.proposed.items():
            found = _key(asked.delegators(role), role, private.public_key.keyid)
            if found is not None:
                signature = private.sign(loaded.payload)
                loaded.metadata.signatures[signature.keyid] = signature
                added.append((role, found))
        if len(added) == before:
            raise DepotError(
                "depot.not-asked",
                f"Nothing in {file} asks for the key {reference}.",
                kept="The file was left as it is.",
                remedy="Sign with a key that the request names.",
            )
    write_request(file, asked)
    return tuple(added)


def collect(depot: Depot, file: Path) -> Collected:
    """Take the signatures of a file that came back.

    Raises:
        DepotError: `depot.request-unreadable`, `depot.request-stale`: what they are over is proposed no longer;
            `depot.unwritable`, `depot.damaged`.
    """
    asked = read_request(file)
    added: list[tuple[str, Signer]] = []
    lacking: list[Lacking] = []
    for role, loaded in sorted(asked.proposed.items()):
        proposal = proposals.find(depot, role)
        if proposal is None or proposal.payload != loaded.payload:
            raise _stale(file, role)
        delegators = delegators_of(depot, role)
        if role == Root.type:
            delegators = (*delegators, proposal.signed)
        had = set(proposal.metadata.signatures)
        proposal.metadata.signatures.update(
            {keyid: found for keyid, found in loaded.metadata.signatures.items() if keyid not in had}
        )
        proposals.keep_counting(role, proposal.metadata, delegators)
        kept = proposals.put(depot, role, proposal.metadata)
        fresh = set(kept.metadata.signatures) - had
        added += [(role, found) for keyid in sorted(fresh) if (found := _key(delegators, role, keyid))]
        lacking += proposals.lacking(role, kept, delegators)
    settle_root(depot)
    return Collected(tuple(added), tuple(lacking))


def _before(asked: Request, role: str) -> Loaded[Any] | None:
    """What was published of a role, if the request's root vouches for it."""
    if role == Root.type:
        return asked.root
    top, before = asked.before.get(Targets.type), asked.before.get(role)
    delegator: Root | Targets = asked.root.signed if role in ROLES or top is None else top.signed
    try:
        if role not in ROLES and top is not None:
            signers_of(top, Targets.type, asked.root.signed)
        if before is not None:
            signers_of(before, role, delegator)
    except (MediumError, TrustError, ValueError):
        return None
    return before


def _proposed(asked: Request, role: str, loaded: Loaded[Any], before: Loaded[Any] | None) -> Proposed:
    delegators = asked.delegators(role)
    found = proposals.lacking(role, loaded, delegators)
    keys = {keyid for delegator in delegators for keyid in delegator.get_delegated_role(role).keyids}
    signed = [key for keyid in sorted(keys) if (key := _signed_by(delegators, role, loaded, keyid))]
    missing = {item.keyid: item for lack in found for item in lack.missing}
    return Proposed(
        role,
        loaded.signed.version,
        loaded.signed.expires,
        changes(before.signed if before else None, loaded.signed),
        tuple(signed),
        tuple(missing.values()),
        max(delegator.get_delegated_role(role).threshold for delegator in delegators),
    )


def _signed_by(delegators: Delegators, role: str, loaded: Loaded[Any], keyid: str) -> Signer | None:
    for delegator in delegators:
        result = delegator.get_verification_result(role, loaded.payload, loaded.metadata.signatures)
        if keyid in result.signed:
            return signer(result.signed[keyid])
    return None


def _key(delegators: Delegators, role: str, keyid: str) -> Signer | None:
    for delegator in delegators:
        if keyid in delegator.get_delegated_role(role).keyids:
            return signer(delegator.get_key(keyid))
    return None


def _check_root(asked: Request, root: Path) -> None:
    try:
        known = load(Root, root.read_bytes(), root.name)
        if asked.root.signed.version == known.signed.version:
            same = asked.root.payload == known.payload
        else:
            signers_of(asked.root, Root.type, known.signed)
            same = True
    except OSError as error:
        raise DepotError(
            "depot.other-root", f"{root} cannot be read: {error.strerror}.", kept="Nothing was signed."
        ) from error
    except (MediumError, TrustError) as error:
        raise _other_root(root) from error
    if not same:
        raise _other_root(root)


def _other_root(root: Path) -> DepotError:
    return DepotError(
        "depot.other-root",
        f"The request does not come from the depot whose root is {root}.",
        kept="Nothing was signed.",
        remedy="Ask whoever sent it; do not sign what you cannot place.",
    )


def _stale(file: Path, role: str) -> DepotError:
    return DepotError(
        "depot.request-stale",
        f"{file} carries signatures over {role} metadata that this depot proposes no longer.",
        kept="Nothing was taken from it.",
        remedy="Ask for signatures again: `appliance depot request` writes what is proposed now.",
    )
