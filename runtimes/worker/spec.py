"""What a worker is asked to host."""

from dataclasses import dataclass
from pathlib import Path

from runtimes.engine import Candidate, ModelFile


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One model loaded one way, in one process. Times in seconds, sizes in bytes."""

    model: ModelFile
    candidate: Candidate
    interpreter: Path
    """Python of the engine's runtime pack."""
    cache: Path | None = None
    """Folder for compiled models; safe to delete."""
    load_timeout: float = 60.0
    request_timeout: float = 60.0
    memory_limit: int | None = None
