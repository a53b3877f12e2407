"""One metadata file: reading it strictly, and who signed it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Role, Root, Signed, Snapshot, Targets, Timestamp
from tuf.api.serialization import SerializationError

from updates import canonical
from updates.refusals import refused

_SIGNATURE = re.compile(r"(?:[0-9a-f]{2})*")

S = TypeVar("S", Root, Timestamp, Snapshot, Targets)

ISSUED = "issued"
"""The signed field of a timestamp that says when it was made: a lower bound of the time."""
KEY_NAME = "name"
"""The signed field of a key that says whose it is."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that has signed, and whose it is."""

    keyid: str
    name: str


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A metadata file, parsed; believed only once its signatures were counted."""

    file: str
    data: bytes
    metadata: "Metadata[S]"

    @property
    def signed(self) -> S:
        return self.metadata.signed

    @property
    def payload(self) -> bytes:
        """What the signatures are over. Raises: MediumError: `medium.malformed`."""
        try:
            return self.metadata.signed_bytes
        except SerializationError as error:
            raise canonical.malformed(self.file, "it cannot be signed in this form") from error


def load(kind: type[S], data: bytes, file: str) -> Loaded[S]:
    """Parse `data` as metadata of `kind`.

    Raises:
        MediumError: `medium.malformed`.
        TrustError: `trust.same-key-twice`.
    """
    value = canonical.parse_object(data, file)
    _refuse_repeated_signatures(value, file)
    try:
        metadata = Metadata[S].from_dict(value)
        _check_types(metadata)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise canonical.malformed(file, f"it is no TUF metadata ({error})") from error
    if not isinstance(metadata.signed, kind):
        raise canonical.malformed(file, f"it is {metadata.signed.type} metadata, not {kind.type}")
    return Loaded(file, data, metadata)


def signers_of(loaded: Loaded[S], role_name: str, delegator: Root | Targets) -> tuple[Signer, ...]:
    """Count the signatures on `loaded` that `delegator` accepts for `role_name`.

    Raises:
        TrustError: `trust.unknown-key`, `trust.signature`, `trust.same-key-twice` or `trust.threshold`.
    """
    role = delegator.get_delegated_role(role_name)
    keys = keys_of(role, delegator, loaded.file)
    signatures, payload = loaded.metadata.signatures, loaded.payload
    try:
        result = delegator.get_verification_result(role_name, payload, signatures)
    except (RepositoryError, ValueError, TypeError) as error:
        raise refused(
            "trust.signature", f"the signatures on {loaded.file} cannot be checked", loaded.file
        ) from error
    if result.verified:
        return tuple(signer(result.signed[keyid]) for keyid in sorted(result.signed))
    counted = f"{len(result.signed)} of {result.threshold} signatures needed"
    if not signatures.keys() & keys.keys():
        raise refused(
            "trust.unknown-key",
            f"{loaded.file} is signed by no key that this box knows for {role_name} ({counted})",
            loaded.file,
        )
    if signatures.keys() & result.unsigned.keys():
        raise refused(
            "trust.signature",
            f"a signature on {loaded.file} does not fit its content ({counted})",
            loaded.file,
        )
    raise refused("trust.threshold", f"{loaded.file} has {counted}", loaded.file)


def keys_of(role: Role, delegator: Root | Targets, file: str) -> Mapping[str, Key]:
    """The keys of a role by key id; one public key under two ids would count twice and is refused."""
    known = delegator.keys if isinstance(delegator, Root) else _delegated_keys(delegator)
    keys = {keyid: known[keyid] for keyid in role.keyids if keyid in known}
    if len({str(key.keyval.get("public")).strip().lower() for key in keys.values()}) != len(keys):
        raise refused("trust.same-key-twice", f"one key stands under two names for a role in {file}", file)
    return keys


def signer(key: Key) -> Signer:
    name = key.unrecognized_fields.get(KEY_NAME, "")
    return Signer(key.keyid, name[:120] if isinstance(name, str) else "")


def issued_at(timestamp: Timestamp) -> datetime | None:
    """When a timestamp says it was made; None where it does not say."""
    text = timestamp.unrecognized_fields.get(ISSUED)
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _delegated_keys(delegator: Targets) -> Mapping[str, Key]:
    return delegator.delegations.keys if delegator.delegations is not None else {}


def _refuse_repeated_signatures(value: Mapping[str, Any], file: str) -> None:
    signatures = value.get("signatures")
    if not isinstance(signatures, list):
        return
    keyids = [str(signature.get("keyid")) for signature in signatures if isinstance(signature, dict)]
    if len(set(keyids)) != len(keyids):
        raise refused("trust.same-key-twice", f"{file} carries two signatures of one key", file)


def _check_types(metadata: "Metadata[S]") -> None:
    signed: Signed = metadata.signed
    if type(signed.version) is not int or not 0 < signed.version < 2**53:
        raise ValueError("its version is no usable number")
    if not all(_SIGNATURE.fullmatch(str(signature.signature)) for signature in metadata.signatures.values()):
        raise ValueError("a signature is not in hexadecimal")
