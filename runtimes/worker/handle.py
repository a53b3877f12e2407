"""The daemon's handle on one worker: start it, ask it, watch it, stop it."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from runtimes.engine import GenerationChunk, GenerationRequest, InForce, Tensor, Tensors, TensorSpec
from runtimes.errors import EngineError
from runtimes.worker import wire
from runtimes.worker.child import Child
from runtimes.worker.probing import Probe, installed_engines, probe
from runtimes.worker.spec import WorkerSpec
from runtimes.worker.validation import check_inputs, check_outputs

__all__ = ["NotStartedError", "Probe", "Worker", "installed_engines", "probe"]


class NotStartedError(EngineError):
    """The worker died before it came to this request: asking another worker repeats nothing."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(error.code, error.what, kept=error.kept, remedy=error.remedy)


@dataclass(slots=True, eq=False)
class _Pending:
    """A request that the worker has not answered yet; a timed one starts its clock when its turn has come."""

    answer: "asyncio.Future[dict[str, Tensor]] | None"
    chunks: "asyncio.Queue[GenerationChunk | EngineError] | None"
    timeout: float
    timer: asyncio.TimerHandle | None = None
    rooms: list[wire.Room] = field(default_factory=list)
    """Shared memory that its tensors and its answer take."""


class Worker:
    """One loaded model in a process of its own. Made by `start`."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count()
        self._streams = spec.candidate.streams
        self._pending: dict[int, _Pending] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._loading: asyncio.Future[wire.Loaded] = self._loop.create_future()
        self._doomed_by: EngineError | None = None
        self._died: EngineError | None = None
        self._reply_size = 0
        self._child = Child(
            spec.interpreter,
            self._on_answer,
            self._on_death,
            memory_limit=spec.memory_limit,
            threads=spec.candidate.threads,
            writable=spec.cache,
            mapped=spec.model.size,
        )
        self.pid = self._child.pid
        self.closed = self._child.dead
        self.load_seconds = 0.0

    @classmethod
    async def start(cls, spec: WorkerSpec) -> "Worker":
        """Start a process and load the model in it.

        Raises EngineError: `worker.load-timeout`, `worker.died`, and whatever the adapter says of the
        file or the candidate (`model.invalid`, `model.unsupported`, `device.fell-back`, `pack.missing` …).
        """
        worker = cls(spec)
        try:
            await worker._load()
        except BaseException:
            worker._child.kill()
            await asyncio.shield(worker.closed.wait())
            raise
        return worker

    async def _load(self) -> None:
        started = time.perf_counter()
        spec = self.spec
        self._child.send(wire.Load(spec.candidate.engine, spec.model, spec.candidate, spec.cache))
        try:
            async with asyncio.timeout(spec.load_timeout):
                loaded = await self._loading
        except TimeoutError:
            raise EngineError(
                "worker.load-timeout",
                f"{spec.candidate.label} did not load {spec.model.path.name} within {spec.load_timeout:g} s.",
                kept="Nothing was changed; the worker was ended.",
                remedy="Check the model file, or allow more time to load.",
            ) from None
        self.load_seconds = time.perf_counter() - started
        self.kind = loaded.kind
        self.inputs = loaded.inputs
        self.outputs = loaded.outputs
        self.context_tokens = loaded.context_tokens
        self.in_force: InForce = loaded.in_force
        self.engine_version = loaded.engine_version
        self.confinement = loaded.confinement | self._child.walls
        self._specs: dict[str, TensorSpec] = {spec.name: spec for spec in loaded.inputs}

    async def infer(
        self,
        inputs: Tensors,
        outputs: Sequence[str] = (),
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it ends the worker
    ) -> dict[str, Tensor]:
        """Run the model once. `outputs` names the wanted ones, empty for all.

        An engine cannot be interrupted: after `timeout` seconds (default: the spec's) of its work the
        worker is killed. Time spent waiting behind other requests does not count.

        Raises EngineError: `request.*` for inputs that do not fit (the worker never hears of them),
        `request.timeout`, `worker.died`.
        """
        self._check_kind("tensor")
        check_inputs(self._specs, inputs)
        check_outputs(self.outputs, outputs)
        answer: asyncio.Future[dict[str, Tensor]] = self._loop.create_future()
        pending = _Pending(answer, None, self._limit(timeout))
        identity = self._submit(pending)
        reply = self._room(pending, self._reply_size)
        try:
            headers, payload = wire.pack(inputs, self._room(pending, wire.shared_size(inputs.values())))
        except EngineError:
            self._finish(identity)
            raise
        place = (reply.start, reply.size) if reply else (0, 0)
        self._send(identity, wire.Infer(identity, headers, tuple(outputs), *place), payload)
        return await answer

    async def generate(
        self,
        request: GenerationRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it ends the worker
    ) -> AsyncGenerator[GenerationChunk, None]:
        """Yield text as it is made; closing the generator cancels.

        `timeout` is the longest silence: seconds without a sign of life once its turn has come.

        Raises EngineError: `request.*`, `context.overflow`, `request.timeout`, `worker.died`.
        """
        self._check_kind("text")
        chunks: asyncio.Queue[GenerationChunk | EngineError] = asyncio.Queue()
        identity = self._submit(_Pending(None, chunks, self._limit(timeout)))
        self._send(identity, wire.Generate(identity, request))
        try:
            while True:
                chunk = await chunks.get()
                if isinstance(chunk, EngineError):
                    raise chunk
                if chunk.text or chunk.finish_reason:
                    yield chunk
                if chunk.finish_reason:
                    return
        finally:
            if identity in self._pending:
                self._child.send(wire.Cancel(identity))

    def resident_memory(self) -> int | None:
        """Bytes of RAM in use now; None once it is gone."""
        return self._child.resident_memory()

    def peak_memory(self) -> int | None:
        """Most bytes of RAM used so far; None where unknown or once it is gone."""
        return self._child.peak_memory()

    def log_tail(self) -> tuple[str, ...]:
        """The last lines that the engine printed, oldest first; kept after its death."""
        return self._child.log_tail()

    @property
    def in_flight(self) -> int:
        return len(self._pending)

    @property
    def death(self) -> EngineError | None:
        """Why it is gone; None while it lives."""
        if not self.closed.is_set():
            return None
        return self._doomed_by or self._died

    async def drain(self, patience: float) -> None:
        """Wait until every request is answered, at most `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()

    async def stop(self, grace: float = 5.0) -> None:
        """End the process: the request at work may finish within `grace` seconds, the others fail."""
        self._doomed_by = self._doomed_by or EngineError("worker.stopped", "The worker was stopped.")
        await self._child.stop(grace)

    # --- requests in flight, oldest first: the worker takes them in this order, one for each of its streams ---

    def _submit(self, pending: _Pending) -> int:
        if self.closed.is_set() or self._doomed_by:
            raise NotStartedError(self._doomed_by or self._child.obituary("waiting for requests"))
        identity = next(self._ids)
        self._pending[identity] = pending
        self._idle.clear()
        if len(self._pending) <= self._streams:
            self._start_clock(pending)
        return identity

    def _send(self, identity: int, request: wire.Request, payload: Sequence[memoryview] = ()) -> None:
        if not self._child.send(request, payload):
            self._finish(identity)
            raise NotStartedError(self._child.obituary("waiting for requests"))

    def _room(self, pending: _Pending, size: int) -> wire.Room | None:
        room = self._child.arena.take(size)
        if room is not None:
            pending.rooms.append(room)
        return room

    def _start_clock(self, pending: _Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        pending.timer = self._loop.call_later(pending.timeout, self._overdue, pending)

    def _overdue(self, pending: _Pending) -> None:
        self._doomed_by = EngineError(
            "request.timeout",
            f"The model did not answer within {pending.timeout:g} s; its worker was ended.",
            kept="Other deployments were not touched.",
            remedy="Check the request, or allow more time for it.",
        )
        self._child.kill()

    def _finish(self, identity: int) -> None:
        pending = self._pending.pop(identity, None)
        if pending is not None:
            if pending.timer is not None:
                pending.timer.cancel()
            for room in pending.rooms:
                self._child.arena.give_back(room)
        if not self._pending:
            self._idle.set()
        for next_one in itertools.islice(self._pending.values(), self._streams):
            if next_one.timer is None and self._doomed_by is None:
                self._start_clock(next_one)

    def _on_answer(self, answer: wire.Answer, payload: memoryview) -> None:
        match answer:
            case wire.Result():
                self._on_result(answer, payload)
            case wire.Chunk():
                self._on_chunk(answer)
            case wire.Failed(id=None):
                if not self._loading.done():
                    self._loading.set_exception(answer.error())
            case wire.Failed():
                self._on_failed(answer)
            case wire.Loaded():
                if not self._loading.done():
                    self._loading.set_result(answer)

    def _on_result(self, result: wire.Result, payload: memoryview) -> None:
        pending = self._pending.get(result.id)
        if pending is not None and pending.answer is not None and not pending.answer.done():
            try:
                tensors = wire.unpack(result.tensors, payload, self._child.arena.memory)
            except ValueError:
                self._child.kill()
                return
            for header in result.tensors:
                if header.slot is not None:
                    tensors[header.name] = tensors[header.name].copy()
            pending.answer.set_result(tensors)
            self._reply_size = max(self._reply_size, wire.shared_size(result.tensors))
        self._finish(result.id)

    def _on_chunk(self, answer: wire.Chunk) -> None:
        pending = self._pending.get(answer.id)
        if pending is None or pending.chunks is None:
            return
        pending.chunks.put_nowait(answer.chunk)
        if answer.chunk.finish_reason:
            self._finish(answer.id)
        else:
            self._start_clock(pending)

    def _on_failed(self, answer: wire.Failed) -> None:
        if answer.id is not None and answer.id in self._pending:
            if answer.code == "worker.out-of-memory":
                self._doomed_by = answer.error()
            _fail(self._pending[answer.id], answer.error())
            self._finish(answer.id)

    def _on_death(self) -> None:
        doing = "answering" if self._pending else "waiting for requests"
        died = self._died = self._child.obituary(doing if self._loading.done() else "loading")
        if not self._loading.done():
            self._loading.set_exception(died)
            self._loading.exception()
        pending, self._pending = self._pending, {}
        self._idle.set()
        begun = self._child.arena.begun
        for identity, request in pending.items():
            if request.timer is not None:
                request.timer.cancel()
            _fail(request, (self._doomed_by or died) if identity <= begun else NotStartedError(died))

    def _check_kind(self, kind: str) -> None:
        if self.kind != kind:
            raise EngineError(
                "request.wrong-kind",
                f"The model answers {self.kind} requests, not {kind} ones.",
                remedy="Ask it through the other API.",
            )

    def _limit(self, timeout: float | None) -> float:
        return self.spec.request_timeout if timeout is None else timeout


def _fail(pending: _Pending, error: EngineError) -> None:
    if pending.answer is not None and not pending.answer.done():
        pending.answer.set_exception(error)
    if pending.chunks is not None:
        pending.chunks.put_nowait(error)
