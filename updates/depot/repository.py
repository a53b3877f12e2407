"""A depot: the keys, the signed metadata and the blobs of everything that was ever added.

DEPOT/depot.json     which key signs here for which role, how long signatures last, who vouches for which kind
DEPOT/keys/          private keys that were made here
DEPOT/metadata/      every signed file, as it goes onto a medium
DEPOT/signing/       what waits for signatures of other people
DEPOT/pending.json   the artifacts as they shall be; signed at the next publication
DEPOT/blobs/         content by digest
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from updates import canonical
from updates.artifacts import Artifact, from_target
from updates.blobs import BlobStore
from updates.depot.keys import generate_key, load_public, load_signer, signs
from updates.depot.settings import (
    ROLES,
    TWO_PEOPLE,
    Delegation,
    DepotKey,
    Expiry,
    Settings,
    check_roles,
    check_threshold,
    key_name,
)
from updates.depot.tokens import AskPassphrase, is_token
from updates.durable import write_file
from updates.errors import DepotError, MediumError
from updates.names import role_of
from updates.trust.delegations import targets_of
from updates.trust.metadata import load

__all__ = ["ROLES", "Depot", "DepotKey", "Expiry"]


@dataclass(slots=True)
class Depot:
    """An opened depot. `updates.depot.signing` signs in it, `updates.depot.publish` writes media from it."""

    path: Path
    settings: Settings
    ask: AskPassphrase | None = None
    blobs: BlobStore = field(init=False)

    def __post_init__(self) -> None:
        self.blobs = BlobStore(self.path / "blobs")

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        thresholds: Mapping[str, int] | None = None,
        keys: Mapping[str, Sequence[Path | str]] | None = None,
        delegate: Sequence[str] = (),
        expiry: Expiry | None = None,
        now: datetime | None = None,
        passphrase: bytes | None = None,
        ask: AskPassphrase | None = None,
    ) -> Self:
        """Make a depot in a folder that is empty or missing, and sign its first root.

        Args:
            path: the depot's folder.
            thresholds: signatures needed by role; 1 where a role is not named, 2 for `policies`.
            keys: keys by role, each named after its file: private ones that sign here, tokens, or public ones of
                people who sign elsewhere. A role that is not named gets as many new keys as its threshold, under
                `keys/`.
            delegate: roles for one kind of artifact each, such as `models`, whose keys vouch for that kind alone;
                a role of `keys` or `thresholds` need not be named again.
            expiry: how long signatures last.
            now: when this happens; by default, now.
            passphrase: encrypts the new keys.
            ask: asked for the passphrases of encrypted keys; by default, `passphrase` opens them all.

        Raises:
            DepotError: `depot.exists`, `depot.unknown-role`, `depot.threshold`, `depot.unwritable`, `depot.key-…`,
                `depot.token`, `depot.signatures-missing` (the first root is signed here).
        """
        needed, given = dict(thresholds or {}), dict(keys or {})
        check_roles({*needed, *given, *delegate})
        roles = (*ROLES, *sorted({*needed, *given, *delegate} - set(ROLES)))
        needed = {role: TWO_PEOPLE.get(role, 1) for role in roles} | needed
        for role in roles:
            check_threshold(role, needed[role], len(given[role]) if role in given else needed[role])
        try:
            if path.exists() and any(path.iterdir()):
                raise _exists(path)
            (path / "metadata").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        opener = ask or (None if passphrase is None else lambda _: passphrase)
        depot = cls(path, Settings({}, expiry or Expiry()), opener)
        publics = {role: depot.take_keys(role, given.get(role), needed[role], passphrase) for role in roles}
        depot._sign_first_root(needed, publics, seconds(now))
        for role in roles[len(ROLES) :]:
            found = {key.keyid: key for key in publics[role]}
            check_threshold(role, needed[role], len(found))
            depot.settings.delegations[role] = Delegation(needed[role], found)
        depot.write(path / "pending.json", canonical.to_bytes({}))
        depot.save_settings()
        return depot

    @classmethod
    def open(cls, path: Path, ask: AskPassphrase | None = None) -> Self:
        """Open the depot at `path`; `ask` is asked for the passphrases of encrypted keys and the PINs of tokens.

        Raises:
            DepotError: `depot.missing`, `depot.damaged`.
        """
        try:
            value = canonical.parse_object((path / "depot.json").read_bytes(), "depot.json")
            return cls(path, Settings.from_json(value), ask)
        except OSError as error:
            raise DepotError(
                "depot.missing",
                f"There is no depot at {path}: {error.strerror}.",
                remedy="Make one with `appliance depot init`, or name its folder.",
            ) from error
        except (MediumError, DepotError, KeyError, TypeError, ValueError) as error:
            raise _damaged(path / "depot.json", error) from error

    @property
    def keys(self) -> Mapping[str, Sequence[DepotKey]]:
        """The keys that sign here, by role."""
        return self.settings.keys

    @property
    def expiry(self) -> Expiry:
        return self.settings.expiry

    @property
    def root_file(self) -> Path:
        """The newest root: what a box is set up with."""
        versions = [int(path.name.partition(".")[0]) for path in self.metadata("").glob("*.root.json")]
        if not versions:
            raise _damaged(self.metadata(""), ValueError("no root"))
        return self.metadata(f"{max(versions)}.root.json")

    def root_bytes(self) -> bytes:
        return self.root_file.read_bytes()

    def root(self) -> Root:
        """The newest root, understood."""
        return load(Root, self.root_bytes(), self.root_file.name).signed

    def artifacts(self) -> tuple[Artifact, ...]:
        """Every artifact as it shall be published, sorted.

        Raises:
            DepotError: `depot.damaged`.
        """
        unsigned = load(Targets, Metadata(Targets(targets=self.target_files())).to_bytes(), "pending.json")
        found = [from_target(target) for target in targets_of(Targets.type, unsigned)]
        return tuple(sorted(found, key=lambda artifact: artifact.identity))

    def add(self, artifact: Artifact) -> None:
        """Add an artifact whose blobs, manifest included, are in the depot's store. Adding it twice is no change.

        Raises:
            DepotError: `depot.same-version-other-bytes`, `depot.damaged`.
        """
        entry = {
            "length": artifact.manifest_size,
            "sha256": artifact.digest.hex,
            "custom": artifact.custom(),
        }
        pending = self._pending()
        known = pending.get(artifact.identity.target_path)
        if known is not None and known != entry:
            raise DepotError(
                "depot.same-version-other-bytes",
                f"The depot has {artifact.identity} already, with other content.",
                kept="The depot was left as it is.",
                remedy="Give what changed a new version: boxes refuse one version with two contents.",
            )
        self._write_pending({**pending, artifact.identity.target_path: entry})

    def remove(self, artifact: Artifact) -> None:
        """Leave an artifact out of what is published from now on; its blobs stay.

        Raises:
            DepotError: `depot.damaged`.
        """
        pending = self._pending()
        pending.pop(artifact.identity.target_path, None)
        self._write_pending(pending)

    def target_files(self, role: str | None = None) -> dict[str, TargetFile]:
        """What is pending, as TUF targets; of one role only where it is named.

        Raises:
            DepotError: `depot.damaged`.
        """
        try:
            return {
                path: TargetFile(
                    entry["length"], {"sha256": entry["sha256"]}, path, {"custom": entry["custom"]}
                )
                for path, entry in self._pending().items()
                if role is None or self.role_for(path) == role
            }
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self.path / "pending.json", error) from error

    def role_for(self, path: str) -> str:
        """Who vouches for a target: the role of its kind where there is one, else the targets."""
        role = role_of(path)
        return role if role in self.settings.delegations else Targets.type

    def metadata(self, name: str) -> Path:
        return self.path / "metadata" / name

    def write(self, path: Path, data: bytes) -> None:
        """Replace a file of the depot durably.

        Raises:
            DepotError: `depot.unwritable`.
        """
        try:
            write_file(path, data)
        except OSError as error:
            raise _unwritable(path, error) from error

    def take_keys(
        self,
        role: str,
        given: Sequence[Path | str] | None,
        count: int,
        passphrase: bytes | None = None,
    ) -> list[SSlibKey]:
        """Take keys into use for a role, or make `count` new ones under `keys/`; gives their public halves.

        Those whose private half is here are noted in the settings, which the caller saves.

        Raises:
            DepotError: `depot.key-exists`, `depot.unwritable`, `depot.key-…`, `depot.token`.
        """
        references = self._make_keys(role, count, passphrase) if given is None else given
        publics, here = [], []
        for told in references:
            reference = str(told) if is_token(told) or given is None else str(Path(told).absolute())
            public = load_public(self.locate(reference), key_name(str(told)), self.ask)
            publics.append(public)
            if signs(self.locate(reference)):
                here.append(DepotKey(reference, key_name(str(told)), public.keyid))
        known = {key.keyid for key in here}
        kept = [key for key in self.settings.keys.get(role, ()) if key.keyid not in known]
        self.settings.keys[role] = [*kept, *here]
        return publics

    def locate(self, reference: str) -> str:
        """A key's reference as this process can open it."""
        return reference if is_token(reference) else str(self.path / reference)

    def save_settings(self) -> None:
        self.write(self.path / "depot.json", canonical.to_bytes(self.settings.to_json()))

    def _make_keys(self, role: str, count: int, passphrase: bytes | None) -> list[str]:
        free = (
            number for number in range(1, 10_000) if not (self.path / f"keys/{role}-{number}.pem").exists()
        )
        made = [f"keys/{role}-{next(free)}.pem" for _ in range(count)]
        for file in made:
            generate_key(self.path / file, passphrase)
        return made

    def _sign_first_root(
        self, thresholds: Mapping[str, int], publics: Mapping[str, Sequence[SSlibKey]], now: datetime
    ) -> None:
        root = Root(1, expires=now + self.expiry.lifetime(Root.type), consistent_snapshot=True)
        for role in ROLES:
            for key in publics[role]:
                root.add_key(key, role)
            check_threshold(role, thresholds[role], len(root.roles[role].keyids))
            root.roles[role].threshold = thresholds[role]
        metadata = Metadata(root)
        for held in self.keys[Root.type]:
            metadata.sign(load_signer(self.locate(held.file), held.name, self.ask), append=True)
        if len(metadata.signatures) < thresholds[Root.type]:
            raise DepotError(
                "depot.signatures-missing",
                f"The first root needs {thresholds[Root.type]} signatures; {len(metadata.signatures)} of its private "
                "keys are here.",
                kept="No depot was made.",
                remedy="Begin with root keys that are here, and give the role to other people with `appliance depot "
                "rotate` afterwards.",
            )
        self.write(self.metadata("1.root.json"), metadata.to_bytes())

    def _pending(self) -> dict[str, Any]:
        try:
            return canonical.parse_object((self.path / "pending.json").read_bytes(), "pending.json")
        except (OSError, MediumError) as error:
            raise _damaged(self.path / "pending.json", error) from error

    def _write_pending(self, pending: Mapping[str, Any]) -> None:
        self.write(self.path / "pending.json", canonical.to_bytes(pending))


def seconds(moment: datetime | None) -> datetime:
    """`moment`, by default now, in UTC and whole seconds, as TUF writes time."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def _exists(path: Path) -> DepotError:
    return DepotError(
        "depot.exists",
        f"{path} is not empty.",
        kept="It was left as it is.",
        remedy="Name an empty or a new folder.",
    )


def _unwritable(path: Path, error: OSError) -> DepotError:
    return DepotError(
        "depot.unwritable",
        f"{error.filename or path} cannot be written: {error.strerror}.",
        kept="What was signed and published before is as it was.",
        remedy="Check the depot's disk and the owner of its folder.",
    )


def _damaged(file: Path, error: Exception) -> DepotError:
    return DepotError(
        "depot.damaged",
        f"{file} is not understood: {error}.",
        kept="Nothing was changed.",
        remedy="Restore it from a backup, or open the depot with the version that made it.",
    )
