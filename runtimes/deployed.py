"""One deployment: the worker that serves it now, and what happens when that worker dies."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runtimes.engine import InForce, TensorSpec
from runtimes.errors import EngineError
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

_THE_REQUESTS_FAULT = ("request.timeout", "worker.out-of-memory")
"""Causes of death that say nothing against starting the same worker again."""
GONE = frozenset({"device.absent", "device.fell-back", "device.unusable", "pack.missing", "pack.broken"})
"""Causes that no further try mends: what the candidate runs on is not there."""


class ServingState(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """A deployment changed its state."""

    name: str
    state: ServingState
    detail: str
    cause: EngineError | None = None
    """Only where it failed: the last reason."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker said of itself after loading."""

    kind: str
    """`tensor` or `text`."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    context_tokens: int | None
    in_force: InForce
    engine_version: str
    load_seconds: float
    confinement: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When to try again and when to give up. Seconds."""

    attempts: int = 5
    """Deaths in a row, none of which came after `stable_seconds` of service, that end in `failed`."""
    first_pause: float = 0.5
    """Before the second attempt; the first comes at once, each later pause is twice as long."""
    longest_pause: float = 30.0
    stable_seconds: float = 60.0
    wait_seconds: float = 30.0
    """How long a request waits for a worker that is being replaced."""
    drain_seconds: float = 30.0
    """How long the requests of a replaced worker may take to finish."""


