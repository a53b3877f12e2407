"""A depot: the keys, the signed metadata and the blobs of everything that was ever added.

    DEPOT/depot.json     which key file signs for which role, how long signatures last
    DEPOT/keys/          private keys that were made here
    DEPOT/metadata/      every signed file, as it goes onto a medium
    DEPOT/pending.json   the artifacts as they shall be; signed at the next publication
    DEPOT/blobs/         content by digest

Adding changes `pending.json` only. Signing turns it into metadata with fresh versions, the timestamp last, so that a
depot whose power failed in between simply signs again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from updates import canonical
from updates.artifacts import Artifact, from_target
from updates.blobs import BlobStore
from updates.depot.keys import AskPassphrase, generate_key, load_signer
from updates.durable import write_file
from updates.errors import DepotError, MediumError
from updates.layout import TIMESTAMP
from updates.trust.delegations import Target, walk
from updates.trust.metadata import ISSUED, S, load

ROLES = ("root", "targets", "snapshot", "timestamp")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long the signature of a role lasts, in days."""

    root: int = 3650
    targets: int = 1095
    snapshot: int = 365
    timestamp: int = 365

    def after(self, role: str, moment: datetime) -> datetime:
        return moment + timedelta(days=getattr(self, role))


@dataclass(frozen=True, slots=True)
class DepotKey:
    """A key that signs for a role: its file, relative to the depot or absolute, and whose it is."""

    file: str
    name: str


