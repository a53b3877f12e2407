"""What a depot is set to: who signs for what, how many of them, for how long. Kept as `DEPOT/depot.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from securesystemslib.signer import Key
from tuf.api.metadata import DelegatedRole, Delegations

from updates.depot.tokens import is_token, token_label
from updates.errors import DepotError
from updates.names import KIND_ROLES, target_pattern

ROLES = ("root", "targets", "snapshot", "timestamp")
"""TUF's own roles; their keys stand in the root."""
ALL_ROLES = (*ROLES, *KIND_ROLES)
TWO_PEOPLE = {"policies": 2}
"""Signatures that a role needs where nobody says how many; 1 for those not named. Settings and rules take two people."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long the signature of a role lasts, in days."""

    root: int = 3650
    targets: int = 1095
    snapshot: int = 365
    timestamp: int = 365
    models: int = 1095
    runtimes: int = 1095
    software: int = 1095
    policies: int = 1095
    knowledge: int = 1095
    system: int = 1095

    def lifetime(self, role: str) -> timedelta:
        return timedelta(days=asdict(self)[role])


@dataclass(frozen=True, slots=True)
class DepotKey:
    """A key that signs here: its file, relative to the depot or absolute, or its token; and whose it is."""

    file: str
    name: str
    keyid: str = ""
    """Empty in a depot that an earlier version made."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who vouches for one kind of artifact: `threshold` of `keys`, wherever these are."""

    threshold: int
    keys: Mapping[str, Key]
    """Public keys by key id."""


@dataclass(slots=True)
class Settings:
    """Changed by `updates.depot.roles`; a delegation counts once the targets that carry it are signed."""

    keys: dict[str, Sequence[DepotKey]]
    """The keys that sign here, by role. Other people's stand in the metadata only."""
    expiry: Expiry = field(default=Expiry())
    delegations: dict[str, Delegation] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "expiry_days": asdict(self.expiry),
            "keys": {role: [asdict(key) for key in keys] for role, keys in self.keys.items()},
            "delegations": {
                role: {
                    "threshold": delegation.threshold,
                    "keys": {keyid: key.to_dict() for keyid, key in delegation.keys.items()},
                }
                for role, delegation in self.delegations.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError, ValueError: it is not what `to_json` gave."""
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']!r}")
        keys: dict[str, Sequence[DepotKey]] = {
            role: [DepotKey(**key) for key in told] for role, told in value["keys"].items()
        }
        check_roles(keys)
        delegations = {
            role: Delegation(
                int(told["threshold"]),
                {keyid: Key.from_dict(keyid, dict(key)) for keyid, key in told["keys"].items()},
            )
            for role, told in value.get("delegations", {}).items()
        }
        check_roles(delegations)
        return cls(keys, Expiry(**value["expiry_days"]), delegations)

    def tuf_delegations(self) -> Delegations | None:
        """What the targets say of other roles; None where everything is theirs."""
        if not self.delegations:
            return None
        keys = {keyid: key for found in self.delegations.values() for keyid, key in found.keys.items()}
        roles = {
            role: DelegatedRole(
                role, sorted(found.keys), found.threshold, terminating=True, paths=[target_pattern(role)]
            )
            for role, found in sorted(self.delegations.items())
        }
        return Delegations(dict(sorted(keys.items())), roles)


def key_name(reference: str) -> str:
    """How a key is called that has no other name: its file's, or its token's label."""
    if is_token(reference):
        return token_label(reference) or reference
    return Path(reference).name.removesuffix(".pem").removesuffix(".pub")


def check_roles(roles: Mapping[str, object] | set[str]) -> None:
    """Raises: DepotError: `depot.unknown-role`."""
    unknown = sorted(set(roles) - set(ALL_ROLES))
    if unknown:
        raise DepotError(
            "depot.unknown-role",
            f"{unknown[0]!r} is no role.",
            kept="Nothing was changed.",
            remedy=f"The roles are {', '.join(ALL_ROLES)}.",
        )


def check_threshold(role: str, threshold: int, keys: int) -> None:
    """Raises: DepotError: `depot.threshold`."""
    if not 1 <= threshold <= keys:
        raise DepotError(
            "depot.threshold",
            f"{role} cannot ask for {threshold} signatures with {keys} different keys.",
            kept="Nothing was signed.",
            remedy="Name at least as many keys as signatures are needed.",
        )
