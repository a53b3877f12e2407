"""A depot: the keys, the signed metadata and the blobs of everything that was ever added.

DEPOT/depot.json     which key file signs for which role, how long signatures last
DEPOT/keys/          private keys that were made here
DEPOT/metadata/      every signed file, as it goes onto a medium
DEPOT/pending.json   the artifacts as they shall be; signed at the next publication
DEPOT/blobs/         content by digest
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from updates import canonical
from updates.artifacts import Artifact, from_target
from updates.blobs import BlobStore
from updates.depot.keys import AskPassphrase, generate_key, load_signer
from updates.durable import write_file
from updates.errors import DepotError, MediumError
from updates.trust.delegations import targets_of
from updates.trust.metadata import load

ROLES = ("root", "targets", "snapshot", "timestamp")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long the signature of a role lasts, in days."""

    root: int = 3650
    targets: int = 1095
    snapshot: int = 365
    timestamp: int = 365

    def lifetime(self, role: str) -> timedelta:
        return timedelta(days=asdict(self)[role])


@dataclass(frozen=True, slots=True)
class DepotKey:
    """A key that signs for a role: its file, relative to the depot or absolute, and whose it is."""

    file: str
    name: str


@dataclass(slots=True)
class Depot:
    """An opened depot. `updates.depot.signing` signs in it, `updates.depot.publish` writes media from it."""

    path: Path
    keys: Mapping[str, Sequence[DepotKey]]
    expiry: Expiry
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
        keys: Mapping[str, Sequence[Path]] | None = None,
        expiry: Expiry = Expiry(),
        now: datetime | None = None,
        passphrase: bytes | None = None,
        ask: AskPassphrase | None = None,
    ) -> Self:
        """Make a depot in a folder that is empty or missing, and sign its first root.

        Args:
            path: the depot's folder.
            thresholds: signatures needed by role; 1 where a role is not named.
            keys: key files by role, each named after its file; a role that is not named gets as many new keys as
                its threshold, under `keys/`.
            expiry: how long signatures last.
            now: when this happens; by default, now.
            passphrase: encrypts the new keys.
            ask: asked for the passphrases of encrypted keys; by default, `passphrase` opens them all.

        Raises:
            DepotError: `depot.exists`, `depot.unknown-role`, `depot.threshold`, `depot.unwritable`, `depot.key-…`.
        """
        needed = dict.fromkeys(ROLES, 1) | dict(thresholds or {})
        given = dict(keys or {})
        _check_roles({*needed, *given})
        for role in ROLES:
            check_threshold(role, needed[role], len(given[role]) if role in given else needed[role])
        try:
            if path.exists() and any(path.iterdir()):
                raise _exists(path)
            (path / "metadata").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        opener = ask or (None if passphrase is None else lambda _: passphrase)
        depot = cls(path, {}, expiry, opener)
        depot.keys = {
            role: (
                name_keys(given[role]) if role in given else depot.make_keys(role, needed[role], passphrase)
            )
            for role in ROLES
        }
        depot._sign_first_root(needed, seconds(now))
        depot.write(path / "pending.json", canonical.to_bytes({}))
        depot.save_settings()
        return depot

    @classmethod
    def open(cls, path: Path, ask: AskPassphrase | None = None) -> Self:
        """Open the depot at `path`; `ask` is asked for the passphrases of encrypted keys.

        Raises:
            DepotError: `depot.missing`, `depot.damaged`.
        """
        try:
            settings = canonical.parse_object((path / "depot.json").read_bytes(), "depot.json")
            if settings["format"] != _FORMAT:
                raise ValueError(f"format {settings['format']!r}")
            keys = {
                role: [DepotKey(str(key["file"]), str(key["name"])) for key in settings["keys"][role]]
                for role in ROLES
            }
            return cls(path, keys, Expiry(**settings["expiry_days"]), ask)
        except OSError as error:
            raise DepotError(
                "depot.missing",
                f"There is no depot at {path}: {error.strerror}.",
                remedy="Make one with `appliance depot init`, or name its folder.",
            ) from error
        except (MediumError, KeyError, TypeError, ValueError) as error:
            raise _damaged(path / "depot.json", error) from error

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

    def target_files(self) -> dict[str, TargetFile]:
        """What is pending, as TUF targets.

        Raises:
            DepotError: `depot.damaged`.
        """
        try:
            return {
                path: TargetFile(
                    entry["length"], {"sha256": entry["sha256"]}, path, {"custom": entry["custom"]}
                )
                for path, entry in self._pending().items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self.path / "pending.json", error) from error

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

    def make_keys(self, role: str, count: int, passphrase: bytes | None = None) -> list[DepotKey]:
        """Make new key files for a role under `keys/`.

        Raises:
            DepotError: `depot.key-exists`, `depot.unwritable`.
        """
        free = (
            number for number in range(1, 10_000) if not (self.path / f"keys/{role}-{number}.pem").exists()
        )
        made = [f"keys/{role}-{next(free)}.pem" for _ in range(count)]
        for file in made:
            generate_key(self.path / file, passphrase)
        return [DepotKey(file, Path(file).stem) for file in made]

    def save_settings(self) -> None:
        settings = {
            "format": _FORMAT,
            "expiry_days": asdict(self.expiry),
            "keys": {role: [asdict(key) for key in keys] for role, keys in self.keys.items()},
        }
        self.write(self.path / "depot.json", canonical.to_bytes(settings))

    def _sign_first_root(self, thresholds: Mapping[str, int], now: datetime) -> None:
        root = Root(1, expires=now + self.expiry.lifetime(Root.type), consistent_snapshot=True)
        signers = {
            role: [load_signer(self.path / key.file, key.name, self.ask) for key in self.keys[role]]
            for role in ROLES
        }
        for role in ROLES:
            for signer in signers[role]:
                root.add_key(signer.public_key, role)
            check_threshold(role, thresholds[role], len(root.roles[role].keyids))
            root.roles[role].threshold = thresholds[role]
        metadata = Metadata(root)
        for signer in signers[Root.type]:
            metadata.sign(signer, append=True)
        self.write(self.metadata("1.root.json"), metadata.to_bytes())

    def _pending(self) -> dict[str, Any]:
        try:
            return canonical.parse_object((self.path / "pending.json").read_bytes(), "pending.json")
        except (OSError, MediumError) as error:
            raise _damaged(self.path / "pending.json", error) from error

    def _write_pending(self, pending: Mapping[str, Any]) -> None:
        self.write(self.path / "pending.json", canonical.to_bytes(pending))


def name_keys(files: Sequence[Path]) -> list[DepotKey]:
    """Key files by their place, each named after its file."""
    return [DepotKey(str(file.absolute()), file.stem) for file in files]


def check_threshold(role: str, threshold: int, keys: int) -> None:
    """Raises: DepotError: `depot.threshold`."""
    if not 1 <= threshold <= keys:
        raise DepotError(
            "depot.threshold",
            f"{role} cannot ask for {threshold} signatures with {keys} different keys.",
            kept="Nothing was signed.",
            remedy="Name at least as many keys as signatures are needed.",
        )


def seconds(moment: datetime | None) -> datetime:
    """`moment`, by default now, in UTC and whole seconds, as TUF writes time."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def _check_roles(roles: set[str]) -> None:
    unknown = sorted(roles - set(ROLES))
    if unknown:
        raise DepotError(
            "depot.unknown-role", f"{unknown[0]!r} is no role.", remedy=f"The roles are {', '.join(ROLES)}."
        )


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
