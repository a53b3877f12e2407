"""What a box trusts, as one frozen value that its owner stores and hands back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Self

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets, Timestamp

from updates.trust.metadata import issued_at, load, signers_of


@dataclass(frozen=True, slots=True)
class TrustState:
    """The newest metadata file of each role that this box has accepted, as bytes; `root` is always there.

    The bytes are kept rather than what they say, so that each use verifies them again.
    """

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if "root" not in self.files:
            raise ValueError("trust begins with a root")
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    @classmethod
    def from_root(cls, data: bytes) -> Self:
        """Begin with a root that a person vouches for.

        Raises:
            MediumError: `medium.malformed`: it is no root metadata.
            TrustError: it does not carry the signatures that it asks of itself.
        """
        root = load(Root, data, "root.json")
        signers_of(root, Root.type, root.signed)
        return cls({"root": data})

    @property
    def root_version(self) -> int:
        return load(Root, self.files["root"], "root.json").signed.version

    @property
    def artifact_keys(self) -> tuple[Key, ...]:
        """The keys that may vouch for artifacts: the targets', and those of every role they delegate to."""
        root = load(Root, self.files["root"], "root.json").signed
        own = [root.keys[keyid] for keyid in root.roles[Targets.type].keyids]
        data = self.files.get(Targets.type)
        delegations = load(Targets, data, "targets.json").signed.delegations if data is not None else None
        return (*own, *(delegations.keys.values() if delegations is not None else ()))

    @property
    def signed_time(self) -> datetime | None:
        """The newest moment that a trusted key has signed; None on a fresh box."""
        data = self.files.get("timestamp")
        return None if data is None else issued_at(load(Timestamp, data, "timestamp.json").signed)
