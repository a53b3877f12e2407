"""What an operation is given besides its arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from appliance.actor import Actor
from appliance.control.messages import OnProgress, Progress
from appliance.state import StateFolder
from appliance.status import DeploymentStatus, Problem
from runtimes.hardware.profile import HardwareProfile

if TYPE_CHECKING:
    from appliance.box import Box
    from appliance.registry import Deployment
    from appliance.soak.observed import Observed


class Staged(Protocol):
    """A deployment whose new worker is loaded and warm, but gets no requests yet."""

    async def switch(self) -> None:
        """From now on new requests go to it; the one before finishes what it has and ends."""
        ...

    async def discard(self) -> None:
        """End the new worker; the one before never noticed."""
        ...


class Services(Protocol):
    """The daemon's running parts, as an operation may use them."""

    @property
    def endpoints(self) -> Sequence[str]: ...

    @property
    def media(self) -> Sequence[str]:
        """Where updates lie now."""
        ...

    async def stage(self, deployment: "Deployment") -> Staged:
        """Start the deployment's worker beside the one that serves. Raises EngineError."""
        ...

    async def stop_serving(self, name: str) -> None: ...

    def statuses(self) -> Sequence[DeploymentStatus]: ...

    def seen(self, name: str) -> "Observed":
        """What the version did that serves under a name now."""
        ...

    async def hardware(self) -> HardwareProfile: ...

    def problems(self) -> Sequence[Problem]: ...

    def restart(self) -> None:
        """Let the daemon end and be started again, once what is being carried out has been answered."""
        ...


@dataclass(frozen=True, slots=True)
class LocalContext:
    """For operations in the calling process that have no box open."""

    state: StateFolder
    actor: Actor
    progress: OnProgress
    json: bool
    """Only the result may be printed."""


@dataclass(frozen=True, slots=True)
class BoxContext:
    """For operations on the box's state."""

    box: "Box"
    actor: Actor
    progress: OnProgress
    services: Services | None = None
    """None where no daemon runs."""

    def report(self, phase: str, text: str, *, medium_needed: bool | None = None) -> None:
        self.progress(Progress(phase, text, medium_needed=medium_needed))
