"""What is known of a runtime pack: one that is here, one that is not, one that is here and of no use."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RuntimePack:
    """An engine that is installed and could be asked."""

    name: str
    engine: str
    """The adapter's entry-point name."""
    version: str
    """Of the engine's own package, not of the adapter."""
    interpreter: Path
    """Python that workers of this pack run under."""
    folder: Path | None = None
    """The pack's own virtual environment; None where it lives in the core's."""
    needs: str = ""
    """What the machine must have for it, one sentence; empty where any will do."""

    @property
    def mark(self) -> str:
        """What its candidates carry as `Candidate.pack`."""
        return "" if self.folder is None else self.name

    @property
    def title(self) -> str:
        """What tells it from every other pack in a plan: its engine in the core's environment, else its own name."""
        return self.mark or self.engine


@dataclass(frozen=True, slots=True)
class AbsentPack:
    """A pack that is known and not installed here."""

    name: str
    engine: str
    vendor: str
    """Whose accelerator it is for: `nvidia`, `amd`, `intel`, or `any`."""
    needs: str
    """What the machine must have for it, one sentence."""
    floor: str = ""
    """Oldest `Accelerator.newest_runtime` that is enough, such as `cuda-13.0`; empty where none is asked for."""


@dataclass(frozen=True, slots=True)
class BrokenPack:
    """A folder where packs lie that cannot be used as one."""

    name: str
    folder: Path
    reason: str
    """Why not, one sentence with the file concerned."""
