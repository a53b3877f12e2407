"""What the commands about updates give back, beside what `appliance.results` has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RolledBack:
    name: str
    was: str
    """Version that served before."""
    version: str
    """Version that serves now."""
    engine: str
    """Label of the candidate that serves it."""
    plan_reused: bool
    """Its measured plan still held, so nothing was measured."""
    serving: bool


@dataclass(frozen=True, slots=True)
class ModelRemoved:
    name: str
    version: str
    freed: int
    kept: tuple[str, ...]
    """What is left of it as evidence."""


@dataclass(frozen=True, slots=True)
class VersionConfirmed:
    name: str
    version: str
    previous: str
    """Version that nothing keeps any more but the policy."""
    seconds: float
    """Of service, before it was confirmed."""
    requests: int


@dataclass(frozen=True, slots=True)
class CancelAsked:
    running: bool
    """Whether there was an import to end."""


@dataclass(frozen=True, slots=True)
class FoundUpdate:
    """An update where updates arrive."""

    medium: str
    """What to name to import it."""
    new: tuple[str, ...]
    """`name version` of what an import would bring."""
    others: int
    """Artifacts that are here already, older, or below the policy's floor."""
    auto: bool = False
    """The policy lets the box import it by itself."""
    code: str = ""
    """Why it is refused; empty where it is not."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MediaFound:
    updates: tuple[FoundUpdate, ...]
    inbox: str
    """The folder in which updates arrive; empty where there is none."""
    unmounted: tuple[str, ...] = ()
    """Sticks that are plugged in and mounted nowhere, such as `sdb1, 14.9 GiB`."""