class Deployed:
    """Belongs to the Supervisor, which serialises start, replace and stop."""

    def __init__(
        self,
        name: str,
        spec: WorkerSpec,
        version: str,
        policy: RestartPolicy,
        on_event: Callable[[WorkerEvent], None],
    ) -> None:
        self.name = name
        self.spec = spec
        self.version = version
        self.state = ServingState.STARTING
        self.detail = ""
        self.restarts = 0
        self.worker: Worker | None = None
        self.facts: WorkerFacts | None = None
        self.last_log: tuple[str, ...] = ()
        self._policy = policy
        self._on_event = on_event
        self._settled = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[Worker] | None = None
        self._stopped = False
        self._retiring: dict[asyncio.Task[None], Worker] = {}

    async def start(self) -> None:
        """Load the first worker. Raises EngineError as `Worker.start` does."""
        self._enter(ServingState.STARTING)
        try:
            worker = await self._load(self.spec)
        except BaseException as error:
            cause = error if isinstance(error, EngineError) else None
            self._enter(ServingState.FAILED, str(error), cause)
            raise
        self._serve(worker)
        self._keeper = asyncio.create_task(self._keep(worker))

    def start_in_background(self) -> None:
        self._enter(ServingState.STARTING)
        self._keeper = asyncio.create_task(self._keep(None))

    async def replace(self, spec: WorkerSpec, version: str) -> None:
        """Load a new worker, then let the old one finish what it has and end it."""
        await self.adopt(await self._load(spec), spec, version)

    async def adopt(self, worker: Worker, spec: WorkerSpec, version: str) -> None:
        """Serve by a worker that is loaded already; the old one finishes what it has and ends."""
        await self._leave_keeper()
        old, self.spec, self.version, self.restarts = self.worker, spec, version, 0
        self._serve(worker)
        self._keeper = asyncio.create_task(self._keep(worker))
        if old is not None:
            self._retire(old, self._policy.drain_seconds)

    async def stop(self, patience: float) -> None:
        """Serve no more; a worker that is being loaded is ended too."""
        self._stopped = True
        await self._leave_keeper()
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        worker, self.worker = self.worker, None
        self._enter(ServingState.STOPPED, "It was removed.")
        if worker is not None:
            self._retire(worker, patience)
        if patience == 0:
            await asyncio.gather(*(worker.stop() for worker in self._retiring.values()))
        await asyncio.gather(*self._retiring)

    async def settled(self) -> None:
        """Wait until it serves, has failed or was stopped."""
        await self._settled.wait()

    async def ready(self) -> Worker:
        """The worker, waiting for it within the policy's bounds.

        Raises EngineError: `deployment.failed`, `deployment.restarting`.
        """
        if self.worker is None:
            await self._wait()
        if self.worker is not None:
            return self.worker
        raise EngineError(
            "deployment.failed",
            f"{self.name} is not served: {self.detail}",
            remedy="`appliance status` shows what its engine said last; then deploy it again.",
        )

    def lost(self, worker: Worker) -> None:
        """That worker is dead: requests must wait for the next one from now on."""
        if self.worker is worker:
            self.last_log = worker.log_tail()
            self.worker = None
            self._settled.clear()
            self._retire(worker, 0)

    async def _load(self, spec: WorkerSpec) -> Worker:
        self._loading = asyncio.create_task(Worker.start(spec))
        try:
            return await self._loading
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            raise EngineError(
                "deployment.removed", f"{self.name} was removed while it was loading."
            ) from None
        finally:
            self._loading = None

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._policy.wait_seconds):
                await self._settled.wait()
        except TimeoutError:
            raise EngineError(
                "deployment.restarting",
                f"{self.name} is being started again; it was not ready within {self._policy.wait_seconds:g} s.",
                remedy="Ask again in a moment.",
            ) from None

    async def _keep(self, worker: Worker | None) -> None:
        """Serve until told to stop: watch the worker, start the next one when it dies."""
        deaths = 0
        while True:
            if worker is not None:
                served_since = time.monotonic()
                await worker.closed.wait()
                death = worker.death
                self.lost(worker)
                if time.monotonic() - served_since >= self._policy.stable_seconds:
                    deaths = 0
                if death is not None and death.code not in _THE_REQUESTS_FAULT:
                    deaths += 1
                self.restarts += 1
                self._enter(ServingState.RESTARTING, str(death))
            worker, deaths = await self._start_again(deaths)
            if worker is None:
                return
            self._serve(worker)

    async def _start_again(self, deaths: int) -> tuple[Worker | None, int]:
        """The next worker, None after too many deaths or where what it runs on is gone."""
        last: EngineError | None = None
        while deaths < self._policy.attempts:
            if deaths > 1:
                pause = self._policy.first_pause * 2.0 ** (deaths - 2)
                await asyncio.sleep(min(pause, self._policy.longest_pause))
            try:
                return await Worker.start(self.spec), deaths
            except EngineError as error:
                if error.code in GONE:
                    self._enter(ServingState.FAILED, str(error), error)
                    return None, deaths
                last = error
                deaths += 1
                self.detail = str(error)
        self._enter(ServingState.FAILED, f"It died {deaths} times in a row. {self.detail}", last)
        return None, deaths

    def _serve(self, worker: Worker) -> None:
        self.worker = worker
        self.facts = WorkerFacts(
            kind=worker.kind,
            inputs=worker.inputs,
            outputs=worker.outputs,
            context_tokens=worker.context_tokens,
            in_force=worker.in_force,
            engine_version=worker.engine_version,
            load_seconds=worker.load_seconds,
            confinement=worker.confinement,
        )
        self._enter(ServingState.SERVING)

    def _enter(self, state: ServingState, detail: str = "", cause: EngineError | None = None) -> None:
        self.state, self.detail = state, detail
        if state in (ServingState.STARTING, ServingState.RESTARTING):
            self._settled.clear()
        else:
            self._settled.set()
        self._on_event(WorkerEvent(self.name, state, detail, cause))

    async def _leave_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None

    def _retire(self, worker: Worker, patience: float) -> None:
        """Let a worker finish what it has, then end it; `stop` waits for that."""

        async def finish() -> None:
            await worker.drain(patience)
            await worker.stop()

        task = asyncio.create_task(finish())
        self._retiring[task] = worker
        task.add_done_callback(self._retiring.pop)
