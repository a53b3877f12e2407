"""Keeps every deployment served: starts workers, watches them, replaces them, and holds requests meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from runtimes.deployed import Deployed, RestartPolicy, ServingState, WorkerEvent, WorkerFacts
from runtimes.engine import GenerationChunk, GenerationRequest, Tensor, Tensors
from runtimes.errors import EngineError
from runtimes.worker.handle import NotStartedError, Worker
from runtimes.worker.spec import WorkerSpec

__all__ = [
    "RestartPolicy",
    "ServingState",
    "Staged",
    "Supervisor",
    "WorkerEvent",
    "WorkerFacts",
    "WorkerState",
]


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One deployment as it is now."""

    name: str
    version: str
    state: ServingState
    detail: str
    """Why it is restarting or failed; empty otherwise."""
    spec: WorkerSpec
    pid: int | None
    restarts: int
    memory: int | None
    """Resident bytes."""
    facts: WorkerFacts | None
    """What the worker said of itself; kept from the last one while there is none."""
    log: tuple[str, ...]
    """Last lines of the engine's own log, oldest first; those of the dead worker while there is none."""


class Supervisor:
    """All deployments of one daemon. Lives in one event loop; `on_event` is called in it and must not block."""

    def __init__(self, on_event: Callable[[WorkerEvent], None], policy: RestartPolicy | None = None) -> None:
        self._on_event = on_event
        self._policy = policy or RestartPolicy()
        self._deployed: dict[str, Deployed] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def deploy(self, name: str, spec: WorkerSpec, *, version: str = "") -> WorkerState:
        """Serve `spec` under `name`. An earlier worker of that name serves until the new one has loaded.

        Raises EngineError as `Worker.start` does; then everything is as it was before.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            deployed = self._deployed.get(name)
            if deployed is not None:
                await deployed.replace(spec, version)
            else:
                deployed = Deployed(name, spec, version, self._policy, self._on_event)
                self._deployed[name] = deployed
                try:
                    await deployed.start()
                except BaseException:
                    self._deployed.pop(name, None)
                    raise
        return _state(deployed)

    async def stage(self, name: str, spec: WorkerSpec, *, version: str = "") -> "Staged":
        """Load a worker beside the one that serves `name`, if any; it gets no request before `Staged.switch`.

        Raises EngineError as `Worker.start` does; then everything is as it was before.
        """
        return Staged(self, name, spec, version, await Worker.start(spec))

    async def adopt(self, name: str, worker: Worker, spec: WorkerSpec, version: str) -> None:
        """Serve `name` by a worker that is loaded already; an earlier one finishes what it has and ends."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._deployed:
                self._deployed[name] = Deployed(name, spec, version, self._policy, self._on_event)
            await self._deployed[name].adopt(worker, spec, version)

    async def restore(self, name: str, spec: WorkerSpec, *, version: str = "") -> WorkerState:
        """Serve what was deployed before the daemon was restarted. Does not wait for the worker, nor raise for it.

        It is started as after a crash: tried again with growing pauses, ending in `failed`, seen in `states`.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._deployed:
                self._deployed[name] = Deployed(name, spec, version, self._policy, self._on_event)
                self._deployed[name].start_in_background()
            return _state(self._deployed[name])

    async def settled(self) -> None:
        """Wait until no deployment is starting or restarting: each serves or has failed."""
        await asyncio.gather(*(deployed.settled() for deployed in self._deployed.values()))

    async def remove(self, name: str) -> None:
        """Stop serving; requests in flight may finish. Raises EngineError `deployment.unknown`."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            await self._find(name).stop(self._policy.drain_seconds)
            del self._deployed[name]

    async def infer(self, name: str, inputs: Tensors, outputs: Sequence[str] = ()) -> dict[str, Tensor]:
        """Run the model once; waits for a worker that is being replaced.

        Raises EngineError: `deployment.unknown`, `deployment.failed`, `deployment.restarting`, and as
        `Worker.infer` does.
        """
        deployed = self._find(name)
        while True:
            worker = await deployed.ready()
            try:
                return await worker.infer(inputs, outputs)
            except NotStartedError:
                deployed.lost(worker)

    async def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        """Yield text as it is made; closing the generator cancels. Raises EngineError as `infer` does."""
        deployed = self._find(name)
        while True:
            worker = await deployed.ready()
            chunks = worker.generate(request)
            try:
                async for chunk in chunks:
                    yield chunk
            except NotStartedError:
                deployed.lost(worker)
            else:
                return
            finally:
                await chunks.aclose()

    def states(self) -> tuple[WorkerState, ...]:
        """Every deployment, by name."""
        return tuple(_state(self._deployed[name]) for name in sorted(self._deployed))

    def state(self, name: str) -> WorkerState:
        """Raises EngineError `deployment.unknown`."""
        return _state(self._find(name))

    async def close(self) -> None:
        """Stop every worker, killing those that do not end by themselves."""
        stopping = [deployed.stop(0.0) for deployed in self._deployed.values()]
        self._deployed.clear()
        await asyncio.gather(*stopping)

    def _find(self, name: str) -> Deployed:
        try:
            return self._deployed[name]
        except KeyError:
            known = ", ".join(sorted(self._deployed)) or "none"
            raise EngineError(
                "deployment.unknown",
                f"Nothing is deployed under the name {name!r}.",
                remedy=f"Deployed are: {known}.",
            ) from None


class Staged:
    """A worker that is loaded and waits until the change it belongs to is written down."""

    def __init__(
        self, supervisor: Supervisor, name: str, spec: WorkerSpec, version: str, worker: Worker
    ) -> None:
        self._supervisor = supervisor
        self._name = name
        self._spec = spec
        self._version = version
        self._worker = worker

    async def switch(self) -> None:
        """New requests go to it from now on. Where it died meanwhile, it is started again as any other."""
        await self._supervisor.adopt(self._name, self._worker, self._spec, self._version)

    async def discard(self) -> None:
        """End it; whoever serves now never noticed."""
        await self._worker.stop()


def _state(deployed: Deployed) -> WorkerState:
    worker = deployed.worker
    return WorkerState(
        name=deployed.name,
        version=deployed.version,
        state=deployed.state,
        detail=deployed.detail,
        spec=deployed.spec,
        pid=worker.pid if worker else None,
        restarts=deployed.restarts,
        memory=worker.resident_memory() if worker else None,
        facts=deployed.facts,
        log=worker.log_tail() if worker else deployed.last_log,
    )
