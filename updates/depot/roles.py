"""Who signs for what, and for how long: new keys, fewer keys, keys for one kind of artifact.

What changes TUF's own roles is a new root, which waits for signatures as everything else does: the old root's keys and
its own must sign it. What changes the role of a kind is in the targets that are signed next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root

from updates.depot import proposals
from updates.depot.repository import Depot, seconds
from updates.depot.settings import ROLES, TWO_PEOPLE, Delegation, check_roles, check_threshold
from updates.depot.signing import settle_root
from updates.errors import DepotError
from updates.names import KIND_ROLES
from updates.trust.metadata import KEY_NAME, Signer, signer

_UNCHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Holders:
    """Who signs for a role: `threshold` of `keys`, by key id."""

    threshold: int
    keys: Mapping[str, Key]

    @property
    def signers(self) -> tuple[Signer, ...]:
        return tuple(signer(key) for _, key in sorted(self.keys.items()))


def rotate(
    depot: Depot,
    role: str,
    *,
    keys: Sequence[Path | str] = (),
    threshold: int | None = None,
    now: datetime | None = None,
    passphrase: bytes | None = None,
) -> int:
    """Give a role new keys; the old ones count no longer. Gives the version of the root, or of the one proposed.

    What the role had signed is signed anew at the next publication.

    Args:
        depot: an opened depot.
        role: one of `updates.depot.settings.ALL_ROLES`; a kind's role must have been delegated.
        keys: keys, as for `Depot.create`; by default as many new ones as the threshold asks for.
        threshold: signatures needed from now on; by default as many as before.
        now: when this happens; by default, now.
        passphrase: encrypts new keys.

    Raises:
        DepotError: `depot.threshold`, `depot.unknown-role`, `depot.key-…`, `depot.token`.
    """
    before = holders(depot, role)
    needed = threshold or before.threshold
    check_threshold(role, needed, len(keys) if keys else needed)
    fresh = depot.take_keys(role, keys or None, needed, passphrase)
    return _assign(depot, {role: Holders(needed, {key.keyid: key for key in fresh})}, now)


def delegate(
    depot: Depot,
    role: str,
    *,
    keys: Sequence[Path | str] = (),
    threshold: int | None = None,
    passphrase: bytes | None = None,
) -> Holders:
    """Let a role of its own vouch for one kind of artifact, or add keys to it, or change how many must sign.

    Args:
        depot: an opened depot.
        role: `models`, `runtimes`, `software`, `policies`, `knowledge` or `system`.
        keys: keys to add, as for `Depot.create`; a role without any gets as many new ones as its threshold.
        threshold: signatures needed; by default as many as before, at first 1, for `policies` 2.
        passphrase: encrypts new keys.

    Raises:
        DepotError: `depot.threshold`, `depot.unknown-role`, `depot.key-…`, `depot.token`.
    """
    if role not in KIND_ROLES:
        raise DepotError(
            "depot.unknown-role",
            f"{role!r} is no kind of artifact.",
            kept=_UNCHANGED,
            remedy=f"The kinds are {', '.join(KIND_ROLES)}; `appliance depot rotate` changes the other roles' keys.",
        )
    before = (
        holders(depot, role) if role in depot.settings.delegations else Holders(TWO_PEOPLE.get(role, 1), {})
    )
    needed = threshold or before.threshold
    added = depot.take_keys(role, keys if keys or before.keys else None, needed, passphrase)
    after = Holders(needed, {**before.keys, **{key.keyid: key for key in added}})
    check_threshold(role, needed, len(after.keys))
    _assign(depot, {role: after}, None)
    return after


def revoke(
    depot: Depot, key: str, *, roles: Sequence[str] = (), now: datetime | None = None
) -> tuple[str, ...]:
    """Take a key away from every role that has it, or from the roles named; gives those roles.

    Args:
        depot: an opened depot.
        key: the name of its owner, or the beginning of its key id (at least 8 digits).
        roles: where it shall no longer count; by default everywhere.
        now: when this happens; by default, now.

    Raises:
        DepotError: `depot.unknown-key`, `depot.threshold` (too few would remain: give the role new keys instead),
            `depot.unknown-role`, `depot.key-…`.
    """
    check_roles(set(roles))
    after: dict[str, Holders] = {}
    for role in roles or (*ROLES, *depot.settings.delegations):
        before = holders(depot, role)
        rest = {keyid: found for keyid, found in before.keys.items() if not _is(found, key)}
        if len(rest) < len(before.keys):
            check_threshold(role, before.threshold, len(rest))
            after[role] = Holders(before.threshold, rest)
    if not after:
        raise DepotError(
            "depot.unknown-key",
            f"No role has a key {key!r}.",
            kept=_UNCHANGED,
            remedy="`appliance depot status` lists the keys of each role.",
        )
    _assign(depot, after, now)
    return tuple(after)


def set_expiry(depot: Depot, days: Mapping[str, int]) -> None:
    """Change how long a role's signatures last, from its next signature on.

    Raises:
        DepotError: `depot.unknown-role`, `depot.expiry`.
    """
    check_roles(set(days))
    for role, count in days.items():
        if not 1 <= count <= 36_500:
            raise DepotError(
                "depot.expiry",
                f"{role} cannot be signed for {count} days.",
                kept=_UNCHANGED,
                remedy="Name between 1 day and 100 years (36500).",
            )
    depot.settings.expiry = replace(depot.expiry, **days)
    depot.save_settings()


def holders(depot: Depot, role: str) -> Holders:
    """Who signs for a role once everything proposed is signed.

    Raises:
        DepotError: `depot.unknown-role`, also for a kind that has no role of its own.
    """
    check_roles({role})
    if role in ROLES:
        root = _proposed_root(depot)
        return Holders(
            root.roles[role].threshold, {keyid: root.keys[keyid] for keyid in root.roles[role].keyids}
        )
    found = depot.settings.delegations.get(role)
    if found is None:
        raise _not_delegated(role)
    return Holders(found.threshold, found.keys)


def _assign(depot: Depot, changed: Mapping[str, Holders], now: datetime | None) -> int:
    root = _proposed_root(depot)
    for role, after in changed.items():
        check_threshold(role, after.threshold, len(after.keys))
        if role in ROLES:
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            for key in after.keys.values():
                root.add_key(key, role)
            root.roles[role].threshold = after.threshold
        else:
            depot.settings.delegations[role] = Delegation(after.threshold, dict(after.keys))
            here = depot.keys.get(role, ())
            depot.settings.keys[role] = [key for key in here if key.keyid in after.keys]
    depot.save_settings()
    if changed.keys() & set(ROLES):
        _propose(depot, root, now)
    return root.version


def _proposed_root(depot: Depot) -> Root:
    settle_root(depot)
    proposal = proposals.find(depot, Root.type)
    root: Root = depot.root() if proposal is None else proposal.signed
    return root


def _propose(depot: Depot, root: Root, now: datetime | None) -> None:
    old = depot.root()
    root.version = old.version + 1
    root.expires = seconds(now) + depot.expiry.lifetime(Root.type)
    proposals.sign_here(depot, Root.type, Metadata(root), (old, root))
    settle_root(depot)


def _is(key: Key, told: str) -> bool:
    return key.unrecognized_fields.get(KEY_NAME) == told or (len(told) >= 8 and key.keyid.startswith(told))


def _not_delegated(role: str) -> DepotError:
    return DepotError(
        "depot.unknown-role",
        f"{role} has no role of its own in this depot.",
        kept=_UNCHANGED,
        remedy=f"`appliance depot delegate DEPOT {role}` gives it one.",
    )
