"""What is on a medium and what it would change, from signed metadata alone: no payload is read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from updates.artifacts import Artifact, from_target, index_of
from updates.digest import Digest
from updates.errors import MediumError
from updates.layout import BLOB_FOLDER, CARRIED, COSIGNATURES, INDEX, LIMITS, METADATA_FOLDER, OCI_LAYOUT
from updates.manifest import layout_bytes
from updates.media import Medium
from updates.names import Identity, Kind, version_order
from updates.refusals import missing, same_version, wrong_bytes
from updates.trust.clock import EffectiveTime
from updates.trust.exact import check_every_byte, refuse_changed_artifacts
from updates.trust.rules import RoleReport, Verified, verify
from updates.trust.state import TrustState


class Standing(StrEnum):
    """What an artifact would be to this box."""

    NEW = "new"
    """Nothing of this kind and name is here."""
    NEWER = "newer"
    """A later version than any that is here."""
    PRESENT = "present"
    """This very version is here already."""
    OLDER = "older"
    """Another version, and a later one is here; of all kinds but models also one that lies on the medium beside it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An artifact version that the box holds; `digest` is its manifest's."""

    identity: Identity
    digest: Digest


@dataclass(frozen=True, slots=True)
class Offer:
    """An artifact on the medium, and what it would be to this box."""

    artifact: Artifact
    standing: Standing
    newest_here: str | None
    """The latest version of the same kind and name on the box."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A medium that may be trusted: what is on it, who signed, what it would change."""

    medium: Medium
    offers: tuple[Offer, ...]
    verified: Verified
    ignored: tuple[str, ...]
    """Files that nobody signed; they are never read."""

    @property
    def roles(self) -> tuple[RoleReport, ...]:
        return self.verified.roles

    @property
    def age(self) -> timedelta | None:
        """How long ago the metadata was signed; None where the depot does not say."""
        issued = self.verified.issued
        return None if issued is None else self.verified.time.at - issued

    @property
    def changes(self) -> tuple[Offer, ...]:
        """What an import would bring in: all that is new or newer."""
        return tuple(offer for offer in self.offers if offer.standing in (Standing.NEW, Standing.NEWER))

    @property
    def total_bytes(self) -> int:
        """Bytes of everything that an import would bring in, blobs already here included."""
        return sum(offer.artifact.size + offer.artifact.manifest_size for offer in self.changes)

    @property
    def is_news(self) -> bool:
        return bool(self.changes)


def inspect(
    medium: Medium,
    trust: TrustState,
    now: EffectiveTime,
    installed: Iterable[Installed] = (),
    *,
    allow_expired: bool = False,
) -> Preview:
    """Verify a medium's metadata and say what is on it.

    Args:
        medium: from `updates.media.find_update`.
        trust: what the box trusts.
        now: the effective time, `updates.trust.clock.effective_time`.
        installed: every artifact version that the box holds.
        allow_expired: let expired metadata through; the Preview says which roles it was needed for.

    Raises:
        TrustError: the metadata does not earn trust; see `updates.trust.rules.verify`. Also
            `trust.same-version-other-bytes` for an artifact that the box knows with other content.
        MediumError: a file is missing, damaged, too large, not a plain file, or the medium is gone.
    """
    verified = verify(trust, medium.read_metadata, now, allow_expired=allow_expired)
    check_every_byte(trust, verified, medium.read_metadata)
    refuse_changed_artifacts(trust, verified)
    artifacts = tuple(from_target(target) for target in verified.targets)
    _check_file(medium, OCI_LAYOUT, layout_bytes())
    _check_file(medium, INDEX, index_of(artifacts))
    here: dict[tuple[str, str], list[Installed]] = {}
    for item in installed:
        here.setdefault((item.identity.kind, item.identity.name), []).append(item)
    offers = tuple(
        _offer(artifact, here.get((artifact.identity.kind, artifact.identity.name), []), verified)
        for artifact in sorted(artifacts, key=lambda artifact: artifact.identity)
    )
    return Preview(medium, _newest_alone(offers), verified, tuple(_unsigned_files(medium, verified)))


def _offer(artifact: Artifact, here: list[Installed], verified: Verified) -> Offer:
    newest = max((item.identity.version for item in here), key=version_order, default=None)
    same = next((item for item in here if item.identity == artifact.identity), None)
    if same is not None and same.digest != artifact.digest:
        file = next(
            target.file for target in verified.targets if target.path == artifact.identity.target_path
        )
        raise same_version(f"{artifact.identity} on the medium", file)
    if same is not None:
        standing = Standing.PRESENT
    elif newest is None:
        standing = Standing.NEW
    elif version_order(artifact.identity.version) > version_order(newest):
        standing = Standing.NEWER
    else:
        standing = Standing.OLDER
    return Offer(artifact, standing, newest)


def _newest_alone(offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Of a runtime, a release, a policy or an image one version counts; to bring the ones before it would be in vain."""
    newest: dict[tuple[str, str], str] = {}
    for identity in (offer.artifact.identity for offer in offers):
        key = (identity.kind, identity.name)
        newest[key] = max(newest.get(key, identity.version), identity.version, key=version_order)

    def outdone(offer: Offer) -> bool:
        identity = offer.artifact.identity
        counts = identity.kind is Kind.MODEL or identity.version == newest[identity.kind, identity.name]
        return not counts and offer.standing in (Standing.NEW, Standing.NEWER)

    return tuple(replace(offer, standing=Standing.OLDER) if outdone(offer) else offer for offer in offers)


def _check_file(medium: Medium, file: str, expected: bytes) -> None:
    try:
        data = medium.read(file, max(len(expected), LIMITS.timestamp))
    except MediumError as error:
        if error.code == "medium.too-large":
            raise wrong_bytes(file, "it is longer than the signed metadata implies") from error
        raise
    if data is None:
        raise missing(file)
    if data != expected:
        raise wrong_bytes(file, "it does not say what the signed metadata implies")


def _unsigned_files(medium: Medium, verified: Verified) -> list[str]:
    root_version = next(report.version for report in verified.roles if report.role == "root")
    known = {f"{METADATA_FOLDER}/{version}.root.json" for version in range(1, root_version + 1)}
    known |= {report.file for report in verified.roles} | {OCI_LAYOUT, INDEX, CARRIED, COSIGNATURES}
    return [file for file in medium.files() if file not in known and not file.startswith(f"{BLOB_FOLDER}/")]
