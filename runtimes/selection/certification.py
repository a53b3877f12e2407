"""Certifying: does one way of running a model give its golden samples on this machine?"""

from dataclasses import dataclass

from runtimes.engine import Candidate, InForce
from runtimes.golden import GoldenSet
from runtimes.selection.plan import Parity
from runtimes.selection.trial import try_out
from runtimes.worker.spec import WorkerSpec


@dataclass(frozen=True, slots=True)
class Certificate:
    """What certifying found; `parity.within` says whether the model may be used this way."""

    candidate: Candidate
    parity: Parity
    reason: str
    """Why it may not; empty where it may."""
    in_force: InForce
    load_seconds: float


async def certify(spec: WorkerSpec, golden: GoldenSet) -> Certificate:
    """Load the model one way and run its golden samples; nothing is timed.

    Raises EngineError where it cannot be loaded or a sample cannot be run.
    """
    trial = await try_out(spec, golden, seconds=None, at_most=None)
    return Certificate(spec.candidate, trial.parity, trial.wrong, trial.in_force, trial.load_seconds)
