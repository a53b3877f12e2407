"""Where a box keeps what: one folder, or the system's places."""

import os
from dataclasses import dataclass
from pathlib import Path

SYSTEM_STATE = Path("/var/lib/appliance")
SYSTEM_RUN = Path("/run/appliance")
ENVIRONMENT = "APPLIANCE_STATE"
SYSTEM_PACKS = Path("/opt/appliance/packs")
PACKS_ENVIRONMENT = "APPLIANCE_PACKS"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The files of one box."""

    root: Path
    run: Path

    @classmethod
    def at(cls, folder: Path) -> "StateFolder":
        """All of it below one folder, sockets too: for demos, tests and development."""
        return cls(folder, folder / "run")

    @classmethod
    def choose(cls, folder: str | None) -> "StateFolder":
        """`--state-dir`, else `APPLIANCE_STATE`, else the system's places."""
        chosen = folder or os.environ.get(ENVIRONMENT)
        if chosen:
            return cls.at(Path(chosen).absolute())
        return cls(SYSTEM_STATE, SYSTEM_RUN)

    @property
    def database(self) -> Path:
        return self.root / "appliance.sqlite3"

    @property
    def telemetry(self) -> Path:
        return self.root / "telemetry.sqlite3"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def compiled(self) -> Path:
        """Compiled models; safe to delete."""
        return self.root / "cache"

    @property
    def packs(self) -> tuple[Path, ...]:
        """Where runtime packs lie: the box's own, then those of the system or of the folders in APPLIANCE_PACKS."""
        chosen = os.environ.get(PACKS_ENVIRONMENT)
        shared = [Path(folder) for folder in chosen.split(os.pathsep) if folder] if chosen else [SYSTEM_PACKS]
        return (self.own_packs, *(folder.absolute() for folder in shared))

    @property
    def own_packs(self) -> Path:
        """Where imported runtime packs lie."""
        return self.root / "packs"

    @property
    def releases(self) -> Path:
        """Releases of the appliance itself; empty where it was installed otherwise."""
        return self.root / "releases"

    @property
    def device_key(self) -> Path:
        return self.root / "keys" / "device.pem"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def inference_socket(self) -> Path:
        return self.run / "inference.sock"
