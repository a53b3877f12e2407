"""What the commands on releases of the appliance give back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReleaseInstalled:
    version: str
    folder: str
    launcher: str
    """What the service manager starts."""


@dataclass(frozen=True, slots=True)
class ReleaseOnTrial:
    version: str
    instead_of: str
    state: str
    """`trying`, `confirmed` or `failed`."""
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    version: str
    """Of what answers."""
    managed: bool
    """It runs from the folder of releases, so an update can replace it."""
    current: str | None
    """What is started next."""
    kept: tuple[str, ...]
    trial: ReleaseOnTrial | None


@dataclass(frozen=True, slots=True)
class ReleaseUndone:
    version: str
    back_to: str
    restarting: bool
    """The daemon starts again as the other by itself."""