@dataclass(slots=True)
class Depot:
    """An opened depot."""

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
            DepotError: `depot.exists`, `depot.threshold`, `depot.key-…`, `depot.unwritable`.
        """
        if path.exists() and any(path.iterdir()):
            raise DepotError(
                "depot.exists",
                f"{path} is not empty.",
                kept="It was left as it is.",
                remedy="Name an empty or a new folder.",
            )
        needed = {role: (thresholds or {}).get(role, 1) for role in ROLES}
        unknown = sorted({*(thresholds or {}), *(keys or {})} - set(ROLES))
        if unknown:
            raise DepotError(
                "depot.unknown-role",
                f"{unknown[0]!r} is no role.",
                remedy=f"The roles are {', '.join(ROLES)}.",
            )
        (path / "metadata").mkdir(parents=True, exist_ok=True)
        opener = ask or (None if passphrase is None else lambda _: passphrase)
        own = {
            role: _keys_for(path, role, needed[role], (keys or {}).get(role, ()), passphrase)
            for role in ROLES
        }
        depot = cls(path, own, expiry, opener)
        depot._sign_first_root(needed, _seconds(now))
        write_file(path / "pending.json", canonical.to_bytes({}))
        depot._save_settings()
        return depot

    @classmethod
    def open(cls, path: Path, ask: AskPassphrase | None = None) -> Self:
        """Open the depot at `path`; `ask` is asked for the passphrases of encrypted keys.

        Raises:
            DepotError: `depot.missing`, `depot.damaged`.
        """
        try:
            settings = canonical.parse_object((path / "depot.json").read_bytes(), "depot.json")
        except OSError as error:
            raise DepotError(
                "depot.missing",
                f"There is no depot at {path}: {error.strerror}.",
                remedy="Make one with `appliance depot init`, or name its folder.",
            ) from error
        try:
            if settings["format"] != _FORMAT:
                raise ValueError(f"format {settings['format']!r}")
            keys = {
                role: [DepotKey(str(key["file"]), str(key["name"])) for key in settings["keys"][role]]
                for role in ROLES
            }
            expiry = Expiry(**settings["expiry_days"])
        except (KeyError, TypeError, ValueError) as error:
            raise DepotError(
                "depot.damaged",
                f"{path / 'depot.json'} is not understood: {error}.",
                remedy="Restore the file from a backup, or open the depot with the version that made it.",
            ) from error
        return cls(path, keys, expiry, ask)

    @property
    def root_file(self) -> Path:
        """The newest root: what a box is set up with."""
        return self._metadata(f"{self._root_version()}.root.json")

    def root_bytes(self) -> bytes:
        return self.root_file.read_bytes()

    def artifacts(self) -> tuple[Artifact, ...]:
        """Every artifact as it shall be published, sorted."""
        return tuple(
            sorted(
                (from_target(target) for target in self._pending_targets()), key=lambda found: found.identity
            )
        )

    def add(self, artifact: Artifact) -> None:
        """Add an artifact whose blobs, manifest included, are in the depot's store. Adding it twice is no change.

        Raises:
            DepotError: `depot.same-version-other-bytes`.
        """
        pending = self._pending()
        entry = {
            "length": artifact.manifest_size,
            "sha256": artifact.digest.hex,
            "custom": artifact.custom(),
        }
        known = pending.get(artifact.identity.target_path)
        if known is not None and known != entry:
            raise DepotError(
                "depot.same-version-other-bytes",
                f"The depot has {artifact.identity} already, with other content.",
                kept="The depot was left as it is.",
                remedy="Give what changed a new version: boxes refuse one version with two contents.",
            )
        write_file(
            self.path / "pending.json", canonical.to_bytes({**pending, artifact.identity.target_path: entry})
        )

    def remove(self, artifact: Artifact) -> None:
        """Leave an artifact out of what is published from now on; its blobs stay."""
        pending = self._pending()
        pending.pop(artifact.identity.target_path, None)
        write_file(self.path / "pending.json", canonical.to_bytes(pending))

    def sign(self, now: datetime | None = None, *, renew: bool = False) -> tuple[str, ...]:
        """Sign what changed, and what has used up half of its time; gives the roles signed.

        With nothing to sign the metadata stays as it is, byte for byte, so that fifty media are alike.

        Args:
            now: when this happens; by default, now.
            renew: sign targets, snapshot and timestamp in any case.

        Raises:
            DepotError: `depot.key-…`, `depot.keys-missing`.
        """
        moment = _seconds(now)
        targets, snapshot, timestamp = self._newest()
        wanted = self._target_files()
        signed: list[str] = []
        if targets is None or renew or targets.targets != wanted or self._worn(targets, moment):
            targets = Targets(_next(targets), None, self.expiry.after(Targets.type, moment), wanted)
            self._sign_and_write(Metadata(targets), f"{targets.version}.targets.json", signed)
        if snapshot is None or signed or self._worn(snapshot, moment):
            meta = {"targets.json": self._meta(targets)}
            snapshot = Snapshot(_next(snapshot), None, self.expiry.after(Snapshot.type, moment), meta)
            self._sign_and_write(Metadata(snapshot), f"{snapshot.version}.snapshot.json", signed)
        if timestamp is None or signed or self._worn(timestamp, moment):
            timestamp = Timestamp(
                _next(timestamp),
                None,
                self.expiry.after(Timestamp.type, moment),
                self._meta(snapshot),
                {ISSUED: f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
            )
            self._sign_and_write(Metadata(timestamp), TIMESTAMP, signed)
        return tuple(signed)

    def metadata_files(self) -> tuple[Path, ...]:
        """The signed files that a medium carries: every root, and the newest of the rest.

        Raises:
            DepotError: `depot.unsigned`.
        """
        _, snapshot, _ = self._newest()
        if snapshot is None:
            raise DepotError("depot.unsigned", "Nothing in this depot was signed yet.")
        roots = [f"{version}.root.json" for version in range(1, self._root_version() + 1)]
        rest = [f"{meta.version}.{name}" for name, meta in sorted(snapshot.meta.items())]
        names = [*roots, TIMESTAMP, f"{snapshot.version}.snapshot.json", *rest]
        return tuple(self._metadata(name) for name in names)

    def _sign_first_root(self, thresholds: Mapping[str, int], now: datetime) -> None:
        root = Root(1, expires=self.expiry.after(Root.type, now), consistent_snapshot=True)
        for role in ROLES:
            for key in self.keys[role]:
                root.add_key(self._signer(key).public_key, role)
            root.roles[role].threshold = thresholds[role]
        metadata = Metadata(root)
        for key in self.keys[Root.type]:
            metadata.sign(self._signer(key), append=True)
        write_file(self._metadata("1.root.json"), metadata.to_bytes())

    def _sign_and_write(self, metadata: "Metadata[S]", name: str, signed: list[str]) -> None:
        role = metadata.signed.type
        signers = self._signers(role)
        for signer in signers:
            metadata.sign(signer, append=True)
        write_file(self._metadata(name), metadata.to_bytes())
        signed.append(role)

    def _signers(self, role: str) -> list[CryptoSigner]:
        """The keys of `role` that are at hand and that the newest root names."""
        root = load(Root, self.root_bytes(), "root.json").signed
        present = [key for key in self.keys[role] if (self.path / key.file).exists()]
        signers = [
            signer
            for key in present
            if (signer := self._signer(key)).public_key.keyid in root.roles[role].keyids
        ]
        if len(signers) < root.roles[role].threshold:
            raise DepotError(
                "depot.keys-missing",
                f"{role} needs {root.roles[role].threshold} signatures and {len(signers)} of its keys are here.",
                kept="Nothing was published.",
                remedy=f"Bring the key files of {role} to their places: "
                f"{', '.join(key.file for key in self.keys[role])}.",
            )
        return signers

    def _signer(self, key: DepotKey) -> CryptoSigner:
        return load_signer(self.path / key.file, key.name, self.ask)

    def _worn(self, signed: Targets | Snapshot | Timestamp, now: datetime) -> bool:
        lifetime = timedelta(days=getattr(self.expiry, signed.type))
        return signed.expires - now < lifetime / 2

    def _pending(self) -> dict[str, Any]:
        try:
            return canonical.parse_object((self.path / "pending.json").read_bytes(), "pending.json")
        except (OSError, MediumError) as error:
            raise DepotError(
                "depot.damaged",
                f"{self.path / 'pending.json'} cannot be read: {error}.",
                remedy="Restore the file from a backup.",
            ) from error

    def _target_files(self) -> dict[str, TargetFile]:
        return {
            path: TargetFile(entry["length"], {"sha256": entry["sha256"]}, path, {"custom": entry["custom"]})
            for path, entry in self._pending().items()
        }

    def _pending_targets(self) -> tuple[Target, ...]:
        unsigned = Metadata(Targets(targets=self._target_files()))
        loaded = load(Targets, unsigned.to_bytes(), "pending.json")
        return walk(loaded, lambda _role, _delegator: loaded, 1)

    def _newest(self) -> tuple[Targets | None, Snapshot | None, Timestamp | None]:
        """What was signed last; what a failed signing left behind is not seen."""
        if not self._metadata(TIMESTAMP).exists():
            return None, None, None
        timestamp = self._load(Timestamp, TIMESTAMP)
        snapshot = self._load(Snapshot, f"{timestamp.snapshot_meta.version}.snapshot.json")
        targets = self._load(Targets, f"{snapshot.meta['targets.json'].version}.targets.json")
        return targets, snapshot, timestamp

    def _load(self, kind: type[S], name: str) -> S:
        return load(kind, self._metadata(name).read_bytes(), name).signed

    def _meta(self, signed: Targets | Snapshot) -> MetaFile:
        data = self._metadata(f"{signed.version}.{signed.type}.json").read_bytes()
        return MetaFile.from_data(signed.version, data, ["sha256"])

    def _root_version(self) -> int:
        return max(int(path.name.partition(".")[0]) for path in self._metadata("").glob("*.root.json"))

    def _metadata(self, name: str) -> Path:
        return self.path / "metadata" / name

    def _save_settings(self) -> None:
        settings = {
            "format": _FORMAT,
            "expiry_days": asdict(self.expiry),
            "keys": {role: [asdict(key) for key in keys] for role, keys in self.keys.items()},
        }
        write_file(self.path / "depot.json", canonical.to_bytes(settings))


def _keys_for(
    depot: Path, role: str, threshold: int, files: Sequence[Path], passphrase: bytes | None
) -> list[DepotKey]:
    if threshold < 1 or (files and len(files) < threshold):
        raise DepotError(
            "depot.threshold",
            f"{role} cannot ask for {threshold} signatures with {len(files)} keys.",
            remedy="Name at least as many keys as signatures are needed.",
        )
    if files:
        return [DepotKey(str(file.absolute()), file.stem) for file in files]
    made = [f"keys/{role}-{number}.pem" for number in range(1, threshold + 1)]
    for file in made:
        generate_key(depot / file, passphrase)
    return [DepotKey(file, Path(file).stem) for file in made]


def _next(signed: Targets | Snapshot | Timestamp | None) -> int:
    return 1 if signed is None else signed.version + 1


def _seconds(moment: datetime | None) -> datetime:
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
