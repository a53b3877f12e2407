"""Asking an engine, in a short-lived child, what it is and how it could run a model here."""

import asyncio
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from runtimes.engine import ENTRY_POINT_GROUP, Candidate, EngineDescription, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.worker import wire
from runtimes.worker.child import Child


@dataclass(frozen=True, slots=True)
class Probe:
    """One engine's answer; candidates come first, each in the engine's own order of preference."""

    description: EngineDescription
    candidates: tuple[Candidate | Rejection, ...]


async def installed_engines() -> tuple[str, ...]:
    """Names of the adapters installed beside this interpreter. Metadata only: no engine is imported."""
    found = await asyncio.to_thread(entry_points, group=ENTRY_POINT_GROUP)
    return tuple(sorted({entry.name for entry in found}))


async def probe(
    engine: str,
    model: ModelFile,
    hardware: HardwareProfile,
    interpreter: Path,
    timeout: float = 20.0,  # noqa: ASYNC109 - it names the engine
) -> Probe:
    """Start the engine in a confined child, ask, and end the child.

    Raises EngineError: `worker.probe-timeout`, `worker.died`, `pack.missing`, `pack.broken`, `model.invalid`.
    """
    answer: asyncio.Future[wire.Probed] = asyncio.get_running_loop().create_future()

    def on_answer(message: wire.Answer, _: memoryview) -> None:
        if answer.done():
            return
        if isinstance(message, wire.Probed):
            answer.set_result(message)
        elif isinstance(message, wire.Failed):
            answer.set_exception(message.error())

    def on_death() -> None:
        if not answer.done():
            answer.set_exception(child.obituary("telling what it can run"))

    child = Child(interpreter, on_answer, on_death)
    try:
        child.send(wire.Probe(engine, model, hardware))
        async with asyncio.timeout(timeout):
            probed = await answer
    except TimeoutError:
        raise EngineError(
            "worker.probe-timeout",
            f"{engine} did not say within {timeout:g} s what it can run.",
            kept="The engine was left out.",
            remedy="Check its driver; a library newer than its kernel driver hangs.",
        ) from None
    finally:
        child.kill()
        await asyncio.shield(child.dead.wait())
    return Probe(probed.description, (*probed.candidates, *probed.rejections))
